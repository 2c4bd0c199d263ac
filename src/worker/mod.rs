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
//! Policy ([`schedule`], [`secret`]) is plain Rust; what talks to the platform is there on `wasm32` only.
#![cfg_attr(not(target_arch = "wasm32"), allow(rustdoc::broken_intra_doc_links))]

pub mod exchange;
pub mod schedule;
pub mod secret;

#[cfg(target_arch = "wasm32")]
mod auth;
#[cfg(target_arch = "wasm32")]
mod config;
#[cfg(target_arch = "wasm32")]
mod fulfilment;
#[cfg(target_arch = "wasm32")]
mod http;
#[cfg(target_arch = "wasm32")]
mod index_object;
#[cfg(target_arch = "wasm32")]
mod invoice_object;
#[cfg(target_arch = "wasm32")]
mod log;
#[cfg(all(target_arch = "wasm32", feature = "worker-main"))]
mod main;
#[cfg(target_arch = "wasm32")]
mod objects;
#[cfg(target_arch = "wasm32")]
mod operator;
#[cfg(target_arch = "wasm32")]
mod queue;
#[cfg(target_arch = "wasm32")]
mod router;
#[cfg(target_arch = "wasm32")]
mod session_object;
#[cfg(all(target_arch = "wasm32", feature = "worker-test"))]
mod test_routes;
#[cfg(target_arch = "wasm32")]
mod token;
#[cfg(target_arch = "wasm32")]
mod transport;
#[cfg(target_arch = "wasm32")]
mod webhook;

#[cfg(target_arch = "wasm32")]
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
