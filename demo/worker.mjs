// Plays the second act of the story: the same with the Worker, on workerd. `cargo xtask demo` runs
// it.
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { FULFILLMENT_SECRET, startFulfillment } from "../tests/worker/lib/fulfillment.mjs";
import { eventually } from "../tests/worker/lib/helpers.mjs";
import { startSimulator } from "../tests/worker/lib/simulator.mjs";
import { OPERATOR_TOKEN, SHIPPED_BUILD, TOP, startWorker } from "../tests/worker/lib/wrangler.mjs";

const { Gwop } = await import(pathToFileURL(join(TOP, "dist/npm/index.node.js")));

const bold = (text) => (process.stdout.isTTY ? `\x1b[1m${text}\x1b[0m` : text);
let step = { number: 0, title: "start the Worker" };
function tell(title) {
  step = { number: step.number + 1, title };
  console.log(`\n${bold(`${String(step.number).padStart(2)}  ${title}`)}`);
}
const say = (text) => console.log(`    ${text}`);
function expect(answer, status) {
  if (answer.status !== status)
    throw new Error(`expected ${status}, got ${answer.status}: ${answer.text}`);
  return answer;
}

async function story(worker, simulator, fulfillment) {
  const gwop = new Gwop({ merchantApiKey: simulator.merchantApiKey, serverURL: simulator.url });

  tell("The SDK creates an invoice, and an agent pays it at the local Gwop");
  const { result: invoice } = await gwop.invoices.create({ body: { amountUsdc: 1_000_000 } });
  await simulator.control("POST", "pay", { target: invoice.publicInvoiceId, chain: "base" });
  say(`${invoice.publicInvoiceId} is paid; Gwop delivers to ${worker.url}/webhooks/gwop`);

  tell("The Worker has verified the delivery and stored what it says");
  const view = await eventually("the Worker knows of the payment", async () => {
    const found = await worker.invoice(invoice.publicInvoiceId);
    return found?.status === "PAID" && found;
  });
  const [{ event_id, event_type, outcome }] = view.events;
  say(`GET /invoices/${invoice.publicInvoiceId} → ${view.status}; ${event_type}: ${outcome}`);

  tell("The queue takes it to fulfillment, signed anew and verified by the SDK");
  const [delivered] = await eventually(
    "fulfillment has it",
    () => fulfillment.of(event_id).length > 0 && fulfillment.of(event_id),
  );
  say(`→ ${delivered.type}, ${delivered.outcome}, event ${delivered.eventId}`);
  await eventually(
    "it is confirmed",
    async () => (await worker.invoice(invoice.publicInvoiceId)).outbox.length === 0,
  );
  say("the outbox is empty: fulfillment has confirmed");

  tell("Gwop delivers the same event again: a duplicate changes nothing");
  await simulator.control("POST", "deliver", { eventId: event_id });
  const again = await eventually("the Worker has answered", () =>
    worker.logLines().find((line) => line.event_id === event_id && line.outcome === "duplicate"),
  );
  if ((await worker.invoice(invoice.publicInvoiceId)).events.length !== 1)
    throw new Error("the duplicate was stored");
  say(`→ ${again.outcome}`);

  tell("An agent logs in through the Worker, which alone holds the merchant key");
  const intent = expect(
    await worker.request("POST", "/auth/intents", {
      body: "{}",
      headers: { "content-type": "application/json" },
    }),
    201,
  ).body;
  const exchange = () =>
    worker.request("POST", `/auth/intents/${intent.auth_intent_id}/exchange`, {
      body: JSON.stringify({ exchange_secret: intent.exchange_secret }),
      headers: { "content-type": "application/json" },
    });
  say(`POST /auth/intents → ${intent.auth_intent_id}`);
  say(`exchange before the payment → ${expect(await exchange(), 402).status}`);
  await simulator.control("POST", "pay", { target: intent.auth_intent_id, chain: "base" });
  const token = expect(await exchange(), 200).body;
  say("exchange after it → 200, the token");

  tell("The Worker says who a request comes from");
  const headers = { authorization: `Bearer ${token.access_token}` };
  say(
    `GET /auth/session → ${expect(await worker.request("GET", "/auth/session", { headers }), 200).body.subject}`,
  );
  say(
    `GET /auth/verify → 204, X-Gwop-Wallet: ${expect(await worker.request("GET", "/auth/verify", { headers }), 204).headers.get("x-gwop-wallet")}`,
  );

  tell("The session is revoked, and refused at once");
  expect(await worker.request("DELETE", "/auth/session", { headers }), 200);
  say(
    `GET /auth/verify → ${expect(await worker.request("GET", "/auth/verify", { headers }), 401).body.error.code}`,
  );
}

const started = [];
let failed = false;
try {
  const simulator = await startSimulator();
  started.push(simulator);
  const fulfillment = await startFulfillment();
  started.push(fulfillment);
  const worker = await startWorker({
    main: SHIPPED_BUILD,
    dev: true,
    variables: {
      GWOP_WEBHOOK_SECRET: simulator.webhookSecret,
      GWOP_MERCHANT_API_KEY: simulator.merchantApiKey,
      GWOP_MERCHANT_ID: simulator.merchantId,
      GWOP_IDENTITY_URL: simulator.url,
      GWOP_SERVER_URL: simulator.url,
      AUTH_SECRET: "auth_secret_of_the_demo",
      OPERATOR_TOKEN,
      FULFILLMENT_URL: fulfillment.url,
      FULFILLMENT_SECRET,
    },
  });
  started.push(worker);
  await simulator.control("POST", "webhook-url", { url: `${worker.url}/webhooks/gwop` });
  console.log(`\nThe Worker runs on workerd at ${worker.url}, the local Gwop at ${simulator.url}.`);
  await story(worker, simulator, fulfillment);
  console.log(`\n${bold(`All ${step.number} steps through the Worker went as they should.`)}`);
} catch (error) {
  failed = true;
  console.log(`\n✗ step ${step.number}, “${step.title}”, failed: ${error.message}`);
} finally {
  for (const one of started.reverse()) await one.stop();
}
process.exit(failed ? 1 : 0);
