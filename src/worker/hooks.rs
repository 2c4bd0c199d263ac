//! The merchant's own functions in JavaScript, in front of this Worker:
//! `createWorker({ onEvent, onAlert })` of `@gwop/worker`.

use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use js_sys::futures::JsFuture;
use js_sys::{Function, Promise};
use wasm_bindgen::JsValue;
use worker::Delay;

/// Calls a hook with a text, and waits at most `limit` for its promise.
///
/// # Errors
/// Returns an error if the hook throws, or its promise rejects or does not settle in time. The
/// message is the Worker's own, because the text of the merchant's code may contain anything.
pub(super) async fn call(hook: &Function, text: &str, limit: Duration) -> Result<(), &'static str> {
    let rejected = "the hook rejected";
    let returned = hook
        .call1(&JsValue::UNDEFINED, &JsValue::from_str(text))
        .map_err(|_| rejected)?;
    let outcome = JsFuture::from(Promise::resolve(&returned));
    match select(pin!(outcome), Delay::from(limit)).await {
        Either::Left((Ok(_), _)) => Ok(()),
        Either::Left((Err(_), _)) => Err(rejected),
        Either::Right(_) => Err("the hook took too long"),
    }
}
