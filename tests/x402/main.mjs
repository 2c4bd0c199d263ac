// x402's real clients and facilitators at the local Gwop: `main.mjs [part of a name]`, also in GWOP_TEST_ONLY. Run by `cargo xtask test --only x402`.
import { checksOfServers } from "./agent-servers.mjs";
import { checksOfAgent } from "./agent.mjs";
import { checksOfClients } from "./clients.mjs";
import { checksOfJudges } from "./judges.mjs";
import { startGwop } from "./local.mjs";
import { checksOfPython, startPython } from "./python.mjs";

const [wanted = process.env.GWOP_TEST_ONLY ?? ""] = process.argv.slice(2);
const gwop = await startGwop();
const python = startPython();
let passed = 0;
let failed = 0;
try {
  const checks = {
    ...checksOfClients(gwop),
    ...checksOfPython(gwop, python),
    ...(await checksOfJudges(gwop)),
    ...checksOfAgent(gwop),
    ...checksOfServers(),
  };
  for (const [name, check] of Object.entries(checks)) {
    if (!name.includes(wanted)) continue;
    try {
      await check();
      passed += 1;
    } catch (error) {
      failed += 1;
      console.log(`✗ ${name}\n  ${String(error.stack ?? error).replaceAll("\n", "\n  ")}`);
    }
  }
} finally {
  gwop.close();
  python.close();
}
console.log(`x402: ${passed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);
