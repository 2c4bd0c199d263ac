// Tests the npm package `@gwop/worker`: `node tests/worker-package/run.mjs [--only SUITE]...`.
// `cargo xtask test --only worker-package` runs it, after it has packed both packages.
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
