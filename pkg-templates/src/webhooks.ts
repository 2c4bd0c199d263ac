import { refuse } from "./errors/refuse.js";
import { core } from "./core.js";
import { ON_WORKERS, readEnvList } from "./env.js";
import { BODY_BOUND_RULE, GatheredBytes, isBodyBound } from "./gathered-bytes.js";
import type {
  InvoiceCanceledEvent,
  InvoiceExpiredEvent,
  InvoicePaidData,
  InvoicePaidEvent,
} from "./generated/models.js";
import { refuseSimulators } from "./hosts.js";
import { bodyOf } from "./lambda-body.js";
import { type Names, readOptions } from "./options.js";
import { readRefusal } from "./refusal.js";
import { revive } from "./revive.js";
import { encode } from "./text.js";

/** The event of a webhook. Narrow it by `eventType`. */
export type WebhookEvent = InvoicePaidEvent | InvoiceExpiredEvent | InvoiceCanceledEvent;

/**
 * The data of a {@link ReconciledPaidEvent}. Gwop's list of invoices names no payer, and may name
 * no chain.
 */
export interface ReconciledPaidData extends Omit<InvoicePaidData, "payerWallet" | "paymentChain"> {
  /** Who paid. Undefined in an event from reconciliation. */
  payerWallet?: InvoicePaidData["payerWallet"] | undefined;
  /** The chain of the payment. It can be undefined in an event from reconciliation. */
  paymentChain?: InvoicePaidData["paymentChain"] | undefined;
}

/**
 * `invoice.paid`, from a webhook or from reconciliation. In the second case `gwopSource` is
 * `"reconciliation"`.
 */
export interface ReconciledPaidEvent extends Omit<InvoicePaidEvent, "data"> {
  /** What happened. */
  data: ReconciledPaidData;
}

/**
 * An event from a webhook, or one that reconciliation made from an invoice. Narrow it by
 * `eventType`.
 */
export type ReconciledEvent = ReconciledPaidEvent | InvoiceExpiredEvent | InvoiceCanceledEvent;

/** A verified delivery whose event may come from reconciliation. */
export interface ReconciledWebhookResponse extends Omit<ValidateWebhookResponse, "body"> {
  /** The signed event. */
  body: ReconciledEvent;
}

/** A verified delivery. */
export interface ValidateWebhookResponse {
  /** The `X-Gwop-Signature` header. */
  xGwopSignature: string;
  /** The `X-Gwop-Event-Id` header, empty if it is missing. It is not signed: use `body.eventId`. */
  xGwopEventId: string;
  /**
   * The `X-Gwop-Event-Type` header, empty if it is missing. It is not signed: use `body.eventType`.
   */
  xGwopEventType: string;
  /** The signed event. */
  body: WebhookEvent;
}

type DeliveryHeaders = Omit<ValidateWebhookResponse, "body">;

/**
 * Headers in any form that servers use. Names can have any case. Null, undefined and empty values
 * count as missing.
 */
export type WebhookHeaders =
  | Headers
  | Iterable<readonly [string, string]>
  | Readonly<Record<string, string | readonly string[] | null | undefined>>;

/** The parts of a delivery, for servers that have no `Request`. */
export interface WebhookRequestParts {
  /** The raw body, before any parser. */
  body: string | Uint8Array | ArrayBuffer;
  /** The headers as they arrived. */
  headers: WebhookHeaders;
  /** Not used. Existing code passes it. */
  url?: string | undefined;
  /** Not used. Existing code passes it. */
  method?: string | undefined;
}

/** An event of AWS Lambda: from API Gateway, a function URL or a load balancer. */
export interface WebhookLambdaEvent {
  /** Null if there is none. */
  body?: string | null | undefined;
  /** Whether `body` is the Base64 of the bytes that arrived. */
  isBase64Encoded: boolean;
  headers?: Readonly<Record<string, string | undefined>> | null | undefined;
  /** Used instead of `headers` if it is there, because only it has repeated headers. */
  multiValueHeaders?: Readonly<Record<string, readonly string[] | undefined>> | null | undefined;
}

/** How a delivery is verified. */
export interface WebhookVerification {
  /** How far the time stamp may be from `receivedAt`, in seconds, before or after. Default 300. */
  toleranceSeconds?: number | undefined;
  /** When the delivery was received, if you verify it later. Default: now. */
  receivedAt?: Date | undefined;
  /**
   * The largest body that is accepted, in bytes, at most 8,388,608 (8 MiB). Default 1,048,576 (1
   * MiB). Gwop's own bodies are smaller than 4 KiB.
   */
  maxBodyBytes?: number | undefined;
  /**
   * Whether to accept events that reconciliation made from an invoice (`gwopSource`). Gwop's Worker
   * delivers them to fulfillment. They name no payer, and may name no chain. Default false: they
   * are refused with `WEBHOOK_SOURCE_NOT_ACCEPTED`.
   */
  reconciled?: boolean | undefined;
}

/** The argument of `gwop.validateWebhook`. */
export interface ValidateWebhookOptions extends WebhookVerification {
  /**
   * The delivery. The body of a `Request` is consumed: clone the request first if you need it
   * again.
   */
  request: Request | WebhookRequestParts | WebhookLambdaEvent;
}

/** The argument of `gwop.validateWebhookSync`. */
export interface ValidateWebhookSyncOptions extends WebhookVerification {
  /** The delivery, with its body as a string or bytes. A `Request` cannot be read synchronously. */
  request: WebhookRequestParts | WebhookLambdaEvent;
}

const OPTIONS: Names<ValidateWebhookOptions> = {
  request: undefined,
  toleranceSeconds: undefined,
  receivedAt: undefined,
  maxBodyBytes: undefined,
  reconciled: undefined,
};

/** The default limit for the body, in bytes. */
const MAX_BODY_BYTES = 1024 * 1024;

/** The shortest secret that is accepted, in characters. */
const MIN_SECRET = 8;

/** The most imported keys that are kept. A rotation needs two. A bug must not add more for ever. */
const MAX_KEYS = 16;

/** Verifies deliveries for one client. */
export class WebhookVerifier {
  readonly #configured: string | readonly string[] | undefined;
  /** Whether webhooks come from Gwop itself and not from a simulator. */
  readonly #reachesGwop: boolean;
  /** The imported keys. Not promises: on workerd, a request must not wait for another request. */
  readonly #keys = new Map<string, CryptoKey>();
  /** The secrets from a configured text, after the check. They cannot change. */
  #accepted: readonly string[] | undefined;

  constructor(configured: string | readonly string[] | undefined, reachesGwop: boolean) {
    this.#configured = configured;
    this.#reachesGwop = reachesGwop;
  }

  async verify(options: ValidateWebhookOptions): Promise<ValidateWebhookResponse> {
    const secrets = this.#secrets();
    const verification = readVerification(options);
    const { request, now, tolerance, maxBodyBytes, reconciled } = verification;
    const headers = readHeaders(request);
    let body: Uint8Array;
    if (isRequest(request)) {
      checkHeader(headers, verification);
      body = await readRequest(request, maxBodyBytes);
    } else {
      body = readParts(request, headers, verification);
    }
    try {
      for (const secret of secrets) {
        const key = this.#keys.get(secret) ?? (await this.#import(secret));
        const results = core().verifySignatures(key, headers.xGwopSignature, body, now, tolerance);
        const holds =
          results.length === 1 ? await results[0] : (await Promise.all(results)).includes(true);
        if (holds) {
          return {
            ...headers,
            body: revive(
              core().readEvent(body, headers.xGwopEventId, headers.xGwopEventType, reconciled),
            ),
          };
        }
      }
    } catch (refusal) {
      throw rejection(refusal);
    }
    throw rejection(core().signatureMismatch([...secrets]));
  }

  verifySync(options: ValidateWebhookSyncOptions): ValidateWebhookResponse {
    const { headers, event } = this.#verifySync(options);
    return { ...headers, body: event };
  }

  /**
   * Like {@link verifySync}, but returns the verified body as it is on the wire. Amounts are text.
   */
  verifyWire<Event extends { data: { amount_usdc: string } }>(
    options: ValidateWebhookSyncOptions,
  ): Event {
    const { event, body } = this.#verifySync(options);
    const wire = JSON.parse(new TextDecoder().decode(body)) as Event;
    wire.data.amount_usdc = event.data.amountUsdc;
    return wire;
  }

  #verifySync(options: ValidateWebhookSyncOptions): {
    headers: DeliveryHeaders;
    event: WebhookEvent;
    body: Uint8Array;
  } {
    const secrets = this.#secrets();
    const verification = readVerification(options);
    const { request, now, tolerance, reconciled } = verification;
    const headers = readHeaders(request);
    const body = readParts(request, headers, verification);
    try {
      const { xGwopSignature, xGwopEventId, xGwopEventType } = headers;
      for (const secret of secrets) {
        const text = core().verifyWebhookSync(
          secret,
          xGwopSignature,
          body,
          xGwopEventId,
          xGwopEventType,
          now,
          tolerance,
          reconciled,
        );
        if (text !== undefined) return { headers, event: revive(text), body };
      }
    } catch (refusal) {
      throw rejection(refusal);
    }
    throw rejection(core().signatureMismatch([...secrets]));
  }

  #secrets(): readonly string[] {
    if (this.#accepted) return this.#accepted;
    const configured = this.#configured;
    const secrets = readSecrets(configured);
    if (this.#reachesGwop) for (const secret of secrets) refuseSimulators("webhookSecret", secret);
    // The environment and the caller's list can change while the process runs.
    if (typeof configured === "string" && configured !== "") this.#accepted = secrets;
    return secrets;
  }

  async #import(secret: string): Promise<CryptoKey> {
    const key = await core().importWebhookSecret(secret);
    if (this.#keys.size >= MAX_KEYS) this.#keys.clear();
    this.#keys.set(secret, key);
    return key;
  }
}

/** Reads the current secrets. The environment can change while the process runs. */
export function readSecrets(configured: string | readonly string[] | undefined): readonly string[] {
  const given = (Array.isArray(configured) ? configured : [configured ?? ""]).filter(
    (secret) => secret !== "",
  );
  // Secrets contain no NUL. A text that contains one is not a secret.
  if (!given.every((secret) => typeof secret === "string" && !secret.includes("\0"))) {
    throw refuse("webhookSecret must be a string, or a list of strings");
  }
  const secrets = given.length > 0 ? given : readEnvList("GWOP_WEBHOOK_SECRET");
  if (secrets.length === 0) {
    throw refuse(
      `webhookSecret is required to verify webhooks: pass it to new Gwop({ webhookSecret }) or set GWOP_WEBHOOK_SECRET ${ON_WORKERS}`,
      undefined,
      "WEBHOOK_SECRET_MISSING",
    );
  }
  if (secrets.some((secret) => secret.length < MIN_SECRET)) {
    throw refuse(
      `webhookSecret must have at least ${MIN_SECRET} characters, and in GWOP_WEBHOOK_SECRET each of several`,
    );
  }
  return secrets;
}

/** Creates the error for a value that the wasm threw: a refusal, or anything else. */
function rejection(thrown: unknown): unknown {
  const refusal = readRefusal(thrown);
  return refusal ? refuse(refusal.message, undefined, refusal.code, refusal.status) : thrown;
}

type Delivery = ValidateWebhookOptions["request"];

/** Returns the options with their defaults. `now` and `tolerance` are in seconds. */
interface Verification {
  request: Delivery;
  now: number;
  tolerance: number;
  maxBodyBytes: number;
  reconciled: boolean;
}

function readVerification(options: ValidateWebhookOptions): Verification {
  const {
    request,
    toleranceSeconds = 300,
    receivedAt,
    maxBodyBytes = MAX_BODY_BYTES,
    reconciled = false,
  } = readOptions(options, OPTIONS);
  if (typeof request !== "object") {
    throw refuse("request is required: pass { request } with a Request, or { body, headers }");
  }
  if (
    !(typeof toleranceSeconds === "number" && toleranceSeconds >= 0 && toleranceSeconds < Infinity)
  ) {
    throw refuse("toleranceSeconds must be a finite number of seconds, 0 or more");
  }
  const now =
    receivedAt === undefined ? Date.now() : receivedAt instanceof Date ? receivedAt.getTime() : NaN;
  if (Number.isNaN(now)) throw refuse("receivedAt must be a valid Date");
  if (!isBodyBound(maxBodyBytes)) throw refuse(BODY_BOUND_RULE);
  if (typeof reconciled !== "boolean") throw refuse("reconciled must be a boolean");
  return { request, now: now / 1000, tolerance: toleranceSeconds, maxBodyBytes, reconciled };
}

/** Refuses a delivery with a wrong header or time stamp, before its body is read. */
function checkHeader({ xGwopSignature }: DeliveryHeaders, { now, tolerance }: Verification): void {
  try {
    core().checkSignatureHeader(xGwopSignature, now, tolerance);
  } catch (refusal) {
    throw rejection(refusal);
  }
}

function isRequest(request: Delivery): request is Request {
  return typeof (request as Partial<Request>).arrayBuffer === "function";
}

/**
 * Reads the body of a request and counts its bytes. If it is too large, the rest is left to the
 * caller: on some hosts, canceling would break the connection and with it the response.
 */
async function readRequest(request: Request, maxBodyBytes: number): Promise<Uint8Array> {
  const { headers, body, bodyUsed } = request;
  if (Number(readHeader(headers, "content-length")) > maxBodyBytes) throw tooLarge(maxBodyBytes);
  const gathered = new GatheredBytes(maxBodyBytes);
  try {
    if (bodyUsed) throw undefined;
    // Firefox does not expose a request's stream.
    if (!body) gathered.add(new Uint8Array(await request.arrayBuffer()));
    const reader = body?.getReader();
    for (
      let read;
      reader && gathered.length <= maxBodyBytes && !(read = await reader.read()).done;
    ) {
      if (Object.prototype.toString.call(read.value) !== "[object Uint8Array]") throw undefined;
      gathered.add(read.value);
    }
    reader?.releaseLock();
  } catch {
    // The body was read before, is locked by a reader, or broke off.
    throw rejection(core().bodyNotRaw());
  }
  if (gathered.length > maxBodyBytes) throw tooLarge(maxBodyBytes);
  return gathered.bytes();
}

/**
 * Returns the body's bytes. If they are not available, a wrong header is reported first, as for a
 * body that has not been read yet.
 */
function readParts(
  request: Delivery,
  headers: DeliveryHeaders,
  verification: Verification,
): Uint8Array {
  try {
    return readBody(bodyOf(request as WebhookLambdaEvent), verification.maxBodyBytes);
  } catch (error) {
    checkHeader(headers, verification);
    throw error;
  }
}

function tooLarge(maxBodyBytes: number): Error {
  return refuse(
    `The webhook's body has more than ${maxBodyBytes} bytes: Gwop's are far smaller; where you do expect one, pass maxBodyBytes`,
    undefined,
    "WEBHOOK_BODY_TOO_LARGE",
    413,
  );
}

/** Returns the body's bytes, in memory that cannot change between the MAC and the parsing. */
export function readBody(body: unknown, maxBodyBytes = Infinity): Uint8Array {
  // Does not copy a body that is too large. A text has at least as many bytes as characters.
  const least =
    typeof body === "string" ? body.length : ((body as ArrayBuffer | undefined)?.byteLength ?? 0);
  if (least > maxBodyBytes) throw tooLarge(maxBodyBytes);
  if (typeof body === "string") {
    const bytes = encode(body);
    if (bytes.length > maxBodyBytes) throw tooLarge(maxBodyBytes);
    return bytes;
  }
  try {
    if (ArrayBuffer.isView(body))
      return new Uint8Array(body.buffer, body.byteOffset, body.byteLength).slice();
    if (Object.prototype.toString.call(body) === "[object ArrayBuffer]")
      return new Uint8Array(body as ArrayBuffer).slice();
  } catch {
    // A detached buffer has no bytes.
  }
  throw rejection(core().bodyNotRaw());
}

function readHeaders(request: Delivery): DeliveryHeaders {
  const headers = ((request as WebhookLambdaEvent).multiValueHeaders ?? request.headers) as
    | WebhookHeaders
    | undefined;
  return {
    xGwopSignature: readHeader(headers, "x-gwop-signature"),
    xGwopEventId: readHeader(headers, "x-gwop-event-id"),
    xGwopEventType: readHeader(headers, "x-gwop-event-type"),
  };
}

/**
 * Stands for a header that cannot be read. No real header has this value: it is never well-formed
 * and never equals a signed value.
 */
const UNREADABLE = "\u0001";

/** Returns a header's value. Empty if it is missing. */
function readHeader(headers: WebhookHeaders | undefined, name: string): string {
  try {
    return findHeader(headers, name) ?? "";
  } catch {
    return UNREADABLE;
  }
}

/** Returns a header's value, with several joined as in HTTP (RFC 9110, 5.3), or undefined. */
function findHeader(headers: WebhookHeaders | undefined, name: string): string | undefined {
  if (typeof headers !== "object" || headers === null) return undefined;
  if (typeof (headers as Headers).append === "function")
    return (headers as Headers).get(name) ?? undefined;
  let value: unknown = (headers as Record<string, unknown>)[name];
  if (value == null) {
    const entries =
      Symbol.iterator in headers
        ? (headers as Iterable<[string, string]>)
        : Object.entries(headers);
    const values: unknown[] = [];
    for (const [key, entry] of entries) {
      if (entry != null && String(key).toLowerCase() === name) values.push(entry);
    }
    value = values.length > 0 ? values.flat() : undefined;
  }
  return value == null ? undefined : Array.isArray(value) ? value.join(", ") : String(value);
}
