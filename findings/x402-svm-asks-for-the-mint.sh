#!/usr/bin/env bash
# @x402/svm 2.27.0: a challenge with `extra.recentBlockhash` and `lastValidBlockHeight` does not free a client from its RPC.
# It takes the block hash from the challenge, but asks the RPC for the mint's account (`getAccountInfo`), although USDC's
# program and decimals are known. Without an RPC the payment fails before it is sent.
#
# Seen on 2026-11-28 with Node 20.20: RPC methods asked: getAccountInfo
# Needs Node 20 or newer with npm. Exits 0 where it is still so, and 1 where it has changed.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
echo '{ "private": true, "type": "module" }' > package.json
npm install --no-audit --no-fund --ignore-scripts --silent @x402/svm@2.27.0 @solana/kit@5.5.1
cat > main.mjs <<'JS'
import { createServer } from "node:http";
import { createKeyPairSignerFromPrivateKeyBytes } from "@solana/kit";
import { ExactSvmScheme } from "@x402/svm/exact/client";

// An RPC that knows USDC's mint: 6 decimals, initialized, of the token program.
const mint = Buffer.alloc(82);
mint[44] = 6;
mint[45] = 1;
const asked = [];
const server = createServer(async (request, response) => {
  let body = "";
  for await (const chunk of request) body += chunk;
  const { id, method } = JSON.parse(body);
  asked.push(method);
  const account = { data: [mint.toString("base64"), "base64"], executable: false, lamports: 1, owner: "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA", rentEpoch: 0, space: 82 };
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify({ jsonrpc: "2.0", id, result: { context: { slot: 1 }, value: account } }));
});
await new Promise((done) => server.listen(0, "127.0.0.1", done));
const rpcUrl = `http://127.0.0.1:${server.address().port}`;
// A seed that everybody knows, and a challenge that names a block hash.
const signer = await createKeyPairSignerFromPrivateKeyBytes(new Uint8Array(32).fill(1));
const { payload } = await new ExactSvmScheme(signer, { rpcUrl }).createPaymentPayload(2, {
  scheme: "exact",
  network: "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp",
  amount: "1000",
  asset: "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v",
  payTo: "2wKupLR9q6wXYppw8Gr2NvWxKBUqm4PPJKkQfoxHDBg4",
  maxTimeoutSeconds: 60,
  extra: {
    feePayer: "9hSR6S7WPtxmTojgo6GG3k4yDPecgJY292j7xrsUGWBu",
    recentBlockhash: "EkSnNWid2cvwEVnVx9aBqawnmiCNiDgp3gUdkDPTKN1N",
    lastValidBlockHeight: "1000",
  },
});
server.close();
console.log(`@x402/svm 2.27.0, RPC methods asked: ${asked.join(", ")}`);
process.exit(payload.transaction && asked.join() === "getAccountInfo" ? 0 : 1);
JS
node main.mjs
