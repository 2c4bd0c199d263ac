/** Where a payment stopped. */
export type AgentPhase = "discover" | "limit" | "sign" | "send" | "settle";

/** The codes of {@link AgentError}. Open: new ones may come. */
export type AgentErrorCode =
  /**
   * The payment was sent, and its outcome is unknown. `mayHaveSettled` is true.
   *
   * Cause: The response was lost, or the server did not settle within `waitMs`.
   *
   * Fix: Call again later, or call `resume()`: the agent follows the same payment. Do not pay in
   * another way.
   */
  | "OUTCOME_UNKNOWN"
  /**
   * The server refused the payment. A refusal does not prove that the payment will not settle.
   *
   * Cause: `reason` says why, if the server named a reason.
   *
   * Fix: Call again to try again. Nothing new is signed before `retryAt`.
   */
  | "PAYMENT_REFUSED"
  /**
   * A paying fetch: the payment settled, but the response was lost.
   *
   * Cause: The connection broke after the server took the money.
   *
   * Fix: Call again: the agent sends the same payment. Ask whoever runs the server, or pay again
   * with `buyAnew`.
   */
  | "PAID_WITHOUT_ANSWER"
  /**
   * A paying fetch: an earlier payment for the same request got no response, and may have settled.
   *
   * Cause: The payment is no longer valid, and its outcome is unknown.
   *
   * Fix: Ask whoever runs the server. `buyAnew` pays again.
   */
  | "MAY_BE_PAID"
  /**
   * An earlier payment for the same thing can still settle. Nothing was signed.
   *
   * Cause: A payment on another chain, or with another nonce, is still valid.
   *
   * Fix: Wait until `retryAt`, then call again.
   */
  | "MAY_SETTLE"
  /**
   * Another call or process is paying for the same thing. Nothing was signed.
   *
   * Cause: Two callers pay for the same thing at once, or a process died a moment ago.
   *
   * Fix: Try again in a minute. After a crash, call `resume()`.
   */
  | "IN_PROGRESS"
  /**
   * Another process took over the payment. Nothing was sent.
   *
   * Cause: Several processes pay for the same thing with one journal.
   *
   * Fix: Try again in a minute.
   */
  | "CONFLICT"
  /**
   * The amount is over `limits.perPayment`. Nothing was signed.
   *
   * Cause: The price is higher than the limit for one payment (default 1 USDC).
   *
   * Fix: Raise the limit if the price is right.
   */
  | "LIMIT_PER_PAYMENT"
  /**
   * The payment would exceed `limits.perDay` or `limits.perPeriod`. Nothing was signed.
   *
   * Cause: Earlier payments in that period, including those with unknown outcome, leave too little.
   *
   * Fix: Wait, or raise the limit.
   */
  | "LIMIT_PER_PERIOD"
  /**
   * The payment would exceed `limits.perRecipient`. Nothing was signed.
   *
   * Cause: Earlier payments to this recipient leave too little.
   *
   * Fix: Wait, or raise the limit.
   */
  | "LIMIT_PER_RECIPIENT"
  /**
   * `approve` did not allow the payment. Nothing was signed.
   *
   * Cause: The callback resolved to anything but `true`, or it threw.
   *
   * Fix: Ask the person who decides, then call again.
   */
  | "NOT_APPROVED"
  /**
   * The offer of the server differs from the invoice. Nothing was signed.
   *
   * Cause: The offer names another amount, recipient, asset or network than the invoice or the
   * login.
   *
   * Fix: Do not pay. Tell the merchant.
   */
  | "MISMATCH"
  /**
   * The response of the payment URL does not follow x402. Nothing was signed.
   *
   * Cause: Its status is not 402, or its offer cannot be read or paid.
   *
   * Fix: Check that the URL is a payment URL. Tell whoever runs it.
   */
  | "INVALID_CHALLENGE"
  /**
   * The invoice cannot be used. Nothing was signed.
   *
   * Cause: A field is missing or has the wrong type. The message names it.
   *
   * Fix: Check `serverURL`. Tell the merchant.
   */
  | "INVALID_INVOICE"
  /**
   * The server asks for another amount or recipient than in an earlier attempt that is not
   * finished.
   *
   * Cause: The server changed its offer.
   *
   * Fix: Do not pay. Tell the merchant.
   */
  | "CHALLENGE_CHANGED"
  /**
   * None of the offers can be paid. Nothing was signed.
   *
   * Cause: No signer fits the offered networks, or `chain` names another network.
   *
   * Fix: Add a signer for one of the networks, or leave `chain` out.
   */
  | "NO_OFFER"
  /**
   * An earlier payment for the same thing was signed by a wallet that has no signer here.
   *
   * Cause: The signer was removed while a payment was not finished.
   *
   * Fix: Add the signer of that wallet. No other wallet can pay safely.
   */
  | "WALLET_MISSING"
  /**
   * Solana: there is no recent block hash to sign with. Nothing was signed.
   *
   * Cause: The challenge names none, and `recentBlockhash` is missing or failed.
   *
   * Fix: Pass `recentBlockhash`, which asks an RPC server.
   */
  | "NO_BLOCKHASH"
  /**
   * The signer returned no usable signature. Nothing was sent.
   *
   * Cause: The signer threw (`cause`), took too long, or signed something else.
   *
   * Fix: Fix the signer, then call again.
   */
  | "SIGNER_FAILED"
  /**
   * There is no such invoice.
   *
   * Cause: The id is wrong, or `serverURL` points to another Gwop.
   *
   * Fix: Check the public id (`inv_…`).
   */
  | "INVOICE_NOT_FOUND"
  /**
   * The invoice cannot be paid. Nothing was signed.
   *
   * Cause: It has expired, was canceled, is being paid, or was paid by somebody else.
   *
   * Fix: Ask the merchant for a new invoice.
   */
  | "INVOICE_NOT_PAYABLE"
  /**
   * The quote is for something that this journal has already paid.
   *
   * Cause: It was paid before.
   *
   * Fix: Call `payInvoice`: it returns the receipt and moves no money.
   */
  | "ALREADY_PAID"
  /**
   * No response arrived. Nothing was signed or paid.
   *
   * Cause: The network failed, or the server took longer than `timeoutMs` (30,000).
   *
   * Fix: Try again.
   */
  | "CONNECTION_FAILED"
  /**
   * The server responded with an error. Nothing was signed or paid.
   *
   * Cause: Gwop is currently unavailable.
   *
   * Fix: Try again later.
   */
  | "SERVER_FAILED"
  /**
   * The journal failed. Nothing new was sent.
   *
   * Cause: The database is unreachable, locked or full; `cause` is its error.
   *
   * Fix: Repair the journal, then call again. `mayHaveSettled` says whether a payment may be under
   * way.
   */
  | "JOURNAL_FAILED"
  /**
   * An option or an argument is wrong. Nothing was done.
   *
   * Cause: A name is misspelled, a value has the wrong type, or there is no journal.
   *
   * Fix: Fix the code. The message names the option.
   */
  | "INVALID_OPTION"
  /**
   * The URL uses plain http and is not on this machine. Nothing was sent.
   *
   * Cause: Anybody on the network path can read a payment over plain http.
   *
   * Fix: Use https.
   */
  | "UNSAFE_URL"
  /**
   * The agent cannot work. Nothing was signed.
   *
   * Cause: The runtime returned no random bytes, or the package is defective.
   *
   * Fix: Read the message. Report it if the runtime has Web Crypto.
   */
  | "INTERNAL_ERROR"
  | (string & {});

/** An error, as the rules return it. */
export interface Failure {
  code: string;
  phase: AgentPhase;
  mayHaveSettled: boolean;
  message: string;
  reason?: string | null;
  retryAt?: number | null;
}

/**
 * A payment was not made, or nobody knows whether it was. The error contains no key, no signature
 * and no payment header.
 */
export class AgentError extends Error {
  override readonly name = "AgentError";
  /** The stable code, for programs. `docs/errors.md` lists the codes. */
  readonly code: AgentErrorCode;
  /** The step at which it failed. */
  readonly phase: AgentPhase;
  /**
   * Whether money may have moved, or may still move. If it is `true`, do not pay in another way.
   * Call again, or call {@link Agent.resume}: the agent follows the same payment.
   */
  readonly mayHaveSettled: boolean;
  /** The server's reason, if it is a plain word of the protocol. */
  readonly reason: string | undefined;
  /** The time from which another attempt can have another outcome. */
  readonly retryAt: Date | undefined;

  /** @internal */
  constructor(failure: Failure, cause?: unknown) {
    super(failure.message, cause === undefined ? undefined : { cause });
    this.code = failure.code;
    this.phase = failure.phase;
    this.mayHaveSettled = failure.mayHaveSettled;
    this.reason = failure.reason ?? undefined;
    this.retryAt = typeof failure.retryAt === "number" ? new Date(failure.retryAt) : undefined;
  }
}

/** Creates the error for a wrong option. */
export function invalidOption(message: string): AgentError {
  return new AgentError({
    code: "INVALID_OPTION",
    phase: "discover",
    mayHaveSettled: false,
    message,
  });
}

/** Calls a function of the core that throws its errors as JSON. */
export function checked<Result>(run: () => Result): Result {
  try {
    return run();
  } catch (error) {
    throw typeof error === "string" && error.startsWith("{")
      ? new AgentError(JSON.parse(error) as Failure)
      : error;
  }
}
