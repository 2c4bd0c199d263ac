import functions from "@azure/functions";
import { gwopAuthRoutes, gwopWebhook, withGwopAuth } from "@gwop/sdk/azure-functions";
import { gwop, webhook } from "./gwop.js";

const { app } = functions;
// Gwop and agents have no key for your function app.
const authLevel = "anonymous";
const me = withGwopAuth({ gwop }, (_request, identity) => ({ body: identity.subject }));

app.http("webhook", {
  authLevel,
  methods: ["POST"],
  route: "webhooks/gwop",
  handler: gwopWebhook(webhook),
});
app.http("auth", {
  authLevel,
  methods: ["GET", "POST", "DELETE"],
  route: "auth/{*path}",
  handler: gwopAuthRoutes({ gwop, basePath: "/api/auth" }),
});
app.http("me", { authLevel, methods: ["GET"], route: "me", handler: me });
