// The one shared client, and thin adapters around it: nothing else in the store knows Gwop's API.
import { Gwop } from "@gwop/sdk";

/** What the store is configured with: environment variables, or the bindings of a Worker. */
export interface Config {
  GWOP_MERCHANT_API_KEY: string;
  GWOP_MERCHANT_ID: string;
  GWOP_WEBHOOK_SECRET: string;
  /** What exchange secrets of the wallet log-in are made from; commas separate the current from the previous one. */
  AUTH_SECRET: string;
  /** Only for a local Gwop. */
  GWOP_SERVER_URL?: string | undefined;
  /** Only for a local Gwop. */
  GWOP_IDENTITY_URL?: string | undefined;
}

export function createClient(config: Config): Gwop {
  return new Gwop({
    merchantApiKey: config.GWOP_MERCHANT_API_KEY,
    merchantId: config.GWOP_MERCHANT_ID,
    webhookSecret: config.GWOP_WEBHOOK_SECRET.split(","),
    serverURL: config.GWOP_SERVER_URL,
    identityURL: config.GWOP_IDENTITY_URL,
  });
}

/** An invoice as the store keeps it: both ids, since webhooks and merchants use the one, agents the other. */
export interface Invoice {
  invoiceId: string;
  publicInvoiceId: string;
  /** What the agent pays, Gwop's fee included, in atomic USDC. */
  amountUsdc: number;
  expiresAt: Date;
}

/** @param idempotencyKey Repeating a sale with the same key gives the same invoice. */
export async function createInvoice(
  gwop: Gwop,
  price: number,
  description: string,
  idempotencyKey: string,
): Promise<Invoice> {
  const { result } = await gwop.invoices.create({
    idempotencyKey,
    body: { amountUsdc: price, description },
  });
  const { id: invoiceId, publicInvoiceId, amountUsdc, expiresAt } = result;
  return { invoiceId, publicInvoiceId, amountUsdc, expiresAt };
}
