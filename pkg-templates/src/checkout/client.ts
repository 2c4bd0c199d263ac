import { type CallEnd, runCall } from "../call.js";
import { core } from "../core.js";
import type { Logger } from "../debug.js";
import { ON_WORKERS, readEnv } from "../env.js";
import { hide } from "../errors/brand.js";
import { isGwops, readAllowInsecure, readHost } from "../hosts.js";
import { HTTPClient } from "../http-client.js";
import { type Names, readOptions } from "../options.js";
import {
  AuthenticationError,
  GwopCheckoutError,
  type GwopCheckoutErrorOptions,
  InvalidRequestError,
  NotFoundError,
  RateLimitError,
} from "./errors.js";
import { invalid, Invoices } from "./invoices.js";
import { Webhooks } from "./webhooks.js";

/**
 * The options of a client. The environment is read when a value is needed. An empty string counts
 * as left out.
 */
export interface GwopCheckoutOptions {
  /**
   * The merchant key (`sk_m_…`), for create, list and cancel. Default: `apiKey`, then
   * `GWOP_CHECKOUT_API_KEY`.
   */
  merchantApiKey?: string | undefined;
  /** The same as `merchantApiKey`. */
  apiKey?: string | undefined;
  /** The address of the API. Default `https://agents.gwop.io`. */
  baseUrl?: string | URL | undefined;
  /** How often a call is repeated after 429, 503 and connection errors. Default 2. */
  maxRetries?: number | undefined;
  /** The time limit of one attempt, in milliseconds. Default 30,000. */
  timeout?: number | undefined;
  /**
   * Whether requests are logged to `console.debug`: method, URL, status, duration and headers, with
   * hidden keys and without bodies. Default false. `GWOP_DEBUG=1` does the same.
   */
  debug?: boolean | undefined;
  /**
   * Whether `baseUrl` may be plain `http:`. Default false: only loopback, `*.local`, `*.internal`
   * and names without a dot are allowed.
   */
  allowInsecure?: boolean | undefined;
}

const OPTIONS: Names<GwopCheckoutOptions> = {
  merchantApiKey: undefined,
  apiKey: undefined,
  baseUrl: undefined,
  maxRetries: undefined,
  timeout: undefined,
  debug: undefined,
  allowInsecure: undefined,
};

/** Returns the error class for a response's status. */
const CLASSES: Readonly<Record<number, typeof GwopCheckoutError>> = {
  400: InvalidRequestError,
  401: AuthenticationError,
  404: NotFoundError,
  422: InvalidRequestError,
  429: RateLimitError,
};

/**
 * Returns the code for an error without a code of Gwop's, by the class that the SDK would throw.
 */
const CODES: Readonly<Record<string, string>> = {
  ConnectionError: "CONNECTION_ERROR",
  RequestTimeoutError: "REQUEST_TIMEOUT",
  RequestAbortedError: "REQUEST_ABORTED",
  InvalidRequestError: "INVALID_REQUEST",
  UnexpectedClientError: "UNEXPECTED_CLIENT_ERROR",
  ResponseValidationError: "RESPONSE_VALIDATION",
  SDKValidationError: "VALIDATION_ERROR",
};

const httpClient = new HTTPClient();

/** Adapts `console.debug`, which has no groups. */
const logger: Logger = {
  group: (label) => console.debug(label),
  groupEnd: () => {},
  log: (...line) => console.debug(...line),
};

/**
 * The client of `gwop-checkout`: snake_case, wire JSON.
 *
 * ```ts
 * const gwop = new GwopCheckout({ merchantApiKey: "sk_m_…" });
 * const invoice = await gwop.invoices.create({ amount_usdc: 1_000_000 });
 * await gwop.invoices.waitForStatus(invoice.public_invoice_id, "PAID");
 * ```
 */
export class GwopCheckout {
  static {
    hide(this, { name: "GwopCheckout" });
  }

  /** Webhooks, for code that needs no client. */
  static readonly webhooks = new Webhooks();
  /** Webhooks. */
  readonly webhooks = GwopCheckout.webhooks;
  /** Invoices. */
  readonly invoices: Invoices;

  /**
   * @throws InvalidRequestError if `maxRetries` is not a whole number of 0 or more, `timeout` is
   * not more than 0, or another option has the wrong type.
   */
  constructor(options?: GwopCheckoutOptions) {
    const {
      merchantApiKey,
      apiKey,
      baseUrl,
      maxRetries = 2,
      timeout,
      debug = false,
      ...host
    } = readOptions(options, OPTIONS, invalid);
    if (!Number.isSafeInteger(maxRetries) || maxRetries < 0)
      throw invalid("maxRetries must be a whole number, 0 or more");
    if (timeout !== undefined && !(typeof timeout === "number" && timeout > 0))
      throw invalid("timeout must be milliseconds, more than 0");
    if (typeof debug !== "boolean") throw invalid("debug must be a boolean");
    const allowInsecure = readAllowInsecure(host.allowInsecure, invalid);
    this.invoices = new Invoices(async (operation, argument, signal) => {
      const { text } = await runCall({ operation, argument, wire: true, toError }, () => {
        const serverURL = readHost("baseUrl", baseUrl, allowInsecure, invalid);
        return {
          serverURL,
          identityURL: "",
          merchantApiKey: () =>
            checkedKey(
              merchantApiKey || apiKey || readEnv("GWOP_CHECKOUT_API_KEY"),
              isGwops(serverURL),
            ),
          headers: undefined,
          userAgent: undefined,
          httpClient,
          timeoutMs: timeout,
          signal,
          retries: () => ({ most: maxRetries, codes: ["429", "503"], timeouts: false }),
          debugLogger: debug || readEnv("GWOP_DEBUG") === "1" ? logger : undefined,
        };
      });
      return JSON.parse(text);
    });
  }
}

function checkedKey(key: unknown, reachesGwop: boolean): string {
  if (typeof key === "string" && /^\s*sk_m_[!-~]+\s*$/.test(key)) {
    if (reachesGwop && key.trim() === "sk_m_simulator") {
      throw new AuthenticationError(
        "merchantApiKey is a simulator's, and baseUrl is Gwop's own: pass your own key, or the simulator's URL",
        {
          code: "UNAUTHORIZED",
          statusCode: 401,
        },
      );
    }
    return key;
  }
  throw new AuthenticationError(
    key
      ? "merchantApiKey must be sk_m_ and printable ASCII: copy it whole and alone from the dashboard's settings"
      : `A merchant key is required: pass merchantApiKey to new GwopCheckout() or set GWOP_CHECKOUT_API_KEY ${ON_WORKERS}`,
    { code: "UNAUTHORIZED", statusCode: 401 },
  );
}

/** Creates the error for a failed call. */
function toError(end: CallEnd): GwopCheckoutError {
  const { kind, error, exhausted, exchange, cause } = end;
  if (cause instanceof AuthenticationError) return cause;
  // The core's names for options that have other names here.
  const message = error
    ? end.message
    : end.message
        .replace("invoices.get", "invoices.retrieve")
        .replace("timeoutMs", "timeout")
        .replace("idempotency_key", "idempotencyKey");
  const refused = kind === "SDKValidationError" || kind === "InvalidRequestError";
  const headers = exchange?.response.headers;
  const statusCode = exchange?.response.status ?? (refused ? 400 : undefined);
  const Class = CLASSES[statusCode ?? 0] ?? GwopCheckoutError;
  const options: GwopCheckoutErrorOptions = {
    code: error?.code ?? CODES[kind] ?? "HTTP_ERROR",
    statusCode,
    requestId: error?.requestId ?? headers?.get("x-request-id") ?? undefined,
    details: error?.details,
    cause,
  };
  if (statusCode === 429) {
    const wait = core().parseRetryAfter(headers?.get("retry-after") ?? "", Date.now());
    options.details = {
      ...error?.details,
      ...(wait !== undefined && { retry_after_seconds: Math.ceil(wait / 1000) }),
    };
  }
  const own = new Class(message, options);
  if (!exhausted) return own;
  return new Class(`The retries ran out: ${message}`, {
    ...options,
    code: "MAX_RETRIES_EXCEEDED",
    cause: own,
  });
}
