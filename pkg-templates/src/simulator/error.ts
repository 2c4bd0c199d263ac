/** A simulator was asked for something that it cannot do: an unknown target, a wrong option. */
export class SimulatorError extends Error {
  override readonly name = "SimulatorError";
  /** Stable: `INVALID_OPTION`, `NOT_FOUND` or `NOT_ALLOWED`. */
  readonly code: string;

  /** @param message What was wrong, what was expected. */
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}
