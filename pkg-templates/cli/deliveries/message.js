// Reads an HTTP message: an optional request line, headers, an empty line, the body.
import { UsageError } from "../errors.js";

/** The prefixes of header lines, as `curl -v` prints them. */
const MARK = /^[<>] ?/;

/** Returns the headers of a text, one per line. */
export function readHeaderLines(text) {
  const headers = [];
  for (const line of text.split(/\r?\n/)) {
    const bare = line.replace(MARK, "");
    if (bare.trim() === "" || /^[A-Z]+ \S+( HTTP\/[\d.]+)?$|^HTTP\/[\d.]+ \d{3}/.test(bare))
      continue;
    const [, name, value] = /^([^\s:]+)\s*:\s?(.*)$/.exec(bare) ?? [];
    if (name === undefined)
      throw new UsageError(
        "a header line is not `Name: value`: an HTTP message is header lines, an empty line, " +
          "and the body",
      );
    headers.push([name, value.trim()]);
  }
  return headers;
}

/** Returns the delivery in a file. The body is every byte after the first empty line. */
export function readMessage(name, bytes) {
  // One character per byte.
  const text = new TextDecoder("latin1").decode(bytes);
  const end = /(^|\n)[<>]? ?\r?\n/.exec(text);
  if (!end)
    throw new UsageError(
      "there is no empty line between headers and body: give --headers FILE --body FILE where " +
        "they are in two files",
    );
  const at = end.index + end[0].length;
  const headers = readHeaderLines(text.slice(0, end.index + end[1].length));
  return { name, headers, body: bytes.slice(at), notes: [] };
}
