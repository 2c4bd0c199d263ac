//! The Cloudflare Worker: a webhook and auth endpoint that loses nothing and applies nothing twice.
//!
//! Deployed as it is (`dist/worker`, `wrangler.toml`), or as a library: a merchant's own Worker calls [`handle_webhook`]
//! and [`authenticate`] from its router, exports the Durable Objects by linking this crate, and calls [`handle_queue`] from its
//! `queue` event. `docs/worker.md` tells about variables, bindings and what is guaranteed.
//!
//! ```text
//! Gwop ─ signed delivery → handle_webhook ─ one transaction → GwopLedger, one shard (event, state, outbox, alarm) → 200
//!                                                                  └─ alarm → queue → handle_queue → fulfillment
//! ```
//!
//! Policy ([`schedule`], [`exchange`], [`payload`], [`ledger::store`]) is plain Rust; what talks to the platform is there on `wasm32` only.
#![cfg_attr(not(target_arch = "wasm32"), allow(rustdoc::broken_intra_doc_links))]

pub mod exchange;
#[cfg(any(feature = "worker", feature = "serde"))]
pub mod ledger;
#[cfg(any(feature = "worker", feature = "serde"))]
pub mod payload;
pub mod schedule;

/// What talks to the platform.
macro_rules! on_the_platform {
    ($($item:item)*) => { $(#[cfg(all(target_arch = "wasm32", feature = "worker"))] $item)* };
}

on_the_platform! {
    mod auth;
    mod fulfillment;
    mod gwop;
    mod platform;
    mod queue;
    mod router;
    mod routes;
    mod scheduled;
    mod sessions;
    mod verify;

    pub use auth::{AuthError, Identity, authenticate, without_identity_headers};
    pub use gwop::{CallError, call};
    pub use ledger::legacy::{GwopInvoice, GwopInvoiceIndex};
    pub use ledger::object::GwopLedger;
    pub use queue::handle_queue;
    pub use router::handle;
    pub use routes::webhook::handle_webhook;
    pub use scheduled::handle_scheduled;
    pub use sessions::object::GwopSession;
}

#[cfg(all(target_arch = "wasm32", feature = "worker-main"))]
mod main;
#[cfg(all(target_arch = "wasm32", feature = "worker-test"))]
mod test_routes;
