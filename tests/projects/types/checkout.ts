// The types on which code for gwop-checkout relies. Only the compiler checks them.
import {
  type CreateInvoiceResponse,
  GwopCheckout,
  GwopCheckoutError,
  type InvoicePublic,
  RateLimitError,
  Webhooks,
} from "@gwop/sdk/checkout";

/** Fails to compile unless both types are the same. */
type Same<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <A, B>(_: Same<A, B>): void => {};

export async function sell(signal: AbortSignal): Promise<string> {
  const gwop = new GwopCheckout({
    merchantApiKey: "sk_m_x",
    maxRetries: 2,
    timeout: 30_000,
    debug: false,
  });
  try {
    const invoice = await gwop.invoices.create(
      { amount_usdc: 1_000_000, metadata: { order: 1 } },
      { idempotencyKey: "order-1" },
    );
    same<typeof invoice, CreateInvoiceResponse>(true);
    same<typeof invoice.created_at, string>(true);
    const page = await gwop.invoices.list({ status: "PAID", limit: 10 });
    same<typeof page.pagination.has_more, boolean>(true);
    const paid = await gwop.invoices.waitForStatus(invoice.public_invoice_id, ["PAID", "EXPIRED"], {
      timeout: 1,
      signal,
    });
    same<typeof paid, InvoicePublic>(true);
    // @ts-expect-error The older surface is snake_case.
    await gwop.invoices.create({ amountUsdc: 1_000_000 });
    // @ts-expect-error A status is needed.
    await gwop.invoices.waitForStatus(invoice.public_invoice_id);
    // @ts-expect-error The contract closes the set of statuses, and has them in capitals.
    await gwop.invoices.list({ status: "paid" });
    // @ts-expect-error Likewise.
    await gwop.invoices.waitForStatus(invoice.public_invoice_id, ["PAID", "expired"]);
    return (await gwop.invoices.cancel(invoice.id)).canceled_at;
  } catch (error) {
    if (error instanceof RateLimitError) return String(error.details?.["retry_after_seconds"]);
    if (error instanceof GwopCheckoutError) {
      const code: string = error.code;
      same<typeof error.statusCode, number | undefined>(true);
      same<typeof error.requestId, string | undefined>(true);
      return error.idempotencyKey ?? code;
    }
    throw error;
  }
}

export async function receive(rawBody: string, header: string | null): Promise<void> {
  const webhooks = new Webhooks();
  const event = webhooks.constructEvent(rawBody, header, "whsec_x", { tolerance: 300 });
  if (event.event_type === "invoice.paid") same<typeof event.data.paid_at, string>(true);
  await webhooks.dispatch(event, {
    invoicePaid: async ({ data }) => same<typeof data.amount_usdc, string>(true),
    invoiceExpired({ event_type }) {
      same<typeof event_type, "invoice.expired">(true);
    },
  });
  // @ts-expect-error A parsed body cannot be verified.
  webhooks.constructEvent({}, header, "whsec_x");
}
