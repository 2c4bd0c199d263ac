//! The events that `dist/worker` handles.

use wasm_bindgen::JsValue;
use worker::{Context, Env, MessageBatch, Result, ScheduleContext, ScheduledEvent, event};

use super::platform::panic;
use super::{handle_queue, handle_scheduled, router};

#[event(start)]
fn start() {
    panic::log_panics();
}

/// Takes the platform's own request. Creating `worker`'s request from it would also read `cf`.
#[event(fetch)]
async fn fetch(
    request: web_sys::Request,
    env: Env,
    _context: Context,
) -> Result<web_sys::Response> {
    let served = router::serve(&request.into(), &env).await;
    served.into_platform_response()
}

#[event(queue)]
async fn queue(batch: MessageBatch<JsValue>, env: Env, _context: Context) -> Result<()> {
    handle_queue(batch, env).await
}

#[event(scheduled)]
async fn scheduled(_event: ScheduledEvent, env: Env, _context: ScheduleContext) {
    handle_scheduled(&env).await;
}
