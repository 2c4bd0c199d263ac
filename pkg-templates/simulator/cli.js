#!/usr/bin/env node
// `gwop-simulator`: the local Gwop over HTTP, on Node. What it answers is in `serve`.
import { createServer } from "node:http";
import { parseArgs } from "node:util";
import { Simulator, SimulatorError, serve } from "./simulator.node.js";

const HELP = `gwop-simulator: a local Gwop over HTTP, for tests and development. It moves no money.

Usage: npx -p @gwop/sdk gwop-simulator [options]

  --port N                 port to listen on (default 4010; 0 picks a free one)
  --host HOST              address to listen on (default 127.0.0.1)
  --public-url URL         where payment URLs point to (default: the address it listens on)
  --webhook-url URL        where webhooks go, such as http://127.0.0.1:3000/webhooks/gwop
  --merchant-key KEY       merchant key, sk_m_… (default sk_m_simulator)
  --merchant-id UUID       merchant id
  --webhook-secret SECRET  webhook secret (default whsec_simulator)
  --settlement-delay MS    how long a payment stays in PAYING (default 0)
  --seed N                 the same seed gives the same identifiers
  --verbose                print every request and its status
  --help                   this text

GET / explains the routes. Those under /_sim/ answer to this machine only.`;

/** The longest request body, in bytes. */
const MAX_BODY = 1 << 20;

function fail(message) {
  console.error(`gwop-simulator: ${message}`);
  process.exit(1);
}

let values;
try {
  ({ values } = parseArgs({
    options: {
      port: { type: "string", default: "4010" },
      host: { type: "string", default: "127.0.0.1" },
      "public-url": { type: "string" },
      "webhook-url": { type: "string" },
      "merchant-key": { type: "string" },
      "merchant-id": { type: "string" },
      "webhook-secret": { type: "string" },
      "settlement-delay": { type: "string" },
      seed: { type: "string" },
      verbose: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  }));
} catch (error) {
  fail(`${error.message}\nSee gwop-simulator --help.`);
}
if (values.help) {
  console.log(HELP);
  process.exit(0);
}

/** A whole number from 0, or the end. */
function whole(flag) {
  const text = values[flag];
  if (text === undefined) return undefined;
  if (!/^\d{1,15}$/.test(text)) fail(`--${flag} takes a whole number from 0`);
  return Number(text);
}

function url(flag) {
  const text = values[flag];
  if (text === undefined) return undefined;
  if (!URL.canParse(text) || !/^https?:/.test(text)) fail(`--${flag} takes an http or https URL`);
  return text;
}

const port = whole("port");
if (port > 65_535) fail("--port takes 0 to 65535");
const publicUrl = url("public-url")?.replace(/\/+$/, "");
const given = {
  webhookUrl: url("webhook-url"),
  merchantApiKey: values["merchant-key"],
  merchantId: values["merchant-id"],
  webhookSecret: values["webhook-secret"],
  settlementDelayMs: whole("settlement-delay"),
  seed: whole("seed"),
};
const options = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));

let sim;

async function bodyOf(incoming) {
  const chunks = [];
  let length = 0;
  for await (const chunk of incoming) {
    length += chunk.length;
    if (length > MAX_BODY) return undefined;
    chunks.push(chunk);
  }
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}

async function answer(incoming, outgoing) {
  const body = await bodyOf(incoming);
  if (body === undefined) {
    outgoing.writeHead(413, { connection: "close" }).end();
    return;
  }
  const base = `http://${incoming.headers.host ?? "localhost"}`;
  if (!URL.canParse(incoming.url, base)) {
    outgoing.writeHead(400).end();
    return;
  }
  const asked = new URL(incoming.url, base);
  const peer = incoming.socket.remoteAddress ?? "";
  const local = peer === "::1" || /^(::ffff:)?127\./.test(peer);
  if (asked.pathname.startsWith("/_sim/") && !local) {
    outgoing.writeHead(403).end();
    return;
  }
  const gone = new AbortController();
  outgoing.once("close", () => gone.abort());
  const headers = new Headers();
  for (const [name, value] of Object.entries(incoming.headersDistinct)) {
    for (const each of value) headers.append(name, each);
  }
  const hasBody = incoming.method !== "GET" && incoming.method !== "HEAD" && body.length > 0;
  let response;
  try {
    response = await serve(
      sim,
      new Request(asked, {
        method: incoming.method,
        headers,
        signal: gone.signal,
        ...(hasBody && { body }),
      }),
    );
    outgoing.writeHead(response.status, [...response.headers].flat());
    outgoing.flushHeaders();
    for await (const chunk of response.body ?? []) outgoing.write(chunk);
    outgoing.end();
  } catch {
    // Asked for by a fault, or the client has left: either way the connection fails.
    incoming.socket.destroy();
  }
  if (values.verbose) console.log(`${incoming.method} ${incoming.url} ${response?.status ?? "connection dropped"}`);
}

const server = createServer((incoming, outgoing) => {
  answer(incoming, outgoing).catch(() => incoming.socket.destroy());
});
server.on("error", (error) => {
  if (error.code === "EADDRINUSE") fail(`port ${port} is taken: choose another with --port, or 0 for a free one`);
  fail(error.message);
});
server.listen(port, values.host, () => {
  const { address, port: actual } = server.address();
  // All addresses of the machine: this one is always there.
  const reached = address === "0.0.0.0" || address === "::" ? "127.0.0.1" : address;
  const base = `http://${reached.includes(":") ? `[${reached}]` : reached}:${actual}`;
  try {
    sim = new Simulator({ ...options, agentsUrl: publicUrl ?? base });
  } catch (error) {
    if (!(error instanceof SimulatorError)) throw error;
    fail(`${error.message} (see gwop-simulator --help)`);
  }
  console.log(`gwop-simulator listens on ${base}

  GWOP_MERCHANT_API_KEY=${sim.merchantApiKey}
  GWOP_WEBHOOK_SECRET=${sim.webhookSecret}
  GWOP_MERCHANT_ID=${sim.merchantId}

  new Gwop({ serverURL: "${base}", identityURL: "${base}" })
  webhooks go ${options.webhookUrl ? `to ${options.webhookUrl}` : "nowhere: give --webhook-url"}

For tests and development only: it moves no money. Ctrl-C ends it.`);
});

for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, () => {
    sim?.close();
    server.close(() => process.exit(0));
    server.closeAllConnections();
  });
}
