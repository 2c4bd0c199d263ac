// JSON texts that are nearly right: a tree of text pieces, which may contain what no parser
// returns.
//
// A value is `{ text }`, or `{ open: "{" or "[", items }` whose items are `{ name, value }`. `name`
// is the text with its quotes.

const NUMBERS = [
  "0",
  "-0",
  "1",
  "-1",
  "1.0",
  "1.5",
  "-0.0",
  "0.1",
  "1e3",
  "1E+2",
  "1e-2",
  "1.5e1",
  "0e0",
  "0E-0",
  "1e400",
  "-1e400",
  "1e-400",
  "9007199254740991",
  "9007199254740992",
  "-9007199254740991",
  "-9007199254740992",
  "9223372036854775807",
  "9223372036854775808",
  "-9223372036854775808",
  "18446744073709551615",
  "18446744073709551616",
  "123456789012345678901234567890",
  "1.7976931348623157e308",
  "01",
  "-01",
  "00",
  "+1",
  ".5",
  "1.",
  "1.e1",
  "1e",
  "1e+",
  "--1",
  "-",
  "0x10",
  "NaN",
  "Infinity",
  "-Infinity",
  "1_000",
  "1n",
  "1 2",
  "١",
];
const ESCAPES = [
  "\\u0041",
  "\\u00e9",
  "\\ud83d\\ude00",
  "\\ud800",
  "\\udc00",
  "\\udc00\\ud800",
  "\\ud800\\ud800",
  "\\uD83D\\u0041",
  "\\u0000",
  "\\u001f",
  "\\uffff",
  "\\/",
  "\\\\",
  '\\"',
  "\\b",
  "\\f",
  "\\n",
  "\\r",
  "\\t",
  "\\x41",
  "\\u12",
  "\\u+123",
  "\\u00g0",
  "\\U0041",
  "\\'",
  "\\",
  "\\u",
  "\\ud800\\",
  "\\ud800\\u12",
];
const CHARACTERS = [
  "\u0000",
  "\u0001",
  "\u001f",
  "\t",
  "\n",
  "\u007f",
  "\u0080",
  "é",
  "\u2028",
  "\u2029",
  "\ufeff",
  "\uffff",
  "\ufffd",
  "😀",
  "\u0301",
  '"',
  "'",
  " ",
  "\u00a0",
];
const DATES = [
  "2026-03-24T00:48:31.602Z",
  "2026-03-24T00:48:31Z",
  "2026-03-24T00:48:31.6Z",
  "2026-03-24T00:48:31.602123456789Z",
  "2026-03-24T00:48:31+00:00",
  "2026-03-24T00:48:31-05:30",
  "2026-03-24T00:48:31.602+23:59",
  "2026-03-24T00:48:31+24:00",
  "2026-03-24T00:48:31-00:00",
  "2026-03-24t00:48:31z",
  "2026-03-24 00:48:31Z",
  "2026-03-24T00:48Z",
  "2026-03-24",
  "2026-03-24T24:00:00Z",
  "2026-03-24T23:59:60Z",
  "2026-06-30T23:59:60Z",
  "2024-02-29T00:00:00Z",
  "2026-02-29T00:00:00Z",
  "1900-02-29T00:00:00Z",
  "2000-02-29T00:00:00Z",
  "2026-02-30T00:00:00Z",
  "2026-13-01T00:00:00Z",
  "2026-00-01T00:00:00Z",
  "2026-01-00T00:00:00Z",
  "0000-01-01T00:00:00Z",
  "0001-01-01T00:00:00Z",
  "1969-12-31T23:59:59.999Z",
  "9999-12-31T23:59:59.999Z",
  "10000-01-01T00:00:00Z",
  "+002026-03-24T00:00:00Z",
  "0000-01-01T00:00:00+12:00",
  "9999-12-31T23:59:59-12:00",
  "2026-03-24T00:48:31",
  "2026-03-24T00:48:31.Z",
  "2026-03-24T00:48:31,602Z",
  "2026-3-24T00:48:31Z",
  "2026-03-24T0:48:31Z",
  "2026-03-24T00:60:31Z",
  "2026-03-24T00:48:31+0000",
  " 2026-03-24T00:48:31Z",
  "now",
];
const AMOUNTS = [
  "1025000",
  "0",
  "1",
  "00",
  "01",
  "-1",
  "+1",
  "1.0",
  "1e3",
  "",
  " 1",
  "1 ",
  "9007199254740992",
  "9223372036854775807",
  "9223372036854775808",
  "18446744073709551616",
  "١",
  "１",
  "0x1",
  "1,000",
];
const WORDS = [
  "OPEN",
  "PAYING",
  "PAID",
  "EXPIRED",
  "CANCELED",
  "paid",
  "base",
  "solana",
  "USDC",
  "active",
  "revoked",
  "invoice.paid",
  "invoice.expired",
  "invoice.canceled",
  "evt_abc123",
  "",
  "x",
  "null",
  "true",
  "applied",
  "conflict",
  "none",
  "fixed_interval",
  "__proto__",
  "..",
  ".",
  "a/b",
  "a b",
  "%2e%2e",
  "é",
  "RS256",
  "sig",
  "verify",
];
const NAMES = [
  "__proto__",
  "constructor",
  "toString",
  "",
  "extra",
  "0",
  "eventId",
  "event_id",
  "id",
  "status",
  "data",
  "error",
  "a.b",
  "é",
  "hasOwnProperty",
  "length",
  "metadata",
];
const DEPTHS = [1, 2, 5, 60, 64, 120, 124, 125, 126, 127, 128, 129, 130, 140, 1000];
const WHITE = [" ", "\n", "\t", "\r", "  ", "\r\n"];

/** Returns the text of a string, with its quotes. */
const quoted = (string) => JSON.stringify(string);

/** Returns the tree of a plain value. */
export function tree(value) {
  if (Array.isArray(value)) return { open: "[", items: value.map((one) => ({ value: tree(one) })) };
  if (value !== null && typeof value === "object") {
    return {
      open: "{",
      items: Object.entries(value)
        .filter(([, one]) => one !== undefined)
        .map(([name, one]) => ({ name: quoted(name), value: tree(one) })),
    };
  }
  return { text: JSON.stringify(value) };
}

/** Returns a value that does not belong there. */
export function wild(random, depth = 0) {
  const kind = random.below(depth > 3 ? 6 : 9);
  if (kind < 2)
    return { text: random.chance(0.3) ? String(random.below(1e9)) : random.pick(NUMBERS) };
  if (kind < 4) return { text: text(random) };
  if (kind === 4) return { text: random.pick(["true", "false", "null", "null"]) };
  if (kind === 5)
    return random.chance(0.8)
      ? { open: random.pick(["{", "["]), items: [] }
      : {
          text: random.pick([
            "nul",
            "True",
            "undefined",
            "",
            "nullx",
            "tru",
            "'a'",
            "{",
            "[",
            "]",
            "}",
            ",",
            "[1,]",
            '{"a":1,}',
            '{"a"}',
            "{a:1}",
            "/**/1",
            "[,1]",
            "{,}",
          ]),
        };
  if (kind === 6 && random.chance(0.2)) return nested(random, random.pick(DEPTHS));
  const open = kind === 7 ? "[" : "{";
  const items = Array.from({ length: random.below(4) }, () => ({
    name: name(random),
    value: wild(random, depth + 1),
  }));
  return { open, items };
}

function nested(random, depth) {
  const open = random.chance(0.5) ? "[" : "{";
  let value = { text: "1" };
  for (let level = 0; level < depth; level++) value = { open, items: [{ name: '"n"', value }] };
  return value;
}

const name = (random) => (random.chance(0.7) ? quoted(random.pick(NAMES)) : text(random));

/** Returns the text of a string: a meaningful one, or any other. */
export function text(random) {
  const base = random.weighted([
    [3, WORDS],
    [2, DATES],
    [2, AMOUNTS],
  ]);
  let inner = quoted(random.pick(base)).slice(1, -1);
  if (random.chance(0.25)) inner = edited(random, inner);
  return `"${inner}"`;
}

/** Replaces, inserts or removes one piece of `inner`. */
export function edited(random, inner) {
  const at = random.below(inner.length + 1);
  const piece = random.weighted([
    [3, () => random.pick(ESCAPES)],
    [2, () => random.pick(CHARACTERS)],
    [2, () => inner[random.below(inner.length)] ?? ""],
    [2, () => String(random.below(10))],
    [1, () => ""],
    [0.2, () => "x".repeat(random.pick([100, 500, 501, 1024, 5000]))],
  ])();
  return inner.slice(0, at) + piece + inner.slice(at + random.below(2));
}

/** Returns a value of the same type as `old`. */
function alike(random, old) {
  if (old.open)
    return random.chance(0.5)
      ? { open: old.open, items: [] }
      : { open: old.open, items: [...old.items, { name: name(random), value: wild(random) }] };
  if (old.text.startsWith('"'))
    return {
      text: random.chance(0.5) ? `"${edited(random, old.text.slice(1, -1))}"` : text(random),
    };
  if (/^[-\d]/.test(old.text)) return { text: random.pick(NUMBERS) };
  return { text: random.pick(["true", "false", "null"]) };
}

/** Writes one character of a name or string as an escape, with the same meaning. */
function escaped(random, quotedText) {
  const at = 1 + random.below(Math.max(1, quotedText.length - 2));
  const character = quotedText[at];
  if (!/[\w.:-]/.test(character) || quotedText[at - 1] === "\\") return quotedText;
  const hex = character.charCodeAt(0).toString(16).padStart(4, "0");
  return `${quotedText.slice(0, at)}\\u${random.chance(0.5) ? hex : hex.toUpperCase()}${quotedText.slice(at + 1)}`;
}

/** Changes one place of the tree, in place. */
export function mutate(random, root) {
  const places = [];
  const walk = (container) => {
    container.items.forEach((item, index) => {
      places.push([container, index]);
      if (item.value.open) walk(item.value);
    });
  };
  if (root.open) walk(root);
  if (places.length === 0 || random.chance(0.02))
    return random.chance(0.5) ? wild(random) : { open: "[", items: [{ value: root }] };
  const [container, index] = random.pick(places);
  const item = container.items[index];
  const { items } = container;
  random.weighted([
    [6, () => (item.value = alike(random, item.value))],
    [4, () => (item.value = wild(random))],
    [2, () => (item.value = { text: "null" })],
    [4, () => items.splice(index, 1)],
    // Repeats the member: with the same or another value, before or after.
    [
      4,
      () =>
        items.splice(index + random.below(2), 0, {
          name: random.chance(0.3) ? escaped(random, item.name ?? '""') : item.name,
          value: random.chance(0.4) ? item.value : wild(random),
        }),
    ],
    [
      3,
      () =>
        items.splice(random.below(items.length + 1), 0, {
          name: name(random),
          value: wild(random),
        }),
    ],
    [2, () => item.name && (item.name = escaped(random, item.name))],
    [1, () => item.name && (item.name = `"${edited(random, item.name.slice(1, -1))}"`)],
    [
      2,
      () =>
        item.value.text?.startsWith('"') &&
        (item.value = { text: escaped(random, item.value.text) }),
    ],
    [1, () => items.sort(() => random.next() - 0.5)],
    [0.5, () => (item.value = { open: "[", items: [{ value: item.value }] })],
    [0.3, () => items.push({ name: '"n"', value: nested(random, random.pick(DEPTHS)) })],
    [
      0.3,
      () =>
        items.push(
          ...Array.from({ length: random.pick([55, 58, 60, 62, 64, 70]) }, (_, at) => ({
            name: `"m${at}"`,
            value: { text: String(at) },
          })),
        ),
    ],
  ])();
  return root;
}

/** Returns the tree as text. */
export function write(random, root) {
  const density = random.chance(0.2) ? random.next() : 0;
  const white = () => (density > 0 && random.chance(density) ? random.pick(WHITE) : "");
  const one = (value) => {
    if (!value.open) return value.text;
    const items = value.items.map(
      ({ name: own, value: inner }) =>
        `${white()}${value.open === "{" ? `${own ?? '""'}${white()}:${white()}` : ""}${one(inner)}${white()}`,
    );
    return `${value.open}${items.join(",") || white()}${value.open === "{" ? "}" : "]"}`;
  };
  return `${white()}${one(root)}${white()}`;
}

const STRAY = [
  [0xff],
  [0xc0, 0x80],
  [0xed, 0xa0, 0x80],
  [0xed, 0xb0, 0x80],
  [0xf4, 0x90, 0x80, 0x80],
  [0xe2, 0x82],
  [0x80],
  [0xf0, 0x9f, 0x98],
  [0],
  [0x0b],
  [0x0c],
  [0xc2, 0xa0],
  [0xe2, 0x80, 0xa8],
];

/** Returns the bytes of a text, sometimes damaged. */
export function bytes(random, string, share = 0.06) {
  const whole = Buffer.from(string);
  if (!random.chance(share)) return whole;
  const at = random.below(whole.length + 1);
  return random.weighted([
    [
      3,
      () =>
        Buffer.concat([
          whole.subarray(0, at),
          Buffer.from(random.pick(STRAY)),
          whole.subarray(at + random.below(2)),
        ]),
    ],
    [1, () => Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), whole])],
    [1, () => whole.subarray(0, at)],
    [
      1,
      () =>
        Buffer.concat([
          whole,
          Buffer.from(random.pick([" ", "\n", "x", "{}", ",", "\0", "]", "}", "//"])),
        ]),
    ],
    [
      1,
      () =>
        Buffer.concat([
          Buffer.from(random.pick([" ", "\u00a0", "\f", "\v", "\u2028", "(", "\0"])),
          whole,
        ]),
    ],
    [
      2,
      () => {
        const changed = Buffer.from(whole);
        if (changed.length > 0) changed[at % changed.length] ^= 1 << random.below(8);
        return changed;
      },
    ],
  ])();
}

/**
 * Returns bytes of a plain value: right in the share `good`, otherwise with one to four changes.
 */
export function nearly(random, value, good = 0.1) {
  let root = tree(value);
  if (!random.chance(good))
    for (let changes = 1 + random.below(random.chance(0.7) ? 1 : 4); changes > 0; changes--)
      root = mutate(random, root);
  return bytes(random, write(random, root));
}
