#!/usr/bin/env bash
# wrangler 4.86.0, `wrangler dev`: a Worker reads one chunk of a long body and answers. The next GET, the only request that is under way, meets the
# connection that broke, and is never answered: its proxy keeps it "to try again", which it does when another request comes. A POST is told
# "Your worker restarted mid-request" instead, though nothing restarted.
# By itself, workerd answers both; so do all that follow.
set -euo pipefail
directory=$(mktemp -d)
cd "$directory"
echo '{ "private": true }' > package.json
npm install --ignore-scripts --no-audit --no-fund --silent wrangler@4.86.0 > /dev/null 2>&1
cat > index.js <<'WORKER'
export default {
  async fetch(request) {
    if (request.method !== "POST") return new Response("ok");
    await request.body.getReader().read();
    return new Response("too long", { status: 413 });
  },
};
WORKER
printf 'name = "early"\nmain = "index.js"\ncompatibility_date = "2026-04-01"\n' > wrangler.toml
export WRANGLER_SEND_METRICS=false
setsid npx wrangler dev --ip 127.0.0.1 --port 18791 --inspector-port 18792 --show-interactive-dev-session=false > log 2>&1 &
pid=$!
trap 'kill -9 -- -$pid 2> /dev/null || true; rm -rf "$directory"' EXIT
cat > ask.mjs <<'ASK'
const url = "http://127.0.0.1:18791/";
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
for (let tries = 0; tries < 150 && !(await fetch(url).catch(() => false)); tries += 1) await sleep(200);
const body = new Uint8Array(3_000_000);
for (let round = 0; round < 10; round += 1) {
  await fetch(`${url}long`, { method: "POST", body }).then((answer) => answer.text(), () => {});
  let answered = false;
  const get = fetch(`${url}get`).then(() => (answered = true));
  await sleep(8_000);
  if (answered) continue;
  await fetch(`${url}another`);
  await Promise.race([get, sleep(3_000)]);
  console.log(`a GET was not answered within 8 s; ${answered ? "it was" : "nor was it"} when another request came`);
  process.exit(0);
}
console.log("changed: every GET was answered");
process.exit(1);
ASK
node ask.mjs
