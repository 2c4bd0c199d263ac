import { onAbort } from "./race.js";
import { sleep } from "./sleep.js";

/** Statuses that an invoice never leaves (contract, "Response bodies"). */
const FINAL: readonly string[] = ["PAID", "EXPIRED", "CANCELED"];

/** How often to ask, and for how long, in milliseconds. */
export interface Polling {
  /** How long in all. */
  timeout: number;
  /** Between the first two questions. It doubles from one to the next. */
  initialInterval: number;
  /** Between any two questions, at most. */
  maxInterval: number;
  /** Ends the wait. */
  signal?: AbortSignal | null | undefined;
}

/**
 * Asks by `poll` until the status is one of `statuses`. Each interval is half fixed, half random.
 *
 * `fail` makes the error for a wait that ended without them: `last` is the invoice when its status is another final one,
 * and undefined when time ran out. An error of `poll` ends the wait; so does the caller's signal, which `poll` is handed
 * together with the end of the time.
 */
export async function waitForStatus<Invoice extends { status: string }>(
  poll: (signal: AbortSignal) => Promise<Invoice>,
  statuses: readonly string[],
  { timeout, initialInterval, maxInterval, signal }: Polling,
  fail: (last: Invoice | undefined) => Error,
): Promise<Invoice> {
  const ended = new AbortController();
  const unlisten = onAbort(signal, () => ended.abort(signal?.reason));
  let late = false;
  void sleep(timeout, ended.signal).then(() => {
    late = !ended.signal.aborted;
    ended.abort();
  });
  try {
    for (let interval = initialInterval; !late; interval = Math.min(interval * 2, maxInterval)) {
      const invoice = await poll(ended.signal);
      if (statuses.includes(invoice.status)) return invoice;
      if (FINAL.includes(invoice.status)) throw fail(invoice);
      await sleep(interval * (0.5 + Math.random() / 2), ended.signal);
    }
  } catch (error) {
    if (!late) throw error;
  } finally {
    unlisten();
    ended.abort();
  }
  throw fail(undefined);
}
