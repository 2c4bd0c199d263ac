// Requests as they reach a merchant's server, with the expected responses: one table for every
// framework. `servers/main.mjs` in this directory sends them to the frameworks that run in one
// process. The examples, which are programs of their own, get them too.
import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { connect as connectHTTP2 } from "node:http2";
import { gzipSync } from "node:zlib";
import { deliver } from "./suite/deliveries.js";
import { assertEquals } from "./suite/harness.js";
import { eventBody } from "./suite/store-conformance.js";

const WEBHOOK = "/webhooks/gwop";
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/** Returns the body of a payment that is new to the server. */
export const paid = (more) => eventBody("invoice.paid", crypto.randomUUID(), more);

/**
 * Sends a request as described. `pieces` are sent one by one, `everyMs` apart. With `abort`, the
 * connection ends after them. Returns the status, the outcome or the code, and the headers.
 */
export async function send(
  url,
  { method = "POST", headers = {}, body = "", pieces = [body], everyMs = 0, abort, agent },
) {
  const request = httpRequest(url, { method, headers, agent: agent ?? false });
  const answered = new Promise((done, failed) => {
    request.once("response", done);
    request.once("error", failed);
  });
  answered.catch(() => {});
  for (const piece of pieces) {
    if (everyMs > 0) {
      request.flushHeaders();
      await pause(everyMs);
    }
    if (piece.length > 0) request.write(piece);
  }
  if (abort) {
    await pause(30);
    request.destroy();
    return { status: 0 };
  }
  if (abort !== false) request.end();
  const response = await answered;
  let text = "";
  response.setEncoding("utf8").on("data", (chunk) => (text += chunk));
  await once(response, "end");
  let said = {};
  try {
    said = JSON.parse(text);
  } catch {
    // Reported below, if the status is not the expected one.
  }
  if (abort === false) request.destroy();
  return {
    status: response.statusCode,
    said: said.outcome ?? said.error?.code ?? text.slice(0, 300),
    headers: response.headers,
  };
}

/** Returns a signed delivery, with a length unless it is to be chunked. */
async function signed(server, body, { chunked, headers, ...more } = {}) {
  const delivery = await deliver(body, { secret: server.secret, ...more });
  const length = chunked ? {} : { "content-length": `${Buffer.byteLength(delivery.body)}` };
  return { body: delivery.body, headers: { ...delivery.headers, ...length, ...headers } };
}

/** Sends a signed delivery of `body` to `path`. */
async function post(server, path, body = paid(), { sending, ...more } = {}) {
  return send(server.url + path, { ...(await signed(server, body, more)), ...sending });
}

const cut = (text, size) => {
  const bytes = Buffer.from(text);
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
    bytes.subarray(at * size, (at + 1) * size),
  );
};

const now = () => Math.floor(Date.now() / 1000);
const FORGED = () => `t=${now()},v1=${"0".repeat(64)}`;

/** Sends a delivery whose body arrives in pieces. */
function sendInPieces(server, path) {
  const body = paid();
  return post(server, path, body, {
    chunked: true,
    sending: { pieces: cut(body, 150), everyMs: 10 },
  });
}

/**
 * Each situation: its name, its requirement (none for most), what is sent, and the expected
 * response. `needs` names a mount, a path that such a server has in front of the webhook handler,
 * or a capability of the server.
 *
 * @type {[name: string, needs: string, send: (server: object, path: string) => Promise<object>,
 * answer: [status: number, said?: string]][]}
 */
export const SITUATIONS = [
  ["a signed delivery", "", (server, path) => post(server, path), [200, "applied"]],
  [
    "the same delivery again",
    "",
    async (server, path) => {
      const body = paid();
      await post(server, path, body);
      return post(server, path, body);
    },
    [200, "duplicate"],
  ],
  [
    "white space that a parser would lose, and characters of several bytes",
    "",
    (server, path) => post(server, path, paid({ tx: "0xaa \u{1F980} é" }).replace("{", "{ \n\t ")),
    [200, "applied"],
  ],
  [
    "chunked",
    "",
    (server, path) => post(server, path, paid(), { chunked: true }),
    [200, "applied"],
  ],
  ["in pieces, slowly", "streams", sendInPieces, [200, "applied"]],
  [
    "in pieces of one byte",
    "",
    (server, path) => {
      const body = paid();
      return post(server, path, body, { sending: { pieces: cut(body, 1) } });
    },
    [200, "applied"],
  ],
  [
    "a media type with a charset",
    "",
    (server, path) =>
      post(server, path, paid(), {
        headers: { "content-type": "application/json; charset=utf-8" },
      }),
    [200, "applied"],
  ],
  [
    "the media type twice, of which the first counts",
    "any media type",
    (server, path) =>
      post(server, path, paid(), {
        headers: { "content-type": ["application/json", "application/json"] },
      }),
    [200, "applied"],
  ],
  [
    "a media type that ends in +json",
    "",
    (server, path) =>
      post(server, path, paid(), { headers: { "content-type": "application/cloudevents+json" } }),
    [200, "applied"],
  ],
  [
    "no media type",
    "any media type",
    async (server, path) => {
      const {
        body,
        headers: { "content-type": _, ...headers },
      } = await signed(server, paid());
      return send(server.url + path, { body, headers });
    },
    [200, "applied"],
  ],
  [
    "header names in capitals",
    "",
    async (server, path) => {
      const { body, headers } = await signed(server, paid());
      return send(server.url + path, {
        body,
        headers: Object.fromEntries(
          Object.entries(headers).map(([name, value]) => [name.toUpperCase(), value]),
        ),
      });
    },
    [200, "applied"],
  ],
  [
    "several signatures in one header, one of which holds",
    "",
    async (server, path) => {
      const { body, headers } = await signed(server, paid());
      const [time, signature] = headers["x-gwop-signature"].split(",");
      return send(server.url + path, {
        body,
        headers: { ...headers, "x-gwop-signature": `${time},v1=${"0".repeat(64)},${signature}` },
      });
    },
    [200, "applied"],
  ],
  [
    "the signature header twice, the second of which is forged",
    "",
    async (server, path) => {
      const { body, headers } = await signed(server, paid());
      return send(server.url + path, {
        body,
        headers: { ...headers, "x-gwop-signature": [headers["x-gwop-signature"], FORGED()] },
      });
    },
    [401],
  ],
  [
    "no signature",
    "",
    async (server, path) => {
      const {
        body,
        headers: { "x-gwop-signature": _, ...headers },
      } = await signed(server, paid());
      return send(server.url + path, { body, headers });
    },
    [401, "WEBHOOK_SIGNATURE_MISSING"],
  ],
  [
    "a forged signature",
    "",
    (server, path) => post(server, path, paid(), { headers: { "x-gwop-signature": FORGED() } }),
    [401, "WEBHOOK_SIGNATURE_MISMATCH"],
  ],
  [
    "another secret",
    "",
    (server, path) => post(server, path, paid(), { secret: "whsec_of_somebody" }),
    [401, "WEBHOOK_SIGNATURE_MISMATCH"],
  ],
  [
    "an old time stamp",
    "",
    (server, path) => post(server, path, paid(), { t: now() - 400 }),
    [401, "WEBHOOK_TIMESTAMP_OUTSIDE_TOLERANCE"],
  ],
  [
    "a byte more than was signed",
    "",
    async (server, path) => {
      const { body, headers } = await signed(server, paid(), { chunked: true });
      return send(server.url + path, { body: `${body} `, headers });
    },
    [401, "WEBHOOK_SIGNATURE_MISMATCH"],
  ],
  [
    "base64 of what was signed, as text",
    "any bytes",
    async (server, path) => {
      const { body, headers } = await signed(server, paid(), { chunked: true });
      return send(server.url + path, { body: Buffer.from(body).toString("base64"), headers });
    },
    [401, "WEBHOOK_SIGNATURE_MISMATCH"],
  ],
  [
    "gzip",
    "",
    async (server, path) => {
      const { body, headers } = await signed(server, paid(), {
        chunked: true,
        headers: { "content-encoding": "gzip" },
      });
      return send(server.url + path, { body: gzipSync(body), headers });
    },
    [415, "UNSUPPORTED_MEDIA_TYPE"],
  ],
  [
    "text/plain",
    "any media type",
    (server, path) => post(server, path, paid(), { headers: { "content-type": "text/plain" } }),
    [415, "UNSUPPORTED_MEDIA_TYPE"],
  ],
  [
    "GET",
    "any method",
    (server, path) => send(server.url + path, { method: "GET" }),
    [405, "METHOD_NOT_ALLOWED"],
  ],
  [
    "PUT",
    "any method",
    (server, path) => post(server, path, paid(), { sending: { method: "PUT" } }),
    [405, "METHOD_NOT_ALLOWED"],
  ],
  [
    "300 KB, as its length says",
    "",
    (server, path) => post(server, path, paid().padEnd(300_000)),
    [413, "BODY_TOO_LARGE"],
  ],
  [
    "300 KB, chunked",
    "",
    (server, path) => post(server, path, paid().padEnd(300_000), { chunked: true }),
    [413, "BODY_TOO_LARGE"],
  ],
  [
    "nothing, signed",
    "",
    (server, path) => post(server, path, ""),
    [400, "WEBHOOK_PAYLOAD_INVALID"],
  ],
  [
    "no JSON, signed",
    "any bytes",
    (server, path) => post(server, path, "paid=1"),
    [400, "WEBHOOK_PAYLOAD_INVALID"],
  ],
  [
    "JSON that is no event, signed",
    "",
    (server, path) => post(server, path, "[1]"),
    [400, "WEBHOOK_PAYLOAD_INVALID"],
  ],
  [
    "another event id in the header",
    "",
    (server, path) => post(server, path, paid(), { eventId: "evt_other" }),
    [400, "WEBHOOK_HEADER_MISMATCH"],
  ],
  [
    "a type of event of later versions",
    "",
    (server, path) => post(server, path, paid().replace("invoice.paid", "invoice.refunded")),
    [200, "ignored"],
  ],
  ["a query", "", (server, path) => post(server, `${path}?from=gwop&x=%2F`), [200, "applied"]],
  [
    "the headers of proxies",
    "",
    (server, path) =>
      post(server, path, paid(), {
        headers: {
          forwarded: "for=192.0.2.60;proto=https",
          "x-forwarded-for": "192.0.2.60",
          "x-forwarded-proto": "https",
          "x-forwarded-host": "shop.example",
          via: "1.1 edge",
        },
      }),
    [200, "applied"],
  ],
  [
    "headers that claim an identity",
    "",
    (server, path) =>
      post(server, path, paid(), { headers: { "x-gwop-subject": "base:0xmallory" } }),
    [200, "applied"],
  ],
  [
    "a connection that ends within the body, and then a delivery",
    "streams",
    async (server, path) => {
      const body = paid();
      const { headers } = await signed(server, body);
      await send(server.url + path, { headers, body: body.slice(0, 50), abort: true });
      return post(server, path, body);
    },
    [200, "applied"],
  ],
  ["below a prefix", "/prefix", (server, path) => post(server, path), [200, "applied"]],
  [
    "too slow",
    "/slow",
    async (server, path) => {
      const { headers } = await signed(server, paid());
      return send(server.url + path, { headers, body: "{", abort: false });
    },
    [408, "BODY_TIMEOUT"],
  ],
  [
    "parsed before, the raw body lost",
    "/parsed",
    (server, path) => post(server, path),
    [500, "MISCONFIGURED"],
  ],
  [
    "parsed before, the raw body kept",
    "/kept",
    (server, path) => post(server, path, paid().replace("{", "{ \n\t ")),
    [200, "applied"],
  ],
  ["read to its end before", "/read", (server, path) => post(server, path), [500, "MISCONFIGURED"]],
  ["being read by somebody else, who got nothing yet", "/reading", sendInPieces, [200, "applied"]],
  [
    "being read by an iterator, which got nothing yet",
    "/iterating",
    sendInPieces,
    [200, "applied"],
  ],
  [
    "being read by somebody else, who got a part of it",
    "/partly",
    sendInPieces,
    [500, "MISCONFIGURED"],
  ],
  [
    "a callback that throws",
    "/throwing",
    (server, path) => post(server, path),
    [500, "CALLBACK_FAILED"],
  ],
  [
    "no secret on the server",
    "/no-secret",
    (server, path) => post(server, path),
    [500, "MISCONFIGURED"],
  ],
  [
    "HTTP/2",
    "http2",
    async (server, path) => {
      const { body, headers } = await signed(server, paid());
      const client = connectHTTP2(server.http2);
      try {
        const stream = client.request({ ":method": "POST", ":path": path, ...headers });
        stream.end(body);
        const [answer] = await once(stream, "response");
        const text = (await stream.setEncoding("utf8").toArray()).join("");
        return { status: answer[":status"], said: JSON.parse(text).outcome, headers: answer };
      } finally {
        client.destroy();
      }
    },
    [200, "applied"],
  ],
];

/** The capabilities of a server, unless something in front of the handlers responds by itself. */
export const ABLE = ["any bytes", "any media type", "any method"];

/** Returns whether a situation applies to a server, by its mounts and capabilities. */
export const applies = (server, needs) => needs === "" || server.has.includes(needs);

/** Sends one situation to a server. Fails unless the response is that of the table. */
export async function check(server, [, needs, sending, [status, said]]) {
  const mount = needs.startsWith("/") ? needs : "";
  const answer = await sending(server, server.path?.(mount) ?? mount + WEBHOOK);
  assertEquals([answer.status, said && answer.said], [status, said], `it said ${answer.said}`);
  assertEquals(answer.headers["cache-control"], "no-store");
  if (status === 405) assertEquals(answer.headers.allow, "POST");
}
