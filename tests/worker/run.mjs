// Runs the Worker's tests on the real workerd: `node tests/worker/run.mjs [--only SUITE]...
// [--quick]`. `cargo xtask test --only worker` first builds what they need.
import { runSuites } from "../runners/checks.mjs";

// The longest first. Most of their time they wait, so several run at once. Static imports would keep
// no order, because some of the files wait for others.
for (const file of [
  "reconcile",
  "merchants",
  "operator",
  "console",
  "outbox",
  "faults",
  "bounds",
  "stress",
  "upgrade",
  "webhooks",
  "story",
  "auth",
])
  await import(`./${file}.mjs`);

(await runSuites("worker", { lanes: 3 })).end();
