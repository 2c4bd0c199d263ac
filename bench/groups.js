/**
 * What is measured inside a runtime: groups of candidates that do the same thing to the same bytes, the floor first.
 *
 * A group is made when it is asked for, since workerd does no I/O and no cryptography outside a request.
 */
import { Gwop } from "@gwop/sdk";
import { Webhook as StandardWebhook } from "standardwebhooks";
import Stripe from "stripe";
import { Webhook as SvixWebhook } from "svix/dist/webhook.js";
import { base64, event, hmac, signed } from "./deliveries.js";

const SECRET = "whsec_Z3dvcC1iZW5jaG1hcmstc2VjcmV0LTAwMDE=";
const encoder = new TextEncoder();

/** The groups by name. Each makes its candidates: the floor first, in the order of the table. */
export const GROUPS = {
  "webhook 620 B": () => webhook(620),
  "webhook 8 KB": () => webhook(8 * 1024),
  "webhook 64 KB": () => webhook(64 * 1024),
  "webhook 1 MB": () => webhook(1024 * 1024),
};

/** Groups that are measured with this many calls at once as well. */
export const CONCURRENT = { "webhook 620 B": 32 };

/** Verification of one event of so many bytes, by everybody; each is given the body as a string. */
async function webhook(size) {
  const body = event(size);
  const bytes = encoder.encode(body);
  const t = Math.floor(Date.now() / 1000);
  const prefixed = signed(`${t}.`, bytes);

  const key = await crypto.subtle.importKey("raw", encoder.encode(SECRET), { name: "HMAC", hash: "SHA-256" }, false, [
    "sign",
    "verify",
  ]);
  const tag = new Uint8Array(await crypto.subtle.sign("HMAC", key, prefixed));
  const signature = `t=${t},v1=${[...tag].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
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
    standardwebhooks: () => standard.verify(body, standardHeaders),
    svix: () => svix.verify(body, standardHeaders),
  };
}
