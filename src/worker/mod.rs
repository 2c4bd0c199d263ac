//! The Cloudflare Worker: a webhook and auth endpoint that loses nothing and applies nothing twice.
//!
//! Deployed as it is (`dist/worker`, `wrangler.toml`), or as a library: a merchant's own Worker calls [`handle_webhook`]
//! and [`authenticate`] from its router, exports the Durable Objects by linking this crate, and calls [`handle_queue`] from its
//! `queue` event. `docs/worker.md` tells about variables, bindings and what is guaranteed.
//!
//! ```text
//! Gwop ─ signed delivery → handle_webhook ─ one transaction → GwopInvoice (event, state, outbox, alarm) → 200
//!                                                                  └─ alarm → queue → handle_queue → fulfilment
//! ```
//!
//! Policy ([`schedule`], [`secret`], [`payload`]) is plain Rust; what talks to the platform is there on `wasm32` only.
#![cfg_attr(not(target_arch = "wasm32"), allow(rustdoc::broken_intra_doc_links))]

pub mod exchange;
pub mod payload;
pub mod schedule;
pub mod secret;

#[cfg(all(target_arch = "wasm32", feature = "worker"))]
mod auth;
#[cfg(all(target_arch = "wasm32", feature = "worker"))]
mod config;
#[cfg(all(target_arch = "wasm32", feature = "worker"))]
mod failure;
#[cfg(all(target_arch = "wasm32", feature = "worker"))]
mod fulfilment;
#[cfg(all(target_arch = "wasm32", feature = "worker"))]
mod http;
#[cfg(all(target_arch = "wasm32", feature = "worker"))]
mod incoming;
#[cfg(all(target_arch = "wasm32", feature = "worker"))]
mod index_object;
#[cfg(all(target_arch = "wasm32", feature = "worker"))]
mod invoice_object;
#[cfg(all(target_arch = "wasm32", feature = "worker"))]
mod log;
#[cfg(all(target_arch = "wasm32", feature = "worker-main"))]
mod main;
#[cfg(all(target_arch = "wasm32", feature = "worker"))]
mod objects;
#[cfg(all(target_arch = "wasm32", feature = "worker"))]
mod operator;
#[cfg(all(target_arch = "wasm32", feature = "worker"))]
mod platform;
#[cfg(all(target_arch = "wasm32", feature = "worker"))]
mod promise;
#[cfg(all(target_arch = "wasm32", feature = "worker"))]
mod queue;
#[cfg(all(target_arch = "wasm32", feature = "worker"))]
mod router;
#[cfg(all(target_arch = "wasm32", feature = "worker"))]
mod session_object;
#[cfg(all(target_arch = "wasm32", feature = "worker"))]
mod storage;
#[cfg(all(target_arch = "wasm32", feature = "worker-test"))]
mod test_routes;
#[cfg(all(target_arch = "wasm32", feature = "worker"))]
mod token;
#[cfg(all(target_arch = "wasm32", feature = "worker"))]
mod transport;
#[cfg(all(target_arch = "wasm32", feature = "worker"))]
mod webhook;

#[cfg(all(target_arch = "wasm32", feature = "worker"))]
pub use {
    auth::{Denied, Identity, authenticate, without_identity_headers},
    index_object::GwopInvoiceIndex,
    invoice_object::GwopInvoice,
    queue::handle_queue,
    router::handle,
    session_object::GwopSession,
    transport::{CallError, call},
    webhook::handle_webhook,
};
