import { onAbort } from "./race.js";

/** The longest delay that timers hold, in milliseconds: a longer one would fire at once. */
export const LONGEST_MS = 2_147_483_647;

/** Waits so many milliseconds, or until `signal` aborts: whoever goes on looks at the signal. It never rejects. */
export async function sleep(milliseconds: number, signal?: AbortSignal | null): Promise<void> {
  let timer: ReturnType<typeof setTimeout>;
  let unlisten!: () => void;
  await new Promise<void>((resolve) => {
    timer = setTimeout(resolve, Math.min(milliseconds, LONGEST_MS));
    unlisten = onAbort(signal, resolve);
  });
  clearTimeout(timer!);
  unlisten();
}
