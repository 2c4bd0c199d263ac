// Prints the output. It never prints a secret that this process has read, or a character that moves
// a terminal's cursor.

/** The most characters of a line for people. */
const WIDTH = 100;

/** The secrets that were read, longest first. */
const known = [];

/**
 * Matches a secret from any source: a webhook secret, a merchant key, a JWS, or a signature's `v1`.
 * It also matches right after other letters, because a server's message may contain it like that.
 */
const SHAPES = /whsec_\w[^\s"',]*|sk_m_\w[^\s"',]*|eyJ[\w-]+\.[\w-]+\.[\w-]*|v1=[0-9a-fA-F]{16,}/g;

/** Control characters (C0 and C1, except tab and newline), and those that change text direction. */
// eslint-disable-next-line no-control-regex
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** Hides a secret in every line that is printed from now on. */
export function keepOut(secret) {
  const bare = secret.trim();
  if (bare.length < 4 || known.includes(bare)) return;
  known.push(bare);
  known.sort((a, b) => b.length - a.length);
}

/** Returns a text that is safe to print. */
export function clean(text) {
  let shown = text;
  for (const secret of known) shown = shown.replaceAll(secret, "[secret]");
  return shown.replace(SHAPES, "[secret]").replace(CONTROLS, "\ufffd");
}

/** Returns a value in which every text is safe to print. */
function cleanValue(value) {
  if (typeof value === "string") return clean(value);
  if (Array.isArray(value)) return value.map(cleanValue);
  if (typeof value !== "object" || value === null || value instanceof Date) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [clean(name), cleanValue(each)]),
  );
}

/** The output of one command: lines for people, or one JSON document for programs. */
export class Output {
  /** @param {boolean} json Whether the output is for programs. */
  constructor(json) {
    this.json = json;
  }

  /** Prints a line for people. */
  line(text = "") {
    if (!this.json) process.stdout.write(`${clean(text)}\n`);
  }

  /** Prints the document for programs. */
  document(value) {
    if (this.json) process.stdout.write(`${JSON.stringify(cleanValue(value), null, 2)}\n`);
  }

  /** Prints why there is no result. */
  failure(code, message) {
    if (this.json) this.document({ error: { code, message } });
    else process.stderr.write(`gwop: ${clean(message)}\n`);
  }
}

/** Formats rows as columns of equal width. The last column is not padded. */
export function columns(rows) {
  const widths = [];
  for (const row of rows)
    row.slice(0, -1).forEach((cell, at) => (widths[at] = Math.max(widths[at] ?? 0, cell.length)));
  return rows.map((row) =>
    row
      .map((cell, at) => (at < row.length - 1 ? cell.padEnd(widths[at]) : cell))
      .join("  ")
      .trimEnd(),
  );
}

/** Wraps a text at 100 characters, with `first` before the first line and `rest` before others. */
export function wrap(text, first = "", rest = first) {
  const lines = [];
  let line = first;
  let isEmpty = true;
  for (const word of text.split(" ")) {
    if (!isEmpty && line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = rest;
      isEmpty = true;
    }
    line += isEmpty ? word : ` ${word}`;
    isEmpty = false;
  }
  return [...lines, line].join("\n");
}
