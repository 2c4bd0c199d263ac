/** The app's own database: any SQLite, including D1. One statement is one transaction. */
export interface Database {
  /** Runs one statement with `?` as parameter placeholders. Returns its rows. */
  query<Row>(sql: string, ...parameters: (string | number)[]): Promise<Row[]>;
}

/** Creates every table. It runs when the store starts. */
export const SCHEMA = [
  // Both ids of an invoice, and the product, copied at the time of the sale. Times are milliseconds
  // since 1970.
  `CREATE TABLE IF NOT EXISTS checkouts (
    invoice_id TEXT PRIMARY KEY,
    public_invoice_id TEXT NOT NULL UNIQUE,
    subject TEXT NOT NULL,
    product TEXT NOT NULL,
    amount_usdc INTEGER NOT NULL,
    credits INTEGER NOT NULL,
    plan_days INTEGER NOT NULL,
    status TEXT NOT NULL,
    settled_at INTEGER
  )`,
  `CREATE INDEX IF NOT EXISTS checkouts_by_subject ON checkouts (subject, status)`,
  // The served calls, and what paid for them: "plan" or "credit".
  `CREATE TABLE IF NOT EXISTS calls (id INTEGER PRIMARY KEY, subject TEXT NOT NULL, at INTEGER NOT NULL, paid_by TEXT NOT NULL)`,
  `CREATE INDEX IF NOT EXISTS calls_by_subject ON calls (subject, paid_by, at)`,
  // Payments that a person has to check.
  `CREATE TABLE IF NOT EXISTS conflicts (event_id TEXT PRIMARY KEY, invoice_id TEXT NOT NULL, event_type TEXT NOT NULL, at INTEGER NOT NULL)`,
];

/** The interface that `node:sqlite` and `bun:sqlite` share. */
interface Sqlite {
  prepare(sql: string): { all(...parameters: (string | number)[]): unknown[] };
}

export function sqlite(database: Sqlite): Database {
  return {
    query: async <Row>(sql: string, ...parameters: (string | number)[]) =>
      database.prepare(sql).all(...parameters) as Row[],
  };
}

/** The part of D1 that the store uses. */
export interface D1 {
  prepare(sql: string): {
    bind(...parameters: unknown[]): {
      all(): Promise<{ results: unknown[] }>;
      first(): Promise<unknown>;
    };
  };
}

export function d1(database: D1): Database {
  return {
    query: async <Row>(sql: string, ...parameters: (string | number)[]) =>
      (
        await database
          .prepare(sql)
          .bind(...parameters)
          .all()
      ).results as Row[],
  };
}
