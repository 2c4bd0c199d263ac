/** Waits for `work`, unless `watch` gives up first. `watch` returns a function that ends it. */
export async function unless<T>(
  work: T | PromiseLike<T>,
  watch: (giveUp: (reason: unknown) => void) => () => void,
): Promise<T> {
  let end = () => {};
  try {
    return await new Promise<T>((done, giveUp) => {
      // First, so that a failure of the work is always handled.
      Promise.resolve(work).then(done, giveUp);
      end = watch(giveUp);
    });
  } finally {
    end();
  }
}

/**
 * Returns whether it works as a signal. `undefined` and `null`, which mean no signal, count too.
 */
export function isSignal(signal: unknown): boolean {
  if (signal == null) return true;
  const { aborted, addEventListener, removeEventListener } = signal as AbortSignal;
  return (
    typeof aborted === "boolean" &&
    typeof addEventListener === "function" &&
    typeof removeEventListener === "function"
  );
}

/**
 * The functions that wait for each signal. They share one listener, because Node 20 warns of a leak
 * if a signal has more than ten.
 */
const waiting = /* @__PURE__ */ new WeakMap<
  AbortSignal,
  { acts: Set<() => void>; listener: () => void }
>();

/**
 * Calls `act` once when the signal aborts, or now if it has aborted. Returns a function to cancel.
 */
export function onAbort(signal: AbortSignal | null | undefined, act: () => void): () => void {
  if (!signal) return () => {};
  if (signal.aborted) {
    act();
    return () => {};
  }
  let own = waiting.get(signal);
  if (!own) {
    const acts = new Set<() => void>();
    own = { acts, listener: () => [...acts].forEach((act) => act()) };
    waiting.set(signal, own);
    signal.addEventListener("abort", own.listener);
  }
  const { acts, listener } = own;
  // A new function each time: the same `act` may wait twice.
  const once = () => act();
  acts.add(once);
  return () => {
    if (!acts.delete(once) || acts.size > 0) return;
    signal.removeEventListener("abort", listener);
    waiting.delete(signal);
  };
}

/**
 * Creates a signal that aborts when `signal` does, with the same reason. `end` releases it.
 */
export function follow(signal: AbortSignal | null | undefined): {
  signal: AbortSignal | undefined;
  end: () => void;
} {
  if (!signal) return { signal: undefined, end() {} };
  const own = new AbortController();
  return { signal: own.signal, end: onAbort(signal, () => own.abort(signal.reason)) };
}
