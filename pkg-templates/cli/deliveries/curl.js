// Reads a curl command, as "Copy as cURL" and inspecting proxies write it for a POSIX shell.
import { readBytes } from "../secrets.js";
import { UsageError } from "../errors.js";

/** The characters for `\x` in `$'…'`. */
const ESCAPES = {
  n: "\n",
  r: "\r",
  t: "\t",
  a: "\x07",
  b: "\b",
  e: "\x1b",
  f: "\f",
  v: "\v",
  0: "\0",
};

/** Options of curl that have a value but say nothing about a delivery. */
const WITH_VALUE = new Set(
  (
    "-X --request -A --user-agent -b --cookie -e --referer -o --output -m --max-time " +
    "--connect-timeout --retry -x --proxy -u --user --url --resolve -w --write-out --cacert -E " +
    "--cert --key"
  ).split(" "),
);

/** Splits a command into words and unquotes them like a POSIX shell; `$'…'` like bash. */
export function words(text) {
  const found = [];
  let word;
  for (let at = 0; at < text.length; ) {
    const rest = text.slice(at);
    let match;
    if ((match = /^\\\r?\n/.exec(rest))) {
      // The line continues.
    } else if ((match = /^\s+/.exec(rest))) {
      if (word !== undefined) found.push(word);
      word = undefined;
    } else if ((match = /^\$'((?:[^'\\]|\\[^])*)'/.exec(rest))) {
      word = (word ?? "") + ansi(match[1]);
    } else if ((match = /^'([^']*)'/.exec(rest))) {
      word = (word ?? "") + match[1];
    } else if ((match = /^"((?:[^"\\]|\\[^])*)"/.exec(rest))) {
      word = (word ?? "") + match[1].replace(/\\\n/g, "").replace(/\\([$`"\\])/g, "$1");
    } else if ((match = /^\\([^])/.exec(rest))) {
      word = (word ?? "") + match[1];
    } else if ((match = /^[;&|]/.exec(rest))) {
      break;
    } else {
      match = /^[^\s'"\\$;&|]+|^[^]/.exec(rest);
      if (match[0] === "'" || match[0] === '"')
        throw new UsageError("a quote of the curl command is not closed");
      word = (word ?? "") + match[0];
    }
    at += match[0].length;
  }
  if (word !== undefined) found.push(word);
  return found;
}

const ansi = (text) =>
  text.replace(/\\(x[0-9a-fA-F]{1,2}|u[0-9a-fA-F]{1,4}|U[0-9a-fA-F]{1,8}|[^])/g, (_, code) =>
    code.length > 1
      ? String.fromCodePoint(Number.parseInt(code.slice(1), 16))
      : (ESCAPES[code] ?? code),
  );

/** Returns the body that `-d` and similar options send. */
function dataOf(option, value) {
  if (option !== "--data-raw" && value.startsWith("@")) {
    const bytes = readBytes(value.slice(1), "the file that the curl command sends");
    // Only --data-binary and --json send a file unchanged (curl's manual).
    return option === "-d" || option === "--data" || option === "--data-ascii"
      ? bytes.filter((byte) => byte !== 10 && byte !== 13)
      : bytes;
  }
  return new TextEncoder().encode(value);
}

/** Returns the delivery that a curl command sends. */
export function readCurl(name, text) {
  const [, ...rest] = words(text);
  const headers = [];
  const parts = [];
  while (rest.length > 0) {
    let word = rest.shift();
    let value;
    const glued = /^(--[\w-]+)=([^]*)$/.exec(word) ?? /^(-[HdX])([^]+)$/.exec(word);
    if (glued) [, word, value] = glued;
    if (word === "-H" || word === "--header") {
      value ??= rest.shift() ?? "";
      const [, field, content] = /^([^:]+):\s*([^]*)$/.exec(value) ?? [];
      if (field !== undefined) headers.push([field.trim(), content.trim()]);
    } else if (/^(-d|--data|--data-ascii|--data-raw|--data-binary|--json)$/.test(word)) {
      if (parts.length > 0 && word !== "--json") parts.push(new TextEncoder().encode("&"));
      parts.push(dataOf(word, value ?? rest.shift() ?? ""));
    } else if (/^(--data-urlencode|-F|--form|-T|--upload-file)$/.test(word)) {
      throw new UsageError(
        `a curl command with ${word} sends no delivery of Gwop's: give its body by --data-binary`,
      );
    } else if (WITH_VALUE.has(word) && value === undefined) {
      rest.shift();
    }
  }
  if (headers.length === 0 && parts.length === 0)
    throw new UsageError("the curl command has neither headers (-H) nor a body (-d)");
  const body = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    body.set(part, at);
    at += part.length;
  }
  return { name, headers, body, notes: [] };
}
