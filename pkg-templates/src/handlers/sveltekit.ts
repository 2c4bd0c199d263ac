/**
 * `@gwop/sdk/sveltekit`: the handlers of `@gwop/sdk/handlers` for SvelteKit.
 *
 * ```ts
 * // src/routes/webhooks/gwop/+server.ts
 * export const fallback = gwopWebhook({ gwop, store, onPaid, onExpired, onCanceled });
 * // src/routes/auth/[...path]/+server.ts
 * export const fallback = gwopAuthRoutes({ gwop });
 * // src/routes/me/+server.ts
 * export const GET = withGwopAuth({ gwop }, (event, identity) => new Response(identity.subject));
 * ```
 *
 * @module
 */
import type { VerifiedToken } from "../auth/verify-token.js";
import type { AuthOptions } from "./auth.js";
import type { AuthRoutesOptions } from "./auth-routes.js";
import { fetchAdapter } from "./fetch.js";
import type { AnyWebhookHandlerOptions } from "./webhook.js";

/** The part of SvelteKit's `RequestEvent` that the adapter uses. */
export interface SvelteKitEvent {
  request: Request;
  /** The platform. On Cloudflare its `ctx` or `context` keeps background work alive. */
  platform?: object | undefined;
}

const adapter = fetchAdapter<SvelteKitEvent>({
  request: (event) => event.request,
  context({ platform }) {
    const { ctx, context } = (platform ?? {}) as { ctx?: unknown; context?: unknown };
    return ctx ?? context;
  },
  place: (event) => [event, "request"],
});

/** A handler of `+server.ts`. */
export type SvelteKitHandler = (event: SvelteKitEvent) => Promise<Response>;

/**
 * Handles Gwop's webhooks, for `export const POST` or `fallback`: see
 * `createWebhookHandler`.
 */
export const gwopWebhook = (options: AnyWebhookHandlerOptions): SvelteKitHandler =>
  adapter.webhook(options);

/**
 * The routes of wallet log-in, for `export const fallback` of a rest route: see `createAuthRoutes`.
 */
export const gwopAuthRoutes = (options: AuthRoutesOptions): SvelteKitHandler =>
  adapter.authRoutes(options);

/**
 * A handler that only verified agents reach: see `createAuthMiddleware`. Headers that claim an
 * identity are removed.
 */
export function withGwopAuth<Event extends SvelteKitEvent>(
  options: AuthOptions,
  handler: (event: Event, identity: VerifiedToken) => Response | Promise<Response>,
): (event: Event) => Promise<Response> {
  return adapter.guard(options, handler);
}
