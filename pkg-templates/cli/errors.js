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
