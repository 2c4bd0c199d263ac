import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { gwopAuth, gwopAuthRoutes, gwopWebhook } from "@gwop/sdk/hono";
import { gwop, webhook } from "./gwop.js";

const app = new Hono();
app.all("/webhooks/gwop", gwopWebhook(webhook));
app.all("/auth/*", gwopAuthRoutes({ gwop }));
app.get("/me", gwopAuth({ gwop }), (c) => c.text(c.var.gwop.subject));

serve({ fetch: app.fetch, port: Number(process.env.PORT ?? 3000), hostname: "127.0.0.1" });
