import { HTTPClientError } from "./client.js";
import { GwopError } from "./gwop.js";

/** The mark of every error of `@gwop/sdk/checkout`. */
const CHECKOUT: unique symbol = /* @__PURE__ */ Symbol.for(
  "@gwop/checkout:GwopCheckoutError",
) as never;

/** The codes with which a call of `@gwop/sdk/checkout` may end without an answer. */
const UNANSWERED = [
  "CONNECTION_ERROR",
  "REQUEST_TIMEOUT",
  "REQUEST_ABORTED",
  "UNEXPECTED_CLIENT_ERROR",
  "MAX_RETRIES_EXCEEDED",
];

/**
 * Whether the call that failed with `error` may have had its effect all the same: an invoice may
 * have been created, a session revoked, money sent. Do not take such an error for a failure: repeat
 * the call with the error's `idempotencyKey`, or look what became of it.
 *
 * It is `true` when no answer came (a timeout, a broken connection, an abort, a hook that threw),
 * when Gwop or a proxy answered with 500 or more, when a successful answer is not understood, and for
 * an `AgentError` whose `mayHaveSettled` is `true`. It is `false` for everything else, errors of
 * other packages included. It also holds for errors of `@gwop/sdk/checkout` and of other copies of
 * this package.
 *
 * ```ts
 * import { isOutcomeUnknown } from "@gwop/sdk/errors";
 *
 * const order = { body: { amountUsdc: 5_000_000 }, idempotencyKey: "order-1001" };
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
