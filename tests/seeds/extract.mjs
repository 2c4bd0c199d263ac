// Extracts the code samples of the product's documents in this folder, and of this repository's own
// ones. `node extract.mjs OUT` writes OUT/samples.js for the suite and OUT/samples.ts for the type
// check. The samples are unchanged, but without line numbers.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const [out] = process.argv.slice(2);
const here = import.meta.dirname;

/** Returns the samples of one document: runs of lines that are numbered from 1. */
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
/** Returns the code between fences of one language, without the prefix of each line. */
const fenced = (text, language) =>
  [...text.matchAll(new RegExp(`^([ *]*)\`\`\`${language}\\n([^]*?)^[ *]*\`\`\``, "gm"))].map(([, indent, code]) =>
    code.trimEnd().split("\n").map((line) => line.slice(indent.length)),
  );
const add = (name, found) => found.forEach((lines, index) => samples.push({ name: `${name}, sample ${index + 1}`, lines }));
// The README's only program, which tests/runners/readme.mjs also runs on Node, Deno and Bun.
add("README.md", fenced(readFileSync(join(top, "README.md"), "utf8"), "js app\\.mjs"));
// The samples of `@gwop/worker` are whole Workers. `tests/worker-package` tests them.
const ofWorker = (lines) => lines.some((line) => line.includes('from "@gwop/worker"'));
/**
 * The guides. Blocks of plain `js` or `ts` are run. Blocks of `js node` or `ts node` are compiled.
 */
const GUIDES = [
  "agent", "amounts", "credentials", "errors", "matching-payments", "operations", "selling",
  "simulator", "testing", "tokens", "wallet-login", "webhooks", "worker",
];
const nodePrograms = [];
for (const guide of GUIDES) {
  const page = `docs/${guide}.md`;
  const text = readFileSync(join(top, page), "utf8");
  add(page, fenced(text, "[jt]s").filter((lines) => !ofWorker(lines)));
  nodePrograms.push(...fenced(text, "[jt]s node"));
}

/** Sources whose samples are tested elsewhere, and where. */
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

// Imports move to the top, one line per module. The rest becomes the body of a function, and the
// prelude supplies its free names.
const isImport = (line) => line.startsWith("import ");
const IMPORT = /^import {(.*)} from "(.*)";$/;
const namesOf = (list) => list.split(",").map((word) => word.trim()).filter(Boolean);
/** The imported names of each module, and the imports of another form. */
const imported = new Map();
const others = new Set();
for (const line of [
  'import { ErrorCode, isGwopError } from "@gwop/sdk/errors";',
  'import { createAuthMiddleware } from "@gwop/sdk/handlers";',
  'import { Gwop, HTTPClient } from "@gwop/sdk";',
  'import { Simulator } from "@gwop/sdk/simulator";',
  ...samples.flatMap(({ lines }) => lines.filter(isImport)),
]) {
  const [, list, module] = IMPORT.exec(line) ?? [];
  if (!module) others.add(line);
  else imported.set(module, new Set([...(imported.get(module) ?? []), ...namesOf(list)]));
}
const imports = [
  ...others,
  ...[...imported].map(([module, names]) => `import { ${[...names].join(", ")} } from "${module}";`),
];
const importedBy = (lines) => lines.flatMap((line) => namesOf(IMPORT.exec(line)?.[1] ?? ""));
const known = importedBy(imports);
const bodies = samples.map(({ name, lines }) => {
  const isShort = name.startsWith("README.md");
  const isWhole = isShort || (name.startsWith("docs/") && importedBy(lines).includes("Gwop"));
  const code = lines.filter((line) => !isImport(line)).join("\n");
  // The README's sample is a whole program, and so is a guide's that imports the client. Such a
  // sample gets no imports and no names. Its exports are called.
  const missing = known.find((word) => isWhole && new RegExp(`\\b${word}\\(`).test(code) && !importedBy(lines).includes(word));
  if (missing) throw new Error(`${name} uses ${missing} without importing it`);
  if (isShort && lines.length > 30) throw new Error(`${name} has ${lines.length} lines, expected at most 30: shorten it`);
  const exported = /^export (?:async function|const) (\w+)/m.exec(code)?.[1];
  const body = exported ? `${code.replace(/^export /gm, "")}\nreturn ${exported};` : code;
  // `// → TEXT` after a line is the expected output. `…` matches the rest of it.
  const prints = [...body.matchAll(/console\.log\(.*\/\/ → (.+)$/gm)].map(([, text]) => text);
  const readsEnvironment = body.includes("process.env") || (isWhole && body.includes("new Gwop()"));
  return { name, body, prints, isWhole, readsEnvironment, asksGwop: /gwop\.(invoices|auth)/.test(body) && !body.includes("httpClient") };
});
const names = "gwop, sim, app, intent, token, request, rawBody, signatureHeader, eventId, eventType, error, alreadyDone, tellSomebody, fulfill";
const functions = (typed) => bodies.map(({ name, body, prints, isWhole, readsEnvironment, asksGwop }) => {
  const head = `  { name: ${JSON.stringify(name)}, prints: ${JSON.stringify(prints)}, readsEnvironment: ${readsEnvironment}, asksGwop: ${asksGwop}`;
  // As the README says: JavaScript leaves out the type of the parameter.
  const text = typed ? body : body.replaceAll("(request: Request)", "(request)");
  return `${head}, run: async (${isWhole ? "" : `{ ${names} }`}) => {{\n${text}\n}} },`;
});
const declared = [
  'import type { AuthIntent } from "@gwop/sdk/models";',
  "interface Prelude { gwop: Gwop; sim: Simulator; app: { fetch(request: Request): Promise<Response> }; intent: AuthIntent; token: string;",
  "  request: Request; rawBody: string; signatureHeader: string; eventId: string; eventType: string; error: unknown;",
  "  alreadyDone(eventId: string): Promise<boolean>; tellSomebody(event: object): Promise<void>; fulfill(data: object): Promise<void> }",
  "declare const process: { env: Record<string, string | undefined> };",
];
const list = (type) => `export const samples${type} = [\n${functions(type !== "").join("\n")}\n];\n`;
mkdirSync(out, { recursive: true });
writeFileSync(join(out, "samples.js"), `${imports.join("\n")}\n\n${list("")}`);
// Programs for Node are compiled unchanged, each as its own module.
nodePrograms.forEach((lines, index) => {
  mkdirSync(join(out, "node"), { recursive: true });
  writeFileSync(join(out, "node", `program-${index + 1}.ts`), `${lines.join("\n")}\n`);
});
writeFileSync(
  join(out, "samples.ts"),
  `${[...imports, ...declared].join("\n")}\n\n${list(": { name: string; prints: string[]; readsEnvironment: boolean; asksGwop: boolean; run(prelude: Prelude): Promise<unknown> }[]")}`,
);
