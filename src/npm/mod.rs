//! What the npm package's TypeScript calls: translation only. Bytes and JSON text go in and out; every function is
//! synchronous or hands on the promise of Web Crypto. A refusal is thrown as the string `CODE message`,
//! of which TypeScript makes the error.
#![allow(unsafe_code)] // wasm-bindgen's generated glue.

mod checkout;
mod client;
mod invoice;
mod token;
mod webhook;

use wasm_bindgen::JsValue;

/// 3 KB smaller (gzip) than the standard library's dlmalloc, and as frugal with memory.
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

/// A refusal on its way to TypeScript.
fn refusal(code: &str, message: &str) -> JsValue {
    let mut text =
        String::with_capacity(code.len().saturating_add(message.len()).saturating_add(1));
    text.push_str(code);
    text.push(' ');
    text.push_str(message);
    JsValue::from_str(&text)
}
