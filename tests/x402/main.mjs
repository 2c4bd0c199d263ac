// x402's real clients and facilitators with the local Gwop: `main.mjs [part of a name]`, also in
// GWOP_TEST_ONLY. `cargo xtask test --only x402` runs it.
import { runChecks } from "../runners/checks.mjs";
import { checksOfServers } from "./agent-servers.mjs";
import { checksOfAgent } from "./agent.mjs";
import { checksOfClients } from "./clients.mjs";
import { checksOfJudges } from "./judges.mjs";
import { startGwop } from "./local.mjs";
import { checksOfPython, startPython } from "./python.mjs";

const [wanted = process.env.GWOP_TEST_ONLY ?? ""] = process.argv.slice(2);
const gwop = await startGwop();
const python = startPython();
let report;
try {
  const checks = {
    ...checksOfClients(gwop),
    ...checksOfPython(gwop, python),
    ...(await checksOfJudges(gwop)),
    ...checksOfAgent(gwop),
    ...checksOfServers(),
  };
  report = await runChecks("x402", checks, wanted);
} finally {
  gwop.close();
  python.close();
}
report.end();
