export { formatUsdc, parseSubject, type Subject, usdc } from "./amounts.js";
export type { Auth } from "./auth/index.js";
export type { JwksStore, StoredJwk, StoredJwks } from "./auth/jwks-cache.js";
export { ANY_MERCHANT, type VerifiedToken, type VerifyTokenOptions } from "./auth/verify-token.js";
export type { BackoffStrategy, Sender } from "./call.js";
export type { Answer, ApiResponse, ClientOptions, RequestOptions, RetryConfig } from "./client.js";
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
export type { AuthIntents } from "./operations/auth-intents.js";
export type { AuthSessions } from "./operations/auth-sessions.js";
export type { Invoices, WaitForStatusRequest } from "./operations/invoices.js";
export { ServerList } from "./server-list.js";
export type * from "./models/webhooks.js";
