// The auth routes, with the local Gwop.
import assert from "node:assert/strict";

import { OPERATOR_TOKEN, startWorker } from "./lib/wrangler.mjs";
import { suite } from "../runners/checks.mjs";
import { eventually, sleep } from "./lib/helpers.mjs";
import { startSimulator } from "./lib/simulator.mjs";

/** The variables with which a Worker uses `simulator`. */
function variables(simulator, more = {}) {
  return {
    GWOP_MERCHANT_API_KEY: simulator.merchantApiKey,
    GWOP_MERCHANT_ID: simulator.merchantId,
    GWOP_IDENTITY_URL: simulator.url,
    GWOP_SERVER_URL: simulator.url,
    AUTH_SECRET: "auth_secret_of_the_tests",
    SESSION_CHECK: "1",
    ...more,
  };
}

const json = { "content-type": "application/json" };
const create = (worker, body, headers = {}) =>
  worker.request("POST", "/auth/intents", {
    body: body === undefined ? undefined : JSON.stringify(body),
    headers: { ...json, ...headers },
  });
const exchange = (worker, id, body) =>
  worker.request("POST", `/auth/intents/${id}/exchange`, {
    body: JSON.stringify(body),
    headers: json,
  });
const bearer = (token, more = {}) => ({ headers: { authorization: `Bearer ${token}`, ...more } });
const session = (worker, token) => worker.request("GET", "/auth/session", bearer(token));
const verify = (worker, token, more) => worker.request("GET", "/auth/verify", bearer(token, more));

function refused(answer, status, code) {
  assert.equal(answer.status, status, answer.text);
  assert.equal(answer.body?.error.code, code, answer.text);
}

function invalidToken(answer, code) {
  refused(answer, 401, code);
  assert.match(
    answer.headers.get("www-authenticate"),
    /^Bearer realm="gwop", error="invalid_token"/,
  );
}

suite("auth", async ({ test, after }) => {
  const simulator = await startSimulator();
  after(() => simulator.stop());
  const worker = await startWorker({ variables: variables(simulator) });
  after(() => worker.stop());
  const mint = (options = {}) => simulator.control("POST", "tokens", options);
  const calls = async (path) =>
    (await simulator.control("GET", "requests")).filter((request) =>
      JSON.stringify(request).includes(path),
    ).length;

  test("an intent is created, not exchanged before it is paid, then exchanged once and for all", async () => {
    const created = await create(worker, {
      known_wallet_hint: "base:0x1111111111111111111111111111111111111111",
    });
    assert.equal(created.status, 201, created.text);
    const { auth_intent_id: id, challenge, exchange_secret, status } = created.body;
    assert.match(id, /^ai_/);
    assert.equal(status, "OPEN");
    assert.equal(challenge.amount_usdc_atomic, "1000");
    assert.match(exchange_secret, /^[0-9a-f]{64}$/);
    assert.ok(!created.text.includes(simulator.merchantApiKey));

    const early = await exchange(worker, id, { exchange_secret });
    refused(early, 402, "AUTH_INTENT_NOT_SETTLED");
    assert.ok(Number(early.headers.get("retry-after")) > 0);

    await simulator.control("POST", "pay", { target: id, chain: "base" });
    for (const [body, status, code] of [
      [{ exchange_secret: "0".repeat(64) }, 403, "EXCHANGE_SECRET_INVALID"],
      [{ exchange_secret: "" }, 403, "EXCHANGE_SECRET_INVALID"],
      [{}, 400, "VALIDATION_ERROR"],
      [{ exchange_secret: 1 }, 400, "VALIDATION_ERROR"],
      [[], 400, "VALIDATION_ERROR"],
    ]) {
      refused(await exchange(worker, id, body), status, code);
    }
    const other = await create(worker, {});
    refused(
      await exchange(worker, id, { exchange_secret: other.body.exchange_secret }),
      403,
      "EXCHANGE_SECRET_INVALID",
    );

    const token = await exchange(worker, id, { exchange_secret });
    assert.equal(token.status, 200, token.text);
    assert.equal(token.body.token_type, "Bearer");
    // An exchange whose response was lost can be repeated: the same key, so the same response.
    const again = await exchange(worker, id, { exchange_secret });
    assert.deepEqual([again.status, again.body.access_token], [200, token.body.access_token]);

    const who = await session(worker, token.body.access_token);
    assert.equal(who.status, 200, who.text);
    const { expiresAt, ...identity } = who.body;
    assert.deepEqual(identity, {
      subject: token.body.principal.sub,
      chain: "base",
      walletAddress: token.body.principal.wallet_address,
      sessionId: token.body.session.sid,
      merchantId: simulator.merchantId,
    });
    assert.ok(Date.parse(expiresAt) > Date.now());
  });

  test("a lost answer of the exchange itself is recovered", async () => {
    const { body } = await create(worker);
    await simulator.control("POST", "pay", { target: body.auth_intent_id, chain: "solana" });
    await simulator.control("POST", "faults", {
      fault: "lose-answer",
      operation: "authIntents.exchange",
      times: 1,
    });
    const token = await exchange(worker, body.auth_intent_id, {
      exchange_secret: body.exchange_secret,
    });
    assert.equal(token.status, 200, token.text);
    assert.equal((await session(worker, token.body.access_token)).body.chain, "solana");
  });

  test("forward auth: 204 with identity headers of our own, whatever came in under their names", async () => {
    const { accessToken, subject, sessionId } = await mint({ chain: "base" });
    const answer = await verify(worker, accessToken, {
      "x-gwop-subject": "base:0xmallory",
      "x-gwop-wallet": "0xmallory",
      "x-gwop-session": "sess_mallory",
      "x-gwop-chain": "mallory",
    });
    assert.equal(answer.status, 204, answer.text);
    const [chain, wallet] = subject.split(":");
    assert.deepEqual(
      ["subject", "chain", "wallet", "session"].map((name) => answer.headers.get(`x-gwop-${name}`)),
      [subject, chain, wallet, sessionId],
    );
    const denied = await worker.request("GET", "/auth/verify", {
      headers: { "x-gwop-subject": subject },
    });
    assert.equal(denied.status, 401);
    assert.equal(denied.headers.get("x-gwop-subject"), null);
  });

  test("401 with WWW-Authenticate by RFC 6750", async () => {
    for (const headers of [
      {},
      { authorization: "Basic abc" },
      { authorization: "Bearer" },
      { authorization: "Bearer " },
      { authorization: "Bearer a b" },
    ]) {
      for (const path of ["/auth/session", "/auth/verify"]) {
        const answer = await worker.request("GET", path, { headers });
        refused(answer, 401, "TOKEN_REQUIRED");
        assert.equal(answer.headers.get("www-authenticate"), 'Bearer realm="gwop"');
      }
    }
    await simulator.control("POST", "merchants", {
      id: "11111111-1111-4111-8111-111111111111",
      name: "Another",
      apiKey: "sk_m_other",
      webhookSecret: "whsec_other",
    });
    const good = (await mint()).accessToken;
    const [header, payload, signature] = good.split(".");
    const rows = [
      ["garbage", "TOKEN_MALFORMED"],
      [`${header}.${payload}`, "TOKEN_MALFORMED"],
      [
        `${header}.${payload}.${signature.replace(/^./, (one) => (one === "A" ? "B" : "A"))}`,
        "TOKEN_SIGNATURE_INVALID",
      ],
      [(await mint({ expiresInSeconds: -60 })).accessToken, "TOKEN_EXPIRED"],
      [
        (await mint({ claims: { iss: "https://evil.example" } })).accessToken,
        "TOKEN_ISSUER_MISMATCH",
      ],
      [
        (await mint({ merchantId: "11111111-1111-4111-8111-111111111111" })).accessToken,
        "TOKEN_MERCHANT_MISMATCH",
      ],
      [(await mint({ claims: { mid: null } })).accessToken, "TOKEN_MERCHANT_MISMATCH"],
      [(await mint({ claims: { sid: null } })).accessToken, "SESSION_REVOKED"],
      [(await mint({ claims: { sid: "" } })).accessToken, "SESSION_REVOKED"],
      [(await mint({ claims: { sid: "sess_unknown" } })).accessToken, "SESSION_REVOKED"],
    ];
    for (const [token, code] of rows) {
      invalidToken(await session(worker, token), code);
      invalidToken(await verify(worker, token), code);
    }
    const output = worker.output();
    for (const secret of [
      good,
      payload,
      signature,
      simulator.merchantApiKey,
      "auth_secret_of_the_tests",
    ])
      assert.ok(!output.includes(secret));
  });

  test("a revoked session is refused at once, in this Worker and after the reuse of a live answer elsewhere", async () => {
    const { accessToken } = await mint();
    assert.equal((await session(worker, accessToken)).status, 200);
    const revoked = await worker.request("DELETE", "/auth/session", bearer(accessToken));
    assert.deepEqual([revoked.status, revoked.body], [200, { revoked: true }], revoked.text);
    invalidToken(await session(worker, accessToken), "SESSION_REVOKED");
    invalidToken(await verify(worker, accessToken), "SESSION_REVOKED");
    // A second time changes nothing.
    assert.equal(
      (await worker.request("DELETE", "/auth/session", bearer(accessToken))).status,
      200,
    );

    const elsewhere = await mint();
    assert.equal((await session(worker, elsewhere.accessToken)).status, 200);
    const direct = await fetch(`${simulator.url}/v1/auth-sessions/revoke`, {
      method: "POST",
      headers: { ...json, authorization: `Bearer ${simulator.merchantApiKey}` },
      body: JSON.stringify({ session_id: elsewhere.sessionId }),
    });
    assert.equal(direct.status, 200);
    await sleep(1_100);
    invalidToken(await session(worker, elsewhere.accessToken), "SESSION_REVOKED");
  });

  test("a revocation holds even where Gwop cannot be told, and can be repeated", async () => {
    const { accessToken } = await mint();
    const fault = await simulator.control("POST", "faults", {
      fault: "error",
      status: 500,
      operation: "authSessions.revoke",
      times: "always",
    });
    const failed = await worker.request("DELETE", "/auth/session", bearer(accessToken));
    refused(failed, 502, "GWOP_UNAVAILABLE");
    invalidToken(await session(worker, accessToken), "SESSION_REVOKED");
    await simulator.control("DELETE", `faults?id=${fault.id}`);
    assert.equal(
      (await worker.request("DELETE", "/auth/session", bearer(accessToken))).status,
      200,
    );
  });

  test("a live answer is reused for its time; while Gwop is out of reach a session is neither accepted nor refused", async () => {
    const { accessToken, sessionId } = await mint();
    for (let time = 0; time < 5; time += 1)
      assert.equal((await session(worker, accessToken)).status, 200);
    const asked = await calls(`/v1/auth-sessions/${sessionId}`);
    assert.ok(asked >= 1 && asked < 5, `asked ${asked} times`);
    await sleep(1_100);
    await simulator.control("POST", "faults", {
      fault: "error",
      status: 503,
      operation: "authSessions.get",
      times: "always",
    });
    const unknown = await session(worker, accessToken);
    refused(unknown, 503, "UNAVAILABLE");
    assert.ok(Number(unknown.headers.get("retry-after")) > 0);
    await simulator.control("DELETE", "faults");
    assert.equal((await session(worker, accessToken)).status, 200);
  });

  test("the JWK Set is fetched once, and again for a rotated key", async () => {
    const before = await calls("jwks.json");
    for (let time = 0; time < 5; time += 1)
      assert.equal((await session(worker, (await mint()).accessToken)).status, 200);
    assert.equal(await calls("jwks.json"), before);
    const old = await mint();
    await simulator.control("POST", "keys/rotate");
    assert.equal((await session(worker, (await mint()).accessToken)).status, 200);
    assert.equal(await calls("jwks.json"), before + 1);
    assert.equal((await session(worker, old.accessToken)).status, 200);
  });

  test("methods, media types, sizes and unknown paths", async () => {
    for (const [method, path, allow] of [
      ["GET", "/auth/intents", "POST"],
      ["GET", "/auth/intents/ai_x/exchange", "POST"],
      ["POST", "/auth/session", "GET, DELETE"],
      ["POST", "/auth/verify", "GET"],
      ["PROPFIND", "/auth/session", "GET, DELETE"],
      ["HEAD", "/auth/verify", "GET"],
      ["OPTIONS", "/auth/session", "GET, DELETE"],
    ]) {
      const answer = await worker.request(method, path, {
        body: method === "POST" ? "{}" : undefined,
      });
      assert.deepEqual([answer.status, answer.headers.get("allow")], [405, allow]);
    }
    refused(
      await create(worker, {}, { "content-type": "text/plain" }),
      415,
      "UNSUPPORTED_MEDIA_TYPE",
    );
    refused(
      await create(worker, { metadata: { padding: "x".repeat(300_000) } }),
      413,
      "BODY_TOO_LARGE",
    );
    refused(await create(worker, { known_wallet_hint: 7 }), 400, "VALIDATION_ERROR");
    refused(await worker.request("GET", "/auth/nothing"), 404, "NOT_FOUND");
  });

  test("errors of Gwop are told where the agent can do something, and otherwise hidden", async () => {
    await simulator.control("POST", "faults", {
      fault: "error",
      status: 401,
      code: "UNAUTHORIZED",
      operation: "authIntents.create",
    });
    refused(await create(worker), 502, "GWOP_UNAVAILABLE");
    assert.ok(
      await eventually("it is logged", () =>
        worker
          .logLines()
          .find((line) => line.event === "gwop_failed" && line.operation === "authIntents.create"),
      ),
    );
    await simulator.control("POST", "faults", {
      fault: "lose-request",
      operation: "authIntents.create",
      times: 1,
    });
    assert.equal((await create(worker)).status, 201);
  });
});

suite("auth settings", async ({ test, after }) => {
  const simulator = await startSimulator();
  after(() => simulator.stop());
  const strict = await startWorker({
    variables: variables(simulator, {
      AUTH_SECRET: "auth_secret_of_tomorrow,auth_secret_of_the_tests",
      SESSION_CHECK: "always",
      TOKEN_AUDIENCE: "shop",
      CORS_ORIGINS: "https://shop.example, https://other.example",
    }),
    configure: (text) => text.replace("limit = 100000,", "limit = 5,"),
  });
  after(() => strict.stop());
  const loose = await startWorker({ variables: variables(simulator, { SESSION_CHECK: "never" }) });
  after(() => loose.stop());
  const mint = (options = {}) => simulator.control("POST", "tokens", options);
  const revokeAtGwop = (sessionId) =>
    fetch(`${simulator.url}/v1/auth-sessions/revoke`, {
      method: "POST",
      headers: { ...json, authorization: `Bearer ${simulator.merchantApiKey}` },
      body: JSON.stringify({ session_id: sessionId }),
    });

  test("SESSION_CHECK always asks each time; never does not ask at all", async () => {
    const { accessToken, sessionId } = await mint({ claims: { aud: "shop" } });
    assert.equal((await session(strict, accessToken)).status, 200);
    assert.equal((await session(loose, accessToken)).status, 200);
    await revokeAtGwop(sessionId);
    invalidToken(await session(strict, accessToken), "SESSION_REVOKED");
    assert.equal((await session(loose, accessToken)).status, 200);
  });

  test("TOKEN_AUDIENCE is asked for", async () => {
    invalidToken(await session(strict, (await mint()).accessToken), "TOKEN_AUDIENCE_MISMATCH");
    invalidToken(
      await session(strict, (await mint({ claims: { aud: ["other"] } })).accessToken),
      "TOKEN_AUDIENCE_MISMATCH",
    );
    assert.equal(
      (await session(strict, (await mint({ claims: { aud: ["other", "shop"] } })).accessToken))
        .status,
      200,
    );
  });

  test("an exchange_secret survives a rotation of AUTH_SECRET", async () => {
    const { body } = await create(loose);
    await simulator.control("POST", "pay", { target: body.auth_intent_id, chain: "base" });
    const token = await exchange(strict, body.auth_intent_id, {
      exchange_secret: body.exchange_secret,
    });
    assert.equal(token.status, 200, token.text);
    const fresh = await create(strict);
    refused(
      await exchange(loose, fresh.body.auth_intent_id, {
        exchange_secret: fresh.body.exchange_secret,
      }),
      403,
      "EXCHANGE_SECRET_INVALID",
    );
  });

  test("CORS for configured origins alone", async () => {
    const asked = { "access-control-request-method": "POST" };
    const preflight = await strict.request("OPTIONS", "/auth/intents", {
      headers: { origin: "https://other.example", ...asked },
    });
    assert.deepEqual(
      [preflight.status, preflight.headers.get("access-control-allow-origin")],
      [204, "https://other.example"],
    );
    const foreign = await strict.request("OPTIONS", "/auth/intents", {
      headers: { origin: "https://evil.example", ...asked },
    });
    assert.deepEqual(
      [foreign.status, foreign.headers.get("access-control-allow-origin")],
      [405, null],
    );
    const off = await loose.request("OPTIONS", "/auth/intents", {
      headers: { origin: "https://other.example", ...asked },
    });
    assert.deepEqual(
      [off.status, off.headers.get("access-control-allow-origin"), off.headers.get("vary")],
      [405, null, null],
    );
  });

  test("the rate limiter is asked where it is bound", async () => {
    const statuses = [];
    for (let time = 0; time < 8; time += 1) statuses.push((await create(strict)).status);
    assert.ok(statuses.includes(429), statuses.join());
    const limited = await create(strict);
    refused(limited, 429, "RATE_LIMITED");
    assert.ok(Number(limited.headers.get("retry-after")) > 0);
    assert.equal((await create(loose)).status, 201);
  });

  test("503 while a variable is missing", async () => {
    const off = await startWorker({
      variables: { ...variables(simulator), GWOP_MERCHANT_ID: "", OPERATOR_TOKEN },
    });
    try {
      const { accessToken } = await mint();
      for (const answer of [
        await create(off),
        await exchange(off, "ai_x", { exchange_secret: "x" }),
        await session(off, accessToken),
        await verify(off, accessToken),
        await off.request("DELETE", "/auth/session", bearer(accessToken)),
      ]) {
        refused(answer, 503, "AUTH_NOT_CONFIGURED");
      }
      const { body } = await off.request("GET", "/healthz");
      assert.deepEqual(body.auth, { on: false, missing: ["GWOP_MERCHANT_ID"] });
    } finally {
      await off.stop();
    }
  });
});

suite("auth variables", async ({ test, after }) => {
  const simulator = await startSimulator();
  after(() => simulator.stop());
  const { SESSION_CHECK: _, ...base } = variables(simulator);
  const withVars = async (vars) => {
    const worker = await startWorker({
      variables: base,
      configure: (text) => `${text}\n[vars]\n${vars}\n`,
    });
    after(() => worker.stop());
    return worker;
  };
  const mint = (options = {}) => simulator.control("POST", "tokens", options);

  test("numbers and arrays in [vars] count as the text and the list that they are", async () => {
    const worker = await withVars('SESSION_CHECK = 0\nTOKEN_AUDIENCE = ["shop", "other"]');
    invalidToken(await session(worker, (await mint()).accessToken), "TOKEN_AUDIENCE_MISMATCH");
    const { accessToken, sessionId } = await mint({ claims: { aud: "other" } });
    assert.equal((await session(worker, accessToken)).status, 200);
    await fetch(`${simulator.url}/v1/auth-sessions/revoke`, {
      method: "POST",
      headers: { ...json, authorization: `Bearer ${simulator.merchantApiKey}` },
      body: JSON.stringify({ session_id: sessionId }),
    });
    invalidToken(await session(worker, accessToken), "SESSION_REVOKED");
  });

  test("auth is off while a variable that it obeys cannot be understood", async () => {
    const worker = await withVars('TOKEN_AUDIENCE = { shop = true }\nTOKEN_ISSUER = ["a"]');
    refused(await session(worker, (await mint()).accessToken), 503, "AUTH_NOT_CONFIGURED");
    assert.deepEqual((await worker.request("GET", "/healthz")).body.auth, {
      on: false,
      missing: ["TOKEN_ISSUER", "TOKEN_AUDIENCE"],
    });
    for (const variable of ["TOKEN_ISSUER", "TOKEN_AUDIENCE"]) {
      await eventually("the log names it", () =>
        worker
          .logLines()
          .some((line) => line.event === "not_understood" && line.variable === variable),
      );
    }
  });
});

suite("auth keys", async ({ test, after }) => {
  const simulator = await startSimulator();
  after(() => simulator.stop());
  const worker = await startWorker({
    variables: variables(simulator, { SESSION_CHECK: "never", TEST_STORE_KEYS: "yes" }),
  });
  after(() => worker.stop());

  test("a new isolate finds the JWK Set in the Cache API", async () => {
    const fetched = async () =>
      (await simulator.control("GET", "requests")).filter((request) =>
        JSON.stringify(request).includes("jwks.json"),
      ).length;
    const { accessToken } = await simulator.control("POST", "tokens", {});
    assert.equal((await session(worker, accessToken)).status, 200);
    assert.equal(await fetched(), 1);
    await worker.kill();
    await worker.start();
    assert.equal((await session(worker, accessToken)).status, 200);
    assert.equal(await fetched(), 1);
  });

  test("while no JWK Set can be had a token is neither accepted nor refused", async () => {
    const away = await startWorker({
      variables: variables(simulator, { GWOP_IDENTITY_URL: "http://127.0.0.1:1" }),
    });
    try {
      const { accessToken } = await simulator.control("POST", "tokens", {});
      for (const answer of [await session(away, accessToken), await verify(away, accessToken)]) {
        refused(answer, 503, "UNAVAILABLE");
        assert.ok(Number(answer.headers.get("retry-after")) > 0);
      }
    } finally {
      await away.stop();
    }
  });
});
