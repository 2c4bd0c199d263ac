import type { ApiResponse, ApiClient, RequestOptions } from "../client.js";
import type {
  AuthIntent,
  AuthIntentsCreateRequest,
  AuthIntentsExchangeRequest,
  AuthToken,
} from "../generated/models.js";

/** Wallet log-in: create a challenge, then exchange it for a token. */
export class AuthIntents {
  readonly #client: ApiClient;

  constructor(client: ApiClient) {
    this.#client = client;
  }

  /**
   * Creates a challenge. The agent proves its wallet by paying 0.001 USDC.
   *
   * Leave `idempotencyKey` out. Gwop refuses a key that was used before (`IDEMPOTENCY_CONFLICT`),
   * so the SDK makes a new key for each attempt. With a key of yours, the call is not retried.
   */
  create(
    request: AuthIntentsCreateRequest = {},
    options?: RequestOptions,
  ): Promise<ApiResponse<AuthIntent>> {
    return this.#client.call("authIntents.create", request, options);
  }

  /**
   * Exchanges a paid intent for an access token.
   *
   * The SDK always sends an idempotency key. If the response is lost, call again with the error's
   * `idempotencyKey`. Without it, the intent counts as used.
   *
   * @throws ErrorResponse with the code `AUTH_INTENT_NOT_SETTLED` until the agent has paid.
   */
  exchange(
    request: AuthIntentsExchangeRequest,
    options?: RequestOptions,
  ): Promise<ApiResponse<AuthToken>> {
    return this.#client.call("authIntents.exchange", request, options);
  }
}
