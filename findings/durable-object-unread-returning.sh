#!/usr/bin/env bash
# workerd 1.20260426.1 (miniflare 4.20260426.0), Durable Objects with SQLite: `sql.exec("INSERT … RETURNING …")` whose cursor is not read to its
# end fails the request with "internal error", after the object's code has returned, and none of the request's writes remain. The log names
# SQLite's reason: cannot commit transaction - SQL statements in progress. An unread SELECT is harmless. Read the cursor
# with `.toArray()`. (workerd's issue 959 tells of other errors of unread cursors.)
#
# Guess before the run: a statement is run by `exec`, and a cursor that nobody wants is dropped; or `exec` throws where it is called.
# Seen on 2026-11-30 with Node 20.20:
#   insert, unread: the code ends, then an internal error, 0 rows remain
#   insert, first row read: the code ends, then an internal error, 0 rows remain
#   insert before an unread update: the code ends, then an internal error, 0 rows remain
#   insert, all rows read: the code ends, done, 2 rows remain
#   insert before an unread select: the code ends, done, 2 rows remain
#   logged: cannot commit transaction - SQL statements in progress
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

export class Orders extends DurableObject {
  constructor(state, env) {
    super(state, env);
    state.storage.sql.exec("CREATE TABLE IF NOT EXISTS orders (id INTEGER)");
  }
  async fetch(request) {
    const { sql } = this.ctx.storage;
    const insert = (more) => sql.exec("INSERT INTO orders VALUES (1), (2)" + more);
    const steps = {
      "insert, unread": () => insert(" RETURNING id"),
      "insert, first row read": () => insert(" RETURNING id").next(),
      "insert before an unread update": () => {
        insert("");
        sql.exec("UPDATE orders SET id = id + 1 RETURNING id");
      },
      "insert, all rows read": () => insert(" RETURNING id").toArray(),
      "insert before an unread select": () => {
        insert("");
        sql.exec("SELECT id FROM orders");
      },
    };
    const name = new URL(request.url).searchParams.get("step");
    if (name === null) return Response.json(sql.exec("SELECT count(*) n FROM orders").one().n);
    try {
      steps[name]();
    } catch (error) {
      console.log("threw: " + name);
      throw error;
    }
    console.log("ended: " + name);
    return new Response("done");
  }
}
export default {
  fetch(request, env) {
    const object = new URL(request.url).searchParams.get("object");
    return env.ORDERS.get(env.ORDERS.idFromName(object)).fetch(request);
  },
};`;
let logged = "";
const miniflare = new Miniflare({
  modules: true,
  script,
  compatibilityDate: "2026-04-01",
  cf: false,
  handleRuntimeStdio(...streams) {
    for (const stream of streams) stream.on("data", (text) => (logged += text));
  },
  durableObjects: { ORDERS: { className: "Orders", useSQLite: true } },
});
const lines = [];
for (const name of [
  "insert, unread",
  "insert, first row read",
  "insert before an unread update",
  "insert, all rows read",
  "insert before an unread select",
]) {
  const object = `http://worker/?object=${encodeURIComponent(name)}`;
  const text = await (await miniflare.dispatchFetch(`${object}&step=${encodeURIComponent(name)}`)).text();
  const result = text.includes("internal error") ? "then an internal error" : text;
  const left = await (await miniflare.dispatchFetch(object)).json();
  lines.push(`${name}: the code ends, ${result}, ${left} rows remain`);
}
await miniflare.dispose();
for (const name of ["insert, unread", "insert, first row read", "insert before an unread update"])
  if (!logged.includes(`ended: ${name}`)) lines.push(`${name}: the code did not end`);
const reason = "cannot commit transaction - SQL statements in progress";
if (logged.includes(reason)) lines.push(`logged: ${reason}`);
for (const line of lines) console.log(line);
const expected = [
  "insert, unread: the code ends, then an internal error, 0 rows remain",
  "insert, first row read: the code ends, then an internal error, 0 rows remain",
  "insert before an unread update: the code ends, then an internal error, 0 rows remain",
  "insert, all rows read: the code ends, done, 2 rows remain",
  "insert before an unread select: the code ends, done, 2 rows remain",
  `logged: ${reason}`,
];
process.exit(JSON.stringify(lines) === JSON.stringify(expected) ? 0 : 1);
RUN
node run.mjs
