// The README's sample of each runtime, as packed: started there as a newcomer would, and used. Only the port is another.
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { dirname, join, resolve } from "node:path";
import { build as viteBuild } from "vite";
import { deliver, PAID } from "../suite/deliveries.js";
import { sampleOfRuntime } from "./documented.mjs";
import { freePort, serveDirectory, started, startProgram } from "./programs.mjs";
import { resultOfPage, startBrowser } from "./webdriver.mjs";
import { startWorkerd } from "./workerd.mjs";

const SECRET = "whsec_of_the_readme";

/** The page that the browser's sample runs in: Gwop's host is answered by the local Gwop. */
const PAGE = `
import { Gwop } from "@gwop/sdk";
import { Simulator } from "@gwop/sdk/simulator";

const { httpClient, merchantApiKey } = new Simulator();
const { result } = await new Gwop({ httpClient, merchantApiKey }).invoices.create({ body: { amountUsdc: 1_000_000 } });
const { fetch } = globalThis;
globalThis.fetch = (asked, init) => {
  if (!asked.url?.startsWith("https://agents.gwop.io/")) return fetch(asked, init);
  return httpClient.request(new Request(asked.url.replace(/inv_\\w+/, result.publicInvoiceId)));
};
await import("./sample.js");
globalThis.result = document.body.textContent;
`;

/** Sends a delivery; the answer's status and JSON. */
async function send(url, body, { headers }) {
  const response = await fetch(url, {
    method: "POST",
    headers,
    body,
    signal: AbortSignal.timeout(10_000),
  });
  return `${response.status} ${JSON.stringify(await response.json())}`;
}

/** Sends half a request and goes away. */
const breakOff = (url) =>
  new Promise((done, failed) => {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname, () => {
      socket.write(`POST / HTTP/1.1\r\nhost: ${hostname}\r\ncontent-length: 1000\r\n\r\n{`, () =>
        socket.resetAndDestroy(),
      );
    });
    socket.once("error", failed).once("close", () => setTimeout(done, 200));
  });

/** Fails unless a server accepts a signed delivery, and outlives what it refuses. */
async function expectVerified(url) {
  const good = await deliver(PAID, { secret: SECRET });
  const stale = await deliver(PAID, { secret: SECRET, t: Math.floor(Date.now() / 1000) - 400 });
  const accepted = ['200 "evt_abc123"', PAID, good];
  const steps = [
    accepted,
    ['400 "WEBHOOK_SIGNATURE_MISMATCH"', PAID.replace("1025000", "1"), good],
    ['400 "WEBHOOK_TIMESTAMP_OUTSIDE_TOLERANCE"', PAID, stale],
    ['400 "WEBHOOK_SIGNATURE_MISSING"', PAID, { headers: {} }],
    accepted,
  ];
  for (const [expected, body, delivery] of steps) {
    const answer = await send(url, body, delivery);
    if (answer !== expected) throw new Error(`expected ${expected}, got ${answer}`);
  }
  await breakOff(url);
  const answer = await send(url, PAID, good);
  if (answer !== accepted[0]) throw new Error(`after a request that broke off: ${answer}`);
}

/**
 * The checks, by name. Programs are named in GWOP_DENO, GWOP_BUN and GWOP_WORKERD.
 *
 * @param {{ directory: string, browsers: Record<string, { program: string, driver: string }> }} options `directory`: where
 *   the samples are written, inside a project that has the package installed.
 */
export function readmeChecks({ directory, browsers }) {
  const { GWOP_DENO, GWOP_BUN, GWOP_WORKERD } = process.env;
  const write = (name, code) => {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), code);
    return join(directory, name);
  };
  const commands = {
    node: [process.execPath],
    deno: [
      GWOP_DENO,
      "run",
      "--allow-net",
      "--allow-env",
      "--no-prompt",
      "--node-modules-dir=manual",
    ],
    bun: [GWOP_BUN],
  };
  const checks = {};
  for (const [runtime, [program, ...args]] of Object.entries(commands)) {
    checks[`README: the sample for ${runtime}`] = async () => {
      const port = await freePort();
      // As `npm init -y` leaves a project: CommonJS.
      const project = `project-${runtime}`;
      write(
        `${project}/package.json`,
        '{ "name": "shop", "version": "1.0.0", "main": "index.js" }',
      );
      if (!existsSync(join(directory, project, "node_modules")))
        symlinkSync(resolve("node_modules"), join(directory, project, "node_modules"));
      const file = write(
        `${project}/app.mjs`,
        sampleOfRuntime(runtime).replace("3000", String(port)),
      );
      const server = startProgram(program, [...args, file], {
        env: { ...process.env, GWOP_WEBHOOK_SECRET: SECRET },
      });
      const url = `http://127.0.0.1:${port}/`;
      try {
        await started(() => fetch(url), server, `the sample for ${runtime}`);
        await expectVerified(url);
      } finally {
        server.end();
      }
    };
  }
  checks["README: the sample for workerd"] = async () => {
    const entry = write("workerd.ts", sampleOfRuntime("workerd"));
    const out = join(directory, "workerd");
    const server = await startWorkerd(GWOP_WORKERD, {
      entry,
      directory: out,
      variables: { GWOP_WEBHOOK_SECRET: SECRET },
    });
    try {
      await expectVerified(server.url);
    } finally {
      server.end();
    }
  };
  checks["README: the sample for browsers"] = async () => {
    const root = join(directory, "browser");
    mkdirSync(root, { recursive: true });
    write("browser/sample.js", sampleOfRuntime("browser"));
    write("browser/page.js", PAGE);
    write(
      "browser/index.html",
      '<!doctype html><meta charset="utf-8"><body><script type="module" src="./page.js"></script>',
    );
    const outDir = join(directory, "browser-build");
    await viteBuild({
      root,
      configFile: false,
      logLevel: "warn",
      build: { outDir, emptyOutDir: true, target: "es2022" },
    });
    const site = await serveDirectory(outDir);
    try {
      for (const [name, paths] of Object.entries(browsers)) {
        const browser = await startBrowser(name, paths);
        try {
          const shown = await resultOfPage(browser, `${site.url}/`, 30_000);
          if (shown !== "1.025 USDC: OPEN") throw new Error(`${name} shows ${shown}`);
        } finally {
          await browser.close();
        }
      }
    } finally {
      site.close();
    }
  };
  return checks;
}
