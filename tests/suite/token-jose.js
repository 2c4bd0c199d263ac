// Differential test with npm `jose` on a generated corpus. The SDK accepts nothing that jose
// refuses. It refuses a token that jose accepts only for a reason that this file names.
import { ANY_MERCHANT } from "@gwop/sdk";
import { createLocalJWKSet, jwtVerify } from "jose";
import { assert, assertEquals, test } from "./harness.js";
import { base64url, claims, clientOf, gwopIssuer, issuer } from "./token-kit.js";

const AUDIENCE = "shop";
const now = () => Math.floor(Date.now() / 1000);

/** Signed tokens: header and claims as text, and why the SDK is stricter than jose, if it is. */
function signedCases() {
  const kid = "gwop-auth-v1";
  const header = (changes) => JSON.stringify({ alg: "RS256", kid, ...changes });
  const payload = (changes) => JSON.stringify(claims({ aud: AUDIENCE, ...changes }));
  const plain = header({});
  const good = payload({});
  const later = now() + 900;
  return [
    [plain, good],
    // Headers.
    [header({ typ: "JWT" }), good],
    [header({ typ: "at+jwt", cty: "x", new: { a: 1 } }), good],
    [
      header({
        jwk: { kty: "RSA" },
        jku: "https://attacker.example",
        x5u: "https://attacker.example",
      }),
      good,
    ],
    [header({ alg: "none" }), good],
    [header({ alg: "HS256" }), good],
    [header({ alg: "RS512" }), good],
    [header({ alg: "PS256" }), good],
    [header({ alg: "rs256" }), good],
    [header({ alg: undefined }), good],
    [header({ alg: 1 }), good],
    [header({ alg: ["RS256"] }), good],
    [header({ kid: "other" }), good],
    [header({ kid: "" }), good],
    [header({ kid: undefined }), good, "a token needs a kid"],
    [header({ kid: null }), good],
    [header({ crit: ["exp"], exp: 1 }), good],
    [header({ crit: [] }), good],
    [header({ crit: "b64", b64: true }), good],
    [header({ crit: ["b64"], b64: true }), good, "no JWS extension is known"],
    [header({ crit: ["b64"], b64: false }), good],
    [header({ b64: true }), good, "no JWS extension is known"],
    [header({ b64: false }), good, "no JWS extension is known"],
    [`{"alg":"RS256",${plain.slice(1)}`, good, "names must be distinct"],
    [`{"kid":"other",${plain.slice(1)}`, good, "names must be distinct"],
    [` ${plain}\n`, good],
    [`${plain}x`, good],
    [`[${plain}]`, good],
    ["null", good],
    ["", good],
    [`\ufeff${plain}`, good, "a JSON text has no byte order mark"],
    // Claims sets.
    [plain, ` ${good}\n`],
    [plain, `${good}x`],
    [plain, `[${good}]`],
    [plain, "null"],
    [plain, "1"],
    [plain, ""],
    [plain, `\ufeff${good}`, "a JSON text has no byte order mark"],
    [plain, `{"exp":${later},${good.slice(1)}`, "names must be distinct"],
    [plain, `{"x":1,"x":1,${good.slice(1)}`, "names must be distinct"],
    [plain, good.replace(/"exp":\d+/, `"exp":${later}.5`)],
    [plain, good.replace(/"exp":\d+/, `"exp":${later / 1e9}e9`)],
    [plain, good.replace(/"exp":\d+/, '"exp":1e400'), "a time has bounds"],
    ...[
      later,
      later + 0.5,
      now() - 60,
      now() - 3,
      1,
      0,
      -1,
      -later,
      "1",
      `${later}`,
      null,
      true,
      [later],
      {},
    ].map((exp) => [plain, payload({ exp })]),
    ...[later * 1000, 2 ** 53, 1e300].map((exp) => [plain, payload({ exp }), "a time has bounds"]),
    [plain, payload({ exp: undefined })],
    ...[now() - 60, now() + 3, now() + 60, later, "now", null, [1]].map((nbf) => [
      plain,
      payload({ nbf }),
    ]),
    [plain, payload({ nbf: -1 }), "a time has bounds"],
    ...[now() - 60, now() + 60, 1.5, "now", true, null].map((iat) => [plain, payload({ iat })]),
    [plain, payload({ iat: -1 }), "a time has bounds"],
    [plain, payload({ iat: undefined })],
    ...[undefined, null, "", "https://identity.gwop.io/", "x", 1, {}].map((iss) => [
      plain,
      payload({ iss }),
    ]),
    [plain, payload({ iss: ["https://identity.gwop.io"] })],
    ...[undefined, null, "", "Shop", "shop ", [], ["a"], ["a", AUDIENCE], [AUDIENCE], 1, {}].map(
      (aud) => [plain, payload({ aud })],
    ),
    [plain, payload({ aud: [1, AUDIENCE] }), "aud has strings only"],
    [plain, payload({ sub: undefined })],
    ...["", "x", ":x", "x:", 1, null, ["base:0x1"]].map((sub) => [
      plain,
      payload({ sub }),
      "sub is {chain}:{address}",
    ]),
    ...[1, null, ["merchant-1"]].map((mid) => [plain, payload({ mid }), "mid and sid are strings"]),
    ...[1, null, {}].map((sid) => [plain, payload({ sid }), "mid and sid are strings"]),
    [plain, payload({ big: "é😀\u2028".repeat(300), nested: { a: [[[{ a: null }]]] } })],
    [plain, payload({ big: "x".repeat(20_000) }), "a token has at most 16 KiB"],
  ];
}

/** A generator of numbers below `bound`, the same in each run. */
function numbers(seed) {
  let state = seed;
  return (bound) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * bound);
  };
}

/** Returns texts that are similar to a good token. */
function* mutants(token, count) {
  const below = numbers(1);
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \n\0é";
  const [header, payload, signature] = token.split(".");
  yield* [
    "",
    ".",
    "..",
    "...",
    header,
    `${header}.${payload}`,
    `${token}.`,
    `.${token}`,
    `${token}..`,
    `${token}=`,
    `${token}==`,
  ];
  yield* [
    `${header}..${signature}`,
    `.${payload}.${signature}`,
    `${header}.${payload}.`,
    `${payload}.${header}.${signature}`,
  ];
  yield* [
    ` ${token}`,
    `${token} `,
    `${token}\n`,
    token.toUpperCase(),
    token.slice(0, -1),
    `${token}A`,
    `${token}${token}`,
  ];
  for (let i = 0; i < count; i++) {
    const at = below(token.length);
    const character = alphabet[below(alphabet.length)];
    const rest = [at, at + 1][below(2)];
    yield below(8) === 0
      ? token.slice(0, at) + token.slice(at + 1 + below(3))
      : token.slice(0, at) + character + token.slice(rest);
  }
}

async function accepts(verification) {
  try {
    await verification;
    return true;
  } catch (error) {
    assert(typeof error.code === "string", `${error}`);
    return false;
  }
}

async function both() {
  const gwop = await gwopIssuer();
  const { verify } = clientOf([gwop], { merchantId: ANY_MERCHANT, jwksCooldownSeconds: 3_600 });
  const keys = createLocalJWKSet({ keys: [gwop.jwk] });
  const expected = {
    issuer: "https://identity.gwop.io",
    audience: AUDIENCE,
    algorithms: ["RS256"],
    clockTolerance: 5,
    requiredClaims: ["exp", "sub"],
  };
  await verify(await gwop.sign());
  return {
    gwop,
    jose: (token) => accepts(jwtVerify(token, keys, expected)),
    sdk: (token) => accepts(verify(token, { audience: AUDIENCE })),
  };
}

test("signed tokens are accepted as jose accepts them, or refused for a named reason", async () => {
  const { gwop, jose, sdk } = await both();
  let accepted = 0;
  for (const [header, payload, stricter] of signedCases()) {
    const token = await gwop.signRaw(header, payload);
    const verdicts = { jose: await jose(token), sdk: await sdk(token) };
    const expected = stricter ? { ...verdicts, sdk: false } : { ...verdicts, sdk: verdicts.jose };
    assertEquals(
      verdicts,
      expected,
      `${header} ${payload.slice(0, 300)} (${stricter ?? "as jose"})`,
    );
    accepted += Number(verdicts.sdk);
  }
  assert(accepted > 15, `only ${accepted} accepted`);
});

test("texts near a good token are accepted as jose accepts them, but for the spelling of base64url", async () => {
  const { gwop, jose, sdk } = await both();
  const token = await gwop.sign({ aud: AUDIENCE });
  assertEquals([await jose(token), await sdk(token)], [true, true]);
  // A lenient decoder accepts other spellings of the same bytes.
  const canonical = (text) =>
    text.split(".").every((part) => /^[\w-]*$/.test(part) && sameSpelling(part));
  for (const mutant of mutants(token, 600)) {
    const verdicts = { jose: await jose(mutant), sdk: await sdk(mutant) };
    const stricter = verdicts.jose && !canonical(mutant);
    assertEquals(verdicts.sdk, verdicts.jose && !stricter, JSON.stringify(mutant));
  }
});

function sameSpelling(part) {
  try {
    const binary = atob(part.replaceAll("-", "+").replaceAll("_", "/"));
    return base64url(Uint8Array.from(binary, (character) => character.charCodeAt(0))) === part;
  } catch {
    return false;
  }
}

test("another issuer's key convinces neither", async () => {
  const { jose, sdk } = await both();
  const attacker = await issuer("gwop-auth-v1");
  const token = await attacker.sign({ aud: AUDIENCE }, { jwk: attacker.jwk });
  assertEquals([await jose(token), await sdk(token)], [false, false]);
});
