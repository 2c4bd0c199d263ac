// Deliveries as Gwop creates them, signed with Web Crypto, independently of the SDK.
export const SECRET = "whsec_suite_d1f0";

/**
 * The wire example of `invoice.paid`, without `event_version` and `created_at`, which can be
 * missing.
 */
export const PAID = `{
  "event_type": "invoice.paid",
  "event_id": "evt_abc123",
  "data": {
    "invoice_id": "ba7bc94a-5468-42f4-9f04-2502e50c7501",
    "public_invoice_id": "inv_7dbeeaad8ebf4f5298c380c90e4b3576",
    "merchant_id": "9e9c9ba5-3bab-4172-8a79-336f9ca0f163",
    "status": "PAID",
    "amount_usdc": "1025000",
    "currency": "USDC",
    "tx_hash": "0xcd2688e1636de50f283933bd08b849dc6aef51ea9600521bc5f2de409897ad47",
    "payment_chain": "base",
    "payment_chain_caip2": "eip155:8453",
    "paid_at": "2026-03-24T00:48:31.602Z",
    "payer_wallet": "0x742d35Cc6634C0532925a3b844Bc9e7595f5bA16"
  }
}`;

/** The wire example of `invoice.expired`. */
export const EXPIRED = `{
  "event_id": "7c0f1a6e-3f0b-4a53-9d0e-0f6f3c3a5a11",
  "event_type": "invoice.expired",
  "event_version": 2,
  "created_at": "2026-03-25T02:06:44.012Z",
  "data": {
    "invoice_id": "ba7bc94a-5468-42f4-9f04-2502e50c7501",
    "public_invoice_id": "inv_7dbeeaad8ebf4f5298c380c90e4b3576",
    "merchant_id": "9e9c9ba5-3bab-4172-8a79-336f9ca0f163",
    "status": "EXPIRED",
    "amount_usdc": "1025000",
    "currency": "USDC"
  }
}`;

const encoder = new TextEncoder();
const bytesOf = (text) => (typeof text === "string" ? encoder.encode(text) : text);

/** Computes HMAC-SHA256 of a string or bytes, as lower-case hex. */
export async function hmacHex(secret, text) {
  const key = await crypto.subtle.importKey(
    "raw",
    bytesOf(secret),
    { name: "HMAC", hash: "SHA-256" },
    false,
    ["sign"],
  );
  const tag = await crypto.subtle.sign("HMAC", key, bytesOf(text));
  return [...new Uint8Array(tag)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * Returns the parts of a signed delivery of `body` (string or bytes) at `t` (Unix seconds, default
 * now).
 */
export async function deliver(
  body,
  { secret = SECRET, t = Math.floor(Date.now() / 1000), eventId, eventType } = {},
) {
  const raw = bytesOf(body);
  const prefix = encoder.encode(`${t}.`);
  const signed = new Uint8Array(prefix.length + raw.length);
  signed.set(prefix);
  signed.set(raw, prefix.length);
  const tell = (given, pattern) =>
    given ?? (typeof body === "string" ? (pattern.exec(body)?.[1] ?? "") : "");
  const headers = {
    "content-type": "application/json",
    "x-gwop-signature": `t=${t},v1=${await hmacHex(secret, signed)}`,
    "x-gwop-event-id": tell(eventId, /"event_id": "([^"]*)"/),
    "x-gwop-event-type": tell(eventType, /"event_type": "([^"]*)"/),
  };
  for (const name in headers) if (!headers[name]) delete headers[name];
  return {
    body,
    headers,
    url: "https://shop.example/webhooks/gwop",
    method: "POST",
  };
}
