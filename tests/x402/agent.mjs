// `@gwop/sdk/agent` with other programs: the reference facilitators judge its payloads, it pays the
// local Gwop over HTTP, and it pays a loopback server that fails and lies while the agent's process
// is "killed" in the middle. GWOP_AGENT names the entry, GWOP_AGENT_PAYLOADS the number of payloads
// for each chain, GWOP_AGENT_RUNS the number of seeded runs.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { pathToFileURL } from "node:url";
import { generateKeyPairSigner, getAddressEncoder, getProgramDerivedAddress } from "@solana/kit";
import { ExactEvmScheme } from "@x402/evm/exact/facilitator";
import { ExactEvmSchemeV1 } from "@x402/evm/exact/v1/facilitator";
import { ExactSvmScheme } from "@x402/svm/exact/facilitator";
import { ExactSvmSchemeV1 } from "@x402/svm/exact/v1/facilitator";
import { privateKeyToAccount } from "viem/accounts";
import { TOKEN_PROGRAM, USDC, baseChain, solanaChain } from "./chains.mjs";
import { BASE_KEY, SOLANA_SEED, account, solanaSigner } from "./keys.mjs";

const COUNT = Number(process.env.GWOP_AGENT_PAYLOADS ?? 200);
const RUNS = Number(process.env.GWOP_AGENT_RUNS ?? 60);
const { Agent, AgentError, createPayingFetch, evmKey, memoryJournal, solanaKey } = await import(
  pathToFileURL(process.env.GWOP_AGENT)
);

const encoded = (value) => Buffer.from(JSON.stringify(value)).toString("base64");
const decoded = (header) => JSON.parse(Buffer.from(header, "base64").toString());
const randomBytes = (count) => crypto.getRandomValues(new Uint8Array(count));
const hex = (bytes) => `0x${Buffer.from(bytes).toString("hex")}`;
const below = (end) => Math.floor(Math.random() * end);

const MINT = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v";
const ATA_PROGRAM = "ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL";
const NETWORKS = {
  base: { 1: "base", 2: "eip155:8453" },
  solana: { 1: "solana", 2: "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp" },
};

/** Returns the USDC account of a wallet on Solana. */
export async function tokenAccount(owner) {
  const encode = (address) => getAddressEncoder().encode(address);
  const seeds = [encode(owner), encode(TOKEN_PROGRAM), encode(MINT)];
  return (await getProgramDerivedAddress({ programAddress: ATA_PROGRAM, seeds }))[0];
}

/** Returns what a signer sends to a server, which is a function here, for one random offer. */
async function sentFor(version, chain, offer, signer) {
  const amount = String(1 + below(1_000_000));
  const requirement = {
    scheme: "exact",
    network: NETWORKS[chain][version],
    asset: chain === "base" ? USDC : MINT,
    maxTimeoutSeconds: 60 + below(600),
    ...offer,
    ...(version === 2
      ? { amount }
      : {
          maxAmountRequired: amount,
          resource: "https://shop.example/r",
          description: "",
          mimeType: "",
        }),
  };
  const challenge = { x402Version: version, error: "Payment required", accepts: [requirement] };
  if (version === 2) challenge.resource = { url: "https://shop.example/r" };
  let sent;
  const paying = createPayingFetch(new Agent({ signers: [signer], journal: memoryJournal() }), {
    async fetch(request) {
      const header = request.headers.get(version === 2 ? "payment-signature" : "x-payment");
      if (header) {
        sent = decoded(header);
        return new Response("bought");
      }
      const headers = version === 2 ? { "payment-required": encoded(challenge) } : {};
      return new Response(version === 2 ? "{}" : JSON.stringify(challenge), {
        status: 402,
        headers,
      });
    },
  });
  assert.equal(await (await paying("https://shop.example/r")).text(), "bought");
  return { sent, requirement };
}

async function judgedOnBase() {
  const chain = baseChain();
  const judges = { 1: new ExactEvmSchemeV1(chain), 2: new ExactEvmScheme(chain) };
  for (let count = 0; count < COUNT; count += 1) {
    const version = 1 + (count % 2);
    const key = hex(randomBytes(32));
    // viem's account signs one in four.
    const signer = count % 4 === 3 ? privateKeyToAccount(key) : evmKey(key);
    const offer = { payTo: hex(randomBytes(20)), extra: { name: "USD Coin", version: "2" } };
    const { sent, requirement } = await sentFor(version, "base", offer, signer);
    const { isValid, invalidReason, payer } = await judges[version].verify(sent, requirement);
    assert.ok(isValid, `payload ${count}, version ${version}: ${invalidReason}`);
    assert.equal(payer.toLowerCase(), signer.address.toLowerCase());
  }
}

async function judgedOnSolana() {
  const feePayer = (await generateKeyPairSigner()).address;
  const accounts = new Map();
  const chain = solanaChain(feePayer, accounts);
  const judges = { 1: new ExactSvmSchemeV1(chain), 2: new ExactSvmScheme(chain) };
  const kit = await solanaSigner();
  accounts.set(await tokenAccount(kit.address), kit.address);
  const { toBase58 } = { toBase58: (bytes) => solanaKey(bytes).address };
  for (let count = 0; count < COUNT; count += 1) {
    const version = 1 + (count % 2);
    const signer = count % 4 === 3 ? kit : solanaKey(randomBytes(32));
    accounts.set(await tokenAccount(signer.address), signer.address);
    const extra = {
      feePayer,
      recentBlockhash: toBase58(randomBytes(32)),
      lastValidBlockHeight: "1000",
    };
    if (version === 2 && count % 3 === 0) extra.memo = "m".repeat(1 + below(256));
    const offer = { payTo: toBase58(randomBytes(32)), extra };
    const { sent, requirement } = await sentFor(version, "solana", offer, signer);
    const { isValid, invalidReason, payer } = await judges[version].verify(sent, requirement);
    assert.ok(isValid, `payload ${count}, version ${version}: ${invalidReason}`);
    assert.equal(payer, signer.address);
  }
}

/** An agent that pays the local Gwop over HTTP. */
async function paysGwop(gwop, chain) {
  const options = { serverURL: gwop.url, identityURL: gwop.url, limits: { perPayment: 2_000_000 } };
  const signers = [evmKey(BASE_KEY), solanaKey(SOLANA_SEED)];
  for (const external of [false, true]) {
    const agent = new Agent({
      ...options,
      signers: external ? [account, await solanaSigner()] : signers,
      journal: memoryJournal(),
    });
    const { id } = await gwop.invoice(chain);
    const receipt = await agent.payInvoice(id, { chain });
    const invoice = await gwop.public(id);
    assert.deepEqual([invoice.status, receipt.transaction], ["PAID", invoice.paid_tx_hash]);
    const intent = await gwop.send("POST", "/v1/auth-intents", {});
    const login = await agent.login(intent, { chain });
    const { principal } = await gwop.exchange(login.authIntentId);
    assert.equal(principal.sub, login.subject);
  }
}

/** Returns a generator of numbers from a seed. */
function seeded(seed) {
  let state = BigInt(seed) + 1n;
  const next = () => {
    state = (state * 6364136223846793005n + 1442695040888963407n) & 0xffffffffffffffffn;
    return Number(state >> 33n);
  };
  return { below: (end) => next() % end, chance: (percent) => next() % 100 < percent };
}

/**
 * Serves Gwop's invoices and payment URLs on loopback, with a server that fails and lies. Its chain
 * accepts each nonce of a wallet once.
 */
function liar(random) {
  const invoices = new Map();
  const used = new Set();
  const settle = (invoice, { authorization: { from, nonce, value } }) => {
    const key = `${from}${nonce}`;
    if (used.has(key)) return;
    used.add(key);
    invoice.settled.push(Number(value));
  };
  const server = createServer((request, response) => {
    const [, , , id, x402] = new URL(request.url, "http://x").pathname.split("/");
    const invoice = invoices.get(id);
    const url = `http://${request.headers.host}`;
    const answer = (status, body, headers = {}) => {
      response.writeHead(status, { "content-type": "application/json", ...headers });
      // A slow body.
      if (random.chance(10)) {
        response.write("  ");
        setTimeout(() => response.end(JSON.stringify(body)), 30);
      } else response.end(JSON.stringify(body));
    };
    const lose = () => response.destroy();
    if (!x402) {
      if (random.chance(10)) return random.chance(50) ? lose() : answer(503, {});
      const isPaid = invoice.settled.length > 0 && (invoice.told -= 1) <= 0;
      const method = {
        kind: "x402",
        network: "eip155:8453",
        asset: { decimals: 6, contract: USDC },
        pay_to: invoice.payTo,
        amount: invoice.amount,
        payment_url: `${url}/v1/invoices/${id}/x402`,
      };
      return answer(200, {
        id,
        status: isPaid ? "PAID" : "OPEN",
        amount: { value: invoice.amount, decimals: 6 },
        ...(isPaid
          ? { paid_tx_hash: "0x01", payment_chain: "base" }
          : { payment_methods: [method] }),
      });
    }
    const header = request.headers["payment-signature"];
    const offer = {
      ...{ scheme: "exact", network: "eip155:8453", asset: USDC, payTo: invoice.payTo },
      ...{
        amount: String(invoice.amount),
        maxTimeoutSeconds: 300,
        extra: { name: "USD Coin", version: "2" },
      },
    };
    const refuse = (error) => {
      if (random.chance(10)) offer.amount = String(invoice.amount + 1);
      if (random.chance(10)) offer.payTo = account.address;
      answer(402, {}, { "payment-required": encoded({ x402Version: 2, error, accepts: [offer] }) });
    };
    if (!header) return refuse("Payment required");
    const { payload } = decoded(header);
    invoice.sent.push(payload);
    assert.equal(payload.authorization.value, String(invoice.amount), "another amount was signed");
    assert.equal(
      payload.authorization.to.toLowerCase(),
      invoice.payTo,
      "another recipient was signed",
    );
    const way = random.below(8);
    if (way < 5 && way !== 3) settle(invoice, payload);
    if (way === 0) return answer(200, { status: "PAID" });
    if (way === 1) return lose();
    if (way === 2) return answer(502, {});
    // It refuses, whether it has settled or not. Or it settles everything that was ever sent.
    if (way === 5) for (const one of invoice.sent) settle(invoice, one);
    if (way === 6) return answer(202, {});
    if (way === 7) return lose();
    invoice.told = random.below(4);
    return refuse("invalid_exact_evm_signature");
  });
  return { server, invoices };
}

/** A crash: code that awaits it waits for ever. */
const never = () => new Promise(() => {});

async function seededRuns() {
  let paid = 0;
  for (let seed = 0; seed < RUNS; seed += 1) {
    const random = seeded(seed);
    const { server, invoices } = liar(random);
    await new Promise((done) => server.listen(0, "127.0.0.1", done));
    const url = `http://127.0.0.1:${server.address().port}`;
    let slept = random.chance(50) ? random.below(1_200_000) - 600_000 : 0;
    const clock = { now: () => Date.now() + slept, sleep: async (ms) => void (slept += ms) };
    const stored = memoryJournal();
    const reported = new Set();
    for (let index = 0; index < 3; index += 1) {
      const payTo = hex(new Uint8Array(20).fill(index + 1));
      invoices.set(`inv_${index}`, {
        amount: 300_000 + random.below(500_000),
        payTo,
        settled: [],
        sent: [],
        told: 0,
      });
    }
    /** A process that dies at a random await. */
    const process = async (work) => {
      let left = random.chance(40) ? random.below(14) : Infinity;
      let crash;
      const crashed = new Promise((done) => (crash = done));
      const dies = () => (left -= 1) < 0;
      const guarded =
        (run) =>
        async (...args) => {
          if (dies()) {
            if (random.chance(50)) await run(...args).catch(() => {});
            crash("crashed");
            return never();
          }
          return run(...args);
        };
      const journal = Object.fromEntries(
        ["last", "reserve", "update", "open"].map((name) => [
          name,
          guarded((...args) => stored[name](...args)),
        ]),
      );
      const agent = new Agent({
        signers: [
          {
            address: account.address,
            signTypedData: guarded((data) => account.signTypedData(data)),
          },
        ],
        limits: { perDay: 1_200_000 },
        journal,
        fetch: guarded((to, init) => fetch(to, init)),
        ...{ serverURL: url, identityURL: url, clock, timeoutMs: 2_000, waitMs: 30_000 },
      });
      return Promise.race([crashed, work(agent).catch((error) => error)]);
    };
    const pay = async (id) => {
      const result = await process((agent) => agent.payInvoice(id));
      if (result instanceof Error && !(result instanceof AgentError)) throw result;
      if (result.invoiceId) reported.add(result.invoiceId);
    };
    for (let round = 0; round < 8; round += 1) {
      await Promise.all(
        Array.from({ length: 1 + random.below(2) }, () => pay(`inv_${random.below(3)}`)),
      );
      if (random.chance(30)) slept += random.below(600_000);
    }
    // Finish what was left open.
    for (const invoice of invoices.values()) invoice.told = 0;
    for (let tries = 0; tries < 6; tries += 1) {
      const resumed = await new Agent({
        ...{
          signers: [account],
          journal: stored,
          serverURL: url,
          identityURL: url,
          clock,
          timeoutMs: 2_000,
        },
      }).resume();
      for (const { receipt } of resumed) if (receipt) reported.add(receipt.invoiceId);
    }
    let spent = 0;
    for (const [id, invoice] of invoices) {
      assert.ok(
        invoice.settled.length <= 1,
        `seed ${seed}: ${id} was paid ${invoice.settled.length} times`,
      );
      assert.ok(
        invoice.settled.length === 0 || reported.has(id),
        `seed ${seed}: ${id} was paid and not reported`,
      );
      spent += invoice.settled[0] ?? 0;
      paid += invoice.settled.length;
    }
    assert.ok(spent <= 1_200_000, `seed ${seed}: ${spent} were spent`);
    server.closeAllConnections();
    server.close();
  }
  assert.ok(paid > RUNS, `${paid} payments in ${RUNS} runs`);
}

export const checksOfAgent = (gwop) => ({
  [`agent: the facilitators take ${COUNT} random payloads on Base`]: judgedOnBase,
  [`agent: the facilitators take ${COUNT} random payloads on Solana`]: judgedOnSolana,
  "agent: pays the local Gwop over HTTP on Base": () => paysGwop(gwop, "base"),
  "agent: pays the local Gwop over HTTP on Solana": () => paysGwop(gwop, "solana"),
  [`agent: ${RUNS} seeded runs against a server that fails and lies`]: seededRuns,
});
