// The runner of all tests that run on Node only: one process, one test after the other. Each test
// prints a line with its duration, and the last line is `TITLE: N passed, N failed`.
import { parseArgs } from "node:util";

/** The most characters of a failure's text that are shown. */
const MOST_SHOWN = 6_000;

/** The longest that a test may take, in milliseconds. A test that hangs fails instead. */
const TEST_LIMIT_MS = 600_000;

/** The results so far. Every test is printed when it ends. */
export class Report {
  passed = 0;
  failed = 0;
  #title;

  constructor(title) {
    this.#title = title;
  }

  /** Runs a test. If it returns a string, that is printed next to its name. */
  async run(name, test) {
    const begun = performance.now();
    let timer;
    const late = new Promise((_, reject) => {
      const error = new Error(`it was not over after ${TEST_LIMIT_MS} ms`);
      timer = setTimeout(() => reject(error), TEST_LIMIT_MS);
    });
    try {
      const more = await Promise.race([test(), late]);
      const took = Math.round(performance.now() - begun);
      this.passed += 1;
      console.log(`✓ ${name}${typeof more === "string" ? `: ${more}` : ""} (${took} ms)`);
    } catch (error) {
      this.fail(name, error?.stack ?? error);
    } finally {
      clearTimeout(timer);
    }
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
  const tests = [];
  const cleanups = [];
  try {
    await body({
      quick,
      test: (title, run) => tests.push([title, run]),
      after: (cleanup) => cleanups.push(cleanup),
    });
    for (const [title, run] of tests) await report.run(`${name} › ${title}`, run);
  } catch (error) {
    report.fail(`${name} › the suite could not start`, error?.stack ?? error);
  }
  for (const cleanup of cleanups.reverse()) await cleanup();
}
