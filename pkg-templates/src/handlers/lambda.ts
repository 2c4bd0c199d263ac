/**
 * `@gwop/sdk/lambda`: the handlers of `@gwop/sdk/handlers` for AWS Lambda, behind API Gateway's
 * REST and HTTP APIs, a function URL or an Application Load Balancer.
 *
 * ```ts
 * export const webhook = gwopWebhook({ gwop, store, onPaid, onExpired, onCanceled });
 * export const auth = gwopAuthRoutes({ gwop });
 * export const me = withGwopAuth({ gwop }, async (event, identity) => ({
 *   statusCode: 200,
 *   body: identity.subject,
 * }));
 * ```
 *
 * Lambda stops a process between two calls, so the handler waits for `onError` before it responds.
 *
 * @module
 */
import type { VerifiedToken } from "../auth/verify-token.js";
import { bodyOf } from "../lambda-body.js";
import { type AuthOptions, authenticator } from "./auth.js";
import { isIdentityHeader } from "./auth-headers.js";
import { type AuthRoutesOptions, authRoutes } from "./auth-routes.js";
import { type HandlerResponse, type Incoming, notFound, wholeBody } from "./http.js";
import { type AnyWebhookHandlerOptions, webhookHandling } from "./webhook.js";

/**
 * The part of an event that the adapter uses: of API Gateway (payload format 1.0 or 2.0), a
 * function URL or a load balancer.
 */
export interface LambdaEvent {
  /** 2.0 has `requestContext.http.method`. */
  httpMethod?: string;
  /** 2.0 has `rawPath`. */
  path?: string;
  rawPath?: string;
  headers?: Record<string, string | undefined> | null;
  /**
   * A load balancer sends these instead of `headers` if its target group says so. Format 1.0 has
   * both.
   */
  multiValueHeaders?: Record<string, string[] | undefined> | null;
  body?: string | null;
  isBase64Encoded?: boolean;
  requestContext?: object;
}

/** A response in the form that the event asks for. */
export interface LambdaResult {
  statusCode: number;
  /** For a load balancer, which requires it. */
  statusDescription?: string;
  headers?: Record<string, string>;
  multiValueHeaders?: Record<string, string[]>;
  body: string;
  isBase64Encoded: boolean;
}

/** A handler of Lambda's. */
export type LambdaHandler = (event: LambdaEvent) => Promise<LambdaResult>;

/**
 * Handles Gwop's webhooks: see `createWebhookHandler`. Do not use `memoryStore`, because many
 * processes share the work.
 */
export function gwopWebhook(options: AnyWebhookHandlerOptions): LambdaHandler {
  const handle = webhookHandling(options);
  return async (event) => {
    const later: Promise<void>[] = [];
    const result = await handle(incoming(event), later);
    if (later.length > 0) await Promise.all(later);
    return respond(result, event);
  };
}

/** The routes of wallet log-in: see `createAuthRoutes`. */
export function gwopAuthRoutes(options: AuthRoutesOptions): LambdaHandler {
  const routes = authRoutes(options);
  return async (event) => respond((await routes(incoming(event))) ?? notFound(), event);
}

/**
 * A handler that only verified agents reach: see `createAuthMiddleware`. Headers that claim an
 * identity are removed from the event.
 */
export function withGwopAuth<Event extends LambdaEvent, Rest extends unknown[], Result>(
  options: AuthOptions,
  handler: (event: Event, identity: VerifiedToken, ...rest: Rest) => Result | Promise<Result>,
): (event: Event, ...rest: Rest) => Promise<Result | LambdaResult> {
  const authenticate = authenticator(options);
  return async (event, ...rest) => {
    const { identity, refused } = await authenticate(incoming(event).header("authorization"));
    if (refused) return respond(refused, event);
    for (const headers of [event.headers, event.multiValueHeaders]) {
      for (const name of Object.keys(headers ?? {}))
        if (isIdentityHeader(name)) delete headers?.[name];
    }
    return await handler(event, identity, ...rest);
  };
}

let encoder: TextEncoder | undefined;
const encode = (text: string) => (encoder ??= new TextEncoder()).encode(text);

type Values = Record<string, string | string[] | undefined>;

interface Context {
  http?: { method?: string };
  elb?: object;
  stage?: string;
}

function incoming(event: LambdaEvent): Incoming {
  const { http, elb, stage } = (event.requestContext ?? {}) as Context;
  // Format 1.0 does not change the case of header names.
  const isLowerCase = http !== undefined || elb !== undefined;
  // Only these contain all values of repeated headers.
  const headers: Values = event.multiValueHeaders ?? event.headers ?? {};
  return {
    method: event.httpMethod ?? http?.method ?? "GET",
    headers,
    path() {
      const path = event.rawPath ?? event.path ?? "/";
      // Format 2.0 puts the stage before the path, unless it is the default stage.
      return event.rawPath && stage && path.startsWith(`/${stage}/`)
        ? path.slice(stage.length + 1)
        : path;
    },
    header(name) {
      const own = headers[name] ?? (isLowerCase ? undefined : find(headers, name));
      return Array.isArray(own) ? own.join(", ") : own;
    },
    read: async (bounds, wasRead) => {
      const body = bodyOf({ body: event.body, isBase64Encoded: event.isBase64Encoded === true });
      const bytes = typeof body === "string" ? encode(body) : body;
      return bytes instanceof Uint8Array ? wholeBody(bytes, bounds) : wasRead();
    },
  };
}

/** Returns a header by its name, in any case. */
const find = (headers: Values, name: string) =>
  Object.entries(headers).find(([given]) => given.toLowerCase() === name)?.[1];

function respond({ status, headers, body }: HandlerResponse, event: LambdaEvent): LambdaResult {
  const result: LambdaResult = { statusCode: status, body, isBase64Encoded: false };
  if ((event.requestContext as Context | undefined)?.elb) {
    result.statusDescription = `${status} ${STATUS[status] ?? "Answer"}`;
  }
  if (event.multiValueHeaders && !event.headers) {
    const lists = Object.entries(headers).map(([name, value]) => [name, [value]]);
    result.multiValueHeaders = Object.fromEntries(lists) as Record<string, string[]>;
  } else {
    result.headers = { ...headers };
  }
  return result;
}

/** The reason phrases of the handlers' statuses (RFC 9110, section 15). */
const STATUS: Record<number, string> = {
  200: "OK",
  201: "Created",
  400: "Bad Request",
  401: "Unauthorized",
  402: "Payment Required",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  409: "Conflict",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  500: "Internal Server Error",
  502: "Bad Gateway",
  503: "Service Unavailable",
};
