import type { SDKValidationError } from "../errors/index.js";
import { refuse } from "../errors/refuse.js";
import { GatheredBytes } from "../gathered-bytes.js";
import type { WebhookHeaders } from "../webhooks.js";

/**
 * How much of a refused body is read before the answer, in bytes: some hosts drop the connection of
 * a request that is not read.
 */
const DRAIN_BYTES = 1024 * 1024;

/** After how many seconds a request should come again when storage or Gwop could not be reached. */
export const RETRY_SECONDS = 5;

/** An answer before a host makes its own object of it. */
export interface Answer {
  readonly status: number;
  /** Names in lower case. Several answers share it: copy it to change it. */
  readonly headers: Record<string, string>;
  /** JSON. */
  readonly body: string;
}

/**
 * A request as the handlers take it. Every adapter makes one of what its host has, and decides
 * nothing: what is accepted, and what is answered, is the handlers' alone.
 */
export interface Incoming {
  readonly method: string;
  /** As they came, for the check of the signature. */
  readonly headers: WebhookHeaders;
  /** The path, without a query. */
  path(): string;
  /** One header by its lower-case name; repeated ones are joined (RFC 9110, section 5.3). */
  header(name: string): string | undefined;
  /**
   * The raw bytes of the body, or the answer to one that is refused.
   *
   * @param wasRead Answers a request whose body somebody else has read.
   */
  read(bounds: BodyBounds, wasRead: () => Answer): Promise<Uint8Array | Answer>;
}

const HEADERS = /* @__PURE__ */ Object.freeze({
  "content-type": "application/json",
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
});

/** A JSON answer that nobody may keep. */
export function answer(status: number, body: object, headers?: Record<string, string>): Answer {
  return {
    status,
    headers: headers ? { ...HEADERS, ...headers } : HEADERS,
    body: JSON.stringify(body),
  };
}

/** The answer as fetch-style hosts take it. */
export function toResponse({ status, headers, body }: Answer): Response {
  return new Response(body, { status, headers: { ...headers } });
}

/** `{ "error": { "code", "message" } }`, as Gwop itself answers. */
export function refusal(
  status: number,
  code: string,
  message: string,
  headers?: Record<string, string>,
): Answer {
  return answer(status, { error: { code, message } }, headers);
}

/** The path is not one of the routes'. */
export const notFound = (): Answer => refusal(404, "NOT_FOUND", "There is nothing here");

/** The path is there, for other methods. */
export function methodNotAllowed(allow: string): Answer {
  return refusal(405, "METHOD_NOT_ALLOWED", "Use a method that the Allow header names", { allow });
}

/** The same request may work after so many seconds. */
export function unavailable(seconds: number): Answer {
  return refusal(503, "UNAVAILABLE", "Not available now: try again", {
    "retry-after": String(seconds),
  });
}

/**
 * The answer to a body that is not JSON as it stands; `undefined` where it may be. A compressed one
 * is not taken: the signature is over other bytes than arrive (RFC 9110, section 15.5.16).
 */
export function unsupported(incoming: Incoming): Answer | undefined {
  const type = incoming.header("content-type") ?? "";
  // Of several, which some hosts join, the first counts: Node keeps no other.
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
 * Calls a listener. Nothing waits for it, and what it throws changes nothing: there is nobody left
 * to tell.
 */
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

/** How much of a body is read, and for how long. */
export interface BodyBounds {
  /** The largest body, in bytes. */
  maxBodyBytes: number;
  /** How long a body may take, from the first byte that is asked for to the last, in seconds. */
  bodyTimeoutSeconds: number;
}

/** How long a body may take where the options say nothing, in seconds. */
export const BODY_TIMEOUT_SECONDS = 30;

/**
 * The longest time limit for a body, in seconds: an hour. A timer that is set for more than 24 days
 * fires at once.
 */
const MAX_BODY_TIMEOUT_SECONDS = 3_600;

/** What `bodyTimeoutSeconds` has to be, for {@link checkOptions}. */
export const bodyTimeoutRule = (seconds: number): readonly [rule: string, holds: boolean] => [
  `bodyTimeoutSeconds must be a positive number of seconds, at most ${MAX_BODY_TIMEOUT_SECONDS}`,
  Number.isFinite(seconds) && seconds > 0 && seconds <= MAX_BODY_TIMEOUT_SECONDS,
];

/** Takes what comes of a body, piece by piece, whatever gives the pieces. */
interface BodySink {
  /** Whether more is wanted. */
  add(chunk: Uint8Array): boolean;
  /** The whole body at once: it is not copied. */
  whole(bytes: Uint8Array): void;
  end(): void;
  /** The body ended before its end. */
  broken(): void;
}

const tooLarge = () => refusal(413, "BODY_TOO_LARGE", "The body has too many bytes");
const broken = () => refusal(400, "BODY_BROKEN", "The body could not be read to its end");

/** The answer to a body of which its length says enough. */
export function declaredTooLarge(
  incoming: Incoming,
  { maxBodyBytes }: BodyBounds,
): Answer | undefined {
  const declared = Number(incoming.header("content-length") ?? 0);
  return declared > DRAIN_BYTES && declared > maxBodyBytes ? tooLarge() : undefined;
}

/** A body that is at hand. */
export function wholeBody(
  bytes: Uint8Array,
  { maxBodyBytes }: Pick<BodyBounds, "maxBodyBytes">,
): Uint8Array | Answer {
  return bytes.length > maxBodyBytes ? tooLarge() : bytes;
}

/** A body that somebody else is reading, and keeps whole. */
export function keptBody(
  kept: Promise<Uint8Array>,
  bounds: BodyBounds,
): Promise<Uint8Array | Answer> {
  return gatherBody(bounds, (sink) => {
    void kept.then(sink.whole, sink.broken);
    return () => {};
  });
}

/**
 * The raw bytes of a body, or the answer to one that is too large, takes too long or breaks off.
 * Counts while it comes, and gives up once it is clear that it is refused.
 *
 * @param start Lets the pieces flow into the sink; what it gives back ends that, where it has not
 *   come to its end.
 */
export function gatherBody(
  { maxBodyBytes, bodyTimeoutSeconds }: BodyBounds,
  start: (sink: BodySink) => () => void,
): Promise<Uint8Array | Answer> {
  return new Promise((resolve) => {
    // Not made for a body that comes whole, as most do.
    let gathered: GatheredBytes | undefined;
    let stop: (() => void) | undefined;
    let isDone = false;
    const done = (result: Uint8Array | Answer) => {
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
