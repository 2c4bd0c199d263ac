/** The statuses of the codes, with which the control routes of {@link serve} respond. */
const STATUS: Record<string, number> = {
  INVALID_OPTION: 400,
  NOT_FOUND: 404,
  NOT_ALLOWED: 409,
  INTERNAL_ERROR: 500,
};

/** The codes of {@link SimulatorError}. Open: new ones may come. */
export type SimulatorErrorCode =
  /**
   * 400: An option, an argument or a field is wrong. `field` names it.
   *
   * Cause: A name is misspelled, or a value has the wrong type.
   *
   * Fix: Fix the value. The message says what was expected.
   */
  | "INVALID_OPTION"
  /**
   * 404: The local Gwop has no such object.
   *
   * Cause: The id, the number or the path of a control route is wrong, or the state was reset.
   *
   * Fix: Check the id. `GET /_sim/` lists the control routes.
   */
  | "NOT_FOUND"
  /**
   * 409: The state does not allow it. The status is 403 if another machine calls a control route.
   *
   * Cause: For example, the invoice is final, or no held payment could settle.
   *
   * Fix: Check the state first. Call the control routes from the same machine.
   */
  | "NOT_ALLOWED"
  /**
   * 400: A saved state or a journal cannot be read.
   *
   * Cause: It is damaged, was edited, or was written by a later version.
   *
   * Fix: Use a state that this version wrote, or start with an empty one.
   */
  | "INVALID_STATE"
  /**
   * 400: The request cannot be read.
   *
   * Cause: The path, the `Host` header or the request itself is malformed.
   *
   * Fix: Fix the request.
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

/**
 * The simulator cannot do what was asked, for example because of an unknown id or a wrong option.
 */
export class SimulatorError extends Error {
  override readonly name = "SimulatorError";
  /** The stable code, for programs. */
  readonly code: SimulatorErrorCode;
  /**
   * The option, argument or field that is wrong, such as `merchants[0].apiKey`. `undefined` if the
   * error is not about one.
   */
  readonly field: string | undefined;

  /**
   * @param code The stable code, for programs.
   * @param message What was wrong and what was expected.
   * @param field The field that the error is about. The message then starts with it.
   */
  constructor(code: string, message: string, field?: string) {
    super(field === undefined ? message : `\`${field}\`: ${message}`);
    this.code = code;
    this.field = field;
  }

  /**
   * Returns the error as a response, with Gwop's error body and a request id.
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

/**
 * Creates a request id for a response that does not come from Gwop's operations. Theirs come from
 * the seed.
 */
export function newRequestId(): string {
  return `req_${crypto.randomUUID().replaceAll("-", "").slice(0, 16)}`;
}
