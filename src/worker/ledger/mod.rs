//! The ledger stores which events arrived, what each one did, and which ones fulfillment has not
//! confirmed. It has a fixed number of shards, each a Durable Object. The merchant-side id of an
//! invoice determines its shard.
//!
//! ```text
//! client ── Parcel, Request ──▶ object (GwopLedger) ──▶ store ──▶ sql ◀── object_sql (Durable Object), rusqlite (native tests)
//!                                  ├── outbox: alarm ──▶ queue
//!                                  └── walk: alarm of shard 0 ──▶ Gwop's list ──▶ every shard
//! ```

pub mod listing;
pub mod messages;
pub mod operator_messages;
pub mod reconciliation;
pub mod shard;
pub mod sql;
pub mod store;
pub mod watch;

#[cfg(any(test, all(target_arch = "wasm32", feature = "worker-test")))]
pub mod store_checks;
#[cfg(test)]
mod store_tests;

#[cfg(all(target_arch = "wasm32", feature = "worker"))]
pub mod client;
#[cfg(all(target_arch = "wasm32", feature = "worker"))]
pub mod legacy;
#[cfg(all(target_arch = "wasm32", feature = "worker"))]
pub mod object;
#[cfg(all(target_arch = "wasm32", feature = "worker"))]
pub mod object_sql;
#[cfg(all(target_arch = "wasm32", feature = "worker"))]
mod outbox;
#[cfg(all(target_arch = "wasm32", feature = "worker"))]
mod walk;
