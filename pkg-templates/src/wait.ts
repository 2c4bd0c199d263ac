import { core } from "./core.js";
import { onAbort } from "./race.js";
import { LONGEST_MS, sleep } from "./sleep.js";

/** How often to ask, and for how long, in milliseconds. */
export interface Polling {
  /** How long in all. */
  timeout: number;
  /** Between the first two questions. It doubles from one to the next. Default 1,000. */
  initialInterval?: number;
  /** Between any two questions, at most. Default 15,000. */
  maxInterval?: number;
  /** Any of them ends the wait. */
  signals: readonly (AbortSignal | null | undefined)[];
}

/** One status or several as a list; `undefined` where there is none, or one that is no non-empty string. */
export function readStatuses(given: string | readonly string[]): readonly string[] | undefined {
  const statuses = [given ?? []].flat();
  return statuses.length > 0 && statuses.every((status) => typeof status === "string" && status)
    ? statuses
    : undefined;
}

/**
 * Asks by `poll` until the status is one of `statuses`. Each interval is half fixed, half random.
 *
 * `fail` makes the error for a wait that ended without them: `final` is the status when it is another final one, and undefined when
 * time ran out; `cause` is why the last look failed, if it did. An error of `poll` ends the wait unless it `isPassing`; so do the
 * caller's signals, which `poll` is handed together with the end of the time.
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
