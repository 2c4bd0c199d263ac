import { brand, explain } from "./brand.js";

/**
 * No response arrived, so nobody knows whether Gwop received the request. The base of the five
 * classes below.
 */
export class HTTPClientError extends Error {
  static {
    brand(this, "HTTPClientError");
  }

  /**
   * No response arrived. This is the code of the base class. The SDK throws one of the classes
   * below.
   *
   * Cause: Your own code created the error.
   *
   * Fix: Treat the outcome as unknown.
   */
  readonly code: string = "HTTP_CLIENT_ERROR";
  /** The idempotency key of the call, if it had one. Use it to repeat the call. */
  declare readonly idempotencyKey?: string;

  /**
   * @param message The message, for people.
   * @param options `cause`: the cause. If it is an error, its text is added to the message.
   */
  constructor(message: string, options?: { cause?: unknown }) {
    super(explain(message, options?.cause), options);
  }
}

/** A failure that has no other class, such as an exception in a hook. */
export class UnexpectedClientError extends HTTPClientError {
  static {
    brand(this, "UnexpectedClientError");
  }

  /**
   * Something failed that has no other code. The outcome is unknown.
   *
   * Cause: A hook, the `httpClient` or the function that returns the merchant key threw an error,
   * or the runtime returned no random numbers.
   *
   * Fix: Read `cause` and fix what failed. Repeat the call with the error's `idempotencyKey`.
   */
  override readonly code = "UNEXPECTED_CLIENT_ERROR";
}

/** The request could not be created, for example because of a malformed URL. Nothing was sent. */
export class InvalidRequestError extends HTTPClientError {
  static {
    brand(this, "InvalidRequestError");
  }

  /**
   * The request could not be created. Nothing was sent.
   *
   * Cause: `serverURL` or `identityURL` is not a URL to which a path can be added, or a header has
   * a value that HTTP does not allow.
   *
   * Fix: Fix the URL or the header.
   */
  override readonly code = "INVALID_REQUEST";
}

/** The caller's `AbortSignal` ended the call. `cause` is its reason. */
export class RequestAbortedError extends HTTPClientError {
  static {
    brand(this, "RequestAbortedError");
  }

  /**
   * Your `AbortSignal` ended the call. The outcome is unknown.
   *
   * Cause: `signal` was aborted; `cause` is its reason.
   *
   * Fix: If the call still matters, repeat it with the error's `idempotencyKey`.
   */
  override readonly code = "REQUEST_ABORTED";
}

/** No response arrived within `timeoutMs`. Nobody knows whether Gwop received the request. */
export class RequestTimeoutError extends HTTPClientError {
  static {
    brand(this, "RequestTimeoutError");
  }

  /**
   * No complete response arrived in time, even after retries. The outcome is unknown.
   *
   * Cause: The network or Gwop took longer than `timeoutMs` (30,000) for one attempt.
   *
   * Fix: Repeat the call with the error's `idempotencyKey`, or raise `timeoutMs`.
   */
  override readonly code = "REQUEST_TIMEOUT";
}

/**
 * The connection could not be opened, or it broke. Nobody knows whether Gwop received the request.
 */
export class ConnectionError extends HTTPClientError {
  static {
    brand(this, "ConnectionError");
  }

  /**
   * The connection could not be opened, or it broke, even after retries. The outcome is unknown.
   *
   * Cause: The network, DNS, TLS or a proxy failed. `cause` is the runtime's error.
   *
   * Fix: Check that the host can be reached. Repeat the call with the error's `idempotencyKey`.
   */
  override readonly code = "CONNECTION_ERROR";
}
