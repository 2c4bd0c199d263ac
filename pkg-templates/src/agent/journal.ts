import { agentCore } from "./core.js";

/** The state of an {@link Attempt}. */
export type AttemptState =
  /** It counts for the limits. Nothing has left the agent. */
  | "reserved"
  /** Its header was sent, or was about to be. Nobody knows whether it settled. */
  | "sent"
  /** The server refused it. It can still settle while it is valid. */
  | "refused"
  /** Paid. */
  | "settled"
  /** It cannot settle any more. */
  | "lapsed"
  /** Given up before anything was sent. */
  | "released";

/** One payment, as a {@link Journal} stores it. */
export interface Attempt {
  /** 32 hexadecimal digits. */
  id: string;
  /** What the payment is for: an invoice's id, an auth intent's id, or the hash of a request. */
  invoice: string;
  /** The kind of `invoice`. */
  kind: "invoice" | "login" | "fetch";
  /** The network. */
  chain: string;
  /** Where the payment is sent, with which method and in which header. */
  url: string;
  method: string;
  headerName: string;
  /** The wallet that pays. */
  wallet: string;
  /** The wallet that is paid. */
  payTo: string;
  /** Atomic units of USDC. */
  amount: number;
  /**
   * The id that the chain accepts once: on Base the nonce, on Solana the SHA-256 of the message.
   */
  nonce: string;
  /** On Base: Unix seconds from which it cannot settle any more. */
  validBefore?: number | null | undefined;
  /** On Solana: the last height at which it can settle, if it is known. */
  lastValidBlockHeight?: number | null | undefined;
  /** Whether an earlier attempt for the same thing was sent. */
  again: boolean;
  state: AttemptState;
  /**
   * The value of the payment header, from `sent` on. Its recipient can collect its amount with it,
   * so keep it secret.
   */
  header?: string | null | undefined;
  /** The transaction, once it is known. */
  transaction?: string | null | undefined;
  /** When it was reserved, in milliseconds since 1970. */
  reservedAt: number;
}

/** Limits as a journal receives them. `perPayment` is always there. */
export interface JournalLimits {
  perPayment: number;
  perDay?: number | null | undefined;
  perPeriod?: { amount: number; seconds: number } | null | undefined;
  perRecipient?: { amount: number; seconds: number } | null | undefined;
}

/** Why an attempt was not reserved, from {@link judgeReservation}. Return it as it is. */
export interface ReservationRefusal {
  code: string;
  message: string;
  attempt?: Attempt | null | undefined;
}

/**
 * Where an agent records what it is about to do. The journal keeps the agent from paying twice and
 * from exceeding its limits. It has to be durable, and all processes that share the limits have to
 * share it.
 */
export interface Journal {
  /** Returns the newest attempt for an invoice, even a refused one. */
  last(invoice: string): Promise<Attempt | null>;
  /**
   * Calls {@link judgeReservation}, and writes the attempt if that allows it, in one atomic step.
   * No other reservation may come between.
   */
  reserve(attempt: Attempt, limits: JournalLimits): Promise<"reserved" | ReservationRefusal>;
  /**
   * Compare-and-set: writes the state `to`, with the header or the transaction if one is given,
   * only if the state still is `from`. It must be durable when it resolves.
   *
   * @returns Whether it was written.
   */
  update(
    id: string,
    from: AttemptState,
    to: AttemptState,
    record?: { header?: string | undefined; transaction?: string | undefined },
  ): Promise<boolean>;
  /** Returns the attempts that are `reserved`, `sent` or `refused`, the oldest first. */
  open(): Promise<Attempt[]>;
}

/** The states that {@link Journal.open} returns. */
export const UNFINISHED: readonly AttemptState[] = ["reserved", "sent", "refused"];

/**
 * Decides whether an attempt may be reserved, for a journal of your own. The rules are those of
 * this package.
 *
 * @param known Every attempt for the same `invoice`, and every attempt whose `reservedAt` is after
 * {@link reservationHorizon}.
 * @throws Error if one of them cannot be read.
 */
export function judgeReservation(
  attempt: Attempt,
  limits: JournalLimits,
  known: readonly Attempt[],
): "reserved" | ReservationRefusal {
  let refusal: string | undefined;
  try {
    refusal = agentCore().evaluateReservation(
      JSON.stringify(attempt),
      JSON.stringify(limits),
      JSON.stringify(known),
    );
  } catch (error) {
    throw new Error(`@gwop/sdk: ${String(error)}`);
  }
  return refusal === undefined ? "reserved" : (JSON.parse(refusal) as ReservationRefusal);
}

/** Returns the time, in milliseconds since 1970, before which payments no longer count. */
export function reservationHorizon(attempt: Attempt, limits: JournalLimits): number {
  const seconds = agentCore().longestLimit(JSON.stringify(limits));
  // If the limits cannot be read, all payments count.
  return seconds === undefined ? 0 : attempt.reservedAt - seconds * 1_000;
}

/**
 * Keeps attempts in this process' memory, for tests and for throw-away wallets.
 *
 * **What a crash costs**: the process forgets that it has paid. It can then pay the same invoice
 * again while the first payment is still on its way, and its limits start from zero. For anything
 * else use a journal that is durable.
 */
export function memoryJournal(): Journal {
  const attempts: Attempt[] = [];
  return {
    last: async (invoice) =>
      structuredClone(attempts.filter((attempt) => attempt.invoice === invoice).at(-1) ?? null),
    async reserve(attempt, limits) {
      const verdict = judgeReservation(attempt, limits, attempts);
      if (verdict === "reserved") attempts.push(structuredClone(attempt));
      return verdict;
    },
    async update(id, from, to, record = {}) {
      const attempt = attempts.find((candidate) => candidate.id === id);
      if (attempt?.state !== from) return false;
      attempt.state = to;
      if (record.header !== undefined) attempt.header = record.header;
      if (record.transaction !== undefined) attempt.transaction = record.transaction;
      return true;
    },
    open: async () => structuredClone(attempts.filter(({ state }) => UNFINISHED.includes(state))),
  };
}
