// Plays the whole story with the packed npm package and the local Gwop: `demo.mjs [--serve]`, from
// the consumer project. `cargo xtask demo` runs it.
import { createServer } from "node:http";
import { Gwop } from "@gwop/sdk";
import { freePort, started, startProgram } from "../runners/programs.mjs";

const serve = process.argv.includes("--serve");
/** The port of `--serve`. The story alone uses any free port. */
const SERVE_PORT = 4010;
/** The agent's wallet on Base: the first test wallet of the local Gwop. */
const WALLET = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";

const bold = (text) => (process.stdout.isTTY ? `\x1b[1m${text}\x1b[0m` : text);
let step = { number: 0, title: "start the local Gwop" };

/** Starts a step of the story. */
function tell(title) {
  step = { number: step.number + 1, title };
  console.log(`\n${bold(`${String(step.number).padStart(2)}  ${title}`)}`);
}

/** Prints a line within a step. */
const say = (text) => console.log(`    ${text}`);
/** Formats a price for people. */
const usdc = (atomic) => `${Number(atomic) / 1e6} USDC`;

function expect(holds, message) {
  if (!holds) throw new Error(message);
}

/** Runs what the SDK must refuse, and prints the code of the refusal. */
async function refused(code, call) {
  let outcome;
  try {
    await call();
    outcome = "nothing: it was accepted";
  } catch (error) {
    outcome = error.code ?? String(error);
    if (outcome === code) return say(`refused with ${code}: ${error.message}`);
  }
  throw new Error(`expected a refusal with ${code}, got ${outcome}`);
}

async function json(response) {
  expect(
    response.status < 400,
    `${response.url} answered ${response.status}: ${await response.clone().text()}`,
  );
  return response.json();
}

/** Starts the merchant's server, which keeps each delivery raw, as it arrived. */
async function startMerchant() {
  const deliveries = [];
  const waiting = [];
  const server = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const delivery = {
      body: Buffer.concat(chunks).toString(),
      headers: request.headers,
      url: request.url,
      method: request.method,
    };
    response.writeHead(204).end();
    (waiting.shift() ?? ((late) => deliveries.push(late)))(delivery);
  }).listen(0, "127.0.0.1");
  await new Promise((done) => server.once("listening", done));
  return {
    webhookURL: `http://127.0.0.1:${server.address().port}/webhooks/gwop`,
    /** Returns the next delivery. Waits at most ten seconds for it. */
    next: () =>
      new Promise((done, fail) => {
        if (deliveries.length > 0) return done(deliveries.shift());
        const timer = setTimeout(
          () => fail(new Error("no webhook arrived within 10 seconds")),
          10_000,
        );
        waiting.push((delivery) => {
          clearTimeout(timer);
          done(delivery);
        });
      }),
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

/**
 * Pays a payment URL as an x402 agent does: asks, gets 402 with the price, and asks with a payment.
 */
async function pay(paymentURL) {
  const asked = await fetch(paymentURL);
  expect(asked.status === 402, `the payment URL answered ${asked.status} instead of 402`);
  const challenge = JSON.parse(atob(asked.headers.get("payment-required")));
  const [{ network, payTo, amount }] = challenge.accepts;
  say(`GET ${paymentURL}`);
  say(`→ 402 Payment Required: ${usdc(amount)} on ${network} to ${payTo}`);
  // An agent signs with its own wallet. This one has a test wallet of the local Gwop, which signs.
  const signed = await json(
    await fetch(new URL("/_sim/sign-payment", paymentURL), {
      method: "POST",
      body: JSON.stringify({ target: paymentURL }),
    }),
  );
  const paid = await fetch(paymentURL, { method: "POST", headers: signed.headers });
  expect(paid.ok, `the payment was answered with ${paid.status}: ${await paid.text()}`);
  say(`again with ${Object.keys(signed.headers)}, signed by ${signed.wallet}`);
  say(`→ ${paid.status}, paid`);
}

async function story(base, merchant) {
  const { webhookSecret, merchantApiKey, merchantId } = base;
  const gwop = new Gwop({
    merchantApiKey,
    webhookSecret,
    merchantId,
    serverURL: base.url,
    identityURL: base.url,
  });

  tell("The merchant creates an invoice");
  const { result: invoice } = await gwop.invoices.create({
    body: { amountUsdc: 1_000_000, description: "One month of the API" },
  });
  expect(invoice.status === "OPEN", `the invoice is ${invoice.status}`);
  say("gwop.invoices.create({ body: { amountUsdc: 1_000_000, … } })");
  say(
    `→ ${invoice.publicInvoiceId}, ${invoice.status}, ${usdc(invoice.amountUsdc)} to pay with Gwop's fee, until ${invoice.expiresAt.toISOString()}`,
  );

  tell("An agent looks at it, without any key, and pays on Base");
  const { result: open } = await gwop.invoices.get({ id: invoice.publicInvoiceId });
  const onBase = open.paymentMethods.find((method) => method.chain === "base");
  await pay(onBase.paymentUrl);

  tell("Gwop delivers the signed webhook");
  const delivery = await merchant.next();
  say(`POST ${merchant.webhookURL}`);
  say(`X-Gwop-Signature: ${delivery.headers["x-gwop-signature"].slice(0, 32)}…`);

  tell("The SDK verifies it on its raw bytes");
  const { body: event } = await gwop.validateWebhook({ request: delivery });
  expect(event.eventType === "invoice.paid", `the event is ${event.eventType}`);
  expect(event.data.publicInvoiceId === invoice.publicInvoiceId, "the event is of another invoice");
  say(
    `→ ${event.eventType}: ${event.data.publicInvoiceId}, ${usdc(event.data.amountUsdc)} on ${event.data.paymentChain}, transaction ${event.data.txHash}`,
  );

  tell("A tampered copy is refused");
  const tampered = { ...delivery, body: delivery.body.replace("1025000", "9025000") };
  expect(tampered.body !== delivery.body, "nothing was tampered with");
  say("the same delivery with another amount");
  await refused("WEBHOOK_SIGNATURE_MISMATCH", () => gwop.validateWebhook({ request: tampered }));

  tell("A stale copy is refused");
  const later = new Date(Date.now() + 301_000);
  say("the same delivery, replayed five minutes later");
  await refused("WEBHOOK_TIMESTAMP_OUTSIDE_TOLERANCE", () =>
    gwop.validateWebhook({ request: delivery, receivedAt: later }),
  );

  tell("The agent wants to log in: the merchant creates an auth intent");
  const { result: intent } = await gwop.authIntents.create();
  say(
    `gwop.authIntents.create() → ${intent.authIntentId}, ${usdc(intent.challenge.amountUsdcAtomic)} proves the wallet`,
  );

  tell("The agent pays the dust");
  await pay(intent.challenge.paymentMethods.find((method) => method.chain === "base").paymentUrl);

  tell("The merchant exchanges the intent for a token");
  const { result: token } = await gwop.authIntents.exchange({
    authIntentId: intent.authIntentId,
    idempotencyKey: crypto.randomUUID(),
  });
  say(
    `gwop.authIntents.exchange(…) → ${token.tokenType} token for ${token.expiresIn} seconds, session ${token.session.sid}`,
  );

  tell("The token is verified locally, with Gwop's public keys");
  const identity = await gwop.auth.verifyToken(token.accessToken);
  expect(identity.walletAddress === WALLET, `the token is of ${identity.walletAddress}`);
  say(
    `gwop.auth.verifyToken(token) → ${identity.subject}, until ${identity.expiresAt.toISOString()}`,
  );
  await gwop.auth.verifyToken(token.accessToken, { sessionCheck: "always" });
  say('with sessionCheck: "always" → the session is active');

  tell("The session is revoked");
  const { result: revoked } = await gwop.authSessions.revoke({ sessionId: identity.sessionId });
  expect(revoked.revoked === true, "revoke did not say so");
  say("gwop.authSessions.revoke(…) → revoked");

  tell("The live check refuses the token");
  await refused("SESSION_REVOKED", () =>
    gwop.auth.verifyToken(token.accessToken, { sessionCheck: "always" }),
  );
}

const merchant = await startMerchant();
const port = serve ? SERVE_PORT : await freePort();
const url = `http://127.0.0.1:${port}`;
const simulator = startProgram(process.execPath, [
  "node_modules/@gwop/sdk/gwop-simulator.js",
  `--port=${port}`,
  `--webhook-url=${merchant.webhookURL}`,
]);
let failed = false;
try {
  await started(async () => (await fetch(url)).ok, simulator, "the local Gwop");
  const settings = Object.fromEntries(
    [...simulator.output().matchAll(/^\s*(GWOP_\w+)=(\S+)$/gm)].map(([, name, value]) => [
      name,
      value,
    ]),
  );
  console.log(`The local Gwop listens on ${url} (both of Gwop's hosts; it moves no money).`);
  await story(
    {
      url,
      merchantApiKey: settings.GWOP_MERCHANT_API_KEY,
      webhookSecret: settings.GWOP_WEBHOOK_SECRET,
      merchantId: settings.GWOP_MERCHANT_ID,
    },
    merchant,
  );
  console.log(`\n${bold(`All ${step.number} steps went as they should.`)}`);
  if (serve) {
    await json(await fetch(`${url}/_sim/webhook-url`, { method: "POST", body: "{}" }));
    console.log(`\nThe local Gwop goes on; Ctrl-C ends it.\n${simulator.output()}`);
    await simulator.exit;
  }
} catch (error) {
  failed = true;
  console.log(`\n✗ step ${step.number}, “${step.title}”, failed: ${error.message}`);
  if (error.cause) console.log(`  because: ${error.cause}`);
} finally {
  simulator.end();
  merchant.close();
}
process.exit(failed ? 1 : 0);
