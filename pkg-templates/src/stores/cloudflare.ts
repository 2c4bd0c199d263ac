import { recordStore } from "./record.js";
import type { WebhookStore } from "./store.js";

/** A record under its key. */
interface Stored {
  record: string;
  revision: number;
}

const keyOf = (invoiceId: string) => `gwop:invoice:${invoiceId}`;

/** The part of `ctx.storage` of a Durable Object that the store uses. */
export interface DurableObjectStorageLike {
  get(key: string): Promise<unknown>;
  transaction<Result>(
    work: (transaction: {
      get(key: string): Promise<unknown>;
      put(key: string, value: unknown): Promise<void>;
    }) => Promise<Result>,
  ): Promise<Result>;
}

/**
 * Keeps invoices in the storage of the Durable Object in which the handler runs
 * (`this.ctx.storage`), under keys that start with `gwop:invoice:`.
 *
 * A Durable Object does one thing at a time. Use one object per invoice or per shop, not one for
 * everything. Leases follow the clock of the machine that the object runs on. The object can move
 * to another machine, whose clock must not differ by more than a third of `leaseSeconds`.
 */
export function durableObjectStore(storage: DurableObjectStorageLike): WebhookStore {
  return recordStore<number>({
    read: async (invoiceId) => (await storage.get(keyOf(invoiceId))) as Stored | undefined,
    write: (invoiceId, record, revision) =>
      storage.transaction(async (transaction) => {
        const key = keyOf(invoiceId);
        const now = (await transaction.get(key)) as Stored | undefined;
        if (now?.revision !== revision) return false;
        await transaction.put(key, { record, revision: (revision ?? 0) + 1 } satisfies Stored);
        return true;
      }),
  });
}

/** The part of a Workers KV binding that the store uses. */
export interface KVNamespaceLike {
  get(key: string): Promise<string | null>;
  put(key: string, value: string): Promise<void>;
}

/**
 * How long an isolate trusts its own memory more than KV, in milliseconds. KV may respond from a
 * cache for 60 seconds.
 */
const FRESH_MS = 120_000;

/**
 * The time after which an unfinished write to KV may be repeated, in milliseconds. Its request has
 * died.
 */
const SAVING_MS = 30_000;

/** The number of remembered invoices above which old ones are dropped. */
const MANY = 1_000;

/** A recent write of this isolate. */
interface Kept extends Stored {
  /** The end of its validity, in milliseconds since 1970. */
  until: number;
  /** The next record. It counts after KV has stored it. */
  unsaved?: string | undefined;
  /** The time until which another request may be writing `unsaved`, in milliseconds since 1970. */
  savingUntil: number;
}

/**
 * Keeps invoices in Workers KV, under keys that start with `gwop:invoice:`. **It promises less than
 * the other stores.** KV has no compare-and-set, and a write takes up to a minute to be visible
 * everywhere. One isolate runs the callback once per event, even if KV refuses the record (a later
 * copy writes it again). But copies, or different events of one invoice, that reach different
 * isolates within that minute can each run theirs. Claims exist only in memory, because KV accepts
 * one write per second and key. So a crash frees them at once.
 *
 * Use it only if repeating a callback does no harm. Otherwise use D1 or a Durable Object. Leases
 * follow the isolate's own clock, and no other isolate sees them.
 */
export function kvStore(namespace: KVNamespaceLike): WebhookStore {
  const own = new Map<string, Kept>();
  const recall = (invoiceId: string) => {
    const found = own.get(invoiceId);
    return found && found.until > Date.now() ? found : undefined;
  };

  /** Writes a record to KV. The isolate's memory uses the record only after that. */
  async function save(invoiceId: string, kept: Kept, record: string): Promise<void> {
    kept.unsaved = record;
    kept.savingUntil = Date.now() + SAVING_MS;
    try {
      await namespace.put(keyOf(invoiceId), record);
    } catch (reason) {
      kept.savingUntil = 0;
      throw reason;
    }
    // Another request may have saved it, and written again.
    if (kept.unsaved !== record) return;
    kept.unsaved = undefined;
    kept.record = record;
    kept.revision += 1;
  }

  return recordStore<number>({
    async read(invoiceId) {
      let known = recall(invoiceId);
      if (!known) {
        const record = await namespace.get(keyOf(invoiceId));
        // Another request of this isolate may have written in the meantime.
        known = recall(invoiceId);
        if (!known) return record === null ? undefined : { record, revision: 0 };
      }
      if (known.unsaved !== undefined && known.savingUntil <= Date.now())
        await save(invoiceId, known, known.unsaved);
      return { record: known.record, revision: known.revision };
    },
    async write(invoiceId, record, revision, leasedUntil) {
      const known = recall(invoiceId);
      if (known?.unsaved !== undefined || (known?.revision ?? 0) !== (revision ?? 0)) return false;
      if (own.size >= MANY) {
        for (const [id, { until }] of own) if (until <= Date.now()) own.delete(id);
      }
      const kept = known ?? { record: NOTHING, revision: 0, until: 0, savingUntil: 0 };
      kept.until = Math.max(Date.now(), leasedUntil ?? 0) + FRESH_MS;
      own.set(invoiceId, kept);
      if (leasedUntil === undefined) await save(invoiceId, kept, record);
      else Object.assign(kept, { record, revision: kept.revision + 1 });
      return true;
    },
  });
}

/** The record of an invoice without any events. */
const NOTHING = '{"events":[]}';
