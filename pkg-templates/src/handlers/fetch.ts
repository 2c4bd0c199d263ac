/** What all fetch-style hosts share: a `Request` comes in, a `Response` goes out. */
import type { VerifiedToken } from "../auth/verify-token.js";
import { type AuthOptions, type AuthResult, authenticator } from "./auth.js";
import { withoutIdentityHeaders } from "./auth-headers.js";
import { type AuthRoutesOptions, authRoutes } from "./auth-routes.js";
import {
  type Answer,
  type BodyBounds,
  declaredTooLarge,
  gatherBody,
  type Incoming,
  notFound,
  toResponse,
  keptBody,
} from "./http.js";
import { type AnyWebhookHandlerOptions, answerWithin, webhookHandling } from "./webhook.js";

/** The request, for the handlers. `cached` gives its body where the framework has kept it. */
export function incomingRequest(
  request: Request,
  cached?: () => Promise<Uint8Array> | undefined,
): Incoming {
  const incoming: Incoming = {
    method: request.method,
    headers: request.headers,
    path: () => new URL(request.url).pathname,
    header: (name) => request.headers.get(name) ?? undefined,
    async read(bounds, wasRead) {
      const kept = cached?.();
      if (kept) return keptBody(kept, bounds);
      try {
        if (request.bodyUsed) return wasRead();
        const refused = declaredTooLarge(incoming, bounds);
        if (refused) return refused;
        if (request.body?.locked) return wasRead();
      } catch {
        // Requests that wrap Node's, such as srvx's, cannot tell once Node's was read.
        return wasRead();
      }
      return readStream(request, bounds);
    },
  };
  return incoming;
}

/** A stream is never cancelled: on some hosts that breaks the connection for the next request. */
function readStream(request: Request, bounds: BodyBounds): Promise<Uint8Array | Answer> {
  return gatherBody(bounds, (sink) => {
    void (async () => {
      try {
        // Firefox's requests do not show their stream.
        const stream = request.body ?? new Response(await request.arrayBuffer()).body;
        const reader = stream?.getReader();
        for (let read; reader && !(read = await reader.read()).done;) {
          if (!sink.add(read.value)) return;
        }
        sink.end();
      } catch {
        sink.broken();
      }
    })();
    return () => {};
  });
}

/** What a host gives a handler, as the handlers need it. */
export interface FetchHost<Event> {
  request(event: Event): Request;
  /** Where its execution context is, if it has one. */
  context?(event: Event): unknown;
  /**
   * The object and its member that is the request, where headers that claim an identity are to be
   * gone.
   */
  place?(event: Event): readonly [holder: object, member: string];
}

/** The handlers of a fetch-style framework, which differ in where the request is. */
export function fetchAdapter<Event>({
  request: requestOf,
  context = () => undefined,
  place,
}: FetchHost<Event>) {
  /** The answer to give, or who the agent is. */
  function authenticate(options: AuthOptions): (event: Event) => Promise<AuthResult> {
    const ask = authenticator(options);
    return async (event) => {
      const request = requestOf(event);
      const { identity, answer } = await ask(request.headers.get("authorization"));
      if (answer) return { response: toResponse(answer) };
      const cleaned = withoutIdentityHeaders(request);
      if (cleaned !== request && place) {
        const [holder, member] = place(event);
        // Some frameworks have a getter there.
        Object.defineProperty(holder, member, {
          value: cleaned,
          configurable: true,
          enumerable: true,
          writable: true,
        });
      }
      return { identity };
    };
  }
  return {
    webhook(options: AnyWebhookHandlerOptions): (event: Event) => Promise<Response> {
      const handle = webhookHandling(options);
      return async (event) =>
        toResponse(await answerWithin(handle, incomingRequest(requestOf(event)), [context(event)]));
    },
    /** What belongs to none of the routes is 404. */
    authRoutes(options: AuthRoutesOptions): (event: Event) => Promise<Response> {
      const routes = authRoutes(options);
      return async (event) =>
        toResponse((await routes(incomingRequest(requestOf(event)))) ?? notFound());
    },
    authenticate,
    /** A handler that only verified agents reach. */
    guard<Own extends Event, Result>(
      options: AuthOptions,
      handler: (event: Own, identity: VerifiedToken) => Result | Promise<Result>,
    ): (event: Own) => Promise<Result | Response> {
      const ask = authenticate(options);
      return async (event) => {
        const { identity, response } = await ask(event);
        return response ?? (await handler(event, identity));
      };
    },
  };
}
