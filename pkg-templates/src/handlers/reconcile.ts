import { core } from "../core.js";
import { ConnectionError, GwopError, isGwopError, RequestTimeoutError } from "../errors/index.js";
import { refuse } from "../errors/refuse.js";
import type {
  InvoiceCanceledEvent,
  InvoiceExpiredEvent,
  InvoiceList,
  InvoiceListItem,
} from "../generated/models.js";
import type {
  InvoiceListItem as ListedOnWire,
  InvoicePublic as PublicOnWire,
} from "../generated/wire.js";
import type { Gwop } from "../gwop.js";
import { type Names, readOptions } from "../options.js";
import { isSignal } from "../race.js";
import { readRefusal } from "../refusal.js";
import { revive } from "../revive.js";
import { sleep } from "../sleep.js";
import type { WebhookStore } from "../stores/store.js";
import type { ReconciledEvent, ReconciledPaidEvent } from "../webhooks.js";
import { applier, type Applied, callbackRules, type Callbacks, claimOf } from "./apply.js";
import { checkOptions, isFunction, tell } from "./http.js";
import type { WebhookErrorInfo } from "./webhook.js";

/** The options of {@link reconcile}. Callbacks and leases work as in `createWebhookHandler`. */
export interface ReconcileOptions {
  /** The shared client. It has the merchant key and the merchant id. */
  gwop: Pick<Gwop, "invoices" | "auth">;
  /** The store of your `createWebhookHandler`. */
  store: WebhookStore;
  /** When you went live with webhooks. Invoices that were created earlier are never applied. */
  since: Date | string;
  /** An invoice was paid. Fulfill the order. Gwop's list names no payer, and may name no chain. */
  onPaid(event: ReconciledPaidEvent): unknown;
  /** An invoice expired. Nobody paid. */
  onExpired(event: InvoiceExpiredEvent): unknown;
  /** An invoice was canceled. */
  onCanceled(event: InvoiceCanceledEvent): unknown;
  /**
   * Gwop's final state contradicts the stored one. Default: the conflict is recorded, and `onError`
   * is called.
   */
  onConflict?: ((event: ReconciledEvent) => unknown) | undefined;
  /** Called for what could not be applied. Nothing waits for it. Default: `console.error`. */
  onError?: ((error: unknown, info: WebhookErrorInfo) => unknown) | undefined;
  /**
   * The `cursor` of the last call. With it, this call continues, or need not look as far back. Keep
   * it where the store is.
   */
  after?: string | undefined;
  /** Ends the call after so many pages, even if there are more. Default: no limit. */
  maxPages?: number | undefined;
  /**
   * How long the call waits for Gwop after a 429 or during an outage, in seconds, before it ends.
   * Default 600.
   */
  maxWaitSeconds?: number | undefined;
  /** How long a claim lasts, in seconds. Default 60. */
  leaseSeconds?: number | undefined;
  /** How long a claim is renewed while its callback runs, in seconds. Default 600. */
  maxCallbackSeconds?: number | undefined;
  /** Ends the call. It then resolves with what it has done. */
  signal?: AbortSignal | null | undefined;
}

/** What a call of {@link reconcile} did. */
export interface Reconciled {
  /** How many missing final states were applied. */
  applied: number;
  /** How many contradict what is stored. */
  conflicts: number;
  /**
   * Whether everything was looked at and applied. If not, call again, at once or later, with
   * `after: cursor`.
   */
  complete: boolean;
  /** Where to continue. Pass it as `after`, even after a complete call. */
  cursor: string;
}

const OPTIONS: Names<ReconcileOptions> = {
  gwop: undefined,
  store: undefined,
  since: undefined,
  onPaid: undefined,
  onExpired: undefined,
  onCanceled: undefined,
  onConflict: undefined,
  onError: undefined,
  after: undefined,
  maxPages: undefined,
  maxWaitSeconds: undefined,
  leaseSeconds: undefined,
  maxCallbackSeconds: undefined,
  signal: undefined,
};

/** The number of invoices of a page that are looked up at the same time. */
const LANES = 8;

/** The most invoices on a page. */
const PAGE = 100;

/**
 * Finds final states in Gwop's list of invoices that no webhook has reported, and applies them as a
 * webhook would. Each is applied once, however many calls run at the same time, and whatever
 * webhooks come later. Call it about every 15 minutes, with the `cursor` of the last call.
 *
 * The event has `gwopSource: "reconciliation"`, and an id that follows from the invoice and its
 * status. If the list is newest first, a call looks 25 hours further back than the last complete
 * call. In any other order it looks through everything once a day.
 *
 * @throws SDKValidationError if an option is missing, unknown or wrong, and with the code
 * `MERCHANT_ID_MISSING` if the client has no merchant id. What Gwop refuses for good, such as a
 * wrong merchant key, is thrown as `gwop.invoices.list` throws it.
 * @example
 * const callbacks = { onPaid, onExpired, onCanceled };
 * const since = "2026-03-01T00:00:00Z";
 * const after = await load("cursor");
 * const { cursor } = await reconcile({ gwop, store, since, after, ...callbacks });
 * await save("cursor", cursor);
 */
export async function reconcile(options: ReconcileOptions): Promise<Reconciled> {
  const given = readOptions(options, OPTIONS, (message) => refuse(`reconcile: ${message}`));
  const {
    gwop,
    onError,
    after = "",
    signal,
    since,
    leaseSeconds = 60,
    maxCallbackSeconds = 600,
  } = given;
  const { maxPages = Infinity, maxWaitSeconds = 600 } = given;
  const sinceMs =
    typeof since === "string" || since instanceof Date ? new Date(since).getTime() : NaN;
  checkOptions("reconcile", [
    ["gwop must be a Gwop client", isFunction(gwop?.invoices?.list)],
    ["since must be a valid Date, or an ISO 8601 time", !Number.isNaN(sinceMs)],
    ...callbackRules({ ...given, leaseSeconds, maxCallbackSeconds }),
    [
      "maxPages must be a number of pages, 1 or more",
      typeof maxPages === "number" && maxPages >= 1,
    ],
    [
      "maxWaitSeconds must be a number of seconds, 0 or more",
      Number.isFinite(maxWaitSeconds) && maxWaitSeconds >= 0,
    ],
    ["signal must be an AbortSignal", isSignal(signal)],
  ]);
  const merchantId = gwop.auth?.merchantId;
  if (!merchantId) {
    throw refuse(
      "reconcile: merchantId is required, since every event names its merchant: pass it to new Gwop({ merchantId }) or set GWOP_MERCHANT_ID",
      undefined,
      "MERCHANT_ID_MISSING",
    );
  }
  const merchant = JSON.stringify(merchantId);
  const apply = applier({ ...given, leaseSeconds, maxCallbackSeconds } as Callbacks);
  const result = { applied: 0, conflicts: 0 };

  function walk(
    cursor: string,
    { invoices, pagination }: Partial<InvoiceList> = {},
    failed = false,
  ): string {
    const created = invoices?.map(({ createdAt }) => createdAt.getTime()).join(".") ?? "";
    const known = typeof cursor === "string";
    const next = known
      ? core().walkInvoices(cursor, created, pagination?.hasMore, sinceMs, Date.now(), failed)
      : undefined;
    if (next === undefined)
      throw refuse("reconcile: after must be the cursor of an earlier call, whole");
    return next;
  }

  function report(error: unknown, info: WebhookErrorInfo): void {
    void tell(() =>
      onError
        ? onError(error, info)
        : console.error(`Gwop reconcile: ${info.code}`, info.invoiceId ?? "", error),
    );
  }

  /**
   * Returns the result of `ask`, and waits while Gwop is unavailable. Returns `undefined` if that
   * takes too long, or if the signal aborts.
   */
  async function patiently<T>(ask: () => Promise<T>): Promise<T | undefined> {
    const end = Date.now() + maxWaitSeconds * 1000;
    for (let pause = 1_000; !signal?.aborted; pause = Math.min(pause * 2, 60_000)) {
      try {
        return await ask();
      } catch (error) {
        if (signal?.aborted) return undefined;
        if (!isPassing(error)) throw error;
        const asked =
          error instanceof GwopError
            ? core().parseRetryAfter(error.headers.get("retry-after") ?? "", Date.now())
            : undefined;
        const wait = Math.max(pause, asked ?? 0);
        if (Date.now() + wait > end) {
          report(error, { code: "UNAVAILABLE" });
          return undefined;
        }
        await sleep(wait, signal);
      }
    }
    return undefined;
  }

  /**
   * Creates the event of an invoice, with details that only its public view has. Throws a refusal
   * of the wasm if the event is still incomplete.
   */
  async function eventOf(invoice: InvoiceListItem, text: string): Promise<ReconciledEvent> {
    let event = text;
    if (event.startsWith(" ")) {
      const details = await patiently(() =>
        gwop.invoices.get({ id: invoice.publicInvoiceId }, { signal }).then(
          ({ result: { paidAt, paymentChain, paymentChainCaip2, paidTxHash } }) =>
            wire({
              paid_at: paidAt,
              payment_chain: paymentChain,
              payment_chain_caip2: paymentChainCaip2,
              paid_tx_hash: paidTxHash,
            }),
          // The list's own details have to be enough.
          (error: unknown) =>
            isGwopError(error, "INVOICE_NOT_FOUND") ? "{}" : Promise.reject(error),
        ),
      );
      if (details === undefined) throw new Error("Gwop's public invoice cannot be had now");
      event = core().reconciledEvent(listed(invoice), details, merchant, sinceMs);
    }
    return revive(core().readEvent(new TextEncoder().encode(event.trim()), "", "", true));
  }

  /**
   * Applies one invoice. If another call is processing it, waits for it, but no longer than a claim
   * lasts.
   */
  async function applyInvoice(invoice: InvoiceListItem): Promise<Applied["state"]> {
    const text = core().reconciledEvent(listed(invoice), "{}", merchant, sinceMs);
    if (text === "") return "done";
    const { event_id: eventId, data } = JSON.parse(text);
    const { invoice_id: invoiceId, status, tx_hash: txHash, tx_signature: txSignature } = data;
    const claimable = { eventId, data: { invoiceId, status, txHash, txSignature } };
    const end = Date.now() + leaseSeconds * 1000;
    let unusable = false;
    for (let pause = 50; ; pause = Math.min(pause * 2, 2_000)) {
      const done = await apply(
        claimOf(claimable, leaseSeconds),
        () => eventOf(invoice, text),
        (error, code) => {
          const refusal = readRefusal(error);
          unusable ||= refusal !== undefined;
          const told = refusal ? refuse(refusal.message, undefined, refusal.code) : error;
          report(told, { code: refusal ? "RECONCILE_UNUSABLE" : code, eventId, invoiceId });
        },
      );
      // A later run could do no better, so this invoice does not hold up the run.
      if (unusable) return "done";
      if (done.state === "done" && done.called)
        result[done.outcome === "conflict" ? "conflicts" : "applied"] += 1;
      if (done.state !== "busy" || signal?.aborted || Date.now() > end) return done.state;
      await sleep(Math.min(done.retryAfterMs, pause), signal);
    }
  }

  let next = walk(after);
  for (let pages = 0; ; pages += 1) {
    const [cursor = "", status, offset] = next.split(" ");
    if (!offset) return { ...result, complete: status === undefined, cursor };
    const cut = { ...result, complete: false, cursor };
    if (pages >= maxPages) return cut;
    const page = await patiently(() =>
      gwop.invoices.list(
        { status: status as "PAID", limit: PAGE, offset: Number(offset) },
        { signal },
      ),
    );
    if (!page) return cut;
    const rest = page.result.invoices.values();
    const states = new Set<Applied["state"]>();
    const lane = async () => {
      for (const invoice of rest) {
        if (signal?.aborted || states.has("unavailable")) return;
        states.add(await applyInvoice(invoice));
      }
    };
    await Promise.all(Array.from({ length: LANES }, lane));
    // The next call reads this page again, and by then knows what was applied.
    if (signal?.aborted || states.has("unavailable")) return { ...cut, ...result };
    next = walk(cursor, page.result, states.has("failed") || states.has("busy"));
  }
}

const wire = (members: Partial<Record<keyof ListedOnWire | keyof PublicOnWire, unknown>>) =>
  JSON.stringify(members);

/** Converts an invoice of a list to the names on the wire, with the fields that events have. */
function listed({
  id,
  publicInvoiceId,
  status,
  amountUsdc,
  currency,
  createdAt,
  paidAt,
  paymentChain,
  paidTxHash,
}: InvoiceListItem): string {
  return wire({
    ...{
      id,
      public_invoice_id: publicInvoiceId,
      status,
      amount_usdc: amountUsdc,
      currency,
      created_at: createdAt,
    },
    ...{ paid_at: paidAt, payment_chain: paymentChain, paid_tx_hash: paidTxHash },
  });
}

/** Returns whether the failure is temporary, so that another attempt may succeed. */
function isPassing(error: unknown): boolean {
  if (error instanceof GwopError) return error.statusCode === 429 || error.statusCode >= 500;
  return error instanceof ConnectionError || error instanceof RequestTimeoutError;
}
