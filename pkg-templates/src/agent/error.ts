/** Where a payment stopped. */
export type AgentPhase = "discover" | "limit" | "sign" | "send" | "settle";

/** An error as the rules give it. */
export interface Failure {
  code: string;
  phase: AgentPhase;
  mayHaveSettled: boolean;
  message: string;
  reason?: string | null;
  retryAt?: number | null;
}

/**
 * A payment was not made, or is not known to have been. It never holds a key, a signature or a
 * payment header.
 */
export class AgentError extends Error {
  override readonly name = "AgentError";
  /** Stable, for programs: `docs/agent.md` lists them. */
  readonly code: string;
  /** Where it stopped. */
  readonly phase: AgentPhase;
  /**
   * Whether money may have moved, or may still move. Where it is `true`, do not pay in another way:
   * call again or {@link Agent.resume}, and the same payment is followed.
   */
  readonly mayHaveSettled: boolean;
  /** The server's reason, where that is a plain word of the protocol. */
  readonly reason: string | undefined;
  /** From when on another try can have another outcome. */
  readonly retryAt: Date | undefined;

  /** @internal */
  constructor(failure: Failure, cause?: unknown) {
    super(failure.message, cause === undefined ? undefined : { cause });
    this.code = failure.code;
    this.phase = failure.phase;
    this.mayHaveSettled = failure.mayHaveSettled;
    this.reason = failure.reason ?? undefined;
    this.retryAt = typeof failure.retryAt === "number" ? new Date(failure.retryAt) : undefined;
  }
}

/** The error about an option. */
export function invalidOption(message: string): AgentError {
  return new AgentError({
    code: "INVALID_OPTION",
    phase: "discover",
    mayHaveSettled: false,
    message,
  });
}

/** Runs a function of the core that throws an error as JSON. */
export function checked<Result>(run: () => Result): Result {
  try {
    return run();
  } catch (error) {
    throw typeof error === "string" && error.startsWith("{")
      ? new AgentError(JSON.parse(error) as Failure)
      : error;
  }
}
