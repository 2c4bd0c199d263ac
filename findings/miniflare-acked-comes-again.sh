#!/usr/bin/env bash
# miniflare 4.20260426.0 (of wrangler 4.86.0), queues: a message that the consumer has acknowledged is delivered again, and goes to the
# dead letter queue, if the consumer then calls `batch.retryAll()` or throws. Its broker reads the messages to retry and whether all are,
# but not the acknowledged ones, which workerd reports too. The other way round, `message.retry()` holds against `batch.ackAll()`.
# Cloudflare's documentation of explicit acknowledgement: an acknowledged message is not delivered again, whatever the batch does later.
#
# Guess before the run: `retryAll()` and an exception spare the acknowledged message, as `ackAll()` spares the one to retry.
# Seen on 2026-11-30 with Node 20.20:
#   retryAll: delivered 1 2, 1 2, dead 1 2
#   throw: delivered 1 2, 1 2, dead 1 2
#   ackAll: delivered 1 2, 1, dead 1
# Needs Node 20 or newer with npm. Exits 0 where it is still so, 1 where it has changed, 2 where npm fails.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
echo '{ "private": true, "type": "module" }' > package.json
npm install --ignore-scripts --no-audit --no-fund --silent miniflare@4.20260426.0 > /dev/null 2>&1 || exit 2
cat > run.mjs <<'RUN'
import { Miniflare } from "miniflare";

const script = `
const seen = [];
export default {
  async fetch(request, env) {
    const how = new URL(request.url).searchParams.get("how");
    if (how === null) return Response.json(seen);
    await env.QUEUE.sendBatch([{ body: { how, id: 1 } }, { body: { how, id: 2 } }]);
    return new Response("sent");
  },
  async queue(batch) {
    const [first] = batch.messages;
    const { how } = first.body;
    seen.push({ how, text: (batch.queue === "dead" ? "dead " : "") + batch.messages.map(({ body }) => body.id).join(" ") });
    if (batch.queue === "dead") return;
    if (how === "ackAll") {
      first.retry();
      batch.ackAll();
      return;
    }
    for (const message of batch.messages) if (message.body.id === 1) message.ack();
    if (how === "retryAll") batch.retryAll();
    else throw new Error("after an acknowledgement");
  },
};`;
const miniflare = new Miniflare({
  modules: true,
  script,
  compatibilityDate: "2026-04-01",
  cf: false,
  queueProducers: { QUEUE: "queue" },
  queueConsumers: {
    queue: { maxBatchSize: 2, maxBatchTimeout: 1, maxRetries: 1, deadLetterQueue: "dead" },
    dead: { maxBatchTimeout: 1 },
  },
});
const expected = {
  retryAll: "1 2, 1 2, dead 1 2",
  throw: "1 2, 1 2, dead 1 2",
  ackAll: "1 2, 1, dead 1",
};
let changed = false;
for (const [how, text] of Object.entries(expected)) {
  await miniflare.dispatchFetch(`http://worker/?how=${how}`);
  let delivered = "";
  for (let time = 0; time < 100 && !delivered.includes("dead"); time += 1) {
    await new Promise((resolve) => setTimeout(resolve, 200));
    const seen = await (await miniflare.dispatchFetch("http://worker/")).json();
    delivered = seen.filter((one) => one.how === how).map((one) => one.text).join(", ");
  }
  console.log(`${how}: delivered ${delivered}`);
  changed ||= delivered !== text;
}
await miniflare.dispose();
process.exit(changed ? 1 : 0);
RUN
node run.mjs
