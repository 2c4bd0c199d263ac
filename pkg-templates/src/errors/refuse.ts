import { SDKValidationError, type ValidationErrorCode } from "./validation.js";

/** Creates the error for the caller's input that is refused before anything is done with it. */
export function refuse(
  message: string,
  rawValue?: unknown,
  code?: ValidationErrorCode,
  httpStatus?: number,
): SDKValidationError {
  return new SDKValidationError(message, undefined, rawValue, code, httpStatus);
}
