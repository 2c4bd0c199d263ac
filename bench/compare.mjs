// A run against the committed baseline, `bench/baseline.json`.

/**
 * How much worse a figure may be than the baseline's before it counts, as a factor. Ratios to the floor still move with
 * the machine's noise; sizes do not.
 */
export const TOLERANCE = { peer: 1.4, ratio: 1.4, start: 1.6, worker: 1.5, rss: 1.5, size: 1.02 };

/** One line per figure of this package's that is worse than the baseline allows; rows that only one side has are passed over. */
export function compare(result, baseline) {
  const worse = [];
  const check = (where, now, then, tolerance) => {
    if (typeof now !== "number" || typeof then !== "number") return;
    if (now > then * tolerance) worse.push(`✗ ${where}: ${now}, baseline ${then}, tolerance × ${tolerance}`);
  };
  for (const [part, figures] of Object.entries(result.parts)) {
    const old = baseline.parts[part] ?? {};
    for (const [row, entries] of Object.entries(figures)) {
      const before = old[row];
      if (!before) continue;
      if (part === "memory") {
        check(`memory, ${row}, wasm KB at the end`, entries.after.wasmKB, entries.before.wasmKB, 1);
        check(`memory, ${row}, rss MB at the end`, entries.after.rssMB, entries.before.rssMB, TOLERANCE.rss);
      } else if (part === "sizes") {
        if (row.startsWith("@gwop/")) check(`size of ${row}, gzip`, entries.gzip, before.gzip, TOLERANCE.size);
      } else if (part === "worker") {
        // Against the same in JavaScript, which shares the moment's noise.
        const slower = ({ gwop }) => 1 / gwop.ofReference;
        check(`worker, ${row}, the JavaScript Worker's rate over this one's`, slower(entries), slower(before), TOLERANCE.worker);
      } else if (part === "start") {
        // Against the peer started in turn with it, where there is one.
        const ratio = ({ gwop, stripe }) => (stripe ? gwop.ms / stripe.ms : gwop.ms);
        check(`start, ${row}`, ratio(entries), ratio(before), TOLERANCE.start);
      } else {
        for (const [name, { spread, ofPeer }] of Object.entries(entries)) {
          if (!OWN.test(name)) continue;
          const old = before[name];
          // A peer does the same work, and shares the moment's noise. The floor, mostly the waking of threads, does not: there worse is what
          // three of four rounds are.
          if (ofPeer && old?.ofPeer) check(`${part}, ${row}, ${name}, × peer`, ofPeer, old.ofPeer, TOLERANCE.peer);
          else check(`${part}, ${row}, ${name}, × floor, first quartile`, spread[0], old?.ratio, TOLERANCE.ratio);
        }
      }
    }
  }
  return worse;
}

/** The candidates that are this package's. */
const OWN = /^(validateWebhook|checkout|verifyToken|invoices)/;
