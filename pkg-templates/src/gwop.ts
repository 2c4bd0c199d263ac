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

/**
 * The options of {@link Gwop}. An option that you leave out is read from the environment when it is
 * needed, or has a default.
 */
export interface SDKOptions extends ClientOptions {
  /**
   * The secret of your webhook endpoint (`whsec_…`), or a list of secrets during a rotation. A
   * webhook has to match one of them. Default: `GWOP_WEBHOOK_SECRET`, in which a comma separates
   * several secrets. Each has at least 8 characters.
   */
  webhookSecret?: string | readonly string[] | undefined;
  /**
   * Your merchant id. `auth.verifyToken` compares it with the token's `mid`. Default:
   * `GWOP_MERCHANT_ID`. Without a merchant id no token verifies. `ANY_MERCHANT` accepts **tokens
   * that were issued for other merchants too**.
   */
  merchantId?: string | typeof ANY_MERCHANT | undefined;
  /** A place outside the process that keeps Gwop's JWK Set, such as Workers KV. */
  jwksStore?: JwksStore | undefined;
  /**
   * The shortest time between two refreshes of the JWK Set, in seconds. Default 30. A value below 1
   * counts as 1.
   */
  jwksCooldownSeconds?: number | undefined;
  /**
   * How many verified tokens the client remembers, so that the same token needs no signature check
   * the next time. Default 1,000, in at most 2 MB. 0 turns the cache off. The clock and the JWK Set
   * are checked each time, and `sessionCheck: "always"` asks Gwop each time.
   */
  tokenCacheSize?: number | undefined;
}

const OPTIONS: Names<SDKOptions> = {
  ...CLIENT_OPTIONS,
  webhookSecret: undefined,
  merchantId: undefined,
  jwksStore: undefined,
  jwksCooldownSeconds: undefined,
  tokenCacheSize: undefined,
};

/**
 * The client of Gwop. Create one and share it.
 *
 * ```ts
 * const client = new Gwop({ httpClient: sim.httpClient, merchantApiKey: sim.merchantApiKey });
 * const { result: invoice } = await client.invoices.create({ body: { amountUsdc: 5_000_000 } });
 * console.log(invoice.amountUsdc); // → 5125000
 * ```
 */
export class Gwop {
  /**
   * @internal The name as written, also after minification. It is a getter, so that bundlers can
   * drop the class.
   */
  static get name(): string {
    return "Gwop";
  }

  /** Invoices: what agents pay. */
  readonly invoices: Invoices;
  /** Wallet log-in: create a challenge, then exchange it for a token. */
  readonly authIntents: AuthIntents;
  /** The sessions of access tokens: look one up, or revoke it. */
  readonly authSessions: AuthSessions;
  /** Access tokens, and the keys that verify them. */
  readonly auth: Auth;

  readonly #webhooks: WebhookVerifier;

  /**
   * Creates a client. It sends nothing before the first call. Options that you leave out are read
   * from the environment when they are needed: `GWOP_MERCHANT_API_KEY`, `GWOP_WEBHOOK_SECRET`,
   * `GWOP_MERCHANT_ID`, `GWOP_SERVER_URL` and `GWOP_IDENTITY_URL`.
   *
   * @throws SDKValidationError for an option that is unknown or has a wrong value.
   */
  constructor(options?: SDKOptions) {
    const given = readOptions(options, OPTIONS);
    const client = new ApiClient(given);
    this.invoices = new Invoices(client);
    this.authIntents = new AuthIntents(client);
    this.authSessions = new AuthSessions(client);
    this.auth = new Auth(client, {
      ...(given as Pick<
        TokenClient,
        "merchantId" | "jwksStore" | "jwksCooldownSeconds" | "tokenCacheSize"
      >),
      fetchJwks: () => client.fetchJwks(),
      sessionStatus: async (sessionId) =>
        (await this.authSessions.get({ sessionId })).result.status,
    });
    this.#webhooks = new WebhookVerifier(given.webhookSecret, client.reachesGwop);
  }

  /**
   * Verifies a webhook over its raw bytes and returns the typed event. Verify before you change
   * anything, and recognize copies by `body.eventId`. `createWebhookHandler` of
   * `@gwop/sdk/handlers` does all of this for you.
   *
   * Web Crypto checks the signature. No network call is made. The signature header and its time
   * stamp are checked before the body is read, and at most `maxBodyBytes` of the body are read. If
   * a `Request` is refused, the rest of its body is yours to read or to cancel.
   *
   * ```ts
   * const { body } = await gwop.validateWebhook({ request });
   * if (body.eventType === "invoice.paid") console.log(body.data.invoiceId);
   * ```
   *
   * @throws SDKValidationError with a `code`, and with `httpStatus`, the status to respond with.
   * The codes are `WEBHOOK_SIGNATURE_MISSING`, `WEBHOOK_SIGNATURE_MALFORMED`,
   * `WEBHOOK_TIMESTAMP_INVALID`, `WEBHOOK_TIMESTAMP_OUTSIDE_TOLERANCE`, `WEBHOOK_BODY_TOO_LARGE`,
   * `WEBHOOK_BODY_NOT_RAW`, `WEBHOOK_SIGNATURE_MISMATCH`, `WEBHOOK_PAYLOAD_INVALID`,
   * `WEBHOOK_EVENT_UNKNOWN`, `WEBHOOK_HEADER_MISMATCH` and `WEBHOOK_SOURCE_NOT_ACCEPTED`.
   * `WEBHOOK_SECRET_MISSING` means that no secret is configured, and `SIMULATOR_CREDENTIALS` that
   * it is the local Gwop's while the identity host is Gwop's own.
   */
  validateWebhook(
    options: ValidateWebhookOptions & { reconciled?: false | undefined },
  ): Promise<ValidateWebhookResponse>;
  /**
   * The same as above. With `reconciled: true` it also accepts events that reconciliation created
   * from an invoice. These can lack the payer and the chain.
   */
  validateWebhook(options: ValidateWebhookOptions): Promise<ReconciledWebhookResponse>;
  validateWebhook(options: ValidateWebhookOptions): Promise<ValidateWebhookResponse> {
    return this.#webhooks.verify(options);
  }

  /**
   * The same as {@link validateWebhook}, without a promise. It uses the HMAC-SHA256 that is
   * compiled into the WebAssembly module. It takes no `Request`, whose body cannot be read
   * synchronously.
   *
   * @throws SDKValidationError as {@link validateWebhook} rejects.
   */
  validateWebhookSync(
    options: ValidateWebhookSyncOptions & { reconciled?: false | undefined },
  ): ValidateWebhookResponse;
  /** The same, with `reconciled` as in {@link validateWebhook}. */
  validateWebhookSync(options: ValidateWebhookSyncOptions): ReconciledWebhookResponse;
  validateWebhookSync(options: ValidateWebhookSyncOptions): ValidateWebhookResponse {
    return this.#webhooks.verifySync(options);
  }
}
