// A merchant at a local Gwop whose webhooks are not sent.
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { TOP } from "./wrangler.mjs";

const { Gwop } = await import(pathToFileURL(join(TOP, "dist/npm/index.node.js")));

/** Creates invoices, and brings them to a final status. */
export function shopAt(simulator) {
  const gwop = new Gwop({ merchantApiKey: simulator.merchantApiKey, serverURL: simulator.url });
  const create = async (expiresInSeconds = 86_400) =>
    (await gwop.invoices.create({ body: { amountUsdc: 1_000_000, expiresInSeconds } })).result;
  const shop = {
    clock: (body) => simulator.control("POST", "clock", body),
    create,
    pay: (invoice, chain = "base") =>
      simulator.control("POST", "pay", { target: invoice.publicInvoiceId, chain }),
    async paid(chain) {
      const invoice = await create();
      const { transaction } = await shop.pay(invoice, chain);
      return { ...invoice, status: "PAID", transaction };
    },
    async canceled() {
      const invoice = await create();
      await gwop.invoices.cancel({ id: invoice.id });
      return { ...invoice, status: "CANCELED" };
    },
    /** Expires when the clock moves. */
    expired: async () => ({ ...(await create(60)), status: "EXPIRED" }),
  };
  return shop;
}
