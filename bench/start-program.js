// `start-program.js gwop|stripe BODY SIGNATURE SECRET`: from the import to the first verified webhook, in milliseconds,
// in a process that has done nothing else.
const [, , library, body, signature, secret] = process.argv;
const from = performance.now();
if (library === "gwop") {
  const { Gwop } = await import("@gwop/sdk");
  await new Gwop({ webhookSecret: secret }).validateWebhook({ request: { body, headers: { "x-gwop-signature": signature } } });
} else {
  const { default: Stripe } = await import("stripe");
  await Stripe.webhooks.constructEventAsync(body, signature, secret);
}
console.log(`RESULT ${performance.now() - from}`);
