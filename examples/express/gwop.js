// The client and the webhook options that the routes share. The keys are in the environment.
import { Gwop } from "@gwop/sdk";
import { memoryStore } from "@gwop/sdk/stores";

export const gwop = new Gwop();

export const webhook = {
  gwop,
  // For one process. For production, use a store over a database: see `@gwop/sdk/stores`.
  store: memoryStore(),
  on: {
    "invoice.paid": (event) => console.log(`paid: ${event.data.invoiceId}`),
    "invoice.expired": (event) => console.log(`expired: ${event.data.invoiceId}`),
    "invoice.canceled": (event) => console.log(`canceled: ${event.data.invoiceId}`),
  },
};
