/**
 * `@gwop/sdk/handlers`: Gwop's integration patterns for fetch-style servers.
 *
 * @module
 */
export type { VerifiedToken } from "../auth/verify-token.js";
export type { WebhookOutcome, WebhookStore } from "../stores/store.js";
export { type AuthOptions, type Authenticate, type AuthResult, createAuthMiddleware, type SessionCheck } from "./auth.js";
export { type AuthRoutes, type AuthRoutesOptions, createAuthRoutes } from "./auth-routes.js";
export { reconcile, type Reconciled, type ReconcileOptions } from "./reconcile.js";
export {
  createWebhookHandler,
  type HandlerContext,
  type ReconciledWebhookHandlerOptions,
  type WebhookErrorInfo,
  type WebhookHandler,
  type WebhookHandlerOptions,
} from "./webhook.js";
