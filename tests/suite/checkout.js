// `@gwop/sdk/checkout`: what code written for gwop-checkout 2.0.0 relies on.
import {
  AuthenticationError,
  GwopCheckout,
  GwopCheckoutError,
  InvalidRequestError,
  NotFoundError,
  RateLimitError,
  Webhooks,
} from "@gwop/sdk/checkout";
// A minified bundle of `@gwop/sdk/checkout` that the runner makes: the same classes a second time.
import * as copies from "./copies/checkout.js";
import { assert, assertEquals, assertRejects, assertThrows, test } from "./harness.js";
import { deliver, EXPIRED, hmacHex, PAID, SECRET } from "./deliveries.js";

const { webhooks } = new GwopCheckout();
const CANCELED = EXPIRED.replace("invoice.expired", "invoice.canceled").replace("EXPIRED", "CANCELED");
const now = () => Math.floor(Date.now() / 1000);

/** Asserts the one class and code of every refused webhook, and the reason in `details`. */
function refused(fn, reason) {
  const error = assertThrows(fn);
  assert(error instanceof InvalidRequestError, `a ${error?.name}: ${error?.message}`);
  assertEquals([error.code, error.statusCode, error.details], ["WEBHOOK_SIGNATURE_ERROR", 400, { reason }]);
  const told = `${error.message} ${error.stack} ${JSON.stringify(error)}`;
  for (const secret of ["evt_abc123", "0x742d35Cc", SECRET]) assert(!told.includes(secret), `it tells ${secret}`);
  return error;
}

test("checkout: constructEvent gives the wire event, synchronously", async () => {
  for (const body of [PAID, EXPIRED, CANCELED]) {
    const { headers } = await deliver(body);
    const event = webhooks.constructEvent(body, headers["x-gwop-signature"], SECRET);
    assertEquals(event, JSON.parse(body));
  }
});

test("checkout: constructEvent takes a string, bytes, a view or a buffer", async () => {
  const bytes = new TextEncoder().encode(PAID);
  const padded = new Uint8Array(bytes.length + 10);
  padded.set(bytes, 5);
  const payloads = [PAID, bytes, bytes.buffer, padded.subarray(5, 5 + bytes.length)];
  if (typeof Buffer !== "undefined") payloads.push(Buffer.from(PAID));
  const { headers } = await deliver(PAID);
  for (const payload of payloads) {
    assertEquals(webhooks.constructEvent(payload, headers["x-gwop-signature"], SECRET), JSON.parse(PAID));
  }
});

test("checkout: constructEvent keeps fields that this version does not know", async () => {
  const body = PAID.replace("{", '{ "livemode": false, ').replace('"currency"', '"über": ["ß", null, 1.5], "currency"');
  const { headers } = await deliver(body);
  assertEquals(webhooks.constructEvent(body, headers["x-gwop-signature"], SECRET), JSON.parse(body));
});

test("checkout: constructEvent takes several secrets during a rotation", async () => {
  const { headers } = await deliver(PAID, { secret: "whsec_old" });
  const event = webhooks.constructEvent(PAID, headers["x-gwop-signature"], ["whsec_new", "whsec_old"]);
  assertEquals(event.event_id, "evt_abc123");
});

test("checkout: without a secret it is GWOP_WEBHOOK_SECRET", { needs: ["env"] }, async () => {
  const { headers } = await deliver(PAID, { secret: "whsec_from_the_environment" });
  for (const unset of [undefined, ""]) {
    assertEquals(webhooks.constructEvent(PAID, headers["x-gwop-signature"], unset).event_id, "evt_abc123");
    const signature = webhooks.generateTestSignature(PAID, unset);
    assertEquals(webhooks.constructEvent(PAID, signature, "whsec_from_the_environment").event_id, "evt_abc123");
  }
});

test("checkout: every refused webhook is an InvalidRequestError with WEBHOOK_SIGNATURE_ERROR and the reason", async () => {
  const header = (await deliver(PAID)).headers["x-gwop-signature"];
  const check = (payload, signature, options) => () => webhooks.constructEvent(payload, signature, SECRET, options);
  for (const missing of [undefined, null, "", []]) refused(check(PAID, missing), "WEBHOOK_SIGNATURE_MISSING");
  refused(check(PAID, "v1=00"), "WEBHOOK_SIGNATURE_MALFORMED");
  refused(check(PAID, header.replace(/t=\d+/, "t=1e9")), "WEBHOOK_TIMESTAMP_INVALID");
  refused(check(PAID.replace("1025000", "9"), header), "WEBHOOK_SIGNATURE_MISMATCH");
  refused(() => webhooks.constructEvent(PAID, header, "whsec_other"), "WEBHOOK_SIGNATURE_MISMATCH");
  for (const parsed of [JSON.parse(PAID), undefined, null, 7]) refused(check(parsed, header), "WEBHOOK_BODY_NOT_RAW");
  const signed = (body) => [body, webhooks.generateTestSignature(body, SECRET)];
  refused(check(...signed("{}")), "WEBHOOK_PAYLOAD_INVALID");
  refused(check(...signed("[1]")), "WEBHOOK_PAYLOAD_INVALID");
  refused(check(...signed(new Uint8Array([0x7b, 0xff, 0x7d]))), "WEBHOOK_PAYLOAD_INVALID");
  refused(check(...signed(PAID.replace("invoice.paid", "invoice.refunded"))), "WEBHOOK_EVENT_UNKNOWN");
  for (const tolerance of [-1, NaN, Infinity, "300"]) refused(check(PAID, header, { tolerance }), "SDK_VALIDATION");
});

test("checkout: tolerance is 300 seconds either side, or as given", () => {
  const at = (offset, options) => () =>
    webhooks.constructEvent(PAID, webhooks.generateTestSignature(PAID, SECRET, now() + offset), SECRET, options);
  for (const offset of [-298, 298]) assertEquals(at(offset)().event_id, "evt_abc123");
  for (const offset of [-302, 302]) refused(at(offset), "WEBHOOK_TIMESTAMP_OUTSIDE_TOLERANCE");
  assertEquals(at(-900, { tolerance: 1000 })().event_id, "evt_abc123");
  refused(at(-10, { tolerance: 5 }), "WEBHOOK_TIMESTAMP_OUTSIDE_TOLERANCE");
  const later = { receivedAt: new Date(Date.now() - 86_400_000) };
  assertEquals(at(-86_400, later)().event_id, "evt_abc123");
});

test("checkout: generateTestSignature is the header that Gwop would send", async () => {
  const expected = await hmacHex(SECRET, `1700000000.${PAID}`);
  assertEquals(webhooks.generateTestSignature(PAID, SECRET, 1_700_000_000), `t=1700000000,v1=${expected}`);
  assertEquals(webhooks.generateTestSignature(new TextEncoder().encode(PAID), SECRET, 1_700_000_000), `t=1700000000,v1=${expected}`);
  const before = now();
  const [, t] = /^t=(\d+),v1=[0-9a-f]{64}$/.exec(webhooks.generateTestSignature(PAID, SECRET));
  assert(Number(t) >= before && Number(t) <= now());
  for (const timestamp of [-1, 1.5, NaN, 1e21, "1700000000", new Date()]) {
    assertThrows(() => webhooks.generateTestSignature(PAID, SECRET, timestamp), InvalidRequestError);
  }
});

test("checkout: dispatch calls the event's handler and waits for it", async () => {
  const calls = [];
  const handler = (name) => async (event) => {
    await new Promise((done) => setTimeout(done, 10));
    calls.push([name, event.data.status]);
  };
  const handlers = {
    invoicePaid: handler("paid"),
    invoiceExpired: handler("expired"),
    invoiceCanceled: handler("canceled"),
  };
  for (const body of [PAID, EXPIRED, CANCELED]) {
    assertEquals(await webhooks.dispatch(JSON.parse(body), handlers), undefined);
  }
  assertEquals(calls, [["paid", "PAID"], ["expired", "EXPIRED"], ["canceled", "CANCELED"]]);
});

test("checkout: dispatch passes over events without a handler, and hands on what a handler throws", async () => {
  await webhooks.dispatch(JSON.parse(PAID), {});
  await webhooks.dispatch(JSON.parse(PAID), { invoicePaid: undefined });
  for (const type of ["invoice.refunded", "constructor", "__proto__", undefined]) {
    await webhooks.dispatch({ ...JSON.parse(PAID), event_type: type }, { invoicePaid: () => assert(false) });
  }
  const boom = new Error("the database is down");
  for (const invoicePaid of [() => { throw boom; }, () => Promise.reject(boom)]) {
    assertEquals(await assertRejects(webhooks.dispatch(JSON.parse(PAID), { invoicePaid })), boom);
  }
});

test("checkout: webhooks can be used from an instance, from the class and alone", async () => {
  const { headers } = await deliver(PAID);
  for (const { constructEvent } of [new GwopCheckout().webhooks, GwopCheckout.webhooks, new Webhooks()]) {
    assertEquals(constructEvent(PAID, headers["x-gwop-signature"], SECRET).event_id, "evt_abc123");
  }
});

test("checkout: five error classes, also over a copy of the package", () => {
  const classes = { GwopCheckoutError, AuthenticationError, InvalidRequestError, NotFoundError, RateLimitError };
  const details = { retry_after_seconds: 3 };
  for (const [name, Class] of Object.entries(classes)) {
    for (const Made of [Class, copies[name]]) {
      const error = new Made("m", { code: "C", statusCode: 429, requestId: "req_1", details });
      assertEquals(
        [error.name, error.message, error.code, error.statusCode, error.requestId, error.details],
        [name, "m", "C", 429, "req_1", details],
      );
      assert(error instanceof Error && error instanceof GwopCheckoutError && error instanceof copies.GwopCheckoutError);
      for (const [other, Other] of Object.entries(classes)) {
        const expected = other === name || other === "GwopCheckoutError";
        assertEquals(error instanceof Other, expected, `${name} instanceof ${other}`);
        assertEquals(error instanceof copies[other], expected, `${name} instanceof the copy of ${other}`);
      }
    }
  }
  class Own extends NotFoundError {}
  assert(!(new NotFoundError("m", { code: "C" }) instanceof Own));
  assert(new Own("m", { code: "C" }) instanceof NotFoundError);
});
