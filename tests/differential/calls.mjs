// Every operation of both surfaces, through a fake fetcher: arguments, options, responses and
// failures that are nearly right.
import { outcomeOf } from "./outcome.mjs";
import { edited, nearly, text } from "./text.mjs";

const DATE = "2026-03-25T02:06:43.328Z";
const UUID = "ba7bc94a-5468-42f4-9f04-2502e50c7501";

const list = {
  id: UUID,
  public_invoice_id: "inv_1",
  status: "PAID",
  amount_usdc: 1025000,
  currency: "USDC",
  description: "tea",
  metadata: { order_id: "7", a: [null, 1.5, { createdAt: "x" }] },
  expires_at: DATE,
  created_at: DATE,
  paid_at: DATE,
  paid_tx_hash: "0x1",
  payment_chain: "base",
};
const ANSWERS = {
  "invoices.create": {
    id: UUID,
    public_invoice_id: "inv_1",
    merchant_id: UUID,
    amount_usdc: 1025000,
    currency: "USDC",
    status: "OPEN",
    description: "tea",
    metadata: { gwop_fee: 1e3 },
    metadata_public: false,
    created_at: DATE,
    expires_at: DATE,
    agent_protocol: {
      version: "1.0",
      flow: "invoice_checkout",
      state: "invoice_created",
      goal: "pay",
      steps: ["a", "b"],
      next_action: {
        method: "GET",
        path: "/x",
        body_template: { a: 1 },
        expect_status: [200, 402],
        retry: { strategy: "none", retry_after_seconds: 2, max_attempts: 3 },
      },
      completion_check: { method: "GET", path: "/x", field: "status", success_value: "PAID" },
      receipt_policy: {
        mode: "hard_optional",
        optional_receipt_email: true,
        prompt_when_available: false,
        do_not_block_on_absent: true,
      },
    },
  },
  "invoices.list": {
    invoices: [list, { ...list, paid_at: undefined, metadata: null }],
    pagination: { total: 2, limit: 20, offset: 0, has_more: false },
  },
  "invoices.get": {
    schema_version: "gwop.invoice.v4",
    id: "inv_1",
    status: "OPEN",
    amount: { value: 1025000, display: "1.025 USDC", currency: "USDC", decimals: 6 },
    pricing: { base_amount: 1000000, gwop_fee: 25000, total: 1025000 },
    description: "tea",
    metadata: { paid_at: DATE },
    expires_at: DATE,
    created_at: DATE,
    merchant: { name: "shop", verified: true },
    status_check: {
      url: "https://x",
      method: "GET",
      field: "status",
      paid_value: "PAID",
      hint: "h",
    },
    links: { landing_page: "https://x", docs: "https://y" },
    payment_methods: [
      {
        id: "x402-base",
        kind: "x402",
        network: "eip155:8453",
        chain: "base",
        asset: { symbol: "USDC", decimals: 6, contract: "0x8" },
        pay_to: "0x9",
        amount: 1025000,
        amount_display: "1.025 USDC",
        payment_url: "https://p",
        recover_url: "https://r",
      },
    ],
    paid_at: DATE,
    paid_amount: 1025000,
    payment_chain: "base",
    payment_chain_caip2: "eip155:8453",
    paid_tx_hash: "0x1",
    tx_url: "https://t",
  },
  "invoices.cancel": { id: UUID, status: "CANCELED", canceled_at: DATE },
  "authIntents.create": {
    auth_intent_id: "ai_1",
    status: "OPEN",
    expires_at: DATE,
    challenge: {
      amount_usdc_atomic: "1000",
      payment_methods: [{ id: "x402-base", chain: "base", payment_url: "https://p", hint: "h" }],
    },
  },
  "authIntents.exchange": {
    access_token: "t",
    token_type: "Bearer",
    expires_in: 900,
    principal: { sub: "base:0x1", chain: "base", wallet_address: "0x1" },
    session: { sid: "sess_1", sub: "base:0x1", amr: ["wallet"] },
    account: { id: null, is_new_account: true },
  },
  "authSessions.get": {
    session_id: "sess_1",
    status: "active",
    sub: "base:0x1",
    chain: "base",
    wallet_address: "0x1",
    created_at: DATE,
    expires_at: DATE,
    revoked_at: null,
  },
  "authSessions.revoke": { revoked: true },
  "auth.getJwks": {
    keys: [{ kty: "RSA", alg: "RS256", use: "sig", kid: "gwop-auth-v1", n: "AQAB", e: "AQAB" }],
  },
};

const ARGUMENTS = {
  "invoices.create": [
    {
      body: {
        amountUsdc: 1000000,
        description: "tea",
        metadata: { order_id: "7", n: 1.5 },
        metadataPublic: true,
        expiresInSeconds: 900,
      },
      idempotencyKey: "key-1",
    },
    { body: { amountUsdc: 1 } },
  ],
  "invoices.list": [{}, { limit: 20, offset: 0, status: "PAID" }],
  "invoices.get": [{ id: "inv_1" }],
  "invoices.cancel": [{ id: UUID }],
  "authIntents.create": [
    {},
    { body: { knownWalletHint: "base:0x1", metadata: { a: 1 } }, idempotencyKey: "key-1" },
  ],
  "authIntents.exchange": [
    { authIntentId: "ai_1" },
    { authIntentId: "ai_1", idempotencyKey: "key-1" },
  ],
  "authSessions.get": [{ sessionId: "sess_1" }],
  "authSessions.revoke": [{ sessionId: "sess_1" }],
};
const CHECKOUT = {
  "invoices.create": [
    {
      amount_usdc: 1000000,
      description: "tea",
      metadata: { order_id: "7" },
      metadata_public: true,
      expires_in_seconds: 900,
    },
    { amount_usdc: 1 },
  ],
  "invoices.list": [{}, { limit: 20, offset: 0, status: "PAID" }],
  "invoices.retrieve": ["inv_1"],
  "invoices.cancel": [UUID],
};
const OPERATION = { "invoices.retrieve": "invoices.get" };

/** Values that JSON does not have. */
const STRANGE = [
  undefined,
  NaN,
  Infinity,
  -0,
  2 ** 53,
  2 ** 63,
  1e21,
  0.1,
  10n,
  () => 1,
  Symbol("s"),
  new Date(0),
  new Date(NaN),
  new Map([[1, 2]]),
  new Uint8Array(2),
  "a\0b",
  "\ud800",
  "é😀",
  "a/../b",
  "..",
  "?",
  "#",
  " ",
  "",
  "x".repeat(501),
  "x".repeat(256),
  "a\nb",
  Object.create(null),
  [],
  [1],
  null,
  true,
  0,
  -1,
  101,
  10000000000,
  10000000001,
  59,
  60,
  86400,
  86401,
];

function argument(random, templates) {
  const base = random.pick(templates);
  if (random.chance(0.15)) return structuredClone(base);
  if (random.chance(0.05)) return random.pick(STRANGE);
  // Edits the text, so that members take every form. If it does not parse, the template is used.
  let value;
  try {
    value = JSON.parse(nearly(random, base, 0.1).toString());
  } catch {
    value = structuredClone(base);
  }
  if (value !== null && typeof value === "object" && random.chance(0.4)) {
    const inner =
      value.body && typeof value.body === "object" && random.chance(0.6) ? value.body : value;
    const name = random.pick([...Object.keys(inner), "idempotencyKey", "metadata", "extra", "id"]);
    Object.defineProperty(inner, name, {
      value: random.pick(STRANGE),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return value;
}

const STATUSES = [
  200, 200, 200, 200, 200, 201, 202, 204, 299, 300, 301, 302, 304, 307, 400, 401, 403, 404, 409,
  418, 422, 429, 429, 429, 500, 502, 503, 503, 504, 599,
];
const RETRY_AFTER = [
  "0",
  "1",
  "2",
  "59",
  "60",
  "61",
  "120",
  "86400",
  "-1",
  "1.5",
  "+1",
  " 3 ",
  "3 4",
  "99999999999999999999999",
  "9223372036854775807",
  "",
  " ",
  "soon",
  "1e3",
  "0x10",
  "007",
  "1,2",
  "2, 2",
  "１",
  "Wed, 25 Mar 2026 02:04:10 GMT",
  "Wed, 25 Mar 2026 02:04:08 GMT",
  "Wed, 25 Mar 2026 02:05:30 GMT",
  "Tue, 24 Mar 2026 02:04:10 GMT",
  "Wednesday, 25-Mar-26 02:04:10 GMT",
  "Wed Mar 25 02:04:10 2026",
  "Wed, 25 Mar 2026 02:04:10 UTC",
  "Wed, 25 Mar 2026 02:04:10",
  "wed, 25 mar 2026 02:04:10 gmt",
  "Wed, 25 Mar 2026 24:04:10 GMT",
  "Wed, 25 Mar 2026 02:04:60 GMT",
  "Wed, 32 Mar 2026 02:04:10 GMT",
  "Wed, 5 Mar 2026 02:04:10 GMT",
  "Sun, 06 Nov 1994 08:49:37 GMT",
  "Sunday, 06-Nov-94 08:49:37 GMT",
  "Sun Nov  6 08:49:37 1994",
  "Thu, 01 Jan 1970 00:00:00 GMT",
  "Thursday, 01-Jan-70 00:00:00 GMT",
  "Fri, 31 Dec 9999 23:59:59 GMT",
  "Friday, 01-Jan-27 00:00:00 GMT",
  "Thu, 29 Feb 2024 00:00:00 GMT",
  "Sat, 29 Feb 2025 00:00:00 GMT",
  "Mon, 25 Mar 2026 02:04:10 GMT",
  "Wednesday, 31-Dec-69 23:59:59 GMT",
  "Wed, 31 Dec 1969 23:59:59 GMT",
  "2026-03-25T02:04:10Z",
];
const ERROR = {
  error: {
    code: "INVOICE_NOT_FOUND",
    message: "Invoice not found",
    details: { a: 1 },
    requestId: "req_abc123",
  },
};
const CODES = [
  "INVOICE_NOT_FOUND",
  "RATE_LIMITED",
  "VALIDATION_ERROR",
  "IDEMPOTENCY_CONFLICT",
  "UNAUTHORIZED",
  "SESSION_NOT_FOUND",
  "",
];
const THROWN = [
  () => new TypeError("fetch failed"),
  () => new TypeError("x", { cause: new Error("ECONNREFUSED") }),
  () => Object.assign(new Error("reset"), { code: "ECONNRESET" }),
  () => Object.assign(new Error("x"), { code: 7 }),
  () => new Error("Network connection lost."),
  () => new Error("no idea"),
  () => new DOMException("aborted", "AbortError"),
  () => new DOMException("late", "TimeoutError"),
  () => "text",
  () => undefined,
  () => null,
  () => 7,
  () => ({ name: "AbortError" }),
  () => ({ message: "connection" }),
  () => Object.assign(new Error("m"), { name: "TimeoutError" }),
];
const NO_RESPONSES = [
  undefined,
  null,
  7,
  {},
  { status: 200 },
  { status: 200, headers: {}, body: null },
  { status: "200", headers: new Headers() },
  "x",
  [],
];

function answer(random, operation) {
  const kind = random.weighted([
    [20, "answer"],
    [1.2, "throw"],
    [0.4, "hang"],
    [0.3, "none"],
    [0.4, "break"],
    [0.2, "read"],
    [0.3, "hangBody"],
  ]);
  if (kind === "throw") return { kind, thrown: random.pick(THROWN) };
  if (kind === "none") return { kind, value: random.pick(NO_RESPONSES) };
  const status = random.chance(0.55) ? 200 : random.pick(STATUSES);
  const good = status < 300 !== random.chance(0.05);
  const template = good
    ? ANSWERS[operation]
    : { error: { ...ERROR.error, code: random.pick(CODES) } };
  const body = random.chance(0.04)
    ? Buffer.from(
        random.pick(["", " ", "null", "[]", '"x"', "7", "<html>", "{", "\ufeff{}", "{}", "true"]),
      )
    : nearly(random, template, 0.2);
  const headers = [
    [
      "content-type",
      random.pick(["application/json", "application/json; charset=utf-8", "text/html", ""]),
    ],
  ];
  if (random.chance(0.5)) headers.push(["x-request-id", random.pick(["req_1", "", "é"])]);
  if (status >= 300 ? random.chance(0.6) : random.chance(0.05)) {
    const value = random.pick(RETRY_AFTER);
    headers.push([
      "retry-after",
      random.chance(0.15) ? edited(random, value).replace(/[^\t\x20-\x7e\x80-\xff]/g, "") : value,
    ]);
  }
  if (random.chance(0.1))
    headers.push(["constructor", "a"], ["set-cookie", "a=1"], ["set-cookie", "b=2"]);
  return { kind, status, body, headers, chunks: random.chance(0.1) ? 1 + random.below(5) : 0 };
}

/** Responds to a request as `given` says. */
function respond(given, request) {
  const { kind, status, body, headers } = given;
  if (kind === "throw") throw given.thrown();
  if (kind === "none") return given.value;
  if (kind === "hang")
    return new Promise((_, fail) =>
      request.signal.addEventListener("abort", () => fail(request.signal.reason)),
    );
  const empty = [204, 304].includes(status) || body.length === 0;
  let stream = empty ? null : new Uint8Array(body);
  if (!empty && (given.chunks > 0 || kind === "break" || kind === "hangBody")) {
    const size = Math.ceil(body.length / Math.max(1, given.chunks));
    let at = 0;
    stream = new ReadableStream({
      pull(controller) {
        if (at < body.length) controller.enqueue(new Uint8Array(body.subarray(at, (at += size))));
        else if (kind === "break") controller.error(new TypeError("terminated"));
        else if (kind === "answer" || kind === "read") controller.close();
        else return new Promise(() => {});
      },
    });
  }
  const response = new Response(stream, { status, headers });
  if (kind === "read") return response.text().then(() => response);
  return response;
}

/**
 * Creates a fetcher that returns the responses in turn, repeats the last one, and logs requests.
 */
function scripted(answers, log, clock, onRequest = () => {}) {
  return async (request) => {
    // After this, both packages have set their timers.
    await undefined;
    // A request takes some time. Otherwise a policy with shrinking intervals would never end.
    clock.now += 20;
    log.push({
      at: clock.now,
      method: request.method,
      url: request.url,
      headers: [...request.headers],
      redirect: request.redirect,
      body: request.body ? await request.clone().text() : "",
    });
    onRequest(log.length);
    return respond(answers[Math.min(log.length, answers.length) - 1], request);
  };
}

const OPTIONS = [
  { timeoutMs: 1000 },
  { timeoutMs: 0 },
  { timeoutMs: -1 },
  { timeoutMs: NaN },
  { timeoutMs: Infinity },
  { timeoutMs: 1e12 },
  { timeoutMs: 0.5 },
  { timeoutMs: "1" },
  { retries: { strategy: "none" } },
  { retries: { strategy: "backoff" } },
  { retries: { strategy: "other" } },
  { retries: {} },
  {
    retries: {
      strategy: "backoff",
      backoff: { initialInterval: 100, maxInterval: 200, exponent: 2, maxElapsedTime: 1000 },
    },
  },
  { retries: { strategy: "backoff", backoff: { maxElapsedTime: 5000 } } },
  { retries: { strategy: "backoff", backoff: { maxElapsedTime: 0 } } },
  { retries: { strategy: "backoff", backoff: { initialInterval: -1 } } },
  { retries: { strategy: "backoff", backoff: { exponent: NaN } } },
  {
    retries: {
      strategy: "backoff",
      backoff: { maxElapsedTime: 10000 },
      retryConnectionErrors: false,
    },
  },
  { retries: { strategy: "backoff", backoff: {}, retryConnectionErrors: 1 } },
  { retries: { strategy: "backoff", backoff: { exponent: 0.5, maxElapsedTime: 3000 } } },
  { retryCodes: ["429"] },
  { retryCodes: ["5XX"] },
  { retryCodes: ["5xx", "404"] },
  { retryCodes: [] },
  { retryCodes: ["6XX"] },
  { retryCodes: ["99"] },
  { retryCodes: [""] },
  { retryCodes: "429" },
  { retryCodes: [429] },
  { retryCodes: ["4XX", "abc"] },
  { serverURL: "https://x.example" },
  { serverURL: "https://x.example/" },
  { serverURL: "https://x.example/a/b/" },
  { serverURL: "http://x.example" },
  { serverURL: "http://localhost:8080" },
  { serverURL: "http://127.0.0.1" },
  { serverURL: "http://gwop.internal:81" },
  { serverURL: "http://[::1]:1" },
  { serverURL: "" },
  { serverURL: "x" },
  { serverURL: "ftp://x" },
  { serverURL: "https://u:p@x" },
  { serverURL: "https://x?a=1" },
  { serverURL: "https://x#a" },
  { serverURL: new URL("https://x.example/p") },
  { serverURL: 7 },
  { serverURL: "https://x y" },
  { serverURL: "HTTPS://X.EXAMPLE" },
  { headers: { "x-a": "1" } },
  { headers: { "Idempotency-Key": "own" } },
  { headers: { "idempotency-key": "" } },
  { headers: { "idempotency-key": "x".repeat(300) } },
  { headers: { authorization: "Bearer other" } },
  {
    headers: [
      ["accept", "text/html"],
      ["accept", "a/b"],
    ],
  },
  { headers: { x: "é" } },
  { headers: { x: "\u0100" } },
  { headers: { "x y": "1" } },
  { headers: { x: "a\nb" } },
  { headers: 7 },
  { headers: null },
  { headers: "x" },
  { headers: new Headers({ "user-agent": "me" }) },
  { signal: AbortSignal.abort() },
  { signal: AbortSignal.abort("reason") },
  { signal: null },
  { signal: 7 },
  { signal: {} },
  { signal: new AbortController().signal },
  null,
  7,
  "x",
  {},
  { unknown: 1 },
];
const CLIENTS = [
  { merchantApiKey: "" },
  { merchantApiKey: " sk_m_1 " },
  { merchantApiKey: "sk_m_simulator" },
  { merchantApiKey: "sk_m_é" },
  { merchantApiKey: "sk_m_\u0100" },
  { merchantApiKey: "a\nb" },
  { merchantApiKey: 7 },
  { merchantApiKey: () => "sk_m_f" },
  { merchantApiKey: async () => "sk_m_f" },
  {
    merchantApiKey: () => {
      throw new Error("vault");
    },
  },
  { merchantApiKey: async () => 7 },
  { merchantApiKey: async () => undefined },
  { merchantApiKey: async () => null },
  { merchantApiKey: undefined },
  { userAgent: "me/1" },
  { userAgent: "" },
  { userAgent: "é" },
  { serverIdx: 0 },
  { serverIdx: 9 },
  { serverURL: "https://a.example/base" },
  { identityURL: "https://i.example/base/" },
  { identityURL: "x" },
  { timeoutMs: 7 },
  { retryConfig: { strategy: "none" } },
];

/** Creates a random call. The clock stands still, so only the requests can differ. */
function makeCall(random) {
  const operation = random.pick(Object.keys(ANSWERS));
  const templates = ARGUMENTS[operation];
  // Either part is right in most cases. Otherwise few calls would get past the first check.
  const odd = random.chance(0.35);
  return {
    operation,
    argument:
      templates && (odd ? argument(random, templates) : structuredClone(random.pick(templates))),
    options: random.chance(0.25) ? random.pick(OPTIONS) : undefined,
    client: random.chance(0.08) ? random.pick(CLIENTS) : {},
    /** The number of the request during which the caller's signal aborts. */
    abort: random.chance(0.03) ? 1 + random.below(2) : undefined,
    answers: Array.from({ length: 1 + (random.chance(0.3) ? random.below(3) : 0) }, () =>
      answer(random, operation),
    ),
  };
}

const showAnswer = ({ body, thrown, ...rest }) => ({
  ...rest,
  ...(body && { body: body.toString() }),
  ...(thrown && { thrown: String(thrown) }),
});

const CHECKOUT_OPTIONS = [
  { maxRetries: 0 },
  { maxRetries: 5 },
  { maxRetries: -1 },
  { maxRetries: 1.5 },
  { timeout: 1 },
  { timeout: 0 },
  { timeout: "1" },
  { debug: 7 },
  { baseUrl: "https://b.example/p/" },
  { baseUrl: "x" },
  { apiKey: "sk_m_2", merchantApiKey: "" },
  { merchantApiKey: "pk" },
  { merchantApiKey: "sk_m_simulator" },
  { merchantApiKey: "" },
  { merchantApiKey: "sk_m_é" },
  { merchantApiKey: " sk_m_1 " },
  { merchantApiKey: 7 },
  null,
  7,
];

function makeCheckout(random) {
  const operation = random.pick(Object.keys(CHECKOUT));
  const odd = random.chance(0.35);
  const templates = CHECKOUT[operation];
  let given = random.pick(templates);
  if (odd)
    given =
      typeof given === "string"
        ? random.chance(0.5)
          ? random.pick(STRANGE)
          : JSON.parse(nearlyString(random))
        : argument(random, templates);
  return {
    operation,
    argument: given,
    own:
      operation === "invoices.create" && random.chance(0.3)
        ? random.pick([
            { idempotencyKey: "own" },
            { idempotencyKey: "" },
            { idempotencyKey: 7 },
            { idempotencyKey: "é" },
            { idempotencyKey: "x".repeat(256) },
            null,
            7,
            {},
          ])
        : undefined,
    options: random.chance(0.1) ? random.pick(CHECKOUT_OPTIONS) : {},
    answers: Array.from({ length: 1 + (random.chance(0.3) ? random.below(3) : 0) }, () =>
      answer(random, OPERATION[operation] ?? operation),
    ),
  };
}

function nearlyString(random) {
  const given = text(random);
  try {
    JSON.parse(given);
    return given;
  } catch {
    return '"inv_é/?#"';
  }
}

export const kinds = [
  {
    name: "an operation",
    weight: 14,
    make: makeCall,
    show: (input) => ({ ...input, answers: input.answers.map(showAnswer) }),
    run: async (
      { Gwop, HTTPClient, clock },
      { operation, argument: given, options: own, client, answers, abort },
    ) => {
      const log = [];
      const controller = new AbortController();
      // A text would become members with numbers as names.
      const members = typeof own === "object" ? own : {};
      const options = abort ? { ...members, signal: controller.signal } : own;
      const onRequest = (count) =>
        count === abort && controller.abort(new DOMException("enough", "AbortError"));
      const outcome = await outcomeOf(() => {
        const httpClient = new HTTPClient({ fetcher: scripted(answers, log, clock, onRequest) });
        const gwop = new Gwop({ merchantApiKey: "sk_m_1", httpClient, ...client });
        const [group, name] = operation.split(".");
        return operation === "auth.getJwks"
          ? gwop.auth.getJwks(options)
          : gwop[group][name](given, options);
      });
      return { outcome, log, ended: clock.now };
    },
  },
  {
    name: "an operation of checkout",
    weight: 8,
    make: makeCheckout,
    show: (input) => ({ ...input, answers: input.answers.map(showAnswer) }),
    run: async ({ GwopCheckout, clock }, { operation, argument: given, own, options, answers }) => {
      const log = [];
      globalThis.fetch = scripted(answers, log, clock);
      const outcome = await outcomeOf(() => {
        const checkout = new GwopCheckout(
          options && typeof options === "object"
            ? { merchantApiKey: "sk_m_1", ...options }
            : options,
        );
        const { invoices } = checkout;
        return invoices[operation.split(".")[1]](given, ...(own === undefined ? [] : [own]));
      });
      return { outcome, log, ended: clock.now };
    },
  },
];
