/**
 * `@gwop/sdk/nestjs`: the handlers of `@gwop/sdk/handlers` for NestJS, on Express and on Fastify.
 *
 * ```ts
 * // main.ts: what app.use mounts comes before Nest's body parsers
 * app.use("/webhooks/gwop", gwopWebhook({ gwop, store, onPaid, onExpired, onCanceled }));
 * app.use(gwopAuthRoutes({ gwop }));
 * // a controller
 * UseGuards(gwopAuth({ gwop }))(MeController);
 * ```
 *
 * A middleware that a module mounts (`consumer.apply(…)`) runs after the parsers. It then needs
 * `NestFactory.create(AppModule, { rawBody: true })`.
 *
 * @module
 */
export { gwopAuthRoutes, gwopWebhook } from "./express.js";
import type { VerifiedToken } from "../auth/verify-token.js";
import { type AuthOptions, authenticator } from "./auth.js";
import { dropIdentityHeaders, incomingOf, type NodeRequest } from "./node.js";

/** The part of Nest's `ExecutionContext` that the adapter uses. */
export interface NestContext {
  switchToHttp(): { getRequest<T = unknown>(): T; getResponse<T = unknown>(): T };
}

/** A guard of Nest's, for `@UseGuards` and `useGlobalGuards`. */
export interface NestGuard {
  canActivate(context: NestContext): Promise<boolean>;
}

/** A request of Express's or Fastify's. */
type PlatformRequest = NodeRequest & { raw?: NodeRequest; gwop?: VerifiedToken };

/** Their responses: Fastify's has `header`, Express's both. */
interface PlatformResponse {
  header(name: string, value: string): unknown;
}

/**
 * The guard that lets only verified agents pass, and sets `request.gwop`: see
 * `createAuthMiddleware`. It throws Nest's `HttpException`, so that your exception filters see it.
 * Headers that claim an identity (`X-Gwop-Subject` and the like) are removed from the request.
 */
export function gwopAuth(options: AuthOptions): NestGuard {
  const authenticate = authenticator(options);
  return {
    async canActivate(context) {
      const http = context.switchToHttp();
      const request = http.getRequest<PlatformRequest>();
      const raw = request.raw ?? request;
      const { identity, refused } = await authenticate(incomingOf(raw).header("authorization"));
      if (refused) {
        const response = http.getResponse<PlatformResponse>();
        for (const [name, value] of Object.entries(refused.headers)) response.header(name, value);
        // Imported on use: an app with guards has it.
        const { HttpException } = await import("@nestjs/common");
        throw new HttpException(JSON.parse(refused.body) as object, refused.status);
      }
      dropIdentityHeaders(raw);
      request.gwop = identity;
      return true;
    },
  };
}
