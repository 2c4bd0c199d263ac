// The whole client as a merchant's TypeScript sees it. Only the compiler checks it.
import { Gwop, HTTPClient, ServerList } from "@gwop/sdk";
import type { ErrorResponse, GwopError } from "@gwop/sdk/models/errors";
import type { Invoice, InvoicePublic } from "@gwop/sdk/models";
import type { InvoicesCreateResponse } from "@gwop/sdk/models/operations";
import type { InvoicePaidEvent } from "@gwop/sdk/models/webhooks";
import type { RequestOptions } from "@gwop/sdk/types";
import { Simulator } from "@gwop/sdk/simulator";

const options: RequestOptions = {
  timeoutMs: 1000,
  retries: { strategy: "none" },
  signal: AbortSignal.timeout(1),
};

export async function sell(): Promise<Invoice> {
  const sim = new Simulator();
  const gwop = new Gwop({
    merchantApiKey: async () => "sk_m_x",
    httpClient: sim.httpClient,
    serverURL: ServerList[0],
  });
  const created: InvoicesCreateResponse = await gwop.invoices.create(
    { body: { amountUsdc: 1 } },
    options,
  );
  const shown: InvoicePublic = (await gwop.invoices.get({ id: created.result.publicInvoiceId }))
    .result;
  for await (const invoice of gwop.invoices.listAll({ status: "PAID" }))
    shown.id satisfies typeof invoice.publicInvoiceId;
  const { subject, expiresAt } = await gwop.auth.verifyToken("", {
    merchantId: "m",
    sessionCheck: "always",
  });
  expiresAt.toISOString().concat(subject);
  // @ts-expect-error An amount is a number of atomic units.
  await gwop.invoices.create({ body: { amountUsdc: "1" } });
  // @ts-expect-error There is no such option.
  new Gwop({ apiKey: "sk_m_x" });
  return created.result;
}

export const client = new HTTPClient({ fetcher: (input, init) => fetch(input as Request, init) });
export const transaction = (event: InvoicePaidEvent): string | undefined => event.data.txHash;
export const status = (error: GwopError | ErrorResponse): number => error.statusCode;
