import type { SDKValidationError } from "../errors/index.js";
import { refuse } from "../errors/refuse.js";
import { GatheredBytes } from "../gathered-bytes.js";
import type { WebhookHeaders } from "../webhooks.js";

/**
 * The bytes of a refused body that are read before the response. Some hosts drop the connection if
 * the request is not read.
 */
const DRAIN_BYTES = 1024 * 1024;

/** The seconds after which to send a request again if storage or Gwop is unavailable. */
export const RETRY_SECONDS = 5;

/** A response, before a host's adapter converts it. */
export interface HandlerResponse {
  readonly status: number;
  /** The header names are in lower case. Responses share this object: copy it before a change. */
  readonly headers: Record<string, string>;
  /** The body, as JSON. */
  readonly body: string;
}

/**
 * A request, as the handlers read it. Every adapter converts its host's request to this form and
 * decides nothing: only the handlers decide what is accepted and what the response says.
 */
export interface Incoming {
  readonly method: string;
  /** The headers as they arrived, for the check of the signature. */
  readonly headers: WebhookHeaders;
  /** The path, without a query. */
  path(): string;
  /**
   * Returns a header by its lower-case name. Repeated headers are joined (RFC 9110, section 5.3).
   */
  header(name: string): string | undefined;
  /**
   * Returns the raw bytes of the body, or the response if the body is refused.
   *
   * @param wasRead Creates the response to a request whose body other code has read.
   */
  read(bounds: BodyBounds, wasRead: () => HandlerResponse): Promise<Uint8Array | HandlerResponse>;
}

const HEADERS = /* @__PURE__ */ Object.freeze({
  "content-type": "application/json",
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
});

/** Creates a JSON response that must not be cached. */
export function jsonResponse(
  status: number,
  body: object,
  headers?: Record<string, string>,
): HandlerResponse {
  return {
    status,
    headers: headers ? { ...HEADERS, ...headers } : HEADERS,
    body: JSON.stringify(body),
  };
}

/** Converts the response for fetch-style hosts. */
export function toResponse({ status, headers, body }: HandlerResponse): Response {
  return new Response(body, { status, headers: { ...headers } });
}

/** Creates the response `{ "error": { "code", "message" } }`, in the same form as Gwop's. */
export function refusal(
  status: number,
  code: string,
  message: string,
  headers?: Record<string, string>,
): HandlerResponse {
  return jsonResponse(status, { error: { code, message } }, headers);
}

/** Responds to a path that is not one of the routes. */
export const notFound = (): HandlerResponse => refusal(404, "NOT_FOUND", "There is nothing here");

/** Responds to a path that exists for other methods only. */
export function methodNotAllowed(allow: string): HandlerResponse {
  return refusal(405, "METHOD_NOT_ALLOWED", "Use a method that the Allow header names", { allow });
}

/** Responds that the same request may succeed after some seconds. */
export function unavailable(seconds: number): HandlerResponse {
  return refusal(503, "UNAVAILABLE", "Not available now: try again", {
    "retry-after": String(seconds),
  });
}

/**
 * Returns the response to a body that is not plain JSON, or `undefined` if it may be JSON. A
 * compressed body is refused: the signature covers other bytes than those that arrive (RFC 9110,
 * section 15.5.16).
 */
export function unsupported(incoming: Incoming): HandlerResponse | undefined {
  const type = incoming.header("content-type") ?? "";
  // Some hosts join repeated headers. The first one counts, because Node keeps only that one.
  if (
    type !== "application/json" &&
    !/^(application\/([^;,\s]+\+)?json)?\s*([;,]|$)/i.test(type.trim())
  ) {
    return refusal(415, "UNSUPPORTED_MEDIA_TYPE", "Send application/json");
  }
  const encoding = incoming.header("content-encoding");
  if (encoding && !/^(identity)?$/i.test(encoding.trim())) {
    return refusal(415, "UNSUPPORTED_MEDIA_TYPE", "Send it without Content-Encoding", {
      "accept-encoding": "identity",
    });
  }
  return undefined;
}

/** Refuses the options of `name` unless every rule holds. */
export function checkOptions(
  name: string,
  rules: readonly (readonly [rule: string, holds: boolean])[],
): void {
  for (const [rule, holds] of rules) {
    if (!holds) throw refuse(`${name}: ${rule}`);
  }
}

export const isFunction = (value: unknown) => typeof value === "function";

/**
 * Calls a listener without waiting for it. Its errors are ignored, because nobody is left to tell.
 */
export async function tell(listener: () => unknown): Promise<void> {
  try {
    await listener();
  } catch {
    // See above.
  }
}

/** Creates the error for a body that other code has read. */
export function bodyWasRead(handler: string, why: string): SDKValidationError {
  return refuse(
    `The request's body was read before the ${handler}: ${why}. Hand over the request untouched, and mount the handler before any body parser.`,
    undefined,
    "WEBHOOK_BODY_NOT_RAW",
  );
}

/** The limits for reading a body. */
export interface BodyBounds {
  /** The largest body, in bytes. */
  maxBodyBytes: number;
  /** The time limit for a body, from the first byte to the last, in seconds. */
  bodyTimeoutSeconds: number;
}

/** The default time limit for a body, in seconds. */
export const BODY_TIMEOUT_SECONDS = 30;

/**
 * The longest time limit for a body, in seconds: one hour. A timer of more than 24 days would fire
 * at once.
 */
const MAX_BODY_TIMEOUT_SECONDS = 3_600;

/** The rule for `bodyTimeoutSeconds`, for {@link checkOptions}. */
export const bodyTimeoutRule = (seconds: number): readonly [rule: string, holds: boolean] => [
  `bodyTimeoutSeconds must be a positive number of seconds, at most ${MAX_BODY_TIMEOUT_SECONDS}`,
  Number.isFinite(seconds) && seconds > 0 && seconds <= MAX_BODY_TIMEOUT_SECONDS,
];

/** Receives the pieces of a body from any source. */
interface BodySink {
  /** Adds a piece. Returns whether more is wanted. */
  add(chunk: Uint8Array): boolean;
  /** Takes the whole body at once, without a copy. */
  whole(bytes: Uint8Array): void;
  end(): void;
  /** Reports that the body broke off. */
  broken(): void;
}

const tooLarge = () => refusal(413, "BODY_TOO_LARGE", "The body has too many bytes");
const broken = () => refusal(400, "BODY_BROKEN", "The body could not be read to its end");

/** Returns the response to a body whose declared length is too large. */
export function declaredTooLarge(
  incoming: Incoming,
  { maxBodyBytes }: BodyBounds,
): HandlerResponse | undefined {
  const declared = Number(incoming.header("content-length") ?? 0);
  return declared > DRAIN_BYTES && declared > maxBodyBytes ? tooLarge() : undefined;
}

/** Returns a body that is already in memory. */
export function wholeBody(
  bytes: Uint8Array,
  { maxBodyBytes }: Pick<BodyBounds, "maxBodyBytes">,
): Uint8Array | HandlerResponse {
  return bytes.length > maxBodyBytes ? tooLarge() : bytes;
}

/** Returns a body that other code is reading and keeps whole. */
export function keptBody(
  kept: Promise<Uint8Array>,
  bounds: BodyBounds,
): Promise<Uint8Array | HandlerResponse> {
  return gatherBody(bounds, (sink) => {
    void kept.then(sink.whole, sink.broken);
    return () => {};
  });
}

/**
 * Collects the raw bytes of a body. Returns the response if the body is too large, takes too long
 * or breaks off. It counts the bytes as they arrive, and stops as soon as the body must be refused.
 *
 * @param start Starts to send pieces to the sink. The function that it returns stops this early.
 */
export function gatherBody(
  { maxBodyBytes, bodyTimeoutSeconds }: BodyBounds,
  start: (sink: BodySink) => () => void,
): Promise<Uint8Array | HandlerResponse> {
  return new Promise((resolve) => {
    // Created only if the body arrives in pieces. Most bodies arrive whole.
    let gathered: GatheredBytes | undefined;
    let stop: (() => void) | undefined;
    let isDone = false;
    const done = (result: Uint8Array | HandlerResponse) => {
      if (isDone) return;
      isDone = true;
      clearTimeout(timer);
      if (!(result instanceof Uint8Array)) stop?.();
      resolve(gathered && gathered.length > maxBodyBytes ? tooLarge() : result);
    };
    const late = () =>
      done(refusal(408, "BODY_TIMEOUT", "The body did not arrive in time: send it again"));
    const timer = setTimeout(late, bodyTimeoutSeconds * 1000);
    stop = start({
      add(chunk) {
        if (isDone) return false;
        gathered ??= new GatheredBytes(maxBodyBytes);
        gathered.add(chunk);
        if (gathered.length > maxBodyBytes && gathered.length > DRAIN_BYTES) done(tooLarge());
        return !isDone;
      },
      whole: (bytes) => done(wholeBody(bytes, { maxBodyBytes })),
      end() {
        if (!isDone) done(gathered?.bytes() ?? new Uint8Array());
      },
      broken() {
        if (!isDone) done(broken());
      },
    });
  });
}
