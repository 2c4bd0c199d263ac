// The bytes that every candidate gets.

/** `invoice.paid` of exactly `size` bytes (620 or more): free-form text fills what the fields leave. */
export function event(size) {
  const make = (reference) =>
    JSON.stringify({
      event_id: "evt_abc123",
      event_type: "invoice.paid",
      data: {
        invoice_id: "ba7bc94a-5468-42f4-9f04-2502e50c7501",
        public_invoice_id: "inv_7dbeeaad8ebf4f5298c380c90e4b3576",
        merchant_id: "9e9c9ba5-3bab-4172-8a79-336f9ca0f163",
        status: "PAID",
        amount_usdc: "1025000",
        currency: "USDC",
        tx_hash: "0xcd2688e1636de50f283933bd08b849dc6aef51ea9600521bc5f2de409897ad47",
        payment_chain: "base",
        payment_chain_caip2: "eip155:8453",
        paid_at: "2026-03-24T00:48:31.602Z",
        payer_wallet: "0x742d35Cc6634C0532925a3b844Bc9e7595f5bA16",
        merchant_reference: reference,
      },
    });
  return make("x".repeat(size - make("").length));
}

/** The bytes of `prefix` and `body` together. */
export function signed(prefix, body) {
  const head = new TextEncoder().encode(prefix);
  const whole = new Uint8Array(head.length + body.length);
  whole.set(head);
  whole.set(body, head.length);
  return whole;
}

/** HMAC-SHA256. */
export async function hmac(secret, bytes) {
  const key = await crypto.subtle.importKey("raw", secret, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", key, bytes));
}

/** Base64 of a few bytes. */
export function base64(bytes) {
  return btoa(String.fromCharCode(...bytes));
}

/** The signature header of `body` (bytes) at `t` (unix seconds, default now). */
export async function signatureHeader(secret, body, t = Math.floor(Date.now() / 1000)) {
  const tag = await hmac(new TextEncoder().encode(secret), signed(`${t}.`, body));
  return `t=${t},v1=${[...tag].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
