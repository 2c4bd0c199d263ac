export { formatUsdc, parseSubject, type Subject, usdc } from "./amounts.js";
export { Gwop, type SDKOptions } from "./gwop.js";
export type {
  ValidateWebhookOptions,
  ValidateWebhookResponse,
  ValidateWebhookSyncOptions,
  WebhookEvent,
  WebhookHeaders,
  WebhookRequestParts,
  WebhookVerification,
} from "./webhooks.js";
