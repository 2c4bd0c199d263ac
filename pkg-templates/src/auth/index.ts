import { readEnv } from "../env.js";
import type { ApiResponse, ApiClient, RequestOptions } from "../client.js";
import type { Jwks } from "../generated/models.js";
import {
  ANY_MERCHANT,
  type TokenClient,
  TokenVerification,
  type VerifiedToken,
  type VerifyTokenOptions,
} from "./verify-token.js";

/** Access tokens, and the keys that verify them. */
export class Auth {
  readonly #client: ApiClient;
  readonly #tokens: TokenVerification;
  readonly #merchantId: TokenClient["merchantId"];

  constructor(client: ApiClient, tokens: TokenClient) {
    this.#client = client;
    this.#tokens = new TokenVerification(tokens);
    this.#merchantId = tokens.merchantId;
  }

  /**
   * Your merchant id, as {@link verifyToken} expects it: that of the constructor, or the current
   * value of `GWOP_MERCHANT_ID`. `undefined` for `ANY_MERCHANT`.
   */
  get merchantId(): string | undefined {
    return this.#merchantId === ANY_MERCHANT
      ? undefined
      : (this.#merchantId ?? readEnv("GWOP_MERCHANT_ID"));
  }

  /**
   * Fetches Gwop's public keys now. It needs no merchant key. To verify tokens, use {@link
   * verifyToken}, which caches the keys.
   */
  getJwks(options?: RequestOptions): Promise<ApiResponse<Jwks>> {
    return this.#client.call("auth.getJwks", {}, options);
  }

  /**
   * Verifies an access token and returns who the agent is.
   *
   * All merchants share Gwop's issuer and keys, and only the claim `mid` says for which merchant a
   * token was issued. So your merchant id is needed: in this call, in `new Gwop({ merchantId })` or
   * in `GWOP_MERCHANT_ID`. **With `merchantId: ANY_MERCHANT`, a token that another merchant's agent
   * received verifies here too**, and a hostile merchant could act as that agent towards you.
   *
   * Web Crypto checks the signature with a key of Gwop's JWK Set, which the client fetches on first
   * use and caches. See `jwksStore` and `jwksCooldownSeconds`. Only RS256 is accepted, with keys of
   * at least 2048 bits. A key that the token itself names (`jwk`, `jku`, `x5u`, `x5c`) is never
   * followed. A token stays valid when its session is revoked. If that matters, pass `sessionCheck:
   * "always"`.
   *
   * @param token What follows `Bearer ` in the agent's `Authorization` header.
   * @throws TokenVerificationError with a `code`:
   * - `TOKEN_MALFORMED`: it is not a compact JWS with a JSON header and claims, `exp` is missing or
   *   mistyped, `sub` is not `{chain}:{address}`, there is a `crit`, or it is not a string;
   * - `TOKEN_ALG_NOT_ALLOWED`, which is checked first;
   * - `TOKEN_KID_UNKNOWN`, after at most one refresh of the JWK Set per cooldown, and
   *   `TOKEN_SIGNATURE_INVALID`;
   * - `TOKEN_ISSUER_MISMATCH`, `TOKEN_AUDIENCE_MISMATCH`, `TOKEN_MERCHANT_MISMATCH`,
   *   `TOKEN_NOT_YET_VALID`, `TOKEN_EXPIRED`: the first that applies;
   * - `TOKEN_KEY_UNSUPPORTED`: this runtime cannot use Gwop's key (see docs/tokens.md).
   *   Respond with 503, not 401;
   * - `SESSION_REVOKED`: with `sessionCheck: "always"`, the session is not `active`;
   * - `JWKS_UNAVAILABLE`: no JWK Set could be fetched (`cause` says why), so nothing is known about
   *   the token. Respond with 503, not 401.
   * @throws SDKValidationError if an option is wrong, or with the code `MERCHANT_ID_MISSING` if
   * there is no merchant id.
   * @throws GwopError or HTTPClientError if `sessionCheck: "always"` could not look up the session.
   * Do not let the agent pass.
   */
  verifyToken(token: string, options?: VerifyTokenOptions): Promise<VerifiedToken> {
    return this.#tokens.verify(token, options);
  }
}
