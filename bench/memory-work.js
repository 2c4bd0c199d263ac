/**
 * The work whose memory is measured: deliveries that are verified, and calls that are cancelled
 * while they wait for a response or its body.
 */
const memories = new Set();
// Node, Bun and Workers create the instance themselves. Deno imports it, and every import has the
// same instance.
const { Instance } = WebAssembly;
// biome-ignore lint/complexity/useArrowFunction: it is called with `new`.
WebAssembly.Instance = function (...args) {
  const instance = new Instance(...args);
  memories.add(instance.exports.memory);
  return instance;
};
const { Gwop, HTTPClient } = await import("@gwop/sdk");
if (globalThis.Deno) memories.add((await import("@gwop/sdk/gwop.wasm")).memory);
const { event, signatureHeader } = await import("./deliveries.js");

/** The secret of the deliveries. */
const SECRET = "whsec_memory";
/** How many operations run at once. */
const AT_ONCE = 100;

const encoder = new TextEncoder();
const body = event(620);

/** Never responds, or never ends its body, until the request's signal aborts. */
async function hangingFetch(request) {
  const { signal, url } = request;
  const aborted = (act) => signal.addEventListener("abort", () => act(signal.reason));
  if (url.endsWith("without-response")) return new Promise((_, reject) => aborted(reject));
  const stream = new ReadableStream({
    start(controller) {
      controller.enqueue(encoder.encode('{"id":'));
      aborted((reason) => controller.error(reason));
    },
  });
  return new Response(stream, { headers: { "content-type": "application/json" } });
}

const gwop = new Gwop({
  webhookSecret: SECRET,
  httpClient: new HTTPClient({ fetcher: hangingFetch }),
});

function refused(error) {
  if (error.code !== "WEBHOOK_SIGNATURE_MISMATCH") throw error;
  return 1;
}

function cancelled(error) {
  if (error.name !== "RequestAbortedError") throw error;
  return 1;
}

const sum = (numbers) => numbers.reduce((one, other) => one + other, 0);

/**
 * Verifies `count` deliveries, every hundredth with a wrong MAC: half of them with Web Crypto and
 * half with the compiled-in HMAC. Resolves to how many were refused.
 */
export async function verify(count) {
  const headers = { "x-gwop-signature": await signatureHeader(SECRET, encoder.encode(body)) };
  const good = { request: { body, headers } };
  const bad = { request: { body: body.replace("1025000", "1025001"), headers } };
  let wrong = 0;
  for (let done = 0; done < count; done += 2 * AT_ONCE) {
    const results = [];
    for (let one = 0; one < AT_ONCE; one++) {
      const delivery = one === 50 ? bad : good;
      results.push(gwop.validateWebhook(delivery).then(() => 0, refused));
      try {
        gwop.validateWebhookSync(delivery);
      } catch (error) {
        wrong += refused(error);
      }
    }
    wrong += sum(await Promise.all(results));
  }
  return wrong;
}

/**
 * Makes `count` calls and aborts each: half of them before the response, half within its body.
 * Resolves to how many were cancelled.
 */
export async function cancel(count) {
  let ended = 0;
  for (let done = 0; done < count; done += AT_ONCE) {
    const controller = new AbortController();
    const calls = Array.from({ length: AT_ONCE }, (_, one) => {
      const id = one % 2 ? "without-response" : "without-end";
      const { signal } = controller;
      return gwop.invoices.get({ id }, { signal }).then(() => 0, cancelled);
    });
    // All of them wait now.
    await new Promise((resolve) => setTimeout(resolve));
    controller.abort();
    ended += sum(await Promise.all(calls));
  }
  return ended;
}

let brokenOff = 0;

/** Verifies the delivery of a request, and counts it if its body broke off. */
export async function receive(request) {
  try {
    await gwop.validateWebhook({ request });
  } catch (error) {
    if (error.code !== "WEBHOOK_BODY_NOT_RAW") throw error;
    brokenOff += 1;
  }
}

/** Resolves to how many deliveries have broken off since the last time. */
export async function upload() {
  const ended = brokenOff;
  brokenOff = 0;
  return ended;
}

/** Returns the size of the wasm's memory, in KB. */
export function wasmKB() {
  const bytes = sum([...memories].map((memory) => memory.buffer.byteLength));
  if (bytes === 0) throw new Error("the wasm's memory was not found");
  return bytes / 1024;
}
