// Access tokens and JWK Sets that are nearly right, with real keys and the real Web Crypto.
import { createSign, generateKeyPairSync } from "node:crypto";
import { outcomeOf } from "./outcome.mjs";
import { edited, mutate, nearly, tree, write } from "./text.mjs";

const KEYS = Array.from({ length: 2 }, () => generateKeyPairSync("rsa", { modulusLength: 2048 }));
const [OWN, OTHER] = KEYS.map(({ publicKey }, at) => ({
  kty: "RSA",
  alg: "RS256",
  use: "sig",
  kid: `gwop-auth-v${at + 1}`,
  ...publicKey.export({ format: "jwk" }),
}));
const ISSUER = "https://identity.gwop.io";

const base64url = (bytes) => Buffer.from(bytes).toString("base64url");

function signed(header, claims, key = 0) {
  const input = `${base64url(header)}.${base64url(claims)}`;
  return `${input}.${base64url(createSign("sha256").update(input).sign(KEYS[key].privateKey))}`;
}

function header(random) {
  const kid = random.weighted([
    [20, "gwop-auth-v1"],
    [1, undefined],
    [0.5, "gwop-auth-v2"],
    [0.5, "unknown"],
  ]);
  return { alg: "RS256", typ: "JWT", ...(kid && { kid }) };
}

function claims(random, now) {
  const seconds = Math.floor(now / 1000);
  const near = () =>
    seconds +
    random.pick([-6, -5, -4, 0, 4, 5, 6, 3600, -3600]) +
    random.pick([0, 0, 0.5, 0.841, 0.842, 0.001]);
  const maybe = (members) => (random.chance(0.6) ? members : {});
  return {
    iss: ISSUER,
    sub: random.chance(0.9)
      ? "base:0xAbCdEf0123456789"
      : random.pick(["solana:So111", "base:", ":x", "x", "a:b:c", ""]),
    ...maybe({ mid: random.pick(["merchant-1", "merchant-2"]) }),
    ...maybe({ sid: "sess_1" }),
    ...maybe({ iat: near() }),
    ...(random.chance(0.1) && { nbf: near() }),
    ...(random.chance(0.2) && {
      aud: random.pick(["shop", ["shop"], ["a", "shop"], [], "a", ["shop", 1], 7]),
    }),
    exp: random.chance(0.15) ? near() : seconds + 3600,
    ...(random.chance(0.2) && { extra: { nested: [1, "é", null] } }),
  };
}

const DAMAGE = [
  (token) => `${token}.`,
  (token) => `.${token}`,
  (token) => `${token}=`,
  (token) => `${token}==`,
  (token) => `Bearer ${token}`,
  (token) => `bearer ${token}`,
  (token) => ` ${token}`,
  (token) => `${token}\n`,
  (token) => token.replaceAll("-", "+").replaceAll("_", "/"),
  (token) => token.replace(".", ".."),
  (token) => token.slice(0, token.lastIndexOf(".")),
  (token) => token.slice(0, token.lastIndexOf(".") + 1),
  (token) => token.slice(0, -1),
  (token) => token.slice(0, -4),
  (token) => `${token.slice(0, -1)}${token.endsWith("A") ? "B" : "A"}`,
  (token) => `${token}A`,
  (token) => token.split(".").reverse().join("."),
  (token) => token + "A".repeat(20_000),
  (token) => token + "A".repeat(16_384 - token.length),
  (token) => token + "A".repeat(16_385 - token.length),
  () => "",
  () => "..",
  () => "a.b.c",
];
/** The client's merchant id. The new package verifies nothing without one. */
const MERCHANTS = [
  [15, "any"],
  [4, "merchant-1"],
  [1, undefined],
];
/** Returns the client's option for one of `MERCHANTS`. */
const merchantOption = ({ ANY_MERCHANT }, merchant) => ({
  ...(merchant && { merchantId: merchant === "any" ? ANY_MERCHANT : merchant }),
});
const NO_TOKENS = [undefined, null, 7, {}, [], true];
const EXPECTATIONS = [
  { merchantId: "merchant-1" },
  { merchantId: "merchant-2" },
  { merchantId: "" },
  { merchantId: null },
  { merchantId: 7 },
  { merchantId: "a\0" },
  { merchantId: "é\ud800" },
  { audience: "shop" },
  { audience: ["shop"] },
  { audience: ["b", "a"] },
  { audience: [] },
  { audience: "" },
  { audience: [""] },
  { audience: [7] },
  { audience: null },
  { issuer: "https://other.example" },
  { issuer: "" },
  { issuer: 7 },
  { clockToleranceSeconds: 0 },
  { clockToleranceSeconds: 0.001 },
  { clockToleranceSeconds: 1e300 },
  { clockToleranceSeconds: -1 },
  { clockToleranceSeconds: NaN },
  { clockToleranceSeconds: Infinity },
  { clockToleranceSeconds: "5" },
  { clockToleranceSeconds: 3600.5 },
  { checkSession: 1 },
  null,
  7,
  "x",
  {},
  { unknown: 1 },
];

function makeToken(random, now) {
  const head = random.chance(0.8)
    ? Buffer.from(write(random, tree(header(random))))
    : nearly(random, header(random), 0);
  const body = random.chance(0.6)
    ? Buffer.from(write(random, tree(claims(random, now))))
    : nearly(random, claims(random, now), 0);
  let token = signed(head, body, random.chance(0.03) ? 1 : 0);
  if (random.chance(0.12)) token = random.pick(DAMAGE)(token);
  else if (random.chance(0.05)) token = edited(random, token);
  else if (random.chance(0.01)) token = random.pick(NO_TOKENS);
  return {
    token,
    head: head.toString(),
    body: body.toString(),
    options: random.chance(0.25) ? random.pick(EXPECTATIONS) : undefined,
    merchant: random.weighted(MERCHANTS),
  };
}

const SET = { keys: [OWN, OTHER] };
const answerSet = async () => Response.json(SET);

/** Fixed tokens, for the cases about the set. */
const now = Math.floor(1_774_404_248_841 / 1000);
const claimsText = JSON.stringify({ iss: ISSUER, sub: "base:0x1", exp: now + 3600 });
const CANNED = [
  signed('{"alg":"RS256","kid":"gwop-auth-v1"}', claimsText),
  signed('{"alg":"RS256"}', claimsText),
  signed('{"alg":"RS256","kid":"gwop-auth-v2"}', claimsText, 1),
  signed('{"alg":"RS256","kid":"\\u0067wop-auth-v1"}', claimsText),
  signed('{"alg":"RS256","kid":"other"}', claimsText),
  signed('{"alg":"RS256","kid":""}', claimsText),
];

CANNED.push(
  signed(
    '{"alg":"RS256","kid":"gwop-auth-v1"}',
    JSON.stringify({ ...JSON.parse(claimsText), mid: "merchant-1", aud: ["shop"], nbf: now + 40 }),
  ),
);
const CALL_OPTIONS = [
  { merchantId: "merchant-1" },
  { merchantId: "merchant-2" },
  { audience: "shop" },
  { audience: ["b", "a"] },
  { issuer: ISSUER },
  { issuer: "https://other.example" },
  { clockToleranceSeconds: 0 },
  { clockToleranceSeconds: 60 },
];

const OTHER_KEYS = [
  {
    kty: "EC",
    crv: "P-256",
    x: "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    y: "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    kid: "ec",
  },
  { kty: "oct", k: "AAAA", kid: "gwop-auth-v1" },
  { ...OWN, e: "AQ" },
  { ...OWN, e: "AAEAAQ" },
  { ...OWN, e: "Aw" },
  { ...OWN, e: "AQABAQAB" },
  { ...OWN, n: `AA${OWN.n}` },
  { ...OWN, n: OWN.n.slice(0, 170) },
  { ...OWN, alg: "RS512" },
  { ...OWN, use: "enc" },
  { ...OWN, key_ops: ["verify"] },
  { ...OWN, key_ops: ["sign"] },
  { ...OWN, key_ops: [] },
  { ...OWN, key_ops: "verify" },
  { ...OWN, kid: "other" },
  { ...OWN, kid: "" },
  { ...OWN, kid: undefined },
  { ...OTHER, kid: OWN.kid },
  { kty: "RSA", n: OWN.n, e: OWN.e, kid: OWN.kid },
  { ...OWN, d: "AQAB" },
  { ...OWN, x5c: ["MIIB"] },
];

function makeSet(random) {
  const keys = [
    random.chance(0.8) ? OWN : random.pick(OTHER_KEYS),
    ...(random.chance(0.5) ? [OTHER] : []),
    ...(random.chance(0.3) ? [random.pick(OTHER_KEYS)] : []),
  ];
  if (random.chance(0.02))
    keys.push(...Array.from({ length: random.pick([61, 62, 63, 64, 65]) }, () => OTHER));
  const set = nearly(random, { keys, ...(random.chance(0.2) && { extra: 1 }) }, 0.4);
  const second = random.chance(0.2) ? nearly(random, SET, 0.5) : undefined;
  return {
    set,
    second,
    status: random.chance(0.05) ? random.pick([201, 204, 301, 404, 429, 500, 503]) : 200,
    broken: random.chance(0.03),
    cooldown: random.pick([undefined, undefined, 0, 30, 1e9]),
    tokens: makeTokens(random),
    stored: random.chance(0.3)
      ? random.weighted([
          [2, () => random.pick([undefined, null, 7, {}, [], "x"])],
          [5, () => storedSet(random)],
        ])()
      : "(no store)",
  };
}

/** Tokens in turn: each with the time since the last one, and the call's options. */
function makeTokens(random) {
  const tokens = [];
  for (let left = 1 + random.below(4); left > 0; left--) {
    // A token that comes again may be known from before.
    const token =
      tokens.length > 0 && random.chance(0.5) ? random.pick(tokens)[0] : random.pick(CANNED);
    const after = random.pick([0, 0, 0, 1_000, 1_000, 31_000, 31_000, 700_000, 3_597_000]);
    tokens.push([token, after, random.chance(0.2) ? random.pick(CALL_OPTIONS) : undefined]);
  }
  return tokens;
}

/** The values of a `jwksStore`: an object, or a text that is not JSON. */
function storedSet(random) {
  const keys = [
    random.chance(0.7) ? OWN : random.pick(OTHER_KEYS),
    ...(random.chance(0.2) ? [random.pick(OTHER_KEYS)] : []),
  ];
  const root = tree({
    keys,
    fetchedAt:
      1_774_404_248_841 -
      random.pick([
        0, 1_000, 3_599_999, 3_600_000, 86_399_999, 86_400_000, -59_999, -60_000, -60_001, 0.5,
      ]),
  });
  const text = write(random, random.chance(0.5) ? mutate(random, root) : root);
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

export const kinds = [
  {
    name: "verifyToken",
    weight: 9,
    make: makeToken,
    show: ({ head, body, options, merchant, token }) => ({
      header: head,
      claims: body,
      options,
      merchant,
      token: typeof token === "string" && token.length > 3000 ? `${token.slice(0, 3000)}…` : token,
    }),
    run: (side, { token, options, merchant }) =>
      outcomeOf(() => {
        const { Gwop, HTTPClient } = side;
        const httpClient = new HTTPClient({ fetcher: answerSet });
        const gwop = new Gwop({ httpClient, ...merchantOption(side, merchant) });
        return gwop.auth.verifyToken(token, options);
      }),
  },
  {
    name: "verifyToken over a JWK Set",
    weight: 3,
    make: makeSet,
    show: ({ tokens, ...input }) => ({
      ...input,
      set: input.set.toString(),
      second: input.second?.toString(),
      tokens: tokens.map(([token, ...more]) => [
        ...token.split(".", 2).map((part) => Buffer.from(part, "base64url").toString()),
        ...more,
      ]),
    }),
    run: async (
      { Gwop, HTTPClient, ANY_MERCHANT, clock },
      { set, second, status, broken, cooldown, tokens, stored },
    ) => {
      const log = [];
      const fetcher = async (request) => {
        log.push(request.url);
        if (broken) throw new TypeError("fetch failed");
        const body = log.length > 1 && second ? second : set;
        return new Response(status === 204 ? null : body, { status });
      };
      const store = { get: async () => stored, set: async (value) => void log.push(value) };
      const gwop = new Gwop({
        httpClient: new HTTPClient({ fetcher }),
        merchantId: ANY_MERCHANT,
        jwksCooldownSeconds: cooldown,
        ...(stored !== "(no store)" && { jwksStore: store }),
      });
      const outcomes = [];
      for (const [token, after, options] of tokens) {
        clock.now += after;
        outcomes.push(await outcomeOf(() => gwop.auth.verifyToken(token, options)));
      }
      return { outcomes, log };
    },
  },
];
