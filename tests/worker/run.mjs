// The Worker's tests on the real workerd: `node tests/worker/run.mjs [--only SUITE]... [--quick]`.
// `cargo xtask test --only worker` builds what they need first.
import { run } from "./lib/runner.mjs";

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

const only = [];
let quick = false;
const rest = process.argv.slice(2);
while (rest.length > 0) {
  const argument = rest.shift();
  if (argument === "--quick") quick = true;
  else if (argument === "--only") only.push(...(rest.shift() ?? "").split(","));
  else if (argument.startsWith("--only="))
    only.push(...argument.slice("--only=".length).split(","));
  else throw new Error(`\`${argument}\` is not understood: run.mjs [--only SUITE]... [--quick]`);
}
process.exit((await run({ only, quick })) === 0 ? 0 : 1);
