/**
 * `@gwop/sdk/hono`: the handlers of `@gwop/sdk/handlers` for Hono.
 *
 * ```ts
 * app.post("/webhooks/gwop", gwopWebhook({ gwop, store, onPaid, onExpired, onCanceled }));
 * app.all("/auth/*", gwopAuthRoutes({ gwop }));
 * app.get("/me", gwopAuth({ gwop }), (c) => c.text(c.var.gwop.subject));
 * ```
 *
 * @module
 */
import type { Context, Handler, MiddlewareHandler } from "hono";
import type { VerifiedToken } from "../auth/verify-token.js";
import { type AuthOptions, createAuthMiddleware } from "./auth.js";
import { withoutIdentityHeaders } from "./auth-headers.js";
import { type AuthRoutesOptions, createAuthRoutes } from "./auth-routes.js";
import { createWebhookHandler, type HandlerContext, type ReconciledWebhookHandlerOptions, type WebhookHandlerOptions } from "./webhook.js";

/** What {@link gwopAuth} sets: `c.var.gwop`. */
export interface GwopVariables {
  /** Who the agent is. */
  gwop: VerifiedToken;
}

/** The context of a Worker; Hono throws where there is none. */
function contextOf(c: Context): HandlerContext | undefined {
  try {
    return c.executionCtx;
  } catch {
    return undefined;
  }
}

/** The handler of Gwop's webhooks, for `app.post`: see `createWebhookHandler`. Nothing may read the body before. */
export function gwopWebhook(options: WebhookHandlerOptions | ReconciledWebhookHandlerOptions): Handler {
  const handle = createWebhookHandler(options);
  return (c) => handle(c.req.raw, contextOf(c));
}

/**
 * Lets only verified agents pass, and sets `c.var.gwop`: see `createAuthMiddleware`. Headers that claim an identity (`X-Gwop-Subject` and the
 * like) are dropped from the request, so that nothing behind it can take them for verified.
 */
export function gwopAuth(options: AuthOptions): MiddlewareHandler<{ Variables: GwopVariables }> {
  const authenticate = createAuthMiddleware(options);
  return async (c, next) => {
    const { identity, response } = await authenticate(c.req.raw);
    if (response) return response;
    c.req.raw = withoutIdentityHeaders(c.req.raw);
    c.set("gwop", identity);
    return next();
  };
}

/** The routes of wallet log-in, for `app.all("/auth/*", …)`: see `createAuthRoutes`. */
export function gwopAuthRoutes(options: AuthRoutesOptions): MiddlewareHandler {
  const routes = createAuthRoutes(options);
  return async (c, next) => (await routes(c.req.raw)) ?? next();
}
