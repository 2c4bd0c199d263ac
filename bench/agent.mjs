// Measures the agent next to `@x402/fetch`, `@x402/evm` and `viem/accounts`: a warm signature in
// one process, a fresh process until its first signed payment was sent, and sizes.
// GWOP_X402_CLIENTS names the packages.
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { evmKey } from "@gwop/sdk/agent";
import { runProgram } from "../runners/programs.mjs";
import { quartiles } from "./harness.js";
import { resultIn } from "./programs.mjs";

const ROUNDS = 40;
const BATCH = 50;
const START_ROUNDS = 15;
/** Hardhat's published key #0. */
const KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
const CLIENTS = join(process.env.GWOP_X402_CLIENTS, "package.json");
const PEERS = ["@x402/fetch", "@x402/evm/exact/client", "viem/accounts"];

const pathOf = (name) => pathToFileURL(createRequire(CLIENTS).resolve(name)).href;

/** Returns microseconds per signature of a digest. The two take turns, so they share the noise. */
async function measureSignature() {
  const { privateKeyToAccount } = await import(pathOf("viem/accounts"));
  const account = privateKeyToAccount(KEY);
  const name = Object.getOwnPropertySymbols(globalThis).find((symbol) =>
    / agent\.wasm$/.test(symbol.description),
  );
  const key = globalThis[name].EvmKey.parse(KEY);
  if (key.address() !== account.address || evmKey(KEY).address !== account.address)
    throw new Error("another wallet");
  const digest = (turn) => `0x${turn.toString(16).padStart(64, "0")}`;
  const timed = async (sign) => {
    const from = performance.now();
    for (let turn = 1; turn <= BATCH; turn += 1) await sign(digest(turn));
    return ((performance.now() - from) * 1000) / BATCH;
  };
  const ours = async (hash) => `0x${key.sign(hash)}`;
  const theirs = (hash) => account.sign({ hash });
  if ((await ours(digest(7))) !== (await theirs(digest(7)))) throw new Error("another signature");
  const times = { ours: [], theirs: [] };
  for (let round = -5; round < ROUNDS; round += 1) {
    const turned = round % 2 === 0;
    const first = await timed(turned ? ours : theirs);
    const second = await timed(turned ? theirs : ours);
    if (round < 0) continue;
    times.ours.push(turned ? first : second);
    times.theirs.push(turned ? second : first);
  }
  const [low, ofViem, high] = quartiles(times.ours.map((us, index) => us / times.theirs[index]));
  return {
    us: quartiles(times.ours)[1],
    viemUs: quartiles(times.theirs)[1],
    ofViem,
    spread: [low, high],
  };
}

/** A server that is a function. */
const SERVER = `
const offer = { scheme: "exact", network: "eip155:8453", amount: "1000", asset: "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913",
  payTo: "0x90C0f3F1B7d6F8a7E5c4B3a29181706F5E4D953c", maxTimeoutSeconds: 300, extra: { name: "USD Coin", version: "2" } };
const challenge = btoa(JSON.stringify({ x402Version: 2, resource: { url: "https://shop.example/r" }, accepts: [offer] }));
const send = async (input, init) => {
  const request = new Request(input, init);
  if (request.headers.get("payment-signature")) return new Response("bought");
  return new Response("{}", { status: 402, headers: { "payment-required": challenge } });
};`;

const PROGRAMS = {
  "@gwop/sdk/agent": async () => `
const { Agent, createPayingFetch, evmKey, memoryJournal } = await import("@gwop/sdk/agent");
const pay = createPayingFetch(new Agent({ signers: [evmKey("${KEY}")], journal: memoryJournal() }), { fetch: send });`,
  "@x402/fetch, @x402/evm, viem/accounts": async () => `
const [{ wrapFetchWithPaymentFromConfig }, { ExactEvmScheme }, { privateKeyToAccount }] = await Promise.all([
  ${PEERS.map(
    (name) =>
      `import(${JSON.stringify(
        pathOf(name)
          .replace("/cjs/", "/esm/")
          .replace(/\.js$/, name.startsWith("@x402") ? ".mjs" : ".js"),
      )})`,
  ).join(", ")}]);
const client = new ExactEvmScheme(privateKeyToAccount("${KEY}"));
const pay = wrapFetchWithPaymentFromConfig(send, { schemes: [{ network: "eip155:8453", client }] });`,
};

/**
 * Returns milliseconds from the first import to the response to the first payment, in fresh
 * processes that take turns.
 */
async function measureStart() {
  const times = Object.fromEntries(Object.keys(PROGRAMS).map((name) => [name, []]));
  for (let round = -1; round < START_ROUNDS; round += 1) {
    for (const [name, program] of Object.entries(PROGRAMS)) {
      const code = `${SERVER}
const from = performance.now();${await program()}
if ((await (await pay("https://shop.example/r")).text()) !== "bought") throw new Error("not bought");
console.log("RESULT " + JSON.stringify(performance.now() - from));`;
      const ms = resultIn(
        await runProgram(process.execPath, ["--input-type=module", "--eval", code]),
      );
      if (round >= 0) times[name].push(ms);
    }
  }
  const [ours, theirs] = Object.values(times);
  const [low, ofPeers, high] = quartiles(ours.map((ms, index) => ms / theirs[index]));
  const rows = Object.fromEntries(
    Object.entries(times).map(([name, all]) => [name, quartiles(all)[1]]),
  );
  return { ms: rows, ofPeers, spread: [low, high] };
}

/** Returns the size of what a program bundles, in bytes with gzip. */
async function measureBytes() {
  const entries = {
    "@gwop/sdk/agent": ['export * from "@gwop/sdk/agent";', process.cwd(), ["workerd"]],
    "@x402/fetch, @x402/evm, viem/accounts": [
      PEERS.map((name) => `export * from "${name}";`).join("\n"),
      process.env.GWOP_X402_CLIENTS,
      ["browser"],
    ],
  };
  const bytes = {};
  for (const [name, [contents, resolveDir, conditions]] of Object.entries(entries)) {
    const { outputFiles } = await build({
      stdin: { contents, resolveDir },
      ...{
        bundle: true,
        minify: true,
        format: "esm",
        target: "es2022",
        conditions,
        external: ["node:*"],
      },
      ...{
        loader: { ".wasm": "copy" },
        plugins: [COPIED],
        outdir: "out/sizes",
        write: false,
        logLevel: "error",
      },
    });
    bytes[name] = outputFiles.reduce(
      (sum, { contents }) => sum + gzipSync(contents, { level: 9 }).length,
      0,
    );
  }
  return bytes;
}

/** Resolves `agent.wasm?module`, as a Worker's bundler copies it. */
const COPIED = {
  name: "copied",
  setup: ({ onResolve }) =>
    onResolve({ filter: /\.wasm\?module$/ }, ({ path, resolveDir }) => ({
      path: join(resolveDir, path.replace(/\?module$/, "")),
    })),
};

export async function measureAgent() {
  return {
    signature: await measureSignature(),
    start: await measureStart(),
    gzip: await measureBytes(),
  };
}
