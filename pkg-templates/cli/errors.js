// The errors that end a command without a result.

/**
 * Wrong use: exit code 2. The message says what is wrong and what to do. It repeats no argument
 * that may be a secret.
 */
export class UsageError extends Error {}

/** The result is unavailable, for example because a server is down: exit code 1. */
export class Unavailable extends Error {
  /** @param {string} code The stable code. */
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

/** The codes of errors in `--json`, besides those of Gwop, of webhooks, tokens and agents. */
export const CODES = {
  /**
   * The command was used in a wrong way. The exit code is 2.
   *
   * Cause: An option or an argument is missing, unknown or of the wrong type, or contains a secret.
   *
   * Fix: Read the message and `gwop COMMAND --help`.
   */
  USAGE: "USAGE",
  /**
   * A server did not respond.
   *
   * Cause: It is not running, the URL is wrong, or it took too long.
   *
   * Fix: Check the URL and that the server runs.
   */
  UNREACHABLE: "UNREACHABLE",
  /**
   * The response of a server is larger than the command reads.
   *
   * Cause: The URL belongs to another service.
   *
   * Fix: Check the URL.
   */
  ANSWER_TOO_LARGE: "ANSWER_TOO_LARGE",
  /**
   * The response of a server is not JSON.
   *
   * Cause: The URL belongs to another service, or a proxy responded.
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
   * Fix: Check the file and its permissions.
   */
  JOURNAL_FAILED: "JOURNAL_FAILED",
  /**
   * `gwop pay` needs SQLite for its journal.
   *
   * Cause: The runtime has no SQLite.
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
