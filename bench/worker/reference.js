/**
 * The webhook route of Gwop's Worker (`src/worker`) in plain JavaScript, for comparison: Web Crypto, the same statements in the
 * same Durable Object transaction, the same two objects, the same checks in the same order, the same answers but for the wording
 * of `message`, the same log lines but where storage fails. Fulfilment is switched off while this is measured, and so it is here.
 */
import { DurableObject } from "cloudflare:workers";

const MAX_BODY_BYTES = 256 * 1024;
/** How much of a refused body is read before the answer. */
const DRAIN_BYTES = 1024 * 1024;
const MAX_HEADER_BYTES = 4096;
const MAX_SIGNATURES = 16;
const MAX_ID_BYTES = 255;
const TOLERANCE_SECONDS = 300;
const RETENTION_MS = 31 * 24 * 60 * 60 * 1000;
const ALARM_AGAIN_MS = 5_000;
/** The status of the index's answer where another invoice is remembered. */
const ANOTHER = 409;

const HEADERS = new Headers({
  "content-type": "application/json",
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "strict-transport-security": "max-age=31536000; includeSubDomains",
});

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** An answer other than 200. */
class Refusal {
  constructor(status, code, headers = {}) {
    Object.assign(this, { status, code, headers });
  }
}

export default {
  async fetch(request, env) {
    const started = Date.now();
    const requestId = crypto.randomUUID();
    const [route, handle] = isWebhookPath(request) ? ["webhook", webhook] : ["none", notFound];
    const { status, outcome, body, about, headers } = await answer(() => handle(request, env));
    const own = { request_id: requestId, route, method: request.method, status, outcome, duration_ms: Date.now() - started };
    log(status >= 500 || outcome === "conflict" ? "error" : "info", "request", { ...own, ...about });
    const response = new Response(JSON.stringify(body), { status, headers: HEADERS });
    response.headers.set("x-request-id", requestId);
    for (const name in headers) response.headers.set(name, headers[name]);
    return response;
  },
};

function isWebhookPath(request) {
  const [, ...segments] = new URL(request.url).pathname.split("/").map(decoded);
  return segments.length === 2 && segments[0] === "webhooks" && segments[1] === "gwop";
}

function decoded(segment) {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

async function notFound(request) {
  await drain(request);
  throw new Refusal(404, "NOT_FOUND");
}

async function answer(handle) {
  try {
    const { outcome, about } = await handle();
    return { status: 200, outcome, body: { received: true, outcome }, about };
  } catch (error) {
    if (!(error instanceof Refusal)) log("error", "failed", { error: String(error) });
    const { status, code, headers } = error instanceof Refusal ? error : new Refusal(503, "UNAVAILABLE", { "retry-after": "5" });
    return { status, outcome: code, body: { error: { code, message: code } }, headers };
  }
}

/** Verify, then apply, then answer. */
async function webhook(request, env) {
  if (request.method !== "POST") {
    await drain(request);
    throw new Refusal(405, "METHOD_NOT_ALLOWED", { allow: "POST" });
  }
  if (!mayBeJson(request)) {
    await drain(request);
    throw new Refusal(415, "UNSUPPORTED_MEDIA_TYPE");
  }
  const bytes = await read(request, Number(env.MAX_BODY_BYTES) || MAX_BODY_BYTES);
  const secrets = list(env.GWOP_WEBHOOK_SECRET);
  if (secrets.length === 0) {
    log("error", "not_configured", { variable: "GWOP_WEBHOOK_SECRET" });
    throw new Refusal(500, "INTERNAL_ERROR");
  }
  await verify(secrets, request.headers.get("x-gwop-signature") ?? "", bytes);
  const delivery = deliveryOf(bytes, request.headers.get("x-gwop-event-id"), request.headers.get("x-gwop-event-type"));
  const { invoice_id, event_id, event_type } = delivery;
  if (!invoice_id) return { outcome: "ignored", about: { event_id: event_id.slice(0, MAX_ID_BYTES), event_type: event_type.slice(0, MAX_ID_BYTES) } };
  const outcome = await store(env, delivery);
  return { outcome, about: { invoice_id, event_id, event_type: event_type.slice(0, MAX_ID_BYTES) } };
}

function log(level, event, fields) {
  const line = JSON.stringify({ level, event, ...fields });
  if (level === "error") console.error(line);
  else console.log(line);
}

/** The values of a variable: a comma-separated list. */
const list = (variable) => (variable ?? "").split(",").map((item) => item.trim()).filter(Boolean);

/** Whether the media type is JSON, or not told. A header that came twice is one, joined by a comma. */
function mayBeJson(request) {
  const types = (request.headers.get("content-type") ?? "").toLowerCase().split(",");
  return types.every((type) => /^(application\/(json|.*\+json))?$/.test(type.split(";")[0].trim()));
}

/** A body's chunks. A stream that is not read to its end is left alone: cancelling it would harm the connection. */
const chunksOf = (request) => request.body?.values({ preventCancel: true }) ?? [];

async function read(request, most) {
  const declared = request.headers.get("content-length");
  if (declared > most) {
    await drain(request);
    throw new Refusal(413, "BODY_TOO_LARGE");
  }
  const chunks = [];
  let length = 0;
  try {
    if (declared) return new Uint8Array(await request.arrayBuffer());
    for await (const chunk of chunksOf(request)) {
      length += chunk.length;
      if (length <= most) chunks.push(chunk);
      else if (length >= DRAIN_BYTES) break;
    }
  } catch {
    throw new Refusal(400, "BODY_BROKEN");
  }
  if (length > most) throw new Refusal(413, "BODY_TOO_LARGE");
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}

/** Reads and drops a body that nobody wants. */
async function drain(request) {
  if (request.headers.get("content-length") > DRAIN_BYTES) return;
  let length = 0;
  try {
    for await (const chunk of chunksOf(request)) {
      length += chunk.length;
      if (length >= DRAIN_BYTES) return;
    }
  } catch {
    // What cannot be read is dropped too.
  }
}

/** Verifies the MAC over the raw bytes. Nothing of the body is decoded before. */
async function verify(secrets, header, bytes) {
  const { timestamp, tags } = parseSignature(header);
  const distance = Math.abs(Math.floor(Date.now() / 1000) - Number(timestamp));
  if (distance > TOLERANCE_SECONDS) throw new Refusal(401, "WEBHOOK_TIMESTAMP_OUTSIDE_TOLERANCE");
  const prefix = encoder.encode(`${timestamp}.`);
  const signed = new Uint8Array(prefix.length + bytes.length);
  signed.set(prefix);
  signed.set(bytes, prefix.length);
  for (const secret of secrets) {
    const key = await keyOf(secret);
    for (const tag of tags) {
      if (await crypto.subtle.verify("HMAC", key, tag, signed)) return;
    }
  }
  throw new Refusal(401, "WEBHOOK_SIGNATURE_MISMATCH");
}

const malformed = () => new Refusal(401, "WEBHOOK_SIGNATURE_MALFORMED");

/** `t={unix seconds},v1={hex}`: one `t`, at least one `v1`, items of other schemes are passed over. */
function parseSignature(header) {
  if (!header.trim()) throw new Refusal(401, "WEBHOOK_SIGNATURE_MISSING");
  if (header.length > MAX_HEADER_BYTES) throw malformed();
  let timestamp;
  const tags = [];
  for (const item of header.split(",")) {
    const [name, value] = halves(item.trim());
    if (name === "t" && timestamp === undefined) timestamp = value;
    else if (name === "v1" && tags.length < MAX_SIGNATURES && /^[0-9a-f]{64}$/.test(value)) tags.push(bytesOf(value));
    else if (name === "t" || name === "v1" || value === undefined) throw malformed();
  }
  if (timestamp === undefined || tags.length === 0) throw malformed();
  if (!/^\d+$/.test(timestamp) || (timestamp.length > 19 && BigInt(timestamp) >= 2n ** 64n)) throw new Refusal(401, "WEBHOOK_TIMESTAMP_INVALID");
  return { timestamp, tags };
}

/** What is before the first `=`, and what is after it. */
function halves(item) {
  const at = item.indexOf("=");
  return at < 0 ? [item] : [item.slice(0, at), item.slice(at + 1)];
}

const bytesOf = (hex) => Uint8Array.from(hex.match(/../g), (pair) => parseInt(pair, 16));

/** Imported keys by secret: enough for a rotation. */
const keys = new Map();

async function keyOf(secret) {
  let key = keys.get(secret);
  if (!key) {
    key = await crypto.subtle.importKey("raw", encoder.encode(secret), { name: "HMAC", hash: "SHA-256" }, false, ["verify"]);
    if (keys.size >= 4) keys.delete(keys.keys().next().value);
    keys.set(secret, key);
  }
  return key;
}

const isText = (value) => typeof value === "string";
const isId = (value) => isText(value) && value !== "";
const isTimestamp = (value) => {
  const date = isText(value) && RFC_3339.exec(value)?.[1];
  // The 30th of February becomes the 2nd of March.
  return Boolean(date) && new Date(date).toISOString().startsWith(date);
};
const optional = (isValid) => (value) => value === undefined || value === null || isValid(value);
const RFC_3339 =
  /^(\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01]))T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/i;

const EVENT = {
  event_version: optional(Number.isSafeInteger),
  created_at: optional(isTimestamp),
  gwop_outcome: optional(isText),
};
const DATA = {
  invoice_id: isId,
  public_invoice_id: isId,
  merchant_id: isId,
  amount_usdc: isText,
  currency: isText,
  merchant_reference: optional(isText),
};
const PAID_DATA = {
  ...DATA,
  tx_hash: optional(isText),
  tx_signature: optional(isText),
  payment_chain: isText,
  payment_chain_caip2: optional(isText),
  paid_at: isTimestamp,
  payer_wallet: isText,
};
/** What each type tells of its invoice. */
const TYPES = new Map([
  ["invoice.paid", { status: "PAID", data: PAID_DATA }],
  ["invoice.expired", { status: "EXPIRED", data: DATA }],
  ["invoice.canceled", { status: "CANCELED", data: DATA }],
]);

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

function fits(value, schema) {
  if (!isObject(value)) return false;
  for (const name in schema) if (!schema[name](value[name])) return false;
  return true;
}

const invalid = () => new Refusal(400, "WEBHOOK_PAYLOAD_INVALID");

/** Text as it is stored: UTF-8 has no lone surrogates. */
const textOf = (value) => (isId(value) ? value.toWellFormed() : null);

/** The verified body as a delivery; without `invoice_id` where it is an event of an unknown type that names none. */
function deliveryOf(bytes, idHeader, typeHeader) {
  let body;
  let event;
  try {
    body = decoder.decode(bytes);
    event = JSON.parse(body);
  } catch {
    throw invalid();
  }
  if (!isObject(event)) throw invalid();
  const { event_version, data } = event;
  const event_id = textOf(event.event_id);
  const event_type = textOf(event.event_type);
  if (!event_id || !event_type) throw invalid();
  if ((idHeader && idHeader !== event_id) || (typeHeader && typeHeader !== event_type)) throw new Refusal(400, "WEBHOOK_HEADER_MISMATCH");
  const type = TYPES.get(event_type);
  if (type && !(fits(event, EVENT) && fits(data, type.data) && data.status === type.status)) throw invalid();
  const invoice_id = textOf(data?.invoice_id);
  const public_invoice_id = textOf(data?.public_invoice_id);
  if (invoice_id && [invoice_id, event_id, public_invoice_id].some(isTooLong)) throw invalid();
  // Hexadecimal on Base, where case says nothing; Base58 on Solana, where it does.
  const transactions = [textOf(data?.tx_hash)?.toLowerCase(), textOf(data?.tx_signature)].filter(Boolean);
  return {
    invoice_id,
    public_invoice_id,
    event_id,
    event_type,
    event_version: Number.isSafeInteger(event_version) ? event_version : null,
    status: type?.status ?? null,
    transaction: transactions.join(" ") || null,
    body,
  };
}

/** A character takes three bytes at most. */
const isTooLong = (id) => id !== null && id.length * 3 > MAX_ID_BYTES && encoder.encode(id).length > MAX_ID_BYTES;

/** Deliveries that were accepted: when one comes again, its object is asked for it by id alone. */
const accepted = new Set();

async function store(env, delivery) {
  const key = [delivery.event_id, delivery.invoice_id, delivery.public_invoice_id].join("\n");
  let outcome = "duplicate";
  if (!accepted.has(key) || !(await has(env, delivery))) {
    const [applied] = await Promise.all([apply(env, delivery), index(env, delivery)]);
    outcome = applied.headers.get("gwop-outcome");
  }
  if (accepted.size >= 2_000) accepted.clear();
  accepted.add(key);
  return outcome;
}

/** The id is the query: `.` and `..` would be resolved in a path. */
const pathOf = ({ event_id }) => `/apply?${encodeURIComponent(event_id)}`;

async function has(env, delivery) {
  try {
    const response = await env.GWOP_INVOICES.getByName(delivery.invoice_id).fetch(`https://object${pathOf(delivery)}`);
    return response.status === 200;
  } catch {
    return false;
  }
}

/** The event goes behind the JSON of the rest, so that it need not be escaped. */
async function apply(env, { body, ...rest }) {
  const text = `${JSON.stringify(rest)}\n${body}`;
  const response = await env.GWOP_INVOICES.getByName(rest.invoice_id).fetch(`https://object${pathOf(rest)}`, { method: "POST", body: text });
  if (response.status !== 200) throw new Error(await response.text());
  return response;
}

async function index(env, { public_invoice_id, invoice_id }) {
  if (!public_invoice_id) return;
  const url = `https://object/put?${encodeURIComponent(invoice_id)}`;
  const response = await env.GWOP_INVOICE_INDEX.getByName(public_invoice_id).fetch(url);
  if (response.status === 200) return;
  const known = await response.text();
  if (response.status !== ANOTHER) throw new Error(known);
  log("error", "index_contradiction", { public_invoice_id, invoice_id, known });
}

/** One invoice: event, transition, outbox row and alarm in one transaction. */
export class GwopInvoice extends DurableObject {
  /** Ids of committed events; while it holds any, the alarm is armed too. */
  committed = [];

  fetch(request) {
    const eventId = decodeURIComponent(request.url.slice("https://object/apply?".length));
    // As Gwop's: one that is known in memory needs neither a promise nor a header.
    if (request.method === "GET" && this.committed.includes(eventId)) return new Response();
    return this.answer(request, eventId);
  }

  async answer(request, eventId) {
    let outcome = "duplicate";
    if (!(await this.recognise(eventId))) {
      if (request.method === "GET") return new Response("There is no such event", { status: 404 });
      outcome = await this.apply(await request.text());
    }
    return new Response(null, { headers: { "gwop-outcome": outcome } });
  }

  async recognise(eventId) {
    if (this.committed.includes(eventId)) return true;
    const { storage } = this.ctx;
    const stored = hasTable(storage.sql, "event") && isKnown(storage.sql, eventId);
    if (stored) {
      if ((await storage.getAlarm()) === null) await this.arm();
      this.remember(eventId);
    }
    return stored;
  }

  async apply(text) {
    const { storage } = this.ctx;
    const end = text.indexOf("\n");
    const delivery = { ...JSON.parse(text.slice(0, end)), body: text.slice(end + 1) };
    const outcome = await storage.transaction(async () => {
      const [own, due] = record(storage.sql, delivery);
      await this.arm(due);
      return own;
    });
    this.remember(delivery.event_id);
    return outcome;
  }

  remember(eventId) {
    this.committed = [eventId, ...this.committed].slice(0, 16);
  }

  async arm(known) {
    const due = known ?? earliestJob(this.ctx.storage.sql);
    if (due !== undefined) await this.ctx.storage.setAlarm(due);
  }

  /** Never throws, so that the platform never gives up on it. */
  async alarm() {
    try {
      this.runDueJobs();
      await this.arm();
    } catch (error) {
      log("error", "alarm_failed", { error: String(error) });
      await this.ctx.storage.setAlarm(Date.now() + ALARM_AGAIN_MS).catch((lost) => {
        this.committed = [];
        log("error", "alarm_lost", { error: String(lost) });
      });
    }
  }

  runDueJobs() {
    const { sql } = this.ctx.storage;
    const due = sql.exec("SELECT invoice_id, event_id, sends, failures FROM outbox, invoice WHERE state <> 'dead' AND due_at <= ?1 ORDER BY due_at LIMIT 50", Date.now()).toArray();
    for (const { event_id: id, failures } of due) {
      const dueAt = Date.now() + Math.min(15_000 * 2 ** failures, 6 * 60 * 60 * 1000);
      sql.exec("UPDATE outbox SET failures = failures + 1, due_at = ?2 WHERE event_id = ?1", id, dueAt);
    }
    this.committed = [];
    sql.exec("DELETE FROM event WHERE received_at <= ?1 AND event_id NOT IN (SELECT event_id FROM outbox)", Date.now() - RETENTION_MS);
  }
}

const hasTable = (sql, name) => sql.exec("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", name).toArray().length > 0;
const isKnown = (sql, eventId) => sql.exec("SELECT 1 FROM event WHERE event_id = ?1", eventId).toArray().length > 0;

function createTables(sql) {
  sql.exec(`CREATE TABLE invoice (
      only INTEGER PRIMARY KEY CHECK (only = 0), invoice_id TEXT NOT NULL, public_invoice_id TEXT,
      status TEXT NOT NULL, version INTEGER, transaction_id TEXT);
    CREATE TABLE event (
      event_id TEXT PRIMARY KEY NOT NULL, event_type TEXT NOT NULL, event_version INTEGER, outcome TEXT NOT NULL,
      received_at INTEGER NOT NULL, delivered_at INTEGER, body TEXT NOT NULL);
    CREATE TABLE outbox (
      event_id TEXT PRIMARY KEY NOT NULL, state TEXT NOT NULL CHECK (state IN ('pending', 'sent', 'dead')),
      due_at INTEGER NOT NULL, sends INTEGER NOT NULL, failures INTEGER NOT NULL, deliveries INTEGER NOT NULL)`);
}

/** What became of the event, and when the alarm has work next, if that is known. */
function record(sql, delivery) {
  let stored;
  if (hasTable(sql, "event")) {
    if (isKnown(sql, delivery.event_id)) return ["duplicate"];
    [stored] = sql.exec("SELECT invoice_id, public_invoice_id, status, version, transaction_id FROM invoice").toArray();
  } else {
    createTables(sql);
  }
  const invoice = { status: "OPEN", version: null, transaction_id: null, ...stored };
  const outcome = judge(invoice, delivery);
  if (outcome === "applied") {
    invoice.status = delivery.status;
    // A payment that overtook an older event keeps the newest version seen.
    if (invoice.version === null || delivery.event_version > invoice.version) invoice.version = delivery.event_version;
    invoice.transaction_id = delivery.transaction;
  } else if (outcome === "duplicate") {
    invoice.transaction_id ??= delivery.transaction;
  }
  sql.exec(
    "INSERT OR REPLACE INTO invoice VALUES (0, ?1, ?2, ?3, ?4, ?5)",
    delivery.invoice_id,
    stored?.public_invoice_id ?? delivery.public_invoice_id,
    invoice.status,
    invoice.version,
    invoice.transaction_id,
  );
  sql.exec(
    "INSERT INTO event (event_id, event_type, event_version, outcome, received_at, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    delivery.event_id,
    delivery.event_type,
    delivery.event_version,
    outcome,
    Date.now(),
    delivery.body,
  );
  if (outcome !== "applied" && outcome !== "conflict") return [outcome];
  const now = Date.now();
  sql.exec(
    "INSERT OR REPLACE INTO outbox (event_id, state, due_at, sends, failures, deliveries) VALUES (?1, 'pending', ?2, 0, 0, 0)",
    delivery.event_id,
    now,
  );
  return [outcome, now];
}

/** What the delivery does to the invoice. Every status that an event tells is final. */
function judge(invoice, { status, event_version: version, transaction }) {
  if (status === null) return "ignored";
  // Money is never stale: an old version of it is money all the same.
  if (status === "PAID") {
    if (invoice.status === "OPEN") return "applied";
    return invoice.status === "PAID" && !isAnother(invoice.transaction_id, transaction) ? "duplicate" : "conflict";
  }
  if (version !== null && invoice.version !== null && version < invoice.version) return "stale";
  if (invoice.status === "OPEN") return "applied";
  return invoice.status === status ? "duplicate" : "conflict";
}

/** Whether both name transactions, and none that the other names. */
function isAnother(known, named) {
  if (known === null || named === null) return false;
  const names = known.split(" ");
  return !named.split(" ").some((name) => names.includes(name));
}

function earliestJob(sql) {
  const row = sql.exec(`SELECT (SELECT MIN(due_at) FROM outbox WHERE state <> 'dead') AS due_at,
    (SELECT MIN(received_at) FROM event WHERE event_id NOT IN (SELECT event_id FROM outbox)) AS oldest`).one();
  const times = [row.due_at, row.oldest === null ? null : row.oldest + RETENTION_MS].filter((time) => time !== null);
  return times.length > 0 ? Math.min(...times) : undefined;
}

/** One public id: the invoice that it names. */
export class GwopInvoiceIndex extends DurableObject {
  fetch(request) {
    const invoice_id = decodeURIComponent(request.url.slice("https://object/put?".length));
    const { sql } = this.ctx.storage;
    const known = hasTable(sql, "entry") ? sql.exec("SELECT invoice_id FROM entry").toArray()[0]?.invoice_id : undefined;
    if (known === undefined) {
      sql.exec("CREATE TABLE IF NOT EXISTS entry (only INTEGER PRIMARY KEY CHECK (only = 0), invoice_id TEXT NOT NULL)");
      sql.exec("INSERT INTO entry VALUES (0, ?1)", invoice_id);
    }
    return (known ?? invoice_id) === invoice_id ? new Response() : new Response(known, { status: ANOTHER });
  }
}
