#!/usr/bin/env bash
# x402-fetch 1.2.0: the paid request, the second one, keeps only headers that were given as a plain object. A `Headers` is lost whole, and with it
# `Authorization` and `Idempotency-Key`; a list of pairs becomes one header named "0"; the headers of a `Request` are lost too. So
# the buyer has signed a payment for a request that the server sees without its login. A `Request` with a body fails after the signature, because
# its body has been read. It spreads `init.headers`. Pass a plain object.
#
# Guess before the run: every kind of `HeadersInit` reaches both requests, as with `fetch`.
# Seen on 2026-11-30 with Node 20.20:
#   an object: authorization yes, idempotency-key yes
#   a Headers: authorization no, idempotency-key no
#   pairs: authorization no, idempotency-key no, and a header "0"
#   a Request: authorization no, idempotency-key no
#   a Request with a body: signed, then TypeError
# Needs Node 20 or newer with npm. Exits 0 where it is still so, 1 where it has changed, 2 where npm fails.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
echo '{ "private": true, "type": "module" }' > package.json
npm install --ignore-scripts --no-audit --no-fund --silent x402-fetch@1.2.0 viem@2.38.0 > /dev/null 2>&1 || exit 2
cat > run.mjs <<'RUN'
import { createServer } from "node:http";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { wrapFetchWithPayment } from "x402-fetch";

/** The headers of the last request that carried a payment. */
let paid;
const server = createServer((request, response) => {
  request.resume();
  if (request.headers["x-payment"]) {
    paid = request.headers;
    return response.end("bought");
  }
  const accepts = [
    {
      scheme: "exact",
      network: "base-sepolia",
      maxAmountRequired: "1000",
      resource: `http://${request.headers.host}/`,
      description: "a test",
      mimeType: "text/plain",
      payTo: "0x000000000000000000000000000000000000dEaD",
      maxTimeoutSeconds: 60,
      asset: "0x036CbD53842c5426634e7929541eC2318f3dCF7e",
      extra: { name: "USDC", version: "2" },
    },
  ];
  response.writeHead(402, { "content-type": "application/json" });
  response.end(JSON.stringify({ x402Version: 1, error: "pay", accepts }));
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const url = `http://127.0.0.1:${server.address().port}/`;

const account = privateKeyToAccount(generatePrivateKey());
let signed = 0;
const wallet = { ...account, signTypedData: (data) => ((signed += 1), account.signTypedData(data)) };
const pay = wrapFetchWithPayment(fetch, wallet);
const headers = { authorization: "Bearer of the buyer", "idempotency-key": "one" };
const ways = {
  "an object": () => pay(url, { headers }),
  "a Headers": () => pay(url, { headers: new Headers(headers) }),
  pairs: () => pay(url, { headers: Object.entries(headers) }),
  "a Request": () => pay(new Request(url, { headers })),
  "a Request with a body": () => pay(new Request(url, { method: "POST", body: "{}", headers })),
};
const lines = [];
for (const [way, ask] of Object.entries(ways)) {
  paid = undefined;
  const before = signed;
  const error = await ask().then(() => undefined, (thrown) => thrown);
  if (error) lines.push(`${way}: ${signed > before ? "signed, then " : ""}${error.name}`);
  else {
    const has = (name) => `${name} ${paid[name] === headers[name] ? "yes" : "no"}`;
    const more = paid["0"] ? ', and a header "0"' : "";
    lines.push(`${way}: ${has("authorization")}, ${has("idempotency-key")}${more}`);
  }
}
server.close();
for (const line of lines) console.log(line);
const expected = [
  "an object: authorization yes, idempotency-key yes",
  "a Headers: authorization no, idempotency-key no",
  'pairs: authorization no, idempotency-key no, and a header "0"',
  "a Request: authorization no, idempotency-key no",
  "a Request with a body: signed, then TypeError",
];
process.exit(JSON.stringify(lines) === JSON.stringify(expected) ? 0 : 1);
RUN
node run.mjs
