import { Auth } from "./auth/index.js";
import type { JwksStore } from "./auth/jwks-cache.js";
import { ApiClient, CLIENT_OPTIONS, type ClientOptions } from "./client.js";
import { AuthIntents } from "./operations/auth-intents.js";
import { AuthSessions } from "./operations/auth-sessions.js";
import type { ANY_MERCHANT, TokenClient } from "./auth/verify-token.js";
import { Invoices } from "./operations/invoices.js";
import { type Names, readOptions } from "./options.js";
import {
  type ReconciledWebhookResponse,
  type ValidateWebhookOptions,
  type ValidateWebhookResponse,
  type ValidateWebhookSyncOptions,
  WebhookVerifier,
} from "./webhooks.js";

/** How a client is set up. Whatever is left out is read from the environment, at the time of use, or has a default. */
export interface SDKOptions extends ClientOptions {
  /**
   * The secret of the webhook endpoint (`whsec_…`), or several during a rotation: any that matches is enough.
   * Else `GWOP_WEBHOOK_SECRET`, comma-separated where there are several. Each has at least 8 characters.
   */
  webhookSecret?: string | readonly string[] | undefined;
  /**
   * Your merchant id, which `auth.verifyToken` expects in a token's `mid`. Else `GWOP_MERCHANT_ID`.
   * With neither no token verifies, unless `ANY_MERCHANT` stands here: then **tokens that were issued for other merchants do, too**.
   */
  merchantId?: string | typeof ANY_MERCHANT | undefined;
  /** A place that keeps Gwop's JWK Set, such as Workers KV. */
  jwksStore?: JwksStore | undefined;
  /** How long no second refresh of the JWK Set is made, in seconds. Default 30; less than 1 counts as 1. */
  jwksCooldownSeconds?: number | undefined;
  /**
   * How many verified tokens are kept, so that the same token needs no signature check the next time.
   * Default 1,000, in at most 2 MB; 0 keeps none. A kept token is judged by the clock and the JWK Set
   * each time; `sessionCheck: "always"` asks Gwop each time.
   */
  tokenCacheSize?: number | undefined;
}

const OPTIONS: Names<SDKOptions> = { ...CLIENT_OPTIONS, webhookSecret: undefined, merchantId: undefined, jwksStore: undefined, jwksCooldownSeconds: undefined, tokenCacheSize: undefined };

/** Gwop's client. Make one and share it. */
export class Gwop {
  /** @internal As written, whatever a minifier calls it; a getter, so that bundlers can leave out the class. */
  static get name(): string {
    return "Gwop";
  }

  /** What agents pay. */
  readonly invoices: Invoices;
  /** Wallet log-in: challenge, then exchange. */
  readonly authIntents: AuthIntents;
  /** Sessions behind access tokens. */
  readonly authSessions: AuthSessions;
  /** Access tokens and the keys that verify them. */
  readonly auth: Auth;

  readonly #webhooks: WebhookVerifier;

  /**
   * Makes a client of Gwop: invoices, wallet log-in, tokens and webhooks. Nothing is sent before the first call. What `options` leave out is read from
   * the environment at the time of use: `GWOP_MERCHANT_API_KEY`, `GWOP_WEBHOOK_SECRET`, `GWOP_MERCHANT_ID`, `GWOP_SERVER_URL`, `GWOP_IDENTITY_URL`.
   *
   * @throws SDKValidationError for an option that is not known or makes no sense.
   */
  constructor(options?: SDKOptions) {
    const given = readOptions(options, OPTIONS);
    const client = new ApiClient(given);
    this.invoices = new Invoices(client);
    this.authIntents = new AuthIntents(client);
    this.authSessions = new AuthSessions(client);
    this.auth = new Auth(client, {
      ...(given as Pick<TokenClient, "merchantId" | "jwksStore" | "jwksCooldownSeconds" | "tokenCacheSize">),
      fetchJwks: () => client.fetchJwks(),
      sessionStatus: async (sessionId) => (await this.authSessions.get({ sessionId })).result.status,
    });
    this.#webhooks = new WebhookVerifier(given.webhookSecret, client.reachesGwop);
  }

  /**
   * Verifies a webhook on its raw bytes and gives the typed event. Verify first, then mutate state; deduplicate by `body.eventId`.
   *
   * Web Crypto decides; no network call is made. The signature header and its time stamp are judged before anything of the body is read, and no more of
   * it than `maxBodyBytes`. What is left of a refused `Request`'s body is the caller's to read or to cancel.
   *
   * @throws SDKValidationError with a `code`: `WEBHOOK_SIGNATURE_MISSING`, `WEBHOOK_SIGNATURE_MALFORMED`, `WEBHOOK_TIMESTAMP_INVALID`,
   * `WEBHOOK_TIMESTAMP_OUTSIDE_TOLERANCE`, `WEBHOOK_BODY_TOO_LARGE`, `WEBHOOK_BODY_NOT_RAW`, `WEBHOOK_SIGNATURE_MISMATCH`, `WEBHOOK_PAYLOAD_INVALID`,
   * `WEBHOOK_EVENT_UNKNOWN`, `WEBHOOK_HEADER_MISMATCH`, `WEBHOOK_SOURCE_NOT_ACCEPTED`; `WEBHOOK_SECRET_MISSING` where no secret is configured, `SIMULATOR_CREDENTIALS` where it is a simulator's
   * while the identity host is Gwop's own.
   */
  validateWebhook(options: ValidateWebhookOptions & { reconciled?: false | undefined }): Promise<ValidateWebhookResponse>;
  /** As above. With `reconciled: true` events are taken too that reconciliation derived from an invoice: their payer and their chain may be missing. */
  validateWebhook(options: ValidateWebhookOptions): Promise<ReconciledWebhookResponse>;
  validateWebhook(options: ValidateWebhookOptions): Promise<ValidateWebhookResponse> {
    return this.#webhooks.verify(options);
  }

  /**
   * The same as {@link validateWebhook}, synchronously, by the HMAC-SHA256 compiled into the wasm.
   *
   * @throws SDKValidationError as {@link validateWebhook} rejects.
   */
  validateWebhookSync(options: ValidateWebhookSyncOptions & { reconciled?: false | undefined }): ValidateWebhookResponse;
  /** As above, with `reconciled` as {@link validateWebhook} has it. */
  validateWebhookSync(options: ValidateWebhookSyncOptions): ReconciledWebhookResponse;
  validateWebhookSync(options: ValidateWebhookSyncOptions): ValidateWebhookResponse {
    return this.#webhooks.verifySync(options);
  }
}
