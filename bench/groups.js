/**
 * What is measured inside a runtime: groups of candidates that do the same thing to the same bytes, the floor first.
 *
 * A group is made when it is asked for, since workerd does no I/O and no cryptography outside a request.
 */
import { Gwop } from "@gwop/sdk";
import { GwopCheckout } from "@gwop/sdk/checkout";
import { Webhook as StandardWebhook } from "standardwebhooks";
import Stripe from "stripe";
import { Webhook as SvixWebhook } from "svix/dist/webhook.js";
import { base64, event, hmac, signatureHeader, signed } from "./deliveries.js";

const SECRET = "whsec_Z3dvcC1iZW5jaG1hcmstc2VjcmV0LTAwMDE=";
const encoder = new TextEncoder();

const MAKERS = {
  "webhook 620 B": () => webhook(620),
  "webhook 8 KB": () => webhook(8 * 1024),
  "webhook 64 KB": () => webhook(64 * 1024),
  "webhook 1 MB": () => webhook(1024 * 1024),
};

/**
 * The candidates of a group of `catalogue.js`, by name, the floor first. Each has run once.
 *
 * @returns {Promise<Record<string, () => unknown>>}
 */
export async function prepare(group) {
  const candidates = await MAKERS[group]();
  for (const run of Object.values(candidates)) await run();
  return candidates;
}

/** Verification of one event of so many bytes, by everybody; each is given the body as a string. */
async function webhook(size) {
  const body = event(size);
  const bytes = encoder.encode(body);
  const t = Math.floor(Date.now() / 1000);
  const prefixed = signed(`${t}.`, bytes);

  const key = await crypto.subtle.importKey("raw", encoder.encode(SECRET), { name: "HMAC", hash: "SHA-256" }, false, [
    "verify",
  ]);
  const tag = await hmac(encoder.encode(SECRET), prefixed);
  const signature = await signatureHeader(SECRET, bytes, t);
  const headers = {
    host: "shop.example",
    "content-type": "application/json",
    "content-length": String(bytes.length),
    "x-gwop-signature": signature,
    "x-gwop-event-id": "evt_abc123",
    "x-gwop-event-type": "invoice.paid",
  };

  // Standard Webhooks: the secret is base64 after its prefix, the MAC covers `{id}.{t}.{body}`.
  const raw = Uint8Array.from(atob(SECRET.slice("whsec_".length)), (c) => c.charCodeAt(0));
  const standardHeaders = {
    "webhook-id": "evt_abc123",
    "webhook-timestamp": String(t),
    "webhook-signature": `v1,${base64(await hmac(raw, signed(`evt_abc123.${t}.`, bytes)))}`,
  };

  const gwop = new Gwop({ webhookSecret: SECRET });
  const standard = new StandardWebhook(SECRET);
  const svix = new SvixWebhook(SECRET);
  const delivery = { body, headers };
  const binary = { body: bytes, headers };
  return {
    "subtle.verify": async () => {
      if (!(await crypto.subtle.verify("HMAC", key, tag, prefixed))) throw new Error("the floor does not verify");
    },
    validateWebhook: async () => gwop.validateWebhook({ request: delivery }),
    "validateWebhook, bytes": async () => gwop.validateWebhook({ request: binary }),
    "stripe constructEventAsync": async () => Stripe.webhooks.constructEventAsync(body, signature, SECRET),
    validateWebhookSync: () => gwop.validateWebhookSync({ request: delivery }),
    "checkout constructEvent": () => GwopCheckout.webhooks.constructEvent(body, signature, SECRET),
    standardwebhooks: () => standard.verify(body, standardHeaders),
    svix: () => svix.verify(body, standardHeaders),
  };
}
