import type { SDKValidationError } from "../errors/index.js";
import { refuse } from "../errors/refuse.js";
import type { InvoiceCanceledEvent, InvoiceExpiredEvent, InvoicePaidEvent } from "../generated/models.js";
import { BODY_BOUND_RULE, isBodyBound } from "../gathered-bytes.js";
import { type Names, readOptions } from "../options.js";
import type { WebhookOutcome, WebhookStore } from "../stores/store.js";
import type { ReconciledEvent, ReconciledPaidEvent, ValidateWebhookOptions, ValidateWebhookResponse, WebhookEvent } from "../webhooks.js";
import { applier, callbackRules, type Callbacks, claimOf } from "./apply.js";
import { answer, mayBeJson, methodNotAllowed, readBody, refusal, RETRY_SECONDS, unavailable } from "./http.js";
import { BODY_TIMEOUT_SECONDS, bodyTimeoutRule, bodyWasRead, checkOptions, isFunction, tell } from "./http.js";

/** What an error is about, for logs: nothing in it is secret. */
export interface WebhookErrorInfo {
  /** The code of the answer, or `CONFLICT` for a conflict that nobody handles. */
  code: string;
  /** The event, once it is verified. */
  eventId?: string;
  /** The merchant-side id of its invoice. */
  invoiceId?: string;
}

/**
 * The options of {@link createWebhookHandler}.
 *
 * A callback runs once per event that changes an invoice. It has to be idempotent all the same (key what it does by
 * `event.eventId`): a process that dies between its end and the recording lets it run again.
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
   * An event contradicts a final state: money for an invoice that had expired or was canceled, or a second payment. Nothing is
   * applied; a person has to decide. Default: it is recorded, and told to `onError`.
   */
  onConflict?: ((event: WebhookEvent) => unknown) | undefined;
  /** Told of everything that is answered with 5xx; no answer waits for it. Default: `console.error`. */
  onError?: ((error: unknown, info: WebhookErrorInfo) => unknown) | undefined;
  /**
   * How long a claim is good for, in seconds. Default 60. While a callback runs it is renewed each time half of that has passed, so that
   * this is how long a process that died holds up an invoice; more than two clocks of yours differ by.
   */
  leaseSeconds?: number | undefined;
  /**
   * For how long a claim is renewed while its callback runs, in seconds. Default 600. A callback that takes longer, or that never ends,
   * loses its claim within `leaseSeconds`: the next delivery runs it again.
   */
  maxCallbackSeconds?: number | undefined;
  /** The largest body that is read, in bytes, at most 8,388,608 (8 MiB). Default 262,144 (256 KiB). */
  maxBodyBytes?: number | undefined;
  /** How long a body may take to arrive, in seconds. Default 30. */
  bodyTimeoutSeconds?: number | undefined;
  /**
   * Whether events are taken that reconciliation derived from an invoice, as Gwop's Worker delivers them to fulfillment. Default false: they are
   * answered with 400 `WEBHOOK_SOURCE_NOT_ACCEPTED`.
   */
  reconciled?: false | undefined;
}

/** The options of a {@link createWebhookHandler} that takes what reconciliation derived too. */
export interface ReconciledWebhookHandlerOptions extends Omit<WebhookHandlerOptions, "reconciled" | "onPaid" | "onConflict"> {
  /** Events are taken that reconciliation derived from an invoice: they name no payer, and may name no chain. */
  reconciled: true;
  /** An invoice is paid: fulfil. */
  onPaid(event: ReconciledPaidEvent): unknown;
  /** As `onConflict` of {@link WebhookHandlerOptions}. */
  onConflict?: ((event: ReconciledEvent) => unknown) | undefined;
}

const OPTIONS: Names<WebhookHandlerOptions> = {
  gwop: undefined,
  store: undefined,
  onPaid: undefined,
  onExpired: undefined,
  onCanceled: undefined,
  onConflict: undefined,
  onError: undefined,
  leaseSeconds: undefined,
  maxCallbackSeconds: undefined,
  maxBodyBytes: undefined,
  bodyTimeoutSeconds: undefined,
  reconciled: undefined,
};

/** What a host gives beside the request: `ctx` of a Worker, Hono's `executionCtx`. */
export interface HandlerContext {
  /** Keeps the work going when the client goes away. */
  waitUntil?(work: Promise<unknown>): void;
}

/**
 * A fetch-style handler of webhooks. It never rejects.
 *
 * Beside the request it takes whatever the host gives: the second or the third argument that is a {@link HandlerContext} is used, anything else is
 * passed over. So the handler itself is Next's `POST`, `Deno.serve`'s and `Bun.serve`'s handler, and a Worker's `fetch`.
 */
export type WebhookHandler = (request: Request, context?: unknown, executionContext?: unknown) => Promise<Response>;

/**
 * Makes the handler of Gwop's webhooks: reads the raw body, verifies it, tells copies, applies the state machine of invoices, and
 * calls back, each once; 200 is answered only after the callback is done and recorded.
 *
 * | request | answer |
 * |---|---|
 * | applied, duplicate, stale, conflict, ignored | 200 `{ "received": true, "outcome" }` |
 * | a missing, malformed, wrong or out-of-window signature | 401 with the code |
 * | well signed, but unusable, an id of more than 255 bytes, or headers that contradict it | 400 with the code |
 * | too large; too slow; not POST; a media type that is present and not JSON | 413; 408; 405 with `Allow`; 415 |
 * | an event of the invoice is being processed; storage refuses | 503 with `Retry-After` |
 * | the callback throws: the claim is given back | 500 `CALLBACK_FAILED` |
 * | no secret configured; the body was read before | 500 `MISCONFIGURED` |
 *
 * @throws SDKValidationError when an option is missing, not known or of another kind.
 * @example
 * import { env } from "cloudflare:workers";
 * const handle = createWebhookHandler({ gwop, store: d1Store(env.DB), onPaid, onExpired, onCanceled });
 * export default { fetch: handle };
 */
export function createWebhookHandler(options: WebhookHandlerOptions | ReconciledWebhookHandlerOptions): WebhookHandler {
  const given = readOptions(options as WebhookHandlerOptions, OPTIONS, (message) => refuse(`createWebhookHandler: ${message}`));
  const { gwop, store, onError, leaseSeconds = 60, maxCallbackSeconds = 600 } = given;
  const { maxBodyBytes = 256 * 1024, bodyTimeoutSeconds = BODY_TIMEOUT_SECONDS } = given;
  const reconciled: boolean = given.reconciled ?? false;
  checkOptions("createWebhookHandler", [
    ["gwop must be a Gwop client", isFunction(gwop?.validateWebhook)],
    ...callbackRules({ ...given, leaseSeconds, maxCallbackSeconds }),
    ["reconciled must be a boolean", typeof reconciled === "boolean"],
    bodyTimeoutRule(bodyTimeoutSeconds),
    [BODY_BOUND_RULE, isBodyBound(maxBodyBytes)],
  ]);

  const apply = applier({ ...given, leaseSeconds, maxCallbackSeconds } as Callbacks);

  /** What a request leaves to be done once it is answered. */
  type Later = Promise<void>[];

  function report(later: Later, error: unknown, info: WebhookErrorInfo): void {
    later.push(
      tell(() => (onError ? onError(error, info) : console.error(`Gwop webhook: ${info.code}`, info.eventId ?? "", error))),
    );
  }

  async function handle(request: Request, later: Later): Promise<Response> {
    if (request.method !== "POST") return methodNotAllowed("POST");
    if (!mayBeJson(request)) return refusal(415, "UNSUPPORTED_MEDIA_TYPE", "Send application/json");
    const body = await readBody(request, { maxBodyBytes, bodyTimeoutSeconds }, () =>
      misconfigured(bodyWasRead("webhook handler", "the signature is over the raw bytes"), later),
    );
    if (body instanceof Response) return body;
    let event: WebhookEvent;
    try {
      ({ body: event } = await gwop.validateWebhook({ request: { body, headers: request.headers }, maxBodyBytes, reconciled }));
    } catch (error) {
      return rejected(error, later);
    }
    for (const id of [event.eventId, event.data.invoiceId, event.data.publicInvoiceId]) {
      if (byteLength(id) > MAX_ID_BYTES) return refusal(400, "WEBHOOK_PAYLOAD_INVALID", `An id has more than ${MAX_ID_BYTES} bytes`);
    }
    return process(event, later);
  }

  function misconfigured(error: unknown, later: Later): Response {
    report(later, error, { code: "MISCONFIGURED" });
    // The log names what is missing; the answer does not.
    return refusal(500, "MISCONFIGURED", "The server is not set up for webhooks");
  }

  function rejected(error: unknown, later: Later): Response {
    const { code, message } = error as SDKValidationError;
    switch (code) {
      case "WEBHOOK_EVENT_UNKNOWN":
        // Well signed: a type of later versions. Refusing it would make Gwop deliver it for ever.
        return accepted("ignored");
      case "WEBHOOK_BODY_TOO_LARGE":
        return refusal(413, "BODY_TOO_LARGE", message);
      case "WEBHOOK_PAYLOAD_INVALID":
      case "WEBHOOK_HEADER_MISMATCH":
      case "WEBHOOK_SOURCE_NOT_ACCEPTED":
        return refusal(400, code, message);
      case "WEBHOOK_SIGNATURE_MISSING":
      case "WEBHOOK_SIGNATURE_MALFORMED":
      case "WEBHOOK_SIGNATURE_MISMATCH":
      case "WEBHOOK_TIMESTAMP_INVALID":
      case "WEBHOOK_TIMESTAMP_OUTSIDE_TOLERANCE":
        return refusal(401, code, message);
      default:
        return misconfigured(error, later);
    }
  }

  async function process(event: WebhookEvent, later: Later): Promise<Response> {
    const about = { eventId: event.eventId, invoiceId: event.data.invoiceId };
    const done = await apply(claimOf(event, leaseSeconds), () => event, (error, code) => report(later, error, { code, ...about }));
    switch (done.state) {
      case "settled":
        return accepted(done.outcome);
      case "busy":
        return unavailable(Math.max(1, Math.ceil(done.retryAfterMs / 1000)));
      case "failed":
        return refusal(500, "CALLBACK_FAILED", "The event could not be processed: deliver it again");
      case "unavailable":
        return unavailable(RETRY_SECONDS);
    }
  }

  return (request, ...host) => {
    const context = (host as (HandlerContext | null | undefined)[]).find((given) => isFunction(given?.waitUntil));
    const later: Later = [];
    const work = handle(request, later);
    void tell(() => context?.waitUntil?.(work.then(() => Promise.all(later))));
    return work;
  };
}

/** The longest id that is taken, in bytes of UTF-8, as by the Worker. */
const MAX_ID_BYTES = 255;

const byteLength = (text: string) => new TextEncoder().encode(text).length;

function accepted(outcome: WebhookOutcome): Response {
  return answer(200, { received: true, outcome });
}
