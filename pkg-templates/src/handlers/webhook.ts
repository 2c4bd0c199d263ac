import type { SDKValidationError } from "../errors/index.js";
import { refuse } from "../errors/refuse.js";
import type {
  InvoiceCanceledEvent,
  InvoiceExpiredEvent,
  InvoicePaidEvent,
} from "../generated/models.js";
import { BODY_BOUND_RULE, isBodyBound } from "../gathered-bytes.js";
import { type Names, readOptions } from "../options.js";
import type { WebhookOutcome, WebhookStore } from "../stores/store.js";
import type {
  ReconciledEvent,
  ReconciledPaidEvent,
  ValidateWebhookOptions,
  ValidateWebhookResponse,
  WebhookEvent,
} from "../webhooks.js";
import { type Applied, applier, callbackRules, type Callbacks, claimOf } from "./apply.js";
import type { HandlerErrorCode, ReportedErrorCode } from "./codes.js";
import { incomingRequest } from "./request.js";
import {
  type HandlerResponse,
  jsonResponse,
  type Incoming,
  methodNotAllowed,
  refusal,
  RETRY_SECONDS,
  toResponse,
  unavailable,
  unsupported,
} from "./http.js";
import {
  BODY_TIMEOUT_SECONDS,
  bodyTimeoutRule,
  bodyWasRead,
  checkOptions,
  isFunction,
  tell,
} from "./http.js";

/** What an error is about, for your log. It contains nothing secret. */
export interface WebhookErrorInfo {
  /** The code of the response, or `CONFLICT` for a conflict without an `onConflict`. */
  code: HandlerErrorCode | ReportedErrorCode;
  /** The event, if it was verified. */
  eventId?: string;
  /** The merchant-side id of its invoice. */
  invoiceId?: string;
}

/**
 * The options of {@link createWebhookHandler}.
 *
 * A callback runs once per event that changes an invoice. Make it idempotent all the same, with
 * `event.eventId` as the key: if the process dies after the callback ends and before the result is
 * stored, the callback runs again.
 */
export interface WebhookHandlerOptions {
  /** The shared client. It has the webhook secret. */
  gwop: { validateWebhook(options: ValidateWebhookOptions): Promise<ValidateWebhookResponse> };
  /** Where the handler remembers invoices: see `@gwop/sdk/stores`. */
  store: WebhookStore;
  /** An invoice was paid. Fulfill the order. */
  onPaid(event: InvoicePaidEvent): unknown;
  /** An invoice expired. Nobody paid. */
  onExpired(event: InvoiceExpiredEvent): unknown;
  /** An invoice was canceled. */
  onCanceled(event: InvoiceCanceledEvent): unknown;
  /**
   * An event contradicts a final state: money came for an invoice that had expired or was canceled,
   * or a second payment came. Nothing is applied, and a person has to decide. Default: the conflict
   * is recorded, and `onError` is called.
   */
  onConflict?: ((event: WebhookEvent) => unknown) | undefined;
  /**
   * A signed event has a type that this version does not know. No invoice is stored for it, so the
   * event can come more than once. If this function throws, the handler responds with 500, and the
   * event comes again. Default: the handler responds with 200 and calls nobody.
   */
  onUnknown?: ((event: UnknownWebhookEvent) => unknown) | undefined;
  /**
   * Called for each response with a status of 500 or more. The response does not wait for it. Default:
   * `console.error`.
   */
  onError?: ((error: unknown, info: WebhookErrorInfo) => unknown) | undefined;
  /**
   * How long a claim on an invoice lasts, in seconds. Default 60. While a callback runs, the claim
   * is renewed after half of this time. So a process that dies blocks its invoice for this long.
   * Choose more than your clocks can differ.
   */
  leaseSeconds?: number | undefined;
  /**
   * How long a claim is renewed while its callback runs, in seconds. Default 600. A callback that
   * takes longer loses its claim within `leaseSeconds`, and the next delivery runs it again.
   */
  maxCallbackSeconds?: number | undefined;
  /**
   * The largest body that is read, in bytes, at most 8,388,608 (8 MiB). Default 262,144 (256 KiB).
   */
  maxBodyBytes?: number | undefined;
  /** How long a body may take to arrive, in seconds. Default 30. */
  bodyTimeoutSeconds?: number | undefined;
  /**
   * Whether to accept events that reconciliation created from an invoice. Gwop's Worker delivers
   * them to fulfillment. Default false: the handler responds with 400
   * `WEBHOOK_SOURCE_NOT_ACCEPTED`.
   */
  reconciled?: false | undefined;
}

/** The options of a {@link createWebhookHandler} that also accepts events from reconciliation. */
export interface ReconciledWebhookHandlerOptions
  extends Omit<WebhookHandlerOptions, "reconciled" | "onPaid" | "onConflict"> {
  /**
   * Also accepts events that reconciliation created from an invoice. They name no payer, and may
   * name no chain.
   */
  reconciled: true;
  /** An invoice was paid. Fulfill the order. */
  onPaid(event: ReconciledPaidEvent): unknown;
  /** See `onConflict` of {@link WebhookHandlerOptions}. */
  onConflict?: ((event: ReconciledEvent) => unknown) | undefined;
}

/** One callback for each type of event. */
export interface WebhookCallbacks {
  /** An invoice was paid. Fulfill the order. */
  "invoice.paid"(event: InvoicePaidEvent): unknown;
  /** An invoice expired. Nobody paid. */
  "invoice.expired"(event: InvoiceExpiredEvent): unknown;
  /** An invoice was canceled. */
  "invoice.canceled"(event: InvoiceCanceledEvent): unknown;
}

/** The options of {@link createWebhookHandler}, with the callbacks named by event type. */
export interface WebhookHandlerOnOptions
  extends Omit<WebhookHandlerOptions, "onPaid" | "onExpired" | "onCanceled"> {
  /** Instead of `onPaid`, `onExpired` and `onCanceled`. */
  on: WebhookCallbacks;
}

/** One callback for each type of event, including events from reconciliation. */
export interface ReconciledWebhookCallbacks extends Omit<WebhookCallbacks, "invoice.paid"> {
  /** An invoice was paid. Fulfill the order. */
  "invoice.paid"(event: ReconciledPaidEvent): unknown;
}

/** {@link ReconciledWebhookHandlerOptions}, with the callbacks named by event type. */
export interface ReconciledWebhookHandlerOnOptions
  extends Omit<ReconciledWebhookHandlerOptions, "onPaid" | "onExpired" | "onCanceled"> {
  /** Instead of `onPaid`, `onExpired` and `onCanceled`. */
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
  /** The type, such as `invoice.refunded`. */
  eventType: string;
  /** The event's id. Empty if it has none. */
  eventId: string;
  /** The whole event as it was signed, with the names of the wire. */
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

const ON: Names<WebhookCallbacks> = {
  "invoice.paid": undefined,
  "invoice.expired": undefined,
  "invoice.canceled": undefined,
};

/** What a host passes next to the request: a Worker's `ctx`, or Hono's `executionCtx`. */
export interface HandlerContext {
  /** Keeps background work alive after the client has disconnected. */
  waitUntil?(work: Promise<unknown>): void;
}

/**
 * A handler of webhooks in the style of `fetch`. Its promise never rejects.
 *
 * It accepts further arguments. If the second or the third one is a {@link HandlerContext}, the
 * handler uses it. It ignores everything else. So you can use the handler directly as Next.js's
 * `POST`, with `Deno.serve` and `Bun.serve`, and as a Worker's `fetch`.
 */
export type WebhookHandler = (
  request: Request,
  context?: unknown,
  executionContext?: unknown,
) => Promise<Response>;

/**
 * Creates the handler of Gwop's webhooks. It reads the raw body, verifies the signature, recognizes
 * copies, applies the event to the invoice, and calls your callback, each once. It responds with
 * 200 only after the callback has ended and the result is stored.
 *
 * | request | response |
 * |---|---|
 * | applied, duplicate, stale, conflict, ignored | 200 `{ "received": true, "outcome" }` |
 * | a signature that is missing, malformed, wrong or too old | 401 with the code |
 * | signed, but unusable, with an id of more than 255 bytes, or with contradicting headers | 400 with the code |
 * | too large; too slow; not POST | 413; 408; 405 with `Allow` |
 * | a media type other than JSON; a `Content-Encoding`, such as gzip | 415 |
 * | another event of the invoice is being processed; the store failed | 503 with `Retry-After` |
 * | the callback threw; the claim is given back | 500 `CALLBACK_FAILED` |
 * | no secret is configured; other code has read the body, or a part of it | 500 `MISCONFIGURED` |
 *
 * @throws SDKValidationError if an option is missing, unknown or wrong.
 * @example
 * import { env } from "cloudflare:workers";
 * const store = d1Store(env.DB);
 * const handle = createWebhookHandler({ gwop, store, onPaid, onExpired, onCanceled });
 * export default { fetch: handle };
 */
export function createWebhookHandler(options: AnyWebhookHandlerOptions): WebhookHandler {
  const handle = webhookHandling(options);
  return async (request, ...host) =>
    toResponse(await respondWithin(handle, incomingRequest(request), host));
}

/** Creates the handler for {@link createWebhookHandler} and every adapter. */
export function webhookHandling(options: AnyWebhookHandlerOptions): WebhookHandling {
  const named = (message: string) => refuse(`createWebhookHandler: ${message}`);
  const given = readOptions(
    options as WebhookHandlerOptions & WebhookHandlerOnOptions,
    OPTIONS,
    named,
  );
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
      tell(() =>
        onError
          ? onError(error, info)
          : console.error(`Gwop webhook: ${info.code}`, info.eventId ?? "", error),
      ),
    );
  }

  const bounds = { maxBodyBytes, bodyTimeoutSeconds };

  async function handle(incoming: Incoming, later: Later): Promise<HandlerResponse> {
    if (incoming.method !== "POST") return methodNotAllowed("POST");
    const refused = unsupported(incoming);
    if (refused) return refused;
    const body = await incoming.read(bounds, () =>
      misconfigured(bodyWasRead("webhook handler", "the signature is over the raw bytes"), later),
    );
    if (!(body instanceof Uint8Array)) return body;
    let event: WebhookEvent;
    try {
      ({ body: event } = await gwop.validateWebhook({
        request: { body, headers: incoming.headers },
        maxBodyBytes,
        reconciled,
      }));
    } catch (error) {
      // A valid signature with a type of a later version. A refusal would make Gwop retry for ever.
      if ((error as SDKValidationError).code === "WEBHOOK_EVENT_UNKNOWN")
        return unknown(body, later);
      return rejected(error, later);
    }
    for (const id of [event.eventId, event.data.invoiceId, event.data.publicInvoiceId]) {
      if (isTooLong(id))
        return refusal(400, "WEBHOOK_PAYLOAD_INVALID", `An id has more than ${MAX_ID_BYTES} bytes`);
    }
    const about = { eventId: event.eventId, invoiceId: event.data.invoiceId };
    const claim = claimOf(event, leaseSeconds);
    const done = await apply(
      claim,
      () => event,
      (error, code) => report(later, error, { code, ...about }),
    );
    return outcomeOf(done);
  }

  async function unknown(body: Uint8Array, later: Later): Promise<HandlerResponse> {
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

  function misconfigured(error: unknown, later: Later): HandlerResponse {
    report(later, error, { code: "MISCONFIGURED" });
    // The log names what is missing. The response does not.
    return refusal(500, "MISCONFIGURED", "The server is not set up for webhooks");
  }

  function rejected(error: unknown, later: Later): HandlerResponse {
    const { code, message, httpStatus = 500 } = error as Partial<SDKValidationError>;
    if (httpStatus >= 500 || code === undefined) return misconfigured(error, later);
    return refusal(httpStatus, httpStatus === 413 ? "BODY_TOO_LARGE" : code, message ?? "");
  }

  return handle;
}

/** The work that remains after the response. */
type Later = Promise<void>[];

/** Handles a request, and adds the work that remains after the response to `later`. */
type WebhookHandling = (incoming: Incoming, later: Later) => Promise<HandlerResponse>;

/**
 * Handles a request. `host` contains the host's further arguments. If one of them is a
 * {@link HandlerContext}, it keeps background work alive.
 */
export function respondWithin(
  handle: WebhookHandling,
  incoming: Incoming,
  host: readonly unknown[],
): Promise<HandlerResponse> {
  const context = host.find(isContext);
  const later: Later = [];
  const work = handle(incoming, later);
  if (context)
    void tell(() =>
      context.waitUntil(work.then<unknown>(() => later.length > 0 && Promise.all(later))),
    );
  return work;
}

const isContext = (given: unknown): given is Required<HandlerContext> =>
  isFunction((given as HandlerContext | null | undefined)?.waitUntil);

/** Returns the callbacks, in either of the two forms, unchecked. */
function readCallbacks(
  given: Partial<ByName & WebhookHandlerOnOptions>,
  named: (message: string) => Error,
): ByName {
  const { on, onPaid, onExpired, onCanceled } = given;
  if (on === undefined) return { onPaid, onExpired, onCanceled } as ByName;
  if (onPaid ?? onExpired ?? onCanceled)
    throw named(
      "on takes the place of onPaid, onExpired and onCanceled: give one of the two forms",
    );
  const callbacks = readOptions(on, ON, named, "on");
  return {
    onPaid: callbacks["invoice.paid"],
    onExpired: callbacks["invoice.expired"],
    onCanceled: callbacks["invoice.canceled"],
  };
}

/** Returns the response for the result of an event. */
function outcomeOf(done: Applied): HandlerResponse {
  switch (done.state) {
    case "done":
      return accepted(done.outcome);
    case "busy":
      return unavailable(Math.max(1, Math.ceil(done.retryAfterMs / 1000)));
    case "failed":
      return callbackFailed();
    case "unavailable":
      return unavailable(RETRY_SECONDS);
  }
}

const callbackFailed = () =>
  refusal(500, "CALLBACK_FAILED", "The event could not be processed: deliver it again");

/** The longest id that is accepted, in bytes of UTF-8. The Worker has the same limit. */
const MAX_ID_BYTES = 255;

// A UTF-16 unit takes at most three bytes of UTF-8. A surrogate is half of a four-byte character.
const isTooLong = (text: string) =>
  text.length * 3 > MAX_ID_BYTES && new TextEncoder().encode(text).length > MAX_ID_BYTES;

/** The responses, by outcome. All requests share them. */
const ACCEPTED = /* @__PURE__ */ new Map<WebhookOutcome, HandlerResponse>();

function accepted(outcome: WebhookOutcome): HandlerResponse {
  let found = ACCEPTED.get(outcome);
  if (!found) ACCEPTED.set(outcome, (found = jsonResponse(200, { received: true, outcome })));
  return found;
}
