// The ways in which programs that parse a body write its JSON again.

/** Gwop's order of members, as in its documentation. */
const ORDER = ["event_id", "event_type", "event_version", "created_at", "data"];
const DATA_ORDER = [
  "invoice_id",
  "public_invoice_id",
  "merchant_id",
  "status",
  "amount_usdc",
  "currency",
  "merchant_reference",
  "tx_hash",
  "tx_signature",
  "payment_chain",
  "payment_chain_caip2",
  "paid_at",
  "payer_wallet",
];

/** The most members for which all orders are tried: 120 orders. */
const MOST_MEMBERS = 5;

/** Writes a value with the given separators. */
function writer({
  indent = "",
  comma = ",",
  colon = ":",
  ascii = false,
  slashes = false,
  empty = true,
}) {
  const text = (value) => {
    let written = JSON.stringify(value);
    if (ascii)
      written = written.replace(
        /[\u007f-\uffff]/g,
        (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
      );
    return slashes ? written.replaceAll("/", "\\/") : written;
  };
  const write = (value, depth) => {
    if (typeof value !== "object" || value === null) return text(value);
    const isList = Array.isArray(value);
    const items = isList
      ? value.map((item) => write(item, depth + 1))
      : Object.entries(value).map(
          ([name, member]) => text(name) + colon + write(member, depth + 1),
        );
    const [open, close] = isList ? "[]" : "{}";
    if (items.length === 0 && empty) return open + close;
    if (indent === "") return open + items.join(comma) + close;
    const inner = `\n${indent.repeat(depth + 1)}`;
    return `${open}${inner}${items.join(`${comma}${inner}`)}\n${indent.repeat(depth)}${close}`;
  };
  return (value) => write(value, 0);
}

/** The spellings that are tried, each with the program that is known for it. */
export const writers = [
  { how: "without white space, as JSON.stringify writes it", write: writer({}) },
  { how: "indented by 2 spaces", write: writer({ indent: "  ", colon: ": " }) },
  {
    how: "with a space behind commas and colons, as Python's json.dumps writes it",
    write: writer({ comma: ", ", colon: ": ", ascii: true }),
  },
  {
    how: "with a space behind commas and colons, and characters beyond ASCII as they are",
    write: writer({ comma: ", ", colon: ": " }),
  },
  { how: "indented by 4 spaces", write: writer({ indent: "    ", colon: ": " }) },
  { how: "indented by tabs", write: writer({ indent: "\t", colon: ": " }) },
  { how: "without white space, with \\u escapes beyond ASCII", write: writer({ ascii: true }) },
  {
    how: "without white space, with \\u escapes and \\/, as PHP's json_encode writes it",
    write: writer({ ascii: true, slashes: true }),
  },
];

/** Returns the object with its members in the given order. Members not in the order come last. */
function ordered(value, names) {
  const rest = Object.keys(value).filter((name) => !names.includes(name));
  return Object.fromEntries(
    [...names, ...rest]
      .filter((name) => Object.hasOwn(value, name))
      .map((name) => [name, value[name]]),
  );
}

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const withData = (value, change) =>
  isObject(value.data) ? { ...value, data: change(value.data) } : value;
const sorted = (value) =>
  isObject(value)
    ? Object.fromEntries(
        Object.keys(value)
          .sort()
          .map((name) => [name, sorted(value[name])]),
      )
    : value;
const documented = (value) => withData(value, (data) => ordered(data, DATA_ORDER));

/** Returns the likely orders: as saved, and as documented. */
export function quickOrders(value) {
  if (!isObject(value)) return [{ value, how: "" }];
  return [
    { value, how: "" },
    { value: ordered(documented(value), ORDER), how: ", its members in the documented order" },
    { value: sorted(value), how: ", its members sorted" },
  ];
}

/** Returns every order of the event's members, with those of `data` as saved or as documented. */
export function* orders(value) {
  if (!isObject(value) || Object.keys(value).length > MOST_MEMBERS) return;
  for (const names of permutations(Object.keys(value))) {
    for (const each of [value, documented(value)])
      yield { value: ordered(each, names), how: ", its members in another order" };
  }
}

function* permutations(names) {
  if (names.length === 0) return void (yield []);
  for (const name of names)
    for (const rest of permutations(names.filter((other) => other !== name))) yield [name, ...rest];
}
