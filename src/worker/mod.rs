//! The Cloudflare Worker: a webhook and auth endpoint that loses no event and applies none twice.
//!
//! Deploy it as it is (`dist/worker`, `wrangler.toml`), or use it as a library. As a library, a
//! merchant's own Worker calls [`handle_webhook`] and [`authenticate`] from its router, exports the
//! Durable Objects by linking this crate, and calls [`handle_queue`] from its `queue` event.
//! `docs/worker.md` describes the variables, the bindings and the guarantees.
//!
//! ```text
//! Gwop ─ signed delivery → handle_webhook ─ one transaction → GwopLedger, one shard (event, state, outbox, alarm) → 200
//!                                                                  └─ alarm → queue → handle_queue → fulfillment
//! ```
//!
//! The policy ([`schedule`], [`bounds`], [`payload`], [`ledger::store`]) is plain Rust. The code
//! that calls the platform exists on `wasm32` only.
#![cfg_attr(not(target_arch = "wasm32"), allow(rustdoc::broken_intra_doc_links))]

pub mod alerts;
pub mod bounds;
pub mod ledger;
pub mod metrics;
pub mod pages;
pub mod payload;
pub mod schedule;
pub mod segments;
pub mod trace;

#[cfg(all(target_arch = "wasm32", feature = "worker"))]
mod alerting;
#[cfg(all(target_arch = "wasm32", feature = "worker"))]
mod auth;
#[cfg(all(target_arch = "wasm32", feature = "worker"))]
mod fulfillment;
#[cfg(all(target_arch = "wasm32", feature = "worker"))]
mod gwop;
#[cfg(all(target_arch = "wasm32", feature = "worker"))]
mod hooks;
#[cfg(all(target_arch = "wasm32", feature = "worker"))]
mod identity;
#[cfg(all(target_arch = "wasm32", feature = "worker"))]
mod merchants;
#[cfg(all(target_arch = "wasm32", feature = "worker"))]
mod platform;
#[cfg(all(target_arch = "wasm32", feature = "worker"))]
mod queue;
#[cfg(all(target_arch = "wasm32", feature = "worker"))]
mod router;
#[cfg(all(target_arch = "wasm32", feature = "worker"))]
mod routes;
#[cfg(all(target_arch = "wasm32", feature = "worker"))]
mod scheduled;
#[cfg(all(target_arch = "wasm32", feature = "worker"))]
mod sessions;
#[cfg(all(target_arch = "wasm32", feature = "worker"))]
mod telemetry;
#[cfg(all(target_arch = "wasm32", feature = "worker"))]
mod verify;

#[cfg(all(target_arch = "wasm32", feature = "worker-main"))]
mod main;
#[cfg(all(target_arch = "wasm32", feature = "worker-test"))]
mod test_routes;

#[cfg(all(target_arch = "wasm32", feature = "worker"))]
pub use {
    auth::{AuthError, authenticate},
    gwop::{CallError, call},
    identity::{Identity, without_identity_headers},
    ledger::legacy::{GwopInvoice, GwopInvoiceIndex},
    ledger::object::GwopLedger,
    platform::panic::log_panics,
    queue::handle_queue,
    router::handle,
    routes::webhook::handle_webhook,
    scheduled::handle_scheduled,
    sessions::object::GwopSession,
};
