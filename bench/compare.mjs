// Compares a run with the committed baseline, `bench/baseline.json`.

/**
 * How much worse than the baseline a figure may be, as a factor. Ratios to the floor still change
 * with the machine's noise. Sizes do not.
 */
export const TOLERANCE = {
  peer: 1.4,
  ratio: 1.4,
  start: 1.6,
  worker: 1.5,
  workerProcessor: 1.25,
  held: 1.5,
  viem: 2,
  rss: 1.5,
  growth: 1.5,
  size: 1.02,
};

/**
 * Returns one line for each figure of this package that is worse than the baseline allows, or that
 * only the baseline has.
 */
export function compare(result, baseline) {
  const worse = [];
  const check = (where, now, then, tolerance) => {
    if (typeof then !== "number") return;
    if (!(now <= then * tolerance))
      worse.push(`✗ ${where}: ${now ?? "missing"}, baseline ${then}, tolerance × ${tolerance}`);
  };
  for (const [part, figures] of Object.entries(result.parts)) {
    for (const [row, before] of Object.entries(baseline.parts[part] ?? {})) {
      const entries = figures[row];
      if (part === "memory") {
        check(`memory, ${row}, wasm KB at the end`, entries?.after.wasmKB, before.after.wasmKB, 1);
        check(
          `memory, ${row}, wasm KB at the end, against a tenth`,
          entries?.after.wasmKB,
          entries?.before.wasmKB,
          1,
        );
        check(
          `memory, ${row}, rss MB at the end`,
          entries?.after.rssMB,
          before.after.rssMB,
          TOLERANCE.rss,
        );
        check(
          `memory, ${row}, rss MB at the end, against a tenth`,
          entries?.after.rssMB,
          entries?.before.rssMB,
          TOLERANCE.rss,
        );
        check(
          `memory, ${row}, ms of the last tenth, against the first`,
          entries?.lastTenthMs,
          entries?.firstTenthMs,
          TOLERANCE.growth,
        );
      } else if (part === "sizes") {
        if (row.startsWith("@gwop/")) {
          for (const kind of ["raw", "gzip", "brotli"])
            check(`size of ${row}, ${kind}`, entries?.[kind], before[kind], TOLERANCE.size);
        }
      } else if (part === "simulator") {
        // These have their own limits within the run, for the first quartile. Three of four rounds
        // exceed it.
        for (const [name, figure] of Object.entries(entries ?? {})) {
          const where = `simulator, ${row}, ${name}`;
          if ("ofFew" in figure)
            check(`${where}, with 100,000 invoices × with 10`, figure.spread[0], 1, TOLERANCE.held);
          if ("ofViem" in figure) check(`${where}, × viem`, figure.spread[0], 1, TOLERANCE.viem);
          if ("ms" in figure) check(`${where}, ms`, figure.ms, before[name]?.ms, TOLERANCE.start);
        }
      } else if (part === "worker") {
        // Compared with the same work in JavaScript, which shares the noise.
        const slower = (workers) => workers?.gwop && 1 / workers.gwop.ofReference;
        check(
          `worker, ${row}, the rate of 1.0.0's Worker over this one's`,
          slower(entries),
          slower(before),
          TOLERANCE.worker,
        );
        check(
          `worker, ${row}, processor time × 1.0.0's`,
          entries?.gwop?.cpuOfReference,
          before.gwop.cpuOfReference,
          TOLERANCE.workerProcessor,
        );
      } else if (part === "start") {
        // Compared with the peer that started in turn with it, if there is one.
        const ratio = (libraries) => libraries?.gwop?.ofPeer ?? libraries?.gwop?.ms;
        check(`start, ${row}`, ratio(entries), ratio(before), TOLERANCE.start);
      } else {
        for (const [name, old] of Object.entries(before)) {
          if (!OWN.test(name)) continue;
          const now = entries?.[name];
          // A peer does the same work and shares the noise. The floor is mostly the waking of
          // threads and does not share it. Then three of four rounds have to be worse.
          if (old.ofPeer)
            check(`${part}, ${row}, ${name}, × peer`, now?.ofPeer, old.ofPeer, TOLERANCE.peer);
          else
            check(
              `${part}, ${row}, ${name}, × floor, first quartile`,
              now?.spread[0],
              old.ratio,
              TOLERANCE.ratio,
            );
        }
      }
    }
  }
  return worse;
}

/** The candidates of this package. */
const OWN = /^(validateWebhook|checkout|verifyToken|invoices)/;
