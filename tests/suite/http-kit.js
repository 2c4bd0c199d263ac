// Shared by the suites about calls: responses of the contract, clients with fake fetchers, and
// scripts for the loopback server.
import { Gwop, HTTPClient } from "@gwop/sdk";

const TIMES = { created_at: "2026-03-25T02:06:43.328Z", expires_at: "2026-03-25T02:21:43.328Z" };

const AGENT_PROTOCOL = {
  version: "1.0",
  flow: "invoice_checkout",
  state: "invoice_created",
  goal: "Pay the invoice",
  steps: ["Fetch it", "Pay it"],
  completion_check: {
    method: "GET",
    path: "/v1/invoices/inv_1",
    field: "status",
    success_value: "PAID",
  },
};

/** A good response to each operation, as on the wire. */
export const WIRE = {
  invoice: {
    id: "ba7bc94a-5468-42f4-9f04-2502e50c7501",
    public_invoice_id: "inv_1",
    merchant_id: "m_1",
    amount_usdc: 1_025_000,
    currency: "USDC",
    status: "OPEN",
    metadata: { order_id: "7", nestedKey: { snake_case: null } },
    metadata_public: false,
    ...TIMES,
    agent_protocol: AGENT_PROTOCOL,
  },
  invoicePublic: (status = "OPEN") => ({
    schema_version: "gwop.invoice.v4",
    id: "inv_1",
    status,
    amount: { value: 1_025_000, display: "1.025 USDC", currency: "USDC", decimals: 6 },
    ...TIMES,
    merchant: { name: "Shop", verified: true },
    status_check: {
      url: "https://agents.gwop.io/v1/invoices/inv_1",
      method: "GET",
      field: "status",
      paid_value: "PAID",
    },
    links: { landing_page: "https://gwop.io", docs: "https://docs.gwop.io" },
  }),
  page: (ids, hasMore, { total = 3, limit = 2, offset = 0 } = {}) => ({
    invoices: ids.map((id) => ({
      id,
      public_invoice_id: `inv_${id}`,
      status: "PAID",
      amount_usdc: 5,
      currency: "USDC",
      ...TIMES,
      paid_at: TIMES.created_at,
    })),
    pagination: { total, limit, offset, has_more: hasMore },
  }),
  canceled: { id: "u", status: "CANCELED", canceled_at: TIMES.created_at },
  intent: {
    auth_intent_id: "ai_1",
    status: "OPEN",
    expires_at: TIMES.expires_at,
    challenge: {
      amount_usdc_atomic: "1000",
      payment_methods: [{ id: "x402-base", chain: "base", payment_url: "https://x" }],
    },
  },
  token: {
    access_token: "CANARY-TOKEN",
    token_type: "Bearer",
    expires_in: 900,
    principal: { sub: "base:0x1", chain: "base", wallet_address: "0x1" },
    session: { sid: "sess_1", sub: "base:0x1", amr: ["wallet"] },
    account: { id: null, is_new_account: true },
  },
  session: {
    session_id: "sess_1",
    status: "active",
    sub: "base:0x1",
    chain: "base",
    wallet_address: "0x1",
    ...TIMES,
    revoked_at: null,
  },
  revoked: { revoked: true },
  jwks: {
    keys: [{ kty: "RSA", alg: "RS256", use: "sig", kid: "gwop-auth-v1", n: "AQ", e: "AQAB" }],
  },
};

/** Every operation: how to call it, a good response, and its requirements. */
export const OPERATIONS = {
  "invoices.create": {
    call: (gwop, options, key) =>
      gwop.invoices.create({ ...key, body: { amountUsdc: 1_000_000 } }, options),
    line: "POST /v1/invoices",
    answer: WIRE.invoice,
    keyed: true,
  },
  "invoices.list": {
    call: (gwop, options) => gwop.invoices.list(undefined, options),
    line: "GET /v1/invoices?limit=20&offset=0",
    answer: WIRE.page([], false),
  },
  "invoices.get": {
    call: (gwop, options) => gwop.invoices.get({ id: "inv_1" }, options),
    line: "GET /v1/invoices/inv_1",
    answer: WIRE.invoicePublic(),
    isPublic: true,
  },
  "invoices.cancel": {
    call: (gwop, options) => gwop.invoices.cancel({ id: "u" }, options),
    line: "POST /v1/invoices/u/cancel",
    answer: WIRE.canceled,
  },
  "authIntents.create": {
    call: (gwop, options, key) => gwop.authIntents.create(key, options),
    line: "POST /v1/auth-intents",
    answer: WIRE.intent,
    keyed: true,
    identity: true,
  },
  "authIntents.exchange": {
    call: (gwop, options, key) =>
      gwop.authIntents.exchange({ ...key, authIntentId: "ai_1" }, options),
    line: "POST /v1/auth-intents/ai_1/exchange",
    answer: WIRE.token,
    keyed: true,
    identity: true,
  },
  "authSessions.get": {
    call: (gwop, options) => gwop.authSessions.get({ sessionId: "sess_1" }, options),
    line: "GET /v1/auth-sessions/sess_1",
    answer: WIRE.session,
    identity: true,
  },
  "authSessions.revoke": {
    call: (gwop, options) => gwop.authSessions.revoke({ sessionId: "sess_1" }, options),
    line: "POST /v1/auth-sessions/revoke",
    answer: WIRE.revoked,
    identity: true,
  },
  "auth.getJwks": {
    call: (gwop, options) => gwop.auth.getJwks(options),
    line: "GET /.well-known/jwks.json",
    answer: WIRE.jwks,
    isPublic: true,
    identity: true,
  },
};

/** Creates an error response of Gwop. */
export const problem = (status, code = "VALIDATION_ERROR", headers = {}) =>
  Response.json(
    { error: { code, message: `about ${code}`, details: { field: "x" }, requestId: "req_1" } },
    { status, headers },
  );

/**
 * Creates a client with a fake fetcher. `answers` has one entry per attempt: a `Response`, a wire
 * value, or a function of the request that returns one or throws. The last one repeats. `requests`
 * are the attempts.
 */
export function fake(answers, options = {}) {
  const requests = [];
  const fetcher = async (request) => {
    const answer = answers[Math.min(requests.length, answers.length - 1)];
    requests.push(request);
    const given = typeof answer === "function" ? await answer(request) : answer;
    return given instanceof Response
      ? given.clone()
      : Response.json(given, { headers: { "x-request-id": "req_9" } });
  };
  const gwop = new Gwop({
    merchantApiKey: "sk_m_CANARY",
    httpClient: new HTTPClient({ fetcher }),
    ...options,
  });
  const keys = () => requests.map((request) => request.headers.get("idempotency-key"));
  return { gwop, requests, keys };
}

let scripts = 0;

/**
 * Creates a client whose calls the loopback server at `url` answers by a script. See
 * `tests/runners/server.mjs`.
 */
export async function scripted({ serverURL, runtime }, answers, options = {}) {
  const key = `${runtime}-${scripts++}-${Math.floor(performance.now())}`;
  await fetch(`${serverURL}/script/${key}`, { method: "POST", body: JSON.stringify(answers) });
  const url = `${serverURL}/scripted/${key}`;
  const gwop = new Gwop({
    merchantApiKey: "sk_m_CANARY",
    serverURL: url,
    identityURL: `${url}/`,
    ...options,
  });
  const seen = async () => (await fetch(`${serverURL}/seen/${key}`)).json();
  return { gwop, seen, url };
}

/** Runs `fn` without back-off waits, so that only the waits that the server asks for take time. */
export async function withoutJitter(fn) {
  const { random } = Math;
  const getRandomValues = crypto.getRandomValues.bind(crypto);
  Math.random = () => 0;
  // The first bytes of a draw are the jitter. The others make each idempotency key different.
  crypto.getRandomValues = (bytes) => {
    getRandomValues(bytes).fill(0, 0, 4);
    return bytes;
  };
  try {
    return await fn();
  } finally {
    Math.random = random;
    delete crypto.getRandomValues;
  }
}

/** Returns how long `fn` takes, in milliseconds, and its result. */
export async function timed(fn) {
  const begun = performance.now();
  const value = await fn();
  return [performance.now() - begun, value];
}

export const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
