// Network failures between Gwop, the Worker and fulfillment, and clocks that jump.
import assert from "node:assert/strict";

import { FULFILLMENT_SECRET, startFulfillment } from "./lib/fulfillment.mjs";
import { WEBHOOK_SECRET, deliver, deliverUntilAccepted, event, newInvoice } from "./lib/gwop.mjs";
import { startProxy } from "./lib/chaos.mjs";
import { suite } from "../runners/checks.mjs";
import { eventually, parallel, sleep } from "./lib/helpers.mjs";
import { OPERATOR_TOKEN, startWorker } from "./lib/wrangler.mjs";

suite("faults", async ({ test, after, quick }) => {
  const fulfillment = await startFulfillment();
  after(() => fulfillment.stop());
  const toFulfillment = await startProxy(fulfillment.url);
  after(() => toFulfillment.stop());
  const worker = await startWorker({
    variables: {
      GWOP_WEBHOOK_SECRET: WEBHOOK_SECRET,
      OPERATOR_TOKEN,
      FULFILLMENT_SECRET,
      FULFILLMENT_URL: toFulfillment.url,
      TEST_SILENCE_MS: "4000",
    },
    configure: (text) => text.replace("max_retries = 2", "max_retries = 10"),
  });
  after(() => worker.stop());
  const toWorker = await startProxy(worker.url);
  after(() => toWorker.stop());
  /** The Worker's address for Gwop: through the proxy. */
  const reached = {
    request: (method, path, options) =>
      worker.request.call({ url: toWorker.url.replace(/\/$/, "") }, method, path, {
        ...options,
        headers: { ...options.headers, connection: "close" },
      }),
  };

  /** Checks that everything is delivered at least once, with its outcome, and stored once. */
  const settled = (events) =>
    parallel(events, 8, async (one) => {
      const view = await eventually(
        "fulfillment has confirmed it",
        async () => {
          const found = await worker.invoice(one.data.invoice_id);
          return found?.outbox.length === 0 && found;
        },
        { within: 180_000, every: 250 },
      );
      assert.deepEqual(
        view.events.map(({ event_id, outcome }) => [event_id, outcome]),
        [[one.event_id, "applied"]],
      );
      const delivered = fulfillment.of(one.event_id);
      assert.ok(delivered.length >= 1);
      assert.deepEqual(new Set(delivered.map(({ outcome }) => outcome)), new Set(["applied"]));
    });

  for (const mode of ["refused", "reset", "lost", "cut", "slow"]) {
    test(`fulfillment is ${mode} for a while: each event arrives, and is stored once`, async () => {
      const events = Array.from({ length: 4 }, () => event("paid", newInvoice()));
      toFulfillment.delay = 2_000;
      toFulfillment.mode = mode;
      toFulfillment.cut();
      await parallel(events, 4, (one) => deliverUntilAccepted(worker, one));
      const before = toFulfillment.connections;
      await eventually("it was tried", () => toFulfillment.connections > before, {
        within: 30_000,
      });
      await sleep(1_000);
      toFulfillment.mode = "through";
      toFulfillment.cut();
      await settled(events);
      assert.deepEqual(fulfillment.refused, []);
    });

    test(`Gwop’s way to the Worker is ${mode} for a while: what was not answered comes again, and is applied once`, async () => {
      const events = Array.from({ length: 4 }, () => event("paid", newInvoice()));
      toWorker.delay = 1_000;
      toWorker.mode = mode;
      const answers = await Promise.all(
        events.map((one) =>
          deliver(reached, one, { signal: AbortSignal.timeout(3_000) }).catch(() => undefined),
        ),
      );
      if (mode === "slow")
        assert.deepEqual(
          answers.map((answer) => answer?.status),
          [200, 200, 200, 200],
        );
      toWorker.mode = "through";
      toWorker.cut();
      for (const one of events) {
        const { body } = await deliverUntilAccepted(reached, one);
        assert.match(body.outcome, /^(applied|duplicate)$/);
        if (mode === "refused") assert.equal(body.outcome, "applied");
      }
      await settled(events);
    });
  }

  const seconds = quick ? 5 : 60;
  test(`one connection in five is lost for ${seconds} s, both ways: nothing accepted is lost, nothing applied twice`, async () => {
    toWorker.mode = "lossy";
    toFulfillment.mode = "lossy";
    const events = [];
    const end = Date.now() + seconds * 1_000;
    await parallel(Array(6).fill(), 6, async () => {
      while (Date.now() < end) {
        const one = event("paid", newInvoice());
        events.push(one);
        await (async function attempt() {
          const answer = await deliver(reached, one, { signal: AbortSignal.timeout(2_000) }).catch(
            () => undefined,
          );
          if (answer?.status !== 200) await attempt();
        })();
      }
    });
    toWorker.mode = "through";
    toFulfillment.mode = "through";
    toFulfillment.cut();
    assert.ok(events.length > 10, `${events.length} events`);
    await settled(events);
    return `${events.length} events, ${fulfillment.received.length} deliveries to fulfillment`;
  });

  test("clocks jump by ten minutes, forward and back: each event arrives, and is stored once", async () => {
    const all = [];
    for (const minutes of [10, 0, -10, 0]) {
      await worker.fault("clock", { offset_ms: minutes * 60_000 });
      const events = Array.from({ length: 4 }, () => event("paid", newInvoice()));
      const time = () => Math.floor(Date.now() / 1000) + minutes * 60;
      for (const one of [...events, ...events]) {
        const { body } = await deliverUntilAccepted(worker, one, { time: time() });
        assert.match(body.outcome, /^(applied|duplicate)$/);
      }
      // Duplicates of events that came with another clock.
      for (const one of all)
        assert.equal(
          (await deliverUntilAccepted(worker, one, { time: time() })).body.outcome,
          "duplicate",
        );
      all.push(...events);
      // Fulfillment's clock is right: it refuses signatures that are ten minutes off. The queue
      // retries.
      await eventually("the shards have sent them", async () => {
        for (const one of events)
          if ((await worker.invoice(one.data.invoice_id)).outbox[0]?.state === "pending")
            return false;
        return true;
      });
    }
    await settled(all);
  });
});
