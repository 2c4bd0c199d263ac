import { readEnv } from "../env.js";
import type { Answer, ApiClient, RequestOptions } from "../client.js";
import type { Jwks } from "../generated/models.js";
import { ANY_MERCHANT, type TokenClient, TokenVerification, type VerifiedToken, type VerifyTokenOptions } from "./verify-token.js";

/** Access tokens and the keys that verify them. */
export class Auth {
  readonly #client: ApiClient;
  readonly #tokens: TokenVerification;
  readonly #merchantId: TokenClient["merchantId"];

  constructor(client: ApiClient, tokens: TokenClient) {
    this.#client = client;
    this.#tokens = new TokenVerification(tokens);
    this.#merchantId = tokens.merchantId;
  }

  /** Your merchant id, which {@link verifyToken} expects: the constructor's, else that of `GWOP_MERCHANT_ID` now. `undefined` for `ANY_MERCHANT`. */
  get merchantId(): string | undefined {
    return this.#merchantId === ANY_MERCHANT ? undefined : (this.#merchantId ?? readEnv("GWOP_MERCHANT_ID"));
  }

  /** Gwop's public keys, fetched now. Needs no merchant key. To verify tokens use {@link verifyToken}, which caches them. */
  getJwks(options?: RequestOptions): Promise<Answer<Jwks>> {
    return this.#client.call("auth.getJwks", {}, options);
  }

  /**
   * Verifies an access token of Gwop's and says who the agent is.
   *
   * All merchants share Gwop's issuer and keys. Only the claim `mid` tells for which merchant a token was issued, so your merchant id is needed: in this call, in
   * `new Gwop({ merchantId })` or in `GWOP_MERCHANT_ID`. **With `merchantId: ANY_MERCHANT` a token that an agent got from any other merchant, a hostile one included,
   * verifies here too**, and that merchant can act as the agent towards you.
   *
   * The signature is checked locally, by Web Crypto, with Gwop's JWK Set, which is fetched on first use and cached: see `jwksStore` and `jwksCooldownSeconds`.
   * Only RS256 is accepted, with keys of at least 2048 bits; a key that the token brings along (`jwk`, `jku`, `x5u`, `x5c`) is never followed. A token outlives the revocation of its session: where that matters, pass `sessionCheck: "always"`.
   *
   * @param token What follows `Bearer ` in the agent's `Authorization` header.
   * @throws TokenVerificationError with a `code`:
   * - `TOKEN_MALFORMED`: no compact JWS with a JSON header and claims; a missing or mistyped `exp`; a `sub` that is not `{chain}:{address}`; any `crit`; not a string;
   * - `TOKEN_ALG_NOT_ALLOWED`, judged before anything else;
   * - `TOKEN_KID_UNKNOWN`, after at most one refresh of the JWK Set per cooldown; `TOKEN_SIGNATURE_INVALID`;
   * - `TOKEN_ISSUER_MISMATCH`, `TOKEN_AUDIENCE_MISMATCH`, `TOKEN_MERCHANT_MISMATCH`, `TOKEN_NOT_YET_VALID`, `TOKEN_EXPIRED`, the first that applies;
   * - `TOKEN_KEY_UNSUPPORTED`: this runtime cannot use Gwop's key, for its size or its exponent: see docs/tokens.md. Answer 503, not 401;
   * - `SESSION_REVOKED`: with `sessionCheck: "always"`, the session is anything but `active`;
   * - `JWKS_UNAVAILABLE`: nothing is known about the token, since no JWK Set could be fetched (`cause` says why). Answer 503, not 401.
   * @throws SDKValidationError when an option is not as documented; with the code `MERCHANT_ID_MISSING` where nothing tells your merchant id.
   * @throws GwopError or HTTPClientError when `sessionCheck: "always"` could not look the session up. That is not a pass.
   */
  verifyToken(token: string, options?: VerifyTokenOptions): Promise<VerifiedToken> {
    return this.#tokens.verify(token, options);
  }
}
