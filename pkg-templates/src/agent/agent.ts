import type { AgentTask } from "../generated/agent_bg.js";
import { type Names, readOptions } from "../options.js";
import { agentCore } from "./core.js";
import { drive, type Means, type Outcome, type WireReceipt } from "./effects.js";
import { AgentError, checked, invalidOption } from "./error.js";
import { familyOf, type Signer, type Signing, signWith } from "./signers.js";
import type {
  AgentOptions,
  AuthIntentLike,
  Login,
  PaymentOptions,
  PaymentSummary,
  Receipt,
  ResumedAttempt,
} from "./types.js";

const OPTIONS: Names<AgentOptions> = {
  signers: undefined,
  limits: undefined,
  journal: undefined,
  approve: undefined,
  recentBlockhash: undefined,
  blockHeight: undefined,
  serverURL: undefined,
  identityURL: undefined,
  fetch: undefined,
  waitMs: undefined,
  timeoutMs: undefined,
  validitySeconds: undefined,
  signatureForm: undefined,
  clock: undefined,
};

const PAYMENT_OPTIONS: Names<PaymentOptions> = { chain: undefined, waitMs: undefined };
const RESUME_OPTIONS: Names<{ waitMs?: number | undefined }> = { waitMs: undefined };

const CLOCK = {
  now: () => Date.now(),
  sleep: (ms: number) => new Promise<void>((done) => setTimeout(done, ms)),
};

function receiptOf({
  invoiceId,
  chain,
  payer,
  transaction,
  amountUsdc,
  paidAt,
  url,
}: WireReceipt): Receipt {
  return {
    invoiceId,
    chain,
    payer,
    amountUsdc,
    transaction: transaction ?? undefined,
    paidAt: paidAt === null ? undefined : new Date(paidAt),
    url: url ?? undefined,
  };
}

/** Returns a JSON copy, so that later changes have no effect. Refuses numbers that JSON lacks. */
const copyOf = <T>(given: T): T =>
  JSON.parse(
    JSON.stringify(given, (_, value) =>
      typeof value === "bigint" || (typeof value === "number" && !Number.isFinite(value))
        ? `${value}`
        : value,
    ),
  ) as T;

/** The part of an agent that a paying fetch uses. @internal */
export const PAY = Symbol("pay");

/**
 * Pays invoices and logs in, within its limits, and never pays the same thing twice.
 *
 * @example
 * ```ts
 * import { Gwop } from "@gwop/sdk";
 * import { Agent, evmKey, memoryJournal } from "@gwop/sdk/agent";
 * import { Simulator } from "@gwop/sdk/simulator";
 *
 * const sim = new Simulator();
 * const gwop = new Gwop({ httpClient: sim.httpClient, merchantApiKey: sim.merchantApiKey });
 * const { result: invoice } = await gwop.invoices.create({ body: { amountUsdc: 1_000_000 } });
 *
 * const agent = new Agent({
 *   signers: [evmKey("0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")], // for tests
 *   limits: { perPayment: 5_000_000, perDay: 50_000_000 }, // 5 and 50 USDC
 *   journal: memoryJournal(), // for real money a durable one, such as sqliteJournal(db)
 *   fetch: sim.fetch,
 * });
 * const receipt = await agent.payInvoice(invoice.publicInvoiceId, { chain: "base" });
 * console.log(receipt.amountUsdc); // → 1025000
 * ```
 */
export class Agent {
  readonly #options: AgentOptions;
  readonly #signers = new Map<string, Signer>();
  readonly #settings: Record<string, unknown>;

  /** @throws AgentError `INVALID_OPTION` when an option is unknown or wrong. */
  constructor(given: AgentOptions) {
    const options = readOptions(given, OPTIONS, invalidOption);
    if (!Array.isArray(options.signers) || options.signers.length === 0) {
      throw invalidOption("`signers`: expected at least one, such as evmKey(…)");
    }
    const wallets = options.signers.map((signer: Signer) => {
      const family = familyOf(signer);
      if (!family)
        throw invalidOption(
          "`signers`: expected keys, viem accounts, @solana/kit signers or the like",
        );
      this.#signers.set(family === "evm" ? signer.address.toLowerCase() : signer.address, signer);
      return { family, address: signer.address };
    });
    for (const name of ["approve", "recentBlockhash", "blockHeight", "fetch"] as const) {
      if (options[name] !== undefined && typeof options[name] !== "function")
        throw invalidOption(`\`${name}\`: expected a function`);
    }
    // Timers do not support longer delays: they would fire at once.
    const { timeoutMs = 1 } = options;
    if (typeof timeoutMs !== "number" || !(timeoutMs >= 1 && timeoutMs < 2 ** 31))
      throw invalidOption("`timeoutMs`: expected 1 to 2147483647 milliseconds");
    if (!["hex", "parts", undefined].includes(options.signatureForm))
      throw invalidOption('`signatureForm`: expected "hex" or "parts"');
    this.#options = options;
    this.#settings = copyOf({
      serverURL: options.serverURL ?? "https://agents.gwop.io",
      identityURL: options.identityURL ?? "https://identity.gwop.io",
      limits: options.limits ?? {},
      wallets,
      waitMs: options.waitMs ?? 60_000,
      validitySeconds: options.validitySeconds ?? 120,
      signatureParts: options.signatureForm === "parts",
      approves: options.approve !== undefined,
      hasHeight: options.blockHeight !== undefined,
    });
    checked(() => agentCore().checkSettings(JSON.stringify(this.#settings)));
  }

  /**
   * Pays an invoice. If this journal has already paid it, returns that receipt. If the outcome of
   * an earlier payment is unknown, follows that payment.
   *
   * @param invoiceId The public id, `inv_…`.
   * @throws AgentError `mayHaveSettled` says whether money may have moved.
   */
  async payInvoice(invoiceId: string, options: PaymentOptions = {}): Promise<Receipt> {
    const { paid } = await this.#pay({ invoice: invoiceId }, options);
    return receiptOf(paid as WireReceipt);
  }

  /**
   * Returns what {@link payInvoice} would pay, checked against the invoice and `limits.perPayment`.
   * Nothing is signed or reserved.
   *
   * @throws AgentError `ALREADY_PAID` if this journal has paid it. Otherwise as {@link payInvoice}.
   */
  async quoteInvoice(invoiceId: string, options: PaymentOptions = {}): Promise<PaymentSummary> {
    const { quote } = await this.#pay({ invoice: invoiceId }, options, true);
    return quote as PaymentSummary;
  }

  /**
   * Logs in at a merchant by paying the small amount of its auth intent. The merchant then
   * exchanges the intent.
   *
   * @throws AgentError as {@link payInvoice}.
   */
  async login(intent: AuthIntentLike, options: PaymentOptions = {}): Promise<Login> {
    const { paid } = await this.#pay({ login: intent }, options);
    const { invoiceId, chain, payer, transaction } = paid as WireReceipt;
    return {
      authIntentId: invoiceId,
      subject: `${chain}:${payer}`,
      transaction: transaction ?? undefined,
    };
  }

  /**
   * Finishes payments that a crash or an unknown outcome left open. Call it at start, and from time
   * to time. It looks up the invoices and sends the same headers again. It signs nothing.
   *
   * @returns The result of each attempt.
   */
  async resume(options: { waitMs?: number | undefined } = {}): Promise<ResumedAttempt[]> {
    const { waitMs } = readOptions(options, RESUME_OPTIONS, invalidOption);
    const settings = this.#settingsWith(waitMs);
    const means = this.#means();
    const { resumed } = await drive(
      checked(() => agentCore().AgentTask.resume(settings)),
      means,
    );
    return (resumed ?? []).map(({ receipt, error, ...attempt }) => ({
      ...attempt,
      receipt: receipt ? receiptOf(receipt) : undefined,
      error: error ? new AgentError(error) : undefined,
    }));
  }

  /** @internal */
  async [PAY](target: object, own: NonNullable<Means["own"]>): Promise<void> {
    await this.#pay(target, {}, false, own);
  }

  async #pay(
    target: object,
    options: PaymentOptions,
    dryRun = false,
    own?: Means["own"],
  ): Promise<Outcome> {
    const { chain, waitMs } = readOptions(options, PAYMENT_OPTIONS, invalidOption);
    const means = this.#means(own);
    const settings = this.#settingsWith(waitMs);
    const task: AgentTask = checked(() =>
      agentCore().AgentTask.pay(
        settings,
        JSON.stringify(target),
        JSON.stringify({ chain, dryRun }),
      ),
    );
    return drive(task, means);
  }

  #settingsWith(waitMs = this.#settings["waitMs"]): string {
    return JSON.stringify({ ...this.#settings, waitMs });
  }

  #means(own?: Means["own"]): Means {
    const {
      journal,
      fetch: send = (url, init) => fetch(url, init),
      timeoutMs = 30_000,
      clock = CLOCK,
    } = this.#options;
    const { approve, recentBlockhash, blockHeight } = this.#options;
    if (!journal) {
      throw invalidOption(
        "`journal`: an agent without one could pay twice after a crash. Pass sqliteJournal(…) or another one; memoryJournal() is for tests",
      );
    }
    const sign = (signing: Signing) => {
      const signer =
        this.#signers.get(signing.wallet) ?? this.#signers.get(signing.wallet.toLowerCase());
      if (!signer) throw new Error("no signer for this wallet");
      return signWith(signer, signing);
    };
    return {
      fetch: send,
      own,
      journal,
      sign,
      approve,
      recentBlockhash,
      blockHeight,
      timeoutMs,
      clock,
    };
  }
}
