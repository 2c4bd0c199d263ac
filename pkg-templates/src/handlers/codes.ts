/**
 * The codes with which the handlers answer, beside those of webhooks, of tokens and of Gwop itself.
 * The Worker answers with the same ones, and with a few of its own. Open: new ones may come.
 *
 * Each comment begins with the HTTP status; `docs/errors.md` is made of them.
 */
export type HandlerErrorCode =
  /**
   * 413: The body has too many bytes.
   *
   * Cause: A webhook has more than `maxBodyBytes` (262,144; `MAX_BODY_BYTES` of the Worker), or a
   * request of the auth routes more than 4,096.
   *
   * Fix: Send less.
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
   * 405: The path is there, for another method.
   *
   * Cause: A webhook was not sent with POST, for example.
   *
   * Fix: Use a method that the `Allow` header names.
   */
  | "METHOD_NOT_ALLOWED"
  /**
   * 404: There is nothing at this path. The Worker answers the same to an operator without the
   * right token.
   *
   * Cause: The path is wrong, or `OPERATOR_TOKEN` is.
   *
   * Fix: Check the path and the token.
   */
  | "NOT_FOUND"
  /**
   * 415: The body is not plain JSON.
   *
   * Cause: `Content-Type` is another one, or `Content-Encoding` compresses the body.
   *
   * Fix: Send `application/json` without `Content-Encoding`.
   */
  | "UNSUPPORTED_MEDIA_TYPE"
  /**
   * 503: The request cannot be answered now.
   *
   * Cause: Storage or Gwop cannot be asked, or another event of the same invoice is being
   * processed.
   *
   * Fix: Send it again after `Retry-After`. Gwop delivers webhooks again by itself.
   */
  | "UNAVAILABLE"
  /**
   * 500: Your callback threw. The event is not recorded.
   *
   * Cause: `onPaid`, `onExpired`, `onCanceled`, `onConflict` or `onUnknown` failed; `onError` gets
   * the error.
   *
   * Fix: Correct the callback. Gwop delivers the event again.
   */
  | "CALLBACK_FAILED"
  /**
   * 500: The server is not set up for this.
   *
   * Cause: A secret is missing, or a body parser has read the body before the handler; `onError` is
   * told which.
   *
   * Fix: Set the secret, or mount the handler before any body parser.
   */
  | "MISCONFIGURED"
  /**
   * 503: Wallet log-in is not set up.
   *
   * Cause: The merchant id, the merchant key or `AUTH_SECRET` is missing or too short; `onError` or
   * the Worker's log tells which.
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
   * Cause: A field is missing or of another kind, or `metadata` has more than 1,024 bytes or 16
   * levels. The message names it.
   *
   * Fix: Correct the value.
   */
  | "VALIDATION_ERROR"
  /**
   * 403: The `exchange_secret` does not belong to this auth intent.
   *
   * Cause: It is of another intent, or `AUTH_SECRET` was replaced since.
   *
   * Fix: Send the `exchange_secret` of the answer that created the intent.
   */
  | "EXCHANGE_SECRET_INVALID"
  /**
   * 502: Gwop cannot be reached now; 503 where Gwop limits the rate.
   *
   * Cause: The network or Gwop failed, or Gwop answered with an error that the agent cannot act on;
   * `onError` or the log has it.
   *
   * Fix: Try again after `Retry-After`.
   */
  | "GWOP_UNAVAILABLE"
  | (string & {});

/** The codes that `onError` is told, beside {@link HandlerErrorCode}. Open: new ones may come. */
export type ReportedErrorCode =
  /**
   * An event contradicts a final state, and there is no `onConflict`. It is recorded, and not
   * applied.
   *
   * Cause: Money came for an invoice that had expired or was canceled, or an invoice was paid
   * twice.
   *
   * Fix: Look at the invoice, and refund by hand if needed. Pass `onConflict` to be told.
   */
  | "CONFLICT"
  /**
   * Reconciliation found an invoice of which it can make no event.
   *
   * Cause: Gwop's answer lacks what an event needs.
   *
   * Fix: Look at the invoice that `invoiceId` names. The run goes on with the others.
   */
  | "RECONCILE_UNUSABLE"
  | (string & {});
