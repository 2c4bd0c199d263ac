// Writes the tables of docs/performance.md and the chart docs/performance.svg from
// bench/baseline.json: `page.mjs TOP`. `cargo xtask docs` runs it. Missing figures become a dash.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { filled } from "../site/marks.mjs";

const [top] = process.argv.slice(2);
const { machine, dates, parts } = JSON.parse(
  readFileSync(join(top, "bench/baseline.json"), "utf8"),
);
const RUNTIMES = { node: "Node", deno: "Deno", bun: "Bun", workerd: "workerd" };
const names = Object.keys(RUNTIMES);

const number = (value, digits = 3) => {
  if (value === undefined) return "–";
  const rounded = Number(value.toPrecision(digits));
  return rounded.toLocaleString("en-US", { maximumFractionDigits: 2 });
};
const times = (value) => (value === undefined ? "–" : `${number(value, 2)} ×`);
const table = (head, rows) =>
  [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");

/** Returns a figure of a part, per runtime. */
const each = (label, read, show = number) => [label, ...names.map((name) => show(read(name)))];
const of = (group, candidate, figure) => (name) => parts[name]?.[group]?.[candidate]?.[figure];

const webhook = "webhook 620 B";
const speed = table(
  ["what", ...Object.values(RUNTIMES)],
  [
    each("one `crypto.subtle.verify` of the same bytes, µs", of(webhook, "subtle.verify", "us")),
    each("`validateWebhook`, µs", of(webhook, "validateWebhook", "us")),
    each("`validateWebhookSync`, µs", of(webhook, "validateWebhookSync", "us")),
    each(
      "`validateWebhookSync` next to `standardwebhooks`",
      of(webhook, "validateWebhookSync", "ofPeer"),
      times,
    ),
    each("`verifyToken`, µs", of("verifyToken", "verifyToken", "us")),
    each("`verifyToken` next to `jose`", of("verifyToken", "verifyToken", "ofPeer"), times),
    each(
      "`invoices.get` next to `fetch` and `JSON.parse`",
      of("invoices.get", "invoices.get", "ratio"),
      times,
    ),
    each("start to the first verified webhook, ms", (name) => parts.start?.[name]?.gwop?.ms),
    each(
      "memory after 1,000,000 verifications, MB",
      (name) => parts.memory?.[`${name}, verify`]?.after?.rssMB,
    ),
    each(
      "memory after 100,000 cancelled calls, MB",
      (name) => parts.memory?.[`${name}, cancel`]?.after?.rssMB,
    ),
  ],
);

const kilobytes = (bytes) => (bytes === undefined ? "–" : (bytes / 1000).toFixed(1));
const sizes = table(
  ["import", "JavaScript, KB", "WebAssembly, KB", "together, KB"],
  Object.entries(parts.sizes ?? {})
    .filter(([name]) => name.startsWith("@gwop/"))
    .map(([name, { javascript, wasm, gzip }]) => [
      `\`${name}\``,
      kilobytes(javascript.gzip),
      wasm.gzip === 0 ? "–" : kilobytes(wasm.gzip),
      kilobytes(gzip),
    ]),
);

const worker = table(
  ["requests", "per second", "median, ms", "99 %, ms", "processor time, µs"],
  Object.entries(parts.worker ?? {}).map(([name, { gwop }]) => [
    name.replace(", 1 connections", ", 1 connection"),
    number(gwop.perSecond),
    number(gwop.p50Ms),
    number(gwop.p99Ms),
    number(gwop.cpuUs),
  ]),
);

/** Returns the date of a part, and of all parts that were measured on the same day. */
const day = (part) => (dates[part] ?? "").slice(0, 10);

/** Draws bars per runtime, in microseconds. */
function chart() {
  const series = [
    ["subtle.verify", of(webhook, "subtle.verify", "us"), "#9aa5b1"],
    ["validateWebhook", of(webhook, "validateWebhook", "us"), "#3b82f6"],
    ["validateWebhookSync", of(webhook, "validateWebhookSync", "us"), "#10b981"],
    ["verifyToken", of("verifyToken", "verifyToken", "us"), "#f59e0b"],
  ];
  const [width, left, bar, gap, head] = [720, 80, 14, 22, 64];
  const group = series.length * bar + gap;
  const most = Math.max(...series.flatMap(([, read]) => names.map((name) => read(name) ?? 0)));
  const scale = (width - left - 70) / most;
  const lines = [];
  series.forEach(([label, , color], at) => {
    const x = left + at * 155;
    lines.push(`<rect x="${x}" y="34" width="12" height="12" fill="${color}"/>`);
    lines.push(`<text x="${x + 18}" y="44">${label}</text>`);
  });
  names.forEach((name, at) => {
    const y = head + at * group;
    lines.push(
      `<text x="${left - 10}" y="${y + group / 2 - 6}" text-anchor="end">${RUNTIMES[name]}</text>`,
    );
    series.forEach(([, read, color], index) => {
      const value = read(name);
      if (value === undefined) return;
      const length = Math.max(1, Math.round(value * scale));
      const top = y + index * bar;
      lines.push(
        `<rect x="${left}" y="${top}" width="${length}" height="${bar - 3}" fill="${color}"/>`,
      );
      lines.push(`<text x="${left + length + 6}" y="${top + bar - 4}">${number(value)}</text>`);
    });
  });
  const height = head + names.length * group;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img">
<title>Microseconds per verification, by runtime</title>
<style>text { font: 12px system-ui, sans-serif; fill: #6b7280 } .title { font-weight: 600 }</style>
<text class="title" x="${left}" y="20">Microseconds per verification</text>
${lines.join("\n")}
</svg>
`;
}

const BLOCKS = {
  machine: `The machine: ${machine}.\nThe speed was measured on ${day("node")}, the sizes on ${day("sizes")}, and the Worker on ${day("worker")}.`,
  speed,
  sizes,
  worker,
};
const path = join(top, "docs/performance.md");
let page = readFileSync(path, "utf8");
for (const [name, block] of Object.entries(BLOCKS)) page = filled(page, `figures: ${name}`, block);
writeFileSync(path, page);
writeFileSync(join(top, "docs/performance.svg"), chart());
