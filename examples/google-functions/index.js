// Google's framework uses Express's requests and responses, and keeps the raw body. So Express's
// adapter works.
import functions from "@google-cloud/functions-framework";
import { gwopAuth, gwopAuthRoutes, gwopWebhook } from "@gwop/sdk/express";
import { gwop, webhook } from "./gwop.js";

const handleWebhook = gwopWebhook(webhook);
const handleAuth = gwopAuthRoutes({ gwop });
const authenticate = gwopAuth({ gwop });

functions.http("shop", (req, res) => {
  if (req.path === "/webhooks/gwop") return handleWebhook(req, res);
  if (req.path === "/me") return authenticate(req, res, () => res.send(req.gwop.subject));
  return handleAuth(req, res);
});
