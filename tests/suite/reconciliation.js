// A merchant at a local Gwop whose webhooks go nowhere, for the tests of `reconcile`.
import { Gwop } from "@gwop/sdk";
import { reconcile } from "@gwop/sdk/handlers";
import { Simulator } from "@gwop/sdk/simulator";
import { SECRET } from "./deliveries.js";

/** Opens a shop: `options` are the simulator's. `paid`, `expired` and `canceled` make an invoice of that end. */
export function market(options = {}) {
  const sim = new Simulator({ autoDeliver: false, webhookSecret: SECRET, ...options });
  const { httpClient, merchantApiKey, merchantId } = sim;
  const client = { httpClient, merchantApiKey, merchantId, webhookSecret: SECRET };
  const gwop = new Gwop(client);
  const create = async (expiresInSeconds = 86_400) =>
    (await gwop.invoices.create({ body: { amountUsdc: 1_000_000, expiresInSeconds } })).result;
  const shop = {
    ...{ sim, gwop, client, create },
    /** How often an operation was asked for. */
    asked: (operation) => sim.requests.filter((request) => request.operation === operation).length,
    async paid(chain = "base") {
      const invoice = await create();
      await sim.pay(invoice.publicInvoiceId, { chain });
      return { ...invoice, status: "PAID" };
    },
    /** Expires once the clock has gone on for a minute. */
    expired: async () => ({ ...(await create(60)), status: "EXPIRED" }),
    async canceled() {
      const invoice = await create();
      await gwop.invoices.cancel({ id: invoice.id });
      return { ...invoice, status: "CANCELED" };
    },
    /** So many, with every end, each of which they have reached. */
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

/** The time from which on everything of a test is looked at. */
export const SINCE = "2020-01-01T00:00:00Z";

/** `reconcile` with callbacks that are noted as `status invoiceId`. */
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

/** What the calls of a run over these invoices have to be. */
export const callsOf = (invoices) => invoices.map(({ id, status }) => `${status} ${id}`).sort();
