// Tokens that were verified before are not verified again.
import { SDKValidationError, TokenVerificationError } from "@gwop/sdk/errors";
import { assert, assertEquals, assertInstance, assertRejects, test } from "./harness.js";
import {
  clientOf,
  clientWith,
  gwopIssuer,
  issuer,
  jwksAnswer,
  sessionAnswer,
  withSession,
} from "./token-kit.js";

/** Returns how often Web Crypto verifies while `work` runs. */
async function signatures(work) {
  const verify = crypto.subtle.verify;
  let asked = 0;
  const counting = function (...args) {
    asked += 1;
    return verify.apply(this, args);
  };
  Object.defineProperty(crypto.subtle, "verify", {
    value: counting,
    configurable: true,
    writable: true,
  });
  try {
    await work();
  } finally {
    delete crypto.subtle.verify;
  }
  return asked;
}

const refused = async (promise, code) => {
  const error = await assertRejects(promise, TokenVerificationError);
  assertEquals(error.code, code);
};

test("a token that was verified before needs no signature, and each answer is an object of its own", async () => {
  const gwop = await gwopIssuer();
  const token = await gwop.sign({ roles: ["buyer"] });
  const { verify } = clientOf([gwop]);
  const first = await verify(token);
  let second;
  assertEquals(await signatures(async () => (second = await verify(token))), 0);
  assertEquals(second, first);
  second.claims.roles.push("admin");
  second.expiresAt.setTime(0);
  second.subject = "base:0xother";
  assertEquals(await verify(token), first);
  // The same expectation, with its defaults written out.
  const written = {
    merchantId: "merchant-1",
    issuer: "https://identity.gwop.io",
    clockToleranceSeconds: 5,
  };
  assertEquals(await signatures(() => verify(token, written)), 0);
});

test("another expectation, another byte and a cache that is off are verified anew", async () => {
  const gwop = await gwopIssuer();
  const token = await gwop.sign({ aud: "shop" });
  const { verify } = clientOf([gwop]);
  await verify(token);
  await refused(verify(token, { merchantId: "merchant-2" }), "TOKEN_MERCHANT_MISMATCH");
  await refused(verify(token, { audience: "other" }), "TOKEN_AUDIENCE_MISMATCH");
  await refused(verify(token, { issuer: "https://other.example" }), "TOKEN_ISSUER_MISMATCH");
  assertEquals(await signatures(() => verify(token, { audience: "shop" })), 1);
  const last = token.at(-1) === "A" ? "Q" : "A";
  await refused(verify(token.slice(0, -40) + "A".repeat(39) + last), "TOKEN_SIGNATURE_INVALID");
  const off = clientOf([gwop], { tokenCacheSize: 0 });
  await off.verify(token);
  assertEquals(await signatures(() => off.verify(token)), 1);
  const one = clientOf([gwop], { tokenCacheSize: 1 });
  await one.verify(token);
  await one.verify(await gwop.sign({ sid: "sess_2" }));
  assertEquals(await signatures(() => one.verify(token)), 1);
});

test("a token that expires, and one whose key is gone from Gwop's set, stop verifying", async () => {
  const [old, next] = await Promise.all([issuer("v1"), issuer("v2")]);
  let keys = [old.jwk, next.jwk];
  const { verify } = clientWith(() => jwksAnswer(...keys), { jwksCooldownSeconds: 1 });
  const token = await old.sign();
  await verify(token);
  const short = await old.sign({ exp: Math.floor(Date.now() / 1000) + 2 });
  const exact = { clockToleranceSeconds: 0 };
  await verify(short, exact);
  await new Promise((done) => setTimeout(done, 2_100));
  await refused(verify(short, exact), "TOKEN_EXPIRED");
  // A token with an unknown key causes another fetch of the set.
  keys = [next.jwk];
  await refused(verify(await (await issuer("v3")).sign()), "TOKEN_KID_UNKNOWN");
  await new Promise((done) => setTimeout(done, 1_100));
  await refused(verify(token), "TOKEN_KID_UNKNOWN");
});

test("tokenCacheSize is a whole number", async () => {
  const gwop = await gwopIssuer();
  for (const tokenCacheSize of [-1, 1.5, NaN, Infinity, "10", null, 1_000_001]) {
    const error = await assertRejects(async () => clientOf([gwop], { tokenCacheSize }));
    assertInstance(error, SDKValidationError);
    assert(error.message.includes("tokenCacheSize"), error.message);
  }
});

test("sessionCheck asks Gwop each time, whatever is kept of the token", async () => {
  const gwop = await gwopIssuer();
  const token = await gwop.sign();
  let status = "active";
  const { verify } = withSession(gwop, () => sessionAnswer(status));
  await verify(token, { sessionCheck: "always" });
  status = "revoked";
  await refused(verify(token, { sessionCheck: "always" }), "SESSION_REVOKED");
});
