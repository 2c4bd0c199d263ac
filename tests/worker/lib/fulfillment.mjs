// The merchant's side: an HTTP server that receives the Worker's deliveries, which the SDK
// verifies.
import { createServer } from "node:http";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { TOP } from "./wrangler.mjs";

/** The fulfillment secret of every Worker in the tests. */
export const FULFILLMENT_SECRET = "whsec_fulfilment_of_the_tests";

async function sdk(webhookSecret) {
  const entry = join(TOP, "dist/npm/index.node.js");
  if (!existsSync(entry)) throw new Error(`${entry} is not there: run \`cargo xtask build\``);
  const { Gwop } = await import(pathToFileURL(entry));
  return new Gwop({ webhookSecret });
}

/**
 * Starts a fulfillment endpoint. `received` lists the verified deliveries, `refused` the others.
 * `answer(event)` returns the status, by default 200. `offsetMs` is how far its clock is ahead.
 */
export async function startFulfillment(secret = FULFILLMENT_SECRET) {
  const gwop = await sdk(secret);
  const endpoint = { received: [], refused: [], attempts: 0, offsetMs: 0, answer: () => 200 };
  const server = createServer(async (request, response) => {
    const chunks = [];
    try {
      for await (const chunk of request) chunks.push(chunk);
    } catch {
      // The Worker was killed in the middle of this delivery, so it has not arrived.
      return;
    }
    const body = Buffer.concat(chunks).toString();
    endpoint.attempts += 1;
    let status = 400;
    try {
      const event = await gwop.validateWebhook({
        request: { body, headers: request.headers, url: request.url, method: request.method },
        reconciled: true,
        receivedAt: new Date(Date.now() + endpoint.offsetMs),
      });
      const delivery = {
        eventId: event.body.eventId,
        outcome: event.body.gwopOutcome,
        type: event.body.eventType,
        invoiceId: event.body.data.invoiceId,
        at: Date.now(),
        event,
        body,
        headers: request.headers,
      };
      status = await endpoint.answer(delivery);
      if (status >= 200 && status < 300) endpoint.received.push(delivery);
    } catch (error) {
      endpoint.refused.push(String(error));
    }
    response.writeHead(status).end();
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  endpoint.url = `http://127.0.0.1:${server.address().port}/fulfil`;
  endpoint.of = (eventId) => endpoint.received.filter((delivery) => delivery.eventId === eventId);
  endpoint.stop = () =>
    new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    });
  return endpoint;
}
