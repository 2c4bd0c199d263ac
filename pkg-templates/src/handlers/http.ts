import type { SDKValidationError } from "../errors/index.js";
import { refuse } from "../errors/refuse.js";
import { GatheredBytes } from "../gathered-bytes.js";
import { unless } from "../race.js";

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

/** How much of a body is read, and for how long. */
export interface BodyBounds {
  /** The largest body, in bytes. */
  maxBodyBytes: number;
  /** How long a body may take, from the first byte that is asked for to the last, in seconds. */
  bodyTimeoutSeconds: number;
}

/** How long a body may take where the options say nothing, in seconds. */
export const BODY_TIMEOUT_SECONDS = 30;

/** The longest time limit for a body, in seconds: an hour. A timer that is set for more than 24 days fires at once. */
const MAX_BODY_TIMEOUT_SECONDS = 3_600;

/** What `bodyTimeoutSeconds` has to be, for {@link checkOptions}. */
export const bodyTimeoutRule = (seconds: number): readonly [rule: string, holds: boolean] => [
  `bodyTimeoutSeconds must be a positive number of seconds, at most ${MAX_BODY_TIMEOUT_SECONDS}`,
  Number.isFinite(seconds) && seconds > 0 && seconds <= MAX_BODY_TIMEOUT_SECONDS,
];

/**
 * The raw bytes of a body, or the answer to one that is too large, takes too long or ends in an error. Counts while it streams; a
 * stream is never cancelled, since that breaks the connection for the next request on some hosts.
 *
 * @param wasRead Answers a request whose body somebody else has read, or is reading.
 */
export async function readBody(
  request: Request,
  { maxBodyBytes, bodyTimeoutSeconds }: BodyBounds,
  wasRead: () => Response,
): Promise<Uint8Array | Response> {
  if (request.bodyUsed) return wasRead();
  const declared = Number(request.headers.get("content-length") ?? 0);
  if (declared > DRAIN_BYTES && declared > maxBodyBytes) return tooLarge();
  if (request.body?.locked) return wasRead();
  const gathered = new GatheredBytes(maxBodyBytes);
  let late = false;
  try {
    await unless(gather(request, gathered, () => late), (giveUp) => {
      const timer = setTimeout(() => giveUp((late = true)), bodyTimeoutSeconds * 1000);
      return () => clearTimeout(timer);
    });
  } catch {
    if (!late) return refusal(400, "BODY_BROKEN", "The body could not be read to its end");
  }
  if (gathered.length > maxBodyBytes) return tooLarge();
  return late ? refusal(408, "BODY_TIMEOUT", "The body did not arrive in time: send it again") : gathered.bytes();
}

const tooLarge = () => refusal(413, "BODY_TOO_LARGE", "The body has too many bytes");

/** Reads a body to its end, or until it is clear that it is refused. */
async function gather(request: Request, gathered: GatheredBytes, isLate: () => boolean): Promise<void> {
  // Firefox's requests do not show their stream.
  const stream = request.body ?? new Response(await request.arrayBuffer()).body;
  const reader = stream?.getReader();
  for (let read; reader && !isLate() && !(read = await reader.read()).done; ) {
    gathered.add(read.value);
    if (gathered.length > gathered.limit && gathered.length > DRAIN_BYTES) return;
  }
}
