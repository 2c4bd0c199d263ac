import { refuse } from "./errors/refuse.js";

/** The names of all options of a function, none of them given. What is not among them is refused. */
export type Names<T> = { readonly [name in keyof Required<T>]: undefined };

/**
 * The members of an object of options, each read once. Whatever is left out is an own member that is `undefined`, so that no code which
 * asks for it, nor a copy of the object, reads what somebody has put into `Object.prototype`.
 *
 * Options that are not understood are refused: an own member that `names` does not have, and an object that is not plain, such as the
 * promise of a forgotten `await`. `null` stands for "left out" in `signal` alone.
 *
 * @throws what `refused` makes: an `SDKValidationError`.
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
 * The option `name`, or what its older name `alias` gives. Both may stand there as long as they say
 * the same.
 *
 * @throws what `refused` makes: an `SDKValidationError`.
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

/** The same members without a prototype: the wasm asks for more names than one object has, and must not find any in `Object.prototype`. */
export function bare<T extends object>(members: T): T {
  return Object.assign(Object.create(null) as T, members);
}

/** What every object of options is. */
export const PLAIN = "must be a plain object: no promise, list, Map or class instance";

/** Puts the options that were given into `members`, which has all that are known. Tells what is wrong with them. */
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
    // Thrown by the caller's own getter: it may hold anything.
    return " must be an object that can be read";
  }
}

/** Whether its prototype is none, or `Object.prototype`: also that of another realm, as in a test runner or a frame. */
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

/** The known name that has the most pairs of letters in common with the one that was given, whatever case and separators. */
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

/** The text of the option `name`, a URL; empty where it is left out. */
export function readURL(
  name: string,
  url: string | URL = "",
  refused: (message: string) => Error = refuse,
): string {
  // Of a URL alone: any other value has the `href` that somebody has put into `Object.prototype`.
  const isURL = Object.prototype.toString.call(url) === "[object URL]";
  const text: unknown = isURL ? (url as URL).href : url;
  if (typeof text !== "string") throw refused(`${name} must be a string or a URL`);
  return text;
}
