// Checks the documentation of the adapters: `documented.mjs`, next to `main.mjs`. The samples in
// the module comments are valid TypeScript with the frameworks' own types. The declarations pass in
// strict projects of every kind, without DOM and without any framework. docs/frameworks.md names
// every adapter.
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sampleOfModule } from "./runners/documented.mjs";
import { runProgram } from "./runners/programs.mjs";
import { Report } from "./runners/checks.mjs";
import { assert, run, test } from "./suite/harness.js";

const TSC = "node_modules/typescript/bin/tsc";
const tsc = (project) => runProgram(process.execPath, [TSC, "--project", project]);
const NEW = [
  "astro",
  "azure-functions",
  "elysia",
  "fastify",
  "h3",
  "koa",
  "lambda",
  "nestjs",
  "react-router",
  "sveltekit",
];

/**
 * Each sample as a module: its imports besides the adapter, the name of its `app`, and the
 * frameworks' types of its handlers.
 */
const SAMPLES = {
  fastify: `import Fastify from "fastify"; const app = Fastify();`,
  koa: `import Koa from "koa"; import Router from "@koa/router"; const app = new Koa(); const router = new Router();`,
  nestjs: `import { UseGuards } from "@nestjs/common"; import { NestFactory } from "@nestjs/core"; const app = await NestFactory.create(class {}); class MeController {}`,
  elysia: `import { Elysia } from "elysia"; const app = new Elysia();`,
  "azure-functions": `import { app } from "@azure/functions";`,
  lambda: `import type { ALBHandler, APIGatewayProxyHandler, APIGatewayProxyHandlerV2, LambdaFunctionURLHandler } from "aws-lambda";
declare let fits: { rest: APIGatewayProxyHandler; http: APIGatewayProxyHandlerV2; url: LambdaFunctionURLHandler; alb: ALBHandler };
fits = { rest: gwopWebhook(options), http: gwopWebhook(options), url: gwopWebhook(options), alb: gwopWebhook(options) };
fits = { rest: gwopAuthRoutes({ gwop }), http: gwopAuthRoutes({ gwop }), url: gwopAuthRoutes({ gwop }), alb: gwopAuthRoutes({ gwop }) };
import type { ALBEvent, APIGatewayProxyEvent, APIGatewayProxyEventV2, LambdaFunctionURLEvent } from "aws-lambda";
export const verify = (event: APIGatewayProxyEvent | APIGatewayProxyEventV2 | LambdaFunctionURLEvent | ALBEvent) => gwop.validateWebhook({ request: event });`,
  // Both versions of h3.
  h3: `import { defineHandler as defineEventHandler } from "h3"; import { defineEventHandler as define1 } from "h3v1";
export const first = [define1(gwopWebhook(options)), define1(gwopAuthRoutes({ gwop })), define1(gwopAuth({ gwop }))];`,
};

test("the documented lines are good TypeScript, beside the frameworks' own types", {
  timeoutMs: 300_000,
}, async () => {
  mkdirSync("samples", { recursive: true });
  for (const [name, own] of Object.entries(SAMPLES)) {
    const names = [
      ...readFileSync(`node_modules/@gwop/sdk/handlers/${name}.d.ts`, "utf8").matchAll(
        /\b(gwop\w+|withGwopAuth)\b(?=[(:,< ])/g,
      ),
    ].map(([found]) => found);
    const exported = [...new Set(names)].filter((found) =>
      /^(gwopWebhook|gwopAuth|gwopAuthRoutes|withGwopAuth)$/.test(found),
    );
    const sample = sampleOfModule(`handlers/${name}.d.ts`);
    // Several files in one sample, each with its default export.
    let count = 0;
    const whole = sample.replaceAll(
      "export default",
      () => `export const handler${(count += 1)} =`,
    );
    const used = exported.filter((one) => new RegExp(`\\b${one}\\b`).test(whole + own));
    writeFileSync(
      `samples/${name}.ts`,
      `import { Gwop } from "@gwop/sdk";
import { memoryStore } from "@gwop/sdk/stores";
import { ${used.join(", ")} } from "@gwop/sdk/${name}";
const [gwop, store] = [new Gwop(), memoryStore()];
const [onPaid, onExpired, onCanceled] = [() => {}, () => {}, () => {}];
export const options = { gwop, store, onPaid, onExpired, onCanceled };
${own}
${whole}`,
    );
  }
  const compilerOptions = {
    target: "es2022",
    module: "nodenext",
    lib: ["es2022"],
    types: ["node"],
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    experimentalDecorators: true,
  };
  writeFileSync("samples/tsconfig.json", JSON.stringify({ compilerOptions, include: ["*.ts"] }));
  await tsc("samples/tsconfig.json");
});

test("the declarations pass, strict, where no framework is installed: node10, node16, nodenext, bundler", {
  timeoutMs: 300_000,
}, async () => {
  const modules = "strict/node_modules";
  rmSync("strict", { recursive: true, force: true });
  for (const name of ["@gwop/sdk", "@types/node", "undici-types"]) {
    if (existsSync(`node_modules/${name}`))
      cpSync(`node_modules/${name}`, join(modules, name), { recursive: true });
  }
  const adapters = [...NEW, "express", "next"];
  const imports = adapters.map(
    (name) => `import * as ${name.replaceAll("-", "_")} from "@gwop/sdk/${name}";`,
  );
  const uses = adapters.map(
    (name) =>
      `export const ${name.replaceAll("-", "_")}Webhook = ${name.replaceAll("-", "_")}.gwopWebhook(options);`,
  );
  const code = `${imports.join("\n")}
import { Gwop } from "@gwop/sdk";
import type { UnknownWebhookEvent, WebhookHandlerOnOptions } from "@gwop/sdk/handlers";
import { memoryStore } from "@gwop/sdk/stores";

const gwop = new Gwop();
const options: WebhookHandlerOnOptions = {
  gwop,
  store: memoryStore(),
  on: {
    "invoice.paid": (event) => event.data.paidAt,
    "invoice.expired": (event) => event.data.status,
    "invoice.canceled": (event) => event.data.status,
  },
  onUnknown: (event: UnknownWebhookEvent) => event.eventType,
};
${uses.join("\n")}
// @ts-expect-error Each type of event needs its callback.
export const wrong = express.gwopWebhook({ ...options, on: { "invoice.paid": () => {} } });
`;
  for (const file of ["adapters.ts", "adapters.cts"]) writeFileSync(`strict/${file}`, code);
  writeFileSync("strict/package.json", '{ "type": "module" }');
  const base = {
    target: "es2022",
    lib: ["es2022"],
    types: ["node"],
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: false,
    preserveSymlinks: true,
    noEmit: true,
  };
  const ways = [
    ["node10", { module: "commonjs", moduleResolution: "node10" }],
    ["node16", { module: "node16" }],
    ["nodenext", { module: "nodenext" }],
    ["bundler", { module: "esnext", moduleResolution: "bundler" }],
  ];
  const passed = ways.map(([name, options]) => {
    const files = /^node(16|next)$/.test(name) ? ["adapters.ts", "adapters.cts"] : ["adapters.ts"];
    writeFileSync(
      `strict/tsconfig.${name}.json`,
      JSON.stringify({ compilerOptions: { ...base, ...options }, files }),
    );
    return tsc(`strict/tsconfig.${name}.json`);
  });
  await Promise.all(passed);
});

test("docs/frameworks.md names every adapter", () => {
  const page = readFileSync("node_modules/@gwop/sdk/docs/frameworks.md", "utf8");
  for (const name of NEW)
    assert(page.includes(`\`/${name}\``), `docs/frameworks.md does not name /${name}`);
});

const report = new Report("documented");
report.add(await run({ runtime: "node", serverURL: "" }));
report.end();
