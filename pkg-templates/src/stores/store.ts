/** What became of an event; the Worker uses the same words. */
export type WebhookOutcome =
  /** It changed the invoice. */
  | "applied"
  /** It says what is known already. */
  | "duplicate"
  /** It is older than what is applied. */
  | "stale"
  /** It contradicts a final state: money that came too late, or a second payment. Somebody has to look at it. */
  | "conflict"
  /** Its type or status is not known to this version. */
  | "ignored";

/** What a verified event says, as far as a store needs to know. */
export interface EventClaim {
  /** The event's id, by which copies are told. */
  eventId: string;
  /** The merchant-side id of the invoice. */
  invoiceId: string;
  /** The status that the invoice has reached: `PAID`, `EXPIRED` or `CANCELED`. */
  status: string;
  /** `eventVersion`, where Gwop sends one. */
  version?: number | undefined;
  /** The transaction that paid, where the event names one; of several names (a hash and a signature) each, parted by a space. */
  transaction?: string | undefined;
  /** The event was delivered as a conflict already (`gwopOutcome`, by Gwop's Worker) and stays one. */
  conflict?: boolean | undefined;
  /** Now, in milliseconds since 1970, by the caller's clock. A store that has a clock of its own, as a database has, goes by that. */
  now: number;
  /** How long the claim is good for, in milliseconds. */
  leaseMs: number;
}

/** Until when a lease is renewed. */
export type LeaseRenewal = Pick<EventClaim, "now" | "leaseMs">;

/** The right to work on one event of one invoice, for a while. */
export interface Lease {
  /** The merchant-side id of the invoice. */
  invoiceId: string;
  /** The event's id. */
  eventId: string;
  /** Tells this claim from a later one of the same event. */
  token: string;
}

/** The answer to a claim. */
export type ClaimResult =
  /** The event is the caller's: run the callback for `outcome`, then complete or release the lease. */
  | { state: "claimed"; outcome: "applied" | "conflict"; lease: Lease }
  /** There is nothing to do. */
  | { state: "settled"; outcome: WebhookOutcome }
  /** An event of this invoice is being processed; try again after so many milliseconds. */
  | { state: "busy"; retryAfterMs: number };

/**
 * Where `createWebhookHandler` keeps what it knows of invoices. Every method rejects when storage refuses; the handler then
 * answers 503, and Gwop delivers again.
 *
 * A store of your own is easiest made by `recordStore`, which brings the rules and needs an atomic compare-and-set only.
 */
export interface WebhookStore {
  /**
   * Claims an event, in one atomic step: of all copies at one time, one is claimed. A claim that is neither completed nor
   * released ends by itself after `leaseMs`.
   */
  claim(event: EventClaim): Promise<ClaimResult>;
  /**
   * Records the event and, if it was `applied`, the invoice's new status.
   *
   * @returns Whether the event is recorded now; `false` when the lease ran out and another claim took its place.
   */
  complete(lease: Lease): Promise<boolean>;
  /**
   * Lets a lease last for another `leaseMs` from now. Asked for while a callback runs; without this method a callback has to end within the lease.
   *
   * @returns Whether it does; `false` when the lease ran out and another claim took its place.
   */
  renew?(lease: Lease, renewal: LeaseRenewal): Promise<boolean>;
  /** Gives a claim back, as if it had not been made. Does nothing if it ran out. */
  release(lease: Lease): Promise<void>;
}
