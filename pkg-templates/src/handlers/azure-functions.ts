/**
 * `@gwop/sdk/azure-functions`: the handlers of `@gwop/sdk/handlers` for Azure Functions,
 * programming model 4.
 *
 * ```ts
 * const open = { authLevel: "anonymous" } as const; // Gwop and agents have no key of yours
 * const webhook = gwopWebhook({ gwop, store, onPaid, onExpired, onCanceled });
 * const auth = gwopAuthRoutes({ gwop, basePath: "/api/auth" });
 * const me = withGwopAuth({ gwop }, (request, identity) => ({ body: identity.subject }));
 *
 * app.http("webhook", { ...open, methods: ["POST"], route: "webhooks/gwop", handler: webhook });
 * app.http("auth", {
 *   ...open,
 *   methods: ["GET", "POST", "DELETE"],
 *   route: "auth/{*path}",
 *   handler: auth,
 * });
 * app.http("me", { ...open, handler: me });
 * ```
 *
 * Azure puts `/api` before every route, unless `host.json` says otherwise.
 *
 * @module
 */
import type { VerifiedToken } from "../auth/verify-token.js";
import { type AuthOptions, authenticator } from "./auth.js";
import { isIdentityHeader } from "./auth-headers.js";
import { type AuthRoutesOptions, authRoutes } from "./auth-routes.js";
import { incomingRequest } from "./request.js";
import { type HandlerResponse, notFound } from "./http.js";
import { type AnyWebhookHandlerOptions, webhookHandling } from "./webhook.js";

/** The part of Azure's `HttpRequest` that the adapter uses. A `Request` has the same members. */
export interface AzureRequest {
  method: string;
  url: string;
  headers: {
    get(name: string): string | null;
    delete(name: string): void;
    keys(): Iterable<string>;
  };
  body: unknown;
  bodyUsed: boolean;
  arrayBuffer(): Promise<ArrayBuffer>;
}

/** An `HttpResponseInit` of Azure's. */
export interface AzureResponse {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** A handler, for `app.http`. */
export type AzureHandler = (request: AzureRequest) => Promise<AzureResponse>;

/** Handles Gwop's webhooks: see `createWebhookHandler`. */
export function gwopWebhook(options: AnyWebhookHandlerOptions): AzureHandler {
  const handle = webhookHandling(options);
  return async (request) => respond(await handle(incoming(request), []));
}

/** The routes of wallet log-in, for a route that ends in `{*path}`: see `createAuthRoutes`. */
export function gwopAuthRoutes(options: AuthRoutesOptions): AzureHandler {
  const routes = authRoutes(options);
  return async (request) => respond((await routes(incoming(request))) ?? notFound());
}

/**
 * A handler that only verified agents reach: see `createAuthMiddleware`. Headers that claim an
 * identity are removed.
 */
export function withGwopAuth<R extends AzureRequest, Rest extends unknown[], Result>(
  options: AuthOptions,
  handler: (request: R, identity: VerifiedToken, ...rest: Rest) => Result | Promise<Result>,
): (request: R, ...rest: Rest) => Promise<Result | AzureResponse> {
  const authenticate = authenticator(options);
  return async (request, ...rest) => {
    const { identity, refused } = await authenticate(request.headers.get("authorization"));
    if (refused) return respond(refused);
    for (const name of [...request.headers.keys()].filter(isIdentityHeader))
      request.headers.delete(name);
    return await handler(request, identity, ...rest);
  };
}

const incoming = (request: AzureRequest) => incomingRequest(request as unknown as Request);

const respond = ({ status, headers, body }: HandlerResponse): AzureResponse => ({
  status,
  headers: { ...headers },
  body,
});
