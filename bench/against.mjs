// Compares this checkout's package with another build (`cargo xtask bench --against DIR`). Both run
// in the same processes.
import { runProgram } from "../runners/programs.mjs";
import { startWorkerd } from "../runners/workerd.mjs";
import { event, signatureHeader } from "./deliveries.js";
import {
  orderOf,
  quantile,
  quartiles,
  ratios,
  rounded,
  roundsOf,
  withProcessor,
} from "./harness.js";
import { insideWorkerd } from "./inside.mjs";
import { processorMs } from "./processor.mjs";
import { resultIn, RUNTIMES } from "./programs.mjs";
import { print } from "./table.mjs";

/** The parts, in the order of a whole run. */
export const PARTS = ["node", "deno", "bun", "workerd", "start"];

/** The number of processes, and the least rounds in each: more than 60 rounds in all. */
const PROCESSES = 3;
const ROUNDS = 22;
const LIMIT_MS = 120_000;
const SECRET = "whsec_Z3dvcC1iZW5jaG1hcmstc3RhcnQ=";
/** The instances in one batch. */
const INSTANCES = 100;

/**
 * The upper limit of each row, relative to the other build's time or to a peer's. In the order of
 * Node, Deno, Bun and workerd.
 */
const BOUNDS = {
  "validateWebhook, 620 bytes": [1.05, 1.05, 1.1, 1.05],
  "validateWebhook, 8 KB": [1.05, 1.05, 1.05, 1.05],
  validateWebhookSync: [0.75, 0.85, 0.9, 0.8],
  "validateWebhookSync, × standardwebhooks": [0.65, 0.85, 1.05, 0.7],
  "verifyToken, not seen before": [1.1, 1.05, 1.05, 1.1],
  "verifyToken, not seen before, × jose": [],
  "invoices.get": [1.1, 1.05, 1.05, 1.15],
  "start to first verified webhook": [1.35, 1.15, 1.15],
};
const GROUPS = Object.keys(BOUNDS).filter((row) => !row.includes("×") && !row.startsWith("start"));
/** The time limit of one instance, in milliseconds. */
const INSTANCE_BOUND_MS = 0.3;
const ORDER = ["node", "deno", "bun", "workerd"];

/** Returns the figures of one part, by row. Those of `start` are by runtime. */
export async function measureAgainst(part) {
  if (part === "start") return measureStart();
  const figures = {};
  for (const group of GROUPS) {
    const times = { wall: {}, processor: {} };
    for (let run = 0; run < PROCESSES; run++) {
      for (const [kind, lists] of Object.entries(await oneProcess(part, group))) {
        for (const [name, list] of Object.entries(lists)) (times[kind][name] ??= []).push(...list);
      }
    }
    const { wall, processor } = times;
    for (const [row, denominator] of [
      [group, "before"],
      ...peers(wall).map((peer) => [`${group}, × ${peer}`, peer]),
    ]) {
      const taken = figure(processor, denominator);
      figures[row] = {
        ...figure(wall, denominator, BOUNDS[row][ORDER.indexOf(part)]),
        processor: taken,
      };
    }
  }
  return figures;
}

const peers = (times) =>
  Object.keys(times).filter((name) => !["before", "again", "now"].includes(name));

async function oneProcess(runtime, group) {
  if (runtime === "workerd") {
    const place = {
      entry: "bench/against-worker.js",
      directory: "out/bench-against",
      assetNames: "[name]-[hash]",
    };
    const options = { batchMs: 30, rounds: ROUNDS, warmMs: 500 };
    return insideWorkerd(place, group, 1, (names, batch, pid) =>
      withProcessor(() => processorMs(pid), names, batch, options),
    );
  }
  const [program, args] = RUNTIMES[runtime];
  return resultIn(
    await runProgram(program, [...args, "bench/against-program.js", group, String(ROUNDS)], {
      limitMs: LIMIT_MS,
    }),
  );
}

/**
 * Returns the new build's ratio to `denominator`, the noise (the other build's second copy to its
 * first), and the ratio divided by the noise.
 */
function figure(times, denominator, bound) {
  const [low, ratio, high] = quartiles(ratios(times.now, times[denominator]));
  const [noiseLow, noise, noiseHigh] = quartiles(ratios(times.again, times.before));
  const corrected = rounded(ratio / noise);
  return {
    rounds: times.now.length,
    us: rounded(quantile(times.now, 0.5) * 1000),
    ratio,
    spread: [low, high],
    noise,
    noiseSpread: [noiseLow, noiseHigh],
    corrected,
    ...(bound !== undefined && { bound, holds: corrected <= bound }),
  };
}

/**
 * Measures fresh processes from the import to the first verified webhook, and workerd's time for
 * one instance.
 */
async function measureStart() {
  const body = event(620);
  const signature = await signatureHeader(SECRET, new TextEncoder().encode(body));
  const names = ["before", "again", "now"];
  const figures = {};
  for (const [runtime, [program, args]] of Object.entries(RUNTIMES)) {
    const times = Object.fromEntries(names.map((name) => [name, []]));
    for (let round = 0; round < roundsOf(names, PROCESSES * ROUNDS); round++) {
      for (const name of orderOf(names, round)) {
        const all = [...args, "bench/start-program.js", `@gwop/${name}`, body, signature, SECRET];
        times[name].push(resultIn(await runProgram(program, all)));
      }
    }
    figures[runtime] = figure(
      times,
      "before",
      BOUNDS["start to first verified webhook"][ORDER.indexOf(runtime)],
    );
  }
  figures.workerd = await measureInstances();
  return figures;
}

async function measureInstances() {
  const times = { before: [], now: [] };
  for (let run = 0; run < PROCESSES; run++) {
    const place = {
      entry: "bench/against-instances.js",
      directory: "out/bench-against-instances",
      assetNames: "[name]-[hash]",
    };
    const server = await startWorkerd(process.env.GWOP_WORKERD, place);
    const make = async (build, count) => {
      const from = performance.now();
      await (await fetch(`${server.url}/?build=${build}&count=${count}`)).text();
      return performance.now() - from;
    };
    try {
      for (const build of Object.keys(times)) await make(build, INSTANCES);
      for (let round = 0; round < ROUNDS; round++) {
        for (const build of orderOf(Object.keys(times), round)) {
          const few = await make(build, 1);
          times[build].push(((await make(build, 1 + INSTANCES)) - few) / INSTANCES);
        }
      }
    } finally {
      server.end();
    }
  }
  const [low, ms, high] = quartiles(times.now);
  return {
    rounds: times.now.length,
    ms,
    spread: [low, high],
    beforeMs: quartiles(times.before)[1],
    bound: INSTANCE_BOUND_MS,
    holds: ms <= INSTANCE_BOUND_MS,
  };
}

const range = (spread) => spread.map((one) => one.toFixed(2)).join("–");
const verdict = ({ bound, holds }) => (bound === undefined ? "" : holds ? "holds" : "MISSED");

const ratioCells = ({ ratio, spread, noise }) => [
  ratio.toFixed(2),
  range(spread),
  noise.toFixed(2),
];
const processorCells = ({ processor }) =>
  processor ? [...ratioCells(processor), processor.corrected.toFixed(2)] : ["", "", "", ""];

/** Prints the tables for people. */
export function printAgainst({ date, machine, parts }) {
  console.log(`\n${date}, ${machine}`);
  console.log(
    "now: this checkout's package; before: the other one. What counts is now/before, divided by the same of before's second copy.",
  );
  console.log(
    "The processor's time is told for a machine that does other work too; the bounds are of the time on the clock.",
  );
  for (const [part, figures] of Object.entries(parts)) {
    const unit = part === "start" ? "ms" : "µs";
    const rows = [
      [
        "",
        unit,
        "now/before",
        "quartiles",
        "noise",
        "quartiles",
        "divided",
        "bound",
        "",
        "processor",
        "quartiles",
        "noise",
        "divided",
        "rounds",
      ],
    ];
    for (const [row, of] of Object.entries(figures)) {
      if ("ms" in of) {
        rows.push([
          `${row}, one instance`,
          of.ms,
          "",
          of.spread.join("–"),
          `before ${of.beforeMs}`,
          "",
          "",
          `${of.bound} ms`,
          verdict(of),
          "",
          "",
          "",
          "",
          of.rounds,
        ]);
        continue;
      }
      const own = part === "start" ? rounded(of.us / 1000) : of.us;
      rows.push([
        row,
        own,
        ...ratioCells(of),
        range(of.noiseSpread),
        of.corrected.toFixed(2),
        of.bound ?? "",
        verdict(of),
        ...processorCells(of),
        of.rounds,
      ]);
    }
    console.log(`\n── ${part}`);
    print(rows);
  }
}
