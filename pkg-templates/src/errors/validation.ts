import { brand, explain, hide } from "./brand.js";
import { GwopError, type HTTPMeta } from "./gwop.js";

/** Why an argument or a webhook was refused. Open: new reasons may come. */
export type ValidationErrorCode =
  | "SDK_VALIDATION"
  | "MERCHANT_API_KEY_MISSING"
  | "MERCHANT_ID_MISSING"
  | "SIMULATOR_CREDENTIALS"
  | "WEBHOOK_SECRET_MISSING"
  | "WEBHOOK_SIGNATURE_MISSING"
  | "WEBHOOK_SIGNATURE_MALFORMED"
  | "WEBHOOK_TIMESTAMP_INVALID"
  | "WEBHOOK_TIMESTAMP_OUTSIDE_TOLERANCE"
  | "WEBHOOK_SIGNATURE_MISMATCH"
  | "WEBHOOK_BODY_TOO_LARGE"
  | "WEBHOOK_BODY_NOT_RAW"
  | "WEBHOOK_PAYLOAD_INVALID"
  | "WEBHOOK_EVENT_UNKNOWN"
  | "WEBHOOK_HEADER_MISMATCH"
  | "WEBHOOK_SOURCE_NOT_ACCEPTED"
  | (string & {});

/**
 * Input that was refused before anything was sent, or a webhook that was rejected.
 *
 * `rawValue` is not enumerable, so that printing the error does not show it.
 */
export class SDKValidationError extends Error {
  static {
    brand(this, "SDKValidationError");
  }

  /** What was wrong, for programs: `WEBHOOK_…` for a rejected webhook, else `SDK_VALIDATION`. */
  readonly code: ValidationErrorCode;
  /** What was wrong, for people, without the cause. */
  readonly rawMessage: string;
  /** What was refused. Undefined for a webhook: nothing of a payload that is not trusted. */
  declare readonly rawValue: unknown;
  /** The idempotency key of the call, where it had one. */
  declare readonly idempotencyKey?: string;
  /**
   * The HTTP status with which a server answers the request that led to this error, as
   * `createWebhookHandler` does: 401 for a signature that does not hold, 400 for a signed event that
   * cannot be used, 413 for a body that is too large, 200 for an event type that this version does
   * not know, and 500 for a mistake on the server's own side, such as a missing secret. Not
   * enumerable.
   */
  declare readonly httpStatus: number;

  /**
   * @param message What was wrong, what was expected.
   * @param cause What led to it; an error's text is added to the message.
   * @param rawValue What was refused.
   * @param code What was wrong, for programs.
   * @param httpStatus What a server answers.
   */
  constructor(
    message: string,
    cause: unknown,
    rawValue: unknown,
    code: ValidationErrorCode = "SDK_VALIDATION",
    httpStatus = 500,
  ) {
    super(explain(message, cause), cause === undefined ? undefined : { cause });
    this.code = code;
    this.rawMessage = message;
    hide(this, { rawValue, httpStatus });
  }

  /** The message, with the cause on a line of its own. */
  pretty(): string {
    return pretty(this);
  }
}

/** What a {@link ResponseValidationError} is about. */
export interface ResponseValidationMeta extends HTTPMeta {
  /** What led to the error. */
  cause: unknown;
  /** The body as it was parsed. */
  rawValue: unknown;
  /** What was wrong, for people, without the cause. */
  rawMessage: string;
}

/**
 * Gwop answered with success, but with a body of the wrong shape. The outcome is not a failure: the call may have had
 * its effect. It answers to `instanceof` of {@link GwopError} and of {@link SDKValidationError}.
 */
export class ResponseValidationError extends GwopError implements SDKValidationError {
  static {
    brand(this, "ResponseValidationError", "sdk", "SDKValidationError");
  }

  override readonly code = "RESPONSE_VALIDATION";
  /** What was wrong, for people, without the cause. */
  readonly rawMessage: string;
  /** The body as it was parsed. Not enumerable. */
  declare readonly rawValue: unknown;
  /** 500: an answer of Gwop's that is not understood is no fault of whoever asked your server. */
  declare readonly httpStatus: number;

  /** @param message What was wrong, what was expected. */
  constructor(message: string, meta: ResponseValidationMeta) {
    super(message, meta);
    const { cause, rawValue } = meta;
    this.rawMessage = meta.rawMessage;
    const httpStatus = 500;
    hide(this, cause === undefined ? { rawValue, httpStatus } : { rawValue, httpStatus, cause });
  }

  /** The message, with the cause on a line of its own. */
  pretty(): string {
    return pretty(this);
  }
}

function pretty({ name, rawMessage, cause }: { name: string; rawMessage: string; cause?: unknown }): string {
  const line = `${name}: ${rawMessage}`;
  return cause instanceof Error ? `${line}\n  ${cause}` : line;
}
