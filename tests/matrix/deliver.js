// Sends one signed webhook and one without a signature, and prints the results.
import { handle } from "./shop.js";
import { sign } from "./sign.js";

export async function deliver() {
  const { request } = await sign();
  const headers = { ...request.headers, "content-type": "application/json" };
  const signed = await handle(new Request(request.url, { ...request, headers }));
  const unsigned = await handle(
    new Request(request.url, { ...request, headers: { "content-type": "application/json" } }),
  );
  return `${signed.status} ${(await signed.json()).outcome}, ${unsigned.status}`;
}
