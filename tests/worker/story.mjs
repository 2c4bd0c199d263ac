// The whole story with the local Gwop: the SDK creates an invoice, which is paid, delivered, stored
// and sent to fulfillment. The deployed build runs from the top level unchanged. The library
// example builds.
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { FULFILLMENT_SECRET, startFulfillment } from "./lib/fulfillment.mjs";
import { deliver, event, newInvoice } from "./lib/gwop.mjs";
import { suite } from "../runners/checks.mjs";
import { eventually } from "./lib/helpers.mjs";
import { startSimulator } from "./lib/simulator.mjs";
import {
  BARE_BUILD,
  OPERATOR_TOKEN,
  SCRATCH,
  SHIPPED_BUILD,
  TOP,
  startWorker,
} from "./lib/wrangler.mjs";

suite("story", async ({ test, after }) => {
  const { Gwop } = await import(pathToFileURL(join(TOP, "dist/npm/index.node.js")));
  const simulator = await startSimulator();
  after(() => simulator.stop());
  const fulfillment = await startFulfillment();
  after(() => fulfillment.stop());
  const variables = {
    GWOP_WEBHOOK_SECRET: simulator.webhookSecret,
    GWOP_MERCHANT_API_KEY: simulator.merchantApiKey,
    GWOP_MERCHANT_ID: simulator.merchantId,
    GWOP_IDENTITY_URL: simulator.url,
    GWOP_SERVER_URL: simulator.url,
    AUTH_SECRET: "auth_secret_of_the_tests",
    OPERATOR_TOKEN,
    FULFILLMENT_URL: fulfillment.url,
    FULFILLMENT_SECRET,
  };

  const play = async (worker) => {
    await simulator.control("POST", "webhook-url", { url: `${worker.url}/webhooks/gwop` });
    const gwop = new Gwop({ merchantApiKey: simulator.merchantApiKey, serverURL: simulator.url });
    const { result: invoice } = await gwop.invoices.create({ body: { amountUsdc: 1_000_000 } });
    await simulator.control("POST", "pay", { target: invoice.publicInvoiceId, chain: "base" });
    const view = await eventually(
      "the invoice is paid here and confirmed by fulfillment",
      async () => {
        const found = await worker.invoice(invoice.publicInvoiceId);
        return found?.status === "PAID" && found.outbox.length === 0 && found;
      },
    );
    assert.equal(view.invoice_id, invoice.id);
    const delivered = fulfillment.received.filter(({ invoiceId }) => invoiceId === invoice.id);
    assert.deepEqual(
      delivered.map(({ outcome, type }) => [outcome, type]),
      [["applied", "invoice.paid"]],
    );
    assert.equal(delivered[0].event.body.data.amountUsdc, String(invoice.amountUsdc));
  };

  for (const [what, main] of [
    ["the npm package", SHIPPED_BUILD],
    ["what `wrangler.toml` deploys", BARE_BUILD],
  ])
    test(`${what} plays the whole story`, async () => {
      const worker = await startWorker({ variables, main, dev: true });
      try {
        await play(worker);
        assert.equal(
          (await worker.fault("panic")).status,
          404,
          "faults on purpose are not deployed",
        );
        const { body } = await worker.request("GET", "/healthz");
        for (const part of ["webhooks", "fulfillment", "auth", "operator"])
          assert.deepEqual(body[part], { on: true, missing: [] });
      } finally {
        await worker.stop();
      }
    });

  test("a merchant’s JavaScript calls `fetch` of the default export, an object, and exports the classes", async () => {
    const build = JSON.stringify(SHIPPED_BUILD);
    const directory = mkdtempSync(join(SCRATCH, "gwop-merchant-"));
    const main = join(directory, "index.mjs");
    writeFileSync(
      main,
      `import gwop from ${build};
export * from ${build};
export default {
  fetch: (request, env, ctx) => (new URL(request.url).pathname === '/mine' ? Response.json(Object.keys(gwop)) : gwop.fetch(request, env, ctx)),
  queue: (batch, env, ctx) => gwop.queue(batch, env, ctx),
  scheduled: (controller, env, ctx) => gwop.scheduled(controller, env, ctx),
};
`,
    );
    const worker = await startWorker({ variables, main });
    try {
      assert.deepEqual((await worker.request("GET", "/mine")).body, [
        "fetch",
        "queue",
        "scheduled",
      ]);
      await play(worker);
      assert.match((await worker.request("GET", "/cdn-cgi/handler/scheduled")).text, /ok/);
      assert.deepEqual(
        worker.logLines().filter((line) => line.event === "wake_failed"),
        [],
      );
    } finally {
      await worker.stop();
      rmSync(directory, { recursive: true, force: true });
    }
  });

  test("one Worker with two ledgers: what one has stored is new to the other", async () => {
    const build = JSON.stringify(SHIPPED_BUILD);
    const directory = mkdtempSync(join(SCRATCH, "gwop-merchant-"));
    const main = join(directory, "index.mjs");
    writeFileSync(
      main,
      `import gwop, { GwopLedger } from ${build};
export * from ${build};
const second = (env) => ({ ...env, GWOP_LEDGER: env.SECOND_LEDGER });
export class SecondLedger extends GwopLedger {
  constructor(state, env) {
    super(state, second(env));
  }
}
export default {
  ...gwop,
  fetch: (request, env, ctx) =>
    gwop.fetch(request, request.headers.has('x-second') ? second(env) : env, ctx),
};
`,
    );
    const binding = "[[durable_objects.bindings]]";
    const second = `${binding}\nname = "SECOND_LEDGER"\nclass_name = "SecondLedger"\n`;
    const worker = await startWorker({
      variables,
      main,
      configure: (text) =>
        text
          .replace(binding, `${second}\n${binding}`)
          .replace('["GwopLedger"]', '["GwopLedger", "SecondLedger"]'),
    });
    try {
      const paid = event("paid", newInvoice());
      const headers = { "x-second": "1" };
      const secrets = [simulator.webhookSecret];
      const outcomes = [];
      for (const options of [{}, { headers }, {}, { headers }]) {
        const answer = await deliver(worker, paid, { secrets, ...options });
        outcomes.push(answer.body.outcome);
      }
      assert.deepEqual(outcomes, ["applied", "applied", "duplicate", "duplicate"]);
      for (const more of [{}, headers]) {
        const authorization = `Bearer ${OPERATOR_TOKEN}`;
        const path = `/invoices/${paid.data.invoice_id}`;
        const answer = await worker.read(path, { authorization, ...more });
        assert.deepEqual([answer.status, answer.body.status], [200, "PAID"], answer.text);
      }
    } finally {
      await worker.stop();
      rmSync(directory, { recursive: true, force: true });
    }
  });

  test("the example router, a merchant’s own Worker on this crate, plays it too", async () => {
    const main = join(TOP, "build/worker-example/entry.js");
    assert.ok(existsSync(main), `${main} is not there`);
    const worker = await startWorker({ variables, main });
    try {
      await play(worker);
      const { accessToken, subject } = await simulator.control("POST", "tokens", {});
      const mine = await worker.request("GET", "/me", {
        headers: { authorization: `Bearer ${accessToken}`, "x-gwop-subject": "base:0xmallory" },
      });
      assert.deepEqual([mine.status, mine.body], [200, { hello: subject }], mine.text);
      const mounted = await worker.request("GET", "/gwop/healthz?x=1");
      assert.deepEqual([mounted.status, mounted.body?.status], [200, "ok"], mounted.text);
      const nobody = await worker.request("GET", "/me", { headers: { "x-gwop-subject": subject } });
      assert.equal(nobody.status, 401);
      assert.match(nobody.headers.get("www-authenticate"), /^Bearer/);
      const created = await worker.request("POST", "/orders", {
        body: JSON.stringify({ amount_usdc: 2_000_000 }),
        headers: { "content-type": "application/json" },
      });
      assert.deepEqual([created.status, created.body.amount_usdc], [200, 2_050_000], created.text);
    } finally {
      await worker.stop();
    }
  });
});
