#!/usr/bin/env bash
# @x402/express 2.27.0: a handler that fails with `response.writeHead(500)` is paid, and the buyer gets the 500. `status(500)`, `statusCode = 500` and
# an exception are not paid. The middleware holds back `writeHead` until the payment is settled, so `response.statusCode`, by which it judges, is
# still 200. Bridges from fetch handlers to Node call `writeHead`. Set `response.statusCode` before it.
#
# Guess before the run: a failed response is not settled, however Node is told its status.
# Seen on 2026-11-30 with Node 20.20:
#   status(500): 500, not settled
#   statusCode = 500: 500, not settled
#   an exception: 500, not settled
#   writeHead(500): 500, settled
#   statusCode = 500, writeHead(500): 500, not settled
#   success: 200, settled
# Needs Node 20 or newer with npm. Exits 0 where it is still so, 1 where it has changed, 2 where npm fails.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
echo '{ "private": true, "type": "module" }' > package.json
npm install --ignore-scripts --no-audit --no-fund --silent @x402/core@2.27.0 @x402/evm@2.27.0 @x402/express@2.27.0 @x402/fetch@2.27.0 \
  express@5.3.0 viem@2.57.20 > /dev/null 2>&1 || exit 2
cat > run.mjs <<'RUN'
import { createServer } from "node:http";
import express from "express";
import { HTTPFacilitatorClient } from "@x402/core/server";
import { ExactEvmScheme } from "@x402/evm/exact/client";
import { ExactEvmScheme as ServerScheme } from "@x402/evm/exact/server";
import { paymentMiddleware, x402ResourceServer } from "@x402/express";
import { wrapFetchWithPaymentFromConfig } from "@x402/fetch";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";

const network = "eip155:84532";
const buyer = privateKeyToAccount(generatePrivateKey());
const listen = (handler) =>
  new Promise((resolve) => {
    const server = createServer(handler);
    server.listen(0, "127.0.0.1", () => resolve(`http://127.0.0.1:${server.address().port}`));
  });

let settlements = 0;
const facilitator = await listen((request, response) => {
  request.resume();
  const reply = {
    "/supported": { kinds: [{ x402Version: 2, scheme: "exact", network }], extensions: [], signers: {} },
    "/verify": { isValid: true, payer: buyer.address },
    "/settle": { success: true, transaction: `0x${"ab".repeat(32)}`, network, payer: buyer.address },
  }[request.url];
  if (request.url === "/settle") settlements += 1;
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify(reply));
});

const app = express();
const accepts = { scheme: "exact", network, payTo: "0x000000000000000000000000000000000000dEaD", price: "$0.001" };
const resources = new x402ResourceServer(new HTTPFacilitatorClient({ url: facilitator })).register(network, new ServerScheme());
const handlers = {
  "status(500)": (_, response) => response.status(500).send("failed"),
  "statusCode = 500": (_, response) => {
    response.statusCode = 500;
    response.end("failed");
  },
  "an exception": () => {
    throw new Error("failed");
  },
  "writeHead(500)": (_, response) => response.writeHead(500).end("failed"),
  "statusCode = 500, writeHead(500)": (_, response) => {
    response.statusCode = 500;
    response.writeHead(500).end("failed");
  },
  success: (_, response) => response.send("bought"),
};
const paths = Object.keys(handlers).map((_, at) => `/${at}`);
const routes = Object.fromEntries(paths.map((path) => [`GET ${path}`, { accepts, description: path, mimeType: "text/plain" }]));
app.use(paymentMiddleware(routes, resources));
Object.values(handlers).forEach((handler, at) => app.get(paths[at], handler));
app.use((error, _request, response, _next) => response.status(500).send("failed"));
const shop = await listen(app);
const pay = wrapFetchWithPaymentFromConfig(fetch, { schemes: [{ network, client: new ExactEvmScheme(buyer) }] });
const lines = [];
for (const [at, name] of Object.keys(handlers).entries()) {
  const before = settlements;
  const { status } = await pay(shop + paths[at]);
  lines.push(`${name}: ${status}, ${settlements > before ? "settled" : "not settled"}`);
}
const expected = [
  "status(500): 500, not settled",
  "statusCode = 500: 500, not settled",
  "an exception: 500, not settled",
  "writeHead(500): 500, settled",
  "statusCode = 500, writeHead(500): 500, not settled",
  "success: 200, settled",
];
for (const line of lines) console.log(line);
process.exit(JSON.stringify(lines) === JSON.stringify(expected) ? 0 : 1);
RUN
node run.mjs
