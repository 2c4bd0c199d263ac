/**
 * The loop around a call of the wasm: it sends, waits and gives up, and decides nothing. Nothing here outlives the call,
 * so that a request that is cancelled in the middle leaves nothing behind for the next.
 */
import { Core, fieldsOf, join, NOTHING, readRefusal, run, Task } from "./core.js";
import { type Attempt, type Logger, logAttempt } from "./debug.js";
import { hide } from "./errors/brand.js";
import { DEFAULT_TIMEOUT_MS, FAILURES, KEYED, RESPONSE_BODY_BOUND, USER_AGENT } from "./generated/core.js";
import { isFromHook, sentAs } from "./http-client.js";
import { isSignal, onAbort, unless } from "./race.js";
import { LONGEST_MS, sleep } from "./sleep.js";

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

/** What a surface's client calls. */
export interface CallTarget {
  /** The operation's name, such as `invoices.get`. */
  operation: string;
  /** The operation's argument; an empty object where it takes none. */
  argument: unknown;
  /** Whether argument and answer are named as on the wire, the answer as it stands. */
  wire: boolean;
  /** Makes the surface's error of a failed call. */
  toError(end: CallEnd): Error;
}

/** What a surface's client decides about one call. */
export interface CallPlan {
  /** The invoice host; empty for Gwop's own. */
  serverURL: string;
  /** The identity host; empty for Gwop's own. */
  identityURL: string;
  /** The merchant key. Not asked for by a public operation. */
  merchantApiKey(): string | undefined | Promise<string>;
  /** What sends it. */
  httpClient: Sender;
  /** Headers of the caller's, which win over the SDK's. */
  headers?: ConstructorParameters<typeof Headers>[0];
  /** Undefined for the SDK's own. */
  userAgent?: string | undefined;
  /** How long one attempt may take, in milliseconds; undefined for 30,000. */
  timeoutMs: number | undefined;
  signal: AbortSignal | null | undefined;
  /** Reads the policy; undefined for the default. May throw an `SDKValidationError`. */
  retries(): RetryPolicy | undefined;
  debugLogger: Logger | undefined;
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
interface Exchange extends Partial<Attempt> {
  body: Uint8Array;
  truncated: boolean;
  cause?: unknown;
}

/** What upstream's SDK takes for a part of `backoff` that is left out, in the order that the wasm reads them in. */
const BACKOFF: BackoffStrategy = { initialInterval: 500, maxInterval: 60_000, exponent: 1.5, maxElapsedTime: 3_600_000 };

/** Browsers name themselves; elsewhere the SDK does. */
const IN_BROWSER = /* @__PURE__ */ inBrowser();

function inBrowser(): boolean {
  return "document" in globalThis || "importScripts" in globalThis;
}

/**
 * Makes the call. Rejects with what `target.toError` makes, or the error with a `code` that `readPlan` throws for wrong options; its
 * `idempotencyKey` is added.
 */
export async function runCall(target: CallTarget, readPlan: () => CallPlan): Promise<CallSuccess> {
  const { operation, wire } = target;
  const call = new Core();
  const keyName = wire ? "idempotency_key" : "idempotencyKey";
  let given = target.argument as { [name: string]: unknown } | null | undefined;
  /** The key of the latest attempt, at first the caller's own. */
  let key: unknown;
  /** The latest attempt that was answered. */
  let answered: Exchange | undefined;
  /** What the wasm is refusing, if it does. */
  let rawValue: unknown;

  try {
    let argument: string;
    try {
      key = given?.[keyName];
      argument = JSON.stringify(given) ?? "null";
    } catch (cause) {
      throw invalid(`The argument of ${operation} cannot be written as JSON`, given, cause);
    }
    const plan = readPlan();
    const { signal, timeoutMs = DEFAULT_TIMEOUT_MS } = plan;
    const endIfAborted = () => {
      const message = `${operation}: the caller's signal aborted it before it was sent`;
      if (signal?.aborted) throw ended("RequestAbortedError", message, signal.reason);
    };
    if (!(typeof timeoutMs === "number" && timeoutMs > 0)) {
      throw invalid("timeoutMs must be a number of milliseconds, more than 0", timeoutMs);
    }
    if (!isSignal(signal)) throw invalid("signal must be an AbortSignal");
    if (typeof (plan.headers ?? {}) !== "object") throw invalid("headers must be Headers, pairs, or an object of names and values");
    let headers: Headers | undefined;
    try {
      headers = plan.headers && new Headers(plan.headers);
    } catch {
      // The runtime's own words quote the value, which may be a secret.
      throw ended("InvalidRequestError", "The headers option holds a name or value that HTTP does not allow: leave out control characters, and what is not Latin-1");
    }
    // A key among the headers is the caller's key like any other.
    const keyHeader = headers?.get("idempotency-key");
    headers?.delete("idempotency-key");
    if (keyHeader && given && typeof given === "object" && key === undefined) {
      argument = JSON.stringify((given = { ...given, [keyName]: keyHeader }));
    }
    rawValue = given;
    const random = new Uint8Array(16);
    if (KEYED.includes(operation)) crypto.getRandomValues(random);
    const begun = run(call, Task.CallBegin, join(operation, plan.serverURL, plan.identityURL, argument), random, Number(wire));
    rawValue = undefined;
    key = begun.slice(1);
    setRetries(call, plan.retries());
    endIfAborted();
    if (begun[0] === "1") {
      let merchantKey: unknown;
      try {
        merchantKey = await unless(plan.merchantApiKey(), (giveUp) => onAbort(signal, () => giveUp(signal?.reason)));
      } catch (cause) {
        endIfAborted();
        throw ended("UnexpectedClientError", "The merchantApiKey function failed", cause);
      }
      endIfAborted();
      if (merchantKey !== undefined && typeof merchantKey !== "string") {
        throw invalid("merchantApiKey must be a string, or a function that returns a promise of one");
      }
      run(call, Task.CallAuthorize, (merchantKey ?? "").trim());
    }

    attempts: for (;; crypto.getRandomValues(random)) {
      const fields = run(call, Task.CallAttempt, "", random, Date.now()).split("\0");
      const own: { [name: string]: string } = {};
      for (let at = 3; at < fields.length; at += 2) own[fields[at]!] = fields[at + 1]!;
      key = own["idempotency-key"];
      if (!IN_BROWSER) own["user-agent"] = plan.userAgent ?? USER_AGENT;
      const all = { ...own, ...(headers && Object.fromEntries(headers)) };
      const init: RequestInit = { method: fields[1]!, body: fields[2] || null, headers: all, redirect: "manual" };
      let exchange = await send(plan, fields[0]!, init, timeoutMs);
      for (;;) {
        const { failure, request, response, truncated } = exchange;
        const task = failure ? Task.CallFailure : Task.CallResponse;
        const outcome = failure ? FAILURES.indexOf(failure) : response!.status;
        const retryAfter = response?.headers.get("retry-after") ?? "";
        const step = run(call, task, retryAfter, exchange.body, Date.now(), Math.random(), outcome, Number(truncated));
        if (step[0] === "d") return { text: step.slice(1), body: exchange.body, response: response! };
        if (step[0] !== "r") {
          // A hook may have set another.
          key = request?.headers.get("idempotency-key") ?? key;
          const [kind, exhausted, error, ...message] = fieldsOf(step) as [string, string, string, ...string[]];
          // Of retries that ran out, gwop-checkout tells the last answer (contract, "gwop-checkout 2.0.0").
          if (wire && exhausted && failure && answered) {
            exchange = { ...answered, cause: exchange.cause };
            continue;
          }
          throw {
            ...ended(kind, message.join("\0"), exchange.cause),
            exhausted: exhausted === "1",
            error: error && JSON.parse(error),
            ...(!failure && { answer: { request, response, body: new TextDecoder().decode(exchange.body) } }),
          };
        }
        await sleep(Number(step.slice(1)), signal);
        if (!failure) answered = exchange;
        if (!signal?.aborted) continue attempts;
        exchange.failure = "RequestAbortedError";
        exchange.cause = signal.reason;
      }
    }
  } catch (thrown) {
    let error = thrown;
    // An option's own error has a code; any other is a defect.
    if (!(thrown instanceof Error && "code" in thrown)) {
      const refusal = readRefusal(thrown);
      const kind = refusal?.code === "INVALID_REQUEST" ? "InvalidRequestError" : "SDKValidationError";
      const end = thrown instanceof Error ? ended("UnexpectedClientError", "The SDK failed", thrown) : (thrown as CallEnd);
      error = target.toError(refusal ? { kind, ...refusal, rawValue } : end);
    }
    if (key && typeof key === "string") hide(error as Error, { idempotencyKey: key });
    throw error;
  } finally {
    call.free();
  }
}

function ended(kind: string, message: string, cause?: unknown): CallEnd {
  return { kind, message, cause };
}

function invalid(message: string, rawValue?: unknown, cause?: unknown): CallEnd {
  return { ...ended("SDKValidationError", message, cause), rawValue };
}

/** Hands the policy over, where there is one. */
function setRetries(call: Core, policy: RetryPolicy | undefined): void {
  if (!policy) return;
  const { most = -2, backoff, codes, connectionErrors = true, timeouts = true } = policy;
  const parts = Object.entries(BACKOFF).map(([name, value]) => backoff?.[name as keyof BackoffStrategy] ?? value);
  const numbers = [backoff ? -1 : most, ...parts, connectionErrors, timeouts];
  run(call, Task.CallPolicy, codes ? join("", ...codes) : "*", new Uint8Array(Float64Array.from(numbers, Number).buffer));
}

/** Makes one attempt. Never rejects: without a `failure` there is a `response`. */
async function send(plan: CallPlan, url: string, init: RequestInit, timeoutMs: number): Promise<Exchange> {
  const exchange: Exchange = { body: NOTHING, truncated: false };
  const { signal, debugLogger: logger } = plan;
  const controller = new AbortController();
  const begun = Date.now();
  try {
    init.signal = controller.signal;
    exchange.request = new Request(url, init);
  } catch {
    exchange.failure = "InvalidRequestError";
    return exchange;
  }
  /** Of a body that has not ended. */
  let reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>> | undefined;
  const receive = async (request: Request) => {
    const response = await plan.httpClient.request(request);
    // Too late.
    if (exchange.failure) return;
    if (typeof response?.status !== "number" || typeof response.headers?.get !== "function" || response.bodyUsed) {
      exchange.failure = "UnexpectedClientError";
      throw new TypeError("httpClient must give a Response whose body nobody has read; a hook reads a clone of it");
    }
    exchange.response = response;
    const chunks: Uint8Array<ArrayBuffer>[] = [];
    let size = 0;
    reader = response.body?.getReader();
    while (reader && !exchange.truncated) {
      const { done, value } = await reader.read();
      if (done) {
        reader = undefined;
      } else {
        chunks.push(value.subarray(0, RESPONSE_BODY_BOUND - size));
        size += value.byteLength;
        exchange.truncated = size > RESPONSE_BODY_BOUND;
      }
    }
    // One chunk needs no copy.
    exchange.body = chunks.length > 1 ? new Uint8Array(await new Blob(chunks).arrayBuffer()) : (chunks[0] ?? NOTHING);
  };
  try {
    // The request gets the controller's signal, and is raced with it besides: not every fetcher heeds its signal.
    await unless(receive(exchange.request), (giveUp) => {
      const stop = (failure: string, reason: unknown) => {
        exchange.failure ??= failure;
        giveUp(reason);
        controller.abort(reason);
      };
      const late = () => stop("RequestTimeoutError", new DOMException("timeoutMs has passed", "TimeoutError"));
      // What is longer needs no timer.
      const timer = timeoutMs <= LONGEST_MS ? setTimeout(late, timeoutMs) : undefined;
      const unlisten = onAbort(signal, () => stop("RequestAbortedError", signal?.reason));
      return () => {
        clearTimeout(timer);
        unlisten();
      };
    });
  } catch (cause) {
    exchange.failure ??= classify(cause, exchange.response !== undefined);
    // A timeout has no other cause than the time.
    if (exchange.failure !== "RequestTimeoutError") exchange.cause = cause;
  }
  // Not awaited: a stream may never answer.
  reader?.cancel().catch(() => {});
  exchange.request = sentAs(exchange.request);
  if (logger) logAttempt(logger, exchange as Attempt, Date.now() - begun);
  return exchange;
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
