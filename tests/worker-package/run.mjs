// The npm package `@gwop/worker`: `node tests/worker-package/run.mjs [--only SUITE]...`, run by
// `cargo xtask test --only worker-package`, which packs both packages first.
import { openWorkshop } from "./lib.mjs";
import { run } from "../worker/lib/runner.mjs";

import "./tarball.mjs";
import "./jsonc.mjs";
import "./init.mjs";
import "./upgrade.mjs";
import "./configurations.mjs";
import "./versions.mjs";
import "./projects.mjs";

const only = [];
const rest = process.argv.slice(2);
while (rest.length > 0) {
  const argument = rest.shift();
  if (argument !== "--only")
    throw new Error(`\`${argument}\` is not understood: run.mjs [--only SUITE]...`);
  only.push(...(rest.shift() ?? "").split(","));
}
await openWorkshop();
process.exit((await run({ only, quick: false })) === 0 ? 0 : 1);
