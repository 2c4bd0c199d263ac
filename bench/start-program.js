// `start-program.js gwop|@gwop/NAME|stripe|floor BODY SIGNATURE SECRET` measures from the import to
// the first verified webhook, in milliseconds, in a process that has done nothing else. The floor
// imports nothing: it finds and compiles the same wasm, imports the key and calls Web Crypto.
const [, , library, body, signature, secret] = process.argv;
const from = performance.now();
if (library === "gwop" || library.startsWith("@gwop/")) {
  const { Gwop } = await import(library === "gwop" ? "@gwop/sdk" : library);
  await new Gwop({ webhookSecret: secret }).validateWebhook({
    request: { body, headers: { "x-gwop-signature": signature } },
  });
} else if (library === "floor") {
  const url = new URL(import.meta.resolve("@gwop/sdk/gwop.wasm"));
  // Each runtime uses its fastest way.
  const read =
    globalThis.Deno?.readFileSync ??
    globalThis.Bun?.mmap ??
    process.getBuiltinModule("node:fs").readFileSync;
  new WebAssembly.Module(read(globalThis.Bun ? url.pathname : url));
  const encoder = new TextEncoder();
  const [, time, tag] = /^t=(\d+),v1=(\w+)$/.exec(signature);
  const key = await crypto.subtle.importKey(
    "raw",
    encoder.encode(secret),
    { name: "HMAC", hash: "SHA-256" },
    false,
    ["verify"],
  );
  const holds = await crypto.subtle.verify(
    "HMAC",
    key,
    Uint8Array.from(tag.match(/../g), (hex) => parseInt(hex, 16)),
    encoder.encode(`${time}.${body}`),
  );
  if (!holds) throw new Error("the floor does not verify");
} else {
  const { default: Stripe } = await import("stripe");
  await Stripe.webhooks.constructEventAsync(body, signature, secret);
}
console.log(`RESULT ${performance.now() - from}`);
