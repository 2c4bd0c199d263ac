#!/usr/bin/env bash
# @x402/express and @x402/hono 2.27.0: a paid response is not streamed. The middleware keeps all of it until the handler has ended, although
# the payment was verified before the handler ran. Tokens of a language model or server-sent events reach the buyer together, at the
# end, and the whole response is in the server's memory. Sell a URL or a session, and stream from a route of its own.
#
# Guess before the run: the first chunk is passed on at once.
# Seen on 2026-11-30 with Node 20.20, three chunks in 4 seconds:
#   express, free: the first chunk comes while the handler runs
#   express, paid: verified, the handler runs, the first chunk comes after it has ended
#   hono, free: the first chunk comes while the handler runs
#   hono, paid: verified, the handler runs, the first chunk comes after it has ended
# Needs Node 20 or newer with npm. Exits 0 where it is still so, 1 where it has changed, 2 where npm fails.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
echo '{ "private": true, "type": "module" }' > package.json
npm install --ignore-scripts --no-audit --no-fund --silent @x402/core@2.27.0 @x402/evm@2.27.0 @x402/express@2.27.0 @x402/fetch@2.27.0 \
  @x402/hono@2.27.0 @hono/node-server@1.19.19 hono@4.13.19 express@5.3.0 viem@2.57.20 > /dev/null 2>&1 || exit 2
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

/** What has happened in this purchase, in order. */
let events = [];
const facilitator = await listen((request, response) => {
  request.resume();
  if (request.url === "/verify") events.push("verified");
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
const pause = () => new Promise((resolve) => setTimeout(resolve, 2_000));
/** Writes three chunks in four seconds. */
async function chunks(write) {
  events.push("the handler runs");
  for (let at = 0; at < 3; at += 1) {
    if (at > 0) await pause();
    await write(`chunk ${at}\n`);
  }
  events.push("it has ended");
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
    events = [];
    const reader = (await pay(`${shop}/${path}`)).body.getReader();
    await reader.read();
    const ended = events.pop() === "it has ended";
    const before = ended ? `${events.join(", ")}, ` : "";
    const when = ended ? "after it has ended" : "while the handler runs";
    lines.push(`${name}, ${path}: ${before}the first chunk comes ${when}`);
    // To its end, so that the next purchase begins with nothing under way.
    while (!(await reader.read()).done);
  }
}
const expected = [
  "express, free: the first chunk comes while the handler runs",
  "express, paid: verified, the handler runs, the first chunk comes after it has ended",
  "hono, free: the first chunk comes while the handler runs",
  "hono, paid: verified, the handler runs, the first chunk comes after it has ended",
];
for (const line of lines) console.log(line);
process.exit(JSON.stringify(lines) === JSON.stringify(expected) ? 0 : 1);
RUN
node run.mjs
