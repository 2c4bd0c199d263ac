/**
 * The SDK's error classes. Each error has a stable `code`:
 *
 * | class | `code` |
 * |---|---|
 * | `ErrorResponse`, `RateLimitError` | Gwop's own, see `ErrorCode` |
 * | `GwopError`, `GwopDefaultError` | `HTTP_ERROR` |
 * | `ResponseValidationError` | `RESPONSE_VALIDATION` |
 * | `SDKValidationError` | `SDK_VALIDATION`, `MERCHANT_API_KEY_MISSING`, `MERCHANT_ID_MISSING`, `SIMULATOR_CREDENTIALS`, `WEBHOOK_…` |
 * | `TokenVerificationError` | `TOKEN_…`, `SESSION_REVOKED`, `JWKS_UNAVAILABLE` |
 * | `WaitForStatusError` | `WAIT_TIMEOUT`, `WAIT_STATUS_FINAL` |
 * | `ConnectionError` | `CONNECTION_ERROR` |
 * | `RequestTimeoutError` | `REQUEST_TIMEOUT` |
 * | `RequestAbortedError` | `REQUEST_ABORTED` |
 * | `InvalidRequestError` | `INVALID_REQUEST` |
 * | `UnexpectedClientError` | `UNEXPECTED_CLIENT_ERROR` |
 * | `HTTPClientError` | `HTTP_CLIENT_ERROR` |
 */
export * from "./client.js";
export * from "./code.js";
export * from "./is-gwop-error.js";
export * from "./is-outcome-unknown.js";
export * from "./gwop.js";
export * from "./token.js";
export * from "./validation.js";
export * from "./wait.js";
