//! The ledger: which events came, what became of them, and what fulfillment must still hear. A fixed number of shards, each a Durable Object of its
//! own; the merchant-side id of an invoice says which one keeps it.
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
