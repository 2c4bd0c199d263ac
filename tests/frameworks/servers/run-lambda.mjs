// Serves the example's functions behind one HTTP API: `run-lambda.mjs`, with the port in PORT.
import { auth, me, webhook } from "./examples/lambda/index.js";
import { served } from "./function-platform.mjs";
import { FORMS } from "./lambda-forms.mjs";

const { event, answer } = FORMS["API Gateway 2.0"];
const handlers = { "/webhooks/gwop": webhook, "/me": me };
await served(
  async (request) =>
    answer(await (handlers[request.url.split("?")[0]] ?? auth)(event(request, true))),
  [],
  Number(process.env.PORT),
);
