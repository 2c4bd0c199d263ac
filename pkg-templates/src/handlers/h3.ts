/**
 * `@gwop/sdk/h3`: the handlers of `@gwop/sdk/handlers` for h3 1 and 2, Nitro 2 and 3, and Nuxt.
 *
 * ```ts
 * // server/routes/webhooks/gwop.ts
 * export default defineEventHandler(gwopWebhook({ gwop, store, onPaid, onExpired, onCanceled }));
 * // server/routes/auth/[...path].ts
 * export default defineEventHandler(gwopAuthRoutes({ gwop }));
 * // server/routes/me.ts
 * export default defineEventHandler(withGwopAuth({ gwop }, (event, identity) => identity.subject));
 * ```
 *
 * @module
 */
import type { VerifiedToken } from "../auth/verify-token.js";
import { type AuthOptions, authenticator } from "./auth.js";
import { isIdentityHeader, withoutIdentityHeaders } from "./auth-headers.js";
import { type AuthRoutesOptions, authRoutes } from "./auth-routes.js";
import { incomingRequest } from "./request.js";
import { type HandlerResponse, type Incoming, notFound, toResponse } from "./http.js";
import {
  dropIdentityHeaders,
  incomingOf,
  type NodeRequest,
  type NodeResponse,
  send,
} from "./node.js";
import { type AnyWebhookHandlerOptions, respondWithin, webhookHandling } from "./webhook.js";

/**
 * The part of h3's event that the adapter uses. Version 2 has a `Request` in `req`, version 1 has
 * Node's request in `node.req`.
 */
export interface H3EventParts {
  /** `gwopAuth` sets `context.gwop`. */
  context: object;
}

interface Parts {
  /** A `Request` in version 2. */
  req?: Request;
  web?: { request?: Request };
  node?: {
    req?: NodeRequest & { rawBody?: unknown; body?: unknown; originalUrl?: string };
    res?: NodeResponse;
  };
  /** Version 1's copy of the headers, which it creates on first access. */
  headers?: Headers;
  runtime?: { cloudflare?: { context?: unknown }; node?: { req?: NodeRequest } };
  context: { cloudflare?: { context?: unknown } };
  _requestBody?: unknown;
}

/** A handler of h3's. */
export type H3Handler = (event: H3EventParts) => Promise<Response>;

/** Handles Gwop's webhooks, for `defineEventHandler`: see `createWebhookHandler`. */
export function gwopWebhook(options: AnyWebhookHandlerOptions): H3Handler {
  const handle = webhookHandling(options);
  return async (event) =>
    toResponse(await respondWithin(handle, incoming(event), [contextOf(event as Parts)]));
}

/** The routes of wallet log-in, for a catch-all route: see `createAuthRoutes`. */
export function gwopAuthRoutes(options: AuthRoutesOptions): H3Handler {
  const routes = authRoutes(options);
  return async (event) => toResponse((await routes(incoming(event))) ?? notFound());
}

/**
 * The middleware that lets only verified agents pass, and sets `event.context.gwop`: see
 * `createAuthMiddleware`. In h3 1 it is a hook of a handler too: `onRequest: [gwopAuth({ gwop })]`.
 * Headers that claim an identity (`X-Gwop-Subject` and the like) are removed from the request.
 */
export function gwopAuth(
  options: AuthOptions,
): (event: H3EventParts) => Promise<Response | undefined> {
  const admit = admission(options);
  return async (event) => {
    const refused = await admit(event);
    return refused && sendRefusal(refused, event as Parts);
  };
}

/** A handler that only verified agents reach: see {@link gwopAuth}. */
export function withGwopAuth<Event extends H3EventParts, Result>(
  options: AuthOptions,
  handler: (event: Event, identity: VerifiedToken) => Result | Promise<Result>,
): (event: Event) => Promise<Result | Response> {
  const admit = admission(options);
  return async (event) => {
    const refused = await admit(event);
    if (refused) return toResponse(refused);
    return await handler(event, (event.context as { gwop: VerifiedToken }).gwop);
  };
}

/** Admits an agent, or returns the response for it. */
function admission(
  options: AuthOptions,
): (event: H3EventParts) => Promise<HandlerResponse | undefined> {
  const authenticate = authenticator(options);
  return async (event) => {
    const { identity, refused } = await authenticate(incoming(event).header("authorization"));
    if (refused) return refused;
    dropClaims(event as Parts);
    Object.assign(event.context, { gwop: identity });
    return undefined;
  };
}

/**
 * Sends a refusal. Version 1 ignores the return value of a hook, and calls the handler unless a
 * response was sent, so the response is sent here. A middleware's return value is sent as well, but
 * then nothing is left to send.
 */
function sendRefusal(refused: HandlerResponse, event: Parts): Response {
  const { req, res } = event.node ?? {};
  if (isVersion2(event) || !req || !res) return toResponse(refused);
  send(refused, req, res);
  return new Response(null, { status: refused.status });
}

const isVersion2 = ({ req }: Parts) =>
  typeof (req as Partial<Request> | undefined)?.arrayBuffer === "function";

/** Returns version 2's request, or the one with which version 1 was called. */
function requestOf(event: Parts): Request | undefined {
  return isVersion2(event) ? event.req : event.web?.request;
}

/**
 * The symbol under which version 1 keeps the promise of the bytes for the first call of `readBody`
 * or `readRawBody`.
 */
const RAW_BODY = /* @__PURE__ */ Symbol.for("h3RawBody");

function incoming(given: H3EventParts): Incoming {
  const event = given as Parts;
  const request = requestOf(event);
  if (request) return incomingRequest(request);
  const { req } = event.node ?? {};
  if (!req)
    throw new Error(
      "@gwop/sdk/h3: this is no event of h3's: pass the handler to defineEventHandler",
    );
  const kept = (req as { [RAW_BODY]?: unknown })[RAW_BODY];
  return incomingOf(req, {
    url: req.originalUrl,
    body: kept ?? event._requestBody ?? req.rawBody ?? req.body,
  });
}

function dropClaims(event: Parts): void {
  const request = requestOf(event);
  const cleaned = request && withoutIdentityHeaders(request);
  if (isVersion2(event)) {
    // `req` is read-only for TypeScript only.
    if (cleaned !== request) (event as { req: Request | undefined }).req = cleaned;
    // On Node, its request is a copy of another one, which proxies read.
    const { req } = event.runtime?.node ?? {};
    if (req) dropIdentityHeaders(req);
    return;
  }
  if (cleaned && event.web) event.web.request = cleaned;
  // Version 1 has the headers in Node's request and in a copy, whatever it was called with.
  if (event.node?.req) dropIdentityHeaders(event.node.req);
  const { headers } = event;
  for (const name of [...(headers?.keys() ?? [])]) {
    if (isIdentityHeader(name)) headers?.delete(name);
  }
}

const contextOf = ({ runtime, context }: Parts): unknown =>
  runtime?.cloudflare?.context ?? context.cloudflare?.context;
