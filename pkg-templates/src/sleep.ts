import { onAbort } from "./race.js";

/** The longest delay of a timer, in milliseconds. A longer one would fire at once. */
export const LONGEST_MS = 2_147_483_647;

/** Waits, or until `signal` aborts. It never rejects: the caller checks the signal afterwards. */
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
