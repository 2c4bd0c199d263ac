//! The functions that the npm package's TypeScript calls. They only translate. The rules are in the
//! core.
//!
//! - `webhook`: signatures and events. No state outlives a call, so a canceled request leaves
//!   nothing behind.
//! - `token`: access tokens, verified by one [`token::TokenVerifier`] per client.
//! - `call`: Gwop's operations over the caller's HTTP client.
//! - `auth`: exchange secrets, and what is known about sessions, for handlers.
//! - `invoice`: the state machine, for stores.
//! - `options`: how options cross the boundary.
//! - `reconcile`: what webhooks did not report, for stores.
//! - `refusal`: how errors cross the boundary.
//!
//! Options cross with serde-wasm-bindgen, and payloads as JSON text.
#![allow(unsafe_code)] // For the code that wasm-bindgen generates.
#![allow(unreachable_pub)] // JavaScript uses the exports.

mod auth;
mod call;
mod invoice;
mod options;
mod reconcile;
mod refusal;
mod token;
mod webhook;

use wasm_bindgen::prelude::*;

/// The allocator. It is 2.7 KB smaller (gzip) than the one of the standard library, with the same
/// memory use.
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

/// Makes a panic log its place to the console before it traps. No input causes a panic.
#[wasm_bindgen(start)]
fn start() {
    console_error_panic_hook::set_once();
}
