// The conformance suite over one store, as tests of the runtime suite's harness.
import { run, test } from "../suite/harness.js";
import { journalChecks } from "../suite/journal-conformance.js";
import { checks, clockChecks, eventBody, shop } from "../suite/store-conformance.js";

/** The stores whose storage tells the time: those over SQL. */
const TELLS_TIME = ["node:sqlite", "better-sqlite3", "bun:sqlite", "Postgres (pg)", "Postgres (postgres)", "D1"];

/** Runs every check over the stores that `open` gives. */
export async function conformance(name, open) {
  const all = TELLS_TIME.includes(name) ? [...checks, ...clockChecks] : checks;
  for (const [sentence, check] of all) test(`${name}: ${sentence}`, () => check(open));
  // The stores of one Worker share the list of tests.
  return run({ runtime: name, serverURL: "", only: `${name}: ` });
}

/** Runs every check over the agent's journals that `open` gives. */
export async function journalConformance(name, open) {
  for (const [sentence, check] of journalChecks) test(`${name}, journal: ${sentence}`, () => check(open));
  return run({ runtime: `${name}, journal`, serverURL: "", only: `${name}, journal: ` });
}

/**
 * One of several processes on the same storage.
 *
 * - `race`: delivers 25 copies of one event; gives the number of callbacks.
 * - `crash`: is killed in the middle of the callback. The claim is good for 2 seconds.
 * - `after-crash`: delivers the same event, until it is taken; gives the statuses of the answers.
 */
export async function step(kind, invoice, store) {
  const body = eventBody("invoice.paid", invoice, { id: `evt_${invoice}` });
  if (kind === "crash") {
    const killed = shop(store, { leaseSeconds: 2, work: () => process.kill(process.pid, "SIGKILL") });
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
