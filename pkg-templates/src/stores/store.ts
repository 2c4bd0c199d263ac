/** The outcome of an event. The Worker uses the same words. */
export type WebhookOutcome =
  /** The event changed the invoice. */
  | "applied"
  /** The event reports a known state. */
  | "duplicate"
  /** The event is older than what was applied. */
  | "stale"
  /**
   * The event contradicts a final state: money came too late, or twice. A person has to check it.
   */
  | "conflict"
  /** This version does not know the event's type or status. */
  | "ignored";

/** The facts of a verified event that a store needs. */
export interface EventClaim {
  /** The event's id. It identifies copies. */
  eventId: string;
  /** The merchant-side id of the invoice. */
  invoiceId: string;
  /** The status that the invoice has reached: `PAID`, `EXPIRED` or `CANCELED`. */
  status: string;
  /** `eventVersion`, if Gwop sends one. */
  version?: number | undefined;
  /**
   * The transaction that paid, if the event names one. Several names (a hash and a signature) are
   * separated by a space.
   */
  transaction?: string | undefined;
  /**
   * The event was already delivered as a conflict (`gwopOutcome`, by Gwop's Worker), and stays one.
   */
  conflict?: boolean | undefined;
  /**
   * Now, in milliseconds since 1970, by the caller's clock. A store with its own clock, such as a
   * database, uses that instead.
   */
  now: number;
  /** How long the claim lasts, in milliseconds. */
  leaseMs: number;
}

/** The fields that renew a lease. */
export type LeaseRenewal = Pick<EventClaim, "now" | "leaseMs">;

/** The right to work on one event of one invoice, for a limited time. */
export interface Lease {
  /** The merchant-side id of the invoice. */
  invoiceId: string;
  /** The event's id. */
  eventId: string;
  /** Distinguishes this claim from a later one of the same event. */
  token: string;
}

/** The result of a claim. */
export type ClaimResult =
  /**
   * The caller has claimed the event. Run the callback for `outcome`, then complete or release the
   * lease.
   */
  | { state: "claimed"; outcome: "applied" | "conflict"; lease: Lease }
  /** There is nothing to do. */
  | { state: "settled"; outcome: WebhookOutcome }
  /** Another event of this invoice is being processed. Try again after so many milliseconds. */
  | { state: "busy"; retryAfterMs: number };

/**
 * Where `createWebhookHandler` remembers invoices. Every method rejects if the storage fails. The
 * handler then responds with 503, and Gwop delivers again.
 *
 * To write your own store, use `recordStore`. It contains the rules, and needs only an atomic
 * compare-and-set.
 */
export interface WebhookStore {
  /**
   * Claims an event in one atomic step. Of several copies at the same time, one is claimed. A claim
   * that is neither completed nor released ends by itself after `leaseMs`.
   */
  claim(event: EventClaim): Promise<ClaimResult>;
  /**
   * Records the event and, if it was `applied`, the invoice's new status.
   *
   * @returns Whether the event is recorded now. `false` if the lease ended and another claim took
   * its place.
   */
  complete(lease: Lease): Promise<boolean>;
  /**
   * Extends a lease for another `leaseMs` from now. The handler calls it while a callback runs.
   * Without this method, a callback has to end within the lease.
   *
   * @returns Whether it was extended. `false` if the lease ended and another claim took its place.
   */
  renew?(lease: Lease, renewal: LeaseRenewal): Promise<boolean>;
  /** Gives a claim back, as if it had not been made. Does nothing if the claim has ended. */
  release(lease: Lease): Promise<void>;
}
