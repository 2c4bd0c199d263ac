// Creates projects of `npx @gwop/worker init` from the packed tarballs.
import { spawn } from "node:child_process";
import {
  createWriteStream,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";

import { run as runProgram } from "../worker/lib/command.mjs";
import { event as gwopEvent, deliver, newInvoice } from "../worker/lib/gwop.mjs";
import { eventually, sleep } from "../worker/lib/helpers.mjs";
import { TOP, freePort } from "../worker/lib/wrangler.mjs";

/** The tarballs that `cargo xtask test --only worker-package` packs. */
export const { version: VERSION } = JSON.parse(
  readFileSync(join(TOP, "dist/npm-worker/package.json"), "utf8"),
);
const packed = (name) => join(TOP, `build/pack/${name}-${VERSION}.tgz`);
export const SDK = process.env.GWOP_SDK_TARBALL ?? packed("gwop-sdk");
export const WORKER = process.env.GWOP_WORKER_TARBALL ?? packed("gwop-worker");
export const FIXTURES = join(TOP, "tests/worker-package/fixtures");

/**
 * The directory for projects. It has both packages installed, and this repository's wrangler and
 * TypeScript. A project in it finds them.
 */
export const WORKSHOP = join(TOP, "build/worker-package");
const BIN = join(WORKSHOP, "node_modules/@gwop/worker/cli/gwop-worker.js");

/** Runs a program in the workshop, without the variables of this test run. */
export const run = (program, args, { cwd = WORKSHOP, env, timeout = 120_000, input } = {}) =>
  runProgram(program, args, {
    cwd,
    timeout,
    input,
    env: { ...clean(), ...env },
    maxBuffer: 1 << 26,
  });

/** Returns the environment without the variables of this test run. */
function clean() {
  const kept = [
    "PATH",
    "HOME",
    "npm_config_registry",
    "npm_config_cache",
    "NPM_CONFIG_USERCONFIG",
    "NODE_EXTRA_CA_CERTS",
    "HTTPS_PROXY",
    "https_proxy",
    "NO_PROXY",
    "no_proxy",
  ];
  const own = Object.fromEntries(
    kept.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])),
  );
  return { ...own, WRANGLER_SEND_METRICS: "false", CI: "1" };
}

/** Creates the workshop anew. */
export async function openWorkshop() {
  rmSync(WORKSHOP, { recursive: true, force: true });
  mkdirSync(join(WORKSHOP, "node_modules/@gwop"), { recursive: true });
  for (const [name, tarball] of [
    ["sdk", SDK],
    ["worker", WORKER],
  ]) {
    const { code, said } = await run("tar", ["xzf", tarball, "-C", WORKSHOP]);
    if (code !== 0) throw new Error(said);
    cpSync(join(WORKSHOP, "package"), join(WORKSHOP, "node_modules/@gwop", name), {
      recursive: true,
    });
    rmSync(join(WORKSHOP, "package"), { recursive: true });
  }
  for (const name of ["wrangler", "typescript"])
    symlinkSync(join(TOP, "node_modules", name), join(WORKSHOP, "node_modules", name));
}

/** Runs the command of the package. */
export const gwopWorker = (args, cwd, options = {}) =>
  run(process.execPath, [BIN, ...args], { cwd, ...options });

/** Runs a program of a package in the workshop. */
export function program(name, args, cwd) {
  const manifest = createRequire(join(WORKSHOP, "x.js")).resolve(`${name}/package.json`);
  const { bin } = JSON.parse(readFileSync(manifest, "utf8"));
  const file = typeof bin === "string" ? bin : (bin[name] ?? bin.tsc);
  return run(process.execPath, [join(dirname(manifest), file), ...args], { cwd });
}

/** Creates a directory in the workshop with these files. */
export function folder(name, files = {}) {
  const directory = join(WORKSHOP, name);
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), text);
  }
  return directory;
}

/** Returns every file of a directory with its text. */
export function filesOf(directory) {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  return Object.fromEntries(
    entries
      .map((entry) => join(entry.parentPath, entry.name))
      .map((path) => [relative(directory, path), readFileSync(path, "utf8")]),
  );
}

/** Creates a project as the first version did, with changes of its merchant. */
export function firstProject(name) {
  const stored = filesOf(join(FIXTURES, "project-1"));
  const named = { gitignore: ".gitignore", "dev.vars": ".dev.vars" };
  return folder(
    name,
    Object.fromEntries(Object.entries(stored).map(([path, text]) => [named[path] ?? path, text])),
  );
}

/** Returns the permissions of a file. */
export const modeOf = (path) => statSync(path).mode & 0o777;

/** Returns the variables of a `.dev.vars`. */
export const variablesOf = (directory) =>
  Object.fromEntries(
    [...readFileSync(join(directory, ".dev.vars"), "utf8").matchAll(/^(\w+)="(.*)"$/gm)].map(
      ([, name, value]) => [name, value],
    ),
  );

/** Changes variables of a `.dev.vars`, as a merchant does in an editor. */
export function setVariables(directory, changes) {
  const path = join(directory, ".dev.vars");
  let text = readFileSync(path, "utf8");
  for (const [name, value] of Object.entries(changes)) {
    const line = `${name}="${value}"`;
    text = new RegExp(`^${name}=`, "m").test(text)
      ? text.replace(new RegExp(`^${name}=.*$`, "m"), line)
      : `${text}${line}\n`;
  }
  writeFileSync(path, text);
}

/** Gives a project free ports, so that several run at once. Returns the port of its Worker. */
export async function withFreePorts(directory) {
  const gwop = `http://127.0.0.1:${await freePort()}`;
  setVariables(directory, { GWOP_SERVER_URL: gwop, GWOP_IDENTITY_URL: gwop });
  return freePort();
}

const running = new Set();
process.on("exit", () => running.forEach((child) => end(child, "SIGKILL")));

function end(child, signal) {
  try {
    process.kill(-child.pid, signal);
  } catch {
    // The process has already ended.
  }
}

/** Runs `npm run dev` of a project on this port. `waits`: until it responds. */
export async function startProject(
  directory,
  port,
  { command = [process.execPath, BIN, "dev"], waits = true } = {},
) {
  const inspector = await freePort();
  const more = [
    "--",
    "--ip",
    "127.0.0.1",
    "--inspector-port",
    String(inspector),
    "--show-interactive-dev-session=false",
  ];
  const [name, ...args] = [...command, "--port", String(port), ...more];
  const log = join(directory, "dev.log");
  // In its own process group, so that ending it reaches everything it started.
  const child = spawn(name, args, {
    cwd: directory,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...clean(), WRANGLER_LOG_PATH: directory },
  });
  running.add(child);
  const file = createWriteStream(log);
  for (const stream of [child.stdout, child.stderr]) stream.pipe(file, { end: false });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const project = {
    url: `http://127.0.0.1:${port}`,
    output: () => (existsSync(log) ? readFileSync(log, "utf8") : ""),
    async request(method, path, { body, headers = {} } = {}) {
      const response = await fetch(project.url + path, {
        method,
        body,
        headers,
        signal: AbortSignal.timeout(30_000),
      });
      const text = await response.text();
      return {
        status: response.status,
        headers: response.headers,
        text,
        body: text.startsWith("{") ? JSON.parse(text) : undefined,
      };
    },
    async stop() {
      end(child, "SIGTERM");
      await Promise.race([ended, sleep(3_000)]);
      end(child, "SIGKILL");
      running.delete(child);
    },
  };
  if (!waits) return project;
  const early = ended.then((code) => {
    throw new Error(`dev ended early (${code}):\n${project.output()}`);
  });
  early.catch(() => {});
  await Promise.race([
    eventually(
      "the Worker answers",
      async () => (await fetch(`${project.url}/healthz`)).status > 0,
      { within: 90_000, every: 100 },
    ),
    early,
  ]);
  return project;
}

/** Delivers a paid event, as Gwop does. */
export async function deliverPaid(project, secret) {
  const paid = gwopEvent("paid", newInvoice());
  const answer = await deliver(project, paid, { secrets: [secret] });
  return { paid, answer };
}
