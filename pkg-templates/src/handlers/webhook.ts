import type { SDKValidationError } from "../errors/index.js";
import { refuse } from "../errors/refuse.js";
import type { InvoiceCanceledEvent, InvoiceExpiredEvent, InvoicePaidEvent } from "../generated/models.js";
import { BODY_BOUND_RULE, isBodyBound } from "../gathered-bytes.js";
import { type Names, readOptions } from "../options.js";
import type { WebhookOutcome, WebhookStore } from "../stores/store.js";
import type { ReconciledEvent, ReconciledPaidEvent, ValidateWebhookOptions, ValidateWebhookResponse, WebhookEvent } from "../webhooks.js";
import { type Applied, applier, callbackRules, type Callbacks, claimOf } from "./apply.js";
import type { HandlerErrorCode, ReportedErrorCode } from "./codes.js";
import { incomingRequest } from "./request.js";
import { type Answer, answer, type Incoming, methodNotAllowed, refusal, RETRY_SECONDS, toResponse, unavailable, unsupported } from "./http.js";
import { BODY_TIMEOUT_SECONDS, bodyTimeoutRule, bodyWasRead, checkOptions, isFunction, tell } from "./http.js";

/** What an error is about, for logs: nothing in it is secret. */
export interface WebhookErrorInfo {
  /** The code of the answer, or `CONFLICT` for a conflict that nobody handles. */
  code: HandlerErrorCode | ReportedErrorCode;
  /** The event, once it is verified. */
  eventId?: string;
  /** The merchant-side id of its invoice. */
  invoiceId?: string;
}

/**
 * The options of {@link createWebhookHandler}.
 *
 * A callback runs once per event that changes an invoice. It has to be idempotent all the same (key
 * what it does by `event.eventId`): a process that dies between its end and the recording lets it
 * run again.
 */
export interface WebhookHandlerOptions {
  /** The shared client; it holds the webhook secret. */
  gwop: { validateWebhook(options: ValidateWebhookOptions): Promise<ValidateWebhookResponse> };
  /** Where invoices are kept: see `@gwop/sdk/stores`. */
  store: WebhookStore;
  /** An invoice is paid: fulfil. */
  onPaid(event: InvoicePaidEvent): unknown;
  /** An invoice expired unpaid. */
  onExpired(event: InvoiceExpiredEvent): unknown;
  /** An invoice was canceled. */
  onCanceled(event: InvoiceCanceledEvent): unknown;
  /**
   * An event contradicts a final state: money for an invoice that had expired or was canceled, or a
   * second payment. Nothing is applied; a person has to decide. Default: it is recorded, and told
   * to `onError`.
   */
  onConflict?: ((event: WebhookEvent) => unknown) | undefined;
  /**
   * A signed event of a type that this version does not know, so that no invoice is kept of it: it
   * may come more than once. What it throws is answered with 500, and the event comes again.
   * Default: it is answered with 200, and nobody is told.
   */
  onUnknown?: ((event: UnknownWebhookEvent) => unknown) | undefined;
  /**
   * Told of everything that is answered with 5xx; no answer waits for it. Default: `console.error`.
   */
  onError?: ((error: unknown, info: WebhookErrorInfo) => unknown) | undefined;
  /**
   * How long a claim is good for, in seconds. Default 60. While a callback runs it is renewed each
   * time half of that has passed, so that this is how long a process that died holds up an invoice;
   * more than two clocks of yours differ by.
   */
  leaseSeconds?: number | undefined;
  /**
   * For how long a claim is renewed while its callback runs, in seconds. Default 600. A callback
   * that takes longer, or that never ends, loses its claim within `leaseSeconds`: the next delivery
   * runs it again.
   */
  maxCallbackSeconds?: number | undefined;
  /**
   * The largest body that is read, in bytes, at most 8,388,608 (8 MiB). Default 262,144 (256 KiB).
   */
  maxBodyBytes?: number | undefined;
  /** How long a body may take to arrive, in seconds. Default 30. */
  bodyTimeoutSeconds?: number | undefined;
  /**
   * Whether events are taken that reconciliation derived from an invoice, as Gwop's Worker delivers
   * them to fulfillment. Default false: they are answered with 400 `WEBHOOK_SOURCE_NOT_ACCEPTED`.
   */
  reconciled?: false | undefined;
}

/** The options of a {@link createWebhookHandler} that takes what reconciliation derived too. */
export interface ReconciledWebhookHandlerOptions
  extends Omit<WebhookHandlerOptions, "reconciled" | "onPaid" | "onConflict"> {
  /**
   * Events are taken that reconciliation derived from an invoice: they name no payer, and may name
   * no chain.
   */
  reconciled: true;
  /** An invoice is paid: fulfil. */
  onPaid(event: ReconciledPaidEvent): unknown;
  /** As `onConflict` of {@link WebhookHandlerOptions}. */
  onConflict?: ((event: ReconciledEvent) => unknown) | undefined;
}

/** What is called for each type of event. */
export interface WebhookCallbacks {
  /** An invoice is paid: fulfil. */
  "invoice.paid"(event: InvoicePaidEvent): unknown;
  /** An invoice expired unpaid. */
  "invoice.expired"(event: InvoiceExpiredEvent): unknown;
  /** An invoice was canceled. */
  "invoice.canceled"(event: InvoiceCanceledEvent): unknown;
}

/** The options of {@link createWebhookHandler}, with its callbacks by the types of events. */
export interface WebhookHandlerOnOptions extends Omit<WebhookHandlerOptions, "onPaid" | "onExpired" | "onCanceled"> {
  /** In place of `onPaid`, `onExpired` and `onCanceled`. */
  on: WebhookCallbacks;
}

/** What is called for each type of event where what reconciliation derived is taken too. */
export interface ReconciledWebhookCallbacks extends Omit<WebhookCallbacks, "invoice.paid"> {
  /** An invoice is paid: fulfil. */
  "invoice.paid"(event: ReconciledPaidEvent): unknown;
}

/** {@link ReconciledWebhookHandlerOptions}, with the callbacks by the types of events. */
export interface ReconciledWebhookHandlerOnOptions
  extends Omit<ReconciledWebhookHandlerOptions, "onPaid" | "onExpired" | "onCanceled"> {
  /** In place of `onPaid`, `onExpired` and `onCanceled`. */
  on: ReconciledWebhookCallbacks;
}

/** Every form of the options. */
export type AnyWebhookHandlerOptions =
  | WebhookHandlerOptions
  | WebhookHandlerOnOptions
  | ReconciledWebhookHandlerOptions
  | ReconciledWebhookHandlerOnOptions;

/** A signed event of a type that this version does not know. */
export interface UnknownWebhookEvent {
  /** Such as `invoice.refunded`. */
  eventType: string;
  /** The event's id, empty where it has none. */
  eventId: string;
  /** The whole event as it was signed, in the names of the wire. */
  wire: Record<string, unknown>;
}

/** The callbacks of the first form. */
type ByName = Pick<WebhookHandlerOptions, "onPaid" | "onExpired" | "onCanceled">;

const OPTIONS: Names<WebhookHandlerOptions & WebhookHandlerOnOptions> = {
  gwop: undefined,
  store: undefined,
  onPaid: undefined,
  onExpired: undefined,
  onCanceled: undefined,
  on: undefined,
  onConflict: undefined,
  onUnknown: undefined,
  onError: undefined,
  leaseSeconds: undefined,
  maxCallbackSeconds: undefined,
  maxBodyBytes: undefined,
  bodyTimeoutSeconds: undefined,
  reconciled: undefined,
};

const ON: Names<WebhookCallbacks> = { "invoice.paid": undefined, "invoice.expired": undefined, "invoice.canceled": undefined };

/** What a host gives beside the request: `ctx` of a Worker, Hono's `executionCtx`. */
export interface HandlerContext {
  /** Keeps the work going when the client goes away. */
  waitUntil?(work: Promise<unknown>): void;
}

/**
 * A fetch-style handler of webhooks. It never rejects.
 *
 * Beside the request it takes whatever the host gives: the second or the third argument that is a
 * {@link HandlerContext} is used, anything else is passed over. So the handler itself is Next's
 * `POST`, `Deno.serve`'s and `Bun.serve`'s handler, and a Worker's `fetch`.
 */
export type WebhookHandler = (request: Request, context?: unknown, executionContext?: unknown) => Promise<Response>;

/**
 * Makes the handler of Gwop's webhooks: reads the raw body, verifies it, tells copies, applies the
 * state machine of invoices, and calls back, each once; 200 is answered only after the callback is
 * done and recorded.
 *
 * | request | answer |
 * |---|---|
 * | applied, duplicate, stale, conflict, ignored | 200 `{ "received": true, "outcome" }` |
 * | a missing, malformed, wrong or out-of-window signature | 401 with the code |
 * | well signed, but unusable, an id of more than 255 bytes, or headers that contradict it | 400 with the code |
 * | too large; too slow; not POST | 413; 408; 405 with `Allow` |
 * | a media type that is present and not JSON; a `Content-Encoding`, such as gzip | 415 |
 * | an event of the invoice is being processed; storage refuses | 503 with `Retry-After` |
 * | the callback throws: the claim is given back | 500 `CALLBACK_FAILED` |
 * | no secret configured; somebody else has read the body, or a part of it | 500 `MISCONFIGURED` |
 *
 * @throws SDKValidationError when an option is missing, not known or of another kind.
 * @example
 * import { env } from "cloudflare:workers";
 * const handle = createWebhookHandler({ gwop, store: d1Store(env.DB), onPaid, onExpired, onCanceled
 * }); export default { fetch: handle };
 */
export function createWebhookHandler(options: AnyWebhookHandlerOptions): WebhookHandler {
  const handle = webhookHandling(options);
  return async (request, ...host) => toResponse(await answerWithin(handle, incomingRequest(request), host));
}

/** What {@link createWebhookHandler} and every adapter make their handlers of. */
export function webhookHandling(options: AnyWebhookHandlerOptions): WebhookHandling {
  const named = (message: string) => refuse(`createWebhookHandler: ${message}`);
  const given = readOptions(options as WebhookHandlerOptions & WebhookHandlerOnOptions, OPTIONS, named);
  const { gwop, onUnknown, onError, leaseSeconds = 60, maxCallbackSeconds = 600 } = given;
  const callbacks = { ...given, ...readCallbacks(given, named), leaseSeconds, maxCallbackSeconds };
  const { maxBodyBytes = 256 * 1024, bodyTimeoutSeconds = BODY_TIMEOUT_SECONDS } = given;
  const reconciled: boolean = given.reconciled ?? false;
  checkOptions("createWebhookHandler", [
    ["gwop must be a Gwop client", isFunction(gwop?.validateWebhook)],
    ...callbackRules(callbacks),
    ["onUnknown must be a function", onUnknown === undefined || isFunction(onUnknown)],
    ["reconciled must be a boolean", typeof reconciled === "boolean"],
    bodyTimeoutRule(bodyTimeoutSeconds),
    [BODY_BOUND_RULE, isBodyBound(maxBodyBytes)],
  ]);

  const apply = applier(callbacks as Callbacks);

  function report(later: Later, error: unknown, info: WebhookErrorInfo): void {
    later.push(
      tell(() => (onError ? onError(error, info) : console.error(`Gwop webhook: ${info.code}`, info.eventId ?? "", error))),
    );
  }

  const bounds = { maxBodyBytes, bodyTimeoutSeconds };

  async function handle(incoming: Incoming, later: Later): Promise<Answer> {
    if (incoming.method !== "POST") return methodNotAllowed("POST");
    const refused = unsupported(incoming);
    if (refused) return refused;
    const body = await incoming.read(bounds, () =>
      misconfigured(bodyWasRead("webhook handler", "the signature is over the raw bytes"), later),
    );
    if (!(body instanceof Uint8Array)) return body;
    let event: WebhookEvent;
    try {
      ({ body: event } = await gwop.validateWebhook({ request: { body, headers: incoming.headers }, maxBodyBytes, reconciled }));
    } catch (error) {
      // Well signed: a type of later versions. Refusing it would make Gwop deliver it for ever.
      if ((error as SDKValidationError).code === "WEBHOOK_EVENT_UNKNOWN") return unknown(body, later);
      return rejected(error, later);
    }
    for (const id of [event.eventId, event.data.invoiceId, event.data.publicInvoiceId]) {
      if (isTooLong(id)) return refusal(400, "WEBHOOK_PAYLOAD_INVALID", `An id has more than ${MAX_ID_BYTES} bytes`);
    }
    const about = { eventId: event.eventId, invoiceId: event.data.invoiceId };
    const claim = claimOf(event, leaseSeconds);
    const done = await apply(claim, () => event, (error, code) => report(later, error, { code, ...about }));
    return outcomeOf(done);
  }

  async function unknown(body: Uint8Array, later: Later): Promise<Answer> {
    if (!onUnknown) return accepted("ignored");
    const wire = JSON.parse(new TextDecoder().decode(body)) as Record<string, unknown>;
    const text = (value: unknown) => (typeof value === "string" ? value : "");
    const eventId = text(wire["event_id"]);
    try {
      await onUnknown({ eventType: text(wire["event_type"]), eventId, wire });
    } catch (error) {
      report(later, error, { code: "CALLBACK_FAILED", eventId });
      return callbackFailed();
    }
    return accepted("ignored");
  }

  function misconfigured(error: unknown, later: Later): Answer {
    report(later, error, { code: "MISCONFIGURED" });
    // The log names what is missing; the answer does not.
    return refusal(500, "MISCONFIGURED", "The server is not set up for webhooks");
  }

  function rejected(error: unknown, later: Later): Answer {
    const { code, message, httpStatus = 500 } = error as Partial<SDKValidationError>;
    if (httpStatus >= 500 || code === undefined) return misconfigured(error, later);
    return refusal(httpStatus, httpStatus === 413 ? "BODY_TOO_LARGE" : code, message ?? "");
  }

  return handle;
}

/** What a request leaves to be done once it is answered. */
type Later = Promise<void>[];

/** Answers a request, and puts into `later` what is then still to be done. */
type WebhookHandling = (incoming: Incoming, later: Later) => Promise<Answer>;

/**
 * Answers a request where `host` is what the host gives beside it. A {@link HandlerContext} among
 * it keeps the work going.
 */
export function answerWithin(handle: WebhookHandling, incoming: Incoming, host: readonly unknown[]): Promise<Answer> {
  const context = host.find(isContext);
  const later: Later = [];
  const work = handle(incoming, later);
  if (context) void tell(() => context.waitUntil(work.then<unknown>(() => later.length > 0 && Promise.all(later))));
  return work;
}

const isContext = (given: unknown): given is Required<HandlerContext> => isFunction((given as HandlerContext | null | undefined)?.waitUntil);

/** The callbacks, in whichever of the two forms they were given; not yet checked. */
function readCallbacks(given: Partial<ByName & WebhookHandlerOnOptions>, named: (message: string) => Error): ByName {
  const { on, onPaid, onExpired, onCanceled } = given;
  if (on === undefined) return { onPaid, onExpired, onCanceled } as ByName;
  if (onPaid ?? onExpired ?? onCanceled) throw named("on takes the place of onPaid, onExpired and onCanceled: give one of the two forms");
  const callbacks = readOptions(on, ON, named, "on");
  return { onPaid: callbacks["invoice.paid"], onExpired: callbacks["invoice.expired"], onCanceled: callbacks["invoice.canceled"] };
}

/** The answer to an event of which this became. */
function outcomeOf(done: Applied): Answer {
  switch (done.state) {
    case "settled":
      return accepted(done.outcome);
    case "busy":
      return unavailable(Math.max(1, Math.ceil(done.retryAfterMs / 1000)));
    case "failed":
      return callbackFailed();
    case "unavailable":
      return unavailable(RETRY_SECONDS);
  }
}

const callbackFailed = () => refusal(500, "CALLBACK_FAILED", "The event could not be processed: deliver it again");

/** The longest id that is taken, in bytes of UTF-8, as by the Worker. */
const MAX_ID_BYTES = 255;

// A character has three bytes at most, in UTF-16 a surrogate two of its pair's four.
const isTooLong = (text: string) => text.length * 3 > MAX_ID_BYTES && new TextEncoder().encode(text).length > MAX_ID_BYTES;

/** The same for all requests of an outcome. */
const ACCEPTED = /* @__PURE__ */ new Map<WebhookOutcome, Answer>();

function accepted(outcome: WebhookOutcome): Answer {
  let found = ACCEPTED.get(outcome);
  if (!found) ACCEPTED.set(outcome, (found = answer(200, { received: true, outcome })));
  return found;
}
