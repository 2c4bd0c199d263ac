// Requests of one Worker that share a client: pending calls to Gwop, uploads that break off, and
// webhooks between them.
import { Gwop, HTTPClient } from "@gwop/sdk";
import { deliver, PAID, SECRET } from "./deliveries.js";
import { assert, assertEquals, test } from "./harness.js";
import { WIRE } from "./http-kit.js";

/** The client of this isolate, which outlives the requests. */
let shared;

/** The Worker's response to `POST /shared/webhook` and `POST /shared/call?url=…`. */
export async function answerShared(request) {
  const { pathname, searchParams } = new URL(request.url);
  shared ??= new Gwop({
    webhookSecret: SECRET,
    httpClient: new HTTPClient({ fetcher: (sent) => fetch(sent.headers.get("x-url")) }),
  });
  try {
    if (pathname === "/shared/webhook") {
      const { body } = await shared.validateWebhook({ request });
      return Response.json({ eventId: body.eventId });
    }
    const { result } = await shared.invoices.get(
      { id: "inv_a" },
      { headers: { "x-url": searchParams.get("url") } },
    );
    return Response.json({ status: result.status });
  } catch ({ code, message }) {
    return Response.json({ code, message }, { status: 400 });
  }
}

test("300 interleaved calls and 100 uploads that break off: each call and each webhook between them is answered", {
  needs: ["requests"],
  timeoutMs: 60_000,
}, async (context) => {
  const { selfURL, serverURL } = context;
  const { headers, body } = await deliver(PAID);
  const invoice = JSON.stringify(WIRE.invoicePublic("OPEN"));
  const post = (path, init) => fetch(`${selfURL}/shared/${path}`, { method: "POST", ...init });
  const call = async (index) => {
    const url = `${serverURL}/delay/${(index * 37) % 400}?body=${encodeURIComponent(invoice)}`;
    const answer = await post(`call?url=${encodeURIComponent(url)}`);
    return (await answer.json()).status;
  };
  const webhook = async () => (await (await post("webhook", { headers, body })).json()).eventId;
  const brokenOff = async () => {
    const controller = new AbortController();
    const stream = new ReadableStream({
      start: (upload) => upload.enqueue(new TextEncoder().encode(body.slice(0, 100))),
    });
    const sent = post("webhook", { headers, body: stream, signal: controller.signal }).then(
      () => "answered",
      (error) => error.name,
    );
    await new Promise((done) => setTimeout(done, 20));
    controller.abort();
    return sent;
  };

  for (let round = 0; round < 10; round += 1) {
    const calls = Array.from({ length: 30 }, (_, index) => call(round * 30 + index));
    const uploads = Array.from({ length: 10 }, brokenOff);
    const webhooks = Array.from({ length: 10 }, webhook);
    assertEquals(await Promise.all(uploads), Array(10).fill("AbortError"));
    assertEquals(await Promise.all(webhooks), Array(10).fill("evt_abc123"));
    assertEquals(await webhook(), "evt_abc123");
    assertEquals(await Promise.all(calls), Array(30).fill("OPEN"));
  }
});

test("a call hands its request over before it returns", async () => {
  let handed = false;
  const request = () => {
    handed = true;
    return Promise.resolve(Response.json(WIRE.invoicePublic("OPEN")));
  };
  const answer = new Gwop({ httpClient: { request } }).invoices.get({ id: "inv_a" });
  // The executor of the package's sources runs a future at once. wasm-bindgen-futures' own one
  // waits.
  assert(handed, "the package was built with another executor");
  assertEquals((await answer).result.status, "OPEN");
});
