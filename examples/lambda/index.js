import { gwopAuthRoutes, gwopWebhook, withGwopAuth } from "@gwop/sdk/lambda";
import { gwop, webhook as options } from "./gwop.js";

export const webhook = gwopWebhook(options);
export const auth = gwopAuthRoutes({ gwop });
export const me = withGwopAuth({ gwop }, async (_event, identity) => ({
  statusCode: 200,
  headers: { "content-type": "text/plain" },
  body: identity.subject,
}));
