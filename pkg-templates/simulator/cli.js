#!/usr/bin/env node
// `gwop-simulator`: serves the local Gwop over HTTP, on Node. `serve` creates the responses.
import { STATUS_CODES, createServer } from "node:http";
import { parseArgs } from "node:util";
import { readFileSync } from "node:fs";
import { openState } from "./gwop-simulator-state.js";
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
  --x402 MODE              how payments are judged: standard (default), gwop-docs or unchecked
  --smart-wallet ADDRESS   a wallet on Base that is a contract: any signature of it is taken;
                           repeatable
  --strict-idempotency-keys
                           refuse an Idempotency-Key that is no UUID v4
  --list-order ORDER       of the list of invoices: newest-first (default), oldest-first or random
  --no-list-payments       the list of invoices says nothing of payments
  --settlement-delay MS    how long a payment stays in PAYING (default 0)
  --seed N                 the same seed gives the same identifiers
  --state FILE             keep everything in this file, and go on where it ends; it holds keys and
                           secrets
  --seed-file FILE         begin with its invoices, auth intents and faults (JSON), also after a
                           reset
  --allowed-host NAME      a further host name to which /_sim/ answers, and so the page works;
                           repeatable
  --verbose                print every request and its status
  --help                   this text

GET / is a page for browsers, and explains the routes to other clients. Those under /_sim/ answer to
this machine only.`;

/** The most bytes of a request body that are kept. No route accepts as many. */
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
      x402: { type: "string" },
      "smart-wallet": { type: "string", multiple: true },
      "strict-idempotency-keys": { type: "boolean" },
      "list-order": { type: "string" },
      "no-list-payments": { type: "boolean" },
      "settlement-delay": { type: "string" },
      seed: { type: "string" },
      state: { type: "string" },
      "seed-file": { type: "string" },
      "allowed-host": { type: "string", multiple: true, default: [] },
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

/** Returns a whole number of 0 or more, or ends the process. */
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
  x402: values.x402,
  smartWallets: values["smart-wallet"],
  strictIdempotencyKeys: values["strict-idempotency-keys"],
  listOrder: values["list-order"],
  listPayments: values["no-list-payments"] ? false : undefined,
  settlementDelayMs: whole("settlement-delay"),
  seed: whole("seed"),
};
for (const name of values["allowed-host"]) {
  if (
    !URL.canParse(`http://${name}`) ||
    new URL(`http://${name}`).hostname !== name.toLowerCase()
  ) {
    fail("--allowed-host takes a host name without a port, such as gwop.local");
  }
}

/** Returns the content of a seed file, or ends the process. */
function seedOf(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    // The parser's message repeats the text.
    fail(
      error instanceof SyntaxError
        ? `--seed-file ${path} is not JSON`
        : `--seed-file: ${error.message}`,
    );
  }
}

/** Opens the journal of a state file, or ends the process. */
function stateOf(path) {
  try {
    return openState(path);
  } catch (error) {
    fail(`--state: ${error.message}`);
  }
}

const seed = values["seed-file"] === undefined ? undefined : seedOf(values["seed-file"]);
const state = values.state === undefined ? undefined : stateOf(values.state);
if (state) process.once("exit", () => state.close());
const options = Object.fromEntries(
  Object.entries(given).filter(([, value]) => value !== undefined),
);

let sim;

/** Reads the body to its end, because a client that is still sending would miss the response. */
async function bodyOf(incoming) {
  const chunks = [];
  let length = 0;
  for await (const chunk of incoming) {
    if (length < MAX_BODY) chunks.push(chunk);
    length += chunk.length;
  }
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}

/**
 * Returns the URL from `Host` and the request's target. Returns `undefined` if they make no URL, or
 * name two hosts. If the target were resolved like a link, `//127.0.0.1/_sim/state` could choose
 * the host that is checked.
 */
function urlOf(target, host) {
  if (!URL.canParse(`http://${host}`)) return undefined;
  const base = new URL(`http://${host}`);
  if (base.href !== `${base.origin}/`) return undefined;
  const text = target.startsWith("/") ? base.origin + target : target;
  if (target.startsWith("//") || !URL.canParse(text)) return undefined;
  const asked = new URL(text);
  return asked.origin === base.origin ? asked : undefined;
}

/** Creates the `Request`, or the response if the request is invalid. */
function requestOf(incoming, body, signal) {
  const { method, url, headersDistinct, socket } = incoming;
  const asked = urlOf(url, incoming.headers.host ?? "localhost");
  if (asked === undefined) {
    return new SimulatorError(
      "VALIDATION_ERROR",
      "the Host header and the path make no URL, or the path names another host",
    ).toResponse();
  }
  const peer = socket.remoteAddress ?? "";
  // The address on which it was reached is this machine's too.
  const isHere = peer === "::1" || /^(::ffff:)?127\./.test(peer) || peer === socket.localAddress;
  if (asked.pathname.startsWith("/_sim/") && !isHere) {
    return new SimulatorError(
      "NOT_ALLOWED",
      "the control routes answer to this machine only",
    ).toResponse(403);
  }
  const headers = new Headers();
  for (const [name, value] of Object.entries(headersDistinct)) {
    for (const each of value) headers.append(name, each);
  }
  const hasBody = method !== "GET" && method !== "HEAD" && body.length > 0;
  try {
    return new Request(asked, { method, headers, signal, ...(hasBody && { body }) });
  } catch (error) {
    // For example, the method TRACE.
    return new SimulatorError(
      "VALIDATION_ERROR",
      `no such request can be made: ${error.message}`,
    ).toResponse();
  }
}

/** Resolves when a connection accepts more data, or has ended. */
function drained(outgoing) {
  return new Promise((done) => {
    const end = () => {
      outgoing.off("drain", end).off("close", end);
      done();
    };
    outgoing.on("drain", end).on("close", end);
    if (outgoing.destroyed) end();
  });
}

async function respond(incoming, outgoing) {
  const gone = new AbortController();
  outgoing.once("close", () => gone.abort());
  const body = await bodyOf(incoming);
  let response;
  try {
    const request = requestOf(incoming, body, gone.signal);
    response =
      request instanceof Response
        ? request
        : await serve(sim, request, { allowedHosts: values["allowed-host"] });
    outgoing.writeHead(response.status, [...response.headers].flat());
    outgoing.flushHeaders();
    for await (const chunk of response.body ?? []) {
      if (!outgoing.write(chunk)) await drained(outgoing);
    }
    outgoing.end();
  } catch {
    // A fault asked for it, or the client has left. In both cases, the connection fails.
    incoming.socket.destroy();
  }
  if (values.verbose)
    console.log(`${incoming.method} ${incoming.url} ${response?.status ?? "connection dropped"}`);
}

/** Responds to a request that Node could not parse. */
async function refuse(error, socket) {
  // Node does not handle errors of a socket that it has handed over. A client that resets the
  // connection would end the process.
  socket.on("error", () => socket.destroy());
  if (!socket.writable || error.code === "ECONNRESET") return socket.destroy();
  const status = { HPE_HEADER_OVERFLOW: 431, ERR_HTTP_REQUEST_TIMEOUT: 408 }[error.code] ?? 400;
  const response = new SimulatorError(
    "VALIDATION_ERROR",
    "this is no HTTP request that can be read",
  ).toResponse(status);
  const body = await response.text();
  const headers = [...response.headers, ["content-length", body.length], ["connection", "close"]];
  socket.end(
    [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      ...headers.map((header) => header.join(": ")),
      "",
      body,
    ].join("\r\n"),
  );
}

function handle(incoming, outgoing) {
  respond(incoming, outgoing).catch(() => incoming.socket.destroy());
}

// Requests that Node would refuse or drop by itself get a normal response.
const server = createServer({ requireHostHeader: false }, handle);
server.on("checkExpectation", handle);
server.on("clientError", (error, socket) => {
  refuse(error, socket).catch(() => socket.destroy());
});
server.on("connect", ({ socket }) => {
  refuse({}, socket).catch(() => socket.destroy());
});
server.on("error", (error) => {
  if (error.code === "EADDRINUSE")
    fail(`port ${port} is taken: choose another with --port, or 0 for a free one`);
  fail(error.message);
});
server.listen(port, values.host, async () => {
  const { address, port: actual } = server.address();
  // The server listens on all addresses of the machine. This one always exists.
  const reached = address === "0.0.0.0" || address === "::" ? "127.0.0.1" : address;
  const base = `http://${reached.includes(":") ? `[${reached}]` : reached}:${actual}`;
  // The option that a refusal refers to.
  let about = "";
  try {
    sim = new Simulator({
      ...options,
      agentsUrl: publicUrl ?? base,
      ...(state && { journal: state }),
    });
    // Stored state has already loaded its seed.
    if (seed !== undefined && !state?.kept?.length) {
      about = `--seed-file ${values["seed-file"]}: `;
      await sim.load(seed);
    }
    await sim.saved();
  } catch (error) {
    if (!(error instanceof SimulatorError)) throw error;
    if (error.code === "INVALID_STATE") about = `--state ${values.state}: `;
    fail(`${about}${error.message} (see gwop-simulator --help)`);
  }
  const goesTo = sim.state.merchants[0].webhookUrl;
  console.log(`gwop-simulator listens on ${base}

  GWOP_MERCHANT_API_KEY=${sim.merchantApiKey}
  GWOP_WEBHOOK_SECRET=${sim.webhookSecret}
  GWOP_MERCHANT_ID=${sim.merchantId}
  GWOP_SERVER_URL=${base}
  GWOP_IDENTITY_URL=${base}

  new Gwop({ serverURL: "${base}", identityURL: "${base}" })
  webhooks go ${goesTo === null ? "nowhere: give --webhook-url" : `to ${goesTo}`}
  ${base}/ is a page for your browser

For tests and development only: it moves no money. Ctrl-C ends it.`);
});

for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, () => {
    sim?.close();
    server.close(async () => {
      // Writes a snapshot only, which any later version can read.
      await sim?.compact().catch(() => {});
      process.exit(0);
    });
    server.closeAllConnections();
  });
}
