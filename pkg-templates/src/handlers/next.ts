/**
 * `@gwop/sdk/next`: the handlers of `@gwop/sdk/handlers` for Next.js route handlers, and its
 * middleware (`proxy.ts` from Next 16 on).
 *
 * ```ts
 * // app/webhooks/gwop/route.ts
 * export const POST = gwopWebhook({ gwop, store, onPaid, onExpired, onCanceled });
 * // app/auth/[...path]/route.ts
 * export const { GET, POST, DELETE } = gwopAuthRoutes({ gwop });
 * // app/me/route.ts
 * export const GET = withGwopAuth({ gwop }, (request, identity) => Response.json(identity.subject));
 * // proxy.ts
 * export const proxy = gwopProxy({ gwop });
 * export const config = { matcher: "/api/:path*" };
 * ```
 *
 * Before Next.js 16, and for the edge runtime, the proxy is `middleware.ts` with `export const
 * middleware`. Next.js bundles each route by itself. If one route revokes a session, the others
 * notice within `sessionCheck` seconds. It needs no setting in `next.config.js`.
 *
 * @module
 */
import type { VerifiedToken } from "../auth/verify-token.js";
import { type AuthOptions, createAuthMiddleware } from "./auth.js";
import { IDENTITY_HEADERS, isIdentityHeader, withoutIdentityHeaders } from "./auth-headers.js";
import type { AuthRoutesOptions } from "./auth-routes.js";
import { fetchAdapter } from "./fetch.js";
import type { AnyWebhookHandlerOptions } from "./webhook.js";

// Next's second argument is not an execution context.
const adapter = fetchAdapter<Request>({ request: (request) => request });

/** A route handler without parameters. */
export type RouteHandler = (request: Request) => Promise<Response>;

/** Handles Gwop's webhooks, for `export const POST`: see `createWebhookHandler`. */
export const gwopWebhook = (options: AnyWebhookHandlerOptions): RouteHandler =>
  adapter.webhook(options);

/**
 * The route handlers of wallet log-in, for a catch-all route under `basePath`: see
 * `createAuthRoutes`.
 */
export function gwopAuthRoutes(
  options: AuthRoutesOptions,
): Record<"GET" | "POST" | "DELETE", RouteHandler> {
  const handle = adapter.authRoutes(options);
  return { GET: handle, POST: handle, DELETE: handle };
}

/**
 * A route handler that only verified agents reach: see `createAuthMiddleware`. Headers that claim
 * an identity are removed.
 */
export function withGwopAuth<R extends Request, Rest extends unknown[]>(
  options: AuthOptions,
  handler: (request: R, identity: VerifiedToken, ...rest: Rest) => Response | Promise<Response>,
): (request: R, ...rest: Rest) => Promise<Response> {
  const authenticate = createAuthMiddleware(options);
  return async (request, ...rest) => {
    const { identity, response } = await authenticate(request);
    return response ?? (await handler(withoutIdentityHeaders(request), identity, ...rest));
  };
}

export { IDENTITY_HEADERS };

/**
 * For `proxy.ts` or `middleware.ts`: lets only verified agents pass, and tells routes who they are
 * in the request headers {@link IDENTITY_HEADERS}. They replace all incoming headers of these
 * names, in any case and with `_` instead of `-`. Trust them only in routes that the `matcher`
 * covers.
 */
export function gwopProxy(options: AuthOptions): (request: Request) => Promise<Response> {
  const authenticate = createAuthMiddleware(options);
  return async (request) => {
    const { identity, response } = await authenticate(request);
    if (response) return response;
    const headers = new Headers([...request.headers].filter(([name]) => !isIdentityHeader(name)));
    const { subject, chain, walletAddress, sessionId = "" } = identity;
    const values = [subject, chain, walletAddress, sessionId];
    // Imported on use: routes alone do not need it.
    const { NextResponse } = await import("next/server.js");
    IDENTITY_HEADERS.forEach((name, at) => headers.set(name, values[at] ?? ""));
    return NextResponse.next({ request: { headers } });
  };
}
