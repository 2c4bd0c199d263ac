import { brand, explain, hide } from "./brand.js";
import { GwopError, type HTTPMeta } from "./gwop.js";

/** The codes for a refused argument or webhook. More codes can follow. */
export type ValidationErrorCode =
  /**
   * An option or an argument is wrong, or an option is unknown. Nothing was sent.
   *
   * Cause: A name is misspelled, a value has the wrong type or is out of range, or two names of one
   * option have different values.
   *
   * Fix: Fix the code. The message names the option and the nearest known name.
   */
  | "SDK_VALIDATION"
  /**
   * A call needs the merchant key, but there is none. Nothing was sent.
   *
   * Cause: Neither `merchantApiKey` nor `GWOP_MERCHANT_API_KEY` is set.
   *
   * Fix: Pass `merchantApiKey`, or set `GWOP_MERCHANT_API_KEY`.
   */
  | "MERCHANT_API_KEY_MISSING"
  /**
   * A token cannot be verified, because no merchant id says which merchant it must be for.
   *
   * Cause: Neither `merchantId` nor `GWOP_MERCHANT_ID` is set. Tokens of all merchants have the
   * same issuer and keys.
   *
   * Fix: Pass `merchantId`, or set `GWOP_MERCHANT_ID`. Pass `ANY_MERCHANT` only if you check
   * `merchantId` of the verified token yourself.
   */
  | "MERCHANT_ID_MISSING"
  /**
   * The credentials are the public ones of the local Gwop, and the client connects to Gwop itself.
   *
   * Cause: `whsec_simulator` or `sk_m_simulator` is configured, and `serverURL` or `identityURL` is
   * not the local Gwop's.
   *
   * Fix: Use your own credentials. For tests, set `serverURL` and `identityURL` to the local Gwop,
   * or pass its `httpClient`.
   */
  | "SIMULATOR_CREDENTIALS"
  /**
   * A webhook cannot be verified, because there is no secret.
   *
   * Cause: Neither `webhookSecret` nor `GWOP_WEBHOOK_SECRET` is set, or it is empty.
   *
   * Fix: Pass `webhookSecret`, or set `GWOP_WEBHOOK_SECRET`.
   */
  | "WEBHOOK_SECRET_MISSING"
  | "WEBHOOK_SIGNATURE_MISSING"
  | "WEBHOOK_SIGNATURE_MALFORMED"
  | "WEBHOOK_TIMESTAMP_INVALID"
  | "WEBHOOK_TIMESTAMP_OUTSIDE_TOLERANCE"
  | "WEBHOOK_SIGNATURE_MISMATCH"
  /**
   * 413: The body of a webhook is too large.
   *
   * Cause: The request is not from Gwop, whose webhooks have less than 4 KiB, or `maxBodyBytes` is
   * too small.
   *
   * Fix: Refuse it. Raise `maxBodyBytes` only if you expect larger events. The handlers respond
   * with the code `BODY_TOO_LARGE`.
   */
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
 * `rawValue` is not enumerable, so printing the error does not show it.
 */
export class SDKValidationError extends Error {
  static {
    brand(this, "SDKValidationError");
  }

  /** The code, for programs: `WEBHOOK_…` for a rejected webhook, otherwise `SDK_VALIDATION`. */
  readonly code: ValidationErrorCode;
  /** The message, for people, without the cause. */
  readonly rawMessage: string;
  /** The value that was refused. Undefined for a webhook, whose payload is not trusted. */
  declare readonly rawValue: unknown;
  /** The idempotency key of the call, if it had one. */
  declare readonly idempotencyKey?: string;
  /**
   * The HTTP status with which a server responds to the request that caused this error, as
   * `createWebhookHandler` does: 401 for a wrong signature, 400 for a signed event that cannot be
   * used, 413 for a body that is too large, 200 for an event type that this version does not know,
   * and 500 for a mistake on the server's side, such as a missing secret. Not enumerable.
   */
  declare readonly httpStatus: number;

  /**
   * @param message What was wrong and what was expected.
   * @param cause The cause. If it is an error, its text is added to the message.
   * @param rawValue The value that was refused.
   * @param code The code, for programs.
   * @param httpStatus The status with which a server responds.
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

/** The details of a {@link ResponseValidationError}. */
export interface ResponseValidationMeta extends HTTPMeta {
  /** The cause. */
  cause: unknown;
  /** The parsed body. */
  rawValue: unknown;
  /** The message, for people, without the cause. */
  rawMessage: string;
}

/**
 * Gwop responded with success, but the body has the wrong shape. Do not treat this as a failure:
 * the call may have succeeded. `instanceof` of {@link GwopError} and of {@link SDKValidationError}
 * is true for it.
 */
export class ResponseValidationError extends GwopError implements SDKValidationError {
  static {
    brand(this, "ResponseValidationError", "sdk", "SDKValidationError");
  }

  /**
   * Gwop responded with success, but the SDK does not understand the body. The call may have
   * succeeded.
   *
   * Cause: The response lacks a field, or a field has the wrong type. A proxy may have changed it.
   *
   * Fix: Do not treat it as a failure. Repeat the call with the error's `idempotencyKey`, or check
   * what happened. Report the error with its `x-request-id`.
   */
  override readonly code = "RESPONSE_VALIDATION";
  /** The message, for people, without the cause. */
  readonly rawMessage: string;
  /** The parsed body. Not enumerable. */
  declare readonly rawValue: unknown;
  /** 500: whoever called your server is not to blame for Gwop's response. */
  declare readonly httpStatus: number;

  /** @param message What was wrong and what was expected. */
  constructor(message: string, meta: ResponseValidationMeta) {
    super(message, meta);
    const { cause, rawValue } = meta;
    this.rawMessage = meta.rawMessage;
    hide(this, { rawValue, httpStatus: 500, ...(cause !== undefined && { cause }) });
  }

  /** The message, with the cause on a line of its own. */
  pretty(): string {
    return pretty(this);
  }
}

function pretty({
  name,
  rawMessage,
  cause,
}: {
  name: string;
  rawMessage: string;
  cause?: unknown;
}): string {
  const line = `${name}: ${rawMessage}`;
  return cause instanceof Error ? `${line}\n  ${cause}` : line;
}
