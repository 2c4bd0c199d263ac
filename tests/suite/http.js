// Calls over HTTP: every promise about timeouts, signals, retries, idempotency keys, bodies and
// errors. Fake fetchers test responses, and a real loopback server tests the network.
import { Gwop, HTTPClient, ServerList } from "@gwop/sdk";
import {
  ConnectionError,
  ErrorResponse,
  GwopDefaultError,
  GwopError,
  HTTPClientError,
  InvalidRequestError,
  RateLimitError,
  RequestAbortedError,
  RequestTimeoutError,
  ResponseValidationError,
  SDKValidationError,
  UnexpectedClientError,
} from "@gwop/sdk/models/errors";
import { isGwopError } from "@gwop/sdk/errors";
import {
  assert,
  assertEquals,
  assertInstance,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertThrows,
  test,
} from "./harness.js";
import {
  fake,
  OPERATIONS,
  problem,
  scripted,
  timed,
  UUID,
  WIRE,
  withoutJitter,
} from "./http-kit.js";

const NEVER = { retries: { strategy: "none" } };
const each = Object.entries(OPERATIONS);

// ---- What is sent, and what comes back ----

for (const [name, { call, line, answer, isPublic, keyed }] of each) {
  test(`http: ${name} sends what the contract says, over the network`, async (context) => {
    const { gwop, seen } = await scripted(context, [
      { body: answer, headers: { "x-request-id": "req_1" } },
    ]);
    const { headers } = await call(gwop);
    assertEquals(headers["x-request-id"], ["req_1"]);
    const [request, ...more] = await seen();
    assertEquals(more, []);
    assertEquals(`${request.method} ${request.url}`, line);
    assertEquals(request.headers.accept, "application/json");
    assertEquals(request.headers.authorization, isPublic ? undefined : "Bearer sk_m_CANARY");
    assertEquals(UUID.test(request.headers["idempotency-key"] ?? ""), keyed === true);
    assertEquals(
      request.headers["content-type"],
      request.body === "" ? undefined : "application/json",
    );
  });
}

test("http: names become camelCase, times Date, and metadata is passed through untouched", async () => {
  const { gwop, requests } = fake([WIRE.invoice]);
  const metadata = { order_id: "7", camelCase: { a_b: [null, 1.5] } };
  const { result } = await gwop.invoices.create({
    body: { amountUsdc: 1_000_000, metadata, metadataPublic: false, expiresInSeconds: 60 },
  });
  assertEquals(await requests[0].json(), {
    amount_usdc: 1_000_000,
    metadata,
    metadata_public: false,
    expires_in_seconds: 60,
  });
  assertEquals(result.publicInvoiceId, "inv_1");
  assertEquals(result.createdAt, new Date("2026-03-25T02:06:43.328Z"));
  assertEquals(result.agentProtocol.completionCheck.successValue, "PAID");
  assertEquals(result.metadata, WIRE.invoice.metadata);
});

test("http: exchange, sessions and JWK Set in camelCase", async () => {
  assertEquals((await OPERATIONS["authIntents.exchange"].call(fake([WIRE.token]).gwop)).result, {
    accessToken: "CANARY-TOKEN",
    tokenType: "Bearer",
    expiresIn: 900,
    principal: { sub: "base:0x1", chain: "base", walletAddress: "0x1" },
    session: { sid: "sess_1", sub: "base:0x1", amr: ["wallet"] },
    account: { id: null, isNewAccount: true },
  });
  const { result } = await fake([WIRE.session]).gwop.authSessions.get({ sessionId: "sess_1" });
  assertEquals([result.revokedAt, result.walletAddress], [null, "0x1"]);
  assertEquals((await fake([WIRE.jwks]).gwop.auth.getJwks()).result, WIRE.jwks);
});

test("http: unknown fields and unknown values of open enums are no failure", async () => {
  const answer = { ...WIRE.invoicePublic("REFUNDING"), later: { anything: 1 }, description: null };
  const { result } = await fake([answer]).gwop.invoices.get({ id: "inv_1" });
  assertEquals(result.status, "REFUNDING");
  assertEquals("description" in result, false);
});

test("http: path parameters are percent-encoded and cannot leave their place", async () => {
  const { gwop, requests } = fake([WIRE.invoicePublic()]);
  await gwop.invoices.get({ id: "inv_ä/../x?y#z%" });
  assertEquals(
    requests[0].url,
    "https://agents.gwop.io/v1/invoices/inv_%C3%A4%2F..%2Fx%3Fy%23z%25",
  );
  for (const id of ["", ".", ".."])
    await assertRejects(gwop.invoices.get({ id }), { code: "SDK_VALIDATION", rawValue: { id } });
});

test("http: the types of arguments are checked here, and nothing is sent", async () => {
  const { gwop, requests } = fake([{}]);
  for (const [call, words] of [
    [() => gwop.invoices.create(), "`request` must be an object"],
    [() => gwop.invoices.create({}), "`body` is missing: it must be an object"],
    [
      () => gwop.invoices.create({ body: { amountUsdc: "1" } }),
      "`body.amountUsdc` must be an integer",
    ],
    [
      () => gwop.invoices.create({ body: { amountUsdc: 1.5 } }),
      "`body.amountUsdc` must be an integer",
    ],
    [
      () => gwop.invoices.create({ body: { amountUsdc: NaN } }),
      "`body.amountUsdc` must be an integer",
    ],
    [
      () => gwop.invoices.create({ body: { amountUsdc: 2 ** 53 } }),
      "`body.amountUsdc` must be an integer",
    ],
    [() => gwop.invoices.create({ body: { amountUsdc: 1n } }), "JSON"],
    [
      () => gwop.invoices.create({ body: { amountUsdc: 1, metadata: "x" } }),
      "`body.metadata` must be an object",
    ],
    [
      () => gwop.invoices.create({ body: { amountUsdc: 1 }, idempotencyKey: "" }),
      "`idempotencyKey` must be",
    ],
    [() => gwop.invoices.list({ limit: "20" }), "`limit` must be an integer"],
    [() => gwop.invoices.list(null), "`request` must be an object"],
    [() => gwop.invoices.get("inv_1"), "`request` must be an object"],
    [() => gwop.invoices.get({}), "`id` is missing: it must be a string"],
    [
      () => gwop.authIntents.exchange({ authIntentId: "" }),
      "`authIntentId` must be a non-empty string",
    ],
    [() => gwop.authSessions.revoke({ sessionId: 7 }), "`sessionId` must be a string"],
  ]) {
    const error = await assertRejects(call(), SDKValidationError);
    assertEquals(error.code, "SDK_VALIDATION");
    assertMatch(error.message, words);
  }
  assertEquals(requests.length, 0);
});

test("http: the contract's limits are the server's to enforce", async () => {
  const { gwop, requests } = fake([problem(400)]);
  await assertRejects(
    gwop.invoices.create({ body: { amountUsdc: -1, description: "x".repeat(501) } }),
    ErrorResponse,
  );
  await assertRejects(
    gwop.invoices.list({ limit: 1000, offset: -1, status: "NEW" }),
    ErrorResponse,
  );
  assertEquals(requests.length, 2);
  assertMatch(requests[1].url, "?limit=1000&offset=-1&status=NEW");
});

// ---- Hosts, keys, headers ----

test("http: serverURL sets the invoice host, identityURL the identity host, and a call's serverURL wins", async () => {
  for (const [name, { call, answer, identity }] of each) {
    const { gwop, requests } = fake([answer], {
      serverURL: "https://a.example/base/",
      identityURL: new URL("https://i.example"),
    });
    await call(gwop);
    await call(gwop, { serverURL: "https://one.example" });
    assertMatch(
      requests[0].url,
      identity ? /^https:\/\/i\.example\/(v1|\.well)/ : /^https:\/\/a\.example\/base\/v1\//,
    );
    assertMatch(requests[1].url, /^https:\/\/one\.example\/(v1|\.well)/);
    const own = fake([answer]);
    await call(own.gwop);
    assertEquals(
      new URL(own.requests[0].url).origin,
      identity ? "https://identity.gwop.io" : ServerList[0],
      name,
    );
  }
});

test("http: a server URL that is none is an InvalidRequestError, and nothing is sent", async () => {
  const { gwop, requests } = fake([WIRE.jwks]);
  for (const serverURL of [
    "gwop.io",
    "ftp://x",
    "https://x?y",
    "https://",
    "https://user:CANARY@x.example",
    "https://[x",
  ]) {
    const error = await assertRejects(gwop.auth.getJwks({ serverURL }), InvalidRequestError);
    assertEquals(error.code, "INVALID_REQUEST");
    assert(!error.message.includes("CANARY"));
  }
  assertEquals(requests.length, 0);
});

test("http: serverIdx is an index of ServerList", async () => {
  assertEquals([...ServerList], ["https://agents.gwop.io"]);
  const { gwop, requests } = fake([WIRE.invoicePublic()], { serverIdx: 0 });
  await gwop.invoices.get({ id: "inv_1" });
  assertMatch(requests[0].url, ServerList[0]);
  assertThrows(() => new Gwop({ serverIdx: 1 }), SDKValidationError);
});

test("http: without a merchant key, the error names both ways to give one, before any request", async () => {
  for (const [, { call, isPublic, answer }] of each) {
    const { gwop, requests } = fake([answer], { merchantApiKey: () => "" });
    if (isPublic) {
      await call(gwop);
      assertEquals(requests[0].headers.has("authorization"), false);
    } else {
      const error = await assertRejects(call(gwop), SDKValidationError);
      assertEquals(error.code, "MERCHANT_API_KEY_MISSING");
      assertMatch(error.message, /merchantApiKey is required.*GWOP_MERCHANT_API_KEY/);
      assertEquals(requests.length, 0);
    }
  }
});

test("http: the merchant key comes from the environment, read at the time of use", {
  needs: ["env"],
}, async () => {
  const { gwop, requests } = fake([WIRE.page([], false)], { merchantApiKey: "" });
  const { env } = process;
  const before = env.GWOP_MERCHANT_API_KEY;
  try {
    env.GWOP_MERCHANT_API_KEY = "sk_m_one";
    await gwop.invoices.list();
    env.GWOP_MERCHANT_API_KEY = "sk_m_two";
    await gwop.invoices.list();
  } finally {
    env.GWOP_MERCHANT_API_KEY = before;
  }
  assertEquals(
    requests.map(({ headers }) => headers.get("authorization")),
    ["Bearer sk_m_one", "Bearer sk_m_two"],
  );
});

test("http: the merchant key may be a function, asked once for each call that needs it", async () => {
  let asked = 0;
  const { gwop, requests } = fake([problem(503), WIRE.page([], false)], {
    merchantApiKey: async () => `sk_m_${++asked}`,
  });
  await withoutJitter(() => gwop.invoices.list());
  assertEquals(
    requests.map(({ headers }) => headers.get("authorization")),
    ["Bearer sk_m_1", "Bearer sk_m_1"],
  );
  await gwop.invoices.list();
  assertEquals(asked, 2);
  await fake([WIRE.jwks], { merchantApiKey: () => assert(false) }).gwop.auth.getJwks();
});

test("http: a merchant key function that fails, hangs or gives no string", async () => {
  const run = (merchantApiKey, options) =>
    fake([{}], { merchantApiKey }).gwop.invoices.list({}, options);
  const cause = new Error("vault sealed");
  assertEquals(
    (
      await assertRejects(
        run(() => Promise.reject(cause)),
        UnexpectedClientError,
      )
    ).cause,
    cause,
  );
  await assertRejects(
    run(() => {
      throw cause;
    }),
    UnexpectedClientError,
  );
  await assertRejects(
    run(() => 7),
    SDKValidationError,
  );
  const controller = new AbortController();
  const pending = run(() => new Promise(() => {}), { signal: controller.signal });
  controller.abort();
  await assertRejects(pending, RequestAbortedError);
  const error = await assertRejects(run("sk_m_CANARY\nx"), SDKValidationError);
  assert(!error.message.includes("CANARY"));
});

test("http: headers of a call are added, and win over the SDK's", async () => {
  const { gwop, requests } = fake([WIRE.page([], false)]);
  await gwop.invoices.list(
    {},
    { headers: { "X-Trace": "1", Accept: "application/json;v=2", authorization: "Bearer other" } },
  );
  await gwop.invoices.list({}, { headers: new Headers([["x-trace", "2"]]) });
  assertEquals(requests[0].headers.get("x-trace"), "1");
  assertEquals(requests[0].headers.get("accept"), "application/json;v=2");
  assertEquals(requests[0].headers.get("authorization"), "Bearer other");
  assertEquals(requests[1].headers.get("x-trace"), "2");
  const error = await assertRejects(
    gwop.invoices.list({}, { headers: { "x-secret": "CANARY\n" + "\0" } }),
    InvalidRequestError,
  );
  assert(!`${error.message}${error.cause}`.includes("CANARY"));
});

test("http: the SDK names itself, or as userAgent says, outside of browsers", async ({
  runtime,
}) => {
  const own = fake([WIRE.jwks]);
  await own.gwop.auth.getJwks();
  const other = fake([WIRE.jwks], { userAgent: "shop/2" });
  await other.gwop.auth.getJwks();
  if (["chromium", "firefox"].includes(runtime)) {
    assertEquals(other.requests[0].headers.get("user-agent"), null);
  } else {
    assertMatch(own.requests[0].headers.get("user-agent"), /^gwop-sdk\/\d+\.\d+\.\d+/);
    assertEquals(other.requests[0].headers.get("user-agent"), "shop/2");
  }
});

// ---- Retries and idempotency ----

for (const [name, { call, answer, keyed }] of each) {
  test(`http: ${name} is retried twice by default, with the right idempotency key each time`, () =>
    withoutJitter(async () => {
      for (const failing of [429, 500, 502, 503, 504, "network"]) {
        const fails =
          failing === "network"
            ? () => Promise.reject(new TypeError("fetch failed"))
            : problem(failing);
        const good = fake([fails, fails, answer]);
        await call(good.gwop);
        assertEquals(good.requests.length, 3, `${failing}`);
        const bad = fake([fails]);
        const error = await assertRejects(call(bad.gwop));
        assertEquals(bad.requests.length, 3, `${failing}`);
        const keys = bad.keys();
        assertEquals(new Set(keys).size, name === "authIntents.create" ? 3 : 1);
        assertEquals(
          keys.every((key) => UUID.test(key ?? "")),
          keyed === true,
        );
        assertEquals(error.idempotencyKey, keyed ? keys[2] : undefined);
      }
    }));

  test(`http: ${name} is not retried on what will not pass`, async () => {
    for (const status of [301, 400, 401, 402, 403, 404, 409, 422, 501]) {
      const { gwop, requests } = fake([
        new Response(null, { status, headers: status === 301 ? { location: "/x" } : {} }),
      ]);
      await assertRejects(call(gwop), GwopError);
      assertEquals(requests.length, 1, `${status}`);
    }
    const { gwop, requests } = fake([new Response("{}")]);
    await assertRejects(call(gwop), ResponseValidationError);
    assertEquals(requests.length, 1);
  });

  if (!keyed) continue;
  test(`http: ${name} with the caller's own idempotency key`, () =>
    withoutJitter(async () => {
      for (const [argument, options] of [
        [{ idempotencyKey: "order-7" }],
        [undefined, { headers: { "Idempotency-Key": "order-7" } }],
      ]) {
        for (const fails of [
          problem(503),
          problem(429, "RATE_LIMITED", { "retry-after": "0" }),
          () => Promise.reject(new TypeError("x")),
        ]) {
          const { gwop, keys } = fake([fails]);
          const error = await assertRejects(call(gwop, options, argument));
          assertEquals(keys(), Array(name === "authIntents.create" ? 1 : 3).fill("order-7"));
          assertEquals(error.idempotencyKey, "order-7");
        }
      }
    }));

  test(`http: every error of ${name} carries the idempotency key`, async () => {
    const aborted = AbortSignal.abort();
    for (const [answers, options, error] of [
      [[problem(409, "IDEMPOTENCY_CONFLICT")], {}, ErrorResponse],
      [[problem(429, "RATE_LIMITED", { "retry-after": "999" })], {}, RateLimitError],
      [[new Response("<html>", { status: 500 })], NEVER, GwopDefaultError],
      [[new Response("<html>")], {}, ResponseValidationError],
      [[() => Promise.reject(new TypeError("x"))], NEVER, ConnectionError],
      [[() => new Promise(() => {})], { ...NEVER, timeoutMs: 20 }, RequestTimeoutError],
      [[() => Promise.reject(new Error("odd"))], {}, UnexpectedClientError],
      [[{}], { signal: aborted }, RequestAbortedError],
    ]) {
      const thrown = await assertRejects(call(fake(answers).gwop, options), error);
      assertMatch(thrown.idempotencyKey, UUID);
      assert(!JSON.stringify(thrown).includes(thrown.idempotencyKey), "the key is enumerable");
    }
    const missing = fake([{}], { merchantApiKey: () => "" }).gwop;
    assertMatch((await assertRejects(call(missing))).idempotencyKey, UUID);
  });
}

test("http: two calls never share an idempotency key", async () => {
  const { gwop, keys } = fake([WIRE.invoice]);
  await Promise.all(
    Array.from({ length: 50 }, () => gwop.invoices.create({ body: { amountUsdc: 1 } })),
  );
  assertEquals(new Set(keys()).size, 50);
});

test("http: retries none, retryCodes, and the constructor's retries under both names", () =>
  withoutJitter(async () => {
    const count = async (answer, options, clientOptions) => {
      const { gwop, requests } = fake([answer], clientOptions);
      await assertRejects(gwop.invoices.get({ id: "inv_1" }, options));
      return requests.length;
    };
    const lost = () => Promise.reject(new TypeError("fetch failed"));
    assertEquals(await count(problem(503), NEVER), 1);
    assertEquals(await count(lost, NEVER), 1);
    assertEquals(await count(problem(503), {}, { retries: { strategy: "none" } }), 1);
    assertEquals(await count(problem(503), {}, { retryConfig: { strategy: "none" } }), 1);
    assertEquals(
      await count(
        problem(503),
        { retries: { strategy: "backoff" } },
        { retryConfig: { strategy: "none" } },
      ),
      3,
    );
    assertEquals(await count(problem(503), { retryCodes: ["429"] }), 1);
    assertEquals(await count(problem(404), { retryCodes: ["4XX"] }), 3);
    assertEquals(await count(problem(404), { retryCodes: ["404", "5xx"] }), 3);
    assertEquals(await count(lost, { retryCodes: [] }), 3);
    assertEquals(
      await count(lost, { retries: { strategy: "backoff", retryConnectionErrors: false } }),
      1,
    );
    assertEquals(
      await count(problem(503), { retries: { strategy: "backoff", retryConnectionErrors: false } }),
      3,
    );
  }));

test("http: an explicit backoff goes on as long as its maxElapsedTime allows", async () => {
  const { gwop, requests } = fake([problem(503)]);
  const backoff = { initialInterval: 5, maxInterval: 20, exponent: 1.5, maxElapsedTime: 300 };
  const [ms] = await timed(() =>
    assertRejects(gwop.invoices.get({ id: "a" }, { retries: { strategy: "backoff", backoff } })),
  );
  assert(requests.length > 5, `${requests.length} attempts`);
  assert(ms < 2_000, `${ms} ms`);
  const none = fake([problem(503)]);
  // With full jitter, a long interval is seldom near 0. A wait of 0 ms would fit into any time.
  const nothing = { ...backoff, initialInterval: 1_000, maxInterval: 1_000, maxElapsedTime: 0 };
  await assertRejects(
    none.gwop.invoices.get({ id: "a" }, { retries: { strategy: "backoff", backoff: nothing } }),
  );
  assert(none.requests.length <= 2);
});

/**
 * Values of `retries` and of the constructor's `retryConfig` that the documentation does not allow.
 */
const WRONG_RETRIES = [
  {},
  "none",
  7,
  { strategy: "sometimes" },
  { strategy: "backoff", backoff: "fast" },
  { strategy: "backoff", backoff: 7 },
  { strategy: "backoff", backoff: true },
  { strategy: "backoff", backoff: [] },
  { strategy: "backoff", backoff: { initialInterval: -1 } },
  { strategy: "backoff", backoff: { initialInterval: "500" } },
  { strategy: "backoff", backoff: { maxInterval: null } },
  { strategy: "backoff", backoff: { exponent: NaN } },
  { strategy: "backoff", backoff: { maxElapsedTime: Infinity } },
  { strategy: "backoff", retryConnectionErrors: "no" },
  { strategy: "backoff", retryConnectionErrors: null },
];

test("http: options of the wrong kind, or that make no sense, are refused before any request", async () => {
  const { gwop, requests } = fake([{}]);
  for (const options of [
    ...[0, -1, NaN, "100", {}].map((timeoutMs) => ({ timeoutMs })),
    ...[{}, "now", 7, true, 0, "", false, new EventTarget(), { addEventListener() {} }].map(
      (signal) => ({ signal }),
    ),
    ...WRONG_RETRIES.map((retries) => ({ retries })),
    ...["429", 429, null, {}, [429], [null], ["429", "teapot"], ["*"], [""], ["429,418"]].map(
      (retryCodes) => ({ retryCodes }),
    ),
    ...[5, "x", true, Symbol("s"), () => {}].map((headers) => ({ headers })),
    ...[5, true, [], {}, Symbol("s")].map((serverURL) => ({ serverURL })),
    ...["timeoutMs", "retries", "retryCodes", "serverURL", "headers"].map((name) => ({
      [name]: null,
    })),
    ...[5, "timeoutMs=5", true, Symbol("s"), null, [], () => {}],
  ]) {
    const error = await assertRejects(gwop.invoices.get({ id: "a" }, options), SDKValidationError);
    assertEquals(error.code, "SDK_VALIDATION", JSON.stringify(options));
    await assertRejects(
      gwop.invoices.waitForStatus({ id: "a", status: "PAID" }, options),
      SDKValidationError,
    );
  }
  assertEquals(requests.length, 0);
});

test("http: an option that is undefined is left out, and so is a signal that is null", async () => {
  const absent = (names) => Object.fromEntries(names.map((name) => [name, undefined]));
  const { gwop, requests } = fake([WIRE.invoicePublic()], {
    ...absent([
      "webhookSecret",
      "serverURL",
      "serverIdx",
      "identityURL",
      "userAgent",
      "retryConfig",
      "timeoutMs",
    ]),
    ...absent(["debugLogger", "merchantId", "jwksStore", "jwksCooldownSeconds", "allowInsecure"]),
  });
  const options = absent(["timeoutMs", "retries", "retryCodes", "serverURL", "headers"]);
  await gwop.invoices.get({ id: "a" }, { ...options, signal: null });
  const parts = absent(["initialInterval", "maxInterval", "exponent", "maxElapsedTime"]);
  const retries = { strategy: "backoff", retryConnectionErrors: undefined };
  for (const backoff of [undefined, parts])
    await gwop.invoices.get({ id: "a" }, { ...options, retries: { ...retries, backoff } });
  await gwop.invoices.waitForStatus(
    { id: "a", status: "OPEN", signal: null, timeoutMs: undefined },
    undefined,
  );
  assertEquals(requests.length, 4);
  for (const Class of [Gwop, HTTPClient])
    for (const options of [[], [undefined], [{}]]) assertInstance(new Class(...options), Class);
});

test("http: options of the wrong kind are refused when the client is made", () => {
  const kinds = [5, true, [], {}, Symbol("s"), null];
  const names = [
    "webhookSecret",
    "retryConfig",
    "timeoutMs",
    "merchantId",
    "merchantApiKey",
    "jwksStore",
    "jwksCooldownSeconds",
  ];
  for (const options of [
    ...[5, "x", true, null, [], Symbol("s")],
    ...names.map((name) => ({ [name]: null })),
    ...kinds.flatMap((kind) => [
      { serverURL: kind },
      { identityURL: kind },
      { userAgent: kind },
      { debugLogger: kind },
    ]),
    ...["log", { log() {} }].map((debugLogger) => ({ debugLogger })),
    {
      get merchantApiKey() {
        throw new Error("CANARY");
      },
    },
    { retryConfig: null },
  ]) {
    const error = assertThrows(() => new Gwop(options), SDKValidationError);
    assertEquals(error.code, "SDK_VALIDATION");
    assert(!error.message.includes("CANARY"));
  }
  for (const options of [5, "x", null, [], { fetcher: 5 }, { fetcher: null }, { fetcher: {} }]) {
    assertThrows(() => new HTTPClient(options), SDKValidationError);
  }
  for (const hook of [5, undefined, null, {}]) {
    assertThrows(() => new HTTPClient().addHook("beforeRequest", hook), SDKValidationError);
  }
});

test("http: a userAgent that no header can hold is refused when the client is made, and never quoted", async () => {
  for (const userAgent of ["CANARY \u2615", "CANARY\nb", "CANARY\0", "CANARY\x7f"]) {
    const error = assertThrows(() => new Gwop({ userAgent }), SDKValidationError);
    assert(!`${error.message}${error.rawValue}`.includes("CANARY"), error.message);
  }
  for (const userAgent of ["", "shop/2 (any 1)", "caf\u00e9"])
    await fake([WIRE.jwks], { userAgent }).gwop.auth.getJwks();
});

test("http: an argument that cannot be read is refused, nothing is sent, and the caller's key is kept", async () => {
  const { gwop, requests } = fake([WIRE.invoice]);
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  for (const request of [
    proxy,
    { body: proxy },
    {
      get idempotencyKey() {
        throw new Error("boom");
      },
      body: { amountUsdc: 1 },
    },
    {
      get body() {
        throw new Error("boom");
      },
    },
  ]) {
    await assertRejects(gwop.invoices.create(request), {
      name: "SDKValidationError",
      code: "SDK_VALIDATION",
    });
  }
  for (const options of [
    proxy,
    {
      get timeoutMs() {
        throw new RangeError("CANARY");
      },
    },
  ]) {
    const error = await assertRejects(gwop.invoices.get({ id: "a" }, options), {
      name: "SDKValidationError",
    });
    assert(!error.message.includes("CANARY"));
  }
  const error = await assertRejects(
    gwop.invoices.create({ idempotencyKey: "order-7", body: { amountUsdc: 1 } }, 5),
    SDKValidationError,
  );
  assertEquals([error.idempotencyKey, requests.length], ["order-7", 0]);
});

test("http: the classes keep their names", () => {
  assertEquals(
    [Gwop.name, HTTPClient.name, new Gwop().constructor.name],
    ["Gwop", "HTTPClient", "Gwop"],
  );
});

test("http: retries of the wrong kind are refused by each call, before any request", async () => {
  for (const retries of WRONG_RETRIES) {
    for (const options of [{ retries }, { retryConfig: retries }]) {
      const { gwop, requests } = fake([{}], options);
      await assertRejects(gwop.invoices.get({ id: "a" }), SDKValidationError);
      assertEquals(requests.length, 0);
    }
  }
});

test("http: what refuses the retry options carries the call's idempotency key all the same", async () => {
  for (const retries of WRONG_RETRIES) {
    const create = (request) =>
      fake([{}]).gwop.invoices.create({ body: { amountUsdc: 1 }, ...request }, { retries });
    assertMatch((await assertRejects(create(), SDKValidationError)).idempotencyKey, UUID);
    assertEquals(
      (await assertRejects(create({ idempotencyKey: "order-7" }))).idempotencyKey,
      "order-7",
    );
  }
});

test("http: an answer's headers are the caller's whatever their names", async () => {
  for (const name of ["constructor", "__proto__"]) {
    const answer = () => Response.json({ revoked: true }, { headers: [[name, "x"]] });
    const { headers } = await fake([answer]).gwop.authSessions.revoke({ sessionId: "sess_1" });
    assertEquals(Object.getOwnPropertyDescriptor(headers, name)?.value, ["x"]);
  }
});

test("http: an error carries the idempotency key that was sent, a hook's own too, and none where none was", async () => {
  for (const hook of [
    (request) => request.headers.set("idempotency-key", "hook-1"),
    (request) =>
      new Request(request, {
        headers: { ...Object.fromEntries(request.headers), "idempotency-key": "hook-1" },
      }),
  ]) {
    const httpClient = new HTTPClient({
      fetcher: async () => new Response("", { status: 500 }),
    }).addHook("beforeRequest", hook);
    const { gwop } = fake([], { httpClient });
    assertEquals(
      (await assertRejects(gwop.invoices.create({ body: { amountUsdc: 1 } }, NEVER)))
        .idempotencyKey,
      "hook-1",
    );
  }
  const { gwop, keys } = fake([() => new Response("", { status: 500 })]);
  const error = await assertRejects(
    gwop.invoices.get({ id: "a" }, { ...NEVER, headers: { "Idempotency-Key": "unused" } }),
  );
  assertEquals(error.idempotencyKey, undefined);
  assertEquals(keys(), [null]);
});

test("http: an httpClient that cannot send is refused when the client is made", () => {
  for (const httpClient of [null, {}, "fetch", 7, fetch, { request: "POST" }]) {
    assertMatch(
      assertThrows(() => new Gwop({ httpClient }), SDKValidationError).message,
      "httpClient must be",
    );
  }
});

test("http: Retry-After in seconds is waited for", async (context) => {
  const answers = [
    { status: 429, headers: { "retry-after": "1" }, body: {} },
    { body: WIRE.invoicePublic() },
  ];
  const { gwop, seen } = await scripted(context, answers);
  const [ms] = await withoutJitter(() => timed(() => gwop.invoices.get({ id: "a" })));
  assert(ms >= 990 && ms < 5_000, `${ms} ms`);
  assertEquals((await seen()).length, 2);
});

test("http: Retry-After as a date is waited for", async (context) => {
  const at = new Date(Date.now() + 2_500).toUTCString();
  const { gwop } = await scripted(context, [
    { status: 503, headers: { "retry-after": at } },
    { body: WIRE.invoicePublic() },
  ]);
  await withoutJitter(() => gwop.invoices.get({ id: "a" }));
  assert(Date.now() >= Date.parse(at), "came back too early");
});

test("http: a Retry-After beyond the bound ends the call with the answer's own error", async () => {
  for (const value of ["61", "99999999999", new Date(Date.now() + 120_000).toUTCString()]) {
    const { gwop, requests } = fake([problem(429, "RATE_LIMITED", { "retry-after": value })]);
    const [ms, error] = await timed(() => assertRejects(gwop.invoices.list(), RateLimitError));
    assertEquals(
      [error.error.code, error.headers.get("retry-after"), requests.length],
      ["RATE_LIMITED", value, 1],
    );
    assert(ms < 5_000);
  }
});

test("http: a Retry-After without meaning, or in the past, leaves the back-off", () =>
  withoutJitter(async () => {
    for (const value of ["soon", "-1", "1.5", "Sun, 06 Nov 1994 08:49:37 GMT", "0"]) {
      const { gwop } = fake([problem(503, "X", { "retry-after": value }), WIRE.invoicePublic()]);
      const [ms] = await timed(() => gwop.invoices.get({ id: "a" }));
      assert(ms < 900, `${value}: ${ms} ms`);
    }
  }));

// ---- Timeouts and signals ----

test("http: a timeout is per attempt, and is retried", async (context) => {
  const { gwop, seen } = await scripted(context, [
    { delayMs: 5_000 },
    { delayMs: 5_000 },
    { body: WIRE.invoicePublic() },
  ]);
  const { result } = await withoutJitter(() => gwop.invoices.get({ id: "a" }, { timeoutMs: 400 }));
  assertEquals(result.status, "OPEN");
  assertEquals((await seen()).length, 3);
});

test("http: a late answer is a RequestTimeoutError", async (context) => {
  const { gwop } = await scripted(context, [{ delayMs: 5_000 }], { timeoutMs: 200 });
  const [ms, error] = await timed(() =>
    assertRejects(gwop.invoices.create({ body: { amountUsdc: 1 } }, NEVER), RequestTimeoutError),
  );
  assertEquals(error.code, "REQUEST_TIMEOUT");
  assertMatch(error.message, "idempotencyKey");
  assertInstance(error, HTTPClientError);
  assert(ms >= 190 && ms < 3_000, `${ms} ms`);
});

test("http: a body that comes too slowly is a RequestTimeoutError", async (context) => {
  const { gwop } = await scripted(context, [{ bodyDelayMs: 5_000, body: WIRE.invoicePublic() }]);
  const [ms] = await timed(() =>
    assertRejects(
      gwop.invoices.get({ id: "a" }, { ...NEVER, timeoutMs: 300 }),
      RequestTimeoutError,
    ),
  );
  assert(ms < 3_000, `${ms} ms`);
});

test("http: a body that never ends, and does not answer to being cancelled, times out all the same", async () => {
  const body = () =>
    new ReadableStream({ pull: () => new Promise(() => {}), cancel: () => new Promise(() => {}) });
  const { gwop } = fake([WIRE.jwks], { httpClient: { request: async () => new Response(body()) } });
  await assertRejects(gwop.auth.getJwks({ ...NEVER, timeoutMs: 50 }), RequestTimeoutError);
});

test("http: a signal that has aborted before means that nothing is sent", async () => {
  const { gwop, requests } = fake([WIRE.jwks]);
  const reason = new Error("changed my mind");
  const error = await assertRejects(
    gwop.auth.getJwks({ signal: AbortSignal.abort(reason) }),
    RequestAbortedError,
  );
  assertEquals([error.code, error.cause, requests.length], ["REQUEST_ABORTED", reason, 0]);
});

test("http: a signal aborts the wait for an answer, and is not retried", async (context) => {
  const { gwop, seen } = await scripted(context, [{ delayMs: 10_000 }]);
  const controller = new AbortController();
  setTimeout(() => controller.abort(new Error("enough")), 200);
  const [ms, error] = await timed(() =>
    assertRejects(
      gwop.invoices.cancel({ id: "u" }, { signal: controller.signal }),
      RequestAbortedError,
    ),
  );
  assertEquals(error.cause.message, "enough");
  assertMatch(error.message, "unknown");
  assert(ms < 5_000, `${ms} ms`);
  assertEquals((await seen()).length, 1);
});

test("http: a signal aborts the reading of a body", async (context) => {
  const { gwop } = await scripted(context, [{ bodyDelayMs: 10_000, body: WIRE.invoicePublic() }]);
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 300);
  await assertRejects(
    gwop.invoices.get({ id: "a" }, { signal: controller.signal }),
    RequestAbortedError,
  );
});

test("http: a signal aborts the pause between two attempts", async () => {
  const { gwop, requests } = fake([problem(429, "RATE_LIMITED", { "retry-after": "50" })]);
  const controller = new AbortController();
  setTimeout(() => controller.abort(new Error("enough")), 50);
  const [ms, error] = await timed(() =>
    assertRejects(gwop.invoices.list({}, { signal: controller.signal }), RequestAbortedError),
  );
  assertEquals([error.cause.message, requests.length], ["enough", 1]);
  assert(ms < 5_000, `${ms} ms`);
});

test("http: signal and timeout together: whichever comes first", async (context) => {
  const { gwop } = await scripted(context, [{ delayMs: 10_000 }]);
  const call = (timeoutMs, abortMs) => {
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(), abortMs);
    return gwop.invoices
      .get({ id: "a" }, { ...NEVER, timeoutMs, signal: controller.signal })
      .finally(() => clearTimeout(timer));
  };
  await assertRejects(call(200, 5_000), RequestTimeoutError);
  await assertRejects(call(5_000, 200), RequestAbortedError);
});

test("http: a fetcher that heeds no signal neither outlasts a timeout nor an abort", async () => {
  const httpClient = { request: () => new Promise(() => {}) };
  const gwop = new Gwop({ httpClient });
  await assertRejects(gwop.auth.getJwks({ ...NEVER, timeoutMs: 50 }), RequestTimeoutError);
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 50);
  await assertRejects(gwop.auth.getJwks({ signal: controller.signal }), RequestAbortedError);
});

test("http: what a fetcher rejects with is handled, even where the signal refuses its listener", async () => {
  const { gwop } = fake([() => Promise.reject(new TypeError("refused"))]);
  const signal = {
    aborted: false,
    addEventListener() {
      throw new Error("no listeners");
    },
    removeEventListener() {},
  };
  await assertRejects(gwop.invoices.get({ id: "a" }, { signal }));
  // An unhandled rejection would end the process here.
  await new Promise((done) => setTimeout(done, 10));
});

test("http: a call leaves no listener on the caller's signal", async () => {
  const listeners = new Set();
  const controller = new AbortController();
  const { signal } = controller;
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (type, fn, options) => (
    listeners.add(fn), addEventListener.call(signal, type, fn, options)
  );
  signal.removeEventListener = (type, fn) => (
    listeners.delete(fn), removeEventListener.call(signal, type, fn)
  );
  const { gwop } = fake([problem(503), WIRE.page([], false)], {
    merchantApiKey: async () => "sk_m_x",
  });
  await withoutJitter(() => gwop.invoices.list({}, { signal }));
  assertEquals(listeners.size, 0);
});

// ---- Connections, redirects and bodies ----

test("http: a refused connection is a ConnectionError", async () => {
  const gwop = new Gwop({ serverURL: "http://127.0.0.1:54329" });
  const error = await assertRejects(gwop.invoices.get({ id: "a" }, NEVER), ConnectionError);
  assertEquals(error.code, "CONNECTION_ERROR");
  assert(error.cause !== undefined);
});

test("http: a host that no DNS server knows is a ConnectionError", async ({ runtime }) => {
  // Deno's permissions and pages' policies apply before any DNS lookup.
  if (!["node", "bun", "workerd"].includes(runtime)) return;
  const gwop = new Gwop({ serverURL: "http://no-such-host.invalid", allowInsecure: true });
  await assertRejects(gwop.invoices.get({ id: "a" }, NEVER), ConnectionError);
});

test("http: a connection that is closed without an answer is a ConnectionError, and is retried", async (context) => {
  const { gwop, seen } = await scripted(context, [{ close: true }]);
  await withoutJitter(() =>
    assertRejects(gwop.invoices.create({ body: { amountUsdc: 1 } }), ConnectionError),
  );
  const keys = (await seen()).map(({ headers }) => headers["idempotency-key"]);
  // Some runtimes repeat a request themselves if a kept connection was closed.
  assert(keys.length >= 3, `${keys.length} attempts`);
  assertEquals(new Set(keys).size, 1);
});

test("http: a body that breaks off is a ConnectionError", async () => {
  const body = () =>
    new ReadableStream({ pull: (controller) => controller.error(new Error("reset by peer")) });
  const { gwop } = fake([() => new Response(body())]);
  await assertRejects(gwop.auth.getJwks(NEVER), ConnectionError);
});

test("http: redirects are never followed, and the key never leaves", async (context) => {
  for (const status of [301, 302, 303, 307, 308]) {
    const target = await scripted(context, [{ body: WIRE.page([], false) }]);
    const { gwop, seen } = await scripted(context, [{ status, headers: { location: target.url } }]);
    const error = await assertRejects(gwop.invoices.list(), GwopDefaultError);
    assertMatch(error.message, "redirect");
    assertEquals((await seen()).length, 1);
    assertEquals(await target.seen(), []);
  }
});

test("http: redirects are not followed either when a beforeRequest hook gives a request of its own", async (context) => {
  for (const replace of [
    (request) => new Request(request, { redirect: "follow" }),
    async (request) =>
      new Request(request.url, {
        method: "POST",
        headers: request.headers,
        body: await request.text(),
      }),
  ]) {
    const target = await scripted(context, [{ body: WIRE.invoice }]);
    const httpClient = new HTTPClient().addHook("beforeRequest", replace);
    const { gwop, seen } = await scripted(
      context,
      [{ status: 307, headers: { location: target.url } }],
      { httpClient },
    );
    const error = await assertRejects(
      gwop.invoices.create({ body: { amountUsdc: 5 } }),
      GwopDefaultError,
    );
    assertMatch(error.message, "redirect");
    const [{ body, headers }, ...more] = await seen();
    assertEquals(
      [JSON.parse(body), headers.authorization, more],
      [{ amount_usdc: 5 }, "Bearer sk_m_CANARY", []],
    );
    assertEquals(await target.seen(), []);
  }
});

test("http: bodies are bounded", { timeoutMs: 60_000 }, async ({ serverURL }) => {
  const gwop = new Gwop({ serverURL: `${serverURL}/huge/${30 * 1024 * 1024}` });
  const error = await assertRejects(gwop.invoices.get({ id: "a" }), ResponseValidationError);
  assertMatch(error.message, "10 MiB");
  assert(error.body.length <= 10 * 1024 * 1024);
});

test("http: a body just under the bound is read", { timeoutMs: 60_000 }, async () => {
  const padded = JSON.stringify(WIRE.jwks) + " ".repeat(9 * 1024 * 1024);
  assertEquals((await fake([new Response(padded)]).gwop.auth.getJwks()).result, WIRE.jwks);
});

// ---- Errors ----

test("http: a structured error keeps the server's words, and its code", async () => {
  const { gwop } = fake([problem(404, "INVOICE_NOT_FOUND", { "x-request-id": "req_7" })]);
  const error = await assertRejects(gwop.invoices.get({ id: "a" }), ErrorResponse);
  assertInstance(error, GwopError);
  assertEquals(error.message, "about INVOICE_NOT_FOUND");
  assertEquals(error.error, {
    code: "INVOICE_NOT_FOUND",
    message: "about INVOICE_NOT_FOUND",
    details: { field: "x" },
    requestId: "req_1",
  });
  assertEquals(error.data$, { error: error.error });
  assertEquals(
    [error.statusCode, error.code, error.headers.get("x-request-id")],
    [404, "INVOICE_NOT_FOUND", "req_7"],
  );
  assertMatch(error.contentType, "application/json");
  assertEquals(JSON.parse(error.body).error.code, "INVOICE_NOT_FOUND");
  assertInstance(error.rawResponse, Response);
  assert(isGwopError(error, "INVOICE_NOT_FOUND"));
});

test("http: 429 is a RateLimitError, and another shape a GwopDefaultError", async () => {
  assertInstance(
    await assertRejects(fake([problem(429, "RATE_LIMITED")]).gwop.auth.getJwks(NEVER)),
    RateLimitError,
  );
  for (const [status, body] of [
    [429, "slow down"],
    [500, "<html>"],
    [502, ""],
    [404, '{"message":"no"}'],
    [400, '{"error":"no"}'],
  ]) {
    const error = await assertRejects(
      fake([new Response(body, { status })]).gwop.auth.getJwks(NEVER),
      GwopDefaultError,
    );
    assertEquals(
      [error.statusCode, error.body, error.code, "error" in error],
      [status, body, "HTTP_ERROR", false],
    );
  }
});

test("http: a 2xx of the wrong shape is a ResponseValidationError, whatever the operation", async () => {
  for (const [, { call }] of each) {
    for (const answer of [
      () => new Response("{}"),
      () => new Response("[]"),
      () => new Response("null"),
      () => new Response("<html>", { headers: { "content-type": "text/html" } }),
      () => new Response(""),
      () => new Response(null, { status: 204 }),
      () => new Response('{"cut":'),
      () => new Response(new Uint8Array([0x7b, 0xff])),
    ]) {
      const error = await assertRejects(call(fake([answer]).gwop), ResponseValidationError);
      assertInstance(error, GwopError);
      assertInstance(error, SDKValidationError);
      assertEquals(error.code, "RESPONSE_VALIDATION");
      assert(error.statusCode >= 200 && error.statusCode < 300);
    }
  }
});

test("http: a wrong field is named, and no value of the answer is in the message", async () => {
  const answer = { ...WIRE.token, principal: { ...WIRE.token.principal, sub: 7 } };
  const error = await assertRejects(
    OPERATIONS["authIntents.exchange"].call(fake([answer]).gwop),
    ResponseValidationError,
  );
  assertMatch(error.message, "`principal.sub` must be a string");
  assert(!error.message.includes("CANARY"));
  assert(!JSON.stringify(error).includes("CANARY"));
  assertEquals(error.rawValue.access_token, "CANARY-TOKEN");
  assertMatch(error.pretty(), "principal.sub");
});

test("http: money is never rounded", async () => {
  for (const amount of [1.5, 2 ** 53, "5"]) {
    const answer = { ...WIRE.invoice, amount_usdc: amount };
    await assertRejects(
      fake([answer]).gwop.invoices.create({ body: { amountUsdc: 1 } }),
      ResponseValidationError,
    );
  }
});

// ---- HTTPClient ----

test("http: HTTPClient's hooks see and may replace a request, and see answers and failures", async () => {
  const log = [];
  const httpClient = new HTTPClient({
    fetcher: async (request) => (
      log.push(`fetch ${request.headers.get("x-a")}`), Response.json(WIRE.jwks)
    ),
  })
    .addHook("beforeRequest", (request) => {
      log.push("first");
      request.headers.set("x-a", "1");
    })
    .addHook("beforeRequest", async (request) => {
      log.push(`second ${request.headers.get("x-a")}`);
      return new Request(request, {
        headers: { ...Object.fromEntries(request.headers), "x-a": "2" },
      });
    })
    .addHook("response", async (response, request) => {
      log.push(
        `response ${request.headers.get("x-a")} ${(await response.clone().json()).keys.length}`,
      );
    })
    .addHook("requestError", () => assert(false));
  await new Gwop({ httpClient }).auth.getJwks();
  assertEquals(log, ["first", "second 1", "fetch 2", "response 2 1"]);
});

test("http: the requestError hook learns of each failure", async () => {
  const seen = [];
  const httpClient = new HTTPClient({
    fetcher: () => Promise.reject(new TypeError("fetch failed")),
  });
  httpClient.addHook(
    "requestError",
    (error, request) => void seen.push([error.message, request.method]),
  );
  await withoutJitter(() =>
    assertRejects(new Gwop({ httpClient }).auth.getJwks(), ConnectionError),
  );
  assertEquals(seen, Array(3).fill(["fetch failed", "GET"]));
});

test("http: a hook that throws is no connection error, and is not retried", async () => {
  for (const moment of ["beforeRequest", "response"]) {
    let called = 0;
    const mistake = new TypeError("x is not a function");
    const httpClient = new HTTPClient({ fetcher: async () => Response.json(WIRE.jwks) }).addHook(
      moment,
      () => {
        called += 1;
        throw mistake;
      },
    );
    const error = await assertRejects(
      new Gwop({ httpClient }).auth.getJwks(),
      UnexpectedClientError,
    );
    assertEquals([error.cause, called, error.code], [mistake, 1, "UNEXPECTED_CLIENT_ERROR"]);
  }
});

test("http: a hook that has read the body is told to clone it", async () => {
  const httpClient = new HTTPClient({ fetcher: async () => Response.json(WIRE.jwks) });
  httpClient.addHook("response", async (response) => void (await response.text()));
  assertMatch(
    (await assertRejects(new Gwop({ httpClient }).auth.getJwks(), UnexpectedClientError)).message,
    "clone",
  );
});

test("http: removeHook and clone", async () => {
  const log = [];
  const one = () => void log.push("one");
  const original = new HTTPClient({ fetcher: async () => Response.json(WIRE.jwks) }).addHook(
    "beforeRequest",
    one,
  );
  const clone = original.clone().addHook("beforeRequest", () => void log.push("clone"));
  await original.request(new Request("https://x.example"));
  assertEquals(log.splice(0), ["one"]);
  await clone.request(new Request("https://x.example"));
  assertEquals(log.splice(0), ["one", "clone"]);
  original.removeHook("beforeRequest", one).removeHook("beforeRequest", one);
  await original.request(new Request("https://x.example"));
  assertEquals(log, []);
  assertThrows(() => original.addHook("afterwards", one));
});

test("http: the default fetcher is the global fetch of the moment, and fetch itself may be given", async ({
  serverURL,
}) => {
  const { fetch } = globalThis;
  const gwop = new Gwop();
  let seen;
  globalThis.fetch = async (request) => ((seen = request.url), Response.json(WIRE.jwks));
  try {
    await gwop.auth.getJwks();
  } finally {
    globalThis.fetch = fetch;
  }
  assertEquals(seen, "https://identity.gwop.io/.well-known/jwks.json");
  const { status } = await new HTTPClient({ fetcher: fetch }).request(
    new Request(`${serverURL}/echo`),
  );
  assertEquals(status, 200);
});

// ---- Debug ----

function collect() {
  const lines = [];
  const line = (...values) => void lines.push(values.join(" "));
  return { lines, logger: { group: line, groupEnd() {}, log: line } };
}

test("http: the debug log has method, URL, status, duration, request id and headers, but no secret and no body", async () => {
  const { lines, logger } = collect();
  const { gwop } = fake([problem(503), WIRE.token], { debugLogger: logger });
  await withoutJitter(() =>
    gwop.authIntents.exchange({ authIntentId: "ai_1", idempotencyKey: "CANARY-KEY" }),
  );
  const text = lines.join("\n");
  assertMatch(
    text,
    /POST https:\/\/identity\.gwop\.io\/v1\/auth-intents\/ai_1\/exchange: status 503 after \d+ ms/,
  );
  assertMatch(text, /status 200 after \d+ ms, request id req_9/);
  assertMatch(text, "authorization: [redacted]");
  assertMatch(text, "idempotency-key: [redacted]");
  assertMatch(text, "accept: application/json");
  assert(!text.includes("CANARY"), text);
});

test("http: the debug log redacts every header but those that are known to be harmless", async () => {
  const { lines, logger } = collect();
  const secrets = [
    "x-api-key",
    "cookie",
    "x-forwarded-authorization",
    "x-merchant-token",
    "anything-else",
    "location",
    "set-cookie2",
    "x-gwop-signature",
  ];
  const headers = Object.fromEntries(secrets.map((name) => [name, `CANARY-${name}`]));
  const answer = Response.json(WIRE.jwks, {
    headers: { ...headers, "retry-after": "3", "x-request-id": "req_1" },
  });
  const { gwop } = fake([answer], { debugLogger: logger });
  await gwop.auth.getJwks({ headers });
  const text = lines.join("\n");
  for (const name of secrets) if (name !== "cookie") assertMatch(text, `${name}: [redacted]`);
  assertMatch(text, "retry-after: 3");
  assertMatch(text, "x-request-id: req_1");
  assertMatch(text, "content-type: application/json");
  assert(!text.includes("CANARY"), text);
});

test("http: the debug log tells of attempts without an answer", async () => {
  const { lines, logger } = collect();
  const { gwop } = fake([() => Promise.reject(new TypeError("x"))], { debugLogger: logger });
  await assertRejects(gwop.invoices.get({ id: "a" }, NEVER));
  assertMatch(lines[0], /ConnectionError after \d+ ms/);
});

test("http: a broken debug logger fails no call", async () => {
  const broken = () => {
    throw new Error("disk full");
  };
  const { gwop } = fake([WIRE.jwks], {
    debugLogger: { group: broken, groupEnd: broken, log: broken },
  });
  await gwop.auth.getJwks();
});

test("http: GWOP_DEBUG logs to the console, read at the time of use", {
  needs: ["env"],
}, async () => {
  const { gwop } = fake([WIRE.jwks]);
  const { group } = console;
  const labels = [];
  try {
    console.group = (label) => void labels.push(label);
    for (const value of ["1", "0", "false", ""]) {
      process.env.GWOP_DEBUG = value;
      await gwop.auth.getJwks();
    }
  } finally {
    console.group = group;
    delete process.env.GWOP_DEBUG;
  }
  assertEquals(
    labels.filter((label) => label.startsWith("GET https://identity.gwop.io")).length,
    1,
  );
});

// ---- Lists and waiting ----

test("http: listAll pages by itself, and gives each invoice once", async () => {
  const { gwop, requests } = fake([
    WIRE.page(["a", "b"], true),
    // A new invoice has shifted the pages.
    WIRE.page(["b", "c"], true),
    WIRE.page(["d"], false),
  ]);
  const ids = [];
  for await (const invoice of gwop.invoices.listAll({ status: "PAID", limit: 2 })) {
    assertInstance(invoice.paidAt, Date);
    ids.push(invoice.id);
  }
  assertEquals(ids, ["a", "b", "c", "d"]);
  assertEquals(
    requests.map(({ url }) => new URL(url).search),
    [
      "?limit=2&offset=0&status=PAID",
      "?limit=2&offset=2&status=PAID",
      "?limit=2&offset=4&status=PAID",
    ],
  );
});

test("http: listAll asks for no page that is not wanted", async () => {
  for (const request of [undefined, { limit: undefined, offset: undefined }]) {
    const { gwop, requests } = fake([WIRE.page(["a", "b"], true)]);
    for await (const invoice of gwop.invoices.listAll(request)) {
      assertEquals(invoice.id, "a");
      break;
    }
    assertEquals(requests.length, 1);
    assertMatch(requests[0].url, "limit=100&offset=0");
  }
});

test("http: listAll ends where a server repeats itself, and says for ever that more follow", async () => {
  const a = WIRE.page(["a", "b"], true);
  const b = WIRE.page(["c"], true);
  for (const [pages, expected] of [
    [[a], ["a", "b"]],
    [
      [a, b],
      ["a", "b", "c"],
    ],
    [
      [a, WIRE.page([], true)],
      ["a", "b"],
    ],
    [[WIRE.page([], true)], []],
  ]) {
    const { gwop, requests } = fake([
      () => (assert(requests.length < 5, "no end"), pages[(requests.length - 1) % pages.length]),
    ]);
    const ids = [];
    for await (const { id } of gwop.invoices.listAll()) ids.push(id);
    assertEquals(ids, expected);
  }
});

test("http: listAll goes on where new invoices have shifted whole pages", async () => {
  const { gwop } = fake([
    WIRE.page(["a", "b"], true, { total: 6 }),
    WIRE.page(["c", "d"], true, { total: 6 }),
    // Four were created in the meantime.
    ...[
      ["a", "b"],
      ["c", "d"],
    ].map((ids) => WIRE.page(ids, true, { total: 10 })),
    WIRE.page(["e", "f"], false, { total: 10 }),
  ]);
  const ids = [];
  for await (const { id } of gwop.invoices.listAll({ limit: 2 })) ids.push(id);
  assertEquals(ids, ["a", "b", "c", "d", "e", "f"]);
});

test("http: listAll refuses what list refuses, and lists nothing instead", async () => {
  for (const request of [
    "PAID",
    5,
    null,
    [],
    ["PAID"],
    true,
    Symbol("s"),
    { limit: "5" },
    { status: null },
    { limit: null },
  ]) {
    const { gwop, requests } = fake([WIRE.page([], false)]);
    await assertRejects(gwop.invoices.list(request), SDKValidationError);
    await assertRejects(gwop.invoices.listAll(request).next(), { code: "SDK_VALIDATION" });
    assertEquals(requests.length, 0);
  }
});

test("http: listAll fails as list does", async () => {
  const { gwop } = fake([WIRE.page(["a"], true), problem(401, "UNAUTHORIZED")]);
  const iterator = gwop.invoices.listAll();
  assertEquals((await iterator.next()).value.id, "a");
  await assertRejects(iterator.next(), { code: "UNAUTHORIZED" });
});

test("http: waitForStatus ends with the status", () =>
  withoutJitter(async () => {
    const { gwop, requests } = fake([
      WIRE.invoicePublic("OPEN"),
      WIRE.invoicePublic("PAYING"),
      WIRE.invoicePublic("PAID"),
    ]);
    const { result } = await gwop.invoices.waitForStatus({
      id: "inv_1",
      status: "PAID",
      waitMs: 15_000,
    });
    assertEquals([result.status, requests.length], ["PAID", 3]);
    const several = fake([WIRE.invoicePublic("PAYING")]);
    await several.gwop.invoices.waitForStatus({ id: "inv_1", status: ["PAID", "PAYING"] });
    assertEquals(several.requests.length, 1);
    assertEquals(several.requests[0].headers.has("authorization"), false);
  }));

test("http: waitForStatus ends at once on another final status", async () => {
  for (const [final, wanted] of [
    ["EXPIRED", "PAID"],
    ["CANCELED", ["PAID", "PAYING"]],
    ["PAID", "EXPIRED"],
  ]) {
    const { gwop, requests } = fake([WIRE.invoicePublic(final)]);
    const error = await assertRejects(gwop.invoices.waitForStatus({ id: "inv_1", status: wanted }));
    assertEquals([error.code, error.status, requests.length], ["WAIT_STATUS_FINAL", final, 1]);
    assertMatch(error.message, final);
  }
});

test("http: waitForStatus ends when the time runs out, even in the middle of a look", async () => {
  const { gwop } = fake([WIRE.invoicePublic("OPEN")]);
  const [ms, error] = await timed(() =>
    assertRejects(gwop.invoices.waitForStatus({ id: "a", status: "PAID", waitMs: 300 })),
  );
  assertEquals([error.code, error.status], ["WAIT_TIMEOUT", "OPEN"]);
  assert(ms >= 290 && ms < 3_000, `${ms} ms`);
  const stuck = new Gwop({ httpClient: { request: () => new Promise(() => {}) } });
  const late = await assertRejects(
    stuck.invoices.waitForStatus({ id: "a", status: "PAID", timeoutMs: 100 }),
  );
  assertEquals([late.code, late.status], ["WAIT_TIMEOUT", undefined]);
});

test("http: waitForStatus outlasts passing failures, and fails on others", () =>
  withoutJitter(async () => {
    const passing = fake([problem(503), problem(503), problem(503), WIRE.invoicePublic("PAID")]);
    const { result } = await passing.gwop.invoices.waitForStatus({
      id: "a",
      status: "PAID",
      timeoutMs: 15_000,
    });
    assertEquals(result.status, "PAID");
    await assertRejects(
      fake([problem(404, "INVOICE_NOT_FOUND")]).gwop.invoices.waitForStatus({
        id: "a",
        status: "PAID",
      }),
      {
        code: "INVOICE_NOT_FOUND",
      },
    );
    const down = fake([problem(503)]).gwop.invoices.waitForStatus({
      id: "a",
      status: "PAID",
      timeoutMs: 200,
    });
    const error = await assertRejects(down, { code: "WAIT_TIMEOUT" });
    assertInstance(error.cause, ErrorResponse);
  }));

test("http: waitForStatus heeds the signal of its first argument, of its second, and of both", async () => {
  for (const lasting of [undefined, null, new AbortController().signal]) {
    for (const asOption of [false, true]) {
      const { gwop, requests } = fake([WIRE.invoicePublic("OPEN")]);
      const controller = new AbortController();
      const [first, second] = asOption
        ? [lasting, controller.signal]
        : [controller.signal, lasting];
      setTimeout(() => controller.abort(), 100);
      const wait = () =>
        gwop.invoices.waitForStatus({ id: "a", status: "PAID", signal: first }, { signal: second });
      const [ms, error] = await timed(() => assertRejects(wait(), RequestAbortedError));
      assert(ms < 3_000, `${ms} ms`);
      // The abort came during a wait: a request had been sent.
      assertEquals(requests.length, 1);
      // The message is about the next lookup only, which was not sent.
      assertMatch(
        error.message,
        /^invoices\.get: the caller's signal aborted it before it was sent/,
      );
    }
  }
});

test("http: waitForStatus refuses what it cannot wait for", async () => {
  const { gwop, requests } = fake([WIRE.invoicePublic("OPEN")]);
  for (const request of [
    undefined,
    { id: "a" },
    { id: "a", status: [] },
    { id: "a", status: "" },
    { id: "a", status: [7] },
    { id: "a", status: "PAID", timeoutMs: 0 },
    { id: "a", status: "PAID", timeoutMs: Infinity },
    { id: "a", status: "PAID", signal: {} },
    { id: "a", status: "PAID", signal: "now" },
    { id: "a", status: "PAID", signal: { aborted: false, addEventListener() {} } },
    { id: "", status: "PAID" },
  ]) {
    await assertRejects(gwop.invoices.waitForStatus(request), SDKValidationError);
  }
  await assertRejects(
    gwop.invoices.waitForStatus({ id: "a", status: "PAID" }, { signal: 7 }),
    SDKValidationError,
  );
  assertEquals(requests.length, 0);
});

// ---- Many at once ----

test("http: calls at the same time do not touch each other", async (context) => {
  const good = await scripted(context, [{ delayMs: 300, body: WIRE.invoicePublic() }]);
  const calls = Array.from({ length: 12 }, (_, index) => {
    const controller = new AbortController();
    if (index % 3 === 1) setTimeout(() => controller.abort(), 50);
    const options = {
      ...NEVER,
      signal: controller.signal,
      ...(index % 3 === 2 && { timeoutMs: 50 }),
    };
    return good.gwop.invoices.get({ id: `inv_${index}` }, options).then(
      () => "done",
      (error) => error.code,
    );
  });
  const outcomes = await Promise.all(calls);
  assertEquals(
    outcomes,
    Array.from(
      { length: 12 },
      (_, index) => ["done", "REQUEST_ABORTED", "REQUEST_TIMEOUT"][index % 3],
    ),
  );
  assertNotEquals((await good.seen()).length, 0);
});
