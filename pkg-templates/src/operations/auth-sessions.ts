import type { Answer, ApiClient, RequestOptions } from "../client.js";
import type {
  AuthSession,
  AuthSessionsGetRequest,
  AuthSessionsRevokeRequest,
  Revoked,
} from "../generated/models.js";

/** Sessions behind access tokens. */
export class AuthSessions {
  readonly #client: ApiClient;

  constructor(client: ApiClient) {
    this.#client = client;
  }

  /** Looks a session up live. Only the status `active` is good: a token does not show that its session was revoked. */
  get(request: AuthSessionsGetRequest, options?: RequestOptions): Promise<Answer<AuthSession>> {
    return this.#client.call("authSessions.get", request, options);
  }

  /** Revokes a session. Revoking it again is harmless, so it is retried like a read. */
  revoke(request: AuthSessionsRevokeRequest, options?: RequestOptions): Promise<Answer<Revoked>> {
    return this.#client.call("authSessions.revoke", request, options);
  }
}
