import { type Answer, type ApiClient, REQUEST_OPTIONS, type RequestOptions } from "../client.js";
import {
  ConnectionError,
  GwopError,
  RequestTimeoutError,
  WaitForStatusError,
} from "../errors/index.js";
import { refuse } from "../errors/refuse.js";
import type {
  Invoice,
  InvoiceCancel,
  InvoiceList,
  InvoiceListItem,
  InvoicePublic,
  InvoicesCancelRequest,
  InvoicesCreateRequest,
  InvoicesGetRequest,
  InvoiceStatus,
} from "../generated/models.js";
import type { Known } from "../models/known.js";
import type { InvoicesListRequest } from "../models/operations.js";
import { type Names, readAliased, readOptions } from "../options.js";
import { isSignal } from "../race.js";
import { readStatuses, waitForStatus } from "../wait.js";

/** The argument of `invoices.waitForStatus`. */
export interface WaitForStatusRequest {
  /** The public id (`inv_*`). */
  id: string;
  /** The status to wait for, or several of which any is enough. */
  status: Known<InvoiceStatus> | readonly Known<InvoiceStatus>[];
  /** How long to wait in all, in milliseconds. Default 120,000. */
  waitMs?: number | undefined;
  /** Alias of `waitMs`, until 2.0.0. In a call's options `timeoutMs` is the time of one request. */
  timeoutMs?: number | undefined;
  /** Gives the wait up. */
  signal?: AbortSignal | null | undefined;
}

const WAIT_REQUEST: Names<WaitForStatusRequest> = { id: undefined, status: undefined, waitMs: undefined, timeoutMs: undefined, signal: undefined };
const LIST_REQUEST: Names<InvoicesListRequest> = { limit: undefined, offset: undefined, status: undefined };

/** The most invoices that Gwop puts into a page. */
const LARGEST_PAGE = 100;

/** What agents pay. */
export class Invoices {
  readonly #client: ApiClient;

  constructor(client: ApiClient) {
    this.#client = client;
  }

  /**
   * Creates an invoice. Store both ids of the answer; its `amountUsdc` is the payable total, fees included.
   *
   * The SDK makes an idempotency key where you give none, and keeps it over the retries. When the outcome is unknown (a
   * timeout, say), create again with the error's `idempotencyKey`: that answers the same invoice instead of a second one.
   */
  create(request: InvoicesCreateRequest, options?: RequestOptions): Promise<Answer<Invoice>> {
    return this.#client.call("invoices.create", request, options);
  }

  /** One page of your invoices, newest first. */
  list(request: InvoicesListRequest = {}, options?: RequestOptions): Promise<Answer<InvoiceList>> {
    return this.#client.call("invoices.list", request, options);
  }

  /**
   * All your invoices, newest first, page by page: `limit` (default 100) is the size of a page, `offset` where to begin.
   *
   * An invoice that is created meanwhile shifts the pages; none comes twice all the same. With `status`, one that leaves
   * that status meanwhile shifts another one out of sight.
   *
   * ```ts
   * for await (const invoice of gwop.invoices.listAll({ status: "PAID" })) console.log(invoice.publicInvoiceId);
   * ```
   */
  async *listAll(request: InvoicesListRequest = {}, options?: RequestOptions): AsyncGenerator<InvoiceListItem, void, undefined> {
    const seen = new Set<string>();
    const { limit = LARGEST_PAGE, offset = 0, ...filter } = readOptions(request, LIST_REQUEST, refuse, "request");
    const page = { ...filter, limit, offset };
    for (;;) {
      const { invoices, pagination } = (await this.list(page, options)).result;
      const known = seen.size;
      for (const invoice of invoices) {
        if (seen.has(invoice.id)) continue;
        seen.add(invoice.id);
        yield invoice;
      }
      page.offset += invoices.length;
      // New invoices may shift whole pages; but a server that repeats itself, and says for ever that more follow, has an end.
      const mayFollow = seen.size > known || (invoices.length > 0 && page.offset < pagination.total);
      if (!pagination.hasMore || !mayFollow) return;
    }
  }

  /** An invoice as anybody with its public id (`inv_*`) sees it. Needs no merchant key, and sends none. */
  get(request: InvoicesGetRequest, options?: RequestOptions): Promise<Answer<InvoicePublic>> {
    return this.#client.call("invoices.get", request, options);
  }

  /**
   * Cancels an open invoice, by its merchant-side id (UUID). Canceling it again answers the same.
   *
   * @throws ErrorResponse with code `INVOICE_CANCEL_NOT_ALLOWED` when it is paid, being paid, or expired.
   */
  cancel(request: InvoicesCancelRequest, options?: RequestOptions): Promise<Answer<InvoiceCancel>> {
    return this.#client.call("invoices.cancel", request, options);
  }

  /**
   * Polls `get`, after a second at first and then less often, down to every 15 seconds, until the invoice has the status.
   *
   * It is for scripts and progress bars: let signed webhooks decide about fulfillment. Passing failures (429, 5xx, connection
   * errors, timeouts) do not end the wait.
   *
   * @throws WaitForStatusError with code `WAIT_TIMEOUT` when the time runs out, or `WAIT_STATUS_FINAL` as soon as the invoice
   * is in another final status.
   */
  async waitForStatus(request: WaitForStatusRequest, options?: RequestOptions): Promise<Answer<InvoicePublic>> {
    const { id, status, signal, ...wait } = readOptions(request, WAIT_REQUEST, refuse, "request");
    const waitMs = readAliased("waitMs", wait.waitMs, "timeoutMs", wait.timeoutMs) ?? 120_000;
    const own = readOptions(options, REQUEST_OPTIONS);
    const signals = [signal, own.signal];
    const targets = readStatuses(status);
    if (!targets) {
      throw refuse("status must be an invoice status, or a list of at least one", status);
    }
    if (!(typeof waitMs === "number" && waitMs > 0 && waitMs < 2 ** 31)) {
      throw refuse("waitMs must be a number of milliseconds, more than 0 and less than 2^31", waitMs);
    }
    if (!signals.every(isSignal)) throw refuse("signal must be an AbortSignal");
    const wanted = targets.join(" or ");
    let answer!: Answer<InvoicePublic>;
    await waitForStatus(
      async (signal) => (answer = await this.get({ id }, { ...own, signal })).result,
      isPassing,
      targets,
      { timeout: waitMs, signals },
      (final, cause) => {
        const status = answer?.result.status;
        return final
          ? new WaitForStatusError(`The invoice is ${final} for good, so it will not be ${wanted}`, { code: "WAIT_STATUS_FINAL", status })
          : new WaitForStatusError(`The invoice was not ${wanted} within ${waitMs} ms`, { code: "WAIT_TIMEOUT", status, cause });
      },
    );
    return answer;
  }
}

/** Whether another look may find Gwop well again. */
function isPassing(error: unknown): boolean {
  if (error instanceof GwopError) return error.statusCode === 429 || error.statusCode >= 500;
  return error instanceof ConnectionError || error instanceof RequestTimeoutError;
}
