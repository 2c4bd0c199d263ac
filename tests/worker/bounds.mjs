// Safe defaults, and limits on what strangers send: the Worker's rows of SECURITY.md, "Bounds".
import assert from "node:assert/strict";
import { request as plainRequest } from "node:http";

import { FULFILLMENT_SECRET } from "./lib/fulfillment.mjs";
import {
  WEBHOOK_SECRET,
  deliver,
  deliverUntilAccepted,
  event,
  newInvoice,
  signature,
} from "./lib/gwop.mjs";
import { suite } from "../runners/checks.mjs";
import { eventually, sleep } from "./lib/helpers.mjs";
import { startSimulator } from "./lib/simulator.mjs";
import { OPERATOR_TOKEN, startWorker } from "./lib/wrangler.mjs";

const json = { "content-type": "application/json" };
const post = (worker, path, body, headers = {}) =>
  worker.request("POST", path, { body: JSON.stringify(body), headers: { ...json, ...headers } });
const off = (...missing) => ({ on: false, missing });
const on = { on: true, missing: [] };
const health = async (worker) => (await worker.request("GET", "/healthz")).body;
const logged = (worker, name, variable) =>
  eventually(`the log has ${name} of ${variable}`, () =>
    worker.logLines().find((line) => line.event === name && line.variable === variable),
  );

function refused(answer, status, code) {
  assert.deepEqual([answer.status, answer.body?.error.code], [status, code], answer.text);
}

/** Starts auth with a local Gwop. */
const authOf = (simulator) => ({
  GWOP_MERCHANT_API_KEY: simulator.merchantApiKey,
  GWOP_MERCHANT_ID: simulator.merchantId,
  GWOP_IDENTITY_URL: simulator.url,
  GWOP_SERVER_URL: simulator.url,
  AUTH_SECRET: "auth_secret_of_the_tests",
});

suite("bounds", async ({ test, after }) => {
  const start = async (options) => {
    const worker = await startWorker(options);
    after(() => worker.stop());
    return worker;
  };

  test("one short value in a list turns its part off: healthz and the log name the variable, never the value", async () => {
    const worker = await start({
      variables: {
        GWOP_WEBHOOK_SECRET: `${WEBHOOK_SECRET},SEKRIT7`,
        AUTH_SECRET: "auth_secret_of_the_tests,SEKRIT_fifteen_",
        OPERATOR_TOKEN: "correct horse battery staple,1",
        FULFILLMENT_SECRET: "SEKRIT7",
        FULFILLMENT_URL: "http://127.0.0.1:1/",
        GWOP_MERCHANT_API_KEY: "sk_m_x",
        GWOP_MERCHANT_ID: "m",
      },
    });
    const { webhooks, auth, operator, fulfillment } = await health(worker);
    assert.deepEqual(
      [webhooks, auth, operator, fulfillment],
      [
        off("GWOP_WEBHOOK_SECRET"),
        off("AUTH_SECRET"),
        off("OPERATOR_TOKEN"),
        off("FULFILLMENT_SECRET"),
      ],
    );
    refused(await deliver(worker, event("paid", newInvoice())), 503, "WEBHOOKS_NOT_CONFIGURED");
    refused(await post(worker, "/auth/intents", {}), 503, "AUTH_NOT_CONFIGURED");
    for (const token of ["1", "correct horse battery staple"]) {
      refused(
        await worker.request("GET", "/invoices/x", {
          headers: { authorization: `Bearer ${token}` },
        }),
        404,
        "NOT_FOUND",
      );
    }
    for (const [variable, least] of [
      ["GWOP_WEBHOOK_SECRET", 8],
      ["FULFILLMENT_SECRET", 8],
      ["AUTH_SECRET", 16],
      ["OPERATOR_TOKEN", 16],
    ]) {
      assert.equal((await logged(worker, "too_short", variable)).at_least, least);
    }
    assert.ok(!worker.logLines().some((line) => /SEKRIT|staple/.test(JSON.stringify(line))));
  });

  test("values of exactly the least length are taken; events are held while FULFILLMENT_SECRET is too short", async () => {
    const worker = await start({
      variables: {
        GWOP_WEBHOOK_SECRET: "12345678",
        OPERATOR_TOKEN: "0123456789abcdef",
        FULFILLMENT_SECRET: "1234567",
        FULFILLMENT_URL: "http://127.0.0.1:1/",
      },
    });
    const { webhooks, operator } = await health(worker);
    assert.deepEqual([webhooks, operator], [on, on]);
    const invoice = newInvoice();
    await deliverUntilAccepted(worker, event("paid", invoice), { secrets: ["12345678"] });
    await sleep(1_500);
    const { outbox } = await worker.invoice(invoice.invoice_id, "0123456789abcdef");
    assert.deepEqual(
      outbox.map(({ state, sends }) => [state, sends]),
      [["pending", 0]],
    );
  });

  test("refused operator requests go through the rate limiter, the operator's own do not", async () => {
    const worker = await start({
      variables: { OPERATOR_TOKEN },
      configure: (text) => text.replace("limit = 100000,", "limit = 5,"),
    });
    const guesses = [];
    for (let time = 0; time < 12; time += 1)
      guesses.push(
        (
          await worker.request("GET", "/invoices/x", {
            headers: { authorization: `Bearer guess-${time}` },
          })
        ).status,
      );
    assert.equal(guesses[0], 404);
    assert.ok(guesses.includes(429), guesses.join());
    const own = await worker.request("GET", "/invoices/x", {
      headers: { authorization: `Bearer ${OPERATOR_TOKEN}` },
    });
    refused(own, 404, "INVOICE_NOT_FOUND");
  });

  test("header and time stamp are judged before the body is read", async () => {
    const worker = await start({ variables: { GWOP_WEBHOOK_SECRET: WEBHOOK_SECRET } });
    const body = JSON.stringify(event("paid", newInvoice()));
    const old = signature(body, { time: Math.floor(Date.now() / 1_000) - 400 });
    for (const [header, code] of [
      [undefined, "WEBHOOK_SIGNATURE_MISSING"],
      ["t=1", "WEBHOOK_SIGNATURE_MALFORMED"],
      [old, "WEBHOOK_TIMESTAMP_OUTSIDE_TOLERANCE"],
    ]) {
      const before = performance.now();
      // The body never ends.
      const answer = await trickle(
        worker,
        "/webhooks/gwop",
        header === undefined ? {} : { "x-gwop-signature": header },
      );
      refused(answer, 401, code);
      assert.ok(
        performance.now() - before < 10_000,
        `${code} after ${performance.now() - before} ms`,
      );
    }
  });

  test("a body has 30 seconds, then 408", async () => {
    const worker = await start({
      variables: { GWOP_WEBHOOK_SECRET: WEBHOOK_SECRET, OPERATOR_TOKEN },
    });
    const before = performance.now();
    const answers = await Promise.all([
      trickle(worker, "/webhooks/gwop", { "x-gwop-signature": signature("x") }),
      trickle(worker, "/webhooks/gwop", {
        "x-gwop-signature": signature("x"),
        "content-length": 1_000,
      }),
      trickle(worker, "/invoices/x/replay", { authorization: `Bearer ${OPERATOR_TOKEN}` }),
    ]);
    const taken = performance.now() - before;
    for (const answer of answers) refused(answer, 408, "BODY_TIMEOUT");
    assert.ok(taken > 28_000 && taken < 40_000, `after ${taken} ms`);
    await deliverUntilAccepted(worker, event("paid", newInvoice()));
  });
});

/** Sends an endless body, with one byte every half second. */
function trickle(worker, path, headers) {
  return new Promise((resolve, reject) => {
    const sending = plainRequest(
      worker.url + path,
      { method: "POST", headers: { ...json, ...headers } },
      async (response) => {
        let text = "";
        for await (const chunk of response) text += chunk;
        clearInterval(timer);
        sending.destroy();
        resolve({
          status: response.statusCode,
          text,
          body: text.startsWith("{") ? JSON.parse(text) : undefined,
        });
      },
    );
    const timer = setInterval(() => sending.write("x"), 500);
    sending.on("error", (error) => {
      clearInterval(timer);
      reject(error);
    });
    sending.write("x");
  });
}

suite("bounds of agents", async ({ test, after }) => {
  const simulator = await startSimulator();
  after(() => simulator.stop());
  const worker = await startWorker({ variables: { ...authOf(simulator), SESSION_CHECK: "never" } });
  after(() => worker.stop());
  const attempts = async (path) =>
    (await simulator.control("GET", "requests")).filter((request) =>
      JSON.stringify(request).includes(path),
    ).length;

  test("429 of Gwop's is one call, and 503 with its Retry-After, 1 to 60 seconds", async () => {
    const { body: intent } = await post(worker, "/auth/intents", {});
    for (const [operation, path, body] of [
      ["authIntents.create", "/auth/intents", {}],
      [
        "authIntents.exchange",
        `/auth/intents/${intent.auth_intent_id}/exchange`,
        { exchange_secret: intent.exchange_secret },
      ],
    ]) {
      for (const [retryAfter, expected] of [
        ["7", "7"],
        ["0", "1"],
        ["3600", "60"],
      ]) {
        const before = await attempts("/v1/auth-intents");
        await simulator.control("POST", "faults", {
          fault: "rate-limit",
          retryAfter,
          operation,
          times: "always",
        });
        const answer = await post(worker, path, body);
        refused(answer, 503, "GWOP_UNAVAILABLE");
        assert.equal(answer.headers.get("retry-after"), expected);
        assert.equal((await attempts("/v1/auth-intents")) - before, 1, operation);
        await simulator.control("DELETE", "faults");
      }
    }
  });

  test("metadata has at most 1,024 bytes and 16 levels, and is an object; more is 400 and no call", async () => {
    const nested = (levels) =>
      Array.from({ length: levels - 1 }).reduce((inner) => ({ a: inner }), {});
    const before = await attempts("/v1/auth-intents");
    for (const metadata of [{ a: "x".repeat(1_017) }, nested(17), nested(120), [], "text", null]) {
      refused(await post(worker, "/auth/intents", { metadata }), 400, "VALIDATION_ERROR");
    }
    refused(
      await worker.request("POST", "/auth/intents", {
        body: `{"metadata":${"[".repeat(100_000)}`,
        headers: json,
      }),
      400,
      "VALIDATION_ERROR",
    );
    assert.equal(await attempts("/v1/auth-intents"), before);
    for (const metadata of [{ a: "x".repeat(1_016) }, nested(16)])
      assert.equal((await post(worker, "/auth/intents", { metadata })).status, 201);
  });

  test("an app behind without_identity_headers sees no header that claims an identity, however it is spelled", async () => {
    const claims = ["x-gwop-subject", "X_Gwop_Chain", "X-GWOP_WALLET", "x_gwop-session"];
    const headers = Object.fromEntries(
      [...claims, "x-gwop-other", "x_gwop"].map((name) => [name, "mallory"]),
    );
    const { status, body, text } = await worker.request("GET", "/test/stripped", { headers });
    assert.equal(status, 200, text);
    assert.deepEqual(body.names.filter((name) => /gwop/i.test(name)).sort(), [
      "x-gwop-other",
      "x_gwop",
    ]);
  });

  test("an app behind identity.forward sees who was verified, whatever came in under these names, and the rest as it came", async () => {
    const { accessToken } = await simulator.control("POST", "tokens", {});
    const authorization = `Bearer ${accessToken}`;
    const { body: session } = await worker.request("GET", "/auth/session", {
      headers: { authorization },
    });
    const claims = [
      "x-gwop-subject",
      "X_Gwop_Chain",
      "X-GWOP_WALLET",
      "x_gwop-session",
      "x-gwop-session",
    ];
    const headers = {
      authorization,
      "x-mine": "kept",
      ...Object.fromEntries(claims.map((name) => [name, "mallory"])),
    };
    const { status, body, text } = await worker.request("GET", "/test/forward", { headers });
    assert.equal(status, 200, text);
    const seen = body.headers
      .filter(([name]) => /gwop|mine/i.test(name))
      .sort(([a], [b]) => (a < b ? -1 : 1));
    assert.deepEqual(seen, [
      ["x-gwop-chain", session.chain],
      ["x-gwop-session", session.sessionId],
      ["x-gwop-subject", session.subject],
      ["x-gwop-wallet", session.walletAddress],
      ["x-mine", "kept"],
    ]);
    assert.ok(session.subject && session.sessionId, JSON.stringify(session));
    const { authorization: _, ...nobody } = headers;
    refused(
      await worker.request("GET", "/test/forward", { headers: nobody }),
      401,
      "TOKEN_REQUIRED",
    );
  });

  test("a subject or session that a header cannot carry is 401 everywhere", async () => {
    for (const claims of [
      { sub: "base:0x1\u00e9" },
      { sub: "base:0x1 2" },
      { sid: "sess_\u2028" },
      { sid: "sess_\n" },
    ]) {
      const { accessToken } = await simulator.control("POST", "tokens", { claims });
      for (const [method, path] of [
        ["GET", "/auth/session"],
        ["GET", "/auth/verify"],
        ["DELETE", "/auth/session"],
      ]) {
        const answer = await worker.request(method, path, {
          headers: { authorization: `Bearer ${accessToken}` },
        });
        refused(answer, 401, "TOKEN_MALFORMED");
        assert.match(answer.headers.get("www-authenticate"), /invalid_token/);
      }
    }
  });
});

suite("simulator credentials", async ({ test, after }) => {
  const start = async (variables) => {
    const worker = await startWorker({ variables });
    after(() => worker.stop());
    return worker;
  };

  test("a simulator's credentials are refused where the identity host is Gwop's own, and taken elsewhere", async () => {
    const given = {
      GWOP_WEBHOOK_SECRET: "whsec_of_the_tests, whsec_simulator ",
      GWOP_MERCHANT_API_KEY: " sk_m_simulator ",
      GWOP_MERCHANT_ID: "m",
      AUTH_SECRET: "auth_secret_of_the_tests",
    };
    for (const identity of [undefined, "https://identity.gwop.io", " https://GWOP.io. "]) {
      const worker = await start({ ...given, ...(identity && { GWOP_IDENTITY_URL: identity }) });
      const { webhooks, auth } = await health(worker);
      assert.deepEqual(
        [webhooks, auth],
        [off("GWOP_WEBHOOK_SECRET"), off("GWOP_MERCHANT_API_KEY")],
        identity,
      );
      for (const secrets of [["whsec_simulator"], ["whsec_of_the_tests"]]) {
        refused(
          await deliver(worker, event("paid", newInvoice()), { secrets }),
          503,
          "WEBHOOKS_NOT_CONFIGURED",
        );
      }
      for (const variable of ["GWOP_WEBHOOK_SECRET", "GWOP_MERCHANT_API_KEY"])
        await logged(worker, "simulator_credentials", variable);
      await worker.stop();
    }
    const worker = await start({ ...given, GWOP_IDENTITY_URL: "http://127.0.0.1:1" });
    const { webhooks, auth } = await health(worker);
    assert.deepEqual([webhooks, auth], [on, on]);
  });

  test("plain http to any other host turns auth off, unless ALLOW_INSECURE is true", async () => {
    const given = {
      GWOP_MERCHANT_API_KEY: "sk_m_x",
      GWOP_MERCHANT_ID: "m",
      AUTH_SECRET: "auth_secret_of_the_tests",
    };
    for (const [more, expected] of [
      [{ GWOP_IDENTITY_URL: "http://10.0.0.1" }, off("GWOP_IDENTITY_URL")],
      [
        { GWOP_IDENTITY_URL: "HTTP://gwop.example", ALLOW_INSECURE: "yes" },
        off("GWOP_IDENTITY_URL"),
      ],
      [{ GWOP_IDENTITY_URL: "http://10.0.0.1", ALLOW_INSECURE: "true" }, on],
      [{ GWOP_IDENTITY_URL: "http://gwop.internal" }, on],
    ]) {
      const worker = await start({ ...given, ...more });
      assert.deepEqual((await health(worker)).auth, expected, JSON.stringify(more));
      if (!expected.on) await logged(worker, "insecure_host", "GWOP_IDENTITY_URL");
      await worker.stop();
    }
  });

  test("plain http to any other host turns fulfillment off, unless ALLOW_INSECURE is true; events are held", async () => {
    for (const [more, expected] of [
      [{ FULFILLMENT_URL: "http://user:SEKRIT@shop.example/SEKRIT" }, off("FULFILLMENT_URL")],
      [
        { FULFILLMENT_URL: "HTTP://10.0.0.1/fulfil", ALLOW_INSECURE: "false" },
        off("FULFILLMENT_URL"),
      ],
      [{ FULFILLMENT_URL: "http://10.0.0.1/fulfil", ALLOW_INSECURE: "true" }, on],
      [{ FULFILLMENT_URL: "http://shop.internal/fulfil" }, on],
    ]) {
      const worker = await start({
        GWOP_WEBHOOK_SECRET: WEBHOOK_SECRET,
        OPERATOR_TOKEN,
        FULFILLMENT_SECRET,
        ...more,
      });
      assert.deepEqual((await health(worker)).fulfillment, expected, JSON.stringify(more));
      if (!expected.on) {
        await logged(worker, "insecure_host", "FULFILLMENT_URL");
        const invoice = newInvoice();
        await deliverUntilAccepted(worker, event("paid", invoice));
        await sleep(1_500);
        assert.deepEqual(
          (await worker.invoice(invoice.invoice_id)).outbox.map(({ state, sends }) => [
            state,
            sends,
          ]),
          [["pending", 0]],
        );
        assert.ok(!worker.output().includes("SEKRIT"));
      }
      await worker.stop();
    }
  });
});
