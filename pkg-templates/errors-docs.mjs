// Writes the tables of docs/errors.md from the comments of the codes: `errors-docs.mjs TOP`. `cargo
// xtask docs` runs it. It refuses a code without a text, and a code that is used but not declared.
// The text around the tables is in the page itself.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { filled } from "../site/marks.mjs";

const [top] = process.argv.slice(2);
const read = (path) => readFileSync(join(top, path), "utf8");
const SDK = "pkg-templates/src";
const problems = [];

/** Parses a comment: `STATUS: meaning`, `Cause: …`, `Fix: …`, each a paragraph. */
function textOf(comment, where) {
  const paragraphs = comment
    .replace(/^[ \t]*(\/\/\/|\*) ?/gm, "")
    .split(/\n[ \t]*\n/)
    .map((paragraph) => paragraph.replace(/\s+/g, " ").trim())
    .filter(Boolean);
  const [first = "", ...more] = paragraphs;
  const [, status, meaning] = /^(?:(\d{3}): )?(.+)$/.exec(first) ?? [];
  const named = (name) => more.find((each) => each.startsWith(`${name}: `))?.slice(name.length + 2);
  const [cause, fix] = [named("Cause"), named("Fix")];
  if (!meaning || !cause || !fix) {
    problems.push(`${where} has no text: its comment needs a meaning, "Cause: …" and "Fix: …"`);
  }
  return { status, meaning, cause, fix };
}

/** Returns the codes that `declaration` finds in a TypeScript file, with or without a comment. */
function declared(file, declaration, text = read(file)) {
  return [
    ...text.matchAll(new RegExp(`(?:/\\*\\*((?:(?!\\*/)[^])*?)\\*/\\s*)?${declaration}`, "g")),
  ].map(([, comment, code]) => ({ code, comment, where: `${file}: ${code}` }));
}

/** Returns the members of a union, such as `export type NAME = | "CODE"`. */
function union(file, name) {
  const [, body = ""] = new RegExp(`export type ${name} =([^]*?["})]);\\n`).exec(read(file)) ?? [];
  return declared(file, '\\| "([A-Z0-9_]+)"', body);
}

/** Returns the members of a constant object, such as `export const NAME = { Name: "CODE" }`. */
function constant(file, name) {
  const [, body = ""] = new RegExp(`export const ${name} = {\\n([^]*?)\\n}`).exec(read(file)) ?? [];
  return declared(file, '\\w+: "([A-Z0-9_]+)"', body);
}

/** Returns the classes that have their own `code`. */
function classes(file) {
  return declared(file, '(?:override )?readonly code(?:: string)? = "([A-Z_]+)"').map((found) => {
    const before = read(file).split(`"${found.code}"`)[0];
    const [name] = [...before.matchAll(/^export class (\w+)/gm)].at(-1).slice(1);
    return { ...found, of: name };
  });
}

/**
 * Returns the variants of Rust's `enum Code`, with `as_str`, and with `http_status` if it has one.
 */
function variants(file) {
  const text = read(file);
  const [, body = ""] = /pub enum Code \{\n([^]*?)\n\}/.exec(text) ?? [];
  const [, statuses = ""] = /fn http_status[^]*?match self \{\n([^]*?)\n {8}\}/.exec(text) ?? [];
  const status = new Map(
    [...statuses.matchAll(/((?:\|?\s*Self::\w+\s*)+)=> (\d+),/g)].flatMap(([, names, number]) =>
      [...names.matchAll(/Self::(\w+)/g)].map(([, name]) => [name, number]),
    ),
  );
  return [...body.matchAll(/((?: {4}\/\/\/.*\n)*) {4}(\w+),/g)].map(([, comment, name]) => {
    const code = new RegExp(`Self::${name} => "([A-Z_]+)"`).exec(text)?.[1];
    return { code, comment, status: status.get(name), where: `${file}: ${name}` };
  });
}

/** Returns the sources below a directory, without generated code and tests. */
const files = (directory, ending) =>
  readdirSync(join(top, directory), { recursive: true })
    .filter((name) => name.endsWith(ending) && !/generated|test_routes/.test(name))
    .map((name) => `${directory}/${name}`);

const withTexts = (codes) => codes.map((each) => ({ ...each, ...merged(each) }));
const merged = ({ comment = "", where, status }) => {
  const text = textOf(comment, where);
  return { ...text, status: status ?? text.status };
};

// Codes that are declared in Rust have their text there.
const webhooks = variants("src/webhook/rejection.rs");
const tokens = variants("src/token/rejection.rs");
const inRust = new Set([...webhooks, ...tokens].map(({ code }) => code));
const validation = union(`${SDK}/errors/validation.ts`, "ValidationErrorCode");
const known = (codes) => new Set(codes.map(({ code }) => code));
for (const [codes, typed, name] of [
  [webhooks, validation, "ValidationErrorCode"],
  [tokens, union(`${SDK}/errors/token.ts`, "TokenErrorCode"), "TokenErrorCode"],
]) {
  for (const { code, where } of codes) {
    if (!known(typed).has(code)) problems.push(`${where} is not among the types of ${name}`);
  }
}
const own = validation.filter(({ code }) => !inRust.has(code));

/** The tables, by the names of their markers in the page. */
const TABLES = {
  validation: withTexts(own.filter(({ code }) => code !== "WEBHOOK_BODY_TOO_LARGE")).map(
    (each) => ({ ...each, of: "SDKValidationError" }),
  ),
  calls: withTexts(files(`${SDK}/errors`, ".ts").flatMap(classes)),
  waits: withTexts(union(`${SDK}/errors/wait.ts`, "WaitErrorCode")),
  gwop: withTexts(constant(`${SDK}/errors/code.ts`, "ErrorCode")),
  webhooks: withTexts([
    ...webhooks,
    ...own.filter(({ code }) => code === "WEBHOOK_BODY_TOO_LARGE"),
  ]),
  tokens: withTexts(tokens),
  handlers: withTexts(union(`${SDK}/handlers/codes.ts`, "HandlerErrorCode")),
  reported: withTexts(union(`${SDK}/handlers/codes.ts`, "ReportedErrorCode")),
  worker: withTexts(union("pkg-templates/worker-package/index.d.ts", "WorkerErrorCode")),
  agent: withTexts(union(`${SDK}/agent/error.ts`, "AgentErrorCode")),
  checkout: withTexts(union(`${SDK}/checkout/errors.ts`, "CheckoutErrorCode")),
  simulator: withTexts(union(`${SDK}/simulator/error.ts`, "SimulatorErrorCode")),
  cli: withTexts(constant("pkg-templates/cli/errors.js", "CODES")),
};
for (const [name, codes] of Object.entries(TABLES)) {
  if (codes.length < 2) problems.push(`only ${codes.length} codes were found for “${name}”`);
}

// Every code that the sources use must be declared, and every declared code must be used.
const SCANNED = [
  {
    files: files("agent/src", ".rs").concat(files(`${SDK}/agent`, ".ts")),
    // Matches `Failure::new("CODE"`, `discover("CODE"`, `{ code: "CODE"`, and the limits'
    // constants.
    pattern:
      /(?:Failure::new|discover)\(\s*"([A-Z_]+)"|\bcode: "([A-Z_]+)"|const [A-Z_]+: &str = "([A-Z_]+)"/g,
    tables: ["agent"],
    // The journal and the rules exchange these. No error has them.
    inside: ["OPEN_ATTEMPT", "NONCE_CHANGED"],
  },
  {
    files: files("src/worker", ".rs"),
    pattern:
      /(?:Response|Self)::error\(\s*\d+,\s*"([A-Z_]+)"|=> "([A-Z]+(?:_[A-Z]+)+)",|_MERCHANT: &str = "([A-Z_]+)"/g,
    tables: ["worker", "handlers", "gwop", "webhooks", "tokens"],
    used: ["worker"],
    inside: [],
  },
  {
    files: files(`${SDK}/handlers`, ".ts"),
    pattern:
      /(?:refusal|unauthorized)\(\s*(?:[\w.]+,\s*)?(?:[^()"]+ \? )?"([A-Z_]+)"|\bcode: "([A-Z_]+)"|, "(CONFLICT|CALLBACK_FAILED|UNAVAILABLE)"\)|\? "([A-Z_]+)" : code|code \?\? "([A-Z_]+)"/g,
    tables: ["handlers", "reported", "webhooks", "tokens", "gwop"],
    used: ["handlers", "reported"],
    inside: [],
  },
  {
    files: [
      `${SDK}/simulator.ts`,
      ...files(`${SDK}/simulator`, ".ts"),
      "pkg-templates/simulator/cli.js",
      ...files("simulator/src", ".rs"),
    ],
    pattern:
      /(?:SimulatorError|CommandError::new)\(\s*"([A-Z_]+)"|\bSelf::new\("([A-Z_]+)"|code: "([A-Z_]+)"/g,
    tables: ["simulator"],
    inside: [],
  },
  {
    files: files("pkg-templates/cli", ".js"),
    // Matches `CODES.CODE`, and a text in place of a constant.
    pattern: /\bCODES\.([A-Z_]+)|Unavailable\(\s*"([A-Z_]+)"|\.failure\(\s*"([A-Z_]+)"/g,
    tables: ["cli"],
    inside: [],
  },
  {
    files: files(`${SDK}/checkout`, ".ts"),
    pattern: /\bcode: "([A-Z_]+)"/g,
    tables: ["checkout", "gwop"],
    used: [],
    inside: [],
  },
];
for (const { files: scanned, pattern, tables, used: needed = tables, inside } of SCANNED) {
  const declaredCodes = known(tables.flatMap((name) => TABLES[name]));
  const used = new Map();
  for (const file of scanned) {
    for (const [, ...groups] of read(file).matchAll(pattern)) used.set(groups.find(Boolean), file);
  }
  for (const [code, file] of used) {
    if (!declaredCodes.has(code) && !inside.includes(code)) {
      problems.push(`${file} uses the code ${code}, which no declaration explains`);
    }
  }
  for (const { code, where } of needed.flatMap((name) => TABLES[name])) {
    if (!used.has(code)) problems.push(`${where} is declared, and nothing uses it`);
  }
}

/** Wraps a paragraph at 100 characters. */
function wrapped(text, first = "", rest = first.replace(/./g, " ")) {
  const lines = [];
  let line = first;
  for (const word of text.split(" ")) {
    const empty = line === first || line === rest;
    if (!empty && line.length + word.length + 1 > 100) {
      lines.push(line);
      line = rest + word;
    } else line += empty ? word : ` ${word}`;
  }
  return [...lines, line].join("\n");
}

/** What the heading of a code adds if several tables have the code. */
const AREAS = {
  validation: "options",
  calls: "calls",
  waits: "waiting",
  gwop: "Gwop",
  webhooks: "webhooks",
  tokens: "tokens",
  handlers: "handlers",
  reported: "onError",
  worker: "the Worker",
  agent: "the agent",
  checkout: "checkout",
  simulator: "the local Gwop",
  cli: "the command line",
};
const times = new Map();
for (const { code } of Object.values(TABLES).flat()) times.set(code, (times.get(code) ?? 0) + 1);

function entry(area, { code, of, status, meaning, cause, fix }) {
  const about = [of && `\`${of}\`.`, status && `Status ${status}.`, meaning]
    .filter(Boolean)
    .join(" ");
  return [
    `### \`${code}\`${times.get(code) > 1 ? ` (${area})` : ""}\n`,
    `${wrapped(about)}\n`,
    wrapped(cause, "- **Cause:** ", "  "),
    wrapped(fix, "- **What to do:** ", "  "),
  ].join("\n");
}

if (problems.length === 0) {
  const path = "docs/errors.md";
  let page = read(path);
  for (const [name, codes] of Object.entries(TABLES)) {
    const entries = codes.map((each) => entry(AREAS[name], each)).join("\n\n");
    page = filled(page, `codes: ${name}`, entries);
  }
  writeFileSync(join(top, path), page);
}
for (const problem of problems) console.error(`✗ ${problem}`);
process.exitCode = problems.length > 0 ? 1 : 0;
