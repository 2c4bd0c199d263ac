/** What all fetch-style hosts share: a `Request` comes in, a `Response` goes out. */
import type { VerifiedToken } from "../auth/verify-token.js";
import { type AuthOptions, type AuthResult, authenticator } from "./auth.js";
import { withoutIdentityHeaders } from "./auth-headers.js";
import { type AuthRoutesOptions, authRoutes } from "./auth-routes.js";
import { notFound, toResponse } from "./http.js";
import { incomingRequest } from "./request.js";
import { type AnyWebhookHandlerOptions, respondWithin, webhookHandling } from "./webhook.js";

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
  /** The response to give, or who the agent is. */
  function authenticate(options: AuthOptions): (event: Event) => Promise<AuthResult> {
    const ask = authenticator(options);
    return async (event) => {
      const request = requestOf(event);
      const { identity, refused } = await ask(request.headers.get("authorization"));
      if (refused) return { response: toResponse(refused) };
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
        toResponse(
          await respondWithin(handle, incomingRequest(requestOf(event)), [context(event)]),
        );
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
