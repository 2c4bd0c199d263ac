/** What the token suites share: an issuer with real keys, and a fake of Gwop's identity host. */
import { Gwop, HTTPClient } from "@gwop/sdk";

const encoder = new TextEncoder();
const RS256 = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };

/** base64url without padding, of a string or bytes. */
export function base64url(data) {
  const bytes = typeof data === "string" ? encoder.encode(data) : new Uint8Array(data);
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** The bytes of a base64url text. */
export const fromBase64url = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (character) =>
    character.charCodeAt(0),
  );

/** An RS256 key pair called `kid`: `jwk` as Gwop publishes it, and how it signs. */
export async function issuer(kid = "gwop-auth-v1", modulusLength = 2048) {
  const pair = await crypto.subtle.generateKey(
    { ...RS256, modulusLength, publicExponent: new Uint8Array([1, 0, 1]) },
    true,
    ["sign", "verify"],
  );
  const { n, e } = await crypto.subtle.exportKey("jwk", pair.publicKey);
  const jwk = { kty: "RSA", alg: "RS256", use: "sig", kid, n, e };
  const signRaw = async (header, payload) => {
    const input = `${base64url(header)}.${base64url(payload)}`;
    const signature = await crypto.subtle.sign(RS256.name, pair.privateKey, encoder.encode(input));
    return `${input}.${base64url(signature)}`;
  };
  return {
    kid,
    jwk,
    /** A compact JWS over two texts as they stand. */
    signRaw,
    /** A token with Gwop's claims, changed by `changes`; `undefined` leaves one out. */
    sign: (changes = {}, header = {}) =>
      signRaw(
        JSON.stringify({ alg: "RS256", typ: "JWT", kid, ...header }),
        JSON.stringify(claims(changes)),
      ),
  };
}

/** The claims that Gwop signs, changed by `changes`. */
export function claims(changes = {}) {
  const now = Math.floor(Date.now() / 1000);
  return {
    iss: "https://identity.gwop.io",
    sub: "base:0xAbCdEf0123456789",
    mid: "merchant-1",
    sid: "sess_1",
    iat: now,
    exp: now + 900,
    ...changes,
  };
}

let shared;
/** One key pair for all tests that need no second one: making them takes long. */
export const gwopIssuer = () => (shared ??= issuer());

/** The answer of the JWKS endpoint. */
export const jwksAnswer = (...keys) => Response.json({ keys });

/**
 * A client whose every request goes to `answer(request)`, which gives a `Response` or throws.
 * `requests` counts up as they are made.
 */
export function clientWith(answer, options = {}) {
  const requests = [];
  const fetcher = async (input, init) => {
    const request = new Request(input, init);
    requests.push(request);
    return answer(request, requests.length);
  };
  const gwop = new Gwop({
    merchantApiKey: "sk_m_test",
    merchantId: "merchant-1",
    httpClient: new HTTPClient({ fetcher }),
    retryConfig: { strategy: "none" },
    ...options,
  });
  return { gwop, requests, verify: (token, expected) => gwop.auth.verifyToken(token, expected) };
}

/** A client that knows the keys of these issuers. */
export const clientOf = (issuers, options) =>
  clientWith(() => jwksAnswer(...issuers.map(({ jwk }) => jwk)), options);

/** A client of an issuer, where `session` answers what is asked of sessions. */
export const withSession = (gwop, session, options) =>
  clientWith(
    (request) => (request.url.endsWith("/jwks.json") ? jwksAnswer(gwop.jwk) : session(request)),
    options,
  );

/** What Gwop says of the session `sess_1`. */
export const sessionAnswer = (status) =>
  Response.json({
    session_id: "sess_1",
    status,
    sub: "base:0xAbCdEf0123456789",
    chain: "base",
    wallet_address: "0xAbCdEf0123456789",
    created_at: "2026-03-25T02:04:08.841Z",
    expires_at: "2036-03-25T02:04:08.841Z",
    revoked_at: null,
  });
