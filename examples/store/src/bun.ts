// Bun, with SQLite: `bun src/bun.ts`. PORT and DATABASE name the port and the file.
import { Database } from "bun:sqlite";
import { sqliteStore } from "@gwop/sdk/stores";
import { createApp } from "./app.ts";
import { sqlite } from "./database.ts";
import type { Config } from "./gwop.ts";

const { PORT = "3000", DATABASE = "store.db" } = process.env;
const database = new Database(DATABASE);
database.exec("PRAGMA journal_mode = WAL; PRAGMA busy_timeout = 5000;");
const app = createApp(process.env as unknown as Config, sqlite(database), sqliteStore(database));
Bun.serve({ fetch: (request) => app.fetch(request), port: Number(PORT), hostname: "127.0.0.1" });
