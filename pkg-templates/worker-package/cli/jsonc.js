// Reads JSON with comments and trailing commas, as in `wrangler.jsonc`. It keeps the position of
// each value, so that values can be added without other changes.

/**
 * A value and its position `[start, end)` in the text.
 *
 * @typedef {{ kind: "object", members: Map<string, Node>, start: number, end: number }
 *   | { kind: "array", items: Node[], start: number, end: number }
 *   | { kind: "plain", value: unknown, start: number, end: number }} Node
 */

/** White space and comments. */
const SPACE = /(?:[\s\ufeff]|\/\/[^\n]*|\/\*[\s\S]*?\*\/)*/y;
const TEXT = /"(?:[^"\\\n]|\\[^\n])*"/y;
const WORD = /[-+.\w]+/y;

/**
 * Parses a text.
 *
 * @returns {Node}
 * @throws {SyntaxError} with the line of the mistake.
 */
export function parse(text) {
  let at = 0;
  const fail = (expected) => {
    const line = text.slice(0, at).split("\n").length;
    throw new SyntaxError(`line ${line}: ${expected} is expected`);
  };
  const take = (pattern) => {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0] ?? "";
    at += found.length;
    return found;
  };
  const skip = () => take(SPACE);
  const plain = (pattern) => {
    const start = at;
    const written = take(pattern);
    try {
      return { kind: "plain", value: JSON.parse(written), start, end: at };
    } catch {
      at = start;
      return fail("a value");
    }
  };
  /** Reads the comma-separated content between two brackets. */
  const list = (close, one) => {
    at += 1;
    for (skip(); text[at] !== close; skip()) {
      one();
      skip();
      if (text[at] === ",") at += 1;
      else if (text[at] !== close) fail(`, or ${close}`);
    }
    at += 1;
  };
  const value = () => {
    const start = at;
    if (text[at] === "{") {
      const members = new Map();
      list("}", () => {
        if (text[at] !== '"') fail("a name in double quotes");
        const { value: name } = plain(TEXT);
        skip();
        if (text[at] !== ":") fail(":");
        at += 1;
        skip();
        members.set(name, value());
      });
      return { kind: "object", members, start, end: at };
    }
    if (text[at] === "[") {
      const items = [];
      list("]", () => items.push(value()));
      return { kind: "array", items, start, end: at };
    }
    return plain(text[at] === '"' ? TEXT : WORD);
  };
  skip();
  const node = value();
  skip();
  if (at < text.length) fail("the end");
  return node;
}

/** Returns the value of a node. */
export function contentOf(node) {
  if (node === undefined || node.kind === "plain") return node?.value;
  if (node.kind === "array") return node.items.map(contentOf);
  return Object.fromEntries([...node.members].map(([name, each]) => [name, contentOf(each)]));
}

/**
 * Returns the text with one more value at a path. In an array it becomes the last item, in an
 * object a member. Missing objects and arrays on the path are created.
 *
 * @param {string[]} path Names of objects.
 * @param {boolean} isItem Whether the path leads to an array, of which `value` becomes an item.
 */
export function withValue(text, path, value, isItem) {
  let node = parse(text);
  const left = [...path];
  while (left.length > 0 && node.kind === "object" && node.members.has(left[0])) {
    node = node.members.get(left.shift());
  }
  if (left.length === 0 && !(isItem && node.kind === "array")) {
    throw new SyntaxError(`${path.join(".")} is no array`);
  }
  if (left.length > 0 && node.kind !== "object") {
    throw new SyntaxError(`${path.slice(0, -left.length).join(".")} is no object`);
  }
  // Creates the missing part, from the innermost value outwards.
  let added = left.length > 0 && isItem ? [value] : value;
  for (const name of left.slice(1).reverse()) added = { [name]: added };
  const isEmpty = node.kind === "array" ? node.items.length === 0 : node.members.size === 0;
  const children = node.kind === "array" ? node.items : [...node.members.values()];
  const [, outer] = /(?:^|\n)([ \t]*)[^\n]*$/.exec(text.slice(0, node.start));
  const inner = `${outer}  `;
  const label = left.length > 0 ? `${JSON.stringify(left[0])}: ` : "";
  const written = `${inner}${label}${pretty(added, inner)}`;
  if (isEmpty)
    return `${text.slice(0, node.end - 1).trimEnd()}\n${written}\n${outer}${text.slice(node.end - 1)}`;
  // After the last value, and after the comma and the comment that may follow it on its line.
  const { end } = children.at(-1);
  SPACE.lastIndex = end;
  const at = end + SPACE.exec(text)[0].length;
  const hasComma = text[at] === ",";
  const before = hasComma ? text.slice(0, at + 1) : `${text.slice(0, end)},`;
  const behind = text.slice(hasComma ? at + 1 : end);
  const line = /^[ \t]*(?:\/\/[^\n]*)?(?=\n)/.exec(behind)?.[0] ?? "";
  const tail = behind.slice(line.length);
  const ends = hasComma ? "," : "";
  return `${before}${line}\n${written}${ends}${/^\s*\n/.test(tail) ? "" : `\n${outer}`}${tail}`;
}

/** Formats a value in the style of these files: short lists and objects on one line. */
export function pretty(value, indent = "") {
  const short = shortened(value);
  if (short.length + indent.length <= 90 || typeof value !== "object") return short;
  const inner = `${indent}  `;
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  const lines = Object.entries(value).map(([name, each]) => {
    const label = Array.isArray(value) ? "" : `${JSON.stringify(name)}: `;
    return `${inner}${label}${pretty(each, inner)}`;
  });
  return `${open}\n${lines.join(",\n")}\n${indent}${close}`;
}

function shortened(value) {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(shortened).join(", ")}]`;
  const members = Object.entries(value).map(
    ([name, each]) => `${JSON.stringify(name)}: ${shortened(each)}`,
  );
  return members.length === 0 ? "{}" : `{ ${members.join(", ")} }`;
}
