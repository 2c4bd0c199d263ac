/**
 * Connects a call to the wasm: reads the caller's options and creates the error classes.
 */
import { core } from "./core.js";
import { type Logger, logAttempt } from "./debug.js";
import { hide } from "./errors/brand.js";
import type { CallFailure, Operation, RetryOptions } from "./generated/gwop_bg.js";
import { isFromHook, sentAs } from "./http-client.js";
import { bare } from "./options.js";
import { follow, isSignal } from "./race.js";

export type { Operation, RetryOptions };

/** A call that succeeded. */
export interface CallSuccess {
  /** The response for `revive`. With `wire`, it is the response as Gwop sent it. */
  text: string;
  /** The response's status and headers. Its body has been read. */
  response: Response;
}

/** Sends requests: an `HTTPClient`, or any object with such a `request` method. */
export interface Sender {
  /** Sends one request. It must not follow redirects. */
  request(request: Request): Promise<Response>;
}

/** How long to wait between attempts. All values are milliseconds, except `exponent`. */
export interface BackoffStrategy {
  /** The longest wait before the first retry. */
  initialInterval: number;
  /** The longest wait before any retry. */
  maxInterval: number;
  /** The factor from one wait to the next. */
  exponent: number;
  /** No retry begins later than this after the first attempt. */
  maxElapsedTime: number;
}

/** The call that a surface's client makes. */
export interface CallTarget {
  /** The operation's name, such as `invoices.get`. */
  operation: Operation;
  /** The operation's argument; an empty object if it takes none. */
  argument: unknown;
  /**
   * Whether the argument and the response use the names on the wire. The response is not changed.
   */
  wire: boolean;
  /** Creates the surface's error for a failed call. */
  toError(end: CallEnd): Error;
}

/**
 * The settings of one call. Every member is present, so that none is read from `Object.prototype`.
 */
export interface CallPlan {
  /** The invoice host; empty for Gwop's own. */
  serverURL: string;
  /** The identity host; empty for Gwop's own. */
  identityURL: string;
  /** Returns the merchant key. Public operations do not ask for it. */
  merchantApiKey(): string | undefined | Promise<string>;
  /** Sends the requests. */
  httpClient: Sender;
  /** The caller's headers. They replace the SDK's headers. */
  headers: ConstructorParameters<typeof Headers>[0];
  /** Undefined for the SDK's own value. */
  userAgent: string | undefined;
  /** The time limit of one attempt, in milliseconds; undefined for 30,000. */
  timeoutMs: number | undefined;
  signal: AbortSignal | null | undefined;
  /** Reads the retry policy; undefined for the default. May throw an `SDKValidationError`. */
  retries(): RetryOptions | undefined;
  debugLogger: Logger | undefined;
}

/** How a failed call ended. */
export interface CallEnd {
  /** The name of the SDK's error class. */
  kind: string;
  /** What went wrong, for people. */
  message: string;
  /** The code of an `SDKValidationError`. */
  code?: string;
  /** The body of a structured error. */
  error?: { code: string; message: string; details?: { [key: string]: any }; requestId?: string };
  /** Whether the call was retried and the retries ran out. */
  exhausted?: boolean;
  /** The last attempt, if it got a response. */
  exchange?: { request: Request; response: Response; body: string };
  /** The cause. */
  cause?: unknown;
  /** The value that was refused. */
  rawValue?: unknown;
}

/**
 * Makes the call. Rejects with the error that `target.toError` creates, or with the error with a
 * `code` that `readPlan` throws for wrong options. In the latter case, `idempotencyKey` is added.
 */
export async function runCall(target: CallTarget, readPlan: () => CallPlan): Promise<CallSuccess> {
  const { operation, wire } = target;
  const given = target.argument as { [name: string]: unknown } | null | undefined;
  /** The key of the latest attempt. At first it is the caller's own key. */
  let key: unknown;
  try {
    let argument: string;
    try {
      const name = wire ? "idempotency_key" : "idempotencyKey";
      key = given != null && Object.hasOwn(given, name) ? given[name] : undefined;
      argument = JSON.stringify(given) ?? "null";
    } catch (cause) {
      throw invalid(`The argument of ${operation} cannot be written as JSON`, given, cause);
    }
    const plan = readPlan();
    const {
      serverURL,
      identityURL,
      userAgent,
      timeoutMs,
      signal,
      headers,
      debugLogger: logger,
    } = plan;
    if (timeoutMs !== undefined && !(typeof timeoutMs === "number" && timeoutMs > 0)) {
      throw invalid("timeoutMs must be a number of milliseconds, more than 0", timeoutMs);
    }
    if (!isSignal(signal)) throw invalid("signal must be an AbortSignal");
    if (typeof (headers ?? {}) !== "object")
      throw invalid("headers must be Headers, pairs, or an object of names and values");
    const host = {
      request: (request: Request) => plan.httpClient.request(request),
      merchantApiKey: plan.merchantApiKey,
      retries: () => {
        const retries = plan.retries();
        return retries && bare(retries);
      },
      toResult: (text: string, response: Response): CallSuccess => ({ text, response }),
      isHookError: isFromHook,
      log:
        logger &&
        ((
          request: Request,
          response: Response | undefined,
          failure: string | undefined,
          milliseconds: number,
        ) => logAttempt(logger, { request: sentAs(request), response, failure }, milliseconds)),
    };
    const isUsual =
      !wire && !serverURL && !identityURL && userAgent === undefined && timeoutMs === undefined;
    const options = isUsual
      ? undefined
      : bare({ wire, serverURL, identityURL, userAgent, timeoutMs });
    const following = follow(signal);
    try {
      return (await core().callOperation(
        operation,
        argument,
        options,
        host,
        headers ?? undefined,
        following.signal,
      )) as CallSuccess;
    } finally {
      following.end();
    }
  } catch (thrown) {
    let error = thrown;
    // An error about an option has a code.
    if (!(thrown instanceof Error && "code" in thrown)) {
      const failure = readFailure(thrown);
      const request = failure.request && sentAs(failure.request);
      // A hook may have set another key.
      key = request?.headers.get("idempotency-key") ?? failure.idempotencyKey ?? key;
      error = failure.thrown ?? target.toError(readEnd(failure, request, given));
    }
    if (key && typeof key === "string") hide(error as Error, { idempotencyKey: key });
    throw error;
  }
}

/** Checks what TypeScript would refuse, before the wasm sees it. */
interface OwnFailure extends CallFailure {
  rawValue?: unknown;
}

function invalid(message: string, rawValue?: unknown, cause?: unknown): OwnFailure {
  return { kind: "SDKValidationError", message, rawValue, cause };
}

/** Returns the failure that was thrown. Any other error is a defect. */
function readFailure(thrown: unknown): OwnFailure {
  if (thrown instanceof Error)
    return { kind: "UnexpectedClientError", message: "The SDK failed", cause: thrown };
  return thrown as OwnFailure;
}

function readEnd(failure: OwnFailure, request: Request | undefined, argument: unknown): CallEnd {
  const {
    kind,
    message,
    code,
    error,
    exhausted,
    response,
    body = "",
    cause,
    argumentRefused,
  } = failure;
  const end: CallEnd = {
    kind,
    message,
    cause,
    rawValue: argumentRefused ? argument : failure.rawValue,
  };
  if (code !== undefined) end.code = code;
  if (error !== undefined) end.error = JSON.parse(error) as NonNullable<CallEnd["error"]>;
  if (exhausted !== undefined) end.exhausted = exhausted;
  if (request && response) end.exchange = { request, response, body };
  return end;
}
