// The npm package `@gwop/worker`: `node tests/worker-package/run.mjs [--only SUITE]...`, run by
// `cargo xtask test --only worker-package`, which packs both packages first.
import { openWorkshop } from "./lib.mjs";
import { runSuites } from "../runners/checks.mjs";

import "./tarball.mjs";
import "./jsonc.mjs";
import "./init.mjs";
import "./upgrade.mjs";
import "./configurations.mjs";
import "./versions.mjs";
import "./projects.mjs";

await openWorkshop();
(await runSuites("worker-package")).end();
