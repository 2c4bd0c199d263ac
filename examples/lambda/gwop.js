// What the routes share. The keys are in the environment: see README.md.
import { Gwop } from "@gwop/sdk";
import { memoryStore } from "@gwop/sdk/stores";

export const gwop = new Gwop();

export const webhook = {
  gwop,
  // Lambda runs many processes: put one of `@gwop/sdk/stores` over a database in its place.
  store: memoryStore(),
  on: {
    "invoice.paid": (event) => console.log(`paid: ${event.data.invoiceId}`),
    "invoice.expired": (event) => console.log(`expired: ${event.data.invoiceId}`),
    "invoice.canceled": (event) => console.log(`canceled: ${event.data.invoiceId}`),
  },
};
