// Every function with options refuses unknown options, and reads only what the caller wrote.
import { Gwop, HTTPClient } from "@gwop/sdk";
import { GwopCheckout, InvalidRequestError } from "@gwop/sdk/checkout";
import { SDKValidationError } from "@gwop/sdk/errors";
import { createAuthMiddleware, createAuthRoutes, createWebhookHandler } from "@gwop/sdk/handlers";
import { memoryStore } from "@gwop/sdk/stores";
import {
  assert,
  assertEquals,
  assertInstance,
  assertMatch,
  assertRejects,
  test,
} from "./harness.js";
import { deliver, PAID, SECRET } from "./deliveries.js";
import { clientWith, gwopIssuer, jwksAnswer } from "./token-kit.js";
import { WIRE } from "./http-kit.js";

const nothing = () => {};

/** Creates a client whose requests get a matching response. */
async function made() {
  const issuer = await gwopIssuer();
  const session = {
    session_id: "sess_1",
    status: "active",
    sub: "base:0x1",
    chain: "base",
    wallet_address: "0x1",
  };
  const times = {
    created_at: "2026-03-25T02:04:08.841Z",
    expires_at: "2036-03-25T02:04:08.841Z",
    revoked_at: null,
  };
  const page = { invoices: [], pagination: { limit: 100, offset: 0, total: 0, has_more: false } };
  const client = clientWith(
    (request) => {
      const { pathname } = new URL(request.url);
      if (pathname.endsWith("/jwks.json")) return jwksAnswer(issuer.jwk);
      if (pathname.includes("/auth-sessions/")) return Response.json({ ...session, ...times });
      return Response.json(pathname.endsWith("/invoices") ? page : WIRE.invoicePublic());
    },
    { webhookSecret: SECRET },
  );
  return { ...client, token: await issuer.sign(), request: await deliver(PAID) };
}

const ALL_OF = async (items) => {
  for await (const _ of items) assert(false, "there are no invoices");
};

/**
 * Every function with options: how to call it, valid options, and wrong names that somebody may
 * write instead.
 */
const FUNCTIONS = {
  "new Gwop": {
    call: (_, options) => void new Gwop(options),
    good: () => ({
      merchantId: "merchant-1",
      webhookSecret: SECRET,
      timeoutMs: 5_000,
      retries: { strategy: "none" },
    }),
    instead: {
      merchantID: "merchantId",
      merchant_id: "merchantId",
      webhookSecrets: "webhookSecret",
      serverUrl: "serverURL",
      timeout: "timeoutMs",
      jwkStore: "jwksStore",
    },
  },
  "new HTTPClient": {
    call: (_, options) => void new HTTPClient(options),
    good: () => ({ fetcher: nothing }),
    instead: { fetch: "fetcher", Fetcher: "fetcher" },
  },
  verifyToken: {
    call: ({ verify, token }, options) => verify(token, options),
    good: () => ({ merchantId: "merchant-1", clockToleranceSeconds: 5, sessionCheck: "always" }),
    instead: {
      merchantID: "merchantId",
      merchant_id: "merchantId",
      audiences: "audience",
      checksession: "checkSession",
      sessioncheck: "sessionCheck",
      tolerance: "clockToleranceSeconds",
    },
  },
  validateWebhook: {
    call: ({ gwop, request }, options) => gwop.validateWebhook(replaced(options, request)),
    good: () => ({ request: {}, toleranceSeconds: 300 }),
    instead: {
      tolerance: "toleranceSeconds",
      received_at: "receivedAt",
      maxBodyByte: "maxBodyBytes",
    },
  },
  validateWebhookSync: {
    call: async ({ gwop, request }, options) =>
      void gwop.validateWebhookSync(replaced(options, request)),
    good: () => ({ request: {}, toleranceSeconds: 300 }),
    instead: { tolerance: "toleranceSeconds", receivedat: "receivedAt" },
  },
  "a call's options": {
    call: ({ gwop }, options) => gwop.invoices.get({ id: "inv_1" }, options),
    good: () => ({ timeoutMs: 5_000, retries: { strategy: "none" } }),
    instead: {
      timeout: "timeoutMs",
      retrie: "retries",
      retryConfig: "retryCodes",
      serverUrl: "serverURL",
      idempotencyKey: undefined,
    },
  },
  "auth.getJwks": {
    call: ({ gwop }, options) => gwop.auth.getJwks(options),
    good: () => ({ timeoutMs: 5_000 }),
    instead: { timeOutMS: "timeoutMs" },
  },
  retries: {
    call: ({ gwop }, options) => gwop.invoices.get({ id: "inv_1" }, { retries: options }),
    good: () => ({ strategy: "backoff", retryConnectionErrors: false }),
    instead: { retryConnectionError: "retryConnectionErrors", back_off: "backoff" },
    needed: true,
  },
  backoff: {
    call: ({ gwop }, options) =>
      gwop.invoices.get({ id: "inv_1" }, { retries: { strategy: "backoff", backoff: options } }),
    good: () => ({ initialInterval: 5, maxElapsedTime: 50 }),
    instead: { initialIntervalMs: "initialInterval", maxElapsed: "maxElapsedTime" },
  },
  waitForStatus: {
    call: ({ gwop }, request) => gwop.invoices.waitForStatus(request),
    good: () => ({ id: "inv_1", status: "OPEN", waitMs: 5_000 }),
    instead: { timeout: "timeoutMs", wait: "waitMs", statuses: "status" },
    needed: true,
  },
  "waitForStatus' options": {
    call: ({ gwop }, options) =>
      gwop.invoices.waitForStatus({ id: "inv_1", status: "OPEN" }, options),
    good: () => ({ timeoutMs: 5_000 }),
    instead: { timeout: "timeoutMs" },
  },
  listAll: {
    call: ({ gwop }, request) => ALL_OF(gwop.invoices.listAll(request)),
    good: () => ({ limit: 10, status: "PAID" }),
    instead: { statuses: "status", limits: "limit" },
  },
  createAuthMiddleware: {
    call: ({ gwop, token }, options) =>
      authenticated(createAuthMiddleware(replaced(options, gwop, "gwop")), token),
    good: () => ({ gwop: {}, audience: undefined, sessionCheck: 60 }),
    instead: {
      audiences: "audience",
      sessioncheck: "sessionCheck",
      checkSession: "sessionCheck",
      onerror: "onError",
    },
    needed: true,
  },
  createAuthRoutes: {
    call: ({ gwop }, options) => void createAuthRoutes(replaced(options, gwop, "gwop")),
    good: () => ({ gwop: {}, authSecret: "a secret of thirty-two characters" }),
    instead: {
      audiences: "audience",
      authsecret: "authSecret",
      secret: "authSecret",
      basepath: "basePath",
    },
    needed: true,
  },
  createWebhookHandler: {
    call: ({ gwop }, options) => void createWebhookHandler(replaced(options, gwop, "gwop")),
    good: () => ({
      gwop: {},
      store: memoryStore(),
      onPaid: nothing,
      onExpired: nothing,
      onCanceled: nothing,
    }),
    instead: {
      onConflicts: "onConflict",
      onpaid: "onPaid",
      maxBodySize: "maxBodyBytes",
      leaseMs: "leaseSeconds",
    },
    needed: true,
  },
  "new GwopCheckout": {
    call: (_, options) => void new GwopCheckout(options),
    good: () => ({ merchantApiKey: "sk_m_x", timeout: 5_000 }),
    instead: { timeoutMs: "timeout", baseURL: "baseUrl", maxretries: "maxRetries" },
    Class: InvalidRequestError,
  },
  "checkout's constructEvent": {
    call: async ({ request }, options) =>
      void GwopCheckout.webhooks.constructEvent(
        PAID,
        request.headers["x-gwop-signature"],
        SECRET,
        options,
      ),
    good: () => ({ tolerance: 300 }),
    instead: { toleranceSeconds: "tolerance", receivedat: "receivedAt" },
    Class: InvalidRequestError,
  },
  "checkout's create": {
    call: (_, options) =>
      new GwopCheckout({ baseUrl: "http://127.0.0.1:9" }).invoices.create(
        { amount_usdc: 1 },
        options,
      ),
    instead: { idempotency_key: "idempotencyKey" },
    good: () => ({ idempotencyKey: "k" }),
    Class: InvalidRequestError,
    fails: true,
  },
  "checkout's waitForStatus": {
    call: (_, options) =>
      new GwopCheckout({ baseUrl: "http://127.0.0.1:9", maxRetries: 0 }).invoices.waitForStatus(
        "inv_1",
        "PAID",
        options,
      ),
    good: () => ({ timeout: 1, initialInterval: 1 }),
    keeps: "timeout",
    instead: { timeoutMs: "timeout", interval: "initialInterval" },
    Class: InvalidRequestError,
    fails: true,
  },
};

/** Replaces the part of the options that each test creates again, if they have one. */
function replaced(options, part, name = "request") {
  if (Object.hasOwn(options ?? {}, name)) options[name] = part;
  return options;
}

async function authenticated(authenticate, token) {
  const { response } = await authenticate({
    headers: new Headers({ authorization: `Bearer ${token}` }),
  });
  assertEquals(response?.status, undefined);
}

class Settings {}

/** Objects that are not plain, but have the members of `good`. */
const STRANGE = {
  "a promise": (good) => Promise.resolve(good),
  "a promise with the members": (good) => Object.assign(Promise.resolve(), good),
  "a Map": (good) => new Map(Object.entries(good)),
  "a Map with the members": (good) => Object.assign(new Map(), good),
  "a list": (good) => Object.assign([], good),
  "an instance of a class": (good) => Object.assign(new Settings(), good),
  "an object with a foreign prototype": (good) => Object.create(good),
  "members in the prototype's prototype": (good) =>
    Object.create(Object.create(Object.assign(Object.create(null), good))),
  "a function": (good) => Object.assign(() => {}, good),
};

for (const [
  name,
  { call, good, instead, needed, keeps, fails, Class = SDKValidationError },
] of Object.entries(FUNCTIONS)) {
  const attempt = async (options) => call(await made(), options);
  const refused = async (options, what) => {
    const error = await assertRejects(() => attempt(options));
    assert(error instanceof Class, `${what}: a ${error?.name}: ${error?.message}`);
    if (Class === SDKValidationError) assertEquals(error.code, "SDK_VALIDATION");
    assert(!error.message.includes("CANARY"), error.message);
    return error;
  };

  test(`options: ${name} refuses an option that it does not know, and names the nearest`, async () => {
    for (const [given, meant] of Object.entries(instead)) {
      for (const value of ["CANARY", undefined]) {
        const { message } = await refused({ ...good(), [given]: value }, given);
        assertMatch(message, `.${given} is not known`);
        assertMatch(message, meant === undefined ? /did you mean \w+\?/ : `did you mean ${meant}?`);
      }
    }
    const symbol = Symbol("CANARY".slice(1));
    await refused({ ...good(), [symbol]: 1 }, "a symbol");
    await refused(
      Object.assign(JSON.parse('{"__proto__":{"merchantId":"CANARY"}}'), good()),
      "__proto__",
    );
    await refused(
      Object.defineProperty(good(), "hidden", { value: 1 }),
      "a member that is not enumerable",
    );
  });

  test(`options: ${name} refuses what is no plain object`, async () => {
    for (const [what, make] of Object.entries(STRANGE)) await refused(make(good()), what);
    await refused(null, "null");
    for (const member of Object.keys(good())) {
      const { message } = await refused({ ...good(), [member]: null }, `${member}: null`).catch(
        (error) => {
          // The part that is created again.
          if (member === "request" || member === "gwop") return { message: "null" };
          throw error;
        },
      );
      assertMatch(message, "null");
    }
  });

  test(`options: ${name} reads nothing through Object.prototype`, async () => {
    const context = await made();
    const names = [...new Set([...Object.keys(good()), ...Object.values(instead)])].filter(
      (member) => member !== undefined && member !== "status",
    );
    for (const member of names) {
      const options = good();
      if (!(needed && options[member] !== undefined) && member !== keeps) delete options[member];
      Object.defineProperty(Object.prototype, member, {
        value: "CANARY",
        configurable: true,
        enumerable: true,
        writable: true,
      });
      try {
        const outcome = (async () => call(context, options))();
        if (fails) assert(!String(await assertRejects(outcome)).includes("must be"), member);
        else if (member !== "request") await outcome;
        else assertMatch((await assertRejects(outcome)).message, "request is required");
      } finally {
        delete Object.prototype[member];
      }
    }
  });

  test(`options: ${name} takes plain objects, whatever they were made by`, async () => {
    const given = [
      good(),
      Object.assign(Object.create(null), good()),
      Object.freeze(good()),
      { ...good() },
    ];
    for (const options of given) {
      if (Object.isFrozen(options) && ("request" in options || "gwop" in options)) continue;
      if (fails) assert(!String(await assertRejects(() => attempt(options))).includes("must be"));
      else await attempt(options);
    }
    if (!needed && !fails && !name.startsWith("validateWebhook")) await attempt(undefined);
  });
}

/** Options with an older name: how to pass them, and pairs of values that are equal or not. */
const ALIASES = {
  "new Gwop: retries and retryConfig": {
    call: (_, options) => void new Gwop(options),
    same: [
      { retries: { strategy: "none" }, retryConfig: { strategy: "none" } },
      { retries: { strategy: "backoff" }, retryConfig: undefined },
    ],
    different: [{ retries: { strategy: "none" }, retryConfig: { strategy: "backoff" } }],
  },
  "verifyToken: sessionCheck and checkSession": {
    call: ({ verify, token }, options) => verify(token, options),
    same: [
      { sessionCheck: "always", checkSession: true },
      { sessionCheck: "never", checkSession: false },
    ],
    different: [
      { sessionCheck: "always", checkSession: false },
      { sessionCheck: "never", checkSession: true },
    ],
  },
  "waitForStatus: waitMs and timeoutMs": {
    call: ({ gwop }, wait) => gwop.invoices.waitForStatus({ id: "inv_1", status: "OPEN", ...wait }),
    same: [{ waitMs: 5_000, timeoutMs: 5_000 }, { timeoutMs: 5_000 }],
    different: [{ waitMs: 5_000, timeoutMs: 6_000 }],
  },
};

for (const [name, { call, same, different }] of Object.entries(ALIASES)) {
  test(`options: ${name} are two names of one option`, async () => {
    for (const options of same) await call(await made(), options);
    for (const options of different) {
      const context = await made();
      const error = await assertRejects(async () => call(context, options), SDKValidationError);
      assertEquals(error.code, "SDK_VALIDATION");
      for (const given of Object.keys(options)) assertMatch(error.message, given);
    }
  });
}

test("options: those of another realm are plain objects too", { needs: ["realms"] }, async () => {
  const { runInNewContext } = await import("node:vm");
  new Gwop(runInNewContext('({ merchantId: "merchant-1" })'));
  const error = await assertRejects(
    async () => new Gwop(runInNewContext('Object.create({ merchantId: "merchant-1" })')),
  );
  assertInstance(error, SDKValidationError);
});

test("options: what somebody put into Object.prototype is no host, variable or key", async () => {
  const polluted = {
    href: "https://attacker.example",
    GWOP_SERVER_URL: "https://attacker.example",
    GWOP_IDENTITY_URL: "https://attacker.example",
    GWOP_MERCHANT_ID: "attacker",
    GWOP_WEBHOOK_SECRET: "whsec_attacker",
    process: { env: { GWOP_SERVER_URL: "https://attacker.example" } },
    idempotencyKey: "attacker",
  };
  for (const [name, value] of Object.entries(polluted)) {
    if (globalThis.process?.env?.[name]) continue;
    const sent = [];
    const fetcher = async (request) => {
      sent.push(new URL(request.url).hostname);
      return Response.json(WIRE.invoicePublic());
    };
    const httpClient = new HTTPClient({ fetcher });
    Object.defineProperty(Object.prototype, name, { value, configurable: true, writable: true });
    try {
      const options = { httpClient, merchantApiKey: "sk_m_x", retryConfig: { strategy: "none" } };
      await new Gwop(options).invoices.get({ id: "inv_1" });
      const shop = new Gwop({ ...options, serverURL: "https://shop.example" });
      await shop.invoices.get({ id: "inv_1" });
      assertEquals([name, ...sent], [name, "agents.gwop.io", "shop.example"]);
      await assertRejects(async () => new Gwop({ serverURL: "http://shop.example" }));
      const wrong = { body: { amountUsdc: 0 } };
      const error = await assertRejects(new Gwop({ httpClient }).invoices.create(wrong));
      assert(error.idempotencyKey !== "attacker", name);
      if (name === "GWOP_MERCHANT_ID") {
        const { code } = await assertRejects(new Gwop().auth.verifyToken("e.e.e"));
        assertEquals(code, "MERCHANT_ID_MISSING");
      }
      if (name === "GWOP_WEBHOOK_SECRET") {
        const request = await deliver(PAID);
        const { code } = await assertRejects(new Gwop().validateWebhook({ request }));
        assertEquals(code, "WEBHOOK_SECRET_MISSING");
      }
    } finally {
      delete Object.prototype[name];
    }
  }
});
