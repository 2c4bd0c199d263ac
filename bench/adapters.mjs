// Measures what the adapters cost: `adapters.mjs [--check]`, from the project of
// `tests/frameworks/servers`. `cargo xtask bench --only adapters` runs it.
//
// Each framework runs in its own process, with three routes. One reads the raw body and responds
// with 204. One does the same with the adapter's exact response. One is the adapter, with a
// verification and a store that finish at once. A client in this process sends the same delivery to
// each in turn, over 16 connections. The figure is the processor time of the server's process per
// request, so that the client's time does not count.
import { fork } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { fileURLToPath } from "node:url";

/**
 * The highest cost of an adapter, as a multiple of the framework that reads the body and responds
 * with 204.
 */
const LIMIT = 1.15;
const FRAMEWORKS = ["Fastify", "Express", "Hono", "Lambda"];
const CONNECTIONS = 16;
const REQUESTS = 6_000;
const ROUNDS = 15;

const BODY = JSON.stringify({
  event_id: "evt_1",
  event_type: "invoice.paid",
  event_version: 1,
  created_at: "2026-01-02T03:04:05.000Z",
  data: {
    invoice_id: "5b3f0c9e-8f0e-4b0e-9c39-6f1f5f6c8a01",
    public_invoice_id: "inv_1",
    merchant_id: "m",
    status: "PAID",
    amount_usdc: "1025000",
    currency: "USDC",
  },
  padding: "x".repeat(300),
});
const HEADERS = {
  "content-type": "application/json",
  "x-gwop-signature": `t=1767312245,v1=${"0".repeat(64)}`,
  "x-gwop-event-id": "evt_1",
  "x-gwop-event-type": "invoice.paid",
  "user-agent": "Gwop-Webhooks/1",
};

/** The adapter's options, whose parts finish at once. */
function options() {
  const { data, ...event } = JSON.parse(BODY);
  const body = {
    ...{
      eventId: event.event_id,
      eventType: event.event_type,
      eventVersion: 1,
      createdAt: new Date(),
    },
    data: {
      invoiceId: data.invoice_id,
      publicInvoiceId: data.public_invoice_id,
      merchantId: "m",
      status: "PAID",
      amountUsdc: 1025000,
      currency: "USDC",
    },
  };
  const answer = Promise.resolve({
    xGwopSignature: "",
    xGwopEventId: "",
    xGwopEventType: "",
    body,
  });
  const settled = Promise.resolve({ state: "settled", outcome: "duplicate" });
  const store = { claim: () => settled, complete: async () => true, release: async () => {} };
  return {
    gwop: { validateWebhook: () => answer },
    store,
    onPaid() {},
    onExpired() {},
    onCanceled() {},
  };
}

/** The adapter's response. */
const ANSWER = JSON.stringify({ received: true, outcome: "duplicate" });
const ANSWER_HEADERS = {
  "content-type": "application/json",
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
};

/** Starts each server with the three routes. Returns its address. */
const SERVERS = {
  async Fastify() {
    const { default: Fastify } = await import("fastify");
    const { gwopWebhook } = await import("@gwop/sdk/fastify");
    const app = Fastify();
    app.register(async (scope) => {
      scope.removeAllContentTypeParsers();
      scope.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) =>
        done(null, body),
      );
      scope.post("/bare", async (request, reply) => {
        if (request.body.length !== BODY.length) throw new Error("not the body");
        return reply.code(204).send();
      });
      scope.post("/same", async (request, reply) => {
        if (request.body.length !== BODY.length) throw new Error("not the body");
        return reply.code(200).headers(ANSWER_HEADERS).send(ANSWER);
      });
    });
    app.register(gwopWebhook(options()), { prefix: "/gwop" });
    return Number(new URL(await app.listen({ port: 0, host: "127.0.0.1" })).port);
  },
  async Express() {
    const { default: express } = await import("express");
    const { gwopWebhook } = await import("@gwop/sdk/express");
    const app = express();
    app.post("/bare", express.raw({ type: "*/*" }), (req, res) => {
      if (req.body.length !== BODY.length) throw new Error("not the body");
      res.status(204).end();
    });
    app.post("/same", express.raw({ type: "*/*" }), (req, res) => {
      if (req.body.length !== BODY.length) throw new Error("not the body");
      res.status(200).set(ANSWER_HEADERS).end(ANSWER);
    });
    app.post("/gwop", gwopWebhook(options()));
    const server = app.listen(0, "127.0.0.1");
    await once(server, "listening");
    return server.address().port;
  },
  async Hono() {
    const { serve } = await import("@hono/node-server");
    const { Hono } = await import("hono");
    const { gwopWebhook } = await import("@gwop/sdk/hono");
    const app = new Hono();
    app.post("/bare", async (c) => {
      if ((await c.req.arrayBuffer()).byteLength !== BODY.length) throw new Error("not the body");
      return c.body(null, 204);
    });
    app.post("/same", async (c) => {
      if ((await c.req.arrayBuffer()).byteLength !== BODY.length) throw new Error("not the body");
      return new Response(ANSWER, { status: 200, headers: ANSWER_HEADERS });
    });
    app.post("/gwop", gwopWebhook(options()));
    const server = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" });
    if (!server.listening) await once(server, "listening");
    return server.address().port;
  },
  // Lambda sends events to a process over HTTP, as JSON. This code plays the runtime's part, as its
  // API says.
  async Lambda() {
    const { createServer } = await import("node:http");
    const { gwopWebhook } = await import("@gwop/sdk/lambda");
    const read = ({ body, isBase64Encoded }) => {
      const bytes = Buffer.from(body, isBase64Encoded ? "base64" : "utf8");
      if (bytes.length !== BODY.length) throw new Error("not the body");
    };
    const same = { statusCode: 200, headers: ANSWER_HEADERS, body: ANSWER, isBase64Encoded: false };
    const handlers = {
      "/gwop": gwopWebhook(options()),
      "/bare": async (event) => (read(event), { statusCode: 204 }),
      "/same": async (event) => (read(event), same),
    };
    const server = createServer(async (incoming, outgoing) => {
      const chunks = [];
      for await (const chunk of incoming) chunks.push(chunk);
      const result = await handlers[incoming.url](JSON.parse(Buffer.concat(chunks).toString()));
      outgoing.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(result));
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    return server.address().port;
  },
};

/** Returns one request: the delivery itself, or Lambda's event for it. */
function requestOf(framework, path) {
  const event = {
    ...{
      version: "2.0",
      routeKey: "$default",
      rawPath: path,
      rawQueryString: "",
      headers: HEADERS,
      isBase64Encoded: false,
      body: BODY,
    },
    requestContext: {
      accountId: "anonymous",
      apiId: "api",
      domainName: "api.lambda-url.eu-west-1.on.aws",
      http: {
        method: "POST",
        path,
        protocol: "HTTP/1.1",
        sourceIp: "192.0.2.1",
        userAgent: "Gwop-Webhooks/1",
      },
      requestId: "id",
      routeKey: "$default",
      stage: "$default",
      time: "02/Jan/2026:03:04:05 +0000",
      timeEpoch: 1767312245000,
    },
  };
  const body = framework === "Lambda" ? JSON.stringify(event) : BODY;
  const headers = framework === "Lambda" ? { "content-type": "application/json" } : HEADERS;
  const lines = Object.entries({
    host: "127.0.0.1",
    ...headers,
    "content-length": Buffer.byteLength(body),
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`POST ${path} HTTP/1.1\r\n${lines.join("")}\r\n${body}`);
}

/** Sends requests over the connections. Each waits for the response to the one before. */
async function load(sockets, request, expected) {
  let left = REQUESTS;
  await Promise.all(
    sockets.map(
      (socket) =>
        new Promise((done, failed) => {
          let text = "";
          const next = () => {
            if (left <= 0) {
              socket.off("data", read);
              return done();
            }
            left -= 1;
            socket.write(request);
          };
          const read = (chunk) => {
            text += chunk.toString("latin1");
            const end = text.indexOf("\r\n\r\n");
            if (end < 0) return;
            const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0);
            if (text.length < end + 4 + length) return;
            if (!text.includes(expected)) return failed(new Error(text));
            text = "";
            next();
          };
          socket.on("data", read);
          next();
        }),
    ),
  );
}

async function measure(framework) {
  const child = fork(fileURLToPath(import.meta.url), ["--serve", framework]);
  try {
    const [port] = await once(child, "message");
    const sockets = await Promise.all(
      Array.from({ length: CONNECTIONS }, async () => {
        const socket = connect(port, "127.0.0.1");
        socket.setNoDelay(true);
        await once(socket, "connect");
        return socket;
      }),
    );
    const cost = async (path) => {
      const status = path === "/bare" ? 204 : 200;
      const expected = framework === "Lambda" ? `"statusCode":${status}` : `HTTP/1.1 ${status} `;
      const ask = async () => (child.send("cpu"), (await once(child, "message"))[0]);
      const before = await ask();
      await load(sockets, requestOf(framework, path), expected);
      return ((await ask()) - before) / REQUESTS;
    };
    const rows = [];
    for (let round = -3; round < ROUNDS; round += 1) {
      const row = {};
      const paths = ["/bare", "/same", "/gwop"];
      for (const path of round % 2 === 0 ? paths : paths.toReversed()) row[path] = await cost(path);
      // Leaves out the time for the first compilation.
      if (round >= 0) rows.push(row);
    }
    for (const socket of sockets) socket.destroy();
    const median = (of) => {
      const values = rows.map(of).sort((a, b) => a - b);
      return values[Math.floor(values.length / 2)];
    };
    return {
      bare: median((row) => row["/bare"]),
      same: median((row) => row["/same"]),
      gwop: median((row) => row["/gwop"]),
      ratio: median((row) => row["/gwop"] / row["/bare"]),
      sameRatio: median((row) => row["/gwop"] / row["/same"]),
    };
  } finally {
    child.kill();
  }
}

if (process.argv[2] === "--serve") {
  const port = await SERVERS[process.argv[3]]();
  process.on("message", () => {
    const { user, system } = process.cpuUsage();
    process.send(user + system);
  });
  process.send(port);
} else {
  const only = process.env.GWOP_BENCH_FRAMEWORK;
  console.log(
    `\nadapters: µs of the server's processor time per request, median of ${ROUNDS} rounds of ${REQUESTS}`,
  );
  console.log("  framework   204   same answer   adapter   to 204   to the same answer");
  let isOver = false;
  for (const framework of FRAMEWORKS.filter((name) => !only || name === only)) {
    const { bare, same, gwop, ratio, sameRatio } = await measure(framework);
    isOver ||= ratio > LIMIT;
    const cells = [
      framework.padEnd(9),
      bare.toFixed(1).padStart(5),
      same.toFixed(1).padStart(13),
      gwop.toFixed(1).padStart(9),
      ratio.toFixed(3).padStart(8),
      sameRatio.toFixed(3).padStart(20),
      ratio > LIMIT ? `  over ${LIMIT}` : "",
    ];
    console.log(`  ${cells.join("")}`);
  }
  process.exit(isOver && process.argv.includes("--check") ? 1 : 0);
}
