// Starts the local Gwop and the store, and lets the agent play its story: `demo.mjs [RUNTIME]...`.
// The runtimes are workerd, node and bun; the default is all of them. The transcript has to be the
// same on each. `cargo xtask demo --store` runs it from the consumer project, and names the
// programs in GWOP_NODE, GWOP_BUN and GWOP_WRANGLER.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, started, startProgram } from "../runners/programs.mjs";
import { play } from "./agent.mjs";

const { GWOP_NODE, GWOP_BUN, GWOP_WRANGLER } = process.env;
const SECRETS = {
  GWOP_MERCHANT_API_KEY: "sk_m_example_store",
  GWOP_MERCHANT_ID: "9e9c9ba5-3bab-4172-8a79-336f9ca0f163",
  GWOP_WEBHOOK_SECRET: "whsec_example_store",
  AUTH_SECRET: "example only: 32 random bytes here",
};

const RUNTIMES = {
  workerd: async (config, port, directory) => {
    const vars = Object.entries(config).flatMap(([name, value]) => ["--var", `${name}:${value}`]);
    const inspector = String(await freePort());
    const flags = [
      "--ip",
      "127.0.0.1",
      "--port",
      String(port),
      "--inspector-port",
      inspector,
      "--persist-to",
      directory,
    ];
    return startProgram(
      GWOP_WRANGLER,
      ["dev", "--config", "store/wrangler.json", ...flags, ...vars],
      {
        env: { ...process.env, CI: "true" },
      },
    );
  },
  node: (config, port, directory) =>
    startProgram(GWOP_NODE, ["--no-warnings", "store/src/node.ts"], own(config, port, directory)),
  bun: (config, port, directory) =>
    startProgram(GWOP_BUN, ["store/src/bun.ts"], own(config, port, directory)),
};

function own(config, port, directory) {
  return {
    env: { ...process.env, ...config, PORT: String(port), DATABASE: join(directory, "store.db") },
  };
}

async function story(runtime) {
  const directory = mkdtempSync(join(tmpdir(), "gwop-store-"));
  const [port, gwopPort] = [await freePort(), await freePort()];
  const [store, gwop] = [port, gwopPort].map((free) => `http://127.0.0.1:${free}`);
  const flags = {
    port: gwopPort,
    "merchant-key": SECRETS.GWOP_MERCHANT_API_KEY,
    "merchant-id": SECRETS.GWOP_MERCHANT_ID,
    "webhook-secret": SECRETS.GWOP_WEBHOOK_SECRET,
    "webhook-url": `${store}/webhooks/gwop`,
  };
  const simulator = startProgram(process.execPath, [
    "node_modules/@gwop/sdk/gwop-simulator.js",
    ...Object.entries(flags).flatMap(([name, value]) => [`--${name}`, String(value)]),
  ]);
  let server;
  const lines = [];
  try {
    await started(async () => (await fetch(gwop)).ok, simulator, "the local Gwop");
    const config = { ...SECRETS, GWOP_SERVER_URL: gwop, GWOP_IDENTITY_URL: gwop };
    server = await RUNTIMES[runtime](config, port, directory);
    await started(async () => (await fetch(store)).ok, server, `the store on ${runtime}`);
    await play({ store, gwop, tell: (line) => void lines.push(line) });
    return lines.join("\n");
  } catch (error) {
    console.log(lines.join("\n"));
    throw new Error(
      `${runtime}: ${error.message}\n${server?.output().slice(-4000) ?? ""}\n${simulator.output().slice(-1000)}`,
    );
  } finally {
    server?.end();
    simulator.end();
    rmSync(directory, { recursive: true, force: true });
  }
}

const chosen = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(RUNTIMES);
let told;
for (const runtime of chosen) {
  const transcript = await story(runtime);
  if (told === undefined) console.log(transcript);
  else if (transcript !== told) throw new Error(`${runtime} tells another story:\n${transcript}`);
  told ??= transcript;
  console.log(`\nThe store on ${runtime}: as it has to be`);
}
console.log(`store: ${chosen.length} passed, 0 failed`);
