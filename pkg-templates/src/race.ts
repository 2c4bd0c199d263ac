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
  return typeof aborted === "boolean" && typeof addEventListener === "function" && typeof removeEventListener === "function";
}

/** Calls `act` once the signal aborts, now if it has already. Returns what ends that. */
export function onAbort(signal: AbortSignal | null | undefined, act: () => void): () => void {
  if (signal?.aborted) act();
  signal?.addEventListener("abort", act);
  return () => signal?.removeEventListener("abort", act);
}
