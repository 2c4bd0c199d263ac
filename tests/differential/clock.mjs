// The clock, the timers and the random bytes for both packages: controlled, fast and identical.

/** 2026-03-25T02:04:08.841Z. */
export const START = 1_774_404_248_841;

const realSetTimeout = globalThis.setTimeout;
const realClearTimeout = globalThis.clearTimeout;
const pending = new Map();
let nextTimer = 1;

/** `now` moves only in {@link settle} and by direct assignment. */
export const clock = { now: START };

/** The jitter that the random bytes below result in. 1.0.0 used `Math.random`. */
const JITTER = 0x5a / 0xff;

/**
 * Replaces the platform's functions. Node's own timers have a `Symbol.dispose` and a `ref`, which
 * no code here uses.
 */
export function install() {
  Date.now = () => clock.now;
  globalThis.setTimeout = (act, delay = 0) => {
    const id = nextTimer++;
    pending.set(id, { at: clock.now + Math.max(0, Number(delay) || 0), act });
    return id;
  };
  globalThis.clearTimeout = (id) =>
    pending.has(id) ? void pending.delete(id) : realClearTimeout(id);
  Math.random = () => JITTER;
  crypto.getRandomValues = (array) => {
    // All bytes are equal, because no package promises which of them become the jitter.
    new Uint8Array(array.buffer, array.byteOffset, array.byteLength).fill(0x5a);
    return array;
  };
}

/** Restores the state before each run. */
export function reset() {
  clock.now = START;
  pending.clear();
}

const turn = () => new Promise((done) => setImmediate(done));
const pause = (milliseconds) => new Promise((done) => realSetTimeout(done, milliseconds));

/** The time limit of one run, in milliseconds of real time. */
const LIMIT_MS = 5_000;

/** Waits for a promise. Whenever nothing else happens, the clock moves to the next timer. */
export async function settle(promise) {
  let done = false;
  const watched = Promise.resolve(promise).finally(() => (done = true));
  watched.catch(() => {});
  let quiet = 0;
  const from = performance.now();
  while (!done) {
    await turn();
    if (done) break;
    // Web Crypto works in another thread. Only code that waits for a timer profits from a moved
    // clock.
    if (pending.size > 0 && ++quiet > 3) {
      quiet = 0;
      const [id, timer] = [...pending].reduce((first, one) =>
        one[1].at < first[1].at ? one : first,
      );
      pending.delete(id);
      clock.now = Math.max(clock.now, timer.at);
      timer.act();
    } else if (pending.size === 0 && ++quiet > 50) {
      if (performance.now() - from > LIMIT_MS) return { never: "it did not end" };
      await pause(1);
    }
  }
  return watched;
}
