import { refuse } from "./errors/refuse.js";
import { core } from "./core.js";
import { readEnvList } from "./env.js";
import type { InvoiceCanceledEvent, InvoiceExpiredEvent, InvoicePaidEvent } from "./generated/models.js";
import { readRefusal } from "./refusal.js";
import { reviveEvent } from "./revive.js";

/** The event of a webhook. Narrow it by `eventType`. */
export type WebhookEvent = InvoicePaidEvent | InvoiceExpiredEvent | InvoiceCanceledEvent;

/** A verified delivery. */
export interface ValidateWebhookResponse {
  /** The `X-Gwop-Signature` header. */
  xGwopSignature: string;
  /** The `X-Gwop-Event-Id` header, empty where absent. It is not signed: trust `body.eventId`. */
  xGwopEventId: string;
  /** The `X-Gwop-Event-Type` header, empty where absent. It is not signed: trust `body.eventType`. */
  xGwopEventType: string;
  /** The signed event. */
  body: WebhookEvent;
}

type DeliveryHeaders = Omit<ValidateWebhookResponse, "body">;

/** Headers in any of the forms that servers give them in. Names are found in any case; null, undefined and empty ones count as absent. */
export type WebhookHeaders =
  | Headers
  | Iterable<readonly [string, string]>
  | Readonly<Record<string, string | readonly string[] | null | undefined>>;

/** The parts of a delivery, for servers that have no `Request`. */
export interface WebhookRequestParts {
  /** The raw body, before anything parsed it. */
  body: string | Uint8Array | ArrayBuffer;
  /** The headers as they came. */
  headers: WebhookHeaders;
  /** Not used; taken because existing code passes it. */
  url?: string | undefined;
  /** Not used; taken because existing code passes it. */
  method?: string | undefined;
}

/** How a delivery is verified. */
export interface WebhookVerification {
  /** How far, in seconds, the time stamp may be from `receivedAt`, either side. Default 300. */
  toleranceSeconds?: number | undefined;
  /** When the delivery was received, for one that is verified later. Default now. */
  receivedAt?: Date | undefined;
}

/** The argument of `gwop.validateWebhook`. */
export interface ValidateWebhookOptions extends WebhookVerification {
  /** The delivery. The body of a `Request` is consumed: clone it first if it is needed again. */
  request: Request | WebhookRequestParts;
}

/** The argument of `gwop.validateWebhookSync`. */
export interface ValidateWebhookSyncOptions extends WebhookVerification {
  /** The delivery, its body as a string or bytes: a `Request` cannot be read synchronously. */
  request: WebhookRequestParts;
}

/** Made on first use: Jest's jsdom has none, and what only handles errors needs none. */
let encoder: TextEncoder | undefined;

/** The most imported keys that are kept: a rotation has two, a bug must not grow without bound. */
const MAX_KEYS = 16;

/** Verifies deliveries for one client. */
export class WebhookVerifier {
  readonly #configured: string | readonly string[] | undefined;
  /** Imported keys, never promises: on workerd no request may wait for another's. */
  readonly #keys = new Map<string, CryptoKey>();

  constructor(configured: string | readonly string[] | undefined) {
    this.#configured = configured;
  }

  async verify(options: ValidateWebhookOptions): Promise<ValidateWebhookResponse> {
    const secrets = readSecrets(this.#configured);
    const { request, now, tolerance } = readVerification(options);
    const headers = readHeaders(request);
    const body = isRequest(request) ? await readRequest(request) : readBody(request.body);
    try {
      for (const secret of secrets) {
        const key = this.#keys.get(secret) ?? (await this.#import(secret));
        const answers = core().verifySignatures(key, headers.xGwopSignature, body, now, tolerance);
        const holds = answers.length === 1 ? await answers[0] : (await Promise.all(answers)).includes(true);
        if (holds) {
          return { ...headers, body: reviveEvent(core().readEvent(body, headers.xGwopEventId, headers.xGwopEventType)) };
        }
      }
    } catch (refusal) {
      throw rejection(refusal);
    }
    throw rejection(core().signatureMismatch());
  }

  verifySync(options: ValidateWebhookSyncOptions): ValidateWebhookResponse {
    const { headers, event } = this.#verifySync(options);
    return { ...headers, body: event };
  }

  /** As {@link verifySync}, but answers the verified body as it stands on the wire. Amounts are text. */
  verifyWire<Event extends { data: { amount_usdc: string } }>(options: ValidateWebhookSyncOptions): Event {
    const { event, body } = this.#verifySync(options);
    const wire = JSON.parse(new TextDecoder().decode(body)) as Event;
    wire.data.amount_usdc = event.data.amountUsdc;
    return wire;
  }

  #verifySync(options: ValidateWebhookSyncOptions): { headers: DeliveryHeaders; event: WebhookEvent; body: Uint8Array } {
    const secrets = readSecrets(this.#configured);
    const { request, now, tolerance } = readVerification(options);
    const headers = readHeaders(request);
    const body = readBody(request.body);
    try {
      const { xGwopSignature, xGwopEventId, xGwopEventType } = headers;
      const text = core().verifyWebhookSync([...secrets], xGwopSignature, body, xGwopEventId, xGwopEventType, now, tolerance);
      return { headers, event: reviveEvent(text), body };
    } catch (refusal) {
      throw rejection(refusal);
    }
  }

  async #import(secret: string): Promise<CryptoKey> {
    const key = await core().importWebhookSecret(secret);
    if (this.#keys.size >= MAX_KEYS) this.#keys.clear();
    this.#keys.set(secret, key);
    return key;
  }
}

/** The secrets of now: the environment may change while the process runs. */
export function readSecrets(configured: string | readonly string[] | undefined): readonly string[] {
  const given = (Array.isArray(configured) ? configured : [configured ?? ""]).filter((secret) => secret !== "");
  // No secret has a NUL: what has one is no text.
  if (!given.every((secret) => typeof secret === "string" && !secret.includes("\0"))) {
    throw refuse("webhookSecret must be a string, or a list of strings");
  }
  const secrets = given.length > 0 ? given : readEnvList("GWOP_WEBHOOK_SECRET");
  if (secrets.length === 0) {
    throw refuse(
      "webhookSecret is required to verify webhooks: pass it to new Gwop({ webhookSecret }) or set GWOP_WEBHOOK_SECRET (on Cloudflare Workers, process.env needs nodejs_compat and a compatibility date of 2025-04-01 or later)",
      undefined,
      "WEBHOOK_SECRET_MISSING",
    );
  }
  return secrets;
}

/** The error for what the wasm threw: a refusal, or something else. */
function rejection(thrown: unknown): unknown {
  const refusal = readRefusal(thrown);
  return refusal ? refuse(refusal.message, undefined, refusal.code) : thrown;
}

/** The options with their defaults; `now` and `tolerance` in seconds. */
function readVerification(options: ValidateWebhookOptions): { request: Request | WebhookRequestParts; now: number; tolerance: number } {
  const { request, toleranceSeconds = 300, receivedAt } = (options ?? {}) as Partial<ValidateWebhookOptions>;
  if (typeof request !== "object" || request === null) {
    throw refuse("request is required: pass { request } with a Request, or { body, headers }");
  }
  if (!(typeof toleranceSeconds === "number" && toleranceSeconds >= 0 && toleranceSeconds < Infinity)) {
    throw refuse("toleranceSeconds must be a finite number of seconds, 0 or more");
  }
  const now = receivedAt === undefined ? Date.now() : receivedAt instanceof Date ? receivedAt.getTime() : NaN;
  if (Number.isNaN(now)) throw refuse("receivedAt must be a valid Date");
  return { request, now: now / 1000, tolerance: toleranceSeconds };
}

function isRequest(request: Request | WebhookRequestParts): request is Request {
  return typeof (request as Partial<Request>).arrayBuffer === "function";
}

async function readRequest(request: Request): Promise<Uint8Array> {
  try {
    return new Uint8Array(await request.arrayBuffer());
  } catch {
    // Read before, locked by a reader, or broken off on its way.
    throw rejection(core().bodyNotRaw());
  }
}

/** The body's bytes, in memory that nobody else can change between the MAC and the parsing. */
export function readBody(body: unknown): Uint8Array {
  if (typeof body === "string") return (encoder ??= new TextEncoder()).encode(body);
  try {
    if (ArrayBuffer.isView(body)) return new Uint8Array(body.buffer, body.byteOffset, body.byteLength).slice();
    if (Object.prototype.toString.call(body) === "[object ArrayBuffer]") return new Uint8Array(body as ArrayBuffer).slice();
  } catch {
    // A buffer that was given away has no bytes any more.
  }
  throw rejection(core().bodyNotRaw());
}

function readHeaders(request: Request | WebhookRequestParts): DeliveryHeaders {
  const { headers } = request;
  return {
    xGwopSignature: readHeader(headers, "x-gwop-signature"),
    xGwopEventId: readHeader(headers, "x-gwop-event-id"),
    xGwopEventType: readHeader(headers, "x-gwop-event-type"),
  };
}

/** What stands for a header that cannot be read. No header has it, and nothing that has it is well-formed, or equal to what was signed. */
const UNREADABLE = "\u0001";

/** A header's value, empty where absent. */
function readHeader(headers: WebhookHeaders | undefined, name: string): string {
  try {
    return findHeader(headers, name) ?? "";
  } catch {
    return UNREADABLE;
  }
}

/** A header's value, several joined as HTTP does (RFC 9110, 5.3); undefined where absent. */
function findHeader(headers: WebhookHeaders | undefined, name: string): string | undefined {
  if (typeof headers !== "object" || headers === null) return undefined;
  if (typeof (headers as Headers).append === "function") return (headers as Headers).get(name) ?? undefined;
  let value: unknown = (headers as Record<string, unknown>)[name];
  if (value == null) {
    const entries = Symbol.iterator in headers ? (headers as Iterable<[string, string]>) : Object.entries(headers);
    const values: unknown[] = [];
    for (const [key, entry] of entries) {
      if (entry != null && String(key).toLowerCase() === name) values.push(entry);
    }
    value = values.length > 0 ? values.flat() : undefined;
  }
  return value == null ? undefined : Array.isArray(value) ? value.join(", ") : String(value);
}
