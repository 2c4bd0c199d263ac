// From 1.0.0 to this Worker with the same storage, a changed number of shards, and two versions of
// this Worker at once.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";

import { FULFILLMENT_SECRET, startFulfillment } from "./lib/fulfillment.mjs";
import { WEBHOOK_SECRET, deliver, deliverUntilAccepted, event, newInvoice } from "./lib/gwop.mjs";
import { suite } from "../runners/checks.mjs";
import { eventually, parallel, sleep } from "./lib/helpers.mjs";
import { OPERATOR_TOKEN, SCRATCH, SHIPPED_BUILD, TOP, startWorker } from "./lib/wrangler.mjs";

const FIXTURES = join(TOP, "tests/worker/fixtures");
/** `dist/worker` of 1.0.0, and of the first version with a ledger. */
const OLD = join(FIXTURES, "1.0.0/entry.js");
const FIRST = join(FIXTURES, "ledger-1/entry.js");

const json = { "content-type": "application/json" };
const operator = { authorization: `Bearer ${OPERATOR_TOKEN}` };
const replay = (worker, id, event_id) =>
  worker.request("POST", `/invoices/${id}/replay`, {
    body: JSON.stringify({ event_id }),
    headers: operator,
  });

/** The steps in `wrangler.toml` for a deployment that began with 1.0.0. */
const upgraded = (text) =>
  text.replace(/# Only where the deployment began with 1\.0\.0.*\n((?:#.*\n)+)/, (_, block) =>
    block.replace(/^# ?/gm, ""),
  );

function fixtureIsWhole(name) {
  const table = readFileSync(join(FIXTURES, name, "README.md"), "utf8");
  for (const [, file, sum] of table.matchAll(/^\| `(\S+)` \| `([0-9a-f]{64})` \|$/gm)) {
    assert.equal(
      createHash("sha256")
        .update(readFileSync(join(FIXTURES, name, file)))
        .digest("hex"),
      sum,
      `${name}/${file}`,
    );
  }
}

suite("upgrade", async ({ test, after }) => {
  const fulfillment = await startFulfillment();
  after(() => fulfillment.stop());
  const storage = mkdtempSync(join(SCRATCH, "gwop-storage-"));
  after(() => rmSync(storage, { recursive: true, force: true }));
  const variables = { GWOP_WEBHOOK_SECRET: WEBHOOK_SECRET, OPERATOR_TOKEN, FULFILLMENT_SECRET };
  const withUrl = { ...variables, FULFILLMENT_URL: fulfillment.url };
  const names = [
    "confirmed",
    "conflict",
    "stale",
    "dead",
    "sent",
    "pending",
    "unknown",
    "bare",
    "quiet",
  ];
  const invoices = Object.fromEntries(names.map((name) => [name, newInvoice()]));
  const events = Object.fromEntries(
    names.map((name) => [name, event("paid", invoices[name], { version: 4 })]),
  );
  const extra = {
    late: event("paid", invoices.conflict, {
      version: 5,
      data: { tx_hash: `0x${"ab".repeat(32)}` },
    }),
    stale: event("expired", invoices.stale, { version: 1 }),
  };
  events.unknown = event("refunded", invoices.unknown);
  // Its object has no alarm for a month, so only `POST /upgrade` hands it over.
  events.quiet = event("refunded", invoices.quiet);
  events.bare = event("expired", invoices.bare);
  const before = {};
  /** Ids of old objects, as Cloudflare's API lists them. */
  const objectIds = () =>
    readdirSync(join(storage, "v3/do/gwop-GwopInvoice")).flatMap(
      (file) => /^([0-9a-f]{64})\.sqlite$/.exec(file)?.[1] ?? [],
    );
  const views = async (worker) =>
    Object.fromEntries(
      await Promise.all(
        names.map(async (name) => [name, await worker.invoice(invoices[name].invoice_id)]),
      ),
    );

  test("1.0.0 is filled: confirmed, conflict, stale, dead, sent, pending, ignored", async () => {
    fixtureIsWhole("1.0.0");
    const failing = new Set([events.dead.event_id, events.sent.event_id]);
    fulfillment.answer = ({ eventId }) => (failing.has(eventId) ? 503 : 200);
    const old = { main: OLD, template: join(FIXTURES, "1.0.0/wrangler.toml"), storage };
    const worker = await startWorker({ ...old, variables: withUrl });
    for (const name of ["confirmed", "conflict", "stale", "dead", "unknown", "bare", "quiet"])
      await deliverUntilAccepted(worker, events[name]);
    await deliverUntilAccepted(worker, extra.late);
    await deliverUntilAccepted(worker, extra.stale);
    await eventually(
      "one is dead, the others are confirmed",
      async () => {
        const { dead, ...others } = await views(worker);
        return (
          dead.outbox[0]?.state === "dead" &&
          Object.values(others).every((view) => !view || view.outbox.length === 0)
        );
      },
      { within: 90_000 },
    );
    await deliverUntilAccepted(worker, events.sent);
    await eventually(
      "one is sent, and not taken",
      async () => (await worker.invoice(invoices.sent.invoice_id)).outbox[0].deliveries > 0,
    );
    Object.assign(before, await views(worker));
    // The queue is in memory here and loses its messages.
    await worker.kill();
    const off = await startWorker({ ...old, variables });
    await deliverUntilAccepted(off, events.pending);
    before.pending = await off.invoice(invoices.pending.invoice_id);
    assert.deepEqual(
      [before.pending.outbox[0].state, before.sent.outbox[0].state],
      ["pending", "sent"],
    );
    await off.stop();
  });

  let worker;
  after(() => worker?.stop());

  test("the new Worker knows the old names, warns of them, and judges as before", async () => {
    fulfillment.answer = () => 200;
    worker = await startWorker({
      storage,
      variables: { ...withUrl, TEST_SILENCE_MS: "4000" },
      // A producer with its old name.
      configure: (text) =>
        upgraded(text).replace(
          'binding = "GWOP_FULFILLMENT_QUEUE"',
          'binding = "GWOP_FULFILMENT_QUEUE"',
        ),
    });
    const { body } = await worker.request("GET", "/healthz");
    assert.deepEqual([body.status, body.fulfillment.on], ["ok", true]);
    assert.deepEqual(body.warnings, [
      "GWOP_FULFILMENT_QUEUE is the name of 1.0.0: call it GWOP_FULFILLMENT_QUEUE",
    ]);
    await eventually("the log warns of it", () =>
      worker
        .logLines()
        .some(
          (line) =>
            line.level === "warn" &&
            line.event === "old_name" &&
            line.use === "GWOP_FULFILLMENT_QUEUE",
        ),
    );
    // The first delivery of an invoice hands it over, also if copies come at the same time.
    const copies = await Promise.all(
      Array.from({ length: 10 }, () => deliverUntilAccepted(worker, events.confirmed)),
    );
    assert.deepEqual(new Set(copies.map((answer) => answer.body.outcome)), new Set(["duplicate"]));
    const second = event("paid", invoices.confirmed, { data: { tx_hash: `0x${"cd".repeat(32)}` } });
    assert.equal((await deliverUntilAccepted(worker, second)).body.outcome, "conflict");
    assert.equal((await deliverUntilAccepted(worker, extra.stale)).body.outcome, "duplicate");
    assert.equal(
      (await deliverUntilAccepted(worker, event("paid", invoices.bare))).body.outcome,
      "conflict",
    );
    assert.equal((await deliverUntilAccepted(worker, events.unknown)).body.outcome, "duplicate");
    assert.equal(
      (await deliverUntilAccepted(worker, event("paid", invoices.unknown))).body.outcome,
      "applied",
    );
    assert.equal(
      (await worker.invoice(invoices.confirmed.public_invoice_id)).invoice_id,
      invoices.confirmed.invoice_id,
    );
  });

  test("what was pending or sent is delivered by the alarms of the old objects, or by a message of the old queue", async () => {
    await worker.fault("enqueue", {
      message: { invoice_id: invoices.sent.invoice_id, event_id: events.sent.event_id },
    });
    for (const name of ["sent", "pending"]) {
      await eventually(
        `${name} is delivered`,
        () => fulfillment.of(events[name].event_id).length > 0,
        { within: 60_000 },
      );
      await eventually(
        `${name} is confirmed`,
        async () => (await worker.invoice(invoices[name].invoice_id)).outbox.length === 0,
      );
    }
  });

  test("POST /upgrade moves the rest, dead rows too; a second time nothing is left", async () => {
    const ids = objectIds();
    assert.ok(ids.length >= names.length, `${ids.length} objects`);
    const nobody = await worker.request("POST", "/upgrade", { body: "{}" });
    assert.equal(nobody.status, 404);
    const wrong = await worker.request("POST", "/upgrade", {
      body: "{}",
      headers: { ...json, ...operator },
    });
    assert.deepEqual([wrong.status, wrong.body.error.code], [400, "VALIDATION_ERROR"]);
    const totals = [];
    for (let time = 0; time < 2; time += 1) {
      let moved = 0;
      for (let at = 0; at < ids.length; at += 10) {
        const answer = await worker.request("POST", "/upgrade", {
          body: JSON.stringify({ object_ids: ids.slice(at, at + 10) }),
          headers: { ...json, ...operator },
        });
        assert.equal(answer.status, 200, answer.text);
        assert.deepEqual(answer.body.failed, []);
        moved += answer.body.moved;
      }
      totals.push(moved);
    }
    assert.ok(totals[0] >= 1, "the quiet one was not moved before");
    assert.equal(totals[1], 0);
    const unknown = await worker.request("POST", "/upgrade", {
      body: JSON.stringify({ object_ids: ["no id"] }),
      headers: { ...json, ...operator },
    });
    assert.deepEqual(unknown.body.failed, ["no id"]);
  });

  test("nothing is lost, delivered twice or judged otherwise", async () => {
    const now = await views(worker);
    for (const name of names) {
      const [was, is] = [before[name], now[name]];
      assert.deepEqual(
        [is.invoice_id, is.public_invoice_id],
        [invoices[name].invoice_id, invoices[name].public_invoice_id],
      );
      if (name !== "unknown")
        assert.deepEqual(
          [is.status, is.version, is.transaction],
          [was.status, was.version, was.transaction],
          name,
        );
      const known = (view) =>
        view.events.map(({ event_id, outcome, received_at }) => [event_id, outcome, received_at]);
      assert.deepEqual(known(is).slice(0, was.events.length), known(was), name);
    }
    assert.equal(now.dead.outbox[0].state, "dead");
    assert.equal(
      (await replay(worker, invoices.dead.public_invoice_id, events.dead.event_id)).status,
      200,
    );
    await eventually(
      "the dead one is delivered",
      () => fulfillment.of(events.dead.event_id).length === 1,
    );
    await eventually(
      "and confirmed",
      async () => (await worker.invoice(invoices.dead.invoice_id)).outbox.length === 0,
    );
    for (const name of ["confirmed", "conflict", "dead", "sent", "pending", "bare"])
      assert.equal(fulfillment.of(events[name].event_id).length, 1, name);
    assert.equal(fulfillment.of(extra.late.event_id).length, 1);
    assert.deepEqual(
      [fulfillment.of(extra.stale.event_id).length, fulfillment.of(events.unknown.event_id).length],
      [0, 0],
    );
    assert.deepEqual(fulfillment.refused, []);
  });

  test("the old objects hold nothing any more, over a restart too", async () => {
    await worker.kill();
    await worker.start();
    const ids = objectIds();
    for (let at = 0; at < ids.length; at += 10) {
      const { body } = await worker.request("POST", "/upgrade", {
        body: JSON.stringify({ object_ids: ids.slice(at, at + 10) }),
        headers: { ...json, ...operator },
      });
      assert.deepEqual([body.moved, body.failed], [0, []]);
    }
    assert.equal((await deliverUntilAccepted(worker, events.pending)).body.outcome, "duplicate");
    await sleep(3_000);
    assert.equal(fulfillment.of(events.pending.event_id).length, 1);
  });
});

suite("upgrade script", async ({ test, after }) => {
  const [, upgrading] = readFileSync(join(TOP, "docs/upgrading.md"), "utf8").split(
    "## The Worker from 1.0.0",
  );
  const [, indented] = /   ```sh\n([\s\S]*?)   ```/.exec(upgrading);
  const script = indented.replace(/^   /gm, "");
  const ours = { id: "ours", script: "gwop", class: "GwopInvoice" };
  const others = [
    { id: "staging", script: "gwop-staging", class: "GwopInvoice" },
    ...Array.from({ length: 30 }, (_, at) => ({ id: `${at}`, script: "other", class: "Other" })),
  ];
  const pages = { "": ["a=", 25], "a=": ["b+/", 10], "b+/": [undefined, 3] };
  const moved = [];
  /** Cloudflare's API and the Worker, as far as the script uses them. */
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const { pathname, searchParams } = new URL(request.url, "http://here");
    const answer = (value) => response.end(JSON.stringify(value));
    if (pathname.endsWith("/namespaces")) {
      const count = Number(searchParams.get("per_page") ?? 20);
      answer({ result: [...others, ours].slice(0, count) });
    } else if (pathname.endsWith("/namespaces/ours/objects")) {
      const cursor = searchParams.get("cursor") ?? "";
      const [next, count] = pages[cursor];
      const result = Array.from({ length: count }, (_, at) => ({ id: `${cursor}-${at}` }));
      answer({ result, result_info: { cursor: next } });
    } else if (pathname === "/upgrade") {
      moved.push(...JSON.parse(body).object_ids);
      answer({ moved: 1, empty: 0, failed: [] });
    } else {
      response.writeHead(404);
      answer({ result: null });
    }
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  after(() => server.close());
  const here = `http://127.0.0.1:${server.address().port}`;
  const play = (name) => {
    const text = script.replaceAll("https://api.cloudflare.com", here);
    const variables = { ACCOUNT: "a", CLOUDFLARE_API_TOKEN: "t", OPERATOR_TOKEN, WORKER: here };
    const env = { PATH: process.env.PATH, ...variables, SCRIPT: name };
    const shell = spawn("sh", ["-c", text], { env });
    return new Promise((done) => shell.once("exit", done));
  };

  test("that of docs/upgrading.md takes every page of this Worker’s objects alone", async () => {
    assert.equal(await play("gwop"), 0);
    assert.deepEqual([moved.length, new Set(moved).size], [38, 38]);
  });

  test("it stops where there is no such Worker", async () => {
    moved.length = 0;
    assert.notEqual(await play("another"), 0);
    assert.deepEqual(moved, []);
  });
});

suite("shard count", async ({ test, after }) => {
  const storage = mkdtempSync(join(SCRATCH, "gwop-storage-"));
  after(() => rmSync(storage, { recursive: true, force: true }));
  const start = async (shards) => {
    const worker = await startWorker({
      storage,
      variables: {
        GWOP_WEBHOOK_SECRET: WEBHOOK_SECRET,
        OPERATOR_TOKEN,
        ...(shards ? { LEDGER_SHARDS: shards } : {}),
      },
    });
    after(() => worker.stop());
    return worker;
  };
  const paid = Array.from({ length: 40 }, () => event("paid", newInvoice()));

  test("another number of shards is refused by every shard, for known and new invoices; with the first number all is as it was", async () => {
    const eight = await start();
    // Only a few, so most shards are still empty.
    await parallel(paid.slice(0, 3), 3, (one) => deliverUntilAccepted(eight, one));
    await eight.stop();
    for (const shards of ["32", "7", "0", "many"]) {
      const other = await start(shards);
      await parallel(paid, 4, async (one) => {
        const answer = await deliver(other, one);
        assert.deepEqual(
          [answer.status, answer.body.error.code],
          [500, "INTERNAL_ERROR"],
          `${shards}: ${answer.text}`,
        );
      });
      await eventually("the log says why", () =>
        other
          .logLines()
          .some((line) => line.event === "shard_count" && /LEDGER_SHARDS/.test(line.error)),
      );
      if (/^\d+$/.test(shards) && shards !== "0")
        assert.match(
          other.logLines().find((line) => line.event === "shard_count").error,
          /LEDGER_SHARDS must be 8/,
        );
      assert.equal(
        (await other.request("GET", `/invoices/${paid[0].data.invoice_id}`, { headers: operator }))
          .status,
        500,
      );
      await other.stop();
    }
    const again = await start("8");
    for (const [at, one] of paid.entries()) {
      assert.equal(
        (await deliverUntilAccepted(again, one)).body.outcome,
        at < 3 ? "duplicate" : "applied",
      );
    }
    await again.stop();
  });
});

suite("retention", async ({ test, after }) => {
  const storage = mkdtempSync(join(SCRATCH, "gwop-storage-"));
  after(() => rmSync(storage, { recursive: true, force: true }));
  const fulfillment = await startFulfillment();
  after(() => fulfillment.stop());
  const worker = await startWorker({
    storage,
    variables: {
      GWOP_WEBHOOK_SECRET: WEBHOOK_SECRET,
      OPERATOR_TOKEN,
      FULFILLMENT_SECRET,
      FULFILLMENT_URL: fulfillment.url,
      TEST_RETENTION_MS: "1500",
      TEST_INVOICE_RETENTION_MS: "3000",
    },
  });
  after(() => worker.stop());

  test("an invoice goes its retention after its last event; one whose event is dead stays, with that event", async () => {
    const dead = event("paid", newInvoice());
    fulfillment.answer = ({ eventId }) => (eventId === dead.event_id ? 500 : 200);
    const gone = Array.from({ length: 250 }, () => event("paid", newInvoice()));
    await deliverUntilAccepted(worker, dead);
    await parallel(gone, 16, (one) => deliverUntilAccepted(worker, one));
    await eventually(
      "they are deleted",
      async () => {
        for (const one of [gone[0], gone[99], gone[249]])
          if (await worker.invoice(one.data.invoice_id)) return false;
        return true;
      },
      { within: 90_000, every: 500 },
    );
    await eventually(
      "the other one is dead",
      async () => (await worker.invoice(dead.data.invoice_id)).outbox[0].state === "dead",
      { within: 60_000 },
    );
    await sleep(4_000);
    const kept = await worker.invoice(dead.data.invoice_id);
    assert.deepEqual([kept.status, kept.events.length, kept.outbox[0].state], ["PAID", 1, "dead"]);
    // Events of a deleted invoice count as new.
    assert.equal((await deliverUntilAccepted(worker, gone[0])).body.outcome, "applied");
  });

  test("RETENTION_DAYS below 90 counts as absent, with a line in the log", async () => {
    const other = await startWorker({
      variables: { GWOP_WEBHOOK_SECRET: WEBHOOK_SECRET, OPERATOR_TOKEN, RETENTION_DAYS: "30" },
    });
    after(() => other.stop());
    await deliverUntilAccepted(other, event("paid", newInvoice()));
    await eventually("the log names it", () =>
      other
        .logLines()
        .some((line) => line.event === "not_understood" && line.variable === "RETENTION_DAYS"),
    );
  });
});

suite("skew", async ({ test, after }) => {
  const fulfillment = await startFulfillment();
  after(() => fulfillment.stop());
  const variables = {
    GWOP_WEBHOOK_SECRET: WEBHOOK_SECRET,
    OPERATOR_TOKEN,
    FULFILLMENT_SECRET,
    FULFILLMENT_URL: fulfillment.url,
  };
  /** The objects of another Worker. This one keeps the queue's consumers. */
  const remote = (text) =>
    text
      .replace(/(class_name = "(?:GwopLedger|GwopSession)")/g, '$1\nscript_name = "gwop-objects"')
      .replace(/\[\[migrations\]\][\s\S]*?(?=#|\[\[queues)/g, "");
  const objects = (text) =>
    text
      .replace('name = "gwop"', 'name = "gwop-objects"')
      .replace(/\[\[queues\.consumers\]\][\s\S]*?(?=\n\n|$)/g, "");

  for (const [title, main, other] of [
    ["the first ledger’s Worker with the newest objects", FIRST, SHIPPED_BUILD],
    ["the newest Worker with the first ledger’s objects", SHIPPED_BUILD, FIRST],
  ]) {
    test(`${title} refuses no delivery, and nothing is applied twice`, async () => {
      assert.ok(existsSync(FIRST), FIRST);
      fixtureIsWhole("ledger-1");
      const worker = await startWorker({
        variables,
        main,
        configure: remote,
        neighbours: { "gwop-objects": { main: other, configure: objects } },
      });
      try {
        const paid = Array.from({ length: 30 }, () => event("paid", newInvoice()));
        await parallel(paid, 8, async (one) => {
          const first = await deliver(worker, one);
          assert.deepEqual([first.status, first.body.outcome], [200, "applied"], first.text);
          assert.equal((await deliver(worker, one)).body.outcome, "duplicate");
        });
        for (const one of paid) {
          await eventually(
            "it is confirmed",
            async () => (await worker.invoice(one.data.public_invoice_id)).outbox.length === 0,
          );
          assert.equal(fulfillment.of(one.event_id).length, 1);
        }
        assert.equal((await replay(worker, paid[0].data.invoice_id, paid[0].event_id)).status, 200);
        await eventually(
          "it is delivered again",
          () => fulfillment.of(paid[0].event_id).length === 2,
        );
      } finally {
        await worker.stop();
      }
    });
  }
});
