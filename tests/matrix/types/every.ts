// Every subpath, as each way of module resolution finds it.
import { Gwop } from "@gwop/sdk";
import { GwopCheckout } from "@gwop/sdk/checkout";
import { isGwopError } from "@gwop/sdk/errors";
import { gwopWebhook } from "@gwop/sdk/express";
import { createWebhookHandler } from "@gwop/sdk/handlers";
import { gwopAuth } from "@gwop/sdk/hono";
import type { Invoice } from "@gwop/sdk/models";
import { GwopError } from "@gwop/sdk/models/errors";
import type { InvoicesCreateRequest } from "@gwop/sdk/models/operations";
import type { InvoicePaidEvent } from "@gwop/sdk/models/webhooks";
import { gwopProxy } from "@gwop/sdk/next";
import { Simulator } from "@gwop/sdk/simulator";
import { init } from "@gwop/sdk/slim";
import { memoryStore } from "@gwop/sdk/stores";
import type { RequestOptions } from "@gwop/sdk/types";

export const values = [
  Gwop,
  GwopCheckout,
  isGwopError,
  gwopWebhook,
  createWebhookHandler,
  gwopAuth,
  GwopError,
  gwopProxy,
  Simulator,
  init,
  memoryStore,
];
export type Types = [Invoice, InvoicesCreateRequest, InvoicePaidEvent, RequestOptions];

const gwop = new Gwop();
export const paid = gwop.invoices.list({ status: "PAID" });
// @ts-expect-error The contract closes the set of statuses, and has them in capitals.
export const wrong = gwop.invoices.list({ status: "paid" });
// @ts-expect-error Likewise.
export const wrongToo = gwop.invoices.waitForStatus({ id: "inv_1", status: ["PAID", "paid"] });
