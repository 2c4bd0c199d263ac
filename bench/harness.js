/**
 * Measures several ways to do one thing, compared with a floor. It uses only standard JavaScript.
 *
 * Machines are noisy and clocks differ, so the result is a ratio. In every round, each candidate
 * runs one batch right after the others, in an order that changes from round to round. Its time is
 * divided by the floor's time in the same round.
 */

import { PEERS } from "./catalogue.js";

/**
 * @typedef {object} Candidate
 * @property {string} name
 * @property {() => unknown} run One operation. It may return a promise.
 *
 * @typedef {object} Figure
 * @property {number} us Microseconds per operation, median over the rounds.
 * @property {number} ratio The ratio to the floor, median over the rounds.
 * @property {[number, number]} spread The ratio's first and third quartile.
 * @property {number} [ofPeer] The ratio to the peer's time, median over the rounds, if `PEERS`
 * names a peer.
 */

/** The length of one batch, in milliseconds, and the least number of rounds. */
export const DEFAULTS = { batchMs: 8, rounds: 30, warmMs: 500 };
/**
 * The same for many operations at once. A batch of only a few waves would mostly measure how the
 * last wave ends.
 */
export const CONCURRENT_DEFAULTS = { ...DEFAULTS, batchMs: 50, rounds: 15 };

/**
 * Measures candidates against the first one, the floor.
 *
 * @param {string[]} names The floor first.
 * @param {(name: string, count: number) => Promise<number>} batch Runs `count` operations. Resolves
 * to milliseconds.
 * @returns {Promise<Record<string, Figure>>} By name.
 */
export async function measure(names, batch, options = DEFAULTS) {
  const times = await timesOf(names, batch, options);
  const [floor] = names;
  return Object.fromEntries(
    names.map((name) => {
      const [low, ratio, high] = quartiles(ratios(times[name], times[floor]));
      const figure = { us: rounded(quantile(times[name], 0.5) * 1000), ratio, spread: [low, high] };
      const peer = PEERS[name];
      return [
        name,
        peer ? { ...figure, ofPeer: quartiles(ratios(times[name], times[peer]))[1] } : figure,
      ];
    }),
  );
}

/**
 * Returns milliseconds per operation, by name, one for each round.
 *
 * @param {string[]} names
 * @param {(name: string, count: number) => Promise<number>} batch As for {@link measure}.
 * @returns {Promise<Record<string, number[]>>}
 */
export async function timesOf(names, batch, { batchMs, rounds, warmMs }) {
  const counts = {};
  for (const name of names) {
    let count = 1;
    let took = await batch(name, count);
    // Warm code is measured, and it also determines the size of a batch.
    for (let warmed = took; warmed < warmMs || took < batchMs / 2; warmed += took) {
      if (took < batchMs / 2) count *= 2;
      took = await batch(name, count);
    }
    counts[name] = Math.max(1, Math.round((count * batchMs) / took));
  }
  const times = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = 0; round < roundsOf(names, rounds); round++) {
    for (const name of orderOf(names, round)) {
      times[name].push((await batch(name, counts[name])) / counts[name]);
    }
  }
  return times;
}

/**
 * Like {@link timesOf}, with the processor's time as well, which does not depend on other
 * processes. `processor` returns the time used so far, in milliseconds.
 *
 * @returns {Promise<{ wall: Record<string, number[]>, processor: Record<string, number[]> }>}
 */
export async function withProcessor(processor, names, batch, options) {
  const taken = Object.fromEntries(names.map((name) => [name, []]));
  const wall = await timesOf(
    names,
    async (name, count) => {
      const before = processor();
      const took = await batch(name, count);
      taken[name].push((processor() - before) / count);
      return took;
    },
    options,
  );
  // The first ones were for warming up.
  return {
    wall,
    processor: Object.fromEntries(
      names.map((name) => [name, taken[name].slice(-wall[name].length)]),
    ),
  };
}

/**
 * Returns the order of a round, by Williams's design. Over twice as many rounds as candidates, each
 * candidate is equally often at each place, and equally often right after each other one.
 */
export function orderOf(names, round) {
  const count = names.length;
  const zigzag = names.map((_, index) =>
    index % 2 ? (index + 1) / 2 : (count - index / 2) % count,
  );
  const order = zigzag.map((place) => names[(place + round) % count]);
  return Math.floor(round / count) % 2 ? order.reverse() : order;
}

/** Returns at least the given number of rounds, as whole designs of {@link orderOf}. */
export const roundsOf = (names, least) => Math.ceil(least / (2 * names.length)) * 2 * names.length;

/** Runs `count` operations, `concurrency` at a time. */
export async function repeat(run, count, concurrency) {
  if (concurrency === 1) {
    for (let done = 0; done < count; done++) {
      const answer = run();
      // Awaiting a plain value would add a turn of the microtask queue to a synchronous call.
      if (answer instanceof Promise) await answer;
    }
    return;
  }
  for (let left = count; left > 0; left -= concurrency) {
    await Promise.all(Array.from({ length: Math.min(concurrency, left) }, run));
  }
}

/**
 * The Worker of a benchmark. `/?group=…&name=…&count=…&concurrency=…` runs operations of one
 * candidate and responds with the names of all.
 */
export function batchWorker(prepare) {
  const prepared = new Map();
  return {
    async fetch(request) {
      const { searchParams } = new URL(request.url);
      const group = searchParams.get("group");
      if (!group) return new Response();
      if (!prepared.has(group)) prepared.set(group, await prepare(group));
      const candidates = prepared.get(group);
      const count = Number(searchParams.get("count"));
      if (count > 0)
        await repeat(
          candidates[searchParams.get("name")],
          count,
          Number(searchParams.get("concurrency")),
        );
      return Response.json(Object.keys(candidates));
    },
  };
}

/** Returns the value below which the given part of the values is. */
export function quantile(values, part) {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (sorted.length - 1) * part;
  const low = Math.floor(at);
  return sorted[low] + (sorted[Math.ceil(at)] - sorted[low]) * (at - low);
}

/** Returns the first quartile, the median and the third quartile, rounded. */
export const quartiles = (values) =>
  [0.25, 0.5, 0.75].map((part) => rounded(quantile(values, part)));

/** Divides one candidate's values by another's, round by round. */
export const ratios = (own, others) => own.map((one, round) => one / others[round]);

/** Rounds to three significant digits. */
export function rounded(number) {
  return Number(number.toPrecision(3));
}
