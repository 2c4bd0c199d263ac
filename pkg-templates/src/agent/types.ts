import type { AgentError } from "./error.js";
import type { AttemptState, Journal } from "./journal.js";
import type { Signer } from "./signers.js";

/** A network on which agents pay. */
export type AgentChain = "base" | "base-sepolia" | "solana" | "solana-devnet";

/** So much in a rolling time. */
export interface Quota {
  /** Atomic units of USDC: `usdc("5")`. */
  amount: number;
  /** The time, in seconds. */
  seconds: number;
}

/**
 * What an agent may spend, in whole atomic units of USDC: `usdc("5")` of `@gwop/sdk` is
 * `5_000_000`.
 */
export interface Limits {
  /** One payment. Default 1 USDC. */
  perPayment?: number | undefined;
  /** All payments of the last 24 hours. Default: no limit. */
  perDay?: number | undefined;
  /** All payments of another time. */
  perPeriod?: Quota | undefined;
  /** Payments to one recipient; a number is meant for 24 hours. */
  perRecipient?: Quota | number | undefined;
}

/** What is about to be paid. */
export interface PaymentSummary {
  /** The invoice, the auth intent, or the hash of a request. */
  invoice: string;
  /** The network. */
  chain: AgentChain;
  /** Who pays. */
  wallet: string;
  /** Who is paid. */
  payTo: string;
  /** Atomic units of USDC. */
  amountUsdc: number;
  /** Where the payment is sent. */
  url: string;
  /** The merchant's name, as the server tells it. */
  merchant: string | null;
  /** What it is for, as the server tells it. */
  description: string | null;
}

/** A payment that was made. */
export interface Receipt {
  /** The invoice. */
  invoiceId: string;
  /** The network. */
  chain: AgentChain;
  /** The wallet that paid. */
  payer: string;
  /** The transaction; missing where the answer that told it was lost. */
  transaction?: string | undefined;
  /** Atomic units of USDC. */
  amountUsdc: number;
  /** When. */
  paidAt?: Date | undefined;
  /** Where people can look at the transaction. */
  url?: string | undefined;
}

/**
 * A login that was paid for: hand the id back to the merchant, who exchanges the intent for a
 * token.
 */
export interface Login {
  /** The intent. */
  authIntentId: string;
  /** Who is logged in, `{chain}:{address}`. */
  subject: string;
  /** The transaction; missing where the answer that told it was lost. */
  transaction?: string | undefined;
}

/** An auth intent as its merchant got it, in the SDK's naming or the wire's. */
export type AuthIntentLike =
  | {
      authIntentId: string;
      challenge: { amountUsdcAtomic: string; paymentMethods: readonly object[] };
    }
  | {
      auth_intent_id: string;
      challenge: { amount_usdc_atomic: string; payment_methods: readonly object[] };
    };

/** What became of an attempt that was not finished. */
export interface ResumedAttempt {
  /** The attempt. */
  id: string;
  /** What it is for. */
  invoice: string;
  /** Its state now. */
  state: AttemptState;
  /** The receipt, where it was paid. */
  receipt?: Receipt | undefined;
  /** Why it is still open, where it is. */
  error?: AgentError | undefined;
}

/** Options of an {@link Agent}. */
export interface AgentOptions {
  /** The wallets, the preferred one first. */
  signers: readonly Signer[];
  /** What it may spend. Default: 1 USDC a payment. */
  limits?: Limits | undefined;
  /** Where it writes down what it does. Without one it refuses to pay. */
  journal?: Journal | undefined;
  /** Asked before anything is signed: only `true` allows it. */
  approve?: ((payment: PaymentSummary) => boolean | Promise<boolean>) | undefined;
  /** Solana: a recent block hash of an RPC, where a challenge names none. */
  recentBlockhash?:
    | ((
        chain: string,
      ) => Promise<string | { blockhash: string; lastValidBlockHeight?: number | bigint }>)
    | undefined;
  /**
   * Solana: the block height (commitment `finalized`), which shows sooner than the clock that a
   * payment has lapsed.
   */
  blockHeight?: ((chain: string) => Promise<number | bigint>) | undefined;
  /** Where invoices and payment URLs are. Default `https://agents.gwop.io`. */
  serverURL?: string | undefined;
  /**
   * Another origin where payment URLs of auth intents may be. Default `https://identity.gwop.io`.
   */
  identityURL?: string | undefined;
  /** Sends requests; by default the runtime's. */
  fetch?: ((url: string, init: RequestInit) => Promise<Response>) | undefined;
  /** How long one call waits for an outcome, in milliseconds. Default 60,000. */
  waitMs?: number | undefined;
  /** How long one request may take, body included, in milliseconds. Default 30,000. */
  timeoutMs?: number | undefined;
  /** For how long an authorization on Base is valid at most, in seconds. Default 120. */
  validitySeconds?: number | undefined;
  /**
   * How signatures on Base are written: 65 bytes of hex as x402 has it (default), or `{ v, r, s }`,
   * as an older page of Gwop's.
   */
  signatureForm?: "hex" | "parts" | undefined;
  /** The clock, for tests. */
  clock?: { now(): number; sleep(ms: number): Promise<void> } | undefined;
}

/** Options of one payment. */
export interface PaymentOptions {
  /** The network. Default: the first that both sides know. */
  chain?: AgentChain | undefined;
  /** As the agent's `waitMs`, for this call. */
  waitMs?: number | undefined;
}
