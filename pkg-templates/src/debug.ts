import { readEnv } from "./env.js";

/** The target of debug output. `console` is one. */
export interface Logger {
  /** Opens a group with a label. */
  group(label?: string): void;
  /** Closes the group. */
  groupEnd(): void;
  /** Writes a line. */
  log(message: any, ...args: any[]): void;
}

/**
 * The headers whose values are logged. All other values are redacted, because a caller or a proxy
 * may add any header, and the SDK cannot know what its value contains.
 */
const HARMLESS =
  /^(accept|accept-(encoding|language)|age|allow|cache-control|cf-ray|connection|content-(encoding|language|length|type)|date|host|retry-after|server|transfer-encoding|user-agent|vary|via|x-request-id|(x-)?ratelimit(-(limit|policy|remaining|reset))?)$/;

/** One attempt, for the log. */
export interface Attempt {
  request: Request;
  /** Undefined if no response arrived. */
  response?: Response | undefined;
  /** The name of the error class, if no response arrived. */
  failure?: string | undefined;
}

/**
 * Returns the current logger: the configured one, or the console while `GWOP_DEBUG` is set to
 * anything but `0` and `false`.
 */
export function debugLogger(configured: Logger | undefined): Logger | undefined {
  return configured ?? (/^(?!0$|false$)./i.test(readEnv("GWOP_DEBUG") ?? "") ? console : undefined);
}

/**
 * Logs an attempt. It writes without a pause, so that concurrent calls do not mix. It never logs a
 * body, because the body of an exchange contains the token.
 */
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
    // A broken logger must not make a payment fail.
  }
}

function logHeaders(logger: Logger, label: string, headers: Headers): void {
  logger.group(label);
  headers.forEach((value, name) =>
    logger.log(`${name}: ${HARMLESS.test(name) ? value : "[redacted]"}`),
  );
  logger.groupEnd();
}
