//! The events that `dist/worker` answers.
#![allow(unsafe_code)] // wasm-bindgen's generated glue.

use js_sys::Promise;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use worker::{Context, Env, MessageBatch, Response, Result, event};

use super::{handle_queue, log, promise, router};

/// Called by the platform for a request. `event` would write this too, but run it by js-sys's executor and ask for `cf`.
#[wasm_bindgen]
pub fn fetch(request: web_sys::Request, env: Env, _context: JsValue) -> Promise {
    promise::of(async move {
        let served = router::serve(&request.into(), &env).await;
        let answer = served.into_platform_response().or_else(|error| {
            log::error("failed", &[("error", error.to_string().into())]);
            Response::error("Internal error", 500).map(web_sys::Response::from)
        })?;
        Ok(answer.into())
    })
}

#[event(queue)]
async fn queue(batch: MessageBatch<JsValue>, env: Env, _context: Context) -> Result<()> {
    handle_queue(batch, env).await
}
