//! The events that `dist/worker` answers.

use js_sys::Reflect;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use worker::{Context, Env, MessageBatch, Request, Response, Result, event};

#[event(fetch)]
async fn fetch(request: Request, env: Env, _context: Context) -> Result<Response> {
    super::handle(request, env).await
}

#[event(queue)]
async fn queue(batch: MessageBatch<JsValue>, env: Env, _context: Context) -> Result<()> {
    super::handle_queue(batch, env).await
}

/// Runs when the module is loaded, and again after a panic.
///
/// The queue of futures wakes them by `queueMicrotask`, which on workerd is a native call into and out of the engine: a tenth of the time
/// of a duplicate. Where it is missing when the queue first looks, a resolved promise's `then` serves. After a panic this runs
/// inside a request, whose promise must not serve others, so then `queueMicrotask` stays.
#[wasm_bindgen(start)]
fn start() {
    let global = js_sys::global();
    let (name, loaded) = (
        JsValue::from("queueMicrotask"),
        JsValue::from("__gwop_loaded"),
    );
    let first = Reflect::get(&global, &loaded).is_ok_and(|loaded| loaded.is_undefined());
    let hidden = first
        && Reflect::set(&global, &loaded, &JsValue::TRUE).is_ok()
        && Reflect::set(&global, &name, &JsValue::UNDEFINED).is_ok();
    if hidden {
        js_sys::futures::spawn_local(async {});
        // What was set hid an inherited method.
        let _ = Reflect::delete_property(&global, &name);
    }
}
