//! The events that `dist/worker` answers.

use wasm_bindgen::JsValue;
use worker::{Context, Env, MessageBatch, Request, Response, Result, event};

#[event(fetch)]
async fn fetch(request: Request, env: Env, _context: Context) -> Result<Response> {
    super::handle(request, env).await
}

#[event(queue)]
async fn queue(batch: MessageBatch<JsValue>, env: Env, _context: Context) -> Result<()> {
    super::handle_queue(batch, env).await
}
