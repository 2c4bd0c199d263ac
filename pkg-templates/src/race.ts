/** `work`, unless `watch` gives it up first. `watch` returns what ends the watching. */
export async function unless<T>(
  work: T | PromiseLike<T>,
  watch: (giveUp: (reason: unknown) => void) => () => void,
): Promise<T> {
  let end = () => {};
  try {
    return await new Promise<T>((done, giveUp) => {
      // First of all, so that no failure of the work is left unhandled.
      Promise.resolve(work).then(done, giveUp);
      end = watch(giveUp);
    });
  } finally {
    end();
  }
}

/** Whether it can be asked and listened to as a signal is. `undefined` and `null`, no signal at all, are one too. */
export function isSignal(signal: unknown): boolean {
  if (signal == null) return true;
  const { aborted, addEventListener, removeEventListener } = signal as AbortSignal;
  return (
    typeof aborted === "boolean" &&
    typeof addEventListener === "function" &&
    typeof removeEventListener === "function"
  );
}

/** What waits for each signal. One listener serves all of it: Node 20 warns of a leak where a signal has more than ten. */
const waiting = /* @__PURE__ */ new WeakMap<
  AbortSignal,
  { acts: Set<() => void>; listener: () => void }
>();

/** Calls `act` once the signal aborts, now if it has already. Returns what ends that. */
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
  // A function of its own: the same one may wait twice.
  const once = () => act();
  acts.add(once);
  return () => {
    if (!acts.delete(once) || acts.size > 0) return;
    signal.removeEventListener("abort", listener);
    waiting.delete(signal);
  };
}

/** A signal of one's own that aborts when `signal` does, for the same reason; and what ends that. */
export function follow(signal: AbortSignal | null | undefined): {
  signal: AbortSignal | undefined;
  end: () => void;
} {
  if (!signal) return { signal: undefined, end() {} };
  const own = new AbortController();
  return { signal: own.signal, end: onAbort(signal, () => own.abort(signal.reason)) };
}
