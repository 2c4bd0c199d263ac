// The types on which a merchant's error handling relies. Only the compiler checks them.
import {
  ErrorCode,
  ErrorResponse,
  GwopError,
  isGwopError,
  RateLimitError,
  TokenVerificationError,
} from "@gwop/sdk/errors";
import * as models from "@gwop/sdk/models/errors";

/** Fails to compile unless both types are the same. */
type Same<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <A, B>(_: Same<A, B>): void => {};

export function handle(error: unknown): string | undefined {
  if (isGwopError(error, ErrorCode.InvoiceNotFound)) return error.body;
  if (isGwopError(error, "A_CODE_OF_TOMORROW")) {
    same<typeof error, GwopError>(true);
    same<typeof error.statusCode, number>(true);
    same<typeof error.headers, Headers>(true);
    same<typeof error.rawResponse, Response>(true);
  }
  if (error instanceof ErrorResponse || error instanceof RateLimitError) {
    same<typeof error.data$.error.message, string>(true);
    same<typeof error.error.requestId, string | undefined>(true);
    return error.idempotencyKey;
  }
  if (error instanceof models.RequestTimeoutError) {
    same<typeof error.code, "REQUEST_TIMEOUT">(true);
    same<typeof error.cause, unknown>(true);
  }
  if (error instanceof models.ResponseValidationError) {
    const validation: models.SDKValidationError = error;
    return validation.pretty();
  }
  if (error instanceof TokenVerificationError) {
    switch (error.code) {
      case "TOKEN_EXPIRED":
        return "log in again";
      // @ts-expect-error No such code.
      case "TOKEN_TOO_LONG":
        return undefined;
    }
  }
  return undefined;
}

export function construct(meta: { response: Response; request: Request; body: string }): Error[] {
  const error = { code: ErrorCode.RateLimited, message: "slow down" };
  // @ts-expect-error The message comes first.
  new GwopError(meta);
  return [
    new GwopError("m", meta),
    new ErrorResponse({ error }, meta),
    new RateLimitError({ error }, meta),
    new models.GwopDefaultError("m", meta),
    new models.ResponseValidationError("m", {
      ...meta,
      cause: undefined,
      rawValue: {},
      rawMessage: "m",
    }),
    new models.SDKValidationError("m", new Error("why"), {}),
    new models.ConnectionError("m", { cause: new Error("why") }),
    new models.UnexpectedClientError("m"),
  ];
}
