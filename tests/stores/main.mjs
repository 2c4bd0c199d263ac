// Runs the conformance suite with every real store, from the consumer project. `cargo xtask test
// --only stores` runs it. It names the programs in GWOP_NODE (22.13 or newer), GWOP_BUN, GWOP_DENO,
// GWOP_WRANGLER, GWOP_POSTGRES (a directory) and GWOP_BETTER_SQLITE3 (a module).
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Report } from "../runners/checks.mjs";
import { exampleOf } from "../runners/documented.mjs";
import { freePort, runProgram, started, startProgram } from "../runners/programs.mjs";
import { deliver, PAID, SECRET } from "../suite/deliveries.js";
import { callsOf } from "../suite/reconciliation.js";
import { startPostgres } from "./postgres.mjs";
import { startShop } from "./shop.mjs";

const { GWOP_NODE, GWOP_BUN, GWOP_DENO, GWOP_WRANGLER, GWOP_POSTGRES, GWOP_ALL } = process.env;
/** For a day without webhooks, and for processes that are killed in the middle of a run. */
const [INVOICES, KILLS] = GWOP_ALL ? [10_000, 20] : [300, 3];
const DENO_FLAGS = [
  "run",
  "--unstable-kv",
  "--no-prompt",
  "--no-config",
  "--node-modules-dir=manual",
  "-A",
];
const directory = mkdtempSync(join(tmpdir(), "gwop-stores-"));
const inside = "stores/inside.mjs";
const report = new Report("stores");

/** Adds the results of the conformance suite for one store. */
function add(result) {
  report.add(result);
  console.log(`  ${result.runtime}: ${result.passed} passed, ${result.failures.length} failed`);
}

/** Parses the JSON of the line `RESULT …`. */
function resultOf(output) {
  const line = output.split("\n").findLast((candidate) => candidate.startsWith("RESULT "));
  if (!line) throw new Error(`no result:\n${output}`);
  return JSON.parse(line.slice("RESULT ".length));
}

/** Runs the suite in one process, then several processes on the same storage. */
async function processes(kind, place, program, flags = []) {
  const start = async (...args) =>
    resultOf(await runProgram(program, [...flags, inside, kind, place, ...args]));
  add(await start());

  if (kind !== "Deno KV") {
    add(await start("journal", "all"));
    // Two kinds share one Postgres.
    const payTo = `0x${crypto.randomUUID()}`;
    const counts = await Promise.all(Array.from({ length: 4 }, () => start("limit", payTo)));
    const reserved = counts.reduce((a, b) => a + b, 0);
    report.count(`${kind}: 4 processes keep one limit`, reserved === 7, `reserved: ${counts}`);
  }

  const raced = crypto.randomUUID();
  const calls = await Promise.all(Array.from({ length: 4 }, () => start("race", raced)));
  const sum = calls.reduce((a, b) => a + b, 0);
  report.count(
    `${kind}: 100 copies from 4 processes: one callback`,
    sum === 1,
    `callbacks: ${calls}`,
  );

  const crashed = crypto.randomUUID();
  const killed = startProgram(program, [...flags, inside, kind, place, "crash", crashed]);
  const code = await killed.exit;
  const statuses = code === null ? await start("after-crash", crashed) : [killed.output()];
  const taken =
    statuses.length > 1 &&
    statuses.at(-1) === 200 &&
    statuses.slice(0, -1).every((status) => status === 503);
  report.count(
    `${kind}: killed in the middle: 503 while the claim lasts, then processed`,
    taken,
    `code ${code}, ${statuses}`,
  );

  const wrong = await start("day", String(INVOICES));
  report.count(
    `${kind}: a day without webhooks, ${INVOICES} invoices`,
    wrong.length === 0,
    wrong.join("; "),
  );
  await killedRuns(
    kind,
    (argument) => startProgram(program, [...flags, inside, kind, place, "reconcile", argument]),
    (argument) => start("reconcile", argument),
  );
}

/**
 * Runs processes that reconcile and are killed at a random moment. The last one runs to its end.
 */
async function killedRuns(kind, begin, finish) {
  const shop = await startShop();
  try {
    const [done, cursor] = ["done", "cursor"].map((name) =>
      join(directory, `${name}-${crypto.randomUUID()}`),
    );
    const argument = JSON.stringify({ client: shop.client, done, cursor });
    const invoices = [];
    for (let kill = 0; kill < KILLS; kill += 1) {
      invoices.push(...(await shop.many(40)));
      const program = begin(argument);
      await started(
        () => existsSync(done) || existsSync(cursor) || program.ended,
        program,
        "a run",
      );
      await new Promise((after) => setTimeout(after, Math.random() * 400));
      program.end();
      await program.exit;
    }
    // The first one may end a run that began before the last invoices existed. The second sees them
    // all.
    await finish(argument);
    await finish(argument);
    const again = await finish(argument);
    const calls = readFileSync(done, "utf8").trim().split("\n");
    const once = [...new Set(calls)].sort().join() === callsOf(invoices).join();
    // A callback that ended but was not recorded may run again: at most those of one killed
    // process.
    const few = calls.length - invoices.length <= KILLS * 8;
    report.count(
      `${kind}: reconcile, killed ${KILLS} times: each is applied`,
      once && few && again === 0,
      `${calls.length} calls of ${invoices.length}, then ${again}`,
    );
  } finally {
    shop.end();
  }
}

/** The code around the sample of `createWebhookHandler`. */
const SHOP = `
import { Gwop } from "@gwop/sdk";
import { createWebhookHandler } from "@gwop/sdk/handlers";
import { d1Store } from "@gwop/sdk/stores";

const gwop = new Gwop({ webhookSecret: "${SECRET}" });
const onPaid = ({ eventId }) => console.log("called back for " + eventId);
const [onExpired, onCanceled] = [onPaid, onPaid];
`;

/** Tests the documented Worker: a delivery is applied once, and a tampered one is refused. */
async function documentedWorker(url, server) {
  const { headers } = await deliver(PAID);
  const post = async (body) => {
    const response = await fetch(url, { method: "POST", headers, body });
    const { outcome, error } = await response.json();
    return `${response.status} ${outcome ?? error.code}`;
  };
  const answers = [await post(PAID), await post(PAID), await post(PAID.replace("1025000", "1"))];
  const expected = "200 applied, 200 duplicate, 401 WEBHOOK_SIGNATURE_MISMATCH";
  report.count("the documented Worker", answers.join(", ") === expected, answers.join(", "));
  await started(() => server.output().includes("called back for"), server, "the callback's line");
  const calls = server.output().split("called back for evt_abc123").length - 1;
  report.count("the documented Worker's callback", calls === 1, `${calls} calls`);
}

async function cloudflare() {
  writeFileSync("stores/cloudflare/documented.js", `${SHOP}${exampleOf("handlers/webhook.d.ts")}`);
  const port = await freePort();
  const server = startProgram(
    GWOP_WRANGLER,
    [
      ...[
        "dev",
        "--config",
        "stores/cloudflare/wrangler.json",
        "--ip",
        "127.0.0.1",
        "--port",
        String(port),
      ],
      ...[
        "--inspector-port",
        String(await freePort()),
        "--persist-to",
        join(directory, "wrangler"),
      ],
    ],
    { env: { ...process.env, CI: "true", WRANGLER_SEND_METRICS: "false" } },
  );
  try {
    const url = `http://127.0.0.1:${port}/`;
    await started(async () => (await fetch(url)).ok, server, "wrangler");
    for (const store of ["D1", "KV", "Durable Object", "D1 journal", "Durable Object journal"]) {
      const response = await fetch(`${url}?${new URLSearchParams({ store })}`, {
        signal: AbortSignal.timeout(60_000),
      });
      if (!response.ok)
        throw new Error(`${store}: ${await response.text()}\n${server.output().slice(-3000)}`);
      add(await response.json());
      if (store.endsWith("journal")) continue;
      const day = await fetch(
        `${url}?${new URLSearchParams({ store, day: String(Math.min(INVOICES, 2_000)) })}`,
      );
      const wrong = day.ok ? (await day.json()).join("; ") : await day.text();
      report.count(`${store}: a day without webhooks`, wrong === "", wrong);
    }
    await documentedWorker(url, server);
  } finally {
    server.end();
  }
}

async function postgres() {
  const server = await startPostgres(GWOP_POSTGRES);
  try {
    await processes("Postgres (pg)", server.url, process.execPath);
    await processes("Postgres (postgres)", server.url, process.execPath);
  } finally {
    server.end();
  }
}

const parts = [
  () => processes("node:sqlite", join(directory, "node.db"), GWOP_NODE, ["--no-warnings"]),
  () =>
    processes("node:sqlite, rows as arrays", join(directory, "arrays.db"), GWOP_NODE, [
      "--no-warnings",
    ]),
  () => processes("better-sqlite3", join(directory, "better.db"), process.execPath),
  () => processes("bun:sqlite", join(directory, "bun.db"), GWOP_BUN),
  () => processes("Deno KV", join(directory, "deno.db"), GWOP_DENO, DENO_FLAGS),
  postgres,
  cloudflare,
];
try {
  for (const part of parts) {
    await part().catch((error) => report.fail("the part itself", error.message));
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}
report.end();
