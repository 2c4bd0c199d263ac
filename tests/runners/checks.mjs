// The runner of all tests that run on Node only, in one process. Each test prints a line with its
// duration, and the last line is `TITLE: N passed, N failed`.
import { parseArgs } from "node:util";

/** The most characters of a failure's text that are shown. */
const MOST_SHOWN = 6_000;

/** The longest that a test may take, in milliseconds. What hangs fails instead. */
const LIMIT_MS = 600_000;
/** The same for the tests at full length, without `--quick`. */
const FULL_LIMIT_MS = 3_600_000;

/** Thrown for a test that is not over in time. */
class Late extends Error {}

/** Calls `work`, and rejects if it takes longer than `limitMs`. */
async function within(limitMs, work) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Late(`it was not over after ${limitMs} ms`)), limitMs);
  });
  try {
    return await Promise.race([work(), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The results so far. Every test is printed when it ends. */
export class Report {
  passed = 0;
  failed = 0;
  #title;

  constructor(title) {
    this.#title = title;
  }

  /**
   * Runs a test. If it returns a string, that is printed next to its name. Resolves to whether the
   * test is over.
   */
  async run(name, test, limitMs = LIMIT_MS) {
    const begun = performance.now();
    try {
      const more = await within(limitMs, test);
      const took = Math.round(performance.now() - begun);
      this.passed += 1;
      console.log(`✓ ${name}${typeof more === "string" ? `: ${more}` : ""} (${took} ms)`);
    } catch (error) {
      this.fail(name, error?.stack ?? error);
      return !(error instanceof Late);
    }
    return true;
  }

  /** Counts a failed test, and prints why. */
  fail(name, reason) {
    this.failed += 1;
    const text = String(reason).slice(0, MOST_SHOWN);
    console.log(`✗ ${name}\n  ${text.replaceAll("\n", "\n  ")}`);
  }

  /** Counts a test that ran elsewhere: whether it `holds`, and its result `otherwise`. */
  count(name, holds, otherwise) {
    if (holds) this.passed += 1;
    else this.fail(name, otherwise);
  }

  /** Counts the results of a run of `tests/suite/harness.js`. */
  add({ passed, failures }) {
    this.passed += passed;
    for (const { name, message } of failures) this.fail(name, message);
  }

  /** Prints the sum and ends the process, with code 1 if a test failed or none ran. */
  end(more = "") {
    console.log(`${this.#title}: ${this.passed} passed, ${this.failed} failed${more}`);
    process.exit(this.failed > 0 || this.passed === 0 ? 1 : 0);
  }
}

/** Runs the checks whose names contain `only`. Each check is a function under its name. */
export async function runChecks(title, checks, only = "") {
  const report = new Report(title);
  for (const [name, check] of Object.entries(checks))
    if (name.includes(only)) await report.run(name, check);
  return report;
}

const suites = [];

/**
 * Registers a suite. `body` receives `test(name, run)` and `after(cleanup)`, sets itself up, and
 * returns when all tests are registered. Then the tests run, and the clean-ups after them, the last
 * one first.
 */
export function suite(name, body) {
  suites.push({ name, body });
}

/**
 * Runs the suites, by the program's arguments `[--only SUITE,...]... [--quick]`: those whose names
 * have a word that begins with SUITE, or all. Each suite receives `quick`. Up to `lanes` suites run
 * at once, each with its own tests one after the other.
 */
export async function runSuites(title, { lanes = 1 } = {}) {
  const { values } = parseArgs({
    options: {
      only: { type: "string", multiple: true, default: [] },
      quick: { type: "boolean", default: false },
    },
  });
  const only = values.only.flatMap((names) => names.split(","));
  // Matches from the beginning of a word, so that `story` does not match `history`.
  const isMeant = (name, wanted) => ` ${name}`.includes(` ${wanted}`);
  const names = suites.map(({ name }) => name);
  const unknown = only.find((wanted) => !names.some((name) => isMeant(name, wanted)));
  if (unknown !== undefined)
    throw new Error(`no suite \`${unknown}\`: there are ${names.join(", ")}`);

  const report = new Report(title);
  const rest = suites
    .filter(({ name }) => only.length === 0 || only.some((wanted) => isMeant(name, wanted)))
    .values();
  const lane = async () => {
    for (const one of rest) await runSuite(one, report, values.quick);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return report;
}

/** Runs one suite: its tests, then its clean-ups. */
async function runSuite({ name, body }, report, quick) {
  const limitMs = quick ? LIMIT_MS : FULL_LIMIT_MS;
  const tests = [];
  const cleanups = [];
  const register = {
    quick,
    test: (title, run) => tests.push([title, run]),
    after: (cleanup) => cleanups.push(cleanup),
  };
  try {
    await within(limitMs, () => body(register));
    for (const [title, run] of tests) {
      const over = await report.run(`${name} › ${title}`, run, limitMs);
      // A test that goes on would disturb the next ones.
      if (!over) break;
    }
  } catch (error) {
    report.fail(`${name} › the suite could not start`, error?.stack ?? error);
  }
  for (const cleanup of cleanups.reverse()) {
    try {
      await within(limitMs, cleanup);
    } catch (error) {
      report.fail(`${name} › its clean-up`, error?.stack ?? error);
    }
  }
}
