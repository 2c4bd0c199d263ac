// An error about a missing variable says what Cloudflare Workers need for `process.env`.
import { Gwop } from "@gwop/sdk";
import { GwopCheckout } from "@gwop/sdk/checkout";
import { createAuthMiddleware } from "@gwop/sdk/handlers";

for (const name of Object.keys(process.env)) if (name.startsWith("GWOP_")) delete process.env[name];

const gwop = new Gwop();
const asked = {
  GWOP_WEBHOOK_SECRET: () => gwop.validateWebhook({ request: { body: "{}", headers: {} } }),
  GWOP_MERCHANT_ID: () => gwop.auth.verifyToken("a.b.c"),
  "GWOP_MERCHANT_ID of a middleware": () =>
    new Promise((_, failed) =>
      createAuthMiddleware({ gwop, onError: failed })(
        new Request("https://shop.example", { headers: { authorization: "Bearer a.b.c" } }),
      ).catch(failed),
    ),
  "GWOP_WEBHOOK_SECRET of gwop-checkout": async () =>
    GwopCheckout.webhooks.constructEvent("{}", "t=1,v1=00"),
  GWOP_CHECKOUT_API_KEY: () => new GwopCheckout().invoices.create({ amount_usdc: 1_000_000 }),
};
for (const [name, ask] of Object.entries(asked)) {
  const { message } = await ask().then(
    () => ({ message: "no error" }),
    (error) => error,
  );
  if (
    !message.includes(name.split(" ")[0]) ||
    !message.includes("nodejs_compat and a compatibility date of 2025-04-01")
  )
    throw new Error(`${name}: ${message}`);
}
console.log(`${Object.keys(asked).length} errors name the date`);
