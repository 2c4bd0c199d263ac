import { recordStore } from "./record.js";
import type { WebhookStore } from "./store.js";

/**
 * The table of the SQL stores, for SQLite, D1 and Postgres. The stores create it if it is missing.
 * Use this text for a migration if they are not allowed to.
 */
export const WEBHOOK_TABLE =
  "CREATE TABLE IF NOT EXISTS gwop_invoices (invoice_id TEXT PRIMARY KEY, record TEXT NOT NULL, revision BIGINT NOT NULL)";

/**
 * Always returns one row, with the database's time. Leases follow this time, whatever the clocks of
 * the processes say.
 */
const reading = (now: string) =>
  `SELECT ${now} AS now, record, revision FROM (SELECT 1 AS one) AS always LEFT JOIN gwop_invoices ON invoice_id = ?`;

/**
 * SQLite's time in milliseconds since 1970, from days since noon in Greenwich on 24 November 4714
 * BC.
 */
const SQLITE_NOW = "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)";
/** The current time, not the start of the transaction. */
const POSTGRES_NOW = "CAST(floor(extract(epoch FROM clock_timestamp()) * 1000) AS BIGINT)";
const INSERT =
  "INSERT INTO gwop_invoices (record, invoice_id, revision) VALUES (?, ?, 1) ON CONFLICT (invoice_id) DO NOTHING RETURNING revision";
const UPDATE =
  "UPDATE gwop_invoices SET record = ?, revision = revision + 1 WHERE invoice_id = ? AND revision = ? RETURNING revision";

/** A number. Postgres clients return 64-bit integers as text. */
type Revision = number | bigint | string;

/** Runs one statement with `?` as parameter placeholders. Returns its first row. */
type Statement = (sql: string, parameters: Revision[]) => Promise<unknown>;

/** The row that {@link reading} returns. */
interface Row {
  now: Revision;
  record: string | null;
  revision: Revision | null;
}

function sqlStore(now: string, first: Statement): WebhookStore {
  const READ = reading(now);
  /** Reads. If that fails, creates the table, which may be missing, and reads again. */
  async function read(invoiceId: string): Promise<unknown> {
    try {
      return await first(READ, [invoiceId]);
    } catch (reason) {
      try {
        await first(WEBHOOK_TABLE, []);
      } catch {
        // Another process created it just now, or it is not allowed. The next read decides.
      }
      return await first(READ, [invoiceId]).catch(() => Promise.reject(reason));
    }
  }
  return recordStore<Revision>({
    async read(invoiceId) {
      const { now, record, revision } = (await read(invoiceId)) as Row;
      return { now: Number(now), record: record ?? undefined, revision: revision ?? undefined };
    },
    async write(invoiceId, record, revision) {
      const written = await (revision === undefined
        ? first(INSERT, [record, invoiceId])
        : first(UPDATE, [record, invoiceId, revision]));
      return (written ?? undefined) !== undefined;
    },
  });
}

/**
 * The part that `node:sqlite` (`DatabaseSync`), `better-sqlite3` and `bun:sqlite` (`Database`) have
 * in common.
 */
export interface SqliteDatabase {
  prepare(sql: string): {
    /** Returns the first row, by column or as an array (`node:sqlite`'s `returnArrays`). */
    get(...parameters: (string | number | bigint)[]): unknown;
    run(...parameters: (string | number | bigint)[]): unknown;
  };
}

/**
 * Keeps invoices in SQLite, in the table `gwop_invoices` of a database that you opened: `new
 * DatabaseSync("shop.db")` of `node:sqlite` on Node 22.13 or newer, one of `better-sqlite3`, or one
 * of `bun:sqlite`.
 *
 * Several processes can share the file: set `PRAGMA journal_mode = WAL` and `PRAGMA busy_timeout =
 * 5000`. Leases follow SQLite's clock, which is the machine's.
 */
export function sqliteStore(database: SqliteDatabase): WebhookStore {
  return sqlStore(SQLITE_NOW, async (sql, parameters) => {
    const statement = database.prepare(sql);
    // `better-sqlite3` refuses `get` for a statement that returns no rows.
    if (sql === WEBHOOK_TABLE) return statement.run();
    const row = statement.get(...parameters);
    // The connection sets the form of rows (`returnArrays: true`). `reading` sets the column order.
    return Array.isArray(row)
      ? ({ now: row[0], record: row[1], revision: row[2] } satisfies Row)
      : row;
  });
}

/** The part of a Cloudflare D1 binding that the store uses. */
export interface D1DatabaseLike {
  prepare(sql: string): { bind(...parameters: unknown[]): { first(): Promise<unknown> } };
}

/**
 * Keeps invoices in Cloudflare D1, in the table `gwop_invoices`. Leases follow the database's
 * clock.
 */
export function d1Store(database: D1DatabaseLike): WebhookStore {
  return sqlStore(SQLITE_NOW, (sql, parameters) =>
    database
      .prepare(sql)
      .bind(...parameters)
      .first(),
  );
}

/**
 * Runs a statement with the parameters `$1`, `$2` and so on. Resolves to the rows, or to an object
 * with `rows`.
 */
export type PostgresQuery = (
  text: string,
  values: unknown[],
) => PromiseLike<readonly unknown[] | { rows: readonly unknown[] }>;

/**
 * Keeps invoices in Postgres, in the table `gwop_invoices`, with any client: `(text, values) =>
 * pool.query(text, values)` for `pg`, `(text, values) => sql.unsafe(text, values)` for `postgres`.
 * Leases follow the server's clock.
 *
 * @param query Must not be part of a transaction that can be rolled back: others have to see a
 * claim at once.
 */
export function postgresStore(query: PostgresQuery): WebhookStore {
  return sqlStore(POSTGRES_NOW, async (sql, parameters) => {
    let count = 0;
    const result = await query(
      sql.replace(/\?/g, () => `$${(count += 1)}`),
      parameters,
    );
    return ("rows" in result ? result.rows : result)[0];
  });
}
