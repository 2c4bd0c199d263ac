/**
 * `@gwop/sdk/models/webhooks`: webhook events and what `validateWebhook` takes and gives. Types only.
 */
export type {
  InvoiceCanceledData,
  InvoiceCanceledEvent,
  InvoiceExpiredData,
  InvoiceExpiredEvent,
  InvoicePaidData,
  InvoicePaidEvent,
} from "../generated/models.js";
export type {
  ValidateWebhookOptions,
  ValidateWebhookResponse,
  ValidateWebhookSyncOptions,
  WebhookEvent,
  WebhookHeaders,
  WebhookLambdaEvent,
  WebhookRequestParts,
  WebhookVerification,
} from "../webhooks.js";
