// The table of `POST /webhooks/gwop`, row by row, and the outcomes of the state machine over HTTP.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { Agent, request as plainRequest } from "node:http";
import { join } from "node:path";

import { FULFILLMENT_SECRET, startFulfillment } from "./lib/fulfillment.mjs";
import {
  WEBHOOK_SECRET,
  deliver,
  deliverUntilAccepted,
  event,
  newInvoice,
  signature,
} from "./lib/gwop.mjs";
import { suite } from "../runners/checks.mjs";
import { eventually, parallel } from "./lib/helpers.mjs";
import { OPERATOR_TOKEN, startWorker } from "./lib/wrangler.mjs";

/** The beginning of texts that no response or log may contain. */
const SECRETS = [WEBHOOK_SECRET, FULFILLMENT_SECRET, OPERATOR_TOKEN];

suite("webhooks", async ({ test, after }) => {
  const fulfillment = await startFulfillment();
  after(() => fulfillment.stop());
  const worker = await startWorker({
    variables: {
      GWOP_WEBHOOK_SECRET: WEBHOOK_SECRET,
      OPERATOR_TOKEN,
      FULFILLMENT_URL: fulfillment.url,
      FULFILLMENT_SECRET,
    },
  });
  after(() => worker.stop());

  const outcome = async (what, expected) => {
    const answer = await deliverUntilAccepted(worker, what);
    // If a response was lost on the way, the next one says `duplicate`. Storage then has the
    // outcome.
    if (answer.deliveries > 1 && answer.body.outcome === "duplicate" && what.data?.invoice_id) {
      const { events } = await worker.invoice(what.data.invoice_id);
      answer.body.outcome = events.find(({ event_id }) => event_id === what.event_id).outcome;
    }
    assert.deepEqual(answer.body, { received: true, outcome: expected });
  };
  const rejected = async (answer, status, code) => {
    assert.equal(answer.status, status, answer.text);
    assert.equal(answer.body.error.code, code, answer.text);
    assert.equal(typeof answer.body.error.message, "string");
  };

  /** Returns the panics in the log, from the given length of the output on. */
  const panics = (before) => worker.logLines(before).filter((line) => line.event === "panic");

  test("an event is applied, stored and read by either id", async () => {
    const invoice = newInvoice();
    const paid = event("paid", invoice, { version: 3 });
    await outcome(paid, "applied");
    for (const id of [invoice.invoice_id, invoice.public_invoice_id]) {
      const view = await worker.invoice(id);
      assert.equal(view.status, "PAID");
      assert.equal(view.version, 3);
      assert.equal(view.invoice_id, invoice.invoice_id);
      assert.equal(view.public_invoice_id, invoice.public_invoice_id);
      assert.equal(view.transaction, paid.data.tx_hash);
      assert.deepEqual(
        view.events.map(({ event_id, outcome }) => [event_id, outcome]),
        [[paid.event_id, "applied"]],
      );
    }
  });

  test("every outcome of the state machine", async () => {
    const histories = [
      // duplicates: the same event, and the same final state under another id
      [
        ["paid", {}, "applied"],
        ["same", {}, "duplicate"],
        ["paid", {}, "duplicate"],
      ],
      [
        ["expired", { version: 2 }, "applied"],
        ["expired", { version: 2 }, "duplicate"],
        ["expired", {}, "duplicate"],
      ],
      // another transaction
      [
        ["paid", {}, "applied"],
        ["paid", { data: { tx_hash: `0x${"ab".repeat(32)}` } }, "conflict"],
      ],
      // the first transaction that is named counts, even if a duplicate names it
      [
        ["paid", { data: { tx_hash: undefined } }, "applied"],
        ["paid", { data: { tx_hash: "0xb" } }, "duplicate"],
        ["paid", { data: { tx_hash: "0xB" } }, "duplicate"],
        ["paid", { data: { tx_hash: "0xc" } }, "conflict"],
      ],
      // a hash and a signature name one transaction
      [
        ["paid", { data: { tx_hash: "0xa", tx_signature: "S1" } }, "applied"],
        ["paid", { data: { tx_hash: undefined, tx_signature: "S1" } }, "duplicate"],
        ["paid", { data: { tx_hash: undefined, tx_signature: "s1" } }, "conflict"],
      ],
      // late money, whatever its version
      [
        ["expired", { version: 5 }, "applied"],
        ["paid", { version: 4 }, "conflict"],
        ["paid", { version: 6 }, "conflict"],
      ],
      [
        ["canceled", {}, "applied"],
        ["paid", {}, "conflict"],
      ],
      // a final state other than PAID for a paid invoice
      [
        ["paid", { version: 5 }, "applied"],
        ["expired", { version: 4 }, "stale"],
        ["expired", { version: 6 }, "conflict"],
        ["canceled", {}, "conflict"],
      ],
      [
        ["paid", {}, "applied"],
        ["canceled", { version: 1 }, "conflict"],
      ],
      // an older event of a final state
      [
        ["expired", { version: 5 }, "applied"],
        ["canceled", { version: 4 }, "stale"],
      ],
      // unknown types
      [
        ["refunded", {}, "ignored"],
        ["same", {}, "duplicate"],
        ["paid", {}, "applied"],
      ],
    ];
    for (const history of histories) {
      const invoice = newInvoice();
      let last;
      const kept = [];
      for (const [type, overrides, expected] of history) {
        last = type === "same" ? last : event(type, invoice, overrides);
        await outcome(last, expected);
        if (type !== "same") kept.push([last.event_id, expected]);
      }
      const view = await worker.invoice(invoice.invoice_id);
      assert.deepEqual(
        view.events.map(({ event_id, outcome }) => [event_id, outcome]),
        kept,
      );
      const first = history.find(([, , result]) => result === "applied");
      assert.equal(view.status, first[0].toUpperCase());
    }
  });

  test("only applied and conflict reach fulfillment, so marked, and verify by the SDK", async () => {
    const invoice = newInvoice();
    const expired = event("expired", invoice, { version: 5 });
    const late = event("paid", invoice, { version: 6 });
    const stale = event("canceled", invoice, { version: 4 });
    const ignored = event("refunded", invoice);
    await outcome(expired, "applied");
    await outcome(late, "conflict");
    await outcome(stale, "stale");
    await outcome(ignored, "ignored");
    await eventually(
      "both are confirmed",
      async () => (await worker.invoice(invoice.invoice_id)).outbox.length === 0,
    );
    const seen = fulfillment.received.filter(({ invoiceId }) => invoiceId === invoice.invoice_id);
    assert.deepEqual(
      new Map(seen.map((one) => [one.eventId, one.outcome])),
      new Map([
        [expired.event_id, "applied"],
        [late.event_id, "conflict"],
      ]),
    );
    const delivered = (await worker.invoice(invoice.invoice_id)).events.filter(
      ({ delivered_at }) => delivered_at !== null,
    );
    assert.equal(delivered.length, 2);
    const conflict = await eventually("the conflict is logged", () =>
      worker.logLines().find((line) => line.event_id === late.event_id),
    );
    assert.deepEqual([conflict.level, conflict.outcome], ["error", "conflict"]);
    assert.deepEqual(fulfillment.refused, []);
  });

  test("what the SDK accepts is accepted, and fulfillment gets it byte for byte with gwop_outcome added", async () => {
    const deep = (depth) => "[".repeat(depth) + "]".repeat(depth);
    for (const more of [
      '"metadata":{"order":12345678901234567890123,"price":0.10,"f":1.0,"z":1,"a":2}',
      '"metadata":{"x":1e400}',
      '"metadata":{"x":"\\ud800"}',
      '"merchant_reference":"a\\udc00 \\u00e9 é"',
      `"metadata":${deep(126)}`,
    ]) {
      const invoice = newInvoice();
      const paid = event("paid", invoice);
      const text = JSON.stringify(paid, null, 1).replace('"currency"', `${more}, "currency"`);
      assert.notEqual(text, JSON.stringify(paid, null, 1));
      const answer = await deliverUntilAccepted(worker, text);
      assert.match(answer.body.outcome, /applied|duplicate/, more);
      const delivery = await eventually(
        `${more.slice(0, 40)} is delivered`,
        () => fulfillment.of(paid.event_id)[0],
      );
      assert.equal(delivery.body, `${text.slice(0, -1)},"gwop_outcome":"applied"}`);
    }
    // An outcome in an incoming event is ignored.
    const invoice = newInvoice();
    const paid = event("paid", invoice);
    await deliverUntilAccepted(worker, JSON.stringify({ gwop_outcome: "conflict", ...paid }));
    const delivery = await eventually("it is delivered", () => fulfillment.of(paid.event_id)[0]);
    assert.deepEqual(
      [delivery.outcome, delivery.body],
      ["applied", JSON.stringify({ ...paid, gwop_outcome: "applied" })],
    );
    assert.deepEqual(fulfillment.refused, []);
  });

  test("ids that no header or path can carry as they are lose nothing", async () => {
    for (const tail of ["\n", " ", "é", "☃", "\u0000", "\t1", "%2e", "'#?&"]) {
      const paid = event("paid", newInvoice(), { event_id: `evt_${randomUUID()}${tail}` });
      await deliverUntilAccepted(worker, JSON.stringify(paid));
      assert.equal(
        (await deliverUntilAccepted(worker, JSON.stringify(paid))).body.outcome,
        "duplicate",
      );
      const delivery = await eventually(
        `${JSON.stringify(tail)} is delivered`,
        () => fulfillment.of(paid.event_id)[0],
      );
      // The id is in the signed body. The header has it only if it can carry the id unchanged.
      assert.equal(
        delivery.headers["x-gwop-event-id"],
        tail === "%2e" || tail === "'#?&" ? paid.event_id : undefined,
      );
      assert.equal(delivery.headers["x-gwop-event-type"], "invoice.paid");
    }
    for (const id of [".", "..", "%2e%2e"]) {
      const invoice = newInvoice();
      const paid = event("paid", invoice, { event_id: id });
      await deliverUntilAccepted(worker, paid);
      assert.equal((await deliverUntilAccepted(worker, paid)).body.outcome, "duplicate");
      assert.equal(
        (await deliverUntilAccepted(worker, { ...paid, event_id: "other" })).body.outcome,
        "duplicate",
      );
      await eventually(`${id} is delivered`, () =>
        fulfillment.of(id).some(({ invoiceId }) => invoiceId === invoice.invoice_id),
      );
      // The same for the invoice's id.
      const named = newInvoice();
      await outcome(event("paid", { ...named, invoice_id: id }), "applied");
      assert.equal((await worker.invoice(named.public_invoice_id)).invoice_id, id);
    }
    assert.deepEqual(fulfillment.refused, []);
  });

  test("an event of an unknown type without an invoice is accepted and only logged, with its id and type", async () => {
    const before = storedObjects(worker);
    const unknown = {
      event_id: randomUUID(),
      event_type: "merchant.updated",
      data: { merchant_id: "m" },
    };
    await outcome(unknown, "ignored");
    const long = {
      ...unknown,
      event_id: `long_${"ü".repeat(5_000)}`,
      event_type: "t".repeat(5_000),
    };
    await outcome(JSON.stringify(long), "ignored");
    assert.equal(storedObjects(worker), before);
    const lines = await eventually("both are logged", () => {
      const found = worker
        .logLines()
        .filter((line) => line.outcome === "ignored" && !line.invoice_id);
      return found.length >= 2 && found;
    });
    assert.ok(
      lines.some(
        (line) => line.event_id === unknown.event_id && line.event_type === unknown.event_type,
      ),
    );
    assert.ok(
      lines.some(
        (line) =>
          line.event_id === `long_${"ü".repeat(125)}` && line.event_type === "t".repeat(255),
      ),
    );
  });

  test("401: missing, malformed, wrong or out-of-window signatures store and echo nothing", async () => {
    const invoice = newInvoice();
    const paid = event("paid", invoice);
    const body = JSON.stringify(paid);
    const now = Math.floor(Date.now() / 1000);
    const rows = [
      [{}, "WEBHOOK_SIGNATURE_MISSING"],
      [{ "x-gwop-signature": "" }, "WEBHOOK_SIGNATURE_MISSING"],
      [{ "x-gwop-signature": "v1=abc" }, "WEBHOOK_SIGNATURE_MALFORMED"],
      [{ "x-gwop-signature": `t=${now},v1=${"A".repeat(64)}` }, "WEBHOOK_SIGNATURE_MALFORMED"],
      [{ "x-gwop-signature": `t=soon,v1=${"0".repeat(64)}` }, "WEBHOOK_TIMESTAMP_INVALID"],
      [
        { "x-gwop-signature": signature(body, { time: now - 320 }) },
        "WEBHOOK_TIMESTAMP_OUTSIDE_TOLERANCE",
      ],
      [
        { "x-gwop-signature": signature(body, { time: now + 320 }) },
        "WEBHOOK_TIMESTAMP_OUTSIDE_TOLERANCE",
      ],
      [
        { "x-gwop-signature": signature(body, { secrets: ["whsec_other"] }) },
        "WEBHOOK_SIGNATURE_MISMATCH",
      ],
      [{ "x-gwop-signature": signature(`${body} `) }, "WEBHOOK_SIGNATURE_MISMATCH"],
      [{ "x-gwop-signature": `t=${now},${"v1=00,".repeat(1000)}` }, "WEBHOOK_SIGNATURE_MALFORMED"],
    ];
    for (const [headers, code] of rows) {
      const answer = await worker.request("POST", "/webhooks/gwop", {
        body,
        headers: { "content-type": "application/json", ...headers },
      });
      await rejected(answer, 401, code);
      for (const part of [invoice.invoice_id, paid.event_id, "0".repeat(64)])
        assert.ok(!answer.text.includes(part));
    }
    assert.equal(await worker.invoice(invoice.invoice_id), undefined);
    assert.equal(await worker.invoice(invoice.public_invoice_id), undefined);
    // Within the tolerance, with one good signature of several.
    const good = await worker.request("POST", "/webhooks/gwop", {
      body,
      headers: {
        "content-type": "application/json",
        "x-gwop-signature": signature(body, {
          time: now - 290,
          secrets: ["whsec_other", WEBHOOK_SECRET],
        }),
      },
    });
    assert.equal(good.status, 200);
  });

  test("400: well signed but unusable bodies, and headers that contradict them", async () => {
    const invoice = newInvoice();
    const paid = event("paid", invoice);
    const { invoice_id: _, ...withoutInvoice } = paid.data;
    const rows = [
      ["", {}, "WEBHOOK_PAYLOAD_INVALID"],
      ["not json", {}, "WEBHOOK_PAYLOAD_INVALID"],
      ["[]", {}, "WEBHOOK_PAYLOAD_INVALID"],
      [Buffer.from([0x7b, 0xff, 0x7d]), {}, "WEBHOOK_PAYLOAD_INVALID"],
      ["[".repeat(100_000), {}, "WEBHOOK_PAYLOAD_INVALID"],
      [JSON.stringify({ ...paid, event_id: "" }), {}, "WEBHOOK_PAYLOAD_INVALID"],
      [JSON.stringify({ ...paid, event_id: "e".repeat(300) }), {}, "WEBHOOK_PAYLOAD_INVALID"],
      [JSON.stringify({ ...paid, data: withoutInvoice }), {}, "WEBHOOK_PAYLOAD_INVALID"],
      [
        JSON.stringify({ ...paid, data: { ...paid.data, status: "EXPIRED" } }),
        {},
        "WEBHOOK_PAYLOAD_INVALID",
      ],
      [JSON.stringify(paid), { "x-gwop-event-id": "evt_other" }, "WEBHOOK_HEADER_MISMATCH"],
      [JSON.stringify(paid), { "x-gwop-event-type": "invoice.expired" }, "WEBHOOK_HEADER_MISMATCH"],
    ];
    for (const [body, headers, code] of rows)
      await rejected(await deliver(worker, body, { headers }), 400, code);
    assert.equal(await worker.invoice(invoice.invoice_id), undefined);
  });

  test("413: too large by Content-Length, and while it streams; the connection serves the next request", async () => {
    const invoice = newInvoice();
    const limit = 256 * 1024;
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const send = (body, { chunked }) =>
      new Promise((resolve, reject) => {
        const headers = {
          "content-type": "application/json",
          "x-gwop-signature": signature(body),
          ...(chunked ? { "transfer-encoding": "chunked" } : { "content-length": body.length }),
        };
        const sending = plainRequest(
          `${worker.url}/webhooks/gwop`,
          { method: "POST", agent, headers },
          async (response) => {
            let text = "";
            for await (const chunk of response) text += chunk;
            resolve({
              status: response.statusCode,
              text,
              body: text.startsWith("{") ? JSON.parse(text) : undefined,
            });
          },
        );
        sending.on("error", reject);
        for (let at = 0; at < body.length; at += 16_384)
          sending.write(body.subarray(at, at + 16_384));
        sending.end();
      });
    const padded = (what, length) => {
      const text = JSON.stringify({ ...what, padding: "" });
      return Buffer.from(
        text.replace('"padding":""', `"padding":"${"x".repeat(length - text.length)}"`),
      );
    };
    for (const chunked of [true, false]) {
      await rejected(
        await send(padded(event("paid", invoice), limit + 1), { chunked }),
        413,
        "BODY_TOO_LARGE",
      );
      await rejected(
        await send(padded(event("paid", invoice), 900_000), { chunked }),
        413,
        "BODY_TOO_LARGE",
      );
      const fits = await send(padded(event("paid", newInvoice()), limit), { chunked });
      assert.deepEqual([fits.status, fits.body.outcome], [200, "applied"], fits.text);
    }
    // If more is sent than is read, the response may be lost with the connection. A retry is
    // served.
    for (const chunked of [true, false]) {
      const answer = await send(padded(event("paid", invoice), 3_000_000), { chunked }).catch(
        () => undefined,
      );
      if (answer?.body) await rejected(answer, 413, "BODY_TOO_LARGE");
      await outcome(event("paid", newInvoice()), "applied");
    }
    agent.destroy();
    assert.equal(await worker.invoice(invoice.invoice_id), undefined);
  });

  test("a long body on a route that reads none leaves the next requests alone", async () => {
    const body = Buffer.alloc(3_000_000, "x");
    for (let time = 0; time < 8; time += 1) {
      await worker.request("POST", "/nothing", { body }).catch(() => {});
      const ask = () =>
        worker.request("POST", "/webhooks/gwop", {
          body: "{}",
          headers: { "content-type": "application/json" },
        });
      // workerd closes the connection of the long body. Node may already have taken it for the next
      // request, which then fails at once.
      const next = await ask().catch((error) => {
        if (error.name !== "TypeError") throw error;
        return ask();
      });
      await rejected(next, 401, "WEBHOOK_SIGNATURE_MISSING");
    }
  });

  test("405 with Allow, 415 for a media type that is present and not JSON", async () => {
    for (const method of [
      "GET",
      "HEAD",
      "PUT",
      "DELETE",
      "PATCH",
      "OPTIONS",
      "PROPFIND",
      "SEARCH",
    ]) {
      const answer = await worker.request(method, "/webhooks/gwop", {
        body: method === "PUT" ? "{}" : undefined,
      });
      assert.equal(answer.status, 405);
      assert.equal(answer.headers.get("allow"), "POST");
    }
    for (const type of [
      "text/plain",
      "application/x-www-form-urlencoded",
      "application/jsonp",
      "json",
      "application/json, text/plain",
    ]) {
      await rejected(
        await deliver(worker, event("paid", newInvoice()), { headers: { "content-type": type } }),
        415,
        "UNSUPPORTED_MEDIA_TYPE",
      );
    }
    for (const type of [
      "",
      "application/json; charset=utf-8",
      "Application/JSON",
      "application/vnd.gwop+json",
      "application/json, application/json",
    ]) {
      assert.equal(
        (await deliver(worker, event("paid", newInvoice()), { headers: { "content-type": type } }))
          .status,
        200,
        type,
      );
    }
  });

  test("503 with Retry-After when storage refuses: all of it is rolled back, and the next delivery applies", async () => {
    const invoice = newInvoice();
    const paid = event("paid", invoice);
    assert.equal((await worker.fault("fail-next", { invoice_id: invoice.invoice_id })).status, 200);
    const refused = await deliver(worker, paid);
    await rejected(refused, 503, "UNAVAILABLE");
    assert.ok(Number(refused.headers.get("retry-after")) > 0);
    assert.equal(await worker.invoice(invoice.invoice_id), undefined);
    await outcome(paid, "applied");
    // The same in an object that already contains data.
    const late = event("expired", invoice);
    await worker.fault("fail-next", { invoice_id: invoice.invoice_id });
    await rejected(await deliver(worker, late), 503, "UNAVAILABLE");
    assert.equal((await worker.invoice(invoice.invoice_id)).events.length, 1);
    await outcome(late, "conflict");
  });

  test("a panic inside the transaction is answered, and the log has its message and place; all of it is rolled back, and the next delivery applies", async () => {
    for (const known of [false, true]) {
      const invoice = newInvoice();
      const paid = event("paid", invoice);
      if (known) await outcome(event("expired", invoice), "applied");
      const before = worker.output().length;
      await worker.fault("panic-next", { invoice_id: invoice.invoice_id });
      const refused = await deliver(worker, paid, { signal: AbortSignal.timeout(10_000) });
      assert.ok(refused.status >= 500, `status ${refused.status}`);
      await eventually(
        "its message and place",
        () =>
          panics(before).some(
            ({ message, place }) =>
              message === "a panic on purpose, inside a transaction" &&
              /^src\/worker\/ledger\/object.rs:\d+:\d+$/.test(place),
          ),
        { within: 5_000 },
      );
      assert.equal((await worker.invoice(invoice.invoice_id))?.events.length ?? 0, known ? 1 : 0);
      await outcome(paid, known ? "conflict" : "applied");
    }
  });

  test("the public id is stored with the event: a refused delivery leaves neither, and the next one both", async () => {
    const invoice = newInvoice();
    const paid = event("paid", invoice);
    await worker.fault("fail-next", { invoice_id: invoice.invoice_id });
    await rejected(await deliver(worker, paid), 503, "UNAVAILABLE");
    for (const id of [invoice.invoice_id, invoice.public_invoice_id])
      assert.equal(await worker.invoice(id), undefined);
    await outcome(paid, "applied");
    assert.equal((await worker.invoice(invoice.public_invoice_id)).invoice_id, invoice.invoice_id);
  });

  test("a duplicate is told without a transaction, in any of its ways", async () => {
    const invoice = newInvoice();
    const paid = event("paid", invoice);
    await outcome(paid, "applied");
    await worker.fault("fail-next", { invoice_id: invoice.invoice_id });
    // With the same ids and with another public id, which this Worker has not accepted before.
    await outcome(paid, "duplicate");
    await outcome(
      { ...paid, data: { ...paid.data, public_invoice_id: newInvoice().public_invoice_id } },
      "duplicate",
    );
    // The fault waits for a transaction.
    await rejected(await deliver(worker, event("expired", invoice)), 503, "UNAVAILABLE");
    assert.equal((await worker.invoice(invoice.invoice_id)).events.length, 1);
  });

  test("200 concurrent copies of one event: applied once, queued once", async () => {
    const invoice = newInvoice();
    const paid = event("paid", invoice);
    const outcomes = [];
    await parallel(Array(200).fill(paid), 200, async (copy) => {
      const { body, deliveries } = await deliverUntilAccepted(worker, copy);
      outcomes.push(deliveries === 1 ? body.outcome : "lost");
    });
    const count = (outcome) => outcomes.filter((one) => one === outcome).length;
    assert.equal(count("applied") + count("duplicate") + count("lost"), 200);
    assert.ok(
      count("applied") === 1 || (count("applied") === 0 && count("lost") > 0),
      JSON.stringify(outcomes),
    );
    await eventually(
      "it is confirmed",
      async () => (await worker.invoice(invoice.invoice_id)).outbox.length === 0,
    );
    assert.equal(fulfillment.of(paid.event_id).length, 1);
    assert.deepEqual(
      (await worker.invoice(invoice.invoice_id)).events.map(({ outcome }) => outcome),
      ["applied"],
    );
  });

  test("every answer carries the common headers and a request id of its own", async () => {
    const answers = [
      await deliver(worker, event("paid", newInvoice())),
      await worker.request("POST", "/webhooks/gwop", { body: "{}" }),
      await worker.request("GET", "/nothing"),
      await worker.request("GET", "/healthz"),
      await worker.request("GET", "/invoices/x"),
    ];
    for (const { headers } of answers) {
      assert.equal(headers.get("cache-control"), "no-store");
      assert.equal(headers.get("x-content-type-options"), "nosniff");
      assert.equal(headers.get("x-frame-options"), "DENY");
      assert.equal(headers.get("referrer-policy"), "no-referrer");
      assert.match(headers.get("content-security-policy"), /default-src 'none'/);
      assert.match(headers.get("strict-transport-security"), /max-age=/);
      assert.match(headers.get("x-request-id"), /^[0-9a-f]{8}-[0-9a-f]{4}-4/);
      assert.equal(headers.get("access-control-allow-origin"), null);
    }
    assert.equal(
      new Set(answers.map(({ headers }) => headers.get("x-request-id"))).size,
      answers.length,
    );
  });

  test("one JSON log line per request, and nothing secret in any line", async () => {
    const invoice = newInvoice();
    const paid = event("paid", invoice);
    const answer = await deliver(worker, paid);
    await deliver(worker, paid, { secrets: ["whsec_wrong_one"] });
    const id = answer.headers.get("x-request-id");
    const lines = await eventually("the line is there", () => {
      const found = worker.logLines().filter((line) => line.request_id === id);
      return found.length > 0 && found;
    });
    assert.equal(lines.length, 1);
    const { duration_ms, ...line } = lines[0];
    assert.ok(duration_ms >= 0);
    const about = {
      invoice_id: invoice.invoice_id,
      event_id: paid.event_id,
      event_type: "invoice.paid",
    };
    assert.deepEqual(line, {
      level: "info",
      event: "request",
      request_id: id,
      route: "webhook",
      method: "POST",
      status: 200,
      outcome: "applied",
      ...about,
    });
    const output = worker.output();
    for (const secret of [
      ...SECRETS,
      "whsec_wrong_one",
      "v1=",
      paid.data.payer_wallet,
      paid.data.tx_hash,
    ]) {
      assert.ok(!output.includes(secret), `a log holds ${secret.slice(0, 12)}…`);
    }
  });

  test("a panic or a trap in one request leaves the next ones alone, and the objects too", async () => {
    const invoice = newInvoice();
    const paid = event("paid", invoice);
    await outcome(paid, "applied");
    for (const fault of [
      "panic",
      "panic-later",
      "trap",
      "trap-later",
      "trap-later",
      "panic-later",
      "trap",
      "panic",
    ]) {
      for (const method of ["POST", "GET"]) {
        const before = worker.output().length;
        const from = performance.now();
        const answer = await worker.fault(fault, {}, method);
        assert.ok(answer.status >= 500, `${fault}: ${answer.status}`);
        assert.ok(
          performance.now() - from < 10_000,
          `${fault} was answered after ${performance.now() - from} ms`,
        );
        await outcome(event("expired", invoice, {}), "conflict");
        await outcome(event("paid", newInvoice()), "applied");
        assert.equal((await worker.invoice(invoice.invoice_id)).status, "PAID");
        // The log does not arrive together with the responses.
        await eventually(
          `a trace of ${method} ${fault}`,
          () => /RuntimeError/.test(worker.output().slice(before)),
          { within: 5_000 },
        );
        if (!fault.startsWith("panic")) continue;
        const [{ message, place }] = await eventually(
          "its message and place",
          () => panics(before).length > 0 && panics(before),
          { within: 5_000 },
        );
        assert.match(message, /^a panic on purpose/);
        assert.match(place, /^src\/worker\/test_routes.rs:\d+:\d+$/);
      }
    }
  });

  test("interleaved requests, and requests cancelled between two awaits, leave the isolate as it was", async () => {
    const invoice = newInvoice();
    const slow = Array.from({ length: 12 }, () => worker.fault("slow"));
    const cancelled = Array.from({ length: 12 }, async (_, at) => {
      const gone = new AbortController();
      setTimeout(() => gone.abort(), 20 + at * 20);
      await assert.rejects(
        worker.request("POST", "/test/slow", { body: "{}", signal: gone.signal }),
        { name: "AbortError" },
      );
    });
    const others = Array.from({ length: 24 }, () =>
      deliverUntilAccepted(worker, event("expired", newInvoice())),
    );
    await Promise.all([...cancelled, ...others]);
    for (const answer of await Promise.all(slow)) assert.equal(answer.status, 200);
    await outcome(event("paid", invoice), "applied");
  });

  test("the store holds on the database of a Durable Object what it holds on rusqlite", async () => {
    const answer = await worker.fault("store");
    assert.deepEqual([answer.status, answer.body], [200, { failures: [] }], answer.text);
  });
});

/** Returns how many Durable Objects contain our tables. */
export function storedObjects(worker) {
  const root = join(worker.state, "v3/do");
  let found = 0;
  for (const directory of readdirSync(root)) {
    for (const file of readdirSync(join(root, directory))) {
      if (file.startsWith("metadata") || file.endsWith("-shm")) continue;
      const bytes = readFileSync(join(root, directory, file), "latin1");
      found += /CREATE TABLE (meta|invoice|entry|revocation) /.test(bytes) ? 1 : 0;
    }
  }
  return found;
}
