import { core } from "./core.js";
import { onAbort } from "./race.js";
import { LONGEST_MS, sleep } from "./sleep.js";

/** The timing of a wait, in milliseconds. */
export interface Polling {
  /** The time limit of the whole wait. */
  timeout: number;
  /** The wait before the second lookup. It doubles each time. Default 1,000. */
  initialInterval?: number;
  /** The longest wait between two lookups. Default 15,000. */
  maxInterval?: number;
  /** Each of these signals ends the wait. */
  signals: readonly (AbortSignal | null | undefined)[];
}

/**
 * Returns the statuses as a list, or `undefined` if there is none or one is not a non-empty string.
 */
export function readStatuses(given: string | readonly string[]): readonly string[] | undefined {
  const statuses = [given ?? []].flat();
  return statuses.length > 0 && statuses.every((status) => typeof status === "string" && status)
    ? statuses
    : undefined;
}

/**
 * Calls `poll` until the status is one of `statuses`. Each interval is half fixed, half random.
 *
 * `fail` creates the error for a wait that ended without these statuses. `final` is the other final
 * status, or undefined if the time is over. `cause` is the error of the last lookup, if it failed.
 *
 * An error of `poll` ends the wait unless `isPassing` is true for it. The caller's signals end it
 * too. `poll` receives them, together with a signal for the end of the time.
 */
export async function waitForStatus(
  poll: (signal: AbortSignal) => Promise<{ status: string }>,
  isPassing: (error: unknown) => boolean,
  statuses: readonly string[],
  { timeout, initialInterval = 1_000, maxInterval = 15_000, signals }: Polling,
  fail: (final: string | undefined, cause: unknown) => Error,
): Promise<void> {
  const ended = new AbortController();
  const unlisten = signals.map((signal) => onAbort(signal, () => ended.abort(signal?.reason)));
  let late = false;
  const timer = setTimeout(
    () => {
      late = true;
      ended.abort();
    },
    Math.min(timeout, LONGEST_MS),
  );
  let cause: unknown;
  try {
    for (let interval = initialInterval; !late; interval = Math.min(interval * 2, maxInterval)) {
      try {
        const { status } = await poll(ended.signal);
        cause = undefined;
        if (statuses.includes(status)) return;
        if (core().isFinalStatus(status)) throw fail(status, undefined);
      } catch (error) {
        if (late) break;
        if (!isPassing(error)) throw error;
        cause = error;
      }
      await sleep(interval * (0.5 + Math.random() / 2), ended.signal);
    }
  } finally {
    for (const end of unlisten) end();
    clearTimeout(timer);
  }
  throw fail(undefined, cause);
}
