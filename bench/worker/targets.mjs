// Measures the targets of the ledger, compared with the Worker of 1.0.0 (docs/performance.md):
// `node bench/worker/targets.mjs [rates|disk|bytes|held|shards]…`, from the repository's top level,
// after `cargo
// xtask build`.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

process.env.GWOP_BENCH_WORKER ??= join(process.cwd(), "dist/worker/entry.js");
process.env.GWOP_BENCH_REFERENCE ??= join(process.cwd(), "tests/worker/fixtures/1.0.0/entry.js");
process.env.GWOP_WORKERD ??= join(process.cwd(), "node_modules/workerd/bin/workerd");
const { delivery, measureRow, run, startOne } = await import("./measure.mjs");

const chosen = process.argv.slice(2);
const wants = (what) => chosen.length === 0 || chosen.includes(what);
const RAM = "/dev/shm";

async function rates(place, rows) {
  const storage = mkdtempSync(`${place}/gwop-targets-`);
  const servers = {};
  try {
    for (const name of ["gwop", "reference"]) {
      servers[name] = await startOne(name, storage);
      for (const kind of ["duplicates", "new events"])
        await run(servers[name], name, kind, 16, 3_000);
    }
    for (const [kind, connections] of rows) {
      const { gwop, reference } = await measureRow(servers, kind, connections);
      console.log(
        `${place}: ${kind}, ${connections} connections: ${gwop.perSecond}/s and ${reference.perSecond}/s: ${gwop.ofReference.toFixed(2)} × [${gwop.spread.map((x) => x.toFixed(2))}]; processor µs ${gwop.cpuUs} and ${reference.cpuUs}: ${gwop.cpuOfReference?.toFixed(2)} ×; p99 ms ${gwop.p99Ms} and ${reference.p99Ms}`,
      );
    }
  } finally {
    for (const { server } of Object.values(servers)) server.end();
    rmSync(storage, { recursive: true, force: true });
  }
}

/** Returns the ledger's database files, and their bytes after a checkpoint. */
const files = (directory) =>
  readdirSync(join(directory, "GwopLedger"))
    .filter((name) => name.endsWith(".sqlite") && !name.startsWith("metadata"))
    .map((name) => join(directory, "GwopLedger", name));

/** Runs a tool of the store's native tests on database files. */
function tool(name, environment) {
  const ran = spawnSync(
    "cargo",
    [
      "test",
      "--quiet",
      "--lib",
      "--features",
      "serde",
      name,
      "--",
      "--ignored",
      "--exact",
      "--nocapture",
    ],
    { env: { ...process.env, ...environment }, encoding: "utf8" },
  );
  if (ran.status !== 0) throw new Error(ran.stdout + ran.stderr);
}

async function fill(one, count) {
  const requests = Array.from({ length: count }, () => delivery(one.port));
  const { load } = await import("./load.mjs");
  const { statuses } = await load({
    port: one.port,
    requests: (index) => requests[index],
    connections: 16,
    milliseconds: 600_000,
  }).catch((error) => {
    throw new Error(`${error}\n${one.server.output().slice(-3_000)}`);
  });
  if (Object.keys(statuses).join() !== "200") throw new Error(JSON.stringify(statuses));
}

async function bytes(count = 20_000) {
  const storage = mkdtempSync(`${RAM}/gwop-targets-`);
  try {
    const one = await startOne("gwop", storage);
    await fill(one, count);
    one.server.end();
    await one.server.ended;
    tool("worker::ledger::store_tests::tools::checkpoint", {
      GWOP_LEDGER_FILES: files(one.directory).join(":"),
    });
    const total = files(one.directory).reduce((sum, file) => sum + statSync(file).size, 0);
    console.log(`bytes per paid invoice over ${count}, checkpointed: ${Math.round(total / count)}`);
  } finally {
    rmSync(storage, { recursive: true, force: true });
  }
}

/**
 * Compares the time per new event with 500,000 stored invoices to 1,000: in all shards, and in one.
 */
async function held(count = 500_000) {
  for (const shards of (process.env.GWOP_BENCH_SHARDS ?? "8,1").split(",").map(Number)) {
    const storage = mkdtempSync(`${RAM}/gwop-targets-`);
    const servers = {};
    try {
      for (const [name, size] of [
        ["gwop", count],
        ["reference", 1_000],
      ]) {
        // Both are the current Worker. `reference` is the one with few invoices.
        const one = await startOne("gwop", storage, {
          variables: { LEDGER_SHARDS: String(shards) },
        });
        await fill(one, 200);
        one.server.end();
        await one.server.ended;
        tool("worker::ledger::store_tests::tools::fill", {
          GWOP_LEDGER_FILES: files(one.directory).join(":"),
          GWOP_LEDGER_ROWS: String(Math.round(size / shards)),
        });
        servers[name] = await startOne("gwop", storage, {
          directory: one.directory,
          variables: { LEDGER_SHARDS: String(shards) },
        });
        await run(servers[name], name, "new events", 16, 3_000);
      }
      const { gwop } = await measureRow(servers, "new events", 16);
      console.log(
        `${count} invoices in ${shards} shards against 1,000: time per new event ${(1 / gwop.ofReference).toFixed(2)} ×, processor time ${gwop.cpuOfReference?.toFixed(2)} ×`,
      );
    } finally {
      for (const { server } of Object.values(servers)) server.end();
      rmSync(storage, { recursive: true, force: true });
    }
  }
}

/** Measures 1, 8 and 32 shards on this machine: new events per second on the disk, in turn. */
async function shards(rounds = 3) {
  const storage = mkdtempSync(`${tmpdir()}/gwop-targets-`);
  const servers = new Map();
  const { load } = await import("./load.mjs");
  const perSecond = async ({ port, server }, connections, milliseconds) => {
    const requests = Array.from({ length: milliseconds * 2 }, () => delivery(port));
    const loaded = await load({
      port,
      requests: (index) => requests[index],
      connections,
      milliseconds,
    });
    if (Object.keys(loaded.statuses).join() !== "200")
      throw new Error(`${JSON.stringify(loaded.statuses)}\n${server.output().slice(-3_000)}`);
    return loaded.perSecond;
  };
  try {
    for (const count of [1, 8, 32]) {
      servers.set(
        count,
        await startOne("gwop", storage, { variables: { LEDGER_SHARDS: String(count) } }),
      );
      await perSecond(servers.get(count), 16, 3_000);
    }
    for (const connections of [16, 64]) {
      const rates = new Map([...servers.keys()].map((count) => [count, []]));
      for (let round = 0; round < rounds; round += 1) {
        for (const [count, one] of servers)
          rates.get(count).push(await perSecond(one, connections, 1_500));
      }
      for (const [count, of] of rates)
        console.log(
          `${count} shards, ${connections} connections: ${of
            .map(Math.round)
            .sort((a, b) => a - b)
            .join(", ")} new events per second`,
        );
    }
  } finally {
    for (const { server } of servers.values()) server.end();
    rmSync(storage, { recursive: true, force: true });
  }
}

if (wants("rates"))
  await rates(RAM, [
    ["duplicates", 16],
    ["duplicates", 64],
    ["new events", 16],
    ["new events", 64],
  ]);
if (wants("disk"))
  await rates(tmpdir(), [
    ["new events", 16],
    ["new events", 64],
  ]);
if (wants("bytes")) await bytes();
if (wants("held")) await held();
if (wants("shards")) await shards();
process.exit(0);
