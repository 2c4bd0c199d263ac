/** Shared by the token suites: an issuer with real keys, and a fake of Gwop's identity host. */
import { Gwop, HTTPClient } from "@gwop/sdk";

const encoder = new TextEncoder();
const RS256 = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };

/** Encodes a string or bytes as base64url without padding. */
export function base64url(data) {
  const bytes = typeof data === "string" ? encoder.encode(data) : new Uint8Array(data);
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** Decodes a base64url text. */
export const fromBase64url = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (character) =>
    character.charCodeAt(0),
  );

/**
 * Creates an RS256 key pair called `kid`: `jwk` as Gwop publishes it, and a function that signs.
 */
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
    /** Signs two texts, unchanged, as a compact JWS. */
    signRaw,
    /** Creates a token with Gwop's claims, changed by `changes`. `undefined` removes one. */
    sign: (changes = {}, header = {}) =>
      signRaw(
        JSON.stringify({ alg: "RS256", typ: "JWT", kid, ...header }),
        JSON.stringify(claims(changes)),
      ),
  };
}

/** Returns the claims that Gwop signs, changed by `changes`. */
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
/** One key pair for all tests that need no second one, because creating them takes long. */
export const gwopIssuer = () => (shared ??= issuer());

/** Creates the response of the JWKS endpoint. */
export const jwksAnswer = (...keys) => Response.json({ keys });

/**
 * Creates a client whose requests all go to `answer(request)`, which returns a `Response` or
 * throws. `requests` grows with each request.
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

/** Creates a client that knows the keys of these issuers. */
export const clientOf = (issuers, options) =>
  clientWith(() => jwksAnswer(...issuers.map(({ jwk }) => jwk)), options);

/** Creates a client of an issuer. `session` responds to requests about sessions. */
export const withSession = (gwop, session, options) =>
  clientWith(
    (request) => (request.url.endsWith("/jwks.json") ? jwksAnswer(gwop.jwk) : session(request)),
    options,
  );

/** Gwop's response about the session `sess_1`. */
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
