// Webhooks: verification of raw bytes, with the same result on every runtime, asynchronously and
// synchronously.
import { Gwop } from "@gwop/sdk";
import { SDKValidationError } from "@gwop/sdk/errors";
import { assert, assertEquals, assertRejects, test } from "./harness.js";
import { deliver, hmacHex, PAID, EXPIRED, SECRET } from "./deliveries.js";

const gwop = new Gwop({ webhookSecret: SECRET });

/** Runs `check` on both paths. The body of a delivery is a string or bytes in both. */
function both(name, check) {
  test(`${name} (Web Crypto)`, () => check((client, options) => client.validateWebhook(options)));
  test(`${name} (synchronous)`, () =>
    check(async (client, options) => client.validateWebhookSync(options)));
}

/** The status for each code, from `createWebhookHandler` and in `httpStatus`. */
const STATUS = {
  WEBHOOK_SIGNATURE_MISSING: 401,
  WEBHOOK_SIGNATURE_MALFORMED: 401,
  WEBHOOK_SIGNATURE_MISMATCH: 401,
  WEBHOOK_TIMESTAMP_INVALID: 401,
  WEBHOOK_TIMESTAMP_OUTSIDE_TOLERANCE: 401,
  WEBHOOK_PAYLOAD_INVALID: 400,
  WEBHOOK_HEADER_MISMATCH: 400,
  WEBHOOK_SOURCE_NOT_ACCEPTED: 400,
  WEBHOOK_BODY_TOO_LARGE: 413,
  WEBHOOK_EVENT_UNKNOWN: 200,
};

async function refused(promise, code, words) {
  const error = await assertRejects(promise);
  assert(error instanceof SDKValidationError, `a ${error?.name}: ${error?.message}`);
  assertEquals(error.code, code);
  assertEquals(error.httpStatus, STATUS[code] ?? 500, code);
  if (words) assert(error.message.includes(words), error.message);
  const told = `${error.message} ${JSON.stringify(error.rawValue) ?? ""} ${error.pretty()}`;
  for (const secret of ["evt_abc123", "0x742d35Cc", SECRET, "CANARY"]) {
    assert(!told.includes(secret), `the error tells ${secret}`);
  }
  return error;
}

/** Returns a delivery as each of AWS Lambda's four callers passes it. */
function lambdaEvents(body, headers) {
  const base64 = {
    body: btoa(
      Array.from(new TextEncoder().encode(body), (byte) => String.fromCharCode(byte)).join(""),
    ),
    isBase64Encoded: true,
  };
  const lists = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]]));
  const capitals = Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name.replace(/\b[a-z]/g, (letter) => letter.toUpperCase()),
      value,
    ]),
  );
  const text = { body, isBase64Encoded: false };
  return {
    "API Gateway, format 1.0": {
      resource: "/{proxy+}",
      httpMethod: "POST",
      headers: capitals,
      multiValueHeaders: lists,
      ...text,
    },
    "API Gateway, format 1.0, base64": {
      httpMethod: "POST",
      headers: capitals,
      multiValueHeaders: lists,
      ...base64,
    },
    "API Gateway, format 2.0": {
      version: "2.0",
      rawPath: "/",
      headers,
      requestContext: { http: { method: "POST" } },
      ...text,
    },
    "a function URL, base64": {
      version: "2.0",
      rawPath: "/",
      headers,
      requestContext: { http: { method: "POST" } },
      ...base64,
    },
    "a load balancer": { requestContext: { elb: {} }, httpMethod: "POST", headers, ...text },
    "a load balancer with multi-value headers": {
      requestContext: { elb: {} },
      httpMethod: "POST",
      multiValueHeaders: lists,
      ...base64,
    },
  };
}

both("the events of AWS Lambda are taken as they come, in all their forms", async (validate) => {
  const text = PAID.replace('"base"', '"base" ').replace("0x742d", "0x742d\u00e9\u{1F980}");
  const { headers } = await deliver(text);
  for (const [form, request] of Object.entries(lambdaEvents(text, headers))) {
    assertEquals((await validate(gwop, { request })).body.eventId, "evt_abc123", form);
    await refused(
      validate(gwop, { request: { ...request, isBase64Encoded: !request.isBase64Encoded } }),
      request.isBase64Encoded ? "WEBHOOK_SIGNATURE_MISMATCH" : "WEBHOOK_BODY_NOT_RAW",
    );
  }
});

both(
  "events of AWS Lambda: no body is an empty one, and a repeated signature header is seen whole",
  async (validate) => {
    const empty = await deliver("");
    for (const body of [null, undefined]) {
      for (const isBase64Encoded of [false, true]) {
        const request = { body, headers: empty.headers, isBase64Encoded };
        await refused(validate(gwop, { request }), "WEBHOOK_PAYLOAD_INVALID");
      }
    }
    const { body, headers } = await deliver(PAID);
    const signature = headers["x-gwop-signature"];
    const twice = { "x-gwop-signature": [signature, `t=1,v1=${"0".repeat(64)}`] };
    const error = await assertRejects(
      validate(gwop, {
        request: { body, headers, multiValueHeaders: twice, isBase64Encoded: false },
      }),
    );
    assert(/^WEBHOOK_(SIGNATURE|TIMESTAMP)_/.test(error.code), error.code);
    const big = { body: btoa("x".repeat(200)), headers, isBase64Encoded: true };
    await refused(validate(gwop, { request: big, maxBodyBytes: 100 }), "WEBHOOK_BODY_TOO_LARGE");
  },
);

both("a signed event is verified and typed", async (validate) => {
  const event = await validate(gwop, { request: await deliver(PAID) });
  assertEquals(event.body.eventType, "invoice.paid");
  assertEquals(event.body.eventId, "evt_abc123");
  assertEquals(event.body.eventVersion, undefined);
  assertEquals(event.body.createdAt, undefined);
  assertEquals(event.body.data.publicInvoiceId, "inv_7dbeeaad8ebf4f5298c380c90e4b3576");
  assertEquals(event.body.data.amountUsdc, "1025000");
  assert(event.body.data.paidAt instanceof Date);
  assertEquals(event.body.data.paidAt.toISOString(), "2026-03-24T00:48:31.602Z");
  assertEquals(event.body.data.paymentChainCaip2, "eip155:8453");
  assertEquals(event.xGwopEventId, "evt_abc123");
  assertEquals(event.xGwopEventType, "invoice.paid");
  assert(event.xGwopSignature.startsWith("t="));
  const expired = await validate(gwop, { request: await deliver(EXPIRED) });
  assertEquals(expired.body.eventVersion, 2);
  assert(expired.body.createdAt instanceof Date);
});

both("the event headers may be absent", async (validate) => {
  const request = await deliver(PAID);
  delete request.headers["x-gwop-event-id"];
  delete request.headers["x-gwop-event-type"];
  const event = await validate(gwop, { request });
  assertEquals(event.xGwopEventId, "");
  assertEquals(event.xGwopEventType, "");
});

both("the body may be a string, bytes, a view or a buffer", async (validate) => {
  const bytes = new TextEncoder().encode(PAID);
  const padded = new Uint8Array(bytes.length + 10);
  padded.set(bytes, 5);
  const bodies = [PAID, bytes, bytes.buffer, padded.subarray(5, 5 + bytes.length)];
  if (typeof Buffer !== "undefined") bodies.push(Buffer.from(PAID));
  for (const body of bodies) {
    const { body: event } = await validate(gwop, { request: { ...(await deliver(PAID)), body } });
    assertEquals(event.eventId, "evt_abc123");
  }
});

both("headers are found in every form and case", async (validate) => {
  const { headers, body } = await deliver(PAID);
  const pairs = Object.entries(headers);
  for (const given of [
    new Headers(headers),
    new Map(pairs),
    pairs,
    Object.fromEntries(pairs.map(([name, value]) => [name.toUpperCase(), value])),
    Object.fromEntries(pairs.map(([name, value]) => [name, [value]])),
    new Map(pairs.map(([name, value]) => [name.toUpperCase(), value])),
    { ...headers, "x-other": undefined },
  ]) {
    const event = await validate(gwop, { request: { headers: given, body } });
    assertEquals(event.xGwopEventType, "invoice.paid");
  }
});

both("the MAC is over the bytes, and nothing is trimmed or decoded first", async (validate) => {
  for (const body of [`${PAID}\n`, ` ${PAID}`, PAID.replace("{", "{ ")]) {
    await refused(
      validate(gwop, { request: { ...(await deliver(PAID)), body } }),
      "WEBHOOK_SIGNATURE_MISMATCH",
      "signature verification failed",
    );
    const event = await validate(gwop, { request: await deliver(body) });
    assertEquals(event.body.eventId, "evt_abc123");
  }
});

both("one bit of body, time stamp, tag or secret is enough to refuse", async (validate) => {
  const good = await deliver(PAID);
  const signature = good.headers["x-gwop-signature"];
  const last = signature.at(-1) === "0" ? "1" : "0";
  for (const [request, client] of [
    [{ ...good, body: good.body.replace("1025000", "9025000") }],
    [{ ...good, headers: { ...good.headers, "x-gwop-signature": signature.slice(0, -1) + last } }],
    [
      {
        ...good,
        headers: {
          ...good.headers,
          "x-gwop-signature": signature.replace(/t=(\d+)/, (_, t) => `t=${+t + 1}`),
        },
      },
    ],
    [good, new Gwop({ webhookSecret: SECRET.replace("whsec_", "") })],
    [good, new Gwop({ webhookSecret: `${SECRET} ` })],
  ]) {
    await refused(
      validate(client ?? gwop, { request }),
      "WEBHOOK_SIGNATURE_MISMATCH",
      "signature verification failed",
    );
  }
});

both("several secrets and several signatures: any that matches is enough", async (validate) => {
  const rotating = new Gwop({ webhookSecret: ["whsec_new", SECRET] });
  assertEquals(
    (await validate(rotating, { request: await deliver(PAID) })).body.eventId,
    "evt_abc123",
  );
  assertEquals(
    (await validate(rotating, { request: await deliver(PAID, { secret: "whsec_new" }) })).body
      .eventId,
    "evt_abc123",
  );
  const request = await deliver(PAID);
  const wrong = "0".repeat(64);
  request.headers["x-gwop-signature"] = request.headers["x-gwop-signature"].replace(
    "v1=",
    `v1=${wrong},v1=`,
  );
  assertEquals((await validate(gwop, { request })).body.eventId, "evt_abc123");
  assertEquals((await validate(rotating, { request })).body.eventId, "evt_abc123");
  await refused(
    validate(rotating, { request: await deliver(PAID, { secret: "whsec_other" }) }),
    "WEBHOOK_SIGNATURE_MISMATCH",
  );
});

both("white space at a secret's end is named, without its length or content", async (validate) => {
  const words = new Set();
  for (const webhookSecret of [
    `${SECRET} `,
    ` ${SECRET}`,
    `${SECRET}\n`,
    `\t${SECRET}\r\n  `,
    ["whsec_new", `${SECRET} `],
  ]) {
    const { message } = await refused(
      validate(new Gwop({ webhookSecret }), { request: await deliver(PAID) }),
      "WEBHOOK_SIGNATURE_MISMATCH",
      "a secret has white space at an end",
    );
    words.add(message);
  }
  assertEquals(words.size, 1);
  for (const webhookSecret of ["whsec_other", "whsec_with space"]) {
    const error = await refused(
      validate(new Gwop({ webhookSecret }), { request: await deliver(PAID) }),
      "WEBHOOK_SIGNATURE_MISMATCH",
    );
    assert(!error.message.includes("white space"), error.message);
  }
});

both("300 seconds either side are inside, 301 are not", async (validate) => {
  const receivedAt = new Date(1_774_404_403_000);
  const t = receivedAt.getTime() / 1000;
  for (const offset of [-300, 0, 300]) {
    const event = await validate(gwop, {
      request: await deliver(PAID, { t: t + offset }),
      receivedAt,
    });
    assertEquals(event.body.eventId, "evt_abc123");
  }
  for (const offset of [-301, 301]) {
    await refused(
      validate(gwop, { request: await deliver(PAID, { t: t + offset }), receivedAt }),
      "WEBHOOK_TIMESTAMP_OUTSIDE_TOLERANCE",
      "outside tolerance window",
    );
  }
  await validate(gwop, {
    request: await deliver(PAID, { t: t - 1000 }),
    receivedAt,
    toleranceSeconds: 1000,
  });
  await refused(
    validate(gwop, { request: await deliver(PAID, { t: t - 1 }), receivedAt, toleranceSeconds: 0 }),
    "WEBHOOK_TIMESTAMP_OUTSIDE_TOLERANCE",
  );
});

both("a tolerance or a time that makes no sense is refused", async (validate) => {
  const request = await deliver(PAID);
  for (const toleranceSeconds of [-1, NaN, Infinity, "300", null]) {
    await refused(
      validate(gwop, { request, toleranceSeconds }),
      "SDK_VALIDATION",
      "toleranceSeconds",
    );
  }
  for (const receivedAt of [new Date(NaN), 1_774_404_403, "now"]) {
    await refused(validate(gwop, { request, receivedAt }), "SDK_VALIDATION", "receivedAt");
  }
});

both("signature headers that are missing, malformed or not digits", async (validate) => {
  const tag = await hmacHex(SECRET, `1700000000.${PAID}`);
  const many = Array(17).fill(`v1=${tag}`).join(",");
  for (const [header, code, words] of [
    [undefined, "WEBHOOK_SIGNATURE_MISSING", "Missing X-Gwop-Signature header"],
    ["", "WEBHOOK_SIGNATURE_MISSING"],
    ["garbage", "WEBHOOK_SIGNATURE_MALFORMED", "Malformed X-Gwop-Signature header"],
    [`v1=${tag}`, "WEBHOOK_SIGNATURE_MALFORMED"],
    ["t=1700000000", "WEBHOOK_SIGNATURE_MALFORMED"],
    [`t=1700000000,t=1700000000,v1=${tag}`, "WEBHOOK_SIGNATURE_MALFORMED"],
    [`t=1700000000,v1=${tag}, t=1700000000,v1=${tag}`, "WEBHOOK_SIGNATURE_MALFORMED"],
    [`t=1700000000,v0=${tag}`, "WEBHOOK_SIGNATURE_MALFORMED"],
    [`t=1700000000,v1=${tag.toUpperCase()}A`, "WEBHOOK_SIGNATURE_MALFORMED"],
    [`t=1700000000,v1=${tag.slice(1)}`, "WEBHOOK_SIGNATURE_MALFORMED"],
    [`t=1700000000,v1=${tag.slice(2)}é`, "WEBHOOK_SIGNATURE_MALFORMED"],
    [`t=1700000000,v1=${tag},v0=${"0".repeat(5000)}`, "WEBHOOK_SIGNATURE_MALFORMED"],
    [`t=1700000000,${many}`, "WEBHOOK_SIGNATURE_MALFORMED"],
    [`t=1700000000,${Array(1000).fill(`v1=${tag}`).join(",")}`, "WEBHOOK_SIGNATURE_MALFORMED"],
    [`t=+1,v1=${tag}`, "WEBHOOK_TIMESTAMP_INVALID", "Invalid webhook timestamp"],
    [`t= 1,v1=${tag}`, "WEBHOOK_TIMESTAMP_INVALID"],
    [`t=1e9,v1=${tag}`, "WEBHOOK_TIMESTAMP_INVALID"],
    [`t=1junk,v1=${tag}`, "WEBHOOK_TIMESTAMP_INVALID"],
    [`t=-9223372036854775808,v1=${tag}`, "WEBHOOK_TIMESTAMP_INVALID"],
    [`t=9223372036854775807,v1=${tag}`, "WEBHOOK_TIMESTAMP_OUTSIDE_TOLERANCE"],
    [`t=18446744073709551616,v1=${tag}`, "WEBHOOK_TIMESTAMP_INVALID"],
  ]) {
    const request = { body: PAID, headers: { "x-gwop-signature": header } };
    await refused(validate(gwop, { request }), code, words);
  }
});

both("a body that was parsed before is told apart", async (validate) => {
  const { headers } = await deliver(PAID);
  for (const body of [JSON.parse(PAID), undefined, null, 7, [1]]) {
    await refused(
      validate(gwop, { request: { headers, body } }),
      "WEBHOOK_BODY_NOT_RAW",
      "raw body is needed",
    );
  }
});

both("well signed, but no event", async (validate) => {
  const nested = "[".repeat(100_000) + "]".repeat(100_000);
  const bad = new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x7d]);
  for (const [body, code, words] of [
    ["", "WEBHOOK_PAYLOAD_INVALID"],
    ["CANARY", "WEBHOOK_PAYLOAD_INVALID"],
    ["[]", "WEBHOOK_PAYLOAD_INVALID"],
    ['"CANARY"', "WEBHOOK_PAYLOAD_INVALID"],
    [`\ufeff${PAID}`, "WEBHOOK_PAYLOAD_INVALID"],
    [nested, "WEBHOOK_PAYLOAD_INVALID"],
    [bad, "WEBHOOK_PAYLOAD_INVALID"],
    [PAID.replace('"PAID"', '"EXPIRED"'), "WEBHOOK_PAYLOAD_INVALID"],
    [PAID.replace('"evt_abc123"', '""'), "WEBHOOK_PAYLOAD_INVALID"],
    [PAID.replace("inv_7dbeeaad8ebf4f5298c380c90e4b3576", ""), "WEBHOOK_PAYLOAD_INVALID"],
    [PAID.replace("merchant_id", "CANARY"), "WEBHOOK_PAYLOAD_INVALID", "data.merchant_id"],
    [
      PAID.replace("invoice.paid", "invoice.CANARY"),
      "WEBHOOK_EVENT_UNKNOWN",
      "No matching webhook schema",
    ],
  ]) {
    const request = await deliver(body, { eventId: "", eventType: "" });
    await refused(validate(gwop, { request }), code, words);
  }
});

both("event headers that contradict the signed body", async (validate) => {
  await refused(
    validate(gwop, { request: await deliver(PAID, { eventId: "evt_other" }) }),
    "WEBHOOK_HEADER_MISMATCH",
  );
  await refused(
    validate(gwop, { request: await deliver(PAID, { eventType: "invoice.expired" }) }),
    "WEBHOOK_HEADER_MISMATCH",
  );
});

both(
  "an event header that is empty, null or undefined counts as absent, and so does the signature",
  async (validate) => {
    for (const value of ["", null, undefined]) {
      for (const name of ["x-gwop-event-id", "x-gwop-event-type"]) {
        const request = await deliver(PAID);
        request.headers[name] = value;
        assertEquals((await validate(gwop, { request })).body.eventId, "evt_abc123");
      }
      const request = await deliver(PAID);
      request.headers["x-gwop-signature"] = value;
      await refused(validate(gwop, { request }), "WEBHOOK_SIGNATURE_MISSING");
    }
  },
);

both("NUL in a header moves nothing into another's place", async (validate) => {
  const { body, headers } = await deliver(PAID);
  const signature = headers["x-gwop-signature"];
  for (const [changes, code] of [
    [
      {
        "x-gwop-signature": `${signature}\0evt_abc123\0invoice.paid`,
        "x-gwop-event-id": "evt_other",
      },
      "WEBHOOK_SIGNATURE_MALFORMED",
    ],
    [{ "x-gwop-signature": `\0${signature}` }, "WEBHOOK_SIGNATURE_MALFORMED"],
    [{ "x-gwop-signature": `${signature}\0` }, "WEBHOOK_SIGNATURE_MALFORMED"],
    [
      { "x-gwop-event-id": "evt_abc123\0invoice.paid", "x-gwop-event-type": "invoice.expired" },
      "WEBHOOK_HEADER_MISMATCH",
    ],
    [{ "x-gwop-event-id": "evt_abc123\0" }, "WEBHOOK_HEADER_MISMATCH"],
    [{ "x-gwop-event-type": "invoice.paid\0" }, "WEBHOOK_HEADER_MISMATCH"],
  ]) {
    await refused(validate(gwop, { request: { body, headers: { ...headers, ...changes } } }), code);
  }
});

both("headers and bodies that cannot be read are refused with a code", async (validate) => {
  const { body, headers } = await deliver(PAID);
  for (const name of ["x-gwop-signature", "x-gwop-event-id"]) {
    const strange = { ...headers, [name]: Object.create(null) };
    const code =
      name === "x-gwop-signature" ? "WEBHOOK_SIGNATURE_MALFORMED" : "WEBHOOK_HEADER_MISMATCH";
    await refused(validate(gwop, { request: { body, headers: strange } }), code);
  }
  await refused(
    validate(gwop, { request: { body, headers: [null, 1] } }),
    "WEBHOOK_SIGNATURE_MALFORMED",
  );
  const bytes = new TextEncoder().encode(PAID);
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
  for (const given of [bytes, bytes.buffer]) {
    await refused(validate(gwop, { request: { body: given, headers } }), "WEBHOOK_BODY_NOT_RAW");
  }
});

both("secrets that are none are refused before anything else", async (validate) => {
  for (const webhookSecret of [42, [42], {}, "whsec_a\0whsec_b"]) {
    const request = await deliver(PAID, { secret: "whsec_b" });
    await refused(
      validate(new Gwop({ webhookSecret }), { request }),
      "SDK_VALIDATION",
      "webhookSecret",
    );
  }
});

test("a Request whose body is locked by a reader is not raw any more", {
  needs: ["requestBody"],
}, async () => {
  const { headers, body } = await deliver(PAID);
  const request = new Request("https://shop.example/webhooks/gwop", {
    method: "POST",
    headers,
    body,
  });
  request.body.getReader();
  await refused(gwop.validateWebhook({ request }), "WEBHOOK_BODY_NOT_RAW");
});

const MIB = 1024 * 1024;

/** Returns `PAID` with the given number of bytes, padded with white space. */
const ofSize = (bytes) => PAID.padEnd(bytes);

both("a body has at most 1 MiB, or what maxBodyBytes says, up to 8 MiB", async (validate) => {
  for (const [size, maxBodyBytes] of [
    [MIB, undefined],
    [8 * MIB, 8 * MIB],
    [PAID.length, PAID.length],
  ]) {
    for (const body of [ofSize(size), new TextEncoder().encode(ofSize(size))]) {
      const event = await validate(gwop, {
        request: await deliver(body, { eventId: "", eventType: "" }),
        maxBodyBytes,
      });
      assertEquals(event.body.eventId, "evt_abc123");
      const longer =
        typeof body === "string" ? `${body} ` : new TextEncoder().encode(ofSize(size + 1));
      await refused(
        validate(gwop, { request: await deliver(longer), maxBodyBytes }),
        "WEBHOOK_BODY_TOO_LARGE",
        `${size} bytes`,
      );
      await refused(
        validate(gwop, {
          request: { ...(await deliver(PAID)), body: new ArrayBuffer(size + 1) },
          maxBodyBytes,
        }),
        "WEBHOOK_BODY_TOO_LARGE",
      );
    }
  }
  // Bytes count, not characters.
  await refused(
    validate(gwop, { request: await deliver("é".repeat(600)), maxBodyBytes: 1_000 }),
    "WEBHOOK_BODY_TOO_LARGE",
  );
});

both("a maxBodyBytes that makes no sense is refused", async (validate) => {
  const request = await deliver(PAID);
  for (const maxBodyBytes of [0, -1, NaN, Infinity, 8 * MIB + 1, "1000", null]) {
    await refused(validate(gwop, { request, maxBodyBytes }), "SDK_VALIDATION", "maxBodyBytes");
  }
});

both(
  "what is wrong with the header is said before what is wrong with the body",
  async (validate) => {
    const stale = (await deliver(PAID, { t: 1_700_000_000 })).headers;
    for (const [headers, code] of [
      [{}, "WEBHOOK_SIGNATURE_MISSING"],
      [{ "x-gwop-signature": "garbage" }, "WEBHOOK_SIGNATURE_MALFORMED"],
      [{ "x-gwop-signature": `t=x,v1=${"0".repeat(64)}` }, "WEBHOOK_TIMESTAMP_INVALID"],
      [stale, "WEBHOOK_TIMESTAMP_OUTSIDE_TOLERANCE"],
    ]) {
      for (const body of [ofSize(MIB + 1), new Uint8Array(MIB + 1), JSON.parse(PAID), undefined]) {
        await refused(validate(gwop, { request: { body, headers } }), code);
      }
    }
  },
);

/**
 * Returns a request with a body of 300 MB in pieces of 64 KiB, and the number of bytes read from
 * it.
 */
async function flood(headers, { forges = true } = {}) {
  const piece = new Uint8Array(64 * 1024).fill(0x20);
  const asked = { bytes: 0 };
  const body = new ReadableStream(
    {
      pull(controller) {
        if (asked.bytes > 300_000_000) return controller.close();
        asked.bytes += piece.length;
        controller.enqueue(piece.slice());
      },
    },
    { highWaterMark: 0 },
  );
  const signed = forges
    ? { "x-gwop-signature": `t=${Math.floor(Date.now() / 1000)},v1=${"0".repeat(64)}` }
    : {};
  const request = new Request("https://shop.example/webhooks/gwop", {
    method: "POST",
    headers: { ...signed, ...headers },
    body,
    duplex: "half",
  });
  return { request, asked };
}

test("nothing is read of the body of an unsigned or stale delivery, or of one whose Content-Length is too large", {
  needs: ["requestBody"],
}, async () => {
  const stale = (await deliver(PAID, { t: 1_700_000_000 })).headers;
  for (const [headers, forges, code] of [
    [{}, false, "WEBHOOK_SIGNATURE_MISSING"],
    [{ "x-gwop-signature": "garbage" }, false, "WEBHOOK_SIGNATURE_MALFORMED"],
    [stale, false, "WEBHOOK_TIMESTAMP_OUTSIDE_TOLERANCE"],
    [{ "content-length": "300000000" }, true, "WEBHOOK_BODY_TOO_LARGE"],
  ]) {
    const { request, asked } = await flood(headers, { forges });
    const begun = Date.now();
    // Browsers do not let a page set a length.
    if (headers["content-length"] && !request.headers.has("content-length")) continue;
    await refused(gwop.validateWebhook({ request }), code);
    assert(Date.now() - begun < 50, `${Date.now() - begun} ms`);
    assert(asked.bytes <= 64 * 1024, `${asked.bytes} bytes were read`);
    assertEquals(request.bodyUsed, false);
  }
});

test("a body that streams is read up to maxBodyBytes, and then left to the caller", {
  needs: ["requestBody"],
}, async () => {
  for (const [maxBodyBytes, most] of [
    [undefined, MIB],
    [100_000, 100_000],
    [8 * MIB, 8 * MIB],
  ]) {
    const { request, asked } = await flood({});
    await refused(gwop.validateWebhook({ request, maxBodyBytes }), "WEBHOOK_BODY_TOO_LARGE");
    assert(asked.bytes <= most + 3 * 64 * 1024, `${asked.bytes} bytes were read`);
    await request.body.cancel();
  }
});

test("a Request's body of many pieces is verified, and one of exactly maxBodyBytes", {
  needs: ["requestBody"],
}, async () => {
  for (const size of [1, 7, 100_000]) {
    const { headers, body: text } = await deliver(PAID);
    const bytes = new TextEncoder().encode(text);
    let at = 0;
    const body = new ReadableStream({
      pull(controller) {
        if (at >= bytes.length) return controller.close();
        controller.enqueue(bytes.slice(at, (at += size)));
      },
    });
    const request = new Request("https://shop.example/", {
      method: "POST",
      headers,
      body,
      duplex: "half",
    });
    assertEquals(
      (await gwop.validateWebhook({ request, maxBodyBytes: bytes.length })).body.eventId,
      "evt_abc123",
    );
  }
  const { headers, body } = await deliver(PAID);
  const request = () => new Request("https://shop.example/", { method: "POST", headers, body });
  await gwop.validateWebhook({ request: request(), maxBodyBytes: PAID.length });
  await refused(
    gwop.validateWebhook({ request: request(), maxBodyBytes: PAID.length - 1 }),
    "WEBHOOK_BODY_TOO_LARGE",
  );
});

both("a secret has at least 8 characters, and so has each of several", async (validate) => {
  for (const webhookSecret of ["1", "whsec_x", [SECRET, "1"], ["whsec_1", SECRET]]) {
    const request = await deliver(PAID, {
      secret: typeof webhookSecret === "string" ? webhookSecret : SECRET,
    });
    await refused(
      validate(new Gwop({ webhookSecret }), { request }),
      "SDK_VALIDATION",
      "8 characters",
    );
  }
  const request = await deliver(PAID, { secret: "whsec_12" });
  assertEquals(
    (await validate(new Gwop({ webhookSecret: "whsec_12" }), { request })).body.eventId,
    "evt_abc123",
  );
});

test("one short value in a comma-separated GWOP_WEBHOOK_SECRET verifies nothing", {
  needs: ["env"],
}, async () => {
  for (const value of [`${SECRET},1`, "whsec_x"]) {
    await withEnv("GWOP_WEBHOOK_SECRET", value, async () => {
      for (const secret of [SECRET, "1"]) {
        const request = await deliver(PAID, { secret });
        await refused(
          new Gwop().validateWebhook({ request }),
          "SDK_VALIDATION",
          "GWOP_WEBHOOK_SECRET",
        );
      }
    });
  }
});

/** Runs `fn` while an environment variable has another value, if the runtime has variables. */
async function withEnv(name, value, fn) {
  const env = globalThis.process?.env ?? {};
  const before = env[name];
  if (value === undefined) delete env[name];
  else env[name] = value;
  try {
    return await fn();
  } finally {
    if (before === undefined) delete env[name];
    else env[name] = before;
  }
}

test("the secrets come from the environment, read at the time of use", {
  needs: ["env"],
}, async () => {
  const client = new Gwop();
  for (const [value, secret] of [
    [SECRET, SECRET],
    [`whsec_new, ${SECRET}`, "whsec_new"],
    [`whsec_new,${SECRET},`, SECRET],
  ]) {
    await withEnv("GWOP_WEBHOOK_SECRET", value, async () => {
      const request = await deliver(PAID, { secret });
      assertEquals((await client.validateWebhook({ request })).body.eventId, "evt_abc123");
      assertEquals(client.validateWebhookSync({ request }).body.eventId, "evt_abc123");
    });
  }
});

both("without a secret, both ways to give one are named", (validate) =>
  withEnv("GWOP_WEBHOOK_SECRET", undefined, async () => {
    for (const client of [
      new Gwop(),
      new Gwop({ webhookSecret: "" }),
      new Gwop({ webhookSecret: [] }),
    ]) {
      const error = await refused(
        validate(client, { request: await deliver(PAID) }),
        "WEBHOOK_SECRET_MISSING",
        "webhookSecret is required",
      );
      assert(error.message.includes("GWOP_WEBHOOK_SECRET"));
    }
  }),
);

test("a Request is read raw, once", async () => {
  const { headers, body } = await deliver(PAID);
  const request = new Request("https://shop.example/webhooks/gwop", {
    method: "POST",
    headers,
    body,
  });
  assertEquals((await gwop.validateWebhook({ request })).body.eventId, "evt_abc123");
  await refused(gwop.validateWebhook({ request }), "WEBHOOK_BODY_NOT_RAW");
});

test("a Request cannot be read synchronously, and the error says what can", async () => {
  const { headers, body } = await deliver(PAID);
  const request = new Request("https://shop.example/webhooks/gwop", {
    method: "POST",
    headers,
    body,
  });
  await refused((async () => gwop.validateWebhookSync({ request }))(), "WEBHOOK_BODY_NOT_RAW");
});

test("bytes that change after the call do not change what was verified", async () => {
  const request = await deliver(PAID);
  request.body = new TextEncoder().encode(PAID);
  const pending = gwop.validateWebhook({ request });
  request.body.fill(0x20);
  assertEquals((await pending).body.eventId, "evt_abc123");
});

test("no argument at all is refused with words", async () => {
  await refused(gwop.validateWebhook(), "SDK_VALIDATION", "request is required");
  await refused(gwop.validateWebhook({}), "SDK_VALIDATION", "request is required");
});

test("the webhook path makes no network call", async () => {
  const { fetch } = globalThis;
  globalThis.fetch = () => {
    throw new Error("a network call");
  };
  try {
    const client = new Gwop({ webhookSecret: SECRET });
    assertEquals(
      (await client.validateWebhook({ request: await deliver(PAID) })).body.eventId,
      "evt_abc123",
    );
  } finally {
    globalThis.fetch = fetch;
  }
});

test("many deliveries at once", async () => {
  const client = new Gwop({ webhookSecret: [SECRET, "whsec_new"] });
  const answers = await Promise.all(
    Array.from({ length: 200 }, async (_, index) => {
      const request = await deliver(PAID, { secret: index % 2 ? "whsec_new" : SECRET });
      if (index % 5 === 0) request.body += " ";
      return client.validateWebhook({ request }).then(
        (event) => event.body.eventId,
        (error) => error.code,
      );
    }),
  );
  answers.forEach((answer, index) =>
    assertEquals(answer, index % 5 === 0 ? "WEBHOOK_SIGNATURE_MISMATCH" : "evt_abc123"),
  );
});

// Web Crypto receives the wasm's own memory. The next verification overwrites it, and a large one
// moves it.
test("verifications under way at once do not disturb each other", async () => {
  const events = Array.from({ length: 60 }, (_, n) => {
    const body = JSON.parse(PAID);
    body.data.merchant_reference = String(n).repeat(1 + n * (n % 7 === 0 ? 5000 : 40));
    return JSON.stringify(body);
  });
  const requests = await Promise.all(events.map((body) => deliver(body)));
  const answers = await Promise.allSettled(
    requests.map((request, n) => {
      const body = n % 3 === 0 ? request.body.replace("1025000", "1025001") : request.body;
      return gwop.validateWebhook({ request: { ...request, body } });
    }),
  );
  answers.forEach(({ status, value, reason }, n) => {
    assertEquals(status, n % 3 === 0 ? "rejected" : "fulfilled", String(n));
    if (value)
      assertEquals(
        value.body.data.merchantReference,
        JSON.parse(events[n]).data.merchant_reference,
      );
    else assertEquals(reason.code, "WEBHOOK_SIGNATURE_MISMATCH");
  });
});
