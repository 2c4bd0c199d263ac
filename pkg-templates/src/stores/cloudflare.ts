import { recordStore } from "./record.js";
import type { WebhookStore } from "./store.js";

/** A record under its key. */
interface Stored {
  record: string;
  revision: number;
}

const keyOf = (invoiceId: string) => `gwop:invoice:${invoiceId}`;

/** What is used of `ctx.storage` in a Durable Object. */
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
 * Keeps invoices in the storage of the Durable Object in which the handler runs, under keys that start with `gwop:invoice:`.
 *
 * An object does one thing at a time: name objects by invoice or by shop, not one for all the world.
 *
 * @example
 * const store = durableObjectStore(this.ctx.storage);
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

/** What is used of a binding of Workers KV. */
export interface KVNamespaceLike {
  get(key: string): Promise<string | null>;
  put(key: string, value: string): Promise<void>;
}

/** How long an isolate trusts its own memory more than KV, in milliseconds: KV may answer from a cache for 60 seconds. */
const FRESH_MS = 120_000;

/** From how many remembered invoices on the old ones are dropped. */
const MANY = 1_000;

/**
 * Keeps invoices in Workers KV, under keys that start with `gwop:invoice:`. **Its promise is weaker than that of the other
 * stores**: KV has no compare-and-set, and takes up to a minute to be seen everywhere. One isolate runs the callback once per
 * event; copies, or different events of one invoice, that reach different isolates within that minute may each run theirs. Claims live in
 * memory only (KV takes one write per second and key), so that a crash frees them at once.
 *
 * Use it where repeating a callback does no harm; else take D1 or a Durable Object.
 */
export function kvStore(namespace: KVNamespaceLike): WebhookStore {
  /** What this isolate wrote lately. */
  const own = new Map<string, Stored & { until: number }>();
  const recall = (invoiceId: string) => {
    const found = own.get(invoiceId);
    return found && found.until > Date.now() ? found : undefined;
  };
  return recordStore<number>({
    async read(invoiceId) {
      const known = recall(invoiceId);
      if (known) return known;
      const record = await namespace.get(keyOf(invoiceId));
      // Somebody in this isolate may have written meanwhile.
      return recall(invoiceId) ?? (record === null ? undefined : { record, revision: 0 });
    },
    async write(invoiceId, record, revision, leased) {
      const now = recall(invoiceId);
      if ((now?.revision ?? 0) !== (revision ?? 0)) return false;
      if (own.size >= MANY) {
        for (const [id, { until }] of own) if (until <= Date.now()) own.delete(id);
      }
      own.set(invoiceId, { record, revision: (revision ?? 0) + 1, until: Date.now() + FRESH_MS });
      if (leased) return true;
      try {
        await namespace.put(keyOf(invoiceId), record);
      } catch (reason) {
        if (now) own.set(invoiceId, now);
        else own.delete(invoiceId);
        throw reason;
      }
      return true;
    },
  });
}
