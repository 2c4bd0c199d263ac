// The JWK Set behind verifyToken: when it is fetched, which keys are used, and what is stored. The
// native tests (tests/jwk_set.rs) check the policy's long times on an artificial clock. Here a
// store's `fetchedAt` makes time pass.
import { TokenVerificationError } from "@gwop/sdk/errors";
import { createAuthMiddleware } from "@gwop/sdk/handlers";
import {
  assert,
  assertEquals,
  assertInstance,
  assertMatch,
  assertRejects,
  test,
} from "./harness.js";
import { clientOf, clientWith, gwopIssuer, issuer, jwksAnswer } from "./token-kit.js";
import { RSA_KEYS } from "./vectors/rsa-keys.js";

const HOUR = 3_600_000;
const sleep = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

const refused = async (promise, code) => {
  const error = await assertRejects(promise, { code });
  assertInstance(error, TokenVerificationError);
  return error;
};

let second;
const secondIssuer = () => (second ??= issuer("gwop-auth-v2"));

/** An in-memory store that counts its calls. */
const memoryStore = (value) => ({
  value,
  gets: 0,
  sets: [],
  get() {
    this.gets += 1;
    return this.value;
  },
  set(stored) {
    this.sets.push(stored);
    this.value = stored;
  },
});

// ---- When it is fetched ----

test("the JWK Set is fetched once for many tokens", async () => {
  const gwop = await gwopIssuer();
  const { verify, requests } = clientOf([gwop]);
  await verify(await gwop.sign());
  await Promise.all(Array.from({ length: 20 }, async () => verify(await gwop.sign())));
  assertEquals(requests.length, 1);
});

test("a rotated key is picked up at once, while the old one still verifies", async () => {
  const [v1, v2] = [await gwopIssuer(), await secondIssuer()];
  const published = [v1.jwk];
  const { verify, requests } = clientWith(() => jwksAnswer(...published));
  await verify(await v1.sign());
  published.push(v2.jwk);
  await verify(await v2.sign());
  await verify(await v1.sign());
  assertEquals(requests.length, 2);
});

test("requests that meet a rotation together all pass, by one refresh", async () => {
  const [v1, v2] = [await gwopIssuer(), await secondIssuer()];
  const published = [v1.jwk];
  const { verify, requests } = clientWith(async () => {
    await sleep(50);
    return jwksAnswer(...published);
  });
  await verify(await v1.sign());
  published.push(v2.jwk);
  const token = await v2.sign();
  await Promise.all(Array.from({ length: 20 }, () => verify(token)));
  assertEquals(requests.length, 2);
});

test("a flood of unknown kids makes one refresh per cooldown", async () => {
  const gwop = await gwopIssuer();
  const { verify, requests } = clientOf([gwop]);
  await verify(await gwop.sign());
  for (let i = 0; i < 20; i++)
    await refused(verify(await gwop.sign({}, { kid: `unknown-${i}` })), "TOKEN_KID_UNKNOWN");
  const together = Array.from({ length: 20 }, async (_, i) =>
    verify(await gwop.sign({}, { kid: `new-${i}` })),
  );
  for (const { reason } of await Promise.allSettled(together))
    assertEquals(reason.code, "TOKEN_KID_UNKNOWN");
  assertEquals(requests.length, 2);
  await verify(await gwop.sign());
});

test("a flood that meets an empty cache makes one fetch per cooldown", async () => {
  const gwop = await gwopIssuer();
  const { verify, requests } = clientOf([gwop]);
  for (let i = 0; i < 20; i++)
    await refused(verify(await gwop.sign({}, { kid: `unknown-${i}` })), "TOKEN_KID_UNKNOWN");
  assertEquals(requests.length, 1);
});

test("failed refreshes count for the cooldown too, and known kids go on", async () => {
  const gwop = await gwopIssuer();
  let down = false;
  const { verify, requests } = clientWith(() =>
    down ? new Response("", { status: 503 }) : jwksAnswer(gwop.jwk),
  );
  await verify(await gwop.sign());
  down = true;
  for (let i = 0; i < 10; i++) {
    await refused(verify(await gwop.sign({}, { kid: `unknown-${i}` })), "JWKS_UNAVAILABLE");
    await verify(await gwop.sign());
  }
  assertEquals(requests.length, 2);
});

test("the cooldown is the caller's choice", async () => {
  const gwop = await gwopIssuer();
  const { verify, requests } = clientOf([gwop], { jwksCooldownSeconds: 10 });
  const unknown = await gwop.sign({}, { kid: "unknown" });
  await verify(await gwop.sign());
  const { now } = Date;
  try {
    for (let round = 0; round < 3; round++) {
      Date.now = () => now() + round * 10_000;
      for (let i = 0; i < 3; i++) await refused(verify(unknown), "TOKEN_KID_UNKNOWN");
    }
  } finally {
    Date.now = now;
  }
  assertEquals(requests.length, 4);
  // Less than a second counts as one second.
  const eager = clientOf([gwop], { jwksCooldownSeconds: 0 });
  for (let i = 0; i < 3; i++) await refused(eager.verify(unknown), "TOKEN_KID_UNKNOWN");
  assertEquals(eager.requests.length, 1);
  await sleep(1_100);
  for (let i = 0; i < 3; i++) await refused(eager.verify(unknown), "TOKEN_KID_UNKNOWN");
  assertEquals(eager.requests.length, 2);
});

test("a token without a kid is refused without a fetch", async () => {
  const gwop = await gwopIssuer();
  const { verify, requests } = clientOf([gwop]);
  await refused(verify(await gwop.sign({}, { kid: undefined })), "TOKEN_KID_UNKNOWN");
  assertEquals(requests.length, 0);
});

// ---- Failures ----

const BAD_ANSWERS = {
  204: () => new Response(null, { status: 204 }),
  404: () => Response.json({ error: { code: "NOT_FOUND", message: "" } }, { status: 404 }),
  503: () => new Response("unavailable", { status: 503 }),
  "201 with keys": (jwk) => Response.json({ keys: [jwk] }, { status: 201 }),
  "a redirect": () =>
    new Response(null, {
      status: 302,
      headers: { location: "https://attacker.example/jwks.json" },
    }),
  "a redirect with keys": (jwk) =>
    Response.json(
      { keys: [jwk] },
      { status: 307, headers: { location: "https://attacker.example/" } },
    ),
  HTML: () =>
    new Response("<!doctype html><title>Gateway</title>", {
      headers: { "content-type": "text/html" },
    }),
  "an empty body": () => new Response(""),
  "JSON that is no set": () => Response.json(["keys"]),
  "keys that are no list": (jwk) => Response.json({ keys: { 0: jwk } }),
  "a repeated keys member": (jwk) => new Response(`{"keys":[],"keys":[${JSON.stringify(jwk)}]}`),
  "too many keys": (jwk) =>
    Response.json({ keys: Array.from({ length: 1_000 }, (_, i) => ({ ...jwk, kid: `${i}` })) }),
  "10 MB": (jwk) => new Response(JSON.stringify({ keys: [jwk] }) + " ".repeat(10_000_000)),
  "no answer": () => {
    throw new TypeError("fetch failed");
  },
  "a broken body": () =>
    new Response(
      new ReadableStream({ pull: (controller) => controller.error(new TypeError("broken off")) }),
    ),
};

test("an answer that is no JWK Set is a failure, and a good one after it heals", async () => {
  const gwop = await gwopIssuer();
  const token = await gwop.sign();
  await Promise.all(
    Object.entries(BAD_ANSWERS).map(async ([name, bad]) => {
      const { verify, requests } = clientWith((_, count) =>
        count === 1 ? bad(gwop.jwk) : jwksAnswer(gwop.jwk),
      );
      const error = await assertRejects(verify(token));
      assertEquals(error.code, "JWKS_UNAVAILABLE", name);
      // One failure pauses all fetches for a second.
      assertEquals((await assertRejects(verify(token))).code, "JWKS_UNAVAILABLE", name);
      assertEquals(requests.length, 1, name);
      await sleep(1_100);
      await verify(token);
      assertEquals(requests.length, 2, name);
    }),
  );
});

test("JWKS_UNAVAILABLE says why in its cause", async () => {
  const gwop = await gwopIssuer();
  const reset = clientWith(() => {
    throw new TypeError("connection reset");
  });
  const error = await refused(reset.verify(await gwop.sign()), "JWKS_UNAVAILABLE");
  assert(error.cause !== undefined, "a cause");
  const unavailable = clientWith(() => new Response("", { status: 503 }));
  assertMatch(
    String((await refused(unavailable.verify(await gwop.sign()), "JWKS_UNAVAILABLE")).cause),
    "503",
  );
});

test("500 tokens with forged kids that meet an empty cache make one fetch, or two", async () => {
  const gwop = await gwopIssuer();
  const { verify, requests } = clientWith(async () => {
    await sleep(200);
    return jwksAnswer(gwop.jwk);
  });
  const token = await gwop.sign({}, { kid: "forged" });
  const outcomes = await Promise.allSettled(Array.from({ length: 500 }, () => verify(token)));
  for (const { reason } of outcomes) assertEquals(reason.code, "TOKEN_KID_UNKNOWN");
  assert(requests.length <= 2, `${requests.length} fetches`);
  await verify(await gwop.sign());
});

test("good tokens that meet an empty cache together wait for the one that fetches", async () => {
  const gwop = await gwopIssuer();
  const { verify, requests } = clientWith(async () => {
    await sleep(500);
    return jwksAnswer(gwop.jwk);
  });
  const token = await gwop.sign();
  await Promise.all(Array.from({ length: 500 }, () => verify(token)));
  assertEquals(requests.length, 1);
});

test("a first fetch that hangs holds up others for 2 seconds; then four fetch at a time, and the rest is JWKS_UNAVAILABLE", async () => {
  const gwop = await gwopIssuer();
  let atOnce = 0;
  let most = 0;
  const { verify } = clientWith(async () => {
    most = Math.max(most, (atOnce += 1));
    await new Promise(() => {});
  });
  const token = await gwop.sign();
  const begun = Date.now();
  let ended = 0;
  const count = (error) => {
    assertEquals(error.code, "JWKS_UNAVAILABLE");
    ended += 1;
  };
  for (let i = 0; i < 500; i++) verify(token).then(() => assert(false), count);
  while (ended < 496) await sleep(50);
  const took = Date.now() - begun;
  assert(took >= 2_000 && took < 6_000, `${took} ms`);
  assertEquals(most, 4);
});

test("a fetch that hangs does not keep a good token out", async () => {
  const gwop = await gwopIssuer();
  const { verify, requests } = clientWith((_, count) =>
    count === 1 ? new Promise(() => {}) : jwksAnswer(gwop.jwk),
  );
  const token = await gwop.sign();
  const hanging = verify(token);
  hanging.catch(() => {});
  await Promise.all(Array.from({ length: 50 }, () => verify(token)));
  assert(requests.length >= 2 && requests.length <= 4, `${requests.length} fetches`);
});

test("a refresh that hangs holds up no token with a known kid, and others only for a while", async () => {
  const gwop = await gwopIssuer();
  const { verify, requests } = clientWith((_, count) =>
    count === 2 ? new Promise(() => {}) : jwksAnswer(gwop.jwk),
  );
  const [known, unknown] = [await gwop.sign(), await gwop.sign({}, { kid: "unknown" })];
  await verify(known);
  const hanging = verify(unknown);
  hanging.catch(() => {});
  await sleep(10);
  await verify(known);
  const begun = Date.now();
  await refused(verify(unknown), "JWKS_UNAVAILABLE");
  const waited = Date.now() - begun;
  assert(waited < 4_000, `waited ${waited} ms`);
  assertEquals(requests.length, 2);
});

test("a burst of failures pauses as long as one", async () => {
  const gwop = await gwopIssuer();
  let down = true;
  const { verify } = clientWith(() =>
    down ? new Response("", { status: 500 }) : jwksAnswer(gwop.jwk),
  );
  const token = await gwop.sign();
  await Promise.all(Array.from({ length: 50 }, () => refused(verify(token), "JWKS_UNAVAILABLE")));
  down = false;
  await sleep(1_100);
  await verify(token);
});

test("an older answer never overwrites a newer one", async () => {
  const [v1, v2] = [await gwopIssuer(), await secondIssuer()];
  const answers = [];
  const store = memoryStore();
  const { verify, requests } = clientWith(() => new Promise((answer) => answers.push(answer)), {
    jwksStore: store,
  });
  const token = await v2.sign();
  const older = verify(token);
  while (answers.length < 1) await sleep(1);
  const newer = verify(token);
  while (answers.length < 2) await sleep(1);
  answers[1](jwksAnswer(v2.jwk));
  await newer;
  answers[0](jwksAnswer(v1.jwk));
  await older;
  await verify(token);
  assertEquals(requests.length, 2);
  assertEquals(
    store.sets.map(({ keys }) => keys.map(({ kid }) => kid)),
    [["gwop-auth-v2"]],
  );
});

// ---- Which keys are used ----

test("keys that must not verify RS256 are left out", async () => {
  const gwop = await gwopIssuer();
  const token = await gwop.sign();
  const { jwk } = gwop;
  const other = (await secondIssuer()).jwk;
  for (const unusable of [
    { ...jwk, use: "enc" },
    { ...jwk, alg: "RS512" },
    { ...jwk, alg: "RSA-OAEP-256" },
    { ...jwk, kty: "oct", k: jwk.n },
    { ...jwk, key_ops: ["encrypt"] },
    { ...jwk, e: "AQ" },
    { ...jwk, e: "AAEAAQ" },
    { ...jwk, n: `AA${jwk.n}` },
    { ...jwk, n: `${jwk.n}==` },
    { ...jwk, kid: undefined },
    { ...jwk, kid: 7 },
    null,
  ]) {
    const { verify } = clientWith(() => jwksAnswer(unusable, other));
    const name = JSON.stringify(unusable);
    assertEquals((await assertRejects(verify(token))).code, "TOKEN_KID_UNKNOWN", name);
    // Next to a good key it does no harm.
    await clientWith(() => jwksAnswer(unusable, jwk)).verify(token);
  }
  await clientWith(() => jwksAnswer({ kty: "RSA", kid: jwk.kid, n: jwk.n, e: jwk.e })).verify(
    token,
  );
});

test("a key under 2048 bits is refused, whatever it signs", async () => {
  const gwop = await gwopIssuer();
  const weak = await issuer("weak", 1024);
  await refused(
    clientWith(() => jwksAnswer(weak.jwk)).verify(await weak.sign()),
    "TOKEN_KID_UNKNOWN",
  );
  await refused(
    clientWith(() => jwksAnswer(weak.jwk, gwop.jwk)).verify(await weak.sign()),
    "TOKEN_KID_UNKNOWN",
  );
  // A real key of 512 bits, which not every runtime would create.
  const n =
    "rxLTu1JDdLXbZAT5Yvo9XHmfQFHsK7nr9lArSAvU2fyy3wMrGrH0LKzvQ_xJfcAKFEo6A5ZpWPMNlL0cLpaKzw";
  const tiny = { ...gwop.jwk, kid: "tiny", n };
  await refused(
    clientWith(() => jwksAnswer(tiny)).verify(await gwop.sign({}, { kid: "tiny" })),
    "TOKEN_KID_UNKNOWN",
  );
});

/**
 * Those of {@link RSA_KEYS} that a runtime's Web Crypto cannot use (docs/tokens.md has the table
 * for merchants). If a runtime starts to support one, merchants have to be told.
 */
const UNSUPPORTED = {
  deno: ({ bits }) => bits > 4096,
  workerd: ({ exponent }) => ![3, 17, 65537].includes(exponent),
};

test("a key that this runtime cannot use is called so, and no token forged", async ({
  runtime,
}) => {
  const found = [];
  for (const { bits, exponent, jwk, token } of RSA_KEYS) {
    const { verify } = clientWith(() => jwksAnswer(jwk), { merchantId: "merchant-1" });
    for (const attempt of [1, 2]) {
      const outcome = await verify(token).then(
        ({ subject }) => subject && "good",
        (error) => error.code,
      );
      const good = !UNSUPPORTED[runtime]?.({ bits, exponent });
      if (outcome !== (good ? "good" : "TOKEN_KEY_UNSUPPORTED"))
        found.push(`${bits} bits, exponent ${exponent}: ${outcome} (${attempt})`);
      // A runtime that supports the key must detect a forgery.
      const forged = await verify(`${token.slice(0, -40)}${"A".repeat(40)}`).catch(
        (error) => error.code,
      );
      if (good && forged !== "TOKEN_SIGNATURE_INVALID")
        found.push(`${bits} bits, exponent ${exponent}, forged: ${forged}`);
    }
  }
  assertEquals(found.join("; "), "");
});

test("the middleware answers 503 to a token whose key this runtime cannot use", async ({
  runtime,
}) => {
  const gwop = await gwopIssuer();
  // Only Deno refuses so many bits.
  const { jwk, token } = RSA_KEYS.find(({ bits }) => bits === 8192);
  const client = clientWith(() => jwksAnswer(jwk, gwop.jwk), { merchantId: "merchant-1" });
  const told = [];
  const authenticate = createAuthMiddleware({
    gwop: client.gwop,
    sessionCheck: "never",
    onError: (error) => told.push(error.code),
  });
  const { identity, response } = await authenticate(
    new Request("https://shop.example/", { headers: { authorization: `Bearer ${token}` } }),
  );
  if (runtime === "deno") {
    assertEquals(response.status, 503);
    assertEquals(told.join(), "TOKEN_KEY_UNSUPPORTED");
  } else {
    assertEquals(identity.subject, "base:0xAbCdEf0123456789");
  }
});

test("a key of 3072 bits verifies", async () => {
  const strong = await issuer("strong", 3072);
  await clientOf([strong]).verify(await strong.sign());
});

test("where two keys share a kid, a token of either verifies", async () => {
  const [v1, twin, other] = [
    await gwopIssuer(),
    await issuer("gwop-auth-v1"),
    await secondIssuer(),
  ];
  for (const keys of [
    [v1, twin],
    [twin, v1],
  ]) {
    const { verify, requests } = clientOf(keys);
    await verify(await v1.sign());
    await verify(await twin.sign());
    await refused(verify(await other.sign({}, { kid: "gwop-auth-v1" })), "TOKEN_SIGNATURE_INVALID");
    assertEquals(requests.length, 1);
  }
});

test("a kid that comes to name another key does not bring up the old one", async () => {
  const [old, renewed] = [await gwopIssuer(), await issuer("gwop-auth-v1")];
  let published = old;
  const { verify } = clientWith(() => jwksAnswer(published.jwk), { jwksCooldownSeconds: 0 });
  await verify(await old.sign());
  published = renewed;
  await refused(verify(await old.sign({}, { kid: "unknown" })), "TOKEN_KID_UNKNOWN");
  await refused(verify(await old.sign()), "TOKEN_SIGNATURE_INVALID");
  await verify(await renewed.sign());
  await refused(verify(await old.sign()), "TOKEN_SIGNATURE_INVALID");
});

// ---- The store ----

test("a set from the store saves the fetch, and a fetched one is kept there", async () => {
  const gwop = await gwopIssuer();
  const store = memoryStore();
  const begun = Date.now();
  const first = clientOf([gwop], { jwksStore: store });
  await first.verify(await gwop.sign());
  await first.verify(await gwop.sign());
  assertEquals([store.gets, store.sets.length, first.requests.length], [1, 1, 1]);
  const { keys, fetchedAt } = store.sets[0];
  assertEquals(keys, [gwop.jwk]);
  assert(fetchedAt >= begun && fetchedAt <= Date.now(), `${fetchedAt}`);

  store.value = JSON.parse(JSON.stringify(store.value));
  const other = clientOf([], { jwksStore: store });
  await other.verify(await gwop.sign());
  assertEquals([store.gets, store.sets.length, other.requests.length], [2, 1, 0]);
});

test("a store may be asynchronous, and is asked before a refresh for an unknown kid", async () => {
  const [v1, v2] = [await gwopIssuer(), await secondIssuer()];
  let value = { keys: [v1.jwk], fetchedAt: Date.now() - 1_000 };
  const jwksStore = { get: async () => value, set: async () => {} };
  const { verify, requests } = clientOf([], { jwksStore });
  await verify(await v1.sign());
  value = { keys: [v1.jwk, v2.jwk], fetchedAt: Date.now() };
  await verify(await v2.sign());
  assertEquals(requests.length, 0);
});

test("a set older than an hour is refreshed, and serves for a day while that fails", async () => {
  const gwop = await gwopIssuer();
  const token = await gwop.sign();
  const aged = (age) => memoryStore({ keys: [gwop.jwk], fetchedAt: Date.now() - age });
  const young = clientOf([], { jwksStore: aged(HOUR - 60_000) });
  await young.verify(token);
  assertEquals(young.requests.length, 0);

  const good = clientOf([gwop], { jwksStore: aged(HOUR + 1) });
  await good.verify(token);
  assertEquals(good.requests.length, 1);

  const down = clientWith(() => new Response("", { status: 503 }), { jwksStore: aged(23 * HOUR) });
  for (let i = 0; i < 5; i++) await down.verify(token);
  assertEquals(down.requests.length, 1);

  const tooOld = clientWith(() => new Response("", { status: 503 }), {
    jwksStore: aged(24 * HOUR + 1),
  });
  await refused(tooOld.verify(token), "JWKS_UNAVAILABLE");
});

test("an answer without a usable key does not displace a good set", async () => {
  const gwop = await gwopIssuer();
  const store = memoryStore({ keys: [gwop.jwk], fetchedAt: Date.now() - 2 * HOUR });
  const { verify, requests } = clientWith(() => jwksAnswer(), { jwksStore: store });
  await verify(await gwop.sign());
  assertEquals([requests.length, store.sets.length], [1, 0]);
  await refused(clientWith(() => jwksAnswer()).verify(await gwop.sign()), "TOKEN_KID_UNKNOWN");
});

test("what a store returns is validated", async () => {
  const [gwop, weak] = [await gwopIssuer(), await issuer("gwop-auth-v1", 1024)];
  const token = await gwop.sign();
  const now = Date.now();
  const circular = { keys: [gwop.jwk], fetchedAt: now };
  circular.self = circular;
  for (const value of [
    null,
    undefined,
    0,
    "",
    "keys",
    [],
    {},
    circular,
    { keys: [gwop.jwk] },
    { keys: [gwop.jwk], fetchedAt: null },
    { keys: [gwop.jwk], fetchedAt: NaN },
    { keys: [gwop.jwk], fetchedAt: `${now}` },
    { keys: [gwop.jwk], fetchedAt: new Date(now) },
    { keys: [gwop.jwk], fetchedAt: -1 },
    { keys: [gwop.jwk], fetchedAt: now + 10 * HOUR },
    { keys: [gwop.jwk], fetchedAt: Number.MAX_SAFE_INTEGER },
    { keys: gwop.jwk, fetchedAt: now },
    { keys: [weak.jwk], fetchedAt: now },
    { keys: [], fetchedAt: now },
    { keys: Array.from({ length: 100 }, () => gwop.jwk), fetchedAt: now },
    { keys: [gwop.jwk], fetchedAt: now, padding: " ".repeat(1_000_000) },
  ]) {
    const { verify, requests } = clientOf([gwop], { jwksStore: memoryStore(value) });
    await verify(token);
    assertEquals(requests.length, 1, String(value));
  }
});

test("a store that fails or hangs is passed over", async () => {
  const gwop = await gwopIssuer();
  const token = await gwop.sign();
  const fail = () => {
    throw new Error("store down");
  };
  await Promise.all(
    [
      { get: fail, set: fail },
      { get: async () => fail(), set: async () => fail() },
      { get: () => new Promise(() => {}), set: () => new Promise(() => {}) },
    ].map(async (jwksStore) => {
      const { verify, requests } = clientOf([gwop], { jwksStore });
      await verify(token);
      await verify(token);
      assertEquals(requests.length, 1);
    }),
  );
});
