//! Faults on purpose, for `tests/worker` only: the feature `worker-test` is never part of a build that is deployed.
#![allow(clippy::panic)]

use serde_json::{Value, json};
use wasm_bindgen::JsValue;
use worker::{Env, QueueContentType, RawMessageBuilder, Result};

use super::http::{Answer, Served, served};
use super::incoming::Incoming;
use super::index_object::IndexCall;
use super::invoice_object::InvoiceCall;
use super::{config, objects};

/// `POST /test/{what}`; by `GET`, whose body is not awaited, a fault strikes before the first `await`.
pub async fn handle(request: &Incoming, env: &Env, what: &str) -> Served {
    let work = async {
        let body = if request.method == "GET" {
            vec![]
        } else {
            request.read_body(1024 * 1024).await.unwrap_or_default()
        };
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        let done = match what {
            "panic" => panic!("a panic on purpose"),
            "panic-later" => {
                worker::Delay::from(std::time::Duration::from_millis(5)).await;
                panic!("a panic on purpose, after an await")
            }
            "trap" => std::arch::wasm32::unreachable(),
            "trap-later" => {
                let _: Result<()> =
                    objects::call(env, config::INVOICE_INDEX, what, &IndexCall::Get).await;
                std::arch::wasm32::unreachable()
            }
            "fail-next" | "trap-next" => {
                let id = body.get("invoice_id").and_then(Value::as_str);
                let id = id.unwrap_or_default();
                let traps = what == "trap-next";
                objects::call::<()>(env, config::INVOICES, id, &InvoiceCall::FailNext { traps })
                    .await
            }
            "fail-next-index" => {
                let id = body.get("public_invoice_id").and_then(Value::as_str);
                let id = id.unwrap_or_default();
                objects::call::<()>(env, config::INVOICE_INDEX, id, &IndexCall::FailNext).await
            }
            "enqueue" => enqueue(env, &body).await,
            _ => return Answer::not_found(),
        };
        match done {
            Ok(()) => Answer::json(200, "done", &json!({})),
            Err(error) => Answer::error(500, "TEST_FAILED", &error.to_string()),
        }
    };
    served("test", "POST", work).await
}

/// Puts `{ "message": … }` into the queue as it is.
async fn enqueue(env: &Env, body: &Value) -> Result<()> {
    let text = body.get("message").unwrap_or(&Value::Null).to_string();
    let message = js_sys::JSON::parse(&text).unwrap_or(JsValue::NULL);
    let message = RawMessageBuilder::new(message).build_with_content_type(QueueContentType::Json);
    env.queue(config::FULFILMENT_QUEUE)?.send_raw(message).await
}
