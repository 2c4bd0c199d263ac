/** A promise that is never fulfilled, to race another with, and what rejects it. Left alone it harms nobody. */
export function rejection(): [promise: Promise<never>, reject: (reason: unknown) => void] {
  let giveUp!: (reason: unknown) => void;
  const promise = new Promise<never>((_, reject) => {
    giveUp = reject;
  });
  promise.catch(() => {});
  return [promise, giveUp];
}

/** Whether it can be listened to as a signal is. `undefined` and `null`, no signal at all, are one too. */
export function isSignal(signal: unknown): boolean {
  return signal == null || typeof (signal as AbortSignal).addEventListener === "function";
}

/** Calls `act` once the signal aborts, now if it has already. Returns what ends that. */
export function onAbort(signal: AbortSignal | null | undefined, act: () => void): () => void {
  if (signal?.aborted) act();
  signal?.addEventListener("abort", act);
  return () => signal?.removeEventListener("abort", act);
}
