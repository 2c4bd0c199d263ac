// Runs the commands of docs/cli.md as written, in one directory and in order. Only the ports
// differ.
import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { delimiter, join } from "node:path";
import { buffer } from "node:stream/consumers";
import { Gwop } from "@gwop/sdk";
import { AGENT_KEY, expect, expectEqual, invoiceAt, secret } from "./caller.mjs";
import { freePort, started, startProgram } from "../programs.mjs";

/** The secret in the documentation. */
const SECRET = secret("whsec_of_your_endpoint");

/**
 * Returns the samples of a page: each block of `sh`, with the block of `text` after it, if there is
 * one.
 */
function samplesOf(text) {
  const blocks = [...text.matchAll(/^```(\w+)\n([^]*?)^```/gm)].map(([, language, code]) => ({
    language,
    code,
  }));
  const samples = [];
  for (const { language, code } of blocks) {
    if (language === "sh") samples.push({ code });
    else if (language === "text" && samples.at(-1)?.output === undefined)
      samples.at(-1).output = code;
  }
  return samples;
}

/** A server that verifies, like the one in the README. */
async function endpoint() {
  const gwop = new Gwop({
    webhookSecret: [SECRET, "whsec_simulator"],
    serverURL: "http://127.0.0.1:9",
    identityURL: "http://127.0.0.1:9",
  });
  const server = createServer(async (incoming, outgoing) => {
    const body = await buffer(incoming);
    const status = await gwop
      .validateWebhook({ request: { body, headers: incoming.headers } })
      .then(
        () => 200,
        () => 401,
      );
    outgoing.writeHead(status).end();
  }).listen(0, "127.0.0.1");
  await new Promise((done) => server.once("listening", done));
  return {
    port: server.address().port,
    close: () => (server.closeAllConnections(), server.close()),
  };
}

export function documentChecks(caller, { consumer }) {
  return {
    "docs/cli.md: every command, with its exit code and what it prints": async () => {
      const directory = join(caller.directory, "documented");
      rmSync(directory, { recursive: true, force: true });
      mkdirSync(join(directory, "bin"), { recursive: true });
      const quoted = caller.command.map((word) => `'${word}'`).join(" ");
      // Only newer versions of Node have SQLite.
      const newer = [process.env.GWOP_NODE, ...caller.command.slice(1)];
      const paying = newer.map((word) => `'${word}'`).join(" ");
      for (const [name, script] of [
        ["gwop", `[ "$1" = pay ] && exec ${paying} "$@"\nexec ${quoted} "$@"`],
        ["npx", `[ "$1 $2 $3" = "-p @gwop/sdk gwop" ] && shift 3 && exec ${quoted} "$@"`],
      ]) {
        writeFileSync(join(directory, "bin", name), `#!/bin/sh\n${script}\n`);
        chmodSync(join(directory, "bin", name), 0o755);
      }
      const page = readFileSync(join(consumer, "node_modules/@gwop/sdk/docs/cli.md"), "utf8");
      const text = page.slice(0, page.indexOf("\n## Reference"));
      const samples = samplesOf(text);
      expect(samples.length >= 7, `only ${samples.length} samples were found`);
      const shop = await endpoint();
      const port = await freePort();
      let invoice = "";
      const own = (code) =>
        code
          .replaceAll("127.0.0.1:3000", `127.0.0.1:${shop.port}`)
          .replaceAll("4010", String(port))
          .replaceAll("inv_7dbeeaad8ebf4f52", invoice);
      const { GWOP_WEBHOOK_SECRET: _, ...rest } = process.env;
      const env = {
        ...rest,
        PATH: join(directory, "bin") + delimiter + process.env.PATH,
        GWOP_WEBHOOK_SECRET: SECRET,
        GWOP_MERCHANT_ID: "9e9c9ba5-3bab-4172-8a79-336f9ca0f163",
        XDG_STATE_HOME: directory,
      };
      // Hardhat's published key #0.
      writeFileSync(join(directory, "agent.key"), `${secret(AGENT_KEY)}\n`, { mode: 0o600 });
      writeFileSync(join(directory, "secret.txt"), `${SECRET}\n`);
      let sim;
      try {
        for (const { code, output } of samples) {
          if (code.startsWith("gwop sim")) {
            sim = startProgram("sh", ["-c", own(code)], { cwd: directory, env });
            await started(() => /listens on http/.test(sim.output()), sim, "gwop sim");
            const answer = await fetch(`http://127.0.0.1:${port}/_sim/tokens`, {
              method: "POST",
              headers: { "content-type": "application/json" },
              body: "{}",
            });
            const { accessToken } = await answer.json();
            writeFileSync(join(directory, "token.txt"), secret(accessToken));
            invoice = await invoiceAt(`http://127.0.0.1:${port}`);
            continue;
          }
          let said = "";
          for (const line of code.trimEnd().split("\n")) {
            // Variables that a shell would keep from line to line are already in the environment.
            if (line.startsWith("export ")) continue;
            // `gwop events` uses the default port of `gwop sim`.
            const moved = own(line).replace(
              /^gwop events/,
              `gwop events --url http://127.0.0.1:${port}`,
            );
            const child = spawn("sh", ["-c", moved], {
              cwd: directory,
              env,
              stdio: ["ignore", "pipe", "pipe"],
            });
            const [stdout, stderr, exit] = await Promise.all([
              buffer(child.stdout),
              buffer(child.stderr),
              new Promise((done) => child.once("close", done)),
            ]);
            caller.said.push({ args: [line], output: String(stdout) + stderr });
            expectEqual(
              exit,
              Number(/# exit code (\d)/.exec(line)?.[1] ?? 0),
              `${line}\n${stdout}${stderr}`,
            );
            said += stdout;
          }
          if (output === undefined) continue;
          // `…` matches anything.
          const pattern = own(output)
            .trimEnd()
            .split("…")
            .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"))
            .join("[^]*?");
          expect(
            new RegExp(`^${pattern}\\s*$`).test(said),
            `the page says that it prints\n${output}\nand it prints\n${said}`,
          );
        }
      } finally {
        sim?.end();
        shop.close();
      }
    },
  };
}
