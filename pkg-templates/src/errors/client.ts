import { brand, explain } from "./brand.js";

/** No answer came: nothing is known about whether Gwop saw the request. The base of the five classes below. */
export class HTTPClientError extends Error {
  static {
    brand(this, "HTTPClientError");
  }

  /** What went wrong, for programs. */
  readonly code: string = "HTTP_CLIENT_ERROR";
  /** The idempotency key of the call, where it had one, to repeat the call with. */
  declare readonly idempotencyKey?: string;

  /**
   * @param message What went wrong, for people.
   * @param options `cause`: what led to it; an error's text is added to the message.
   */
  constructor(message: string, options?: { cause?: unknown }) {
    super(explain(message, options?.cause), options);
  }
}

/** Something that no other class stands for, such as an exception in a hook. */
export class UnexpectedClientError extends HTTPClientError {
  static {
    brand(this, "UnexpectedClientError");
  }

  override readonly code = "UNEXPECTED_CLIENT_ERROR";
}

/** The request could not be made, such as from a malformed URL. Nothing was sent. */
export class InvalidRequestError extends HTTPClientError {
  static {
    brand(this, "InvalidRequestError");
  }

  override readonly code = "INVALID_REQUEST";
}

/** The caller's `AbortSignal` ended the call; `cause` is its reason. */
export class RequestAbortedError extends HTTPClientError {
  static {
    brand(this, "RequestAbortedError");
  }

  override readonly code = "REQUEST_ABORTED";
}

/** No answer within `timeoutMs`. Whether Gwop saw the request is not known. */
export class RequestTimeoutError extends HTTPClientError {
  static {
    brand(this, "RequestTimeoutError");
  }

  override readonly code = "REQUEST_TIMEOUT";
}

/** The connection could not be made, or broke. Whether Gwop saw the request is not known. */
export class ConnectionError extends HTTPClientError {
  static {
    brand(this, "ConnectionError");
  }

  override readonly code = "CONNECTION_ERROR";
}
