// The outcome of a call, as plain values that can be compared across two copies of a package.
import { isDeepStrictEqual } from "node:util";

/** Returns the outcome of `act`, after its promise has settled. */
export async function outcomeOf(act) {
  try {
    return { value: await act() };
  } catch (error) {
    return { error: plain(error) };
  }
}

/** Returns the outcome of a synchronous call. */
export function outcomeOfSync(act) {
  try {
    return { value: act() };
  } catch (error) {
    return { error: plain(error) };
  }
}

/**
 * Returns an error's members, except those that cannot be compared: errors, requests, responses,
 * headers.
 */
function plain(value, depth = 0) {
  if (value === null || typeof value !== "object" || depth > 200) return value;
  if (value instanceof Error) return describe(value, depth);
  if (value instanceof Headers) return [...value].filter(([name]) => name !== "retry-after");
  if (value instanceof Response) return { response: value.status, headers: plain(value.headers) };
  if (value instanceof Request)
    return { request: value.method, url: value.url, headers: plain(value.headers) };
  if (value instanceof Date || ArrayBuffer.isView(value) || value instanceof ArrayBuffer)
    return value;
  if (Array.isArray(value)) return value.map((one) => plain(one, depth + 1));
  const own = Object.create(Object.getPrototypeOf(value) === null ? null : Object.prototype);
  for (const name of Reflect.ownKeys(value)) {
    const { value: member, enumerable } = Object.getOwnPropertyDescriptor(value, name);
    Object.defineProperty(own, name, {
      value: plain(member, depth + 1),
      enumerable,
      writable: true,
      configurable: true,
    });
  }
  return own;
}

function describe(error, depth) {
  const classes = [];
  for (
    let at = Object.getPrototypeOf(error);
    at && at !== Object.prototype;
    at = Object.getPrototypeOf(at)
  ) {
    // Classes between the public ones have minified names.
    if (at.constructor?.name.length > 3) classes.push(at.constructor.name);
  }
  const described = { name: error.name, classes: classes.join(" < "), message: error.message };
  for (const name of Reflect.ownKeys(error)) {
    if (["stack", "message", "name"].includes(name)) continue;
    const known = error[name];
    // Errors of the web platform refer to themselves through symbols.
    if (typeof name === "string") described[name] = plain(known, depth + 1);
  }
  if ("code" in error) described.code = error.code;
  if ("idempotencyKey" in error) described.idempotencyKey = error.idempotencyKey;
  return described;
}

/** Returns whether two outcomes are equal. */
export const same = (one, other) => isDeepStrictEqual(one, other);

/** Returns the first difference of two outcomes: its path, and both values. */
export function difference(one, other, path = "") {
  if (isDeepStrictEqual(one, other)) return undefined;
  const bothObjects =
    one !== null && other !== null && typeof one === "object" && typeof other === "object";
  if (
    !bothObjects ||
    Object.getPrototypeOf(one) !== Object.getPrototypeOf(other) ||
    one instanceof Date
  )
    return { path, one, other };
  for (const name of new Set([...Object.keys(one), ...Object.keys(other)])) {
    if (!Object.hasOwn(one, name) || !Object.hasOwn(other, name)) {
      return {
        path: `${path}.${name}`,
        one: Object.hasOwn(one, name) ? one[name] : "(absent)",
        other: Object.hasOwn(other, name) ? other[name] : "(absent)",
      };
    }
    const inner = difference(one[name], other[name], `${path}.${name}`);
    if (inner) return inner;
  }
  return { path: `${path} (order or kind of members)`, one, other };
}
