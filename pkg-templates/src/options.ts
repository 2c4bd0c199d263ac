import { refuse } from "./errors/refuse.js";

/** The names of all options of a function. Other names are refused. */
export type Names<T> = { readonly [name in keyof Required<T>]: undefined };

/**
 * Reads the members of an options object, each once. Each missing option becomes an own member with
 * the value `undefined`, so that no later read, and no copy of the object, reads a value from
 * `Object.prototype`.
 *
 * Unknown options are refused: an own member that `names` does not have, and an object that is not
 * plain, such as the promise of a forgotten `await`. `null` means "left out" for `signal` only.
 *
 * @throws the error that `refused` creates: an `SDKValidationError`.
 */
export function readOptions<T extends object>(
  given: T | undefined,
  names: Names<T>,
  refused: (message: string) => Error = refuse,
  subject = "options",
): T {
  const members: Record<string | symbol, unknown> = { ...names };
  const wrong = given === undefined ? undefined : take(given, members);
  if (wrong !== undefined) throw refused(subject + wrong);
  return members as T;
}

/**
 * Returns the option `name`, or the value of its older name `alias`. Both may be given if their
 * values are equal.
 *
 * @throws the error that `refused` creates: an `SDKValidationError`.
 */
export function readAliased<T>(
  name: string,
  value: T | undefined,
  alias: string,
  older: T | undefined,
  refused: (message: string) => Error = refuse,
): T | undefined {
  const both = value !== undefined && older !== undefined;
  if (both && JSON.stringify(value) !== JSON.stringify(older)) {
    throw refused(
      `${name} and ${alias} are two names of one option and differ: pass ${name} alone`,
    );
  }
  return value ?? older;
}

/**
 * Copies the members to an object without a prototype. The wasm reads more names than one object
 * has, and must not find any in `Object.prototype`.
 */
export function bare<T extends object>(members: T): T {
  return Object.assign(Object.create(null) as T, members);
}

/** The rule for every options object. */
export const PLAIN = "must be a plain object: no promise, list, Map or class instance";

/**
 * Copies the given options to `members`, which has all known names. Returns what is wrong, if any.
 */
function take(given: object, members: Record<string | symbol, unknown>): string | undefined {
  try {
    if (!isPlain(given)) return ` ${PLAIN}`;
    for (const name of Reflect.ownKeys(given)) {
      if (!Object.hasOwn(members, name)) {
        const shown = String(name).slice(0, 60);
        return `.${shown} is not known: did you mean ${nearest(shown, Object.keys(members))}?`;
      }
      const value = (given as typeof members)[name];
      if (value === null && name !== "signal") return `.${String(name)} must be left out, not null`;
      members[name] = value;
    }
    return undefined;
  } catch {
    // The caller's own getter threw this: it may contain anything.
    return " must be an object that can be read";
  }
}

/**
 * Returns whether its prototype is null or `Object.prototype`, also of another realm, such as a
 * test runner's or a frame's.
 */
export function isPlain(given: unknown): boolean {
  if (typeof given !== "object" || given === null) return false;
  const prototype: unknown = Object.getPrototypeOf(given);
  return (
    prototype === null ||
    prototype === Object.prototype ||
    (Object.getPrototypeOf(prototype) === null &&
      Object.hasOwn(prototype as object, "isPrototypeOf"))
  );
}

/**
 * Returns the known name that shares the most letter pairs with the given one. Case and separators
 * do not matter.
 */
function nearest(given: string, known: readonly string[]): string {
  const wanted = pairsOf(given);
  const likeness = (name: string) => {
    const pairs = pairsOf(name);
    return pairs.filter((pair) => wanted.includes(pair)).length / (pairs.length + wanted.length);
  };
  return known.reduce((best, name) => (likeness(name) > likeness(best) ? name : best));
}

function pairsOf(name: string): string[] {
  const letters = name.toLowerCase().replace(/[^a-z0-9]/g, "");
  return Array.from({ length: Math.max(letters.length - 1, 0) }, (_, at) =>
    letters.slice(at, at + 2),
  );
}

/** Returns the text of the option `name`, a URL. Empty if it is left out. */
export function readURL(
  name: string,
  url: string | URL = "",
  refused: (message: string) => Error = refuse,
): string {
  // Read `href` of URLs only: other values would inherit an `href` of `Object.prototype`.
  const isURL = Object.prototype.toString.call(url) === "[object URL]";
  const text: unknown = isURL ? (url as URL).href : url;
  if (typeof text !== "string") throw refused(`${name} must be a string or a URL`);
  return text;
}
