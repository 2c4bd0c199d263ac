// The promises of every store, tested through the webhook handler: `checks` of [sentence, function
// of `open`]. `open()` returns a store over storage that all calls share, and every check uses its
// own invoices. `clockChecks` are for stores that take the time from their storage.
import { Gwop } from "@gwop/sdk";
import { createWebhookHandler } from "@gwop/sdk/handlers";
import { assert, assertEquals } from "./harness.js";
import { deliver, SECRET } from "./deliveries.js";
import { callsOf, market, reconciler } from "./reconciliation.js";

const gwop = new Gwop({ webhookSecret: SECRET });
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** Returns the body of an event about `invoice`. */
export function eventBody(
  type,
  invoice,
  { id = crypto.randomUUID(), version, tx = "0xaa", outcome } = {},
) {
  const status = {
    "invoice.paid": "PAID",
    "invoice.expired": "EXPIRED",
    "invoice.canceled": "CANCELED",
  }[type];
  const paid = {
    tx_hash: tx,
    payment_chain: "base",
    paid_at: "2026-03-24T00:48:31.602Z",
    payer_wallet: "0x742d",
  };
  const event = {
    event_id: id,
    event_type: type,
    event_version: version,
    gwop_outcome: outcome,
    data: {
      ...{ invoice_id: invoice, public_invoice_id: `inv_${invoice}`, merchant_id: "m", status },
      ...{ amount_usdc: "1025000", currency: "USDC" },
      ...(status === "PAID" ? paid : {}),
    },
  };
  return JSON.stringify(event, null, 2);
}

/**
 * Creates a handler that records its callbacks as `name eventId`, and a function that delivers to
 * it.
 */
export function shop(store, { work = () => sleep(2), ...options } = {}) {
  const calls = [];
  const note = (name) => async (event) => {
    calls.push(`${name} ${event.eventId}`);
    await work(event, calls.length);
  };
  const errors = [];
  const handle = createWebhookHandler({
    ...{
      gwop,
      store,
      onPaid: note("paid"),
      onExpired: note("expired"),
      onCanceled: note("canceled"),
    },
    ...{ onConflict: note("conflict"), onError: (error, info) => errors.push({ error, info }) },
    ...options,
  });
  return {
    calls,
    errors,
    handle,
    /** Delivers a body. Returns [status, outcome or code, Retry-After]. */
    async send(body) {
      const { headers } = await deliver(body);
      return read(
        await handle(
          new Request("https://shop.example/webhooks/gwop", { method: "POST", headers, body }),
        ),
      );
    },
  };
}

export async function read(response) {
  const { outcome, error } = await response.json();
  return [response.status, outcome ?? error.code, response.headers.get("retry-after")];
}

const applied = [200, "applied", null];
const duplicate = [200, "duplicate", null];
const stale = [200, "stale", null];
const conflict = [200, "conflict", null];

/** The arguments of a store's `claim` besides the invoice. */
const PAID = { status: "PAID", transaction: "0xaa", leaseMs: 60_000 };

export const checks = [
  [
    "100 copies of one event at one time: one callback",
    async (open) => {
      const store = await open();
      const own = shop(store);
      const id = crypto.randomUUID();
      const body = eventBody("invoice.paid", crypto.randomUUID(), { id });
      const answers = await Promise.all(Array.from({ length: 100 }, () => own.send(body)));
      assertEquals(own.calls, [`paid ${id}`]);
      assertEquals(answers.filter(([, outcome]) => outcome === "applied").length, 1);
      for (const [status, outcome, retryAfter] of answers) {
        if (status === 200) assert(["applied", "duplicate"].includes(outcome), outcome);
        else
          assert(
            status === 503 && Number(retryAfter) >= 1 && Number(retryAfter) <= 60,
            `${status}, ${retryAfter}`,
          );
      }
      assertEquals(await own.send(body), duplicate);
      assertEquals(own.calls.length, 1);
    },
  ],

  [
    "200 is answered only after the callback; a copy meanwhile gets 503 with Retry-After",
    async (open) => {
      let finish;
      const own = shop(await open(), { work: () => new Promise((done) => (finish = done)) });
      const body = eventBody("invoice.paid", crypto.randomUUID());
      let answered = false;
      const first = own.send(body).finally(() => (answered = true));
      while (!finish) await sleep(1);
      const [status, code, retryAfter] = await own.send(body);
      assertEquals(
        [status, code, Number(retryAfter) > 50 && Number(retryAfter) <= 60],
        [503, "UNAVAILABLE", true],
      );
      assertEquals(answered, false);
      finish();
      assertEquals(await first, applied);
      assertEquals(own.calls.length, 1);
    },
  ],

  [
    "a callback that throws gives its claim back, so that the next delivery runs it again",
    async (open) => {
      const own = shop(await open(), {
        work: (_, call) => {
          if (call === 1) throw new Error("the database of the shop is away");
        },
      });
      const id = crypto.randomUUID();
      const body = eventBody("invoice.paid", crypto.randomUUID(), { id });
      assertEquals(await own.send(body), [500, "CALLBACK_FAILED", null]);
      assertEquals(own.errors[0].error.message, "the database of the shop is away");
      assertEquals(own.errors[0].info.eventId, id);
      assertEquals(await own.send(body), applied);
      assertEquals(await own.send(body), duplicate);
      assertEquals(own.calls, [`paid ${id}`, `paid ${id}`]);
    },
  ],

  [
    "a crash in the middle: the claim ends with its lease, and the event is processed",
    async (open) => {
      const store = await open();
      const event = {
        ...PAID,
        leaseMs: 1_000,
        eventId: crypto.randomUUID(),
        invoiceId: crypto.randomUUID(),
      };
      const claim = () => store.claim({ ...event, now: Date.now() });
      const begun = Date.now();
      const crashed = await claim();
      assertEquals(crashed.state, "claimed");
      const busy = await claim();
      assert(
        busy.state === "busy" && busy.retryAfterMs > 0 && busy.retryAfterMs <= 1_000,
        JSON.stringify(busy),
      );
      let second = busy;
      for (; second.state === "busy"; await sleep(20)) second = await claim();
      assert(Date.now() - begun >= 990, `taken over after ${Date.now() - begun} ms`);
      assertEquals([second.state, second.outcome], ["claimed", "applied"]);
      // The first one was only slow. Its claim has ended, and the store must say so.
      assertEquals(await store.renew(crashed.lease, { now: Date.now(), leaseMs: 60_000 }), false);
      assertEquals(await store.complete(crashed.lease), false);
      await store.release(crashed.lease);
      assertEquals((await claim()).state, "busy");
      assertEquals(await store.complete(second.lease), true);
      // The event is recorded now, by either process.
      assertEquals(await store.complete(crashed.lease), true);
      assertEquals(await claim(), { state: "settled", outcome: "duplicate" });
    },
  ],

  [
    "a callback that takes longer than its lease keeps its claim, which is renewed",
    async (open) => {
      const own = shop(await open(), { leaseSeconds: 1, work: () => sleep(2_600) });
      const body = eventBody("invoice.paid", crypto.randomUUID());
      const begun = Date.now();
      const first = own.send(body);
      for (let at = 700; at < 2_600; at += 600) {
        await sleep(begun + at - Date.now());
        const [status, , retryAfter] = await own.send(body);
        // Without renewal, another process would take it over after a second.
        if (Date.now() - begun < 2_500)
          assertEquals([status, retryAfter], [503, "1"], `after ${Date.now() - begun} ms`);
      }
      assertEquals([await first, own.calls.length, own.errors], [applied, 1, []]);
      assertEquals(await own.send(body), duplicate);
    },
  ],

  [
    "a callback that never ends: its claim is renewed for maxCallbackSeconds, and the delivery after that runs it again",
    async (open) => {
      const own = shop(await open(), {
        ...{ leaseSeconds: 1, maxCallbackSeconds: 0.6 },
        work: (_, call) => (call === 1 ? new Promise(() => {}) : undefined),
      });
      const body = eventBody("invoice.expired", crypto.randomUUID());
      const begun = Date.now();
      void own.send(body);
      while (own.calls.length === 0) await sleep(1);
      let answer;
      do {
        answer = await own.send(body);
        await sleep(50);
      } while (answer[0] === 503 && Date.now() - begun < 10_000);
      assertEquals([answer, own.calls.length], [applied, 2]);
      // Renewed once, after half a second, for one second.
      const lasted = Date.now() - begun;
      assert(lasted >= 1_400 && lasted < 5_000, `${lasted} ms`);
    },
  ],

  [
    "money that comes after the end is a conflict, never applied and never dropped",
    async (open) => {
      const own = shop(await open());
      for (const [type, name] of [
        ["invoice.expired", "expired"],
        ["invoice.canceled", "canceled"],
      ]) {
        const [invoice, end, late] = [
          crypto.randomUUID(),
          crypto.randomUUID(),
          crypto.randomUUID(),
        ];
        own.calls.length = 0;
        assertEquals(await own.send(eventBody(type, invoice, { id: end, version: 3 })), applied);
        const paid = eventBody("invoice.paid", invoice, { id: late, version: 2 });
        assertEquals(await own.send(paid), conflict);
        assertEquals(await own.send(paid), duplicate);
        assertEquals(own.calls, [`${name} ${end}`, `conflict ${late}`]);
      }
    },
  ],

  [
    "final states never change: stale, duplicate and conflicting events",
    async (open) => {
      const own = shop(await open());
      const invoice = crypto.randomUUID();
      assertEquals(
        await own.send(eventBody("invoice.paid", invoice, { version: 5, tx: "0xaa" })),
        applied,
      );
      assertEquals(await own.send(eventBody("invoice.expired", invoice, { version: 4 })), stale);
      assertEquals(
        await own.send(eventBody("invoice.paid", invoice, { version: 5, tx: "0xaa" })),
        duplicate,
      );
      assertEquals(own.calls.length, 1);
      assertEquals(
        await own.send(eventBody("invoice.paid", invoice, { version: 5, tx: "0xbb" })),
        conflict,
      );
      assertEquals(
        await own.send(eventBody("invoice.canceled", invoice, { version: 6 })),
        conflict,
      );
      assertEquals(
        own.calls.map((call) => call.split(" ")[0]),
        ["paid", "conflict", "conflict"],
      );
    },
  ],

  [
    "an event that the Worker delivered as a conflict stays one",
    async (open) => {
      const own = shop(await open());
      const invoice = crypto.randomUUID();
      assertEquals(
        await own.send(eventBody("invoice.paid", invoice, { outcome: "conflict" })),
        conflict,
      );
      assertEquals(
        await own.send(eventBody("invoice.canceled", invoice, { outcome: "applied" })),
        applied,
      );
    },
  ],

  [
    "events of one invoice are processed one at a time",
    async (open) => {
      let finish;
      const own = shop(await open(), {
        work: (_, call) => call === 1 && new Promise((done) => (finish = done)),
      });
      const invoice = crypto.randomUUID();
      const first = own.send(eventBody("invoice.expired", invoice));
      while (!finish) await sleep(1);
      const paid = eventBody("invoice.paid", invoice);
      assertEquals((await own.send(paid))[0], 503);
      finish();
      assertEquals(await first, applied);
      assertEquals(await own.send(paid), conflict);
    },
  ],

  [
    "what is recorded outlives the process",
    async (open) => {
      const body = eventBody("invoice.paid", crypto.randomUUID());
      assertEquals(await shop(await open()).send(body), applied);
      const again = shop(await open());
      assertEquals(await again.send(body), duplicate);
      assertEquals(again.calls, []);
    },
  ],

  [
    "20 invoices at one time, 5 copies of each, delivered until taken: each callback once",
    async (open) => {
      const own = shop(await open());
      const bodies = Array.from({ length: 20 }, () =>
        eventBody("invoice.paid", crypto.randomUUID()),
      );
      const untilTaken = async (body) => {
        for (let attempt = 0; attempt < 100; attempt += 1) {
          if ((await own.send(body))[0] === 200) return;
          await sleep(10);
        }
        throw new Error("never taken");
      };
      await Promise.all(
        bodies.flatMap((body) => Array.from({ length: 5 }, () => untilTaken(body))),
      );
      assertEquals(own.calls.length, 20);
      assertEquals(new Set(own.calls).size, 20);
    },
  ],

  [
    "what no webhook brought is reconciled once, and webhooks that come later are duplicates",
    async (open) => {
      const own = market();
      const invoices = await own.many(20);
      const [store, shopped] = [await open(), shop(await open())];
      // Three webhooks arrived in time.
      const told = own.sim.deliveries.slice(0, 3);
      for (const { body } of told) assertEquals((await shopped.send(body))[1], "applied");
      const missing = invoices.filter(
        ({ publicInvoiceId }) => !told.some((one) => one.publicInvoiceId === publicInvoiceId),
      );
      const reconciled = reconciler(own.gwop, store);
      const run = await reconciled.run();
      assertEquals([run.applied, run.conflicts, run.complete], [17, 0, true]);
      assertEquals([...reconciled.calls].sort(), callsOf(missing));
      for (const { body } of own.sim.deliveries)
        assertEquals((await shopped.send(body))[1], "duplicate");
      assertEquals(shopped.calls.length, 3);
      assertEquals((await reconciled.run()).applied, 0);
    },
  ],

  [
    "100 runs at one time do the work once",
    async (open) => {
      const own = market();
      const invoices = await own.many(10);
      const store = await open();
      const reconciled = reconciler(own.gwop, store, { work: () => sleep(2) });
      const runs = await Promise.all(Array.from({ length: 100 }, () => reconciled.run()));
      assertEquals([...reconciled.calls].sort(), callsOf(invoices));
      assertEquals(
        runs.reduce((sum, { applied }) => sum + applied, 0),
        10,
      );
    },
  ],

  [
    "a status that contradicts the known one is a conflict, once",
    async (open) => {
      const own = market();
      const { id } = await own.paid();
      const store = await open();
      assertEquals(await shop(store).send(eventBody("invoice.expired", id)), applied);
      const reconciled = reconciler(own.gwop, store);
      assertEquals((await reconciled.run()).conflicts, 1);
      assertEquals((await reconciled.run()).conflicts, 0);
      assertEquals(reconciled.calls, [`conflict ${id}`]);
      // The late webhook of that payment, and another payment.
      const shopped = shop(store);
      const [{ body }] = own.sim.deliveries;
      assertEquals(await shopped.send(body), duplicate);
      assertEquals(await shopped.send(eventBody("invoice.paid", id, { tx: "0xbb" })), conflict);
      // In the other order.
      const other = await own.paid();
      await shopped.send(eventBody("invoice.expired", other.id));
      assertEquals(await shopped.send(own.sim.deliveries[1].body), conflict);
      assertEquals((await reconciled.run()).conflicts, 0);
    },
  ],

  [
    "a reconciled conflict that names no transaction is that of one payment, not of every one",
    async (open) => {
      const store = await open();
      const invoiceId = crypto.randomUUID();
      const shopped = shop(store);
      assertEquals(await shopped.send(eventBody("invoice.expired", invoiceId)), applied);
      const { lease, outcome } = await store.claim({
        invoiceId,
        eventId: `evt_reconciled_paid_${invoiceId}`,
        status: "PAID",
        leaseMs: 60_000,
        now: Date.now(),
      });
      assertEquals(outcome, "conflict");
      await store.complete(lease);
      const paid = (tx) => shopped.send(eventBody("invoice.paid", invoiceId, { tx }));
      assertEquals(await paid("0xaa"), duplicate);
      assertEquals(await paid("0xaa"), duplicate);
      assertEquals(await paid("0xbb"), conflict);
    },
  ],
];

/** Simulates a process whose clock is an hour ahead or behind. */
const HOUR_MS = 3_600_000;

export const clockChecks = [
  [
    "a process whose clock is wrong neither takes a lease over early nor holds it for long",
    async (open) => {
      const store = await open();
      for (const offBy of [HOUR_MS, -HOUR_MS]) {
        const event = {
          ...PAID,
          leaseMs: 1_000,
          eventId: crypto.randomUUID(),
          invoiceId: crypto.randomUUID(),
        };
        const claim = (off) => store.claim({ ...event, now: Date.now() + off });
        assertEquals((await claim(0)).state, "claimed");
        const early = await claim(offBy);
        assert(
          early.state === "busy" && early.retryAfterMs > 0 && early.retryAfterMs <= 1_000,
          JSON.stringify(early),
        );
        await sleep(1_100);
        // The process with the wrong clock claims, renews and dies. Others are not blocked for an
        // hour.
        const wrong = await claim(offBy);
        assertEquals(wrong.state, "claimed");
        assertEquals(
          await store.renew(wrong.lease, { now: Date.now() + offBy, leaseMs: 1_000 }),
          true,
        );
        assertEquals((await claim(0)).state, "busy");
        await sleep(1_100);
        assertEquals((await claim(0)).state, "claimed");
      }
    },
  ],
];
