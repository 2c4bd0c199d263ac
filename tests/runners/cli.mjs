// Checks of the command line from the packed package: `cli.mjs`, from the consumer project. `cargo
// xtask test --only cli` runs it. It names the programs in GWOP_NODE (the newest installed Node),
// GWOP_DENO and GWOP_BUN.
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { runChecks } from "./checks.mjs";
import { Caller, SECRETS } from "./cli/caller.mjs";
import { deliveryChecks } from "./cli/deliveries.mjs";
import { documentChecks } from "./cli/documents.mjs";
import { serverChecks } from "./cli/servers.mjs";
import { usageChecks } from "./cli/usage.mjs";

const consumer = process.cwd();
const out = join(consumer, "out/cli");
const bin = join(consumer, "node_modules/@gwop/sdk/cli/gwop.js");
const { GWOP_NODE, GWOP_DENO, GWOP_BUN } = process.env;

/**
 * How each runtime is started. This Node runs everything. The others run what may differ there.
 */
const RUNTIMES = {
  node: [process.execPath],
  "newer node": [GWOP_NODE],
  deno: [GWOP_DENO, "run", "-A", "--no-prompt", "--node-modules-dir=manual"],
  bun: [GWOP_BUN],
};

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
/** Everything that was ever printed. */
const said = [];
const checks = {};
for (const [runtime, command] of Object.entries(RUNTIMES)) {
  const directory = join(out, runtime.replace(" ", "-"));
  mkdirSync(directory, { recursive: true });
  const caller = new Caller({ command: [...command, bin], directory, said });
  const isFirst = runtime === "node";
  const own = {
    ...deliveryChecks(caller, { isFirst }),
    ...serverChecks(caller, { isFirst, consumer }),
    ...usageChecks(caller, {
      isFirst,
      version: JSON.parse(readFileSync(join(bin, "../../package.json"), "utf8")).version,
    }),
    ...(isFirst ? documentChecks(caller, { consumer }) : {}),
  };
  for (const [name, check] of Object.entries(own)) checks[`${runtime}: ${name}`] = check;
}
checks["no output of any command holds a secret, a token, a signature or a payload"] = () => {
  if (said.length < 100) throw new Error(`only ${said.length} outputs were looked at`);
  for (const { args, output } of said) {
    for (const secret of SECRETS) {
      if (output.includes(secret))
        throw new Error(`gwop ${args.join(" ")} shows ${secret.slice(0, 12)}…:\n${output}`);
    }
  }
};

(await runChecks("cli", checks)).end();
