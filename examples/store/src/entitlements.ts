// What agents have bought and used. No counter is stored: entitlements are computed from checkouts
// that are PAID and calls that were served. So no webhook can grant twice, and no crash can lose
// half a change.
import type { WebhookEvent } from "@gwop/sdk";
import type { Database } from "./database.ts";
import type { Invoice } from "./gwop.ts";
import { PLAN_CALLS_PER_DAY, type Product } from "./products.ts";

const DAY_MS = 86_400_000;

/** The credits that a subject has bought, minus those that were used. */
const CREDITS_LEFT = `(SELECT COALESCE(SUM(credits), 0) FROM checkouts WHERE subject = ? AND status = 'PAID')
  - (SELECT COUNT(*) FROM calls WHERE subject = ? AND paid_by = 'credit')`;

/**
 * The end of a subject's plan. A plan that is bought while another one runs is added at its end:
 * from each sale on, all later days count.
 */
const PLAN_UNTIL = `(SELECT COALESCE(MAX(settled_at + ${DAY_MS} * (
    SELECT SUM(plan_days) FROM checkouts AS later
    WHERE later.subject = sale.subject AND later.status = 'PAID' AND later.settled_at >= sale.settled_at
  )), 0) FROM checkouts AS sale WHERE subject = ? AND status = 'PAID' AND plan_days > 0)`;

export interface Account {
  credits: number;
  /** When the plan ends, in milliseconds since 1970. 0 without a plan. */
  planUntil: number;
  /** The calls that the plan still pays for today. */
  planCallsLeft: number;
}

export class Entitlements {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async account(subject: string, now = Date.now()): Promise<Account> {
    const [row] = await this.#database.query<{ credits: number; plan_until: number; used: number }>(
      `SELECT ${CREDITS_LEFT} AS credits, ${PLAN_UNTIL} AS plan_until,
        (SELECT COUNT(*) FROM calls WHERE subject = ? AND paid_by = 'plan' AND at >= ?) AS used`,
      ...[subject, subject, subject, subject, startOfDay(now)],
    );
    const { credits = 0, plan_until: planUntil = 0, used = 0 } = row ?? {};
    return {
      credits,
      planUntil,
      planCallsLeft: planUntil > now ? Math.max(0, PLAN_CALLS_PER_DAY - used) : 0,
    };
  }

  /** Stores a sale. Repeating it changes nothing. */
  async addCheckout(
    subject: string,
    name: string,
    { credits, planDays }: Product,
    invoice: Invoice,
  ): Promise<void> {
    await this.#database.query(
      `INSERT INTO checkouts (invoice_id, public_invoice_id, subject, product, amount_usdc, credits, plan_days, status)
        VALUES (?, ?, ?, ?, ?, ?, ?, 'OPEN') ON CONFLICT (invoice_id) DO NOTHING`,
      ...[
        invoice.invoiceId,
        invoice.publicInvoiceId,
        subject,
        name,
        invoice.amountUsdc,
        credits,
        planDays,
      ],
    );
  }

  async checkout(
    subject: string,
    publicInvoiceId: string,
  ): Promise<{ product: string; status: string } | undefined> {
    const [row] = await this.#database.query<{ product: string; status: string }>(
      `SELECT product, status FROM checkouts WHERE subject = ? AND public_invoice_id = ?`,
      ...[subject, publicInvoiceId],
    );
    return row;
  }

  /**
   * Applies what a webhook says about an invoice. The state machine has already judged it.
   * Repeating it changes nothing.
   *
   * @throws Error if the checkout is not stored yet: the webhook was faster than the sale. Gwop
   * delivers it again.
   */
  async settle({ data, createdAt }: WebhookEvent): Promise<void> {
    const at = data.status === "PAID" ? data.paidAt : (createdAt ?? new Date());
    const settled = await this.#database.query(
      `UPDATE checkouts SET status = CASE WHEN settled_at IS NULL THEN ? ELSE status END, settled_at = COALESCE(settled_at, ?)
        WHERE invoice_id = ? RETURNING invoice_id`,
      ...[data.status, at.getTime(), data.invoiceId],
    );
    if (settled.length === 0)
      throw new Error(`the checkout of invoice ${data.invoiceId} is not stored yet`);
  }

  /** Stores a payment that came too late or twice, for a person to check. */
  async addConflict({ eventId, eventType, data }: WebhookEvent): Promise<void> {
    await this.#database.query(
      `INSERT INTO conflicts (event_id, invoice_id, event_type, at) VALUES (?, ?, ?, ?) ON CONFLICT (event_id) DO NOTHING`,
      ...[eventId, data.invoiceId, eventType, Date.now()],
    );
  }

  /**
   * Pays for one call, with the plan first. Each way is one statement, so that two calls never use
   * the same credit.
   */
  async spend(subject: string, now = Date.now()): Promise<"plan" | "credit" | undefined> {
    const byPlan = await this.#database.query(
      `INSERT INTO calls (subject, at, paid_by) SELECT ?, ?, 'plan' WHERE ${PLAN_UNTIL} > ?
        AND (SELECT COUNT(*) FROM calls WHERE subject = ? AND paid_by = 'plan' AND at >= ?) < ${PLAN_CALLS_PER_DAY} RETURNING id`,
      ...[subject, now, subject, now, subject, startOfDay(now)],
    );
    if (byPlan.length > 0) return "plan";
    const byCredit = await this.#database.query(
      `INSERT INTO calls (subject, at, paid_by) SELECT ?, ?, 'credit' WHERE ${CREDITS_LEFT} > 0 RETURNING id`,
      ...[subject, now, subject, subject],
    );
    return byCredit.length > 0 ? "credit" : undefined;
  }
}

const startOfDay = (now: number) => now - (now % DAY_MS);
