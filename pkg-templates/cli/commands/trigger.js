import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { UsageError } from "../errors.js";
import { send } from "../http.js";
import { clean, columns } from "../output.js";
import { checkout, sdk, simulator, urlOf } from "../sdk.js";
import { readSecret, SECRET_FILE, separate } from "../secrets.js";

const EVENTS = ["invoice.paid", "invoice.expired", "invoice.canceled"];

/** The age of a stale signature, in seconds: twice the tolerance. */
const STALE_SECONDS = 600;

/** The lifetime of an invoice that is to expire, in seconds: the shortest that Gwop accepts. */
const SHORTEST_LIFE_SECONDS = 60;

/** The most characters of a receiver's response that are shown. */
const MOST_SHOWN = 300;

/**
 * The variants: what is sent, and whether a correct receiver accepts (2xx) or refuses (4xx) it.
 *
 * @type {Record<string, { about: string, accepted: boolean, make(base: Base): Delivery[] }>}
 * @typedef {{ event: object, sign(body: string, change?: { t?: number, secret?: string }): string
 *   }} Base
 * @typedef {{ event: object, body: string, signature?: string }} Delivery
 */
const VARIANTS = {
  valid: {
    about: "as Gwop sends it",
    accepted: true,
    make: ({ event, sign }) => [signed(event, sign)],
  },
  duplicate: {
    about: "the same event twice",
    accepted: true,
    make: ({ event, sign }) => [signed(event, sign), signed(event, sign)],
  },
  "older-version": {
    about: "an event of a later version, then an older one",
    accepted: true,
    make: ({ event, sign }) => {
      const version = (event.event_version ?? 1) + 1;
      return [version, version - 1].map((event_version, at) =>
        signed({ ...event, event_version, ...(at > 0 && { event_id: randomUUID() }) }, sign),
      );
    },
  },
  tampered: {
    about: "the amount is changed after it was signed",
    accepted: false,
    make: ({ event, sign }) => {
      const delivery = signed(event, sign);
      return [
        { ...delivery, body: delivery.body.replace(/"amount_usdc":"\d+"/, '"amount_usdc":"1"') },
      ];
    },
  },
  stale: {
    about: `signed ${STALE_SECONDS} seconds ago`,
    accepted: false,
    make: ({ event, sign }) => [
      signed(event, sign, { t: Math.floor(Date.now() / 1000) - STALE_SECONDS }),
    ],
  },
  "other-secret": {
    about: "signed with another secret",
    accepted: false,
    make: ({ event, sign }) => [signed(event, sign, { secret: `whsec_${randomUUID()}` })],
  },
  unsigned: {
    about: "without X-Gwop-Signature",
    accepted: false,
    make: ({ event }) => [{ event, body: JSON.stringify(event) }],
  },
};

function signed(event, sign, change) {
  const body = JSON.stringify(event);
  return { event, body, signature: sign(body, change) };
}

export const trigger = {
  name: "trigger",
  summary: "send a signed delivery to your endpoint",
  positionals: "EVENT",
  about: [
    `EVENT is ${EVENTS.join(", ")}, or all. The event is one that the local Gwop makes, ` +
      "signed by the SDK with your endpoint's secret: GWOP_WEBHOOK_SECRET, or --secret-file.",
    `--variant chooses what is sent: ${Object.entries(VARIANTS)
      .map(
        ([name, { about, accepted }]) =>
          `${name} (${about}; to be ${accepted ? "accepted" : "refused"})`,
      )
      .join(", ")}; or all. Accepted is a status 2xx, refused a status 4xx.`,
    "A delivery that verifies can make your shop ship something. So it goes only to this machine " +
      "and to your own networks, unless you pass --remote.",
  ],
  options: {
    to: { type: "string", value: "URL", about: "your endpoint" },
    save: {
      type: "string",
      value: "FILE",
      about: "save the (last) delivery in a file, for gwop verify; then --to is optional",
    },
    variant: { type: "string", value: "VARIANT", about: "what is sent (default valid)" },
    "secret-file": SECRET_FILE,
    remote: { type: "boolean", about: "allow a host on the internet" },
    amount: {
      type: "string",
      value: "UNITS",
      about: "the price in atomic USDC, 6 decimals (default 1000000)",
    },
    chain: { type: "string", value: "CHAIN", about: "base (default) or solana, for invoice.paid" },
    "invoice-id": {
      type: "string",
      value: "UUID",
      about: "the merchant-side id of the invoice, such as that of one of your orders",
    },
    "public-invoice-id": { type: "string", value: "ID", about: "its public id, inv_…" },
    "merchant-id": {
      type: "string",
      value: "UUID",
      about: "your merchant id (default GWOP_MERCHANT_ID, then a made-up one)",
    },
  },
  examples: [
    "gwop trigger invoice.paid --to http://127.0.0.1:3000/webhooks/gwop",
    "gwop trigger all --variant all --to http://127.0.0.1:3000/webhooks/gwop --json",
    "gwop trigger invoice.expired --save delivery.http",
  ],
  no: "an answer is not the expected one",
  run,
};

async function run({ values, positionals, output }) {
  const [asked] = positionals;
  const types = asked === "all" ? EVENTS : EVENTS.filter((known) => known === asked);
  if (types.length === 0)
    throw new UsageError(`EVENT is ${EVENTS.join(", ")}, or all. See gwop trigger --help`);
  const variants = values.variant === "all" ? Object.keys(VARIANTS) : [values.variant ?? "valid"];
  if (!variants.every((variant) => Object.hasOwn(VARIANTS, variant)))
    throw new UsageError(`--variant is ${Object.keys(VARIANTS).join(", ")}, or all`);
  if (values.to === undefined && values.save === undefined)
    throw new UsageError("give --to URL, your endpoint, or --save FILE");
  const to = values.to === undefined ? undefined : await urlOf("--to", values.to);
  if (to && !values.remote && !(await isOwn(to))) {
    throw new UsageError(
      "--to is a host of the internet, and a delivery that verifies there can make a shop " +
        "fulfil what nobody paid: add --remote where you mean it",
    );
  }
  const sign = await signer(readSecret(values, "GWOP_WEBHOOK_SECRET").secret);
  const sent = [];
  let last;
  for (const type of types) {
    for (const variant of variants) {
      const event = await eventOf(type, values);
      for (const delivery of VARIANTS[variant].make({ event, sign })) {
        last = delivery;
        if (to)
          sent.push({ variant, ...(await deliver(to, delivery, VARIANTS[variant].accepted)) });
      }
    }
  }
  if (values.save !== undefined) save(values.save, last, to);
  const isGood = sent.every(({ asExpected }) => asExpected);
  output.document({ ok: isGood, deliveries: sent });
  const rows = sent.map(({ event, variant, status, expected, asExpected }) => [
    asExpected ? "ok" : "NO",
    event,
    variant,
    `${status}`,
    asExpected ? expected : `was to be ${expected}`,
  ]);
  for (const line of columns(rows)) output.line(line);
  const wrong = sent.find(({ asExpected, answer }) => !asExpected && answer);
  if (wrong) output.line(`\nThe answer to ${wrong.variant}: ${wrong.answer}`);
  if (values.save !== undefined) output.line("The delivery is saved.");
  return isGood ? 0 : 1;
}

/**
 * Returns whether plain http is allowed there, by the SDK's rule: this machine and private
 * networks.
 */
async function isOwn(url) {
  const { Gwop } = await sdk();
  try {
    new Gwop({ serverURL: `http://${url.host}` });
    return true;
  } catch {
    return false;
  }
}

/** Creates a function that signs a body as Gwop would, with the SDK. */
async function signer(given) {
  const { GwopCheckout } = await checkout();
  const secrets = separate(given).map((secret) => secret.trim());
  return (body, { t = Math.floor(Date.now() / 1000), secret = secrets } = {}) => {
    try {
      return GwopCheckout.webhooks.generateTestSignature(body, secret, t);
    } catch (error) {
      throw new UsageError(error.message);
    }
  };
}

/** Creates an event as the local Gwop does, for an invoice of its own. */
async function eventOf(type, values) {
  const { Gwop } = await sdk();
  const { Simulator, SimulatorError } = await simulator();
  const amountUsdc = Number(values.amount ?? 1_000_000);
  const merchantId = values["merchant-id"] ?? (process.env.GWOP_MERCHANT_ID || undefined);
  let sim;
  try {
    sim = new Simulator({ autoDeliver: false, ...(merchantId !== undefined && { merchantId }) });
    const { httpClient, merchantApiKey } = sim;
    const gwop = new Gwop({
      httpClient,
      merchantApiKey,
      serverURL: "http://127.0.0.1:9",
      retries: { strategy: "none" },
    });
    if (type === "invoice.expired") await sim.clock.set(Date.now() - SHORTEST_LIFE_SECONDS * 1000);
    const { result: invoice } = await gwop.invoices.create({
      body: { amountUsdc, expiresInSeconds: SHORTEST_LIFE_SECONDS },
    });
    if (type === "invoice.paid")
      await sim.pay(invoice.publicInvoiceId, { chain: values.chain ?? "base" });
    if (type === "invoice.expired") await sim.clock.advance(SHORTEST_LIFE_SECONDS * 1000);
    if (type === "invoice.canceled") await gwop.invoices.cancel({ id: invoice.id });
    const event = JSON.parse(sim.deliveries.at(-1).body);
    if (values["invoice-id"] !== undefined) event.data.invoice_id = values["invoice-id"];
    if (values["public-invoice-id"] !== undefined)
      event.data.public_invoice_id = values["public-invoice-id"];
    return event;
  } catch (error) {
    if (
      error instanceof SimulatorError ||
      error.name === "SDKValidationError" ||
      error.statusCode === 400
    ) {
      throw new UsageError(`no such event can be made: ${error.message}`);
    }
    throw error;
  } finally {
    sim?.close();
  }
}

/** Returns the headers of a delivery. */
const headersOf = ({ event, signature }) => ({
  "content-type": "application/json",
  ...(signature !== undefined && { "x-gwop-signature": signature }),
  "x-gwop-event-id": event.event_id,
  "x-gwop-event-type": event.event_type,
});

async function deliver(to, delivery, accepted) {
  const { status, text, ms } = await send(to, {
    method: "POST",
    headers: headersOf(delivery),
    body: delivery.body,
  });
  const isAccepted = status >= 200 && status < 300;
  const isRefused = status >= 400 && status < 500;
  return {
    event: delivery.event.event_type,
    eventId: delivery.event.event_id,
    status,
    ms: Math.round(ms),
    expected: accepted ? "accepted" : "refused",
    asExpected: accepted ? isAccepted : isRefused,
    // Remove secrets before the text is cut, because half a secret is not recognized.
    answer: clean(text).slice(0, MOST_SHOWN),
  };
}

/** Writes a delivery as an HTTP message that only its owner can read. */
function save(file, delivery, to) {
  const target = to ? to.pathname + to.search : "/webhooks/gwop";
  const lines = [
    `POST ${target} HTTP/1.1`,
    `host: ${to ? to.host : "127.0.0.1"}`,
    ...Object.entries(headersOf(delivery)).map((pair) => pair.join(": ")),
  ];
  try {
    writeFileSync(file, `${lines.join("\r\n")}\r\n\r\n${delivery.body}`, { mode: 0o600 });
  } catch (error) {
    throw new UsageError(`--save cannot be written (${error.code ?? "unknown reason"})`);
  }
}
