// Runs the suite on one runtime: `main.mjs RUNTIME`, from the consumer project, which has the
// packed tarball installed and `tests/suite` and `tests/runners` copied in. `cargo xtask test
// --only RUNTIME` runs it. It names the programs in GWOP_PROGRAM (the runtime) and GWOP_DRIVER (a
// browser's WebDriver). GWOP_TEST_ONLY selects tests.
import { build } from "esbuild";
import { build as viteBuild } from "vite";
import { runProgram, serveDirectory } from "./programs.mjs";
import { startServer } from "./server.mjs";
import { resultOfPage, startBrowser } from "./webdriver.mjs";
import { startWorkerd } from "./workerd.mjs";

const [runtime] = process.argv.slice(2);
const { GWOP_PROGRAM: program, GWOP_DRIVER: driver, GWOP_TEST_ONLY: only = "" } = process.env;
/** The time limit of a whole suite, in milliseconds. */
const LIMIT_MS = 300_000;

/** The environment variables for the tests that read them. Merchant key and secret are invented. */
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

/** Runs Node, Deno or Bun: a process that prints its result. */
async function inside(runtimeProgram, args, serverURL) {
  const env = { ...process.env, ...VARIABLES, GWOP_TEST_SERVER: serverURL };
  const output = await runProgram(runtimeProgram, [...args, "runners/inside.mjs", runtime], {
    env,
    limitMs: LIMIT_MS,
  });
  const line = output.split("\n").findLast((candidate) => candidate.startsWith("RESULT "));
  if (!line) throw new Error(`${runtime} gave no result:\n${output}`);
  process.stdout.write(output.replace(`${line}\n`, ""));
  return JSON.parse(line.slice("RESULT ".length));
}

/** Runs workerd: the suite in one request. */
async function workerd(serverURL) {
  const server = await startWorkerd(program, {
    entry: "runners/workerd/worker.js",
    directory: "out/workerd",
    variables: VARIABLES,
  });
  try {
    const query = new URLSearchParams({ server: serverURL, only });
    const response = await fetch(`${server.url}/?${query}`, {
      signal: AbortSignal.timeout(LIMIT_MS),
    });
    const text = await response.text();
    if (!response.ok)
      throw new Error(`workerd answered ${response.status}: ${text}\n${server.output()}`);
    process.stdout.write(server.output());
    return JSON.parse(text);
  } finally {
    server.end();
  }
}

/** Runs Chromium or Firefox: a page that Vite built, served on loopback. */
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

/**
 * Creates minified bundles of two entries. The suite imports them next to the installed ones, like
 * a duplicated package.
 */
async function copyEntries() {
  await build({
    entryPoints: {
      errors: "node_modules/@gwop/sdk/errors.js",
      checkout: "node_modules/@gwop/sdk/checkout.browser.js",
    },
    // Its classes need no wasm.
    plugins: [
      {
        name: "unloaded",
        setup: ({ onLoad }) => onLoad({ filter: /index\.browser\.js$/ }, () => ({ contents: "" })),
      },
    ],
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
for (const name of result.excepted)
  console.log(`  cannot be run on ${runtime} (capabilities.js): ${name}`);
for (const { name, message } of result.failures)
  console.log(`✗ ${name}\n  ${message.replaceAll("\n", "\n  ")}`);
console.log(`${runtime}: ${result.passed} passed, ${result.failed} failed`);
if (result.failed > 0 || result.passed === 0) process.exitCode = 1;
