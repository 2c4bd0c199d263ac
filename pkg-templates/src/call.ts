/**
 * The loop around a call of the wasm: it sends, waits and gives up, and decides nothing. Nothing here outlives the call,
 * so that a request that is cancelled in the middle leaves nothing behind for the next.
 */
import { type Logger, logAttempt } from "./debug.js";
import { hide } from "./errors/brand.js";
import { Call, defaultTimeout, responseBodyBound, userAgent } from "./generated/gwop_bg.js";
import { isFromHook } from "./http-client.js";
import { onAbort, rejection } from "./race.js";
import { readRefusal } from "./refusal.js";
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

/** The classes of errors of calls without an answer, in the order that the wasm knows them by. */
const FAILURES = ["ConnectionError", "RequestTimeoutError", "RequestAbortedError", "InvalidRequestError", "UnexpectedClientError"];

/** The longest that timers hold, in milliseconds; what is longer needs no timer. */
const TIMER_BOUND_MS = 2_147_483_647;

/** Browsers name themselves; elsewhere the SDK does. */
const IN_BROWSER = "document" in globalThis || "importScripts" in globalThis;

/** Makes the call. Rejects with what `plan.toError` makes, its `idempotencyKey` added. */
export async function runCall(plan: CallPlan): Promise<CallSuccess> {
  let call: Call | undefined;
  let given = plan.argument as { [name: string]: unknown } | undefined;
  const keyName = plan.wire ? "idempotency_key" : "idempotencyKey";
  const fail = (end: CallEnd) => withKey(plan.toError(end));
  const withKey = <E extends object>(error: E): E => {
    const idempotencyKey = call?.idempotencyKey() ?? given?.[keyName];
    if (typeof idempotencyKey === "string" && Object.isExtensible(error)) hide(error, { idempotencyKey });
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
  const { operation, signal, timeoutMs = defaultTimeout() } = plan;

  try {
    if (!(typeof timeoutMs === "number" && timeoutMs > 0)) {
      throw invalid("timeoutMs must be a number of milliseconds, more than 0", timeoutMs);
    }
    if (signal && typeof signal.addEventListener !== "function") {
      throw invalid("signal must be an AbortSignal", undefined);
    }
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
    call = asked(() => new Call(operation, argument, plan.wire, plan.agentsURL ?? "", plan.identityURL ?? "", ...random()), given);
    const made = call;
    asked(() => setRetries(made, plan.retries?.()), undefined);
    if (call.needsKey() && !signal?.aborted) {
      let key: unknown;
      try {
        key = await untilAborted(Promise.resolve(plan.merchantKey()), signal);
      } catch (cause) {
        if (!signal?.aborted) {
          throw fail({ kind: "UnexpectedClientError", message: "The merchantApiKey function failed", cause });
        }
      }
      if (key !== undefined && typeof key !== "string") {
        throw invalid("merchantApiKey must be a string, or a function that returns a promise of one", undefined);
      }
      if (!signal?.aborted) asked(() => made.authorize((key ?? "").trim()), undefined);
    }
    if (signal?.aborted) {
      const message = `${operation}: the caller's signal aborted it before anything was sent`;
      throw fail({ kind: "RequestAbortedError", message, cause: signal.reason });
    }

    for (;;) {
      const { url, init } = JSON.parse(call.attempt(Date.now(), ...random())) as { url: string; init: RequestInit };
      const all = new Headers(init.headers);
      if (!IN_BROWSER) all.set("user-agent", plan.userAgent ?? userAgent());
      headers.forEach((value, name) => all.set(name, value));
      let exchange = await send(plan, url, { ...init, headers: all }, timeoutMs);
      const { response, body, truncated } = exchange;
      const delay =
        response && exchange.failure === undefined
          ? call.onResponse(response.status, response.headers.get("retry-after") ?? undefined, body, truncated, Date.now(), Math.random())
          : call.onFailure(FAILURES.indexOf(exchange.failure ?? ""), Date.now(), Math.random());
      if (delay !== undefined) {
        await sleep(delay, signal);
        if (!signal?.aborted) continue;
        call.onFailure(FAILURES.indexOf("RequestAbortedError"), Date.now(), 0);
        exchange = { failure: "RequestAbortedError", cause: signal.reason, body, truncated };
      }
      const text = call.value();
      if (text !== undefined && response) return { text, body, response };
      throw fail({ ...(JSON.parse(call.fault() ?? "{}") as CallEnd), cause: exchange.cause, ...answered(exchange) });
    }
  } finally {
    call?.free();
  }
}

/** The answer of an attempt, for its error. */
function answered({ request, response, body, failure }: Exchange): Pick<CallEnd, "answer"> {
  if (!request || !response || failure !== undefined) return {};
  return { answer: { request, response, body: new TextDecoder().decode(body) } };
}

function setRetries(call: Call, retries: RetryPolicy | undefined): void {
  if (!retries) return;
  const { most = -2, backoff, codes, connectionErrors = true, timeouts = true } = retries;
  const { initialInterval, maxInterval, exponent, maxElapsedTime } = { ...BACKOFF, ...backoff };
  const bound = backoff ? -1 : most;
  call.setPolicy(bound, initialInterval, maxInterval, exponent, maxElapsedTime, codes?.join() ?? "*", connectionErrors, timeouts);
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
    if (typeof response?.status !== "number" || response.bodyUsed) {
      exchange.failure = "UnexpectedClientError";
      throw new TypeError("httpClient must give a Response whose body nobody has read; a hook reads a clone of it");
    }
    exchange.response = response;
    await readBody(response, given, exchange);
  } catch (cause) {
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
  const bound = responseBodyBound();
  const chunks: Uint8Array[] = [];
  let size = 0;
  let whole = false;
  try {
    while (size <= bound) {
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
  const body = new Uint8Array(Math.min(size, bound));
  let at = 0;
  for (const chunk of chunks) {
    body.set(chunk.subarray(0, bound - at), at);
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

function random(): [number, number, number, number] {
  return [...crypto.getRandomValues(new Uint32Array(4))] as [number, number, number, number];
}
