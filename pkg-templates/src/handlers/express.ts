/**
 * `@gwop/sdk/express`: the handlers of `@gwop/sdk/handlers` for Express 4 and 5, and for anything
 * else with Node's requests and responses.
 *
 * ```ts
 * app.post("/webhooks/gwop", gwopWebhook({ gwop, store, onPaid, onExpired, onCanceled })); // before express.json()
 * app.use(gwopAuthRoutes({ gwop }));
 * app.get("/me", gwopAuth({ gwop }), (req, res) => res.send(req.gwop?.subject));
 * ```
 *
 * @module
 */
import type { VerifiedToken } from "../auth/verify-token.js";
import { type AuthOptions, authenticator } from "./auth.js";
import { type AuthRoutesOptions, authRoutes } from "./auth-routes.js";
import { type HandlerResponse, type Incoming, notFound } from "./http.js";
import {
  dropIdentityHeaders,
  incomingOf,
  type NodeRequest,
  type NodeResponse,
  send,
} from "./node.js";
import { type AnyWebhookHandlerOptions, webhookHandling } from "./webhook.js";

export type { NodeRequest, NodeResponse, NodeStream } from "./node.js";

/** The part of Express's `Request` that the adapter uses. */
export interface ExpressRequest extends NodeRequest {
  /** The path as it arrived. Express changes `url` in a router. */
  originalUrl?: string | undefined;
  /** The result of a body parser. */
  body?: unknown;
  /**
   * The raw body, if a parser's `verify` or the platform kept it, as Firebase and Google Cloud
   * Functions do.
   */
  rawBody?: unknown;
}

/** The part of Express's `Response` that the adapter uses. */
export type ExpressResponse = NodeResponse;

/**
 * A handler for Express. Google's Functions Framework and Node's own server call it without `next`.
 */
export type ExpressHandler = (
  request: ExpressRequest,
  response: ExpressResponse,
  next?: (error?: unknown) => void,
) => void;

/** Declared for TypeScript by `declare global`, where `@types/express` is installed. */
declare global {
  namespace Express {
    interface Request {
      /** The agent's identity, after `gwopAuth`. */
      gwop?: VerifiedToken;
    }
  }
}

/**
 * Handles Gwop's webhooks, for `app.post`: see `createWebhookHandler`.
 *
 * The signature covers the raw bytes. Mount the handler before any body parser, behind
 * `express.raw({ type: "application/json" })`, or behind a parser that keeps them as `req.rawBody`.
 * If a parser has read the body, every delivery gets 500, and `onError` is called.
 */
export function gwopWebhook(options: AnyWebhookHandlerOptions): ExpressHandler {
  const handle = webhookHandling(options);
  return responding((request) => handle(incoming(request), []));
}

/**
 * Lets only verified agents pass, and sets `req.gwop`: see `createAuthMiddleware`. Headers that
 * claim an identity (`X-Gwop-Subject` and the like) are removed from the request, so that no code
 * behind it, such as a proxy, trusts them.
 */
export function gwopAuth(options: AuthOptions): ExpressHandler {
  const authenticate = authenticator(options);
  return responding(async (request) => {
    const { identity, refused } = await authenticate(incoming(request).header("authorization"));
    if (identity) {
      dropIdentityHeaders(request);
      (request as { gwop?: VerifiedToken }).gwop = identity;
    }
    return refused;
  });
}

/**
 * The routes of wallet log-in, for `app.use`: see `createAuthRoutes`. Mount them before any body
 * parser.
 */
export function gwopAuthRoutes(options: AuthRoutesOptions): ExpressHandler {
  const routes = authRoutes(options);
  return responding((request) => routes(incoming(request)));
}

const incoming = (request: ExpressRequest): Incoming =>
  incomingOf(request, { url: request.originalUrl, body: request.rawBody ?? request.body });

/** Sends the response that `work` returns. If it returns none, calls the next handler. */
function responding(
  work: (request: ExpressRequest) => Promise<HandlerResponse | undefined>,
): ExpressHandler {
  return (request, response, next) => {
    work(request)
      .then((result) => (result || !next ? send(result ?? notFound(), request, response) : next()))
      // For example, another handler has already sent a response. Without `next`, nobody can be
      // told.
      .catch((error: unknown) => next?.(error));
  };
}
