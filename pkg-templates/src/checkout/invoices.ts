import type { Operation } from "../call.js";
import type {
  CreateInvoiceRequest,
  Invoice,
  InvoiceCancel,
  InvoiceList,
  InvoicePublic,
  InvoicesListRequest as OpenInvoicesListRequest,
  InvoiceStatus,
} from "../generated/wire.js";
import type { Known } from "../models/known.js";
import { type Names, readOptions } from "../options.js";
import { isSignal } from "../race.js";
import { readStatuses, waitForStatus } from "../wait.js";
import { GwopCheckoutError, InvalidRequestError } from "./errors.js";

/** The argument of `invoices.list`. */
export interface InvoicesListRequest extends Omit<OpenInvoicesListRequest, "status"> {
  /** Returns only invoices with this status. */
  status?: Known<InvoiceStatus> | undefined;
}

/** The options of `invoices.create`. */
export interface CreateInvoiceOptions {
  /**
   * Repeating a call with the same key returns the original invoice. If you pass none, the SDK
   * creates one.
   */
  idempotencyKey?: string | undefined;
}

/** The timing of `waitForStatus`. */
export interface WaitForStatusOptions {
  /** The time limit of the whole wait, in milliseconds. Default 120,000. */
  timeout?: number | undefined;
  /** The wait before the second lookup, in milliseconds. It doubles each time. Default 1,000. */
  initialInterval?: number | undefined;
  /** The longest wait between two lookups, in milliseconds. Default 15,000. */
  maxInterval?: number | undefined;
  /** Ends the wait with the code `REQUEST_ABORTED`. */
  signal?: AbortSignal | null | undefined;
}

const CREATE_OPTIONS: Names<CreateInvoiceOptions> = { idempotencyKey: undefined };
const WAIT_OPTIONS: Names<WaitForStatusOptions> = {
  timeout: undefined,
  initialInterval: undefined,
  maxInterval: undefined,
  signal: undefined,
};

/** Makes a call and resolves to the JSON on the wire. */
export type Run = <T>(operation: Operation, argument: object, signal?: AbortSignal) => Promise<T>;

/** Invoices. Every method resolves to the JSON on the wire: snake_case, time stamps as strings. */
export class Invoices {
  readonly #run: Run;

  /** @internal Created by `GwopCheckout`. */
  constructor(run: Run) {
    this.#run = run;
  }

  /**
   * Creates an invoice. `amount_usdc` of the response is the total to pay, fees included.
   *
   * @throws InvalidRequestError, AuthenticationError, RateLimitError, GwopCheckoutError. After an
   * error without a response, repeat the call with the error's `idempotencyKey`: the invoice may
   * exist.
   */
  async create(body: CreateInvoiceRequest, options?: CreateInvoiceOptions): Promise<Invoice> {
    const { idempotencyKey } = readOptions(options, CREATE_OPTIONS, invalid);
    return this.#run("invoices.create", { body, idempotency_key: idempotencyKey });
  }

  /**
   * Returns the public view of an invoice, by its public id (`inv_*`). It needs no merchant key and
   * sends none.
   *
   * @throws NotFoundError, RateLimitError, GwopCheckoutError.
   */
  retrieve(id: string): Promise<InvoicePublic> {
    return this.#run("invoices.get", { id });
  }

  /**
   * Returns a page of invoices. `limit` is 1 to 100, default 20. `offset` defaults to 0. With
   * `status`, only invoices with this status are returned.
   *
   * @throws InvalidRequestError, AuthenticationError, RateLimitError, GwopCheckoutError.
   */
  list(params: InvoicesListRequest = {}): Promise<InvoiceList> {
    return this.#run("invoices.list", params);
  }

  /**
   * Cancels an OPEN invoice, by its merchant-side id (a UUID). Canceling it again returns the same
   * response.
   *
   * @throws NotFoundError, AuthenticationError, RateLimitError, GwopCheckoutError. The code is
   * `INVOICE_CANCEL_NOT_ALLOWED` (400 or 409) if the invoice is neither OPEN nor CANCELED.
   */
  cancel(id: string): Promise<InvoiceCancel> {
    return this.#run("invoices.cancel", { id });
  }

  /**
   * Looks up the invoice until it has the status, or one of several, and resolves to the invoice.
   * It uses exponential back-off and jitter.
   *
   * Prefer webhooks for fulfillment.
   *
   * @param id The public id (`inv_*`).
   * @throws GwopCheckoutError with the code `WAIT_TIMEOUT` when the time is over, or with
   * `WAIT_STATUS_FINAL` at once if the invoice has another final status (`details.status`: PAID,
   * EXPIRED or CANCELED). It also throws what `retrieve` throws, except temporary failures (429,
   * 5xx, connection errors, timeouts), after which it tries again.
   */
  async waitForStatus(
    id: string,
    status: Known<InvoiceStatus> | readonly Known<InvoiceStatus>[],
    options?: WaitForStatusOptions,
  ): Promise<InvoicePublic> {
    const statuses = readStatuses(status);
    if (!statuses) {
      throw invalid("status must be a status such as PAID, or a list of at least one");
    }
    const {
      timeout = 120_000,
      initialInterval = 1_000,
      maxInterval = 15_000,
      signal,
    } = readOptions(options, WAIT_OPTIONS, invalid);
    for (const [name, value] of Object.entries({ timeout, initialInterval, maxInterval })) {
      if (!(typeof value === "number" && value > 0))
        throw invalid(`${name} must be milliseconds, more than 0`);
    }
    if (!isSignal(signal)) throw invalid("signal must be an AbortSignal");
    const wanted = statuses.join(" or ");
    let invoice!: InvoicePublic;
    await waitForStatus(
      async (signal) => (invoice = await this.#run<InvoicePublic>("invoices.get", { id }, signal)),
      isPassing,
      statuses,
      { timeout, initialInterval, maxInterval, signals: [signal] },
      (final, cause) =>
        final
          ? new GwopCheckoutError(`The invoice is ${final} for good, so it will not be ${wanted}`, {
              code: "WAIT_STATUS_FINAL",
              details: { status: final },
            })
          : new GwopCheckoutError(`The invoice was not ${wanted} within ${timeout} ms`, {
              code: "WAIT_TIMEOUT",
              cause,
            }),
    );
    return invoice;
  }
}

/** Returns whether the failure is temporary, so that another lookup may succeed. */
function isPassing(error: unknown): boolean {
  if (!(error instanceof GwopCheckoutError)) return false;
  const { code, statusCode = 0 } = error;
  // An error without a status whose retries ran out is a connection error.
  return (
    statusCode === 429 ||
    statusCode >= 500 ||
    /^(MAX_RETRIES_EXCEEDED|CONNECTION_ERROR|REQUEST_TIMEOUT)$/.test(code)
  );
}

/** Creates the error for an argument that is refused before anything is sent. */
export function invalid(message: string): InvalidRequestError {
  return new InvalidRequestError(message, { code: "VALIDATION_ERROR", statusCode: 400 });
}
