/**
 * Runs the same work with two builds of the package in one process. `now` is the checkout's build,
 * `before` is the other one, and `again` is a second copy of that, which shows the noise. `cargo
 * xtask bench --against` installs them as `@gwop/now`, `@gwop/before` and `@gwop/again`.
 */
import * as again from "@gwop/again";
import * as before from "@gwop/before";
import * as now from "@gwop/now";
import { createLocalJWKSet, jwtVerify } from "jose";
import { Webhook as StandardWebhook } from "standardwebhooks";
import { base64, base64url, event, hmac, INVOICE, signatureHeader, signed } from "./deliveries.js";

const BUILDS = { before, again, now };
const SECRET = "whsec_Z3dvcC1iZW5jaG1hcmstc2VjcmV0LTAwMDE=";
/** The number of tokens that are used in turn: more than a client's cache of verified tokens. */
const TOKENS = 1_200;
const encoder = new TextEncoder();

const MAKERS = {
  "validateWebhook, 620 bytes": () => webhook(620),
  "validateWebhook, 8 KB": () => webhook(8 * 1024),
  validateWebhookSync: webhookSync,
  "verifyToken, not seen before": tokens,
  "invoices.get": calls,
};

/**
 * Returns the candidates of a group, by name, `before` first. Each has run once.
 *
 * @returns {Promise<Record<string, () => unknown>>}
 */
export async function prepare(group) {
  const candidates = await MAKERS[group]();
  for (const run of Object.values(candidates)) await run();
  return candidates;
}

/** Creates one candidate per build. */
const eachBuild = (make) =>
  Object.fromEntries(Object.entries(BUILDS).map(([name, build]) => [name, make(build)]));

async function delivery(body) {
  const bytes = encoder.encode(body);
  const headers = {
    host: "shop.example",
    "content-type": "application/json",
    "content-length": String(bytes.length),
    "x-gwop-signature": await signatureHeader(SECRET, bytes),
    "x-gwop-event-id": "evt_abc123",
    "x-gwop-event-type": "invoice.paid",
  };
  return { body, headers };
}

async function webhook(size) {
  const request = await delivery(event(size));
  return eachBuild(({ Gwop }) => {
    const gwop = new Gwop({ webhookSecret: SECRET });
    return async () => gwop.validateWebhook({ request });
  });
}

async function webhookSync() {
  const request = await delivery(event(620));
  const t = String(Math.floor(Date.now() / 1000));
  const raw = Uint8Array.from(atob(SECRET.slice("whsec_".length)), (c) => c.charCodeAt(0));
  const tag = await hmac(raw, signed(`evt_abc123.${t}.`, encoder.encode(request.body)));
  const headers = {
    "webhook-id": "evt_abc123",
    "webhook-timestamp": t,
    "webhook-signature": `v1,${base64(tag)}`,
  };
  const standard = new StandardWebhook(SECRET);
  return {
    ...eachBuild(({ Gwop }) => {
      const gwop = new Gwop({ webhookSecret: SECRET });
      return () => gwop.validateWebhookSync({ request });
    }),
    standardwebhooks: () => standard.verify(request.body, headers),
  };
}

async function tokens() {
  const algorithm = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
  const pair = await crypto.subtle.generateKey(
    { ...algorithm, modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) },
    true,
    ["sign", "verify"],
  );
  const { n, e } = await crypto.subtle.exportKey("jwk", pair.publicKey);
  const jwks = { keys: [{ kty: "RSA", alg: "RS256", use: "sig", kid: "gwop-auth-v1", n, e }] };
  const iat = Math.floor(Date.now() / 1000);
  const issuer = "https://identity.gwop.io";
  const all = [];
  for (let index = 0; index < TOKENS; index++) {
    const claims = {
      iss: issuer,
      sub: "base:0xAbCdEf0123456789",
      mid: "merchant-1",
      sid: `sess_${index}`,
      iat,
      exp: iat + 3600,
    };
    const parts = [{ alg: "RS256", typ: "JWT", kid: "gwop-auth-v1" }, claims];
    const input = parts.map((part) => base64url(encoder.encode(JSON.stringify(part)))).join(".");
    const signature = new Uint8Array(
      await crypto.subtle.sign(algorithm.name, pair.privateKey, encoder.encode(input)),
    );
    all.push(`${input}.${base64url(signature)}`);
  }
  // Each candidate goes through them by itself.
  const inTurn = (verify) => {
    let next = 0;
    return async () => verify(all[next++ % TOKENS]);
  };
  const local = createLocalJWKSet(jwks);
  return {
    ...eachBuild(({ Gwop, HTTPClient }) => {
      const gwop = new Gwop({
        merchantId: "merchant-1",
        httpClient: new HTTPClient({ fetcher: async () => Response.json(jwks) }),
      });
      return inTurn((token) => gwop.auth.verifyToken(token));
    }),
    jose: inTurn((token) => jwtVerify(token, local, { issuer, algorithms: ["RS256"] })),
  };
}

async function calls() {
  const body = JSON.stringify(INVOICE);
  const headers = { "content-type": "application/json", "x-request-id": "req_1" };
  const fetcher = async () => new Response(body, { headers });
  return eachBuild(({ Gwop, HTTPClient }) => {
    const gwop = new Gwop({ httpClient: new HTTPClient({ fetcher }) });
    return async () => gwop.invoices.get({ id: INVOICE.id });
  });
}
