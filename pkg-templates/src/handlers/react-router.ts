/**
 * `@gwop/sdk/react-router`: the handlers of `@gwop/sdk/handlers` for React Router's resource routes
 * (and Remix 2's).
 *
 * ```ts
 * // app/routes/webhooks.gwop.ts
 * const webhook = gwopWebhook({ gwop, store, onPaid, onExpired, onCanceled });
 * export const loader = webhook.loader;
 * export const action = webhook.action;
 * // app/routes/auth.$.ts, likewise
 * const auth = gwopAuthRoutes({ gwop });
 * // app/routes/me.ts
 * export const loader = withGwopAuth({ gwop }, (args, identity) => new Response(identity.subject));
 * ```
 *
 * @module
 */
import type { VerifiedToken } from "../auth/verify-token.js";
import type { AuthOptions } from "./auth.js";
import type { AuthRoutesOptions } from "./auth-routes.js";
import { fetchAdapter } from "./fetch.js";
import type { AnyWebhookHandlerOptions } from "./webhook.js";

/** The part of `LoaderFunctionArgs` and `ActionFunctionArgs` that the adapter uses. */
export interface RouteArgs {
  request: Request;
  /** On Cloudflare its `cloudflare.ctx` keeps background work alive. */
  context?: unknown;
}

const adapter = fetchAdapter<RouteArgs>({
  request: (args) => args.request,
  context: ({ context }) =>
    (context as { cloudflare?: { ctx?: unknown } } | undefined)?.cloudflare?.ctx,
  place: (args) => [args, "request"],
});

/** A loader or an action. */
export type RouteFunction = (args: RouteArgs) => Promise<Response>;

/**
 * What a resource route exports: GET and HEAD go to its loader, all other methods to its action.
 */
export interface RouteModule {
  loader: RouteFunction;
  action: RouteFunction;
}

const both = (handle: RouteFunction): RouteModule => ({ loader: handle, action: handle });

/** The resource route of Gwop's webhooks: see `createWebhookHandler`. */
export const gwopWebhook = (options: AnyWebhookHandlerOptions): RouteModule =>
  both(adapter.webhook(options));

/** The routes of wallet log-in, for a splat route: see `createAuthRoutes`. */
export const gwopAuthRoutes = (options: AuthRoutesOptions): RouteModule =>
  both(adapter.authRoutes(options));

/**
 * A loader or action that only verified agents reach: see `createAuthMiddleware`. Headers that
 * claim an identity are removed.
 */
export function withGwopAuth<Args extends RouteArgs, Result>(
  options: AuthOptions,
  handler: (args: Args, identity: VerifiedToken) => Result | Promise<Result>,
): (args: Args) => Promise<Result | Response> {
  return adapter.guard(options, handler);
}
