import { brand, hide } from "../errors/brand.js";

/**
 * The codes of {@link GwopCheckoutError} beside Gwop's own (`ErrorCode` of `@gwop/sdk/errors`).
 * Open: new ones may come.
 */
export type CheckoutErrorCode =
  /**
   * Gwop's host responded with an error status, but without a code of Gwop's.
   *
   * Cause: A proxy responded instead of Gwop, or `baseUrl` is another server.
   *
   * Fix: Read `statusCode`.
   */
  | "HTTP_ERROR"
  /**
   * The retries ran out. The class, `statusCode` and `details` are those of the last response, and
   * `cause` is its error.
   *
   * Cause: Gwop or the network failed `maxRetries` (2) times in a row.
   *
   * Fix: Try again later, with the error's `idempotencyKey`.
   */
  | "MAX_RETRIES_EXCEEDED"
  /**
   * The invoice did not reach the status in time.
   *
   * Cause: Nobody paid within `timeout` (120,000), or every request for the invoice failed.
   *
   * Fix: Wait again, or rely on the webhook.
   */
  | "WAIT_TIMEOUT"
  /**
   * The invoice has another final status, so it will never reach the one you wait for.
   *
   * Cause: It was paid, has expired or was canceled in the meantime.
   *
   * Fix: Create a new invoice if one is still needed.
   */
  | "WAIT_STATUS_FINAL"
  /**
   * The connection could not be opened, or it broke. The outcome is unknown.
   *
   * Cause: The network, DNS, TLS or a proxy failed. `cause` is the runtime's error.
   *
   * Fix: Repeat the call with the error's `idempotencyKey`.
   */
  | "CONNECTION_ERROR"
  /**
   * No complete response arrived in time. The outcome is unknown.
   *
   * Cause: The network or Gwop took longer than `timeout` (30,000).
   *
   * Fix: Repeat the call with the error's `idempotencyKey`.
   */
  | "REQUEST_TIMEOUT"
  /**
   * Your `AbortSignal` ended the call. The outcome is unknown.
   *
   * Cause: `signal` was aborted.
   *
   * Fix: If the call still matters, repeat it with the error's `idempotencyKey`.
   */
  | "REQUEST_ABORTED"
  /**
   * The request could not be created. Nothing was sent.
   *
   * Cause: `baseUrl` is not a URL to which a path can be added.
   *
   * Fix: Fix `baseUrl`.
   */
  | "INVALID_REQUEST"
  /**
   * Something failed that has no other code. The outcome is unknown.
   *
   * Cause: The runtime failed. `cause` says more.
   *
   * Fix: Read `cause`. Repeat the call with the error's `idempotencyKey`.
   */
  | "UNEXPECTED_CLIENT_ERROR"
  /**
   * Gwop responded with success, but the body is not a JSON object. The call may have succeeded.
   *
   * Cause: A proxy changed the response.
   *
   * Fix: Do not treat it as a failure. Repeat the call with the error's `idempotencyKey`, or check.
   */
  | "RESPONSE_VALIDATION"
  /**
   * An option or an argument is wrong. Nothing was sent.
   *
   * Cause: A name is misspelled, or a value has the wrong type.
   *
   * Fix: Fix the code. The message names the option.
   */
  | "VALIDATION_ERROR"
  /**
   * A webhook was refused.
   *
   * Cause: `details.reason` is the code with which `validateWebhook` refuses the webhook.
   *
   * Fix: Respond with 401 and do not trust the event.
   */
  | "WEBHOOK_SIGNATURE_ERROR"
  | (string & {});

/** The details of a failure. */
export interface GwopCheckoutErrorOptions {
  /** The code, for programs. */
  code: string;
  /** The HTTP status. Left out if there was no response. */
  statusCode?: number | undefined;
  /** The request id. Quote it to Gwop's support. */
  requestId?: string | undefined;
  /** More details. Their shape depends on the code. */
  details?: { [key: string]: any } | undefined;
  /** The cause. */
  cause?: unknown;
}

/**
 * The base class of all errors of `@gwop/sdk/checkout`. It is also the class of errors that have no
 * other class.
 *
 * {@link CheckoutErrorCode} and `docs/errors.md` explain each `code`.
 */
export class GwopCheckoutError extends Error {
  static {
    brand(this, "GwopCheckoutError", "checkout");
  }

  /** The code, for programs: Gwop's own code, or one of the SDK's. */
  readonly code: CheckoutErrorCode;
  /** The HTTP status. Undefined if there was no response. */
  readonly statusCode: number | undefined;
  /** The request id. Quote it to Gwop's support. */
  readonly requestId: string | undefined;
  /** More details. Their shape depends on the code. */
  readonly details: { [key: string]: any } | undefined;
  /**
   * The idempotency key of the call, if it had one. Use it to repeat the call. Not enumerable.
   */
  declare readonly idempotencyKey?: string;

  /** @param message The message, for people. */
  constructor(
    message: string,
    { code, statusCode, requestId, details, cause }: GwopCheckoutErrorOptions,
  ) {
    super(message);
    if (cause !== undefined) hide(this, { cause });
    this.code = code;
    this.statusCode = statusCode;
    this.requestId = requestId;
    this.details = details;
  }
}

/** 401: the merchant key is missing, does not start with `sk_m_`, or is unknown to Gwop. */
export class AuthenticationError extends GwopCheckoutError {
  static {
    brand(this, "AuthenticationError", "checkout");
  }
}

/** 400 or 422: the request breaks a rule, or a webhook was refused. */
export class InvalidRequestError extends GwopCheckoutError {
  static {
    brand(this, "InvalidRequestError", "checkout");
  }
}

/** 404: there is no such invoice. */
export class NotFoundError extends GwopCheckoutError {
  static {
    brand(this, "NotFoundError", "checkout");
  }
}

/**
 * 429: too many requests. `details.retry_after_seconds` is the wait that Gwop asks for, if Gwop
 * states one.
 */
export class RateLimitError extends GwopCheckoutError {
  static {
    brand(this, "RateLimitError", "checkout");
  }
}
