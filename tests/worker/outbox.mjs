// From the outbox to fulfillment: failures, dead letters, replay, undecodable messages, a queue
// that loses messages, compaction, and the operator's routes.
import assert from "node:assert/strict";

import { FULFILLMENT_SECRET, startFulfillment } from "./lib/fulfillment.mjs";
import { WEBHOOK_SECRET, deliverUntilAccepted, event, newInvoice } from "./lib/gwop.mjs";
import { suite } from "../runners/checks.mjs";
import { eventually, sleep } from "./lib/helpers.mjs";
import { OPERATOR_TOKEN, startWorker } from "./lib/wrangler.mjs";
import { gwop } from "./lib/command.mjs";
import { storedObjects } from "./webhooks.mjs";

suite("outbox", async ({ test, after }) => {
  const fulfillment = await startFulfillment();
  after(() => fulfillment.stop());
  const worker = await startWorker({
    variables: {
      GWOP_WEBHOOK_SECRET: WEBHOOK_SECRET,
      OPERATOR_TOKEN,
      FULFILLMENT_URL: fulfillment.url,
      FULFILLMENT_SECRET: `whsec_next,${FULFILLMENT_SECRET}`,
      TEST_RETENTION_MS: "4000",
    },
  });
  after(() => worker.stop());
  const authorization = { authorization: `Bearer ${OPERATOR_TOKEN}` };
  const replay = (id, body, headers = authorization) =>
    worker.request("POST", `/invoices/${id}/replay`, { body: JSON.stringify(body), headers });
  /** Outcomes of fulfillment by event id. All other events are accepted. */
  const answers = new Map();
  fulfillment.answer = ({ eventId }) => answers.get(eventId)?.() ?? 200;
  const paidInvoice = (overrides) => {
    const invoice = newInvoice();
    return { invoice, paid: event("paid", invoice, overrides) };
  };

  test("a failing fulfillment is tried again within seconds, twice within 15, and other events pass it", async () => {
    const { invoice, paid } = paidInvoice();
    const attempts = [];
    answers.set(paid.event_id, () => {
      attempts.push(Date.now());
      return attempts.length < 3 ? 500 : 204;
    });
    await deliverUntilAccepted(worker, paid);
    await eventually("the first attempt", () => attempts.length > 0);
    const other = event("expired", newInvoice());
    await deliverUntilAccepted(worker, other);
    await eventually(
      "the other one is delivered meanwhile",
      () => fulfillment.of(other.event_id).length === 1,
      { within: 6_000 },
    );
    assert.equal(fulfillment.of(paid.event_id).length, 0);
    await eventually(
      "the third attempt is taken",
      () => fulfillment.of(paid.event_id).length === 1,
      { within: 30_000 },
    );
    assert.ok(
      attempts[2] - attempts[0] < 15_500,
      `the second retry came after ${attempts[2] - attempts[0]} ms`,
    );
    await eventually(
      "it is confirmed",
      async () => (await worker.invoice(invoice.invoice_id)).outbox.length === 0,
    );
  });

  for (const [fault, when] of [
    ["panic-in-alarm", "at its beginning"],
    ["panic-in-alarm-later", "once its messages are in the queue"],
  ]) {
    test(`a panic inside an alarm, ${when}: the log has its message and place, the next request is answered, and the event arrives`, async () => {
      const { invoice, paid } = paidInvoice();
      const before = worker.output().length;
      assert.equal((await worker.fault(fault, { invoice_id: invoice.invoice_id })).status, 200);
      await deliverUntilAccepted(worker, paid);
      const { message, place } = await eventually("the log tells of it", () =>
        worker.logLines(before).find((line) => line.event === "panic"),
      );
      assert.equal(message, "a panic on purpose, in an alarm");
      assert.match(place, /^src\/worker\/ledger\/object.rs:\d+:\d+$/);
      const next = await worker.request("GET", "/nothing", { signal: AbortSignal.timeout(10_000) });
      assert.equal(next.status, 404, next.text);
      // Only by the alarm, which runs again: no other request reaches its shard in the meantime.
      await eventually("it arrives", () => fulfillment.of(paid.event_id).length > 0, {
        within: 30_000,
      });
      await eventually(
        "it is confirmed",
        async () => (await worker.invoice(invoice.invoice_id)).outbox.length === 0,
      );
      assert.deepEqual(
        (await worker.invoice(invoice.invoice_id)).events.map(({ event_id, outcome }) => [
          event_id,
          outcome,
        ]),
        [[paid.event_id, "applied"]],
      );
      assert.equal((await deliverUntilAccepted(worker, paid)).body.outcome, "duplicate");
      assert.equal(worker.logLines(before).filter((line) => line.event === "panic").length, 1);
    });
  }

  test("a fulfillment that never recovers: the dead letter queue marks the row, and the operator replays it", async () => {
    const { invoice, paid } = paidInvoice();
    let works = false;
    answers.set(paid.event_id, () => (works ? 200 : 503));
    await deliverUntilAccepted(worker, paid);
    const dead = await eventually(
      "the row is dead",
      async () => {
        const [row] = (await worker.invoice(invoice.invoice_id)).outbox;
        return row.state === "dead" && row;
      },
      { within: 60_000, every: 250 },
    );
    assert.deepEqual([dead.event_id, dead.sends, dead.deliveries], [paid.event_id, 1, 3]);
    assert.ok(
      worker
        .logLines()
        .some(
          (line) =>
            line.event === "fulfilment_dead" &&
            line.event_id === paid.event_id &&
            line.level === "error",
        ),
    );
    // A dead row is kept longer than other events, and is not sent again by itself.
    await sleep(5_000);
    assert.equal((await worker.invoice(invoice.invoice_id)).outbox[0].state, "dead");
    works = true;
    const replayed = await replay(invoice.invoice_id, { event_id: paid.event_id });
    assert.equal(replayed.status, 200, replayed.text);
    await eventually("it is delivered", () => fulfillment.of(paid.event_id).length === 1);
    await eventually(
      "it is confirmed",
      async () => (await worker.invoice(invoice.invoice_id)).outbox.length === 0,
    );
  });

  test("messages that cannot be read or lead nowhere hold up nobody", async () => {
    const nowhere = newInvoice();
    for (const message of [
      null,
      "text",
      7,
      [],
      {},
      { invoice_id: 1, event_id: 2 },
      { invoice_id: nowhere.invoice_id, event_id: "unknown" },
    ]) {
      assert.equal((await worker.fault("enqueue", { message })).status, 200);
    }
    const { paid } = paidInvoice();
    await deliverUntilAccepted(worker, paid);
    for (const message of [null, { event_id: 3 }]) await worker.fault("enqueue", { message });
    await eventually("it is delivered", () => fulfillment.of(paid.event_id).length === 1, {
      within: 6_000,
    });
    const undecodable = await eventually("they are logged", () => {
      const lines = worker.logLines().filter((line) => line.event === "message_undecodable");
      return lines.length >= 8 && lines;
    });
    assert.equal(undecodable.length, 8);
    assert.equal(await worker.invoice(nowhere.invoice_id), undefined);
  });

  test("events are compacted after their retention; the final state stays, and so does its judgement", async () => {
    const { invoice, paid } = paidInvoice({ version: 4 });
    const stale = event("expired", invoice, { version: 3 });
    await deliverUntilAccepted(worker, paid);
    await deliverUntilAccepted(worker, stale);
    assert.equal((await worker.invoice(invoice.invoice_id)).events.length, 2);
    const view = await eventually("the events are gone", async () => {
      const found = await worker.invoice(invoice.invoice_id);
      return found.events.length === 0 && found;
    });
    assert.deepEqual(
      [view.status, view.version, view.transaction, view.outbox],
      ["PAID", 4, paid.data.tx_hash, []],
    );
    const again = await deliverUntilAccepted(worker, paid);
    assert.equal(again.body.outcome, "duplicate");
    assert.equal(fulfillment.of(paid.event_id).length, 1);
    const compacted = await replay(invoice.public_invoice_id, { event_id: stale.event_id });
    assert.deepEqual([compacted.status, compacted.body.error.code], [404, "EVENT_NOT_FOUND"]);
  });

  test("reading and replaying: only with the operator token, unknown ids write nothing", async () => {
    const { invoice, paid } = paidInvoice();
    const stale = event("expired", invoice, { version: 1 });
    await deliverUntilAccepted(worker, { ...paid, event_version: 2 });
    await deliverUntilAccepted(worker, stale);
    for (const headers of [
      {},
      { authorization: "Bearer wrong" },
      { authorization: `Basic ${OPERATOR_TOKEN}` },
      { authorization: `Bearer ${OPERATOR_TOKEN}x` },
      { authorization: "Bearer " },
    ]) {
      const nothing = await worker.request("GET", "/nothing", { headers });
      for (const answer of [
        await worker.request("GET", `/invoices/${invoice.invoice_id}`, { headers }),
        await replay(invoice.invoice_id, { event_id: paid.event_id }, headers),
      ]) {
        assert.deepEqual([answer.status, answer.text], [404, nothing.text]);
      }
    }
    assert.equal(
      (
        await worker.request("GET", `/invoices/${invoice.invoice_id}`, {
          headers: { authorization: `bearer ${OPERATOR_TOKEN}` },
        })
      ).status,
      200,
    );
    const before = storedObjects(worker);
    for (const id of ["unknown", "inv_unknown", "%00", "a%2Fb", "x".repeat(2_000)]) {
      const answer = await worker.request("GET", `/invoices/${id}`, { headers: authorization });
      assert.deepEqual([answer.status, answer.body.error.code], [404, "INVOICE_NOT_FOUND"], id);
    }
    assert.equal((await replay("unknown", { event_id: "x" })).status, 404);
    assert.equal(storedObjects(worker), before);
    assert.equal(
      (await replay(invoice.invoice_id, { event_id: "unknown" })).body.error.code,
      "EVENT_NOT_FOUND",
    );
    assert.equal(
      (await replay(invoice.invoice_id, { event_id: stale.event_id })).body.error.code,
      "EVENT_NOT_REPLAYABLE",
    );
    assert.equal((await replay(invoice.invoice_id, {})).body.error.code, "VALIDATION_ERROR");
    const post = await worker.request("POST", `/invoices/${invoice.invoice_id}`, {
      headers: authorization,
    });
    assert.deepEqual([post.status, post.headers.get("allow")], [405, "GET"]);
    // Already delivered, so it is delivered again.
    await eventually("it is delivered", () => fulfillment.of(paid.event_id).length === 1);
    await eventually(
      "it is confirmed",
      async () => (await worker.invoice(invoice.invoice_id)).outbox.length === 0,
    );
    assert.equal(
      (await replay(invoice.public_invoice_id, { event_id: paid.event_id })).status,
      200,
    );
    await eventually("it is delivered again", () => fulfillment.of(paid.event_id).length === 2);
  });

  test("gwop replay: the command line replays an event, and shows no token", async () => {
    const { invoice, paid } = paidInvoice();
    await deliverUntilAccepted(worker, paid);
    await eventually("it is delivered", () => fulfillment.of(paid.event_id).length === 1);
    await eventually(
      "it is confirmed",
      async () => (await worker.invoice(invoice.invoice_id)).outbox.length === 0,
    );
    const call = async (token) => {
      const args = [
        "replay",
        paid.event_id,
        "--invoice",
        invoice.public_invoice_id,
        "--worker",
        worker.url,
        "--json",
      ];
      const { code, said } = await gwop(args, { OPERATOR_TOKEN: token });
      assert.ok(!said.includes(token), said);
      return { code, answer: JSON.parse(said) };
    };
    const wrong = await call("not-the-token");
    assert.deepEqual([wrong.code, wrong.answer.error.code], [1, "NOT_FOUND"]);
    const { code, answer } = await call(OPERATOR_TOKEN);
    assert.deepEqual(
      [code, answer.event],
      [0, { eventId: paid.event_id, invoiceId: invoice.invoice_id, state: "queued" }],
    );
    await eventually("it is delivered again", () => fulfillment.of(paid.event_id).length === 2);
  });

  test("healthz says what is on and what is missing, and nothing secret", async () => {
    const { status, body, text } = await worker.request("GET", "/healthz");
    assert.equal(status, 200);
    assert.deepEqual(
      [body.status, body.storage, body.webhooks.on, body.fulfillment.on, body.operator.on],
      ["ok", true, true, true, true],
    );
    assert.deepEqual(body.auth, {
      on: false,
      missing: ["GWOP_MERCHANT_API_KEY", "GWOP_MERCHANT_ID", "AUTH_SECRET"],
    });
    // The spelling of 1.0.0 is supported until 2.0.0.
    assert.deepEqual(body.fulfilment, body.fulfillment);
    for (const secret of [WEBHOOK_SECRET, FULFILLMENT_SECRET, OPERATOR_TOKEN])
      assert.ok(!text.includes(secret));
    for (const method of ["POST", "HEAD", "PROPFIND"]) {
      const refused = await worker.request(method, "/healthz");
      assert.deepEqual([refused.status, refused.headers.get("allow")], [405, "GET"], method);
    }
  });
});

suite("service binding", async ({ test, after }) => {
  const fulfillment = await startFulfillment();
  after(() => fulfillment.stop());
  const worker = await startWorker({
    variables: { GWOP_WEBHOOK_SECRET: WEBHOOK_SECRET, OPERATOR_TOKEN, FULFILLMENT_SECRET },
    configure: (text) => `${text}\n[[services]]\nbinding = "FULFILLMENT"\nservice = "shop"\n`,
    neighbours: {
      shop: `export default { fetch: (request) => fetch(new Request(${JSON.stringify(fulfillment.url)}, request)) };`,
    },
  });
  after(() => worker.stop());

  test("fulfillment as a Worker gets the same deliveries, and no URL is needed", async () => {
    assert.deepEqual((await worker.request("GET", "/healthz")).body.fulfillment, {
      on: true,
      missing: [],
    });
    const invoice = newInvoice();
    const paid = event("paid", invoice);
    await deliverUntilAccepted(worker, paid);
    await eventually(
      "it is confirmed",
      async () => (await worker.invoice(invoice.invoice_id)).outbox.length === 0,
    );
    assert.deepEqual(
      fulfillment.of(paid.event_id).map(({ outcome }) => outcome),
      ["applied"],
    );
    assert.deepEqual(fulfillment.refused, []);
  });
});

suite("unconfigured", async ({ test, after }) => {
  const worker = await startWorker();
  after(() => worker.stop());

  test("503 that names the variable in the log and nothing in the answer", async () => {
    const answer = await worker.request("POST", "/webhooks/gwop", {
      body: "{}",
      headers: { "content-type": "application/json" },
    });
    assert.deepEqual([answer.status, answer.body.error.code], [503, "WEBHOOKS_NOT_CONFIGURED"]);
    assert.ok(!answer.text.includes("GWOP_WEBHOOK_SECRET"));
    await eventually("the log names it", () =>
      worker
        .logLines()
        .some((line) => line.event === "not_configured" && line.variable === "GWOP_WEBHOOK_SECRET"),
    );
  });

  test("every part is off and says so; the operator routes are not there", async () => {
    const { status, body } = await worker.request("GET", "/healthz");
    assert.equal(status, 200);
    assert.deepEqual(
      Object.fromEntries(
        ["webhooks", "fulfillment", "auth", "operator"].map((part) => [part, body[part]]),
      ),
      {
        webhooks: { on: false, missing: ["GWOP_WEBHOOK_SECRET"] },
        fulfillment: { on: false, missing: ["FULFILLMENT_URL", "FULFILLMENT_SECRET"] },
        auth: { on: false, missing: ["GWOP_MERCHANT_API_KEY", "GWOP_MERCHANT_ID", "AUTH_SECRET"] },
        operator: { on: false, missing: ["OPERATOR_TOKEN"] },
      },
    );
    const answer = await worker.request("GET", "/invoices/x", {
      headers: { authorization: "Bearer " },
    });
    assert.equal(answer.status, 404);
  });
});

suite("settings", async ({ test, after }) => {
  const start = async (options) => {
    const worker = await startWorker({
      ...options,
      variables: { GWOP_WEBHOOK_SECRET: WEBHOOK_SECRET, OPERATOR_TOKEN, ...options.variables },
    });
    after(() => worker.stop());
    return worker;
  };
  const notUnderstood = (worker, variable) =>
    eventually(`the log names ${variable}`, () =>
      worker
        .logLines()
        .some((line) => line.event === "not_understood" && line.variable === variable),
    );

  test("healthz: commas are no secret, a URL of another scheme is none, and a missing queue is named", async () => {
    const worker = await start({
      variables: {
        GWOP_WEBHOOK_SECRET: " , ,",
        OPERATOR_TOKEN: ",",
        AUTH_SECRET: ",",
        GWOP_MERCHANT_API_KEY: "sk_m_x",
        GWOP_MERCHANT_ID: "m",
        FULFILLMENT_SECRET: " ,",
        FULFILLMENT_URL: "htps://user:SEKRIT@shop.example/f?token=SEKRIT",
      },
      configure: (text) => text.replace(/\[\[queues\.producers\]\][^[]*/, ""),
    });
    const { body } = await worker.request("GET", "/healthz");
    const off = (...missing) => ({ on: false, missing });
    assert.deepEqual(
      [body.webhooks, body.operator, body.auth],
      [off("GWOP_WEBHOOK_SECRET"), off("OPERATOR_TOKEN"), off("AUTH_SECRET")],
    );
    assert.deepEqual(
      body.fulfillment,
      off("FULFILLMENT_URL", "FULFILLMENT_SECRET", "GWOP_FULFILLMENT_QUEUE"),
    );
    await notUnderstood(worker, "FULFILLMENT_URL");
    assert.ok(!worker.output().includes("SEKRIT"));
  });

  test("a delivery that fails says so without the URL", async () => {
    for (const FULFILLMENT_URL of [
      "http://user:SEKRIT@127.0.0.1:1/f?token=SEKRIT",
      "http://127.0.0.1:1/f?token=SEKRIT",
      "https//shop.example/SEKRIT",
    ]) {
      const worker = await start({ variables: { FULFILLMENT_URL, FULFILLMENT_SECRET } });
      const invoice = newInvoice();
      await deliverUntilAccepted(worker, event("paid", invoice));
      if (FULFILLMENT_URL.startsWith("http:"))
        await eventually("it is logged", () =>
          worker.logLines().some((line) => line.event === "fulfilment_failed"),
        );
      else await notUnderstood(worker, "FULFILLMENT_URL");
      assert.equal((await worker.invoice(invoice.invoice_id)).outbox.length, 1);
      assert.ok(
        !worker.logLines().some((line) => JSON.stringify(line).includes("SEKRIT")),
        FULFILLMENT_URL,
      );
      await worker.stop();
    }
  });

  test("[vars] may hold numbers and arrays; a limit that cannot be read is said", async () => {
    const large = () =>
      event("expired", newInvoice(), { data: { merchant_reference: "x".repeat(2_000) } });
    const worker = await start({
      variables: {},
      configure: (text) =>
        `${text}\n[vars]\nMAX_BODY_BYTES = 1000\nFULFILLMENT_SECRET = ["whsec_one", "whsec_two"]\n`,
    });
    await assert.rejects(deliverUntilAccepted(worker, large(), { within: 300 }), /413/);
    assert.deepEqual((await worker.request("GET", "/healthz")).body.fulfillment.missing, [
      "FULFILLMENT_URL",
    ]);
    for (const value of ['"10MB"', "-1", "0", "{ bytes = 1000 }"]) {
      const other = await start({
        variables: {},
        configure: (text) => `${text}\n[vars]\nMAX_BODY_BYTES = ${value}\n`,
      });
      await deliverUntilAccepted(other, large());
      await notUnderstood(other, "MAX_BODY_BYTES");
      await other.stop();
    }
  });
});

/** The operator's next token. */
const NEXT_TOKEN = "next-operator-token-of-the-tests";

suite("rotation", async ({ test, after }) => {
  const fulfillment = await startFulfillment();
  after(() => fulfillment.stop());
  const worker = await startWorker({
    variables: {
      GWOP_WEBHOOK_SECRET: " whsec_new , whsec_old ,",
      OPERATOR_TOKEN: `${NEXT_TOKEN},${OPERATOR_TOKEN}`,
      MAX_BODY_BYTES: "2000",
    },
  });
  after(() => worker.stop());

  test("the old secret, both and the new one are accepted while both are configured; a third is not", async () => {
    const invoice = newInvoice();
    for (const secrets of [
      ["whsec_old"],
      ["whsec_old", "whsec_new"],
      ["whsec_new", "whsec_other"],
      ["whsec_new"],
    ]) {
      const answer = await worker.request("GET", "/healthz");
      assert.equal(answer.status, 200);
      const { body } = await deliverUntilAccepted(worker, event("paid", invoice), {
        secrets,
        within: 5_000,
      });
      assert.match(body.outcome, /applied|duplicate/);
    }
    await assert.rejects(
      deliverUntilAccepted(worker, event("paid", invoice), {
        secrets: ["whsec_third"],
        within: 500,
      }),
      /401/,
    );
    await assert.rejects(
      deliverUntilAccepted(worker, event("paid", invoice), {
        secrets: [" whsec_new , whsec_old ,"],
        within: 500,
      }),
      /401/,
    );
    for (const token of [NEXT_TOKEN, OPERATOR_TOKEN])
      assert.equal((await worker.invoice(invoice.invoice_id, token)).status, "PAID");
    assert.equal(
      await worker.invoice(invoice.invoice_id, `${NEXT_TOKEN},${OPERATOR_TOKEN}`),
      undefined,
    );
  });

  test("without fulfillment configured events wait in the outbox", async () => {
    const invoice = newInvoice();
    await deliverUntilAccepted(worker, event("expired", invoice), { secrets: ["whsec_new"] });
    const [row] = (await worker.invoice(invoice.invoice_id, NEXT_TOKEN)).outbox;
    assert.deepEqual([row.state, row.sends], ["pending", 0]);
  });

  test("MAX_BODY_BYTES is kept", async () => {
    const large = event("expired", newInvoice(), {
      data: { merchant_reference: "x".repeat(2_000) },
    });
    await assert.rejects(
      deliverUntilAccepted(worker, large, { secrets: ["whsec_new"], within: 300 }),
      /413/,
    );
  });
});
