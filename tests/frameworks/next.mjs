// The adapter in the real Next.js, built and started: the route handlers and the proxy of its
// documentation on Node, and the same proxy as middleware on the edge runtime. `next.mjs`, from the
// project that has Next.js and the packed package installed. `cargo xtask test --only next` runs
// it.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, relative } from "node:path";
import { Simulator, serve } from "@gwop/sdk/simulator";
import { deliver } from "./suite/deliveries.js";
import { Report } from "./runners/checks.mjs";
import { assertEquals, assertMatch, run, test } from "./suite/harness.js";
import { eventBody } from "./suite/store-conformance.js";
import { sampleOfModule } from "./runners/documented.mjs";
import { freePort, runProgram, started, startProgram } from "./runners/programs.mjs";

const NEXT = "node_modules/next/dist/bin/next";
const sim = new Simulator();

/** The local Gwop over HTTP, for the routes. */
const gwop = createServer(async (incoming, outgoing) => {
  const chunks = [];
  for await (const chunk of incoming) chunks.push(chunk);
  const { method, url, headers } = incoming;
  const body = chunks.length > 0 ? Buffer.concat(chunks) : undefined;
  const response = await serve(
    sim,
    new Request(`http://${headers.host}${url}`, { method, headers, body }),
  );
  outgoing
    .writeHead(response.status, [...response.headers].flat())
    .end(Buffer.from(await response.arrayBuffer()));
}).listen(0, "127.0.0.1");
await new Promise((done) => gwop.once("listening", done));

/** Writes the documented files. A line before the code names each file. */
function writeDocumented() {
  const [, ...parts] = sampleOfModule("handlers/next.d.ts").split(/^\/\/ (\S+)\.ts$/m);
  assertEquals(parts.length, 8);
  for (let at = 0; at < parts.length; at += 2) {
    const file = `${parts[at]}.js`;
    const names = "gwop, store, onPaid, onExpired, onCanceled";
    const shared = `./${relative(dirname(file), "gwop.js")}`;
    mkdirSync(dirname(file), { recursive: true });
    const imports = `import * as next from "@gwop/sdk/next";\nimport { ${names} } from "${shared}";\n`;
    writeFileSync(
      file,
      `${imports}const { gwopWebhook, gwopAuthRoutes, withGwopAuth, gwopProxy } = next;\n${parts[at + 1]}`,
    );
  }
}

const env = {
  ...process.env,
  NEXT_TELEMETRY_DISABLED: "1",
  GWOP_URL: `http://127.0.0.1:${gwop.address().port}`,
  GWOP_MERCHANT_API_KEY: sim.merchantApiKey,
  GWOP_MERCHANT_ID: sim.merchantId,
  GWOP_WEBHOOK_SECRET: sim.webhookSecret,
  AUTH_SECRET: "0123456789abcdef0123456789abcdef",
};
let server;
let url;

/** Builds and starts the app, and runs the tests whose names contain `only`. */
async function runApp(only) {
  await runProgram(process.execPath, [NEXT, "build"], { env, limitMs: 400_000 });
  const port = await freePort();
  server = startProgram(
    process.execPath,
    [NEXT, "start", "--hostname", "127.0.0.1", "--port", String(port)],
    { env },
  );
  url = `http://127.0.0.1:${port}`;
  try {
    await started(async () => (await fetch(`${url}/me`)).status === 401, server, "Next.js");
    return await run({ runtime: "node", serverURL: "", only });
  } finally {
    server.end();
  }
}

/** Logs an agent in. Returns its token and its identity. */
async function logIn() {
  const post = async (path, body) => {
    const headers = { "content-type": "application/json" };
    return (
      await fetch(url + path, { method: "POST", headers, body: JSON.stringify(body) })
    ).json();
  };
  const { auth_intent_id: id, exchange_secret } = await post("/auth/intents", {});
  await sim.pay(id, { chain: "base" });
  const { access_token, principal } = await post(`/auth/intents/${id}/exchange`, {
    exchange_secret,
  });
  return { token: access_token, subject: principal.sub };
}

/**
 * Fails unless `/api/who`, behind the proxy, receives the agent's identity and refuses strangers.
 */
async function expectGuarded({ token, subject }) {
  // The proxy replaces a client's headers by its own.
  const headers = {
    authorization: `Bearer ${token}`,
    "x-gwop-subject": "base:0xmallory",
    X_Gwop_Subject: "base:0xmallory",
  };
  const who = await fetch(`${url}/api/who`, { headers });
  assertEquals([who.status, await who.text()], [200, subject]);
  const stranger = await fetch(`${url}/api/who`, { headers: { "x-gwop-subject": subject } });
  assertEquals(
    [stranger.status, stranger.headers.get("www-authenticate")],
    [401, 'Bearer realm="gwop"'],
  );
}

async function send(body, headers = {}) {
  const delivery = await deliver(body, { secret: sim.webhookSecret });
  return fetch(`${url}/webhooks/gwop`, {
    method: "POST",
    headers: { ...delivery.headers, ...headers },
    body,
  });
}

test("Next.js: deliveries are verified on the raw body, once", async () => {
  const id = crypto.randomUUID();
  const body = eventBody("invoice.paid", crypto.randomUUID(), { id }).replace("{", "{ \n\t ");
  for (const outcome of ["applied", "duplicate"]) {
    const response = await send(body);
    assertEquals([response.status, await response.json()], [200, { received: true, outcome }]);
  }
  assertEquals(server.output().split(`called back for ${id}`).length, 2);
  assertEquals((await send(body, { "x-gwop-signature": "" })).status, 401);
  assertEquals((await send(body.padEnd(300_000))).status, 413);
});

// The documented routes check a session again after 30 seconds.
test("Next.js: an agent logs in, routes and proxy know it, and refuse it once it has logged out", {
  timeoutMs: 60_000,
}, async () => {
  const agent = await logIn();
  const headers = { authorization: `Bearer ${agent.token}` };
  const ask = (path) => fetch(url + path, { headers });
  const me = await ask("/me");
  assertEquals([me.status, await me.json()], [200, agent.subject]);
  await expectGuarded(agent);
  assertEquals((await fetch(`${url}/auth/session`, { method: "DELETE", headers })).status, 200);
  const until = Date.now() + 35_000;
  for (const path of ["/me", "/api/who"]) {
    let out = await ask(path);
    while (out.status !== 401 && Date.now() < until) {
      await new Promise((done) => setTimeout(done, 1_000));
      out = await ask(path);
    }
    assertEquals(out.status, 401);
    assertMatch(out.headers.get("www-authenticate"), "invalid_token");
  }
  assertEquals((await fetch(`${url}/auth/other`)).status, 404);
});

test("Next.js on the edge: the proxy, as middleware", async () => expectGuarded(await logIn()));

rmSync("middleware.js", { force: true });
writeDocumented();
const report = new Report("next");
report.add(await runApp("Next.js: "));
// The name of a middleware before Next.js 16. It still runs on the edge runtime.
writeFileSync(
  "middleware.js",
  readFileSync("proxy.js", "utf8").replace("export const proxy", "export const middleware"),
);
rmSync("proxy.js");
report.add(await runApp("Next.js on the edge: "));
rmSync("middleware.js");
if (report.passed + report.failed < 3) report.fail("the list of tests", "fewer than three ran");
report.end();
