// `@gwop/sdk/agent` with the local Gwop: it pays, logs in, never pays twice, never exceeds a limit.
import { Gwop, usdc } from "@gwop/sdk";
import {
  Agent,
  AgentError,
  createPayingFetch,
  evmKey,
  judgeReservation,
  memoryJournal,
  solanaKey,
  solanaKeyPair,
} from "@gwop/sdk/agent";
import { Simulator } from "@gwop/sdk/simulator";
import { assert, assertEquals, assertRejects, assertThrows, test } from "./harness.js";
import { journalChecks } from "./journal-conformance.js";

/** Hardhat's published key #0, and the seed 01…01. Both are public. */
const KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
const WALLET = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
const SEED = new Uint8Array(32).fill(1);
const SOLANA_WALLET = "AKnL4NNf3DGWZJS6cPknBuEGnVsV4A4m5tgebLHaRSZ9";

/** Creates a local Gwop, a merchant, and an agent whose waits pass on the local Gwop's clock. */
function world({ x402, ...options } = {}) {
  const sim = new Simulator({ ...(x402 && { x402 }) });
  const gwop = new Gwop({ httpClient: sim.httpClient, merchantApiKey: sim.merchantApiKey });
  const sent = [];
  let slept = 0;
  const clock = {
    now: () => Date.now() + slept,
    async sleep(ms) {
      slept += ms;
      await sim.clock.advance(ms);
    },
  };
  const send = (url, init) => {
    const header = init.headers["PAYMENT-SIGNATURE"] ?? init.headers["X-PAYMENT"];
    if (header) sent.push(header);
    return sim.fetch(url, init);
  };
  const journal = memoryJournal();
  const make = (more) =>
    new Agent({
      signers: [evmKey(KEY), solanaKey(SEED)],
      limits: { perPayment: usdc("5") },
      journal,
      fetch: send,
      clock,
      // Only if a challenge names none.
      recentBlockhash: async () => "EkSnNWid2cvwEVnVx9aBqawnmiCNiDgp3gUdkDPTKN1N",
      ...options,
      ...more,
    });
  const invoice = async (amountUsdc = 1_000_000) =>
    (await gwop.invoices.create({ body: { amountUsdc } })).result.publicInvoiceId;
  return { sim, gwop, agent: make(), make, journal, sent, invoice, clock };
}

for (const x402 of ["standard", "gwop-docs", "unchecked"]) {
  test(`agent: pays an invoice on both chains, and logs in (x402: ${x402})`, async () => {
    const { gwop, agent, invoice, sent } = world({ x402 });
    for (const [chain, wallet] of [
      ["base", WALLET],
      ["solana", SOLANA_WALLET],
    ]) {
      const id = await invoice();
      const receipt = await agent.payInvoice(id, { chain });
      const { result } = await gwop.invoices.get({ id });
      assertEquals(
        [
          receipt.invoiceId,
          receipt.chain,
          receipt.payer,
          receipt.amountUsdc,
          receipt.transaction,
          receipt.paidAt,
        ],
        [id, chain, wallet, 1_025_000, result.paidTxHash, result.paidAt],
      );
      assertEquals(result.status, "PAID");
      const before = sent.length;
      assertEquals((await agent.payInvoice(id, { chain })).transaction, receipt.transaction);
      assertEquals(sent.length, before);

      const { result: intent } = await gwop.authIntents.create();
      const login = await agent.login(intent, { chain });
      assertEquals(
        [login.authIntentId, login.subject],
        [intent.authIntentId, `${chain}:${wallet}`],
      );
      const { result: token } = await gwop.authIntents.exchange({
        authIntentId: intent.authIntentId,
      });
      assertEquals(token.principal.sub, `${chain}:${wallet}`);
    }
  });
}

test("agent: after a lost answer, a 5xx or a late settlement nothing new is signed", async () => {
  const faults = [
    { fault: "payment-lose-answer" },
    { fault: "payment-late", delayMs: 20_000, answer: "timeout" },
    { fault: "error", operation: "x402.pay", status: 503, times: 3 },
    { fault: "delay", delayMs: 1, operation: "invoices.get", times: 3 },
    { fault: "lose-request", operation: "invoices.get", times: 2 },
  ];
  for (const chain of ["base", "solana"]) {
    for (const fault of faults) {
      const { sim, agent, invoice, sent, journal } = world();
      const id = await invoice();
      sim.misbehave(fault);
      const receipt = await agent.payInvoice(id, { chain }).catch((error) => error);
      if (receipt instanceof AgentError && !receipt.mayHaveSettled) {
        // The agent stopped before anything was signed.
        assertEquals(sent.length, 0);
        continue;
      }
      assertEquals(receipt.invoiceId, id, `${chain}, ${fault.fault}: ${receipt?.message}`);
      assertEquals(new Set(sent).size, 1);
      assertEquals((await journal.last(id)).state, "settled");
    }
  }
});

test("agent: a refusal that settled is found, and paid once", async () => {
  const { sim, agent, invoice, sent, journal } = world();
  const id = await invoice();
  sim.misbehave({ fault: "payment-late", delayMs: 60_000, answer: "refused" });
  const error = await assertRejects(() => agent.payInvoice(id, { chain: "base" }));
  assertEquals(
    [error.code, error.phase, error.mayHaveSettled],
    ["PAYMENT_REFUSED", "settle", true],
  );
  assertEquals((await journal.last(id)).state, "refused");
  await sim.clock.advance(60_000);
  const [resumed] = await agent.resume();
  assertEquals([resumed.state, resumed.receipt.invoiceId], ["settled", id]);
  assertEquals((await agent.payInvoice(id)).transaction, resumed.receipt.transaction);
  assertEquals(sent.length, 1);
});

test("agent: on Base another signature has the same wallet and nonce; on Solana it waits", async () => {
  const nonceOf = (header) => JSON.parse(atob(header)).payload.authorization.nonce;
  const { sim, agent, invoice, sent, clock } = world();
  const id = await invoice();
  sim.misbehave({ fault: "payment-fail", times: 1 });
  const first = await assertRejects(() => agent.payInvoice(id, { chain: "base" }));
  assertEquals([first.code, first.mayHaveSettled], ["PAYMENT_REFUSED", true]);
  // A payment on another chain would be another payment.
  const blocked = await assertRejects(() => agent.payInvoice(id, { chain: "solana" }));
  assertEquals([blocked.code, blocked.mayHaveSettled], ["MAY_SETTLE", true]);
  await clock.sleep(2_000);
  await agent.payInvoice(id, { chain: "base" });
  assertEquals(sent.length, 2);
  assert(sent[0] !== sent[1], "the same header again");
  assertEquals(nonceOf(sent[0]), nonceOf(sent[1]));

  const other = await invoice();
  sim.misbehave({ fault: "payment-fail", times: 1 });
  const refused = await assertRejects(() => agent.payInvoice(other, { chain: "solana" }));
  assertEquals(refused.code, "PAYMENT_REFUSED");
  const waits = await assertRejects(() => agent.payInvoice(other, { chain: "solana" }));
  assertEquals([waits.code, waits.mayHaveSettled, sent.length], ["MAY_SETTLE", true, 3]);
  assert(waits.retryAt.getTime() > Date.now(), "no time to try again");
});

test("agent: limits are checked before anything is signed", async () => {
  const { make, invoice, sent } = world();
  const id = await invoice();
  const cases = [
    [{ limits: undefined }, "LIMIT_PER_PAYMENT"],
    [{ limits: { perPayment: usdc("1.024999") } }, "LIMIT_PER_PAYMENT"],
    [{ limits: { perPayment: usdc("5"), perDay: usdc("1") } }, "LIMIT_PER_PERIOD"],
    [
      { limits: { perPayment: usdc("5"), perPeriod: { amount: usdc("1"), seconds: 60 } } },
      "LIMIT_PER_PERIOD",
    ],
    [{ limits: { perPayment: usdc("5"), perRecipient: usdc("1") } }, "LIMIT_PER_RECIPIENT"],
    [{ approve: () => false }, "NOT_APPROVED"],
    [{ approve: () => "yes" }, "NOT_APPROVED"],
  ];
  for (const [options, code] of cases) {
    const error = await assertRejects(() => make(options).payInvoice(id, { chain: "base" }));
    assertEquals([error.code, error.phase, error.mayHaveSettled], [code, "limit", false]);
  }
  assertEquals(sent.length, 0);
  const day = make({ limits: { perPayment: usdc("5"), perDay: usdc("2.05") } });
  await day.payInvoice(id, { chain: "base" });
  await day.payInvoice(await invoice(), { chain: "base" });
  const error = await assertRejects(() =>
    day.login({
      authIntentId: "ai_1",
      challenge: { amountUsdcAtomic: "1000", paymentMethods: [] },
    }),
  );
  assertEquals(error.code, "NO_OFFER");
  assertEquals(
    (await assertRejects(async () => day.payInvoice(await invoice(1), { chain: "base" }))).code,
    "LIMIT_PER_PERIOD",
  );
});

test("agent: whoever changes the object of the limits later changes nothing", async () => {
  const { make, invoice, sent } = world();
  const limits = { perPayment: 1_000 };
  const agent = make({ limits });
  limits.perPayment = 5_000_000;
  const id = await invoice();
  const { code } = await assertRejects(() => agent.payInvoice(id));
  assertEquals([code, sent.length], ["LIMIT_PER_PAYMENT", 0]);
});

test("agent: what was paid has no quote, but a receipt", async () => {
  const { agent, invoice } = world();
  const id = await invoice();
  const receipt = await agent.payInvoice(id);
  assertEquals((await assertRejects(() => agent.quoteInvoice(id))).code, "ALREADY_PAID");
  assertEquals((await agent.payInvoice(id)).transaction, receipt.transaction);
});

test("agent: what a person is asked, and a quote, name what is paid", async () => {
  const { make, invoice, sent } = world();
  const id = await invoice();
  const asked = [];
  const agent = make({ approve: (payment) => asked.push(payment) > 0 });
  const quote = await agent.quoteInvoice(id, { chain: "base" });
  assertEquals([sent.length, asked.length], [0, 0]);
  await agent.payInvoice(id, { chain: "base" });
  assertEquals(asked, [quote]);
  assertEquals([quote.invoice, quote.amountUsdc, quote.wallet], [id, 1_025_000, WALLET]);
});

test("agent: invoice and challenge have to agree, and only what is pinned is signed", async () => {
  const changes = [
    ["amount", (offer) => void (offer.amount = "1025001")],
    ["payTo", (offer) => void (offer.payTo = WALLET)],
    ["asset", (offer) => void (offer.asset = WALLET)],
    ["extra.name", (offer) => void (offer.extra.name = "USDC")],
    ["extra.version", (offer) => void (offer.extra.version = "1")],
    ["another network", (offer) => void (offer.network = "eip155:1")],
    ["another scheme", (offer) => void (offer.scheme = "upto")],
  ];
  for (const [name, change] of changes) {
    const { sim, make, invoice, sent } = world();
    const id = await invoice();
    const agent = make({
      async fetch(url, init) {
        const response = await sim.fetch(url, init);
        const header = response.headers.get("payment-required");
        if (!header) return response;
        const challenge = JSON.parse(atob(header));
        change(challenge.accepts[0]);
        return new Response("{}", {
          status: 402,
          headers: { "payment-required": btoa(JSON.stringify(challenge)) },
        });
      },
    });
    const error = await assertRejects(() => agent.payInvoice(id, { chain: "base" }));
    assert(["MISMATCH", "NO_OFFER"].includes(error.code), `${name}: ${error.code}`);
    assertEquals([error.phase, error.mayHaveSettled, sent.length], ["discover", false, 0]);
  }
  const { sim, make, invoice } = world();
  const id = await invoice();
  const elsewhere = make({
    async fetch(url, init) {
      const response = await sim.fetch(url, init);
      if (!url.endsWith(id)) return response;
      return new Response(
        (await response.text()).replaceAll(
          "https://agents.gwop.io/v1/invoices",
          "https://agents.gwop.io.evil.example/v1/invoices",
        ),
      );
    },
  });
  assertEquals((await assertRejects(() => elsewhere.payInvoice(id))).code, "MISMATCH");
});

test("agent: keys appear nowhere", async () => {
  const key = KEY.slice(2);
  const { make, invoice } = world();
  const failing = make({
    signers: [
      { address: WALLET, signTypedData: () => Promise.reject(new Error("the device is locked")) },
    ],
  });
  const error = await assertRejects(async () =>
    failing.payInvoice(await invoice(), { chain: "base" }),
  );
  assertEquals([error.code, error.cause.message], ["SIGNER_FAILED", "the device is locked"]);
  const signer = evmKey(KEY);
  const agent = make();
  const wrong = assertThrows(() => evmKey(`${key.slice(0, 62)}zz`));
  // Bundlers for browsers leave an empty module.
  const inspect = await import("node:util").then(
    (util) => util.inspect ?? String,
    () => String,
  );
  const told = [signer, agent, wrong, error, solanaKey(SEED)].flatMap((value) => [
    String(value),
    JSON.stringify(value),
    inspect(value, { depth: 9, showHidden: true }),
    value.stack ?? "",
  ]);
  for (const text of told)
    assert(!String(text).includes(key.slice(0, 60)), `a key is told: ${text}`);
});

test("agent: external signers sign, and their bytes are checked", async () => {
  const { make, invoice, sent, journal } = world();
  const typed = [];
  const viem = {
    address: WALLET,
    async signTypedData(data) {
      typed.push(data);
      return "0x1234";
    },
  };
  const id = await invoice();
  const error = await assertRejects(() =>
    make({ signers: [viem] }).payInvoice(id, { chain: "base" }),
  );
  assertEquals([error.code, error.mayHaveSettled, sent.length], ["SIGNER_FAILED", false, 0]);
  assertEquals([typed[0].domain.chainId, typed[0].message.value], [8453, 1_025_000n]);
  // The attempt was given up, so the invoice can be paid.
  assertEquals((await journal.last(id)).state, "released");
  await make().payInvoice(id, { chain: "base" });

  const pair = await crypto.subtle
    .generateKey("Ed25519", false, ["sign", "verify"])
    .catch(() => undefined);
  if (!pair) return;
  const receipt = await make({ signers: [await solanaKeyPair(pair)] }).payInvoice(await invoice());
  assertEquals(receipt.chain, "solana");
});

test("agent: without a journal it refuses, and misspelt options too", async () => {
  const { make } = world();
  assertEquals(
    (await assertRejects(() => make({ journal: undefined }).payInvoice("inv_1"))).code,
    "INVALID_OPTION",
  );
  for (const options of [
    { limit: {} },
    // A member of every object is not an option.
    { constructor: 1 },
    { waitMs: null },
    { limits: { perDays: 1 } },
    { limits: { perDay: "1" } },
    { limits: { perDay: 1.5 } },
    // JSON cannot express these values. They must not mean "no limit".
    { limits: { perDay: NaN } },
    { limits: { perRecipient: Infinity } },
    { limits: { perPayment: NaN } },
    { limits: { perDay: 5n } },
    { limits: () => {} },
    { limits: { perPeriod: { amount: 1 } } },
    { timeoutMs: NaN },
    { timeoutMs: Infinity },
    { timeoutMs: "30" },
    { signers: [] },
    { signers: [{ address: WALLET }] },
    { serverURL: "http://agents.gwop.io" },
    { signatureForm: "vrs" },
  ]) {
    const error = assertThrows(() => make(options));
    assert(
      error instanceof AgentError && error.code === "INVALID_OPTION",
      `${Object.keys(options)}: ${error}`,
    );
  }
  assertEquals((await assertRejects(() => make().payInvoice("../x"))).code, "INVALID_OPTION");
  // Otherwise a misspelled `chain` would pay on another chain.
  const agent = make();
  for (const call of [
    () => agent.payInvoice("inv_1", { chian: "base" }),
    () => agent.resume({ wait: 1 }),
    async () => createPayingFetch(agent, { fetcher: fetch }),
    async () => createPayingFetch(agent, { buyAnew: "yes" }),
    async () => new Agent(new Map()),
  ]) {
    assertEquals((await assertRejects(call)).code, "INVALID_OPTION");
  }
});

test("agent: two at once on one journal pay once, and keep the limit", async () => {
  const { sim, make, invoice, sent } = world();
  const id = await invoice();
  const all = await Promise.allSettled(
    Array.from({ length: 4 }, () => make().payInvoice(id, { chain: "base" })),
  );
  assert(
    all.some(({ status }) => status === "fulfilled"),
    "nobody paid",
  );
  for (const { reason } of all.filter(({ status }) => status === "rejected")) {
    assert(["IN_PROGRESS", "CONFLICT", "INVOICE_NOT_PAYABLE"].includes(reason.code), reason.code);
  }
  assertEquals(new Set(sent).size, 1);
  const ids = await Promise.all(Array.from({ length: 6 }, () => invoice()));
  const limited = { limits: { perPayment: usdc("5"), perDay: usdc("4.1") } };
  const results = await Promise.allSettled(
    ids.map((one) => make(limited).payInvoice(one, { chain: "base" })),
  );
  const paid = results.filter(({ status }) => status === "fulfilled").length;
  assertEquals(paid, 3);
  void sim;
});

test("agent: a paying fetch buys once, and follows what is not known", async () => {
  const { sim, make, invoice, sent } = world();
  const id = await invoice();
  // The payment URL itself is an x402 resource.
  const url = `https://agents.gwop.io/v1/invoices/${id}/x402?chain=base`;
  const send = (request) => {
    const header = request.headers.get("payment-signature");
    if (header) sent.push(header);
    return sim.fetch(request);
  };
  sim.misbehave({ fault: "payment-lose-answer" });
  const paying = createPayingFetch(make(), { fetch: send });
  const error = await paying(url).catch((failure) => failure);
  assert(error instanceof AgentError && error.mayHaveSettled, String(error));
  assertEquals(new Set(sent).size, 1);
  // The same request again means the same payment again.
  const count = sent.length;
  const again = await paying(url).catch((failure) => failure);
  assert(again instanceof AgentError && again.mayHaveSettled, String(again));
  assert(sent.length > count && new Set(sent).size === 1, "something else was sent");
  const other = await invoice();
  const response = await paying(`https://agents.gwop.io/v1/invoices/${other}/x402?chain=base`);
  assertEquals([response.status, (await response.json()).status], [200, "PAID"]);
  assertEquals((await paying("https://agents.gwop.io/v1/invoices/inv_none")).status, 404);
  assertEquals((await assertRejects(() => paying("http://shop.example/"))).code, "UNSAFE_URL");
});

/** A server's 402 for a tenth of a cent. */
function challenge() {
  const offer = {
    scheme: "exact",
    network: "eip155:8453",
    amount: "1000",
    payTo: WALLET,
    asset: "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913",
    maxTimeoutSeconds: 60,
    extra: { name: "USD Coin", version: "2" },
  };
  const required = btoa(JSON.stringify({ x402Version: 2, accepts: [offer] }));
  return new Response("{}", { status: 402, headers: { "payment-required": required } });
}

test("agent: a paying fetch sends the request as it was given, without and with the payment", async () => {
  const seen = [];
  const paying = createPayingFetch(world().make(), {
    async fetch(request) {
      const { method, credentials, cache, redirect, headers } = request;
      const authorization = headers.get("authorization");
      seen.push({
        method,
        credentials,
        cache,
        redirect,
        authorization,
        body: await request.text(),
      });
      return headers.has("payment-signature") ? new Response("bought") : challenge();
    },
  });
  const headers = { authorization: "Bearer of the buyer" };
  const url = "https://api.example/given";
  // Not every runtime has both, and some refuse what they do not have.
  const browser = {};
  for (const [name, value] of Object.entries({ credentials: "include", cache: "no-store" })) {
    try {
      if (new Request(url, { [name]: value })[name] === value) browser[name] = value;
    } catch {
      // It is not part of this runtime.
    }
  }
  for (const [method, body, input] of [
    ["GET", "", () => [url, { headers, ...browser }]],
    ["GET", "", () => [new URL(url), { headers: new Headers(headers), ...browser }]],
    ["GET", "", () => [new Request(url, { headers, ...browser })]],
    ["POST", "", () => [url, { method: "POST", headers: Object.entries(headers), ...browser }]],
    ["PUT", "{}", () => [url, { method: "PUT", body: "{}", headers, ...browser }]],
    ["POST", "b", () => [new Request(url, { method: "POST", body: "b", headers, ...browser })]],
    ["DELETE", "", () => [new Request(url, { method: "DELETE", ...browser }), { headers }]],
  ]) {
    seen.length = 0;
    assertEquals(await (await paying(...input())).text(), "bought");
    assertEquals(seen.length, 2);
    for (const one of seen) {
      assertEquals(
        [one.method, one.body, one.authorization, one.redirect],
        [method, body, headers.authorization, "manual"],
      );
      for (const [name, value] of Object.entries(browser)) assertEquals(one[name], value, name);
    }
  }
  // A body that is there, but empty.
  const empty = await paying(new Request(url, { method: "POST", body: "", headers }));
  assertEquals(await empty.text(), "bought");
  assertEquals(
    seen.slice(-2).map((one) => [one.method, one.body, one.authorization]),
    Array(2).fill(["POST", "", headers.authorization]),
  );
});

test("agent: the caller's signal ends a request of a paying fetch", async () => {
  for (const input of [
    (init) => ["https://api.example/", init],
    (init) => [new Request("https://api.example/", init)],
  ]) {
    const stop = new AbortController();
    const paying = createPayingFetch(world().make(), {
      async fetch({ signal }) {
        stop.abort(new Error("stopped by the caller"));
        assert(signal.aborted, "the signal was not passed on");
        throw signal.reason;
      },
    });
    const error = await paying(...input({ signal: stop.signal })).catch((failure) => failure);
    assertEquals(error.message, "stopped by the caller");
  }
});

test("agent: a late answer to an earlier request is not what a paying fetch gives", async () => {
  const pause = (ms) => new Promise((done) => setTimeout(done, ms));
  const journal = memoryJournal();
  const { make } = world({
    timeoutMs: 200,
    journal: {
      ...journal,
      async update(...change) {
        if (change[2] === "settled") await pause(600);
        return journal.update(...change);
      },
    },
  });
  let paid = 0;
  const payingFetch = createPayingFetch(make(), {
    async fetch(request) {
      if (!request.headers.has("payment-signature")) return challenge();
      paid += 1;
      if (paid > 1) return new Response("bought");
      await pause(500);
      return new Response("late", { status: 500 });
    },
  });
  const answer = await payingFetch("https://api.example/late");
  assertEquals([answer.status, await answer.text(), paid], [200, "bought", 2]);
});

test("agent: a journal of one's own asks the package's rule", () => {
  const attempt = {
    ...{
      id: "a",
      invoice: "inv_1",
      kind: "invoice",
      chain: "base",
      url: "https://a.example",
      method: "POST",
      headerName: "X-PAYMENT",
    },
    ...{
      wallet: WALLET,
      payTo: WALLET,
      amount: 5,
      nonce: "0x01",
      validBefore: 1,
      again: false,
      state: "reserved",
      reservedAt: 1_000,
    },
  };
  assertEquals(judgeReservation(attempt, { perPayment: 5 }, []), "reserved");
  assertEquals(judgeReservation(attempt, { perPayment: 4 }, []).code, "LIMIT_PER_PAYMENT");
  assertEquals(
    judgeReservation(attempt, { perPayment: 5 }, [{ ...attempt, id: "b", state: "sent" }]).code,
    "OPEN_ATTEMPT",
  );
  assertThrows(() => judgeReservation(attempt, { perPayment: 5 }, [{ id: "what is this" }]));
});

for (const [sentence, check] of journalChecks) {
  test(`agent: memoryJournal: ${sentence}`, () => {
    const journal = memoryJournal();
    return check(async () => journal);
  });
}
