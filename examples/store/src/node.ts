// Node 22.18 or newer, with SQLite: `node src/node.ts`. PORT and DATABASE name the port and the file.
import { DatabaseSync } from "node:sqlite";
import { serve } from "@hono/node-server";
import { sqliteStore } from "@gwop/sdk/stores";
import { createApp } from "./app.ts";
import { sqlite } from "./database.ts";
import type { Config } from "./gwop.ts";

const { PORT = "3000", DATABASE = "store.db" } = process.env;
const database = new DatabaseSync(DATABASE);
database.exec("PRAGMA journal_mode = WAL; PRAGMA busy_timeout = 5000;");
const app = createApp(process.env as unknown as Config, sqlite(database), sqliteStore(database));
serve({ fetch: app.fetch, port: Number(PORT), hostname: "127.0.0.1" });
