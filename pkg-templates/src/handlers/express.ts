/**
 * `@gwop/sdk/express`: the handlers of `@gwop/sdk/handlers` for Express 4 and 5, and for anything else with Node's requests and
 * answers.
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
import { type AuthOptions, createAuthMiddleware } from "./auth.js";
import { isIdentityHeader } from "./auth-headers.js";
import { type AuthRoutesOptions, createAuthRoutes } from "./auth-routes.js";
import { createWebhookHandler, type ReconciledWebhookHandlerOptions, type WebhookHandlerOptions } from "./webhook.js";

/** What is used of Express's `Request`. */
export interface ExpressRequest extends AsyncIterable<Uint8Array | string> {
  method?: string | undefined;
  /** The path as it came; Express changes `url` under a router. */
  originalUrl?: string | undefined;
  url?: string | undefined;
  headers: Record<string, string | string[] | undefined>;
  /** Names and values in turn, as they came. */
  rawHeaders?: string[] | undefined;
  httpVersionMajor?: number | undefined;
  /** What a body parser left. */
  body?: unknown;
  /** The raw body, where a parser's `verify` or the platform kept it (Firebase and Google Cloud Functions do). */
  rawBody?: unknown;
  /** Whether anything was read of the stream. */
  readableDidRead?: boolean | undefined;
  /** Whether the stream was read to its end. */
  readableEnded?: boolean | undefined;
}

/** What is used of Express's `Response`. */
export interface ExpressResponse {
  statusCode: number;
  setHeader(name: string, value: string): unknown;
  end(body?: Uint8Array): unknown;
}

/** A handler of Express's. */
export type ExpressHandler = (request: ExpressRequest, response: ExpressResponse, next: (error?: unknown) => void) => void;

/** Made known to TypeScript by `declare global`, where `@types/express` is installed. */
declare global {
  namespace Express {
    interface Request {
      /** Who the agent is, after `gwopAuth`. */
      gwop?: VerifiedToken;
    }
  }
}

/**
 * The handler of Gwop's webhooks, for `app.post`: see `createWebhookHandler`.
 *
 * The signature is over the raw bytes: mount it before any body parser, behind `express.raw({ type: "application/json" })`, or behind what keeps
 * them as `req.rawBody`. When a parser has read the body, every delivery is answered with 500 and `onError` is told so.
 */
export function gwopWebhook(options: WebhookHandlerOptions | ReconciledWebhookHandlerOptions): ExpressHandler {
  const handle = createWebhookHandler(options);
  return answering((request) => handle(toRequest(request)));
}

/**
 * Lets only verified agents pass, and sets `req.gwop`: see `createAuthMiddleware`. Headers that claim an identity (`X-Gwop-Subject` and the
 * like) are dropped from the request, so that nothing behind it, such as a proxy, can take them for verified.
 */
export function gwopAuth(options: AuthOptions): ExpressHandler {
  const authenticate = createAuthMiddleware(options);
  return answering(async (request) => {
    const { identity, response } = await authenticate({ headers: toHeaders(request) });
    if (identity) {
      dropIdentityHeaders(request);
      (request as { gwop?: VerifiedToken }).gwop = identity;
    }
    return response;
  });
}

/** The routes of wallet log-in, for `app.use`: see `createAuthRoutes`. Mount it before any body parser. */
export function gwopAuthRoutes(options: AuthRoutesOptions): ExpressHandler {
  const routes = createAuthRoutes(options);
  return answering((request) => routes(toRequest(request)));
}

/** Sends what `work` answers; where that is nothing, the next handler's turn comes. */
function answering(work: (request: ExpressRequest) => Promise<Response | undefined>): ExpressHandler {
  return (request, response, next) => {
    work(request)
      .then(async (answer) => {
        if (!answer) return next();
        response.statusCode = answer.status;
        for (const [name, value] of answer.headers) response.setHeader(name, value);
        // The rest of a body that is not waited for would be read as the next request (RFC 9110, section 15.5.9). HTTP/2 has no such header.
        if (answer.status === 408 && request.httpVersionMajor !== 2) response.setHeader("connection", "close");
        response.end(new Uint8Array(await answer.arrayBuffer()));
      })
      .catch(next);
  };
}

/** Node makes `headers` of `rawHeaders` when it is first asked for, and `headersDistinct` too. */
function dropIdentityHeaders({ headers, rawHeaders = [] }: ExpressRequest): void {
  for (const name of Object.keys(headers)) if (isIdentityHeader(name)) delete headers[name];
  for (let at = rawHeaders.length - 2; at >= 0; at -= 2) {
    if (isIdentityHeader(rawHeaders[at] ?? "")) rawHeaders.splice(at, 2);
  }
}

function toHeaders({ headers }: ExpressRequest): Headers {
  const pairs = Object.entries(headers).flatMap(([name, value]) =>
    // HTTP/2 puts the request line among the headers, as `:method` and the like.
    value === undefined || name.startsWith(":") ? [] : [value].flat().map((one): [string, string] => [name, one]),
  );
  return new Headers(pairs);
}

/** The request as fetch-style handlers take it: a body that is parsed already counts as used. */
function toRequest(request: ExpressRequest): Request {
  const { rawBody, method = "GET", originalUrl, url = "/" } = request;
  const body = rawBody ?? request.body;
  // A path that starts with two slashes is a path all the same.
  const fields = { method, headers: toHeaders(request), url: `http://localhost${originalUrl ?? url}` };
  // Parsers leave `{}` behind for an empty body too, of which nothing is lost.
  const isEmpty = request.headers["content-length"] === "0";
  const raw = isEmpty ? new Uint8Array() : typeof body === "string" ? new TextEncoder().encode(body) : body;
  // Express 4's parsers leave `{}` behind for the media types that they do not read.
  const wasRead = request.readableEnded === true || (raw !== undefined && request.readableDidRead !== false);
  const bodyUsed = !(raw instanceof Uint8Array) && wasRead;
  const stream = raw instanceof Uint8Array ? once(raw) : bodyUsed ? null : streamed(request);
  // Not a `Request`: that would refuse a GET with a body, and take the stream before anybody wants it.
  return { ...fields, bodyUsed, body: stream } as Partial<Request> as Request;
}

function once(bytes: Uint8Array): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(bytes);
      controller.close();
    },
  });
}

/** Reads only when asked to: nothing is buffered beyond a chunk. */
function streamed(request: AsyncIterable<Uint8Array | string>): ReadableStream<Uint8Array> {
  const chunks = request[Symbol.asyncIterator]();
  const source: UnderlyingDefaultSource<Uint8Array> = {
    async pull(controller) {
      const { done, value } = await chunks.next();
      if (done) controller.close();
      else controller.enqueue(typeof value === "string" ? new TextEncoder().encode(value) : value);
    },
  };
  return new ReadableStream(source, { highWaterMark: 0 });
}
