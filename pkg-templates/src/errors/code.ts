/**
 * The codes of Gwop's error responses (contract, "Errors").
 *
 * ```ts
 * if (isGwopError(error, ErrorCode.InvoiceNotFound)) return undefined;
 * ```
 */
export const ErrorCode = {
  /**
   * 401: Gwop does not know the merchant key.
   *
   * Cause: The key is missing, was revoked, was copied in part, or belongs to another environment.
   *
   * Fix: Check `merchantApiKey` or `GWOP_MERCHANT_API_KEY` against the dashboard.
   */
  Unauthorized: "UNAUTHORIZED",
  /**
   * 403: The merchant key does not allow this call.
   *
   * Cause: The key lacks the rights for the call, or the object belongs to another merchant.
   *
   * Fix: Use a key that has the rights.
   */
  Forbidden: "FORBIDDEN",
  /**
   * 400: The request breaks a rule of the API.
   *
   * Cause: A value is out of range or has the wrong type. `details` says which.
   *
   * Fix: Fix the value. Repeating the same request does not help.
   */
  ValidationError: "VALIDATION_ERROR",
  /**
   * 404: There is no such invoice.
   *
   * Cause: The id is wrong, is the invoice's other id, or belongs to another merchant.
   *
   * Fix: Check the id: `invoices.get` takes the public id (`inv_…`).
   */
  InvoiceNotFound: "INVOICE_NOT_FOUND",
  /**
   * 400: The invoice cannot be canceled. Older documents say 409.
   *
   * Cause: It is no longer OPEN.
   *
   * Fix: Read its status. Canceling cannot undo a payment that is under way or done.
   */
  InvoiceCancelNotAllowed: "INVOICE_CANCEL_NOT_ALLOWED",
  /**
   * 402: The agent has not paid the auth intent yet.
   *
   * Cause: The payment was not sent, or has not settled.
   *
   * Fix: Try again after `Retry-After`.
   */
  AuthIntentNotSettled: "AUTH_INTENT_NOT_SETTLED",
  /**
   * 404: There is no such auth intent.
   *
   * Cause: The id is wrong, or belongs to another merchant.
   *
   * Fix: Check the id.
   */
  AuthIntentNotFound: "AUTH_INTENT_NOT_FOUND",
  /**
   * 409: The auth intent has expired.
   *
   * Cause: The agent did not pay it in time.
   *
   * Fix: Create a new auth intent.
   */
  AuthIntentExpired: "AUTH_INTENT_EXPIRED",
  /**
   * 409: The auth intent was already exchanged.
   *
   * Cause: Two processes exchanged it, or a response was lost and the exchange was repeated with
   * another idempotency key.
   *
   * Fix: Create a new auth intent. To repeat an exchange, keep its idempotency key.
   */
  AuthIntentUsed: "AUTH_INTENT_USED",
  /**
   * 404: There is no such session.
   *
   * Cause: The id is wrong, or belongs to another merchant.
   *
   * Fix: Check the id. Treat the token as revoked.
   */
  SessionNotFound: "SESSION_NOT_FOUND",
  /**
   * 409: The idempotency key was already used for another request.
   *
   * Cause: The same key was sent with another body.
   *
   * Fix: Use a new key for a new request, and the same body to repeat an old one.
   */
  IdempotencyConflict: "IDEMPOTENCY_CONFLICT",
  /**
   * 429: Too many requests. The SDK has already retried.
   *
   * Cause: You send more than Gwop allows.
   *
   * Fix: Wait as long as `Retry-After` says, then continue more slowly.
   */
  RateLimited: "RATE_LIMITED",
} as const;

/** The code of an error response of Gwop. */
export type ErrorCode = (typeof ErrorCode)[keyof typeof ErrorCode];
