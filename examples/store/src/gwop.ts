// The shared client and thin adapters around it. Nothing else in the store knows Gwop's API.
import { Gwop } from "@gwop/sdk";

/** The store's configuration: environment variables, or the bindings of a Worker. */
export interface Config {
  GWOP_MERCHANT_API_KEY: string;
  GWOP_MERCHANT_ID: string;
  GWOP_WEBHOOK_SECRET: string;
  /**
   * The secret from which the log-in's exchange secrets are computed. A comma separates the current
   * from the previous one.
   */
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

/**
 * An invoice as the store keeps it. It has both ids: webhooks and merchants use one, agents the
 * other.
 */
export interface Invoice {
  invoiceId: string;
  publicInvoiceId: string;
  /** What the agent pays, with Gwop's fee, in atomic USDC. */
  amountUsdc: number;
  expiresAt: Date;
}

/** @param idempotencyKey Repeating a sale with the same key returns the same invoice. */
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
