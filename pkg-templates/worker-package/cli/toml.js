// Reads the `wrangler.toml` of a Worker that was built from source. It supports all of TOML that
// such a file can contain. It refuses everything else, because a wrongly read migration loses
// objects.

/**
 * @typedef {{ name?: string, producers: Record<string, string>, consumers: string[],
 *   settings: Record<string, object>, classes: string[],
 *   migrations: { tag: string, new_sqlite_classes?: string[] }[],
 *   isBound: boolean, left: string[] }} Old `settings`: the settings of each consumer. `isBound`:
 *   the classes of 1.0.0 are bound, so its objects may still hold data. `left`: what is not taken
 *   over.
 */

/** The top-level members that a new project has anyway, replaces or takes over. */
const KNOWN = [
  "name",
  "main",
  "compatibility_date",
  "send_metrics",
  "workers_dev",
  "observability",
  "durable_objects",
  "migrations",
  "queues",
  "ratelimits",
];

/**
 * @returns {Old}
 * @throws {SyntaxError} with the line that cannot be read.
 */
export function readOld(text) {
  const top = parseToml(text);
  const migrations = listOf(top.migrations, "migrations");
  const producers = listOf(top.queues?.producers, "queues.producers");
  const consumers = listOf(top.queues?.consumers, "queues.consumers");
  const bindings = listOf(top.durable_objects?.bindings, "durable_objects.bindings");
  return {
    name: top.name,
    producers: Object.fromEntries(producers.map(({ binding, queue }) => [binding, queue])),
    consumers: consumers.map(({ queue }) => queue),
    settings: Object.fromEntries(consumers.map((consumer) => [consumer.queue, consumer])),
    classes: migrations.flatMap(({ new_sqlite_classes = [] }) => new_sqlite_classes),
    migrations,
    isBound: bindings.some(({ class_name }) => class_name === "GwopInvoice"),
    left: Object.keys(top).filter((name) => !KNOWN.includes(name)),
  };
}

function listOf(value = [], name) {
  const isObject = (item) => typeof item === "object" && item !== null && !Array.isArray(item);
  if (Array.isArray(value) && value.every(isObject)) return value;
  throw new SyntaxError(`${name} is no list of tables`);
}

const SPACE = /[ \t]*/y;
const SPACES = /(?:[ \t\r\n]|#[^\n]*)*/y;
const LINE_END = /[ \t]*(?:#[^\n]*)?(?:\r?\n|$)/y;
const BARE = /[\w-]+/y;
const WORD = /[-+\w.:]+(?: \d\d:[\d:.Z+-]+)?/y;
/** Strings over several lines, then on one line. Single-quoted strings have no escapes. */
const TEXTS = [
  [/"""(?:\r?\n)?((?:[^\\]|\\[\s\S])*?"{0,2})"""/y, true],
  [/'''(?:\r?\n)?([\s\S]*?'{0,2})'''/y, false],
  [/"((?:[^"\\\n]|\\.)*)"/y, true],
  [/'([^'\n]*)'/y, false],
];

/** Parses TOML to an object. Dates, and numbers that JSON lacks, stay as text. */
export function parseToml(text) {
  let at = 0;
  const fail = (expected) => {
    const line = text.slice(0, at).split("\n").length;
    throw new SyntaxError(`line ${line}: ${expected} is expected`);
  };
  const take = (pattern) => {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    at += found?.[0].length ?? 0;
    return found;
  };
  const has = (mark) => {
    const isThere = text.startsWith(mark, at);
    if (isThere) at += mark.length;
    return isThere;
  };
  const quoted = () => {
    for (const [pattern, hasEscapes] of TEXTS) {
      const found = take(pattern);
      if (found) return hasEscapes ? unescaped(found[1]) : found[1];
    }
    return undefined;
  };
  const unescaped = (written) => {
    const one = written.replace(/\\[ \t]*\r?\n\s*/g, "");
    const long = one.replace(/\\U([\da-fA-F]{8})/g, (_, hex) =>
      String.fromCodePoint(Number.parseInt(hex, 16)),
    );
    const whole = long.replace(/\\[\s\S]|["\n\r\t]/g, (mark) =>
      mark.length > 1 ? mark : JSON.stringify(mark).slice(1, -1),
    );
    try {
      return JSON.parse(`"${whole}"`);
    } catch {
      return fail("a text");
    }
  };
  const name = () => {
    take(SPACE);
    const found = quoted() ?? take(BARE)?.[0] ?? fail("a name");
    take(SPACE);
    return found;
  };
  const names = () => {
    const all = [name()];
    while (has(".")) all.push(name());
    return all;
  };
  /** Returns the table at a path. For a list of tables, returns the last one. */
  const tableOf = (start, path) =>
    path.reduce((table, each) => {
      if (!Object.hasOwn(table, each)) set(table, each, {});
      const next = Array.isArray(table[each]) ? table[each].at(-1) : table[each];
      return typeof next === "object" && next !== null ? next : fail("a table");
    }, start);
  const set = (table, each, value) =>
    Object.defineProperty(table, each, {
      value,
      enumerable: true,
      writable: true,
      configurable: true,
    });
  const member = (start) => {
    const path = names();
    if (!has("=")) fail("=");
    take(SPACE);
    const table = tableOf(start, path.slice(0, -1));
    if (Object.hasOwn(table, path.at(-1))) fail("another name");
    set(table, path.at(-1), value());
  };
  /** Reads the comma-separated content between two brackets. */
  const list = (close, one) => {
    for (take(SPACES); !has(close); take(SPACES)) {
      one();
      take(SPACES);
      if (!has(",") && text[at] !== close) fail(`, or ${close}`);
    }
  };
  const value = () => {
    const found = quoted();
    if (found !== undefined) return found;
    if (has("[")) {
      const items = [];
      list("]", () => items.push(value()));
      return items;
    }
    if (has("{")) {
      const table = {};
      list("}", () => member(table));
      return table;
    }
    const word = take(WORD)?.[0] ?? fail("a value");
    try {
      return JSON.parse(word.replace(/(?<=\d)_(?=\d)/g, ""));
    } catch {
      return word;
    }
  };
  const top = {};
  let table = top;
  for (take(SPACES); at < text.length; take(SPACES)) {
    const isItem = has("[[");
    if (isItem || has("[")) {
      const path = names();
      if (!has(isItem ? "]]" : "]")) fail(isItem ? "]]" : "]");
      const holder = tableOf(top, path.slice(0, -1));
      const last = path.at(-1);
      if (isItem) {
        if (!Object.hasOwn(holder, last)) set(holder, last, []);
        if (!Array.isArray(holder[last])) fail("a list of tables");
        holder[last].push({});
      }
      table = tableOf(holder, [last]);
    } else {
      member(table);
    }
    if (!take(LINE_END)) fail("the end of the line");
  }
  return top;
}
