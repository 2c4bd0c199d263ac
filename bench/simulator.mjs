// Measures the local Gwop: calls in the process and over HTTP with few and with many invoices, the
// check of one payment next to viem's recovery in the same process, and the start.
// GWOP_X402_CLIENTS names the packages that contain viem.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Simulator } from "@gwop/sdk/simulator";
import { runProgram } from "../runners/programs.mjs";
import { quartiles } from "./harness.js";
import { resultIn } from "./programs.mjs";

const FEW = 10;
const MANY = 100_000;
const ROUNDS = 25;
/** The operations in a round. Each of the few invoices is paid once. */
const BATCH = FEW;
const HTTP_ROUNDS = 15;
const START_ROUNDS = 15;
const JUDGED = 200;
const INVOICES = "/v1/invoices";

/** Calls a simulator. `fetch` takes a path and an init. */
function callsAt(fetch, key) {
  const authorization = `Bearer ${key}`;
  const ids = [];
  const json = async (path, init) => {
    const response = await fetch(path, init);
    const body = await response.json();
    if (!response.ok) throw new Error(`${path}: ${response.status} ${JSON.stringify(body)}`);
    return body;
  };
  const post = (path, body) =>
    json(path, {
      method: "POST",
      headers: { authorization, "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  return {
    ids,
    async create(count) {
      const body = { amount_usdc: 1_000_000, expires_in_seconds: 86_400 };
      for (let made = 0; made < count; made += 1)
        ids.push((await post(INVOICES, body)).public_invoice_id);
    },
    list: () => json(`${INVOICES}?limit=10`, { headers: { authorization } }),
    listPaid: () => json(`${INVOICES}?limit=10&status=PAID`, { headers: { authorization } }),
    /** Warms up a fresh program like one that has run for a while. */
    async warm() {
      for (let turn = 0; turn < 60; turn += 1) {
        await this.list();
        await this.get(turn);
        await post("/_sim/sign-payment", { target: ids[0] });
      }
    },
    get: (turn) => json(`${INVOICES}/${ids[turn % ids.length]}`),
    pay: (id) => post("/_sim/pay", { target: id }),
    async payByX402(id) {
      const { url, method, headers } = await post("/_sim/sign-payment", { target: id });
      return json(`${INVOICES}/${url.split(`${INVOICES}/`)[1]}`, { method, headers });
    },
  };
}

function inProcess() {
  const sim = new Simulator({ seed: 1 });
  const calls = callsAt(
    (path, init) => sim.fetch(`https://agents.gwop.io${path}`, init),
    sim.merchantApiKey,
  );
  const pay = (id) => sim.pay(id);
  const payByX402 = async (id) => {
    const { url, method, headers } = sim.signPayment(id);
    const paid = await sim.fetch(url, { method, headers });
    if (!paid.ok) throw new Error(`the payment was answered with ${paid.status}`);
    return paid.json();
  };
  return { ...calls, warm: undefined, pay, payByX402, close: () => sim.close() };
}

async function overHTTP() {
  const program = "node_modules/@gwop/sdk/gwop-simulator.js";
  const child = spawn(process.execPath, [program, "--port", "0", "--seed", "1"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  while (!said.includes("Ctrl-C")) said += (await once(child.stdout, "data"))[0];
  const [base] = /http:\/\/127\.0\.0\.1:\d+/.exec(said);
  return {
    ...callsAt((path, init) => fetch(base + path, init), "sk_m_simulator"),
    close: () => child.kill(),
  };
}

/** Returns microseconds per operation. */
async function timed(operation) {
  const from = performance.now();
  for (let turn = 0; turn < BATCH; turn += 1) await operation(turn);
  return ((performance.now() - from) * 1000) / BATCH;
}

/** Measures each call with few and with many invoices, in turn, so that both share the noise. */
async function measureCalls(start, rounds) {
  const many = await start();
  await many.create(MANY);
  const times = {};
  const note = (name, few, lots) => {
    const own = (times[name] ??= { few: [], many: [] });
    own.few.push(few);
    own.many.push(lots);
  };
  let next = 0;
  try {
    for (let round = -2; round < rounds; round += 1) {
      const few = await start();
      try {
        await few.create(FEW);
        await few.warm?.();
        const operations = {
          "invoices.list": (calls) => () => calls.list(),
          "invoices.get": (calls) => (turn) => calls.get(turn),
          "pay over x402": (calls, from) => (turn) => calls.payByX402(calls.ids[from + turn]),
          "invoices.list, PAID": (calls) => () => calls.listPaid(),
        };
        for (const [name, operation] of Object.entries(operations)) {
          const both = [() => timed(operation(few, 0)), () => timed(operation(many, next))];
          const turned = round % 2 === 0 ? both : both.toReversed();
          const [first, second] = [await turned[0](), await turned[1]()];
          if (round >= 0) note(name, ...(round % 2 === 0 ? [first, second] : [second, first]));
        }
        next += BATCH;
        await few.create(FEW);
        const fewTime = await timed((turn) => few.pay(few.ids[FEW + turn]));
        const manyTime = await timed((turn) => many.pay(many.ids[next + turn]));
        if (round >= 0) note("pay", fewTime, manyTime);
        next += BATCH;
      } finally {
        few.close();
      }
    }
  } finally {
    many.close();
  }
  return Object.fromEntries(
    Object.entries(times).map(([name, { few, many: lots }]) => {
      const [low, ofFew, high] = quartiles(lots.map((us, index) => us / few[index]));
      const [, fewUs] = quartiles(few);
      const [, manyUs] = quartiles(lots);
      return [
        name,
        {
          perSecondFew: Math.round(1e6 / fewUs),
          perSecondMany: Math.round(1e6 / manyUs),
          ofFew,
          spread: [low, high],
        },
      ];
    }),
  );
}

/** Checks one payment on Base up to its signature, next to viem's recovery of the same one. */
async function measureJudgement() {
  const require = createRequire(join(process.env.GWOP_X402_CLIENTS, "package.json"));
  const { recoverTypedDataAddress } = await import(pathToFileURL(require.resolve("viem")).href);
  const sim = new Simulator({ autoDeliver: false });
  const calls = callsAt(
    (path, init) => sim.fetch(`https://agents.gwop.io${path}`, init),
    sim.merchantApiKey,
  );
  await calls.create(1);
  const { url, method, headers, wallet } = sim.signPayment(calls.ids[0], { x402Version: 1 });
  const payment = JSON.parse(atob(headers["X-PAYMENT"]));
  const { authorization: message, signature } = payment.payload;
  const fields = {
    from: "address",
    to: "address",
    value: "uint256",
    validAfter: "uint256",
    validBefore: "uint256",
    nonce: "bytes32",
  };
  const types = {
    TransferWithAuthorization: Object.entries(fields).map(([name, type]) => ({ name, type })),
  };
  const verifyingContract = "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913";
  const domain = { name: "USD Coin", version: "2", chainId: 8453, verifyingContract };
  const recover = () =>
    recoverTypedDataAddress({
      domain,
      types,
      primaryType: "TransferWithAuthorization",
      message,
      signature,
    });
  if ((await recover()) !== wallet) throw new Error("viem recovers another wallet");
  // The value differs from the signed one. The refusal comes after the signature check, so that the
  // same payment can be checked again and again.
  const unsigned = structuredClone(payment);
  unsigned.payload.authorization.value = "1";
  const judge = async () => {
    const answer = await sim.fetch(url, {
      method,
      headers: { "x-payment": btoa(JSON.stringify(unsigned)) },
    });
    const { error } = await answer.json();
    if (error !== "invalid_exact_evm_signature") throw new Error(`judged as ${error}`);
  };
  const times = { judge: [], viem: [] };
  for (let round = -20; round < JUDGED; round += 1) {
    for (const [name, run] of Object.entries({ judge, viem: recover })) {
      const from = performance.now();
      await run();
      if (round >= 0) times[name].push((performance.now() - from) * 1000);
    }
  }
  const [low, ofViem, high] = quartiles(times.judge.map((us, index) => us / times.viem[index]));
  const us = (list) => Math.round(quartiles(list)[1]);
  return {
    "a whole request": {
      judgeUs: us(times.judge),
      viemUs: us(times.viem),
      ofViem,
      spread: [low, high],
    },
  };
}

/** Measures from just before the import to the first response, in a fresh process of Node. */
async function measureStart() {
  const program =
    'const from = performance.now(); const { Simulator } = await import("@gwop/sdk/simulator");' +
    ' await new Simulator({ autoDeliver: false }).fetch("https://agents.gwop.io/v1/invoices/inv_0");' +
    ` console.log("RESULT " + (performance.now() - from));`;
  const times = [];
  for (let round = 0; round < START_ROUNDS; round += 1) {
    times.push(
      resultIn(await runProgram(process.execPath, ["--input-type=module", "--eval", program])),
    );
  }
  const [low, ms, high] = quartiles(times);
  return { "import to the first answer": { ms, spread: [low, high] } };
}

export async function measureSimulator() {
  return {
    start: await measureStart(),
    judgement: await measureJudgement(),
    "in process": await measureCalls(async () => inProcess(), ROUNDS),
    "over HTTP": await measureCalls(overHTTP, HTTP_ROUNDS),
  };
}
