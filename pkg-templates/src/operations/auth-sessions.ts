import type { ApiResponse, ApiClient, RequestOptions } from "../client.js";
import type {
  AuthSession,
  AuthSessionsGetRequest,
  AuthSessionsRevokeRequest,
  Revoked,
} from "../generated/models.js";

/** The sessions of access tokens. */
export class AuthSessions {
  readonly #client: ApiClient;

  constructor(client: ApiClient) {
    this.#client = client;
  }

  /**
   * Looks up a session at Gwop. Only the status `active` is good. A token itself does not show that
   * its session was revoked.
   */
  get(
    request: AuthSessionsGetRequest,
    options?: RequestOptions,
  ): Promise<ApiResponse<AuthSession>> {
    return this.#client.call("authSessions.get", request, options);
  }

  /**
   * Revokes a session. You can revoke it again without harm, so the call is retried like a read.
   */
  revoke(
    request: AuthSessionsRevokeRequest,
    options?: RequestOptions,
  ): Promise<ApiResponse<Revoked>> {
    return this.#client.call("authSessions.revoke", request, options);
  }
}
