/**
 * `@gwop/sdk/types`: the option types of a client and its calls. Types only.
 */
export type { JwksStore, StoredJwk, StoredJwks } from "../auth/jwks-cache.js";
export type { VerifiedToken, VerifyTokenOptions } from "../auth/verify-token.js";
export type { BackoffStrategy, Sender } from "../call.js";
export type { Answer, ApiResponse, ClientOptions, RequestOptions, RetryConfig } from "../client.js";
export type { Logger } from "../debug.js";
export type { SDKOptions } from "../gwop.js";
export type {
  BeforeRequestHook,
  Fetcher,
  HTTPClientOptions,
  RequestErrorHook,
  ResponseHook,
} from "../http-client.js";
