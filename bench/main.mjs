// The benchmark: `main.mjs [--only PART,…] [--check] [--keep-baseline]`, or `[--only PART,…]
// --against`, from the consumer project, which has the packed tarball installed and `bench` and
// `runners` copied in. `cargo xtask bench` runs it. It names the programs in GWOP_DENO, GWOP_BUN
// and GWOP_WORKERD, and the files in GWOP_BENCH_OUT and GWOP_BENCH_BASELINE. See
// docs/performance.md.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { measureAgent } from "./agent.mjs";
import { measureAgainst, printAgainst, PARTS as AGAINST_PARTS } from "./against.mjs";
import { compare } from "./compare.mjs";
import { measureGroups } from "./inside.mjs";
import { measureMemory } from "./memory.mjs";
import { measureSizes } from "./sizes.mjs";
import { measureSimulator } from "./simulator.mjs";
import { measureStart } from "./start.mjs";
import { printAll } from "./table.mjs";
import { measureWorker } from "./worker/measure.mjs";

/** Every part, in the order of a whole run. The first four are runtimes. */
const PARTS = {
  node: () => measureGroups("node"),
  deno: () => measureGroups("deno"),
  bun: () => measureGroups("bun"),
  workerd: () => measureGroups("workerd"),
  start: measureStart,
  memory: measureMemory,
  worker: measureWorker,
  simulator: measureSimulator,
  agent: measureAgent,
  sizes: measureSizes,
};

// `cargo xtask bench` has checked the arguments.
const args = process.argv.slice(2);
const against = args.includes("--against");
const parts = against
  ? Object.fromEntries(AGAINST_PARTS.map((part) => [part, () => measureAgainst(part)]))
  : PARTS;
const named = args
  .filter((arg) => arg.startsWith("--only="))
  .flatMap((arg) => arg.slice("--only=".length).split(","));
const only = named.length > 0 ? named : Object.keys(parts);

const { GWOP_BENCH_OUT: out, GWOP_BENCH_BASELINE: baseline } = process.env;
const [cpu] = cpus();
const result = {
  date: new Date().toISOString(),
  machine: `${cpus().length} × ${cpu?.model.trim() ?? "unknown"}, ${process.platform} ${process.arch}`,
  parts: {},
};
for (const [name, run] of Object.entries(parts)) {
  if (!only.includes(name)) continue;
  console.log(`… ${name}`);
  try {
    result.parts[name] = await run();
  } catch (error) {
    // Keeps what the other parts have measured.
    console.error(`${name} failed:`, error);
    process.exitCode = 1;
  }
}
if (against) printAgainst(result);
else printAll(result);
writeFileSync(out, `${JSON.stringify(result, null, 1)}\n`);
console.log(`\n${out}`);

const kept = existsSync(baseline) ? JSON.parse(readFileSync(baseline, "utf8")) : undefined;
if (args.includes("--check")) {
  if (!kept) throw new Error(`${baseline} is not there: --keep-baseline writes it`);
  const failed = only.filter((name) => !(name in result.parts));
  const worse = [...failed.map((name) => `✗ ${name} was not measured`), ...compare(result, kept)];
  for (const line of worse) console.log(line);
  console.log(
    worse.length === 0
      ? "no figure is worse than the baseline"
      : `${worse.length} figures are worse than the baseline, or missing`,
  );
  if (worse.length > 0) process.exitCode = 1;
}
if (args.includes("--keep-baseline")) {
  const dates = Object.fromEntries(Object.keys(result.parts).map((name) => [name, result.date]));
  const merged = {
    machine: result.machine,
    dates: { ...kept?.dates, ...dates },
    parts: { ...kept?.parts, ...result.parts },
  };
  writeFileSync(baseline, `${JSON.stringify(merged, null, 1)}\n`);
}
