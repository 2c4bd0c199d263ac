// The bytes that all candidates receive.

/** Returns `invoice.paid` of exactly `size` bytes (620 or more), filled up with free-form text. */
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

/** Joins the bytes of `prefix` and `body`. */
export function signed(prefix, body) {
  const head = new TextEncoder().encode(prefix);
  const whole = new Uint8Array(head.length + body.length);
  whole.set(head);
  whole.set(body, head.length);
  return whole;
}

/** Computes HMAC-SHA256. */
export async function hmac(secret, bytes) {
  const key = await crypto.subtle.importKey(
    "raw",
    secret,
    { name: "HMAC", hash: "SHA-256" },
    false,
    ["sign"],
  );
  return new Uint8Array(await crypto.subtle.sign("HMAC", key, bytes));
}

/** Encodes a few bytes as base64. */
export function base64(bytes) {
  return btoa(String.fromCharCode(...bytes));
}

/** Returns the signature header of `body` (bytes) at `t` (Unix seconds, default now). */
export async function signatureHeader(secret, body, t = Math.floor(Date.now() / 1000)) {
  const tag = await hmac(new TextEncoder().encode(secret), signed(`${t}.`, body));
  return `t=${t},v1=${[...tag].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

/** Encodes a few bytes as base64url without padding. */
export function base64url(bytes) {
  return base64(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** The wire example of an open invoice, as in the response to `GET /v1/invoices/{id}`. */
export const INVOICE = {
  schema_version: "gwop.invoice.v4",
  id: "inv_21bd059c2ad849efb2112437f5284e1e",
  status: "OPEN",
  amount: {
    value: 1025000,
    display: "1.025 USDC",
    currency: "USDC",
    decimals: 6,
  },
  pricing: {
    base_amount: 1000000,
    gwop_fee: 25000,
    total: 1025000,
  },
  description: "Get test invoice",
  expires_at: "2026-03-25T02:06:43.328Z",
  created_at: "2026-03-25T01:51:43.402Z",
  merchant: {
    name: "agentrouter",
    verified: true,
  },
  status_check: {
    url: "https://agents.gwop.io/v1/invoices/inv_21bd059c2ad849efb2112437f5284e1e",
    method: "GET",
    field: "status",
    paid_value: "PAID",
    hint: "Check status before retrying payment.",
  },
  links: {
    landing_page: "https://gwop.io",
    docs: "https://docs.gwop.io",
  },
  payment_methods: [
    {
      id: "x402-base",
      kind: "x402",
      network: "eip155:8453",
      chain: "base",
      asset: {
        symbol: "USDC",
        decimals: 6,
        contract: "0x833589fcd6edb6e08f4c7c32d4f71b54bda02913",
      },
      pay_to: "0x90c0f3f1b7d6f8a7e5c4b3a29181706f5e4d953c",
      amount: 1025000,
      amount_display: "1.025 USDC",
      payment_url:
        "https://agents.gwop.io/v1/invoices/inv_21bd059c2ad849efb2112437f5284e1e/x402?chain=base",
      recover_url:
        "https://agents.gwop.io/v1/invoices/inv_21bd059c2ad849efb2112437f5284e1e/recover",
    },
  ],
};
