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

/** How a call is retried. */
export type RetryConfig =
  | {
      /** No retries. */
      strategy: "none";
    }
  | {
      /**
       * Exponential back-off with full jitter. Without `backoff`, a call is retried at most twice,
       * and a `Retry-After` of more than 60 seconds ends it. With `backoff`, it is retried for as
       * long as `maxElapsedTime` allows.
       */
      strategy: "backoff";
      /** The intervals, in milliseconds. Defaults: 500, 60,000, 1.5 and 3,600,000. */
      backoff?: Partial<BackoffStrategy> | undefined;
      /** Whether connection errors and timeouts are retried. Default true. */
      retryConnectionErrors?: boolean | undefined;
    };

/** The options of one call. They replace those of the client. */
export interface RequestOptions {
  /**
   * The time limit of one attempt, in milliseconds, from the request to the last byte of the
   * response. Default 30,000.
   */
  timeoutMs?: number | undefined;
  /** How this call is retried. */
  retries?: RetryConfig | undefined;
  /** Which statuses are retried, such as `["429", "5XX"]`. Default: 429, 500, 502, 503 and 504. */
  retryCodes?: readonly string[] | undefined;
  /** The host of this call. It may contain a path. */
  serverURL?: string | URL | undefined;
  /** Headers to add. They replace the SDK's own of the same name. */
  headers?: ConstructorParameters<typeof Headers>[0];
  /** Ends the call. Whether Gwop carried it out is then unknown. */
  signal?: AbortSignal | null | undefined;
}

/**
 * How a client calls Gwop. An option that you leave out is read from the environment when it is
 * needed, or has a default.
 */
export interface ClientOptions {
  /**
   * Your merchant key (`sk_m_…`), or a function that returns it. The function is called once for
   * each call that needs the key. Default: `GWOP_MERCHANT_API_KEY`. Never give the key to agents or
   * browsers.
   */
  merchantApiKey?: string | (() => string | Promise<string>) | undefined;
  /**
   * The host of invoices. It may contain a path. Default: `serverIdx`, then `GWOP_SERVER_URL`, then
   * `https://agents.gwop.io`.
   */
  serverURL?: string | URL | undefined;
  /** The host of invoices, as an index of `ServerList`. `serverURL` replaces it. */
  serverIdx?: number | undefined;
  /**
   * The host of auth intents, auth sessions and the JWK Set. It may contain a path. Default:
   * `GWOP_IDENTITY_URL`, then `https://identity.gwop.io`.
   */
  identityURL?: string | URL | undefined;
  /** Sends the requests. Default: a new `HTTPClient`. */
  httpClient?: Sender | undefined;
  /** The `User-Agent` header. Browsers send their own. */
  userAgent?: string | undefined;
  /** How calls are retried. Default: at most twice. */
  retries?: RetryConfig | undefined;
  /** Alias of `retries`, until 2.0.0. */
  retryConfig?: RetryConfig | undefined;
  /** The time limit of one attempt, in milliseconds. Default 30,000. */
  timeoutMs?: number | undefined;
  /**
   * Receives the method, URL, status, duration, request id and headers of each attempt.
   * `Authorization` and `Idempotency-Key` are hidden, and bodies are left out. Default: the
   * console, if `GWOP_DEBUG` is set.
   */
  debugLogger?: Logger | undefined;
  /**
   * Whether hosts over plain `http:` are allowed. Everybody on the way could then read the merchant
   * key. Default false: only loopback, `*.local`, `*.internal` and names without a dot are allowed.
   */
  allowInsecure?: boolean | undefined;
}

/** The response to a call. */
export interface ApiResponse<T> {
  /**
   * The response's headers: names in lower case, with lists of values. Quote `x-request-id` when you
   * ask Gwop's support.
   */
  headers: { [name: string]: string[] };
  /** The body of the response. */
  result: T;
}

/** Alias of {@link ApiResponse}. */
export type Answer<T> = ApiResponse<T>;

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
export const REQUEST_OPTIONS: Names<RequestOptions> = {
  timeoutMs: undefined,
  retries: undefined,
  retryCodes: undefined,
  serverURL: undefined,
  headers: undefined,
  signal: undefined,
};

type Backoff = Extract<RetryConfig, { strategy: "backoff" }>;
const RETRY_CONFIG: Names<Backoff> = {
  strategy: undefined,
  backoff: undefined,
  retryConnectionErrors: undefined,
};
const BACKOFF: Names<Partial<BackoffStrategy>> = {
  initialInterval: undefined,
  maxInterval: undefined,
  exponent: undefined,
  maxElapsedTime: undefined,
};

/**
 * The time limit of a JWK Set fetch, in milliseconds. The cache considers a longer fetch dead.
 */
const JWKS_TIMEOUT_MS = 30_000;

/** Calls Gwop's operations for one client. */
export class ApiClient {
  readonly #options: ClientOptions &
    Pick<CallPlan, "serverURL" | "identityURL" | "httpClient"> & { allowInsecure: boolean };

  /**
   * @param options The result of {@link readOptions}.
   * @throws SDKValidationError if an option has the wrong type, a plain `http:` host is not
   * allowed, or `ServerList` does not have the `serverIdx`.
   */
  constructor(options: ClientOptions) {
    const {
      serverIdx,
      serverURL,
      httpClient = new HTTPClient(),
      userAgent = "",
      debugLogger: logger = console,
    } = options;
    const listed = ServerList[serverIdx ?? -1];
    if (
      serverURL === undefined &&
      serverIdx !== undefined &&
      !(typeof serverIdx === "number" && listed)
    ) {
      throw refuse("serverIdx must be an index of ServerList", serverIdx);
    }
    if (typeof httpClient?.request !== "function") {
      throw refuse("httpClient must be an HTTPClient, or have its request method");
    }
    // Apply the same rule on every runtime: some allow more in headers, and a message would quote
    // it.
    if (typeof userAgent !== "string" || !/^[\t -~\x80-\xff]*$/.test(userAgent)) {
      throw refuse("userAgent must be a string of printable Latin-1 characters");
    }
    // The console of Next.js's edge runtime has no groups.
    if (
      logger !== console &&
      ![logger.group, logger.groupEnd, logger.log].every((method) => typeof method === "function")
    ) {
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

  /** Whether the identity host is Gwop's own and no simulator responds in its place. */
  get reachesGwop(): boolean {
    return (
      isGwops(this.#host("identityURL", "GWOP_IDENTITY_URL")) &&
      !isSimulated(this.#options.httpClient)
    );
  }

  /** Makes a call. */
  async call<T>(
    operation: Operation,
    argument: unknown,
    options?: RequestOptions,
  ): Promise<ApiResponse<T>> {
    const { text, response } = await this.#run({ operation, argument }, options);
    // A `Map`, because `constructor` and `__proto__` are valid header names.
    const headers = new Map<string, string[]>();
    response.headers.forEach((value, name) => {
      const before = headers.get(name);
      if (before) before.push(value);
      else headers.set(name, [value]);
    });
    return { headers: Object.fromEntries(headers), result: revive<T>(text) };
  }

  /** Returns the configured host, or the one in the environment now. Empty for Gwop's own host. */
  #host(option: "serverURL" | "identityURL", variable: string): string {
    const { [option]: configured, allowInsecure } = this.#options;
    return configured || readHost(variable, readEnv(variable), allowInsecure);
  }

  /** Makes one attempt to fetch the JWK Set. The cache checks the raw body. */
  async fetchJwks(): Promise<string> {
    const target = { operation: "auth.getJwks", argument: {}, wire: true } as const;
    const { timeoutMs = JWKS_TIMEOUT_MS } = this.#options;
    const options = {
      retries: { strategy: "none" },
      timeoutMs: Math.min(timeoutMs, JWKS_TIMEOUT_MS),
    } as const;
    const { text, response } = await this.#run(target, options);
    if (response.status !== 200)
      throw new Error(`the JWK Set was answered with status ${response.status}, expected 200`);
    return text;
  }

  #run(
    target: Pick<CallTarget, "operation" | "argument"> & Partial<CallTarget>,
    options?: RequestOptions,
  ): Promise<CallSuccess> {
    return runCall({ wire: false, toError, ...target }, () => {
      const own = this.#options;
      const { merchantApiKey } = own;
      const {
        headers,
        signal,
        timeoutMs = own.timeoutMs,
        retries = own.retries,
        retryCodes,
        ...call
      } = readOptions(options, REQUEST_OPTIONS);
      const called = readHost("serverURL", call.serverURL, own.allowInsecure);
      // Read only the variable of the host that is called: Deno takes some microseconds for each
      // one.
      const ofInvoices = target.operation.startsWith("invoices.");
      const host =
        called ||
        (ofInvoices
          ? this.#host("serverURL", "GWOP_SERVER_URL")
          : this.#host("identityURL", "GWOP_IDENTITY_URL"));
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
          const key =
            typeof merchantApiKey === "function"
              ? merchantApiKey()
              : merchantApiKey || readEnv("GWOP_MERCHANT_API_KEY");
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

function readRetries(
  config: RetryConfig | undefined,
  codes: readonly string[] | undefined,
): RetryOptions | undefined {
  if (
    codes !== undefined &&
    !(Array.isArray(codes) && codes.every((code) => typeof code === "string"))
  ) {
    throw refuse('retryCodes must be a list of statuses such as "429" or "5XX"', codes);
  }
  if (config === undefined) return codes && { codes };
  const given = readOptions<Partial<Backoff>>(
    config as Partial<Backoff>,
    RETRY_CONFIG,
    refuse,
    "retries",
  );
  const { strategy, retryConnectionErrors: timeouts = true } = given;
  if ((strategy as string | undefined) === "none") return { codes, most: 0 };
  if (strategy !== "backoff")
    throw refuse('The retry strategy must be "none" or "backoff"', config);
  const backoff =
    given.backoff === undefined
      ? undefined
      : readOptions(given.backoff, BACKOFF, refuse, "backoff");
  const parts: unknown[] = Object.values(backoff ?? {});
  if (
    !(
      parts.every((part) => part === undefined || typeof part === "number") &&
      typeof timeouts === "boolean"
    )
  ) {
    throw refuse(
      "retries: backoff must be an object of numbers, retryConnectionErrors a boolean",
      config,
    );
  }
  return { codes, backoff: backoff && bare(backoff), connectionErrors: timeouts, timeouts };
}

/** The error classes of calls without a response, by name. */
const NO_RESPONSE: { readonly [kind: string]: typeof errors.HTTPClientError } = {
  ConnectionError: errors.ConnectionError,
  InvalidRequestError: errors.InvalidRequestError,
  RequestAbortedError: errors.RequestAbortedError,
  RequestTimeoutError: errors.RequestTimeoutError,
};

/** Creates the SDK's error for a failed call. */
function toError({ kind, message, code, error, exchange, cause, rawValue }: CallEnd): Error {
  if (!exchange) {
    if (cause instanceof errors.SDKValidationError && cause.code === "SIMULATOR_CREDENTIALS")
      return cause;
    if (kind === "SDKValidationError")
      return new errors.SDKValidationError(message, cause, rawValue, code);
    return new (NO_RESPONSE[kind] ?? errors.UnexpectedClientError)(
      message,
      cause === undefined ? undefined : { cause },
    );
  }
  if (error)
    return new (kind === "RateLimitError" ? errors.RateLimitError : errors.ErrorResponse)(
      { error },
      exchange,
    );
  if (kind !== "ResponseValidationError") return new errors.GwopDefaultError(message, exchange);
  const meta = { ...exchange, cause, rawValue: parsed(exchange.body), rawMessage: message };
  return new errors.ResponseValidationError(message, meta);
}
