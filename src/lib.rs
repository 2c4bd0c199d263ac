//! Gwop's SDK and Worker. See `docs/architecture.md` for an overview.
#![cfg_attr(not(any(feature = "npm", feature = "worker")), forbid(unsafe_code))]
#![deny(unsafe_code)]

extern crate alloc;

pub mod client;
pub mod drive;
pub mod exchange;
pub mod http_auth;
pub mod invoice;
pub mod json;
pub mod model;
pub mod port;
pub mod reconcile;
pub mod session;
pub mod time;
pub mod token;
pub mod webhook;

#[cfg(all(target_arch = "wasm32", any(feature = "npm", feature = "worker")))]
pub mod web;

#[cfg(all(target_arch = "wasm32", feature = "npm"))]
mod npm;

// The Worker's policy is plain Rust. Tests run it without the platform.
#[cfg(any(feature = "worker", test))]
pub mod worker;
