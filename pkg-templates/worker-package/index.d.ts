/**
 * Gwop's Worker, ready to deploy: an endpoint for webhooks and wallet log-in that loses nothing and
 * applies nothing twice. The platform's types (`DurableObjectNamespace`, `Queue`, …) come from
 * `wrangler types`, or from `@cloudflare/workers-types`.
 */
import type {
  InvoiceCanceledEvent,
  InvoiceExpiredEvent,
  InvoicePaidData,
  InvoicePaidEvent,
} from "./models.js";

export type * from "./models.js";

/**
 * The data of a {@link ReconciledPaidEvent}. An event from reconciliation names no payer, and may
 * name no chain.
 */
export interface ReconciledPaidData extends Omit<InvoicePaidData, "payerWallet" | "paymentChain"> {
  /** Who paid. */
  payerWallet?: InvoicePaidData["payerWallet"] | undefined;
  /** The chain of the payment. */
  paymentChain?: InvoicePaidData["paymentChain"] | undefined;
}

/** `invoice.paid`, from a webhook or from reconciliation. `gwopSource` says which. */
export interface ReconciledPaidEvent extends Omit<InvoicePaidEvent, "data"> {
  /** What happened. */
  data: ReconciledPaidData;
}

/** An event from Gwop, or one that reconciliation created. Narrow it by `eventType`. */
export type ReconciledEvent = ReconciledPaidEvent | InvoiceExpiredEvent | InvoiceCanceledEvent;

/** What `onAlert` receives. `docs/operations.md`, "Alerts", says when each alert comes. */
export interface Alert {
  /** New for each call. */
  alertId: string;
  /** The kind of alert. */
  kind: "dead_letter" | "conflict" | "refused_signatures" | "reconciliation_failed" | (string & {});
  /** How often it happened since the last alert of this kind that was accepted. */
  count: number;
  /** When it was first reported since then. */
  firstAt: Date;
  /** When it was last reported. */
  lastAt: Date;
  /** A sentence for a person. */
  text: string;
  /** The key of the merchant, if `GWOP_MERCHANTS` has several. */
  merchant?: string | undefined;
}

/**
 * Variables under `vars` can be any JSON: a text, a number or a boolean. Several values can be an
 * array.
 */
type Variable = string | number | boolean;
type List = string | string[];

/**
 * The bindings, secrets and variables of the Worker. `docs/worker.md` explains each. Your own
 * Worker can have more.
 */
export interface Env {
  /** The ledger, one object per shard. */
  GWOP_LEDGER: DurableObjectNamespace<any>;
  /** One object per auth session. */
  GWOP_SESSIONS: DurableObjectNamespace<any>;
  /** Events on their way to fulfillment. */
  GWOP_FULFILLMENT_QUEUE?: Queue<any>;
  /** Limits `POST /auth/…`, and operator requests that are refused. */
  GWOP_AUTH_RATE_LIMITER?: RateLimit;
  /** Fulfillment as another Worker, instead of `FULFILLMENT_URL`. */
  FULFILLMENT?: Fetcher;
  /** Objects of 1.0.0, until their data has moved. */
  GWOP_INVOICES?: DurableObjectNamespace<any>;
  /** Objects of 1.0.0, until their data has moved. */
  GWOP_INVOICE_INDEX?: DurableObjectNamespace<any>;
  /** The name of `GWOP_FULFILLMENT_QUEUE` in 1.0.0. */
  GWOP_FULFILMENT_QUEUE?: Queue<any>;

  /**
   * Several merchants, by the first segment of their paths. Each has secrets of its own. The value
   * is JSON, or a KV namespace with the JSON of each merchant under its segment. `wrangler types`
   * without strict variables only knows that JSON is an object.
   */
  GWOP_MERCHANTS?:
    | string
    | Record<string, Record<string, Variable | string[]>>
    | KVNamespace<any>
    | object;

  /** The endpoint's secret, `whsec_…`. */
  GWOP_WEBHOOK_SECRET?: List;
  /** Where events are delivered by `POST`. */
  FULFILLMENT_URL?: string;
  /** Signs deliveries to fulfillment, with each value. */
  FULFILLMENT_SECRET?: List;
  /** Where alerts are sent. */
  ALERT_URL?: string;
  /** Signs alerts, with each value. */
  ALERT_SECRET?: List;
  /** The bearer token of the operator's routes. */
  OPERATOR_TOKEN?: List;
  /** The merchant key, `sk_m_…`. */
  GWOP_MERCHANT_API_KEY?: string;
  /** The merchant's id. */
  GWOP_MERCHANT_ID?: string;
  /** The first value creates `exchange_secret`. All values are accepted. */
  AUTH_SECRET?: List;
  /** The `iss` of tokens. */
  TOKEN_ISSUER?: string;
  /** `aud` of tokens must contain one of these values. */
  TOKEN_AUDIENCE?: List;
  /** `never`, `always`, or for how many seconds a response about a session may be reused. */
  SESSION_CHECK?: Variable;
  /** Gwop's host for log-in and the JWK Set. */
  GWOP_IDENTITY_URL?: string;
  /** Gwop's host for invoices. */
  GWOP_SERVER_URL?: string;
  /** `true` allows any host over plain `http:`. */
  ALLOW_INSECURE?: Variable;
  /** The largest request body, in bytes. */
  MAX_BODY_BYTES?: Variable;
  /** Origins whose pages may call `/auth/…`. */
  CORS_ORIGINS?: List;
  /** How many shards the ledger has. It cannot be changed later. */
  LEDGER_SHARDS?: Variable;
  /** How many days an invoice is kept after its last event. */
  RETENTION_DAYS?: Variable;
  /** An RFC 3339 time. Older invoices are not reconciled. */
  RECONCILE_SINCE?: string;
  /** How many subrequests one step of reconciliation may make. */
  RECONCILE_SUBREQUESTS?: Variable;
}

/** The functions that you pass to `createWorker`. */
export interface WorkerOptions<E extends Env = Env> {
  /**
   * Your fulfillment as a function, instead of `FULFILLMENT_URL` and `FULFILLMENT`. It receives
   * events that were applied, or are a conflict, as `gwopOutcome` says, in the form that
   * `validateWebhook` of `@gwop/sdk` returns with `reconciled: true`. The Worker waits for its
   * promise. If the promise resolves, the event is confirmed. If it rejects, or takes more than 15
   * seconds, the event comes again, after 2 s, 8 s, 20 s, 1 min and so on up to 1 h, and is then
   * `dead` until the operator replays it.
   *
   * It is called at least once per event, because a confirmation can be lost. Deduplicate by
   * `eventId`.
   *
   * With several merchants, it receives the events of those without fulfillment of their own, and
   * `env` is the Worker's. If that merchant has a `GWOP_MERCHANT_ID`, `data.merchantId` is the
   * merchant's own. Otherwise it is what the sender signed.
   */
  onEvent?(event: ReconciledEvent, env: E, ctx: ExecutionContext): unknown;
  /**
   * Called instead of `ALERT_URL` for dead letters, conflicts, bursts of refused signatures and
   * failed reconciliation: within 60 seconds, at most once per kind and 10 minutes. If its promise
   * rejects, or takes more than 10 seconds, the next alert of that kind includes this one. The
   * ledger calls it, so `ctx` is the state of a Durable Object.
   */
  onAlert?(alert: Alert, env: E, ctx: DurableObjectState): unknown;
}

/** The three events of the Worker, for a module's default export. */
export interface Worker<E extends Env = Env> {
  fetch(request: Request<any, any>, env: E, ctx: ExecutionContext<any>): Promise<Response>;
  queue(batch: MessageBatch<any>, env: E, ctx: ExecutionContext<any>): Promise<void>;
  scheduled(controller: ScheduledController, env: E, ctx: ExecutionContext<any>): Promise<void>;
}

/**
 * Creates the Worker with your functions. Call it once, at the top level of the main module, and
 * export the classes next to it:
 *
 * ```ts
 * import { createWorker } from "@gwop/worker";
 * export { GwopLedger, GwopSession } from "@gwop/worker";
 *
 * export default createWorker({
 *   async onEvent(event, env) {
 *     if (event.eventType === "invoice.paid") await fulfill(event.data, env);
 *   },
 * });
 * ```
 */
export declare function createWorker<E extends Env = Env>(options?: WorkerOptions<E>): Worker<E>;

/** The Worker itself: `gwop.fetch(request, env, ctx)` serves every route of `docs/worker.md`. */
declare const gwop: Worker;
export default gwop;

declare class GwopObject implements Rpc.DurableObjectBranded {
  [Rpc.__DURABLE_OBJECT_BRAND]: never;
  constructor(state: DurableObjectState<any>, env: Env);
  fetch(request: Request<any, any>): Promise<Response>;
  alarm(): Promise<void>;
}
/** A shard of the ledger. Export it from the main module. */
export declare class GwopLedger extends GwopObject {}
/** An auth session. Export it from the main module. */
export declare class GwopSession extends GwopObject {}
/** An invoice of 1.0.0. Export it if your deployment started with that version. */
export declare class GwopInvoice extends GwopObject {}
/** A public id of 1.0.0. Export it if your deployment started with that version. */
export declare class GwopInvoiceIndex extends GwopObject {}

/**
 * The codes that only the Worker responds with. It also uses those of `HandlerErrorCode` of
 * `@gwop/sdk/handlers`, and those of webhooks and tokens.
 *
 * Each comment begins with the HTTP status. `docs/errors.md` is generated from them.
 */
export type WorkerErrorCode =
  /**
   * 503: Webhooks are not configured.
   *
   * Cause: `GWOP_WEBHOOK_SECRET` is missing, too short, or the local Gwop's.
   *
   * Fix: Set it. `GET /healthz` and the log name it. Gwop delivers again.
   */
  | "WEBHOOKS_NOT_CONFIGURED"
  /**
   * 503: This merchant cannot be served.
   *
   * Cause: Its settings in `GWOP_MERCHANTS` cannot be used, or another merchant has the same
   * secret.
   *
   * Fix: Fix `GWOP_MERCHANTS`. The message, `GET /healthz` and the log name the merchant.
   */
  | "MERCHANTS_NOT_CONFIGURED"
  /**
   * 503: Reconciliation cannot start.
   *
   * Cause: A required variable is missing. The message names it.
   *
   * Fix: Set the variable.
   */
  | "RECONCILE_NOT_CONFIGURED"
  /**
   * 403: Gwop has signed the event, but it belongs to another merchant. Only with several
   * merchants.
   *
   * Cause: `GWOP_MERCHANT_ID` and the webhook's secret belong to two merchants.
   *
   * Fix: Fix the settings of the merchant. Gwop delivers again.
   */
  | "WEBHOOK_MERCHANT_MISMATCH"
  /**
   * 429: This client sends too many requests.
   *
   * Cause: The client exceeded the Worker's rate limit.
   *
   * Fix: Wait as long as `Retry-After` says.
   */
  | "RATE_LIMITED"
  /**
   * 404: The operator's routes do not know this invoice.
   *
   * Cause: No event of it is stored, or its events are no longer kept.
   *
   * Fix: Check the id.
   */
  | "INVOICE_NOT_FOUND"
  /**
   * 404: The invoice has no such event.
   *
   * Cause: The id is wrong, or the event is no longer kept.
   *
   * Fix: Look at `GET /invoices/{id}`.
   */
  | "EVENT_NOT_FOUND"
  /**
   * 409: The event cannot be sent to fulfillment again.
   *
   * Cause: It was neither applied nor a conflict, so it never reached fulfillment.
   *
   * Fix: Replay another event.
   */
  | "EVENT_NOT_REPLAYABLE"
  /**
   * 409: There is no data of 1.0.0 to hand over.
   *
   * Cause: The objects of 1.0.0 are not bound as `GWOP_INVOICES`.
   *
   * Fix: Follow the steps of `docs/upgrading.md`, "The Worker from 1.0.0".
   */
  | "NOTHING_TO_UPGRADE"
  /**
   * 500: The Worker failed.
   *
   * Cause: `LEDGER_SHARDS` is not a number from 1 to 32, or there is a defect. The log says which.
   *
   * Fix: Read the log.
   */
  | "INTERNAL_ERROR"
  | (string & {});
