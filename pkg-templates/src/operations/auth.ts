import type { Answer, ApiClient, RequestOptions } from "../client.js";
import type { Jwks } from "../generated/models.js";

/** Access tokens. */
export class Auth {
  readonly #client: ApiClient;

  constructor(client: ApiClient) {
    this.#client = client;
  }

  /** Gwop's public keys, fetched now. Needs no merchant key. */
  getJwks(options?: RequestOptions): Promise<Answer<Jwks>> {
    return this.#client.call("auth.getJwks", undefined, options);
  }
}
