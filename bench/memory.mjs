// Runs a million verifications in one process, and in another 100,000 calls that are cancelled. On
// workerd, as many uploads are broken off too. The memory must stay the same after the first tenth.
import { connect } from "node:net";
import { runProgram } from "../runners/programs.mjs";
import { startWorkerd } from "../runners/workerd.mjs";
import { residentMB } from "./processor.mjs";
import { resultIn, RUNTIMES } from "./programs.mjs";

/** How often each kind of work is done, and how many of them the SDK must have refused. */
const WORK = {
  verify: { count: 1_000_000, ended: 10_000 },
  cancel: { count: 100_000, ended: 100_000 },
};
const UPLOADS = 100_000;
/** The operations of one request to workerd. */
const BATCH = 1_000;
/** The uploads that are open at the same time. */
const CONNECTIONS = 100;
/** How often the Worker is asked for the last uploads, in pauses of {@link UPLOAD_MS}. */
const SETTLE_TRIES = 500;
/** How long an upload stays open, in milliseconds. The Worker waits for its body then. */
const UPLOAD_MS = 10;
/** The last compatibility dates without `FinalizationRegistry` are before 2025-05-05. */
const COMPATIBILITY_DATE = "2024-09-23";
/** Half of Cloudflare's limit for an isolate. Without a limit, V8 collects garbage much later. */
const V8_FLAGS = ["--max-heap-size=64"];

/** Returns memory and time by runtime and kind of work, such as `node, verify`. */
export async function measureMemory() {
  const figures = {};
  for (const [runtime, [program, args]] of Object.entries(RUNTIMES)) {
    const flags =
      runtime === "node" ? ["--expose-gc"] : runtime === "deno" ? ["--v8-flags=--expose-gc"] : [];
    const [command, ...rest] = args;
    for (const [kind, { count, ended }] of Object.entries(WORK)) {
      const all = [
        ...(command ? [command] : []),
        ...flags,
        ...rest,
        "bench/memory-program.js",
        kind,
        String(count),
      ];
      const figure = resultIn(await runProgram(program, all, { limitMs: 600_000 }));
      figures[`${runtime}, ${kind}`] = checked(figure, ended);
    }
  }
  for (const [kind, { count, ended }] of Object.entries(WORK)) {
    const work = (server, times) => repeat(times / BATCH, () => ask(server, kind));
    figures[`workerd, ${kind}`] = checked(await insideWorkerd(count, work), ended);
  }
  figures["workerd, upload"] = checked(await insideWorkerd(UPLOADS, breakOff), UPLOADS);
  return figures;
}

function checked(figure, ended) {
  if (figure.ended !== ended) throw new Error(`${figure.ended} were refused, expected ${ended}`);
  return figure;
}

/** Does the work in ten parts. Returns the memory after the first part and after the last. */
async function insideWorkerd(count, work) {
  const server = await startWorkerd(process.env.GWOP_WORKERD, {
    entry: "bench/memory-worker.js",
    directory: "out/bench-memory",
    compatibilityDate: COMPATIBILITY_DATE,
    v8Flags: V8_FLAGS,
  });
  const look = async () => {
    const { wasmKB } = await (await fetch(server.url)).json();
    return { rssMB: residentMB(server.pid), wasmKB };
  };
  let ended = 0;
  const run = async (tenths) => {
    const from = performance.now();
    ended += await repeat(tenths, () => work(server, count / 10));
    return Math.round(performance.now() - from);
  };
  try {
    const firstTenthMs = await run(1);
    const before = await look();
    await run(8);
    const lastTenthMs = await run(1);
    return { count, ended, before, after: await look(), firstTenthMs, lastTenthMs };
  } finally {
    server.end();
  }
}

async function repeat(times, work) {
  let ended = 0;
  for (let done = 0; done < times; done++) ended += await work();
  return ended;
}

async function ask({ url, output }, kind) {
  const response = await fetch(`${url}/${kind}?count=${BATCH}`);
  if (response.status !== 200) throw new Error(`workerd answered ${response.status}\n${output()}`);
  return (await response.json()).ended;
}

/** Begins uploads of deliveries and breaks them off. Resolves to how many the Worker saw. */
async function breakOff(server, count) {
  const { hostname, port } = new URL(server.url);
  const upload = () =>
    new Promise((resolve, reject) => {
      const socket = connect(Number(port), hostname, () => {
        const head = [
          "POST / HTTP/1.1",
          `host: ${hostname}`,
          "content-type: application/json",
          `x-gwop-signature: t=${Math.floor(Date.now() / 1000)},v1=${"0".repeat(64)}`,
          "content-length: 700",
        ];
        socket.write(`${head.join("\r\n")}\r\n\r\n{"event_id":"evt_1",`);
        setTimeout(() => socket.destroy(), UPLOAD_MS);
      });
      socket.on("close", resolve);
      socket.on("error", reject);
    });
  for (let done = 0; done < count; done += CONNECTIONS)
    await Promise.all(Array.from({ length: CONNECTIONS }, upload));
  let ended = 0;
  for (let tries = 0; ended < count && tries < SETTLE_TRIES; tries++) {
    if (tries > 0) await new Promise((resolve) => setTimeout(resolve, UPLOAD_MS));
    ended += await ask(server, "upload");
  }
  return ended;
}
