// What the routes share. The keys are in the environment: see README.md.
import { Gwop } from "@gwop/sdk";
import { memoryStore } from "@gwop/sdk/stores";

export const gwop = new Gwop();

export const webhook = {
  gwop,
  // For one process. `@gwop/sdk/stores` has those over a database, which several share.
  store: memoryStore(),
  on: {
    "invoice.paid": (event) => console.log(`paid: ${event.data.invoiceId}`),
    "invoice.expired": (event) => console.log(`expired: ${event.data.invoiceId}`),
    "invoice.canceled": (event) => console.log(`canceled: ${event.data.invoiceId}`),
  },
};
