import type { Answer, ApiClient, RequestOptions } from "../client.js";
import type {
  AuthIntent,
  AuthIntentsCreateRequest,
  AuthIntentsExchangeRequest,
  AuthToken,
} from "../generated/models.js";

/** Wallet log-in: challenge, then exchange. */
export class AuthIntents {
  readonly #client: ApiClient;

  constructor(client: ApiClient) {
    this.#client = client;
  }

  /**
   * Creates a wallet challenge, which the agent settles by a payment of 0.001 USDC.
   *
   * Leave `idempotencyKey` out: Gwop refuses a used key with `IDEMPOTENCY_CONFLICT`, so the SDK takes a fresh one for each
   * attempt. With a key of yours the call is not retried.
   */
  create(
    request: AuthIntentsCreateRequest = {},
    options?: RequestOptions,
  ): Promise<Answer<AuthIntent>> {
    return this.#client.call("authIntents.create", request, options);
  }

  /**
   * Exchanges a settled intent for an access token.
   *
   * The SDK always sends an idempotency key. When the answer is lost, exchange again with the error's `idempotencyKey`:
   * without it the intent would count as used.
   *
   * @throws ErrorResponse with code `AUTH_INTENT_NOT_SETTLED` while the agent has not paid.
   */
  exchange(
    request: AuthIntentsExchangeRequest,
    options?: RequestOptions,
  ): Promise<Answer<AuthToken>> {
    return this.#client.call("authIntents.exchange", request, options);
  }
}
