// `memory-program.js COUNT` verifies deliveries: every hundredth with a wrong MAC, half of them
// with Web Crypto and half with the compiled-in HMAC. It prints the memory of the process and of
// the wasm after a tenth and at the end.
const memories = new Set();
// Node and Bun instantiate the module themselves. Deno imports it, and every import has the same
// instance.
const { Instance } = WebAssembly;
// biome-ignore lint/complexity/useArrowFunction: it is called with `new`.
WebAssembly.Instance = function (...args) {
  const instance = new Instance(...args);
  memories.add(instance.exports.memory);
  return instance;
};
const { Gwop } = await import("@gwop/sdk");
if (globalThis.Deno) memories.add((await import("@gwop/sdk/gwop.wasm")).memory);
const { event, signatureHeader } = await import("./deliveries.js");

const SECRET = "whsec_memory";
const count = Number(process.argv[2]);
const body = event(620);
const headers = {
  "x-gwop-signature": await signatureHeader(SECRET, new TextEncoder().encode(body)),
};
const gwop = new Gwop({ webhookSecret: SECRET });
const good = { request: { body, headers } };
const bad = { request: { body: body.replace("1025000", "1025001"), headers } };
let refused = 0;

const refuse = (error) => {
  if (error.code !== "WEBHOOK_SIGNATURE_MISMATCH") throw error;
  refused += 1;
};

/** Runs `pairs` verifications on each path. Resolves to the time in milliseconds. */
async function verify(pairs) {
  const from = performance.now();
  for (let done = 0; done < pairs; done += 100) {
    const answers = [];
    for (let one = 0; one < 100; one++) {
      answers.push(gwop.validateWebhook(one === 50 ? bad : good).catch(refuse));
      try {
        gwop.validateWebhookSync(one === 50 ? bad : good);
      } catch (error) {
        refuse(error);
      }
    }
    await Promise.all(answers);
  }
  return performance.now() - from;
}

const look = () => {
  globalThis.Bun?.gc(true);
  globalThis.gc?.();
  const wasm = [...memories].reduce((sum, memory) => sum + memory.buffer.byteLength, 0);
  return { rssMB: Math.round(process.memoryUsage().rss / 1e5) / 10, wasmKB: wasm / 1024 };
};

const tenth = count / 20;
const first = await verify(tenth);
const before = look();
await verify(tenth * 8);
const last = await verify(tenth);
const after = look();
if (refused !== count / 100) throw new Error(`${refused} refused, expected ${count / 100}`);
if (memories.size === 0 || before.wasmKB === 0) throw new Error("the wasm's memory was not found");
console.log(
  `RESULT ${JSON.stringify({ count, refused, before, after, firstTenthMs: Math.round(first), lastTenthMs: Math.round(last) })}`,
);
