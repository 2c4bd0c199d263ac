// Several merchants in one Worker. Each has its own ledger, routes, counters and secrets, and none
// sees another's.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { ALERT_SECRET, startAlerts } from "./lib/alerts.mjs";
import { run } from "./lib/command.mjs";
import { FULFILLMENT_SECRET, startFulfillment } from "./lib/fulfillment.mjs";
import { WEBHOOK_SECRET, event, newInvoice, signature } from "./lib/gwop.mjs";
import { suite } from "../runners/checks.mjs";
import { eventually } from "./lib/helpers.mjs";
import { startSimulator } from "./lib/simulator.mjs";
import { startWatched } from "./lib/watched.mjs";
import { OPERATOR_TOKEN, SCRATCH, TOP, startWorker } from "./lib/wrangler.mjs";

const json = { "content-type": "application/json" };

/** Returns the merchant's id by its webhook secret. */
const idOf = new Map();

/** Creates the secrets of a merchant. */
const merchant = (name, more = {}) => {
  const made = {
    GWOP_MERCHANT_ID: randomUUID(),
    GWOP_WEBHOOK_SECRET: `whsec_of_${name}_${randomUUID()}`,
    GWOP_MERCHANT_API_KEY: `sk_m_${name}${randomUUID().replaceAll("-", "")}`,
    AUTH_SECRET: `auth-secret-of-${name}-${randomUUID()}`,
    OPERATOR_TOKEN: `operator-of-${name}-${randomUUID()}`,
    ...more,
  };
  idOf.set(made.GWOP_WEBHOOK_SECRET, made.GWOP_MERCHANT_ID);
  return made;
};

/** Starts a Worker whose merchants are in a KV namespace. */
const inNamespace = (text) =>
  `${text}\n[[kv_namespaces]]\nbinding = "GWOP_MERCHANTS"\nid = "merchants"\n`;

/** Returns a configuration with these merchants, as a JSON text or as an object of `[vars]`. */
const configured =
  (merchants, asText = true) =>
  (text) => {
    const value = asText
      ? JSON.stringify(JSON.stringify(merchants))
      : `{ ${Object.entries(merchants)
          .map(
            ([key, own]) =>
              `${key} = { ${Object.entries(own)
                .map(([name, each]) => `${name} = ${JSON.stringify(each)}`)
                .join(", ")} }`,
          )
          .join(", ")} }`;
    return `${text}\n[vars]\nGWOP_MERCHANTS = ${value}\n`;
  };

/**
 * Delivers to a place (`''` or `/alpha`), signed with a secret. The event belongs to the merchant
 * with this secret, unless another one is named.
 */
const deliverAt = (worker, place, what, secret, merchantId = idOf.get(secret)) => {
  const data = { ...what.data, ...(merchantId && { merchant_id: merchantId }) };
  const body = JSON.stringify({ ...what, data });
  return worker.request("POST", `${place}/webhooks/gwop`, {
    body,
    headers: { ...json, "x-gwop-signature": signature(body, { secrets: [secret] }) },
  });
};

const ask = (worker, method, path, token, body) =>
  worker.request(method, path, {
    headers: { ...(token && { authorization: `Bearer ${token}` }), ...(body && json) },
    body: body && JSON.stringify(body),
  });

/** The message about a key that cannot be in a path. */
const NO_SEGMENT =
  " is no path segment of a merchant: up to 63 lower-case letters, digits and dashes, the first no " +
  "dash, and none of the Worker's own paths";

suite("merchants", async ({ test, after }) => {
  const simulator = await startSimulator();
  after(() => simulator.stop());
  const [own, shared, alerts] = [
    await startFulfillment("whsec_fulfilment_of_alpha"),
    await startFulfillment(),
    await startAlerts(),
  ];
  for (const one of [own, shared, alerts]) after(() => one.stop());
  alerts.answer = () => 500;
  const alpha = merchant("alpha", {
    FULFILLMENT_URL: own.url,
    FULFILLMENT_SECRET: "whsec_fulfilment_of_alpha",
    ALERT_URL: alerts.url,
    ALERT_SECRET,
  });
  const beta = merchant("beta");
  for (const [
    name,
    { GWOP_MERCHANT_ID: id, GWOP_MERCHANT_API_KEY: apiKey, GWOP_WEBHOOK_SECRET: webhookSecret },
  ] of Object.entries({ alpha, beta })) {
    await simulator.control("POST", "merchants", { id, name, apiKey, webhookSecret });
  }
  const variables = {
    GWOP_WEBHOOK_SECRET: WEBHOOK_SECRET,
    OPERATOR_TOKEN,
    FULFILLMENT_URL: shared.url,
    FULFILLMENT_SECRET,
    GWOP_IDENTITY_URL: simulator.url,
    GWOP_SERVER_URL: simulator.url,
    TEST_FLUSH_MS: "200",
    TEST_ALERT_PAUSE_MS: "1000",
    TEST_STORE_KEYS: "1",
  };
  const worker = await startWorker({ variables, configure: configured({ alpha, beta }) });
  after(() => worker.stop());
  /** Every place with its secrets. */
  const places = {
    "": { token: OPERATOR_TOKEN, secret: WEBHOOK_SECRET, fulfillment: shared },
    "/alpha": { token: alpha.OPERATOR_TOKEN, secret: alpha.GWOP_WEBHOOK_SECRET, fulfillment: own },
    "/beta": { token: beta.OPERATOR_TOKEN, secret: beta.GWOP_WEBHOOK_SECRET, fulfillment: shared },
  };
  const refusing = new Set();
  for (const fulfillment of [own, shared])
    fulfillment.answer = ({ eventId }) => (refusing.has(eventId) ? 503 : 200);

  test("the same event is new to each, refused under another’s secret, and reaches its own fulfillment once", async () => {
    const paid = event("paid", newInvoice());
    for (const [place, { secret }] of Object.entries(places)) {
      for (const [other, { secret: wrong }] of Object.entries(places)) {
        if (other === place) continue;
        const answer = await deliverAt(worker, place, paid, wrong);
        assert.deepEqual(
          [answer.status, answer.body.error.code],
          [401, "WEBHOOK_SIGNATURE_MISMATCH"],
          `${other || "the Worker"} at ${place}`,
        );
      }
      const outcomes = [];
      for (let time = 0; time < 2; time += 1)
        outcomes.push((await deliverAt(worker, place, paid, secret)).body.outcome);
      assert.deepEqual(outcomes, ["applied", "duplicate"], place);
    }
    await eventually(
      "all three are delivered",
      () => own.of(paid.event_id).length === 1 && shared.of(paid.event_id).length === 2,
    );
    assert.deepEqual([own.refused, shared.refused], [[], []]);
  });

  test("one merchant’s token sees nothing of another’s, on any route", async () => {
    const marks = {};
    for (const [place, { secret, token }] of Object.entries(places)) {
      const [invoice, stuck] = [newInvoice(), newInvoice()];
      const [paid, second, dead] = [
        event("paid", invoice),
        event("paid", invoice, { data: { tx_hash: `0x${randomUUID().replaceAll("-", "")}` } }),
        event("paid", stuck),
      ];
      refusing.add(dead.event_id);
      for (const one of [paid, second, dead])
        assert.equal((await deliverAt(worker, place, one, secret)).status, 200);
      marks[place] = { invoice, stuck, paid, second, dead };
      await eventually(
        "one is dead",
        async () =>
          (await ask(worker, "GET", `${place}/events?state=dead`, token)).body.events.length === 1,
        { within: 60_000, every: 500 },
      );
    }
    const idsOf = (place) =>
      Object.values(marks[place])
        .flatMap((one) => [one.event_id, one.invoice_id, one.public_invoice_id])
        .filter(Boolean);
    const routesOf = ({ invoice, stuck, paid, dead }) => [
      ["GET", `/invoices/${invoice.invoice_id}`],
      ["GET", `/invoices/${invoice.public_invoice_id}`],
      ["GET", "/invoices"],
      ["GET", "/events?state=dead"],
      ["GET", "/events?state=pending"],
      ["GET", "/events?state=conflict"],
      ["POST", `/invoices/${invoice.invoice_id}/replay`, { event_id: paid.event_id }],
      ["POST", "/events/replay", { invoice_id: stuck.public_invoice_id, event_id: dead.event_id }],
      ["POST", "/events/replay", { state: "dead" }],
      ["GET", "/metrics"],
      ["GET", "/reconcile"],
      ["POST", "/reconcile"],
      ["POST", "/upgrade", { object_ids: ["x"] }],
      // A method that the route does not support reveals nothing either.
      ["DELETE", "/events"],
    ];
    const snapshot = async () =>
      JSON.stringify(
        await Promise.all(
          Object.entries(places).flatMap(([place, { token }]) =>
            ["dead", "pending", "conflict"].map(async (state) =>
              (await ask(worker, "GET", `${place}/events?state=${state}`, token)).body.events.map(
                (row) => [row.event_id, row.state, row.deliveries],
              ),
            ),
          ),
        ),
      );
    const before = await snapshot();
    for (const place of Object.keys(places)) {
      for (const [holder, { token }] of [
        ...Object.entries(places),
        ["nobody", { token: "operator-token-of-nobody" }],
        ["none", {}],
      ]) {
        if (holder === place) continue;
        for (const [method, path, body] of routesOf(marks[place])) {
          const answer = await ask(worker, method, place + path, token, body);
          assert.deepEqual(
            [answer.status, answer.body.error.code],
            [404, "NOT_FOUND"],
            `${holder} at ${method} ${place}${path}: ${answer.text}`,
          );
        }
        const health = await ask(worker, "GET", `${place}/healthz`, token);
        assert.deepEqual(
          [health.status, "counts" in health.body],
          [200, false],
          `${holder} at ${place}/healthz`,
        );
      }
      // With its own token, but the ids of another merchant.
      for (const other of Object.keys(places).filter((each) => each !== place)) {
        const { token } = places[place];
        const { invoice, paid, stuck, dead } = marks[other];
        for (const [method, path, body] of [
          ["GET", `/invoices/${invoice.invoice_id}`],
          ["GET", `/invoices/${invoice.public_invoice_id}`],
          ["POST", `/invoices/${invoice.invoice_id}/replay`, { event_id: paid.event_id }],
          ["POST", "/events/replay", { invoice_id: stuck.invoice_id, event_id: dead.event_id }],
        ]) {
          const answer = await ask(worker, method, place + path, token, body);
          assert.deepEqual(
            [answer.status, answer.body.error.code],
            [404, "INVOICE_NOT_FOUND"],
            `${other}'s at ${place}${path}`,
          );
        }
      }
    }
    assert.equal(await snapshot(), before, "nothing was replayed by anybody");
    // Each merchant sees its own data.
    for (const [place, { token }] of Object.entries(places)) {
      const answers = [];
      for (const path of [
        `/invoices/${marks[place].invoice.public_invoice_id}`,
        "/invoices",
        "/events?state=dead",
        "/events?state=conflict",
      ]) {
        const answer = await ask(worker, "GET", place + path, token);
        assert.equal(answer.status, 200, answer.text);
        answers.push(answer.text);
      }
      const all = answers.join();
      for (const id of idsOf(place)) assert.ok(all.includes(id), `${place} sees ${id}`);
      for (const other of Object.keys(places).filter((each) => each !== place))
        for (const id of idsOf(other))
          assert.ok(!all.includes(id), `${place} sees ${other}'s ${id}`);
      const { counts } = (await ask(worker, "GET", `${place}/healthz`, token)).body;
      assert.deepEqual([counts.dead, counts.conflicts], [1, 1], place);
    }
    // Each log line names its merchant.
    assert.ok(
      worker.logLines().some((line) => line.route === "webhook" && line.merchant === "alpha"),
    );
    assert.ok(worker.logLines().some((line) => line.route === "webhook" && !("merchant" in line)));
  });

  test("no route is left out", () => {
    const armsOf = (file, pattern) => [
      ...new Set(
        [...readFileSync(join(TOP, file), "utf8").matchAll(pattern)].map(([, arm]) => arm),
      ),
    ];
    // `/test/…` is not part of the deployed build.
    assert.deepEqual(
      armsOf("src/worker/router.rs", /^ {8}(\["[^\]]*\])(?: if [^=]*)? =>/gm)
        .filter((arm) => arm !== '["test", what]')
        .map((arm) =>
          arm
            .replaceAll(/[[\]" ]/g, "")
            .split(",")
            .join("/"),
        ),
      [
        "webhooks/gwop",
        "auth/rest@..",
        "invoices",
        "invoices/id",
        "invoices/id/replay",
        "events",
        "events/replay",
        "upgrade",
        "reconcile",
        "healthz",
        "metrics",
        "console",
      ],
      "a new route needs its rows in the tests above and below",
    );
    assert.deepEqual(armsOf("src/worker/routes/auth.rs", /^ {12}\((\["[^\]]*\]), "\w+"\) =>/gm), [
      '["intents"]',
      '["intents", id, "exchange"]',
      '["session"]',
      '["verify"]',
    ]);
  });

  test("an event that says it is another merchant’s is refused, counted and told of", async () => {
    const { GWOP_WEBHOOK_SECRET: secret, OPERATOR_TOKEN: token } = alpha;
    const counted = async () => {
      const { text } = await ask(worker, "GET", "/alpha/metrics", token);
      const series = /^gwop_webhook_refused_total\{code="WEBHOOK_MERCHANT_MISMATCH"\} (\d+)/m;
      return Number(series.exec(text)?.[1] ?? 0);
    };
    const before = await counted();
    const paid = event("paid", newInvoice());
    for (const what of [paid, { ...paid, event_type: "invoice.of_tomorrow" }]) {
      const answer = await deliverAt(worker, "/alpha", what, secret, beta.GWOP_MERCHANT_ID);
      assert.deepEqual(
        [answer.status, answer.body.error.code],
        [403, "WEBHOOK_MERCHANT_MISMATCH"],
        answer.text,
      );
      assert.ok(!answer.text.includes(beta.GWOP_MERCHANT_ID));
    }
    assert.equal(
      (await ask(worker, "GET", `/alpha/invoices/${paid.data.invoice_id}`, token)).status,
      404,
      "nothing of it is stored",
    );
    await eventually("both are counted", async () => (await counted()) === before + 2);
    const line = worker.logLines().find(({ outcome }) => outcome === "WEBHOOK_MERCHANT_MISMATCH");
    assert.deepEqual(
      [line.level, line.merchant, line.reason, line.merchant_id],
      ["error", "alpha", "data.merchant_id is not GWOP_MERCHANT_ID", beta.GWOP_MERCHANT_ID],
    );
    // Without a merchant id there is nothing to compare. The Worker itself has none here.
    const own = await deliverAt(worker, "", paid, WEBHOOK_SECRET, beta.GWOP_MERCHANT_ID);
    assert.equal(own.body.outcome, "applied");
    // At its own merchant's path, it is accepted.
    assert.equal((await deliverAt(worker, "/alpha", paid, secret)).body.outcome, "applied");
  });

  test("a replay reaches the merchant’s own fulfillment, and no other row", async () => {
    const [dead] = (await ask(worker, "GET", "/alpha/events?state=dead", alpha.OPERATOR_TOKEN)).body
      .events;
    refusing.delete(dead.event_id);
    const answer = await ask(worker, "POST", "/alpha/events/replay", alpha.OPERATOR_TOKEN, {
      state: "dead",
    });
    assert.deepEqual([answer.status, answer.body.events], [200, 1], answer.text);
    await eventually("it is delivered", () => own.of(dead.event_id).length === 1);
    for (const [place, { token }] of Object.entries(places)) {
      if (place !== "/alpha")
        assert.equal(
          (await ask(worker, "GET", `${place}/events?state=dead`, token)).body.events.length,
          1,
          place,
        );
    }
  });

  test("metrics count each for itself", async () => {
    const read = async (place) => {
      const { text } = await ask(worker, "GET", `${place}/metrics`, places[place].token);
      return (series) =>
        Number(new RegExp(`^${series.replace(/[{}"]/g, "\\$&")} (\\d+)`, "m").exec(text)?.[1] ?? 0);
    };
    const series = [
      'gwop_webhook_deliveries_total{outcome="applied"}',
      'gwop_webhook_refused_total{code="WEBHOOK_SIGNATURE_MISMATCH"}',
    ];
    const values = async () =>
      Object.fromEntries(
        await Promise.all(
          Object.keys(places).map(async (place) => [place, series.map(await read(place))]),
        ),
      );
    const before = await values();
    for (let time = 0; time < 3; time += 1)
      assert.equal(
        (await deliverAt(worker, "/beta", event("paid", newInvoice()), beta.GWOP_WEBHOOK_SECRET))
          .body.outcome,
        "applied",
      );
    await deliverAt(worker, "/beta", event("paid", newInvoice()), "whsec_of_nobody");
    await eventually(
      "they are counted",
      async () => (await values())["/beta"][0] === before["/beta"][0] + 3,
    );
    await eventually(
      "the refused one too",
      async () => (await values())["/beta"][1] === before["/beta"][1] + 1,
    );
    const after = await values();
    assert.deepEqual([after[""], after["/alpha"]], [before[""], before["/alpha"]]);
  });

  test("an alert goes to the merchant’s own receiver, and names the merchant, as the shard’s log does", async () => {
    await eventually(
      "the first one was not taken",
      () => worker.logLines().some((line) => line.event === "alert_failed"),
      { within: 60_000 },
    );
    for (const line of worker.logLines().filter(({ event: name }) => name === "alert_failed"))
      assert.equal(line.merchant, "alpha", JSON.stringify(line));
    alerts.answer = () => 204;
    await eventually("the conflict of alpha is told", () => alerts.of("conflict").length > 0, {
      within: 60_000,
    });
    assert.deepEqual(new Set(alerts.received.map((alert) => alert.merchant)), new Set(["alpha"]));
    assert.deepEqual(alerts.refused, []);
  });

  test("tokens and exchange secrets are the merchant’s own, and revoking ends nobody else’s session", async () => {
    const mint = (merchantId) => simulator.control("POST", "tokens", { merchantId });
    const session = (place, token) =>
      worker.request("GET", `${place}/auth/session`, {
        headers: { authorization: `Bearer ${token}` },
      });
    const { accessToken } = await mint(alpha.GWOP_MERCHANT_ID);
    assert.deepEqual(
      [
        (await session("/alpha", accessToken)).status,
        (await session("/alpha", accessToken)).body.merchantId,
      ],
      [200, alpha.GWOP_MERCHANT_ID],
    );
    const refused = await session("/beta", accessToken);
    assert.deepEqual(
      [refused.status, refused.body.error.code],
      [401, "TOKEN_MERCHANT_MISMATCH"],
      refused.text,
    );
    // The Worker's own auth is off. It does not use that of a merchant.
    assert.deepEqual(
      [
        (await session("", accessToken)).status,
        (await worker.request("GET", "/healthz")).body.auth.on,
      ],
      [503, false],
    );
    const created = await worker.request("POST", "/alpha/auth/intents", {
      body: "{}",
      headers: json,
    });
    assert.equal(created.status, 201, created.text);
    const { auth_intent_id: id, exchange_secret } = created.body;
    await simulator.control("POST", "pay", { target: id, chain: "base" });
    const exchange = (place) =>
      worker.request("POST", `${place}/auth/intents/${id}/exchange`, {
        body: JSON.stringify({ exchange_secret }),
        headers: json,
      });
    const elsewhere = await exchange("/beta");
    assert.deepEqual(
      [elsewhere.status, elsewhere.body.error.code],
      [403, "EXCHANGE_SECRET_INVALID"],
      elsewhere.text,
    );
    assert.equal((await exchange("/alpha")).status, 200);
    const verify = (place, token) =>
      worker.request("GET", `${place}/auth/verify`, {
        headers: { authorization: `Bearer ${token}` },
      });
    assert.deepEqual(
      [
        (await verify("/alpha", accessToken)).status,
        (await verify("/beta", accessToken)).status,
        (await verify("", accessToken)).status,
      ],
      [204, 401, 503],
    );
    const others = await mint(beta.GWOP_MERCHANT_ID);
    // Nobody can end a session with another merchant's token.
    assert.equal(
      (
        await worker.request("DELETE", "/beta/auth/session", {
          headers: { authorization: `Bearer ${accessToken}` },
        })
      ).status,
      401,
    );
    assert.equal((await session("/alpha", accessToken)).status, 200);
    assert.equal(
      (
        await worker.request("DELETE", "/alpha/auth/session", {
          headers: { authorization: `Bearer ${accessToken}` },
        })
      ).status,
      200,
    );
    assert.deepEqual(
      [
        (await session("/alpha", accessToken)).status,
        (await session("/beta", others.accessToken)).status,
      ],
      [401, 200],
    );
  });

  test("reconciliation walks each merchant’s own list, with its own key", async () => {
    const { Gwop } = await import(pathToFileURL(join(TOP, "dist/npm/index.node.js")));
    const gwop = new Gwop({ merchantApiKey: beta.GWOP_MERCHANT_API_KEY, serverURL: simulator.url });
    const { result: invoice } = await gwop.invoices.create({ body: { amountUsdc: 1_000_000 } });
    await simulator.control("POST", "pay", { target: invoice.publicInvoiceId, chain: "base" });
    for (const name of ["alpha", "beta"]) {
      const begun = await ask(worker, "POST", `/${name}/reconcile`, places[`/${name}`].token);
      assert.equal(begun.status, 202, begun.text);
    }
    await eventually(
      "beta has it",
      async () =>
        (await ask(worker, "GET", `/beta/invoices/${invoice.id}`, beta.OPERATOR_TOKEN)).body
          .status === "PAID",
    );
    await eventually("fulfillment too", () =>
      shared.received.some((delivery) => delivery.invoiceId === invoice.id),
    );
    await eventually(
      "alpha’s run is over",
      async () =>
        (await ask(worker, "GET", "/alpha/reconcile", alpha.OPERATOR_TOKEN)).body.completed_at,
    );
    for (const place of ["", "/alpha"])
      assert.equal(
        (await ask(worker, "GET", `${place}/invoices/${invoice.id}`, places[place].token)).status,
        404,
        place,
      );
    assert.equal(
      (await ask(worker, "POST", "/reconcile", OPERATOR_TOKEN)).status,
      503,
      "the Worker’s own is off: it borrows nobody’s key",
    );
  });

  test("the cron trigger looks after every merchant", async () => {
    const { Gwop } = await import(pathToFileURL(join(TOP, "dist/npm/index.node.js")));
    const gwop = new Gwop({
      merchantApiKey: alpha.GWOP_MERCHANT_API_KEY,
      serverURL: simulator.url,
    });
    const { result: invoice } = await gwop.invoices.create({ body: { amountUsdc: 1_000_000 } });
    await simulator.control("POST", "pay", { target: invoice.publicInvoiceId, chain: "base" });
    assert.match((await worker.request("GET", "/cdn-cgi/handler/scheduled")).text, /ok/);
    await eventually(
      "alpha has it",
      async () =>
        (await ask(worker, "GET", `/alpha/invoices/${invoice.id}`, alpha.OPERATOR_TOKEN)).body
          .status === "PAID",
    );
  });

  test("the console of a merchant asks that merchant’s routes", async () => {
    for (const place of Object.keys(places)) {
      const page = await worker.request("GET", `${place}/console`);
      assert.equal(page.status, 200);
      // Relative to the page: /alpha/console requests /alpha/events.
      assert.match(page.text, /new URL\(`\.\$\{path\}`, location\.href\)/);
      for (const { token } of Object.values(places)) assert.ok(!page.text.includes(token));
    }
  });

  test("who is no merchant is nobody: no answer tells, whatever the segment", async () => {
    for (const key of [
      "gamma",
      "constructor",
      "__proto__",
      "toString",
      "Alpha",
      "alpha%2Fx",
      "%61lpha-",
      "-alpha",
      "a".repeat(64),
    ]) {
      const answer = await deliverAt(
        worker,
        `/${key}`,
        event("paid", newInvoice()),
        alpha.GWOP_WEBHOOK_SECRET,
      );
      assert.deepEqual([answer.status, answer.body.error.code], [404, "NOT_FOUND"], key);
    }
    assert.equal(
      (await ask(worker, "GET", "/alpha/beta/events?state=dead", beta.OPERATOR_TOKEN)).status,
      404,
      "merchants are not nested",
    );
  });
});

suite("merchants as they are configured", async ({ test, after }) => {
  const fulfillment = await startFulfillment();
  after(() => fulfillment.stop());
  const variables = {
    GWOP_WEBHOOK_SECRET: WEBHOOK_SECRET,
    OPERATOR_TOKEN,
    FULFILLMENT_URL: fulfillment.url,
    FULFILLMENT_SECRET,
  };
  const started = async (options) => {
    const worker = await startWorker({ variables, ...options });
    after(() => worker.stop());
    return worker;
  };

  test("without GWOP_MERCHANTS a segment is no merchant, and whose an event is is not compared", async () => {
    const worker = await started({
      variables: { ...variables, GWOP_MERCHANT_ID: randomUUID() },
    });
    assert.equal((await worker.request("GET", "/alpha/healthz")).status, 404);
    const answer = await deliverAt(worker, "", event("paid", newInvoice()), WEBHOOK_SECRET);
    assert.equal(answer.body.outcome, "applied");
    assert.ok(!("merchants" in (await worker.request("GET", "/healthz")).body));
  });

  test("who has a secret of another’s is not served, and both are named with what it is", async () => {
    const names = [
      "OPERATOR_TOKEN",
      "GWOP_WEBHOOK_SECRET",
      "GWOP_MERCHANT_ID",
      "AUTH_SECRET",
      "GWOP_MERCHANT_API_KEY",
    ];
    const merchants = { good: merchant("good") };
    const pairs = names.map((name, at) => {
      const [one, other] = [`m${at}`, `n${at}`];
      merchants[one] = merchant(one);
      merchants[other] = merchant(other, { [name]: merchants[one][name] });
      return [one, other, name];
    });
    // One of several secrets during a rotation, and the Worker's own one.
    const [old, current] = [merchants.m0.OPERATOR_TOKEN, `operator-of-rotated-${randomUUID()}`];
    merchants.rotated = merchant("rotated", { OPERATOR_TOKEN: `${current}, ${old}` });
    merchants.own = merchant("own", { OPERATOR_TOKEN });
    const ownId = randomUUID();
    const worker = await started({
      variables: { ...variables, GWOP_MERCHANT_ID: ownId },
      configure: configured(merchants),
    });
    const said = [
      ...pairs.map(
        ([one, other, name]) => `${one} and ${other} have the same ${name}: give each its own`,
      ),
      "m0 and rotated have the same OPERATOR_TOKEN: give each its own",
      "own and the Worker itself have the same OPERATOR_TOKEN: give each its own",
    ];
    const { problems } = (await worker.request("GET", "/healthz")).body.merchants;
    assert.deepEqual([...problems].sort(), [...said].sort());
    for (const key of Object.keys(merchants).filter((each) => each !== "good")) {
      for (const [method, path] of [
        ["GET", "/healthz"],
        ["GET", "/invoices"],
        ["GET", "/console"],
        ["GET", "/auth/session"],
      ]) {
        const answer = await ask(worker, method, `/${key}${path}`, merchants[key].OPERATOR_TOKEN);
        const { code, message } = answer.body.error;
        assert.deepEqual([answer.status, code], [503, "MERCHANTS_NOT_CONFIGURED"], key + path);
        assert.ok(
          said.some((one) => message === `GWOP_MERCHANTS: ${one}` && one.includes(key)),
          message,
        );
      }
      const paid = event("paid", newInvoice());
      const { GWOP_WEBHOOK_SECRET: secret } = merchants[key];
      assert.equal((await deliverAt(worker, `/${key}`, paid, secret)).status, 503, key);
      const isSaid = ({ event: name, merchant: of, variable }) =>
        name === "merchants_share" && of === key && variable in merchants[key];
      await eventually(`the log has ${key}`, () => worker.logLines().some(isSaid));
    }
    // Other merchants are not affected. The Worker itself continues, and compares too, as one of
    // several.
    const { GWOP_WEBHOOK_SECRET: secret } = merchants.good;
    const paid = event("paid", newInvoice());
    const answers = [
      await deliverAt(worker, "/good", paid, secret),
      await deliverAt(worker, "", paid, WEBHOOK_SECRET, ownId),
      await deliverAt(worker, "", paid, WEBHOOK_SECRET),
    ];
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 200, 403],
    );
    const everything = worker.output() + JSON.stringify(problems);
    for (const secrets of Object.values(merchants))
      for (const secret of Object.values(secrets)) assert.ok(!everything.includes(secret));
  });

  test("GWOP_MERCHANTS is parsed once in an isolate, whoever asks", async () => {
    const own = await startFulfillment();
    after(() => own.stop());
    const [alpha, beta] = [merchant("alpha"), merchant("beta")];
    const worker = await startWatched({
      variables: { ...variables, FULFILLMENT_URL: own.url },
      configure: configured({ alpha, beta }),
    });
    after(() => worker.stop());
    const delivered = [];
    for (let time = 0; time < 5; time += 1) {
      for (const [place, { GWOP_WEBHOOK_SECRET: secret }] of [
        ["/alpha", alpha],
        ["/beta", beta],
      ]) {
        const paid = event("paid", newInvoice());
        delivered.push(paid.event_id);
        assert.equal((await deliverAt(worker, place, paid, secret)).body.outcome, "applied");
      }
    }
    // Through shards, their alarms and the consumer.
    await eventually("all are delivered", () => delivered.every((id) => own.of(id).length === 1), {
      within: 60_000,
    });
    assert.equal((await worker.watch()).parsed, 1);
  });

  test("a merchant whose fulfillment never answers holds up no other for longer than its 15 seconds", async () => {
    const [silent, quick] = [await startFulfillment(), await startFulfillment()];
    after(() => silent.stop());
    after(() => quick.stop());
    const never = new Promise(() => {});
    silent.answer = () => never;
    const of = (name, { url }) => merchant(name, { FULFILLMENT_URL: url, FULFILLMENT_SECRET });
    const places = { alpha: of("alpha", silent), beta: of("beta", quick) };
    const worker = await started({ configure: configured(places) });
    const send = async (name) => {
      const paid = event("paid", newInvoice());
      await deliverAt(worker, `/${name}`, paid, places[name].GWOP_WEBHOOK_SECRET);
      return paid.event_id;
    };
    for (let time = 0; time < 4; time += 1) await send("alpha");
    await eventually("alpha is asked", () => silent.attempts > 0);
    const waiting = await send("beta");
    await eventually("beta has its event", () => quick.of(waiting).length === 1, {
      within: 60_000,
    });
    assert.equal(silent.received.length, 0, "while alpha has not answered once");
  });

  test("what cannot be used turns that merchant off, and the log names whom, never what", async () => {
    const good = merchant("good");
    const worker = await started({
      configure: configured({
        good,
        typo: { ...merchant("typo"), OPERATOR_TOKN: "x" },
        list: ["no object"],
        short: merchant("short", { OPERATOR_TOKEN: "short" }),
        Shop_C: merchant("shop-c"),
        auth: merchant("auth"),
      }),
    });
    for (const name of ["typo", "list"]) {
      const answer = await ask(worker, "GET", `/${name}/healthz`);
      assert.deepEqual(
        [answer.status, answer.body.error.code],
        [503, "MERCHANTS_NOT_CONFIGURED"],
        name,
      );
      await eventually("the log says so", () =>
        worker
          .logLines()
          .some(
            (line) =>
              line.event === "not_understood" &&
              line.variable === "GWOP_MERCHANTS" &&
              line.merchant === name,
          ),
      );
    }
    const { body } = await ask(worker, "GET", "/short/healthz");
    assert.deepEqual(
      [body.webhooks.on, body.operator],
      [true, { on: false, missing: ["OPERATOR_TOKEN"] }],
    );
    assert.equal(
      (await deliverAt(worker, "/good", event("paid", newInvoice()), good.GWOP_WEBHOOK_SECRET)).body
        .outcome,
      "applied",
    );
    for (const secret of Object.values(good)) assert.ok(!worker.output().includes(secret));
    const { problems } = (await worker.request("GET", "/healthz")).body.merchants;
    assert.deepEqual(problems.sort(), [
      `Shop_C${NO_SEGMENT}`,
      `auth${NO_SEGMENT}`,
      "list is no object, or has a name that is not known",
      "typo is no object, or has a name that is not known",
    ]);
    const broken = await started({
      configure: (text) => `${text}\n[vars]\nGWOP_MERCHANTS = "{"\n`,
    });
    assert.equal((await ask(broken, "GET", "/good/healthz")).status, 503);
    assert.equal((await broken.request("GET", "/healthz")).status, 200, "the Worker’s own goes on");
  });

  test("as an object of `vars`; a merchant that is taken out keeps what waits, and gets it when it is back", async () => {
    const storage = mkdtempSync(join(SCRATCH, "gwop-storage-"));
    after(() => rmSync(storage, { recursive: true, force: true }));
    const own = await startFulfillment("whsec_fulfilment_of_alpha");
    after(() => own.stop());
    const settings = merchant("alpha");
    // A merchant without its own fulfillment has the Worker's: none here.
    const { FULFILLMENT_URL, FULFILLMENT_SECRET: secret, ...bare } = variables;
    const first = await started({
      storage,
      variables: bare,
      configure: configured({ alpha: settings }, false),
    });
    const paid = event("paid", newInvoice());
    assert.equal(
      (await deliverAt(first, "/alpha", paid, settings.GWOP_WEBHOOK_SECRET)).body.outcome,
      "applied",
    );
    await first.stop();
    const without = await started({
      storage,
      configure: configured({ other: merchant("other") }, false),
    });
    assert.equal((await ask(without, "GET", "/alpha/healthz")).status, 404);
    await eventually(
      "its alarm finds nobody",
      () =>
        without
          .logLines()
          .some((line) => line.event === "merchant_unknown" && line.merchant === "alpha"),
      { within: 60_000 },
    );
    await without.stop();
    assert.deepEqual(
      [fulfillment.of(paid.event_id).length, fulfillment.refused],
      [0, []],
      "it went to nobody else",
    );
    const back = await started({
      storage,
      configure: configured(
        {
          alpha: {
            ...settings,
            FULFILLMENT_URL: own.url,
            FULFILLMENT_SECRET: "whsec_fulfilment_of_alpha",
          },
        },
        false,
      ),
    });
    // Any call wakes the shard. Its alarm knows its merchant by itself.
    await ask(back, "GET", `/alpha/invoices/${paid.data.invoice_id}`, settings.OPERATOR_TOKEN);
    assert.match((await back.request("GET", "/cdn-cgi/handler/scheduled")).text, /ok/);
    await eventually("it is delivered", () => own.of(paid.event_id).length === 1, {
      within: 60_000,
    });
  });

  test("out of a KV namespace", async () => {
    const storage = mkdtempSync(join(SCRATCH, "gwop-storage-"));
    after(() => rmSync(storage, { recursive: true, force: true }));
    const settings = merchant("kiosk");
    const put = await run(
      process.execPath,
      [
        join(TOP, "node_modules/wrangler/bin/wrangler.js"),
        "kv",
        "key",
        "put",
        "kiosk",
        JSON.stringify(settings),
        "--namespace-id",
        "merchants",
        "--local",
        "--persist-to",
        storage,
      ],
      {
        cwd: storage,
        env: { PATH: process.env.PATH, HOME: process.env.HOME, WRANGLER_SEND_METRICS: "false" },
      },
    );
    assert.equal(put.code, 0, put.said);
    const worker = await started({ storage, configure: inNamespace });
    const paid = event("paid", newInvoice());
    assert.equal(
      (await deliverAt(worker, "/kiosk", paid, settings.GWOP_WEBHOOK_SECRET)).body.outcome,
      "applied",
    );
    await eventually(
      "the Worker’s own fulfillment has it",
      () => fulfillment.of(paid.event_id).length === 1,
    );
    assert.equal(
      (await ask(worker, "GET", `/kiosk/invoices/${paid.data.invoice_id}`, settings.OPERATOR_TOKEN))
        .body.status,
      "PAID",
    );
    assert.equal(
      (await deliverAt(worker, "/nobody", paid, settings.GWOP_WEBHOOK_SECRET)).status,
      404,
    );
    assert.match((await worker.request("GET", "/cdn-cgi/handler/scheduled")).text, /ok/);
    assert.deepEqual(
      worker.logLines().filter((line) => ["wake_failed", "merchant_unknown"].includes(line.event)),
      [],
    );
  });

  test("strangers’ segments: what is no key is not looked up, and nobody is looked up once", async () => {
    const kiosk = merchant("kiosk");
    const worker = await startWatched({ variables, configure: inNamespace });
    after(() => worker.stop());
    await worker.watch({ put: { kiosk } });
    const paid = event("paid", newInvoice());
    const deliver = (key) => deliverAt(worker, `/${key}`, paid, kiosk.GWOP_WEBHOOK_SECRET);
    assert.equal((await deliver("kiosk")).body.outcome, "applied");
    const long = "x".repeat(64);
    for (const key of ["Kiosk", "_compared", "__proto__", "-x", "a.b", long, "webhooks", ""])
      assert.equal((await deliver(key)).status, 404, key);
    for (let time = 0; time < 3; time += 1) {
      assert.equal((await deliver("nobody")).status, 404);
      assert.equal((await deliver("kiosk")).body.outcome, "duplicate");
    }
    const { read } = await worker.watch();
    const keys = read.filter((key) => key !== "_compared");
    assert.deepEqual([...new Set(keys)].sort(), ["kiosk", "nobody"]);
    assert.equal(keys.filter((key) => key === "nobody").length, 1);
    // Once for requests, and once for the shard and the consumer if they have another binding.
    assert.ok(keys.filter((key) => key === "kiosk").length <= 2, keys.join());
  });

  test("in a KV namespace too, who has a secret of another’s is not served, and is again once that is put right", async () => {
    const [alpha, gamma] = [merchant("alpha"), merchant("gamma")];
    const beta = merchant("beta", { OPERATOR_TOKEN: alpha.OPERATOR_TOKEN });
    const own = merchant("own", { AUTH_SECRET: "auth-secret-of-the-worker-itself" });
    const worker = await startWatched({
      variables: { ...variables, AUTH_SECRET: own.AUTH_SECRET, TEST_KEPT_MS: "0" },
      configure: inNamespace,
    });
    after(() => worker.stop());
    await worker.watch({
      put: { alpha, beta, gamma, own, odd: ["no object"], Shop_C: merchant("shop-c") },
    });
    const { merchants } = (await ask(worker, "GET", "/healthz", OPERATOR_TOKEN)).body;
    assert.deepEqual(merchants.problems.sort(), [
      `Shop_C${NO_SEGMENT}`,
      "alpha and beta have the same OPERATOR_TOKEN: give each its own",
      "odd is no object, or has a name that is not known",
      "own and the Worker itself have the same AUTH_SECRET: give each its own",
    ]);
    assert.ok(!("merchants" in (await ask(worker, "GET", "/healthz")).body), "not for everybody");
    const statuses = async () =>
      Object.fromEntries(
        await Promise.all(
          Object.entries({ alpha, beta, gamma, own }).map(
            async ([key, { OPERATOR_TOKEN: token }]) => [
              key,
              (await ask(worker, "GET", `/${key}/invoices`, token)).status,
            ],
          ),
        ),
      );
    assert.deepEqual(await statuses(), { alpha: 503, beta: 503, gamma: 200, own: 503 });
    // Every isolate finds the merchants to compare there.
    assert.deepEqual(JSON.parse((await worker.watch({ get: "_compared" })).got), {
      alpha: ["beta"],
      beta: ["alpha"],
    });
    beta.OPERATOR_TOKEN = `operator-of-beta-${randomUUID()}`;
    await worker.watch({ put: { beta } });
    assert.deepEqual(await statuses(), { alpha: 200, beta: 200, gamma: 200, own: 503 });
    // The cron trigger checks as well, and reports it in the log.
    const { GWOP_WEBHOOK_SECRET: secret } = gamma;
    await worker.watch({ put: { delta: merchant("delta", { GWOP_WEBHOOK_SECRET: secret }) } });
    assert.match((await worker.request("GET", "/cdn-cgi/handler/scheduled")).text, /ok/);
    await eventually(
      "it is kept",
      async () =>
        (await worker.watch({ get: "_compared" })).got === '{"delta":["gamma"],"gamma":["delta"]}',
    );
    assert.equal((await statuses()).gamma, 503);
    const isSaid = ({ event: name, problem }) =>
      name === "merchants_unusable" && problem.startsWith("delta and gamma ");
    await eventually("the log says so", () => worker.logLines().some(isSaid));
  });

  test("a KV namespace that fails in a shard loses no alert: it is told once the merchant can be read", async () => {
    const alerts = await startAlerts();
    after(() => alerts.stop());
    const alpha = merchant("alpha", { ALERT_URL: alerts.url, ALERT_SECRET });
    const worker = await startWatched({
      variables: { ...variables, TEST_KEPT_MS: "0", TEST_FLUSH_MS: "200" },
      configure: inNamespace,
    });
    after(() => worker.stop());
    await worker.watch({ put: { alpha }, fail: { ledger: true } });
    const invoice = newInvoice();
    const [paid, again] = [
      event("paid", invoice),
      event("paid", invoice, { data: { tx_hash: `0x${randomUUID().replaceAll("-", "")}` } }),
    ];
    const send = (what, secret = alpha.GWOP_WEBHOOK_SECRET) =>
      deliverAt(worker, "/alpha", what, secret);
    assert.equal((await send(paid)).body.outcome, "applied");
    assert.equal((await send(again)).body.outcome, "conflict");
    for (let time = 0; time < 25; time += 1) await send(paid, "whsec_of_nobody");
    await eventually("the shard says so", () =>
      worker
        .logLines()
        .some((line) => line.event === "merchants_unread" && line.merchant === "alpha"),
    );
    assert.equal(alerts.calls, 0);
    await worker.watch({ fail: { ledger: false } });
    // No more requests are sent: the alarms do the work.
    for (const kind of ["conflict", "refused_signatures"])
      await eventually(`${kind} is told`, () => alerts.of(kind).length > 0, { within: 90_000 });
    await eventually("so are the events", () => fulfillment.of(paid.event_id).length === 1, {
      within: 60_000,
    });
  });

  test("what the queue gave up while its merchant was out comes back with the merchant", async () => {
    const own = await startFulfillment("whsec_fulfilment_of_alpha");
    after(() => own.stop());
    own.answer = () => 503;
    const alpha = merchant("alpha", {
      FULFILLMENT_URL: own.url,
      FULFILLMENT_SECRET: "whsec_fulfilment_of_alpha",
    });
    const worker = await startWatched({
      variables: { ...variables, TEST_KEPT_MS: "0" },
      configure: inNamespace,
    });
    after(() => worker.stop());
    await worker.watch({ put: { alpha } });
    const [paid, refused] = [event("paid", newInvoice()), event("paid", newInvoice())];
    // Fulfillment refused this one while the merchant existed. It waits for the operator.
    await deliverAt(worker, "/alpha", refused, alpha.GWOP_WEBHOOK_SECRET);
    const dead = async () =>
      (await ask(worker, "GET", "/alpha/events?state=dead", alpha.OPERATOR_TOKEN)).body.events;
    await eventually("that one is dead", async () => (await dead()).length === 1, {
      within: 60_000,
      every: 500,
    });
    await deliverAt(worker, "/alpha", paid, alpha.GWOP_WEBHOOK_SECRET);
    await eventually("the other is in the queue", () => own.attempts > 3);
    await worker.watch({ put: { alpha: null } });
    assert.equal((await ask(worker, "GET", "/alpha/healthz")).status, 404);
    const reason = /^its merchant is not in GWOP_MERCHANTS: put it back, and this is delivered$/;
    const lines = (name) =>
      worker.logLines().filter((line) => line.event === name && line.event_id === paid.event_id);
    await eventually("the queue gives it up", () => lines("fulfilment_dead").length > 0, {
      within: 90_000,
    });
    const failed = lines("fulfilment_failed").filter((line) => reason.test(line.reason));
    assert.ok(failed.length > 0 && failed.every((line) => line.merchant === "alpha"));
    assert.match(
      lines("fulfilment_dead")[0].reason,
      /goes out again once its merchant can be used/,
    );
    own.answer = () => 200;
    await worker.watch({ put: { alpha } });
    // If a segment named nobody, it is not looked up again for ten seconds.
    await eventually("the merchant is there again", async () => (await dead())?.length === 1);
    await eventually("it is delivered", () => own.of(paid.event_id).length === 1, {
      within: 60_000,
    });
    assert.deepEqual(
      [(await dead()).map((row) => row.event_id), own.of(refused.event_id).length],
      [[refused.event_id], 0],
      "what the operator has to decide still waits",
    );
  });
});
