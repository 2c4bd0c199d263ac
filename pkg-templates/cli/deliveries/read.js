// Reads saved deliveries: finds the format of a file and the deliveries in it.
import { UsageError } from "../errors.js";
import { readCurl } from "./curl.js";
import { readHar } from "./har.js";
import { readMessage } from "./message.js";

/**
 * A saved delivery.
 *
 * @typedef {{ name: string, headers: [string, string][], body: Uint8Array, at?: Date, notes:
 *   string[] }} Delivery `at` is when it was received, if that was saved.
 */

/** Returns the text of a file. PowerShell may have written it as UTF-16. */
function textOf(bytes) {
  const [first, second] = bytes;
  if (first === 0xff && second === 0xfe) return new TextDecoder("utf-16le").decode(bytes);
  if (first === 0xfe && second === 0xff) return new TextDecoder("utf-16be").decode(bytes);
  return new TextDecoder().decode(bytes);
}

/** Parses a text as JSON. Returns `undefined` if it is not JSON. */
function jsonOf(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * Returns the deliveries in a file: a HAR file, a curl command, an HTTP message (headers, an empty
 * line, the body), or a JSON object with `headers` and `body`, as cloud functions receive it.
 *
 * @returns {Delivery[]}
 */
export function readDeliveries(name, bytes) {
  const text = textOf(bytes);
  const start = text.trimStart();
  if (start.startsWith("{")) {
    const value = jsonOf(start);
    if (Array.isArray(value?.log?.entries)) return readHar(name, value);
    if (
      typeof value?.headers === "object" &&
      value.headers !== null &&
      typeof value.body === "string"
    )
      return [readObject(name, value)];
    throw new UsageError(
      "this JSON is neither a HAR file nor an object with `headers` and `body`: where it is the " +
        "body alone, give --headers FILE --body FILE",
    );
  }
  if (/^curl(\.exe)?\s/.test(start)) return [readCurl(name, start)];
  const isUtf16 = bytes[0] === 0xff || bytes[0] === 0xfe;
  return [readMessage(name, isUtf16 ? new TextEncoder().encode(text) : bytes)];
}

/** Reads `{ headers, body, isBase64Encoded? }`. */
function readObject(name, { headers, body, isBase64Encoded }) {
  const pairs = Object.entries(headers).flatMap(([key, value]) =>
    [value].flat().map((each) => [key, String(each)]),
  );
  const bytes =
    isBase64Encoded === true
      ? Uint8Array.from(atob(body), (character) => character.charCodeAt(0))
      : new TextEncoder().encode(body);
  return { name, headers: pairs, body: bytes, notes: [] };
}
