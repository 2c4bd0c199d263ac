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
import type { AuthOptions } from "./auth.js";
import { type AuthRoutesOptions, authRoutes } from "./auth-routes.js";
import { fetchAdapter } from "./fetch.js";
import { incomingRequest } from "./request.js";
import { type Incoming, toResponse } from "./http.js";
import { incomingOf, type NodeRequest } from "./node.js";
import {
  type AnyWebhookHandlerOptions,
  respondWithin,
  type HandlerContext,
  webhookHandling,
} from "./webhook.js";

/** What {@link gwopAuth} sets: `c.var.gwop`. */
export interface GwopVariables {
  /** The agent's identity. */
  gwop: VerifiedToken;
}

const { authenticate } = fetchAdapter<Context>({
  request: (c) => c.req.raw,
  place: (c) => [c.req, "raw"],
});

/** Returns a Worker's context. Without one, as on Node, Hono throws, which is slow. */
function contextOf(c: Context): HandlerContext | undefined {
  if (bindingsOf(c)) return undefined;
  try {
    return c.executionCtx;
  } catch {
    return undefined;
  }
}

/**
 * Returns Hono's copy of a body that `c.req` has read or is reading. Parsed JSON alone is not
 * enough, because the signature covers the original bytes.
 */
function cachedBody(c: Context): Promise<Uint8Array> | undefined {
  const { arrayBuffer, text, blob } = c.req.bodyCache as Partial<Record<string, Promise<unknown>>>;
  if (arrayBuffer) return arrayBuffer.then((buffer) => new Uint8Array(buffer as ArrayBuffer));
  if (text) return text.then((read) => new TextEncoder().encode(read as string));
  return blob?.then(async (read) => new Uint8Array(await (read as Blob).arrayBuffer()));
}

function incoming(c: Context): Incoming {
  const { raw } = c.req;
  return fromNode(c, raw) ?? incomingRequest(raw, () => cachedBody(c));
}

/** Returns the request that `@hono/node-server` passes next to the `Request`. */
const bindingsOf = (c: Context) => (c.env as { incoming?: NodeRequest } | undefined)?.incoming;

/**
 * Returns Node's own request if there is no `Request` yet. `@hono/node-server` creates a `Request`
 * when code first reads more than the method and URL, and this costs more than all the rest here.
 * If other code has read, changed or replaced the request, that one is used.
 */
function fromNode(c: Context, raw: Request): Incoming | undefined {
  const request = bindingsOf(c);
  if (!request?.on || request.readableDidRead !== false || request.listenerCount?.("data") !== 0)
    return undefined;
  if (raw.bodyUsed || Object.keys(c.req.bodyCache).length > 0) return undefined;
  let isWrapped = false;
  let headers: Headers | undefined;
  for (const symbol of Object.getOwnPropertySymbols(raw)) {
    const part = (raw as unknown as Record<symbol, unknown>)[symbol];
    if (part === request) isWrapped = true;
    else if (part instanceof Headers) headers = part;
    else if (part instanceof Request) return undefined;
  }
  if (!isWrapped) return undefined;
  const incoming = incomingOf(request);
  return headers
    ? { ...incoming, headers, header: (name) => headers.get(name) ?? undefined }
    : incoming;
}

/**
 * Handles Gwop's webhooks, for `app.post`: see `createWebhookHandler`. If `c.req.text()`, `.json()`
 * or `.arrayBuffer()` has read the body, the handler takes it from Hono. No other code may read it
 * before.
 */
export function gwopWebhook(options: AnyWebhookHandlerOptions): Handler {
  const handle = webhookHandling(options);
  return async (c) => toResponse(await respondWithin(handle, incoming(c), [contextOf(c)]));
}

/**
 * Lets only verified agents pass, and sets `c.var.gwop`: see `createAuthMiddleware`. Headers that
 * claim an identity (`X-Gwop-Subject` and the like) are removed from the request, so that no code
 * behind it trusts them.
 */
export function gwopAuth(options: AuthOptions): MiddlewareHandler<{ Variables: GwopVariables }> {
  const ask = authenticate(options);
  return async (c, next) => {
    const authenticated = await ask(c);
    if (authenticated.response) return authenticated.response;
    c.set("gwop", authenticated.identity);
    return next();
  };
}

/** The routes of wallet log-in, for `app.all("/auth/*", …)`: see `createAuthRoutes`. */
export function gwopAuthRoutes(options: AuthRoutesOptions): MiddlewareHandler {
  const routes = authRoutes(options);
  return async (c, next) => {
    const result = await routes(incoming(c));
    return result ? toResponse(result) : next();
  };
}
