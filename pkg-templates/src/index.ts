export { formatUsdc, parseSubject, type Subject, usdc } from "./amounts.js";
export type { BackoffStrategy, Sender } from "./call.js";
export type { Answer, ClientOptions, RequestOptions, RetryConfig } from "./client.js";
export type { Logger } from "./debug.js";
export { Gwop, type SDKOptions } from "./gwop.js";
export {
  type BeforeRequestHook,
  type Fetcher,
  HTTPClient,
  type HTTPClientOptions,
  type RequestErrorHook,
  type ResponseHook,
} from "./http-client.js";
export type { Auth } from "./operations/auth.js";
export type { AuthIntents } from "./operations/auth-intents.js";
export type { AuthSessions } from "./operations/auth-sessions.js";
export type { Invoices, WaitForStatusRequest } from "./operations/invoices.js";
export { ServerList } from "./server-list.js";
export type {
  ValidateWebhookOptions,
  ValidateWebhookResponse,
  ValidateWebhookSyncOptions,
  WebhookEvent,
  WebhookHeaders,
  WebhookRequestParts,
  WebhookVerification,
} from "./webhooks.js";
