// The changes that may have happened to the body, each with its reversal. Pairs of changes are
// tried as well.
import { gunzipSync } from "node:zlib";
import { orders, quickOrders, writers } from "./json.js";

const encoder = new TextEncoder();
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const utf8 = (text) => encoder.encode(text);

/** The largest decompressed body, in bytes: the SDK's default limit. */
const LARGEST = 1024 * 1024;

/** From this size on, in bytes, only single changes are tried. */
const LARGE = 64 * 1024;

/**
 * The characters of windows-1252 from 0x80 to 0x9f
 * (https://encoding.spec.whatwg.org/index-windows-1252.txt).
 */
const WINDOWS = "€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ";

/** Encodes a text as windows-1252 or ISO 8859-1. Returns `undefined` if a character has no byte. */
function singleBytes(text) {
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    const windows = code > 0xff ? WINDOWS.indexOf(text[at]) : -1;
    if (code > 0xff && windows < 0) return undefined;
    bytes[at] = code > 0xff ? 0x80 + windows : code;
  }
  return bytes;
}

/** Decodes bytes, each as one character. */
const ofSingleBytes = (bytes, table) =>
  Array.from(bytes, (byte) =>
    table && byte >= 0x80 && byte <= 0x9f ? table[byte - 0x80] : String.fromCharCode(byte),
  ).join("");

/** Converts an `undo` of text to one of bytes. It does nothing if the bytes are not UTF-8. */
const onText = (undo) => (bytes) => {
  const text = strict.decode(bytes);
  const undone = undo(text);
  return undone === undefined || undone === text ? undefined : utf8(undone);
};

const CHARSET =
  "Take the raw bytes, before anything decodes them; no step between Gwop and the verification " +
  "may read the body as text in another charset.";
const NEWLINE =
  "Keep the body's bytes as they came: echo, editors and templates add or drop line ends.";

/**
 * @type {{ cause: string, what: string, fix: string, undo(bytes: Uint8Array): Uint8Array |
 * undefined }[]}
 */
const CHANGES = [
  {
    cause: "NEWLINE_ADDED",
    what: "A newline was added at the end of the body.",
    fix: NEWLINE,
    undo: (bytes) =>
      bytes.at(-1) === 10 ? bytes.slice(0, bytes.at(-2) === 13 ? -2 : -1) : undefined,
  },
  {
    cause: "NEWLINE_LOST",
    what: "The newline at the end of the body was lost.",
    fix: NEWLINE,
    undo: onText((text) => `${text}\n`),
  },
  {
    cause: "NEWLINE_LOST",
    what: "The CR LF at the end of the body was lost.",
    fix: NEWLINE,
    undo: onText((text) => `${text}\r\n`),
  },
  {
    cause: "NEWLINE_CHANGED",
    what: "The body's LF were changed to CR LF.",
    fix: NEWLINE,
    undo: onText((text) => text.replaceAll("\r\n", "\n")),
  },
  {
    cause: "NEWLINE_CHANGED",
    what: "The body's CR LF were changed to LF.",
    fix: NEWLINE,
    undo: onText((text) => text.replace(/\r?\n/g, "\r\n")),
  },
  {
    cause: "NEWLINE_ADDED",
    what: "White space was added around the body.",
    fix: NEWLINE,
    undo: onText((text) => text.replace(/^[\t\n\r ]+|[\t\n\r ]+$/g, "")),
  },
  {
    cause: "CHARSET",
    what: "The body was decoded as ISO 8859-1 or windows-1252, and written as UTF-8.",
    fix: CHARSET,
    undo: (bytes) => singleBytes(strict.decode(bytes)),
  },
  {
    cause: "CHARSET",
    what: "The body was written in ISO 8859-1.",
    fix: CHARSET,
    undo: (bytes) => utf8(ofSingleBytes(bytes)),
  },
  {
    cause: "CHARSET",
    what: "The body was written in windows-1252.",
    fix: CHARSET,
    undo: (bytes) => utf8(ofSingleBytes(bytes, WINDOWS)),
  },
  {
    cause: "CHARSET",
    what: "The body was written in UTF-16.",
    fix: CHARSET,
    undo: (bytes) => ofUtf16(bytes),
  },
  {
    cause: "CHARSET",
    what: "A byte order mark was put before the body.",
    fix: CHARSET,
    undo: (bytes) =>
      bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.slice(3) : undefined,
  },
  {
    cause: "CHARSET",
    what: "The body's characters were decomposed (Unicode NFD).",
    fix: CHARSET,
    undo: onText((text) => text.normalize("NFC")),
  },
  {
    cause: "CHARSET",
    what: "The body's characters were composed (Unicode NFC).",
    fix: CHARSET,
    undo: onText((text) => text.normalize("NFD")),
  },
  {
    cause: "BODY_ENCODED",
    what: "The body was saved in Base64.",
    fix:
      "Decode it before it is verified: some functions get a body so, and say it in " +
      "isBase64Encoded.",
    undo: (bytes) =>
      /^[\w+/\s-]+=*\s*$/.test(strict.decode(bytes))
        ? singleBytes(atob(strict.decode(bytes).trim()))
        : undefined,
  },
  {
    cause: "BODY_ENCODED",
    what: "The body was written as a JSON text in quotes.",
    fix: "Verify the raw body, not JSON.stringify of it.",
    undo: onText((text) => {
      const value = JSON.parse(text);
      return typeof value === "string" ? value : undefined;
    }),
  },
  {
    cause: "BODY_ENCODED",
    what: "The body was compressed by gzip.",
    fix: "Decompress it before it is verified: what is signed is the JSON.",
    undo: (bytes) =>
      bytes[0] === 0x1f && bytes[1] === 0x8b
        ? new Uint8Array(gunzipSync(bytes, { maxOutputLength: LARGEST }))
        : undefined,
  },
  {
    cause: "BODY_ENCODED",
    what: "The body holds the sizes of its chunks (Transfer-Encoding: chunked).",
    fix: "Save the body as the server hands it out, not the bytes of the connection.",
    undo: ofChunks,
  },
  {
    cause: "BODY_ENCODED",
    what: "The body was percent-encoded.",
    fix: "Verify the raw body: it is no form.",
    undo: onText((text) =>
      /%[0-9A-F]{2}/i.test(text)
        ? decodeURIComponent(text.replaceAll("+", " ").replace(/=$/, ""))
        : undefined,
    ),
  },
];

/** Decodes a chunked body (RFC 9112, 7.1). Returns `undefined` if the body is not chunked. */
function ofChunks(bytes) {
  // One character per byte.
  const text = ofSingleBytes(bytes);
  let held = "";
  for (let at = 0; ; ) {
    const [line, size] = /^([0-9a-f]{1,7})(?:;[^\r\n]*)?\r\n/i.exec(text.slice(at, at + 200)) ?? [];
    if (line === undefined) return undefined;
    const length = Number.parseInt(size, 16);
    if (length === 0) return held === "" ? undefined : singleBytes(held);
    at += line.length;
    held += text.slice(at, at + length);
    at += length;
    if (text.slice(at, at + 2) !== "\r\n") return undefined;
    at += 2;
  }
}

function ofUtf16(bytes) {
  if (bytes.length < 2 || bytes.length % 2 !== 0) return undefined;
  const isBig = bytes[0] === 0 || bytes[0] === 0xfe;
  return utf8(new TextDecoder(isBig ? "utf-16be" : "utf-16le", { fatal: true }).decode(bytes));
}

/** Returns the bodies that result from the reversal of one change. */
function* undone(bytes) {
  for (const { undo, ...change } of CHANGES) {
    let before;
    try {
      before = undo(bytes);
    } catch {
      // This change cannot have happened to this body.
    }
    if (before) yield { bytes: before, change };
  }
}

/** Returns the same JSON in other spellings. */
function* rewritten(bytes, ordersOf) {
  let value;
  try {
    value = JSON.parse(strict.decode(bytes));
  } catch {
    return;
  }
  if (typeof value !== "object" || value === null) return;
  for (const { value: ordered, how: order } of ordersOf(value)) {
    for (const { write, how } of writers) {
      yield {
        bytes: utf8(write(ordered)),
        change: {
          cause: "BODY_RESERIALISED",
          what: `The body was parsed and written anew. The same JSON was signed ${how}${order}.`,
          fix:
            "Verify the raw body, before a parser (express.json(), a framework's body, a queue) " +
            "has it.",
        },
      };
    }
  }
}

/**
 * Returns the bodies that may have been signed, the likely ones first: unchanged, one change, two
 * changes.
 *
 * @returns {Generator<{ bytes: Uint8Array, changes: { cause: string, what: string, fix: string }[]
 *   }>}
 */
export function* bodiesBefore(saved) {
  const seen = new Set();
  const isNew = (bytes) => {
    if (saved.length > LARGE) return true;
    const key = ofSingleBytes(bytes);
    return !seen.has(key) && seen.add(key);
  };
  isNew(saved);
  yield { bytes: saved, changes: [] };
  const first = [];
  const isSmall = saved.length <= LARGE;
  for (const { bytes, change } of undone(saved)) {
    if (!isNew(bytes)) continue;
    yield { bytes, changes: [change] };
    first.push({ bytes, change });
  }
  const second = [];
  for (const { bytes, change } of rewritten(
    saved,
    isSmall ? quickOrders : (value) => [{ value, how: "" }],
  )) {
    if (!isNew(bytes)) continue;
    yield { bytes, changes: [change] };
    second.push({ bytes, change });
  }
  if (!isSmall) return;
  for (const { bytes, change } of [...first, ...second]) {
    for (const { bytes: before, change: earlier } of undone(bytes)) {
      if (isNew(before)) yield { bytes: before, changes: [change, earlier] };
    }
  }
  for (const { bytes, change } of first) {
    for (const { bytes: before, change: earlier } of rewritten(bytes, quickOrders)) {
      if (isNew(before)) yield { bytes: before, changes: [change, earlier] };
    }
  }
  for (const { bytes, change } of rewritten(saved, orders)) {
    if (isNew(bytes)) yield { bytes, changes: [change] };
  }
}
