// `@gwop/sdk/checkout`: the behavior on which code for gwop-checkout 2.0.0 relies.
import {
  AuthenticationError,
  GwopCheckout,
  GwopCheckoutError,
  InvalidRequestError,
  NotFoundError,
  RateLimitError,
  Webhooks,
} from "@gwop/sdk/checkout";
// A minified bundle of `@gwop/sdk/checkout`, made by the runner: a second copy of the classes.
import * as copies from "./copies/checkout.js";
import { assert, assertEquals, assertRejects, assertThrows, test } from "./harness.js";
import { deliver, EXPIRED, hmacHex, PAID, SECRET } from "./deliveries.js";

const { webhooks } = new GwopCheckout();
const CANCELED = EXPIRED.replace("invoice.expired", "invoice.canceled").replace(
  "EXPIRED",
  "CANCELED",
);
const now = () => Math.floor(Date.now() / 1000);

/** Asserts the class and code of every refused webhook, and the reason in `details`. */
function refused(fn, reason) {
  const error = assertThrows(fn);
  assert(error instanceof InvalidRequestError, `a ${error?.name}: ${error?.message}`);
  assertEquals(
    [error.code, error.statusCode, error.details],
    ["WEBHOOK_SIGNATURE_ERROR", 400, { reason }],
  );
  const told = `${error.message} ${error.stack} ${JSON.stringify(error)}`;
  for (const secret of ["evt_abc123", "0x742d35Cc", SECRET])
    assert(!told.includes(secret), `it tells ${secret}`);
  return error;
}

test("checkout: constructEvent gives the wire event, synchronously", async () => {
  for (const body of [PAID, EXPIRED, CANCELED]) {
    const { headers } = await deliver(body);
    const event = webhooks.constructEvent(body, headers["x-gwop-signature"], SECRET);
    assertEquals(event, JSON.parse(body));
  }
});

test("checkout: constructEvent takes a string, bytes, a view or a buffer", async () => {
  const bytes = new TextEncoder().encode(PAID);
  const padded = new Uint8Array(bytes.length + 10);
  padded.set(bytes, 5);
  const payloads = [PAID, bytes, bytes.buffer, padded.subarray(5, 5 + bytes.length)];
  if (typeof Buffer !== "undefined") payloads.push(Buffer.from(PAID));
  const { headers } = await deliver(PAID);
  for (const payload of payloads) {
    assertEquals(
      webhooks.constructEvent(payload, headers["x-gwop-signature"], SECRET),
      JSON.parse(PAID),
    );
  }
});

test("checkout: constructEvent keeps fields that this version does not know", async () => {
  const body = PAID.replace("{", '{ "livemode": false, ').replace(
    '"currency"',
    '"über": ["ß", null, 1.5], "currency"',
  );
  const { headers } = await deliver(body);
  assertEquals(
    webhooks.constructEvent(body, headers["x-gwop-signature"], SECRET),
    JSON.parse(body),
  );
});

test("checkout: constructEvent takes several secrets during a rotation", async () => {
  const { headers } = await deliver(PAID, { secret: "whsec_old" });
  const event = webhooks.constructEvent(PAID, headers["x-gwop-signature"], [
    "whsec_new",
    "whsec_old",
  ]);
  assertEquals(event.event_id, "evt_abc123");
});

test("checkout: without a secret it is GWOP_WEBHOOK_SECRET", { needs: ["env"] }, async () => {
  const { headers } = await deliver(PAID, { secret: "whsec_from_the_environment" });
  for (const unset of [undefined, ""]) {
    assertEquals(
      webhooks.constructEvent(PAID, headers["x-gwop-signature"], unset).event_id,
      "evt_abc123",
    );
    const signature = webhooks.generateTestSignature(PAID, unset);
    assertEquals(
      webhooks.constructEvent(PAID, signature, "whsec_from_the_environment").event_id,
      "evt_abc123",
    );
  }
});

test("checkout: every refused webhook is an InvalidRequestError with WEBHOOK_SIGNATURE_ERROR and the reason", async () => {
  const header = (await deliver(PAID)).headers["x-gwop-signature"];
  const check = (payload, signature, options) => () =>
    webhooks.constructEvent(payload, signature, SECRET, options);
  for (const missing of [undefined, null, "", []])
    refused(check(PAID, missing), "WEBHOOK_SIGNATURE_MISSING");
  refused(check(PAID, "v1=00"), "WEBHOOK_SIGNATURE_MALFORMED");
  refused(check(PAID, header.replace(/t=\d+/, "t=1e9")), "WEBHOOK_TIMESTAMP_INVALID");
  refused(check(PAID.replace("1025000", "9"), header), "WEBHOOK_SIGNATURE_MISMATCH");
  refused(() => webhooks.constructEvent(PAID, header, "whsec_other"), "WEBHOOK_SIGNATURE_MISMATCH");
  for (const parsed of [JSON.parse(PAID), undefined, null, 7])
    refused(check(parsed, header), "WEBHOOK_BODY_NOT_RAW");
  const signed = (body) => [body, webhooks.generateTestSignature(body, SECRET)];
  refused(check(...signed("{}")), "WEBHOOK_PAYLOAD_INVALID");
  refused(check(...signed("[1]")), "WEBHOOK_PAYLOAD_INVALID");
  refused(check(...signed(new Uint8Array([0x7b, 0xff, 0x7d]))), "WEBHOOK_PAYLOAD_INVALID");
  refused(
    check(...signed(PAID.replace("invoice.paid", "invoice.refunded"))),
    "WEBHOOK_EVENT_UNKNOWN",
  );
  const names = (fn, name) => assert(refused(fn, "SDK_VALIDATION").message.startsWith(name));
  for (const tolerance of [-1, NaN, Infinity, "300"])
    names(check(PAID, header, { tolerance }), "tolerance must");
  for (const receivedAt of [7, new Date(NaN)])
    names(check(PAID, header, { receivedAt }), "receivedAt must");
  for (const secret of [7, {}, [7]])
    names(() => webhooks.constructEvent(PAID, header, secret), "secret must");
  for (const options of [7, "300", null, [], { tolerance: null }])
    names(check(PAID, header, options), "options");
});

test("checkout: tolerance is 300 seconds either side, or as given", () => {
  const at = (offset, options) => () =>
    webhooks.constructEvent(
      PAID,
      webhooks.generateTestSignature(PAID, SECRET, now() + offset),
      SECRET,
      options,
    );
  for (const offset of [-298, 298]) assertEquals(at(offset)().event_id, "evt_abc123");
  for (const offset of [-302, 302]) refused(at(offset), "WEBHOOK_TIMESTAMP_OUTSIDE_TOLERANCE");
  assertEquals(at(-900, { tolerance: 1000 })().event_id, "evt_abc123");
  refused(at(-10, { tolerance: 5 }), "WEBHOOK_TIMESTAMP_OUTSIDE_TOLERANCE");
  const later = { receivedAt: new Date(Date.now() - 86_400_000) };
  assertEquals(at(-86_400, later)().event_id, "evt_abc123");
});

test("checkout: generateTestSignature is the header that Gwop would send", async () => {
  const expected = await hmacHex(SECRET, `1700000000.${PAID}`);
  assertEquals(
    webhooks.generateTestSignature(PAID, SECRET, 1_700_000_000),
    `t=1700000000,v1=${expected}`,
  );
  assertEquals(
    webhooks.generateTestSignature(new TextEncoder().encode(PAID), SECRET, 1_700_000_000),
    `t=1700000000,v1=${expected}`,
  );
  const before = now();
  const [, t] = /^t=(\d+),v1=[0-9a-f]{64}$/.exec(webhooks.generateTestSignature(PAID, SECRET));
  assert(Number(t) >= before && Number(t) <= now());
  for (const timestamp of [-1, 1.5, NaN, 1e21, "1700000000", new Date()]) {
    assertThrows(
      () => webhooks.generateTestSignature(PAID, SECRET, timestamp),
      InvalidRequestError,
    );
  }
});

test("checkout: dispatch calls the event's handler and waits for it", async () => {
  const calls = [];
  const handler = (name) => async (event) => {
    await new Promise((done) => setTimeout(done, 10));
    calls.push([name, event.data.status]);
  };
  const handlers = {
    invoicePaid: handler("paid"),
    invoiceExpired: handler("expired"),
    invoiceCanceled: handler("canceled"),
  };
  for (const body of [PAID, EXPIRED, CANCELED]) {
    const before = calls.length;
    assertEquals(await webhooks.dispatch(JSON.parse(body), handlers), undefined);
    assertEquals(calls.length, before + 1, "the handler is not awaited");
  }
  assertEquals(calls, [
    ["paid", "PAID"],
    ["expired", "EXPIRED"],
    ["canceled", "CANCELED"],
  ]);
});

test("checkout: dispatch passes over events without a handler, and hands on what a handler throws", async () => {
  await webhooks.dispatch(JSON.parse(PAID), {});
  await webhooks.dispatch(JSON.parse(PAID), { invoicePaid: undefined });
  for (const type of ["invoice.refunded", "constructor", "__proto__", undefined]) {
    await webhooks.dispatch(
      { ...JSON.parse(PAID), event_type: type },
      { invoicePaid: () => assert(false) },
    );
  }
  const boom = new Error("the database is down");
  for (const invoicePaid of [
    () => {
      throw boom;
    },
    () => Promise.reject(boom),
  ]) {
    assertEquals(await assertRejects(webhooks.dispatch(JSON.parse(PAID), { invoicePaid })), boom);
  }
});

test("checkout: a payload has at most 1 MiB or maxBodyBytes, and a secret at least 8 characters", async () => {
  const long = PAID.padEnd(1024 * 1024 + 1);
  const { headers } = await deliver(long);
  const signature = headers["x-gwop-signature"];
  for (const payload of [long, new TextEncoder().encode(long)]) {
    refused(() => webhooks.constructEvent(payload, signature, SECRET), "WEBHOOK_BODY_TOO_LARGE");
    assertEquals(
      webhooks.constructEvent(payload, signature, SECRET, { maxBodyBytes: long.length }).event_id,
      "evt_abc123",
    );
  }
  refused(() => webhooks.constructEvent(PAID, signature, "whsec_x"), "SDK_VALIDATION");
  assertThrows(() => webhooks.generateTestSignature(PAID, "whsec_x"), {
    details: { reason: "SDK_VALIDATION" },
  });
});

test("checkout: webhooks can be used from an instance, from the class and alone", async () => {
  const { headers } = await deliver(PAID);
  for (const { constructEvent } of [
    new GwopCheckout().webhooks,
    GwopCheckout.webhooks,
    new Webhooks(),
  ]) {
    assertEquals(constructEvent(PAID, headers["x-gwop-signature"], SECRET).event_id, "evt_abc123");
  }
});

test("checkout: five error classes, also over a copy of the package", () => {
  const classes = {
    GwopCheckoutError,
    AuthenticationError,
    InvalidRequestError,
    NotFoundError,
    RateLimitError,
  };
  const details = { retry_after_seconds: 3 };
  for (const [name, Class] of Object.entries(classes)) {
    for (const Made of [Class, copies[name]]) {
      const error = new Made("m", { code: "C", statusCode: 429, requestId: "req_1", details });
      assertEquals(
        [error.name, error.message, error.code, error.statusCode, error.requestId, error.details],
        [name, "m", "C", 429, "req_1", details],
      );
      assert(
        error instanceof Error &&
          error instanceof GwopCheckoutError &&
          error instanceof copies.GwopCheckoutError,
      );
      for (const [other, Other] of Object.entries(classes)) {
        const expected = other === name || other === "GwopCheckoutError";
        assertEquals(error instanceof Other, expected, `${name} instanceof ${other}`);
        assertEquals(
          error instanceof copies[other],
          expected,
          `${name} instanceof the copy of ${other}`,
        );
      }
    }
  }
  class Own extends NotFoundError {}
  assert(!(new NotFoundError("m", { code: "C" }) instanceof Own));
  assert(new Own("m", { code: "C" }) instanceof NotFoundError);
});

// Invoices. gwop-checkout sends through the global `fetch`.

const KEY = "sk_m_suite_canary";
const ID = "inv_7dbeeaad8ebf4f5298c380c90e4b3576";
const UUID = "ba7bc94a-5468-42f4-9f04-2502e50c7501";
const UUID_V4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

const json = (status, body, headers = {}) =>
  new Response(typeof body === "string" ? body : JSON.stringify(body), {
    status,
    headers: { "content-type": "application/json", "x-request-id": "req_header", ...headers },
  });
const problem = (status, code, more = {}, headers = {}) =>
  json(status, { error: { code, message: `${code} it is`, ...more } }, headers);

/**
 * Runs `fn` while `answer(request, count)` replaces the global `fetch`. `fn` gets the sent
 * requests.
 */
async function withFetch(answer, fn) {
  const { fetch } = globalThis;
  const sent = [];
  globalThis.fetch = async (input, init) => {
    const request = init === undefined ? new Request(input) : new Request(input, init);
    const { method, url, headers, redirect } = request;
    sent.push({
      method,
      url,
      headers: Object.fromEntries(headers),
      redirect,
      body: await request.clone().text(),
    });
    return answer(request, sent.length);
  };
  try {
    return await fn(sent);
  } finally {
    globalThis.fetch = fetch;
  }
}

/** Makes one call with one response. Returns what was sent, and the result. */
const call = (answer, make, options = {}) =>
  withFetch(answer, async (sent) => {
    const gwop = new GwopCheckout({ merchantApiKey: KEY, maxRetries: 0, ...options });
    try {
      return { sent, value: await make(gwop) };
    } catch (error) {
      return { sent, error };
    }
  });

test("checkout: create sends the wire body and resolves to the wire JSON itself", async () => {
  const answer = {
    id: UUID,
    public_invoice_id: ID,
    amount_usdc: 1_025_000,
    status: "OPEN",
    created_at: "2026-03-25T01:51:43.402Z",
    metadata: { snake_case: 1, camelCase: [null] },
    a_field_of_tomorrow: true,
  };
  const body = {
    amount_usdc: 1_000_000,
    metadata: { orderId: "1", order_id: "2" },
    expires_in_seconds: 60,
  };
  const { sent, value } = await call(
    () => json(201, answer),
    (gwop) => gwop.invoices.create(body),
  );
  assertEquals(value, answer);
  const [{ method, url, headers, body: raw, redirect }] = sent;
  assertEquals([method, url, redirect], ["POST", "https://agents.gwop.io/v1/invoices", "manual"]);
  assertEquals(JSON.parse(raw), body);
  assertEquals(
    [headers.authorization, headers["content-type"]],
    [`Bearer ${KEY}`, "application/json"],
  );
  assert(UUID_V4.test(headers["idempotency-key"]), "an idempotency key is made");
});

test("checkout: create takes the caller's idempotency key", async () => {
  const make = (gwop) => gwop.invoices.create({ amount_usdc: 1 }, { idempotencyKey: "order-1" });
  const { sent } = await call(() => json(201, {}), make);
  assertEquals(sent[0].headers["idempotency-key"], "order-1");
});

test("checkout: retrieve is public: no key needed, none sent", async () => {
  for (const merchantApiKey of [undefined, KEY]) {
    const { sent, value } = await call(
      () => json(200, { id: ID }),
      (gwop) => gwop.invoices.retrieve(ID),
      { merchantApiKey },
    );
    assertEquals(value, { id: ID });
    assertEquals(
      [sent[0].method, sent[0].url],
      ["GET", `https://agents.gwop.io/v1/invoices/${ID}`],
    );
    assert(!("authorization" in sent[0].headers));
  }
});

test("checkout: list and cancel", async () => {
  const page = { invoices: [], pagination: { total: 0, limit: 20, offset: 0, has_more: false } };
  for (const [params, query] of [
    [undefined, "limit=20&offset=0"],
    [{}, "limit=20&offset=0"],
    [{ status: "PAID", limit: 5, offset: 10 }, "limit=5&offset=10&status=PAID"],
  ]) {
    const { sent, value } = await call(
      () => json(200, page),
      (gwop) => gwop.invoices.list(params),
    );
    assertEquals(value, page);
    assertEquals(sent[0].url, `https://agents.gwop.io/v1/invoices?${query}`);
    assertEquals(sent[0].headers.authorization, `Bearer ${KEY}`);
  }
  const canceled = { id: UUID, status: "CANCELED", canceled_at: "2026-03-25T01:51:43.402Z" };
  const { sent, value } = await call(
    () => json(200, canceled),
    (gwop) => gwop.invoices.cancel(UUID),
  );
  assertEquals(value, canceled);
  assertEquals(
    [sent[0].method, sent[0].url],
    ["POST", `https://agents.gwop.io/v1/invoices/${UUID}/cancel`],
  );
});

test("checkout: apiKey is an alias, baseUrl the host, ids are percent-encoded", async () => {
  const options = { merchantApiKey: "", apiKey: "sk_m_alias", baseUrl: "http://127.0.0.1:4010/" };
  const { sent } = await call(
    () => json(200, {}),
    (gwop) => gwop.invoices.cancel("a/b?c"),
    options,
  );
  assertEquals(sent[0].url, "http://127.0.0.1:4010/v1/invoices/a%2Fb%3Fc/cancel");
  assertEquals(sent[0].headers.authorization, "Bearer sk_m_alias");
  const retrieve = (baseUrl) =>
    call(
      () => json(200, {}),
      (gwop) => gwop.invoices.retrieve(ID),
      { baseUrl },
    );
  assertEquals(
    (await retrieve(new URL("http://127.0.0.1:4010"))).sent[0].url,
    `http://127.0.0.1:4010/v1/invoices/${ID}`,
  );
  for (const baseUrl of [7, {}, [], true, "agents.gwop.io"]) {
    const wrong = await retrieve(baseUrl);
    assert(
      wrong.error instanceof InvalidRequestError,
      `a ${wrong.error?.name}: ${wrong.error?.message}`,
    );
    assertEquals(wrong.sent, []);
  }
});

test("checkout: the key of GWOP_CHECKOUT_API_KEY is read at the time of use", {
  needs: ["env"],
}, async () => {
  const { env } = globalThis.process;
  const gwop = new GwopCheckout({ maxRetries: 0 });
  try {
    env.GWOP_CHECKOUT_API_KEY = "sk_m_from_env";
    await withFetch(
      () => json(200, {}),
      async (sent) => {
        await gwop.invoices.list();
        assertEquals(sent[0].headers.authorization, "Bearer sk_m_from_env");
        env.GWOP_CHECKOUT_API_KEY = "";
        await assertRejects(gwop.invoices.list(), AuthenticationError);
      },
    );
  } finally {
    delete env.GWOP_CHECKOUT_API_KEY;
  }
});

test("checkout: a key that is missing or no sk_m_ key is an AuthenticationError before any request", async () => {
  const calls = [
    (gwop) => gwop.invoices.create({ amount_usdc: 1 }),
    (gwop) => gwop.invoices.list(),
    (gwop) => gwop.invoices.cancel(UUID),
  ];
  for (const merchantApiKey of [
    undefined,
    "",
    "sk_a_other",
    "canary",
    "sk_m_",
    "sk_m_a b",
    "sk_m_\n\u{e9}",
    7,
  ]) {
    for (const make of calls) {
      const { sent, error } = await call(() => json(200, {}), make, { merchantApiKey });
      assert(error instanceof AuthenticationError, `a ${error?.name}: ${error?.message}`);
      assertEquals([error.code, error.statusCode, sent.length], ["UNAUTHORIZED", 401, 0]);
      assert(!error.message.includes("canary"), "it tells the key");
    }
  }
});

test("checkout: bad arguments are an InvalidRequestError before any request", async () => {
  for (const make of [
    (gwop) => gwop.invoices.create(),
    (gwop) => gwop.invoices.create({}),
    (gwop) => gwop.invoices.create({ amount_usdc: "1000000" }),
    (gwop) => gwop.invoices.create({ amount_usdc: 1.5 }),
    ...["", 7, null].map(
      (idempotencyKey) => (gwop) => gwop.invoices.create({ amount_usdc: 1 }, { idempotencyKey }),
    ),
    ...["my-key", 7, null, [], true].map(
      (options) => (gwop) => gwop.invoices.create({ amount_usdc: 1 }, options),
    ),
    ...[null, 7, "x", []].map(
      (options) => (gwop) => gwop.invoices.waitForStatus(ID, "PAID", options),
    ),
    ...[[7], [""], "", ["PAID", null], null, 7].map(
      (status) => (gwop) => gwop.invoices.waitForStatus(ID, status),
    ),
    (gwop) => gwop.invoices.retrieve(),
    (gwop) => gwop.invoices.retrieve(""),
    (gwop) => gwop.invoices.cancel(7),
    (gwop) => gwop.invoices.list({ limit: "20" }),
    (gwop) => gwop.invoices.waitForStatus(ID, []),
    (gwop) => gwop.invoices.waitForStatus(ID, "PAID", { timeout: -1 }),
    (gwop) => gwop.invoices.waitForStatus(ID, "PAID", { initialInterval: NaN }),
    (gwop) => gwop.invoices.waitForStatus(ID, "PAID", { signal: {} }),
    (gwop) => gwop.invoices.waitForStatus(ID, "PAID", { signal: "now" }),
  ]) {
    const { sent, error } = await call(() => json(200, {}), make);
    assert(error instanceof InvalidRequestError, `a ${error?.name}: ${error?.message}`);
    assertEquals([error.code, error.statusCode, sent.length], ["VALIDATION_ERROR", 400, 0]);
  }
  const names = ["merchantApiKey", "apiKey", "baseUrl", "maxRetries", "timeout", "debug"];
  for (const options of [
    ...[
      { maxRetries: -1 },
      { maxRetries: 1.5 },
      { timeout: 0 },
      { timeout: NaN },
      { timeout: "5" },
      { debug: "no" },
      { debug: 0 },
    ],
    ...names.map((name) => ({ [name]: null })),
    ...[null, 7, "sk_m_x", []],
  ]) {
    assertThrows(() => new GwopCheckout(options), InvalidRequestError);
  }
  const { error } = await call(
    () => json(201, {}),
    (gwop) => gwop.invoices.create({ amount_usdc: 1 }, { idempotencyKey: 7 }),
  );
  assert(error.message.includes("`idempotencyKey`"), error.message);
  assertEquals([GwopCheckout.name, Webhooks.name], ["GwopCheckout", "Webhooks"]);
});

test("checkout: the class follows the status; code, statusCode, requestId and details are the server's", async () => {
  for (const [status, Class, code] of [
    [400, InvalidRequestError, "VALIDATION_ERROR"],
    [422, InvalidRequestError, "VALIDATION_ERROR"],
    [401, AuthenticationError, "UNAUTHORIZED"],
    [404, NotFoundError, "INVOICE_NOT_FOUND"],
    [403, GwopCheckoutError, "FORBIDDEN"],
    [409, GwopCheckoutError, "INVOICE_CANCEL_NOT_ALLOWED"],
    [500, GwopCheckoutError, "INTERNAL"],
  ]) {
    const answer = () => problem(status, code, { requestId: "req_body", details: { field: "id" } });
    const { error } = await call(answer, (gwop) => gwop.invoices.cancel(UUID));
    assertEquals([error.constructor, error.message], [Class, `${code} it is`]);
    assertEquals(
      [error.code, error.statusCode, error.requestId, error.details],
      [code, status, "req_body", { field: "id" }],
    );
  }
});

test("checkout: the request id of the header stands in, and an answer without an explanation has code HTTP_ERROR", async () => {
  const { error } = await call(
    () => problem(404, "INVOICE_NOT_FOUND"),
    (gwop) => gwop.invoices.retrieve(ID),
  );
  assertEquals([error.requestId, error.details], ["req_header", undefined]);
  for (const [status, Class] of [
    [404, NotFoundError],
    [401, AuthenticationError],
    [502, GwopCheckoutError],
    [302, GwopCheckoutError],
  ]) {
    const { error } = await call(
      () => json(status, "<html>CANARY</html>"),
      (gwop) => gwop.invoices.retrieve(ID),
    );
    assertEquals([error.constructor, error.code, error.statusCode], [Class, "HTTP_ERROR", status]);
    assert(!error.message.includes("CANARY"));
  }
});

test("checkout: 429 is a RateLimitError with details.retry_after_seconds", async () => {
  const make = (gwop) => gwop.invoices.retrieve(ID);
  const inAMinute = new Date(Date.now() + 60_000).toUTCString();
  for (const [header, least, most] of [
    ["7", 7, 7],
    ["0", 0, 0],
    [inAMinute, 55, 60],
  ]) {
    const answer = () =>
      problem(429, "RATE_LIMITED", { details: { scope: "ip" } }, { "retry-after": header });
    const { error } = await call(answer, make);
    assertEquals(
      [error.constructor, error.code, error.statusCode],
      [RateLimitError, "RATE_LIMITED", 429],
    );
    const { scope, retry_after_seconds: seconds } = error.details;
    assert(scope === "ip" && seconds >= least && seconds <= most, JSON.stringify(error.details));
  }
  const { error } = await call(() => problem(429, "RATE_LIMITED"), make);
  assertEquals(error.details, {});
});

test("checkout: 2xx that is no JSON object is an error, not a value", async () => {
  for (const body of ["", "<html>", "[]", "null"]) {
    const { error } = await call(
      () => json(200, body),
      (gwop) => gwop.invoices.retrieve(ID),
    );
    assertEquals(
      [error.constructor, error.code, error.statusCode],
      [GwopCheckoutError, "RESPONSE_VALIDATION", 200],
    );
  }
});

test("checkout: 429, 503 and connection errors are retried, the idempotency key kept", async () => {
  const failures = [
    () => problem(429, "RATE_LIMITED"),
    () => json(503, ""),
    () => {
      throw new TypeError("fetch failed");
    },
  ];
  for (const fail of failures) {
    const answer = (_, count) => (count < 3 ? fail() : json(201, { id: UUID }));
    const { sent, value } = await call(answer, (gwop) => gwop.invoices.create({ amount_usdc: 1 }), {
      maxRetries: undefined,
    });
    assertEquals([value, sent.length], [{ id: UUID }, 3], JSON.stringify(sent));
    assertEquals(new Set(sent.map(({ headers }) => headers["idempotency-key"])).size, 1);
  }
});

test("checkout: Retry-After is respected", async () => {
  const times = [];
  const answer = (_, count) => {
    times.push(Date.now());
    return count === 1 ? problem(429, "RATE_LIMITED", {}, { "retry-after": "1" }) : json(200, {});
  };
  await call(answer, (gwop) => gwop.invoices.retrieve(ID), { maxRetries: 1 });
  assert(times[1] - times[0] >= 980, `repeated after ${times[1] - times[0]} ms`);
});

test("checkout: nothing else is retried", async () => {
  for (const status of [400, 401, 403, 404, 409, 422, 500, 502, 504]) {
    const { sent, error } = await call(
      () => problem(status, "NO"),
      (gwop) => gwop.invoices.cancel(UUID),
      { maxRetries: 2 },
    );
    assertEquals([sent.length, error.code], [1, "NO"], String(status));
  }
});

test("checkout: when retries run out the class follows the last status, and the code says so", async () => {
  const make = (gwop) => gwop.invoices.create({ amount_usdc: 1 });
  const limited = await call(
    () => problem(429, "RATE_LIMITED", { details: { a: 1 } }, { "retry-after": "0" }),
    make,
    { maxRetries: 1 },
  );
  assertEquals(limited.sent.length, 2);
  assertEquals(
    [limited.error.constructor, limited.error.code, limited.error.statusCode],
    [RateLimitError, "MAX_RETRIES_EXCEEDED", 429],
  );
  assertEquals(limited.error.details, { a: 1, retry_after_seconds: 0 });
  assertEquals(limited.error.cause.code, "RATE_LIMITED");
  assertEquals(limited.error.idempotencyKey, limited.sent[0].headers["idempotency-key"]);
  const down = await call(() => problem(503, "DOWN", { details: { b: 2 } }), make, {
    maxRetries: 1,
  });
  assertEquals(
    [down.error.constructor, down.error.code, down.error.statusCode, down.error.details],
    [GwopCheckoutError, "MAX_RETRIES_EXCEEDED", 503, { b: 2 }],
  );
  const unreachable = () => {
    throw new TypeError("fetch failed");
  };
  const gone = await call(unreachable, make, { maxRetries: 1 });
  assertEquals(
    [gone.error.constructor, gone.error.code, gone.error.statusCode],
    [GwopCheckoutError, "MAX_RETRIES_EXCEEDED", undefined],
  );
  assertEquals(gone.error.idempotencyKey, gone.sent[0].headers["idempotency-key"]);
});

test("checkout: when the retries end without an answer, the error is that of the last answer all the same", async () => {
  const limited = () =>
    problem(
      429,
      "RATE_LIMITED",
      { details: { a: 1 }, requestId: "req_last" },
      { "retry-after": "0" },
    );
  const down = () => json(503, "");
  for (const [answers, Class, statusCode, details, requestId] of [
    [[limited, limited], RateLimitError, 429, { a: 1, retry_after_seconds: 0 }, "req_last"],
    [[down, limited], RateLimitError, 429, { a: 1, retry_after_seconds: 0 }, "req_last"],
    [[limited, undefined], RateLimitError, 429, { a: 1, retry_after_seconds: 0 }, "req_last"],
    [[limited, down], GwopCheckoutError, 503, undefined, "req_header"],
  ]) {
    const unreachable = new TypeError("fetch failed");
    const answer = (_, count) => answers[count - 1]?.() ?? Promise.reject(unreachable);
    const { sent, error } = await call(answer, (gwop) => gwop.invoices.create({ amount_usdc: 1 }), {
      maxRetries: 2,
    });
    assertEquals(
      [error.constructor, error.code, error.statusCode],
      [Class, "MAX_RETRIES_EXCEEDED", statusCode],
    );
    assertEquals([error.details, error.requestId, sent.length], [details, requestId, 3]);
    assertEquals([error.cause.constructor, error.cause.cause], [Class, unreachable]);
    assertEquals(error.idempotencyKey, sent[2].headers["idempotency-key"]);
  }
});

test("checkout: with maxRetries 0 the answer's own error is thrown", async () => {
  const make = (gwop) => gwop.invoices.create({ amount_usdc: 1 });
  const limited = await call(() => problem(429, "RATE_LIMITED"), make);
  assertEquals(
    [limited.error.constructor, limited.error.code, limited.sent.length],
    [RateLimitError, "RATE_LIMITED", 1],
  );
  const gone = await call(() => {
    throw new TypeError("fetch failed");
  }, make);
  assertEquals([gone.error.constructor, gone.error.code], [GwopCheckoutError, "CONNECTION_ERROR"]);
});

test("checkout: an attempt that takes longer than timeout ends, and is not repeated", async ({
  serverURL,
}) => {
  const gwop = new GwopCheckout({
    merchantApiKey: KEY,
    baseUrl: `${serverURL}/delay/5000`,
    timeout: 150,
  });
  const begun = Date.now();
  const error = await assertRejects(gwop.invoices.list(), {
    code: "REQUEST_TIMEOUT",
    statusCode: undefined,
  });
  assert(error.constructor === GwopCheckoutError && Date.now() - begun < 2_000);
  assert(!error.message.includes("timeoutMs"), error.message);
});

test("checkout: over a real connection, and one that breaks", async ({ serverURL }) => {
  const at = (path) =>
    new GwopCheckout({ merchantApiKey: KEY, baseUrl: `${serverURL}${path}`, maxRetries: 0 });
  const echo = await at("/echo").invoices.create(
    { amount_usdc: 1, description: "日本 🦀" },
    { idempotencyKey: "k" },
  );
  assertEquals([echo.method, echo.url], ["POST", "/echo/v1/invoices"]);
  assertEquals(JSON.parse(echo.body), { amount_usdc: 1, description: "日本 🦀" });
  assertEquals(
    [echo.headers.authorization, echo.headers["idempotency-key"]],
    [`Bearer ${KEY}`, "k"],
  );
  await assertRejects(at("/close").invoices.list(), { code: "CONNECTION_ERROR" });
});

test("checkout: waitForStatus asks until the status is there", async () => {
  const states = ["OPEN", "PAYING", "OPEN", "PAYING", "PAID"];
  const answer = (_, count) => json(200, { id: ID, status: states[count - 1] });
  const options = { initialInterval: 5, maxInterval: 10 };
  for (const [target, asked] of [
    ["PAID", 5],
    [["EXPIRED", "PAID"], 5],
    ["PAYING", 2],
    [["OPEN"], 1],
  ]) {
    const { sent, value } = await call(answer, (gwop) =>
      gwop.invoices.waitForStatus(ID, target, options),
    );
    assertEquals([value.status, sent.length], [states[asked - 1], asked]);
  }
});

test("checkout: waitForStatus ends at once on another final status", async () => {
  for (const status of ["EXPIRED", "CANCELED"]) {
    const { sent, error } = await call(
      () => json(200, { status }),
      (gwop) => gwop.invoices.waitForStatus(ID, "PAID"),
    );
    assertEquals(
      [error.constructor, error.code, error.details],
      [GwopCheckoutError, "WAIT_STATUS_FINAL", { status }],
    );
    assertEquals(sent.length, 1);
  }
});

test("checkout: waitForStatus gives up with WAIT_TIMEOUT, also in the middle of a request", async () => {
  const open = await call(
    () => json(200, { status: "OPEN" }),
    (gwop) => gwop.invoices.waitForStatus(ID, "PAID", { timeout: 300, initialInterval: 20 }),
  );
  assertEquals([open.error.constructor, open.error.code], [GwopCheckoutError, "WAIT_TIMEOUT"]);
  // After at least 10, 20, 40 and 80 ms. Without growing waits, there would be some 20 lookups.
  assert(open.sent.length >= 2 && open.sent.length <= 5, `asked ${open.sent.length} times`);
  const begun = Date.now();
  const stuck = await call(
    () => new Promise(() => {}),
    (gwop) => gwop.invoices.waitForStatus(ID, "PAID", { timeout: 80 }),
  );
  assertEquals(stuck.error.code, "WAIT_TIMEOUT");
  assert(Date.now() - begun < 2_000);
});

test("checkout: waitForStatus goes on after failures that may pass", async () => {
  const failures = [
    () => problem(503, "DOWN"),
    () => problem(429, "RATE_LIMITED"),
    () => {
      throw new TypeError("fetch failed");
    },
  ];
  const answer = (_, count) => failures[count - 1]?.() ?? json(200, { status: "PAID" });
  const { sent, value } = await call(answer, (gwop) =>
    gwop.invoices.waitForStatus(ID, "PAID", { initialInterval: 5 }),
  );
  assertEquals([value, sent.length], [{ status: "PAID" }, 4]);
});

test("checkout: waitForStatus ends by its signal and by retrieve's errors", async () => {
  const controller = new AbortController();
  setTimeout(() => controller.abort(new Error("closed")), 60);
  const { signal } = controller;
  const aborted = await call(
    () => json(200, { status: "OPEN" }),
    (gwop) => gwop.invoices.waitForStatus(ID, "PAID", { initialInterval: 20, signal }),
  );
  assertEquals(aborted.error.code, "REQUEST_ABORTED");
  const again = await call(
    () => json(200, { status: "PAID" }),
    (gwop) => gwop.invoices.waitForStatus(ID, "PAID", { signal }),
  );
  assertEquals([again.error.code, again.sent.length], ["REQUEST_ABORTED", 0]);
  const missing = await call(
    () => problem(404, "INVOICE_NOT_FOUND"),
    (gwop) => gwop.invoices.waitForStatus(ID, "PAID"),
  );
  assert(missing.error instanceof NotFoundError);
});

test("checkout: debug logs to console.debug, keys redacted, never a body", async () => {
  const { debug } = console;
  const lines = [];
  console.debug = (...line) => lines.push(line.join(" "));
  try {
    const make = (gwop) =>
      gwop.invoices.create(
        { amount_usdc: 1, description: "BODY-CANARY" },
        { idempotencyKey: "KEY-CANARY" },
      );
    await call(() => json(201, { id: "ANSWER-CANARY" }), make);
    assertEquals(lines, []);
    await call(() => json(201, { id: "ANSWER-CANARY" }), make, { debug: true });
  } finally {
    console.debug = debug;
  }
  const log = lines.join("\n");
  for (const part of [
    "POST",
    "https://agents.gwop.io/v1/invoices",
    "201",
    "req_header",
    "[redacted]",
  ]) {
    assert(log.includes(part), `${part} is not in:\n${log}`);
  }
  assert(!/CANARY|sk_m_/.test(log), log);
});

test("checkout: GWOP_DEBUG=1 logs too", { needs: ["env"] }, async () => {
  const { debug } = console;
  const { env } = globalThis.process;
  let lines = 0;
  console.debug = () => (lines += 1);
  try {
    for (const [value, logs] of [
      ["1", true],
      ["0", false],
      ["", false],
    ]) {
      lines = 0;
      env.GWOP_DEBUG = value;
      await call(
        () => json(200, {}),
        (gwop) => gwop.invoices.retrieve(ID),
      );
      assertEquals(lines > 0, logs, `GWOP_DEBUG=${value}`);
    }
  } finally {
    console.debug = debug;
    delete env.GWOP_DEBUG;
  }
});
