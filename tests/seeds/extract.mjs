// Extracts the code samples of the product's documents in this folder, and of the README: `node extract.mjs OUT` writes OUT/samples.js, for the
// suite, and OUT/samples.ts, for the type check. The samples stand in them as they stand here, without their line numbers.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const [out] = process.argv.slice(2);
const here = import.meta.dirname;

/** The samples of one document: runs of lines that are numbered from 1. */
function extract(text) {
  const samples = [];
  let number = 0;
  for (const line of text.split("\n")) {
    const [, digits, code] = /^(\d+)(?![\d.])(.*)$/.exec(line) ?? [];
    if (digits && Number(digits) === number + 1) {
      if (number === 0) samples.push([]);
      samples.at(-1).push(code);
      number += 1;
    } else {
      number = 0;
    }
  }
  return samples;
}

const documents = readdirSync(here).filter((name) => name.endsWith(".txt"));
const samples = documents.flatMap((name) =>
  extract(readFileSync(join(here, name), "utf8")).map((lines, index) => ({ name: `${name}, sample ${index + 1}`, lines })),
);
// The README's tasks: its blocks of plain `js` (those of one runtime name it behind).
const readme = readFileSync(join(here, "../../README.md"), "utf8");
[...readme.matchAll(/^```js\n(.*?)^```$/gms)].forEach(([, code], index) => {
  samples.push({ name: `README.md, sample ${index + 1}`, lines: code.trimEnd().split("\n") });
});
if (samples.length < 16) throw new Error(`only ${samples.length} samples were found in ${here}`);

// Imports go to the top; the rest is the body of a function, its free names the prelude's.
const imports = new Set(['import { Gwop } from "@gwop/sdk";']);
const isImport = (line) => line.startsWith("import ");
const bodies = samples.map(({ name, lines }) => {
  lines.filter(isImport).forEach((line) => imports.add(line));
  const body = lines.filter((line) => !isImport(line)).join("\n");
  return { name, body, readsEnvironment: body.includes("process.env"), asksGwop: /gwop\.(invoices|auth)/.test(body) };
});
const names = "gwop, intent, token, request, rawBody, signatureHeader, eventId, eventType";
const functions = bodies.map(({ name, body, readsEnvironment, asksGwop }) => {
  const head = `  { name: ${JSON.stringify(name)}, readsEnvironment: ${readsEnvironment}, asksGwop: ${asksGwop}`;
  return `${head}, run: async ({ ${names} }) => {{\n${body}\n}} },`;
});
const declared = [
  'import type { AuthIntent } from "@gwop/sdk/models";',
  "interface Prelude { gwop: Gwop; intent: AuthIntent; token: string; request: Request;",
  "  rawBody: string; signatureHeader: string; eventId: string; eventType: string }",
  "declare const process: { env: Record<string, string | undefined> };",
];
const list = (type) => `export const samples${type} = [\n${functions.join("\n")}\n];\n`;
mkdirSync(out, { recursive: true });
writeFileSync(join(out, "samples.js"), `${[...imports].join("\n")}\n\n${list("")}`);
writeFileSync(
  join(out, "samples.ts"),
  `${[...imports, ...declared].join("\n")}\n\n${list(": { name: string; readsEnvironment: boolean; asksGwop: boolean; run(prelude: Prelude): Promise<void> }[]")}`,
);
