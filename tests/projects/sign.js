// Gwop's part of the story: a paid invoice's webhook, signed by Web Crypto.
export async function sign() {
  const secret = "whsec_of_a_test_project";
  const id = "5b3f0c9e-8f0e-4b0e-9c39-6f1f5f6c8a01";
  const body = JSON.stringify({
    event_id: "evt_1",
    event_type: "invoice.paid",
    event_version: 1,
    created_at: "2026-01-02T03:04:05.000Z",
    data: {
      invoice_id: id,
      public_invoice_id: "inv_1",
      merchant_id: id,
      status: "PAID",
      amount_usdc: "1025000",
      currency: "USDC",
      payment_chain: "base",
      tx_hash: "0xabc",
      paid_at: "2026-01-02T03:04:04.000Z",
      payer_wallet: "0xdef",
    },
  });
  const encoder = new TextEncoder();
  const timestamp = Math.floor(Date.now() / 1000);
  const key = await crypto.subtle.importKey(
    "raw",
    encoder.encode(secret),
    { name: "HMAC", hash: "SHA-256" },
    false,
    ["sign"],
  );
  const mac = new Uint8Array(
    await crypto.subtle.sign("HMAC", key, encoder.encode(`${timestamp}.${body}`)),
  );
  const hex = Array.from(mac, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const headers = { "X-Gwop-Signature": `t=${timestamp},v1=${hex}` };
  return {
    secret,
    request: { body, headers, url: "https://merchant.example/webhooks/gwop", method: "POST" },
  };
}
