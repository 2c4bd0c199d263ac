// The real x402 clients for JavaScript, unchanged, with the local Gwop. Each pays an invoice and an
// auth intent, and reads the receipt.
import { ExactEvmScheme, registerExactEvmScheme } from "@x402/evm/exact/client";
import {
  decodePaymentResponseHeader,
  wrapFetchWithPayment,
  wrapFetchWithPaymentFromConfig,
  x402Client,
} from "@x402/fetch";
import { ExactSvmScheme } from "@x402/svm/exact/client";
import axios from "axios";
import assert from "node:assert/strict";
import { createWalletClient, http } from "viem";
import { base } from "viem/chains";
import { withPaymentInterceptor } from "x402-axios";
import {
  createSigner,
  decodeXPaymentResponse,
  wrapFetchWithPayment as wrapFetchV1,
} from "x402-fetch";
import { SOLANA_SEED, account, solanaSigner } from "./keys.mjs";

const signer = await solanaSigner();
const WALLETS = { base: account.address, solana: signer.address };
const NETWORKS = {
  1: { base: "base", solana: "solana" },
  2: { base: "eip155:8453", solana: "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp" },
};
const MOST = 2_000_000n;
const wallet = createWalletClient({ account, chain: base, transport: http("http://127.0.0.1:9") });

/** A fetch that records the x402 headers of its requests. */
function watched() {
  const sent = [];
  const watching = async (input, init) => {
    const request = new Request(input, init);
    for (const name of ["x-payment", "payment-signature"])
      if (request.headers.has(name)) sent.push(name);
    return fetch(request);
  };
  return { sent, watching };
}

/**
 * Sends a request with a client that wraps `fetch`. `decode` reads the response header `receipt`.
 */
const byFetch = (wrap, header, receipt, decode) => async (url) => {
  const { sent, watching } = watched();
  const response = await (await wrap(watching))(url, { method: "GET" });
  assert.deepEqual(sent, [header]);
  return {
    status: response.status,
    body: await response.json(),
    receipt: decode(response.headers.get(receipt)),
  };
};

const v1 = (wrap) => byFetch(wrap, "x-payment", "x-payment-response", decodeXPaymentResponse);
const v2 = (wrap) =>
  byFetch(wrap, "payment-signature", "payment-response", decodePaymentResponseHeader);

/** Each client: its version of x402, its chain, and how it pays a URL. */
const clients = (rpcUrl) => ({
  "x402-fetch 1.2.0, Base": {
    version: 1,
    chain: "base",
    pay: v1((fetch) => wrapFetchV1(fetch, wallet, MOST)),
  },
  "x402-fetch 1.2.0, Solana": {
    version: 1,
    chain: "solana",
    pay: v1(async (fetch) => {
      const { getBase58Decoder } = await import("@solana/kit");
      const publicKey = new Uint8Array(
        await crypto.subtle.exportKey("raw", signer.keyPair.publicKey),
      );
      const secret = getBase58Decoder().decode(new Uint8Array([...SOLANA_SEED, ...publicKey]));
      return wrapFetchV1(fetch, await createSigner("solana", secret), MOST, undefined, {
        svmConfig: { rpcUrl },
      });
    }),
  },
  "x402-axios 0.7.2, Base": {
    version: 1,
    chain: "base",
    pay: async (url) => {
      const client = withPaymentInterceptor(axios.create(), wallet);
      const { status, data, headers } = await client.get(url);
      return { status, body: data, receipt: decodeXPaymentResponse(headers["x-payment-response"]) };
    },
  },
  "@x402/fetch 2.27.0, version 2 alone, Base": {
    version: 2,
    chain: "base",
    pay: v2((fetch) =>
      wrapFetchWithPaymentFromConfig(fetch, {
        schemes: [{ network: "eip155:8453", client: new ExactEvmScheme(account) }],
        spendControls: { maxAmountPerPayment: "$2" },
      }),
    ),
  },
  "@x402/fetch 2.27.0, both versions, Base": {
    version: 2,
    chain: "base",
    pay: v2((fetch) => {
      const client = new x402Client();
      client.setSpendControls({ maxAmountPerPayment: "$2" });
      registerExactEvmScheme(client, { signer: account });
      return wrapFetchWithPayment(fetch, client);
    }),
  },
  "@x402/svm 2.27.0, Solana": {
    version: 2,
    chain: "solana",
    pay: v2((fetch) => {
      const client = new x402Client();
      client.setSpendControls({ maxAmountPerPayment: "$2" });
      client.register("solana:*", new ExactSvmScheme(signer, { rpcUrl }));
      return wrapFetchWithPayment(fetch, client);
    }),
  },
});

/** The results of the README's first sale, $1.025, with unconfigured clients. */
const LIMITS = {
  "x402-fetch 1.2.0 takes at most $0.10 by itself": [
    /^Payment amount exceeds maximum allowed$/,
    (fetch) => wrapFetchV1(fetch, wallet),
  ],
  "@x402/fetch 2.27.0 takes at most $1 by itself": [
    /spendControls\.maxAmountPerPayment \(\$1/,
    (fetch) =>
      wrapFetchWithPaymentFromConfig(fetch, {
        schemes: [{ network: "eip155:*", client: new ExactEvmScheme(account) }],
      }),
  ],
};

export function checksOfClients(gwop) {
  const checks = {};
  for (const [name, { version, chain, pay }] of Object.entries(clients(gwop.rpcUrl))) {
    const expected = { success: true, network: NETWORKS[version][chain], payer: WALLETS[chain] };
    checks[`${name}: an invoice`] = async () => {
      const { id, paymentUrl } = await gwop.invoice(chain);
      const { status, body, receipt } = await pay(paymentUrl);
      const { status: paid, paid_tx_hash: transaction } = await gwop.public(id);
      assert.deepEqual([status, body.status, paid], [200, "PAID", "PAID"]);
      assert.deepEqual({ ...receipt }, { ...expected, transaction });
    };
    checks[`${name}: an auth intent`] = async () => {
      const { id, paymentUrl } = await gwop.intent(chain);
      const { receipt } = await pay(paymentUrl);
      const { principal } = await gwop.exchange(id);
      assert.deepEqual([receipt.success, principal.sub], [true, `${chain}:${WALLETS[chain]}`]);
    };
  }
  for (const [name, [message, wrap]] of Object.entries(LIMITS)) {
    checks[name] = async () => {
      const { id, paymentUrl } = await gwop.invoice("base");
      await assert.rejects(async () => wrap(fetch)(paymentUrl, { method: "GET" }), { message });
      assert.equal((await gwop.public(id)).status, "OPEN");
    };
  }
  return checks;
}
