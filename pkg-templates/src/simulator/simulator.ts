import { simulatorCore } from "../core.js";
import type { SimulatorCore } from "../generated/simulator_bg.js";
import { markSimulated } from "../hosts.js";
import { HTTPClient } from "../http-client.js";
import type { Names } from "../options.js";
import { unless } from "../race.js";
import { LONGEST_MS } from "../sleep.js";
import { type ClockState, MAX_TIME_MS, SimulatorClock } from "./clock.js";
import { SimulatorError } from "./error.js";
import { JournalWriter } from "./journal.js";
import { invalid, json, knownOptions, numberOf, optional, optionsOf } from "./input.js";
import { SigningKeys, checkSigningKey } from "./signing-keys.js";
import { ConnectionDropped, type Reply, pause, respond } from "./transport.js";
import type {
  Fault,
  MintTokenOptions,
  MintedToken,
  PayOptions,
  RedeliverOptions,
  SignPaymentOptions,
  SignedPayment,
  SimulatorDelivery,
  SimulatorMerchant,
  SimulatorNewAuthIntent,
  SimulatorNewInvoice,
  SimulatorOptions,
  SimulatorPayment,
  SimulatorRequest,
  SimulatorSeed,
  WebhookHandler,
} from "./types.js";

/** The core's next step for a request. */
type HandleResult =
  | ({ kind: "respond" } & Reply)
  | { kind: "needsKey"; kid: string }
  | { kind: "needsSignature"; ticket: number; kid: string; signingInput: string };

/** A webhook to send. */
interface Attempt {
  delivery: number;
  eventId: string;
  url: string;
  headers: [string, string][];
  body: string;
  loseAnswer: boolean;
}

/** The result of an attempt. */
interface Outcome {
  statusCode?: number;
  error?: string;
  headers?: [string, string][];
  body?: string;
}

/** The most bytes of a merchant's response that are kept. */
const MAX_KEPT_BODY = 8_192;

/** How long changes are collected before watchers are told, in milliseconds. */
const GATHER_MS = 5;

/** The URL that a `webhookHandler` sees if the merchant has none. */
const HANDLER_URL = "http://localhost/webhooks/gwop";

/** The options of a simulator. */
const OPTIONS: Names<SimulatorOptions> = {
  merchantApiKey: undefined,
  webhookSecret: undefined,
  merchantId: undefined,
  merchantName: undefined,
  webhookUrl: undefined,
  webhookHandler: undefined,
  merchants: undefined,
  autoDeliver: undefined,
  webhookRetryDelaysMs: undefined,
  webhookTimeoutMs: undefined,
  agentsUrl: undefined,
  issuer: undefined,
  audience: undefined,
  authIntentTtlSeconds: undefined,
  accessTokenTtlSeconds: undefined,
  sessionTtlSeconds: undefined,
  settlementDelayMs: undefined,
  cancelNotAllowedStatus: undefined,
  x402: undefined,
  smartWallets: undefined,
  strictIdempotencyKeys: undefined,
  listOrder: undefined,
  listPayments: undefined,
  seed: undefined,
  signingKey: undefined,
  journal: undefined,
  wallClock: undefined,
};

/** The options of the methods. */
const OF_MERCHANT: Names<{ merchantId?: string | undefined }> = { merchantId: undefined };
const PAY: Names<PayOptions> = {
  chain: undefined,
  wallet: undefined,
  outcome: undefined,
  delayMs: undefined,
};
const SIGN_PAYMENT: Names<SignPaymentOptions> = {
  chain: undefined,
  payer: undefined,
  x402Version: undefined,
};
const ROTATE = { ...OF_MERCHANT, secret: undefined };
const SIGN_WEBHOOK = { ...OF_MERCHANT, timestamp: undefined };
const MINT_TOKEN: Names<MintTokenOptions> = {
  ...OF_MERCHANT,
  chain: undefined,
  wallet: undefined,
  expiresInSeconds: undefined,
  claims: undefined,
  header: undefined,
};

/** The names of the first merchant's options, by the fields of a merchant. */
const FIRST_MERCHANT: Record<string, string> = {
  id: "merchantId",
  name: "merchantName",
  apiKey: "merchantApiKey",
};

/**
 * The local Gwop: both hosts, agents that pay, and signed webhooks. Use it for tests and
 * development. It moves no money. It checks payments as a facilitator does, but it uses no chain, so
 * every wallet has enough money.
 *
 * ```ts
 * const sim = new Simulator({ webhookHandler: (request) => app.fetch(request) });
 * const gwop = new Gwop({
 *   httpClient: sim.httpClient,
 *   merchantApiKey: sim.merchantApiKey,
 *   webhookSecret: sim.webhookSecret,
 *   merchantId: sim.merchantId,
 * });
 * const { result: invoice } = await gwop.invoices.create({ body: { amountUsdc: 1_000_000 } });
 * await sim.pay(invoice.publicInvoiceId); // the handler has seen invoice.paid now
 * ```
 *
 * On workerd, use a simulator within one request or one test, because its background work belongs
 * to the request that started it.
 */
export class Simulator {
  /** The first merchant's key. */
  readonly merchantApiKey: string;
  /** The first merchant's id. */
  readonly merchantId: string;
  /** The simulator's clock. */
  readonly clock: SimulatorClock;
  /**
   * Pass it to `new Gwop({ httpClient })`: every request then goes to this simulator. It accepts
   * hooks.
   */
  readonly httpClient: HTTPClient;

  readonly #core: SimulatorCore;
  readonly #keys = new SigningKeys();
  readonly #signingKey: JsonWebKey | undefined;
  readonly #wall: () => number;
  readonly #handler: WebhookHandler | undefined;
  readonly #autoDeliver: boolean;
  readonly #webhookTimeoutMs: number;
  readonly #sending = new Set<Promise<unknown>>();
  readonly #writer: JournalWriter | undefined;
  readonly #watchers = new Set<(changes: string) => void>();
  #telling = false;
  /** Counts resets. Work that began before a reset is abandoned. */
  #round = 0;
  #webhookSecret: string;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  /**
   * @throws SimulatorError `INVALID_OPTION`, which names the wrong option; `INVALID_STATE` if the
   * journal cannot be read.
   */
  constructor(options: SimulatorOptions = {}) {
    const known = knownOptions(options, OPTIONS);
    const {
      merchantApiKey = "sk_m_simulator",
      webhookSecret = "whsec_simulator",
      merchantId = "9e9c9ba5-3bab-4172-8a79-336f9ca0f163",
      merchantName = "Local merchant",
      webhookUrl,
      webhookHandler,
      merchants = [],
      autoDeliver = true,
      webhookTimeoutMs = 10_000,
      signingKey,
      wallClock = () => Date.now(),
      seed = randomSeed(),
      journal,
      ...rest
    } = known;
    optional("webhookHandler", webhookHandler, "function");
    optional("wallClock", wallClock, "function");
    optional("autoDeliver", autoDeliver, "boolean");
    numberOf(webhookTimeoutMs, "webhookTimeoutMs", "a number of milliseconds", 1, LONGEST_MS);
    if (signingKey !== undefined) checkSigningKey(signingKey);
    if (!Array.isArray(merchants)) throw invalid("merchants", "an array", merchants);
    this.#handler = webhookHandler;
    this.#autoDeliver = autoDeliver;
    this.#webhookTimeoutMs = webhookTimeoutMs;
    this.#signingKey = signingKey;
    this.#wall = () =>
      numberOf(wallClock(), "wallClock", "a function that gives milliseconds", 0, MAX_TIME_MS);
    this.#wall();
    const { SimulatorCore } = simulatorCore();
    const { kept } = journal ?? {};
    const others = merchants.map((merchant) => this.#withEndpoint(merchant));
    if (kept === undefined || kept.length === 0) {
      const first = {
        id: merchantId,
        name: merchantName,
        apiKey: merchantApiKey,
        webhookSecret,
        webhookUrl,
      };
      const config = { ...rest, seed, merchants: [this.#withEndpoint(first), ...others] };
      this.#core = refusing(() => new SimulatorCore(json(config)), optionName);
      if (journal) this.#core.begin();
    } else {
      // Options that are not given keep their stored values.
      const {
        merchantId: id,
        merchantName: name,
        merchantApiKey: apiKey,
        webhookSecret: secret,
      } = known;
      const first = this.#withEndpoint({ id, name, apiKey, webhookSecret: secret, webhookUrl });
      const given = { ...rest, seed: known.seed, merchants: [first, ...others] };
      this.#core = refusing(() => SimulatorCore.open(kept, json(given), this.#wall()), optionName);
    }
    if (journal) this.#writer = new JournalWriter(journal, () => this.#core.snapshot());
    warn(JSON.parse(this.#core.warnings()) as string[]);
    const ask = (command: string): unknown =>
      JSON.parse(this.#core.command(json({ command }), 0, 0));
    const changed = (state: ClockState) => void this.#command("setClock", state);
    this.clock = new SimulatorClock(
      this.#wall,
      () => this.deliverDue(),
      changed,
      ask("clock") as ClockState,
    );
    const identity = ask("identity") as {
      merchantId: string;
      merchantApiKey: string;
      webhookSecret: string;
    };
    this.merchantId = identity.merchantId;
    this.merchantApiKey = identity.merchantApiKey;
    this.#webhookSecret = identity.webhookSecret;
    for (const { kid, jwk } of ask("privateKeys") as { kid: string; jwk: JsonWebKey }[])
      this.#keys.restore(kid, jwk);
    void this.#writer?.compact();
    if (kept !== undefined) this.#changed();
    markSimulated(this.fetch);
    this.httpClient = new HTTPClient({ fetcher: this.fetch });
  }

  /** The first merchant's webhook secret. After a rotation, the newest one. */
  get webhookSecret(): string {
    return this.#webhookSecret;
  }

  /**
   * Responds to a request to either of Gwop's hosts. It has the interface of `fetch`, so you can
   * pass it to `new HTTPClient({ fetcher: sim.fetch })` or use it instead of the global `fetch`.
   *
   * @throws TypeError if the connection fails, as {@link misbehave} can ask for.
   */
  readonly fetch = async (input: Request | URL | string, init?: RequestInit): Promise<Response> => {
    // With an `init`, even `undefined`, Bun ignores the request's own values.
    const request = init === undefined ? new Request(input) : new Request(input, init);
    request.signal.throwIfAborted();
    const head = JSON.stringify({
      method: request.method,
      url: request.url,
      headers: [...request.headers],
    });
    const body = new Uint8Array(await request.arrayBuffer());
    const reply = await this.#handle(head, body);
    this.#changed();
    await this.saved();
    if (reply.delayMs > 0) await pause(reply.delayMs, request.signal);
    request.signal.throwIfAborted();
    if (reply.lost) throw new ConnectionDropped();
    return respond(reply, request.signal);
  };

  async #handle(head: string, body: Uint8Array): Promise<Reply> {
    for (;;) {
      const result = JSON.parse(
        this.#core.handle(head, body, this.clock.now(), this.#wall()),
      ) as HandleResult;
      this.#happened();
      if (result.kind === "respond") return warned(result);
      if (result.kind === "needsSignature")
        return warned(JSON.parse(await this.#sign(result)) as Reply);
      await this.#makeKey(result.kid);
    }
  }

  async #sign({
    ticket,
    kid,
    signingInput,
  }: HandleResult & { kind: "needsSignature" }): Promise<string> {
    const reply = this.#core.complete(ticket, await this.#keys.sign(kid, signingInput));
    if (reply === undefined)
      throw new Error("the simulator lost a request that waited for its signature");
    return reply;
  }

  async #makeKey(kid: string): Promise<void> {
    const given = kid === "gwop-auth-v1" ? this.#signingKey : undefined;
    const half = await this.#keys.make(kid, given);
    if (!half) return;
    const { private: whole, ...shown } = half;
    this.#command("addKey", { kid, ...shown, ...(this.#writer && { private: whole }) });
  }

  /**
   * Pays as an agent would. `target` is an invoice's public id (`inv_*`) or UUID, an auth intent's
   * id (`ai_*`), or a payment URL. Resolves when the webhooks that are then due were attempted.
   *
   * @throws SimulatorError `NOT_FOUND`; `NOT_ALLOWED` if it cannot be paid now; `INVALID_OPTION`.
   */
  async pay(target: string, options: PayOptions = {}): Promise<SimulatorPayment> {
    const known = knownOptions(options, PAY);
    return this.#andDeliver(this.#command("pay", { ...known, target }) as SimulatorPayment);
  }

  /**
   * Signs an x402 payment with a public test wallet, for tests in which `pay` would skip too much.
   * `target` as in {@link pay}.
   *
   * ```ts
   * const gwop = new Gwop({ httpClient: sim.httpClient, merchantApiKey: sim.merchantApiKey });
   * const { result: invoice } = await gwop.invoices.create({ body: { amountUsdc: 1_000_000 } });
   * const { url, method, headers } = sim.signPayment(invoice.publicInvoiceId, { payer: 1 });
   * const paid = await sim.fetch(url, { method, headers });
   * ```
   *
   * @throws SimulatorError as {@link pay}.
   */
  signPayment(target: string, options: SignPaymentOptions = {}): SignedPayment {
    const known = knownOptions(options, SIGN_PAYMENT);
    return this.#command("signPayment", { ...known, target }) as SignedPayment;
  }

  /**
   * Responds to the requests of Solana's JSON-RPC that x402 clients send before they sign:
   * `getAccountInfo` of USDC's mint, `getLatestBlockhash` and `simulateTransaction`. Over HTTP it
   * is `POST /_sim/solana-rpc`, for a client's `rpcUrl`.
   *
   * @throws SimulatorError `INVALID_OPTION` if it is not a JSON-RPC request.
   */
  solanaRpc(request: {
    jsonrpc: string;
    id?: unknown;
    method: string;
    params?: unknown;
  }): Record<string, unknown> {
    return this.#command("solanaRpc", request) as Record<string, unknown>;
  }

  /**
   * Settles a payment that was made with `outcome: "hold"`. PAYING becomes PAID.
   *
   * @throws SimulatorError `NOT_FOUND`; `NOT_ALLOWED` if there is none.
   */
  async settle(target: string): Promise<SimulatorPayment> {
    return this.#andDeliver(this.#command("settle", { target }) as SimulatorPayment);
  }

  /**
   * Fails a payment that was made with `outcome: "hold"`. PAYING becomes OPEN again, or EXPIRED if
   * its time is over.
   *
   * @throws SimulatorError as {@link settle}.
   */
  async failPayment(target: string): Promise<SimulatorPayment> {
    return this.#andDeliver(this.#command("failPayment", { target }) as SimulatorPayment);
  }

  /**
   * Starts to sign tokens with a new key. The old keys stay in the JWK Set until {@link
   * dropOldKeys}.
   */
  async rotateKeys(): Promise<{ kid: string }> {
    const { kid } = this.#command("rotateKeys") as { kid: string };
    await this.#makeKey(kid);
    return { kid };
  }

  /** Removes all keys but the signing key from the JWK Set. */
  dropOldKeys(): void {
    this.#command("dropOldKeys");
  }

  /**
   * Creates an access token without a payment, to test how your API treats it: expired, of another
   * merchant, with other claims. It starts a session, as an exchange does.
   *
   * @throws SimulatorError `NOT_FOUND` if there is no such merchant; `INVALID_OPTION`.
   */
  async mintToken(options: MintTokenOptions = {}): Promise<MintedToken> {
    const known = knownOptions(options, MINT_TOKEN);
    const { kid, ready } = this.#command("signingKey") as { kid: string; ready: boolean };
    if (!ready) await this.#makeKey(kid);
    const result = this.#command("mintToken", known) as HandleResult & { kind: "needsSignature" };
    const { body } = JSON.parse(await this.#sign(result)) as Reply;
    const { access_token: accessToken, session } = JSON.parse(body) as {
      access_token: string;
      session: { sid: string; sub: string };
    };
    return { accessToken, sessionId: session.sid, subject: session.sub };
  }

  /**
   * Gives a merchant a new webhook secret. Until {@link dropOldWebhookSecrets}, the old one signs
   * as well, so webhooks have two `v1`.
   *
   * @param options `secret`: default a random one. `merchantId`: default the first merchant's.
   * @throws SimulatorError as {@link mintToken}.
   */
  rotateWebhookSecret(
    options: { secret?: string | undefined; merchantId?: string | undefined } = {},
  ): { webhookSecret: string } {
    const known = knownOptions<NonNullable<typeof options>>(options, ROTATE);
    const rotated = this.#command("rotateWebhookSecret", known) as { webhookSecret: string };
    if ((known.merchantId ?? this.merchantId) === this.merchantId)
      this.#webhookSecret = rotated.webhookSecret;
    return rotated;
  }

  /**
   * Stops signing with old webhook secrets.
   *
   * @throws SimulatorError as {@link mintToken}.
   */
  dropOldWebhookSecrets(options: { merchantId?: string | undefined } = {}): void {
    this.#command("dropOldWebhookSecrets", knownOptions(options, OF_MERCHANT));
  }

  /**
   * Sets where a merchant's webhooks go. Without `url` they are recorded and not sent.
   *
   * @throws SimulatorError as {@link mintToken}.
   */
  setWebhookUrl(url: string | undefined, options: { merchantId?: string | undefined } = {}): void {
    this.#command("setWebhookUrl", { ...knownOptions(options, OF_MERCHANT), url });
  }

  /**
   * Returns the `X-Gwop-Signature` header for a body of your own.
   *
   * @param options `timestamp` in Unix seconds, default the real time; `merchantId`, default the
   * first merchant's.
   * @throws SimulatorError as {@link mintToken}.
   */
  signWebhook(
    body: string,
    options: { timestamp?: number | undefined; merchantId?: string | undefined } = {},
  ): string {
    const known = knownOptions<NonNullable<typeof options>>(options, SIGN_WEBHOOK);
    return (this.#command("signWebhook", { ...known, body }) as { signature: string }).signature;
  }

  /**
   * Starts a fault and returns its id, for {@link behave}. Faults of one stage strike together. Of
   * those that keep a request from being processed, one strikes per request, the oldest first.
   *
   * ```ts
   * sim.misbehave({ fault: "error", status: 503, times: 2 });
   * sim.misbehave({ fault: "lose-answer", operation: "invoices.create" });
   * sim.misbehave({ fault: "webhook-duplicate" });
   * ```
   *
   * @throws SimulatorError `INVALID_OPTION` if the fault is unknown or one of its fields is wrong.
   */
  misbehave(fault: Fault): number {
    const { times, fault: name, ...rest } = optionsOf(required(fault, "fault"), "fault");
    return (
      this.#command("misbehave", { fault: { fault: name, ...rest }, times }) as { id: number }
    ).id;
  }

  /**
   * Ends one fault, or all. Events that were held are sent.
   *
   * @throws SimulatorError `INVALID_OPTION` if `id` is not the number of a fault.
   */
  behave(id?: number): void {
    if (id !== undefined) numberOf(id, "id", "a fault's number", 0, 2 ** 32 - 1);
    this.#command("behave", { id });
    this.#changed();
  }

  /**
   * Adds a merchant.
   *
   * @throws SimulatorError `INVALID_OPTION`, also if its id or key is already used.
   */
  addMerchant(merchant: SimulatorMerchant): void {
    this.#command("addMerchant", {
      merchant: this.#withEndpoint(optionsOf(required(merchant, "merchant"), "merchant")),
    });
  }

  /**
   * Creates an invoice, as a merchant's request would, for pages and tests without a merchant.
   *
   * @throws SimulatorError `INVALID_OPTION`; `NOT_FOUND` if there is no such merchant.
   */
  async createInvoice(invoice: SimulatorNewInvoice): Promise<SimulatorPayment> {
    return this.#andDeliver(
      this.#command("createInvoice", required(invoice, "invoice")) as SimulatorPayment,
    );
  }

  /**
   * Creates an auth intent, as a merchant's request would.
   *
   * @throws SimulatorError as {@link createInvoice}.
   */
  async createAuthIntent(intent: SimulatorNewAuthIntent = {}): Promise<SimulatorPayment> {
    return this.#andDeliver(this.#command("createAuthIntent", intent) as SimulatorPayment);
  }

  /**
   * Cancels an OPEN invoice, as its merchant would.
   *
   * @throws SimulatorError `NOT_FOUND`; `NOT_ALLOWED` if it is not OPEN.
   */
  async cancel(target: string): Promise<SimulatorPayment> {
    return this.#andDeliver(this.#command("cancel", { target }) as SimulatorPayment);
  }

  /**
   * Creates invoices, auth intents and faults, and creates them again after each {@link reset}.
   *
   * @throws SimulatorError `INVALID_OPTION`, which names the wrong field. There are no fields for
   * keys or secrets.
   */
  async load(seed: SimulatorSeed): Promise<void> {
    await this.#andDeliver(this.#command("load", required(seed, "seed")));
  }

  /**
   * Starts again, on the real time. Invoices, intents, sessions, deliveries, requests and faults
   * are removed, and the content of {@link load} is created again. Merchants, secrets and signing
   * keys stay, and no id is used twice.
   */
  async reset(): Promise<void> {
    this.#round += 1;
    this.clock.restart();
    this.#command("reset");
    for (const tell of this.#watchers) tell(JSON.stringify({ reset: true }));
    await this.#andDeliver(undefined);
  }

  /**
   * Resolves when everything that has happened is in the `journal`, and at once if there is none.
   * Rejects if it cannot be written.
   */
  async saved(): Promise<void> {
    await this.#writer?.written();
  }

  /** Writes the `journal` again, as a snapshot only. */
  async compact(): Promise<void> {
    await this.#writer?.compact();
  }

  /**
   * Returns one of the views of a page. The core's command changes nothing.
   *
   * @internal
   */
  view(
    command: "overview" | "invoice" | "delivery" | "request" | "secrets",
    options?: object,
  ): unknown {
    return this.#command(command, options);
  }

  /**
   * Revokes a session, as its merchant would.
   *
   * @throws SimulatorError `NOT_FOUND`.
   */
  revokeSession(sessionId: string): Record<string, unknown> {
    return this.#command("revokeSession", { sessionId }) as Record<string, unknown>;
  }

  /**
   * Reports changes as JSON, until the returned function is called.
   *
   * @internal
   */
  watch(tell: (changes: string) => void): () => void {
    this.#watchers.add(tell);
    if (this.#watchers.size === 1) this.#command("watch", { on: true });
    return () => {
      if (this.#watchers.delete(tell) && this.#watchers.size === 0)
        this.#command("watch", { on: false });
    };
  }

  /** All webhook deliveries, the oldest first. */
  get deliveries(): SimulatorDelivery[] {
    return this.#command("deliveries") as SimulatorDelivery[];
  }

  /** The latest requests, at most 1,000, the oldest first. */
  get requests(): SimulatorRequest[] {
    return this.#command("requests") as SimulatorRequest[];
  }

  /**
   * Everything that the simulator contains, without keys and secrets, for people to look at. Its
   * shape can change.
   */
  get state(): Record<string, unknown> {
    return this.#command("state") as Record<string, unknown>;
  }

  /**
   * Sends an event again, as Gwop may. With options it changes the event or sends it to another
   * URL, and then only once. Resolves when it was attempted.
   *
   * @throws SimulatorError `NOT_FOUND`; `NOT_ALLOWED` if the merchant has no endpoint;
   * `INVALID_OPTION`.
   */
  async redeliver(eventId: string, options: RedeliverOptions = {}): Promise<void> {
    this.#command("redeliver", { ...optionsOf(options), eventId });
    await this.deliverDue();
  }

  /** Attempts the webhooks that are due, one after the other, oldest first. */
  async deliverDue(): Promise<void> {
    const sending = this.#sendDue();
    this.#sending.add(sending);
    try {
      await sending;
    } finally {
      this.#sending.delete(sending);
      this.#schedule();
    }
  }

  /** Resolves when no webhook is due or under way. It does not wait for later retries. */
  async settled(): Promise<void> {
    await this.deliverDue();
    while (this.#sending.size > 0) await Promise.allSettled(this.#sending);
  }

  /** Stops the timers. The simulator continues to respond. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #withEndpoint<T extends { webhookUrl?: string | undefined }>(merchant: T): T {
    return this.#handler && merchant.webhookUrl === undefined
      ? { ...merchant, webhookUrl: HANDLER_URL }
      : merchant;
  }

  #command(command: string, options: object = {}): unknown {
    const fields = optionsOf(options);
    // A `command` field would make it another command.
    if (Object.hasOwn(fields, "command"))
      throw new SimulatorError("INVALID_OPTION", "no such field", "command");
    const text = json({ command, ...fields });
    try {
      return JSON.parse(
        refusing(() => this.#core.command(text, this.clock.now(), this.#wall()), argumentName),
      );
    } finally {
      if (command !== "changes" && command !== "watch") this.#happened();
    }
  }

  /** Runs after each call of the core: writes the new lines to the journal and tells watchers. */
  #happened(): void {
    if (this.#writer) {
      const lines = this.#core.takeLines();
      if (lines !== "") this.#writer.add(lines);
    }
    if (this.#watchers.size === 0 || this.#telling) return;
    this.#telling = true;
    unref(
      setTimeout(() => {
        this.#telling = false;
        if (this.#watchers.size === 0) return;
        const changes = JSON.stringify(this.#command("changes"));
        for (const tell of this.#watchers) tell(changes);
      }, GATHER_MS),
    );
  }

  async #andDeliver<T>(result: T): Promise<T> {
    if (this.#autoDeliver) await this.deliverDue();
    await this.saved();
    return result;
  }

  /** Called when something may be due, now or later. */
  #changed(): void {
    if (this.#autoDeliver) this.#deliverInBackground();
  }

  /**
   * Delivers in the background. An error here, such as one of a broken `wallClock`, also fails the
   * caller's next call. Unhandled, it would end the process.
   */
  #deliverInBackground(): void {
    this.deliverDue().catch(() => {});
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    if (!this.#autoDeliver || this.#closed || this.clock.frozen) return;
    const { nextDue } = this.#command("tick") as { nextDue: number | null };
    if (nextDue === null) return;
    const wait = Math.min(Math.max(nextDue - this.clock.now(), 0), LONGEST_MS);
    this.#timer = setTimeout(() => this.#deliverInBackground(), wait);
    unref(this.#timer);
  }

  async #sendDue(): Promise<void> {
    for (;;) {
      const attempts = this.#command("takeDue") as Attempt[];
      if (attempts.length === 0) return;
      const round = this.#round;
      // A merchant must not receive anything that a restarted process would not know.
      await this.saved();
      for (const attempt of attempts) {
        if (round !== this.#round) return;
        const outcome = await this.#send(attempt);
        const { delivery, eventId } = attempt;
        this.#command("report", { delivery, eventId, ...outcome });
      }
    }
  }

  async #send({ url, headers, body, loseAnswer }: Attempt): Promise<Outcome> {
    const late = new AbortController();
    const delivered = async (): Promise<Outcome> => {
      const request = new Request(url, {
        method: "POST",
        headers,
        body,
        redirect: "manual",
        signal: late.signal,
      });
      const response: Response | undefined = await (this.#handler ?? fetch)(request);
      if (!Number.isInteger(response?.status))
        throw new Error("the `webhookHandler` gave no Response");
      // Read the body, so that the connection becomes free.
      const bytes = new Uint8Array(await response!.arrayBuffer());
      const text = new TextDecoder().decode(bytes.subarray(0, MAX_KEPT_BODY));
      return { statusCode: response!.status, headers: [...response!.headers], body: text };
    };
    try {
      // A race too, because a handler may ignore its signal, and its response's body may never end.
      const outcome = await unless(delivered(), (giveUp) => {
        const timer = setTimeout(() => {
          const reason = new Error("no answer in time");
          late.abort(reason);
          giveUp(reason);
        }, this.#webhookTimeoutMs);
        return () => clearTimeout(timer);
      });
      if (loseAnswer) return { error: "the answer was lost, as asked for" };
      if (outcome.statusCode === 0) return { error: "the merchant redirects" };
      return outcome;
    } catch (error) {
      return { error: error instanceof Error ? error.message : String(error) };
    }
  }
}

/** Runs a call that the core may refuse. `name` returns the caller's name for the wrong field. */
function refusing<T>(run: () => T, name: (field: string) => string): T {
  try {
    return run();
  } catch (refusal) {
    if (typeof refusal !== "string") throw refusal;
    const { code, message, field } = JSON.parse(refusal) as {
      code: string;
      message: string;
      field?: string;
    };
    throw new SimulatorError(code, message, field === undefined ? undefined : name(field));
  }
}

/** Returns the name of an option. The core's first merchant has its own options here. */
function optionName(field: string): string {
  return field.replace(/^merchants\[(\d+)\](?:\.(.+))?$/, (_, index: string, inner = "") => {
    if (index === "0") return FIRST_MERCHANT[inner] ?? inner;
    return `merchants[${Number(index) - 1}]${inner && `.${inner}`}`;
  });
}

/** Returns the name of a method's argument or option. Faults and merchants are arguments. */
function argumentName(field: string): string {
  return field.replace(/^(fault|merchant)\./, "");
}

/** Prints the core's warnings. The core gives each one once. */
function warn(warnings: readonly string[]): void {
  for (const warning of warnings) console.warn(`Simulator: ${warning}`);
}

function warned(reply: Reply): Reply {
  warn(reply.warnings ?? []);
  return reply;
}

function required<T>(value: T, field: string): T {
  if (value === undefined) throw invalid(field, "an object", value);
  return value;
}

function randomSeed(): number {
  try {
    const [high = 0, low = 0] = crypto.getRandomValues(new Uint32Array(2));
    return (high & 0xfffff) * 2 ** 32 + low;
  } catch {
    // workerd has no randomness outside of requests. Identifiers need none.
    return 1;
  }
}

/** Lets the process end before the timer fires, if timers keep it alive. */
function unref(timer: unknown): void {
  const { Deno } = globalThis as { Deno?: { unrefTimer?(id: number): void } };
  if (typeof timer === "number") Deno?.unrefTimer?.(timer);
  else (timer as { unref?(): void }).unref?.();
}
