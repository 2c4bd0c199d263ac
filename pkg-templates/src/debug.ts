import { readEnv } from "./env.js";

/** What debug output goes to. `console` is one. */
export interface Logger {
  /** Opens a group under a label. */
  group(label?: string): void;
  /** Closes the group. */
  groupEnd(): void;
  /** Writes a line. */
  log(message: any, ...args: any[]): void;
}

/**
 * The headers whose values are written. Every other value is redacted: a caller may add headers of any name, and so may a proxy, and
 * what their values are nobody here knows.
 */
const HARMLESS =
  /^(accept|accept-(encoding|language)|age|allow|cache-control|cf-ray|connection|content-(encoding|language|length|type)|date|host|retry-after|server|transfer-encoding|user-agent|vary|via|x-request-id|(x-)?ratelimit(-(limit|policy|remaining|reset))?)$/;

/** One attempt, for the log. */
export interface Attempt {
  request: Request;
  /** Undefined where none came. */
  response?: Response | undefined;
  /** What came instead of an answer: the name of the error's class. */
  failure?: string | undefined;
}

/** The logger of now: the configured one, or the console while `GWOP_DEBUG` is set to anything but `0` and `false`. */
export function debugLogger(configured: Logger | undefined): Logger | undefined {
  return configured ?? (/^(?!0$|false$)./i.test(readEnv("GWOP_DEBUG") ?? "") ? console : undefined);
}

/** Logs an attempt, in one go so that calls at the same time do not mix. Never a body: an exchange's holds the token. */
export function logAttempt(
  logger: Logger,
  { request, response, failure }: Attempt,
  milliseconds: number,
): void {
  const requestId = response?.headers.get("x-request-id");
  const outcome = response ? `status ${response.status}` : failure;
  try {
    logger.group(
      `${request.method} ${request.url}: ${outcome} after ${milliseconds} ms${requestId ? `, request id ${requestId}` : ""}`,
    );
    logHeaders(logger, "Request headers", request.headers);
    if (response) logHeaders(logger, "Response headers", response.headers);
    logger.groupEnd();
  } catch {
    // A broken logger must not fail a payment.
  }
}

function logHeaders(logger: Logger, label: string, headers: Headers): void {
  logger.group(label);
  headers.forEach((value, name) =>
    logger.log(`${name}: ${HARMLESS.test(name) ? value : "[redacted]"}`),
  );
  logger.groupEnd();
}
