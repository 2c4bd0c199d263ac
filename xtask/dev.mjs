// The Worker on workerd with a local Gwop and a fulfillment that prints: run by `cargo xtask dev`.
import { spawn } from "node:child_process";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";

const top = fileURLToPath(new URL("..", import.meta.url));
const [WORKER_PORT, GWOP_PORT, FULFILMENT_PORT] = [8787, 4010, 8789];
const on = (port) => `http://127.0.0.1:${port}`;
const FULFILLMENT_SECRET = "whsec_fulfilment_dev";
const settings = {
  GWOP_WEBHOOK_SECRET: "whsec_simulator",
  GWOP_MERCHANT_API_KEY: "sk_m_simulator",
  GWOP_MERCHANT_ID: "9e9c9ba5-3bab-4172-8a79-336f9ca0f163",
  GWOP_SERVER_URL: on(GWOP_PORT),
  GWOP_IDENTITY_URL: on(GWOP_PORT),
  AUTH_SECRET: "auth_secret_for_development",
  OPERATOR_TOKEN: "operator_for_development",
  FULFILLMENT_URL: on(FULFILMENT_PORT),
  FULFILLMENT_SECRET,
};

const { Gwop } = await import(new URL("../dist/npm/index.node.js", import.meta.url));
const gwop = new Gwop({ webhookSecret: FULFILLMENT_SECRET });
createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  try {
    const event = await gwop.validateWebhook({
      request: {
        body: Buffer.concat(chunks).toString(),
        headers: request.headers,
        url: request.url,
        method: request.method,
      },
      reconciled: true,
    });
    console.log(
      `fulfillment: ${event.body.eventType} ${event.body.gwopOutcome} ${event.body.data.publicInvoiceId}`,
    );
    response.writeHead(204).end();
  } catch (error) {
    console.log(`fulfillment: refused, ${error.message}`);
    response.writeHead(400).end();
  }
}).listen(FULFILMENT_PORT, "127.0.0.1");

const children = [
  [
    `${top}dist/npm/gwop-simulator.js`,
    "--port",
    GWOP_PORT,
    "--webhook-url",
    `${on(WORKER_PORT)}/webhooks/gwop`,
    "--merchant-id",
    settings.GWOP_MERCHANT_ID,
  ],
  [
    `${top}node_modules/wrangler/bin/wrangler.js`,
    "dev",
    "--ip",
    "127.0.0.1",
    "--port",
    WORKER_PORT,
    "--show-interactive-dev-session=false",
    ...Object.entries(settings).flatMap(([name, value]) => ["--var", `${name}:${value}`]),
  ],
].map((command) =>
  spawn(process.execPath, command.map(String), {
    cwd: top,
    stdio: ["ignore", "inherit", "inherit"],
  }),
);
const stop = (code) => {
  for (const child of children) child.kill();
  process.exit(code);
};
for (const child of children) child.on("exit", (code) => stop(code ?? 1));
// Ctrl-C reaches every program. If `cargo xtask dev` ends in another way, its end of this pipe
// closes.
process.stdin.on("end", () => stop(0)).resume();
process.on("SIGTERM", () => stop(0));
console.log(`
  Worker      ${on(WORKER_PORT)}
  Gwop        ${on(GWOP_PORT)}   (GET / explains it)
  an invoice  curl -d '{"amount_usdc":1000000}' -H 'authorization: Bearer ${settings.GWOP_MERCHANT_API_KEY}' -H 'content-type: application/json' ${on(GWOP_PORT)}/v1/invoices
  pay it      curl -d '{"target":"inv_…"}' ${on(GWOP_PORT)}/_sim/pay
  look at it  curl -H 'authorization: Bearer ${settings.OPERATOR_TOKEN}' ${on(WORKER_PORT)}/invoices/inv_…
`);
