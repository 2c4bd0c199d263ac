// A merchant at a local Gwop whose webhooks are not sent, for the tests of `reconcile`.
import { Gwop } from "@gwop/sdk";
import { reconcile } from "@gwop/sdk/handlers";
import { Simulator } from "@gwop/sdk/simulator";
import { SECRET } from "./deliveries.js";

/**
 * Opens a shop. `options` are the simulator's. `paid`, `expired` and `canceled` create an invoice
 * with that final status.
 */
export function market(options = {}) {
  const sim = new Simulator({ autoDeliver: false, webhookSecret: SECRET, ...options });
  const { httpClient, merchantApiKey, merchantId } = sim;
  const client = { httpClient, merchantApiKey, merchantId, webhookSecret: SECRET };
  const gwop = new Gwop(client);
  const create = async (expiresInSeconds = 86_400) =>
    (await gwop.invoices.create({ body: { amountUsdc: 1_000_000, expiresInSeconds } })).result;
  const shop = {
    ...{ sim, gwop, client, create },
    /** Returns how often an operation was called. */
    asked: (operation) => sim.requests.filter((request) => request.operation === operation).length,
    async paid(chain = "base") {
      const invoice = await create();
      await sim.pay(invoice.publicInvoiceId, { chain });
      return { ...invoice, status: "PAID" };
    },
    /** Expires when the clock has moved by a minute. */
    expired: async () => ({ ...(await create(60)), status: "EXPIRED" }),
    async canceled() {
      const invoice = await create();
      await gwop.invoices.cancel({ id: invoice.id });
      return { ...invoice, status: "CANCELED" };
    },
    /** Creates `count` invoices with every final status. */
    async many(count, then = () => sim.clock.advance(61_000)) {
      const made = [];
      for (let at = 0; at < count; at += 1) {
        const kind = at % 10;
        made.push(
          await (kind < 6
            ? shop.paid(kind < 3 ? "base" : "solana")
            : kind < 9
              ? shop.expired()
              : shop.canceled()),
        );
      }
      await then();
      return made;
    },
  };
  return shop;
}

/** The `since` that includes everything in a test. */
export const SINCE = "2020-01-01T00:00:00Z";

/** Runs `reconcile` with callbacks that are recorded as `status invoiceId`. */
export function reconciler(gwop, store, { work = () => {}, ...options } = {}) {
  const calls = [];
  const errors = [];
  const events = [];
  const note = (name) => async (event) => {
    calls.push(`${name} ${event.data.invoiceId}`);
    events.push(event);
    await work(event, calls.length);
  };
  return {
    ...{ calls, errors, events },
    run: (more = {}) =>
      reconcile({
        ...{
          gwop,
          store,
          since: SINCE,
          onPaid: note("PAID"),
          onExpired: note("EXPIRED"),
          onCanceled: note("CANCELED"),
        },
        ...{ onConflict: note("conflict"), onError: (error, info) => errors.push({ error, info }) },
        ...options,
        ...more,
      }),
  };
}

/** Returns the expected calls of a run over these invoices. */
export const callsOf = (invoices) => invoices.map(({ id, status }) => `${status} ${id}`).sort();
