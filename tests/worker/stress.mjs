// 1,000 invoices compared with a model, also with `kill -9`.
import assert from "node:assert/strict";
import {
  createWriteStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
} from "node:fs";
import { join } from "node:path";

import { run } from "./lib/command.mjs";
import { FULFILLMENT_SECRET, startFulfillment } from "./lib/fulfillment.mjs";
import { WEBHOOK_SECRET, deliver, deliverUntilAccepted, event, newInvoice } from "./lib/gwop.mjs";
import { suite } from "../runners/checks.mjs";
import { eventually, parallel, random, sleep } from "./lib/helpers.mjs";
import { OPERATOR_TOKEN, SCRATCH, TOP, startWorker } from "./lib/wrangler.mjs";

/** The rules for an event, implemented a second time, in the order of its text. */
class Model {
  status = "OPEN";
  seen = new Map();

  apply({ event_id, event_version: version, data: { status, tx_hash } }) {
    if (this.seen.has(event_id)) return "duplicate";
    const outcome = this.#outcome(status, version, tx_hash);
    this.seen.set(event_id, outcome);
    if (outcome === "applied") Object.assign(this, { status, version, transaction: tx_hash });
    return outcome;
  }

  #outcome(status, version, transaction) {
    if (this.status === "OPEN") return "applied";
    const older = version !== undefined && this.version !== undefined && version < this.version;
    if (status === "PAID") {
      if (this.status !== "PAID") return "conflict";
      return transaction === this.transaction ? "duplicate" : "conflict";
    }
    if (older) return "stale";
    return status === this.status ? "duplicate" : "conflict";
  }
}

/** Returns deliveries of one invoice: one to three events, repeated, in any order. */
function deliveriesOf(invoice, dice) {
  const versioned = dice.next() < 0.7;
  const events = Array.from({ length: 1 + dice.below(3) }, (_, at) =>
    event(dice.pick(["paid", "paid", "expired", "canceled"]), invoice, {
      version: versioned ? dice.below(4) + at : undefined,
      data: dice.next() < 0.1 ? { tx_hash: `0x${dice.below(16).toString(16).repeat(64)}` } : {},
    }),
  );
  for (const one of events) if (one.event_type !== "invoice.paid") delete one.data.tx_hash;
  return dice.shuffled(events.flatMap((one) => Array(1 + dice.below(2)).fill(one)));
}

const variables = (fulfillment) => ({
  GWOP_WEBHOOK_SECRET: WEBHOOK_SECRET,
  OPERATOR_TOKEN,
  FULFILLMENT_URL: fulfillment.url,
  FULFILLMENT_SECRET,
});

/**
 * As many retries as when deployed. On a busy machine some time out, and nothing here may become a
 * dead letter.
 */
const configure = (text) => text.replace("max_retries = 2", "max_retries = 10");

/** Checks everything that must be true for one invoice at the end. */
async function check(worker, fulfillment, invoice, model) {
  const view = await eventually(
    "fulfillment has confirmed everything",
    async () => {
      const found = await worker.invoice(invoice.invoice_id);
      if (found?.outbox.length > 0) throw new Error(JSON.stringify(found.outbox));
      return found;
    },
    { within: 240_000, every: 250 },
  );
  assert.equal(view.status, model.status);
  assert.deepEqual(
    new Map(view.events.map(({ event_id, outcome }) => [event_id, outcome])),
    model.seen,
  );
  assert.ok(view.events.filter(({ outcome }) => outcome === "applied").length <= 1);
  for (const [eventId, outcome] of model.seen) {
    const delivered = fulfillment.of(eventId);
    if (outcome === "applied" || outcome === "conflict") {
      assert.ok(delivered.length >= 1, `${outcome} ${eventId} never reached fulfillment`);
      for (const one of delivered)
        assert.deepEqual([one.outcome, one.invoiceId], [outcome, invoice.invoice_id]);
    } else {
      assert.equal(delivered.length, 0, `${outcome} ${eventId} reached fulfillment`);
    }
  }
}

/** Checks the files after a kill: every shard with rows has an alarm. */
async function alarmsAreArmed(storage) {
  const directory = join(storage, "v3/do/gwop-GwopLedger");
  const files = existsSync(directory)
    ? readdirSync(directory).filter((name) => /^[0-9a-f]{64}\.sqlite$/.test(name))
    : [];
  if (files.length === 0) return;
  const { code, said } = await run(
    "cargo",
    [
      "test",
      "--quiet",
      "--lib",
      "worker::ledger::store_tests::tools::alarms_are_armed",
      "--",
      "--ignored",
      "--exact",
    ],
    {
      cwd: TOP,
      env: {
        ...process.env,
        GWOP_LEDGER_FILES: files.map((name) => join(directory, name)).join(":"),
      },
    },
  );
  assert.equal(code, 0, said);
}

/**
 * Runs `kill -9` on workerd up to `kills` times, while `running()`. Each kill comes at any moment
 * after `progress()` has grown by more than `step` since the one before. After it, every shard's
 * alarm must be set. Resolves to the number of kills.
 */
async function killInTheMiddle(
  worker,
  storage,
  { kills, dice, progress, step = 0, running = () => true },
) {
  let done = 0;
  for (let last = 0; running() && done < kills; done += 1) {
    await eventually("something happens", () => !running() || progress() > last + step, {
      within: 120_000,
    });
    last = progress();
    await sleep(dice.below(800));
    await worker.kill();
    await alarmsAreArmed(storage);
    await worker.start();
  }
  return done;
}

suite("stress", async ({ test, after, quick }) => {
  const fulfillment = await startFulfillment();
  after(() => fulfillment.stop());
  const worker = await startWorker({ variables: variables(fulfillment), configure });
  after(() => worker.stop());
  const count = quick ? 100 : 1_000;

  test(`${count} invoices with duplicates, reordering and lost answers end as the model does`, async () => {
    const dice = random(20_261_121);
    const invoices = Array.from({ length: count }, () => {
      const invoice = newInvoice();
      return {
        invoice,
        model: new Model(),
        deliveries: deliveriesOf(invoice, dice),
        losses: dice.below(1_000),
      };
    });
    // Sometimes fulfillment fails when it first sees an event.
    const seen = new Set();
    fulfillment.answer = ({ eventId }) => {
      const fails = !seen.has(eventId) && dice.next() < 0.05;
      seen.add(eventId);
      return fails ? 500 : 200;
    };
    await parallel(invoices, 24, async ({ invoice, model, deliveries, losses }) => {
      let at = losses;
      for (const what of deliveries) {
        const expected = model.apply(what);
        at += 1;
        if (at % 7 === 0) {
          // The response is lost: Gwop disconnects without a result, and delivers again.
          const gone = new AbortController();
          setTimeout(() => gone.abort(), at % 40);
          await deliver(worker, what, { signal: gone.signal }).catch(() => {});
          await deliverUntilAccepted(worker, what);
        } else {
          const { body, deliveries: times } = await deliverUntilAccepted(worker, what);
          if (times === 1)
            assert.equal(body.outcome, expected, `${what.event_type} of ${invoice.invoice_id}`);
        }
      }
    });
    await parallel(invoices, 16, ({ invoice, model }) =>
      check(worker, fulfillment, invoice, model),
    );
    assert.deepEqual(fulfillment.refused, []);
  });
});

suite("crash", async ({ test, after, quick }) => {
  const fulfillment = await startFulfillment();
  after(() => fulfillment.stop());
  const storage = mkdtempSync(join(SCRATCH, "gwop-storage-"));
  after(() => rmSync(storage, { recursive: true, force: true }));
  // A kill empties the queue. Its messages are soon sent again.
  const worker = await startWorker({
    variables: { ...variables(fulfillment), TEST_SILENCE_MS: "3000" },
    storage,
    configure,
  });
  after(() => worker.stop());
  const kills = quick ? 3 : 20;

  test(`kill -9 of workerd ${kills} times in the middle of it: nothing accepted is lost, nothing is applied twice`, async () => {
    const dice = random(7);
    const invoices = [];
    let running = true;
    let accepted = 0;
    // Gwop delivers again until the response is 2xx, however long it takes.
    const lane = async () => {
      while (running) {
        const invoice = newInvoice();
        const model = new Model();
        invoices.push({ invoice, model });
        for (const what of deliveriesOf(invoice, dice)) {
          model.apply(what);
          await deliverUntilAccepted(worker, what, { pause: 100, within: 180_000 });
          accepted += 1;
        }
      }
    };
    const lanes = Array.from({ length: 4 }, lane);
    await killInTheMiddle(worker, storage, { kills, dice, progress: () => accepted });
    running = false;
    await Promise.all(lanes);
    assert.ok(invoices.length >= kills, `only ${invoices.length} invoices`);
    await parallel(invoices, 8, ({ invoice, model }) => check(worker, fulfillment, invoice, model));
    assert.deepEqual(fulfillment.refused, []);
    return `${invoices.length} invoices, ${accepted} accepted deliveries, ${fulfillment.received.length} deliveries to fulfillment`;
  });
});

/** Records the history of invoices, for the checker in tests/worker_history.rs. */
class History {
  constructor(name) {
    mkdirSync(join(TOP, "build"), { recursive: true });
    this.path = join(TOP, "build", `${name}.jsonl`);
    this.file = createWriteStream(this.path);
  }

  add(entry) {
    this.file.write(`${JSON.stringify(entry)}\n`);
  }

  /**
   * Delivers once, and records what is known: only the start if no response arrived, or one without
   * 2xx.
   */
  async deliver(worker, what) {
    const { event_id, event_version, data } = what;
    const event = {
      event_id,
      status: data.status,
      version: event_version ?? null,
      transaction: data.tx_hash?.toLowerCase() ?? null,
    };
    const start = performance.now();
    const answer = await deliver(worker, what, { signal: AbortSignal.timeout(20_000) }).catch(
      () => undefined,
    );
    const accepted = answer?.status === 200;
    this.add({
      kind: "delivery",
      invoice: data.invoice_id,
      event,
      start,
      end: accepted ? performance.now() : null,
      outcome: accepted ? answer.body.outcome : null,
    });
    return accepted;
  }

  /** Reads every invoice, and what fulfillment received about it. */
  async finish(worker, fulfillment, invoices) {
    await parallel(invoices, 16, async ({ invoice_id }) => {
      const view = await eventually(
        "it is read",
        () =>
          worker
            .read(`/invoices/${invoice_id}`, { authorization: `Bearer ${OPERATOR_TOKEN}` })
            .then((answer) => [200, 404].includes(answer.status) && answer),
        { within: 60_000 },
      );
      if (view.status === 200)
        this.add({
          kind: "last",
          invoice: invoice_id,
          view: { status: view.body.status, events: view.body.events },
        });
    });
    for (const { invoiceId, eventId, outcome } of fulfillment.received)
      this.add({ kind: "fulfilled", invoice: invoiceId, event_id: eventId, outcome });
    await new Promise((done) => this.file.end(done));
  }

  /** Resolves to the checker's exit code and output. */
  check() {
    return run(
      "cargo",
      [
        "test",
        "--quiet",
        "--test",
        "worker_history",
        "the_recorded_history_holds",
        "--",
        "--exact",
        "--nocapture",
      ],
      { cwd: TOP, env: { ...process.env, GWOP_HISTORY: this.path } },
    );
  }
}

suite("history", async ({ test, after, quick }) => {
  const count = quick ? 300 : 5_000;

  test(`${count} invoices under kill -9: an order of the deliveries explains every answer, what is stored, and what fulfillment heard`, async () => {
    const fulfillment = await startFulfillment();
    after(() => fulfillment.stop());
    const storage = mkdtempSync(join(SCRATCH, "gwop-storage-"));
    after(() => rmSync(storage, { recursive: true, force: true }));
    // The local queue's messages that a kill removes are sent again after this time. With thousands
    // of messages it has to be long, or the queue would fill with copies faster than it is emptied.
    const silence = quick ? "3000" : "30000";
    const worker = await startWorker({
      variables: { ...variables(fulfillment), TEST_SILENCE_MS: silence },
      storage,
      configure,
    });
    after(() => worker.stop());
    const dice = random(29);
    const history = new History("history");
    const invoices = [];
    const lane = async () => {
      while (invoices.length < count) {
        const invoice = newInvoice();
        invoices.push(invoice);
        // Concurrently: copies of one event, and events that contradict each other.
        await parallel(deliveriesOf(invoice, dice), 3, async (what) => {
          for (let time = 0; time < 3 && !(await history.deliver(worker, what)); time += 1)
            await sleep(200 + dice.below(2_000));
        });
      }
    };
    const lanes = Promise.all(Array.from({ length: 12 }, lane));
    let running = true;
    lanes.finally(() => (running = false));
    const kills = await killInTheMiddle(worker, storage, {
      kills: quick ? 3 : 15,
      dice,
      progress: () => invoices.length,
      step: 20,
      running: () => running,
    });
    await lanes;
    await parallel(invoices, 16, ({ invoice_id }) =>
      eventually(
        "fulfillment has confirmed everything",
        async () => {
          const found = await worker.invoice(invoice_id);
          return !found || found.outbox.length === 0;
        },
        { within: 240_000, every: 250 },
      ),
    );
    await history.finish(worker, fulfillment, invoices);
    const { code, said } = await history.check();
    assert.equal(code, 0, said);
    return `${invoices.length} invoices, ${kills} kills`;
  });

  for (const [broken, expected] of [
    ["apply-twice", /applied twice|no order of its deliveries/],
    ["forget-outbox", /fulfillment heard \{\} of/],
  ]) {
    test(`the checker sees a Worker that is broken on purpose: ${broken}`, async () => {
      const fulfillment = await startFulfillment();
      const worker = await startWorker({
        variables: { ...variables(fulfillment), TEST_BREAK: broken },
        configure,
      });
      try {
        const dice = random(31);
        const history = new History(`history-${broken}`);
        const invoices = Array.from({ length: 40 }, newInvoice);
        await parallel(invoices, 8, async (invoice) => {
          for (const what of deliveriesOf(invoice, dice)) await history.deliver(worker, what);
        });
        await sleep(3_000);
        await history.finish(worker, fulfillment, invoices);
        const { code, said } = await history.check();
        assert.notEqual(code, 0, "the checker found nothing");
        assert.match(said, expected);
      } finally {
        await worker.stop();
        await fulfillment.stop();
      }
    });
  }
});
