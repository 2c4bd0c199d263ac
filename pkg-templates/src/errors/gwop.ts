import { brand, hide } from "./brand.js";
import type { ErrorCode } from "./code.js";

/** The request and response that an error is about. */
export interface HTTPMeta {
  /** The response. */
  response: Response;
  /** The request. The error does not keep it, because its headers contain the merchant key. */
  request: Request;
  /** The response's body, as text. */
  body: string;
}

/** Gwop's description of a failure. */
export interface ErrorDetails {
  /** The code, for programs. More codes can follow: keep unknown codes as they are. */
  code: ErrorCode | (string & {});
  /** The message, for people. */
  message: string;
  /** More details. Their shape depends on the code. */
  details?: { [key: string]: unknown } | undefined;
  /** The request id. Quote it to Gwop's support. */
  requestId?: string | undefined;
}

/** The body of an error response. */
export interface ErrorResponseData {
  /** Gwop's description of the failure. */
  error: ErrorDetails;
}

/**
 * Gwop responded, but not with the expected result. The base of {@link ErrorResponse},
 * {@link RateLimitError}, {@link GwopDefaultError} and {@link ResponseValidationError}.
 *
 * `body`, `headers`, `rawResponse` and `idempotencyKey` are not enumerable. A response may contain
 * an access token, so printing an error does not show them.
 */
export class GwopError extends Error {
  static {
    brand(this, "GwopError");
  }

  /**
   * Gwop's host responded with an error status, but without a code of Gwop's. If Gwop sent a
   * code, `code` is that code.
   *
   * Cause: A proxy or a load balancer responded instead of Gwop, or `serverURL` is another server.
   *
   * Fix: Read `statusCode` and `body`. The outcome is unknown if the status is 500 or more.
   */
  readonly code: string = "HTTP_ERROR";
  /** The HTTP status. */
  readonly statusCode: number;
  /** The response's `Content-Type`. Empty if it has none. */
  readonly contentType: string;
  /** The response's body, as text. */
  declare readonly body: string;
  /** The response's headers. */
  declare readonly headers: Headers;
  /** The response. Its body has been read: use {@link body}. */
  declare readonly rawResponse: Response;
  /** The idempotency key of the call, if it had one. Use it to repeat the call. */
  declare readonly idempotencyKey?: string;

  /** @param message The message, for people. */
  constructor(message: string, { response, body }: HTTPMeta) {
    super(message);
    const { headers } = response;
    this.statusCode = response.status;
    this.contentType = headers.get("content-type") ?? "";
    hide(this, { body, headers, rawResponse: response });
  }
}

/** The common base of {@link ErrorResponse} and {@link RateLimitError}. */
class StructuredError extends GwopError {
  /** Gwop's own code, such as `INVOICE_NOT_FOUND`. */
  override readonly code: string;
  /** Gwop's description of the failure. */
  readonly error: ErrorDetails;
  /** The body of the response. */
  declare readonly data$: ErrorResponseData;

  /** @param data The body of the response. Its message becomes the error's message, unchanged. */
  constructor(data: ErrorResponseData, meta: HTTPMeta) {
    const { error } = data;
    super(error.message, meta);
    this.code = error.code;
    this.error = error;
    hide(this, { data$: data });
  }
}

/**
 * A failure that Gwop explains. `error` contains its code, message, details and the request id.
 */
export class ErrorResponse extends StructuredError {
  static {
    brand(this, "ErrorResponse");
  }
}

/** 429: too many requests. `headers` may contain `Retry-After`, in seconds or as an HTTP date. */
export class RateLimitError extends StructuredError {
  static {
    brand(this, "RateLimitError");
  }
}

/** An error status without an explanation from Gwop. Only `body` is available. */
export class GwopDefaultError extends GwopError {
  static {
    brand(this, "GwopDefaultError");
  }
}
