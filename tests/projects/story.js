// The test of each project in `tests/projects`: the installed package verifies a webhook that other
// code signed.
import { Gwop } from "@gwop/sdk";
import { SDKValidationError } from "@gwop/sdk/errors";
import { sign } from "./sign.js";

export async function story() {
  const { secret, request } = await sign();
  const gwop = new Gwop({ webhookSecret: secret });
  const event = await gwop.validateWebhook({ request });
  const again = gwop.validateWebhookSync({ request });
  let refusal;
  try {
    gwop.validateWebhookSync({
      request: { ...request, body: request.body.replace("1025000", "9") },
    });
  } catch (error) {
    refusal = error instanceof SDKValidationError && error.code;
  }
  return [event.body.eventType, again.body.data.amountUsdc, refusal].join(" ");
}

/** The result of {@link story} on success. */
export const EXPECTED = "invoice.paid 1025000 WEBHOOK_SIGNATURE_MISMATCH";
