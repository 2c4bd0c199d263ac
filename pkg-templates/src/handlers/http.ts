import type { SDKValidationError } from "../errors/index.js";
import { refuse } from "../errors/refuse.js";

/** How much of a refused body is read before the answer, in bytes: some hosts drop the connection of a request that is not read. */
const DRAIN_BYTES = 1024 * 1024;

/** After how many seconds a request should come again when storage or Gwop could not be reached. */
export const RETRY_SECONDS = 5;

/** A JSON answer that nobody may keep. */
export function answer(status: number, body: object, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: {
      "content-type": "application/json",
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
      ...headers,
    },
  });
}

/** `{ "error": { "code", "message" } }`, as Gwop itself answers. */
export function refusal(status: number, code: string, message: string, headers?: Record<string, string>): Response {
  return answer(status, { error: { code, message } }, headers);
}

/** The path is there, for other methods. */
export function methodNotAllowed(allow: string): Response {
  return refusal(405, "METHOD_NOT_ALLOWED", "Use a method that the Allow header names", { allow });
}

/** The same request may work after so many seconds. */
export function unavailable(seconds: number): Response {
  return refusal(503, "UNAVAILABLE", "Not available now: try again", { "retry-after": String(seconds) });
}

/** Whether the body's media type is JSON, or not told. */
export function mayBeJson({ headers }: Request): boolean {
  return /^(application\/([^;\s]+\+)?json)?\s*(;|$)/i.test((headers.get("content-type") ?? "").trim());
}

/** Refuses the options of `name` unless every rule holds. */
export function checkOptions(name: string, rules: readonly (readonly [rule: string, holds: boolean])[]): void {
  for (const [rule, holds] of rules) {
    if (!holds) throw refuse(`${name}: ${rule}`);
  }
}

export const isFunction = (value: unknown) => typeof value === "function";

/** Calls a listener. Nothing waits for it, and what it throws changes nothing: there is nobody left to tell. */
export async function tell(listener: () => unknown): Promise<void> {
  try {
    await listener();
  } catch {
    // See above.
  }
}

/** The error for a body that is gone. */
export function bodyWasRead(handler: string, why: string): SDKValidationError {
  return refuse(
    `The request's body was read before the ${handler}: ${why}. Hand over the request untouched, and mount the handler before any body parser.`,
    undefined,
    "WEBHOOK_BODY_NOT_RAW",
  );
}

/**
 * The raw bytes of a body, or the answer to one that is too large or ends in an error. Counts while it streams; a stream
 * is never cancelled, since that breaks the connection for the next request on some hosts.
 *
 * @param wasRead Answers a request whose body somebody else has read, or is reading.
 */
export async function readBody(request: Request, limit: number, wasRead: () => Response): Promise<Uint8Array | Response> {
  if (request.bodyUsed) return wasRead();
  const tooLarge = () => refusal(413, "BODY_TOO_LARGE", "The body has too many bytes");
  const declared = Number(request.headers.get("content-length") ?? 0);
  if (declared > DRAIN_BYTES && declared > limit) return tooLarge();
  if (request.body?.locked) return wasRead();
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    // Firefox's requests do not show their stream.
    const stream = request.body ?? new Response(await request.arrayBuffer()).body;
    const reader = stream?.getReader();
    for (let read; reader && !(read = await reader.read()).done; ) {
      length += read.value.length;
      if (length <= limit) chunks.push(read.value);
      else if (length > DRAIN_BYTES) break;
    }
  } catch {
    return refusal(400, "BODY_BROKEN", "The body could not be read to its end");
  }
  if (length > limit) return tooLarge();
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
