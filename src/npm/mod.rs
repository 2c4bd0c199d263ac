//! What the npm package's TypeScript calls: translation only. A rule lives in the core.
//!
//! - `webhook`: signatures and events. Nothing of it outlives a call, so a request that is cancelled leaves nothing behind.
//! - `token`: access tokens, verified by a [`token::TokenVerifier`] per client.
//! - `call`: Gwop's operations over the caller's HTTP client.
//! - `auth`: exchange secrets and what is known of sessions, for handlers.
//! - `invoice`: the state machine, for stores.
//! - `options`: how options cross.
//! - `reconcile`: what webhooks did not bring, for stores.
//! - `refusal`: how errors cross.
//!
//! Options come in by serde-wasm-bindgen, payloads as JSON text.
#![allow(unsafe_code)] // wasm-bindgen's generated glue.
#![allow(unreachable_pub)] // JavaScript reaches what it exports.

mod auth;
mod call;
mod invoice;
mod options;
mod reconcile;
mod refusal;
mod token;
mod webhook;

use wasm_bindgen::prelude::*;

/// 2.7 KB smaller (gzip) than the standard library's allocator, and as frugal with memory.
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

/// Says in the console where a panic happened, before it traps. No input reaches one.
#[wasm_bindgen(start)]
fn start() {
    console_error_panic_hook::set_once();
}
