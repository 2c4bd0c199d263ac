import { brand } from "./brand.js";

/** Why a wait for an invoice's status ended without that status. */
export type WaitErrorCode =
  /**
   * The invoice did not reach the status in time.
   *
   * Cause: Nobody paid within `waitMs` (120,000), or every request for the invoice failed. `cause`
   * is the error of the last lookup.
   *
   * Fix: Read `status`. Wait again, or rely on the webhook.
   */
  | "WAIT_TIMEOUT"
  /**
   * The invoice has another final status, so it will never reach the one you wait for.
   *
   * Cause: It was paid, has expired or was canceled in the meantime.
   *
   * Fix: Read `status`. Create a new invoice if one is still needed.
   */
  | "WAIT_STATUS_FINAL";

/** `invoices.waitForStatus` ended without the expected status. */
export class WaitForStatusError extends Error {
  static {
    brand(this, "WaitForStatusError");
  }

  /** The reason, for programs: the time is over, or the invoice has another final status. */
  readonly code: WaitErrorCode;
  /** The last known status. Undefined if every request for the invoice failed. */
  readonly status: string | undefined;

  /**
   * @param message The reason, for people.
   * @param options `code`: the reason, for programs. `status`: the last known status. `cause`: the
   * error of the last lookup, if it failed.
   */
  constructor(
    message: string,
    { code, status, cause }: { code: WaitErrorCode; status?: string | undefined; cause?: unknown },
  ) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.status = status;
  }
}
