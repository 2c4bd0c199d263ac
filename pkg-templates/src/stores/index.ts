/**
 * `@gwop/sdk/stores`: where `createWebhookHandler` remembers invoices.
 *
 * | store | for |
 * |---|---|
 * | {@link memoryStore} | tests, one process |
 * | {@link sqliteStore} | Node, Bun: `node:sqlite`, `better-sqlite3`, `bun:sqlite` |
 * | {@link postgresStore} | any Postgres client |
 * | {@link d1Store}, {@link durableObjectStore} | Cloudflare Workers |
 * | {@link kvStore} | Cloudflare Workers, if repeating a callback does no harm |
 * | {@link denoKvStore} | Deno |
 * | {@link recordStore} | any other storage with a compare-and-set |
 *
 * @module
 */
export * from "./cloudflare.js";
export * from "./deno-kv.js";
export * from "./memory.js";
export { recordStore, type ReadRecord, type RecordBackend } from "./record.js";
export * from "./sql.js";
export type * from "./store.js";
