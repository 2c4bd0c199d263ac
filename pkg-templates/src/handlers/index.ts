/**
 * `@gwop/sdk/handlers`: webhooks, wallet log-in, guards and reconciliation for servers with `Request`
 * and `Response`.
 *
 * @module
 */
export type { VerifiedToken } from "../auth/verify-token.js";
export type { WebhookOutcome, WebhookStore } from "../stores/store.js";
export {
  type AuthOptions,
  type Authenticate,
  type AuthResult,
  createAuthMiddleware,
  type SessionCheck,
} from "./auth.js";
export { type AuthRoutes, type AuthRoutesOptions, createAuthRoutes } from "./auth-routes.js";
export type { HandlerErrorCode, ReportedErrorCode } from "./codes.js";
export { reconcile, type Reconciled, type ReconcileOptions } from "./reconcile.js";
export {
  type AnyWebhookHandlerOptions,
  createWebhookHandler,
  type HandlerContext,
  type ReconciledWebhookCallbacks,
  type ReconciledWebhookHandlerOnOptions,
  type ReconciledWebhookHandlerOptions,
  type UnknownWebhookEvent,
  type WebhookCallbacks,
  type WebhookErrorInfo,
  type WebhookHandler,
  type WebhookHandlerOnOptions,
  type WebhookHandlerOptions,
} from "./webhook.js";
