/**
 * The codes of the handlers' responses, besides those of webhooks, of tokens and of Gwop itself.
 * The Worker responds with the same codes and a few of its own. More codes can follow.
 *
 * Each comment begins with the HTTP status. `docs/errors.md` is generated from them.
 */
export type HandlerErrorCode =
  /**
   * 413: The body is too large.
   *
   * Cause: A webhook has more than `maxBodyBytes` (262,144; `MAX_BODY_BYTES` of the Worker), or a
   * request of the auth routes has more than 4,096.
   *
   * Fix: Send a smaller body.
   */
  | "BODY_TOO_LARGE"
  /**
   * 408: The body did not arrive in time.
   *
   * Cause: The sender took longer than `bodyTimeoutSeconds` (30).
   *
   * Fix: Send it again.
   */
  | "BODY_TIMEOUT"
  /**
   * 400: The body could not be read to its end.
   *
   * Cause: The connection broke while the body was sent.
   *
   * Fix: Send it again.
   */
  | "BODY_BROKEN"
  /**
   * 405: The path exists, but only for another method.
   *
   * Cause: For example, a webhook was not sent with POST.
   *
   * Fix: Use a method that the `Allow` header names.
   */
  | "METHOD_NOT_ALLOWED"
  /**
   * 404: There is nothing at this path. The Worker responds in the same way to an operator without
   * the right token.
   *
   * Cause: The path or `OPERATOR_TOKEN` is wrong.
   *
   * Fix: Check the path and the token.
   */
  | "NOT_FOUND"
  /**
   * 415: The body is not plain JSON.
   *
   * Cause: `Content-Type` is not JSON, or `Content-Encoding` compresses the body.
   *
   * Fix: Send `application/json` without `Content-Encoding`.
   */
  | "UNSUPPORTED_MEDIA_TYPE"
  /**
   * 503: The server cannot process the request now.
   *
   * Cause: Storage or Gwop is unavailable, or another event of the same invoice is being processed.
   *
   * Fix: Send it again after `Retry-After`. Gwop delivers webhooks again by itself.
   */
  | "UNAVAILABLE"
  /**
   * 500: Your callback threw. The event is not recorded.
   *
   * Cause: `onPaid`, `onExpired`, `onCanceled`, `onConflict` or `onUnknown` failed. `onError`
   * receives the error.
   *
   * Fix: Fix the callback. Gwop delivers the event again.
   */
  | "CALLBACK_FAILED"
  /**
   * 500: The server is not configured correctly.
   *
   * Cause: A secret is missing, or a body parser has read the body before the handler. `onError`
   * receives the reason.
   *
   * Fix: Set the secret, or mount the handler before any body parser.
   */
  | "MISCONFIGURED"
  /**
   * 503: Wallet log-in is not configured.
   *
   * Cause: The merchant id, the merchant key or `AUTH_SECRET` is missing or too short. `onError` or
   * the Worker's log says which.
   *
   * Fix: Set what is missing.
   */
  | "AUTH_NOT_CONFIGURED"
  /**
   * 401: There is no access token.
   *
   * Cause: The request has no `Authorization: Bearer …` header.
   *
   * Fix: Log in, then send the token.
   */
  | "TOKEN_REQUIRED"
  /**
   * 400: A value of the request is not accepted.
   *
   * Cause: A field is missing or has the wrong type, or `metadata` has more than 1,024 bytes or 16
   * levels. The message names the field.
   *
   * Fix: Fix the value.
   */
  | "VALIDATION_ERROR"
  /**
   * 403: The `exchange_secret` does not belong to this auth intent.
   *
   * Cause: It belongs to another intent, or `AUTH_SECRET` was replaced since.
   *
   * Fix: Send the `exchange_secret` of the response that created the intent.
   */
  | "EXCHANGE_SECRET_INVALID"
  /**
   * 502: Gwop is unavailable now. The status is 503 if Gwop limits the rate.
   *
   * Cause: The network or Gwop failed, or Gwop responded with an error that the agent cannot act
   * on. `onError` or the log has it.
   *
   * Fix: Try again after `Retry-After`.
   */
  | "GWOP_UNAVAILABLE"
  | (string & {});

/** The codes that `onError` receives, besides {@link HandlerErrorCode}. More codes can follow. */
export type ReportedErrorCode =
  /**
   * An event contradicts a final state, and there is no `onConflict`. The event is recorded, but
   * not applied.
   *
   * Cause: Money came for an invoice that had expired or was canceled, or an invoice was paid
   * twice.
   *
   * Fix: Check the invoice, and refund by hand if needed. Pass `onConflict` to receive conflicts.
   */
  | "CONFLICT"
  /**
   * Reconciliation found an invoice from which it cannot create an event.
   *
   * Cause: Gwop's response lacks a field that an event needs.
   *
   * Fix: Check the invoice that `invoiceId` names. The run continues with the others.
   */
  | "RECONCILE_UNUSABLE"
  | (string & {});
