// The local Gwop: `gwop-simulator` of the npm package, over HTTP.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

import { TOP } from "./wrangler.mjs";

const running = new Set();
process.on("exit", () => running.forEach((child) => child.kill("SIGKILL")));

/** Starts a local Gwop on a free port. `control(method, path, body)` controls it. */
export async function startSimulator(flags = []) {
  const program = join(TOP, "dist/npm/gwop-simulator.js");
  if (!existsSync(program)) throw new Error(`${program} is not there: run \`cargo xtask build\``);
  const child = spawn(process.execPath, [program, "--port", "0", ...flags], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  running.add(child);
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const text = await new Promise((resolve, reject) => {
    let said = "";
    child.stdout.on("data", (chunk) => {
      said += chunk;
      if (/GWOP_MERCHANT_ID=\S+/.test(said)) resolve(said);
    });
    child.once("exit", (code) => reject(new Error(`gwop-simulator ended (${code}): ${said}`)));
  });
  const named = (pattern) => pattern.exec(text)[1];
  const simulator = {
    url: named(/listens on (\S+)/),
    merchantApiKey: named(/GWOP_MERCHANT_API_KEY=(\S+)/),
    webhookSecret: named(/GWOP_WEBHOOK_SECRET=(\S+)/),
    merchantId: named(/GWOP_MERCHANT_ID=(\S+)/),
    async control(method, path, body) {
      const response = await fetch(`${simulator.url}/_sim/${path}`, {
        method,
        body: body === undefined ? undefined : JSON.stringify(body),
        headers: { "content-type": "application/json" },
      });
      const answer = await response.text();
      if (!response.ok) throw new Error(`/_sim/${path}: ${response.status} ${answer}`);
      return answer === "" ? undefined : JSON.parse(answer);
    },
    async stop() {
      child.kill("SIGTERM");
      await ended;
      running.delete(child);
    },
  };
  return simulator;
}
