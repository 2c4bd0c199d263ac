//! The merchant's own functions, in JavaScript in front of this Worker: `createWorker({ onEvent,
//! onAlert })` of `@gwop/worker`.

use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use js_sys::futures::JsFuture;
use js_sys::{Function, Promise};
use wasm_bindgen::JsValue;
use worker::Delay;

/// Calls a hook with a text, and waits for its promise, for so long.
///
/// # Errors
/// It threw, its promise rejected, or did not settle in time: in our own words, since what the
/// merchant's code says may hold anything.
pub(super) async fn call(hook: &Function, text: &str, limit: Duration) -> Result<(), &'static str> {
    let rejected = "the hook rejected";
    let returned = hook
        .call1(&JsValue::UNDEFINED, &JsValue::from_str(text))
        .map_err(|_| rejected)?;
    let settled = JsFuture::from(Promise::resolve(&returned));
    match select(pin!(settled), Delay::from(limit)).await {
        Either::Left((Ok(_), _)) => Ok(()),
        Either::Left((Err(_), _)) => Err(rejected),
        Either::Right(_) => Err("the hook took too long"),
    }
}
