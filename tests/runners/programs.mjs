// Starts programs, waits until they respond, and ends them reliably.
import { spawn } from "node:child_process";
import { createReadStream } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { createServer } from "node:net";
import { extname, join, normalize } from "node:path";

const running = new Set();

/**
 * Starts a program in its own process group, so that ending it ends its children.
 *
 * @returns {{ pid: number, end(): void, exit: Promise<number | null>, output(): string }} `output`:
 * the end of its output so far.
 */
export function startProgram(program, args, options = {}) {
  const child = spawn(program, args, {
    stdio: ["ignore", "pipe", "pipe"],
    ...options,
    detached: true,
  });
  let said = "";
  const keep = (chunk) => {
    said += chunk;
    // Seldom, because it copies: a program with much output must not slow down this one.
    if (said.length > 8_000_000) said = said.slice(-4_000_000);
  };
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  const own = {
    pid: child.pid,
    ended: false,
    output: () => said,
    exit: new Promise((done) => {
      child.once("error", (error) => {
        keep(String(error));
        own.ended = true;
        done(null);
      });
      child.once("close", (code) => {
        own.ended = true;
        running.delete(own);
        done(code);
      });
    }),
    end() {
      running.delete(own);
      try {
        process.kill(-child.pid, "SIGKILL");
      } catch {
        // The process has already ended.
      }
    },
  };
  running.add(own);
  return own;
}

/** Runs a program to its end. Rejects if it fails or takes longer than `limitMs`. */
export async function runProgram(program, args, { limitMs = 120_000, ...options } = {}) {
  const own = startProgram(program, args, options);
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    own.end();
  }, limitMs);
  const code = await own.exit;
  clearTimeout(timer);
  own.end();
  if (code === 0) return own.output();
  const reason = late ? `took longer than ${limitMs} ms` : `exit code ${code}`;
  throw new Error(`${[program, ...args].join(" ")}: ${reason}\n${own.output().slice(-6000)}`);
}

/**
 * Calls `ready` every `everyMs` until it resolves to something truthy. Rejects if the program ends
 * or 60 s pass.
 */
export async function started(ready, program, name, everyMs = 30) {
  const end = Date.now() + 60_000;
  while (Date.now() < end) {
    try {
      if (await ready()) return;
    } catch {
      // Not listening yet.
    }
    if (program.ended) break;
    await new Promise((done) => setTimeout(done, everyMs));
  }
  throw new Error(`${name} did not start:\n${program.output().slice(-6000)}`);
}

/** Returns a port of 127.0.0.1 that was free just now. */
export async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((done) => server.once("listening", done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

const MEDIA_TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".css": "text/css",
  ".wasm": "application/wasm",
};

/** Serves a directory on loopback. `types` replaces media types, like a badly configured server. */
export async function serveDirectory(directory, types = {}) {
  const server = createHttpServer((request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url, "http://localhost").pathname));
    const file = join(directory, path.endsWith("/") ? `${path}index.html` : path);
    const type = { ...MEDIA_TYPES, ...types }[extname(file)] ?? "application/octet-stream";
    createReadStream(file)
      .once("open", () => response.writeHead(200, { "content-type": type }))
      .once("error", () => response.writeHead(404).end())
      .pipe(response);
  }).listen(0, "127.0.0.1");
  await new Promise((done) => server.once("listening", done));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

function endAll() {
  for (const own of running) own.end();
}
process.once("exit", endAll);
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.once(signal, () => {
    endAll();
    process.exit(1);
  });
}
