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

/** The store and the callbacks. */
export interface Callbacks {
  store: WebhookStore;
  onPaid(event: ReconciledPaidEvent): unknown;
  onExpired(event: InvoiceExpiredEvent): unknown;
  onCanceled(event: InvoiceCanceledEvent): unknown;
  onConflict?: ((event: ReconciledEvent) => unknown) | undefined;
  leaseSeconds: number;
  maxCallbackSeconds: number;
}

/** The result of processing an event. */
export type Applied =
  /** The event is recorded. `called`: whether this call ran a callback. */
  | { state: "done"; outcome: WebhookOutcome; called: boolean }
  /** Another event of the invoice is being processed. */
  | { state: "busy"; retryAfterMs: number }
  /** The callback, or the code that creates the event, threw. The claim was released. */
  | { state: "failed" }
  /** The storage failed, or the claim was lost. */
  | { state: "unavailable" };

/** Receives an error and its code. */
type Report = (error: unknown, code: string) => void;

/** The rules for the options. */
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
 * Applies events to a store: claims an event, runs its callback and records it, each once. `event`
 * is called only after the claim succeeded.
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
    // Most repeated deliveries end here.
    let claim: ClaimResult | undefined;
    try {
      claim = await store.claim(claimed);
    } catch (error) {
      refused(error);
    }
    if (!claim) return { state: "unavailable" };
    if (claim.state === "settled") return { state: "done", outcome: claim.outcome, called: false };
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
    return completed ? { state: "done", outcome, called: true } : { state: "unavailable" };
  };

  /**
   * Renews a lease whenever half of it has passed, until it is stopped, the lease is lost, or
   * `maxCallbackSeconds` have passed.
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
        // The next renewal may still be in time.
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

/** Returns the result of `work`, or `undefined` if the storage fails. */
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

/** The part of an event that a claim needs. */
type Claimable = Pick<ReconciledEvent, "eventId" | "eventVersion" | "gwopOutcome"> & {
  data: Pick<ReconciledPaidEvent["data"], "invoiceId" | "txHash" | "txSignature"> & {
    status: string;
  };
};

/** Returns the claim of an event, as stores expect it. */
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
