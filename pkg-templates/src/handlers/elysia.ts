/**
 * `@gwop/sdk/elysia`: the handlers of `@gwop/sdk/handlers` for Elysia.
 *
 * ```ts
 * const webhook = gwopWebhook({ gwop, store, onPaid, onExpired, onCanceled });
 * app.all("/webhooks/gwop", webhook, { parse: "none" });
 * app.all("/auth/*", gwopAuthRoutes({ gwop }), { parse: "none" });
 * app.get("/me", withGwopAuth({ gwop }, (context, identity) => identity.subject));
 * ```
 *
 * Elysia parses a body before the handler unless the route says `parse: "none"`.
 *
 * @module
 */
import type { VerifiedToken } from "../auth/verify-token.js";
import type { AuthOptions } from "./auth.js";
import { isIdentityHeader } from "./auth-headers.js";
import type { AuthRoutesOptions } from "./auth-routes.js";
import { fetchAdapter } from "./fetch.js";
import type { AnyWebhookHandlerOptions } from "./webhook.js";

/** The part of Elysia's context that the adapter uses. */
export interface ElysiaContext {
  request: Request;
}

const adapter = fetchAdapter<ElysiaContext>({
  request: (context) => context.request,
  place: (context) => [context, "request"],
});

/** A handler of Elysia's. */
export type ElysiaHandler = (context: ElysiaContext) => Promise<Response>;

/** Handles Gwop's webhooks, for a route with `parse: "none"`: see `createWebhookHandler`. */
export const gwopWebhook = (options: AnyWebhookHandlerOptions): ElysiaHandler =>
  adapter.webhook(options);

/**
 * The routes of wallet log-in, for `app.all("/auth/*", …)` with `parse: "none"`: see
 * `createAuthRoutes`.
 */
export const gwopAuthRoutes = (options: AuthRoutesOptions): ElysiaHandler =>
  adapter.authRoutes(options);

/**
 * A handler that only verified agents reach: see `createAuthMiddleware`. Headers that claim an
 * identity are removed.
 */
export function withGwopAuth<Context extends ElysiaContext, Result>(
  options: AuthOptions,
  handler: (context: Context, identity: VerifiedToken) => Result | Promise<Result>,
): (context: Context) => Promise<Result | Response> {
  return adapter.guard(options, (context: Context, identity) => {
    // Elysia has already copied the request's headers.
    const { headers = {} } = context as { headers?: Record<string, unknown> };
    for (const name of Object.keys(headers)) if (isIdentityHeader(name)) delete headers[name];
    return handler(context, identity);
  });
}
