// The caller loads the wasm. Before that, the API reports it, and a failed load is not remembered.
import { Gwop, init } from "@gwop/sdk/slim";
import wasm from "@gwop/sdk/gwop.wasm";
import { sign } from "./sign.js";

const { secret, request } = await sign();
const gwop = new Gwop({ webhookSecret: secret });
const early = refusal(() => gwop.validateWebhookSync({ request }));
const broken = await init(new Uint8Array([1, 2, 3])).then(
  () => "",
  (error) => error.message,
);
const html = new Response("<!doctype html>", { headers: { "content-type": "text/html" } });
const page = await init(html).then(
  () => "",
  (error) => error.message,
);
// A server may add parameters to the media type, which streaming does not accept.
await init(new Response(wasm, { headers: { "content-type": "application/wasm; charset=binary" } }));
await init(wasm);
const { body } = gwop.validateWebhookSync({ request });
if (!/await init/.test(early)) throw new Error(`before init: ${early}`);
if (!/gwop\.wasm could not be loaded/.test(broken)) throw new Error(`init of nonsense: ${broken}`);
if (!/not WebAssembly \(media type text\/html\)/.test(page))
  throw new Error(`init of a page: ${page}`);
if (body.eventType !== "invoice.paid") throw new Error(body.eventType);
globalThis.result = "slim works";
console.log(globalThis.result);

function refusal(call) {
  try {
    call();
    return "";
  } catch (error) {
    return `${error.message} ${error.cause ?? ""}`;
  }
}
