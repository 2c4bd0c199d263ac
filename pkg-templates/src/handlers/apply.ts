import { core } from "../core.js";
import type { InvoiceCanceledEvent, InvoiceExpiredEvent } from "../generated/models.js";
import { LONGEST_MS } from "../sleep.js";
import type {
  ClaimResult,
  EventClaim,
  Lease,
  WebhookOutcome,
  WebhookStore,
} from "../stores/store.js";
import type { ReconciledEvent, ReconciledPaidEvent } from "../webhooks.js";
import { isFunction } from "./http.js";

/** Where invoices are kept, and who is called for what. */
export interface Callbacks {
  store: WebhookStore;
  onPaid(event: ReconciledPaidEvent): unknown;
  onExpired(event: InvoiceExpiredEvent): unknown;
  onCanceled(event: InvoiceCanceledEvent): unknown;
  onConflict?: ((event: ReconciledEvent) => unknown) | undefined;
  leaseSeconds: number;
  maxCallbackSeconds: number;
}

/** What became of an event. */
export type Applied =
  /** It is recorded; `called`: by a callback of this call. */
  | { state: "settled"; outcome: WebhookOutcome; called: boolean }
  /** An event of its invoice is being processed. */
  | { state: "busy"; retryAfterMs: number }
  /** Its callback, or what made the event, threw: the claim is given back. */
  | { state: "failed" }
  /** Storage refused, or the claim was lost. */
  | { state: "unavailable" };

/** Told of an error, with a code for it. */
type Report = (error: unknown, code: string) => void;

/** The rules that the options hold to. */
export function callbackRules(
  given: {
    [Name in keyof Callbacks]?: unknown;
  } & { on?: unknown; onError?: unknown; leaseSeconds: number; maxCallbackSeconds: number },
): (readonly [rule: string, holds: boolean])[] {
  const {
    on,
    onPaid,
    onExpired,
    onCanceled,
    onConflict,
    onError,
    leaseSeconds,
    maxCallbackSeconds,
  } = given;
  const store = given.store as WebhookStore | undefined;
  return [
    [
      "store must be a store, such as one of @gwop/sdk/stores: it has claim, complete and release",
      [store?.claim, store?.complete, store?.release].every(isFunction),
    ],
    [
      on
        ? 'on must have a function for each of "invoice.paid", "invoice.expired" and "invoice.canceled"'
        : "onPaid, onExpired and onCanceled must be functions",
      [onPaid, onExpired, onCanceled].every(isFunction),
    ],
    ["the store's renew must be a function", store?.renew === undefined || isFunction(store.renew)],
    ["onConflict must be a function", onConflict === undefined || isFunction(onConflict)],
    ["onError must be a function", onError === undefined || isFunction(onError)],
    [
      "leaseSeconds must be a positive number of seconds",
      Number.isFinite(leaseSeconds) && leaseSeconds > 0,
    ],
    [
      "maxCallbackSeconds must be a number of seconds, 0 or more",
      Number.isFinite(maxCallbackSeconds) && maxCallbackSeconds >= 0,
    ],
  ];
}

/**
 * Applies events to a store: claims, calls back, records, each once. `event` is asked for once the
 * claim is held.
 */
export function applier({
  store,
  leaseSeconds,
  maxCallbackSeconds,
  onConflict,
  onPaid,
  onExpired,
  onCanceled,
}: Callbacks) {
  return async function apply(
    claimed: EventClaim,
    event: () => ReconciledEvent | Promise<ReconciledEvent>,
    report: Report,
  ): Promise<Applied> {
    const refused = (error: unknown) => report(error, "UNAVAILABLE");
    // Most deliveries that come again end here.
    let claim: ClaimResult | undefined;
    try {
      claim = await store.claim(claimed);
    } catch (error) {
      refused(error);
    }
    if (!claim) return { state: "unavailable" };
    if (claim.state === "settled")
      return { state: "settled", outcome: claim.outcome, called: false };
    if (claim.state === "busy") return claim;

    const { outcome, lease } = claim;
    const stopRenewing = keepRenewing(lease, refused);
    try {
      await Promise.resolve(event())
        .then((event) => callBack(event, outcome, report))
        .finally(stopRenewing);
    } catch (error) {
      report(error, "CALLBACK_FAILED");
      await stored(() => store.release(lease), refused);
      return { state: "failed" };
    }
    const completed = await stored(() => store.complete(lease), refused);
    return completed ? { state: "settled", outcome, called: true } : { state: "unavailable" };
  };

  /**
   * Renews a lease each time half of it has passed, until it is told to stop, the lease is lost, or
   * `maxCallbackSeconds` are over.
   */
  function keepRenewing(lease: Lease, failed: (error: unknown) => void): () => void {
    const leaseMs = leaseSeconds * 1000;
    const end = Date.now() + maxCallbackSeconds * 1000;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let stopped = store.renew === undefined;
    const wait = () => {
      if (stopped || Date.now() >= end) return;
      timer = setTimeout(() => void renew(), Math.min(leaseMs / 2, LONGEST_MS));
    };
    const renew = async () => {
      try {
        if (!(await store.renew?.(lease, { now: Date.now(), leaseMs }))) stopped = true;
      } catch (error) {
        // The next time may be in time still.
        if (!stopped) failed(error);
      }
      wait();
    };
    wait();
    return () => {
      stopped = true;
      clearTimeout(timer);
    };
  }

  async function callBack(
    event: ReconciledEvent,
    outcome: WebhookOutcome,
    report: Report,
  ): Promise<void> {
    const { eventType } = event;
    if (outcome === "conflict") {
      if (onConflict) await onConflict(event);
      else report(unhandledConflict(event), "CONFLICT");
    } else if (eventType === "invoice.paid") await onPaid(event as ReconciledPaidEvent);
    else if (eventType === "invoice.expired") await onExpired(event as InvoiceExpiredEvent);
    else await onCanceled(event as InvoiceCanceledEvent);
  }
}

/** What `work` gives, or `undefined` when storage refuses. */
async function stored<T>(
  work: () => Promise<T>,
  refused: (error: unknown) => void,
): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    refused(error);
    return undefined;
  }
}

/** What of an event its claim needs. */
type Claimable = Pick<ReconciledEvent, "eventId" | "eventVersion" | "gwopOutcome"> & {
  data: Pick<ReconciledPaidEvent["data"], "invoiceId" | "txHash" | "txSignature"> & {
    status: string;
  };
};

/** The claim that a store takes of an event. */
export function claimOf(event: Claimable | ReconciledEvent, leaseSeconds: number): EventClaim {
  const { eventId, eventVersion, gwopOutcome, data } = event as Claimable;
  const { invoiceId, status } = data;
  const transaction = core().paymentOf(data.txHash ?? "", data.txSignature ?? "");
  return {
    eventId,
    invoiceId,
    status,
    version: eventVersion,
    transaction,
    conflict: gwopOutcome === "conflict",
    now: Date.now(),
    leaseMs: leaseSeconds * 1000,
  };
}

function unhandledConflict({ eventType, data }: ReconciledEvent): Error {
  return new Error(
    `${eventType} contradicts the final state of invoice ${data.invoiceId}: it is recorded, nothing was applied. Look into it, and pass onConflict to handle the next one.`,
  );
}
