import { brand, explain, hide } from "./brand.js";
import { GwopError, type HTTPMeta } from "./gwop.js";

/** Why an argument or a webhook was refused. Open: new reasons may come. */
export type ValidationErrorCode =
  /**
   * An option or an argument is wrong, or an option is not known. Nothing was sent.
   *
   * Cause: A name is misspelled, a value is of another kind or out of range, or two names of one
   * option differ.
   *
   * Fix: Correct the code. The message names the option and the nearest name that is known.
   */
  | "SDK_VALIDATION"
  /**
   * A call needs the merchant key, and there is none. Nothing was sent.
   *
   * Cause: Neither `merchantApiKey` nor `GWOP_MERCHANT_API_KEY` is set.
   *
   * Fix: Pass `merchantApiKey`, or set `GWOP_MERCHANT_API_KEY`.
   */
  | "MERCHANT_API_KEY_MISSING"
  /**
   * A token cannot be verified, because nothing says which merchant it should be for.
   *
   * Cause: Neither `merchantId` nor `GWOP_MERCHANT_ID` is set. Tokens of all merchants carry the
   * same issuer and keys.
   *
   * Fix: Pass `merchantId`, or set `GWOP_MERCHANT_ID`. Pass `ANY_MERCHANT` only if you check
   * `merchantId` of the verified token yourself.
   */
  | "MERCHANT_ID_MISSING"
  /**
   * The credentials are those of the local Gwop, which everybody knows, and the client talks to
   * Gwop itself.
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
   * 413: The body of a webhook has more bytes than are read.
   *
   * Cause: The request is not Gwop's, whose webhooks have less than 4 KiB, or `maxBodyBytes` is too
   * small.
   *
   * Fix: Refuse it. Raise `maxBodyBytes` only if you expect larger events. The handlers answer with
   * the code `BODY_TOO_LARGE`.
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

  /**
   * Gwop answered with success, and the SDK does not understand the body. The call may have had its
   * effect.
   *
   * Cause: The answer lacks a field, or has one of another kind. A proxy may have changed it.
   *
   * Fix: Do not take it for a failure. Repeat the call with the error's `idempotencyKey`, or look
   * what became of it. Report the error with its `x-request-id`.
   */
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
