import type { SimulatorJournal } from "./journal.js";

/** A chain that pays invoices. */
export type SimulatorChain = "base" | "solana";

/** How a simulator checks x402 payments. */
export type SimulatorX402 = "standard" | "gwop-docs" | "unchecked";

/** A merchant account of a simulator. */
export interface SimulatorMerchant {
  /** The merchant id, a UUID: `merchant_id` of invoices and `mid` of tokens. */
  id: string;
  /** The name on public invoices. Default `"Local merchant"`. */
  name?: string | undefined;
  /** Whether public invoices show the merchant as verified. Default `true`. */
  verified?: boolean | undefined;
  /** The merchant key. It starts with `sk_m_`. */
  apiKey: string;
  /** The whole webhook secret, with `whsec_`. */
  webhookSecret: string;
  /**
   * Where webhooks go. Without it and without a `webhookHandler`, events are recorded and not sent.
   */
  webhookUrl?: string | undefined;
}

/** Receives webhooks within the process. A 2xx accepts. */
export type WebhookHandler = (request: Request) => Response | Promise<Response>;

/** The options of a {@link Simulator}. Each has a default. */
export interface SimulatorOptions {
  /** The key of the first merchant. Default `"sk_m_simulator"`. */
  merchantApiKey?: string | undefined;
  /** The webhook secret of the first merchant. Default `"whsec_simulator"`. */
  webhookSecret?: string | undefined;
  /** The id of the first merchant. Default `"9e9c9ba5-3bab-4172-8a79-336f9ca0f163"`. */
  merchantId?: string | undefined;
  /** The name of the first merchant. Default `"Local merchant"`. */
  merchantName?: string | undefined;
  /**
   * Where the first merchant's webhooks go, sent with the runtime's `fetch`. Redirects are not
   * followed.
   */
  webhookUrl?: string | undefined;
  /** Receives every merchant's webhooks within the process, instead of sending them. */
  webhookHandler?: WebhookHandler | undefined;
  /** More merchants. */
  merchants?: readonly SimulatorMerchant[] | undefined;
  /**
   * Whether webhooks are delivered and invoices expire by themselves when they are due. Default
   * `true`. With `false`, `deliverDue()` and `clock` do it.
   */
  autoDeliver?: boolean | undefined;
  /**
   * The waits before the second, third and later attempts of a webhook, in milliseconds of the
   * simulator's clock. Default: 1 s, 5 s, 30 s, 2 min, 10 min.
   */
  webhookRetryDelaysMs?: readonly number[] | undefined;
  /**
   * How long the simulator waits for a webhook's response, in real milliseconds. Default 10,000.
   */
  webhookTimeoutMs?: number | undefined;
  /** Where payment, status and recovery URLs point to. Default `"https://agents.gwop.io"`. */
  agentsUrl?: string | undefined;
  /** `iss` of access tokens. Default `"https://identity.gwop.io"`. */
  issuer?: string | undefined;
  /** `aud` of access tokens. By default there is none. */
  audience?: string | undefined;
  /** How long an auth intent can be paid, in seconds. Default 600. */
  authIntentTtlSeconds?: number | undefined;
  /** How long an access token is valid, in seconds. Default 3,600. */
  accessTokenTtlSeconds?: number | undefined;
  /** How long a session is active, in seconds. Default 86,400. */
  sessionTtlSeconds?: number | undefined;
  /**
   * How long an x402 payment stays in PAYING, in milliseconds of the simulator's clock. Default 0:
   * it is PAID within the request.
   */
  settlementDelayMs?: number | undefined;
  /** The status of `INVOICE_CANCEL_NOT_ALLOWED`. Default 400. Gwop's older documents say 409. */
  cancelNotAllowedStatus?: 400 | 409 | undefined;
  /**
   * How x402 payments are checked. `"standard"` (the default): like the reference facilitators, in
   * both versions of the protocol. `"gwop-docs"`: as Gwop's own pages on x402 say. `"unchecked"`:
   * as in 1.0.0, without checking the wallet's signature.
   */
  x402?: SimulatorX402 | undefined;
  /**
   * Wallets on Base that are contracts. Any signature of theirs is accepted, because only their
   * code could check it.
   */
  smartWallets?: readonly string[] | undefined;
  /**
   * Whether to refuse an `Idempotency-Key` that is not a UUID v4. By default the first one causes a
   * warning.
   */
  strictIdempotencyKeys?: boolean | undefined;
  /**
   * The order of `invoices.list`, which Gwop does not document. Default `"newest-first"`.
   * `"random"` is the same order in each response.
   */
  listOrder?: "newest-first" | "oldest-first" | "random" | undefined;
  /**
   * Whether `invoices.list` says when, on which chain and by which transaction an invoice was paid.
   * Default `true`. All three can be missing.
   */
  listPayments?: boolean | undefined;
  /**
   * Where the sequence of ids starts, a whole number. The same seed gives the same ids. Default:
   * random.
   */
  seed?: number | undefined;
  /**
   * The first signing key: a private RSA key as JWK, with 2048 bits or more. By default one is made
   * on first use.
   */
  signingKey?:
    | Readonly<
        Partial<
          Record<"kty" | "n" | "e" | "d" | "p" | "q" | "dp" | "dq" | "qi" | "alg" | "use", string>
        >
      >
    | undefined;
  /**
   * Keeps the state beyond the process. The simulator continues with the journal's content. Options
   * that you give replace those in it, and the others stay. Responses wait until the journal is
   * written.
   */
  journal?: SimulatorJournal | undefined;
  /**
   * The real time in milliseconds since 1970. It stamps signatures and tokens. Default `Date.now`.
   */
  wallClock?: (() => number) | undefined;
}

/** The options of {@link Simulator.pay}. */
export interface PayOptions {
  /** The chain. Default: that of the payment URL, otherwise Base. */
  chain?: SimulatorChain | undefined;
  /** The wallet that pays, in any spelling. Default: the first public test wallet of the chain. */
  wallet?: string | undefined;
  /**
   * `"settle"` (the default): PAYING, then PAID. `"hold"`: PAYING until `settle` or `failPayment`.
   * `"fail"`: PAYING, then OPEN again. `"late"`: like `"fail"`, but the payment settles later, like
   * the fault `payment-late`.
   */
  outcome?: "settle" | "hold" | "fail" | "late" | undefined;
  /** How late it settles with `"late"`, in milliseconds of the simulator's clock. Default 5,000. */
  delayMs?: number | undefined;
}

/**
 * The options of {@link Simulator.redeliver}. With any of them, the event is sent once and not
 * retried.
 */
export interface RedeliverOptions {
  /**
   * How the event is changed. `"tampered"`: the body is changed after signing. `"stale"`: signed
   * 301 s ago. `"wrong-secret"`: signed with another secret. `"header-mismatch"`: the id and type
   * headers name another event. `"malformed-json"`: the JSON breaks off, and the signature is
   * right. Default: unchanged.
   */
  variant?: SimulatorVariant | undefined;
  /** Where to send it. Default: the merchant's endpoint. */
  url?: string | undefined;
}

/** How an event is changed before it is sent again. */
export type SimulatorVariant =
  | "tampered"
  | "stale"
  | "wrong-secret"
  | "header-mismatch"
  | "malformed-json";

/** An invoice that a simulator creates by itself. */
export interface SimulatorNewInvoice {
  /** The merchant. Default: the first one. */
  merchantId?: string | undefined;
  /** Atomic USDC, without Gwop's fee. */
  amountUsdc: number;
  /** Free text. */
  description?: string | undefined;
  /** The merchant's metadata. */
  metadata?: Record<string, unknown> | undefined;
  /** Whether the public view shows the metadata. Default `false`. */
  metadataPublic?: boolean | undefined;
  /** How long it can be paid, in seconds. Default 900. */
  expiresInSeconds?: number | undefined;
  /** Its status. Default `"OPEN"`. */
  status?: SimulatorPayment["status"] | undefined;
  /** The chain on which it is paid, if it is paid. Default Base. */
  chain?: SimulatorChain | undefined;
}

/** An auth intent that a simulator creates by itself. */
export interface SimulatorNewAuthIntent {
  /** The merchant. Default: the first one. */
  merchantId?: string | undefined;
  /** The wallet that the merchant expects. */
  knownWalletHint?: string | undefined;
  /** Whether it is paid. Default `false`. */
  paid?: boolean | undefined;
  /** The chain on which it is paid, if it is paid. Default Base. */
  chain?: SimulatorChain | undefined;
}

/**
 * The initial content of a simulator, which a reset restores. It never contains keys or secrets.
 */
export interface SimulatorSeed {
  /** Created in this order. */
  invoices?: readonly SimulatorNewInvoice[] | undefined;
  /** Created in this order. */
  authIntents?: readonly SimulatorNewAuthIntent[] | undefined;
  /** Faults, as {@link Simulator.misbehave} accepts them. */
  faults?: readonly Fault[] | undefined;
}

/** The options of {@link Simulator.signPayment}. */
export interface SignPaymentOptions {
  /** The chain. Default: that of the payment URL, otherwise Base. */
  chain?: SimulatorChain | undefined;
  /**
   * Which of the public test wallets signs, counted from 0. Default 0, the wallet from which `pay`
   * pays.
   */
  payer?: number | undefined;
  /** The version of x402. Default 2; with `x402: "unchecked"` it is 1. */
  x402Version?: 1 | 2 | undefined;
}

/** A signed x402 payment, ready to send. */
export interface SignedPayment {
  /** Where to send it. */
  url: string;
  /** The method. */
  method: "POST";
  /** `PAYMENT-SIGNATURE` or, in version 1, `X-PAYMENT`. */
  headers: Record<string, string>;
  /** The chain. */
  chain: SimulatorChain;
  /** The wallet that signed. Everybody knows its key. */
  wallet: string;
}

/** The result of a payment. */
export interface SimulatorPayment {
  /** The invoice, if it was one. */
  publicInvoiceId?: string;
  /** The auth intent, if it was one. */
  authIntentId?: string;
  /** Its current status. */
  status: "OPEN" | "PAYING" | "PAID" | "EXPIRED" | "CANCELED";
  /** Atomic USDC. */
  amount: number;
  /** The chain. Only from `pay`. */
  chain?: SimulatorChain;
  /** The wallet that paid. Only from `pay`. */
  wallet?: string;
  /** The transaction's hash (Base) or signature (Solana). Only from `pay`. */
  transaction?: string;
}

/** The operations that a {@link Fault} can name: the SDK's, and the agent's payment and recovery. */
export type SimulatorOperation =
  | "invoices.create"
  | "invoices.list"
  | "invoices.get"
  | "invoices.cancel"
  | "authIntents.create"
  | "authIntents.exchange"
  | "authSessions.get"
  | "authSessions.revoke"
  | "auth.getJwks"
  | "x402.pay"
  | "x402.recover";

/** The common options of faults of requests. */
export interface RequestFault {
  /** The operation that fails. Default: every request. */
  operation?: SimulatorOperation | undefined;
}

/** What each {@link Fault} does and which options it takes, by its name. */
export interface Faults {
  /** The request is processed, then the connection fails. */
  "lose-answer": RequestFault;
  /** The connection fails before the request is processed. */
  "lose-request": RequestFault;
  /**
   * An error instead of processing, with this status (default: that of `code`, or 503) and code
   * (default `INTERNAL_ERROR`).
   */
  error: RequestFault & { status?: number | undefined; code?: string | undefined };
  /**
   * 429 instead of processing. `retryAfter` is sent as it is: seconds or an HTTP date. Default
   * `"1"`.
   */
  "rate-limit": RequestFault & { retryAfter?: string | undefined };
  /** Any response instead of processing: a redirect, an HTML page, an empty 204, a huge body. */
  replace: RequestFault & {
    status: number;
    headers?: [name: string, value: string][] | undefined;
    body?: string | undefined;
  };
  /** The request is processed. The JSON of its response breaks off in the middle. */
  "malformed-json": RequestFault;
  /** The request is processed. The response starts so many real milliseconds late. */
  delay: RequestFault & { delayMs: number };
  /**
   * The request is processed. The response's body arrives in pieces, with real milliseconds between
   * them.
   */
  "slow-body": RequestFault & { chunkBytes: number; intervalMs: number };
  /** A payment fails: PAYING goes back to OPEN. */
  "payment-fail": unknown;
  /**
   * A payment gets a response that it failed (`"refused"`, the default) or no response
   * (`"timeout"`), and settles so many milliseconds of the simulator's clock later.
   */
  "payment-late": { delayMs: number; answer?: "refused" | "timeout" | undefined };
  /** Only the response to the x402 request that pays is lost. */
  "payment-lose-answer": unknown;
  /**
   * An event is delivered more than once. `copies` (default 1) counts the additional deliveries.
   */
  "webhook-duplicate": { copies?: number | undefined };
  /** So many events (2 or more) are held, then delivered newest first. */
  "webhook-reorder": { events: number };
  /** An event is sent so many milliseconds of the simulator's clock late. */
  "webhook-delay": { delayMs: number };
  /** An attempt is lost before it reaches the merchant. The event is sent again. */
  "webhook-lose": unknown;
  /** The merchant's response is lost. The event is sent again. */
  "webhook-lose-answer": unknown;
  /** The body is changed after it was signed. */
  "webhook-tamper": unknown;
  /** The signature's time stamp is so many seconds old. Default 301. */
  "webhook-stale": { seconds?: number | undefined };
  /** The webhook is signed with a secret that the merchant does not know. */
  "webhook-wrong-secret": unknown;
  /** The event id and type headers name another event than the body. */
  "webhook-header-mismatch": unknown;
  /** The body's JSON breaks off in the middle, and its signature is right. */
  "webhook-malformed-json": unknown;
}

/** One thing that goes wrong: its name, its options, and how often it happens. */
export type Fault = {
  [Name in keyof Faults]: { fault: Name } & Faults[Name];
}[keyof Faults] & {
  /** A whole number from 1, or `"always"` until `behave()`. Default 1. */
  times?: number | "always" | undefined;
};

/** One event on its way to a merchant. */
export interface SimulatorDelivery {
  /** The number of the delivery in this simulator, from 1. */
  id: number;
  /** The event's id. */
  eventId: string;
  /** The event's type. */
  eventType: "invoice.paid" | "invoice.expired" | "invoice.canceled";
  /** The merchant. */
  merchantId: string;
  /** The invoice. */
  publicInvoiceId: string;
  /** The event's JSON as created, before any change. */
  body: string;
  /** `held`: by the fault `webhook-reorder`. `failed`: the last retry failed. */
  status: "pending" | "held" | "delivered" | "failed" | "no-endpoint";
  /** The attempts. */
  attempts: {
    /** The time, in milliseconds since 1970, on the simulator's clock. */
    at: number;
    /** The status of the merchant's response, if there was one. */
    statusCode: number | null;
    /** Why there was no response. */
    error: string | null;
    /** The faults of this attempt. */
    faults: string[];
    /** The URL. `null` if the attempt was lost before. */
    url: string | null;
    /** The headers that were sent. */
    headers: [name: string, value: string][];
    /** The body that was sent, if it differs from the event's. */
    body: string | null;
    /** The headers of the merchant's response. */
    answerHeaders: [name: string, value: string][];
    /** The body of the merchant's response, at most its first 8,192 bytes. */
    answerBody: string | null;
  }[];
  /** When it is sent next, on the simulator's clock. */
  nextAttemptAt: number | null;
  /** The variant in which it was redelivered. */
  variant: SimulatorVariant | null;
  /** The URL to which it was redelivered. */
  url: string | null;
}

/** A request that reached the simulator. */
export interface SimulatorRequest {
  /** Its `x-request-id`. */
  requestId: string;
  /** The operation, if its path belongs to one. */
  operation: SimulatorOperation | null;
  /** Its method. */
  method: string;
  /** Its URL. */
  url: string;
  /** Whether it had an `Authorization` header. */
  authorized: boolean;
  /** Its idempotency key. */
  idempotencyKey: string | null;
  /** The response's status. `null` if the connection failed. */
  status: number | null;
  /** The time, in milliseconds since 1970, on the simulator's clock. */
  at: number;
}

/** Options of {@link Simulator.mintToken}. */
export interface MintTokenOptions {
  /** The merchant. Default: the first one. */
  merchantId?: string | undefined;
  /** The wallet's chain. Default Base. */
  chain?: SimulatorChain | undefined;
  /** The wallet, in any spelling. Default: the first public test wallet of the chain. */
  wallet?: string | undefined;
  /**
   * The lifetime of the token in seconds. A negative value creates an expired token. Default
   * `accessTokenTtlSeconds`.
   */
  expiresInSeconds?: number | undefined;
  /** Claims to add or replace. `null` removes a claim. */
  claims?: Record<string, unknown> | undefined;
  /** Fields of the JWS header to add or replace. */
  header?: Record<string, unknown> | undefined;
}

/** A token that was created without a payment. */
export interface MintedToken {
  /** The compact JWS, RS256. */
  accessToken: string;
  /** Its session. You can look it up and revoke it. */
  sessionId: string;
  /** `{chain}:{address}`. */
  subject: string;
}
