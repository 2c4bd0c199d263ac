/** Statuses of the codes, as the control routes of {@link serve} answer them. */
const STATUS: Record<string, number> = {
  INVALID_OPTION: 400,
  NOT_FOUND: 404,
  NOT_ALLOWED: 409,
  INTERNAL_ERROR: 500,
};

/** A simulator was asked for something that it cannot do: an unknown target, a wrong option. */
export class SimulatorError extends Error {
  override readonly name = "SimulatorError";
  /** Stable: `INVALID_OPTION`, `NOT_FOUND`, `NOT_ALLOWED`, or `INVALID_STATE` of a journal. Answers of {@link serve} may hold `VALIDATION_ERROR` or `INTERNAL_ERROR` besides. */
  readonly code: string;
  /** The option, argument or field that is wrong, such as `merchants[0].apiKey`; `undefined` when it is not about one. */
  readonly field: string | undefined;

  /**
   * @param code Stable, for programs.
   * @param message What was wrong, what was expected.
   * @param field What it is about; the message then starts with it.
   */
  constructor(code: string, message: string, field?: string) {
    super(field === undefined ? message : `\`${field}\`: ${message}`);
    this.code = code;
    this.field = field;
  }

  /**
   * The error as an answer, with Gwop's error body and a request id.
   *
   * @internal
   */
  toResponse(status = STATUS[this.code] ?? 400): Response {
    const { code, message, field } = this;
    const requestId = newRequestId();
    const details = field === undefined ? {} : { field };
    return Response.json(
      { error: { code, message, details, requestId } },
      { status, headers: { "x-request-id": requestId } },
    );
  }
}

/** An id for an answer that Gwop's operations do not give; theirs come from the seed. */
export function newRequestId(): string {
  return `req_${crypto.randomUUID().replaceAll("-", "").slice(0, 16)}`;
}
