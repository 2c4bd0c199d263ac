// The webhook handler with the memory store: the table of responses, and the promises of every
// store.
import { Gwop } from "@gwop/sdk";
import { createWebhookHandler } from "@gwop/sdk/handlers";
import { SDKValidationError } from "@gwop/sdk/errors";
import { kvStore, memoryStore } from "@gwop/sdk/stores";
import { assert, assertEquals, assertThrows, test } from "./harness.js";
import { deliver, SECRET } from "./deliveries.js";
import { checks, eventBody, read, shop } from "./store-conformance.js";

const URL_ = "https://shop.example/webhooks/gwop";
const invoice = () => crypto.randomUUID();

const shared = memoryStore();
for (const [sentence, check] of checks)
  test(`memory store: ${sentence}`, () => check(() => shared));

/** Sends a signed delivery, modified by `change`. Returns the response. */
async function post(own, body, change = {}) {
  const { headers } = await deliver(body, change.signing);
  return own.handle(
    new Request(URL_, {
      method: "POST",
      ...change,
      headers: { ...headers, ...change.headers },
      body: change.body ?? body,
    }),
  );
}

test("webhook handler: each callback gets its typed event", async () => {
  const got = [];
  const note = (event) => void got.push(event);
  const own = shop(memoryStore(), { onPaid: note, onExpired: note, onCanceled: note });
  for (const type of ["invoice.paid", "invoice.expired", "invoice.canceled"]) {
    const response = await post(own, eventBody(type, invoice()));
    assertEquals(response.headers.get("content-type"), "application/json");
    assertEquals(response.headers.get("cache-control"), "no-store");
    assertEquals(await response.json(), { received: true, outcome: "applied" });
  }
  assertEquals(
    got.map(({ eventType }) => eventType),
    ["invoice.paid", "invoice.expired", "invoice.canceled"],
  );
  assert(got[0].data.paidAt instanceof Date);
});

test("webhook handler: signatures that do not hold are answered with 401 and leave no trace", async () => {
  const store = memoryStore();
  const own = shop(store);
  const body = eventBody("invoice.paid", invoice());
  const now = Math.floor(Date.now() / 1000);
  for (const [change, code] of [
    [{ headers: { "x-gwop-signature": "" } }, "WEBHOOK_SIGNATURE_MISSING"],
    [{ headers: { "x-gwop-signature": "v1=00" } }, "WEBHOOK_SIGNATURE_MALFORMED"],
    [{ headers: { "x-gwop-signature": `t=x,v1=${"00".repeat(32)}` } }, "WEBHOOK_TIMESTAMP_INVALID"],
    [{ signing: { secret: "whsec_other" } }, "WEBHOOK_SIGNATURE_MISMATCH"],
    [{ signing: { t: now - 400 } }, "WEBHOOK_TIMESTAMP_OUTSIDE_TOLERANCE"],
    [{ signing: { t: now + 400 } }, "WEBHOOK_TIMESTAMP_OUTSIDE_TOLERANCE"],
    [{ body: `${body} ` }, "WEBHOOK_SIGNATURE_MISMATCH"],
  ]) {
    const response = await post(own, body, change);
    const text = await response.clone().text();
    assertEquals(await read(response), [401, code, null]);
    assert(!text.includes("0x742d") && !text.includes(SECRET), text);
  }
  assertEquals([own.calls, own.errors], [[], []]);
  assertEquals(await read(await post(own, body)), [200, "applied", null]);
});

test("webhook handler: well signed, but of no use: 400, and 200 for events of later versions", async () => {
  const own = shop(memoryStore());
  const body = eventBody("invoice.paid", invoice());
  const rows = [
    ["[1]", {}, [400, "WEBHOOK_PAYLOAD_INVALID", null]],
    ["{", {}, [400, "WEBHOOK_PAYLOAD_INVALID", null]],
    [body.replace('"PAID"', '"EXPIRED"'), {}, [400, "WEBHOOK_PAYLOAD_INVALID", null]],
    [body, { headers: { "x-gwop-event-id": "evt_other" } }, [400, "WEBHOOK_HEADER_MISMATCH", null]],
    [body.replace("invoice.paid", "invoice.refunded"), {}, [200, "ignored", null]],
  ];
  for (const [text, change, expected] of rows)
    assertEquals(await read(await post(own, text, change)), expected, text);
  assertEquals([own.calls, own.errors], [[], []]);
});

test("webhook handler: callbacks by the types of events, in place of the three", async () => {
  const got = [];
  const note = (name) => (event) => void got.push([name, event.eventType]);
  const on = {
    "invoice.paid": note("paid"),
    "invoice.expired": note("expired"),
    "invoice.canceled": note("canceled"),
  };
  const gwop = new Gwop({ webhookSecret: SECRET });
  const own = { handle: createWebhookHandler({ gwop, store: memoryStore(), on }) };
  for (const type of Object.keys(on))
    assertEquals((await post(own, eventBody(type, invoice()))).status, 200);
  assertEquals(got, [
    ["paid", "invoice.paid"],
    ["expired", "invoice.expired"],
    ["canceled", "invoice.canceled"],
  ]);
  for (const [options, message] of [
    [{ on: { ...on, "invoice.paid": undefined } }, /on must have a function for each/],
    [{ on: { ...on, "invoice.refunded": () => {} } }, /on\.invoice\.refunded is not known/],
    [{ on, onPaid() {} }, /give one of the two forms/],
    [{ on: null }, /on must be left out, not null/],
    [{ on, onUnknown: true }, /onUnknown must be a function/],
    [{}, /onPaid, onExpired and onCanceled must be functions/],
  ]) {
    const error = assertThrows(
      () => createWebhookHandler({ gwop, store: memoryStore(), ...options }),
      SDKValidationError,
    );
    assert(message.test(error.message), error.message);
  }
});

test("webhook handler: onUnknown is told of signed events of types of later versions, and of nothing else", async () => {
  const told = [];
  const own = shop(memoryStore(), { onUnknown: (event) => void told.push(event) });
  const body = eventBody("invoice.paid", invoice(), { id: "evt_later" }).replace(
    "invoice.paid",
    "invoice.refunded",
  );
  assertEquals(await read(await post(own, body)), [200, "ignored", null]);
  assertEquals((await post(own, body, { signing: { secret: "whsec_other" } })).status, 401);
  assertEquals((await post(own, "[1]")).status, 400);
  assertEquals((await post(own, eventBody("invoice.paid", invoice()))).status, 200);
  assertEquals(
    told.map(({ eventType, eventId, wire }) => [eventType, eventId, wire.data.amount_usdc]),
    [["invoice.refunded", "evt_later", "1025000"]],
  );
  // An event that cannot be stored comes again.
  const failing = shop(memoryStore(), {
    onUnknown() {
      throw new Error("no room");
    },
  });
  assertEquals(await read(await post(failing, body)), [500, "CALLBACK_FAILED", null]);
  assertEquals(
    [failing.errors[0].error.message, failing.errors[0].info],
    ["no room", { code: "CALLBACK_FAILED", eventId: "evt_later" }],
  );
});

test("webhook handler: a compressed body is 415, and asks for none", async () => {
  const own = shop(memoryStore());
  const body = eventBody("invoice.paid", invoice());
  const response = await post(own, body, { headers: { "content-encoding": "gzip" } });
  assertEquals(
    [response.headers.get("accept-encoding"), ...(await read(response))],
    ["identity", 415, "UNSUPPORTED_MEDIA_TYPE", null],
  );
  assertEquals(
    (await post(own, body, { headers: { "content-encoding": "identity" } })).status,
    200,
  );
});

test("webhook handler: other methods 405 with Allow, other media types 415", async () => {
  const own = shop(memoryStore());
  for (const method of ["GET", "PUT", "DELETE", "OPTIONS"]) {
    const response = await own.handle(new Request(URL_, { method }));
    assertEquals(
      [response.headers.get("allow"), ...(await read(response))],
      ["POST", 405, "METHOD_NOT_ALLOWED", null],
    );
  }
  const body = eventBody("invoice.paid", invoice());
  for (const type of [
    "text/plain",
    "application/x-www-form-urlencoded",
    "application/jsonx",
    "text/json",
  ]) {
    assertEquals(
      (await read(await post(own, body, { headers: { "content-type": type } })))[0],
      415,
      type,
    );
  }
  for (const type of [
    "application/json; charset=utf-8",
    "Application/JSON",
    "application/cloudevents+json",
  ]) {
    assertEquals((await post(own, body, { headers: { "content-type": type } })).status, 200, type);
  }
});

test("webhook handler: a body over 256 KiB is 413, whether its length is declared or it streams", async () => {
  const own = shop(memoryStore());
  const filled = (bytes) => eventBody("invoice.paid", invoice()).padEnd(bytes, " ");
  assertEquals((await post(own, filled(256 * 1024))).status, 200);
  assertEquals(await read(await post(own, filled(256 * 1024 + 1))), [413, "BODY_TOO_LARGE", null]);
  // A request as a server may create it: no length, endless chunks. At most 1 MiB of it is read.
  let pulled = 0;
  let canceled = false;
  const chunk = new Uint8Array(64 * 1024);
  const body = new ReadableStream({
    pull(controller) {
      pulled += chunk.length;
      controller.enqueue(chunk);
    },
    cancel() {
      canceled = true;
    },
  });
  const endless = { method: "POST", headers: new Headers(), bodyUsed: false, body };
  assertEquals((await read(await own.handle(endless)))[0], 413);
  assert(pulled <= 1.3 * 1024 * 1024 && !canceled, `${pulled}, ${canceled}`);
  const declared = {
    ...endless,
    headers: new Headers({ "content-length": "5000000" }),
    get body() {
      throw new Error("read");
    },
  };
  assertEquals((await read(await own.handle(declared)))[0], 413);
  const small = shop(memoryStore(), { maxBodyBytes: 10 });
  assertEquals((await post(small, filled(11))).status, 413);
});

/** Creates a request whose body arrives in `pieces` and ends, unless `end` is false. */
function streaming(pieces, { headers = {}, everyMs = 0, end = true } = {}) {
  const left = [...pieces];
  const body = new ReadableStream(
    {
      async pull(controller) {
        if (left.length === 0 && !end) await new Promise(() => {});
        if (left.length === 0) return controller.close();
        if (everyMs > 0) await new Promise((done) => setTimeout(done, everyMs));
        controller.enqueue(left.shift());
      },
    },
    { highWaterMark: 0 },
  );
  return { method: "POST", headers: new Headers(headers), bodyUsed: false, body };
}

test("webhook handler: a body in pieces of one byte is read whole", async () => {
  const own = shop(memoryStore());
  const body = eventBody("invoice.paid", invoice())
    .replace('"0x742d"', '"0x742d \u{1F980}"')
    .padEnd(5_000);
  const { headers } = await deliver(body);
  const pieces = Array.from(new TextEncoder().encode(body), (byte) => Uint8Array.of(byte));
  assertEquals(await read(await own.handle(streaming(pieces, { headers }))), [
    200,
    "applied",
    null,
  ]);
  assertEquals(
    await read(
      await own.handle(streaming([new Uint8Array(), ...pieces, Uint8Array.of(32)], { headers })),
    ),
    [401, "WEBHOOK_SIGNATURE_MISMATCH", null],
  );
});

test("webhook handler: a body that does not arrive in time is 408, and nobody is alarmed", async () => {
  const own = shop(memoryStore(), { bodyTimeoutSeconds: 0.3 });
  const body = eventBody("invoice.paid", invoice());
  const { headers } = await deliver(body);
  const whole = new TextEncoder().encode(body);
  const begun = Date.now();
  assertEquals(await read(await own.handle(streaming([whole], { headers, end: false }))), [
    408,
    "BODY_TIMEOUT",
    null,
  ]);
  // Each piece arrives soon after the one before, but there are many.
  const drops = Array.from({ length: 1_000 }, () => new Uint8Array(1));
  assertEquals(await read(await own.handle(streaming(drops, { headers, everyMs: 20 }))), [
    408,
    "BODY_TIMEOUT",
    null,
  ]);
  const took = Date.now() - begun;
  assert(took >= 590 && took < 4_000, `${took} ms`);
  // A body that is too large is refused as such, even if it never ends.
  assertEquals(
    await read(await own.handle(streaming([new Uint8Array(300_000)], { headers, end: false }))),
    [413, "BODY_TOO_LARGE", null],
  );
  assertEquals(await read(await own.handle(streaming([whole], { headers, everyMs: 20 }))), [
    200,
    "applied",
    null,
  ]);
  assertEquals([own.calls.length, own.errors], [1, []]);
});

test("webhook handler: a body has 30 seconds where the options say nothing", async () => {
  const { setTimeout: real } = globalThis;
  const delays = [];
  globalThis.setTimeout = (work, delay, ...rest) => (
    delays.push(delay), real(work, delay === 30_000 ? 0 : delay, ...rest)
  );
  try {
    assertEquals(
      (await read(await shop(memoryStore()).handle(streaming([], { end: false }))))[0],
      408,
    );
  } finally {
    globalThis.setTimeout = real;
  }
  assert(delays.includes(30_000), `${delays}`);
});

test("webhook handler: a body that breaks off is 400, and a body that was read before is named in the log", async () => {
  const own = shop(memoryStore());
  const body = new ReadableStream({ pull: (controller) => controller.error(new Error("reset")) });
  const broken = { method: "POST", headers: new Headers(), bodyUsed: false, body };
  assertEquals(await read(await own.handle(broken)), [400, "BODY_BROKEN", null]);
  const request = new Request(URL_, {
    method: "POST",
    body: "{}",
    headers: { "content-type": "application/json" },
  });
  await request.text();
  assertEquals(await read(await own.handle(request)), [500, "MISCONFIGURED", null]);
  assertEquals(own.errors[0].error.code, "WEBHOOK_BODY_NOT_RAW");
});

test("webhook handler: a body that somebody else has begun to read is named in the log", async () => {
  const own = shop(memoryStore());
  const { headers, body } = await deliver(eventBody("invoice.paid", invoice()));
  const stream = new ReadableStream({
    start: (controller) => (controller.enqueue(new TextEncoder().encode(body)), controller.close()),
  });
  stream.getReader();
  const locked = { method: "POST", headers: new Headers(headers), bodyUsed: false, body: stream };
  assertEquals(await read(await own.handle(locked)), [500, "MISCONFIGURED", null]);
  assertEquals(own.errors[0].error.code, "WEBHOOK_BODY_NOT_RAW");
});

test("webhook handler: the same hash in other letters is the same payment; Solana's signatures are told apart", async () => {
  const own = shop(memoryStore());
  const paid = (id, tx) => post(own, eventBody("invoice.paid", id, { tx }));
  const id = invoice();
  assertEquals((await read(await paid(id, "0xabcdef")))[1], "applied");
  assertEquals((await read(await paid(id, "0xABCdef")))[1], "duplicate");
  assertEquals((await read(await paid(id, "0xabcde0")))[1], "conflict");
  const other = invoice();
  const signature = (tx) =>
    post(own, eventBody("invoice.paid", other, { tx }).replace('"tx_hash"', '"tx_signature"'));
  assertEquals((await read(await signature("5Abc")))[1], "applied");
  assertEquals((await read(await signature("5abc")))[1], "conflict");
});

test("webhook handler: ids of more than 255 bytes are 400", async () => {
  const own = shop(memoryStore());
  for (const [length, status] of [
    [255, 200],
    [256, 400],
  ]) {
    assertEquals(
      (await post(own, eventBody("invoice.paid", invoice(), { id: "e".repeat(length) }))).status,
      status,
    );
    // The public id has the prefix `inv_`.
    assertEquals(
      (await post(own, eventBody("invoice.paid", "i".repeat(length - 4)))).status,
      status,
    );
  }
  assertEquals(await read(await post(own, eventBody("invoice.paid", "é".repeat(128)))), [
    400,
    "WEBHOOK_PAYLOAD_INVALID",
    null,
  ]);
});

test("webhook handler: nothing waits for an onError that never settles, and a waitUntil that throws changes nothing", async () => {
  let fail = true;
  const own = shop(memoryStore(), {
    work: () => fail && Promise.reject(new Error("x")),
    onError: () => new Promise(() => {}),
  });
  const body = eventBody("invoice.paid", invoice());
  assertEquals((await post(own, body)).status, 500);
  fail = false;
  const { headers } = await deliver(body);
  const gone = {
    waitUntil() {
      throw new Error("gone");
    },
  };
  const response = await own.handle(new Request(URL_, { method: "POST", headers, body }), gone);
  assertEquals(await read(response), [200, "applied", null]);
});

test("webhook handler: a conflict is told once, however late its copy comes", async () => {
  const own = shop(memoryStore());
  const [id, { now }] = [invoice(), Date];
  const days = (count) => (Date.now = () => now() + count * 86_400_000);
  const send = async (body) =>
    read(await post(own, body, { signing: { t: Math.floor(Date.now() / 1000) } }));
  try {
    await send(eventBody("invoice.paid", id));
    const late = eventBody("invoice.paid", id, { tx: "0xbb" });
    assertEquals((await send(late))[1], "conflict");
    days(31);
    await send(eventBody("invoice.paid", id));
    assertEquals((await send(late))[1], "duplicate");
  } finally {
    Date.now = now;
  }
  assertEquals(own.calls.filter((call) => call.startsWith("conflict")).length, 1);
});

test("webhook handler: a renewal that storage refuses is told, tried again, and changes no answer", async () => {
  let renewals = 0;
  const store = memoryStore();
  const flaky = {
    ...store,
    renew: (...given) => {
      renewals += 1;
      return renewals === 1 ? Promise.reject(new Error("disk full")) : store.renew(...given);
    },
  };
  const work = () => new Promise((done) => setTimeout(done, 900));
  const own = shop(flaky, { leaseSeconds: 0.6, work });
  assertEquals(await read(await post(own, eventBody("invoice.paid", invoice()))), [
    200,
    "applied",
    null,
  ]);
  assertEquals(
    [renewals, own.errors.map(({ error, info }) => [error.message, info.code])],
    [2, [["disk full", "UNAVAILABLE"]]],
  );
  // No lease is renewed after the callback has ended.
  await new Promise((done) => setTimeout(done, 700));
  assertEquals(renewals, 2);
});

test("webhook handler: a store that cannot renew is a store all the same", async () => {
  const { claim, complete, release } = memoryStore();
  const own = shop(
    { claim, complete, release },
    { leaseSeconds: 0.2, work: () => new Promise((done) => setTimeout(done, 500)) },
  );
  assertEquals(await read(await post(own, eventBody("invoice.paid", invoice()))), [
    200,
    "applied",
    null,
  ]);
});

/** Creates a Workers KV whose writes `put` delays or lets fail. */
function namespace(put) {
  const kept = new Map();
  return {
    kept,
    get: async (key) => kept.get(key) ?? null,
    put: async (key, value) => {
      await put();
      kept.set(key, value);
    },
  };
}

test("KV store: a record that KV refused is written by the next copy, without calling back again", async () => {
  let refusals = 2;
  const kv = namespace(async () => {
    if (refusals-- > 0) throw new Error("429");
  });
  const own = shop(kvStore(kv));
  const body = eventBody("invoice.paid", invoice());
  assertEquals((await own.send(body))[0], 503);
  assertEquals((await own.send(body))[0], 503);
  assertEquals(
    [await own.send(body), kv.kept.size, own.calls.length],
    [[200, "duplicate", null], 1, 1],
  );
});

test("KV store: a copy that comes while the record is being written is not told 200", async () => {
  let settle;
  const kv = namespace(() => new Promise((_, failed) => (settle = failed)));
  const own = shop(kvStore(kv));
  const body = eventBody("invoice.paid", invoice());
  const first = own.send(body);
  while (!settle) await new Promise((done) => setTimeout(done, 1));
  assertEquals((await own.send(body))[0], 503);
  settle(new Error("429"));
  assertEquals([(await first)[0], kv.kept.size, own.calls.length], [503, 0, 1]);
});

test("KV store: a lease longer than two minutes is kept", async () => {
  let finish;
  const own = shop(kvStore(namespace(async () => {})), {
    leaseSeconds: 600,
    work: () => new Promise((done) => (finish = done)),
  });
  const id = invoice();
  const body = eventBody("invoice.paid", id);
  const { now } = Date;
  const first = own.send(body);
  while (!finish) await new Promise((done) => setTimeout(done, 1));
  const later = await deliver(body, { t: Math.floor(now() / 1000) + 400 });
  Date.now = () => now() + 400_000;
  try {
    const copy = await own.handle(
      new Request(URL_, { method: "POST", headers: later.headers, body }),
    );
    assertEquals([copy.status, own.calls.length], [503, 1]);
    finish();
    assertEquals((await first)[0], 200);
  } finally {
    Date.now = now;
  }
});

test("webhook handler: storage that refuses is 503 with Retry-After", async () => {
  const body = eventBody("invoice.paid", invoice());
  for (const method of ["claim", "complete"]) {
    const store = {
      ...memoryStore(),
      [method]: async () => Promise.reject(new Error("disk full")),
    };
    const own = shop(store);
    assertEquals(await read(await post(own, body)), [503, "UNAVAILABLE", "5"]);
    assertEquals(
      [own.errors[0].error.message, own.errors[0].info.code],
      ["disk full", "UNAVAILABLE"],
    );
    assertEquals(own.calls.length, method === "claim" ? 0 : 1);
  }
  // The callback failed, and so did releasing the claim. The lease ends it.
  const store = { ...memoryStore(), release: async () => Promise.reject(new Error("disk full")) };
  const own = shop(store, { work: () => Promise.reject(new Error("first")) });
  assertEquals((await post(own, body)).status, 500);
  assertEquals(
    own.errors.map(({ error }) => error.message),
    ["first", "disk full"],
  );
});

test("webhook handler: a conflict that nobody handles is told, not lost", async () => {
  const own = shop(memoryStore(), { onConflict: undefined });
  const id = invoice();
  await post(own, eventBody("invoice.canceled", id));
  assertEquals(await read(await post(own, eventBody("invoice.paid", id))), [200, "conflict", null]);
  assertEquals(
    own.errors.map(({ info }) => [info.code, info.invoiceId]),
    [["CONFLICT", id]],
  );
});

test("webhook handler: an onError that throws changes no answer", async () => {
  const own = shop(memoryStore(), {
    work: () => Promise.reject(new Error("x")),
    onError: () => {
      throw new Error("logger");
    },
  });
  assertEquals((await post(own, eventBody("invoice.paid", invoice()))).status, 500);
});

test("webhook handler: without a secret 500, which names the variable to the log only", {
  needs: ["env"],
}, async () => {
  const errors = [];
  const none = {
    validateWebhook: (options) => new Gwop({ webhookSecret: "" }).validateWebhook(options),
  };
  const set = globalThis.process?.env?.GWOP_WEBHOOK_SECRET;
  const own = shop(memoryStore(), { gwop: none, onError: (error) => errors.push(error) });
  if (set) delete globalThis.process.env.GWOP_WEBHOOK_SECRET;
  try {
    const response = await post(own, eventBody("invoice.paid", invoice()));
    const text = await response.clone().text();
    assertEquals(await read(response), [500, "MISCONFIGURED", null]);
    assert(!text.includes("GWOP_"), text);
    assert(errors[0].message.includes("GWOP_WEBHOOK_SECRET"), errors[0].message);
  } finally {
    if (set) globalThis.process.env.GWOP_WEBHOOK_SECRET = set;
  }
});

test("webhook handler: the work is handed to waitUntil, so that a client that goes away does not end it", async () => {
  const own = shop(memoryStore());
  const kept = [];
  const body = eventBody("invoice.paid", invoice());
  const { headers } = await deliver(body);
  const response = own.handle(new Request(URL_, { method: "POST", headers, body }), {
    waitUntil: (work) => kept.push(work),
  });
  assertEquals(kept.length, 1);
  assertEquals((await response).status, 200);
  await kept[0];
});

test("webhook handler: options are checked when it is made", () => {
  const good = {
    gwop: new Gwop(),
    store: memoryStore(),
    onPaid() {},
    onExpired() {},
    onCanceled() {},
  };
  createWebhookHandler(good);
  for (const [change, words] of [
    [{ gwop: undefined }, "gwop must be"],
    [{ store: {} }, "store must be"],
    [{ store: { claim() {} } }, "release"],
    [{ leaseSeconds: "60" }, "leaseSeconds"],
    [{ leaseSeconds: null }, "leaseSeconds"],
    [{ maxBodyBytes: "9" }, "maxBodyBytes"],
    [{ onPaid: undefined }, "onPaid"],
    [{ onConflict: 5 }, "onConflict"],
    [{ onError: "log" }, "onError"],
    [{ leaseSeconds: 0 }, "leaseSeconds"],
    [{ maxBodyBytes: -1 }, "maxBodyBytes"],
    ...[0, -1, NaN, Infinity, "30", null, 3_601].map((bodyTimeoutSeconds) => [
      { bodyTimeoutSeconds },
      "bodyTimeoutSeconds",
    ]),
    ...[-1, NaN, Infinity, "600", null].map((maxCallbackSeconds) => [
      { maxCallbackSeconds },
      "maxCallbackSeconds",
    ]),
    [{ store: { ...memoryStore(), renew: 5 } }, "renew"],
  ]) {
    const error = assertThrows(
      () => createWebhookHandler({ ...good, ...change }),
      SDKValidationError,
    );
    assert(error.message.includes(words), error.message);
  }
  assertThrows(() => createWebhookHandler(), SDKValidationError);
});
