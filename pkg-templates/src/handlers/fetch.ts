/** The common part of all fetch-style hosts: they take a `Request` and return a `Response`. */
import type { VerifiedToken } from "../auth/verify-token.js";
import { type AuthOptions, type AuthResult, authenticator } from "./auth.js";
import { withoutIdentityHeaders } from "./auth-headers.js";
import { type AuthRoutesOptions, authRoutes } from "./auth-routes.js";
import { notFound, toResponse } from "./http.js";
import { incomingRequest } from "./request.js";
import { type AnyWebhookHandlerOptions, respondWithin, webhookHandling } from "./webhook.js";

/** How a handler reads what a host passes to it. */
export interface FetchHost<Event> {
  request(event: Event): Request;
  /** Returns the host's execution context, if it has one. */
  context?(event: Event): unknown;
  /**
   * Returns the object and the member that hold the request. Headers that claim an identity are
   * removed there.
   */
  place?(event: Event): readonly [holder: object, member: string];
}

/** Creates the handlers of a fetch-style framework. Frameworks differ in where the request is. */
export function fetchAdapter<Event>({
  request: requestOf,
  context = () => undefined,
  place,
}: FetchHost<Event>) {
  /** Returns the response to send, or the agent's identity. */
  function authenticate(options: AuthOptions): (event: Event) => Promise<AuthResult> {
    const ask = authenticator(options);
    return async (event) => {
      const request = requestOf(event);
      const { identity, refused } = await ask(request.headers.get("authorization"));
      if (refused) return { response: toResponse(refused) };
      const cleaned = withoutIdentityHeaders(request);
      if (cleaned !== request && place) {
        const [holder, member] = place(event);
        // Some frameworks define a getter there.
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
        toResponse(
          await respondWithin(handle, incomingRequest(requestOf(event)), [context(event)]),
        );
    },
    /** Responds with 404 to a path that is not one of the routes. */
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
