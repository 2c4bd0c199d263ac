#!/usr/bin/env bash
# workerd 1.20260426.1, compatibility date 2026-04-01: a client disconnects while the Worker awaits a
# subrequest, without `waitUntil`. One expects that the request's context ends at once, as a
# maintainer describes it (cloudflare/workerd, pull request 5062). Here the subrequest stays open, and the code after it runs, its own writes included.
# A Worker that relies on the end (to stop a payment that nobody waits for, or to free what the
# request holds) is not tested by workerd. An upload that is broken off does end: reading it fails.
set -euo pipefail
directory=$(mktemp -d)
pid=
trap 'kill -9 -- -$pid 2> /dev/null || true; rm -rf "$directory"' EXIT
cd "$directory"
echo '{ "private": true }' > package.json
npm install --ignore-scripts --no-audit --no-fund --silent workerd@1.20260426.1 > /dev/null 2>&1
cat > worker.js <<'WORKER'
export default {
  async fetch(request, env) {
    await (await fetch(`${env.UPSTREAM}/slow`)).text();
    await fetch(`${env.UPSTREAM}/after`);
    return new Response("ok");
  },
};
WORKER
cat > config.capnp <<'CONFIG'
using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = (
      modules = [(name = "worker.js", esModule = embed "worker.js")],
      compatibilityDate = "2026-04-01",
      bindings = [(name = "UPSTREAM", text = "http://127.0.0.1:18795")],
      globalOutbound = "loopback",
    )),
    (name = "loopback", network = (allow = ["private"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:18796", http = (), service = "main")],
);
CONFIG
cat > ask.mjs <<'ASK'
import { createServer } from "node:http";
import { connect } from "node:net";
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const seen = { asked: 0, closedEarly: 0, after: 0 };
createServer((request, response) => {
  if (request.url === "/after") {
    seen.after += 1;
    response.end();
    return;
  }
  seen.asked += 1;
  let answered = false;
  response.on("close", () => { if (!answered) seen.closedEarly += 1; });
  setTimeout(() => { answered = true; response.end("late"); }, 3_000);
}).listen(18795, "127.0.0.1");
for (let tries = 0; tries < 100; tries += 1) {
  const up = await new Promise((done) => {
    const socket = connect(18796, "127.0.0.1", () => { socket.destroy(); done(true); });
    socket.on("error", () => done(false));
  });
  if (up) break;
  await sleep(100);
}
for (let count = 0; count < 10; count += 1) {
  const socket = connect(18796, "127.0.0.1", () => socket.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n"));
  await sleep(100);
  socket.destroy();
}
await sleep(5_000);
console.log(`${seen.asked} clients left: ${seen.closedEarly} subrequests were closed, ${seen.after} handlers ran on`);
process.exit(seen.asked === 10 && seen.closedEarly === 0 && seen.after === 10 ? 0 : 1);
ASK
setsid npx workerd serve config.capnp &
pid=$!
node ask.mjs
# Seen: 10 clients left: 0 subrequests were closed, 10 handlers ran on
