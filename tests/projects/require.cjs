// CommonJS on any Node: the same webhook, with `require`.
const { Gwop } = require("@gwop/sdk");
const { GwopCheckout } = require("@gwop/sdk/checkout");
const { SDKValidationError } = require("@gwop/sdk/errors");

new GwopCheckout();
import("./sign.js").then(async ({ sign }) => {
  const { secret, request } = await sign();
  const gwop = new Gwop({ webhookSecret: secret });
  const { body } = await gwop.validateWebhook({ request });
  const error = await gwop
    .validateWebhook({ request: { ...request, headers: {} } })
    .catch((error) => error);
  if (body.eventType !== "invoice.paid" || !(error instanceof SDKValidationError))
    process.exitCode = 1;
  console.log(body.eventType, error.code);
});
