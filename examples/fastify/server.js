import Fastify from "fastify";
import { gwopAuth, gwopAuthRoutes, gwopWebhook } from "@gwop/sdk/fastify";
import { gwop, webhook } from "./gwop.js";

const app = Fastify();
app.register(gwopWebhook(webhook), { prefix: "/webhooks/gwop" });
app.register(gwopAuthRoutes({ gwop }));
app.get("/me", { onRequest: gwopAuth({ gwop }) }, (request) => request.gwop.subject);

await app.listen({ port: Number(process.env.PORT ?? 3000), host: "127.0.0.1" });
