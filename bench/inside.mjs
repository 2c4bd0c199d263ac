// Measures the groups of `groups.js` inside each runtime.
import { runProgram } from "../runners/programs.mjs";
import { startWorkerd } from "../runners/workerd.mjs";
import { CONCURRENT, GROUPS } from "./catalogue.js";
import { measure, quantile } from "./harness.js";
import { resultIn, RUNTIMES } from "./programs.mjs";

/** The time limit of one group, in milliseconds. */
const LIMIT_MS = 60_000;

/** Returns the figures of every group in one runtime, by the group's name. */
export async function measureGroups(runtime) {
  const rows = GROUPS.map((group) => [group, group, 1]);
  for (const [group, concurrency] of Object.entries(CONCURRENT)) {
    rows.push([`${group}, ${concurrency} at once`, group, concurrency]);
  }
  const figures = {};
  if (runtime === "workerd") {
    const options = { batchMs: 30, rounds: 15, warmMs: 500 };
    for (const [row, group, concurrency] of rows) {
      const place = { entry: "bench/inside-worker.js", directory: "out/bench" };
      figures[row] = await insideWorkerd(place, group, concurrency, (names, batch) =>
        measure(names, batch, options),
      );
    }
  } else {
    const [program, args] = RUNTIMES[runtime];
    for (const [row, group, concurrency] of rows) {
      const output = await runProgram(
        program,
        [...args, "bench/inside-program.js", group, String(concurrency)],
        {
          limitMs: LIMIT_MS,
        },
      );
      figures[row] = resultIn(output);
    }
  }
  return figures;
}

/**
 * Measures workerd from outside, because its clocks stop while a request runs. One request is one
 * batch, over one kept-alive connection, and the median time of an empty batch is subtracted.
 * Batches are longer here, so that the rest of the request's own time is small.
 */
export async function insideWorkerd(place, group, concurrency, use) {
  const server = await startWorkerd(process.env.GWOP_WORKERD, place);
  const time = async (name, count) => {
    const query = new URLSearchParams({ group, name, count, concurrency });
    const from = performance.now();
    const response = await fetch(`${server.url}/?${query}`, {
      signal: AbortSignal.timeout(LIMIT_MS),
    });
    const text = await response.text();
    const took = performance.now() - from;
    if (response.status !== 200)
      throw new Error(`workerd answered ${response.status}: ${text}\n${server.output()}`);
    return [took, text];
  };
  try {
    const [, names] = await time("", 0);
    const empty = [];
    for (let round = 0; round < 50; round++) empty.push((await time("", 0))[0]);
    const overhead = quantile(empty.slice(10), 0.5);
    const batch = async (name, count) => Math.max(0.01, (await time(name, count))[0] - overhead);
    return await use(JSON.parse(names), batch, server.pid);
  } finally {
    server.end();
  }
}
