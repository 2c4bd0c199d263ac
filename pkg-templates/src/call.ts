/**
 * The loop around a call of the wasm: it sends, waits and gives up, and decides nothing. Nothing here outlives the call,
 * so that a request that is cancelled in the middle leaves nothing behind for the next.
 */
import { Core, fieldsOf, join, readRefusal, run, Task } from "./core.js";
import { type Logger, logAttempt } from "./debug.js";
import { hide } from "./errors/brand.js";
import { DEFAULT_TIMEOUT_MS, FAILURES, RESPONSE_BODY_BOUND, USER_AGENT } from "./generated/core.js";
import { isFromHook, sentAs } from "./http-client.js";
import { isSignal, onAbort, rejection } from "./race.js";
import { sleep } from "./sleep.js";

/** What sends a request: an `HTTPClient`, or anything with its `request`. */
export interface Sender {
  /** Sends one request. It must not follow redirects. */
  request(request: Request): Promise<Response>;
}

/** How long to wait between attempts, all in milliseconds but `exponent`. */
export interface BackoffStrategy {
  /** Before the first retry, at most. */
  initialInterval: number;
  /** Before any retry, at most. */
  maxInterval: number;
  /** The factor from one retry to the next. */
  exponent: number;
  /** No retry begins later than this after the first attempt began. */
  maxElapsedTime: number;
}

/** What replaces the default retry policy: 2 retries, on 429, 500, 502, 503, 504, connection errors and timeouts. */
export interface RetryPolicy {
  /** The most retries. */
  most?: number | undefined;
  /** As many retries as this allows, instead of `most`. */
  backoff?: Partial<BackoffStrategy> | undefined;
  /** The statuses that are retried, such as `429` or `5XX`. */
  codes?: readonly string[] | undefined;
  /** Whether connection errors are retried. Default true. */
  connectionErrors?: boolean | undefined;
  /** Whether timeouts are retried. Default true. */
  timeouts?: boolean | undefined;
}

/** What a surface's client decides about one call. */
export interface CallPlan {
  /** The operation's name, such as `invoices.get`. */
  operation: string;
  /** The operation's argument. */
  argument: unknown;
  /** Whether argument and answer are named as on the wire, the answer as it stands. */
  wire: boolean;
  /** The invoice host; undefined for Gwop's own. */
  agentsURL: string | undefined;
  /** The identity host; undefined for Gwop's own. */
  identityURL: string | undefined;
  /** The merchant key. Not asked for by a public operation. */
  merchantKey(): string | undefined | Promise<string>;
  sender: Sender;
  /** Headers of the caller's, which win over the SDK's. */
  headers: HeadersInit | undefined;
  /** Undefined for the SDK's own. */
  userAgent: string | undefined;
  /** How long one attempt may take, in milliseconds; undefined for 30,000. */
  timeoutMs: number | undefined;
  signal: AbortSignal | null | undefined;
  /** Reads the policy; undefined for the default. May throw an `SDKValidationError`. */
  retries?: (() => RetryPolicy | undefined) | undefined;
  logger: Logger | undefined;
  /** Makes the surface's error of a failed call. */
  toError(end: CallEnd): Error;
}

/** A call that succeeded. */
export interface CallSuccess {
  /** The answer, for `revive`. */
  text: string;
  /** The body as it came. */
  body: Uint8Array;
  /** The answer's status and headers. Its body has been read. */
  response: Response;
}

/** How a failed call ended. */
export interface CallEnd {
  /** The name of the SDK's error class. */
  kind: string;
  /** What went wrong, for people. */
  message: string;
  /** The code of an `SDKValidationError`. */
  code?: string;
  /** A structured error's body. */
  error?: { code: string; message: string; details?: { [key: string]: any }; requestId?: string };
  /** Whether it was retried, and would have been again had the retries not run out. */
  exhausted?: boolean;
  /** The last attempt, where it was answered. */
  answer?: { request: Request; response: Response; body: string };
  /** What led to it. */
  cause?: unknown;
  /** What was refused. */
  rawValue?: unknown;
}

/** One attempt. */
interface Exchange {
  request?: Request;
  response?: Response;
  body: Uint8Array;
  truncated: boolean;
  /** Why there is no answer: the name of the error's class. */
  failure?: string;
  cause?: unknown;
}

/** What upstream's SDK takes for a part of `backoff` that is left out. */
const BACKOFF: BackoffStrategy = { initialInterval: 500, maxInterval: 60_000, exponent: 1.5, maxElapsedTime: 3_600_000 };

/** The longest that timers hold, in milliseconds; what is longer needs no timer. */
const TIMER_BOUND_MS = 2_147_483_647;

/** Browsers name themselves; elsewhere the SDK does. */
const IN_BROWSER = "document" in globalThis || "importScripts" in globalThis;

/** Makes the call. Rejects with what `plan.toError` makes, its `idempotencyKey` added. */
export async function runCall(plan: CallPlan): Promise<CallSuccess> {
  const call = new Core();
  /** The key of the latest attempt. */
  let key: string | undefined;
  let given = plan.argument as { [name: string]: unknown } | undefined;
  const keyName = plan.wire ? "idempotency_key" : "idempotencyKey";
  const fail = (end: CallEnd) => withKey(plan.toError(end));
  const withKey = <E extends object>(error: E): E => {
    const idempotencyKey = key ?? given?.[keyName];
    if (idempotencyKey && typeof idempotencyKey === "string" && Object.isExtensible(error)) hide(error, { idempotencyKey });
    return error;
  };
  /** What `ask` answers, or the error for what the wasm or an option threw. */
  const asked = <T>(ask: () => T, rawValue: unknown): T => {
    try {
      return ask();
    } catch (thrown) {
      const refusal = readRefusal(thrown);
      if (!refusal) {
        // An option's own error has a code; anything else is a defect.
        if (thrown instanceof Error && "code" in thrown) throw withKey(thrown);
        throw fail({ kind: "UnexpectedClientError", message: "The SDK failed", cause: thrown });
      }
      const kind = refusal.code === "INVALID_REQUEST" ? "InvalidRequestError" : "SDKValidationError";
      throw fail({ kind, ...refusal, rawValue });
    }
  };
  const invalid = (message: string, rawValue: unknown, cause?: unknown) =>
    fail({ kind: "SDKValidationError", message, rawValue, cause });
  const { operation, signal, timeoutMs = DEFAULT_TIMEOUT_MS } = plan;

  try {
    if (!(typeof timeoutMs === "number" && timeoutMs > 0)) {
      throw invalid("timeoutMs must be a number of milliseconds, more than 0", timeoutMs);
    }
    if (!isSignal(signal)) throw invalid("signal must be an AbortSignal", undefined);
    let headers: Headers;
    try {
      headers = new Headers(plan.headers);
    } catch {
      // The runtime's own words quote the value, which may be a secret.
      throw fail({ kind: "InvalidRequestError", message: "The headers option holds a name or value that HTTP does not allow" });
    }
    // A key among the headers is the caller's key like any other.
    const keyHeader = headers.get("idempotency-key");
    headers.delete("idempotency-key");
    if (keyHeader && (given === undefined || (typeof given === "object" && given?.[keyName] === undefined))) {
      given = { ...given, [keyName]: keyHeader };
    }
    let argument: string;
    try {
      argument = given === undefined ? "{}" : (JSON.stringify(given) ?? "null");
    } catch (cause) {
      throw invalid(`The argument of ${operation} cannot be written as JSON`, given, cause);
    }
    const begun = asked(() => {
      const fields = join(operation, plan.agentsURL ?? "", plan.identityURL ?? "", argument);
      return run(call, Task.CallBegin, fields, random(), Number(plan.wire));
    }, given);
    key = begun.slice(1);
    asked(() => setRetries(call, plan.retries?.()), undefined);
    if (begun[0] === "1" && !signal?.aborted) {
      let merchantKey: unknown;
      try {
        merchantKey = await untilAborted(Promise.resolve(plan.merchantKey()), signal);
      } catch (cause) {
        if (!signal?.aborted) {
          throw fail({ kind: "UnexpectedClientError", message: "The merchantApiKey function failed", cause });
        }
      }
      if (merchantKey !== undefined && typeof merchantKey !== "string") {
        throw invalid("merchantApiKey must be a string, or a function that returns a promise of one", undefined);
      }
      if (!signal?.aborted) asked(() => run(call, Task.CallAuthorize, (merchantKey ?? "").trim()), undefined);
    }
    if (signal?.aborted) {
      const message = `${operation}: the caller's signal aborted it before anything was sent`;
      throw fail({ kind: "RequestAbortedError", message, cause: signal.reason });
    }

    for (;;) {
      const [url = "", method = "", body, ...named] = run(call, Task.CallAttempt, "", random(), Date.now()).split("\0");
      const all = new Headers();
      for (let at = 0; at < named.length; at += 2) all.set(named[at]!, named[at + 1]!);
      key = all.get("idempotency-key") ?? "";
      if (!IN_BROWSER) all.set("user-agent", plan.userAgent ?? USER_AGENT);
      headers.forEach((value, name) => all.set(name, value));
      let exchange = await send(plan, url, { method, body: body || null, headers: all }, timeoutMs);
      // A hook may have set another.
      key = exchange.request?.headers.get("idempotency-key") ?? key;
      const { response, truncated } = exchange;
      let end: string;
      if (response && exchange.failure === undefined) {
        const { status, headers } = response;
        const wait = headers.get("retry-after") ?? "";
        end = run(call, Task.CallResponse, wait, exchange.body, Date.now(), Math.random(), status, Number(truncated));
        if (end[0] === "d") return { text: end.slice(1), body: exchange.body, response };
      } else {
        end = failed(call, exchange.failure);
      }
      if (end[0] === "r") {
        await sleep(Number(end.slice(1)), signal);
        if (!signal?.aborted) continue;
        exchange = { ...exchange, failure: "RequestAbortedError", cause: signal.reason };
        end = failed(call, exchange.failure);
      }
      const [kind = "", exhausted, error, ...message] = fieldsOf(end);
      throw fail({
        kind,
        message: message.join("\0"),
        exhausted: exhausted === "1",
        ...(error && { error: JSON.parse(error) }),
        cause: exchange.cause,
        ...answered(exchange),
      });
    }
  } finally {
    call.free();
  }
}

/** What becomes of an attempt without an answer. */
function failed(call: Core, failure = "UnexpectedClientError"): string {
  return run(call, Task.CallFailure, "", undefined, Date.now(), Math.random(), FAILURES.indexOf(failure));
}

/** The answer of an attempt, for its error. */
function answered({ request, response, body, failure }: Exchange): Pick<CallEnd, "answer"> {
  if (!request || !response || failure !== undefined) return {};
  return { answer: { request, response, body: new TextDecoder().decode(body) } };
}

function setRetries(call: Core, retries: RetryPolicy | undefined): void {
  if (!retries) return;
  const { most = -2, backoff, codes, connectionErrors = true, timeouts = true } = retries;
  const { initialInterval, maxInterval, exponent, maxElapsedTime } = { ...BACKOFF, ...backoff };
  const numbers = [backoff ? -1 : most, initialInterval, maxInterval, exponent, maxElapsedTime, connectionErrors, timeouts];
  run(call, Task.CallPolicy, codes ? join("", ...codes) : "*", new Uint8Array(Float64Array.from(numbers, Number).buffer));
}

/** Makes one attempt. Never rejects. */
async function send(plan: CallPlan, url: string, init: RequestInit, timeoutMs: number): Promise<Exchange> {
  const exchange: Exchange = { body: new Uint8Array(), truncated: false };
  const { signal, logger, sender } = plan;
  const controller = new AbortController();
  // The request gets the controller's signal, and is raced with it besides: not every fetcher heeds its signal.
  const [given, giveUp] = rejection();
  const stop = (failure: string, reason: unknown) => {
    exchange.failure ??= failure;
    giveUp(reason);
    controller.abort(reason);
  };
  const timer =
    timeoutMs <= TIMER_BOUND_MS
      ? setTimeout(() => stop("RequestTimeoutError", new DOMException("timeoutMs has passed", "TimeoutError")), timeoutMs)
      : undefined;
  const unlisten = onAbort(signal, () => stop("RequestAbortedError", signal?.reason));
  const begun = Date.now();
  try {
    let request: Request;
    try {
      request = new Request(url, { ...init, redirect: "manual", signal: controller.signal });
    } catch {
      exchange.failure = "InvalidRequestError";
      return exchange;
    }
    exchange.request = request;
    const response = await Promise.race([sender.request(request), given]);
    exchange.request = sentAs(request);
    if (typeof response?.status !== "number" || typeof response.headers?.get !== "function" || response.bodyUsed) {
      exchange.failure = "UnexpectedClientError";
      throw new TypeError("httpClient must give a Response whose body nobody has read; a hook reads a clone of it");
    }
    exchange.response = response;
    await readBody(response, given, exchange);
  } catch (cause) {
    if (exchange.request) exchange.request = sentAs(exchange.request);
    exchange.failure ??= classify(cause, exchange.response !== undefined);
    // A timeout has no other cause than the time.
    if (exchange.failure !== "RequestTimeoutError") exchange.cause = cause;
  } finally {
    clearTimeout(timer);
    unlisten();
    if (logger && exchange.request) {
      const { request, response, failure } = exchange;
      logAttempt(logger, { request, response, failure, milliseconds: Date.now() - begun });
    }
  }
  return exchange;
}

/** Reads the body up to the bound, or until `given` up. */
async function readBody(response: Response, given: Promise<never>, exchange: Exchange): Promise<void> {
  const reader = response.body?.getReader();
  if (!reader) return;
  const chunks: Uint8Array[] = [];
  let size = 0;
  let whole = false;
  try {
    while (size <= RESPONSE_BODY_BOUND) {
      const { done, value } = await Promise.race([reader.read(), given]);
      if (done) {
        whole = true;
        break;
      }
      chunks.push(value);
      size += value.byteLength;
    }
  } finally {
    // Not awaited: a stream may never answer.
    if (!whole) reader.cancel().catch(() => {});
  }
  exchange.truncated = !whole;
  const body = new Uint8Array(Math.min(size, RESPONSE_BODY_BOUND));
  let at = 0;
  for (const chunk of chunks) {
    body.set(chunk.subarray(0, RESPONSE_BODY_BOUND - at), at);
    at += chunk.byteLength;
  }
  exchange.body = body;
}

/** The class of the error for what a fetcher threw, or a body that broke off. */
function classify(thrown: unknown, answering: boolean): string {
  const { name, code, message } = (thrown ?? {}) as { name?: unknown; code?: unknown; message?: unknown };
  if (isFromHook(thrown)) return "UnexpectedClientError";
  if (name === "AbortError") return "RequestAbortedError";
  if (name === "TimeoutError") return "RequestTimeoutError";
  // `fetch` throws a TypeError, Bun an error with a code, workerd one with nothing but words.
  const isConnection =
    answering || thrown instanceof TypeError || typeof code === "string" || /network|connection/i.test(String(message));
  return isConnection ? "ConnectionError" : "UnexpectedClientError";
}

/** `work`, unless the signal aborts first: then rejects with its reason. */
async function untilAborted<T>(work: Promise<T>, signal: AbortSignal | null | undefined): Promise<T> {
  const [aborted, reject] = rejection();
  const unlisten = onAbort(signal, () => reject(signal?.reason));
  try {
    return await Promise.race([aborted, work]);
  } finally {
    unlisten();
  }
}

function random(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(16));
}
