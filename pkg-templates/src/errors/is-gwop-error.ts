import type { ErrorCode } from "./code.js";
import { GwopError } from "./gwop.js";
import { parsed } from "./parsed.js";

/**
 * Whether `err` is an answer of Gwop that failed, and, when `code` is given, with that code.
 *
 * The code is read from `error`, or from the raw body of an error whose shape the SDK did not know.
 * It also holds for errors of another copy of this package.
 */
export function isGwopError(err: unknown, code?: ErrorCode | (string & {})): err is GwopError {
  if (!(err instanceof GwopError)) return false;
  return (
    code === undefined ||
    err.code === code ||
    (!("error" in err) && parsed(err.body)?.error?.code === code)
  );
}
