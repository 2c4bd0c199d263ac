import { brand, hide } from "./brand.js";
import type { ErrorCode } from "./code.js";

/** The exchange that an error is about. */
export interface HTTPMeta {
  /** The answer. */
  response: Response;
  /** The request. It is not kept: its headers hold the merchant key. */
  request: Request;
  /** The answer's body, as text. */
  body: string;
}

/** What Gwop says about a failure. */
export interface ErrorDetails {
  /** What went wrong, for programs. Open: keep unknown codes as they are. */
  code: ErrorCode | (string & {});
  /** What went wrong, for people. */
  message: string;
  /** More about it; its shape depends on the code. */
  details?: { [key: string]: unknown } | undefined;
  /** The request's id, for Gwop's support. */
  requestId?: string | undefined;
}

/** The body of an error answer. */
export interface ErrorResponseData {
  /** What Gwop says about the failure. */
  error: ErrorDetails;
}

/**
 * Gwop answered, but not with what was asked for. The base of {@link ErrorResponse}, {@link RateLimitError},
 * {@link GwopDefaultError} and {@link ResponseValidationError}.
 *
 * `body`, `headers`, `rawResponse` and `idempotencyKey` are not enumerable: an answer may hold an access token, so
 * printing an error does not show them.
 */
export class GwopError extends Error {
  static {
    brand(this, "GwopError");
  }

  /**
   * Gwop's host answered with an error status and without a code of Gwop's. Errors with such a code
   * have it in place of this one.
   *
   * Cause: A proxy or a load balancer answered in Gwop's place, or `serverURL` is another server.
   *
   * Fix: Read `statusCode` and `body`. The outcome is unknown if the status is 500 or more.
   */
  readonly code: string = "HTTP_ERROR";
  /** The HTTP status. */
  readonly statusCode: number;
  /** The answer's `Content-Type`, empty where it has none. */
  readonly contentType: string;
  /** The answer's body, as text. */
  declare readonly body: string;
  /** The answer's headers. */
  declare readonly headers: Headers;
  /** The answer. Its body has been read: see {@link body}. */
  declare readonly rawResponse: Response;
  /** The idempotency key of the call, where it had one, to repeat the call with. */
  declare readonly idempotencyKey?: string;

  /** @param message What went wrong, for people. */
  constructor(message: string, { response, body }: HTTPMeta) {
    super(message);
    const { headers } = response;
    this.statusCode = response.status;
    this.contentType = headers.get("content-type") ?? "";
    hide(this, { body, headers, rawResponse: response });
  }
}

/** What {@link ErrorResponse} and {@link RateLimitError} have in common. */
class StructuredError extends GwopError {
  /** Gwop's own code, such as `INVOICE_NOT_FOUND`. */
  override readonly code: string;
  /** What Gwop says about the failure. */
  readonly error: ErrorDetails;
  /** The body of the answer. */
  declare readonly data$: ErrorResponseData;

  /** @param data The body of the answer. The error's message is the server's, as it stands. */
  constructor(data: ErrorResponseData, meta: HTTPMeta) {
    const { error } = data;
    super(error.message, meta);
    this.code = error.code;
    this.error = error;
    hide(this, { data$: data });
  }
}

/** A failure that Gwop explains: `error` holds its code, message, details and the request's id. */
export class ErrorResponse extends StructuredError {
  static {
    brand(this, "ErrorResponse");
  }
}

/** 429: too many requests. `headers` may hold `Retry-After`, in seconds or as an HTTP date. */
export class RateLimitError extends StructuredError {
  static {
    brand(this, "RateLimitError");
  }
}

/** A failing status without an explanation of Gwop's: `body` is all there is. */
export class GwopDefaultError extends GwopError {
  static {
    brand(this, "GwopDefaultError");
  }
}
