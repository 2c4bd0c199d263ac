import { recordStore } from "./record.js";
import type { WebhookStore } from "./store.js";

/** The part of `Deno.Kv` that the store uses. */
export interface DenoKvLike {
  get(key: string[]): Promise<{ value: unknown; versionstamp: string | null }>;
  atomic(): DenoKvAtomicLike;
}

/** The part of `Deno.AtomicOperation` that the store uses. */
export interface DenoKvAtomicLike {
  check(check: { key: string[]; versionstamp: string | null }): DenoKvAtomicLike;
  set(key: string[], value: unknown): DenoKvAtomicLike;
  commit(): Promise<{ ok: boolean }>;
}

/**
 * Keeps invoices in Deno KV, for example `denoKvStore(await Deno.openKv())`, under keys that start
 * with `gwop`, `invoice`.
 *
 * Deno KV has no clock. Leases follow the clocks of the processes that share it. These must not
 * differ by more than a third of `leaseSeconds`.
 */
export function denoKvStore(kv: DenoKvLike): WebhookStore {
  const keyOf = (invoiceId: string) => ["gwop", "invoice", invoiceId];
  return recordStore<string>({
    async read(invoiceId) {
      const { value, versionstamp } = await kv.get(keyOf(invoiceId));
      return versionstamp === null
        ? undefined
        : { record: value as string, revision: versionstamp };
    },
    async write(invoiceId, record, revision) {
      const key = keyOf(invoiceId);
      const { ok } = await kv
        .atomic()
        .check({ key, versionstamp: revision ?? null })
        .set(key, record)
        .commit();
      return ok;
    },
  });
}
