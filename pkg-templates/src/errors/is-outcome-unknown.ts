import { HTTPClientError } from "./client.js";
import { GwopError } from "./gwop.js";

/** The mark of every error of `@gwop/sdk/checkout`. */
const CHECKOUT: unique symbol = /* @__PURE__ */ Symbol.for(
  "@gwop/checkout:GwopCheckoutError",
) as never;

/** The codes with which a call of `@gwop/sdk/checkout` can end without a response. */
const UNANSWERED = [
  "CONNECTION_ERROR",
  "REQUEST_TIMEOUT",
  "REQUEST_ABORTED",
  "UNEXPECTED_CLIENT_ERROR",
  "MAX_RETRIES_EXCEEDED",
];

/**
 * Returns whether the call that failed with `error` may have succeeded: an invoice may have been
 * created, a session revoked, or money sent. Do not treat such an error as a failure. Repeat the
 * call with the error's `idempotencyKey`, or check what happened.
 *
 * The result is `true` if no response arrived (a timeout, a broken connection, an abort, a hook
 * that threw), if Gwop or a proxy responded with 500 or more, if the SDK does not understand a
 * successful response, and for an `AgentError` whose `mayHaveSettled` is `true`. It is `false` for
 * everything else, including errors of other packages. The function also recognizes errors of
 * `@gwop/sdk/checkout` and of other copies of this package.
 *
 * ```ts
 * import { isOutcomeUnknown } from "@gwop/sdk/errors";
 *
 * const order = { body: { amountUsdc: 5_000_000 }, idempotencyKey: crypto.randomUUID() };
 * try {
 *   await gwop.invoices.create(order);
 * } catch (error) {
 *   if (!isOutcomeUnknown(error)) throw error;
 *   await gwop.invoices.create(order);
 * }
 * ```
 */
export function isOutcomeUnknown(
  error: unknown,
): error is Error & { readonly code: string; readonly idempotencyKey?: string } {
  if (typeof error !== "object" || error === null) return false;
  const { name, code, statusCode, mayHaveSettled } = error as {
    name?: string;
    code?: string;
    statusCode?: number;
    mayHaveSettled?: boolean;
  };
  if (error instanceof HTTPClientError) return code !== "INVALID_REQUEST";
  if (!(error instanceof GwopError || CHECKOUT in error)) {
    return name === "AgentError" && mayHaveSettled === true;
  }
  if (statusCode === undefined) return UNANSWERED.includes(code ?? "");
  return statusCode >= 500 || code === "RESPONSE_VALIDATION";
}
