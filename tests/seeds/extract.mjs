// Extracts the code samples of the product's documents in this folder, and of this repository's own: `node extract.mjs OUT` writes
// OUT/samples.js, for the suite, and OUT/samples.ts, for the type check. The samples stand in them as they stand there, without line numbers.
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
const top = join(here, "../..");
/** The code between fences of one language, without what stands before each line. */
const fenced = (text, language) =>
  [...text.matchAll(new RegExp(`^([ *]*)\`\`\`${language}\\n([^]*?)^[ *]*\`\`\``, "gm"))].map(([, indent, code]) =>
    code.trimEnd().split("\n").map((line) => line.slice(indent.length)),
  );
const add = (name, found) => found.forEach((lines, index) => samples.push({ name: `${name}, sample ${index + 1}`, lines }));
// The README's tasks: its blocks of plain `js` or `ts` (those of one runtime name it behind).
add("README.md", fenced(readFileSync(join(top, "README.md"), "utf8"), "[jt]s"));
// Those of `@gwop/worker` are whole Workers, as `tests/worker-package` has them.
const ofWorker = (lines) => lines.some((line) => line.includes('from "@gwop/worker"'));
add("docs/worker.md", fenced(readFileSync(join(top, "docs/worker.md"), "utf8"), "ts").filter((lines) => !ofWorker(lines)));
add("docs/errors.md", fenced(readFileSync(join(top, "docs/errors.md"), "utf8"), "ts"));
add("docs/agent.md", fenced(readFileSync(join(top, "docs/agent.md"), "utf8"), "ts"));
add("docs/simulator.md", fenced(readFileSync(join(top, "docs/simulator.md"), "utf8"), "ts"));

/** Sources whose samples are shown elsewhere, and where. */
const ADAPTERS = ["astro", "azure-functions", "elysia", "express", "fastify", "h3", "hono", "koa", "lambda", "nestjs", "next", "react-router", "sveltekit"];
const ELSEWHERE = {
  ...Object.fromEntries(ADAPTERS.map((name) => [`handlers/${name}.ts`, "tests/frameworks"])),
  "slim.ts": "tests/projects/slim.mjs",
  "checkout/client.ts": "tests/suite/checkout.js",
  "checkout/webhooks.ts": "tests/suite/checkout.js",
};
// The samples in the comments of the sources.
const sources = join(top, "pkg-templates/src");
for (const file of readdirSync(sources, { recursive: true }).filter((name) => name.endsWith(".ts")).sort()) {
  if (file.startsWith("generated/") || file in ELSEWHERE) continue;
  add(file, fenced(readFileSync(join(sources, file), "utf8"), "ts"));
}
if (samples.length < 25) throw new Error(`only ${samples.length} samples were found in ${here}`);

// Imports go to the top; the rest is the body of a function, its free names the prelude's.
const imports = new Set([
  'import { Gwop } from "@gwop/sdk";',
  'import { HTTPClient } from "@gwop/sdk";',
  'import { ErrorCode, isGwopError } from "@gwop/sdk/errors";',
  'import { createAuthMiddleware } from "@gwop/sdk/handlers";',
  'import { Simulator } from "@gwop/sdk/simulator";',
]);
const isImport = (line) => line.startsWith("import ");
for (const { lines } of samples) lines.filter(isImport).forEach((line) => imports.add(line));
/** One line per module: several samples may import the same name. */
function importsByModule() {
  const modules = new Map();
  const others = [];
  for (const line of imports) {
    const [, type = "", names, module] = /^import (type )?{(.*)} from (".*");$/.exec(line) ?? [];
    if (!module) {
      others.push(line);
      continue;
    }
    const known = modules.get(type + module) ?? new Set();
    for (const name of names.split(",").map((word) => word.trim())) if (name) known.add(name);
    modules.set(type + module, known);
  }
  const lines = [...modules].map(([key, names]) => {
    const [, type, module] = /^(type )?(".*)$/.exec(key);
    return `import ${type ?? ""}{ ${[...names].join(", ")} } from ${module};`;
  });
  return [...lines, ...others];
}
const importedBy = (lines) => lines.filter(isImport).flatMap((line) => (/{(.*)}/.exec(line)?.[1] ?? "").split(",").map((word) => word.trim()));
const known = importedBy([...imports]);
const bodies = samples.map(({ name, lines }) => {
  const isWhole = name.startsWith("README.md");
  const code = lines.filter((line) => !isImport(line)).join("\n");
  // The README's are whole programs: nothing is imported for them, or given to them. What they export is called.
  const missing = known.find((word) => isWhole && new RegExp(`\\b${word}\\(`).test(code) && !importedBy(lines).includes(word));
  if (missing) throw new Error(`${name} uses ${missing} without importing it`);
  if (isWhole && lines.length >= 15) throw new Error(`${name} has ${lines.length} lines, expected fewer than 15: shorten it`);
  const exported = /^export (?:async function|const) (\w+)/m.exec(code)?.[1];
  const body = exported ? `${code.replace(/^export /gm, "")}\nreturn ${exported};` : code;
  // `// → VALUE` behind a line tells what it prints.
  const prints = [...body.matchAll(/^console\.log\(.*\/\/ → (\S+)/gm)].map(([, value]) => value);
  const readsEnvironment = body.includes("process.env") || (isWhole && body.includes("new Gwop()"));
  return { name, body, prints, isWhole, readsEnvironment, asksGwop: /gwop\.(invoices|auth)/.test(body) && !body.includes("httpClient") };
});
const names = "gwop, sim, app, intent, token, request, rawBody, signatureHeader, eventId, eventType, error, alreadyDone, tellSomebody, fulfil";
const functions = (typed) => bodies.map(({ name, body, prints, isWhole, readsEnvironment, asksGwop }) => {
  const head = `  { name: ${JSON.stringify(name)}, prints: ${JSON.stringify(prints)}, readsEnvironment: ${readsEnvironment}, asksGwop: ${asksGwop}`;
  // As the README says: in JavaScript, the type of the parameter is left out.
  const text = typed ? body : body.replace("(request: Request)", "(request)");
  return `${head}, run: async (${isWhole ? "" : `{ ${names} }`}) => {{\n${text}\n}} },`;
});
const declared = [
  'import type { AuthIntent } from "@gwop/sdk/models";',
  "interface Prelude { gwop: Gwop; sim: Simulator; app: { fetch(request: Request): Promise<Response> }; intent: AuthIntent; token: string;",
  "  request: Request; rawBody: string; signatureHeader: string; eventId: string; eventType: string; error: unknown;",
  "  alreadyDone(eventId: string): Promise<boolean>; tellSomebody(event: object): Promise<void>; fulfil(data: object): Promise<void> }",
  "declare const process: { env: Record<string, string | undefined> };",
];
const list = (type) => `export const samples${type} = [\n${functions(type !== "").join("\n")}\n];\n`;
mkdirSync(out, { recursive: true });
writeFileSync(join(out, "samples.js"), `${importsByModule().join("\n")}\n\n${list("")}`);
writeFileSync(
  join(out, "samples.ts"),
  `${[...importsByModule(), ...declared].join("\n")}\n\n${list(": { name: string; prints: string[]; readsEnvironment: boolean; asksGwop: boolean; run(prelude: Prelude): Promise<unknown> }[]")}`,
);
