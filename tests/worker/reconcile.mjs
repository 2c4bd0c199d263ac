// Reconciliation: takes missing final states from Gwop's list, each once, and never those of the
// past.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { ALERT_SECRET, startAlerts } from "./lib/alerts.mjs";
import { FULFILLMENT_SECRET, startFulfillment } from "./lib/fulfillment.mjs";
import { WEBHOOK_SECRET, deliver, deliverUntilAccepted, event, signature } from "./lib/gwop.mjs";
import { suite } from "../runners/checks.mjs";
import { eventually, parallel, random, sleep } from "./lib/helpers.mjs";
import { shopAt } from "./lib/shop.mjs";
import { startSimulator } from "./lib/simulator.mjs";
import { OPERATOR_TOKEN, SCRATCH, TOP, startWorker } from "./lib/wrangler.mjs";

const HOUR = 3_600_000;
const operator = { authorization: `Bearer ${OPERATOR_TOKEN}` };
/** More retries than in other tests, because nothing here may become a dead letter. */
const configure = (text) => text.replaceAll("max_retries = 2", "max_retries = 10");
const iso = (time) => new Date(time).toISOString();

const variablesOf = (simulator, fulfillment, since) => ({
  GWOP_WEBHOOK_SECRET: WEBHOOK_SECRET,
  GWOP_MERCHANT_API_KEY: simulator.merchantApiKey,
  GWOP_MERCHANT_ID: simulator.merchantId,
  GWOP_SERVER_URL: simulator.url,
  GWOP_IDENTITY_URL: simulator.url,
  OPERATOR_TOKEN,
  FULFILLMENT_URL: fulfillment.url,
  FULFILLMENT_SECRET,
  ...(since === undefined ? {} : { RECONCILE_SINCE: iso(since) }),
});

/** Returns the status of reconciliation. */
async function standing(worker) {
  const answer = await worker.request("GET", "/reconcile", { headers: operator });
  assert.equal(answer.status, 200, answer.text);
  return answer.body;
}

async function begin(worker) {
  const answer = await worker.request("POST", "/reconcile", { headers: operator });
  assert.equal(answer.status, 202, answer.text);
  return answer.body;
}

/** Starts a run, and waits for its end. */
async function reconcile(worker, within = 60_000) {
  await begin(worker);
  return over(worker, within);
}

const over = (worker, within = 60_000) =>
  eventually(
    "the run is over",
    async () => {
      const found = await standing(worker);
      return found.running ? undefined : found;
    },
    { within, every: 100 },
  );

/**
 * Creates `count` invoices with every final state: six in ten paid, three expired after the clock
 * moves, one canceled.
 */
async function many(shop, count) {
  const made = [];
  await parallel(
    Array.from({ length: count }, (_, at) => at),
    16,
    async (at) => {
      const kind = at % 10;
      made.push(
        await (kind < 6
          ? shop.paid(kind < 3 ? "base" : "solana")
          : kind < 9
            ? shop.expired()
            : shop.canceled()),
      );
    },
  );
  return made;
}

const TYPES = { PAID: "invoice.paid", EXPIRED: "invoice.expired", CANCELED: "invoice.canceled" };

/** Checks that each of these reached fulfillment exactly as expected, and nothing else did. */
async function allApplied(fulfillment, invoices, within = 120_000) {
  const events = () => new Map(fulfillment.received.map((one) => [one.eventId, one]));
  await eventually(
    "everything reaches fulfillment",
    () =>
      (events().size >= invoices.length ? true : `${events().size} of ${invoices.length}`) === true,
    { within, every: 250 },
  );
  const all = [...events().values()];
  const told = Object.fromEntries(
    all.map(({ invoiceId, type, outcome }) => [invoiceId, [type, outcome]]),
  );
  assert.deepEqual(
    told,
    Object.fromEntries(invoices.map(({ id, status }) => [id, [TYPES[status], "applied"]])),
  );
  assert.equal(all.length, invoices.length, "one event for each invoice");
  assert.deepEqual(fulfillment.refused, []);
}

suite("reconciliation", async ({ test, after, quick }) => {
  /** Starts a Gwop, a fulfillment and a Worker for one test. */
  const world = async ({ flags, since, variables = {}, ...rest } = {}) => {
    const simulator = await startSimulator(flags);
    const fulfillment = await startFulfillment();
    const worker = await startWorker({
      configure,
      ...rest,
      variables: { ...variablesOf(simulator, fulfillment, since), ...variables },
    });
    const stop = async () => {
      await worker.stop();
      await Promise.all([simulator.stop(), fulfillment.stop()]);
    };
    after(stop);
    return { simulator, fulfillment, worker, shop: shopAt(simulator) };
  };

  test("it needs the operator’s token, and names the variables that are missing", async () => {
    const worker = await startWorker({
      variables: { GWOP_WEBHOOK_SECRET: WEBHOOK_SECRET, OPERATOR_TOKEN },
    });
    after(() => worker.stop());
    assert.equal((await worker.request("POST", "/reconcile")).status, 404);
    assert.equal((await worker.request("PUT", "/reconcile", { headers: operator })).status, 405);
    const refused = await worker.request("POST", "/reconcile", { headers: operator });
    assert.deepEqual(
      [refused.status, refused.body.error.code],
      [503, "RECONCILE_NOT_CONFIGURED"],
      refused.text,
    );
    for (const name of ["GWOP_MERCHANT_API_KEY", "GWOP_MERCHANT_ID"])
      assert.match(refused.body.error.message, new RegExp(name));
    const { body } = await worker.request("GET", "/healthz");
    assert.deepEqual(body.reconciliation, {
      on: false,
      missing: ["GWOP_MERCHANT_API_KEY", "GWOP_MERCHANT_ID"],
    });
  });

  test("where RECONCILE_SINCE is not set, /healthz alone says from when on", async () => {
    const { worker } = await world();
    assert.equal((await worker.request("GET", "/healthz")).status, 200);
    const asked = Date.now();
    await sleep(1_500);
    const { since } = await standing(worker);
    assert.ok(
      Date.parse(since) <= asked && Date.parse(since) > asked - 60_000,
      `${since}, and asked at ${iso(asked)}`,
    );
    await sleep(200);
    assert.equal((await standing(worker)).since, since, "it stays");
  });

  test("the first run over old paid invoices delivers nothing, nor does one right after the upgrade; newer ones it does", async () => {
    const count = quick ? 120 : 1_000;
    const simulator = await startSimulator();
    after(() => simulator.stop());
    const fulfillment = await startFulfillment();
    after(() => fulfillment.stop());
    const shop = shopAt(simulator);
    await parallel(Array.from({ length: count }), 16, () => shop.paid());
    const storage = mkdtempSync(join(SCRATCH, "gwop-storage-"));
    after(() => rmSync(storage, { recursive: true, force: true }));
    const variables = variablesOf(simulator, fulfillment);
    // The first version with a ledger knows one more of them, from its webhook.
    const old = await startWorker({
      main: join(TOP, "tests/worker/fixtures/ledger-1/entry.js"),
      storage,
      variables,
      configure,
    });
    const known = event("paid", {
      invoice_id: "known",
      public_invoice_id: "inv_known",
      merchant_id: simulator.merchantId,
    });
    await deliverUntilAccepted(old, known);
    await eventually("it is delivered", () => fulfillment.received.length === 1);
    await old.stop();
    const worker = await startWorker({ storage, variables, configure });
    after(() => worker.stop());
    const first = await reconcile(worker);
    assert.deepEqual([first.applied, first.conflicts, first.unusable], [0, 0, 0]);
    assert.ok(first.pages <= 4, "nothing is asked for beyond the time from which on");
    const fresh = await shop.paid();
    const second = await reconcile(worker);
    assert.equal(second.applied, 1);
    await eventually("it is delivered", () => fulfillment.received.length === 2);
    assert.equal(fulfillment.received[1].invoiceId, fresh.id);
    assert.equal((await worker.invoice("known")).status, "PAID");
  });

  test("what retention has deleted does not come back", async () => {
    const { worker, shop, fulfillment } = await world({
      since: Date.now() - HOUR,
      variables: { RETENTION_DAYS: "90" },
    });
    const invoice = await shop.paid();
    assert.equal((await reconcile(worker)).applied, 1);
    await eventually(
      "it is confirmed",
      async () => (await worker.invoice(invoice.id)).outbox.length === 0,
    );
    for (const days of [61, 100]) {
      await worker.fault("clock", { offset_ms: days * 24 * HOUR });
      // The next event wakes the shard, whose alarm removes old rows.
      await eventually(
        "retention has its turn",
        async () => {
          await worker.request("GET", "/cdn-cgi/handler/scheduled");
          return days < 90 || (await worker.invoice(invoice.id)) === undefined;
        },
        { within: 30_000, every: 500 },
      );
      assert.equal((await reconcile(worker)).applied, 0, `${days} days later`);
    }
    assert.equal(fulfillment.received.length, 1);
  });

  test("a day without webhooks: one run applies every final state once, with few calls, and webhooks that come later are duplicates", async () => {
    const count = quick ? 600 : 10_000;
    const batch = 100;
    const start = Date.now() - 24 * HOUR;
    const { simulator, worker, shop, fulfillment } = await world({
      since: start - HOUR,
      variables: { RECONCILE_SUBREQUESTS: "800" },
    });
    await shop.clock({ set: start });
    const invoices = [];
    for (let made = 0; made < count; made += batch) {
      invoices.push(...(await many(shop, batch)));
      await shop.clock({ advanceMs: (24 * HOUR * batch) / count });
    }
    const asked = async () =>
      (await simulator.control("GET", "requests")).filter(
        ({ operation }) => operation === "invoices.list",
      ).length;
    const before = await asked();
    const run = await reconcile(worker, 300_000);
    assert.deepEqual([run.applied, run.conflicts, run.unusable, run.error], [count, 0, 0, null]);
    const calls = (await asked()) - before;
    assert.ok(calls <= count / 90 + 10, `${calls} list calls`);
    assert.equal(run.pages, calls);
    await allApplied(fulfillment, invoices, quick ? 120_000 : 600_000);
    // Wrangler's own server leaves one socket in workerd per batch and line. After 10,000 none is
    // left.
    await worker.kill();
    await worker.start();
    // Gwop's late webhooks, with the transaction and without one.
    const late = invoices.filter(({ status }) => status === "PAID").slice(0, 40);
    for (const [at, { id, publicInvoiceId, transaction }] of late.entries()) {
      const data =
        at % 2 === 0 && transaction.startsWith("0x")
          ? { tx_hash: transaction.toUpperCase().replace("0X", "0x") }
          : { tx_hash: undefined };
      const what = event(
        "paid",
        { invoice_id: id, public_invoice_id: publicInvoiceId, merchant_id: simulator.merchantId },
        { version: 3, data },
      );
      assert.equal((await deliverUntilAccepted(worker, what)).body.outcome, "duplicate");
    }
    assert.equal((await reconcile(worker, 300_000)).applied, 0);
    await sleep(1_000);
    assert.equal(new Set(fulfillment.received.map(({ eventId }) => eventId)).size, count);
  });

  for (const order of ["newest-first", "oldest-first", "random"]) {
    test(`${order}, while invoices are created and paid`, async () => {
      const count = quick ? 250 : 1_500;
      const { worker, shop, fulfillment } = await world({
        flags: ["--list-order", order],
        since: Date.now() - 2 * HOUR,
      });
      const invoices = await many(shop, count);
      await shop.clock({ advanceMs: 61_000 });
      let going = true;
      const meanwhile = (async () => {
        while (going) {
          invoices.push(await shop.paid());
          await sleep(20);
        }
      })();
      const run = await reconcile(worker, 180_000);
      assert.ok(run.applied >= count, `${run.applied} of ${count}`);
      going = false;
      await meanwhile;
      // The next run finds the rest. If pages are not newest first, the run of the next day does.
      if (order !== "newest-first") {
        const { pages } = await reconcile(worker);
        assert.ok(pages <= 6, `${pages} pages, so soon after`);
        // Events that are not delivered yet are signed with the new clock.
        await eventually(
          "everything so far is delivered",
          () => fulfillment.received.length >= run.applied,
          { within: 60_000 },
        );
        await worker.fault("clock", { offset_ms: 24 * HOUR + 1_000 });
        fulfillment.offsetMs = 24 * HOUR;
      }
      await reconcile(worker, 180_000);
      await allApplied(fulfillment, invoices);
    });
  }

  test("100 runs at once, and the cron trigger, have one effect", async () => {
    const { worker, shop, fulfillment } = await world({ since: Date.now() - HOUR });
    const invoices = await many(shop, 120);
    await shop.clock({ advanceMs: 61_000 });
    await Promise.all([
      ...Array.from({ length: 100 }, () => begin(worker)),
      worker.request("GET", "/cdn-cgi/handler/scheduled"),
    ]);
    await over(worker);
    await allApplied(fulfillment, invoices);
    await sleep(1_000);
    assert.equal(fulfillment.received.length, invoices.length, "each is delivered once");
  });

  test("the cron trigger alone begins a run", async () => {
    const { worker, shop, fulfillment } = await world({ since: Date.now() - HOUR });
    const invoice = await shop.paid("solana");
    assert.match((await worker.request("GET", "/cdn-cgi/handler/scheduled")).text, /ok/);
    await allApplied(fulfillment, [invoice]);
    assert.ok((await over(worker)).completed_at);
    assert.ok(worker.logLines().some((line) => line.event === "reconciled" && line.applied === 1));
  });

  const kills = quick ? 4 : 20;
  test(`kill -9 at ${kills} random moments of a run: it goes on where it stood, and applies each once`, async () => {
    const storage = mkdtempSync(join(SCRATCH, "gwop-storage-"));
    after(() => rmSync(storage, { recursive: true, force: true }));
    const dice = random(18);
    const { worker, shop, fulfillment } = await world({
      since: Date.now() - HOUR,
      storage,
      variables: { TEST_SILENCE_MS: "3000" },
    });
    const invoices = [];
    for (let kill = 0; kill < kills; kill += 1) {
      invoices.push(...(await many(shop, 60)));
      await shop.clock({ advanceMs: 61_000 });
      await begin(worker);
      await sleep(dice.below(700));
      await worker.kill();
      await worker.start();
    }
    await over(worker, 180_000);
    await reconcile(worker, 180_000);
    await allApplied(fulfillment, invoices, 300_000);
    await parallel(invoices, 8, async ({ id, status }) => {
      const view = await eventually(
        "it is confirmed",
        async () => {
          const found = await worker.invoice(id);
          return found?.outbox.length === 0 && found;
        },
        { within: 120_000, every: 250 },
      );
      assert.deepEqual(
        [view.status, view.events.map(({ outcome }) => outcome)],
        [status, ["applied"]],
      );
    });
  });

  test("429 and outages are waited out", async () => {
    const { simulator, worker, shop, fulfillment } = await world({ since: Date.now() - HOUR });
    const invoice = await shop.paid();
    await simulator.control("POST", "faults", {
      fault: "rate-limit",
      operation: "invoices.list",
      retryAfter: "7",
    });
    const begun = Date.now();
    await begin(worker);
    const waiting = await eventually("it waits", async () => {
      const found = await standing(worker);
      return found.failures === 1 && found;
    });
    assert.match(waiting.error, /RateLimitError RATE_LIMITED/);
    const wait = Date.parse(waiting.next_step_at) - begun;
    assert.ok(wait >= 6_500 && wait < 12_000, `Retry-After is followed: ${wait} ms`);
    await simulator.control("POST", "faults", {
      fault: "error",
      operation: "invoices.list",
      status: 503,
    });
    const run = await over(worker);
    assert.deepEqual([run.applied, run.failures, run.error], [1, 0, null]);
    assert.ok(worker.logLines().filter((line) => line.event === "reconcile_failed").length >= 2);
    await allApplied(fulfillment, [invoice]);
  });

  test("a run that fails and a contradiction that it finds are told by alerts; metrics show the gap and the age", async () => {
    const alerts = await startAlerts();
    after(() => alerts.stop());
    const { simulator, worker, shop, fulfillment } = await world({
      since: Date.now() - HOUR,
      variables: { ALERT_URL: alerts.url, ALERT_SECRET },
    });
    const metric = async (name) => {
      const { text } = await worker.request("GET", "/metrics", { headers: operator });
      const line = text.split("\n").find((one) => one.startsWith(`${name} `));
      return line && Number(line.slice(name.length + 1));
    };
    const [invoice, late] = [await shop.paid(), await shop.paid()];
    await deliverUntilAccepted(
      worker,
      event("expired", {
        invoice_id: late.id,
        public_invoice_id: late.publicInvoiceId,
        merchant_id: simulator.merchantId,
      }),
    );
    assert.equal(await metric("gwop_reconciliation_age_seconds"), undefined, "there was no run");
    await simulator.control("POST", "faults", {
      fault: "error",
      operation: "invoices.list",
      status: 503,
      times: "always",
    });
    const began = Date.now();
    await begin(worker);
    const failed = await eventually("it is told", () => alerts.of("reconciliation_failed")[0], {
      within: 60_000,
    });
    assert.ok(failed.at - began < 60_000);
    assert.match(failed.text, /reconciliation with Gwop failed/);
    assert.ok((await standing(worker)).failures >= 3, "one that is over soon is no alert");
    await simulator.control("DELETE", "faults");
    const run = await over(worker);
    assert.deepEqual([run.applied, run.conflicts, run.error], [1, 1, null]);
    await eventually("the conflict is told", () => alerts.of("conflict").length === 1, {
      within: 60_000,
    });
    await eventually(
      "the gap is counted",
      async () => (await metric("gwop_reconciliation_gap")) === 2,
      { within: 30_000, every: 500 },
    );
    assert.ok((await metric("gwop_reconciliation_age_seconds")) < 120);
    const { counts } = (await worker.request("GET", "/healthz", { headers: operator })).body;
    assert.deepEqual(counts.reconciliation, { gap: 2, complete_at: run.completed_at });
    assert.deepEqual(alerts.refused, []);
    await eventually("all is delivered", () => fulfillment.received.length === 3, {
      within: 60_000,
    });
    assert.ok(
      fulfillment.received.some(
        ({ invoiceId, outcome }) => invoiceId === invoice.id && outcome === "applied",
      ),
    );
  });

  test("with the most shards every step comes further, though a page takes nearly all that it may ask", async () => {
    const { worker, shop, fulfillment } = await world({
      flags: ["--no-list-payments"],
      since: Date.now() - HOUR,
      variables: { LEDGER_SHARDS: "32" },
    });
    const invoices = [];
    for (let at = 0; at < 40; at += 1)
      invoices.push(await shop.paid(at % 2 === 0 ? "base" : "solana"));
    const run = await reconcile(worker);
    assert.deepEqual([run.applied, run.unusable], [40, 0]);
    await allApplied(fulfillment, invoices);
  });

  test("a public invoice that Gwop never answers for holds up no other", async () => {
    const { simulator, worker, shop, fulfillment } = await world({
      flags: ["--no-list-payments"],
      since: Date.now() - HOUR,
    });
    const known = await shop.paid();
    assert.equal((await reconcile(worker)).applied, 1);
    // Before the clock moves, because fulfillment uses the real one.
    await allApplied(fulfillment, [known]);
    const [one, other] = [await shop.paid(), await shop.paid("solana")];
    await simulator.control("POST", "faults", {
      fault: "error",
      operation: "invoices.get",
      status: 500,
      times: "always",
    });
    await begin(worker);
    // The waits between the steps are minutes, so the clock moves instead.
    let offset = 0;
    const run = await eventually(
      "the run is over",
      async () => {
        const found = await standing(worker);
        if (found.running && found.failures > 0) {
          // More than an alarm may be late, so it is set again.
          offset += 700_000;
          await worker.fault("clock", { offset_ms: offset });
          await worker.request("GET", "/cdn-cgi/handler/scheduled");
        }
        return found.running ? undefined : found;
      },
      { within: 90_000, every: 1_000 },
    );
    assert.deepEqual([run.applied, run.unusable], [0, 2]);
    assert.equal(
      worker.logLines().filter((line) => line.event === "reconcile_unanswered").length,
      2,
    );
    // The next run asks again.
    await simulator.control("DELETE", "faults");
    await worker.fault("clock", { offset_ms: 0 });
    assert.equal((await reconcile(worker, 120_000)).applied, 2);
    await allApplied(fulfillment, [known, one, other]);
  });

  test("what the list does not say comes from the public invoice, in the steps that the platform allows", async () => {
    const { simulator, worker, shop, fulfillment } = await world({
      flags: ["--no-list-payments"],
      since: Date.now() - HOUR,
    });
    const invoices = [];
    for (let at = 0; at < 70; at += 1)
      invoices.push(await shop.paid(at % 2 === 0 ? "base" : "solana"));
    // Webhooks have reported them, so they are not looked up.
    const known = invoices.splice(0, 10);
    for (const { id, publicInvoiceId } of known) {
      await deliverUntilAccepted(
        worker,
        event("paid", {
          invoice_id: id,
          public_invoice_id: publicInvoiceId,
          merchant_id: simulator.merchantId,
        }),
      );
    }
    await eventually("they are delivered", () => fulfillment.received.length === known.length);
    fulfillment.received.length = 0;
    const run = await reconcile(worker);
    assert.deepEqual([run.applied, run.unusable], [60, 0]);
    assert.ok(run.pages >= 2 + 3, `a step ends inside a page: ${run.pages}`);
    const requests = await simulator.control("GET", "requests");
    assert.equal(requests.filter(({ operation }) => operation === "invoices.get").length, 60);
    await allApplied(fulfillment, invoices);
    for (const {
      invoiceId,
      event: { body },
    } of fulfillment.received) {
      const { transaction } = invoices.find(({ id }) => id === invoiceId);
      const { data } = body;
      assert.equal(data.txHash ?? data.txSignature, transaction);
      assert.equal(data.paymentChain, transaction.startsWith("0x") ? "base" : "solana");
      assert.ok(data.paidAt instanceof Date && data.payerWallet === undefined);
      assert.equal(data.merchantId, simulator.merchantId);
    }
  });

  test("a reconciled delivery verifies with the SDK by { reconciled: true } alone, and no webhook may call itself one", async () => {
    const { worker, shop, fulfillment, simulator } = await world({ since: Date.now() - HOUR });
    const invoice = await shop.paid();
    await reconcile(worker);
    await allApplied(fulfillment, [invoice]);
    const [{ body, headers, eventId, event: verified }] = fulfillment.received;
    assert.equal(eventId, `evt_reconciled_paid_${invoice.id}`);
    assert.deepEqual(
      [verified.body.gwopSource, verified.body.gwopOutcome, verified.xGwopEventId],
      ["reconciliation", "applied", eventId],
    );
    assert.equal(
      verified.body.eventVersion ?? verified.body.createdAt,
      undefined,
      "nothing is invented",
    );
    const { Gwop } = await import(pathToFileURL(join(TOP, "dist/npm/index.node.js")));
    const gwop = new Gwop({ webhookSecret: FULFILLMENT_SECRET });
    await assert.rejects(
      gwop.validateWebhook({ request: { body, headers } }),
      (error) =>
        error.code === "WEBHOOK_SOURCE_NOT_ACCEPTED" && /reconciled: true/.test(error.message),
    );
    assert.equal(
      (await gwop.validateWebhook({ request: { body, headers }, reconciled: true })).body.data
        .invoiceId,
      invoice.id,
    );
    const claimed = {
      ...event("paid", {
        invoice_id: "x",
        public_invoice_id: "inv_x",
        merchant_id: simulator.merchantId,
      }),
      gwop_source: "reconciliation",
    };
    const refused = await deliver(worker, claimed);
    assert.deepEqual(
      [refused.status, refused.body.error.code],
      [400, "WEBHOOK_SOURCE_NOT_ACCEPTED"],
    );
    assert.ok(signature(body).startsWith("t="));
  });

  test("a contradiction is a conflict, told once, whichever way it comes first", async () => {
    const { worker, shop, fulfillment, simulator } = await world({ since: Date.now() - HOUR });
    const of = (invoice) => ({
      invoice_id: invoice.id,
      public_invoice_id: invoice.publicInvoiceId,
      merchant_id: simulator.merchantId,
    });
    const [found, told] = [await shop.paid(), await shop.paid()];
    for (const one of [found, told]) await deliverUntilAccepted(worker, event("expired", of(one)));
    const data = (one) => ({ data: { tx_hash: one.transaction } });
    assert.equal(
      (await deliverUntilAccepted(worker, event("paid", of(told), data(told)))).body.outcome,
      "conflict",
    );
    const run = await reconcile(worker);
    assert.deepEqual([run.applied, run.conflicts], [0, 1]);
    assert.equal(
      (await deliverUntilAccepted(worker, event("paid", of(found), data(found)))).body.outcome,
      "duplicate",
    );
    assert.equal((await reconcile(worker)).conflicts, 0);
    await eventually(
      "both conflicts are told",
      () => fulfillment.received.filter(({ outcome }) => outcome === "conflict").length === 2,
    );
    await sleep(500);
    assert.equal(fulfillment.received.length, 4);
  });
});
