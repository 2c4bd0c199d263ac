import {
  type ApiResponse,
  type ApiClient,
  REQUEST_OPTIONS,
  type RequestOptions,
} from "../client.js";
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
  /** The status to wait for, or a list of which any is enough. */
  status: Known<InvoiceStatus> | readonly Known<InvoiceStatus>[];
  /** The time limit of the whole wait, in milliseconds. Default 120,000. */
  waitMs?: number | undefined;
  /** Alias of `waitMs`, until 2.0.0. In a call's options `timeoutMs` is the time of one request. */
  timeoutMs?: number | undefined;
  /** Ends the wait. */
  signal?: AbortSignal | null | undefined;
}

const WAIT_REQUEST: Names<WaitForStatusRequest> = {
  id: undefined,
  status: undefined,
  waitMs: undefined,
  timeoutMs: undefined,
  signal: undefined,
};
const LIST_REQUEST: Names<InvoicesListRequest> = {
  limit: undefined,
  offset: undefined,
  status: undefined,
};

/** The most invoices that Gwop puts into a page. */
const LARGEST_PAGE = 100;

/** Invoices: what agents pay. */
export class Invoices {
  readonly #client: ApiClient;

  constructor(client: ApiClient) {
    this.#client = client;
  }

  /**
   * Creates an invoice. Store both ids of the response. Its `amountUsdc` is what the agent pays, with
   * Gwop's fee.
   *
   * If you pass no `idempotencyKey`, the SDK makes one and keeps it for all retries. If the outcome
   * is unknown, for example after a timeout, call again with the error's `idempotencyKey`. Gwop
   * then returns the same invoice instead of a second one.
   */
  create(request: InvoicesCreateRequest, options?: RequestOptions): Promise<ApiResponse<Invoice>> {
    return this.#client.call("invoices.create", request, options);
  }

  /** Returns one page of your invoices. Gwop does not document their order. */
  list(
    request: InvoicesListRequest = {},
    options?: RequestOptions,
  ): Promise<ApiResponse<InvoiceList>> {
    return this.#client.call("invoices.list", request, options);
  }

  /**
   * Returns all your invoices, page by page. `limit` (default 100) is the size of a page, and
   * `offset` says where to begin.
   *
   * If an invoice is created in the meantime, the pages shift. No invoice comes twice all the same.
   * With `status`, an invoice that leaves this status in the meantime can hide another one.
   *
   * ```ts
   * for await (const invoice of gwop.invoices.listAll({ status: "PAID" })) console.log(invoice.publicInvoiceId);
   * ```
   */
  async *listAll(
    request: InvoicesListRequest = {},
    options?: RequestOptions,
  ): AsyncGenerator<InvoiceListItem, void, undefined> {
    const seen = new Set<string>();
    const {
      limit = LARGEST_PAGE,
      offset = 0,
      ...filter
    } = readOptions(request, LIST_REQUEST, refuse, "request");
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
      // New invoices may shift whole pages. But the loop ends if a server repeats itself for ever.
      const mayFollow =
        seen.size > known || (invoices.length > 0 && page.offset < pagination.total);
      if (!pagination.hasMore || !mayFollow) return;
    }
  }

  /**
   * Returns an invoice by its public id (`inv_*`), as everybody with that id sees it. It needs no
   * merchant key and sends none.
   */
  get(request: InvoicesGetRequest, options?: RequestOptions): Promise<ApiResponse<InvoicePublic>> {
    return this.#client.call("invoices.get", request, options);
  }

  /**
   * Cancels an open invoice by its merchant-side id (a UUID). Canceling it again returns the same
   * response.
   *
   * @throws ErrorResponse with the code `INVOICE_CANCEL_NOT_ALLOWED` if the invoice is paid, being
   * paid, or expired.
   */
  cancel(
    request: InvoicesCancelRequest,
    options?: RequestOptions,
  ): Promise<ApiResponse<InvoiceCancel>> {
    return this.#client.call("invoices.cancel", request, options);
  }

  /**
   * Calls `get` until the invoice has the status: after one second at first, then less often, up to
   * every 15 seconds.
   *
   * Use it for scripts and progress bars. Let signed webhooks decide about fulfillment. Failures
   * that pass (429, 5xx, connection errors, timeouts) do not end the wait.
   *
   * @throws WaitForStatusError with the code `WAIT_TIMEOUT` when the time is over, or
   * `WAIT_STATUS_FINAL` when the invoice has another final status.
   */
  async waitForStatus(
    request: WaitForStatusRequest,
    options?: RequestOptions,
  ): Promise<ApiResponse<InvoicePublic>> {
    const { id, status, signal, ...wait } = readOptions(request, WAIT_REQUEST, refuse, "request");
    const waitMs = readAliased("waitMs", wait.waitMs, "timeoutMs", wait.timeoutMs) ?? 120_000;
    const own = readOptions(options, REQUEST_OPTIONS);
    const signals = [signal, own.signal];
    const targets = readStatuses(status);
    if (!targets) {
      throw refuse("status must be an invoice status, or a list of at least one", status);
    }
    if (!(typeof waitMs === "number" && waitMs > 0 && waitMs < 2 ** 31)) {
      throw refuse(
        "waitMs must be a number of milliseconds, more than 0 and less than 2^31",
        waitMs,
      );
    }
    if (!signals.every(isSignal)) throw refuse("signal must be an AbortSignal");
    const wanted = targets.join(" or ");
    let latest!: ApiResponse<InvoicePublic>;
    await waitForStatus(
      async (signal) => (latest = await this.get({ id }, { ...own, signal })).result,
      isPassing,
      targets,
      { timeout: waitMs, signals },
      (final, cause) => {
        const status = latest?.result.status;
        return final
          ? new WaitForStatusError(
              `The invoice is ${final} for good, so it will not be ${wanted}`,
              { code: "WAIT_STATUS_FINAL", status },
            )
          : new WaitForStatusError(`The invoice was not ${wanted} within ${waitMs} ms`, {
              code: "WAIT_TIMEOUT",
              status,
              cause,
            });
      },
    );
    return latest;
  }
}

/** Returns whether the failure is temporary, so that another lookup may succeed. */
function isPassing(error: unknown): boolean {
  if (error instanceof GwopError) return error.statusCode === 429 || error.statusCode >= 500;
  return error instanceof ConnectionError || error instanceof RequestTimeoutError;
}
