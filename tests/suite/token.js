import { ANY_MERCHANT } from "@gwop/sdk";
import { SDKValidationError, TokenVerificationError } from "@gwop/sdk/errors";
import {
  assert,
  assertEquals,
  assertInstance,
  assertMatch,
  assertRejects,
  test,
} from "./harness.js";
import {
  base64url,
  claims,
  clientOf,
  fromBase64url,
  gwopIssuer,
  issuer,
  sessionAnswer,
  withSession,
} from "./token-kit.js";

const refused = async (promise, code) => {
  const error = await assertRejects(promise, { code });
  assertInstance(error, TokenVerificationError);
  return error;
};

// ---- The result for a good token ----

test("verifyToken resolves to who the agent is", async () => {
  const gwop = await gwopIssuer();
  const { verify, requests } = clientOf([gwop]);
  const signed = claims({ sub: "solana:7xKé:1", amr: ["wallet"], nested: { a: [null, 1.5, "é"] } });
  const token = await gwop.signRaw(
    JSON.stringify({ alg: "RS256", kid: gwop.kid }),
    JSON.stringify(signed),
  );
  assertEquals(await verify(token), {
    subject: "solana:7xKé:1",
    chain: "solana",
    walletAddress: "7xKé:1",
    sessionId: "sess_1",
    merchantId: "merchant-1",
    issuedAt: new Date(signed.iat * 1000),
    expiresAt: new Date(signed.exp * 1000),
    claims: signed,
  });
  assertEquals(requests.length, 1);
  assertEquals(requests[0].url, "https://identity.gwop.io/.well-known/jwks.json");
  assertEquals(requests[0].method, "GET");
  assertEquals(requests[0].headers.get("authorization"), null);
  assertEquals(requests[0].redirect, "manual");
});

test("a token without iat, mid or sid verifies where none is asked for", async () => {
  const gwop = await gwopIssuer();
  const { verify } = clientOf([gwop], { merchantId: ANY_MERCHANT });
  const token = await verify(await gwop.sign({ iat: undefined, mid: undefined, sid: undefined }));
  assertEquals(
    [token.issuedAt, token.merchantId, token.sessionId],
    [undefined, undefined, undefined],
  );
  assertEquals(token.walletAddress, "0xAbCdEf0123456789");
});

test("fractions of a second in exp, nbf and iat are allowed, as RFC 7519 has them", async () => {
  const gwop = await gwopIssuer();
  const { verify } = clientOf([gwop]);
  const token = await verify(await gwop.sign({ exp: 4102444800.25, iat: 1774404248.841 }));
  assertEquals(token.expiresAt.getTime(), 4102444800250);
  assertEquals(token.issuedAt.getTime(), 1774404248841);
});

// ---- Every code ----

test("a token that is not a string is malformed, and no request is made for it", async () => {
  const { verify, requests } = clientOf([await gwopIssuer()]);
  for (const token of [
    undefined,
    null,
    7,
    {},
    [],
    true,
    Symbol("x"),
    new String("a.b.c"),
    new Uint8Array(3),
  ]) {
    await refused(verify(token), "TOKEN_MALFORMED");
  }
  assertEquals(requests.length, 0);
});

test("what is no compact JWS is malformed, and no request is made for it", async () => {
  const gwop = await gwopIssuer();
  const { verify, requests } = clientOf([gwop]);
  const token = await gwop.sign();
  const [header, payload, signature] = token.split(".");
  for (const wrong of [
    "",
    ".",
    "..",
    "x",
    "not a token",
    `${header}.${payload}`,
    `${token}.`,
    `${token}..`,
    `.${token}`,
    `${header}..${signature}`,
    `${token}=`,
    `${header}=.${payload}.${signature}`,
    ` ${token}`,
    `${token}\n`,
    `${header}.${payload}.${signature} `,
    `${header}.${payload}.+/+/`,
    `${header}.${payload}.é`,
    `${header}.${payload}.\ud800`,
    `${token}\0`,
    `${header}.${payload}.${"A".repeat(16_384)}`,
    "a".repeat(5_000_000),
    JSON.stringify({ protected: header, payload, signature }),
  ]) {
    await refused(verify(wrong), "TOKEN_MALFORMED");
  }
  assertMatch((await refused(verify(`Bearer ${token}`), "TOKEN_MALFORMED")).message, "Bearer");
  assertEquals(requests.length, 0);
});

test("a signature has one spelling: base64url that is not canonical is malformed", async () => {
  const gwop = await gwopIssuer();
  const { verify } = clientOf([gwop]);
  const token = await gwop.sign();
  // 256 bytes leave 4 unused bits in the last digit.
  const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const last = digits.indexOf(token.at(-1));
  assertEquals(last % 16, 0);
  for (const unused of [1, 7, 15]) {
    const respelled = token.slice(0, -1) + digits[last + unused];
    assertEquals(fromBase64url(respelled.split(".")[2]), fromBase64url(token.split(".")[2]));
    await refused(verify(respelled), "TOKEN_MALFORMED");
  }
  await verify(token);
});

test("only RS256, judged before anything else", async () => {
  const gwop = await gwopIssuer();
  const { verify, requests } = clientOf([gwop]);
  const payload = base64url(JSON.stringify(claims()));
  for (const alg of [
    "none",
    "None",
    "NONE",
    "nOnE",
    "HS256",
    "HS512",
    "RS384",
    "RS512",
    "PS256",
    "ES256",
    "EdDSA",
    "rs256",
    "",
    null,
    7,
    undefined,
  ]) {
    const header = base64url(JSON.stringify({ alg, kid: gwop.kid }));
    for (const token of [
      `${header}.${payload}.`,
      `${header}.${payload}.AAAA`,
      `${header}..`,
      `${header}.!.!`,
    ]) {
      await refused(verify(token), "TOKEN_ALG_NOT_ALLOWED");
    }
  }
  assertEquals(requests.length, 0);
});

test("HS256 signed with the public key is refused", async () => {
  const gwop = await gwopIssuer();
  const { verify } = clientOf([gwop]);
  const input = `${base64url(JSON.stringify({ alg: "HS256", kid: gwop.kid }))}.${base64url(JSON.stringify(claims()))}`;
  const encoder = new TextEncoder();
  const pem = `-----BEGIN PUBLIC KEY-----\n${gwop.jwk.n}\n-----END PUBLIC KEY-----`;
  for (const secret of [gwop.jwk.n, JSON.stringify(gwop.jwk), pem]) {
    const hmac = { name: "HMAC", hash: "SHA-256" };
    const key = await crypto.subtle.importKey("raw", encoder.encode(secret), hmac, false, ["sign"]);
    const signature = await crypto.subtle.sign("HMAC", key, encoder.encode(input));
    await refused(verify(`${input}.${base64url(signature)}`), "TOKEN_ALG_NOT_ALLOWED");
  }
});

test("any crit, and b64, is malformed, even when signed", async () => {
  const gwop = await gwopIssuer();
  const { verify } = clientOf([gwop]);
  for (const header of [
    { crit: ["exp"], exp: 1 },
    { crit: ["b64"], b64: false },
    { crit: [] },
    { crit: null },
    { b64: false },
    { b64: true },
  ]) {
    await refused(verify(await gwop.sign({}, header)), "TOKEN_MALFORMED");
  }
});

test("repeated names in the header or the claims are malformed, even when signed", async () => {
  const gwop = await gwopIssuer();
  const { verify } = clientOf([gwop]);
  const header = JSON.stringify({ alg: "RS256", kid: gwop.kid });
  const payload = JSON.stringify(claims());
  for (const [first, second] of [
    [`{"alg":"none",${header.slice(1)}`, payload],
    [`{"kid":"other",${header.slice(1)}`, payload],
    [`{"\\u0061lg":"RS256",${header.slice(1)}`, payload],
    [header, `{"exp":99999999999,${payload.slice(1)}`],
    [header, `{"mid":"merchant-2",${payload.slice(1)}`],
    [header, `{"x":1,"x":1,${payload.slice(1)}`],
  ]) {
    await refused(verify(await gwop.signRaw(first, second)), "TOKEN_MALFORMED");
  }
});

test("claims of the wrong type are malformed, even when signed", async () => {
  const gwop = await gwopIssuer();
  const { verify } = clientOf([gwop]);
  const soon = Math.floor(Date.now() / 1000) + 900;
  for (const changes of [
    { exp: undefined },
    { exp: null },
    { exp: `${soon}` },
    { exp: -1 },
    { exp: 1e300 },
    { exp: Number.MAX_SAFE_INTEGER },
    { exp: soon * 1000 },
    { exp: [soon] },
    { nbf: "now" },
    { iat: true },
    { sub: undefined },
    { sub: "" },
    { sub: 7 },
    { sub: "0xAbC" },
    { sub: "base:" },
    { sub: ":0xAbC" },
    { mid: 7 },
    { sid: {} },
    { aud: 7 },
    { iss: ["https://identity.gwop.io"] },
  ]) {
    await refused(verify(await gwop.sign(changes)), "TOKEN_MALFORMED");
  }
  const header = JSON.stringify({ alg: "RS256", kid: gwop.kid });
  for (const payload of ["", "[]", "null", "{", `${"[".repeat(5_000)}${"]".repeat(5_000)}`]) {
    await refused(verify(await gwop.signRaw(header, payload)), "TOKEN_MALFORMED");
  }
});

test("jwk, jku, x5u and x5c of a token are never followed", async () => {
  const [gwop, attacker] = [await gwopIssuer(), await issuer("gwop-auth-v1")];
  const { verify, requests } = clientOf([gwop]);
  const bait = {
    jwk: attacker.jwk,
    jku: "https://attacker.example/jwks",
    x5u: "https://attacker.example/x",
    x5c: ["MIIB"],
  };
  await refused(verify(await attacker.sign({}, bait)), "TOKEN_SIGNATURE_INVALID");
  await refused(verify(await attacker.sign({}, { ...bait, kid: "attacker" })), "TOKEN_KID_UNKNOWN");
  await verify(await gwop.sign({}, bait));
  assert(
    requests.every(({ url }) => url.startsWith("https://identity.gwop.io/")),
    "a request went elsewhere",
  );
});

test("a changed token, or one signed with another key, has an invalid signature", async () => {
  const [gwop, attacker] = [await gwopIssuer(), await issuer("gwop-auth-v1")];
  const { verify } = clientOf([gwop]);
  const token = await gwop.sign();
  const [header, payload, signature] = token.split(".");
  // The following tokens have the header of a token that was good.
  await verify(token);
  await refused(verify(`${header}.${base64url("{}")}.${signature}`), "TOKEN_MALFORMED");
  await refused(verify(`${header}.${payload}`), "TOKEN_MALFORMED");
  const forged = base64url(JSON.stringify(claims({ sub: "base:0xattacker" })));
  for (const wrong of [
    await attacker.sign(),
    `${header}.${forged}.${signature}`,
    `${header}.${payload}.`,
    `${header}.${payload}.AAAA`,
    `${header}.${payload}.${base64url(new Uint8Array(256))}`,
    `${header}.${payload}.${base64url(new Uint8Array(257).fill(255))}`,
  ]) {
    await refused(verify(wrong), "TOKEN_SIGNATURE_INVALID");
  }
  // The signature is checked before the claims: a forgery's claims are not mentioned.
  await refused(
    verify(await attacker.sign({ exp: 1, mid: "merchant-2" })),
    "TOKEN_SIGNATURE_INVALID",
  );
  await verify(token);
});

test("expired and not yet valid, with 5 seconds of tolerance unless told otherwise", async () => {
  const gwop = await gwopIssuer();
  const { verify } = clientOf([gwop]);
  const now = Math.floor(Date.now() / 1000);
  await refused(verify(await gwop.sign({ exp: now - 60 })), "TOKEN_EXPIRED");
  await refused(verify(await gwop.sign({ exp: now - 6 })), "TOKEN_EXPIRED");
  await verify(await gwop.sign({ exp: now - 1 }));
  await refused(
    verify(await gwop.sign({ exp: now - 1 }), { clockToleranceSeconds: 0 }),
    "TOKEN_EXPIRED",
  );
  await verify(await gwop.sign({ exp: now - 60 }), { clockToleranceSeconds: 120 });
  await refused(verify(await gwop.sign({ nbf: now + 60 })), "TOKEN_NOT_YET_VALID");
  await verify(await gwop.sign({ nbf: now + 3 }));
  await verify(await gwop.sign({ nbf: now + 60 }), { clockToleranceSeconds: 120 });
  await verify(await gwop.sign({ nbf: now - 60 }));
});

test("a token expires while the client lives", async () => {
  const gwop = await gwopIssuer();
  const { verify } = clientOf([gwop]);
  const token = await gwop.sign({ exp: Date.now() / 1000 + 0.6 });
  await verify(token, { clockToleranceSeconds: 0 });
  await new Promise((done) => setTimeout(done, 700));
  await refused(verify(token, { clockToleranceSeconds: 0 }), "TOKEN_EXPIRED");
});

test("the issuer is Gwop's unless told otherwise", async () => {
  const gwop = await gwopIssuer();
  const { verify } = clientOf([gwop]);
  for (const iss of [
    undefined,
    "",
    "https://identity.gwop.io/",
    "http://identity.gwop.io",
    "https://evil.example",
  ]) {
    await refused(verify(await gwop.sign({ iss })), "TOKEN_ISSUER_MISMATCH");
  }
  const token = await gwop.sign({ iss: "https://identity.test" });
  await verify(token, { issuer: "https://identity.test" });
  await refused(
    verify(await gwop.sign(), { issuer: "https://identity.test" }),
    "TOKEN_ISSUER_MISMATCH",
  );
});

test("an expected audience must be among those of the token", async () => {
  const gwop = await gwopIssuer();
  const { verify } = clientOf([gwop]);
  await verify(await gwop.sign({ aud: "shop" }));
  await verify(await gwop.sign({ aud: "shop" }), { audience: "shop" });
  await verify(await gwop.sign({ aud: ["a", "shop"] }), { audience: "shop" });
  await verify(await gwop.sign({ aud: ["a", "shop"] }), { audience: ["b", "shop"] });
  for (const aud of [undefined, "", "Shop", [], ["a", "b"]]) {
    await refused(
      verify(await gwop.sign({ aud }), { audience: "shop" }),
      "TOKEN_AUDIENCE_MISMATCH",
    );
  }
});

test("the merchant id comes from the call, then from the client", async () => {
  const gwop = await gwopIssuer();
  const { verify } = clientOf([gwop], { merchantId: "merchant-1" });
  await verify(await gwop.sign());
  await refused(verify(await gwop.sign({ mid: "merchant-2" })), "TOKEN_MERCHANT_MISMATCH");
  await refused(verify(await gwop.sign({ mid: undefined })), "TOKEN_MERCHANT_MISMATCH");
  await refused(verify(await gwop.sign({ mid: "Merchant-1" })), "TOKEN_MERCHANT_MISMATCH");
  await verify(await gwop.sign({ mid: "merchant-2" }), { merchantId: "merchant-2" });
  await refused(verify(await gwop.sign(), { merchantId: "merchant-2" }), "TOKEN_MERCHANT_MISMATCH");
});

test("without a merchant id no token verifies, and no request is made", async () => {
  const gwop = await gwopIssuer();
  const { verify, requests } = clientOf([gwop], { merchantId: undefined });
  for (const token of [await gwop.sign(), await gwop.sign({ mid: undefined }), "x"]) {
    for (const options of [undefined, {}, { audience: "shop" }, { merchantId: undefined }]) {
      const error = await assertRejects(verify(token, options), { code: "MERCHANT_ID_MISSING" });
      assertInstance(error, SDKValidationError);
      for (const name of ["merchantId", "GWOP_MERCHANT_ID", "ANY_MERCHANT"])
        assertMatch(error.message, name);
    }
  }
  assertEquals(requests.length, 0);
});

test("ANY_MERCHANT, of the call or of the client, lets every merchant's tokens verify, and nothing else does", async () => {
  const gwop = await gwopIssuer();
  const token = await gwop.sign({ mid: "merchant-2" });
  for (const [client, call] of [
    [undefined, ANY_MERCHANT],
    [ANY_MERCHANT, undefined],
    ["merchant-1", ANY_MERCHANT],
  ]) {
    const { verify } = clientOf([gwop], { merchantId: client });
    assertEquals((await verify(token, { merchantId: call })).merchantId, "merchant-2");
  }
  const { gwop: any, verify } = clientOf([gwop], { merchantId: ANY_MERCHANT });
  assertEquals(any.auth.merchantId, undefined);
  await refused(verify(token, { merchantId: "merchant-1" }), "TOKEN_MERCHANT_MISMATCH");
  for (const merchantId of [Symbol("any"), Symbol.for("any"), "ANY_MERCHANT", "*", true]) {
    const outcome = await verify(token, { merchantId }).catch((error) => error);
    assert(outcome instanceof Error, "it verified");
  }
  assertEquals(typeof ANY_MERCHANT, "symbol");
});

test("the merchant id is read from GWOP_MERCHANT_ID at the time of use", {
  needs: ["env"],
}, async () => {
  const gwop = await gwopIssuer();
  const { verify } = clientOf([gwop], { merchantId: undefined });
  const { env } = globalThis.process;
  try {
    env.GWOP_MERCHANT_ID = "merchant-2";
    await refused(verify(await gwop.sign()), "TOKEN_MERCHANT_MISMATCH");
    env.GWOP_MERCHANT_ID = "merchant-1";
    await verify(await gwop.sign());
    env.GWOP_MERCHANT_ID = "";
    await assertRejects(verify(await gwop.sign()), { code: "MERCHANT_ID_MISSING" });
    env.GWOP_MERCHANT_ID = "merchant-1";
    const any = clientOf([gwop], { merchantId: ANY_MERCHANT });
    await any.verify(await gwop.sign({ mid: "merchant-2" }));
    assertEquals(any.gwop.auth.merchantId, undefined);
    env.GWOP_MERCHANT_ID = "merchant-2";
    await verify(await gwop.sign(), { merchantId: "merchant-1" });
  } finally {
    delete env.GWOP_MERCHANT_ID;
  }
});

test("options that cannot be meant are refused before anything is sent", async () => {
  const gwop = await gwopIssuer();
  const { verify, requests } = clientOf([gwop]);
  const token = await gwop.sign();
  for (const options of [
    { merchantId: "" },
    { merchantId: null },
    { merchantId: 7 },
    { audience: "" },
    { audience: [] },
    { audience: [""] },
    { audience: null },
    { audience: 7 },
    { issuer: "" },
    { issuer: null },
    { clockToleranceSeconds: -1 },
    { clockToleranceSeconds: NaN },
    { clockToleranceSeconds: Infinity },
    { clockToleranceSeconds: "5" },
    { checkSession: "yes" },
    ...["yes", true, 30, ""].map((sessionCheck) => ({ sessionCheck })),
    {
      get issuer() {
        throw new Error("CANARY");
      },
    },
    "merchant-1",
    ["merchant-1"],
    7,
    true,
  ]) {
    const error = await assertRejects(verify(token, options), SDKValidationError);
    assert(!error.message.includes("CANARY"), error.message);
  }
  assertEquals(requests.length, 0);
  for (const options of [
    { jwksCooldownSeconds: -1 },
    { jwksCooldownSeconds: NaN },
    { jwksStore: {} },
  ]) {
    const error = await assertRejects(async () => clientOf([gwop], options).verify(token));
    assertInstance(error, SDKValidationError);
  }
});

test("errors of tokens hold nothing of the token", async () => {
  const [gwop, attacker] = [await gwopIssuer(), await issuer("gwop-auth-v1")];
  const { verify } = clientOf([gwop]);
  for (const token of [
    await attacker.sign({ sub: "base:s3cr3t" }),
    await gwop.sign({ sub: "base:s3cr3t", exp: 1 }),
    await gwop.sign({ sub: "base:s3cr3t", iss: "s3cr3t" }),
    await gwop.sign({ sub: "base:s3cr3t" }, { kid: "s3cr3t" }),
    `${await gwop.sign({ sub: "base:s3cr3t" })}.`,
  ]) {
    const error = await assertRejects(verify(token));
    const shown = `${error.message} ${error.stack} ${JSON.stringify(error)} ${Object.values(error)}`;
    assert(!shown.includes("s3cr3t") && !shown.includes(token.split(".")[1]), shown);
    assert(error.message.length > 30, "says what to do");
  }
});

// ---- Sessions ----

test("sessionCheck looks the session up live and refuses anything but active, by its older name too", async () => {
  const gwop = await gwopIssuer();
  const token = await gwop.sign();
  const active = withSession(gwop, () => sessionAnswer("active"));
  assertEquals((await active.verify(token, { sessionCheck: "always" })).sessionId, "sess_1");
  assertEquals(active.requests[1].url, "https://identity.gwop.io/v1/auth-sessions/sess_1");
  assertEquals(active.requests[1].headers.get("authorization"), "Bearer sk_m_test");
  for (const status of ["revoked", "expired", "ACTIVE", "paused"]) {
    const { verify } = withSession(gwop, () => sessionAnswer(status));
    for (const live of [{ sessionCheck: "always" }, { checkSession: true }]) {
      await refused(verify(token, live), "SESSION_REVOKED");
    }
    for (const local of [undefined, { sessionCheck: "never" }, { checkSession: false }]) {
      await verify(token, local);
    }
  }
  const gone = withSession(gwop, () =>
    Response.json({ error: { code: "SESSION_NOT_FOUND", message: "" } }, { status: 404 }),
  );
  await refused(gone.verify(token, { sessionCheck: "always" }), "SESSION_REVOKED");
});

test("a session that cannot be looked up is not a pass, nor a revocation", async () => {
  const gwop = await gwopIssuer();
  const token = await gwop.sign();
  for (const session of [
    () => {
      throw new TypeError("fetch failed");
    },
    () => new Response("", { status: 503 }),
    () => Response.json({ error: { code: "UNAUTHORIZED", message: "" } }, { status: 401 }),
    () => Response.json({ status: "active" }),
    () => new Response("active"),
  ]) {
    const error = await assertRejects(
      withSession(gwop, session).verify(token, { sessionCheck: "always" }),
    );
    assert(!(error instanceof TokenVerificationError), `${error}`);
  }
  const { verify } = withSession(gwop, () => sessionAnswer("active"));
  await refused(
    verify(await gwop.sign({ sid: undefined }), { sessionCheck: "always" }),
    "TOKEN_MALFORMED",
  );
});

test("the session of a token that does not verify is not looked up", async () => {
  const gwop = await gwopIssuer();
  const { verify, requests } = withSession(gwop, () => sessionAnswer("active"));
  await refused(verify(await gwop.sign({ exp: 1 }), { sessionCheck: "always" }), "TOKEN_EXPIRED");
  assertEquals(requests.length, 1);
});
