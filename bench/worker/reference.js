/**
 * The webhook route of Gwop's Worker (`src/worker`) in plain JavaScript, for comparison: Web Crypto, the same statements in the
 * same Durable Object transaction, the same two objects, answers and log lines.
 */
import { DurableObject } from "cloudflare:workers";

const MAX_BODY_BYTES = 256 * 1024;
const TOLERANCE_SECONDS = 300;
const RETENTION_MS = 31 * 24 * 60 * 60 * 1000;
const HEADERS = {
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "strict-transport-security": "max-age=31536000; includeSubDomains",
};
const STATUS = { "invoice.paid": "PAID", "invoice.expired": "EXPIRED", "invoice.canceled": "CANCELED" };
const REQUIRED = ["invoice_id", "public_invoice_id", "merchant_id", "amount_usdc", "currency"];
const REQUIRED_PAID = ["payment_chain", "paid_at", "payer_wallet"];

const encoder = new TextEncoder();
const keys = new Map();

export default {
  async fetch(request, env) {
    const started = Date.now();
    const requestId = crypto.randomUUID();
    const [status, outcome, body, about] = await answer(request, env);
    const own = { request_id: requestId, route: "webhook", method: request.method, status, outcome, duration_ms: Date.now() - started };
    log("request", { ...own, ...about });
    return Response.json(body, { status, headers: { ...HEADERS, "x-request-id": requestId } });
  },
};

async function answer(request, env) {
  const bytes = await read(request);
  if (!bytes) return refusal(413, "BODY_TOO_LARGE");
  const refused = await verify(request.headers.get("x-gwop-signature") ?? "", bytes, env.GWOP_WEBHOOK_SECRET);
  if (refused) return refusal(401, refused);
  let event;
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    event = JSON.parse(text);
  } catch {
    return refusal(400, "WEBHOOK_PAYLOAD_INVALID");
  }
  if (!isEvent(event)) return refusal(400, "WEBHOOK_PAYLOAD_INVALID");
  const id = request.headers.get("x-gwop-event-id");
  const type = request.headers.get("x-gwop-event-type");
  if ((id && id !== event.event_id) || (type && type !== event.event_type)) return refusal(400, "WEBHOOK_HEADER_MISMATCH");
  const { data } = event;
  const path = `/apply/${encodeURIComponent(event.event_id)}`;
  const key = [event.event_id, data.invoice_id, data.public_invoice_id].join("\n");
  let outcome;
  if (accepted.has(key) && (await env.GWOP_INVOICES.getByName(data.invoice_id).fetch(`https://object${path}`)).status === 200) {
    outcome = "duplicate";
  } else {
    const [applied] = await Promise.all([send(env.GWOP_INVOICES, data.invoice_id, path, { event, text }), put(env, data)]);
    outcome = applied.headers.get("gwop-outcome");
  }
  if (accepted.size >= 2_000) accepted.clear();
  accepted.add(key);
  const about = { invoice_id: data.invoice_id, event_id: event.event_id, event_type: event.event_type };
  return [200, outcome, { received: true, outcome }, about];
}

/** Deliveries that were accepted: when one comes again, its object is asked for it by id alone. */
const accepted = new Set();

async function put(env, { public_invoice_id: publicId, invoice_id: invoiceId }) {
  const known = await (await send(env.GWOP_INVOICE_INDEX, publicId, "/", { invoiceId })).json();
  if (known !== invoiceId) log("index_contradiction", { invoice_id: invoiceId });
}

const refusal = (status, code) => [status, code, { error: { code, message: code } }];
const log = (event, fields) => console.log(JSON.stringify({ level: "info", event, ...fields }));

async function send(namespace, name, path, argument) {
  const response = await namespace.getByName(name).fetch(`https://object${path}`, { method: "POST", body: JSON.stringify(argument) });
  if (response.status !== 200) throw new Error(await response.text());
  return response;
}

async function read(request) {
  const declared = request.headers.get("content-length");
  if (declared > MAX_BODY_BYTES) return undefined;
  if (declared) return new Uint8Array(await request.arrayBuffer());
  const chunks = [];
  let length = 0;
  for await (const chunk of request.body ?? []) {
    length += chunk.length;
    if (length > MAX_BODY_BYTES) return undefined;
    chunks.push(chunk);
  }
  if (chunks.length === 1) return chunks[0];
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

async function verify(header, bytes, secret) {
  const t = /(?:^|,)t=(\d+)/.exec(header)?.[1];
  const tags = [...header.matchAll(/(?:^|,)v1=([0-9a-f]{64})(?=,|$)/g)].map((match) => match[1]);
  if (!t || tags.length === 0) return "WEBHOOK_SIGNATURE_MALFORMED";
  if (Math.abs(Math.floor(Date.now() / 1000) - Number(t)) > TOLERANCE_SECONDS) return "WEBHOOK_TIMESTAMP_OUTSIDE_TOLERANCE";
  let key = keys.get(secret);
  if (!key) {
    key = await crypto.subtle.importKey("raw", encoder.encode(secret), { name: "HMAC", hash: "SHA-256" }, false, ["verify"]);
    keys.set(secret, key);
  }
  const prefix = encoder.encode(`${t}.`);
  const signed = new Uint8Array(prefix.length + bytes.length);
  signed.set(prefix);
  signed.set(bytes, prefix.length);
  for (const hex of tags) {
    const tag = Uint8Array.from(hex.match(/../g), (pair) => parseInt(pair, 16));
    if (await crypto.subtle.verify("HMAC", key, tag, signed)) return undefined;
  }
  return "WEBHOOK_SIGNATURE_MISMATCH";
}

function isEvent(event) {
  const { event_id: id, event_type: type, data } = event ?? {};
  if (typeof id !== "string" || !id || !Object.hasOwn(STATUS, type) || typeof data !== "object" || data === null) return false;
  const names = type === "invoice.paid" ? [...REQUIRED, ...REQUIRED_PAID] : REQUIRED;
  if (!names.every((name) => typeof data[name] === "string")) return false;
  return data.status === STATUS[type] && (type !== "invoice.paid" || !Number.isNaN(Date.parse(data.paid_at)));
}

/** One invoice: event, transition, outbox row and alarm in one transaction. */
export class GwopInvoice extends DurableObject {
  async fetch(request) {
    const eventId = decodeURIComponent(new URL(request.url).pathname.slice("/apply/".length));
    let outcome = "duplicate";
    if (!(await this.recognise(eventId))) {
      if (request.method === "GET") return new Response("There is no such event", { status: 404 });
      outcome = await this.apply(eventId, request);
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

  async apply(eventId, request) {
    const { storage } = this.ctx;
    const { sql } = storage;
    const { event, text } = JSON.parse(await request.text());
    const outcome = await storage.transaction(async () => {
      const [own, due] = record(sql, event, text);
      await this.arm(due);
      return own;
    });
    this.remember(eventId);
    return outcome;
  }

  /** Ids of committed events. */
  committed = [];

  remember(eventId) {
    this.committed = [eventId, ...this.committed].slice(0, 16);
  }

  async arm(known) {
    const due = known ?? earliestJob(this.ctx.storage.sql);
    if (due !== undefined) await this.ctx.storage.setAlarm(due);
  }

  // Fulfilment is switched off while this is measured: what is due is put off.
  async alarm() {
    const { sql } = this.ctx.storage;
    const due = sql.exec("SELECT invoice_id, event_id, failures FROM outbox, invoice WHERE state <> 'dead' AND due_at <= ?1 ORDER BY due_at LIMIT 50", Date.now()).toArray();
    for (const { event_id: id, failures } of due) {
      const dueAt = Date.now() + Math.min(15_000 * 2 ** failures, 6 * 60 * 60 * 1000);
      sql.exec("UPDATE outbox SET failures = failures + 1, due_at = ?2 WHERE event_id = ?1", id, dueAt);
    }
    sql.exec("DELETE FROM event WHERE received_at <= ?1 AND event_id NOT IN (SELECT event_id FROM outbox)", Date.now() - RETENTION_MS);
    await this.arm();
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
function record(sql, event, text) {
  let stored;
  if (hasTable(sql, "event")) {
    if (isKnown(sql, event.event_id)) return ["duplicate"];
    [stored] = sql.exec("SELECT invoice_id, public_invoice_id, status, version, transaction_id FROM invoice").toArray();
  } else {
    createTables(sql);
  }
  const { data } = event;
  const transaction = data.tx_hash?.toLowerCase() ?? data.tx_signature ?? null;
  const outcome = judge(stored, data.status, transaction);
  const applied = outcome === "applied" || !stored;
  sql.exec(
    "INSERT OR REPLACE INTO invoice VALUES (0, ?1, ?2, ?3, ?4, ?5)",
    data.invoice_id,
    stored?.public_invoice_id ?? data.public_invoice_id,
    applied ? data.status : stored.status,
    (applied ? event.event_version : stored.version) ?? null,
    applied ? transaction : stored.transaction_id,
  );
  sql.exec(
    "INSERT INTO event (event_id, event_type, event_version, outcome, received_at, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    event.event_id,
    event.event_type,
    event.event_version ?? null,
    outcome,
    Date.now(),
    text,
  );
  if (outcome !== "applied" && outcome !== "conflict") return [outcome];
  const now = Date.now();
  sql.exec(
    "INSERT OR REPLACE INTO outbox (event_id, state, due_at, sends, failures, deliveries) VALUES (?1, 'pending', ?2, 0, 0, 0)",
    event.event_id,
    now,
  );
  return [outcome, now];
}

function judge(stored, status, transaction) {
  const before = stored?.status ?? "OPEN";
  if (before === "OPEN" || before === "PAYING") return "applied";
  if (before !== status) return "conflict";
  return status === "PAID" && stored.transaction_id && transaction && stored.transaction_id !== transaction ? "conflict" : "duplicate";
}

function earliestJob(sql) {
  const row = sql.exec(`SELECT (SELECT MIN(due_at) FROM outbox WHERE state <> 'dead') AS due_at,
    (SELECT MIN(received_at) FROM event WHERE event_id NOT IN (SELECT event_id FROM outbox)) AS oldest`).one();
  const times = [row.due_at, row.oldest === null ? null : row.oldest + RETENTION_MS].filter((time) => time !== null);
  return times.length > 0 ? Math.min(...times) : undefined;
}

/** One public id: the invoice that it names. */
export class GwopInvoiceIndex extends DurableObject {
  async fetch(request) {
    const { invoiceId } = JSON.parse(await request.text());
    const { sql } = this.ctx.storage;
    const known = hasTable(sql, "entry") ? sql.exec("SELECT invoice_id FROM entry").toArray()[0]?.invoice_id : undefined;
    if (known === undefined) {
      sql.exec("CREATE TABLE entry (only INTEGER PRIMARY KEY CHECK (only = 0), invoice_id TEXT NOT NULL)");
      sql.exec("INSERT INTO entry VALUES (0, ?1)", invoiceId);
    }
    return Response.json(known ?? invoiceId);
  }
}
