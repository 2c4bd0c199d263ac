/**
 * The codes of Gwop's error answers (contract, "Errors").
 *
 * ```ts
 * if (isGwopError(error, ErrorCode.InvoiceNotFound)) return undefined;
 * ```
 */
export const ErrorCode = {
  /** 401: the merchant key is missing or wrong. */
  Unauthorized: "UNAUTHORIZED",
  /** 403: the merchant key may not do this. */
  Forbidden: "FORBIDDEN",
  /** 400: the request breaks a rule of the API; `details` says which. */
  ValidationError: "VALIDATION_ERROR",
  /** 404: there is no such invoice. */
  InvoiceNotFound: "INVOICE_NOT_FOUND",
  /** 400, in older documents 409: only an OPEN invoice can be canceled. */
  InvoiceCancelNotAllowed: "INVOICE_CANCEL_NOT_ALLOWED",
  /** 402: the agent has not paid the auth intent yet. Ask again later. */
  AuthIntentNotSettled: "AUTH_INTENT_NOT_SETTLED",
  /** 404: there is no such auth intent. */
  AuthIntentNotFound: "AUTH_INTENT_NOT_FOUND",
  /** 409: the auth intent has expired. Create a new one. */
  AuthIntentExpired: "AUTH_INTENT_EXPIRED",
  /** 409: the auth intent was exchanged before. Create a new one. */
  AuthIntentUsed: "AUTH_INTENT_USED",
  /** 404: there is no such session. */
  SessionNotFound: "SESSION_NOT_FOUND",
  /** 409: the idempotency key was used before. Take a fresh one. */
  IdempotencyConflict: "IDEMPOTENCY_CONFLICT",
  /** 429: too many requests. Wait as `Retry-After` says. */
  RateLimited: "RATE_LIMITED",
} as const;

/** The code of an error answer of Gwop. */
export type ErrorCode = (typeof ErrorCode)[keyof typeof ErrorCode];
