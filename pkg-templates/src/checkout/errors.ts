import { brand, hide } from "../errors/brand.js";

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
 * | `code` | when |
 * |---|---|
 * | Gwop's own, see `ErrorCode` of `@gwop/sdk/errors` | Gwop answered with an error |
 * | `HTTP_ERROR` | a failing status without an explanation of Gwop's |
 * | `MAX_RETRIES_EXCEEDED` | the retries ran out; the class, `statusCode` and `details` are those of the last answer |
 * | `WAIT_TIMEOUT`, `WAIT_STATUS_FINAL` | `waitForStatus` ended without the status |
 * | `CONNECTION_ERROR`, `REQUEST_TIMEOUT`, `REQUEST_ABORTED`, `INVALID_REQUEST`, `UNEXPECTED_CLIENT_ERROR` | no answer came |
 * | `RESPONSE_VALIDATION` | success, but a body that is no JSON object |
 * | `WEBHOOK_SIGNATURE_ERROR` | a webhook was refused; `details.reason` tells why |
 */
export class GwopCheckoutError extends Error {
  static {
    brand(this, "GwopCheckoutError", "checkout");
  }

  /** What went wrong, for programs. */
  readonly code: string;
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
