//! What is bound in the environment of a request or an object, read as it is.

use js_sys::Reflect;
use wasm_bindgen::JsValue;
use worker::Env;

/// The key of the merchant whose environment this is. No variable can have such a name.
pub(crate) const MERCHANT: &str = "gwop:merchant";

/// What is bound or set under a name, as the platform has it.
pub(crate) fn value(env: &Env, name: &str) -> JsValue {
    Reflect::get(env, &JsValue::from_str(name)).unwrap_or(JsValue::UNDEFINED)
}

/// The key of the merchant whose environment this is; empty where there is one merchant.
pub(crate) fn merchant(env: &Env) -> String {
    value(env, MERCHANT).as_string().unwrap_or_default()
}
