// The frameworks that run in one process, each with the same mounts in front of the same webhook
// handler.
import "reflect-metadata";
import { once } from "node:events";
import { createServer } from "node:http";
import { createServer as createHTTP2Server } from "node:http2";
import { createRequire } from "node:module";
import { Writable } from "node:stream";
import { node as elysiaNode } from "@elysiajs/node";
import azure from "@azure/functions";
import { serve } from "@hono/node-server";
import Router from "@koa/router";
import { Controller, Get, Module, Req, UseGuards } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { FastifyAdapter } from "@nestjs/platform-fastify";
import { Elysia } from "elysia";
import express from "express";
import express4 from "express4";
import Fastify from "fastify";
import * as h3 from "h3";
import * as h3v1 from "h3v1";
import { Hono } from "hono";
import Koa from "koa";
import bodyParser from "koa-bodyparser";
import * as forAzure from "@gwop/sdk/azure-functions";
import * as forElysia from "@gwop/sdk/elysia";
import * as forExpress from "@gwop/sdk/express";
import * as forFastify from "@gwop/sdk/fastify";
import * as forH3 from "@gwop/sdk/h3";
import * as forHono from "@gwop/sdk/hono";
import * as forKoa from "@gwop/sdk/koa";
import * as forLambda from "@gwop/sdk/lambda";
import * as forNest from "@gwop/sdk/nestjs";
import { freePort } from "./runners/programs.mjs";
import { served } from "./function-platform.mjs";
import { FORMS } from "./lambda-forms.mjs";
import { ABLE } from "./situations.js";

export const WEBHOOK = "/webhooks/gwop";

async function listening(server) {
  if (!server.listening) await once(server, "listening");
  const { port } = server.address();
  return {
    url: `http://127.0.0.1:${port}`,
    close: () => (server.closeAllConnections?.(), server.close()),
  };
}

/** Starts a second server on HTTP/2 for a handler of Node's requests. */
async function overHTTP2(handler) {
  const server = createHTTP2Server(handler);
  await once(server.listen(0, "127.0.0.1"), "listening");
  return { http2: `http://127.0.0.1:${server.address().port}`, close: () => server.close() };
}

/** Reads Node's stream as a logger may, and drops the data. */
const nowhere = () => new Writable({ write: (_chunk, _encoding, done) => done() });

/** Readers of Node's stream before a webhook handler, by mount. A promise must be awaited. */
const READERS = {
  "/read": (stream) => new Promise((done) => stream.resume().once("end", done)),
  "/reading": (stream) => void stream.pipe(nowhere()),
  "/iterating": (stream) => void stream.toArray(),
  // Continues to read, and calls the next handler after the first piece.
  "/partly": (stream) => new Promise((done) => stream.once("data", () => done())),
};
/** Wraps such a reader as Express middleware. */
const connectStyle = (read) => (req, _res, next) => {
  const done = read(req);
  if (done) void done.then(() => next());
  else next();
};

/** The capabilities of every server on Node. */
const NODE = [
  "streams",
  ...ABLE,
  "/prefix",
  "/slow",
  "/throwing",
  "/no-secret",
  ...Object.keys(READERS),
];

function startExpress(version) {
  return async (shop) => {
    const { gwopWebhook, gwopAuth, gwopAuthRoutes } = forExpress;
    const app = version();
    const mount = (prefix, before = []) =>
      app.use(prefix + WEBHOOK, ...[before].flat(), gwopWebhook(shop.at(prefix)));
    mount("");
    mount("/slow");
    mount("/throwing");
    mount("/no-secret");
    mount("/parsed", version.json());
    mount("/kept", version.json({ verify: (req, _res, bytes) => void (req.rawBody = bytes) }));
    for (const [prefix, read] of Object.entries(READERS)) mount(prefix, connectStyle(read));
    const router = version.Router();
    router.post(WEBHOOK, gwopWebhook(shop.at("/prefix")));
    router.use(gwopAuthRoutes({ gwop: shop.gwop, basePath: "/prefix/auth" }));
    app.use("/prefix", router);
    app.use(gwopAuthRoutes({ gwop: shop.gwop }));
    app.get("/me", gwopAuth({ gwop: shop.gwop }), (req, res) =>
      res.json([req.gwop.subject, Object.keys(req.headers)]),
    );
    return { ...(await listening(app.listen(0, "127.0.0.1"))), has: [...NODE, "/parsed", "/kept"] };
  };
}

async function startKoa(shop) {
  const { gwopWebhook, gwopAuth, gwopAuthRoutes } = forKoa;
  const app = new Koa();
  const router = new Router();
  const mount = (prefix, ...before) =>
    router.all(prefix + WEBHOOK, ...before, gwopWebhook(shop.at(prefix)));
  mount("");
  mount("/slow");
  mount("/throwing");
  mount("/no-secret");
  mount("/parsed", bodyParser(), (ctx, next) => (delete ctx.request.rawBody, next()));
  mount("/kept", bodyParser());
  for (const [prefix, read] of Object.entries(READERS)) {
    mount(prefix, (ctx, next) => read(ctx.req)?.then(next) ?? next());
  }
  mount("/prefix");
  router.get(
    "/me",
    gwopAuth({ gwop: shop.gwop }),
    (ctx) => (ctx.body = [ctx.state.gwop.subject, Object.keys(ctx.headers)]),
  );
  app.use(gwopAuthRoutes({ gwop: shop.gwop }));
  app.use(gwopAuthRoutes({ gwop: shop.gwop, basePath: "/prefix/auth" }));
  app.use(router.routes());
  const first = await listening(app.listen(0, "127.0.0.1"));
  const second = await overHTTP2(app.callback());
  const close = () => (first.close(), second.close());
  return {
    url: first.url,
    http2: second.http2,
    close,
    has: [...NODE, "/parsed", "/kept", "http2"],
  };
}

/** The common part of Fastify's servers. `options` are Fastify's. */
async function fastify(shop, options = {}) {
  const { gwopWebhook, gwopAuth, gwopAuthRoutes } = forFastify;
  const app = Fastify(options);
  const mount = (prefix, use) =>
    app.register(async (scope) => {
      use?.(scope);
      scope.register(gwopWebhook(shop.at(prefix)), { prefix: prefix + WEBHOOK });
    });
  mount("");
  mount("/slow");
  mount("/throwing");
  mount("/no-secret");
  mount("/prefix");
  mount("/kept", (scope) => {
    // Like fastify-raw-body: the bytes are read before and kept.
    scope.addHook("preParsing", async (request, _reply, payload) => {
      const chunks = [];
      for await (const chunk of payload) chunks.push(chunk);
      request.rawBody = Buffer.concat(chunks);
      return payload;
    });
  });
  for (const [prefix, read] of Object.entries(READERS)) {
    mount(prefix, (scope) => scope.addHook("onRequest", async (request) => read(request.raw)));
  }
  app.register(gwopAuthRoutes({ gwop: shop.gwop }));
  app.register(gwopAuthRoutes({ gwop: shop.gwop }), { prefix: "/prefix" });
  app.get("/me", { onRequest: gwopAuth({ gwop: shop.gwop }) }, (request) => [
    request.gwop.subject,
    Object.keys(request.headers),
  ]);
  // Outside the plugin, Fastify parses as usual.
  app.post("/order", async (request) => request.body.item);
  const url = await app.listen({ port: 0, host: "127.0.0.1" });
  return { url, close: () => (app.server.closeAllConnections?.(), app.close()) };
}

async function startFastify(shop) {
  const first = await fastify(shop, { forceCloseConnections: true });
  const second = await fastify(shop, { http2: true });
  const order = await fetch(`${first.url}/order`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: '{"item":"tea"}',
  });
  if ((await order.text()) !== "tea") throw new Error("Fastify parses no other routes any more");
  const close = () => (first.close(), second.close());
  return { url: first.url, http2: second.url, close, has: [...NODE, "/kept", "http2"] };
}

/** Starts Nest on one of its platforms. */
const startNest = (adapter) => async (shop) => {
  const { gwopWebhook, gwopAuth, gwopAuthRoutes } = forNest;
  class MeController {
    me(request) {
      return [request.gwop.subject, Object.keys(request.headers)];
    }
  }
  Controller("me")(MeController);
  Get()(
    MeController.prototype,
    "me",
    Object.getOwnPropertyDescriptor(MeController.prototype, "me"),
  );
  Req()(MeController.prototype, "me", 0);
  UseGuards(gwopAuth({ gwop: shop.gwop }))(MeController);
  class AppModule {
    configure(consumer) {
      // Behind Nest's parsers, which keep the raw body if they are asked to.
      consumer.apply(gwopWebhook(shop.at("/kept"))).forRoutes(`kept${WEBHOOK}`);
      consumer
        .apply((req, _res, next) => (delete req.rawBody, next()), gwopWebhook(shop.at("/parsed")))
        .forRoutes(`parsed${WEBHOOK}`);
    }
  }
  Module({ controllers: [MeController] })(AppModule);
  const app = await NestFactory.create(AppModule, ...(adapter ? [adapter()] : []), {
    logger: false,
    rawBody: true,
    abortOnError: false,
  });
  const mount = (prefix, ...before) => {
    for (const use of [...before, gwopWebhook(shop.at(prefix))]) app.use(prefix + WEBHOOK, use);
  };
  mount("");
  mount("/slow");
  mount("/throwing");
  mount("/no-secret");
  mount("/prefix");
  for (const [prefix, read] of Object.entries(READERS)) mount(prefix, connectStyle(read));
  app.use(gwopAuthRoutes({ gwop: shop.gwop }));
  app.use(gwopAuthRoutes({ gwop: shop.gwop, basePath: "/prefix/auth" }));
  await app.listen(0, "127.0.0.1");
  const server = app.getHttpServer();
  // Fastify's platform runs such middleware before it parses.
  return { ...(await listening(server)), has: [...NODE, ...(adapter ? [] : ["/kept", "/parsed"])] };
};

/** Serves both versions of h3. `start` creates a server for an app. */
async function h3App(shop, app, define, readBody) {
  const { gwopWebhook, gwopAuthRoutes, withGwopAuth } = forH3;
  const mount = (prefix, before) => {
    const handle = gwopWebhook(shop.at(prefix));
    app.use(
      prefix + WEBHOOK,
      define(async (event) => (await before?.(event), handle(event))),
    );
  };
  mount("");
  mount("/slow");
  mount("/throwing");
  mount("/no-secret");
  mount("/prefix");
  return { mount, routes: gwopAuthRoutes, withGwopAuth, readBody };
}

async function startH3v1(shop) {
  const app = h3v1.createApp();
  const { defineEventHandler: define } = h3v1;
  const { mount } = await h3App(shop, app, define);
  mount("/kept", (event) => h3v1.readBody(event));
  for (const [prefix, read] of Object.entries(READERS))
    mount(prefix, (event) => read(event.node.req));
  const seen = (event, identity) => [identity.subject, Object.keys(event.node.req.headers)];
  app.use("/me", define(forH3.withGwopAuth({ gwop: shop.gwop }, seen)));
  app.use("/auth", define(forH3.gwopAuthRoutes({ gwop: shop.gwop })));
  app.use(
    "/prefix/auth",
    define(forH3.gwopAuthRoutes({ gwop: shop.gwop, basePath: "/prefix/auth" })),
  );
  const server = createServer(h3v1.toNodeListener(app)).listen(0, "127.0.0.1");
  return { ...(await listening(server)), has: [...NODE, "/kept"] };
}

async function startH3v2(shop) {
  const app = new h3.H3();
  const define = h3.defineHandler;
  const own = { use: (path, handler) => app.all(path, handler) };
  const { mount } = await h3App(shop, own, define);
  mount("/parsed", (event) => event.req.json());
  mount("/read", (event) => event.req.text());
  const seen = (event, identity) => [
    identity.subject,
    [...new Set([...event.req.headers.keys(), ...Object.keys(event.runtime.node.req.headers)])],
  ];
  app.get("/me", define(forH3.withGwopAuth({ gwop: shop.gwop }, seen)));
  app.all("/auth/**", define(forH3.gwopAuthRoutes({ gwop: shop.gwop })));
  app.all(
    "/prefix/auth/**",
    define(forH3.gwopAuthRoutes({ gwop: shop.gwop, basePath: "/prefix/auth" })),
  );
  const server = h3.serve(app, {
    port: 0,
    hostname: "127.0.0.1",
    silent: true,
    gracefulShutdown: false,
  });
  await server.ready();
  const has = [
    "streams",
    ...ABLE,
    "/prefix",
    "/slow",
    "/parsed",
    "/read",
    "/throwing",
    "/no-secret",
  ];
  return { url: server.url.replace(/\/$/, ""), close: () => server.close(true), has };
}

async function startHono(shop) {
  const { gwopWebhook, gwopAuth, gwopAuthRoutes } = forHono;
  const app = new Hono();
  const mount = (prefix, before) =>
    app.all(prefix + WEBHOOK, ...(before ? [before] : []), gwopWebhook(shop.at(prefix)));
  mount("");
  mount("/slow");
  mount("/throwing");
  mount("/no-secret");
  mount("/kept", async (c, next) => (await c.req.json(), next()));
  // Not awaited: Hono keeps the promise.
  mount("/reading", (c, next) => (void c.req.text(), next()));
  mount("/iterating", (c, next) => (void READERS["/iterating"](c.env.incoming), next()));
  mount("/parsed", async (c, next) => (await c.req.raw.json(), next()));
  mount("/read", async (c, next) => (await c.req.raw.text(), next()));
  mount("/partly", async (c, next) => {
    const reader = c.req.raw.body.getReader();
    await reader.read();
    return next();
  });
  const inner = new Hono();
  // Loggers do this too. After it, `Headers` and Hono's own object exist.
  inner.use((c, next) => (c.req.header("user-agent"), next()));
  inner.post(WEBHOOK, gwopWebhook(shop.at("/prefix")));
  inner.all("/auth/*", gwopAuthRoutes({ gwop: shop.gwop, basePath: "/prefix/auth" }));
  app.route("/prefix", inner);
  app.all("/auth/*", gwopAuthRoutes({ gwop: shop.gwop }));
  app.get("/me", gwopAuth({ gwop: shop.gwop }), (c) =>
    c.json([c.var.gwop.subject, Object.keys(c.req.header())]),
  );
  const server = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" });
  return { ...(await listening(server)), has: [...NODE, "/parsed", "/kept"] };
}

async function startElysia(shop) {
  const { gwopWebhook, gwopAuthRoutes, withGwopAuth } = forElysia;
  const app = new Elysia({ adapter: elysiaNode() });
  const raw = { parse: "none" };
  for (const prefix of ["", "/slow", "/throwing", "/no-secret", "/prefix"])
    app.all(prefix + WEBHOOK, gwopWebhook(shop.at(prefix)), raw);
  const lost = gwopWebhook(shop.at("/parsed"));
  app.post(`/parsed${WEBHOOK}`, async (context) => (JSON.stringify(context.body), lost(context)), {
    parse: "json",
  });
  const read = gwopWebhook(shop.at("/read"));
  app.post(
    `/read${WEBHOOK}`,
    async (context) => (await context.request.text(), read(context)),
    raw,
  );
  app.all("/auth/*", gwopAuthRoutes({ gwop: shop.gwop }), raw);
  app.all("/prefix/auth/*", gwopAuthRoutes({ gwop: shop.gwop, basePath: "/prefix/auth" }), raw);
  app.get(
    "/me",
    withGwopAuth({ gwop: shop.gwop }, ({ request }, identity) => [
      identity.subject,
      [...request.headers.keys()],
    ]),
  );
  const port = await freePort();
  await new Promise((done) => app.listen({ port, hostname: "127.0.0.1" }, done));
  return {
    url: `http://127.0.0.1:${port}`,
    close: () => app.stop(true),
    has: ["streams", ...ABLE, "/prefix", "/slow", "/parsed", "/read", "/throwing", "/no-secret"],
  };
}

/**
 * Google's framework reads every body before it calls the function, keeps the bytes as `rawBody`,
 * and refuses what is not JSON.
 */
async function startGoogle(shop) {
  const { getTestServer } = createRequire(import.meta.url)(
    "@google-cloud/functions-framework/testing",
  );
  const { http } = createRequire(import.meta.url)("@google-cloud/functions-framework");
  const { gwopWebhook, gwopAuth, gwopAuthRoutes } = forExpress;
  const mounts = ["", "/prefix", "/throwing", "/no-secret"].map((prefix) => [
    prefix + WEBHOOK,
    gwopWebhook(shop.at(prefix)),
  ]);
  const routes = [
    gwopAuthRoutes({ gwop: shop.gwop }),
    gwopAuthRoutes({ gwop: shop.gwop, basePath: "/prefix/auth" }),
  ];
  const me = gwopAuth({ gwop: shop.gwop });
  http("shop", (req, res) => {
    const found = mounts.find(([path]) => path === req.path);
    if (found) return found[1](req, res);
    if (req.path === "/me")
      return me(req, res, () => res.json([req.gwop.subject, Object.keys(req.headers)]));
    return routes[req.path.startsWith("/prefix") ? 1 : 0](req, res);
  });
  return {
    ...(await listening(getTestServer("shop").listen(0, "127.0.0.1"))),
    has: ["streams", "any method", "any media type", "/prefix", "/throwing", "/no-secret"],
  };
}

/**
 * The requests of Azure's own library. Azure's host, a .NET program, passes the whole body to a
 * function.
 */
async function startAzure(shop) {
  const { gwopWebhook, gwopAuthRoutes, withGwopAuth } = forAzure;
  const mounts = new Map(
    ["", "/prefix", "/throwing", "/no-secret", "/read"].map((prefix) => [
      prefix + WEBHOOK,
      gwopWebhook(shop.at(prefix)),
    ]),
  );
  const routes = [
    gwopAuthRoutes({ gwop: shop.gwop }),
    gwopAuthRoutes({ gwop: shop.gwop, basePath: "/prefix/auth" }),
  ];
  const me = withGwopAuth({ gwop: shop.gwop }, (request, identity) => ({
    jsonBody: [identity.subject, [...request.headers.keys()]],
  }));
  return served(
    async ({ method, url, headers, body }) => {
      const request = new azure.HttpRequest({
        method,
        url: `http://shop.example${url}`,
        headers,
        ...(body.length > 0 && { body: { bytes: body } }),
      });
      const { pathname } = new URL(request.url);
      if (pathname.startsWith("/read")) await request.text();
      const handler =
        mounts.get(pathname) ??
        (pathname === "/me" ? me : routes[pathname.startsWith("/prefix") ? 1 : 0]);
      const { status = 200, headers: given = {}, body: text, jsonBody } = await handler(request);
      return { status, headers: given, body: text ?? JSON.stringify(jsonBody) };
    },
    [...ABLE, "/prefix", "/throwing", "/no-secret", "/read"],
  );
}

/**
 * One of the four forms of Lambda's events. With `base64`, bodies are encoded as AWS does for
 * binary ones.
 */
const startLambda = (form, base64) => async (shop) => {
  const { gwopWebhook, gwopAuthRoutes, withGwopAuth } = forLambda;
  const mounts = new Map(
    ["", "/prefix", "/throwing", "/no-secret"].map((prefix) => [
      prefix + WEBHOOK,
      gwopWebhook(shop.at(prefix)),
    ]),
  );
  const routes = [
    gwopAuthRoutes({ gwop: shop.gwop }),
    gwopAuthRoutes({ gwop: shop.gwop, basePath: "/prefix/auth" }),
  ];
  const me = withGwopAuth({ gwop: shop.gwop }, (event, identity) =>
    FORMS[form].result(
      200,
      JSON.stringify([identity.subject, Object.keys(event.headers ?? event.multiValueHeaders)]),
    ),
  );
  return served(
    async (request) => {
      const path = request.url.split("?")[0];
      const handler =
        mounts.get(path) ?? (path === "/me" ? me : routes[path.startsWith("/prefix") ? 1 : 0]);
      return FORMS[form].answer(await handler(FORMS[form].event(request, base64)));
    },
    [...ABLE, "/prefix", "/throwing", "/no-secret"],
  );
};

export const FRAMEWORKS = {
  "Express 5": startExpress(express),
  "Express 4": startExpress(express4),
  Fastify: startFastify,
  Koa: startKoa,
  "NestJS on Express": startNest(),
  "NestJS on Fastify": startNest(() => new FastifyAdapter({ forceCloseConnections: true })),
  "h3 1": startH3v1,
  "h3 2": startH3v2,
  Hono: startHono,
  Elysia: startElysia,
  "Google Functions Framework": startGoogle,
  "Azure Functions": startAzure,
  ...Object.fromEntries(
    Object.keys(FORMS).flatMap((form) =>
      [false, true].map((base64) => [
        `Lambda, ${form}${base64 ? ", base64" : ""}`,
        startLambda(form, base64),
      ]),
    ),
  ),
};
