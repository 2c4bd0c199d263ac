// Prints the tables for people.

/** Prints every part that was run. */
export function printAll({ date, machine, parts }) {
  console.log(`\n${date}, ${machine}`);
  for (const [part, figures] of Object.entries(parts)) {
    console.log(`\n── ${part}`);
    (PRINTERS[part] ?? printGroups)(figures);
  }
}

const PRINTERS = {
  start: printStart,
  memory: printMemory,
  worker: printWorker,
  simulator: printSimulator,
  agent: printAgent,
  sizes: printSizes,
};

/** Prints one line per row, in columns. */
export function print(rows) {
  const widths = rows[0].map((_, column) =>
    Math.max(...rows.map((row) => String(row[column]).length)),
  );
  for (const row of rows) {
    const cells = row.map((cell, column) =>
      column === 0 ? String(cell).padEnd(widths[0]) : String(cell).padStart(widths[column]),
    );
    console.log(`  ${cells.join("  ")}`);
  }
}

const range = (spread) => spread.map((one) => one.toFixed(2)).join("–");

function printGroups(groups) {
  const rows = [["", "× floor", "quartiles", "× peer", "µs"]];
  for (const [group, figures] of Object.entries(groups)) {
    rows.push([group, "", "", "", ""]);
    for (const [name, { us, ratio, spread, ofPeer }] of Object.entries(figures)) {
      rows.push([
        `  ${name}`,
        ratio.toFixed(2),
        range(spread),
        ofPeer?.toFixed(2) ?? "",
        us.toFixed(1),
      ]);
    }
  }
  print(rows);
}

function printStart(runtimes) {
  const rows = [["import to first verified webhook", "ms", "quartiles", "× stripe"]];
  for (const [runtime, libraries] of Object.entries(runtimes)) {
    for (const [library, { ms, spread, ofPeer }] of Object.entries(libraries)) {
      rows.push([`${runtime}: ${library}`, ms, spread.join("–"), ofPeer?.toFixed(2) ?? ""]);
    }
  }
  print(rows);
}

function printMemory(figures) {
  const rows = [
    [
      "memory",
      "count",
      "refused or cancelled",
      "rss MB, after a tenth",
      "at the end",
      "wasm KB",
      "at the end",
      "first tenth ms",
      "last",
    ],
  ];
  for (const [row, { count, ended, before, after, firstTenthMs, lastTenthMs }] of Object.entries(
    figures,
  )) {
    rows.push([
      row,
      count,
      ended,
      before.rssMB,
      after.rssMB,
      before.wasmKB,
      after.wasmKB,
      firstTenthMs,
      lastTenthMs,
    ]);
  }
  print(rows);
}

function printSimulator({ start, judgement, ...calls }) {
  print([
    ["local Gwop", "ms", "quartiles"],
    ...Object.entries(start).map(([name, { ms, spread }]) => [name, ms, spread.join("–")]),
  ]);
  const judged = Object.entries(judgement).map(([name, { judgeUs, viemUs, ofViem, spread }]) => [
    name,
    judgeUs,
    viemUs,
    ofViem.toFixed(2),
    range(spread),
  ]);
  print([
    ["judging one payment on Base", "µs", "viem's recovery, µs", "× viem", "quartiles"],
    ...judged,
  ]);
  const rows = [
    ["calls per second", "10 invoices held", "100,000", "time × that of 10", "quartiles"],
  ];
  for (const [place, figures] of Object.entries(calls)) {
    rows.push([place, "", "", "", ""]);
    for (const [name, { perSecondFew, perSecondMany, ofFew, spread }] of Object.entries(figures)) {
      rows.push([`  ${name}`, perSecondFew, perSecondMany, ofFew.toFixed(2), range(spread)]);
    }
  }
  print(rows);
}

function printAgent({ signature, start, gzip }) {
  const { us, viemUs, ofViem, spread } = signature;
  print([
    ["a warm signature", "µs", "viem, µs", "× viem", "quartiles"],
    ["secp256k1", us.toFixed(0), viemUs.toFixed(0), ofViem.toFixed(2), range(spread)],
  ]);
  const rows = Object.entries(start.ms).map(([name, ms]) => [name, ms.toFixed(1), gzip[name]]);
  print([
    ["import to first payment", "ms", "bytes, gzip"],
    ...rows,
    ["× the three", start.ofPeers.toFixed(2), range(start.spread)],
  ]);
}

function printSizes(entries) {
  const kinds = ["raw", "gzip", "brotli"];
  const rows = [
    [
      "bytes",
      ...["JavaScript", "wasm", "both"].flatMap((what) => kinds.map((kind) => `${what}, ${kind}`)),
    ],
  ];
  for (const [entry, { javascript, wasm, ...both }] of Object.entries(entries)) {
    rows.push([
      entry,
      ...[javascript, wasm, both].flatMap((bytes) => kinds.map((kind) => bytes[kind])),
    ]);
  }
  print(rows);
}

function printWorker(loads) {
  const rows = [
    [
      "webhooks on workerd",
      "per second",
      "of the empty Worker's",
      "of 1.0.0's",
      "quartiles",
      "p50 ms",
      "p99 ms",
      "processor µs",
      "of 1.0.0's",
      "quartiles",
    ],
  ];
  for (const [row, workers] of Object.entries(loads)) {
    rows.push([row, "", "", "", "", "", "", "", "", ""]);
    for (const [
      name,
      { perSecond, ofEmpty, ofReference, spread, p50Ms, p99Ms, cpuUs, cpuOfReference, cpuSpread },
    ] of Object.entries(workers)) {
      rows.push([
        `  ${name}`,
        perSecond,
        ofEmpty.toFixed(2),
        ofReference.toFixed(2),
        range(spread),
        p50Ms,
        p99Ms,
        cpuUs ?? "",
        cpuOfReference?.toFixed(2) ?? "",
        cpuSpread ? range(cpuSpread) : "",
      ]);
    }
  }
  print(rows);
}
