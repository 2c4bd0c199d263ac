// Opens the real storage of each kind. `place` is a file, or a URL of Postgres.
import { postgresJournal, sqliteJournal } from "@gwop/sdk/agent";
import { denoKvStore, postgresStore, sqliteStore } from "@gwop/sdk/stores";

/** The settings with which several processes can write to one file. */
const SHARED = "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL;";

/** Connections: a database of SQLite, or a function that sends a query to Postgres. */
const CONNECT = {
  async "node:sqlite"(place) {
    const { DatabaseSync } = await import("node:sqlite");
    const database = new DatabaseSync(place);
    database.exec(SHARED);
    return database;
  },
  async "node:sqlite, rows as arrays"(place) {
    const { DatabaseSync } = await import("node:sqlite");
    const database = new DatabaseSync(place, { returnArrays: true });
    database.exec(SHARED);
    return database;
  },
  async "better-sqlite3"(place) {
    const { createRequire } = await import("node:module");
    const Database = createRequire(import.meta.url)(process.env.GWOP_BETTER_SQLITE3);
    const database = new Database(place);
    database.exec(SHARED);
    return database;
  },
  async "bun:sqlite"(place) {
    const { Database } = await import("bun:sqlite");
    const database = new Database(place);
    database.exec(SHARED);
    return database;
  },
  async "Postgres (pg)"(place) {
    const { default: pg } = await import("pg");
    const pool = new pg.Pool({
      connectionString: place,
      max: 20,
      idleTimeoutMillis: 200,
      allowExitOnIdle: true,
    });
    return (text, values) => pool.query(text, values);
  },
  async "Postgres (postgres)"(place) {
    const { default: postgres } = await import("postgres");
    const sql = postgres(place, { max: 20, idle_timeout: 1, onnotice() {} });
    return (text, values) => sql.unsafe(text, values);
  },
};

const over = (sqlite, postgres) =>
  Object.fromEntries(
    Object.entries(CONNECT).map(([kind, connect]) => {
      const make = kind.startsWith("Postgres") ? postgres : sqlite;
      return [kind, async (place) => make(await connect(place))];
    }),
  );

/** The webhook stores. */
export const OPEN = {
  ...over(sqliteStore, postgresStore),
  async "Deno KV"(place) {
    return denoKvStore(await Deno.openKv(place));
  },
};

/** The agent's journals. */
export const JOURNALS = over(sqliteJournal, postgresJournal);
