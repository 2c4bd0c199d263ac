// `@gwop/sdk/agent` pays real x402 servers on loopback: `x402-express`, `@x402/express`,
// `@x402/hono` and Python's `x402` on FastAPI. Their facilitator is a stub that uses the reference
// facilitators as judges. It can fail as facilitators do.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { json } from "node:stream/consumers";
import { pathToFileURL } from "node:url";
import { serve } from "@hono/node-server";
import { generateKeyPairSigner } from "@solana/kit";
import { HTTPFacilitatorClient } from "@x402/core/server";
import { ExactEvmScheme } from "@x402/evm/exact/facilitator";
import { ExactEvmSchemeV1 } from "@x402/evm/exact/v1/facilitator";
import { ExactEvmScheme as EvmServer } from "@x402/evm/exact/server";
import { paymentMiddleware as expressMiddleware, x402ResourceServer } from "@x402/express";
import { paymentMiddleware as honoMiddleware } from "@x402/hono";
import { ExactSvmScheme } from "@x402/svm/exact/facilitator";
import { ExactSvmScheme as SvmServer } from "@x402/svm/exact/server";
import express from "express";
import { Hono } from "hono";
import { paymentMiddleware as oldMiddleware } from "x402-express";
import { baseChain, solanaChain } from "./chains.mjs";
import { tokenAccount } from "./agent.mjs";
import { BASE_KEY, SOLANA_SEED, account } from "./keys.mjs";

const { Agent, AgentError, createPayingFetch, evmKey, memoryJournal, solanaKey } = await import(
  pathToFileURL(process.env.GWOP_AGENT)
);

const BASE = "eip155:8453";
const SOLANA = "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp";
/** Hardhat's account #1. */
const PAY_TO = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";
const PRICE = 10_000;

const listening = (server) =>
  new Promise((done) => {
    server.listen(0, "127.0.0.1", () => done(`http://127.0.0.1:${server.address().port}`));
  });

/** Starts a facilitator over HTTP. `fault` says how the next settlements fail. */
async function facilitator() {
  const feePayer = (await generateKeyPairSigner()).address;
  const accounts = new Map();
  const wallet = solanaKey(SOLANA_SEED).address;
  accounts.set(await tokenAccount(wallet), wallet);
  const chain = baseChain();
  const judges = {
    base: new ExactEvmSchemeV1(chain),
    [BASE]: new ExactEvmScheme(chain),
    [SOLANA]: new ExactSvmScheme(solanaChain(feePayer, accounts)),
  };
  const state = { settled: [], fault: undefined, url: "" };
  const supported = {
    kinds: [
      { x402Version: 1, scheme: "exact", network: "base" },
      { x402Version: 2, scheme: "exact", network: BASE },
      { x402Version: 2, scheme: "exact", network: SOLANA, extra: { feePayer } },
    ],
    extensions: [],
    signers: { "eip155:*": [PAY_TO], "solana:*": [feePayer] },
  };
  const server = createServer(async (request, response) => {
    const answer = (body, status = 200) => {
      response.writeHead(status, { "content-type": "application/json" });
      response.end(JSON.stringify(body));
    };
    if (request.method === "GET") return answer(supported);
    const { paymentPayload, paymentRequirements } = await json(request);
    const { network } = paymentRequirements;
    const verdict = await judges[network].verify(paymentPayload, paymentRequirements);
    if (request.url === "/verify") return answer(verdict);
    const { authorization, transaction: bytes } = paymentPayload.payload;
    const key = authorization ? `${authorization.from}${authorization.nonce}` : bytes;
    const fault = state.fault;
    const settled = { success: true, transaction: "0x01", network, payer: verdict.payer };
    const failed = (errorReason) => ({ ...settled, success: false, transaction: "", errorReason });
    if (fault === "refuses") return answer(failed("invalid_transaction_state"));
    if (state.settled.includes(key)) return answer(failed("invalid_exact_evm_nonce_already_used"));
    if (!verdict.isValid) return answer(failed(verdict.invalidReason));
    state.settled.push(key);
    if (authorization) chain.settle(authorization);
    if (fault === "loses") return response.destroy();
    if (fault === "fails") return answer({ error: "oops" }, 500);
    if (fault === "pending") return answer(failed("settlement_pending"));
    return answer(settled);
  });
  state.url = await listening(server);
  state.close = () => (server.closeAllConnections(), server.close());
  return state;
}

const resources = (url) =>
  new x402ResourceServer(new HTTPFacilitatorClient({ url }))
    .register(BASE, new EvmServer())
    .register(SOLANA, new SvmServer());

const offers = (...networks) => ({
  "GET /r": {
    accepts: networks.map((network) => ({
      scheme: "exact",
      price: "$0.01",
      network,
      payTo: network === BASE ? PAY_TO : solanaKey(new Uint8Array(32).fill(9)).address,
    })),
    description: "a report",
    mimeType: "application/json",
  },
});

async function onExpress(middleware) {
  const app = express();
  app.use(middleware);
  app.get("/r", (_, response) => void response.json({ bought: true }));
  const server = createServer(app);
  const url = await listening(server);
  return { url, close: () => (server.closeAllConnections(), server.close()) };
}

const SERVERS = {
  "x402-express 1.2.0": (facilitator) =>
    onExpress(
      oldMiddleware(
        PAY_TO,
        { "GET /r": { price: "$0.01", network: "base" } },
        { url: facilitator.url },
      ),
    ),
  "@x402/express 2.27.0": (facilitator) =>
    onExpress(expressMiddleware(offers(BASE, SOLANA), resources(facilitator.url))),
  "@x402/hono 2.27.0": async (facilitator) => {
    const app = new Hono();
    app.use(honoMiddleware(offers(BASE, SOLANA), resources(facilitator.url)));
    app.get("/r", (context) => context.json({ bought: true }));
    return new Promise((done) => {
      const server = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" }, ({ port }) =>
        done({
          url: `http://127.0.0.1:${port}`,
          close: () => (server.closeAllConnections(), server.close()),
        }),
      );
    });
  },
  "Python x402 2.25.0 on FastAPI": async (facilitator) => {
    const child = spawn(process.env.GWOP_PYTHON, ["server.py", facilitator.url, PAY_TO], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const { value: url } = await createInterface({ input: child.stdout })
      [Symbol.asyncIterator]()
      .next();
    for (let tries = 0; tries < 100; tries += 1) {
      if (
        await fetch(url).then(
          () => true,
          () => false,
        )
      )
        break;
      await new Promise((done) => setTimeout(done, 100));
    }
    return { url, close: () => child.kill() };
  },
};

/** Starts a shop with its facilitator, and an agent that pays there. */
async function withShop(name, signer, work) {
  const stub = await facilitator();
  const shop = await SERVERS[name](stub);
  const journal = memoryJournal();
  const agent = new Agent({
    signers: [signer],
    limits: { perDay: 5 * PRICE },
    journal,
    recentBlockhash: async () => solanaKey(crypto.getRandomValues(new Uint8Array(32))).address,
    waitMs: 4_000,
  });
  try {
    await work({
      stub,
      journal,
      pay: (options) => createPayingFetch(agent, options)(`${shop.url}/r`),
    });
  } finally {
    shop.close();
    stub.close();
  }
}

/** Buys twice: after a response, the same request is a new purchase. */
const buys = (name, signer) => () =>
  withShop(name, signer, async ({ stub, pay }) => {
    for (const count of [1, 2]) {
      const response = await pay();
      assert.equal(response.status, 200, await response.clone().text());
      assert.deepEqual(await response.json(), { bought: true });
      assert.equal(stub.settled.length, count);
    }
  });

/** Tests a settlement whose outcome is unknown or denied: the agent asks again, and pays once. */
const paysOnce = (name, fault) => () =>
  withShop(name, evmKey(BASE_KEY), async ({ stub, journal, pay }) => {
    const answer = await (async () => {
      stub.fault = fault;
      return pay().catch((error) => error);
    })();
    if (answer instanceof Error) {
      if (!(answer instanceof AgentError)) throw answer;
      assert.ok(answer.mayHaveSettled, answer.message);
    } else assert.equal(answer.status, 402, await answer.clone().text());
    stub.fault = undefined;
    // Whatever the server says now, only the first payment could settle.
    const again = await pay().catch((error) => error);
    assert.equal(stub.settled.length, 1, "settlements");
    const paid = fault === "refuses" && again.status === 200;
    const told = again instanceof AgentError && again.mayHaveSettled === true;
    assert.ok(paid || told || again.status === 402, String(again.stack ?? again.status));
    const sent = (await journal.open()).filter(({ state }) => state === "sent");
    assert.ok(sent.length <= 1, "open attempts");
    // The result does not change. Whoever decides to pay again does so once.
    if (answer.code === "PAID_WITHOUT_ANSWER") assert.equal(again.code, answer.code);
    if (again.code === "PAID_WITHOUT_ANSWER") {
      assert.equal((await pay({ buyAnew: true })).status, 200);
      assert.equal(stub.settled.length, 2, "settlements");
    }
  });

/** Tests a server that redirects: no payment and no payment header reaches the other place. */
const staysWhereItPays = (status, pays) => async () => {
  const seen = [];
  const elsewhere = createServer((request, response) => {
    seen.push(request.url);
    response.end("{}");
  });
  const other = await listening(elsewhere);
  const asset = "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913";
  const offer = {
    ...{ scheme: "exact", network: BASE, amount: String(PRICE), asset, payTo: PAY_TO },
    ...{ maxTimeoutSeconds: 60, extra: { name: "USD Coin", version: "2" } },
  };
  const challenge = JSON.stringify({ x402Version: 2, accepts: [offer] });
  const required = Buffer.from(challenge).toString("base64");
  const headers = [];
  const shop = createServer((request, response) => {
    const header = request.headers["payment-signature"];
    if (header) {
      headers.push(header);
      return response.writeHead(status, { location: `${other}/r` }).end();
    }
    if (request.url === "/r") {
      return response.writeHead(402, { "payment-required": required }).end();
    }
    const method = {
      ...{ kind: "x402", network: BASE, pay_to: PAY_TO, amount: PRICE, payment_url: `${url}/r` },
      asset: { decimals: 6, contract: asset },
    };
    const amount = { value: PRICE, decimals: 6 };
    const invoice = { id: "inv_1", status: "OPEN", amount, payment_methods: [method] };
    response.end(JSON.stringify(invoice));
  });
  const url = await listening(shop);
  const signers = [evmKey(BASE_KEY)];
  const more = { serverURL: url, identityURL: url, waitMs: 0 };
  const agent = new Agent({ signers, journal: memoryJournal(), ...more });
  try {
    const error = await pays(agent, url).catch((failure) => failure);
    assert.equal(error.code, "OUTCOME_UNKNOWN", String(error));
    assert.ok(headers.length > 0, "nothing was paid");
    assert.deepEqual(seen, []);
  } finally {
    for (const server of [shop, elsewhere]) server.closeAllConnections(), server.close();
  }
};

export function checksOfServers() {
  const checks = {};
  for (const status of [301, 302, 303, 307, 308]) {
    checks[`agent: no payment of an invoice follows a ${status}`] = staysWhereItPays(
      status,
      (agent) => agent.payInvoice("inv_1"),
    );
    checks[`agent: no payment of a request follows a ${status}`] = staysWhereItPays(
      status,
      (agent, url) => createPayingFetch(agent)(`${url}/r`),
    );
  }
  for (const name of Object.keys(SERVERS)) {
    checks[`agent: pays ${name} on Base`] = buys(name, evmKey(BASE_KEY));
    checks[`agent: pays ${name} on Base, signed by viem's account`] = buys(name, account);
    if (name.startsWith("@x402/"))
      checks[`agent: pays ${name} on Solana`] = buys(name, solanaKey(SOLANA_SEED));
    for (const fault of ["refuses", "loses", "fails", "pending"])
      checks[`agent: pays ${name} once, whose facilitator ${fault}`] = paysOnce(name, fault);
  }
  return checks;
}
