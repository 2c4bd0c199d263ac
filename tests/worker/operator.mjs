// The operator's view and actions: lists over all shards, replays, counts, metrics, traces, alerts.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

import { ALERT_SECRET, startAlerts } from "./lib/alerts.mjs";
import { gwop } from "./lib/command.mjs";
import { FULFILLMENT_SECRET, startFulfillment } from "./lib/fulfillment.mjs";
import { WEBHOOK_SECRET, deliver, deliverUntilAccepted, event, newInvoice } from "./lib/gwop.mjs";
import { suite } from "../runners/checks.mjs";
import { eventually, parallel, random, sleep } from "./lib/helpers.mjs";
import { OPERATOR_TOKEN, SCRATCH, startWorker } from "./lib/wrangler.mjs";

const authorization = { authorization: `Bearer ${OPERATOR_TOKEN}` };

/** Calls a route as the operator. */
export const ask = (worker, method, path, body) =>
  worker.request(method, path, {
    headers: authorization,
    ...(body && { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(60_000),
  });

/** Returns every row of a list, page by page. */
async function everyRow(worker, path, name) {
  const rows = [];
  let pages = 0;
  for (let cursor; cursor !== null; pages += 1) {
    const answer = await ask(
      worker,
      "GET",
      `${path}${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`,
    );
    assert.equal(answer.status, 200, answer.text);
    rows.push(...answer.body[name]);
    cursor = answer.body.cursor;
  }
  return { rows, pages };
}

const listed = async (worker, query) => (await everyRow(worker, `/events?${query}`, "events")).rows;

/** Replays a list to its end. Resolves to the number of events and of requests. */
async function replayList(worker, wish) {
  let events = 0;
  let requests = 0;
  for (let cursor; cursor !== null; requests += 1) {
    const answer = await ask(worker, "POST", "/events/replay", {
      ...wish,
      ...(cursor && { cursor }),
    });
    assert.equal(answer.status, 200, answer.text);
    events += answer.body.events;
    cursor = answer.body.cursor;
  }
  return { events, requests };
}

/** Returns the value of a series in `/metrics`, or `undefined`. */
async function metric(worker, series) {
  const { text } = await ask(worker, "GET", "/metrics");
  const line = text.split("\n").find((one) => one.startsWith(`${series} `));
  return line && Number(line.slice(series.length + 1));
}

/** Returns one digest of the ledger's files. */
function ledgerDigest(worker) {
  const directory = join(worker.state, "v3/do/gwop-GwopLedger");
  const digest = createHash("sha256");
  for (const name of readdirSync(directory).sort()) {
    if (!name.endsWith("-shm")) digest.update(name).update(readFileSync(join(directory, name)));
  }
  return digest.digest("hex");
}

suite("operator", async ({ test, after }) => {
  const fulfillment = await startFulfillment();
  after(() => fulfillment.stop());
  const worker = await startWorker({
    variables: {
      GWOP_WEBHOOK_SECRET: WEBHOOK_SECRET,
      OPERATOR_TOKEN,
      FULFILLMENT_URL: fulfillment.url,
      FULFILLMENT_SECRET,
      TEST_FLUSH_MS: "4000",
    },
  });
  after(() => worker.stop());
  const answers = new Map();
  fulfillment.answer = ({ eventId }) => answers.get(eventId) ?? 200;

  test("nobody else sees a route of the operator, and each has its method", async () => {
    for (const [method, path] of [
      ["GET", "/events?state=dead"],
      ["GET", "/invoices"],
      ["POST", "/events/replay"],
      ["GET", "/metrics"],
    ]) {
      for (const headers of [{}, { authorization: "Bearer another-token-of-nobody" }]) {
        const answer = await worker.request(method, path, { headers });
        assert.deepEqual([answer.status, answer.body.error.code], [404, "NOT_FOUND"], path);
      }
      const other = await ask(worker, method === "GET" ? "POST" : "GET", path);
      assert.deepEqual([other.status, other.headers.get("allow")], [405, method], path);
    }
  });

  test("an empty ledger has empty lists", async () => {
    for (const state of ["dead", "pending", "conflict"]) {
      assert.deepEqual((await ask(worker, "GET", `/events?state=${state}`)).body, {
        events: [],
        cursor: null,
      });
    }
    assert.deepEqual((await ask(worker, "GET", "/invoices")).body, { invoices: [], cursor: null });
    assert.deepEqual((await ask(worker, "POST", "/events/replay", { state: "dead" })).body, {
      dry_run: false,
      events: 0,
      cursor: null,
    });
  });

  test("a query or a wish that is not understood is refused, and says what is", async () => {
    for (const path of [
      "/events",
      "/events?state=lost",
      "/events?state=dead&state=dead",
      "/events?state=dead&limit=0",
      "/events?state=dead&limit=1001",
      "/events?state=dead&cursor=x",
      "/events?state=dead&cursor=8.0",
      "/events?state=dead&since=yesterday",
      "/events?state=dead&typ=x",
      "/events?state=dead&outcome=lost",
      "/invoices?status=paid",
      "/invoices?cursor=0.0.0",
      "/invoices?since=2026-13-45",
    ]) {
      const answer = await ask(worker, "GET", path);
      assert.deepEqual([answer.status, answer.body.error.code], [400, "VALIDATION_ERROR"], path);
    }
    for (const wish of [
      {},
      [],
      { state: "pending" },
      { state: "dead", limit: 0 },
      { state: "dead", limit: 5001 },
      { state: "dead", evnt_type: "x" },
      { invoice_id: "a" },
      { invoice_id: "a", event_id: "b", state: "dead" },
      { dry_run: true },
    ]) {
      const answer = await ask(worker, "POST", "/events/replay", wish);
      assert.deepEqual(
        [answer.status, answer.body.error.code],
        [400, "VALIDATION_ERROR"],
        JSON.stringify(wish),
      );
    }
  });

  test("the drill: a dead letter is found with its reason, and replayed", async () => {
    const invoice = newInvoice();
    const paid = event("paid", invoice);
    answers.set(paid.event_id, 503);
    await deliverUntilAccepted(worker, paid);
    const pending = await listed(worker, "state=pending");
    assert.deepEqual(
      pending.map((row) => [row.event_id, row.public_invoice_id]),
      [[paid.event_id, invoice.public_invoice_id]],
    );
    const [dead] = await eventually(
      "it is dead",
      async () => {
        const rows = await listed(worker, "state=dead");
        return rows.length > 0 && rows;
      },
      { within: 60_000, every: 250 },
    );
    assert.deepEqual(
      [
        dead.event_id,
        dead.invoice_id,
        dead.event_type,
        dead.outcome,
        dead.state,
        dead.deliveries,
        dead.due_at,
      ],
      [paid.event_id, invoice.invoice_id, "invoice.paid", "applied", "dead", 3, null],
    );
    assert.deepEqual([dead.last_answer.status, dead.last_answer.reason], [503, "answered 503"]);
    assert.ok(Math.abs(Date.now() - Date.parse(dead.last_answer.at)) < 60_000);
    const { outbox } = await worker.invoice(invoice.invoice_id);
    assert.deepEqual(outbox[0].last_answer, dead.last_answer);
    assert.deepEqual(await listed(worker, "state=pending"), []);
    // With either id, and first as a dry run.
    for (const id of [invoice.invoice_id, invoice.public_invoice_id]) {
      const counted = await ask(worker, "POST", "/events/replay", {
        invoice_id: id,
        event_id: paid.event_id,
        dry_run: true,
      });
      assert.deepEqual([counted.status, counted.body.replayed], [200, false]);
    }
    assert.equal((await listed(worker, "state=dead")).length, 1);
    answers.delete(paid.event_id);
    const replayed = await ask(worker, "POST", "/events/replay", {
      invoice_id: invoice.public_invoice_id,
      event_id: paid.event_id,
    });
    assert.deepEqual([replayed.status, replayed.body.replayed], [200, true]);
    await eventually("it is delivered", () => fulfillment.of(paid.event_id).length === 1);
    await eventually(
      "no list has it",
      async () =>
        (await listed(worker, "state=dead")).length +
          (await listed(worker, "state=pending")).length ===
        0,
    );
    for (const wish of [
      { invoice_id: "unknown", event_id: "x" },
      { invoice_id: invoice.invoice_id, event_id: "unknown", dry_run: true },
    ]) {
      assert.equal((await ask(worker, "POST", "/events/replay", wish)).status, 404);
    }
  });

  test("the command line lists them page by page, counts and replays them, with the token alone", async () => {
    const at = ["--worker", worker.url];
    const as = { OPERATOR_TOKEN };
    const events = [newInvoice(), newInvoice(), newInvoice()].map((invoice) =>
      event("paid", invoice),
    );
    for (const paid of events) {
      answers.set(paid.event_id, 503);
      await deliverUntilAccepted(worker, paid);
    }
    const ids = events.map((paid) => paid.event_id).sort();
    await eventually(
      "they are dead",
      async () => (await listed(worker, "state=dead")).length === 3,
      { within: 60_000, every: 250 },
    );
    const shown = await gwop(["events", ...at, "--json"], as);
    const rows = JSON.parse(shown.said).events;
    assert.deepEqual([shown.code, rows.map((row) => row.eventId).sort()], [0, ids], shown.said);
    assert.deepEqual(
      rows.map(({ state, attempts, lastStatus }) => [state, attempts, lastStatus]),
      Array(3).fill(["dead", 3, 503]),
    );
    // Page by page, each from the end of the one before.
    const paged = [];
    for (let cursor; cursor !== null; ) {
      const page = await gwop(
        ["events", ...at, "--limit", "1", ...(cursor ? ["--cursor", cursor] : []), "--json"],
        as,
      );
      const read = JSON.parse(page.said);
      paged.push(...read.events.map((row) => row.eventId));
      cursor = read.cursor;
    }
    assert.deepEqual(paged.sort(), ids);
    const dry = await gwop(["replay", ...at, "--state", "dead", "--dry-run"], as);
    assert.deepEqual(dry, { code: 0, said: "3 dead events can be replayed\n" });
    const wrong = await gwop(["events", ...at], { OPERATOR_TOKEN: "another-token-of-nobody" });
    assert.equal(wrong.code, 1);
    assert.match(wrong.said, /OPERATOR_TOKEN/);
    for (const paid of events) answers.delete(paid.event_id);
    const [first] = events;
    const one = ["replay", first.event_id, ...at, "--invoice", first.data.invoice_id];
    assert.deepEqual(await gwop([...one, "--dry-run"], as), {
      code: 0,
      said: `${first.event_id} can be replayed\n`,
    });
    assert.deepEqual(await gwop(one, as), { code: 0, said: `${first.event_id} is queued again\n` });
    assert.deepEqual(await gwop(["replay", ...at, "--state", "dead"], as), {
      code: 0,
      said: "2 dead events are queued again\n",
    });
    await eventually(
      "they are delivered",
      () => events.every((paid) => fulfillment.of(paid.event_id).length === 1),
      { within: 30_000 },
    );
    assert.deepEqual(await gwop(["events", ...at], as), { code: 0, said: "no events\n" });
  });

  test("the last answer is kept while an event is tried again", async () => {
    const paid = event("paid", newInvoice());
    answers.set(paid.event_id, 500);
    await deliverUntilAccepted(worker, paid);
    const row = await eventually("there is an answer", async () => {
      const [found] = await listed(worker, "state=pending&event_type=invoice.paid");
      return found?.last_answer && found;
    });
    assert.equal(row.last_answer.status, 500);
    answers.delete(paid.event_id);
    await eventually("it is taken", () => fulfillment.of(paid.event_id).length === 1, {
      within: 30_000,
    });
  });

  test("conflicts are listed with what became of them, and replayed", async () => {
    const invoice = newInvoice();
    await deliverUntilAccepted(worker, event("expired", invoice));
    const late = event("paid", invoice);
    assert.equal((await deliverUntilAccepted(worker, late)).body.outcome, "conflict");
    const row = await eventually("it is delivered", async () => {
      const [found] = await listed(worker, "state=conflict");
      return found?.delivered_at && found;
    });
    assert.deepEqual([row.event_id, row.outcome, row.state], [late.event_id, "conflict", null]);
    assert.deepEqual(await replayList(worker, { state: "conflict", dry_run: true }), {
      events: 1,
      requests: 1,
    });
    assert.equal(fulfillment.of(late.event_id).length, 1);
    await replayList(worker, { state: "conflict" });
    await eventually("it is delivered again", () => fulfillment.of(late.event_id).length === 2);
  });

  test("invoices of all shards come newest first, by status and since when", async () => {
    const before = new Date().toISOString();
    const mine = [];
    for (let at = 0; at < 24; at += 1) {
      const invoice = newInvoice();
      await deliverUntilAccepted(worker, event(at % 4 === 0 ? "expired" : "paid", invoice));
      mine.unshift(invoice.invoice_id);
      // Each event has its own millisecond.
      await sleep(3);
    }
    for (const limit of [1, 7, 100]) {
      const { rows } = await everyRow(
        worker,
        `/invoices?since=${before}&limit=${limit}`,
        "invoices",
      );
      assert.deepEqual(
        rows.map((row) => row.invoice_id),
        mine,
      );
    }
    const { rows } = await everyRow(
      worker,
      `/invoices?since=${before}&status=EXPIRED&limit=2`,
      "invoices",
    );
    assert.deepEqual(
      rows.map((row) => row.invoice_id),
      mine.filter((_, at) => (23 - at) % 4 === 0),
    );
    assert.ok(
      rows.every(
        (row) => row.status === "EXPIRED" && Date.parse(row.last_event_at) >= Date.parse(before),
      ),
    );
    assert.deepEqual(
      (await ask(worker, "GET", `/invoices?since=${new Date(Date.now() + 60_000).toISOString()}`))
        .body.invoices,
      [],
    );
  });

  test("healthz shows counts to the operator alone, counted at most every ten seconds", async () => {
    const shown = (await worker.request("GET", "/healthz")).body;
    assert.equal(shown.counts, undefined);
    const guessed = await worker.request("GET", "/healthz", {
      headers: { authorization: "Bearer another-token-of-nobody" },
    });
    assert.deepEqual([guessed.status, guessed.body.counts], [200, undefined]);
    await eventually(
      "everything before is delivered",
      async () => (await listed(worker, "state=pending")).length === 0,
      { within: 60_000, every: 250 },
    );
    const started = performance.now();
    const first = (await ask(worker, "GET", "/healthz")).body.counts;
    assert.deepEqual(Object.keys(first).sort(), [
      "conflicts",
      "counted_at",
      "dead",
      "oldest_dead_seconds",
      "oldest_pending_seconds",
      "pending",
      "reconciliation",
    ]);
    assert.equal(first.conflicts, 1);
    const paid = event("paid", newInvoice());
    answers.set(paid.event_id, 500);
    await deliverUntilAccepted(worker, paid);
    const second = (await ask(worker, "GET", "/healthz")).body.counts;
    assert.deepEqual([second.pending, second.counted_at], [first.pending, first.counted_at]);
    const third = await eventually(
      "it is counted",
      async () => {
        const { counts } = (await ask(worker, "GET", "/healthz")).body;
        return counts.pending + counts.dead > first.pending + first.dead && counts;
      },
      { within: 15_000 },
    );
    assert.ok(performance.now() - started >= 9_900);
    assert.ok((third.oldest_pending_seconds ?? third.oldest_dead_seconds) >= 0);
    answers.delete(paid.event_id);
    await eventually(
      "it is delivered, by a replay where it died meanwhile",
      async () => {
        await replayList(worker, { state: "dead" });
        return fulfillment.of(paid.event_id).length > 0;
      },
      { within: 30_000, every: 500 },
    );
  });

  test("metrics are text of Prometheus; a refused request causes no write of its own", async () => {
    const refusedSeries = 'gwop_webhook_refused_total{code="WEBHOOK_SIGNATURE_MISMATCH"}';
    const refuse = async () =>
      assert.equal(
        (await deliver(worker, event("paid", newInvoice()), { secrets: ["whsec_of_somebody"] }))
          .status,
        401,
      );
    await eventually(
      "everything before is delivered",
      async () => (await listed(worker, "state=pending")).length === 0,
      { within: 30_000 },
    );
    let expected = (await metric(worker, refusedSeries)) ?? 0;
    // Resolves to the time of the last read that did not have the report yet, or else `begun`.
    const told = async (begun) => {
      let before = begun;
      const isTold = async () => {
        const asked = performance.now();
        if ((await metric(worker, refusedSeries)) === expected) return true;
        before = asked;
        return false;
      };
      await eventually("it is told", isTold, { within: 30_000 });
      return before;
    };
    for (let round = 0; ; round += 1) {
      const begun = performance.now();
      await refuse();
      expected += 1;
      const reported = await told(begun);
      // For 4 seconds after a report, the count is only in memory. On a busy machine the requests
      // may take longer, and another round begins.
      const digest = ledgerDigest(worker);
      await parallel(Array(30).keys(), 10, refuse);
      expected += 30;
      const [after, took] = [ledgerDigest(worker), performance.now() - reported];
      await told();
      if (took > 3_900 && round < 9) continue;
      assert.equal(after, digest, `${Math.round(took)} ms after the report`);
      break;
    }
    const { text, headers } = await ask(worker, "GET", "/metrics");
    assert.equal(headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    for (const line of text.trimEnd().split("\n")) {
      assert.match(
        line,
        /^# (HELP|TYPE) gwop_\w+ .+$|^gwop_\w+(\{\w+="[^"]*"(,\w+="[^"]*")*\})? -?[0-9.e+]+$/,
      );
    }
    for (const series of [
      'gwop_webhook_deliveries_total{outcome="applied"}',
      'gwop_webhook_deliveries_total{outcome="conflict"}',
      'gwop_fulfillment_attempts_total{result="failed"}',
      'gwop_fulfillment_attempts_total{result="dead"}',
      "gwop_event_applied_seconds_count",
      "gwop_event_confirmed_seconds_count",
    ]) {
      assert.ok((await metric(worker, series)) > 0, series);
    }
    const confirmed = await metric(worker, 'gwop_fulfillment_attempts_total{result="confirmed"}');
    assert.equal(confirmed, fulfillment.received.length);
    assert.equal(await metric(worker, 'gwop_event_confirmed_seconds_bucket{le="+Inf"}'), confirmed);
    await eventually(
      "no event is dead",
      async () => (await metric(worker, "gwop_dead_events")) === 0,
      { within: 15_000, every: 500 },
    );
    for (const secret of [WEBHOOK_SECRET, FULFILLMENT_SECRET, OPERATOR_TOKEN])
      assert.ok(!text.includes(secret));
  });

  test("traceparent is logged, and passed on to fulfillment; an invalid one is dropped", async () => {
    const trace = "abcdef0123456789abcdef0123456789";
    const traceparent = `00-${trace}-00f067aa0ba902b7-01`;
    const [traced, wrong] = [event("paid", newInvoice()), event("paid", newInvoice())];
    answers.set(traced.event_id, 500);
    await deliverUntilAccepted(worker, traced, { headers: { traceparent } });
    await deliverUntilAccepted(worker, wrong, {
      headers: { traceparent: traceparent.toUpperCase() },
    });
    const line = (name, id) =>
      worker.logLines().find((one) => one.event === name && one.event_id === id);
    await eventually(
      "the attempt is logged",
      () => line("fulfilment_failed", traced.event_id)?.trace_id === trace,
    );
    answers.delete(traced.event_id);
    await eventually(
      "both are delivered",
      () => fulfillment.of(traced.event_id).length + fulfillment.of(wrong.event_id).length === 2,
      { within: 30_000 },
    );
    assert.equal(fulfillment.of(traced.event_id)[0].headers.traceparent, traceparent);
    assert.equal(fulfillment.of(wrong.event_id)[0].headers.traceparent, undefined);
    assert.equal(line("request", traced.event_id).trace_id, trace);
    assert.equal(line("request", wrong.event_id).trace_id, undefined);
  });
});

suite("dead rows", async ({ test, after, quick }) => {
  const storage = mkdtempSync(join(SCRATCH, "gwop-storage-"));
  after(() => rmSync(storage, { recursive: true, force: true }));
  // Without fulfillment, replayed rows stay pending.
  const variables = {
    GWOP_WEBHOOK_SECRET: WEBHOOK_SECRET,
    OPERATOR_TOKEN,
    TEST_SILENCE_MS: "3000",
  };
  const worker = await startWorker({ variables, storage });
  after(() => worker.stop());

  test("10,000 dead rows are listed completely and set to pending within 60 seconds", async () => {
    assert.equal((await worker.fault("fill-dead", { rows: 1_250, prefix: "bulk" })).status, 200);
    const started = performance.now();
    const { rows, pages } = await everyRow(worker, "/events?state=dead&limit=1000", "events");
    const listing = performance.now() - started;
    assert.equal(new Set(rows.map((row) => row.event_id)).size, 10_000);
    assert.equal(rows.length, 10_000);
    assert.equal((await replayList(worker, { state: "dead", dry_run: true })).events, 10_000);
    const { events, requests } = await replayList(worker, { state: "dead" });
    assert.equal(events, 10_000);
    const whole = performance.now() - started;
    assert.ok(whole < 60_000, `${whole} ms`);
    assert.deepEqual(await listed(worker, "state=dead&limit=1000"), []);
    const pending = await listed(worker, "state=pending&limit=1000");
    assert.equal(new Set(pending.map((row) => row.event_id)).size, 10_000);
    assert.ok(pending.every((row) => row.state === "pending" && row.last_answer.status === 503));
    return `listed in ${pages} pages and ${Math.round(listing)} ms, replayed in ${requests} requests, all in ${Math.round(whole)} ms`;
  });

  test("a filter replays its events alone, in steps that can be resumed", async () => {
    await worker.fault("fill-dead", { rows: 40, prefix: "some" });
    const dead = await listed(worker, "state=dead");
    assert.equal(dead.length, 320);
    const wanted = dead.filter((row) => row.event_type === "invoice.paid").length;
    assert.ok(wanted > 0 && wanted < 320);
    const { events, requests } = await replayList(worker, {
      state: "dead",
      event_type: "invoice.paid",
      limit: 25,
    });
    assert.equal(events, wanted);
    assert.ok(requests >= wanted / 25);
    const left = await listed(worker, "state=dead");
    assert.deepEqual(
      left,
      dead.filter((row) => row.event_type !== "invoice.paid"),
    );
    // From a moment at which none had come.
    assert.equal((await replayList(worker, { state: "dead", until: "2026-01-01" })).events, 0);
    assert.deepEqual(await listed(worker, "state=dead"), left);
  });

  const kills = quick ? 4 : 20;
  test(`kill -9 ${kills} times while lists are replayed: a row leaves the dead rows by a replay alone`, async () => {
    const dice = random(18);
    await worker.fault("fill-dead", { rows: 60, prefix: "kill" });
    const everyDead = await listed(worker, "state=dead");
    const keys = (rows) => new Set(rows.map((row) => row.event_id));
    // Rows of this type may leave the list. All others have to stay.
    const mayLeave = keys(everyDead.filter((row) => row.event_type === "invoice.paid"));
    const stays = keys(everyDead.filter((row) => row.event_type !== "invoice.paid"));
    let acknowledged = 0;
    let cursor;
    for (let kill = 0; kill < kills; kill += 1) {
      const gone = sleep(dice.below(400)).then(() => worker.kill());
      try {
        while (cursor !== null) {
          const answer = await ask(worker, "POST", "/events/replay", {
            state: "dead",
            event_type: "invoice.paid",
            limit: 3,
            ...(cursor && { cursor }),
          });
          if (answer.status !== 200) break;
          acknowledged += answer.body.events;
          ({ cursor } = answer.body);
        }
      } catch {
        // It was killed in the middle of a request.
      }
      await gone;
      await worker.start();
      const [dead, pending] = [
        await listed(worker, "state=dead&limit=1000"),
        keys(await listed(worker, "state=pending&limit=1000")),
      ];
      const left = keys(dead);
      for (const id of stays) assert.ok(left.has(id), `${id} left the dead rows without a replay`);
      for (const id of mayLeave)
        assert.ok(
          left.has(id) !== pending.has(id),
          `${id} is in ${left.has(id) ? "both lists" : "no list"}`,
        );
    }
    while (cursor !== null) {
      const answer = await ask(worker, "POST", "/events/replay", {
        state: "dead",
        event_type: "invoice.paid",
        ...(cursor && { cursor }),
      });
      acknowledged += answer.body.events;
      ({ cursor } = answer.body);
    }
    // At most one request per kill was replayed without a response.
    assert.ok(
      acknowledged <= mayLeave.size && acknowledged >= mayLeave.size - 3 * kills,
      `${acknowledged} of ${mayLeave.size}`,
    );
    assert.deepEqual(keys(await listed(worker, "state=dead&limit=1000")), stays);
  });
});

suite("before the first event", async ({ test, after }) => {
  const alerts = await startAlerts();
  after(() => alerts.stop());
  const storage = mkdtempSync(join(SCRATCH, "gwop-storage-"));
  after(() => rmSync(storage, { recursive: true, force: true }));
  const variables = {
    GWOP_WEBHOOK_SECRET: WEBHOOK_SECRET,
    OPERATOR_TOKEN,
    ALERT_URL: alerts.url,
    ALERT_SECRET,
    TEST_FLUSH_MS: "500",
  };

  test("a wrong webhook secret is counted and told, and LEDGER_SHARDS may still be changed", async () => {
    const first = await startWorker({ storage, variables: { ...variables, LEDGER_SHARDS: "4" } });
    const bad = () =>
      deliver(first, event("paid", newInvoice()), { secrets: ["whsec_of_somebody"] });
    await parallel(Array(25).keys(), 5, bad);
    await eventually("it is told", () => alerts.of("refused_signatures").length === 1, {
      within: 60_000,
    });
    assert.equal(
      await metric(first, 'gwop_webhook_refused_total{code="WEBHOOK_SIGNATURE_MISMATCH"}'),
      25,
    );
    assert.deepEqual((await ask(first, "GET", "/invoices")).body.invoices, []);
    await first.stop();
    const second = await startWorker({ storage, variables: { ...variables, LEDGER_SHARDS: "8" } });
    after(() => second.stop());
    assert.equal(
      (await deliverUntilAccepted(second, event("paid", newInvoice()))).body.outcome,
      "applied",
    );
    assert.equal(
      await metric(second, 'gwop_webhook_refused_total{code="WEBHOOK_SIGNATURE_MISMATCH"}'),
      25,
    );
  });
});

/** The interval of two alerts of one kind here, in milliseconds. It is 10 minutes when deployed. */
const ALERT_PAUSE_MS = 12_000;

suite("alerts", async ({ test, after }) => {
  const [fulfillment, alerts] = [await startFulfillment(), await startAlerts()];
  after(() => fulfillment.stop());
  after(() => alerts.stop());
  const worker = await startWorker({
    variables: {
      GWOP_WEBHOOK_SECRET: WEBHOOK_SECRET,
      OPERATOR_TOKEN,
      FULFILLMENT_URL: fulfillment.url,
      FULFILLMENT_SECRET,
      ALERT_URL: alerts.url,
      ALERT_SECRET: `whsec_next,${ALERT_SECRET}`,
      TEST_FLUSH_MS: "1000",
      TEST_ALERT_PAUSE_MS: String(ALERT_PAUSE_MS),
    },
  });
  after(() => worker.stop());
  const refused = new Set();
  fulfillment.answer = ({ eventId }) => (refused.has(eventId) ? 503 : 200);
  const conflict = async () => {
    const invoice = newInvoice();
    await deliverUntilAccepted(worker, event("expired", invoice));
    assert.equal(
      (await deliverUntilAccepted(worker, event("paid", invoice))).body.outcome,
      "conflict",
    );
  };
  /** Returns the number of occurrences that the alerts of a kind have reported. */
  const told = (kind) => alerts.of(kind).reduce((sum, { count }) => sum + count, 0);

  test("conflicts of all shards are told, signed, each once", async () => {
    assert.deepEqual((await worker.request("GET", "/healthz")).body.alerts, {
      on: true,
      missing: [],
    });
    const started = Date.now();
    await parallel(Array(12).keys(), 6, conflict);
    const alert = await eventually("it comes", () => alerts.received[0], { within: 60_000 });
    assert.ok(alert.at - started < 60_000);
    assert.deepEqual(Object.keys(JSON.parse(alert.body)), [
      "alert_id",
      "count",
      "first_at",
      "kind",
      "last_at",
      "text",
    ]);
    assert.equal(alert.kind, "conflict");
    assert.match(alert.text, /GET \/events\?state=conflict/);
    assert.ok(Date.parse(alert.first_at) <= Date.parse(alert.last_at));
    await eventually("every one is told", () => told("conflict") === 12, { within: 60_000 });
    assert.ok(alerts.received.length <= 2, `${alerts.received.length} alerts`);
    assert.deepEqual(alerts.refused, []);
  });

  test("an alert that is not taken comes again after the pause, with what happened meanwhile", async () => {
    await sleep(ALERT_PAUSE_MS);
    const before = told("conflict");
    const { calls } = alerts;
    alerts.answer = () => 500;
    await conflict();
    await eventually("it is tried", () => alerts.calls === calls + 1, { within: 60_000 });
    const tried = Date.now();
    await eventually("it is logged", () =>
      worker
        .logLines()
        .some((line) => line.event === "alert_failed" && line.reason === "answered 500"),
    );
    // The URL may contain credentials.
    assert.ok(!worker.logLines().some((line) => JSON.stringify(line).includes("SEKRIT")));
    alerts.answer = () => 204;
    await conflict();
    await eventually("it comes", () => told("conflict") === before + 2, { within: 60_000 });
    assert.equal(alerts.calls, calls + 2);
    assert.ok(alerts.received.at(-1).at - tried > ALERT_PAUSE_MS - 1_000);
  });

  test("a dead letter is told, and a burst of refused signatures; fewer are none", async () => {
    const bad = () =>
      deliver(worker, event("paid", newInvoice()), { secrets: ["whsec_of_somebody"] });
    for (let at = 0; at < 10; at += 1) await bad();
    const paid = event("paid", newInvoice());
    refused.add(paid.event_id);
    await deliverUntilAccepted(worker, paid);
    await eventually("the dead letter is told", () => told("dead_letter") === 1, {
      within: 90_000,
    });
    assert.ok(
      worker
        .logLines()
        .some((line) => line.event === "fulfilment_dead" && line.event_id === paid.event_id),
    );
    assert.equal(told("refused_signatures"), 0);
    await parallel(Array(25).keys(), 5, bad);
    await eventually("the burst is told", () => told("refused_signatures") >= 20, {
      within: 60_000,
    });
    assert.deepEqual(alerts.refused, []);
    for (const kind of ["conflict", "dead_letter", "refused_signatures"]) {
      const times = alerts.of(kind).map(({ at }) => at);
      times
        .slice(1)
        .forEach((at, index) => assert.ok(at - times[index] > ALERT_PAUSE_MS - 1_000, kind));
    }
  });
});
