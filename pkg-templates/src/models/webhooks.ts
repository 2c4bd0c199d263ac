/**
 * `@gwop/sdk/models/webhooks`: webhook events, and the types of `validateWebhook`. Types only.
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
  ReconciledEvent,
  ReconciledPaidData,
  ReconciledPaidEvent,
  ReconciledWebhookResponse,
  ValidateWebhookOptions,
  ValidateWebhookResponse,
  ValidateWebhookSyncOptions,
  WebhookEvent,
  WebhookHeaders,
  WebhookLambdaEvent,
  WebhookRequestParts,
  WebhookVerification,
} from "../webhooks.js";
