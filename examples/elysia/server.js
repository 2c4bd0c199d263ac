import { Elysia } from "elysia";
import { gwopAuthRoutes, gwopWebhook, withGwopAuth } from "@gwop/sdk/elysia";
import { gwop, webhook } from "./gwop.js";

// Elysia must not parse these bodies.
const raw = { parse: "none" };

new Elysia()
  .all("/webhooks/gwop", gwopWebhook(webhook), raw)
  .all("/auth/*", gwopAuthRoutes({ gwop }), raw)
  .get(
    "/me",
    withGwopAuth({ gwop }, (_context, identity) => identity.subject),
  )
  .listen({ port: Number(process.env.PORT ?? 3000), hostname: "127.0.0.1" });
