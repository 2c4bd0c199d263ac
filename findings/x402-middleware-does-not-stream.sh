#!/usr/bin/env bash
# @x402/express and @x402/hono 2.27.0: a paid response is not streamed. The middleware keeps all of it until the handler has ended and the payment is
# settled, although the payment was verified before the handler ran. Tokens of a language model or server-sent events reach the buyer together, at the
# end, and the whole response is in the server's memory. Sell a URL or a session, and stream from a route of its own.
#
# Guess before the run: the first chunk is passed on at once.
# Seen on 2026-11-30 with Node 20.20, three chunks in 2 seconds:
#   express, free: the first chunk after 0 s
#   express, paid: the first chunk after 2 s
#   hono, free: the first chunk after 0 s
#   hono, paid: the first chunk after 2 s
# Needs Node 20 or newer with npm. Exits 0 where it is still so, and 1 where it has changed.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
echo '{ "private": true, "type": "module" }' > package.json
npm install --ignore-scripts --no-audit --no-fund --silent @x402/core@2.27.0 @x402/evm@2.27.0 @x402/express@2.27.0 @x402/fetch@2.27.0 \
  @x402/hono@2.27.0 @hono/node-server@1.19.19 hono@4.13.19 express@5.3.0 viem@2.57.20 > /dev/null 2>&1
cat > run.mjs <<'RUN'
import { createServer } from "node:http";
import { getRequestListener } from "@hono/node-server";
import express from "express";
import { Hono } from "hono";
import { stream } from "hono/streaming";
import { HTTPFacilitatorClient } from "@x402/core/server";
import { ExactEvmScheme } from "@x402/evm/exact/client";
import { ExactEvmScheme as ServerScheme } from "@x402/evm/exact/server";
import { paymentMiddleware, x402ResourceServer } from "@x402/express";
import { paymentMiddleware as honoMiddleware } from "@x402/hono";
import { wrapFetchWithPaymentFromConfig } from "@x402/fetch";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";

const network = "eip155:84532";
const buyer = privateKeyToAccount(generatePrivateKey());
const listen = (handler) =>
  new Promise((resolve) => {
    const server = createServer(handler);
    server.listen(0, "127.0.0.1", () => resolve(`http://127.0.0.1:${server.address().port}`));
  });

const facilitator = await listen((request, response) => {
  request.resume();
  const reply = {
    "/supported": { kinds: [{ x402Version: 2, scheme: "exact", network }], extensions: [], signers: {} },
    "/verify": { isValid: true, payer: buyer.address },
    "/settle": { success: true, transaction: `0x${"ab".repeat(32)}`, network, payer: buyer.address },
  }[request.url];
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify(reply));
});

const accepts = { scheme: "exact", network, payTo: "0x000000000000000000000000000000000000dEaD", price: "$0.001" };
const routes = { "GET /paid": { accepts, description: "a stream", mimeType: "text/plain" } };
const resources = () =>
  new x402ResourceServer(new HTTPFacilitatorClient({ url: facilitator })).register(network, new ServerScheme());
const pause = () => new Promise((resolve) => setTimeout(resolve, 1_000));
/** Writes three chunks in two seconds. */
async function chunks(write) {
  for (let at = 0; at < 3; at += 1) {
    if (at > 0) await pause();
    await write(`chunk ${at}\n`);
  }
}

const app = express();
app.use(paymentMiddleware(routes, resources()));
app.get(["/free", "/paid"], async (_, response) => {
  response.type("text/plain");
  await chunks((text) => response.write(text));
  response.end();
});
const hono = new Hono();
hono.use(honoMiddleware(routes, resources()));
for (const path of ["/free", "/paid"])
  hono.get(path, (c) => stream(c, (out) => chunks((text) => out.write(text))));
const shops = { express: await listen(app), hono: await listen(getRequestListener(hono.fetch)) };
const pay = wrapFetchWithPaymentFromConfig(fetch, { schemes: [{ network, client: new ExactEvmScheme(buyer) }] });
const lines = [];
for (const [name, shop] of Object.entries(shops)) {
  for (const path of ["free", "paid"]) {
    // Until the handler begins, a payment takes a moment, so only whole seconds count.
    const begun = performance.now();
    const response = await pay(`${shop}/${path}`);
    await response.body.getReader().read();
    const seconds = Math.floor((performance.now() - begun) / 1_000);
    lines.push(`${name}, ${path}: the first chunk after ${seconds} s`);
  }
}
const expected = [
  "express, free: the first chunk after 0 s",
  "express, paid: the first chunk after 2 s",
  "hono, free: the first chunk after 0 s",
  "hono, paid: the first chunk after 2 s",
];
for (const line of lines) console.log(line);
process.exit(JSON.stringify(lines) === JSON.stringify(expected) ? 0 : 1);
RUN
node run.mjs
