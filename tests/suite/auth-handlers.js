// The auth middleware and routes with the local Gwop: paid agents get in, revoked ones do not.
import { Gwop } from "@gwop/sdk";
import { SDKValidationError } from "@gwop/sdk/errors";
import { createAuthMiddleware, createAuthRoutes } from "@gwop/sdk/handlers";
import { Simulator } from "@gwop/sdk/simulator";
import { assert, assertEquals, assertMatch, assertThrows, test } from "./harness.js";
import { fake, problem, withoutJitter } from "./http-kit.js";
import { clientWith, gwopIssuer, jwksAnswer } from "./token-kit.js";

const AUTH_SECRET = "0123456789abcdef0123456789abcdef";
const SHOP = "https://shop.example";

function setUp(options = {}) {
  const sim = new Simulator();
  const { httpClient, merchantApiKey, merchantId } = sim;
  const gwop = new Gwop({
    httpClient,
    merchantApiKey,
    merchantId,
    retryConfig: { strategy: "none" },
  });
  const errors = [];
  const { audience, sessionCheck, ...ofRoutes } = options;
  const common = { gwop, onError: (error) => errors.push(error), audience, sessionCheck };
  const authenticate = createAuthMiddleware(common);
  const routes = createAuthRoutes({ authSecret: AUTH_SECRET, ...common, ...ofRoutes });
  const call = async (method, path, { body, token, headers = {} } = {}) => {
    if (body !== undefined) headers = { "content-type": "application/json", ...headers };
    if (token) headers = { ...headers, authorization: `Bearer ${token}` };
    const response = await routes(
      new Request(SHOP + path, { method, headers, ...(body !== undefined && { body }) }),
    );
    if (!response) return undefined;
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      body: text ? JSON.parse(text) : undefined,
    };
  };
  const logIn = async (chain = "base") => {
    const { body: intent } = await call("POST", "/auth/intents");
    await sim.pay(intent.auth_intent_id, { chain });
    const exchange_secret = intent.exchange_secret;
    return (
      await call("POST", `/auth/intents/${intent.auth_intent_id}/exchange`, {
        body: JSON.stringify({ exchange_secret }),
      })
    ).body;
  };
  return { sim, gwop, errors, authenticate, call, logIn };
}

const ask = (authenticate, authorization) =>
  authenticate(
    new Request(SHOP, { headers: authorization === undefined ? {} : { authorization } }),
  );

/** Returns [status, code, WWW-Authenticate] of a refusal. */
async function refused({ identity, response }) {
  assertEquals(identity, undefined);
  return [
    response.status,
    (await response.json()).error.code,
    response.headers.get("www-authenticate"),
  ];
}

const invalid = (code) => `Bearer realm="gwop", error="invalid_token", error_description="${code}"`;

test("auth middleware: a token gives the verified identity, and headers that claim one are not looked at", async () => {
  const { sim, authenticate } = setUp();
  const { accessToken, sessionId, subject } = await sim.mintToken({ chain: "solana" });
  for (const scheme of ["Bearer", "bearer", "BEARER "]) {
    const headers = {
      authorization: `${scheme} ${accessToken}`,
      "x-gwop-subject": "base:0xmallory",
    };
    const { identity, response } = await authenticate(new Request(SHOP, { headers }));
    assertEquals(response, undefined);
    assertEquals(
      [identity.subject, identity.chain, identity.sessionId],
      [subject, "solana", sessionId],
    );
    assertEquals(identity.merchantId, sim.merchantId);
  }
});

test("auth middleware: without a bearer token 401, with a challenge that holds no error", async () => {
  const { authenticate } = setUp();
  for (const authorization of [
    undefined,
    "",
    "Basic YTpi",
    "Bearer",
    "Bearer ",
    "Bearer a b",
    "Token x",
  ]) {
    assertEquals(
      await refused(await ask(authenticate, authorization)),
      [401, "TOKEN_REQUIRED", 'Bearer realm="gwop"'],
      authorization,
    );
  }
});

test("auth middleware: tokens that do not verify are 401 invalid_token, without an echo", async () => {
  const { sim, authenticate, errors } = setUp({ audience: "shop" });
  const minted = async (options) =>
    (await sim.mintToken({ claims: { aud: "shop" }, ...options })).accessToken;
  const good = await minted();
  assert((await ask(authenticate, `Bearer ${good}`)).identity);
  for (const [token, code] of [
    ["abc", "TOKEN_MALFORMED"],
    [`${good.slice(0, -8)}AAAAAAAA`, "TOKEN_SIGNATURE_INVALID"],
    [await minted({ expiresInSeconds: -60 }), "TOKEN_EXPIRED"],
    [await minted({ claims: { aud: "other" } }), "TOKEN_AUDIENCE_MISMATCH"],
    [await minted({ claims: { aud: "shop", mid: "another merchant" } }), "TOKEN_MERCHANT_MISMATCH"],
    [await minted({ claims: { aud: "shop", sid: null } }), "SESSION_REVOKED"],
  ]) {
    const result = await ask(authenticate, `Bearer ${token}`);
    const text = await result.response.clone().text();
    assert(!text.includes(token), text);
    assertEquals(await refused(result), [401, code, invalid(code)]);
  }
  assertEquals(errors, []);
});

test("auth middleware: a revoked session is refused: at once with always, after the seconds, never with never", async () => {
  const { sim, gwop, authenticate } = setUp({ sessionCheck: "always" });
  const lasting = createAuthMiddleware({ gwop, sessionCheck: 3600 });
  const trusting = createAuthMiddleware({ gwop, sessionCheck: "never" });
  const { accessToken, sessionId } = await sim.mintToken();
  const asked = () =>
    sim.requests.filter(({ operation }) => operation === "authSessions.get").length;
  for (const check of [authenticate, lasting, trusting])
    assert((await ask(check, `Bearer ${accessToken}`)).identity);
  // `lasting` shares the session status that `always` has received.
  assertEquals(asked(), 1);
  await gwop.authSessions.revoke({ sessionId });
  assert((await ask(lasting, `Bearer ${accessToken}`)).identity);
  assertEquals(
    (await refused(await ask(authenticate, `Bearer ${accessToken}`)))[1],
    "SESSION_REVOKED",
  );
  assertEquals((await refused(await ask(lasting, `Bearer ${accessToken}`)))[1], "SESSION_REVOKED");
  assert((await ask(trusting, `Bearer ${accessToken}`)).identity);
});

test("auth middleware: a session that Gwop does not know yet is refused now, and asked for again", async () => {
  const { sim, authenticate } = setUp();
  const { accessToken } = await sim.mintToken();
  sim.misbehave({ fault: "error", operation: "authSessions.get", code: "SESSION_NOT_FOUND" });
  assertEquals(
    (await refused(await ask(authenticate, `Bearer ${accessToken}`)))[1],
    "SESSION_REVOKED",
  );
  assert((await ask(authenticate, `Bearer ${accessToken}`)).identity);
});

test("auth middleware: how old an answer is counts from when Gwop was asked", async () => {
  const { sim, authenticate } = setUp({ sessionCheck: 0.3 });
  const { accessToken } = await sim.mintToken();
  const asked = () =>
    sim.requests.filter(({ operation }) => operation === "authSessions.get").length;
  sim.misbehave({ fault: "delay", operation: "authSessions.get", delayMs: 400 });
  assert((await ask(authenticate, `Bearer ${accessToken}`)).identity);
  assert((await ask(authenticate, `Bearer ${accessToken}`)).identity);
  assertEquals(asked(), 2);
});

test("auth middleware: when Gwop cannot be asked it is 503, not a pass and not a 401", async () => {
  const { sim, authenticate, errors } = setUp({ sessionCheck: "always" });
  const { accessToken } = await sim.mintToken();
  sim.misbehave({ fault: "error", operation: "auth.getJwks", times: "always" });
  const first = await ask(authenticate, `Bearer ${accessToken}`);
  assertEquals(first.response.headers.get("retry-after"), "5");
  assertEquals(await refused(first), [503, "UNAVAILABLE", null]);
  const other = setUp({ sessionCheck: "always" });
  const { accessToken: token } = await other.sim.mintToken();
  other.sim.misbehave({ fault: "lose-request", operation: "authSessions.get", times: "always" });
  assertEquals(await refused(await ask(other.authenticate, `Bearer ${token}`)), [
    503,
    "UNAVAILABLE",
    null,
  ]);
  assertEquals([errors.length, other.errors.length], [1, 1]);
});

test("auth middleware: without a merchant id nobody gets in", async () => {
  const sim = new Simulator();
  const errors = [];
  const gwop = new Gwop({ httpClient: sim.httpClient, merchantApiKey: sim.merchantApiKey });
  const authenticate = createAuthMiddleware({ gwop, onError: (error) => errors.push(error) });
  const { accessToken } = await sim.mintToken();
  assertEquals(await refused(await ask(authenticate, `Bearer ${accessToken}`)), [
    503,
    "AUTH_NOT_CONFIGURED",
    null,
  ]);
  assertMatch(errors[0].message, "GWOP_MERCHANT_ID");
});

test("auth middleware: options are checked when it is made", () => {
  const gwop = new Gwop();
  assertThrows(() => createAuthMiddleware({}), SDKValidationError);
  for (const sessionCheck of [
    -1,
    NaN,
    Infinity,
    "sometimes",
    "",
    "30",
    null,
    true,
    [5],
    new Date(),
    5n,
  ]) {
    assertThrows(() => createAuthMiddleware({ gwop, sessionCheck }), SDKValidationError);
  }
  for (const audience of [null, "", [], 5, {}, ["a", 1], [""]]) {
    assertThrows(() => createAuthMiddleware({ gwop, audience }), SDKValidationError);
  }
  for (const options of [undefined, null, { gwop: { auth: gwop.auth } }, { gwop, onError: 5 }]) {
    assertThrows(() => createAuthMiddleware(options), SDKValidationError);
    assertThrows(() => createAuthRoutes(options), SDKValidationError);
  }
  for (const authSecret of ["short", 5, {}, ["short"], [AUTH_SECRET, 5]]) {
    assertThrows(() => createAuthRoutes({ gwop, authSecret }), SDKValidationError);
  }
  for (const bodyTimeoutSeconds of [0, -1, NaN, Infinity, "30", null, 3_601]) {
    assertThrows(() => createAuthRoutes({ gwop, bodyTimeoutSeconds }), SDKValidationError);
  }
  for (const basePath of ["auth", "", 5, null, "https://shop.example/auth"]) {
    assertThrows(() => createAuthRoutes({ gwop, basePath }), SDKValidationError);
  }
});

test("auth routes: a body that a parser has had before is 500, and named in the log", async () => {
  const { gwop } = setUp();
  const errors = [];
  const routes = createAuthRoutes({
    gwop,
    authSecret: AUTH_SECRET,
    onError: (error) => void errors.push(error),
  });
  const asked = (path) =>
    new Request(SHOP + path, {
      method: "POST",
      body: "{}",
      headers: { "content-type": "application/json" },
    });
  const read = asked("/auth/intents");
  await read.text();
  const readToo = asked("/auth/intents/ai_1/exchange");
  await readToo.json();
  const locked = {
    url: read.url,
    method: "POST",
    headers: read.headers,
    bodyUsed: false,
    body: { locked: true },
  };
  for (const request of [read, readToo, locked]) {
    const answer = await routes(request);
    assertEquals([answer.status, (await answer.json()).error.code], [500, "MISCONFIGURED"]);
    assertMatch(errors.pop().message, "before any body parser");
  }
});

test("auth middleware and routes: nothing waits for an onError that never settles", async () => {
  const gwop = new Gwop({
    merchantApiKey: "sk_m_x",
    merchantId: "m",
    retryConfig: { strategy: "none" },
    httpClient: { request: () => Promise.reject(new TypeError("net")) },
  });
  const routes = createAuthRoutes({
    gwop,
    authSecret: AUTH_SECRET,
    onError: () => new Promise(() => {}),
  });
  assertEquals((await routes(new Request(`${SHOP}/auth/intents`, { method: "POST" }))).status, 502);
});

test("auth routes: an agent logs in by paying, reads its session, logs out, and is refused", async () => {
  const { sim, call, authenticate } = setUp();
  const created = await call("POST", "/auth/intents", {
    body: '{"known_wallet_hint":"solana:7sSi"}',
  });
  assertEquals([created.status, created.headers.get("cache-control")], [201, "no-store"]);
  const { auth_intent_id: id, exchange_secret, challenge } = created.body;
  assertEquals(challenge.amount_usdc_atomic, "1000");
  assertMatch(challenge.payment_methods[0].payment_url, /^https:/);
  assertMatch(created.body.expires_at, /^\d{4}-\d\d-\d\dT/);
  const body = JSON.stringify({ exchange_secret });
  const early = await call("POST", `/auth/intents/${id}/exchange`, { body });
  assertEquals(
    [early.status, early.body.error.code, early.headers.get("retry-after")],
    [402, "AUTH_INTENT_NOT_SETTLED", "2"],
  );
  await sim.pay(id, { chain: "solana" });
  const token = await call("POST", `/auth/intents/${id}/exchange`, { body });
  assertEquals(
    [token.status, token.body.token_type, token.body.principal.chain],
    [200, "Bearer", "solana"],
  );
  const { access_token } = token.body;
  const session = await call("GET", "/auth/session", { token: access_token });
  assertEquals(Object.keys(session.body), [
    "subject",
    "chain",
    "walletAddress",
    "sessionId",
    "merchantId",
    "expiresAt",
  ]);
  assertEquals(session.body.subject, token.body.principal.sub);
  assert((await ask(authenticate, `Bearer ${access_token}`)).identity);
  const revoked = await call("DELETE", "/auth/session", { token: access_token });
  assertEquals([revoked.status, revoked.body], [200, { revoked: true }]);
  assertEquals(
    (await refused(await ask(authenticate, `Bearer ${access_token}`)))[1],
    "SESSION_REVOKED",
  );
  assertEquals((await call("GET", "/auth/session", { token: access_token })).status, 401);
  // Repeating it does no harm.
  assertEquals((await call("DELETE", "/auth/session", { token: access_token })).status, 200);
});

test("auth routes: an exchange whose answer was lost is repeated, and Gwop gives the same token", async () => {
  const { sim, call } = setUp();
  const { body: intent } = await call("POST", "/auth/intents");
  await sim.pay(intent.auth_intent_id);
  const path = `/auth/intents/${intent.auth_intent_id}/exchange`;
  const body = JSON.stringify({ exchange_secret: intent.exchange_secret });
  sim.misbehave({ fault: "lose-answer", operation: "authIntents.exchange" });
  const lost = await call("POST", path, { body });
  assertEquals([lost.status, lost.headers.get("retry-after")], [502, "5"]);
  const [first, second] = [await call("POST", path, { body }), await call("POST", path, { body })];
  assertEquals([first.status, second.body.access_token], [200, first.body.access_token]);
  const keys = sim.requests
    .filter(({ operation }) => operation === "authIntents.exchange")
    .map(({ idempotencyKey }) => idempotencyKey);
  assertEquals(new Set(keys).size, 1);
  assertMatch(keys[0], /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

test("auth routes: a paid intent is exchanged only by whoever asked for it", async () => {
  const { sim, gwop, call } = setUp();
  const [own, other] = [
    (await call("POST", "/auth/intents")).body,
    (await call("POST", "/auth/intents")).body,
  ];
  await sim.pay(own.auth_intent_id);
  const path = `/auth/intents/${own.auth_intent_id}/exchange`;
  const before = sim.requests.length;
  for (const exchange_secret of [
    "",
    "x",
    other.exchange_secret,
    own.exchange_secret.toUpperCase(),
    `${own.exchange_secret}0`,
  ]) {
    const answer = await call("POST", path, { body: JSON.stringify({ exchange_secret }) });
    assertEquals([answer.status, answer.body.error.code], [403, "EXCHANGE_SECRET_INVALID"]);
  }
  assertEquals(sim.requests.length, before);
  // A rotation: the new secret signs, the old one is still accepted.
  const rotated = createAuthRoutes({
    gwop,
    authSecret: ["a new secret of 32 characters...", AUTH_SECRET],
  });
  const body = JSON.stringify({ exchange_secret: own.exchange_secret });
  assertEquals(
    (
      await rotated(
        new Request(SHOP + path, {
          method: "POST",
          body,
          headers: { "content-type": "application/json" },
        }),
      )
    ).status,
    200,
  );
});

test("auth routes: what Gwop refuses, the agent learns", async () => {
  const { sim, call, errors } = setUp();
  const exchange = async ({ auth_intent_id: id, exchange_secret }) =>
    call("POST", `/auth/intents/${id}/exchange`, { body: JSON.stringify({ exchange_secret }) });
  const { body: intent } = await call("POST", "/auth/intents");
  for (const [code, status] of [
    ["AUTH_INTENT_EXPIRED", 409],
    ["AUTH_INTENT_USED", 409],
    ["AUTH_INTENT_NOT_FOUND", 404],
    ["RATE_LIMITED", 503],
    ["UNAUTHORIZED", 502],
    ["INTERNAL_ERROR", 502],
  ]) {
    sim.misbehave({ fault: "error", operation: "authIntents.exchange", code });
    assertEquals((await exchange(intent)).status, status, code);
  }
  assertEquals(errors.length, 3);
});

test("auth routes: other paths are not theirs, other methods 405, bodies are small JSON objects", async () => {
  const { call } = setUp();
  for (const path of [
    "/",
    "/auth",
    "/auth/",
    "/authx/intents",
    "/auth/intents/",
    "/auth/intents/a",
    "/auth/intents/a/b",
    "/auth/intents/a/exchange/b",
    "/auth/session/x",
    "/auth/intents/%ff/exchange",
  ]) {
    assertEquals(await call("POST", path, { body: "{}" }), undefined, path);
  }
  for (const [method, path, allow] of [
    ["GET", "/auth/intents", "POST"],
    ["PUT", "/auth/session", "GET, DELETE"],
    ["GET", "/auth/intents/a/exchange", "POST"],
  ]) {
    const answer = await call(method, path);
    assertEquals([answer.status, answer.headers.get("allow")], [405, allow]);
  }
  for (const body of [
    "[]",
    "5",
    "{",
    "null",
    '{"known_wallet_hint":5}',
    '{"metadata":[]}',
    '{"metadata":null}',
  ]) {
    assertEquals((await call("POST", "/auth/intents", { body })).status, 400, body);
  }
  assertEquals(
    (await call("POST", "/auth/intents/ai_1/exchange", { body: '{"exchange_secret":5}' })).status,
    400,
  );
  assertEquals((await call("POST", "/auth/intents", { body: "{}".padEnd(5000) })).status, 413);
  assertEquals(
    (
      await call("POST", "/auth/intents", {
        body: "a=b",
        headers: { "content-type": "application/x-www-form-urlencoded" },
      })
    ).status,
    415,
  );
  const { call: moved } = setUp({ basePath: "/api/agent/" });
  assertEquals(
    [(await moved("POST", "/api/agent/intents")).status, await moved("POST", "/auth/intents")],
    [201, undefined],
  );
});

test("auth routes: the agent's metadata reaches Gwop untouched", async () => {
  const sent = [];
  const request = async (asked) => {
    sent.push(await asked.json());
    return Response.json({ error: { code: "VALIDATION_ERROR", message: "no" } }, { status: 400 });
  };
  const gwop = new Gwop({ merchantApiKey: "sk_m_x", merchantId: "m", httpClient: { request } });
  const routes = createAuthRoutes({ gwop, authSecret: AUTH_SECRET });
  const metadata = { order_id: 1, nestedKey: { a_b: null } };
  const headers = { "content-type": "application/json" };
  const answer = await routes(
    new Request(`${SHOP}/auth/intents`, {
      method: "POST",
      headers,
      body: JSON.stringify({ metadata }),
    }),
  );
  assertEquals([answer.status, sent], [400, [{ metadata }]]);
});

test("auth routes: without a merchant id no challenge is made, which an agent would pay for nothing", async () => {
  const sim = new Simulator();
  const errors = [];
  const gwop = new Gwop({ httpClient: sim.httpClient, merchantApiKey: sim.merchantApiKey });
  const routes = createAuthRoutes({
    gwop,
    authSecret: AUTH_SECRET,
    onError: (error) => errors.push(error),
  });
  const answer = await routes(new Request(`${SHOP}/auth/intents`, { method: "POST" }));
  assertEquals(
    [answer.status, (await answer.json()).error.code, sim.requests.length],
    [503, "AUTH_NOT_CONFIGURED", 0],
  );
  assertMatch(errors[0].message, "GWOP_MERCHANT_ID");
});

test("auth routes: without a long secret nobody logs in", async () => {
  for (const authSecret of ["", [], [""]]) {
    const { call, errors } = setUp({ authSecret });
    assertEquals((await call("POST", "/auth/intents")).status, 503);
    assertMatch(errors[0].message, "AUTH_SECRET");
  }
});

test("auth routes: exchange secrets are those of the Worker (HKDF and HMAC of RFC 5869 and RFC 2104 by hand)", async () => {
  const { body } = await setUp().call("POST", "/auth/intents");
  const bytes = (text) => new TextEncoder().encode(text);
  const hmac = async (key, data) => {
    const imported = await crypto.subtle.importKey(
      "raw",
      key,
      { name: "HMAC", hash: "SHA-256" },
      false,
      ["sign"],
    );
    return new Uint8Array(await crypto.subtle.sign("HMAC", imported, data));
  };
  const pseudorandomKey = await hmac(new Uint8Array(32), bytes(AUTH_SECRET));
  const key = await hmac(
    pseudorandomKey,
    new Uint8Array([...bytes("gwop worker exchange_secret 1"), 1]),
  );
  const mac = await hmac(key, bytes(body.auth_intent_id));
  assertEquals(
    body.exchange_secret,
    [...mac].map((byte) => byte.toString(16).padStart(2, "0")).join(""),
  );
});

test("auth routes: one short value in a comma-separated AUTH_SECRET turns log-in off", {
  needs: ["env"],
}, async () => {
  const { env } = globalThis.process;
  const set = env.AUTH_SECRET;
  try {
    for (const [value, status] of [
      [`${AUTH_SECRET},1`, 503],
      [`1, ${AUTH_SECRET}`, 503],
      [`${AUTH_SECRET}, 0123456789abcdef`, 201],
    ]) {
      env.AUTH_SECRET = value;
      const { call, errors } = setUp({ authSecret: undefined });
      const { body, ...answer } = await call("POST", "/auth/intents");
      assertEquals(answer.status, status, value);
      if (status === 201) continue;
      assertEquals(body.error.code, "AUTH_NOT_CONFIGURED");
      assertMatch(errors[0].message, "at least 16 characters");
      assert(!errors[0].message.includes(AUTH_SECRET), errors[0].message);
    }
  } finally {
    if (set === undefined) delete env.AUTH_SECRET;
    else env.AUTH_SECRET = set;
  }
});

test("auth routes: a body that does not arrive in time is 408", async () => {
  const { gwop } = setUp();
  const routes = createAuthRoutes({ gwop, authSecret: AUTH_SECRET, bodyTimeoutSeconds: 0.2 });
  const body = new ReadableStream({ pull: () => new Promise(() => {}) });
  const answer = await routes({
    url: `${SHOP}/auth/intents`,
    method: "POST",
    headers: new Headers(),
    bodyUsed: false,
    body,
  });
  assertEquals([answer.status, (await answer.json()).error.code], [408, "BODY_TIMEOUT"]);
});

/**
 * Creates an intent through routes over a Gwop with these `answers`. Returns status, code,
 * Retry-After, and the number of calls to Gwop.
 */
async function createOver(answers, options = {}) {
  const { gwop, requests } = fake(answers, { merchantId: "m", ...options });
  const routes = createAuthRoutes({ gwop, authSecret: AUTH_SECRET, onError() {} });
  const answer = await withoutJitter(() =>
    routes(new Request(`${SHOP}/auth/intents`, { method: "POST" })),
  );
  const { error } = await answer.json();
  return [answer.status, error?.code, answer.headers.get("retry-after"), requests.length];
}

test("auth routes: 429 of Gwop's is one call, and 503 with its Retry-After, at most 60 seconds", async () => {
  const inHalfAMinute = new Date(Date.now() + 30_500).toUTCString();
  for (const [retryAfter, expected] of [
    ["7", "7"],
    ["60", "60"],
    ["3600", "60"],
    ["0", "1"],
    ["soon", "5"],
    ["-5", "5"],
    ["1.5", "5"],
    [undefined, "5"],
    [inHalfAMinute, /^(29|30|31)$/],
  ]) {
    const headers = retryAfter === undefined ? {} : { "retry-after": retryAfter };
    for (const limited of [
      problem(429, "RATE_LIMITED", headers),
      new Response("slow down", { status: 429, headers }),
    ]) {
      const [status, code, seconds, calls] = await createOver([limited]);
      assertEquals([status, code, calls], [503, "GWOP_UNAVAILABLE", 1], retryAfter);
      assertMatch(seconds, new RegExp(expected.source ?? `^${expected}$`));
    }
  }
  // The merchant's own retry policy does not bring it back. Other temporary failures are still
  // retried.
  const backoff = {
    strategy: "backoff",
    backoff: { initialInterval: 1, maxInterval: 1, exponent: 1, maxElapsedTime: 50 },
  };
  assertEquals(await createOver([problem(429, "RATE_LIMITED")], { retryConfig: backoff }), [
    503,
    "GWOP_UNAVAILABLE",
    "5",
    1,
  ]);
  assertEquals(await createOver([problem(503, "INTERNAL_ERROR")]), [
    502,
    "GWOP_UNAVAILABLE",
    "5",
    3,
  ]);
});

test("auth routes: an exchange that Gwop answers with 429 is one call too", async () => {
  const { gwop, requests } = fake([problem(429, "RATE_LIMITED", { "retry-after": "9" })], {
    merchantId: "m",
  });
  const routes = createAuthRoutes({ gwop, authSecret: AUTH_SECRET, onError() {} });
  const { body } = await setUp().call("POST", "/auth/intents");
  const { auth_intent_id, exchange_secret } = body;
  const headers = { "content-type": "application/json" };
  const asked = new Request(`${SHOP}/auth/intents/${auth_intent_id}/exchange`, {
    method: "POST",
    headers,
    body: JSON.stringify({ exchange_secret }),
  });
  const answer = await routes(asked);
  assertEquals([answer.status, answer.headers.get("retry-after"), requests.length], [503, "9", 1]);
});

test("auth routes: an agent's metadata has at most 1,024 bytes and 16 levels; more is 400, and nobody is alarmed", async () => {
  const nested = (levels) => `${'{"a":'.repeat(levels)}1${"}".repeat(levels)}`;
  const filled = (bytes) => JSON.stringify({ a: "é".repeat((bytes - 8) / 2) });
  for (const [metadata, status] of [
    [filled(1_024), 201],
    [filled(1_026), 400],
    [nested(16), 201],
    [nested(17), 400],
    [nested(600), 400],
  ]) {
    const { call, errors, sim } = setUp();
    const { body, ...answer } = await call("POST", "/auth/intents", {
      body: `{"metadata":${metadata}}`,
    });
    assertEquals(
      [answer.status, errors.length, sim.requests.length],
      [status, 0, status === 201 ? 1 : 0],
      `${metadata.length} characters`,
    );
    if (status === 400) assertMatch(body.error.message, "metadata must");
  }
});

/**
 * Creates a client whose Gwop returns `session` for every session, and tokens with these claims.
 */
async function clientOfSession(session, claims = {}) {
  const { jwk, sign } = await gwopIssuer();
  const { gwop, requests } = clientWith(
    (request) => (request.url.endsWith("/jwks.json") ? jwksAnswer(jwk) : session(request)),
    { merchantId: "merchant-1" },
  );
  return { gwop, requests, token: await sign(claims) };
}

test("auth middleware: a session's answer of an unknown shape is 503 with Retry-After", async () => {
  for (const wrong of [{}, { session_id: "sess_1", status: 5 }, { status: "active" }, []]) {
    const { gwop, token } = await clientOfSession(() => Response.json(wrong));
    const errors = [];
    const { response } = await ask(
      createAuthMiddleware({ gwop, onError: (error) => errors.push(error) }),
      `Bearer ${token}`,
    );
    assertEquals(
      [response.status, response.headers.get("retry-after"), errors.length],
      [503, "5", 1],
      JSON.stringify(wrong),
    );
    assertEquals((await response.json()).error.code, "UNAVAILABLE");
  }
});

test("auth middleware and routes: a subject or session that a header cannot carry is 401 everywhere", async () => {
  for (const claims of [
    { sub: "base:0xé" },
    { sub: "base:0x\u{1F980}" },
    { sub: "base:a b" },
    { sub: "base:a\r\nx-gwop-subject: b" },
    { sub: "base:\u0000" },
    { sid: "sess_é" },
  ]) {
    const { gwop, requests, token } = await clientOfSession(() => Response.error(), claims);
    const authorization = `Bearer ${token}`;
    for (const sessionCheck of ["never", "always"]) {
      const result = await ask(createAuthMiddleware({ gwop, sessionCheck }), authorization);
      assertEquals(
        await refused(result),
        [401, "TOKEN_MALFORMED", invalid("TOKEN_MALFORMED")],
        JSON.stringify(claims),
      );
    }
    const routes = createAuthRoutes({ gwop, authSecret: AUTH_SECRET });
    for (const method of ["GET", "DELETE"]) {
      assertEquals(
        (await routes(new Request(`${SHOP}/auth/session`, { method, headers: { authorization } })))
          .status,
        401,
      );
    }
    // Only the keys were requested.
    assert(requests.every(({ url }) => url.endsWith("/jwks.json")));
  }
});

test("auth routes: logging out with a token without a session is 401", async () => {
  const { sim, call } = setUp();
  const { accessToken: token } = await sim.mintToken({ claims: { sid: null } });
  const { body, ...answer } = await call("DELETE", "/auth/session", { token });
  assertEquals(
    [answer.status, body.error.code, answer.headers.get("www-authenticate")],
    [401, "SESSION_REVOKED", invalid("SESSION_REVOKED")],
  );
  assertEquals(
    sim.requests.filter(({ operation }) => operation === "authSessions.revoke").length,
    0,
  );
});

/**
 * Creates auth over a client that accepts every token as the session of that name, and whose Gwop
 * says that all sessions are active. Real tokens would take minutes for so many sessions. `revoke`
 * tells Gwop of a log-out.
 */
function manySessions(revoke) {
  const verifyToken = async (token) => ({
    subject: "base:0x1",
    chain: "base",
    walletAddress: "0x1",
    sessionId: token,
    expiresAt: new Date(Date.now() + 900_000),
  });
  const gwop = {
    auth: { merchantId: "m", verifyToken },
    authIntents: { create() {}, exchange() {} },
    authSessions: { get: async () => ({ result: { status: "active" } }), revoke },
  };
  const authenticate = createAuthMiddleware({ gwop, onError() {} });
  const routes = createAuthRoutes({ gwop, authSecret: AUTH_SECRET, onError() {} });
  const request = (session, method = "GET") => ({
    url: `${SHOP}/auth/session`,
    method,
    headers: new Headers({ authorization: `Bearer ${session}` }),
  });
  return {
    isIn: async (session) => (await authenticate(request(session))).identity !== undefined,
    logOut: async (session) => (await routes(request(session, "DELETE"))).status,
  };
}

test("auth: a log-out that Gwop could not be told of is remembered, whatever other sessions are looked at", async () => {
  const { isIn, logOut } = manySessions(() => Promise.reject(new TypeError("net")));
  assertEquals(
    [await isIn("sess_out"), await logOut("sess_out"), await isIn("sess_out")],
    [true, 502, false],
  );
  for (let count = 0; count < 10_001; count += 1) await isIn(`sess_${count}`);
  assertEquals([await isIn("sess_out"), await isIn("sess_0")], [false, true]);
});

test("auth: 20,000 log-outs that Gwop could not be told of are remembered until their tokens expire, and the next is 503", {
  timeoutMs: 60_000,
}, async () => {
  let reached = false;
  const { isIn, logOut } = manySessions(() =>
    reached ? Promise.resolve() : Promise.reject(new TypeError("net")),
  );
  for (let count = 0; count < 20_000; count += 1) await logOut(`sess_${count}`);
  assertEquals([await logOut("sess_more"), await isIn("sess_more")], [503, true]);
  assertEquals(
    [await isIn("sess_0"), await logOut("sess_0"), await isIn("sess_0")],
    [false, 502, false],
  );
  // The second attempt tells Gwop of one log-out, which makes room for another.
  reached = true;
  assertEquals([await logOut("sess_0"), await isIn("sess_0")], [200, false]);
  reached = false;
  assertEquals([await logOut("sess_more"), await logOut("sess_most")], [502, 503]);
  const { now } = Date;
  Date.now = () => now() + 1_000_000;
  try {
    assertEquals([await logOut("sess_most"), await isIn("sess_most")], [502, false]);
  } finally {
    Date.now = now;
  }
});
