// Hono: the adapter, and the handler itself.
import { Hono } from "hono";
import { gwopAuth, gwopAuthRoutes, gwopWebhook } from "@gwop/sdk/hono";
import { Gwop } from "@gwop/sdk";
import { memoryStore } from "@gwop/sdk/stores";
import { handle } from "./handle.js";

const gwop = new Gwop();
export const app = new Hono()
  .post("/hook", (c) => handle(c.req.raw))
  .post(
    "/webhooks/gwop",
    gwopWebhook({ gwop, store: memoryStore(), onPaid() {}, onExpired() {}, onCanceled() {} }),
  )
  .all("/auth/*", gwopAuthRoutes({ gwop }))
  .get("/me", gwopAuth({ gwop }), (c) => c.text(c.var.gwop.subject));
