#!/usr/bin/env bash
# workerd 1.20260426.1 (miniflare 4.20260426.0): an alarm that fails is not tried again if its handler has called `setAlarm` or `deleteAlarm` before it
# threw. The new alarm stands in its place, at its own time and with `retryCount` 0, or nothing does. A handler that first plans its next round
# and then works loses the retries. What it has written before it threw remains in all three. Plan the next round last. (Cloudflare documents
# that `deleteAlarm` in a handler may prevent retries; it does not say so of `setAlarm`.)
#
# Guess before the run: an alarm that throws is tried again after some 2 seconds, whatever it has planned, because Cloudflare documents that alarms are
# run at least once and are tried again on failure.
# Seen on 2026-11-30 with Node 20.20:
#   throws: the row of run 0 remains, then a retry, sooner than 8 s
#   sets the next alarm, throws: the row of run 0 remains, then no retry, but the next alarm
#   deletes its alarm, throws: the row of run 0 remains, then nothing for 14 s
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
import { DurableObject } from "cloudflare:workers";

export class Rounds extends DurableObject {
  async fetch(request) {
    const how = new URL(request.url).searchParams.get("how");
    const { sql } = this.ctx.storage;
    if (how === null) return Response.json(sql.exec("SELECT at, retry FROM runs").toArray());
    sql.exec("CREATE TABLE runs (at INTEGER, retry INTEGER)");
    this.ctx.storage.kv.put("how", how);
    await this.ctx.storage.setAlarm(Date.now() + 100);
    return new Response("set");
  }
  async alarm({ retryCount }) {
    const { sql, kv } = this.ctx.storage;
    sql.exec("INSERT INTO runs VALUES (CAST(? AS INTEGER), CAST(? AS INTEGER))", Date.now(), retryCount);
    if (sql.exec("SELECT count(*) n FROM runs").one().n > 1) return;
    if (kv.get("how") === "sets the next alarm, throws") await this.ctx.storage.setAlarm(Date.now() + 8_000);
    if (kv.get("how") === "deletes its alarm, throws") await this.ctx.storage.deleteAlarm();
    throw new Error("the work failed");
  }
}
export default {
  fetch(request, { ROUNDS }) {
    const object = new URL(request.url).searchParams.get("object");
    return ROUNDS.get(ROUNDS.idFromName(object)).fetch(request);
  },
};`;
const miniflare = new Miniflare({
  modules: true,
  script,
  compatibilityDate: "2026-04-01",
  cf: false,
  handleRuntimeStdio() {},
  durableObjects: { ROUNDS: { className: "Rounds", useSQLite: true } },
});
const ways = ["throws", "sets the next alarm, throws", "deletes its alarm, throws"];
const object = (way) => `http://worker/?object=${encodeURIComponent(way)}`;
for (const way of ways) await miniflare.dispatchFetch(`${object(way)}&how=${encodeURIComponent(way)}`);
await new Promise((resolve) => setTimeout(resolve, 14_000));
const lines = [];
for (const way of ways) {
  const [first, second] = await (await miniflare.dispatchFetch(object(way))).json();
  let then = "nothing for 14 s";
  if (second?.retry === 1 && second.at - first.at < 8_000) then = "a retry, sooner than 8 s";
  else if (second?.retry === 0 && second.at - first.at >= 7_500) then = "no retry, but the next alarm";
  else if (second) then = JSON.stringify([first, second]);
  lines.push(`${way}: the row of run ${first?.retry} remains, then ${then}`);
}
await miniflare.dispose();
for (const line of lines) console.log(line);
const expected = [
  "throws: the row of run 0 remains, then a retry, sooner than 8 s",
  "sets the next alarm, throws: the row of run 0 remains, then no retry, but the next alarm",
  "deletes its alarm, throws: the row of run 0 remains, then nothing for 14 s",
];
process.exit(JSON.stringify(lines) === JSON.stringify(expected) ? 0 : 1);
RUN
node run.mjs
