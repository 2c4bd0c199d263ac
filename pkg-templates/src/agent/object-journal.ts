import {
  type Attempt,
  type Journal,
  judgeReservation,
  reservationHorizon,
  UNFINISHED,
} from "./journal.js";

/** The part of a Durable Object's storage transaction that the journal uses. */
export interface DurableObjectJournalTransaction {
  get(key: string): Promise<unknown>;
  put(key: string, value: unknown): Promise<void>;
  delete(key: string): Promise<boolean>;
  list(options: {
    prefix: string;
    end?: string;
    reverse?: boolean;
    limit?: number;
  }): Promise<Map<string, unknown>>;
}

/** The part of `ctx.storage` in a Durable Object that the journal uses. */
export interface DurableObjectJournalStorage extends DurableObjectJournalTransaction {
  transaction<Result>(
    work: (transaction: DurableObjectJournalTransaction) => Promise<Result>,
  ): Promise<Result>;
}

const ATTEMPT = "gwop:agent:attempt:";
const OPEN = "gwop:agent:open:";
const INVOICE = "gwop:agent:invoice:";
const ID = "gwop:agent:id:";
const PAGE = 128;

/**
 * Keeps attempts in the storage of the Durable Object in which the agent runs
 * (`this.ctx.storage`), under keys that start with `gwop:agent:`. Agents that share limits have to
 * share the object.
 */
export function durableObjectJournal(storage: DurableObjectJournalStorage): Journal {
  /** The attempts of an invoice, by storage key. */
  const keysOf = async (from: DurableObjectJournalTransaction, invoice: string) =>
    ((await from.get(INVOICE + invoice)) ?? []) as string[];

  async function known(
    from: DurableObjectJournalTransaction,
    invoice: string,
    since: number,
  ): Promise<Map<string, Attempt>> {
    const all = new Map<string, Attempt>();
    for (const key of await keysOf(from, invoice)) all.set(key, (await from.get(key)) as Attempt);
    for (let end: string | undefined; ; ) {
      const page = await from.list({
        prefix: ATTEMPT,
        reverse: true,
        limit: PAGE,
        ...(end !== undefined && { end }),
      });
      for (const [key, attempt] of page) {
        all.set(key, attempt as Attempt);
        end = key;
      }
      // A page can be out of order if the clock was set back. Continue while any of it counts.
      const counts = [...page.values()].some((attempt) => (attempt as Attempt).reservedAt > since);
      if (page.size < PAGE || !counts) return all;
    }
  }

  return {
    async last(invoice) {
      const key = (await keysOf(storage, invoice)).at(-1);
      return key === undefined ? null : ((await storage.get(key)) as Attempt);
    },
    reserve: (attempt, limits) =>
      storage.transaction(async (transaction) => {
        const all = await known(transaction, attempt.invoice, reservationHorizon(attempt, limits));
        const verdict = judgeReservation(attempt, limits, [...all.values()]);
        if (verdict !== "reserved") return verdict;
        const [newest] = await transaction.list({ prefix: ATTEMPT, reverse: true, limit: 1 });
        const seq = Number(newest?.[0].slice(ATTEMPT.length) ?? 0) + 1;
        const key = ATTEMPT + String(seq).padStart(12, "0");
        await transaction.put(key, attempt);
        await transaction.put(ID + attempt.id, key);
        await transaction.put(OPEN + key, true);
        await transaction.put(INVOICE + attempt.invoice, [
          ...(await keysOf(transaction, attempt.invoice)),
          key,
        ]);
        return verdict;
      }),
    update: (id, from, to, { header, transaction: hash } = {}) =>
      storage.transaction(async (transaction) => {
        const key = (await transaction.get(ID + id)) as string | undefined;
        const attempt = key === undefined ? undefined : ((await transaction.get(key)) as Attempt);
        if (key === undefined || attempt?.state !== from) return false;
        await transaction.put(key, {
          ...attempt,
          state: to,
          header: header ?? attempt.header,
          transaction: hash ?? attempt.transaction,
        } satisfies Attempt);
        if (!UNFINISHED.includes(to)) await transaction.delete(OPEN + key);
        return true;
      }),
    async open() {
      const keys = [...(await storage.list({ prefix: OPEN })).keys()];
      const all = await Promise.all(keys.map((key) => storage.get(key.slice(OPEN.length))));
      return all as Attempt[];
    },
  };
}
