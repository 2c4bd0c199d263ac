import {
  type Attempt,
  type AttemptState,
  type Journal,
  judgeReservation,
  reservationHorizon,
  UNFINISHED,
} from "./journal.js";

/**
 * The table of the SQL journals, for SQLite, D1 and Postgres. The journals create it if it is
 * missing. Use this text for a migration if they are not allowed to.
 */
export const AGENT_TABLE =
  "CREATE TABLE IF NOT EXISTS gwop_attempts (seq BIGINT PRIMARY KEY, id TEXT NOT NULL UNIQUE, invoice TEXT NOT NULL, state TEXT NOT NULL, reserved_at BIGINT NOT NULL, attempt TEXT NOT NULL, header TEXT, transaction_id TEXT)";

/** The columns that are read, in this order. */
const COLUMNS = ["seq", "state", "attempt", "header", "transaction_id"] as const;
const SELECT = `SELECT ${COLUMNS.join(", ")} FROM gwop_attempts`;
const NEWEST = `${SELECT} ORDER BY seq DESC LIMIT 1`;
const LAST = `${SELECT} WHERE invoice = ? ORDER BY seq DESC LIMIT 1`;
const KNOWN = `${SELECT} WHERE invoice = ? OR reserved_at > ? ORDER BY seq`;
const OPEN = `${SELECT} WHERE state IN (${UNFINISHED.map((state) => `'${state}'`).join(", ")}) ORDER BY seq`;
const INSERT = `INSERT INTO gwop_attempts (seq, id, invoice, state, reserved_at, attempt) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (seq) DO NOTHING RETURNING ${COLUMNS.join(", ")}`;
const UPDATE = `UPDATE gwop_attempts SET state = ?, header = COALESCE(?, header), transaction_id = COALESCE(?, transaction_id) WHERE id = ? AND state = ? RETURNING ${COLUMNS.join(", ")}`;

/** How often a reservation is retried after another one won the race. */
const TRIES = 50;

type Value = string | number | null;

/** A row, by column. */
type Row = Record<(typeof COLUMNS)[number], unknown>;

/**
 * Runs one statement with `?` as parameter placeholders, as its own transaction. Returns its rows,
 * as objects or as arrays.
 */
type Statement = (sql: string, parameters: Value[]) => Promise<readonly unknown[]>;

function attemptOf({ state, attempt, header, transaction_id }: Row): Attempt {
  const record = JSON.parse(String(attempt)) as Attempt;
  return {
    ...record,
    state: state as AttemptState,
    header: header as string | null,
    transaction: transaction_id as string | null,
  };
}

/**
 * Reservations are numbered, and the number is the primary key. A reservation that was decided
 * without knowledge of another one cannot be written. So every statement stands by itself, and no
 * transaction is held open.
 */
function sqlJournal(run: Statement): Journal {
  const rows = async (sql: string, ...parameters: Value[]): Promise<Row[]> => {
    const found = await run(sql, parameters);
    // The connection may be configured to return rows as arrays.
    return found.map(
      (row) =>
        (Array.isArray(row)
          ? Object.fromEntries(COLUMNS.map((name, at) => [name, row[at]]))
          : row) as Row,
    );
  };
  let made: Promise<unknown> | undefined;
  /** Creates the table. If that is not allowed, reading shows whether it exists. */
  const ready = () =>
    (made ??= run(AGENT_TABLE, []).catch(() => {
      made = undefined;
    }));
  return {
    async last(invoice) {
      await ready();
      const [row] = await rows(LAST, invoice);
      return row ? attemptOf(row) : null;
    },
    async reserve(attempt, limits) {
      await ready();
      const { state, header: _header, transaction: _transaction, ...record } = attempt;
      for (let tries = 0; tries < TRIES; tries += 1) {
        // Read the number first: attempts that are reserved later collide with it.
        const [newest] = await rows(NEWEST);
        const known = await rows(KNOWN, attempt.invoice, reservationHorizon(attempt, limits));
        const verdict = judgeReservation(attempt, limits, known.map(attemptOf));
        if (verdict !== "reserved") return verdict;
        const seq = Number(newest?.seq ?? 0) + 1;
        const written = await rows(
          INSERT,
          seq,
          attempt.id,
          attempt.invoice,
          state,
          attempt.reservedAt,
          JSON.stringify(record),
        );
        if (written.length > 0) return "reserved";
      }
      throw new Error("@gwop/sdk: other processes reserved at the same moment, again and again");
    },
    async update(id, from, to, { header, transaction } = {}) {
      return (await rows(UPDATE, to, header ?? null, transaction ?? null, id, from)).length > 0;
    },
    async open() {
      await ready();
      return (await rows(OPEN)).map(attemptOf);
    },
  };
}

/** The interface that `node:sqlite` (`DatabaseSync`), `better-sqlite3` and `bun:sqlite` share. */
export interface SqliteJournalDatabase {
  prepare(sql: string): {
    all(...parameters: (string | number | null)[]): unknown[];
    run(...parameters: (string | number | null)[]): unknown;
  };
}

/**
 * Keeps attempts in SQLite, in the table `gwop_attempts` of a database that you opened: `new
 * DatabaseSync("agent.db")` of `node:sqlite` on Node 22.13 or newer, one of `better-sqlite3`, or
 * one of `bun:sqlite`.
 *
 * Several processes can share the file, and then share the limits: set `PRAGMA busy_timeout =
 * 5000` and `PRAGMA journal_mode = WAL`. The payment headers in the file are worth money until
 * they expire: let nobody else read it.
 */
export function sqliteJournal(database: SqliteJournalDatabase): Journal {
  return sqlJournal(async (sql, parameters) => {
    const statement = database.prepare(sql);
    // `better-sqlite3` refuses to read from a statement that returns no rows.
    if (sql !== AGENT_TABLE) return statement.all(...parameters);
    statement.run();
    return [];
  });
}

/** The part of a Cloudflare D1 binding that the journal uses. */
export interface D1JournalDatabase {
  prepare(sql: string): {
    bind(...parameters: unknown[]): { all(): Promise<{ results: unknown[] }> };
  };
}

/**
 * Keeps attempts in Cloudflare D1, in the table `gwop_attempts`. It uses no D1 sessions, because a
 * replica can be behind.
 */
export function d1Journal(database: D1JournalDatabase): Journal {
  return sqlJournal(
    async (sql, parameters) =>
      (
        await database
          .prepare(sql)
          .bind(...parameters)
          .all()
      ).results,
  );
}

/**
 * Runs a statement with the parameters `$1`, `$2` and so on. Resolves to the rows, or to an object
 * with `rows`.
 */
export type PostgresJournalQuery = (
  text: string,
  values: unknown[],
) => PromiseLike<readonly unknown[] | { rows: readonly unknown[] }>;

/**
 * Keeps attempts in Postgres, in the table `gwop_attempts`, with any client: `(text, values) =>
 * pool.query(text, values)` for `pg`, `(text, values) => sql.unsafe(text, values)` for `postgres`.
 *
 * @param query Must not be part of a transaction that can be rolled back, and must not query a
 * replica.
 */
export function postgresJournal(query: PostgresJournalQuery): Journal {
  return sqlJournal(async (sql, parameters) => {
    let count = 0;
    const result = await query(
      sql.replace(/\?/g, () => `$${(count += 1)}`),
      parameters,
    );
    return "rows" in result ? result.rows : result;
  });
}
