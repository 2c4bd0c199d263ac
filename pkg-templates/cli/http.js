// Sends the commands' requests. They are limited in time and size, and never follow redirects: a
// redirect would send a secret elsewhere.
import { CODES, Unavailable } from "./errors.js";

/** The most bytes of a response that are read. */
const MOST = 16 * 1024 * 1024;

/** The time limit of a response, in milliseconds. */
const PATIENCE_MS = 15_000;

/**
 * Sends a request. Resolves to its response, whatever the status.
 *
 * @returns {Promise<{ status: number, headers: Headers, text: string, ms: number }>}
 * @throws Unavailable if there is no response.
 */
export async function send(url, { timeoutMs = PATIENCE_MS, ...init } = {}) {
  const started = performance.now();
  try {
    const response = await fetch(url, {
      redirect: "manual",
      ...init,
      signal: AbortSignal.timeout(timeoutMs),
    });
    const chunks = [];
    let length = 0;
    for await (const chunk of response.body ?? []) {
      length += chunk.length;
      if (length > MOST)
        throw new Unavailable(
          CODES.ANSWER_TOO_LARGE,
          `the answer of ${url.origin} has more than ${MOST} bytes`,
        );
      chunks.push(chunk);
    }
    const text = await new Blob(chunks).text();
    return {
      status: response.status,
      headers: response.headers,
      text,
      ms: performance.now() - started,
    };
  } catch (error) {
    if (error instanceof Unavailable) throw error;
    const isLate = error.name === "TimeoutError";
    const reason = isLate
      ? `no answer within ${timeoutMs / 1000} s`
      : (error.cause?.code ?? error.code ?? "the connection failed");
    throw new Unavailable(CODES.UNREACHABLE, `${url.origin} cannot be reached: ${reason}`);
  }
}

/**
 * Sends a request and reads the JSON of its response. A status other than 2xx becomes an error with
 * Gwop's code and message.
 */
export async function ask(url, { token, body, ...init } = {}) {
  const headers = { accept: "application/json" };
  if (token !== undefined) headers.authorization = `Bearer ${token}`;
  if (body !== undefined) headers["content-type"] = "application/json";
  const { status, text } = await send(url, {
    ...init,
    headers,
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  let parsed;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new Unavailable(
      CODES.ANSWER_NOT_UNDERSTOOD,
      `${url.origin}${url.pathname} answered ${status}, and no JSON`,
    );
  }
  if (status >= 200 && status < 300) return parsed;
  const { code = `HTTP_${status}`, message = "" } = parsed?.error ?? {};
  throw new Unavailable(
    String(code),
    `${url.origin}${url.pathname} answered ${status} ${code}${message ? `: ${message}` : ""}`,
  );
}
