/**
 * A test harness in standard JavaScript only, the same on every runtime.
 *
 * A suite file registers its tests with {@link test}. `index.js` imports all suite files. A small
 * runner for each runtime (`tests/runners/`) calls {@link run}.
 */
import { lacks } from "./capabilities.js";

const tests = [];

/** The default time limit of one test, in milliseconds. */
const TIMEOUT_MS = 20_000;

/**
 * Registers a test.
 *
 * @param {string} name What a user relies on, as a sentence.
 * @param {{ needs?: string[], timeoutMs?: number } | Function} options `needs` names capabilities
 *   (see `capabilities.js`).
 * @param {(context: { runtime: string, serverURL: string, selfURL?: string }) => unknown} [fn] May
 *   be asynchronous. `serverURL` is the loopback test server of `tests/runners/server.mjs`.
 *   `selfURL` is the server in which the suite itself runs (capability `requests`). Neither ends
 *   with a slash.
 */
export function test(name, options, fn) {
  if (typeof options === "function") [options, fn] = [{}, options];
  if (tests.some((other) => other.name === name)) throw new Error(`two tests are called “${name}”`);
  tests.push({ name, needs: [], timeoutMs: TIMEOUT_MS, ...options, fn });
}

/**
 * Runs every registered test, one after the other.
 *
 * @param {{ runtime: string, serverURL: string, selfURL?: string, only?: string }} context `only`:
 *   runs the tests whose names contain it.
 * @returns {Promise<{ runtime: string, passed: number, failed: number, excepted: string[],
 *   failures: { name: string, message: string }[] }>} `excepted`: names of tests that this runtime
 *   cannot run, by `capabilities.js`.
 */
export async function run({ only = "", ...context }) {
  const { runtime } = context;
  const result = { runtime, passed: 0, failed: 0, excepted: [], failures: [] };
  for (const { name, needs, timeoutMs, fn } of tests) {
    if (!name.includes(only)) continue;
    if (needs.some((capability) => lacks(runtime, capability))) {
      result.excepted.push(name);
      continue;
    }
    let timer;
    try {
      const late = new Promise((_, reject) => {
        timer = setTimeout(
          () => reject(new AssertionError(`not done after ${timeoutMs} ms`)),
          timeoutMs,
        );
      });
      await Promise.race([fn(context), late]);
      result.passed += 1;
    } catch (error) {
      result.failed += 1;
      result.failures.push({ name, message: describe(error) });
    } finally {
      clearTimeout(timer);
    }
  }
  return result;
}

/** The error that this harness's assertions throw. */
export class AssertionError extends Error {
  name = "AssertionError";
}

/** Fails unless `value` is truthy. */
export function assert(value, message = "expected a truthy value") {
  if (!value) throw new AssertionError(message);
}

/** Fails unless both are deeply equal: same prototypes, own keys, and values by `Object.is`. */
export function assertEquals(actual, expected, message) {
  const path = difference(actual, expected, "value");
  if (path === undefined) return;
  throw new AssertionError(
    `${message ? `${message}: ` : ""}differs at ${path}\n  actual:   ${show(actual)}\n  expected: ${show(expected)}`,
  );
}

/** Fails if both are deeply equal. */
export function assertNotEquals(actual, unexpected, message = "equal values") {
  if (difference(actual, unexpected, "") === undefined)
    throw new AssertionError(`${message}: ${show(actual)}`);
}

/** Fails unless `text` is a string that contains `part` (a string) or matches it (a RegExp). */
export function assertMatch(text, part) {
  const fits =
    typeof text === "string" && (part instanceof RegExp ? part.test(text) : text.includes(part));
  if (!fits) throw new AssertionError(`${show(text)} does not match ${part}`);
}

/** Fails unless `value instanceof Class`. */
export function assertInstance(value, Class) {
  if (!(value instanceof Class)) throw new AssertionError(`${show(value)} is not a ${Class.name}`);
}

/**
 * Fails unless calling `fn` throws synchronously. Returns the error.
 *
 * @param {Function | object} [expected] A class for `instanceof`, or an object whose properties the
 *   error must have (a RegExp matches a string).
 */
export function assertThrows(fn, expected) {
  let result;
  try {
    result = fn();
  } catch (error) {
    return checkError(error, expected);
  }
  throw new AssertionError(`did not throw, but returned ${show(result)}`);
}

/**
 * Like {@link assertThrows}, for a promise or a function that returns one. Resolves to the error.
 */
export async function assertRejects(promise, expected) {
  let result;
  try {
    result = await (typeof promise === "function" ? promise() : promise);
  } catch (error) {
    return checkError(error, expected);
  }
  throw new AssertionError(`did not reject, but resolved to ${show(result)}`);
}

function checkError(error, expected) {
  if (typeof expected === "function") {
    if (!(error instanceof expected))
      throw new AssertionError(`not a ${expected.name}: ${describe(error)}`);
  } else {
    for (const [key, wanted] of Object.entries(expected ?? {})) {
      const value = error?.[key];
      const fits =
        wanted instanceof RegExp
          ? wanted.test(String(value))
          : difference(value, wanted, "") === undefined;
      if (!fits)
        throw new AssertionError(
          `error.${key} is ${show(value)}, expected ${show(wanted)}: ${describe(error)}`,
        );
    }
  }
  return error;
}

/** Returns the path of the first difference, or undefined. */
function difference(a, b, path) {
  if (Object.is(a, b)) return undefined;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return path;
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return `${path} (prototypes)`;
  if (a instanceof Date) return Object.is(a.getTime(), b.getTime()) ? undefined : path;
  if (a instanceof Map || a instanceof Set) return difference([...a], [...b], path);
  const [own, other] = [Object.keys(a), Object.keys(b)];
  const stray = own.find((key) => !other.includes(key)) ?? other.find((key) => !own.includes(key));
  if (stray !== undefined) return `${path}.${stray} (only on one side)`;
  for (const key of own) {
    const found = difference(a[key], b[key], `${path}.${key}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

function show(value) {
  if (value instanceof Error) return describe(value);
  if (value instanceof RegExp || typeof value === "function" || typeof value === "bigint")
    return String(value);
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return String(value);
  }
}

function describe(error) {
  if (!(error instanceof Error)) return `threw ${show(error)}`;
  const where = (error.stack ?? "")
    .split("\n")
    .find((line) => /suite|assets/.test(line) && !line.includes("harness"));
  return `${error.name}: ${error.message}${where ? `\n  ${where.trim()}` : ""}`;
}
