/**
 * `@gwop/sdk/fastify`: the handlers of `@gwop/sdk/handlers` for Fastify 4 and 5.
 *
 * ```ts
 * const webhook = gwopWebhook({ gwop, store, onPaid, onExpired, onCanceled });
 * app.register(webhook, { prefix: "/webhooks/gwop" });
 * app.register(gwopAuthRoutes({ gwop }));
 * app.get("/me", { onRequest: gwopAuth({ gwop }) }, (request) => request.gwop?.subject);
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
  headersFor,
  incomingOf,
  type NodeRequest,
  type NodeStream,
} from "./node.js";
import { type AnyWebhookHandlerOptions, webhookHandling } from "./webhook.js";

/** The part of Fastify's request that the adapter uses. */
export interface FastifyRequestParts {
  raw: NodeRequest;
  headers: NodeRequest["headers"];
  body?: unknown;
}

/** The part of Fastify's reply that the adapter uses. */
export interface FastifyReplyParts {
  code(status: number): unknown;
  headers(values: Record<string, string>): unknown;
  send(body: string): unknown;
}

/** The part of a Fastify instance that the adapter uses. Fastify's own types overload these. */
interface Instance {
  prefix: string;
  removeAllContentTypeParsers(): unknown;
  addContentTypeParser(
    type: string,
    parser: (
      request: never,
      payload: never,
      done: (error: Error | null, body?: unknown) => void,
    ) => void,
  ): unknown;
  all(path: string, handler: (request: never, reply: never) => Promise<unknown>): unknown;
}

/** A plugin of Fastify's, for `app.register`. */
export type FastifyPlugin = (instance: object) => Promise<void>;

/** A hook of Fastify's, for `onRequest`, `preValidation` or `preHandler`. */
export type FastifyHook = (
  request: FastifyRequestParts,
  reply: FastifyReplyParts,
) => Promise<unknown>;

// biome-ignore lint/suspicious/noTsIgnore: `@ts-expect-error` fails where Fastify is installed.
/** @ts-ignore Declared for TypeScript where Fastify is installed. */
declare module "fastify" {
  interface FastifyRequest {
    /** The agent's identity, after `gwopAuth`. */
    gwop?: VerifiedToken;
  }
}

/**
 * Creates the plugin that handles Gwop's webhooks at its `prefix`: see `createWebhookHandler`.
 * Fastify parses bodies before any handler. Within this plugin it does not, and elsewhere nothing
 * changes.
 */
export function gwopWebhook(options: AnyWebhookHandlerOptions): FastifyPlugin {
  const handle = webhookHandling(options);
  return async (instance) => mount(instance as Instance, "/", (incoming) => handle(incoming, []));
}

/**
 * Lets only verified agents pass, and sets `request.gwop`: see `createAuthMiddleware`. Headers that
 * claim an identity (`X-Gwop-Subject` and the like) are removed from the request.
 */
export function gwopAuth(options: AuthOptions): FastifyHook {
  const authenticate = authenticator(options);
  return async (request, reply) => {
    const { identity, refused } = await authenticate(
      incomingOf(request.raw).header("authorization"),
    );
    if (refused) return respond(refused, request, reply);
    dropIdentityHeaders(request.raw);
    (request as { gwop?: VerifiedToken }).gwop = identity;
    return undefined;
  };
}

/**
 * The plugin of the routes of wallet log-in: see `createAuthRoutes`. `basePath` is below the
 * plugin's `prefix`.
 */
export function gwopAuthRoutes(options: AuthRoutesOptions): FastifyPlugin {
  // Reports wrong options now, not when Fastify starts.
  authRoutes(options);
  return async (given) => {
    const instance = given as Instance;
    const { basePath = "/auth" } = options;
    const routes = authRoutes({ ...options, basePath: instance.prefix + basePath });
    mount(
      instance,
      `${basePath.replace(/\/+$/, "")}/*`,
      async (incoming) => (await routes(incoming)) ?? notFound(),
    );
  };
}

function mount(
  instance: Instance,
  path: string,
  work: (incoming: Incoming) => Promise<HandlerResponse>,
): void {
  instance.removeAllContentTypeParsers();
  // Pass on the stream itself. Hooks may have replaced Node's stream.
  instance.addContentTypeParser("*", (_request, payload, done) => done(null, payload));
  instance.all(path, async (request: FastifyRequestParts, reply: FastifyReplyParts) => {
    const { body, rawBody } = request as { body?: unknown; rawBody?: unknown };
    const isStream = typeof (body as NodeStream | null | undefined)?.on === "function";
    const parts = isStream
      ? { body: rawBody, stream: body as NodeStream }
      : { body: rawBody ?? body };
    return respond(await work(incomingOf(request.raw, parts)), request, reply);
  });
}

function respond(
  result: HandlerResponse,
  { raw }: FastifyRequestParts,
  reply: FastifyReplyParts,
): unknown {
  reply.code(result.status);
  reply.headers(headersFor(result, raw));
  return reply.send(result.body);
}
