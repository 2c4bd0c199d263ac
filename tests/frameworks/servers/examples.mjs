// Builds and starts every folder of `examples/` as it is, and tests the situations that a program
// without further mounts can be in. `examples.mjs [--only NAME]`, next to `main.mjs`. `cargo xtask
// test --only frameworks` runs it and names programs in GWOP_NODE and GWOP_BUN.
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { delimiter, dirname, join } from "node:path";
import { serve, Simulator } from "@gwop/sdk/simulator";
import { freePort, runProgram, started, startProgram } from "./runners/programs.mjs";
import { ABLE, applies, check, SITUATIONS } from "./situations.js";
import { Report } from "./runners/checks.mjs";
import { assertEquals, run, test } from "./suite/harness.js";

const { GWOP_NODE, GWOP_BUN } = process.env;
const sim = new Simulator();

/** The local Gwop over HTTP. */
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
const gwopURL = `http://127.0.0.1:${gwop.address().port}`;

const env = {
  ...process.env,
  // wrangler needs a newer Node than this repository.
  PATH: `${dirname(GWOP_NODE)}${delimiter}${process.env.PATH}`,
  GWOP_SERVER_URL: gwopURL,
  GWOP_IDENTITY_URL: gwopURL,
  GWOP_MERCHANT_API_KEY: sim.merchantApiKey,
  GWOP_MERCHANT_ID: sim.merchantId,
  GWOP_WEBHOOK_SECRET: sim.webhookSecret,
  AUTH_SECRET: "0123456789abcdef0123456789abcdef",
  NEXT_TELEMETRY_DISABLED: "1",
  ASTRO_TELEMETRY_DISABLED: "1",
  WRANGLER_SEND_METRICS: "false",
  CI: "1",
  HOST: "127.0.0.1",
  NITRO_HOST: "127.0.0.1",
};

/**
 * The examples that share this file's project, and those that have their own project next to it.
 */
const near = (name) => join(process.cwd(), "examples", name);
const beside = (name) => join(process.cwd(), "..", name);
const node = (cwd, ...args) => ({ cwd, program: GWOP_NODE, args });
const bin = (cwd, name) => join(cwd, "node_modules/.bin", name);
const vite = (name, build, file) => {
  const cwd = beside(name);
  return {
    build: { cwd, program: bin(cwd, build[0]), args: build.slice(1) },
    start: node(cwd, ...file),
  };
};
const all = ["streams", ...ABLE];
const served = (name, file = "server.js") => ({ start: node(near(name), file), has: all });

/** Changes the example of Nitro 3 to one of Nitro 2, as docs/frameworks.md says. */
function nitro2() {
  const cwd = beside("nitro2");
  for (const file of ["webhooks/gwop.js", "auth/[...path].js", "me.js"]) {
    const path = join(cwd, "routes", file);
    const text = readFileSync(path, "utf8").replace(/^import .* from "nitro\/h3";\n/, "");
    writeFileSync(path, text.replaceAll("defineHandler", "defineEventHandler"));
  }
  writeFileSync(
    join(cwd, "nitro.config.js"),
    'export default { compatibilityDate: "2025-07-15", imports: {} };\n',
  );
}

const EXAMPLES = {
  express: served("express"),
  fastify: served("fastify"),
  koa: served("koa"),
  hono: served("hono"),
  elysia: { start: { cwd: near("elysia"), program: GWOP_BUN, args: ["server.js"] }, has: all },
  nestjs: {
    build: node(near("nestjs"), "../../node_modules/typescript/bin/tsc"),
    ...served("nestjs", "dist/main.js"),
  },
  "google-functions": {
    start: (port) =>
      node(
        near("google-functions"),
        "../../node_modules/@google-cloud/functions-framework/build/src/main.js",
        "--target=shop",
        `--port=${port}`,
      ),
    // The framework itself parses JSON.
    has: ["streams", "any media type", "any method"],
  },
  "azure-functions": {
    start: node(process.cwd(), "run-azure.mjs"),
    has: ["any bytes", "any media type"],
    prefix: "/api",
  },
  lambda: { start: node(process.cwd(), "run-lambda.mjs"), has: ABLE },
  sveltekit: {
    ...vite("sveltekit", ["vite", "build"], ["build"]),
    // It refuses requests that may be a form of another site.
    has: ["streams", "any bytes", "any method"],
  },
  astro: { ...vite("astro", ["astro", "build"], ["dist/server/entry.mjs"]), has: all },
  "react-router": {
    ...vite(
      "react-router",
      ["react-router", "build"],
      ["node_modules/@react-router/serve/bin.js", "build/server/index.js"],
    ),
    has: all,
  },
  nitro: {
    ...vite("nitro", ["nitro", "build", "--preset", "node_server"], [".output/server/index.mjs"]),
    has: all,
  },
  nitro2: {
    prepare: nitro2,
    ...vite(
      "nitro2",
      ["nitropack", "build", "--preset", "node_server"],
      [".output/server/index.mjs"],
    ),
    has: all,
  },
  // Next itself responds to the methods that a route does not export.
  next: {
    ...vite(
      "next",
      ["next", "build"],
      ["node_modules/next/dist/bin/next", "start", "--hostname", "127.0.0.1"],
    ),
    has: ["streams", "any bytes", "any media type"],
  },
  "next-cloudflare": {
    // OpenNext looks for the root of a monorepo, which the first lock file in a parent marks.
    prepare: () => writeFileSync(join(beside("next-cloudflare"), "package-lock.json"), "{}\n"),
    build: {
      cwd: beside("next-cloudflare"),
      program: bin(beside("next-cloudflare"), "opennextjs-cloudflare"),
      args: ["build"],
    },
    start: async (port) => {
      const cwd = beside("next-cloudflare");
      const ports = [
        "--ip",
        "127.0.0.1",
        "--port",
        `${port}`,
        "--inspector-port",
        `${await freePort()}`,
      ];
      const names = [
        "GWOP_SERVER_URL",
        "GWOP_IDENTITY_URL",
        "GWOP_MERCHANT_API_KEY",
        "GWOP_MERCHANT_ID",
        "GWOP_WEBHOOK_SECRET",
        "AUTH_SECRET",
      ];
      return {
        cwd,
        program: bin(cwd, "wrangler"),
        args: [
          "dev",
          "--local",
          ...ports,
          ...names.flatMap((name) => ["--var", `${name}:${env[name]}`]),
        ],
      };
    },
    has: ["any bytes", "any media type"],
  },
};

const only = process.argv.includes("--only")
  ? process.argv[process.argv.indexOf("--only") + 1]
  : undefined;
for (const [name, { prepare, build, start, has, prefix = "" }] of Object.entries(EXAMPLES).filter(
  ([name]) => !only || name === only,
)) {
  const server = { secret: sim.webhookSecret, has, path: () => `${prefix}/webhooks/gwop` };
  let program;
  test(`examples/${name}: it is built, and starts`, { timeoutMs: 420_000 }, async () => {
    prepare?.();
    if (build)
      await runProgram(build.program, build.args, { cwd: build.cwd, env, limitMs: 400_000 });
    const port = await freePort();
    server.url = `http://127.0.0.1:${port}`;
    const given = typeof start === "function" ? await start(port) : start;
    program = startProgram(given.program, given.args, {
      cwd: given.cwd,
      env: { ...env, PORT: `${port}` },
    });
    await started(
      async () => (await fetch(`${server.url}${prefix}/me`)).status === 401,
      program,
      name,
      100,
    );
  });
  for (const situation of SITUATIONS) {
    const [what, needs] = situation;
    if (!needs.startsWith("/") && applies(server, needs))
      test(`examples/${name}: ${what}`, () => check(server, situation));
  }
  test(`examples/${name}: an agent logs in, is known, and logs out`, async () => {
    const post = async (path, body) => {
      const headers = { "content-type": "application/json" };
      return (
        await fetch(server.url + prefix + path, {
          method: "POST",
          headers,
          body: JSON.stringify(body),
        })
      ).json();
    };
    const { auth_intent_id: id, exchange_secret } = await post("/auth/intents", {});
    await sim.pay(id, { chain: "base" });
    const { access_token, principal } = await post(`/auth/intents/${id}/exchange`, {
      exchange_secret,
    });
    const headers = { authorization: `Bearer ${access_token}` };
    const me = await fetch(`${server.url}${prefix}/me`, { headers });
    assertEquals([me.status, await me.text()], [200, principal.sub]);
    assertEquals(
      (await fetch(`${server.url}${prefix}/auth/session`, { method: "DELETE", headers })).status,
      200,
    );
  });
  test(`examples/${name}: it told of what it did`, () => {
    const said = program?.output() ?? "";
    program?.end();
    if (!/paid: /.test(said)) throw new Error(`its callback said nothing: ${said.slice(-2_000)}`);
  });
}

const report = new Report("examples");
report.add(await run({ runtime: "node", serverURL: "" }));
report.end();
