#!/usr/bin/env bash
# @x402/express 2.27.0: where the facilitator settles a payment and its answer is lost, the buyer is told 402 with `success: false` and an empty
# `transaction`, as for a payment that was refused. The handler has run, and its response is dropped. A buyer that takes 402 at its word signs
# again, with another nonce, and pays twice. Ask the chain for the first nonce (`authorizationState`) before you sign another.
#
# Guess before the run: 5xx, because nobody knows whether the payment was made.
# Seen on 2026-11-30 with Node 20.20:
#   first: 402 {"success":false,"errorReason":"fetch failed","transaction":""}
#   again: 200
#   the handler ran 2 times, 2 nonces were settled
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

const nonces = new Set();
const facilitator = await listen(async (request, response) => {
  let body = "";
  for await (const chunk of request) body += chunk;
  if (request.url === "/settle") {
    nonces.add(JSON.parse(body).paymentPayload.payload.authorization.nonce);
    if (nonces.size === 1) return response.destroy();
  }
  const reply = {
    "/supported": { kinds: [{ x402Version: 2, scheme: "exact", network }], extensions: [], signers: {} },
    "/verify": { isValid: true, payer: buyer.address },
    "/settle": { success: true, transaction: `0x${"ab".repeat(32)}`, network, payer: buyer.address },
  }[request.url];
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify(reply));
});

const app = express();
const accepts = { scheme: "exact", network, payTo: "0x000000000000000000000000000000000000dEaD", price: "$0.001" };
const resources = new x402ResourceServer(new HTTPFacilitatorClient({ url: facilitator })).register(network, new ServerScheme());
let runs = 0;
app.use(paymentMiddleware({ "GET /": { accepts, description: "a test", mimeType: "text/plain" } }, resources));
app.get("/", (_, response) => {
  runs += 1;
  response.send("bought");
});
const shop = await listen(app);
const pay = wrapFetchWithPaymentFromConfig(fetch, { schemes: [{ network, client: new ExactEvmScheme(buyer) }] });
const first = await pay(shop);
const told = JSON.parse(Buffer.from(first.headers.get("payment-response"), "base64").toString());
const again = await pay(shop);
const { success, errorReason, transaction } = told;
const lines = [
  `first: ${first.status} ${JSON.stringify({ success, errorReason, transaction })}`,
  `again: ${again.status}`,
  `the handler ran ${runs} times, ${nonces.size} nonces were settled`,
];
const expected = [
  'first: 402 {"success":false,"errorReason":"fetch failed","transaction":""}',
  "again: 200",
  "the handler ran 2 times, 2 nonces were settled",
];
for (const line of lines) console.log(line);
process.exit(JSON.stringify(lines) === JSON.stringify(expected) ? 0 : 1);
RUN
node run.mjs
