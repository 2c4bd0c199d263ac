/** Statuses of the codes, as the control routes of {@link serve} answer them. */
const STATUS: Record<string, number> = {
  INVALID_OPTION: 400,
  NOT_FOUND: 404,
  NOT_ALLOWED: 409,
  INTERNAL_ERROR: 500,
};

/** The codes of {@link SimulatorError}. Open: new ones may come. */
export type SimulatorErrorCode =
  /**
   * 400: An option, an argument or a field is wrong; `field` names it.
   *
   * Cause: A name is misspelled, or a value is of another kind.
   *
   * Fix: Correct it. The message says what was expected.
   */
  | "INVALID_OPTION"
  /**
   * 404: There is no such thing in the local Gwop.
   *
   * Cause: The id, the number or the path of a control route is wrong, or the state was reset.
   *
   * Fix: Check the id. `GET /_sim/` lists the control routes.
   */
  | "NOT_FOUND"
  /**
   * 409: The state does not allow it; 403 where another machine asks for a control route.
   *
   * Cause: For example, the invoice is final, or nothing is held that could settle.
   *
   * Fix: Look at the state first. Ask the control routes from the same machine.
   */
  | "NOT_ALLOWED"
  /**
   * 400: A saved state or a journal cannot be read.
   *
   * Cause: It is damaged, was edited, or is of a later version.
   *
   * Fix: Use a state that this version wrote, or begin with an empty one.
   */
  | "INVALID_STATE"
  /**
   * 400: The request cannot be read.
   *
   * Cause: The path, the `Host` header or the request itself is malformed.
   *
   * Fix: Correct the request.
   */
  | "VALIDATION_ERROR"
  /**
   * 500: The local Gwop failed.
   *
   * Cause: The state could not be written, or there is a defect.
   *
   * Fix: Read the message. Restart the local Gwop; report a defect.
   */
  | "INTERNAL_ERROR"
  | (string & {});

/** A simulator was asked for something that it cannot do: an unknown target, a wrong option. */
export class SimulatorError extends Error {
  override readonly name = "SimulatorError";
  /** Stable, for programs. */
  readonly code: SimulatorErrorCode;
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
