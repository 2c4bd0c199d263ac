// Measures webhooks per second and latency of Gwop's Worker on workerd, next to a Worker that does
// nothing and to Gwop's Worker of 1.0.0 (`reference`: tests/worker/fixtures/1.0.0).
import { createHmac } from "node:crypto";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { orderOf, quantile, quartiles, ratios, rounded } from "../harness.js";
import { event } from "../deliveries.js";
import { processorMs } from "../processor.mjs";
import { load } from "./load.mjs";

// Next to `bench` in the consumer project, below `tests` in the repository.
const runners = ["../../runners/workerd.mjs", "../../tests/runners/workerd.mjs"].find((path) =>
  existsSync(new URL(path, import.meta.url)),
);
const { startWorkerd } = await import(runners);

const SECRET = "whsec_bench_worker";
const CONNECTIONS = [1, 16, 64];
const ROUNDS = { duplicates: 16, "new events": 9 };
/** The length of one window of load, in milliseconds. */
const WINDOW_MS = 400;
/** The warm-up load of each Worker, in milliseconds: engines compile what runs often. */
const WARM_MS = 3000;
/**
 * The most new events in one window, and in the warm-up. The objects of 1.0.0 keep files open as
 * long as alarms come, and about 2,400 of them end a workerd that may open 20,000 files.
 */
const MOST_NEW = 64;
const MOST_WARMING = 300;
/** The number of invoices that get duplicates. */
const KNOWN = 64;

const KINDS = ["duplicates", "new events"];
const base = event(620);
let serial = 0;

/** Returns one signed delivery of its own invoice, as a whole request. */
export function delivery(port) {
  const id = String((serial += 1)).padStart(12, "0");
  const body = base
    .replace("evt_abc123", `evt_${id}`)
    .replace("2502e50c7501", id)
    .replace("inv_7dbeeaad8ebf4f5298c3", `inv_7dbeeaad${id}`);
  const t = Math.floor(Date.now() / 1000);
  const tag = createHmac("sha256", SECRET).update(`${t}.${body}`).digest("hex");
  return Buffer.from(
    `POST /webhooks/gwop HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n` +
      `x-gwop-signature: t=${t},v1=${tag}\r\nx-gwop-event-id: evt_${id}\r\nx-gwop-event-type: invoice.paid\r\n\r\n${body}`,
  );
}

/** The Durable Object classes and bindings of each Worker. */
const OBJECTS = {
  empty: {},
  gwop: { GwopLedger: "GWOP_LEDGER" },
  reference: { GwopInvoice: "GWOP_INVOICES", GwopInvoiceIndex: "GWOP_INVOICE_INDEX" },
};

/** Starts one of the Workers with its own storage below `storage`. */
export async function startOne(
  name,
  storage,
  { directory = mkdtempSync(`${storage}/${name}-`), variables = {} } = {},
) {
  const { GWOP_BENCH_WORKER: gwop, GWOP_BENCH_REFERENCE: reference } = process.env;
  const entry = { empty: "bench/worker/empty.js", gwop, reference }[name];
  const objects = Object.entries(OBJECTS[name]);
  const server = await startWorkerd(process.env.GWOP_WORKERD, {
    entry,
    directory: `build/bench-worker-${name}`,
    variables: { GWOP_WEBHOOK_SECRET: SECRET, ...variables },
    bindings: objects.map(
      ([className, binding]) => `(name = "${binding}", durableObjectNamespace = "${className}")`,
    ),
    worker:
      objects.length > 0
        ? `
      durableObjectNamespaces = [${objects.map(([className]) => `(className = "${className}", uniqueKey = "${className}", enableSql = true)`).join(", ")}],
      durableObjectStorage = (localDisk = "storage"),`
        : "",
    services:
      objects.length > 0
        ? `\n    (name = "storage", disk = (path = "${directory}", writable = true)),`
        : "",
  });
  const { port } = new URL(server.url);
  return { server, port, directory, known: Array.from({ length: KNOWN }, () => delivery(port)) };
}

/** Returns figures by kind of event and number of connections, for each Worker. */
export async function measureWorker() {
  for (const variable of ["GWOP_BENCH_WORKER", "GWOP_BENCH_REFERENCE"]) {
    const entry = process.env[variable];
    if (!existsSync(entry)) throw new Error(`${entry} is not there: cargo xtask build makes it`);
  }
  // In memory if the system has such a directory. Otherwise only the disk's flushes would be
  // measured.
  const storage = mkdtempSync(`${existsSync("/dev/shm") ? "/dev/shm" : tmpdir()}/gwop-bench-`);
  const servers = {};
  try {
    for (const name of ["empty", "gwop", "reference"]) {
      servers[name] = await startOne(name, storage);
      for (const kind of KINDS) await run(servers[name], name, kind, 16, WARM_MS);
    }
    const figures = {};
    for (const kind of KINDS) {
      for (const connections of CONNECTIONS)
        figures[`${kind}, ${connections} connections`] = await measureRow(
          servers,
          kind,
          connections,
        );
    }
    return figures;
  } finally {
    for (const { server } of Object.values(servers)) server.end();
    rmSync(storage, { recursive: true, force: true });
  }
}

/** Runs one window of load on one Worker. */
export async function run({ port, known, server }, name, kind, connections, milliseconds) {
  // Signed before the window, so that signing takes no time from the Worker.
  const most = milliseconds === WARM_MS ? MOST_WARMING : MOST_NEW;
  const fresh = kind === "duplicates" ? known : Array.from({ length: most }, () => delivery(port));
  const requests =
    kind === "duplicates" ? (index) => known[index % KNOWN] : (index) => fresh[index];
  const before = processorMs(server.pid);
  const measured = await load({ port, requests, connections, milliseconds });
  const cpuUs = ((processorMs(server.pid) - before) * 1000) / measured.latencies.length;
  const wrong = Object.keys(measured.statuses).filter(
    (status) => status !== "200" && status !== "204",
  );
  if (wrong.length > 0)
    throw new Error(
      `${name} answered ${JSON.stringify(measured.statuses)}\n${server.output().slice(-3000)}`,
    );
  return { ...measured, cpuUs };
}

/** Measures one row: windows of load on each Worker in turn. Rates are compared within a round. */
export async function measureRow(servers, kind, connections) {
  const names = Object.keys(servers);
  const rounds = Object.fromEntries(
    names.map((name) => [name, { rates: [], latencies: [], cpu: [] }]),
  );
  for (let round = -1; round < ROUNDS[kind]; round++) {
    for (const name of orderOf(names, Math.max(round, 0))) {
      const { perSecond, latencies, cpuUs } = await run(
        servers[name],
        name,
        kind,
        connections,
        WINDOW_MS,
      );
      // The first round is for warming up.
      if (round < 0) continue;
      rounds[name].rates.push(perSecond);
      rounds[name].latencies.push(...latencies);
      rounds[name].cpu.push(cpuUs);
    }
  }
  return Object.fromEntries(
    names.map((name) => {
      const { rates, latencies, cpu } = rounds[name];
      const [, ofEmpty] = rounds.empty ? quartiles(ratios(rates, rounds.empty.rates)) : [0, 0];
      const [low, ofReference, high] = quartiles(ratios(rates, rounds.reference.rates));
      const [p50Ms, p99Ms] = [0.5, 0.99].map((part) => rounded(quantile(latencies, part)));
      const figure = {
        perSecond: Math.round(quantile(rates, 0.5)),
        ofEmpty,
        ofReference,
        spread: [low, high],
        p50Ms,
        p99Ms,
      };
      if (cpu.some(Number.isNaN)) return [name, figure];
      const [cpuLow, cpuOfReference, cpuHigh] = quartiles(ratios(cpu, rounds.reference.cpu));
      return [
        name,
        {
          ...figure,
          cpuUs: Math.round(quantile(cpu, 0.5)),
          cpuOfReference,
          cpuSpread: [cpuLow, cpuHigh],
        },
      ];
    }),
  );
}
