// Runs the Worker's tests on the real workerd: `node tests/worker/run.mjs [--only SUITE]...
// [--quick]`. `cargo xtask test --only worker` first builds what they need.
import { runSuites } from "../runners/checks.mjs";

import "./webhooks.mjs";
import "./outbox.mjs";
import "./operator.mjs";
import "./console.mjs";
import "./auth.mjs";
import "./bounds.mjs";
import "./story.mjs";
import "./upgrade.mjs";
import "./faults.mjs";
import "./reconcile.mjs";
import "./merchants.mjs";
import "./stress.mjs";

(await runSuites("worker")).end();
