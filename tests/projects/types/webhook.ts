// The types on which a merchant's TypeScript relies. Only the compiler checks them.
import { Gwop } from "@gwop/sdk";
import { isGwopError, ErrorCode } from "@gwop/sdk/errors";
import { SDKValidationError } from "@gwop/sdk/models/errors";

/** Fails to compile unless both types are the same. */
type Same<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <A, B>(_: Same<A, B>): void => {};

export async function handle(request: Request): Promise<Response> {
  const gwop = new Gwop({ webhookSecret: ["whsec_new", "whsec_old"] });
  try {
    const event = await gwop.validateWebhook({
      request,
      toleranceSeconds: 60,
      receivedAt: new Date(),
    });
    same<typeof event.xGwopEventId, string>(true);
    same<typeof event.body.eventType, "invoice.paid" | "invoice.expired" | "invoice.canceled">(
      true,
    );
    if (event.body.eventType === "invoice.paid") {
      same<typeof event.body.data.paidAt, Date>(true);
      same<typeof event.body.data.amountUsdc, string>(true);
      same<typeof event.body.data.payerWallet, string>(true);
    }
    const derived = await gwop.validateWebhook({ request, reconciled: true });
    if (derived.body.eventType === "invoice.paid") {
      same<typeof derived.body.data.payerWallet, string | undefined>(true);
      same<undefined extends typeof derived.body.data.paymentChain ? true : false, true>(true);
      same<typeof derived.body.data.paidAt, Date>(true);
    }
    // @ts-expect-error A field that no event has.
    void event.body.data.nothing;
  } catch (error) {
    if (error instanceof SDKValidationError) return new Response(error.message, { status: 401 });
    if (isGwopError(error, ErrorCode.RateLimited)) return new Response(null, { status: 503 });
    throw error;
  }
  // @ts-expect-error The request is required.
  await gwop.validateWebhook({});
  return new Response(null, { status: 204 });
}
