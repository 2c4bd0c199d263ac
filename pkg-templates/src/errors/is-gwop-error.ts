import type { ErrorCode } from "./code.js";
import { GwopError } from "./gwop.js";
import { parsed } from "./parsed.js";

/**
 * Returns whether `err` is an error response of Gwop. If `code` is given, the error must have that
 * code.
 *
 * The code is read from `error`, or from the raw body if the SDK did not know the error's shape.
 * The function also recognizes errors of another copy of this package.
 */
export function isGwopError(err: unknown, code?: ErrorCode | (string & {})): err is GwopError {
  if (!(err instanceof GwopError)) return false;
  return (
    code === undefined ||
    err.code === code ||
    (!("error" in err) && parsed(err.body)?.error?.code === code)
  );
}
