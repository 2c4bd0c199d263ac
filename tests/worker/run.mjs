// Runs the Worker's tests on the real workerd: `node tests/worker/run.mjs [--only SUITE]...
// [--quick]`. `cargo xtask test --only worker` first builds what they need.
import { runSuites } from "../runners/checks.mjs";

// The longest first. Most of their time they wait, so several run at once.
import "./reconcile.mjs";
import "./merchants.mjs";
import "./operator.mjs";
import "./console.mjs";
import "./outbox.mjs";
import "./faults.mjs";
import "./bounds.mjs";
import "./stress.mjs";
import "./upgrade.mjs";
import "./webhooks.mjs";
import "./story.mjs";
import "./auth.mjs";

(await runSuites("worker", { lanes: 3 })).end();
