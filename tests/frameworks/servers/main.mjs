// Tests every situation with every framework: `main.mjs [--only NAME]`, from the project that has
// the frameworks and the packed package installed. `cargo xtask test --only frameworks` runs it.
import { Gwop } from "@gwop/sdk";
import { Simulator } from "@gwop/sdk/simulator";
import { memoryStore } from "@gwop/sdk/stores";
import { Elysia } from "elysia";
import * as h3v1 from "h3v1";
import * as forElysia from "@gwop/sdk/elysia";
import * as forH3 from "@gwop/sdk/h3";
import { FRAMEWORKS } from "./frameworks.mjs";
import { applies, check, SITUATIONS } from "./situations.js";
import { Report } from "./runners/checks.mjs";
import { assertEquals, assertMatch, run, test } from "./suite/harness.js";
import { request as httpRequest } from "node:http";
import { once } from "node:events";

const sim = new Simulator();
const { httpClient, merchantApiKey, merchantId, webhookSecret } = sim;
const gwop = new Gwop({ httpClient, merchantApiKey, merchantId, webhookSecret });
const withoutSecret = new Gwop({ httpClient, merchantApiKey, merchantId });
process.env.AUTH_SECRET = "0123456789abcdef0123456789abcdef";

/** One merchant, whose webhook is mounted several times. Each mount has its own options. */
function shop() {
  const errors = [];
  const unknown = [];
  const store = memoryStore();
  const options = {
    gwop,
    store,
    onPaid() {},
    onExpired() {},
    onCanceled() {},
    onUnknown: (event) => unknown.push(event),
    onError: (error) => errors.push(error),
  };
  const own = {
    "/slow": { bodyTimeoutSeconds: 0.3 },
    "/throwing": {
      onPaid() {
        throw new Error("out of stock");
      },
    },
    "/no-secret": { gwop: withoutSecret },
  };
  return { gwop, errors, unknown, at: (mount) => ({ ...options, ...own[mount] }) };
}

const only = process.argv.includes("--only")
  ? process.argv[process.argv.indexOf("--only") + 1]
  : "";
let count = 0;
const open = [];
for (const [name, start] of Object.entries(FRAMEWORKS).filter(([name]) => name.includes(only))) {
  let server;
  const own = shop();
  test(`${name}: it starts`, async () => {
    server = { secret: webhookSecret, ...(await start(own)) };
    open.push(server);
  });
  for (const situation of SITUATIONS) {
    const [what, needs, , [status, said]] = situation;
    test(`${name}: ${what}`, async () => {
      if (!applies(server, needs)) return;
      count += 1;
      own.errors.length = 0;
      own.unknown.length = 0;
      await check(server, situation);
      // Only 5xx is reported.
      assertEquals(own.errors.length, status >= 500 ? 1 : 0, own.errors[0]?.message);
      if (status >= 500 && /read/.test(needs))
        assertEquals(own.errors[0].code, "WEBHOOK_BODY_NOT_RAW");
      assertEquals(
        own.unknown.map(({ eventType }) => eventType),
        said === "ignored" ? ["invoice.refunded"] : [],
      );
    });
  }
  test(`${name}: an agent logs in, is known, logs out, and is refused; no header claims an identity`, async () => {
    const post = async (path, body) => {
      const headers = { "content-type": "application/json" };
      return (
        await fetch(server.url + path, { method: "POST", headers, body: JSON.stringify(body) })
      ).json();
    };
    for (const base of ["/auth", "/prefix/auth"]) {
      const { auth_intent_id: id, exchange_secret } = await post(`${base}/intents`, {});
      await sim.pay(id, { chain: "solana" });
      const { access_token, principal } = await post(`${base}/intents/${id}/exchange`, {
        exchange_secret,
      });
      const headers = { authorization: `Bearer ${access_token}` };
      const request = httpRequest(`${server.url}/me`, {
        headers: {
          ...headers,
          "X-Gwop-Subject": "base:0xmallory",
          X_Gwop_Subject: "base:0xmallory",
          "X-Shop": "1",
        },
      }).end();
      const [me] = await once(request, "response");
      const text = (await me.setEncoding("utf8").toArray()).join("");
      assertEquals(me.statusCode, 200, text);
      const [subject, names] = JSON.parse(text);
      assertEquals(subject, principal.sub);
      assertEquals(
        names.map((one) => one.toLowerCase()).filter((one) => /^x/.test(one)),
        ["x-shop"],
      );
      assertEquals(
        (await fetch(`${server.url}${base}/session`, { method: "DELETE", headers })).status,
        200,
      );
      const out = await fetch(`${server.url}/me`, { headers });
      assertEquals([out.status, (await out.json()).error.code], [401, "SESSION_REVOKED"]);
      assertMatch(out.headers.get("www-authenticate"), "invalid_token");
    }
    assertEquals(
      (await fetch(`${server.url}/me`)).headers.get("www-authenticate"),
      'Bearer realm="gwop"',
    );
    assertEquals((await fetch(`${server.url}/auth/other`)).status, 404);
  });
}

/** Requests `/me` with a good token, and with headers that claim an identity. */
async function claiming() {
  const { accessToken } = await sim.mintToken();
  const headers = {
    authorization: `Bearer ${accessToken}`,
    "x-gwop-subject": "base:0xmallory",
    x_gwop_subject: "base:0xmallory",
    "x-shop": "1",
  };
  return new Request("http://shop.example/me", { headers });
}
const KEPT = ["authorization", "x-shop"];

test("h3 1: gwopAuth as a hook of a handler keeps out who is not verified", async () => {
  let calls = 0;
  const app = h3v1.createApp();
  const handler = (event) => {
    calls += 1;
    return [Object.keys(h3v1.getHeaders(event)), [...event.headers.keys()]];
  };
  app.use(h3v1.defineEventHandler((event) => void event.headers));
  app.use("/me", h3v1.defineEventHandler({ onRequest: [forH3.gwopAuth({ gwop })], handler }));
  const send = h3v1.toWebHandler(app);
  const refused = await send(new Request("http://shop.example/me"));
  assertEquals(refused.status, 401);
  assertEquals((await refused.json()).error.code, "TOKEN_REQUIRED");
  assertEquals(refused.headers.get("www-authenticate"), 'Bearer realm="gwop"');
  assertEquals(calls, 0);
  assertEquals(await (await send(await claiming())).json(), [KEPT, KEPT]);
  assertEquals(calls, 1);
});

test("Elysia: its own copy of the headers claims no identity", async () => {
  const seen = ({ headers, request }) => [Object.keys(headers), [...request.headers.keys()]];
  const app = new Elysia().get("/me", forElysia.withGwopAuth({ gwop }, seen));
  assertEquals(await (await app.handle(await claiming())).json(), [KEPT, KEPT]);
});

const report = new Report("frameworks");
report.add(await run({ runtime: "node", serverURL: "" }));
report.end(`; ${SITUATIONS.length} situations, ${count} requests at ${open.length} servers`);
