// A tiny runner: suites register tests; the last line is `N passed, N failed`.
import assert from "node:assert/strict";

const suites = [];

/** Registers a suite. `body` gets `test(name, run)` and `after(cleanup)`, sets itself up, and returns when all tests are registered. */
export function suite(name, body) {
  suites.push({ name, body });
}

/** Runs the suites whose name contains one of `only` (all where it is empty). Resolves to the number of failures. */
export async function run({ only, quick }) {
  let passed = 0;
  let failed = 0;
  const known = suites.map((one) => one.name);
  // From the beginning of a word on: `story` does not mean `history`.
  const isMeant = (name, wanted) => ` ${name}`.includes(` ${wanted}`);
  for (const wanted of only) {
    if (!known.some((name) => isMeant(name, wanted)))
      throw new Error(`no suite \`${wanted}\`: there are ${known.join(", ")}`);
  }
  const among = (name) => only.length === 0 || only.some((wanted) => isMeant(name, wanted));
  for (const { name, body } of suites.filter((one) => among(one.name))) {
    console.log(`\n${name}`);
    const tests = [];
    const cleanups = [];
    try {
      await body({
        quick,
        test: (title, work) => tests.push({ title, work }),
        after: (cleanup) => cleanups.push(cleanup),
      });
      for (const { title, work } of tests) {
        const started = performance.now();
        try {
          await work();
          passed += 1;
          console.log(`  ok    ${title} (${Math.round(performance.now() - started)} ms)`);
        } catch (error) {
          failed += 1;
          console.log(
            `  FAIL  ${title}\n${String(error?.stack ?? error).replace(/^/gm, "        ")}`,
          );
        }
      }
    } catch (error) {
      failed += 1;
      console.log(
        `  FAIL  the suite could not start\n${String(error?.stack ?? error).replace(/^/gm, "        ")}`,
      );
    }
    for (const cleanup of cleanups.reverse()) await cleanup();
  }
  if (passed + failed === 0) {
    failed += 1;
    console.log("no test ran");
  }
  console.log(`\n${passed} passed, ${failed} failed`);
  return failed;
}

/** Asks again until `probe` gives something truthy, or fails naming `what`. */
export async function eventually(what, probe, { within = 20_000, every = 50 } = {}) {
  const deadline = Date.now() + within;
  let last;
  for (;;) {
    try {
      const found = await probe();
      if (found) return found;
      last = found;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline)
      throw new assert.AssertionError({
        message: `not within ${within} ms: ${what} (last: ${String(last)})`,
      });
    await sleep(every);
  }
}

/** Waits so many milliseconds. */
export const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Runs `work` over `items`, at most `limit` at a time. */
export async function parallel(items, limit, work) {
  const rest = items[Symbol.iterator]();
  const lane = async () => {
    for (const item of rest) await work(item);
  };
  await Promise.all(Array.from({ length: limit }, lane));
}

/** A random generator from a seed, so that every run sees the same (mulberry32). */
export function random(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    next,
    below: (bound) => Math.floor(next() * bound),
    pick: (list) => list[Math.floor(next() * list.length)],
    shuffled(list) {
      const copy = [...list];
      for (let at = copy.length - 1; at > 0; at -= 1) {
        const other = Math.floor(next() * (at + 1));
        [copy[at], copy[other]] = [copy[other], copy[at]];
      }
      return copy;
    },
  };
}
