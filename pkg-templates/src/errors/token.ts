import { brand } from "./brand.js";

/** Why an access token was refused. */
export type TokenErrorCode =
  | "TOKEN_MALFORMED"
  | "TOKEN_ALG_NOT_ALLOWED"
  | "TOKEN_KID_UNKNOWN"
  | "TOKEN_KEY_UNSUPPORTED"
  | "TOKEN_SIGNATURE_INVALID"
  | "TOKEN_EXPIRED"
  | "TOKEN_NOT_YET_VALID"
  | "TOKEN_ISSUER_MISMATCH"
  | "TOKEN_AUDIENCE_MISMATCH"
  | "TOKEN_MERCHANT_MISMATCH"
  | "SESSION_REVOKED"
  | "JWKS_UNAVAILABLE";

/** An access token that must not be trusted. The message contains nothing of the token. */
export class TokenVerificationError extends Error {
  static {
    brand(this, "TokenVerificationError");
  }

  /**
   * The reason, for programs. `JWKS_UNAVAILABLE` and `TOKEN_KEY_UNSUPPORTED` say nothing about the
   * token: respond with 503, not 401.
   */
  readonly code: TokenErrorCode;

  /**
   * @param message The reason, for people.
   * @param options `code`: the reason, for programs. `cause`: the cause, such as the failed fetch
   * of the JWK Set.
   */
  constructor(message: string, { code, ...options }: { code: TokenErrorCode; cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}
