// Compares two builds of the package in one process: both get the same random inputs, and the
// differences are printed. `main.mjs --old DIR --new DIR [--seconds N] [--seed N] [--from N]
// [--only TEXT]`. `cargo xtask bench --differential` runs it. `--from` is the first case, so that one
// of a long run can be repeated. `--only` selects the kinds of case whose names contain the text.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { inspect, parseArgs } from "node:util";
import { clock, install, reset, settle, START } from "./clock.mjs";
import { EXPECTED, REWRITTEN } from "./expected.mjs";
import { difference, same } from "./outcome.mjs";
import { Random } from "./random.mjs";

const { values } = parseArgs({
  options: {
    old: { type: "string" },
    new: { type: "string" },
    seconds: { type: "string", default: "600" },
    seed: { type: "string", default: "1" },
    from: { type: "string", default: "0" },
    only: { type: "string" },
  },
});
const [seconds, seed] = [Number(values.seconds), Number(values.seed)];

install();
for (const name of Object.keys(process.env)) if (name.startsWith("GWOP_")) delete process.env[name];

async function load(directory) {
  const from = (name) => import(pathToFileURL(resolve(directory, name)));
  // 1.0.0 has no `ANY_MERCHANT`: there, no merchant id means any merchant.
  const { Gwop, HTTPClient, ANY_MERCHANT } = await from("index.node.js");
  const { GwopCheckout } = await from("checkout.node.js");
  const { version } = JSON.parse(readFileSync(resolve(directory, "package.json"), "utf8"));
  return { Gwop, HTTPClient, ANY_MERCHANT, GwopCheckout, version, clock, clients: {} };
}
const [before, after] = [await load(values.old), await load(values.new)];

const modules = await Promise.all([
  import("./events.mjs"),
  import("./tokens.mjs"),
  import("./calls.mjs"),
]);
const kinds = modules
  .flatMap((module) => module.kinds)
  .filter(({ name }) => !values.only || name.includes(values.only));
const weights = kinds.map((kind) => [kind.weight, kind]);

async function run(kind, side, input) {
  reset();
  const outcome = kind.run(side, input);
  return outcome instanceof Promise ? settle(outcome) : outcome;
}

const show = (value, limit = 1200) => {
  const text = inspect(value, {
    depth: 12,
    breakLength: 160,
    maxStringLength: 4000,
    maxArrayLength: 20,
  });
  return text.length > limit ? `${text.slice(0, limit)}…` : text;
};
/** Groups similar differences under one heading: without positions, numbers and long texts. */
const heading = (path, value) => {
  const tells =
    /\.(message|code|name|classes|headers\.\d+\.\d+)$/.test(path) || value === "(absent)";
  return tells
    ? show(value, 160).replaceAll(/\s+/g, " ").replaceAll(/\d+/g, "0")
    : `(${value === null ? "null" : typeof value})`;
};

const counts = new Map(kinds.map(({ name }) => [name, { cases: 0, good: 0, ms: 0 }]));
const expected = new Map();
const unexpected = new Map();

/**
 * Brings an outcome of the old package into the new one's form, by the entries of `REWRITTEN`.
 * Returns it, and the entries that changed it.
 */
function rewrite(was, facts) {
  const used = [];
  for (const entry of REWRITTEN) {
    const changed = entry.rewrite(was, facts.now, facts);
    if (same(changed, was)) continue;
    used.push(entry);
    was = changed;
  }
  return { was, used };
}

/** Returns the expected differences that explain a case, or `undefined`. */
async function explain(facts) {
  const { was, used } = rewrite(facts.was, facts);
  facts.was = was;
  if (same(was, facts.now)) return used;
  for (const entry of EXPECTED) if (await entry.matches(facts)) return [entry];
  return undefined;
}

/** Adds a difference to its groups. The shortest example of each group is kept. */
async function sort(kind, input, was, now) {
  const versions = { old: before.version, new: after.version };
  const facts = { kind: kind.name, input, was, now, versions };
  /** Returns what the old package makes of another input, in the new one's form. */
  facts.old = async (changed) => rewrite(await run(kind, before, changed), facts).was;
  const entries = await explain(facts);
  const found = difference(facts.was, now);
  const keys = entries?.map(({ name }) => name) ?? [
    `${kind.name}: ${found.path.replaceAll(/\d+/g, "0")}: ${heading(found.path, found.one)} → ${heading(found.path, found.other)}`,
  ];
  const example = show(kind.show(input), 6000);
  const groups = entries ? expected : unexpected;
  for (const key of keys) {
    const group = groups.get(key) ?? { count: 0, example: undefined };
    group.count++;
    if (!group.example || example.length < group.example.length)
      Object.assign(group, { kind: kind.name, example, found });
    groups.set(key, group);
  }
}

const from = performance.now();
let cases = Number(values.from);
let told = 0;
for (; performance.now() - from < seconds * 1000; cases++) {
  const random = new Random(Math.imul(seed, 0x9e3779b1) ^ Math.imul(cases, 0x85ebca6b));
  const kind = random.weighted(weights);
  const begun = performance.now();
  reset();
  const input = kind.make(random, START);
  const was = await run(kind, before, input);
  const now = await run(kind, after, input);
  const count = counts.get(kind.name);
  count.cases++;
  if ([was, was.outcome, ...(was.outcomes ?? [])].some((one) => one && "value" in one))
    count.good++;
  if (!same(was, now)) await sort(kind, input, was, now);
  count.ms += performance.now() - begun;
  if (cases % 1000 === 0 && performance.now() - told > 30_000) {
    told = performance.now();
    console.log(
      `… ${cases} cases, ${expected.size} expected and ${unexpected.size} unexpected kinds of difference`,
    );
  }
}

console.log(`\n${cases} cases in ${Math.round((performance.now() - from) / 1000)} s, seed ${seed}`);
for (const [name, count] of counts)
  console.log(
    `  ${String(count.cases).padStart(9)}  ${name} (${count.good} succeeded, ${Math.round((1000 * count.ms) / count.cases)} µs each)`,
  );
for (const { name, reason } of [...REWRITTEN, ...EXPECTED]) {
  const group = expected.get(name);
  console.log(`\nexpected, ${group?.count ?? 0} times: ${name}\n  ${reason}`);
  if (group) console.log(`  for example ${group.kind}: ${group.example.slice(0, 800)}`);
}
for (const [name, { count, example, found }] of [...unexpected].sort(
  (a, b) => b[1].count - a[1].count,
)) {
  console.log(
    `\n✗ UNEXPECTED, ${count} times: ${name}\n  example: ${example}\n  at ${found.path}\n  old: ${show(found.one)}\n  new: ${show(found.other)}`,
  );
}
console.log(
  `\n${unexpected.size === 0 ? "no unexpected difference" : `${unexpected.size} unexpected kinds of difference`}`,
);
process.exit(unexpected.size === 0 ? 0 : 1);
