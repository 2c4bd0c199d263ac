/** Where a payment stopped. */
export type AgentPhase = "discover" | "limit" | "sign" | "send" | "settle";

/** The codes of {@link AgentError}. Open: new ones may come. */
export type AgentErrorCode =
  /**
   * The payment was sent, and nothing is known of what became of it. `mayHaveSettled` is true.
   *
   * Cause: The answer was lost, or the server did not settle within `waitMs`.
   *
   * Fix: Call again later, or `resume()`: the same payment is followed. Do not pay in another way.
   */
  | "OUTCOME_UNKNOWN"
  /**
   * The server refused the payment. A refusal is no proof that it will not settle.
   *
   * Cause: `reason` says why, if the server named a reason.
   *
   * Fix: Call again to try again. Until `retryAt` nothing new is signed.
   */
  | "PAYMENT_REFUSED"
  /**
   * A paying fetch: the payment has settled, and the answer to it was lost.
   *
   * Cause: The connection broke after the server had taken the money.
   *
   * Fix: Call again: the same payment is sent. Ask the server's operator, or pay once more with
   * `buyAnew`.
   */
  | "PAID_WITHOUT_ANSWER"
  /**
   * A paying fetch: an earlier payment of the same request was never answered, and may have
   * settled.
   *
   * Cause: The payment has lapsed without a proof of what became of it.
   *
   * Fix: Ask the server's operator. `buyAnew` pays once more.
   */
  | "MAY_BE_PAID"
  /**
   * An earlier payment of this can still settle. Nothing was signed.
   *
   * Cause: A payment on another chain, or with another nonce, is still valid.
   *
   * Fix: Wait until `retryAt`, then call again.
   */
  | "MAY_SETTLE"
  /**
   * Another call or process is about to pay this. Nothing was signed.
   *
   * Cause: Two callers pay the same at once, or a process died a moment ago.
   *
   * Fix: Try again in a minute. After a crash, call `resume()`.
   */
  | "IN_PROGRESS"
  /**
   * Another process has taken the payment over. Nothing was sent.
   *
   * Cause: Several processes pay the same with one journal.
   *
   * Fix: Try again in a minute.
   */
  | "CONFLICT"
  /**
   * The amount is over `limits.perPayment`. Nothing was signed.
   *
   * Cause: The offer costs more than one payment may (1 USDC unless you say otherwise).
   *
   * Fix: Raise the limit if the price is right.
   */
  | "LIMIT_PER_PAYMENT"
  /**
   * The payment would exceed `limits.perDay` or `limits.perPeriod`. Nothing was signed.
   *
   * Cause: The payments of that time, those of unknown outcome included, leave too little.
   *
   * Fix: Wait, or raise the limit.
   */
  | "LIMIT_PER_PERIOD"
  /**
   * The payment would exceed `limits.perRecipient`. Nothing was signed.
   *
   * Cause: The payments to this recipient leave too little.
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
   * The server asks for something else than the invoice says. Nothing was signed.
   *
   * Cause: The offer names another amount, recipient, asset or network than the invoice or the
   * login.
   *
   * Fix: Do not pay. Tell the merchant.
   */
  | "MISMATCH"
  /**
   * The answer of the payment URL is not what x402 asks for. Nothing was signed.
   *
   * Cause: It has another status than 402, or an offer that cannot be read or paid.
   *
   * Fix: Check that the URL is a payment URL. Tell its operator.
   */
  | "INVALID_CHALLENGE"
  /**
   * The invoice cannot be used. Nothing was signed.
   *
   * Cause: A field is missing or of another kind; the message names it.
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
   * Nothing that is offered can be paid. Nothing was signed.
   *
   * Cause: No signer fits the networks that are offered, or `chain` names another one.
   *
   * Fix: Add a signer for one of the networks, or leave `chain` out.
   */
  | "NO_OFFER"
  /**
   * An earlier signature for this was made by a wallet that has no signer here.
   *
   * Cause: The signer was removed while a payment was not finished.
   *
   * Fix: Add the signer of that wallet: no other wallet can pay this safely.
   */
  | "WALLET_MISSING"
  /**
   * Solana: there is no recent block hash to sign with. Nothing was signed.
   *
   * Cause: The challenge names none, and `recentBlockhash` is missing or failed.
   *
   * Fix: Pass `recentBlockhash`, which asks an RPC.
   */
  | "NO_BLOCKHASH"
  /**
   * The signer gave no usable signature. Nothing was sent.
   *
   * Cause: The signer threw (`cause`), took too long, or signed something else.
   *
   * Fix: Correct the signer, then call again.
   */
  | "SIGNER_FAILED"
  /**
   * There is no such invoice.
   *
   * Cause: The id is wrong, or `serverURL` is another Gwop's.
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
   * A quote of something that this journal has paid.
   *
   * Cause: It was paid before.
   *
   * Fix: Call `payInvoice`: it gives the receipt and moves no money.
   */
  | "ALREADY_PAID"
  /**
   * No answer came before anything was signed. Nothing was paid.
   *
   * Cause: The network failed, or the server took longer than `timeoutMs` (30,000).
   *
   * Fix: Try again.
   */
  | "CONNECTION_FAILED"
  /**
   * The server answered with an error before anything was signed. Nothing was paid.
   *
   * Cause: Gwop is not available now.
   *
   * Fix: Try again later.
   */
  | "SERVER_FAILED"
  /**
   * The journal failed. Nothing new was sent.
   *
   * Cause: The database cannot be reached, is locked or full; `cause` is its error.
   *
   * Fix: Put the journal right, then call again. `mayHaveSettled` says whether a payment may be on
   * its way.
   */
  | "JOURNAL_FAILED"
  /**
   * An option or an argument is wrong. Nothing was done.
   *
   * Cause: A name is misspelled, a value is of another kind, or there is no journal.
   *
   * Fix: Correct the code. The message names the option.
   */
  | "INVALID_OPTION"
  /**
   * The URL is neither https nor of this machine. Nothing was sent.
   *
   * Cause: A payment over plain http could be read on the way.
   *
   * Fix: Use https.
   */
  | "UNSAFE_URL"
  /**
   * The agent cannot work. Nothing was signed.
   *
   * Cause: The runtime gave no random bytes, or the package is defective.
   *
   * Fix: Read the message. Report it if the runtime has Web Crypto.
   */
  | "INTERNAL_ERROR"
  | (string & {});

/** An error as the rules give it. */
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
  /** Stable, for programs: `docs/errors.md` lists them. */
  readonly code: AgentErrorCode;
  /** Where it stopped. */
  readonly phase: AgentPhase;
  /**
   * Whether money may have moved, or may still move. If it is `true`, do not pay in another way.
   * Call again, or call {@link Agent.resume}: the agent follows the same payment.
   */
  readonly mayHaveSettled: boolean;
  /** The server's reason, if it is a plain word of the protocol. */
  readonly reason: string | undefined;
  /** From this time on, another attempt can have another outcome. */
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

/** The error about an option. */
export function invalidOption(message: string): AgentError {
  return new AgentError({
    code: "INVALID_OPTION",
    phase: "discover",
    mayHaveSettled: false,
    message,
  });
}

/** Runs a function of the core that throws an error as JSON. */
export function checked<Result>(run: () => Result): Result {
  try {
    return run();
  } catch (error) {
    throw typeof error === "string" && error.startsWith("{")
      ? new AgentError(JSON.parse(error) as Failure)
      : error;
  }
}
