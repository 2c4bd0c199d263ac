// Runs the Worker on the real workerd with persistent storage: with Miniflare, which `wrangler dev`
// uses too, or with `wrangler dev` itself.
import { spawn } from "node:child_process";
import {
  createWriteStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { eventually, sleep } from "./helpers.mjs";

/** The root of the repository. */
export const TOP = fileURLToPath(new URL("../../../", import.meta.url));
/** The build with deliberate faults and shorter times, inside the npm package. */
export const TEST_BUILD = join(TOP, "build/npm-worker-test/index.js");
/**
 * The directory for storage: in memory if possible, because workerd syncs each write. For a `kill
 * -9`, this makes no difference.
 */
export const SCRATCH = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
/** The deployed build, inside the npm package. */
export const SHIPPED_BUILD = join(TOP, "dist/npm-worker/index.js");
/** The same without the package, as `wrangler.toml` names it. */
export const BARE_BUILD = join(TOP, "dist/worker/entry.js");
/** The program that runs Workers with Miniflare. */
const SERVE = fileURLToPath(new URL("serve.mjs", import.meta.url));

/** The time limit of a request, in milliseconds. No test waits for ever. */
const PATIENCE_MS = 40_000;
/** The time limit of a read through `wrangler dev`, whose proxy loses some. It is repeated instead. */
const READ_PATIENCE_MS = 5_000;
/** How often such a read is attempted. */
const READS = 8;

const running = new Set();
process.on("exit", () => running.forEach((worker) => worker.killNow()));
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(1));

/** Returns a free port. */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/**
 * Starts the Worker.
 *
 * - `variables`: the content of `.dev.vars`.
 * - `main`: the build. Default: the test build.
 * - `storage`: a directory that outlives this Worker. Default: a new one.
 * - `configure(text)`: changes the text of the top level's `wrangler.toml`.
 * - `template`: the initial `wrangler.toml`. Default: the top level's.
 * - `neighbours`: other Workers that run next to it, by name: the text of their modules, or
 *   `{ main, configure }` of another build of this Worker.
 * - `dev`: whether `wrangler dev` runs it, as merchants do. It starts slower, and its own proxy loses
 *   requests now and then (`findings/wrangler-dev-get-unanswered.sh`). Default: Miniflare.
 */
export async function startWorker({
  variables = {},
  main = TEST_BUILD,
  storage,
  template,
  configure = (text) => text,
  neighbours = {},
  dev = false,
} = {}) {
  const directory = mkdtempSync(join(SCRATCH, "gwop-worker-"));
  const state = storage ?? join(directory, "storage");
  mkdirSync(state, { recursive: true });
  const write = (where, build, change) => {
    if (!existsSync(build))
      throw new Error(
        `${build} is not there: run \`cargo xtask test --only worker\`, which builds it`,
      );
    const config = readFileSync(template ?? join(TOP, "wrangler.toml"), "utf8")
      .replace('main = "dist/worker/entry.js"', `main = ${JSON.stringify(build)}`)
      // Dead letters within seconds instead of hours.
      .replaceAll("max_retries = 10\n", "max_retries = 2\n")
      // All tests are the same client.
      .replace("limit = 30,", "limit = 100000,");
    mkdirSync(where, { recursive: true });
    writeFileSync(join(where, "wrangler.toml"), change(config));
    const lines = Object.entries(variables).map(
      ([name, value]) => `${name}=${JSON.stringify(value)}\n`,
    );
    writeFileSync(join(where, ".dev.vars"), lines.join(""));
    return join(where, "wrangler.toml");
  };
  const configs = [write(directory, main, configure)];
  for (const [name, neighbour] of Object.entries(neighbours)) {
    if (typeof neighbour !== "string") {
      configs.push(write(join(directory, name), neighbour.main, neighbour.configure));
      continue;
    }
    mkdirSync(join(directory, name));
    writeFileSync(join(directory, name, "index.js"), neighbour);
    writeFileSync(
      join(directory, name, "wrangler.toml"),
      `name = "${name}"\nmain = "index.js"\ncompatibility_date = "2026-05-01"\n`,
    );
    configs.push(join(directory, name, "wrangler.toml"));
  }
  const worker = new Worker(directory, state, configs);
  if (!dev) {
    worker.options = join(directory, "miniflare.json");
    // Otherwise wrangler prints which `.dev.vars` it reads.
    process.env.WRANGLER_LOG ??= "warn";
    const { miniflareOptions } = await import("./miniflare.mjs");
    const options = await miniflareOptions(configs, state);
    writeFileSync(worker.options, JSON.stringify(options));
  }
  await worker.start();
  return worker;
}

class Worker {
  constructor(directory, state, configs) {
    this.directory = directory;
    this.configs = configs;
    this.state = state;
    this.log = join(directory, "worker.log");
    /** The file of Miniflare's options. Without it, `wrangler dev` runs. */
    this.options = undefined;
  }

  /** Starts, or restarts with the same storage. */
  async start() {
    // In its own process group, so that killing it reaches workerd.
    const options = {
      cwd: this.directory,
      detached: true,
      stdio: ["ignore", "pipe", "pipe", ...(this.options ? ["ipc"] : [])],
      env: {
        PATH: process.env.PATH,
        HOME: process.env.HOME,
        WRANGLER_LOG_PATH: this.directory,
        WRANGLER_SEND_METRICS: "false",
      },
    };
    const command = this.options ? [SERVE, this.options] : await this.#wranglerDev();
    this.process = spawn(process.execPath, command, options);
    running.add(this);
    const log = createWriteStream(this.log, { flags: "a" });
    this.process.stdout.pipe(log, { end: false });
    this.process.stderr.pipe(log, { end: false });
    const ended = new Promise((resolve) => this.process.once("exit", resolve));
    this.ended = ended.then(() => running.delete(this));
    const early = ended.then((code) => {
      throw new Error(`the Worker ended early (${code}):\n${this.output()}`);
    });
    early.catch(() => {});
    await Promise.race([this.#ready(), early]);
  }

  /** Returns the command of `wrangler dev`, on a free port. */
  async #wranglerDev() {
    const port = String(await freePort());
    this.url = `http://127.0.0.1:${port}`;
    return [
      join(TOP, "node_modules/wrangler/bin/wrangler.js"),
      "dev",
      ...this.configs.flatMap((config) => ["--config", config]),
      "--ip",
      "127.0.0.1",
      "--port",
      port,
      "--inspector-port",
      String(await freePort()),
      "--persist-to",
      this.state,
      "--show-interactive-dev-session=false",
    ];
  }

  /** Resolves when the Worker responds. */
  async #ready() {
    if (this.options) {
      // The program chooses the port itself, and sends the address.
      this.url = undefined;
      this.process.once("message", (url) => {
        this.url = url;
      });
      await eventually("the Worker has an address", () => this.url);
    }
    await eventually(
      "the Worker is ready",
      async () => (await fetch(`${this.url}/healthz`)).status > 0,
      { within: 60_000, every: 100 },
    );
  }

  /** Returns its output so far. */
  output() {
    return existsSync(this.log) ? readFileSync(this.log, "utf8") : "";
  }

  /** Returns the structured log lines, from the given length of the output on. */
  logLines(from = 0) {
    return this.output()
      .slice(from)
      .split("\n")
      .map((line) => line.replaceAll(/\u001b\[[0-9;]*m/g, ""))
      .map((line) => line.slice(line.indexOf("{")))
      .filter((line) => line.startsWith('{"') && line.endsWith("}"))
      .flatMap((line) => {
        try {
          return [JSON.parse(line)];
        } catch {
          return [];
        }
      });
  }

  /** Runs `kill -9` on workerd, and then on its parent, which does not restart it. */
  async kill() {
    for (const pid of descendants(this.process.pid)) {
      if (commandOf(pid).includes("workerd")) signal(pid, "SIGKILL");
    }
    this.killNow();
    await this.ended;
  }

  /** Kills the process group at once. */
  killNow() {
    signal(-this.process.pid, "SIGKILL");
  }

  /** Ends it and removes its files, except given storage. Removes nothing if `GWOP_KEEP` is set. */
  async stop() {
    signal(this.process.pid, "SIGTERM");
    await Promise.race([this.ended, sleep(3_000)]);
    this.killNow();
    await this.ended;
    if (!process.env.GWOP_KEEP) rmSync(this.directory, { recursive: true, force: true });
  }

  /**
   * Sends a request. Resolves to `{ status, headers, body }`, with the body parsed if it is JSON.
   * Fails if no response arrives in time.
   */
  async request(
    method,
    path,
    { body, headers = {}, signal: abort = AbortSignal.timeout(PATIENCE_MS) } = {},
  ) {
    const asked = async () => {
      const response = await fetch(this.url + path, {
        method,
        body,
        headers,
        signal: abort,
        redirect: "manual",
        duplex: "half",
      });
      return [response, await response.text()];
    };
    // It was seen one time that Node's `fetch` did not settle after an abort.
    const aborted = new Promise((_, reject) => {
      abort.addEventListener("abort", () => reject(abort.reason), { once: true });
    });
    const [response, text] = await Promise.race([asked(), aborted]);
    let parsed;
    try {
      parsed = text === "" ? undefined : JSON.parse(text);
    } catch {
      parsed = text;
    }
    return { status: response.status, headers: response.headers, body: parsed, text };
  }

  /** Gets a path. Repeats the request if `wrangler dev` does not respond. */
  async read(path, headers = {}) {
    if (this.options) return await this.request("GET", path, { headers });
    for (let time = 1; ; time += 1) {
      try {
        return await this.request("GET", path, {
          headers,
          signal: AbortSignal.timeout(READ_PATIENCE_MS),
        });
      } catch (error) {
        if (error.name !== "TimeoutError" || time === READS) throw error;
      }
    }
  }

  /** Returns an invoice as the operator sees it. */
  async invoice(id, token = OPERATOR_TOKEN) {
    const answer = await this.read(`/invoices/${encodeURIComponent(id)}`, {
      authorization: `Bearer ${token}`,
    });
    return answer.status === 200 ? answer.body : undefined;
  }

  /** Causes a deliberate fault. */
  fault(what, body = {}, method = "POST") {
    return this.request(
      method,
      `/test/${what}`,
      method === "GET" ? {} : { body: JSON.stringify(body) },
    );
  }
}

/** The operator's token of every Worker in the tests. */
export const OPERATOR_TOKEN = "operator-token-of-the-tests";

function signal(pid, name) {
  try {
    process.kill(pid, name);
  } catch {
    // The process has already ended.
  }
}

function commandOf(pid) {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return "";
  }
}

function descendants(root) {
  const children = new Map();
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, "utf8");
      const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
      children.set(parent, [...(children.get(parent) ?? []), Number(entry)]);
    } catch {
      // The process has ended in the meantime.
    }
  }
  const found = [];
  const open = [root];
  while (open.length > 0) {
    const next = children.get(open.pop()) ?? [];
    found.push(...next);
    open.push(...next);
  }
  return found;
}
