// The local Gwop, as a merchant's own tests use it. Except in the first test, nothing uses the
// SDK's HTTP operations: the simulator's responses are checked directly. Its native tests compare
// it with the contract.
import { Gwop } from "@gwop/sdk";
import { Simulator, SimulatorError, serve } from "@gwop/sdk/simulator";
import {
  assert,
  assertEquals,
  assertInstance,
  assertMatch,
  assertRejects,
  assertThrows,
  test,
} from "./harness.js";

const INVOICES = "https://agents.gwop.io/v1/invoices";
const IDENTITY = "https://identity.gwop.io";
const RS256 = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };

/** Creates a simulator, its merchant's endpoint, and a client that only uses `fetch`. */
function setUp(options = {}) {
  const received = [];
  const sim = new Simulator({
    webhookHandler: async (request) => {
      received.push({
        body: await request.text(),
        headers: Object.fromEntries(request.headers),
        url: request.url,
        method: request.method,
      });
      return new Response(null, { status: received.status ?? 204 });
    },
    ...options,
  });
  const send = async (method, url, body, headers = {}) => {
    const response = await sim.fetch(url, {
      method,
      headers: {
        authorization: `Bearer ${sim.merchantApiKey}`,
        ...(body && { "content-type": "application/json" }),
        ...headers,
      },
      ...(body && { body: JSON.stringify(body) }),
    });
    return { status: response.status, headers: response.headers, body: await response.json() };
  };
  const invoice = async () => (await send("POST", INVOICES, { amount_usdc: 1_000_000 })).body;
  const status = async ({ public_invoice_id: id }) =>
    (await send("GET", `${INVOICES}/${id}`)).body.status;
  const gwop = new Gwop({ httpClient: sim.httpClient, webhookSecret: sim.webhookSecret });
  return { sim, received, send, invoice, status, gwop };
}

/** Verifies an RS256 token with a key of the set. Returns its content. */
async function verified(token, keys) {
  const bytes = (part) =>
    Uint8Array.from(atob(part.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
  const json = (part) => JSON.parse(new TextDecoder().decode(bytes(part)));
  const [header, claims, signature] = token.split(".");
  const { kid } = json(header);
  const jwk = keys.find((candidate) => candidate.kid === kid);
  if (!jwk) return undefined;
  const key = await crypto.subtle.importKey("jwk", jwk, RS256, false, ["verify"]);
  const input = new TextEncoder().encode(`${header}.${claims}`);
  assert(
    await crypto.subtle.verify(RS256.name, key, bytes(signature), input),
    "the token's signature does not hold",
  );
  return { kid, ...json(claims) };
}

test("simulator: the SDK works against it in process, from invoice to revoked session", async () => {
  const { sim, received } = setUp();
  const { httpClient, merchantApiKey, merchantId, webhookSecret } = sim;
  const gwop = new Gwop({ httpClient, merchantApiKey, merchantId, webhookSecret });
  const { result: invoice } = await gwop.invoices.create({
    body: { amountUsdc: 1_000_000, metadata: { orderId: "1" } },
  });
  assertEquals([invoice.amountUsdc, invoice.metadata.orderId], [1_025_000, "1"]);
  await sim.pay(invoice.publicInvoiceId);
  const event = await gwop.validateWebhook({ request: received[0] });
  assertEquals(event.body.data.invoiceId, invoice.id);
  const { result: paid } = await gwop.invoices.get({ id: invoice.publicInvoiceId });
  assertEquals([paid.status, paid.paidTxHash], ["PAID", event.body.data.txHash]);
  await assertRejects(gwop.invoices.cancel({ id: invoice.id }), {
    code: "INVOICE_CANCEL_NOT_ALLOWED",
    statusCode: 400,
  });
  assertEquals((await gwop.invoices.list({ status: "PAID" })).result.pagination.total, 1);

  const { result: intent } = await gwop.authIntents.create();
  await sim.pay(intent.challenge.paymentMethods[1].paymentUrl);
  const { result: token } = await gwop.authIntents.exchange({ authIntentId: intent.authIntentId });
  const { sessionId, chain } = await gwop.auth.verifyToken(token.accessToken, {
    sessionCheck: "always",
  });
  assertEquals(chain, "solana");
  await gwop.authSessions.revoke({ sessionId });
  await assertRejects(gwop.auth.verifyToken(token.accessToken, { sessionCheck: "always" }), {
    code: "SESSION_REVOKED",
  });
  const { accessToken: foreign } = await sim.mintToken({ claims: { mid: "another" } });
  await assertRejects(gwop.auth.verifyToken(foreign), { code: "TOKEN_MERCHANT_MISMATCH" });

  const publicCalls = sim.requests.filter(({ operation }) =>
    ["invoices.get", "auth.getJwks"].includes(operation),
  );
  assertEquals(
    publicCalls.map(({ authorized }) => authorized),
    [false, false],
  );
});

test("simulator: an invoice is created, paid by an agent, and its signed webhook verifies", async () => {
  const { sim, received, invoice, status, gwop } = setUp();
  const created = await invoice();
  assertEquals(created.amount_usdc, 1_025_000);
  const paid = await sim.pay(created.public_invoice_id, { chain: "base" });
  assertEquals(paid.status, "PAID");
  assertEquals(await status(created), "PAID");
  assertEquals(received.length, 1);
  const { body: event } = await gwop.validateWebhook({ request: received[0] });
  assertEquals(event.eventType, "invoice.paid");
  assertEquals(event.data.publicInvoiceId, created.public_invoice_id);
  assertEquals(event.data.txHash, paid.transaction);
  assertEquals(sim.deliveries[0].status, "delivered");
  await assertRejects(sim.pay(created.id), { name: "SimulatorError", code: "NOT_ALLOWED" });
});

test("simulator: tampered, stale and wrongly signed webhooks are refused, and duplicates have one id", async () => {
  const { sim, received, invoice, gwop } = setUp();
  const delivered = async (fault) => {
    received.length = 0;
    sim.misbehave(fault);
    await sim.pay((await invoice()).id);
    return received;
  };
  const refused = async (fault, code) => {
    const [request] = await delivered(fault);
    await assertRejects(gwop.validateWebhook({ request }), { code });
  };
  await refused({ fault: "webhook-tamper" }, "WEBHOOK_SIGNATURE_MISMATCH");
  await refused({ fault: "webhook-wrong-secret" }, "WEBHOOK_SIGNATURE_MISMATCH");
  await refused({ fault: "webhook-stale", seconds: 400 }, "WEBHOOK_TIMESTAMP_OUTSIDE_TOLERANCE");
  await refused({ fault: "webhook-header-mismatch" }, "WEBHOOK_HEADER_MISMATCH");
  await refused({ fault: "webhook-malformed-json" }, "WEBHOOK_PAYLOAD_INVALID");
  const [first, second] = await delivered({ fault: "webhook-duplicate" });
  assertEquals(first.body, second.body);
});

test("simulator: moving the clock expires invoices, and the event is fresh all the same", async () => {
  const { sim, received, invoice, status, gwop } = setUp();
  const created = await invoice();
  await sim.clock.advance(899_000);
  assertEquals(await status(created), "OPEN");
  await sim.clock.advance(2_000);
  assertEquals(await status(created), "EXPIRED");
  const { body: event } = await gwop.validateWebhook({ request: received[0] });
  assertEquals([event.eventType, event.data.status], ["invoice.expired", "EXPIRED"]);
  await assertRejects(sim.clock.advance(-1), SimulatorError);
  sim.clock.freeze();
  await sim.clock.set("2030-01-01T00:00:00Z");
  assertEquals((await invoice()).created_at, "2030-01-01T00:00:00.000Z");
});

test("simulator: in real time, a settlement that takes a while comes by itself", async () => {
  const { sim, received, send, invoice, status } = setUp({ settlementDelayMs: 50 });
  const created = await invoice();
  const { body: open } = await send("GET", `${INVOICES}/${created.public_invoice_id}`);
  const [{ payment_url: url }] = open.payment_methods;
  const { status: code, body } = await send("GET", url);
  assertEquals(code, 402);
  assertEquals(body.accepts[0].maxAmountRequired, "1025000");
  const accepted = await send("POST", url, undefined, sim.signPayment(url).headers);
  assertEquals([accepted.status, accepted.body.status], [202, "PAYING"]);
  const end = Date.now() + 5_000;
  while (received.length === 0 && Date.now() < end)
    await new Promise((done) => setTimeout(done, 10));
  assertEquals(await status(created), "PAID");
  assertEquals(received.length, 1);
  sim.close();
});

/** Decodes an x402 header. */
const x402 = (headers, name) => JSON.parse(atob(headers.get(name)));

test("simulator: agents pay over x402 in both versions, on both chains, and are known by who signed", async () => {
  const { sim, received, send, invoice, status, gwop } = setUp();
  const wallets = new Set();
  for (const [x402Version, answer] of [
    [1, "x-payment-response"],
    [2, "payment-response"],
  ]) {
    for (const chain of ["base", "solana"]) {
      const created = await invoice();
      const { url, method, headers, wallet } = sim.signPayment(created.id, {
        chain,
        payer: x402Version,
        x402Version,
      });
      const asked = await send("GET", url);
      assertEquals(
        [asked.status, asked.body.x402Version, x402(asked.headers, "payment-required").x402Version],
        [402, 1, 2],
      );
      const paid = await send(method, url, undefined, headers);
      assertEquals([paid.status, paid.body.status, await status(created)], [200, "PAID", "PAID"]);
      const { success, transaction, payer } = x402(paid.headers, answer);
      const { body: event } = await gwop.validateWebhook({ request: received.at(-1) });
      assertEquals([success, payer, event.data.payerWallet], [true, wallet, wallet]);
      assertEquals(transaction, chain === "base" ? event.data.txHash : event.data.txSignature);
      wallets.add(wallet);
    }
  }
  assertEquals(wallets.size, 4);
});

test("simulator: a payment that its wallet did not sign is refused, and says what takes it", async () => {
  const warnings = [];
  const { warn } = console;
  console.warn = (text) => warnings.push(text);
  try {
    const pay = async (options) => {
      const { sim, send, invoice } = setUp(options);
      const { public_invoice_id: id } = await invoice();
      const { url, headers } = sim.signPayment(id, { x402Version: 1 });
      const payment = JSON.parse(atob(headers["X-PAYMENT"]));
      payment.payload.signature = `0x${"00".repeat(65)}`;
      return send("POST", url, undefined, { "x-payment": btoa(JSON.stringify(payment)) });
    };
    const refused = await pay({});
    assertEquals([refused.status, refused.body.error], [402, "invalid_exact_evm_signature"]);
    assertMatch(refused.body.message, /sim\.signPayment\(\)`; the option `x402: "unchecked"`/);
    assertEquals(warnings, []);
    assertEquals((await pay({ x402: "unchecked" })).status, 200);
    assertMatch(warnings.join(), /^Simulator: x402: "unchecked" takes any signature/);
  } finally {
    console.warn = warn;
  }
});

test("simulator: an agent follows Gwop's own pages where it is asked to", async () => {
  const { sim, send, invoice, status } = setUp({ x402: "gwop-docs" });
  const created = await invoice();
  const { url, headers } = sim.signPayment(created.id);
  assertEquals((await send("GET", url, undefined, headers)).status, 402);
  const paid = await send("POST", url, undefined, headers);
  const { paid_tx_hash: hash, payer_address: payer } = x402(paid.headers, "payment-response");
  assertEquals(
    [paid.status, paid.body.paid_tx_hash, payer, await status(created)],
    [200, hash, "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266", "PAID"],
  );
  assertEquals((await send("POST", url, undefined, headers)).body, paid.body);
});

test("simulator: a payment settles although it was refused, or its answer got lost", async () => {
  const { sim, send, invoice, status } = setUp();
  const created = await invoice();
  const { body: open } = await send("GET", `${INVOICES}/${created.public_invoice_id}`);
  const [{ payment_url: url, recover_url: recover }] = open.payment_methods;
  sim.misbehave({ fault: "payment-late", delayMs: 2_000 });
  const { headers } = sim.signPayment(url);
  assertEquals(
    [(await send("POST", url, undefined, headers)).status, await status(created)],
    [402, "OPEN"],
  );
  assertEquals((await send("POST", url, undefined, headers)).body.status, "PAYING");
  await sim.clock.advance(2_000);
  assertEquals(await status(created), "PAID");
  const recovered = await send("GET", recover);
  assertEquals(
    x402(recovered.headers, "payment-response").transaction,
    recovered.body.paid_tx_hash,
  );

  const next = await invoice();
  sim.misbehave({ fault: "payment-lose-answer" });
  const signed = sim.signPayment(next.id);
  assertEquals((await send("GET", signed.url)).status, 402);
  await assertRejects(send("POST", signed.url, undefined, signed.headers), TypeError);
  assertEquals(await status(next), "PAID");
});

test("simulator: an idempotency key that is no UUID is warned of once, or refused", async () => {
  const warnings = [];
  const { warn } = console;
  console.warn = (text) => warnings.push(text);
  try {
    const create = async (options, ...keys) => {
      const { send } = setUp(options);
      const statuses = [];
      for (const key of keys)
        statuses.push(
          (await send("POST", INVOICES, { amount_usdc: 1 }, { "idempotency-key": key })).status,
        );
      return statuses;
    };
    const uuid = crypto.randomUUID();
    assertEquals(await create({ strictIdempotencyKeys: true }, uuid, "order_abc_v1"), [201, 400]);
    assertEquals(warnings, []);
    assertEquals(await create({}, uuid, "order_abc_v1", "order_abc_v2"), [201, 201, 201]);
    assertEquals(warnings.length, 1);
    assertMatch(warnings[0], /^Simulator: an Idempotency-Key is no UUID v4/);
  } finally {
    console.warn = warn;
  }
});

test("simulator: a payment can be held, fail and succeed", async () => {
  const { sim, invoice, status } = setUp();
  const created = await invoice();
  assertEquals((await sim.pay(created.id, { outcome: "hold" })).status, "PAYING");
  assertEquals((await sim.failPayment(created.id)).status, "OPEN");
  assertEquals((await sim.pay(created.id, { outcome: "fail" })).status, "OPEN");
  await sim.pay(created.id, { outcome: "hold" });
  assertEquals(await status(created), "PAYING");
  assertEquals((await sim.settle(created.id)).status, "PAID");
});

test("simulator: refused webhooks come again until they are accepted", async () => {
  const { sim, received, invoice } = setUp();
  received.status = 500;
  await sim.pay((await invoice()).id);
  await sim.clock.advance(1_000);
  received.status = 200;
  await sim.clock.advance(5_000);
  await sim.clock.advance(86_400_000);
  assertEquals(received.filter(({ body }) => body.includes("invoice.paid")).length, 3);
  const [{ attempts, status }] = sim.deliveries;
  assertEquals(
    [status, attempts.map(({ statusCode }) => statusCode)],
    ["delivered", [500, 500, 200]],
  );
  sim.misbehave({ fault: "webhook-lose-answer" });
  await sim.pay((await invoice()).id);
  const [, again] = sim.deliveries;
  assertEquals([again.status, again.attempts[0].statusCode], ["pending", null]);
});

test("simulator: both secrets sign during a rotation", async () => {
  const { sim, received, invoice, gwop } = setUp();
  const { webhookSecret } = sim.rotateWebhookSecret();
  assertEquals(sim.webhookSecret, webhookSecret);
  await sim.pay((await invoice()).id);
  await gwop.validateWebhook({ request: received[0] });
  await new Gwop({ webhookSecret }).validateWebhook({ request: received[0] });
  sim.dropOldWebhookSecrets();
  await sim.redeliver(sim.deliveries[0].eventId);
  await assertRejects(gwop.validateWebhook({ request: received[1] }), {
    code: "WEBHOOK_SIGNATURE_MISMATCH",
  });
});

test("simulator: tokens are signed by keys of the set, over a rotation", async () => {
  const { sim, send } = setUp();
  const keys = async () => (await send("GET", `${IDENTITY}/.well-known/jwks.json`)).body.keys;
  const { body: intent } = await send("POST", `${IDENTITY}/v1/auth-intents`, {});
  const exchange = () =>
    send("POST", `${IDENTITY}/v1/auth-intents/${intent.auth_intent_id}/exchange`, undefined, {
      "idempotency-key": "k",
    });
  assertEquals((await exchange()).body.error.code, "AUTH_INTENT_NOT_SETTLED");
  await sim.pay(intent.auth_intent_id, { chain: "solana" });
  const { body: token } = await exchange();
  assertEquals((await exchange()).body, token);
  const claims = await verified(token.access_token, await keys());
  assertEquals([claims.iss, claims.mid, claims.sid], [IDENTITY, sim.merchantId, token.session.sid]);
  assertMatch(claims.sub, /^solana:/);

  const { kid } = await sim.rotateKeys();
  assertEquals((await keys()).length, 2);
  const minted = await sim.mintToken({ expiresInSeconds: -60, claims: { mid: "another" } });
  const expired = await verified(minted.accessToken, await keys());
  assertEquals([expired.kid, expired.mid, expired.exp < expired.iat], [kid, "another", true]);
  sim.dropOldKeys();
  assertEquals(await verified(token.access_token, await keys()), undefined);

  const session = `${IDENTITY}/v1/auth-sessions/${minted.sessionId}`;
  assertEquals((await send("GET", session)).body.status, "active");
  await send("POST", `${IDENTITY}/v1/auth-sessions/revoke`, { session_id: minted.sessionId });
  assertEquals((await send("GET", session)).body.status, "revoked");
});

test("simulator: a given signing key is used", async () => {
  const parameters = { ...RS256, modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) };
  const { privateKey } = await crypto.subtle.generateKey(parameters, true, ["sign", "verify"]);
  const signingKey = await crypto.subtle.exportKey("jwk", privateKey);
  const { sim, send } = setUp({ signingKey });
  const { body } = await send("GET", `${IDENTITY}/.well-known/jwks.json`);
  assertEquals([body.keys.length, body.keys[0].n], [1, signingKey.n]);
  assert(await verified((await sim.mintToken()).accessToken, body.keys));
});

test("simulator: a lost answer is processed, a lost request is not", async () => {
  const { sim, send, invoice } = setUp();
  const total = async () => (await send("GET", INVOICES)).body.pagination.total;
  sim.misbehave({ fault: "lose-request", operation: "invoices.create" });
  await assertRejects(invoice(), TypeError);
  assertEquals(await total(), 0);
  sim.misbehave({ fault: "lose-answer", operation: "invoices.create" });
  await assertRejects(invoice(), TypeError);
  assertEquals(await total(), 1);
  assertEquals(
    sim.requests.map(({ status }) => status),
    [null, 200, null, 200],
  );
});

test("simulator: bursts, limits, late, slow and broken answers", async () => {
  const { sim, send } = setUp();
  sim.misbehave({ fault: "error", status: 502, times: 2 });
  sim.misbehave({ fault: "rate-limit", retryAfter: "7" });
  assertEquals(
    [(await send("GET", INVOICES)).status, (await send("GET", INVOICES)).status],
    [502, 502],
  );
  const limited = await send("GET", INVOICES);
  assertEquals(
    [limited.status, limited.headers.get("retry-after"), limited.body.error.code],
    [429, "7", "RATE_LIMITED"],
  );
  sim.misbehave({ fault: "slow-body", chunkBytes: 20, intervalMs: 1 });
  assertEquals((await send("GET", INVOICES)).body.invoices, []);
  sim.misbehave({ fault: "malformed-json" });
  await assertRejects(send("GET", INVOICES), SyntaxError);
  const outage = sim.misbehave({
    fault: "replace",
    operation: "auth.getJwks",
    status: 204,
    times: "always",
  });
  const jwks = () => sim.fetch(`${IDENTITY}/.well-known/jwks.json`);
  assertEquals([(await jwks()).status, (await jwks()).status], [204, 204]);
  sim.behave(outage);
  assertEquals((await jwks()).status, 200);
  const stop = new AbortController();
  sim.misbehave({ fault: "delay", delayMs: 60_000 });
  const late = sim.fetch(INVOICES, { signal: stop.signal });
  stop.abort();
  await assertRejects(late, { name: "AbortError" });
});

test("simulator: a merchant sees nothing of another one", async () => {
  const other = {
    id: "11111111-1111-4111-8111-111111111111",
    apiKey: "sk_m_other",
    webhookSecret: "whsec_other",
  };
  const { sim, send, invoice } = setUp({ merchants: [other] });
  await invoice();
  const seen = await send("GET", INVOICES, undefined, { authorization: "Bearer sk_m_other" });
  assertEquals(seen.body.pagination.total, 0);
  assertEquals(
    (await send("GET", INVOICES, undefined, { authorization: "Bearer sk_m_nobody" })).status,
    401,
  );
  assertThrows(() => sim.addMerchant(other), { code: "INVALID_OPTION" });
});

test("simulator: wrong options and targets say what was expected", async () => {
  const id = "11111111-1111-4111-8111-111111111111";
  const cycle = {};
  cycle.cycle = cycle;
  for (const [field, options, message = /expected/] of [
    ["options", null],
    ["options", 5],
    ["merchantApiKey", { merchantApiKey: "live_1" }, /sk_m_/],
    ["merchantApiKey", { merchantApiKey: 5 }, /expected a string, got 5/],
    ["merchantId", { merchantId: "x" }, /UUID/],
    ["webhookSecret", { webhookSecret: "" }],
    ["webhookUrl", { webhookUrl: "127.0.0.1" }, /http:/],
    ["webhookUrl", { webhookUrl: () => "" }],
    ["webhookHandler", { webhookHandler: 5 }, /function/],
    ["merchants", { merchants: "sk_m_x" }, /expected an array, got a string$/],
    ["merchants[0]", { merchants: [null] }],
    ["merchants[0].apiKey", { merchants: [{ id, apiKey: "sk_m_simulator", webhookSecret: "x" }] }],
    ["merchants[0].webhookSecret", { merchants: [{ id, apiKey: "sk_m_x" }] }, /required/],
    ["sesionTtlSeconds", { sesionTtlSeconds: 1 }, /did you mean sessionTtlSeconds/],
    ["options", new Map([["seed", 1]]), /plain object/],
    ["options", Promise.resolve({ seed: 1 }), /plain object/],
    ["options", [], /expected an object/],
    ["webhookUrl", { webhookUrl: null }, /left out/],
    ["seed", { seed: Number.NaN }],
    ["x402", { x402: "strict" }, /standard/],
    ["smartWallets[1]", { smartWallets: [`0x${"aa".repeat(20)}`, "0x1"] }, /address on Base/],
    ["seed", { seed: 5n }],
    ["settlementDelayMs", { settlementDelayMs: "5" }],
    ["webhookTimeoutMs", { webhookTimeoutMs: "5" }],
    ["autoDeliver", { autoDeliver: "no" }],
    ["wallClock", { wallClock: () => "5" }],
    ["signingKey", { signingKey: {} }, /private RSA key/],
    [undefined, { issuer: cycle }, /cycles/],
  ]) {
    const error = assertThrows(() => new Simulator(options), {
      name: "SimulatorError",
      code: "INVALID_OPTION",
      field,
      message,
    });
    if (field) assert(error.message.startsWith(`\`${field}\`: `), error.message);
  }
  const { sim, invoice } = setUp();
  const { id: target } = await invoice();
  for (const [field, call, message = /expected/] of [
    ["fault", () => sim.misbehave(null), /expected an object, got null/],
    ["fault", () => sim.misbehave({}), /required/],
    ["fault", () => sim.misbehave({ fault: null }), /expected a string, got null/],
    ["fault", () => sim.misbehave({ fault: "lose-anwser" }), /lose-answer/],
    [
      "retryAfter",
      () => sim.misbehave({ retryAfter: 7, fault: "rate-limit" }),
      /expected a string, got 7/,
    ],
    ["delayMs", () => sim.misbehave({ fault: "delay", delayMs: 3e9 })],
    [
      "answer",
      () => sim.misbehave({ fault: "payment-late", delayMs: 1, answer: "lost" }),
      /refused/,
    ],
    ["payer", () => sim.signPayment(target, { payer: -1 })],
    ["x402Version", () => sim.signPayment(target, { x402Version: 3 }), /expected 1 or 2/],
    [
      "headers[0][1]",
      () => sim.misbehave({ fault: "replace", status: 200, headers: [["a", "\n"]] }),
    ],
    ["times", () => sim.misbehave({ fault: "lose-answer", times: 0 })],
    ["id", () => sim.behave(null)],
    ["id", () => sim.behave(Number.NaN)],
    ["target", () => sim.pay(), /required/],
    ["options", () => sim.pay(target, "solana")],
    ["command", () => sim.pay(target, { command: "takeDue" }), /is not known/],
    ["wallet", () => sim.pay(target, { wallet: 5 })],
    ["expiresInSeconds", () => sim.mintToken({ expiresInSeconds: Number.NaN })],
    ["options", () => sim.rotateWebhookSecret(null)],
    ["secret", () => sim.rotateWebhookSecret({ secret: 5 })],
    ["url", () => sim.setWebhookUrl("127.0.0.1")],
    ["merchant", () => sim.addMerchant()],
    ["id", () => sim.addMerchant({ id: "x", apiKey: "sk_m_x", webhookSecret: "x" }), /UUID/],
  ]) {
    await assertRejects(async () => call(), {
      name: "SimulatorError",
      code: "INVALID_OPTION",
      field,
      message,
    });
  }
  const methods = {
    pay: (options) => sim.pay(target, options),
    signPayment: (options) => sim.signPayment(target, options),
    mintToken: (options) => sim.mintToken(options),
    rotateWebhookSecret: (options) => sim.rotateWebhookSecret(options),
    dropOldWebhookSecrets: (options) => sim.dropOldWebhookSecrets(options),
    setWebhookUrl: (options) => sim.setWebhookUrl(undefined, options),
    signWebhook: (options) => sim.signWebhook("{}", options),
  };
  for (const call of Object.values(methods)) {
    class Options {}
    const foreign = Object.create({ merchantId: id });
    for (const strange of [Promise.resolve({}), new Map(), new Options(), foreign]) {
      const expected = { code: "INVALID_OPTION", field: "options", message: /plain object/ };
      await assertRejects(async () => call(strange), expected);
    }
    await assertRejects(async () => call({ nonsense: 1 }), {
      field: "nonsense",
      message: /did you mean/,
    });
  }
  for (const name of ["merchantId", "wallet", "command", "times"]) {
    Object.defineProperty(Object.prototype, name, { value: "polluted", configurable: true });
    try {
      const { webhookSecret } = sim.rotateWebhookSecret();
      assertEquals(sim.webhookSecret, webhookSecret);
      await sim.mintToken({});
      sim.behave(sim.misbehave({ fault: "lose-answer" }));
    } finally {
      delete Object.prototype[name];
    }
  }
  assertInstance(
    await assertRejects(sim.pay("inv_none"), { code: "NOT_FOUND", field: undefined }),
    SimulatorError,
  );
  assertEquals((await sim.pay(target)).status, "PAID");
});

test("simulator: only finite numbers and times move the clock", async () => {
  const { sim, invoice } = setUp();
  sim.clock.freeze();
  const start = sim.clock.now();
  for (const ms of [
    "5000",
    null,
    undefined,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    -1,
    1e13,
    5n,
    {},
    [5],
  ]) {
    await assertRejects(sim.clock.advance(ms), {
      code: "INVALID_OPTION",
      field: "ms",
      message: /a number of milliseconds from 0 to 1000000000000/,
    });
  }
  for (const time of ["x", null, undefined, true, [2030], Number.NaN, 1e15, new Date(Number.NaN)]) {
    await assertRejects(sim.clock.set(time), {
      code: "INVALID_OPTION",
      field: "time",
      message: /1970 to 9999/,
    });
  }
  assertEquals(sim.clock.now(), start);
  await sim.clock.set("9999-12-31T23:59:59Z");
  await assertRejects(sim.clock.advance(1_000), { field: "ms", message: /to 999, got 1000/ });
  assertEquals((await invoice()).created_at, "9999-12-31T23:59:59.000Z");
});

test("simulator: a webhook handler that breaks its promise is a failed attempt", async () => {
  const gives = [
    () => undefined,
    () => ({ status: "200", arrayBuffer() {} }),
    () => Promise.reject(new Error("\ud800")),
  ];
  for (const webhookHandler of gives) {
    const { sim, invoice } = setUp({ webhookHandler });
    await sim.pay((await invoice()).id);
    const [{ status, attempts }] = sim.deliveries;
    assertEquals(
      [status, attempts.length, attempts[0].statusCode, typeof attempts[0].error],
      ["pending", 1, null, "string"],
    );
    sim.close();
  }
});

test("simulator: a handler that never answers, or whose answer never ends, is given up after webhookTimeoutMs", async () => {
  const never = new Promise(() => {});
  for (const webhookHandler of [
    () => never,
    () => new Response(new ReadableStream({ pull: () => never })),
  ]) {
    const { sim, invoice } = setUp({ webhookHandler, webhookTimeoutMs: 20 });
    await sim.pay((await invoice()).id);
    assertEquals(
      sim.deliveries[0].attempts.map(({ statusCode, error }) => [statusCode, error]),
      [[null, "no answer in time"]],
    );
    sim.close();
  }
});

// An unhandled rejection ends the process on Node, Deno and Bun, and fails the run in browsers.
test("simulator: a wallClock that goes wrong while nothing is awaited fails the next call, and nothing else", async () => {
  let now = () => Date.now();
  const { sim, invoice } = setUp({ wallClock: () => now() });
  // Long enough for a busy machine.
  sim.misbehave({ fault: "webhook-delay", delayMs: 200 });
  await sim.pay((await invoice()).id);
  let asked = false;
  now = () => ((asked = true), Number.NaN);
  while (!asked) await new Promise((done) => setTimeout(done, 5));
  await new Promise((done) => setTimeout(done));
  assertThrows(() => sim.state, { code: "INVALID_OPTION", field: "wallClock" });
  sim.close();
});

test("simulator: the same seed gives the same identifiers", async () => {
  const id = async (seed) =>
    (await setUp(seed === undefined ? {} : { seed }).invoice()).public_invoice_id;
  assertEquals(await id(7), await id(7));
  const [first, second] = [await id(), await id()];
  assert(first !== second, "random without a seed");
});

test("simulator: a journal keeps everything, answers wait for it, and what it cannot write is not answered", async () => {
  let [text, fails, isWriting] = ["", false, false];
  const journal = {
    get kept() {
      return text === "" ? undefined : new TextEncoder().encode(text);
    },
    append: (lines) => write(() => (text += lines)),
    replace: (snapshot) => write(() => (text = snapshot)),
  };
  async function write(done) {
    assert(!isWriting, "one write at a time");
    isWriting = true;
    await Promise.resolve();
    isWriting = false;
    if (fails) throw new Error("the disk is full");
    done();
  }
  const first = setUp({ journal, webhookSecret: "whsec_kept", seed: 3 });
  const created = await first.invoice();
  const another = { ...journal, append: async () => {}, replace: async () => {} };
  assertEquals(
    await setUp({ journal: another }).status(created),
    "OPEN",
    "written before it was answered",
  );
  await first.sim.pay(created.id);
  const { accessToken } = await first.sim.mintToken();
  first.sim.rotateWebhookSecret({ secret: "whsec_newer" });
  first.sim.clock.freeze();
  await first.sim.saved();
  // Another process, with one new option.
  const second = setUp({ journal, merchantName: "Renamed" });
  assertEquals(
    [second.sim.webhookSecret, second.sim.merchantId],
    ["whsec_newer", first.sim.merchantId],
  );
  assertEquals(
    [await second.status(created), second.sim.clock.frozen, second.sim.clock.now()],
    ["PAID", true, first.sim.clock.now()],
  );
  assertEquals(second.sim.state.merchants[0].name, "Renamed");
  assertEquals(second.sim.deliveries, first.sim.deliveries);
  const { body: jwks } = await second.send("GET", `${IDENTITY}/.well-known/jwks.json`);
  assert((await verified(accessToken, jwks.keys)).sub, "the signing key was kept");
  assert((await verified((await second.sim.mintToken()).accessToken, jwks.keys)).sub, "and signs");
  fails = true;
  await assertRejects(second.invoice(), { code: "INTERNAL_ERROR" });
  await assertRejects(second.sim.saved(), { code: "INTERNAL_ERROR" });
  const answer = await serve(second.sim, new Request("http://127.0.0.1:4010/_sim/state"));
  assertEquals(answer.status, 500);
  assertThrows(
    () => new Simulator({ journal: { ...journal, kept: new TextEncoder().encode("a letter\n") } }),
    { code: "INVALID_STATE" },
  );
});

test("simulator: load() and reset(), and events sent again in other ways and elsewhere", async () => {
  const { sim, received, invoice } = setUp();
  await sim.load({
    invoices: [{ amountUsdc: 5 }, { amountUsdc: 6, status: "PAID", chain: "solana" }],
    authIntents: [{ paid: true }],
    faults: [{ fault: "delay", delayMs: 1 }],
  });
  const statuses = () => sim.state.invoices.map(({ status }) => status);
  assertEquals(
    [statuses(), sim.state.authIntents[0].settled, sim.state.faults.length, received.length],
    [["OPEN", "PAID"], true, 1, 1],
  );
  await assertRejects(sim.load({ webhookSecret: "whsec_x" }), {
    code: "INVALID_OPTION",
    field: "webhookSecret",
  });
  const { id } = await invoice();
  await sim.pay(id, { outcome: "late", delayMs: 1_000 });
  assertEquals(statuses()[2], "OPEN");
  await sim.clock.advance(1_000);
  assertEquals(statuses()[2], "PAID");
  const { eventId, attempts } = sim.deliveries.at(-1);
  const [, ownSignature] = attempts[0].headers.find(([name]) => name === "x-gwop-signature");
  assertEquals(
    [attempts[0].url, ownSignature, attempts[0].answerBody],
    ["http://localhost/webhooks/gwop", received.at(-1).headers["x-gwop-signature"], ""],
  );
  await sim.redeliver(eventId, { variant: "tampered", url: "http://localhost/elsewhere" });
  assertEquals(received.at(-1).url, "http://localhost/elsewhere");
  const { gwop } = setUp();
  const { body, headers } = received.at(-1);
  await assertRejects(
    gwop.validateWebhook({ request: new Request("http://x/", { method: "POST", body, headers }) }),
    { code: "WEBHOOK_SIGNATURE_MISMATCH" },
  );
  await assertRejects(sim.redeliver(eventId, { variant: "odd" }), {
    code: "INVALID_OPTION",
    field: "variant",
  });
  await sim.reset();
  assertEquals([statuses(), sim.requests, sim.deliveries.length], [["OPEN", "PAID"], [], 1]);
  assertEquals((await sim.cancel(sim.state.invoices[0].id)).status, "CANCELED");
  await assertRejects(sim.cancel(sim.state.invoices[0].id), { code: "NOT_ALLOWED" });
});

test("simulator: serve() adds control routes for loopback", async () => {
  const { sim, invoice, received } = setUp();
  const base = "http://127.0.0.1:4010";
  const control = async (path, body, headers = {}) => {
    const init = body ? { method: "POST", body: JSON.stringify(body), headers } : { headers };
    const response = await serve(sim, new Request(`${base}${path}`, init));
    return [response.status, await response.json()];
  };
  assertMatch(await (await serve(sim, new Request(`${base}/`))).text(), "POST /_sim/pay");
  const created = await invoice();
  const [code, payment] = await control("/_sim/pay", { target: created.id });
  assertEquals([code, payment.status, received.length], [200, "PAID", 1]);
  assertEquals((await control("/_sim/pay", { target: created.id }))[0], 409);
  const [, signed] = await control("/_sim/sign-payment", {
    target: (await invoice()).id,
    chain: "solana",
  });
  const rpc = (method, params) =>
    control("/_sim/solana-rpc", { jsonrpc: "2.0", id: 1, method, params });
  const [, { result: mint }] = await rpc("getAccountInfo", [
    "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v",
    { encoding: "base64" },
  ]);
  assertEquals(
    [mint.value.owner, atob(mint.value.data[0]).charCodeAt(44)],
    ["TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA", 6],
  );
  assertEquals((await rpc("getAccountInfo", [signed.wallet]))[1].result.value, null);
  assertMatch((await rpc("getLatestBlockhash"))[1].result.value.blockhash, /^\w{32,44}$/);
  assertEquals((await rpc("sendTransaction"))[1].error.code, -32601);
  const agent = await serve(
    sim,
    new Request(signed.url.replace("https://agents.gwop.io", base), signed),
  );
  assertEquals([agent.status, (await agent.json()).status], [200, "PAID"]);
  assertEquals((await control("/_sim/pay", { target: "inv_none" }))[0], 404);
  assertEquals((await control("/_sim/nothing"))[0], 404);
  assertEquals((await control("/_sim/state"))[1].invoices.length, 2);
  await control("/_sim/faults", { fault: "error", times: "always" });
  const get = () => serve(sim, new Request(`${base}/v1/invoices/${created.public_invoice_id}`));
  assertEquals((await get()).status, 503);
  await serve(sim, new Request(`${base}/_sim/faults`, { method: "DELETE" }));
  assertEquals((await get()).status, 200);
  const [, { now }] = await control("/_sim/clock", { set: "2031-01-01T00:00:00Z", frozen: true });
  assertMatch(now, /^2031-01-01T00:00:00/);
  const elsewhere = await serve(sim, new Request("http://evil.example/_sim/state"));
  assertEquals(elsewhere.status, 403);
});

test("simulator: serve() answers mistakes with Gwop's error body, and everything with a request id", async () => {
  const { sim, invoice } = setUp();
  const { id } = await invoice();
  sim.clock.freeze();
  sim.misbehave({ fault: "lose-answer", operation: "invoices.list" });
  await sim.fetch(`${IDENTITY}/.well-known/jwks.json`); // The signing key is made on first use.
  const before = JSON.stringify(sim.state);
  const ask = async (method, path, body) => {
    const response = await serve(
      sim,
      new Request(`http://127.0.0.1:4010${path}`, { method, ...(body !== undefined && { body }) }),
    );
    assertMatch(response.headers.get("x-request-id"), /^req_\w+$/);
    return response;
  };
  for (const [method, path, body, field] of [
    ["POST", "clock", { advanceMs: "5000" }, "advanceMs"],
    ["POST", "clock", { advanceMs: null }, "advanceMs"],
    ["POST", "clock", { advance: 5_000 }, "advance"],
    ["POST", "clock", { frozen: "no" }, "frozen"],
    ["POST", "clock", { set: null }, "set"],
    ["POST", "clock", { frozen: false, advanceMs: 1, set: "x" }, "set"],
    ["POST", "pay", { target: 5 }, "target"],
    ["POST", "pay", { target: id, command: "takeDue" }, "command"],
    ["POST", "sign-payment", { target: id, payer: "1" }, "payer"],
    ["POST", "solana-rpc", { jsonrpc: "2.0", method: 5 }, "method"],
    ["POST", "settle", {}, "target"],
    ["POST", "fail-payment", { target: id, outcome: "hold" }, "outcome"],
    ["POST", "faults", { fault: "rate-limit", retryAfter: 7 }, "retryAfter"],
    ["DELETE", "faults?id=all", undefined, "id"],
    ["DELETE", "faults?id=", undefined, "id"],
    ["POST", "deliver", { eventId: 5 }, "eventId"],
    ["POST", "tokens", { chain: 5 }, "chain"],
    ["POST", "webhook-secret/rotate", { secret: 5 }, "secret"],
    ["POST", "webhook-url", { url: 5 }, "url"],
    ["POST", "merchants", { id: 5 }, "id"],
    ["POST", "clock", [], undefined],
  ]) {
    const response = await ask(method, `/_sim/${path}`, body && JSON.stringify(body));
    assertEquals(response.status, 400, path);
    const { error } = await response.json();
    assertEquals(Object.keys(error), ["code", "message", "details", "requestId"]);
    assertEquals(
      [error.code, error.details.field, error.requestId],
      ["INVALID_OPTION", field, response.headers.get("x-request-id")],
    );
  }
  assertEquals(JSON.stringify(sim.state), before);
  assertEquals((await ask("POST", "/_sim/clock", "{")).status, 400);
  assertEquals((await ask("GET", "/_sim/nothing")).status, 404);
  assertEquals((await ask("GET", "/_sim/clock")).status, 200);
  assertEquals((await ask("GET", "/")).status, 200);
  assertEquals((await ask("GET", "/v1/nothing")).status, 404);
});

test("simulator: control routes answer to this machine alone, whatever Host, path and proxies say", async () => {
  const { sim } = setUp();
  const ask = (url, headers = {}) => {
    const request = new Request(url);
    // Some runtimes' own Request refuses a Host header, but incoming requests have one.
    const all = new Headers(headers);
    Object.defineProperty(request, "headers", {
      value: { get: (name) => headers[name] ?? all.get(name), has: (name) => all.has(name) },
    });
    return serve(sim, request);
  };
  const state = "http://127.0.0.1:4010/_sim/state";
  for (const host of [undefined, "127.0.0.1:4010", "localhost", "[::1]:4010"])
    assertEquals((await ask(state, host && { host })).status, 200, host);
  for (const host of ["evil.example", "127.0.0.1.evil.example:4010", "", "a b"])
    assertEquals((await ask(state, { host })).status, 403, host);
  for (const name of ["x-forwarded-for", "forwarded", "cf-connecting-ip"]) {
    assertEquals(
      (await ask(state, { [name]: "127.0.0.1", host: "127.0.0.1:4010" })).status,
      403,
      name,
    );
  }
  assertEquals((await ask("http://evil.example/_sim/state")).status, 403);
  for (const path of ["//127.0.0.1/_sim/state", "/\\127.0.0.1/_sim/state", "//_sim/state"]) {
    const answer = await ask(`http://evil.example${path}`, { host: "evil.example" });
    assertEquals(
      [answer.status, (await answer.json()).error.code],
      [400, "VALIDATION_ERROR"],
      path,
    );
  }
});

test("gwop-simulator serves over HTTP and tells how", {
  needs: ["command"],
  timeoutMs: 60_000,
}, async () => {
  const { spawn } = process.getBuiltinModule("child_process");
  const run = (args) => {
    const child = spawn("node_modules/.bin/gwop-simulator", args, {
      stdio: ["ignore", "pipe", "pipe"],
    });
    let said = "";
    child.stderr.on("data", (chunk) => (said += chunk));
    const exit = new Promise((done) => child.once("close", done));
    const listening = new Promise((done) => {
      child.stdout.on("data", (chunk) => {
        said += chunk;
        if (said.includes("Ctrl-C")) done();
      });
    });
    return { child, exit, listening: Promise.race([listening, exit]), said: () => said };
  };
  const wrong = run(["--port", "http"]);
  assertEquals(await wrong.exit, 1);
  assertMatch(wrong.said(), "--port takes a whole number");
  const nobody = run(["--port", "0", "--merchant-id", "x"]);
  assertEquals(await nobody.exit, 1);
  assertMatch(nobody.said(), /merchantId.*UUID/);

  const unknown = run(["--port", "0", "--x402", "strict"]);
  assertEquals(await unknown.exit, 1);
  assertMatch(unknown.said(), /x402.*standard/);

  const { child, exit, listening, said } = run([
    "--port",
    "0",
    "--merchant-key",
    "sk_m_cli",
    "--seed",
    "1",
    "--smart-wallet",
    `0x${"aa".repeat(20)}`,
  ]);
  try {
    await listening;
    const [base] = /http:\/\/127\.0\.0\.1:\d+/.exec(said());
    assertMatch(said(), "GWOP_MERCHANT_API_KEY=sk_m_cli");
    const post = (path, body) =>
      fetch(`${base}${path}`, {
        method: "POST",
        headers: { authorization: "Bearer sk_m_cli", "content-type": "application/json" },
        body: JSON.stringify(body),
      });
    const created = await (await post("/v1/invoices", { amount_usdc: 1_000_000 })).json();
    const open = await (await fetch(`${base}/v1/invoices/${created.public_invoice_id}`)).json();
    const [{ payment_url: url }] = open.payment_methods;
    assert(url.startsWith(`${base}/v1/invoices/inv_`), "payment URLs point to the server itself");
    assertEquals((await fetch(url)).status, 402);
    assertEquals((await (await post("/_sim/pay", { target: url })).json()).status, "PAID");
    await post("/_sim/faults", { fault: "lose-answer", operation: "invoices.create" });
    await assertRejects(post("/v1/invoices", { amount_usdc: 1 }), TypeError);
    await post("/_sim/faults", { fault: "slow-body", chunkBytes: 50, intervalMs: 1 });
    assertEquals(
      (await (await fetch(`${base}/v1/invoices/${created.public_invoice_id}`)).json()).status,
      "PAID",
    );
    const { keys } = await (await fetch(`${base}/.well-known/jwks.json`)).json();
    assertEquals(keys.length, 1);
    const refused = async (response) => {
      const { error } = await response.json();
      assertEquals(
        [Object.keys(error), error.requestId],
        [["code", "message", "details", "requestId"], response.headers.get("x-request-id")],
      );
      return [response.status, error.code];
    };
    assertEquals(await refused(await post("/_sim/clock", { advanceMs: "5000" })), [
      400,
      "INVALID_OPTION",
    ]);
    assertEquals(
      await refused(
        await post("/v1/invoices", { amount_usdc: 1, description: "x".repeat(2_000_000) }),
      ),
      [400, "VALIDATION_ERROR"],
    );
    const { connect } = process.getBuiltinModule("net");
    const raw = (text) =>
      new Promise((done, failed) => {
        let answer = "";
        const socket = connect(Number(new URL(base).port), "127.0.0.1", () => socket.write(text));
        socket.setEncoding("latin1").on("data", (chunk) => (answer += chunk));
        socket.on("error", failed).on("end", () => done(answer));
      });
    for (const text of [
      "GET /v1/invoices HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n",
      "TRACE /v1/invoices HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nno header\r\n\r\n",
      "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
      // The target contains its own host.
      "GET //127.0.0.1/_sim/state HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
      "GET /\\127.0.0.1/_sim/state HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
      "GET http://127.0.0.1/_sim/state HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
      "GET http:/_sim/state HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
      "GET /state HTTP/1.1\r\nHost: 127.0.0.1/_sim?\r\nConnection: close\r\n\r\n",
      "nothing\r\n\r\n",
    ]) {
      const answer = await raw(text);
      assertMatch(answer, /^HTTP\/1\.1 400 /);
      assertMatch(answer, /\r\nx-request-id: req_/i);
      assertMatch(answer, /"code":"VALIDATION_ERROR".*"requestId":"req_/);
    }
    for (const [target, headers, status] of [
      ["/_sim/state", "Host: 127.0.0.1", 200],
      ["http://127.0.0.1/_sim/state", "Host: 127.0.0.1", 200],
      ["/_sim/state", "Host: evil.example", 403],
      ["/_sim/state", "Host: 127.0.0.1\r\nX-Forwarded-For: 203.0.113.7", 403],
      ["/_sim/state", "Host: 127.0.0.1\r\nForwarded: for=203.0.113.7", 403],
      ["/_sim/state", "Host: 127.0.0.1\r\nCF-Connecting-IP: 203.0.113.7", 403],
    ]) {
      assertMatch(
        await raw(`GET ${target} HTTP/1.1\r\n${headers}\r\nConnection: close\r\n\r\n`),
        new RegExp(`^HTTP/1\\.1 ${status} `),
      );
    }
    // Clients that leave before they are refused cause no failure.
    for (let round = 0; round < 50; round += 1) {
      await new Promise((done) => {
        const socket = connect(Number(new URL(base).port), "127.0.0.1", () => {
          socket.write("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", () => socket.resetAndDestroy());
        });
        socket.on("error", () => {}).on("close", done);
      });
    }
    for (const header of ["", "Host: a\r\nExpect: the-unexpected\r\n"]) {
      const answer = await raw(`GET /v1/invoices HTTP/1.1\r\n${header}Connection: close\r\n\r\n`);
      assertMatch(answer, /^HTTP\/1\.1 401 /);
      assertMatch(answer, /"code":"UNAUTHORIZED".*"requestId":"req_/);
    }
  } finally {
    child.kill("SIGTERM");
    assertEquals(await exit, 0);
  }
});
