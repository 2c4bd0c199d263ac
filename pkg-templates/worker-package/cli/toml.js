// What `wrangler.toml` says of a Worker that was built from source: as much of TOML as the
// templates of this repository use, one `name = value` per line.

/**
 * @typedef {{ name?: string, producers: Record<string, string>, consumers: string[],
 *   classes: string[], migrations: { tag: string, new_sqlite_classes?: string[] }[],
 *   isBound: boolean, left: string[] }} Old `isBound`: the classes of 1.0.0 are bound, so
 *   objects of it may still hold something. `left`: what is not taken over.
 */

/** Members at the top that a new project has anyway, or has its own of. */
const OWN = ["name", "main", "compatibility_date", "send_metrics", "workers_dev", "observability"];

/** @returns {Old} */
export function readOld(text) {
  const { top, tables } = tablesOf(text);
  const of = (name) => tables.filter((table) => table.name === name).map(({ members }) => members);
  const migrations = of("migrations");
  const known = [
    "durable_objects.bindings",
    "migrations",
    "queues.producers",
    "queues.consumers",
    "ratelimits",
    "observability",
  ];
  const isOwn = (name) => OWN.includes(name.split(".")[0]);
  return {
    name: top.name,
    producers: Object.fromEntries(
      of("queues.producers").map(({ binding, queue }) => [binding, queue]),
    ),
    consumers: of("queues.consumers").map(({ queue }) => queue),
    classes: migrations.flatMap(({ new_sqlite_classes = [] }) => new_sqlite_classes),
    migrations,
    isBound: of("durable_objects.bindings").some(({ class_name }) => class_name === "GwopInvoice"),
    left: [
      ...Object.keys(top).filter((name) => !isOwn(name)),
      ...new Set(tables.map(({ name }) => name).filter((name) => !known.includes(name))),
    ],
  };
}

function tablesOf(text) {
  const top = {};
  const tables = [];
  let members = top;
  for (const written of text.split("\n")) {
    const table = /^\s*\[+\s*([\w.-]+)\s*\]+/.exec(written)?.[1];
    if (table) {
      members = {};
      tables.push({ name: table, members });
      continue;
    }
    const [, name, value] = /^\s*([\w.-]+)\s*=\s*(.*?)\s*$/.exec(written) ?? [];
    if (name) members[name] = plain(value);
  }
  return { top, tables };
}

/** Strings, numbers, booleans and lists of strings; anything else as it is written. */
function plain(written) {
  const [value] = /^(?:"[^"]*"|\[[^\]]*\]|[^#]*)/.exec(written);
  try {
    return JSON.parse(value.trim().replace(/,\s*\]$/, "]"));
  } catch {
    return value.trim().replace(/^'(.*)'$/, "$1");
  }
}
