import type { AgentError } from "./error.js";
import type { AttemptState, Journal } from "./journal.js";
import type { Signer } from "./signers.js";

/** A network on which agents pay. */
export type AgentChain = "base" | "base-sepolia" | "solana" | "solana-devnet";

/** An amount per rolling period. */
export interface Quota {
  /** Atomic units of USDC: `usdc("5")`. */
  amount: number;
  /** The period, in seconds. */
  seconds: number;
}

/** What an agent may spend, in atomic units of USDC: `usdc("5")` of `@gwop/sdk` is `5_000_000`. */
export interface Limits {
  /** The most for one payment. Default 1 USDC. */
  perPayment?: number | undefined;
  /** The most for all payments of the last 24 hours. Default: no limit. */
  perDay?: number | undefined;
  /** The most for all payments of another period. Default: no limit. */
  perPeriod?: Quota | undefined;
  /** The most for one recipient. A plain number means 24 hours. Default: no limit. */
  perRecipient?: Quota | number | undefined;
}

/** What the agent is about to pay. */
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
  /** The merchant's name, as the server states it. */
  merchant: string | null;
  /** The purpose, as the server states it. */
  description: string | null;
}

/** A payment that the agent made. */
export interface Receipt {
  /** The invoice. */
  invoiceId: string;
  /** The network. */
  chain: AgentChain;
  /** The wallet that paid. */
  payer: string;
  /** The transaction. Missing if the response that named it was lost. */
  transaction?: string | undefined;
  /** Atomic units of USDC. */
  amountUsdc: number;
  /** When it was paid. */
  paidAt?: Date | undefined;
  /** A page that shows the transaction. */
  url?: string | undefined;
}

/** A paid log-in. Give the id to the merchant, who exchanges the intent for a token. */
export interface Login {
  /** The intent. */
  authIntentId: string;
  /** Who is logged in, `{chain}:{address}`. */
  subject: string;
  /** The transaction. Missing if the response that named it was lost. */
  transaction?: string | undefined;
}

/** An auth intent as its merchant received it, with the SDK's names or the names on the wire. */
export type AuthIntentLike =
  | {
      authIntentId: string;
      challenge: { amountUsdcAtomic: string; paymentMethods: readonly object[] };
    }
  | {
      auth_intent_id: string;
      challenge: { amount_usdc_atomic: string; payment_methods: readonly object[] };
    };

/** The result for an attempt that was not finished. */
export interface ResumedAttempt {
  /** The attempt. */
  id: string;
  /** What it is for. */
  invoice: string;
  /** Its state now. */
  state: AttemptState;
  /** The receipt, if it was paid. */
  receipt?: Receipt | undefined;
  /** Why it is still open, if it is. */
  error?: AgentError | undefined;
}

/** Options of an {@link Agent}. */
export interface AgentOptions {
  /** The wallets. The agent prefers the first one. */
  signers: readonly Signer[];
  /** What it may spend. Default: 1 USDC per payment. */
  limits?: Limits | undefined;
  /** Where it records its payments. Without a journal it refuses to pay. */
  journal?: Journal | undefined;
  /** Called before anything is signed. Only `true` allows the payment. */
  approve?: ((payment: PaymentSummary) => boolean | Promise<boolean>) | undefined;
  /** Solana: returns a recent block hash from an RPC. Needed if a challenge names none. */
  recentBlockhash?:
    | ((
        chain: string,
      ) => Promise<string | { blockhash: string; lastValidBlockHeight?: number | bigint }>)
    | undefined;
  /**
   * Solana: returns the block height (commitment `finalized`). With it, the agent notices earlier
   * that a payment has expired.
   */
  blockHeight?: ((chain: string) => Promise<number | bigint>) | undefined;
  /** The host of invoices and payment URLs. Default `https://agents.gwop.io`. */
  serverURL?: string | undefined;
  /**
   * Another origin on which payment URLs of auth intents are allowed. Default
   * `https://identity.gwop.io`.
   */
  identityURL?: string | undefined;
  /** Sends requests. Default: the runtime's `fetch`. */
  fetch?: ((url: string, init: RequestInit) => Promise<Response>) | undefined;
  /** The time limit of one call that waits for an outcome, in milliseconds. Default 60,000. */
  waitMs?: number | undefined;
  /** The time limit of one request, body included, in milliseconds. Default 30,000. */
  timeoutMs?: number | undefined;
  /** The longest validity of an authorization on Base, in seconds. Default 120. */
  validitySeconds?: number | undefined;
  /**
   * How signatures on Base are written: 65 bytes of hex, as in x402 (the default), or `{ v, r, s
   * }`, as on an older page of Gwop's.
   */
  signatureForm?: "hex" | "parts" | undefined;
  /** The clock, for tests. */
  clock?: { now(): number; sleep(ms: number): Promise<void> } | undefined;
}

/** Options of one payment. */
export interface PaymentOptions {
  /** The network. Default: the first one that both sides support. */
  chain?: AgentChain | undefined;
  /** Like the agent's `waitMs`, for this call. */
  waitMs?: number | undefined;
}
