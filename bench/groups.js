/**
 * The measurements inside a runtime: groups of candidates that do the same thing to the same bytes,
 * the floor first.
 *
 * A group is created on demand, because workerd does no I/O and no cryptography outside a request.
 */
import { Gwop, HTTPClient } from "@gwop/sdk";
import { GwopCheckout } from "@gwop/sdk/checkout";
import { createLocalJWKSet, jwtVerify } from "jose";
import { Webhook as StandardWebhook } from "standardwebhooks";
import Stripe from "stripe";
import { Webhook as SvixWebhook } from "svix/dist/webhook.js";
import { base64, base64url, event, INVOICE, hmac, signatureHeader, signed } from "./deliveries.js";

const SECRET = "whsec_Z3dvcC1iZW5jaG1hcmstc2VjcmV0LTAwMDE=";
const encoder = new TextEncoder();

const MAKERS = {
  "webhook 620 B": () => webhook(620),
  "webhook 8 KB": () => webhook(8 * 1024),
  "webhook 64 KB": () => webhook(64 * 1024),
  "webhook 1 MB": () => webhook(1024 * 1024),
  verifyToken: token,
  "invoices.get": call,
};

/**
 * Returns the candidates of a group of `catalogue.js`, by name, the floor first. Each has run once.
 *
 * @returns {Promise<Record<string, () => unknown>>}
 */
export async function prepare(group) {
  const candidates = await MAKERS[group]();
  for (const run of Object.values(candidates)) await run();
  return candidates;
}

/** Verifies one event of the given size with each library. Each receives the body as a string. */
async function webhook(size) {
  const body = event(size);
  const bytes = encoder.encode(body);
  const t = Math.floor(Date.now() / 1000);
  const prefixed = signed(`${t}.`, bytes);

  const key = await crypto.subtle.importKey(
    "raw",
    encoder.encode(SECRET),
    { name: "HMAC", hash: "SHA-256" },
    false,
    ["verify"],
  );
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

  // Standard Webhooks: the secret is base64 after its prefix, and the MAC covers `{id}.{t}.{body}`.
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
      if (!(await crypto.subtle.verify("HMAC", key, tag, prefixed)))
        throw new Error("the floor does not verify");
    },
    validateWebhook: async () => gwop.validateWebhook({ request: delivery }),
    "validateWebhook, bytes": async () => gwop.validateWebhook({ request: binary }),
    "stripe constructEventAsync": async () =>
      Stripe.webhooks.constructEventAsync(body, signature, SECRET),
    validateWebhookSync: () => gwop.validateWebhookSync({ request: delivery }),
    "checkout constructEvent": () => GwopCheckout.webhooks.constructEvent(body, signature, SECRET),
    standardwebhooks: () => standard.verify(body, standardHeaders),
    svix: () => svix.verify(body, standardHeaders),
  };
}

/** Verifies one RS256 access token with a known 2048-bit key. */
async function token() {
  const RS256 = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
  const pair = await crypto.subtle.generateKey(
    { ...RS256, modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) },
    true,
    ["sign", "verify"],
  );
  const { n, e } = await crypto.subtle.exportKey("jwk", pair.publicKey);
  const jwks = { keys: [{ kty: "RSA", alg: "RS256", use: "sig", kid: "gwop-auth-v1", n, e }] };
  const now = Math.floor(Date.now() / 1000);
  const issuer = "https://identity.gwop.io";
  const claims = {
    iss: issuer,
    sub: "base:0xAbCdEf0123456789",
    mid: "merchant-1",
    sid: "sess_1",
    iat: now,
    exp: now + 3600,
  };
  const parts = [{ alg: "RS256", typ: "JWT", kid: "gwop-auth-v1" }, claims];
  const input = parts.map((part) => base64url(encoder.encode(JSON.stringify(part)))).join(".");
  const bytes = encoder.encode(input);
  const signature = new Uint8Array(await crypto.subtle.sign(RS256.name, pair.privateKey, bytes));
  const jws = `${input}.${base64url(signature)}`;

  // Imported as both candidates do it: Deno verifies more slowly with a key that it generated.
  const key = await crypto.subtle.importKey("jwk", jwks.keys[0], RS256, false, ["verify"]);
  const clientOf = (options) =>
    new Gwop({
      merchantId: "merchant-1",
      httpClient: new HTTPClient({ fetcher: async () => Response.json(jwks) }),
      ...options,
    });
  const [gwop, keeping] = [clientOf({ tokenCacheSize: 0 }), clientOf()];
  const local = createLocalJWKSet(jwks);
  return {
    "subtle.verify": async () => {
      if (!(await crypto.subtle.verify(RS256.name, key, signature, bytes)))
        throw new Error("the floor does not verify");
    },
    verifyToken: async () => gwop.auth.verifyToken(jws),
    "verifyToken, seen before": async () => keeping.auth.verifyToken(jws),
    "jose jwtVerify": async () => jwtVerify(jws, local, { issuer, algorithms: ["RS256"] }),
  };
}

/** Makes one call with a fetcher that responds at once, so that only the SDK's time remains. */
async function call() {
  const body = JSON.stringify(INVOICE);
  const headers = { "content-type": "application/json", "x-request-id": "req_1" };
  const fetcher = async () => new Response(body, { headers });
  const gwop = new Gwop({ httpClient: new HTTPClient({ fetcher }) });
  const url = `https://agents.gwop.io/v1/invoices/${INVOICE.id}`;
  return {
    "fetch + JSON.parse": async () => JSON.parse(await (await fetcher(url)).text()),
    "invoices.get": async () => gwop.invoices.get({ id: INVOICE.id }),
  };
}
