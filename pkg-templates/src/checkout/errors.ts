import { brand, hide } from "../errors/brand.js";

/**
 * The codes of {@link GwopCheckoutError} beside Gwop's own (`ErrorCode` of `@gwop/sdk/errors`).
 * Open: new ones may come.
 */
export type CheckoutErrorCode =
  /**
   * Gwop's host answered with an error status and without a code of Gwop's.
   *
   * Cause: A proxy answered in Gwop's place, or `baseUrl` is another server.
   *
   * Fix: Read `statusCode`.
   */
  | "HTTP_ERROR"
  /**
   * The retries ran out. Class, `statusCode` and `details` are those of the last answer, and
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
   * Cause: Nobody paid within `timeout` (120,000), or no look at the invoice succeeded.
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
   * The connection could not be made, or it broke. The outcome is unknown.
   *
   * Cause: The network, DNS, TLS or a proxy failed; `cause` is the error of the runtime.
   *
   * Fix: Repeat the call with the error's `idempotencyKey`.
   */
  | "CONNECTION_ERROR"
  /**
   * No whole answer came in time. The outcome is unknown.
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
   * Fix: If the call has to be carried out, repeat it with the error's `idempotencyKey`.
   */
  | "REQUEST_ABORTED"
  /**
   * The request could not be made. Nothing was sent.
   *
   * Cause: `baseUrl` is no URL that a path can be added to.
   *
   * Fix: Correct `baseUrl`.
   */
  | "INVALID_REQUEST"
  /**
   * Something failed that no other code stands for. The outcome is unknown.
   *
   * Cause: The runtime failed; `cause` tells more.
   *
   * Fix: Read `cause`. Repeat the call with the error's `idempotencyKey`.
   */
  | "UNEXPECTED_CLIENT_ERROR"
  /**
   * Gwop answered with success, and the body is no JSON object. The call may have had its effect.
   *
   * Cause: A proxy has changed the answer.
   *
   * Fix: Do not take it for a failure. Repeat the call with the error's `idempotencyKey`, or look.
   */
  | "RESPONSE_VALIDATION"
  /**
   * An option or an argument is wrong. Nothing was sent.
   *
   * Cause: A name is misspelled, or a value is of another kind.
   *
   * Fix: Correct the code. The message names the option.
   */
  | "VALIDATION_ERROR"
  /**
   * A webhook was refused.
   *
   * Cause: `details.reason` is the code with which `validateWebhook` refuses it.
   *
   * Fix: Answer 400 and do not trust the event.
   */
  | "WEBHOOK_SIGNATURE_ERROR"
  | (string & {});

/** What is known about a failure. */
export interface GwopCheckoutErrorOptions {
  /** What went wrong, for programs. */
  code: string;
  /** The HTTP status. Left out where there was no answer. */
  statusCode?: number | undefined;
  /** The request's id, for Gwop's support. */
  requestId?: string | undefined;
  /** More about it; its shape depends on the code. */
  details?: { [key: string]: any } | undefined;
  /** What led to it. */
  cause?: unknown;
}

/**
 * The base of all errors of `@gwop/sdk/checkout`, and the class of those that no other stands for.
 *
 * {@link CheckoutErrorCode} and `docs/errors.md` tell what each `code` means.
 */
export class GwopCheckoutError extends Error {
  static {
    brand(this, "GwopCheckoutError", "checkout");
  }

  /** What went wrong, for programs: Gwop's own code, or one of the SDK's. */
  readonly code: CheckoutErrorCode;
  /** The HTTP status. Undefined where there was no answer. */
  readonly statusCode: number | undefined;
  /** The request's id, for Gwop's support. */
  readonly requestId: string | undefined;
  /** More about it; its shape depends on the code. */
  readonly details: { [key: string]: any } | undefined;
  /** The idempotency key of the call, where it had one, to repeat the call with. Not enumerable. */
  declare readonly idempotencyKey?: string;

  /** @param message What went wrong, for people. */
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

/** 401: the merchant key is missing, does not start with `sk_m_`, or is not known to Gwop. */
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

/** 429: too many requests. `details.retry_after_seconds` is how long Gwop asks to wait, where it says so. */
export class RateLimitError extends GwopCheckoutError {
  static {
    brand(this, "RateLimitError", "checkout");
  }
}
