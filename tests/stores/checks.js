// The conformance suite for one store, as tests of the runtime suite's harness.
import { Gwop } from "@gwop/sdk";
import { run, test } from "../suite/harness.js";
import { callsOf, market, reconciler } from "../suite/reconciliation.js";
import { journalChecks } from "../suite/journal-conformance.js";
import { checks, clockChecks, eventBody, shop } from "../suite/store-conformance.js";

/** The stores whose storage supplies the time: those over SQL. */
const TELLS_TIME = [
  "node:sqlite",
  "better-sqlite3",
  "bun:sqlite",
  "Postgres (pg)",
  "Postgres (postgres)",
  "D1",
];

/** Runs every check with the stores that `open` returns. */
export async function conformance(name, open) {
  const all = TELLS_TIME.includes(name) ? [...checks, ...clockChecks] : checks;
  for (const [sentence, check] of all) test(`${name}: ${sentence}`, () => check(open));
  // The stores of one Worker share the list of tests.
  return run({ runtime: name, serverURL: "", only: `${name}: ` });
}

/**
 * Simulates a day without webhooks: `count` invoices, which one run applies. Returns what went
 * wrong, or nothing.
 */
export async function day(store, count) {
  const shop = market();
  const invoices = await shop.many(count);
  const own = reconciler(shop.gwop, store);
  const { applied, complete } = await own.run();
  const pages = shop.asked("invoices.list");
  const wrong = [];
  if (!complete || applied !== count) wrong.push(`${applied} of ${count} applied`);
  if (own.calls.sort().join() !== callsOf(invoices).join())
    wrong.push(`${own.calls.length} calls, not those that were to be made`);
  if (pages > count / 90 + 10) wrong.push(`${pages} list calls`);
  if ((await own.run()).applied !== 0) wrong.push("a second run applied something");
  return wrong;
}

/** Runs every check with the agent's journals that `open` returns. */
export async function journalConformance(name, open) {
  for (const [sentence, check] of journalChecks)
    test(`${name}, journal: ${sentence}`, () => check(open));
  return run({ runtime: `${name}, journal`, serverURL: "", only: `${name}, journal: ` });
}

/**
 * Runs one of several processes on the same storage.
 *
 * - `day`: `invoice` is a number of invoices. See {@link day}.
 * - `reconcile`: `invoice` is JSON, `{ client, done, cursor }`. Runs until it is complete. Appends
 *   a line to the file `done` for each callback that has ended, and keeps its cursor in the file
 *   `cursor`. Returns how many it applied.
 * - `race`: delivers 25 copies of one event. Returns the number of callbacks.
 * - `crash`: is killed in the middle of the callback. The claim is valid for 2 seconds.
 * - `after-crash`: delivers the same event until it is accepted. Returns the statuses of the
 *   responses.
 */
export async function step(kind, invoice, store) {
  if (kind === "day") return day(store, Number(invoice));
  if (kind === "reconcile") return reconcileAll(store, JSON.parse(invoice));
  const body = eventBody("invoice.paid", invoice, { id: `evt_${invoice}` });
  if (kind === "crash") {
    const killed = shop(store, {
      leaseSeconds: 2,
      work: () => process.kill(process.pid, "SIGKILL"),
    });
    await killed.send(body);
    throw new Error("still alive");
  }
  const own = shop(store);
  if (kind === "race") {
    await Promise.all(Array.from({ length: 25 }, () => own.send(body)));
    return own.calls.length;
  }
  const statuses = [];
  while (statuses.at(-1) !== 200 && statuses.length < 100) {
    if (statuses.length > 0) await new Promise((done) => setTimeout(done, 100));
    const [status] = await own.send(body);
    statuses.push(status);
  }
  return statuses;
}

async function reconcileAll(store, { client, done, cursor }) {
  const { appendFileSync, existsSync, readFileSync, writeFileSync } = await import("node:fs");
  const work = ({ data }) => appendFileSync(done, `${data.status} ${data.invoiceId}\n`);
  const own = reconciler(new Gwop(client), store, { work, leaseSeconds: 2 });
  let applied = 0;
  for (let complete = false; !complete; ) {
    const after = existsSync(cursor) ? readFileSync(cursor, "utf8") : undefined;
    const run = await own.run({ after, maxPages: 1 });
    ({ complete } = run);
    applied += run.applied;
    writeFileSync(cursor, run.cursor);
  }
  return applied;
}
