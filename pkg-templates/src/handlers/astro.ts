/**
 * `@gwop/sdk/astro`: the handlers of `@gwop/sdk/handlers` for Astro's endpoints and middleware.
 *
 * ```ts
 * // src/pages/webhooks/gwop.ts
 * export const ALL = gwopWebhook({ gwop, store, onPaid, onExpired, onCanceled });
 * // src/pages/auth/[...path].ts
 * export const ALL = gwopAuthRoutes({ gwop });
 * // src/pages/me.ts
 * export const GET = withGwopAuth({ gwop }, (context, identity) => new Response(identity.subject));
 * ```
 *
 * Each of these files needs `export const prerender = false`, unless `output` is `server`. Agents
 * send no `Origin`, so they need `security: { checkOrigin: false }`.
 *
 * @module
 */
import type { VerifiedToken } from "../auth/verify-token.js";
import type { AuthOptions } from "./auth.js";
import type { AuthRoutesOptions } from "./auth-routes.js";
import { fetchAdapter } from "./fetch.js";
import type { AnyWebhookHandlerOptions } from "./webhook.js";

/** The part of Astro's `APIContext` that the adapter uses. */
export interface AstroContext {
  request: Request;
  /**
   * On Cloudflare its `cfContext`, or `runtime.ctx` before Astro 6, keeps background work alive.
   */
  locals: object;
}

const adapter = fetchAdapter<AstroContext>({
  request: (context) => context.request,
  context({ locals }) {
    const { cfContext, runtime } = locals as { cfContext?: unknown; runtime?: { ctx?: unknown } };
    return cfContext ?? runtime?.ctx;
  },
  place: (context) => [context, "request"],
});

/** An endpoint of Astro's. */
export type AstroHandler = (context: AstroContext) => Promise<Response>;

/**
 * Handles Gwop's webhooks, for `export const POST` or `ALL`: see `createWebhookHandler`.
 */
export const gwopWebhook = (options: AnyWebhookHandlerOptions): AstroHandler =>
  adapter.webhook(options);

/** The routes of wallet log-in, for `export const ALL` of a rest route: see `createAuthRoutes`. */
export const gwopAuthRoutes = (options: AuthRoutesOptions): AstroHandler =>
  adapter.authRoutes(options);

/**
 * An endpoint that only verified agents reach: see `createAuthMiddleware`. Headers that claim an
 * identity are removed.
 */
export function withGwopAuth<Context extends AstroContext>(
  options: AuthOptions,
  handler: (context: Context, identity: VerifiedToken) => Response | Promise<Response>,
): (context: Context) => Promise<Response> {
  return adapter.guard(options, handler);
}
