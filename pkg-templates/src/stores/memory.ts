import { recordStore } from "./record.js";
import type { WebhookStore } from "./store.js";

/**
 * Keeps everything in this process. Use it for tests, and for a single process that may forget. A
 * restart loses everything, and the memory grows with the number of invoices. Leases follow this
 * process's clock.
 */
export function memoryStore(): WebhookStore {
  const records = new Map<string, { record: string; revision: number }>();
  return recordStore<number>({
    async read(invoiceId) {
      return records.get(invoiceId);
    },
    async write(invoiceId, record, revision) {
      if (records.get(invoiceId)?.revision !== revision) return false;
      records.set(invoiceId, { record, revision: (revision ?? 0) + 1 });
      return true;
    },
  });
}
