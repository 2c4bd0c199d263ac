/**
 * Measuring ways of doing one thing against a floor, in standard JavaScript only.
 *
 * Machines are noisy and clocks differ, so the result is a ratio: in every round each candidate runs one batch right
 * after the others, in an order that changes from round to round, and its time is divided by the floor's of that very round.
 */

import { PEERS } from "./catalogue.js";

/**
 * @typedef {object} Candidate
 * @property {string} name
 * @property {() => unknown} run One operation; may return a promise.
 *
 * @typedef {object} Figure
 * @property {number} us Microseconds per operation, median over the rounds.
 * @property {number} ratio To the floor, median over the rounds.
 * @property {[number, number]} spread The ratio's first and third quartile.
 * @property {number} [ofPeer] The ratio to the peer's time, median over the rounds, where `PEERS` names one.
 */

/** How long one batch takes, in milliseconds, and how many rounds there are at least. */
export const DEFAULTS = { batchMs: 8, rounds: 30, warmMs: 500 };
/** The same where many operations run at once: a batch of a few waves would measure how its last one ends. */
export const CONCURRENT_DEFAULTS = { ...DEFAULTS, batchMs: 50, rounds: 15 };

/**
 * Measures candidates against the first of them, the floor.
 *
 * @param {string[]} names The floor first.
 * @param {(name: string, count: number) => Promise<number>} batch Runs so many operations; resolves to milliseconds.
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
 * Milliseconds per operation, by name, one for each round.
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
    // Warm code is what is measured, and what a batch's size is taken from.
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
 * As {@link timesOf}, and the same of the processor's time, which does not hang on what else runs. `processor` is what was taken so
 * far, in milliseconds.
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
 * Who comes when, by Williams's design: over twice as many rounds as there are candidates each is equally often at each place, and
 * equally often right after each other one.
 */
export function orderOf(names, round) {
  const count = names.length;
  const zigzag = names.map((_, index) =>
    index % 2 ? (index + 1) / 2 : (count - index / 2) % count,
  );
  const order = zigzag.map((place) => names[(place + round) % count]);
  return Math.floor(round / count) % 2 ? order.reverse() : order;
}

/** At least so many rounds, and whole designs of {@link orderOf}. */
export const roundsOf = (names, least) => Math.ceil(least / (2 * names.length)) * 2 * names.length;

/** Runs `count` operations, `concurrency` at a time. */
export async function repeat(run, count, concurrency) {
  if (concurrency === 1) {
    for (let done = 0; done < count; done++) {
      const answer = run();
      // Awaiting what is no promise would charge a synchronous call with a turn of the microtask queue.
      if (answer instanceof Promise) await answer;
    }
    return;
  }
  for (let left = count; left > 0; left -= concurrency) {
    await Promise.all(Array.from({ length: Math.min(concurrency, left) }, run));
  }
}

/** What a Worker does for a benchmark: `/?group=…&name=…&count=…&concurrency=…` runs so many operations of one candidate, and answers the names of all. */
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

/** The value below which the given part of the values lies. */
export function quantile(values, part) {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (sorted.length - 1) * part;
  const low = Math.floor(at);
  return sorted[low] + (sorted[Math.ceil(at)] - sorted[low]) * (at - low);
}

/** The first quartile, the median and the third quartile, rounded. */
export const quartiles = (values) =>
  [0.25, 0.5, 0.75].map((part) => rounded(quantile(values, part)));

/** What was measured of one candidate, divided by what was measured of another in the same round. */
export const ratios = (own, others) => own.map((one, round) => one / others[round]);

/** Three significant digits. */
export function rounded(number) {
  return Number(number.toPrecision(3));
}
