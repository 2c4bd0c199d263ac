//! Gwop's SDK and Worker. `docs/architecture.md` is the map.
#![cfg_attr(not(any(feature = "npm", feature = "worker")), forbid(unsafe_code))]
#![deny(unsafe_code)]
pub mod client;
pub mod invoice;
pub use gwop_json as json;
pub mod model;
pub mod port;
mod text;
pub mod time;
pub mod token;
pub mod webhook;

#[cfg(all(target_arch = "wasm32", any(feature = "npm", feature = "worker")))]
pub mod web;

#[cfg(all(target_arch = "wasm32", feature = "npm"))]
mod npm;

#[cfg(any(feature = "npm", feature = "codegen"))]
#[path = "npm/task.rs"]
pub mod task;

// Its policy is plain Rust, tested without the platform.
#[cfg(any(feature = "worker", test))]
pub mod worker;
