// What ends a command before it has an answer.

/**
 * Wrong use: exit code 2. The message says what is wrong and what to do, and holds no argument's
 * text that may be a secret.
 */
export class UsageError extends Error {}

/** The answer cannot be had, such as of a server that is down: exit code 1. */
export class Unavailable extends Error {
  /** @param {string} code A stable name. */
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

/** The codes of errors in `--json`, beside those of Gwop, of webhooks, tokens and agents. */
export const CODES = {
  /**
   * The command was not used as it should be. The exit code is 2.
   *
   * Cause: An option or an argument is missing, not known or of another kind, or holds a secret.
   *
   * Fix: Read the message and `gwop COMMAND --help`.
   */
  USAGE: "USAGE",
  /**
   * A server gave no answer.
   *
   * Cause: It is not running, the URL is wrong, or it took too long.
   *
   * Fix: Check the URL and that the server runs.
   */
  UNREACHABLE: "UNREACHABLE",
  /**
   * The answer of a server is larger than the command reads.
   *
   * Cause: The URL is another service's.
   *
   * Fix: Check the URL.
   */
  ANSWER_TOO_LARGE: "ANSWER_TOO_LARGE",
  /**
   * The answer of a server is no JSON.
   *
   * Cause: The URL is another service's, or a proxy answered.
   *
   * Fix: Check the URL.
   */
  ANSWER_NOT_UNDERSTOOD: "ANSWER_NOT_UNDERSTOOD",
  /**
   * The local Gwop has no such event.
   *
   * Cause: The id is wrong, or the local Gwop was restarted without a state file.
   *
   * Fix: List the events with `gwop events`.
   */
  NOT_FOUND: "NOT_FOUND",
  /**
   * `gwop pay` cannot open its journal. Nothing was paid.
   *
   * Cause: The file cannot be read or written.
   *
   * Fix: Check the file and its rights.
   */
  JOURNAL_FAILED: "JOURNAL_FAILED",
  /**
   * `gwop pay` needs SQLite for its journal.
   *
   * Cause: The runtime has none.
   *
   * Fix: Use Node 22.13 or newer, Deno 2.2 or newer, or Bun.
   */
  NO_SQLITE: "NO_SQLITE",
  /**
   * The command failed.
   *
   * Cause: There is a defect.
   *
   * Fix: Report the message.
   */
  INTERNAL_ERROR: "INTERNAL_ERROR",
};
