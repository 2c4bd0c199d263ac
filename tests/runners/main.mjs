// Runs the suite on one runtime: `main.mjs RUNTIME`, from the consumer project, which has the packed tarball
// installed and `tests/suite` and `tests/runners` copied in. Run by `cargo xtask test --only RUNTIME`, which names
// the programs in GWOP_PROGRAM (the runtime) and GWOP_DRIVER (a browser's WebDriver); GWOP_TEST_ONLY picks tests.
import { mkdirSync, writeFileSync } from "node:fs";
import { build } from "esbuild";
import { build as viteBuild } from "vite";
import { freePort, runProgram, serveDirectory, started, startProgram } from "./programs.mjs";
import { startServer } from "./server.mjs";
import { resultOfPage, startBrowser } from "./webdriver.mjs";

const [runtime] = process.argv.slice(2);
const { GWOP_PROGRAM: program, GWOP_DRIVER: driver, GWOP_TEST_ONLY: only = "" } = process.env;
/** The longest that a whole suite may take, in milliseconds. */
const LIMIT_MS = 300_000;

/** What the tests that read environment variables find there. Merchant key and secret are made up. */
const VARIABLES = {
  GWOP_MERCHANT_API_KEY: "sk_m_from_the_environment",
  GWOP_WEBHOOK_SECRET: "whsec_from_the_environment",
};

const runners = {
  node: (serverURL) => inside(process.execPath, [], serverURL),
  bun: (serverURL) => inside(program, ["run"], serverURL),
  deno: (serverURL) =>
    inside(
      program,
      [
        "run",
        "--no-prompt",
        "--no-config",
        "--node-modules-dir=manual",
        "--allow-net=127.0.0.1",
        "--allow-env",
      ],
      serverURL,
    ),
  workerd,
  chromium: browser,
  firefox: browser,
};

/** Node, Deno and Bun: a process that prints its result. */
async function inside(runtimeProgram, args, serverURL) {
  const env = { ...process.env, ...VARIABLES, GWOP_TEST_SERVER: serverURL };
  const output = await runProgram(runtimeProgram, [...args, "runners/inside.mjs", runtime], { env, limitMs: LIMIT_MS });
  const line = output.split("\n").findLast((candidate) => candidate.startsWith("RESULT "));
  if (!line) throw new Error(`${runtime} gave no result:\n${output}`);
  process.stdout.write(output.replace(`${line}\n`, ""));
  return JSON.parse(line.slice("RESULT ".length));
}

/** The real workerd, on a bundle like wrangler's: JavaScript in one module, the wasm in another. */
async function workerd(serverURL) {
  const directory = "out/workerd";
  mkdirSync(directory, { recursive: true });
  const { outputFiles } = await build({
    entryPoints: ["runners/workerd/worker.js"],
    bundle: true,
    format: "esm",
    target: "es2022",
    conditions: ["workerd", "worker", "browser"],
    external: ["node:*", "cloudflare:*"],
    loader: { ".wasm": "copy" },
    assetNames: "[name]",
    outdir: directory,
    write: false,
  });
  const modules = outputFiles.map(({ path, contents }) => {
    const name = path.split("/").pop();
    writeFileSync(`${directory}/${name}`, contents);
    const kind = name.endsWith(".wasm") ? "wasm" : "esModule";
    return `(name = "${name}", ${kind} = embed "${name}")`;
  });
  // workerd starts with the first module.
  modules.sort((a, b) => Number(b.includes("esModule")) - Number(a.includes("esModule")));
  const port = await freePort();
  const bindings = Object.entries(VARIABLES).map(([name, text]) => `(name = "${name}", text = "${text}")`);
  writeFileSync(
    `${directory}/config.capnp`,
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = (
      modules = [${modules.join(", ")}],
      compatibilityDate = "2025-09-01",
      compatibilityFlags = ["nodejs_compat", "nodejs_compat_populate_process_env"],
      bindings = [${bindings.join(", ")}],
      globalOutbound = "loopback",
    )),
    (name = "loopback", network = (allow = ["private"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")],
);
`,
  );
  const server = startProgram(program, ["serve", `${directory}/config.capnp`]);
  try {
    const url = `http://127.0.0.1:${port}/?${new URLSearchParams({ server: serverURL, only })}`;
    await started(() => fetch(`http://127.0.0.1:${port}/`, { method: "HEAD" }), server, "workerd").catch(() => {});
    const response = await fetch(url, { signal: AbortSignal.timeout(LIMIT_MS) });
    const text = await response.text();
    if (!response.ok) throw new Error(`workerd answered ${response.status}: ${text}\n${server.output()}`);
    process.stdout.write(server.output());
    return JSON.parse(text);
  } finally {
    server.end();
  }
}

/** Chromium and Firefox: a page that Vite built, served on loopback. */
async function browser(serverURL) {
  const outDir = `${process.cwd()}/out/${runtime}`;
  await viteBuild({
    root: "runners/browser",
    configFile: false,
    logLevel: "warn",
    build: { outDir, emptyOutDir: true, target: "es2022", minify: false, assetsInlineLimit: 0 },
  });
  const site = await serveDirectory(outDir);
  const opened = await startBrowser(runtime, { program, driver });
  try {
    const query = new URLSearchParams({ runtime, server: serverURL, only });
    return await resultOfPage(opened, `${site.url}/?${query}`, LIMIT_MS);
  } finally {
    await opened.close();
    site.close();
  }
}

/** Bundles of two entries, minified, for the suite to import beside the installed ones: what a duplicated package is. */
async function copyEntries() {
  await build({
    entryPoints: ["errors", "checkout"].map((entry) => `node_modules/@gwop/sdk/${entry}.js`),
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    outdir: "suite/copies",
  });
}

await copyEntries();
const server = await startServer();
let result;
try {
  result = await runners[runtime](server.url);
} finally {
  server.close();
}
for (const name of result.excepted) console.log(`  cannot be run on ${runtime} (capabilities.js): ${name}`);
for (const { name, message } of result.failures) console.log(`✗ ${name}\n  ${message.replaceAll("\n", "\n  ")}`);
console.log(`${runtime}: ${result.passed} passed, ${result.failed} failed`);
if (result.failed > 0 || result.passed === 0) process.exitCode = 1;
