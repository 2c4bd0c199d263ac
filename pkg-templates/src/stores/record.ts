import { core } from "../core.js";
import type { InvoiceChange } from "../generated/gwop_bg.js";
import type { ClaimResult, EventClaim, WebhookOutcome, WebhookStore } from "./store.js";

/** What a {@link RecordBackend} reads. */
export interface ReadRecord<Revision = unknown> {
  /** The record. `undefined` if there is none. */
  record?: string | undefined;
  /** The revision of the record. */
  revision?: Revision | undefined;
  /**
   * Now, by the storage's own clock, in milliseconds since 1970. Leases follow it. Without it they
   * follow the caller's clock.
   */
  now?: number | undefined;
}

/**
 * A storage for one text per invoice, with an atomic compare-and-set.
 *
 * @typeParam Revision What distinguishes one write of a record from the next.
 */
export interface RecordBackend<Revision = unknown> {
  /**
   * Reads the record of an invoice, or `undefined`. It must not be older than the last successful
   * write.
   */
  read(invoiceId: string): Promise<ReadRecord<Revision> | undefined>;
  /**
   * Writes the record, but only if it still has the `revision` that was read (`undefined`: only if
   * there is still none).
   *
   * @param leasedUntil The record has a claim that ends then (in milliseconds since 1970), and it
   * will be written again.
   * @returns Whether it was written.
   */
  write(
    invoiceId: string,
    record: string,
    revision: Revision | undefined,
    leasedUntil: number | undefined,
  ): Promise<boolean>;
}

/** The state of an invoice after the last applied event. */
interface Known {
  status?: string;
  version?: number | undefined;
  transaction?: string | undefined;
}

/** A processed event. */
interface Recorded {
  id: string;
  outcome: WebhookOutcome;
  /** When it was claimed, in milliseconds since 1970. */
  at: number;
  /** The state that a conflict reported. */
  told?: Known;
}

/** The stored value of an invoice, as JSON. */
interface InvoiceRecord extends Known {
  events: Recorded[];
  lease?: Recorded & { token: string; until: number; told: Known };
}

/** The prefix of event ids that reconciliation derived (`src/reconcile/found.rs`). */
const DERIVED = "evt_reconciled_";

/**
 * How long event ids are kept, in milliseconds. The final state stays and recognizes later copies.
 * It does not recognize copies of conflicts, so their ids stay.
 */
const KEEP_MS = 30 * 24 * 3_600_000;

/** The most event ids per invoice. Gwop creates only a few. */
const KEEP_EVENTS = 100;

/** How often a write is attempted if other writes win the race. */
const ATTEMPTS = 8;

/**
 * Creates a {@link WebhookStore} from any atomic compare-and-set. It contains the rules: copies,
 * leases, and the states of invoices (`OPEN → PAYING → PAID`, `EXPIRED` or `CANCELED`). Final
 * states never change.
 *
 * The events of one invoice are processed one at a time. A record has a few hundred bytes. Event
 * ids are removed after 30 days. The final state and the ids of conflicts stay (at most 100 ids).
 *
 * **Clocks.** If `read` returns the time (`now`), as the SQL stores do, leases end by the clock of
 * the storage. Otherwise they end by the clocks of the processes. These must not differ by more
 * than a third of `leaseSeconds`. NTP keeps them much closer. If they differ more, one process can
 * take over an event whose callback still runs in another.
 */
export function recordStore<Revision>(backend: RecordBackend<Revision>): WebhookStore {
  /** Reads, decides and writes, and repeats this if another write comes between. */
  async function update<Result>(
    invoiceId: string,
    overtaken: Result,
    decide: (record: InvoiceRecord, now: number | undefined) => { result: Result; write: boolean },
  ): Promise<Result> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const found = await backend.read(invoiceId);
      const record: InvoiceRecord =
        found?.record === undefined ? { events: [] } : JSON.parse(found.record);
      const { result, write } = decide(record, found?.now);
      if (!write) return result;
      const text = JSON.stringify(record);
      if (await backend.write(invoiceId, text, found?.revision, record.lease?.until)) return result;
    }
    return overtaken;
  }

  return {
    claim: (event) =>
      update<ClaimResult>(
        event.invoiceId,
        { state: "busy", retryAfterMs: 1_000 },
        (record, now = event.now) => claim(record, { ...event, now }),
      ),

    complete: ({ invoiceId, eventId, token }) =>
      update(invoiceId, false, (record) => {
        const { lease } = record;
        // Another claim of the same event may have completed it.
        if (lease?.token !== token) return { result: isRecorded(record, eventId), write: false };
        delete record.lease;
        recordEvent(record, lease);
        if (lease.outcome === "applied") change(record, applied(record, lease.told));
        return { result: true, write: true };
      }),

    renew: ({ invoiceId, token }, { now: callersNow, leaseMs }) =>
      update(invoiceId, false, ({ lease }, now = callersNow) => {
        const own = lease?.token === token;
        if (own) lease.until = now + leaseMs;
        return { result: own, write: own };
      }),

    release: ({ invoiceId, token }) =>
      update<void>(invoiceId, undefined, (record) => {
        const own = record.lease?.token === token;
        if (own) delete record.lease;
        return { result: undefined, write: own };
      }),
  };
}

function claim(record: InvoiceRecord, event: EventClaim): { result: ClaimResult; write: boolean } {
  const { eventId: id, invoiceId, status, version, transaction, now, leaseMs } = event;
  if (isRecorded(record, id))
    return { result: { state: "settled", outcome: "duplicate" }, write: false };
  if (record.lease && record.lease.until > now) {
    // The holder's clock may be ahead of the caller's.
    return {
      result: { state: "busy", retryAfterMs: Math.min(record.lease.until - now, leaseMs) },
      write: false,
    };
  }
  delete record.lease;
  const told = { status, version, transaction };
  const next = applied(record, told);
  const evaluated = event.conflict ? "conflict" : next.outcome;
  const known = evaluated === "conflict" ? toldBefore(record, id, told) : undefined;
  const outcome = known ? "duplicate" : evaluated;
  // A conflict that names no transaction has the transaction of the first duplicate that names one.
  if (known && transaction) known.transaction ??= transaction;
  const recorded = { id, outcome, at: now };
  if (outcome !== "applied" && outcome !== "conflict") {
    // It may name the transaction by which a second payment is recognized.
    if (evaluated === "duplicate") change(record, next);
    recordEvent(record, recorded);
    return { result: { state: "settled", outcome }, write: true };
  }
  const token = crypto.randomUUID();
  record.lease = { ...recorded, token, until: now + leaseMs, told };
  return {
    result: { state: "claimed", outcome, lease: { invoiceId, eventId: id, token } },
    write: true,
  };
}

const isRecorded = ({ events }: InvoiceRecord, eventId: string) =>
  events.some(({ id }) => id === eventId);

/**
 * Returns what this conflict reported, if it is already recorded from the other source: from a
 * webhook if reconciliation finds it, or from reconciliation if a webhook comes later.
 */
function toldBefore({ events }: InvoiceRecord, eventId: string, told: Known): Known | undefined {
  const isDerived = (id: string) => id.startsWith(DERIVED);
  const isSame = (event: Known) => applied(event, told).outcome === "duplicate";
  return events.find(
    (event) => event.told && isDerived(event.id) !== isDerived(eventId) && isSame(event.told),
  )?.told;
}

function recordEvent(record: InvoiceRecord, { id, outcome, at, told }: Recorded): void {
  const kept = record.events
    .filter((event) => event.outcome === "conflict" || event.at > at - KEEP_MS)
    .slice(1 - KEEP_EVENTS);
  record.events = [...kept, { id, outcome, at, ...(outcome === "conflict" && { told }) }];
}

/**
 * Returns the effect of an event on the known state. The rule is in Rust (`src/invoice/`), and the
 * Worker applies the same rule.
 */
function applied(known: Known, told: Known): InvoiceChange {
  return core().applyInvoiceEvent(
    known.status ?? "",
    known.version,
    known.transaction,
    told.status ?? "",
    told.version,
    told.transaction,
  );
}

function change(record: InvoiceRecord, { status, version, payment }: InvoiceChange): void {
  Object.assign(record, { status, version, transaction: payment });
}
