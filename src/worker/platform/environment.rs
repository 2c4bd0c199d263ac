//! Reads bindings from the environment of a request or an object, without conversion.

use js_sys::Reflect;
use wasm_bindgen::JsValue;
use worker::Env;

/// Under this name the environment has the merchant's key. No variable can have such a name.
pub(crate) const MERCHANT: &str = "gwop:merchant";

/// Returns the platform's value that is bound or set under a name.
pub(crate) fn value(env: &Env, name: &str) -> JsValue {
    Reflect::get(env, &JsValue::from_str(name)).unwrap_or(JsValue::UNDEFINED)
}

/// Returns the key of this environment's merchant. Empty if there is only one merchant.
pub(crate) fn merchant(env: &Env) -> String {
    value(env, MERCHANT).as_string().unwrap_or_default()
}
