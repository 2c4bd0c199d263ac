// Writes the reference in docs/cli.md from the table of commands: `cli-docs.mjs TOP`. `cargo xtask
// docs` runs it.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { reference } from "./cli/help.js";

const [top] = process.argv.slice(2);
const path = join(top, "docs/cli.md");
const text = readFileSync(path, "utf8");
const [, head, tail] = /^([^]*<!-- Written by [^\n]*-->\n)[^]*(<!-- end -->\n)$/.exec(text) ?? [];
if (!head) throw new Error("docs/cli.md has lost the marks around its reference");
writeFileSync(path, `${head}\n${reference()}\n\n${tail}`);
