// Gwop's side: events and their signatures, made with Node's own crypto, not with the tested code.
import { createHmac, randomUUID } from "node:crypto";

import { sleep } from "./helpers.mjs";

/** The webhook secret of every Worker in the tests. */
export const WEBHOOK_SECRET = "whsec_of_the_tests";

/** Returns a signature header for `body`. */
export function signature(
  body,
  { secrets = [WEBHOOK_SECRET], time = Math.floor(Date.now() / 1000) } = {},
) {
  const tags = secrets.map(
    (secret) => `,v1=${createHmac("sha256", secret).update(`${time}.`).update(body).digest("hex")}`,
  );
  return `t=${time}${tags.join("")}`;
}

/** Returns the ids of a new invoice. */
export function newInvoice() {
  return {
    invoice_id: randomUUID(),
    public_invoice_id: `inv_${randomUUID().replaceAll("-", "")}`,
    merchant_id: "9e9c9ba5-3bab-4172-8a79-336f9ca0f163",
  };
}

/**
 * Returns an event of `type` (`paid`, `expired`, `canceled`) about `invoice`. `data` and `event`
 * override members.
 */
export function event(type, invoice, { version, data = {}, ...overrides } = {}) {
  const paid = {
    tx_hash: `0x${createHmac("sha256", "transaction").update(invoice.invoice_id).digest("hex")}`,
    payment_chain: "base",
    paid_at: "2026-03-24T00:48:31.602Z",
    payer_wallet: "0x742d35Cc6634C0532925a3b844Bc9e7595f5bA16",
  };
  return {
    event_id: randomUUID(),
    event_type: `invoice.${type}`,
    ...(version === undefined
      ? {}
      : { event_version: version, created_at: "2026-03-25T02:06:44.012Z" }),
    data: {
      ...invoice,
      status: type.toUpperCase(),
      amount_usdc: "1025000",
      currency: "USDC",
      ...(type === "paid" ? paid : {}),
      ...data,
    },
    ...overrides,
  };
}

/** Delivers an event as Gwop does. Resolves to the Worker's response. */
export function deliver(worker, what, { secrets, time, headers = {}, signal } = {}) {
  const body = typeof what === "string" || what instanceof Uint8Array ? what : JSON.stringify(what);
  return worker.request("POST", "/webhooks/gwop", {
    body,
    signal,
    headers: {
      "content-type": "application/json",
      "x-gwop-signature": signature(body, { secrets, time }),
      ...(what.event_id
        ? { "x-gwop-event-id": what.event_id, "x-gwop-event-type": what.event_type }
        : {}),
      ...headers,
    },
  });
}

/**
 * Delivers an event until it is accepted, as Gwop does: after a lost response, or one without 2xx,
 * it sends the same event again. Resolves to the accepted response and the number of deliveries.
 */
export async function deliverUntilAccepted(
  worker,
  what,
  { pause = 50, within = 60_000, ...options } = {},
) {
  const deadline = Date.now() + within;
  for (let deliveries = 1; ; deliveries += 1) {
    const answer = await deliver(worker, what, options).catch((error) => ({
      status: 0,
      text: String(error.cause ?? error),
    }));
    if (answer.status === 200) return { ...answer, deliveries };
    if (Date.now() > deadline)
      throw new Error(
        `not accepted within ${within} ms, the last answer was ${answer.status}: ${answer.text}`,
      );
    await sleep(pause);
  }
}
