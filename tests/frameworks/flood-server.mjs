// A plain server on Node that verifies deliveries: `flood-server.mjs`, from the consumer project.
// It runs in its own process, whose memory the test measures. It prints its port, and responds to
// each delivery with the code of its refusal.
import { createServer } from "node:http";
import { Readable } from "node:stream";
import { Gwop } from "@gwop/sdk";
import { deliver, PAID, SECRET } from "../suite/deliveries.js";

const gwop = new Gwop({ webhookSecret: SECRET });
// Loads and compiles everything before the measurement.
await gwop.validateWebhook({ request: await deliver(PAID) });

let least = Infinity;
let most = 0;
const look = () => {
  const { rss } = process.memoryUsage();
  least = Math.min(least, rss);
  most = Math.max(most, rss);
};
setInterval(look, 2).unref();

const server = createServer(async (incoming, response) => {
  if (incoming.url === "/memory") {
    look();
    response.end(JSON.stringify({ least, most }));
    [least, most] = [Infinity, 0];
    return look();
  }
  const body = Readable.toWeb(incoming);
  const request = new Request("http://shop.example/webhooks/gwop", {
    method: "POST",
    headers: incoming.headers,
    body,
    duplex: "half",
  });
  const begun = performance.now();
  const { code } = await gwop.validateWebhook({ request }).catch((error) => error);
  look();
  response.end(JSON.stringify({ code, ms: performance.now() - begun }));
});
// The test holds the other end. When it ends, this process ends too.
process.stdin.on("end", () => process.exit()).resume();
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
