import { brand } from "./brand.js";

/** Why a wait for an invoice's status ended without it. */
export type WaitErrorCode =
  /**
   * The invoice did not reach the status in time.
   *
   * Cause: Nobody paid within `waitMs` (120,000), or no look at the invoice succeeded; `cause` is
   * why the last one failed.
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

/** `invoices.waitForStatus` ended without the status. */
export class WaitForStatusError extends Error {
  static {
    brand(this, "WaitForStatusError");
  }

  /** Why, for programs: the time ran out, or the invoice is in another final status. */
  readonly code: WaitErrorCode;
  /** The status that was seen last; undefined where no look succeeded. */
  readonly status: string | undefined;

  /**
   * @param message Why, for people.
   * @param options `code`: why, for programs. `status`: what was seen last. `cause`: why the last look failed, if it did.
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
