// Measures what docs/operations.md says about replays and docs/worker.md about cost: `node
// bench/worker/operator.mjs [rows|replay]…`, from the repository's top level, after `cargo xtask
// test
// --only worker` has made the test build. Local queues handle one batch at a time.
import { FULFILLMENT_SECRET, startFulfillment } from "../../tests/worker/lib/fulfillment.mjs";
import {
  WEBHOOK_SECRET,
  deliverUntilAccepted,
  event,
  newInvoice,
} from "../../tests/worker/lib/gwop.mjs";
import { eventually, parallel, sleep } from "../../tests/worker/lib/helpers.mjs";
import { OPERATOR_TOKEN, startWorker } from "../../tests/worker/lib/wrangler.mjs";

const chosen = process.argv.slice(2);
const wants = (what) => chosen.length === 0 || chosen.includes(what);
const fulfillment = await startFulfillment();
const variables = {
  GWOP_WEBHOOK_SECRET: WEBHOOK_SECRET,
  OPERATOR_TOKEN,
  FULFILLMENT_URL: fulfillment.url,
  FULFILLMENT_SECRET,
};
const worker = await startWorker({ variables });
const headers = { authorization: `Bearer ${OPERATOR_TOKEN}` };
const ask = async (method, path, body) =>
  (await worker.request(method, path, { headers, ...(body && { body: JSON.stringify(body) }) }))
    .body;
const pending = async () => (await ask("GET", "/events?state=pending&limit=1")).events.length;

/**
 * Rows that the ledger reads and writes for a paid invoice, from the webhook to the confirmation.
 */
async function rows(count = 400) {
  await deliverUntilAccepted(worker, event("paid", newInvoice()));
  await eventually("it is warm", async () => (await pending()) === 0);
  const before = (await worker.fault("rows")).body;
  await parallel(Array(count).keys(), 8, () =>
    deliverUntilAccepted(worker, event("paid", newInvoice())),
  );
  await eventually("all are confirmed", () => fulfillment.received.length > count, {
    within: 300_000,
    every: 200,
  });
  await sleep(2_000);
  const after = (await worker.fault("rows")).body;
  const per = (what) => ((after[what] - before[what]) / count).toFixed(1);
  console.log(
    `${count} paid invoices: ${per("written")} rows written and ${per("read")} read per invoice, without alarms`,
  );
}

/** Lists 10,000 dead rows, sets them to pending, and measures how fast they are delivered. */
async function replay() {
  await worker.fault("fill-dead", { rows: 1_250, prefix: "bulk" });
  const started = performance.now();
  const seconds = () => ((performance.now() - started) / 1_000).toFixed(1);
  let listed = 0;
  for (let cursor = ""; cursor !== null; ) {
    const page = await ask("GET", `/events?state=dead&limit=1000${cursor && `&cursor=${cursor}`}`);
    listed += page.events.length;
    cursor = page.cursor;
  }
  console.log(`${listed} dead rows are listed after ${seconds()} s`);
  const before = fulfillment.received.length;
  for (let cursor = ""; cursor !== null; ) {
    ({ cursor } = await ask("POST", "/events/replay", {
      state: "dead",
      ...(cursor && { cursor }),
    }));
  }
  console.log(`they are pending after ${seconds()} s`);
  const from = performance.now();
  const window = 60_000;
  await sleep(window);
  const delivered = fulfillment.received.length - before;
  console.log(
    `${delivered} were delivered in ${Math.round((performance.now() - from) / 1_000)} s: ${(delivered / (window / 1_000)).toFixed(1)} per second`,
  );
}

try {
  if (wants("rows")) await rows();
  if (wants("replay")) await replay();
} finally {
  await worker.stop();
  await fulfillment.stop();
}
