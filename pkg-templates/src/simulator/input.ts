/** Checks the callers' input, because types do not hold at run time, especially not over HTTP. */
import { type Names, PLAIN, isPlain, readOptions } from "../options.js";
import { SimulatorError } from "./error.js";

/** Creates the error for one option or argument. */
export function invalid(field: string, expected: string, value: unknown): SimulatorError {
  return new SimulatorError("INVALID_OPTION", `expected ${expected}, got ${kind(value)}`, field);
}

/** Describes a value without repeating a text, which may be a secret. */
function kind(value: unknown): string {
  if (typeof value === "number" || value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return "an array";
  if (value instanceof Date) return "an invalid Date";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

/** Returns an options object, empty if there is none. */
export function optionsOf<T extends object>(value: T | undefined, field = "options"): T {
  if (value === undefined) return {} as T;
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw invalid(field, "an object", value);
  if (!isPlain(value)) throw new SimulatorError("INVALID_OPTION", PLAIN, field);
  // A copy without a prototype, so that nothing is read from `Object.prototype`.
  return Object.assign(Object.create(null) as T, value);
}

/** Reads the options in `names`, each once. Refuses all others. */
export function knownOptions<T extends object>(given: T | undefined, names: Names<T>): T {
  return readOptions(optionsOf(given), names, unknownOption, "");
}

/**
 * Creates the error for a message of {@link readOptions}, about one option or about all of them.
 */
function unknownOption(wrong: string): SimulatorError {
  const [, field = "options", message = wrong.trim()] =
    /^\.(.*?) ((?:is not known|must be left out).*)$/s.exec(wrong) ?? [];
  return new SimulatorError("INVALID_OPTION", message, field);
}

/** Returns an option of one type, or `undefined`. */
export function optional(field: string, value: unknown, type: "boolean" | "function"): void {
  if (value !== undefined && typeof value !== type) throw invalid(field, `a ${type}`, value);
}

/** Returns a finite number within limits. `what` says what it counts. */
export function numberOf(
  value: unknown,
  field: string,
  what: string,
  least: number,
  most: number,
): number {
  if (typeof value === "number" && value >= least && value <= most) return value;
  throw invalid(field, `${what} from ${least} to ${most}`, value);
}

/** Returns the body. Refuses fields that `known` does not name. */
export function onlyKnown<T extends object>(body: T, known: readonly string[]): T {
  const unknown = Object.keys(body).find((name) => !known.includes(name));
  if (unknown === undefined) return body;
  throw new SimulatorError(
    "INVALID_OPTION",
    `no such field; known are ${known.map((name) => `\`${name}\``).join(", ")}`,
    unknown,
  );
}

/**
 * Works like `JSON.stringify`, but refuses values that JSON would silently change or leave out:
 * NaN, functions and bigints. Halves of surrogate pairs become U+FFFD, as in URLs.
 */
export function json(value: unknown): string {
  try {
    return JSON.stringify(value, (field, part: unknown) => {
      if (typeof part === "number" && !Number.isFinite(part))
        throw invalid(field, "a finite number", part);
      if (typeof part === "bigint") throw invalid(field, "a number", part);
      if (typeof part === "function" || typeof part === "symbol")
        throw invalid(field, "a value that JSON has", part);
      return typeof part === "string" ? part.replace(/\p{Surrogate}/gu, "\ufffd") : part;
    });
  } catch (error) {
    if (error instanceof SimulatorError) throw error;
    throw new SimulatorError(
      "INVALID_OPTION",
      "expected what JSON can write: no cycles, no endless nesting",
    );
  }
}
