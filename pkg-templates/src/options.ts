import { refuse } from "./errors/refuse.js";

/**
 * The members of an object of options, each read once; none where it is left out. `null` stands for "left out" in `signal` alone.
 *
 * @throws what `refused` makes: an `SDKValidationError`.
 */
export function readOptions<T extends object>(given: T | undefined, refused: (message: string) => Error = refuse, name = "options"): T {
  let wrong = " must be an object whose members can be read";
  try {
    if (given === undefined || (typeof given === "object" && given && !Array.isArray(given))) {
      const members = { ...given } as T;
      const empty = Object.entries(members).find(([member, value]) => value === null && member !== "signal");
      if (!empty) return members;
      wrong = `.${empty[0]} must be left out, not null`;
    }
  } catch {
    // Thrown by the caller's own getter: it may hold anything.
  }
  throw refused(name + wrong);
}

/** The text of the option `name`, a URL; empty where it is left out. */
export function readURL(name: string, url: string | URL = "", refused: (message: string) => Error = refuse): string {
  const text: unknown = (url as URL).href ?? url;
  if (typeof text !== "string") throw refused(`${name} must be a string or a URL`);
  return text;
}
