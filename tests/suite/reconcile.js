// `reconcile()`: final states that no webhook reported. The promises of every store are in
// `store-conformance.js`.
import { Gwop } from "@gwop/sdk";
import { createWebhookHandler, reconcile } from "@gwop/sdk/handlers";
import { memoryStore } from "@gwop/sdk/stores";
import { deliver, PAID, SECRET } from "./deliveries.js";
import { assert, assertEquals, test } from "./harness.js";
import { callsOf, market, reconciler, SINCE } from "./reconciliation.js";
import { read } from "./store-conformance.js";

test("reconcile tells what it did, and asks for little the next time", async () => {
  const shop = market();
  const invoices = await shop.many(20);
  const own = reconciler(shop.gwop, memoryStore());
  const first = await own.run();
  assertEquals([first.applied, first.conflicts, first.complete], [20, 0, true]);
  assertEquals([...own.calls].sort(), callsOf(invoices));
  const [paid] = own.events.filter(({ eventType }) => eventType === "invoice.paid");
  assertEquals(paid.gwopSource, "reconciliation");
  assertEquals(paid.eventId, `evt_reconciled_paid_${paid.data.invoiceId}`);
  assertEquals(paid.data.merchantId, shop.sim.merchantId);
  assert(
    paid.data.paidAt instanceof Date && paid.data.payerWallet === undefined,
    "nothing is invented",
  );
  assert(paid.data.txHash ?? paid.data.txSignature, "the transaction is named");
  const fresh = await shop.paid();
  const second = await own.run({ after: first.cursor });
  assertEquals([second.applied, second.complete], [1, true]);
  assertEquals(own.calls.at(-1), `PAID ${fresh.id}`);
  assertEquals(own.errors, []);
});

test("reconcile never applies what was created before `since`", async () => {
  const shop = market();
  await shop.many(150);
  await shop.sim.clock.advance(1_000);
  const own = reconciler(shop.gwop, memoryStore());
  const since = new Date(shop.sim.clock.now());
  const first = await own.run({ since });
  assertEquals([first.applied, first.complete, own.calls.length], [0, true, 0]);
  assert(shop.asked("invoices.list") <= 3, "nothing is asked for beyond it");
  await shop.sim.clock.advance(1_000);
  await shop.paid();
  assertEquals((await own.run({ since: since.toISOString(), after: first.cursor })).applied, 1);
});

for (const listOrder of ["newest-first", "oldest-first", "random"]) {
  test(`reconcile walks a list that is ${listOrder}, page by page, while invoices are created and paid`, async () => {
    const shop = market({ listOrder });
    const invoices = await shop.many(260);
    const own = reconciler(shop.gwop, memoryStore());
    let cursor;
    let calls = 0;
    for (let done; !done; calls += 1) {
      const run = await own.run({ after: cursor, maxPages: 1 });
      ({ cursor, complete: done } = run);
      if (!done) invoices.push(await shop.paid());
      assert(calls < 20, "it has an end");
    }
    // Another run finds invoices that were created before the position of the first run.
    assertEquals((await own.run()).complete, true);
    assertEquals([...own.calls].sort(), callsOf(invoices));
  });
}

test("reconcile asks for at most one page per 90 invoices, and ten", async () => {
  const shop = market();
  const invoices = await shop.many(1_000);
  const own = reconciler(shop.gwop, memoryStore());
  const { applied } = await own.run();
  assertEquals(applied, invoices.length);
  const pages = shop.asked("invoices.list");
  assert(pages <= 1_000 / 90 + 10, `${pages} pages`);
});

test("reconcile asks the public invoice for what the list does not say, and only where it is missing", async () => {
  const shop = market({ listPayments: false });
  const store = memoryStore();
  const known = await shop.paid();
  const handle = createWebhookHandler({
    gwop: shop.gwop,
    store,
    onPaid() {},
    onExpired() {},
    onCanceled() {},
  });
  const [{ body }] = shop.sim.deliveries;
  const { headers } = await deliver(body);
  assertEquals(
    (
      await read(
        await handle(new Request("https://shop.example/", { method: "POST", headers, body })),
      )
    )[1],
    "applied",
  );
  const invoices = [await shop.paid("base"), await shop.paid("solana"), await shop.canceled()];
  const own = reconciler(shop.gwop, store);
  assertEquals((await own.run()).applied, 3);
  assertEquals([...own.calls].sort(), callsOf(invoices));
  assertEquals(shop.asked("invoices.get"), 2);
  assert(!own.calls.some((call) => call.includes(known.id)), "a duplicate calls nobody");
  for (const { eventType, data } of own.events) {
    if (eventType !== "invoice.paid") continue;
    assert(
      data.paidAt instanceof Date &&
        (data.paymentChain === "base" ? data.txHash : data.txSignature),
      "the public invoice says it",
    );
  }
});

test("reconcile waits out 429 and outages, and stops where that takes too long", async () => {
  const shop = market();
  await shop.paid();
  shop.sim.misbehave({
    fault: "rate-limit",
    operation: "invoices.list",
    times: 4,
    retryAfter: "0",
  });
  shop.sim.misbehave({ fault: "error", operation: "invoices.list", status: 503, times: 2 });
  const own = reconciler(shop.gwop, memoryStore());
  assertEquals((await own.run()).applied, 1);
  const store = memoryStore();
  const other = reconciler(new Gwop({ ...shop.client, retryConfig: { strategy: "none" } }), store);
  shop.sim.misbehave({ fault: "error", operation: "invoices.list", status: 503, times: "always" });
  const cut = await other.run({ maxWaitSeconds: 0 });
  assertEquals(
    [cut.applied, cut.complete, other.errors.map(({ info }) => info.code)],
    [0, false, ["UNAVAILABLE"]],
  );
  shop.sim.behave();
  assertEquals((await other.run({ after: cut.cursor })).applied, 1);
  const stranger = reconciler(new Gwop({ ...shop.client, merchantApiKey: "sk_m_wrong" }), store);
  assertEquals(
    await stranger.run().then(
      () => "taken",
      ({ error }) => error.code,
    ),
    "UNAUTHORIZED",
  );
});

test("a callback that throws holds up nothing else, and comes again with the next run", async () => {
  const shop = market();
  const invoices = await shop.many(10);
  let failing = true;
  const broken = invoices[0].id;
  const work = ({ data }) => {
    if (failing && data.invoiceId === broken) throw new Error("no");
  };
  const own = reconciler(shop.gwop, memoryStore(), { work });
  const first = await own.run();
  assertEquals([first.applied, first.complete], [9, false]);
  assertEquals(
    own.errors.map(({ info }) => [info.code, info.invoiceId]),
    [["CALLBACK_FAILED", broken]],
  );
  failing = false;
  const second = await own.run({ after: first.cursor });
  assertEquals([second.applied, second.complete], [1, true]);
});

test("a store that refuses ends the run where it stands", async () => {
  const shop = market();
  await shop.many(10);
  const store = memoryStore();
  const refusing = { ...store, claim: () => Promise.reject(new Error("down")) };
  const own = reconciler(shop.gwop, refusing);
  const cut = await own.run();
  assertEquals([cut.applied, cut.complete], [0, false]);
  assert(
    own.errors.every(({ info }) => info.code === "UNAVAILABLE"),
    "it is told",
  );
  assertEquals((await reconciler(shop.gwop, store).run({ after: cut.cursor })).applied, 10);
});

test("an aborted run resolves with what it has done", async () => {
  const shop = market();
  await shop.many(30);
  const stop = new AbortController();
  const own = reconciler(shop.gwop, memoryStore(), {
    work: (_, call) => call === 5 && stop.abort(),
  });
  const cut = await own.run({ signal: stop.signal });
  assertEquals(cut.complete, false);
  assert(cut.applied >= 1 && cut.applied < 30, String(cut.applied));
  const rest = await own.run({ after: cut.cursor });
  assertEquals(
    [cut.applied + rest.applied, rest.complete, new Set(own.calls).size],
    [30, true, 30],
  );
});

test("reconcile refuses to start without a merchant id, and names what is wrong with its options", async () => {
  const { gwop, client } = market();
  const good = {
    gwop,
    store: memoryStore(),
    since: SINCE,
    onPaid() {},
    onExpired() {},
    onCanceled() {},
  };
  const refusedFor = async (change) => {
    try {
      await reconcile({ ...good, ...change });
    } catch (error) {
      return `${error.code} ${error.message}`;
    }
    return "taken";
  };
  const { merchantId, ...without } = client;
  assert(merchantId, "the simulator has one");
  assert(
    /^MERCHANT_ID_MISSING .*GWOP_MERCHANT_ID/.test(await refusedFor({ gwop: new Gwop(without) })),
    "the merchant id",
  );
  for (const [change, name] of [
    [{ since: undefined }, "since"],
    [{ since: "yesterday" }, "since"],
    [{ since: 0 }, "since"],
    [{ gwop: {} }, "gwop"],
    [{ store: {} }, "store"],
    [{ onPaid: undefined }, "onPaid"],
    [{ after: "x" }, "after"],
    [{ after: 5 }, "after"],
    [{ maxPages: 0 }, "maxPages"],
    [{ maxWaitSeconds: -1 }, "maxWaitSeconds"],
    [{ signal: {} }, "signal"],
    [{ sinse: 1 }, "since"],
  ]) {
    const refused = await refusedFor(change);
    assert(refused.startsWith("SDK_VALIDATION") && refused.includes(name), `${name}: ${refused}`);
  }
});

const DERIVED = JSON.stringify({ gwop_source: "reconciliation", ...JSON.parse(PAID) });
const BARE = JSON.stringify({
  ...JSON.parse(DERIVED),
  data: { ...JSON.parse(PAID).data, payer_wallet: undefined, payment_chain: undefined },
});

test("an event of reconciliation is taken with { reconciled: true } alone, and may lack payer and chain", async () => {
  const gwop = new Gwop({ webhookSecret: SECRET });
  for (const body of [DERIVED, BARE]) {
    const request = await deliver(body);
    for (const work of [
      () => gwop.validateWebhook({ request }),
      () => gwop.validateWebhook({ request, reconciled: false }),
      async () => gwop.validateWebhookSync({ request }),
    ]) {
      const code = await work().then(
        () => "taken",
        (error) => `${error.code} ${error.message}`,
      );
      assert(/^WEBHOOK_SOURCE_NOT_ACCEPTED .*reconciled: true/.test(code), code);
    }
    const event = await gwop.validateWebhook({ request, reconciled: true });
    assertEquals(event.body, gwop.validateWebhookSync({ request, reconciled: true }).body);
    assertEquals(
      [event.body.gwopSource, event.body.data.payerWallet === undefined],
      ["reconciliation", body === BARE],
    );
  }
  // Gwop's own events are complete.
  const lacking = await deliver(PAID.replace("payer_wallet", "x"));
  const code = await gwop.validateWebhook({ request: lacking, reconciled: true }).then(
    () => "taken",
    (error) => error.code,
  );
  assertEquals(code, "WEBHOOK_PAYLOAD_INVALID");
  assertEquals(
    (await gwop.validateWebhook({ request: await deliver(PAID), reconciled: true })).body
      .gwopSource,
    undefined,
  );
});

test("createWebhookHandler takes them with { reconciled: true }, and answers 400 without", async () => {
  const gwop = new Gwop({ webhookSecret: SECRET });
  const named = (onPaid) => ({ onPaid, onExpired() {}, onCanceled() {} });
  const typed = (paid) => ({
    on: { "invoice.paid": paid, "invoice.expired"() {}, "invoice.canceled"() {} },
  });
  for (const [reconciled, expected, form] of [
    [undefined, "WEBHOOK_SOURCE_NOT_ACCEPTED", named],
    [false, "WEBHOOK_SOURCE_NOT_ACCEPTED", typed],
    [true, "applied", named],
    [true, "applied", typed],
  ]) {
    const calls = [];
    const callbacks = form(({ eventId }) => calls.push(eventId));
    const handle = createWebhookHandler({ gwop, store: memoryStore(), ...callbacks, reconciled });
    const { headers } = await deliver(BARE, { eventId: "evt_abc123", eventType: "invoice.paid" });
    const [status, outcome] = await read(
      await handle(new Request("https://shop.example/", { method: "POST", headers, body: BARE })),
    );
    assertEquals(
      [status, outcome, calls.length],
      reconciled ? [200, expected, 1] : [400, expected, 0],
    );
  }
});
