import { SDKValidationError, type ValidationErrorCode } from "./validation.js";

/** The error for input of the caller's that is refused before anything was done with it. */
export function refuse(
  message: string,
  rawValue?: unknown,
  code?: ValidationErrorCode,
  httpStatus?: number,
): SDKValidationError {
  return new SDKValidationError(message, undefined, rawValue, code, httpStatus);
}
