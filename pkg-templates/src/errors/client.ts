import { brand, explain } from "./brand.js";

/** No answer came: nothing is known about whether Gwop saw the request. The base of the five classes below. */
export class HTTPClientError extends Error {
  static {
    brand(this, "HTTPClientError");
  }

  /**
   * No answer came. This is the code of the base class; the SDK throws one of the classes below.
   *
   * Cause: Your own code made the error.
   *
   * Fix: Treat the outcome as unknown.
   */
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

  /**
   * Something failed that no other class stands for. The outcome is unknown.
   *
   * Cause: A hook, the `httpClient` or the function that gives the merchant key threw an error, or
   * the runtime gave no random numbers.
   *
   * Fix: Read `cause` and correct what failed. Repeat the call with the error's `idempotencyKey`.
   */
  override readonly code = "UNEXPECTED_CLIENT_ERROR";
}

/** The request could not be made, such as from a malformed URL. Nothing was sent. */
export class InvalidRequestError extends HTTPClientError {
  static {
    brand(this, "InvalidRequestError");
  }

  /**
   * The request could not be made. Nothing was sent.
   *
   * Cause: `serverURL` or `identityURL` is no URL that a path can be added to, or a header has a
   * value that HTTP does not allow.
   *
   * Fix: Correct the URL or the header.
   */
  override readonly code = "INVALID_REQUEST";
}

/** The caller's `AbortSignal` ended the call; `cause` is its reason. */
export class RequestAbortedError extends HTTPClientError {
  static {
    brand(this, "RequestAbortedError");
  }

  /**
   * Your `AbortSignal` ended the call. The outcome is unknown.
   *
   * Cause: `signal` was aborted; `cause` is its reason.
   *
   * Fix: If the call has to be carried out, repeat it with the error's `idempotencyKey`.
   */
  override readonly code = "REQUEST_ABORTED";
}

/** No answer within `timeoutMs`. Whether Gwop saw the request is not known. */
export class RequestTimeoutError extends HTTPClientError {
  static {
    brand(this, "RequestTimeoutError");
  }

  /**
   * No whole answer came in time, the retries included. The outcome is unknown.
   *
   * Cause: The network or Gwop took longer than `timeoutMs` (30,000) for one attempt.
   *
   * Fix: Repeat the call with the error's `idempotencyKey`, or raise `timeoutMs`.
   */
  override readonly code = "REQUEST_TIMEOUT";
}

/** The connection could not be made, or broke. Whether Gwop saw the request is not known. */
export class ConnectionError extends HTTPClientError {
  static {
    brand(this, "ConnectionError");
  }

  /**
   * The connection could not be made, or it broke, the retries included. The outcome is unknown.
   *
   * Cause: The network, DNS, TLS or a proxy failed; `cause` is the error of the runtime.
   *
   * Fix: Check that the host can be reached. Repeat the call with the error's `idempotencyKey`.
   */
  override readonly code = "CONNECTION_ERROR";
}
