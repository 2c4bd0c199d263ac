// Runs the samples of the packed README and of the page for browsers, as a newcomer would.
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { build as viteBuild } from "vite";
import { printedBy, sampleOf } from "./documented.mjs";
import { runProgram, serveDirectory } from "./programs.mjs";
import { resultOfPage, startBrowser } from "./webdriver.mjs";

/** The page for the browser's sample. The local Gwop responds for Gwop's host. */
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
await import("./pay.js");
globalThis.result = document.body.textContent.trim();
`;

/**
 * The checks, by name. GWOP_DENO and GWOP_BUN name programs.
 *
 * @param {{ directory: string, browsers: Record<string, { program: string, driver: string }> }}
 *   options `directory`: where the samples are written, inside a project that has the package
 *   installed.
 */
export function readmeChecks({ directory, browsers }) {
  const { GWOP_DENO, GWOP_BUN } = process.env;
  const write = (name, code) => {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), code);
    return join(directory, name);
  };
  const commands = {
    node: [process.execPath],
    deno: [GWOP_DENO, "run", "--no-prompt", "--node-modules-dir=manual"],
    bun: [GWOP_BUN],
  };
  const checks = {};
  for (const [runtime, [program, ...args]] of Object.entries(commands)) {
    checks[`README: the program, on ${runtime}`] = async () => {
      // A project as `npm init -y` creates it: CommonJS.
      const project = `project-${runtime}`;
      write(
        `${project}/package.json`,
        '{ "name": "shop", "version": "1.0.0", "main": "index.js" }',
      );
      const modules = join(directory, project, "node_modules");
      if (!existsSync(modules)) symlinkSync(resolve("node_modules"), modules);
      const code = sampleOf("README.md", "app.mjs");
      const said = await runProgram(program, [...args, write(`${project}/app.mjs`, code)], {
        cwd: join(directory, project),
      });
      const expected = printedBy(code);
      if (expected.length < 2) throw new Error("the program says nothing about what it prints");
      // The webhook may arrive before or after the payment has returned.
      const lines = said.trim().split("\n").sort().join("\n");
      if (lines !== expected.sort().join("\n"))
        throw new Error(`expected ${expected.join(" | ")}, got ${said}`);
    };
  }
  checks["docs/quickstarts/browser.md: the page, in browsers"] = async () => {
    const root = join(directory, "browser");
    write("browser/pay.js", sampleOf("docs/quickstarts/browser.md", "pay.js"));
    write("browser/page.js", PAGE);
    write(
      "browser/index.html",
      sampleOf("docs/quickstarts/browser.md", "index.html").replace("./pay.js", "./page.js"),
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
