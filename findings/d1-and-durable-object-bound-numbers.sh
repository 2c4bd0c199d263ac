#!/usr/bin/env bash
# miniflare 4.20260426.0 (workerd 1.20260426.1), D1 and Durable Objects with SQLite: every bound number is a REAL, integers too. A TEXT
# column stores an amount of 1025000 as "1025000.0", `json_array` writes it so, and `7 / ?` with 2 is 3.5. A Durable Object binds `true` as the text "true", which SQLite counts as false: `CASE WHEN ? …` takes the other branch. D1 binds
# it as 1.0, which counts as true. Bind amounts as texts, or write `CAST(? AS INTEGER)`; bind flags as 0 and 1.
#
# Guess before the run: integers are INTEGER, as with bun:sqlite, and booleans 0 and 1, or an error, the same in both.
# Seen on 2026-11-30 with Node 20.20:
#   Durable Object, 1025000: real, in a TEXT column "1025000.0", [1025000.0], true
#   Durable Object, 2: real, in a TEXT column "2.0", [2.0], true, 7 / it = 3.5
#   Durable Object, true: text, in a TEXT column "true", ["true"], false
#   D1, 1025000: real, in a TEXT column "1025000.0", [1025000.0], true
#   D1, 2: real, in a TEXT column "2.0", [2.0], true, 7 / it = 3.5
#   D1, true: real, in a TEXT column "1.0", [1.0], true
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

const VALUES = [1025000, 2, true];
const CREATE = "CREATE TABLE IF NOT EXISTS orders (amount TEXT)";
const INSERT = "INSERT INTO orders VALUES (?) RETURNING amount";
const SELECT = "SELECT typeof(?1) type, json_array(?1) json, CASE WHEN ?1 THEN 'true' ELSE 'false' END truth, 7 / ?1 seven";
const shown = (value, { amount }, { type, json, truth, seven }) =>
  value + ": " + type + ', in a TEXT column "' + amount + '", ' + json + ", " + truth + (value === 2 ? ", 7 / it = " + seven : "");

export class Orders extends DurableObject {
  async fetch() {
    const { sql } = this.ctx.storage;
    sql.exec(CREATE);
    return Response.json(VALUES.map((value) => "Durable Object, " + shown(value, sql.exec(INSERT, value).one(), sql.exec(SELECT, value).one())));
  }
}
export default {
  async fetch(request, { ORDERS, DB }) {
    const lines = await (await ORDERS.get(ORDERS.idFromName("one")).fetch(request)).json();
    await DB.exec(CREATE);
    for (const value of VALUES) {
      const [stored, seen] = [await DB.prepare(INSERT).bind(value).first(), await DB.prepare(SELECT).bind(value).first()];
      lines.push("D1, " + shown(value, stored, seen));
    }
    return Response.json(lines);
  },
};`;
const miniflare = new Miniflare({
  modules: true,
  script,
  compatibilityDate: "2026-04-01",
  cf: false,
  d1Databases: { DB: "db" },
  durableObjects: { ORDERS: { className: "Orders", useSQLite: true } },
});
const lines = await (await miniflare.dispatchFetch("http://worker/")).json();
await miniflare.dispose();
for (const line of lines) console.log(line);
const expected = [
  'Durable Object, 1025000: real, in a TEXT column "1025000.0", [1025000.0], true',
  'Durable Object, 2: real, in a TEXT column "2.0", [2.0], true, 7 / it = 3.5',
  'Durable Object, true: text, in a TEXT column "true", ["true"], false',
  'D1, 1025000: real, in a TEXT column "1025000.0", [1025000.0], true',
  'D1, 2: real, in a TEXT column "2.0", [2.0], true, 7 / it = 3.5',
  'D1, true: real, in a TEXT column "1.0", [1.0], true',
];
process.exit(JSON.stringify(lines) === JSON.stringify(expected) ? 0 : 1);
RUN
node run.mjs
