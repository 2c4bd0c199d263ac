/**
 * `@gwop/sdk/handlers`: Gwop's integration patterns for fetch-style servers.
 *
 * @module
 */
export type { WebhookOutcome, WebhookStore } from "../stores/store.js";
export {
  createWebhookHandler,
  type HandlerContext,
  type WebhookErrorInfo,
  type WebhookHandler,
  type WebhookHandlerOptions,
} from "./webhook.js";
