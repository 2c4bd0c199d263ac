//! What only the checkout surface needs.

use wasm_bindgen::prelude::*;

use crate::client::parse_retry_after;

/// How many milliseconds `Retry-After` asks to wait, counted from `now_ms` (milliseconds since the epoch); `undefined`
/// when it says nothing.
#[wasm_bindgen(js_name = retryAfter)]
#[must_use]
pub fn retry_after(value: &str, now_ms: f64) -> Option<f64> {
    // The cast saturates; not-a-number is 0.
    parse_retry_after(value, now_ms as i64).map(|wait| wait as f64)
}
