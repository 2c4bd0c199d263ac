import {
  type BackoffStrategy,
  type CallEnd,
  type CallPlan,
  type CallSuccess,
  type CallTarget,
  type Operation,
  type RetryOptions,
  runCall,
  type Sender,
} from "./call.js";
import { debugLogger, type Logger } from "./debug.js";
import { readEnv } from "./env.js";
import * as errors from "./errors/index.js";
import { parsed } from "./errors/parsed.js";
import { refuse } from "./errors/refuse.js";
import { isGwops, isSimulated, readAllowInsecure, readHost, refuseSimulators } from "./hosts.js";
import { HTTPClient } from "./http-client.js";
import { bare, type Names, readAliased, readOptions } from "./options.js";
import { revive } from "./revive.js";
import { ServerList } from "./server-list.js";

/** How calls are retried. */
export type RetryConfig =
  | {
      /** Not at all. */
      strategy: "none";
    }
  | {
      /**
       * With exponential back-off and full jitter. Without `backoff` at most twice, and a `Retry-After` of more than 60 seconds
       * ends the call; with it, as often and as long as its `maxElapsedTime` allows.
       */
      strategy: "backoff";
      /** The intervals, in milliseconds. What is left out is 500, 60,000, 1.5 and 3,600,000. */
      backoff?: Partial<BackoffStrategy> | undefined;
      /** Whether connection errors and timeouts are retried. Default true. */
      retryConnectionErrors?: boolean | undefined;
    };

/** Options of one call. They win over the constructor's. */
export interface RequestOptions {
  /** How long one attempt may take, in milliseconds, from the request to the last byte of the answer. Default 30,000. */
  timeoutMs?: number | undefined;
  /** How it is retried. */
  retries?: RetryConfig | undefined;
  /** The statuses that are retried, such as `["429", "5XX"]`. Default 429, 500, 502, 503, 504. */
  retryCodes?: readonly string[] | undefined;
  /** The host of this call. It may have a path. */
  serverURL?: string | URL | undefined;
  /** Headers that are added to the SDK's, or replace them. */
  headers?: ConstructorParameters<typeof Headers>[0];
  /** Gives the call up. Whether Gwop carried it out is then not known. */
  signal?: AbortSignal | null | undefined;
}

/** How a client calls Gwop. Whatever is left out is read from the environment, at the time of use, or has a default. */
export interface ClientOptions {
  /**
   * The merchant key (`sk_m_…`), or a function that gets it, asked once for each call that needs it.
   * Else `GWOP_MERCHANT_API_KEY`. Never give it to agents or browsers.
   */
  merchantApiKey?: string | (() => string | Promise<string>) | undefined;
  /** The host of invoices. It may have a path. Else `serverIdx`, else `GWOP_SERVER_URL`, else `https://agents.gwop.io`. */
  serverURL?: string | URL | undefined;
  /** The host of invoices, as an index of `ServerList`. `serverURL` wins. */
  serverIdx?: number | undefined;
  /** The host of auth intents, auth sessions and the JWK Set. It may have a path. Else `GWOP_IDENTITY_URL`, else `https://identity.gwop.io`. */
  identityURL?: string | URL | undefined;
  /** What requests are sent through. */
  httpClient?: Sender | undefined;
  /** The `User-Agent` header. Browsers send their own. */
  userAgent?: string | undefined;
  /** How calls are retried. Default: at most twice. */
  retries?: RetryConfig | undefined;
  /** Alias of `retries`, until 2.0.0. */
  retryConfig?: RetryConfig | undefined;
  /** How long one attempt may take, in milliseconds. Default 30,000. */
  timeoutMs?: number | undefined;
  /**
   * Gets the method, URL, status, duration, request id and headers of each attempt, `Authorization` and `Idempotency-Key`
   * redacted, and never a body. Default: the console while `GWOP_DEBUG` is set.
   */
  debugLogger?: Logger | undefined;
  /**
   * Whether hosts may be plain `http:`, by which anybody on the way reads the merchant key. Default false: then only loopback, `*.local`,
   * `*.internal` and names of a single label may.
   */
  allowInsecure?: boolean | undefined;
}

/** What a call resolves to. */
export interface Answer<T> {
  /** The answer's headers: lower-case names to lists of values. `x-request-id` is what to quote to Gwop's support. */
  headers: { [name: string]: string[] };
  /** The answer. */
  result: T;
}

/** The names of {@link ClientOptions}. */
export const CLIENT_OPTIONS: Names<ClientOptions> = {
  merchantApiKey: undefined,
  serverURL: undefined,
  serverIdx: undefined,
  identityURL: undefined,
  httpClient: undefined,
  userAgent: undefined,
  retries: undefined,
  retryConfig: undefined,
  timeoutMs: undefined,
  debugLogger: undefined,
  allowInsecure: undefined,
};

/** The names of {@link RequestOptions}. */
export const REQUEST_OPTIONS: Names<RequestOptions> = { timeoutMs: undefined, retries: undefined, retryCodes: undefined, serverURL: undefined, headers: undefined, signal: undefined };

type Backoff = Extract<RetryConfig, { strategy: "backoff" }>;
const RETRY_CONFIG: Names<Backoff> = { strategy: undefined, backoff: undefined, retryConnectionErrors: undefined };
const BACKOFF: Names<Partial<BackoffStrategy>> = { initialInterval: undefined, maxInterval: undefined, exponent: undefined, maxElapsedTime: undefined };

/** The longest that a fetch of the JWK Set may take, in milliseconds: its cache takes what lasts longer for dead. */
const JWKS_TIMEOUT_MS = 30_000;

/** Calls Gwop's operations for one client. */
export class ApiClient {
  readonly #options: ClientOptions & Pick<CallPlan, "serverURL" | "identityURL" | "httpClient"> & { allowInsecure: boolean };

  /**
   * @param options What {@link readOptions} gives.
   * @throws SDKValidationError for an option of the wrong kind, a plain `http:` host that is not allowed, and a `serverIdx` that
   * `ServerList` does not have.
   */
  constructor(options: ClientOptions) {
    const { serverIdx, serverURL, httpClient = new HTTPClient(), userAgent = "", debugLogger: logger = console } = options;
    const listed = ServerList[serverIdx ?? -1];
    if (serverURL === undefined && serverIdx !== undefined && !(typeof serverIdx === "number" && listed)) {
      throw refuse("serverIdx must be an index of ServerList", serverIdx);
    }
    if (typeof httpClient?.request !== "function") {
      throw refuse("httpClient must be an HTTPClient, or have its request method");
    }
    // The same on every runtime: elsewhere headers take more, and a message would quote it.
    if (typeof userAgent !== "string" || !/^[\t -~\x80-\xff]*$/.test(userAgent)) {
      throw refuse("userAgent must be a string of printable Latin-1 characters");
    }
    // The console of Next.js's edge runtime has no groups.
    if (logger !== console && ![logger.group, logger.groupEnd, logger.log].every((method) => typeof method === "function")) {
      throw refuse("debugLogger must have the functions group, groupEnd and log");
    }
    const allowInsecure = readAllowInsecure(options.allowInsecure);
    this.#options = {
      ...options,
      retries: readAliased("retries", options.retries, "retryConfig", options.retryConfig),
      allowInsecure,
      httpClient,
      serverURL: readHost("serverURL", serverURL ?? listed, allowInsecure),
      identityURL: readHost("identityURL", options.identityURL, allowInsecure),
    };
  }

  /** Whether the identity host is Gwop's own, and no simulator answers in its place. */
  get reachesGwop(): boolean {
    return isGwops(this.#host("identityURL", "GWOP_IDENTITY_URL")) && !isSimulated(this.#options.httpClient);
  }

  /** Makes a call. */
  async call<T>(operation: Operation, argument: unknown, options?: RequestOptions): Promise<Answer<T>> {
    const { text, response } = await this.#run({ operation, argument }, options);
    // Own members whatever the name: `constructor` and `__proto__` are names of headers like any other.
    const headers = new Map<string, string[]>();
    response.headers.forEach((value, name) => {
      const before = headers.get(name);
      if (before) before.push(value);
      else headers.set(name, [value]);
    });
    return { headers: Object.fromEntries(headers), result: revive<T>(text) };
  }

  /** The client's host: the constructor's, else that of the environment now; empty for Gwop's own. */
  #host(option: "serverURL" | "identityURL", variable: string): string {
    const { [option]: configured, allowInsecure } = this.#options;
    return configured || readHost(variable, readEnv(variable), allowInsecure);
  }

  /** Makes one attempt to fetch the JWK Set, for its cache, which judges the body as it came. */
  async fetchJwks(): Promise<string> {
    const target = { operation: "auth.getJwks", argument: {}, wire: true } as const;
    const { timeoutMs = JWKS_TIMEOUT_MS } = this.#options;
    const options = { retries: { strategy: "none" }, timeoutMs: Math.min(timeoutMs, JWKS_TIMEOUT_MS) } as const;
    const { text, response } = await this.#run(target, options);
    if (response.status !== 200) throw new Error(`the JWK Set was answered with status ${response.status}, expected 200`);
    return text;
  }

  #run(target: Pick<CallTarget, "operation" | "argument"> & Partial<CallTarget>, options?: RequestOptions): Promise<CallSuccess> {
    return runCall({ wire: false, toError, ...target }, () => {
      const own = this.#options;
      const { merchantApiKey } = own;
      const { headers, signal, timeoutMs = own.timeoutMs, retries = own.retries, retryCodes, ...call } = readOptions(
        options,
        REQUEST_OPTIONS,
      );
      const called = readHost("serverURL", call.serverURL, own.allowInsecure);
      // Only the host that is called: Deno takes some microseconds for each variable.
      const ofInvoices = target.operation.startsWith("invoices.");
      const host = called || (ofInvoices ? this.#host("serverURL", "GWOP_SERVER_URL") : this.#host("identityURL", "GWOP_IDENTITY_URL"));
      const check = (key: string | undefined) => {
        if (isGwops(host) && !isSimulated(own.httpClient)) refuseSimulators("merchantApiKey", key);
        return key as string;
      };
      return {
        httpClient: own.httpClient,
        userAgent: own.userAgent,
        serverURL: ofInvoices ? host : "",
        identityURL: ofInvoices ? "" : host,
        merchantApiKey: () => {
          const key = typeof merchantApiKey === "function" ? merchantApiKey() : merchantApiKey || readEnv("GWOP_MERCHANT_API_KEY");
          return key instanceof Promise ? key.then(check) : check(key as string);
        },
        headers,
        timeoutMs,
        signal,
        retries: () => readRetries(retries, retryCodes),
        debugLogger: debugLogger(own.debugLogger),
      };
    });
  }
}

function readRetries(config: RetryConfig | undefined, codes: readonly string[] | undefined): RetryOptions | undefined {
  if (codes !== undefined && !(Array.isArray(codes) && codes.every((code) => typeof code === "string"))) {
    throw refuse('retryCodes must be a list of statuses such as "429" or "5XX"', codes);
  }
  if (config === undefined) return codes && { codes };
  const given = readOptions<Partial<Backoff>>(config as Partial<Backoff>, RETRY_CONFIG, refuse, "retries");
  const { strategy, retryConnectionErrors: timeouts = true } = given;
  if ((strategy as string | undefined) === "none") return { codes, most: 0 };
  if (strategy !== "backoff") throw refuse('The retry strategy must be "none" or "backoff"', config);
  const backoff = given.backoff === undefined ? undefined : readOptions(given.backoff, BACKOFF, refuse, "backoff");
  const parts: unknown[] = Object.values(backoff ?? {});
  if (!(parts.every((part) => part === undefined || typeof part === "number") && typeof timeouts === "boolean")) {
    throw refuse("retries: backoff must be an object of numbers, retryConnectionErrors a boolean", config);
  }
  return { codes, backoff: backoff && bare(backoff), connectionErrors: timeouts, timeouts };
}

/** The classes of errors of calls without an answer, by name. */
const UNANSWERED: { readonly [kind: string]: typeof errors.HTTPClientError } = {
  ConnectionError: errors.ConnectionError,
  InvalidRequestError: errors.InvalidRequestError,
  RequestAbortedError: errors.RequestAbortedError,
  RequestTimeoutError: errors.RequestTimeoutError,
};

/** The SDK's error of a failed call. */
function toError({ kind, message, code, error, answer, cause, rawValue }: CallEnd): Error {
  if (!answer) {
    if (cause instanceof errors.SDKValidationError && cause.code === "SIMULATOR_CREDENTIALS") return cause;
    if (kind === "SDKValidationError") return new errors.SDKValidationError(message, cause, rawValue, code);
    return new (UNANSWERED[kind] ?? errors.UnexpectedClientError)(message, cause === undefined ? undefined : { cause });
  }
  if (error) return new (kind === "RateLimitError" ? errors.RateLimitError : errors.ErrorResponse)({ error }, answer);
  if (kind !== "ResponseValidationError") return new errors.GwopDefaultError(message, answer);
  const meta = { ...answer, cause, rawValue: parsed(answer.body), rawMessage: message };
  return new errors.ResponseValidationError(message, meta);
}
