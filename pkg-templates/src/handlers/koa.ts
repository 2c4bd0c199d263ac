/**
 * `@gwop/sdk/koa`: the handlers of `@gwop/sdk/handlers` for Koa 2 and 3.
 *
 * ```ts
 * router.all("/webhooks/gwop", gwopWebhook({ gwop, store, onPaid, onExpired, onCanceled }));
 * app.use(gwopAuthRoutes({ gwop })); // before a body parser
 * router.get("/me", gwopAuth({ gwop }), (ctx) => { ctx.body = ctx.state.gwop.subject; });
 * ```
 *
 * @module
 */
import { type AuthOptions, authenticator } from "./auth.js";
import { type AuthRoutesOptions, authRoutes } from "./auth-routes.js";
import type { HandlerResponse, Incoming } from "./http.js";
import { dropIdentityHeaders, headersFor, incomingOf, type NodeRequest } from "./node.js";
import { type AnyWebhookHandlerOptions, webhookHandling } from "./webhook.js";

/** The part of Koa's context that the adapter uses. */
export interface KoaContext {
  req: NodeRequest;
  /** Its `body` and `rawBody` are the result of a body parser. */
  request: object;
  /** The path as it arrived. */
  originalUrl: string;
  /** `gwopAuth` sets `state.gwop`. */
  state: object;
  status: number;
  body: unknown;
  set(fields: Record<string, string>): unknown;
}

/** A middleware of Koa's. */
export type KoaMiddleware = (context: KoaContext, next: () => Promise<unknown>) => Promise<unknown>;

/**
 * Handles Gwop's webhooks, for a route or `app.use`: see `createWebhookHandler`. The
 * signature is over the raw bytes: mount it before any body parser, or behind one that keeps them
 * as `ctx.request.rawBody`, as `koa-bodyparser` does.
 */
export function gwopWebhook(options: AnyWebhookHandlerOptions): KoaMiddleware {
  const handle = webhookHandling(options);
  return async (context) => respond(await handle(incoming(context), []), context);
}

/**
 * Lets only verified agents pass, and sets `ctx.state.gwop`: see `createAuthMiddleware`. Headers
 * that claim an identity (`X-Gwop-Subject` and the like) are removed from the request.
 */
export function gwopAuth(options: AuthOptions): KoaMiddleware {
  const authenticate = authenticator(options);
  return async (context, next) => {
    const { identity, refused } = await authenticate(incoming(context).header("authorization"));
    if (refused) return respond(refused, context);
    dropIdentityHeaders(context.req);
    Object.assign(context.state, { gwop: identity });
    return next();
  };
}

/**
 * The routes of wallet log-in, for `app.use`: see `createAuthRoutes`. Mount it before any body
 * parser.
 */
export function gwopAuthRoutes(options: AuthRoutesOptions): KoaMiddleware {
  const routes = authRoutes(options);
  return async (context, next) => {
    const result = await routes(incoming(context));
    return result ? respond(result, context) : next();
  };
}

function incoming({ req, request, originalUrl }: KoaContext): Incoming {
  const { rawBody, body } = request as { rawBody?: unknown; body?: unknown };
  return incomingOf(req, { url: originalUrl, body: rawBody ?? body });
}

function respond(result: HandlerResponse, context: KoaContext): void {
  context.status = result.status;
  context.set(headersFor(result, context.req));
  context.body = result.body;
}
