// The store's API: the app's own routes over the app's own services. Agents are known by their
// wallet. There are no passwords and no browsers.
import { formatUsdc } from "@gwop/sdk";
import { gwopAuth, gwopAuthRoutes, gwopWebhook, type GwopVariables } from "@gwop/sdk/hono";
import type { WebhookStore } from "@gwop/sdk/stores";
import { Hono } from "hono";
import { type Database, SCHEMA } from "./database.ts";
import { Entitlements } from "./entitlements.ts";
import { type Config, createClient, createInvoice } from "./gwop.ts";
import { PRODUCTS } from "./products.ts";

/** @param store Where the webhook handler keeps invoices. It can use the same database. */
export function createApp(
  config: Config,
  database: Database,
  store: WebhookStore,
): Hono<{ Variables: GwopVariables }> {
  const gwop = createClient(config);
  const entitlements = new Entitlements(database);
  const app = new Hono<{ Variables: GwopVariables }>();
  const agent = gwopAuth({ gwop, sessionCheck: "always" });

  let ready = false;
  app.use(async (_, next) => {
    if (!ready) for (const statement of SCHEMA) await database.query(statement);
    ready = true;
    return next();
  });

  // Only webhooks decide what is paid.
  app.post(
    "/webhooks/gwop",
    gwopWebhook({
      gwop,
      store,
      onPaid: (event) => entitlements.settle(event),
      onExpired: (event) => entitlements.settle(event),
      onCanceled: (event) => entitlements.settle(event),
      onConflict: (event) => entitlements.addConflict(event),
    }),
  );

  app.all(
    "/auth/*",
    gwopAuthRoutes({
      gwop,
      authSecret: config.AUTH_SECRET.split(/\s*,\s*/),
      sessionCheck: "always",
    }),
  );

  // The start page for agents.
  app.get("/", (c) =>
    c.json({
      name: "Example store",
      products: Object.entries(PRODUCTS).map(([name, { description, price }]) => ({
        name,
        description,
        price: formatUsdc(price),
      })),
      log_in: [
        "POST /auth/intents",
        "pay the challenge",
        "POST /auth/intents/{auth_intent_id}/exchange",
        "send the token as Authorization: Bearer",
      ],
      buy: "POST /checkouts { product }, with an Idempotency-Key; then pay the invoice at Gwop",
      use: "POST /calls",
      account: "GET /account",
    }),
  );

  app.post("/checkouts", agent, async (c) => {
    const { subject } = c.var.gwop;
    const body = await c.req.json<{ product?: unknown } | null>().catch(() => null);
    const name = body?.product;
    const product =
      typeof name === "string" && Object.hasOwn(PRODUCTS, name) ? PRODUCTS[name] : undefined;
    if (typeof name !== "string" || !product)
      return c.json(
        error("UNKNOWN_PRODUCT", `Choose one of ${Object.keys(PRODUCTS).join(", ")}`),
        400,
      );
    const key = await saleKey(
      subject,
      name,
      c.req.header("idempotency-key") ?? crypto.randomUUID(),
    );
    const invoice = await createInvoice(gwop, product.price, product.description, key);
    await entitlements.addCheckout(subject, name, product, invoice);
    const { publicInvoiceId, amountUsdc, expiresAt } = invoice;
    return c.json(
      { public_invoice_id: publicInvoiceId, total: formatUsdc(amountUsdc), expires_at: expiresAt },
      201,
    );
  });

  app.get("/checkouts/:id", agent, async (c) => {
    const checkout = await entitlements.checkout(c.var.gwop.subject, c.req.param("id"));
    return checkout
      ? c.json(checkout)
      : c.json(error("NOT_FOUND", "There is no such checkout of yours"), 404);
  });

  app.get("/account", agent, async (c) => {
    const { credits, planUntil, planCallsLeft } = await entitlements.account(c.var.gwop.subject);
    return c.json({
      subject: c.var.gwop.subject,
      credits,
      plan_until: planUntil ? new Date(planUntil) : null,
      plan_calls_left_today: planCallsLeft,
    });
  });

  // The product itself: every call is paid for.
  app.post("/calls", agent, async (c) => {
    const { subject, walletAddress } = c.var.gwop;
    const paidBy = await entitlements.spend(subject);
    if (!paidBy)
      return c.json(
        error("NOTHING_LEFT", "No credits, and no plan calls for today: POST /checkouts"),
        402,
      );
    const { credits, planCallsLeft } = await entitlements.account(subject);
    return c.json({
      answer: `Hello, ${walletAddress.slice(0, 6)}…`,
      paid_by: paidBy,
      credits,
      plan_calls_left_today: planCallsLeft,
    });
  });

  app.onError((reason, c) => {
    console.error(reason);
    return c.json(error("INTERNAL_ERROR", "Something went wrong here: try again"), 500);
  });
  return app;
}

/** Returns an idempotency key for this agent and product only, whatever the agent sends. */
async function saleKey(...parts: string[]): Promise<string> {
  const digest = await crypto.subtle.digest(
    "SHA-256",
    new TextEncoder().encode(JSON.stringify(parts)),
  );
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const error = (code: string, message: string) => ({ error: { code, message } });
