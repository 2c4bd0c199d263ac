/** The longest delay that timers hold, in milliseconds: a longer one would fire at once. */
const LONGEST = 2 ** 31 - 1;

/** Waits so many milliseconds, or until `signal` aborts: whoever goes on looks at the signal. It never rejects. */
export function sleep(milliseconds: number, signal?: AbortSignal | null): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, Math.min(milliseconds, LONGEST));
    signal?.addEventListener("abort", done);
  });
}
