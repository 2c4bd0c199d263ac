// Webhooks: events that are nearly right, signed over the resulting bytes, and nearly right
// headers.
import { createHmac } from "node:crypto";
import { outcomeOf, outcomeOfSync } from "./outcome.mjs";
import { edited, nearly } from "./text.mjs";

const SECRET = "whsec_ZGlmZmVyZW50aWFs";
const OTHER = "whsec_b3RoZXI=";

function template(random) {
  const type = random.pick(["invoice.paid", "invoice.paid", "invoice.expired", "invoice.canceled"]);
  const maybe = (members) => (random.chance(0.5) ? members : {});
  return {
    event_id: random.pick(["evt_abc123", "7c0f1a6e-3f0b-4a53-9d0e-0f6f3c3a5a11"]),
    event_type: type,
    ...maybe({ event_version: random.below(10) }),
    ...maybe({ created_at: "2026-03-25T02:06:44.012Z" }),
    data: {
      invoice_id: "ba7bc94a-5468-42f4-9f04-2502e50c7501",
      public_invoice_id: "inv_7dbeeaad8ebf4f5298c380c90e4b3576",
      merchant_id: "9e9c9ba5-3bab-4172-8a79-336f9ca0f163",
      status: {
        "invoice.paid": "PAID",
        "invoice.expired": "EXPIRED",
        "invoice.canceled": "CANCELED",
      }[type],
      amount_usdc: random.chance(0.1) ? random.pick([0, 1025000, 9007199254740991]) : "1025000",
      currency: "USDC",
      ...maybe({ merchant_reference: "order 7" }),
      ...(type === "invoice.paid" && {
        ...maybe({ tx_hash: "0xcd26" }),
        ...maybe({ tx_signature: "5x" }),
        payment_chain: random.pick(["base", "solana"]),
        ...maybe({ payment_chain_caip2: "eip155:8453" }),
        paid_at: "2026-03-24T00:48:31.602Z",
        payer_wallet: "0x742d35Cc6634C0532925a3b844Bc9e7595f5bA16",
      }),
    },
    ...(random.chance(0.1) && { gwop_outcome: random.pick(["applied", "conflict"]) }),
  };
}

const tag = (secret, t, body) =>
  createHmac("sha256", secret).update(`${t}.`).update(body).digest("hex");

/** Functions that write a signature header, from the time and the right tag. */
const HEADERS = [
  (t, v1) => `t=${t}, v1=${v1}`,
  (t, v1) => `v1=${v1},t=${t}`,
  (t, v1) => `t=${t},v0=${v1},v1=${v1}`,
  (t, v1) => `t=${t},v0=${v1}`,
  (t, v1) => `t=${t},v1=${"0".repeat(64)},v1=${v1}`,
  (t, v1) => `t=${t},v1=${v1},v1=${"0".repeat(64)}`,
  (t, v1) => `t=${t},v1=${v1},v1=zz`,
  (t, v1) => `t=${t},v1=${v1.toUpperCase()}`,
  (t, v1) => `t=${t},v1=${v1.slice(0, 62)}`,
  (t, v1) => `t=${t},v1=${v1}00`,
  (t, v1) => `t=${t},t=${t},v1=${v1}`,
  (t, v1) => `t=${t},t=${t + 1},v1=${v1}`,
  (t, v1) => `t=+${t},v1=${v1}`,
  (t, v1) => `t=0${t},v1=${v1}`,
  (t, v1) => `t=${t}.0,v1=${v1}`,
  (t, v1) => `t=-${t},v1=${v1}`,
  (_t, v1) => `t=99999999999999999999,v1=${v1}`,
  (t, v1) => `t= ${t} , v1= ${v1} `,
  (t, v1) => `T=${t},V1=${v1}`,
  (t, v1) => `t=${t};v1=${v1}`,
  (t, v1) => `,t=${t},,v1=${v1},`,
  (t, v1) => `t=${t},v1=${v1},extra`,
  (t, v1) => `t=${t},v1=${v1},=`,
  (t, v1) => `t=${t},v1=${v1},scheme=a=b`,
  (t) => `t=${t}`,
  (_t, v1) => `v1=${v1}`,
  (_t, v1) => v1,
  () => "",
  () => " ",
  (t, v1) => `t=${t},${`v1=${"1".repeat(64)},`.repeat(7)}v1=${v1}`,
  (t, v1) => `t=${t},${`v1=${"1".repeat(64)},`.repeat(16)}v1=${v1}`,
  (t, v1) => `t=${t},${`v1=${"1".repeat(64)},`.repeat(60)}v1=${v1}`,
  (t, v1) => [`t=${t}`, `v1=${v1}`],
  (t, v1) => [`t=${t},v1=${v1}`],
  () => undefined,
  () => null,
  () => 7,
];

const BODIES = [
  (bytes) => bytes.toString(),
  (bytes) => new Uint8Array(bytes),
  (bytes) => new Uint8Array(bytes).buffer,
  (bytes) => new DataView(new Uint8Array(bytes).buffer),
  (bytes) => new Uint8Array([1, ...bytes, 2]).subarray(1, bytes.length + 1),
  (bytes) => new Uint16Array(bytes.length >> 1),
  (bytes) => `${bytes}\ud800`,
];
const NO_BODIES = [undefined, null, {}, [], 7, true, { type: "Buffer", data: [] }];

const CONTAINERS = [
  (headers) =>
    new Headers(
      Object.entries(headers).flatMap(([name, value]) =>
        value == null ? [] : [[name, String(value)]],
      ),
    ),
  (headers) => Object.entries(headers),
  (headers) => new Map(Object.entries(headers)),
  (headers) =>
    Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toUpperCase(), value])),
  (headers) => ({ ...headers, "X-GWOP-SIGNATURE": headers["x-gwop-signature"] }),
  (headers) =>
    Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name.toUpperCase(), [value]]),
    ),
  () => undefined,
  () => null,
  () => 7,
  () => [7],
];

const TOLERANCES = [0, 1, 0.5, 300, 1e9, 1e300, -1, NaN, Infinity, "300", null];
const RECEIVED = [
  new Date(0),
  new Date(NaN),
  new Date(8.64e15),
  new Date(-8.64e15),
  7,
  "now",
  null,
];
const SECRETS = [
  [],
  "",
  [""],
  [OTHER, SECRET],
  [SECRET, OTHER],
  OTHER,
  [OTHER],
  ["", SECRET],
  `${SECRET}\0`,
  7,
  [7],
  {},
  Array.from({ length: 20 }, (_, at) => (at === 19 ? SECRET : `whsec_${at}_of_20`)),
  "é\ud800".repeat(4),
  `${SECRET} `,
  [`\n${OTHER}`, SECRET],
  // The new package refuses these: one is public, two have less than 8 characters.
  "whsec_simulator",
  "whsec_7",
  [SECRET, "short"],
  "x".repeat(100),
];

function makeEvent(random, now) {
  const body = nearly(random, template(random));
  const input = {
    body,
    form: random.chance(0.7) ? BODIES[0] : random.pick(BODIES),
    offset: 0,
    header: (t, v1) => `t=${t},v1=${v1}`,
    secret: SECRET,
    options: {},
    more: {},
    container: undefined,
    now,
  };
  if (random.chance(0.75)) return input;
  // Then change the delivery as well.
  for (let changes = 1 + random.below(2); changes > 0; changes--) {
    random.weighted([
      [6, () => (input.header = random.pick(HEADERS))],
      [
        2,
        () => {
          const seed = random.below(2 ** 31);
          const change = random.below(3);
          input.header = (t, v1) => {
            let left = seed;
            const again = {
              below: (count) => (left = (left * 1103515245 + 12345) >>> 0) % count,
              pick: (list) => list[again.below(list.length)],
              weighted: (choices) => choices[again.below(choices.length)][1],
            };
            return edited(again, `t=${t},v1=${v1}`) + "x".repeat(change === 0 ? 1 : 0);
          };
        },
      ],
      [
        3,
        () =>
          (input.offset =
            random.pick([
              -1,
              1,
              -299,
              299,
              -300,
              300,
              -301,
              301,
              -86400,
              86400,
              -now / 1000,
              1e12,
            ]) | 0),
      ],
      [2, () => (input.options = { ...input.options, tolerance: random.pick(TOLERANCES) })],
      [
        2,
        () =>
          (input.options = {
            ...input.options,
            receivedAt: random.chance(0.5)
              ? new Date(now + (random.below(1_000_000) - 500_000))
              : random.pick(RECEIVED),
          }),
      ],
      [2, () => (input.secret = random.pick(SECRETS))],
      [
        2,
        () =>
          (input.more = random.pick([
            { "x-gwop-event-id": "evt_abc123" },
            { "x-gwop-event-type": "invoice.paid" },
            { "x-gwop-event-id": "evt_other" },
            { "x-gwop-event-type": "invoice.expired" },
            { "x-gwop-event-id": "" },
            { "x-gwop-event-id": "evt_abc123 " },
            { "x-gwop-event-id": ["evt_abc123"] },
            { "x-gwop-event-id": "é" },
            { "x-gwop-event-id": 7 },
            { "x-gwop-event-id": Object.create(null) },
          ])),
      ],
      [2, () => (input.container = random.pick(CONTAINERS))],
      [
        1,
        () => {
          const body = random.pick(NO_BODIES);
          input.form = () => body;
        },
      ],
    ])();
  }
  return input;
}

const deliveries = new WeakMap();

/** Returns the delivery of an input, the same for both packages. */
function delivery(input) {
  let made = deliveries.get(input);
  if (!made) deliveries.set(input, (made = deliver(input)));
  return made;
}

function deliver({ body, form, offset, header, more, now }) {
  const t = Math.floor(now / 1000) + offset;
  const given = form(body);
  const signed =
    typeof given === "string"
      ? Buffer.from(given)
      : ArrayBuffer.isView(given)
        ? Buffer.from(given.buffer, given.byteOffset, given.byteLength)
        : given instanceof ArrayBuffer
          ? Buffer.from(given)
          : body;
  const headers = { "x-gwop-signature": header(t, tag(SECRET, t, signed)), ...more };
  return { body: given, headers };
}

const wrapped = (input) => {
  const { body, headers } = delivery(input);
  let container = headers;
  try {
    if (input.container) container = input.container(headers);
  } catch {
    // `Headers` accepts fewer values than the SDK.
  }
  const { tolerance, receivedAt } = input.options;
  return {
    request: { body, headers: container },
    ...("tolerance" in input.options && { toleranceSeconds: tolerance }),
    ...("receivedAt" in input.options && { receivedAt }),
  };
};

/** One client per package and secret, so that cached keys are used too. */
function client({ Gwop, clients }, secret) {
  if (secret === SECRET) return (clients.webhook ??= new Gwop({ webhookSecret: SECRET }));
  return new Gwop({ webhookSecret: secret });
}

const show = (input) => {
  const { body, headers } = delivery(input);
  const text =
    typeof body === "string"
      ? body
      : `${Object.prototype.toString.call(body)} of ${JSON.stringify(input.body.toString())}`;
  return {
    body: text,
    headers,
    secret: input.secret,
    options: input.options,
    container: String(input.container ?? ""),
  };
};

export const kinds = [
  {
    name: "validateWebhookSync",
    weight: 250,
    make: makeEvent,
    show,
    run: (side, input) =>
      outcomeOfSync(() => client(side, input.secret).validateWebhookSync(wrapped(input))),
  },
  {
    name: "validateWebhook",
    weight: 8,
    make: makeEvent,
    show,
    run: (side, input) =>
      outcomeOf(() => client(side, input.secret).validateWebhook(wrapped(input))),
  },
  {
    name: "validateWebhook of a Request",
    weight: 2,
    make: (random, now) => ({
      ...makeEvent(random, now),
      form: BODIES[1],
      method: random.pick(["POST", "GET", "POST"]),
      used: random.chance(0.05),
    }),
    show,
    run: (side, input) =>
      outcomeOf(async () => {
        const { body, headers } = delivery(input);
        const values = Object.entries(headers).flatMap(([name, value]) =>
          value == null ||
          /[^\t -~]/.test(String(Object(value) === value && !Array.isArray(value) ? "" : value))
            ? []
            : [[name, String(Array.isArray(value) ? value : Object(value) === value ? "" : value)]],
        );
        const request = new Request("https://shop.example/webhooks", {
          method: input.method,
          headers: values,
          ...(input.method !== "GET" && { body }),
        });
        if (input.used) await request.arrayBuffer();
        return client(side, input.secret).validateWebhook({ ...wrapped(input), request });
      }),
  },
  {
    name: "checkout constructEvent",
    weight: 80,
    make: makeEvent,
    show,
    run: ({ GwopCheckout }, input) =>
      outcomeOfSync(() => {
        const { body, headers } = delivery(input);
        return GwopCheckout.webhooks.constructEvent(
          body,
          headers["x-gwop-signature"],
          input.secret,
          input.options,
        );
      }),
  },
  {
    name: "checkout generateTestSignature",
    weight: 1,
    make: (random, now) => ({
      ...makeEvent(random, now),
      timestamp: random.pick([undefined, 0, 1, 1774404248, 2 ** 53, -1, 1.5, NaN, "1", null]),
    }),
    show: (input) => ({ ...show(input), timestamp: input.timestamp }),
    run: ({ GwopCheckout }, input) =>
      outcomeOfSync(() =>
        GwopCheckout.webhooks.generateTestSignature(
          input.form(input.body),
          input.secret,
          input.timestamp,
        ),
      ),
  },
];
