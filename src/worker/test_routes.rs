//! Faults on purpose, for `tests/worker` only. The feature `worker-test` is never part of a
//! deployed build.
#![allow(clippy::panic)]

use serde_json::{Value, json};
use wasm_bindgen::JsValue;
use worker::{Env, QueueContentType, RawMessageBuilder, Result};

use super::ledger::client;
use super::ledger::messages::{Call, Envelope, Request, VERSION};
use super::ledger::shard::name_of;
use super::platform::body::Incoming;
use super::platform::response::Response;
use super::platform::served::{Served, served};
use super::platform::{config, objects};

/// Handles `POST /test/{what}`. With `GET` no body is awaited, so a fault happens before the first
/// `await`.
pub(super) async fn handle(request: &Incoming, env: &Env, what: &str) -> Served {
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
                worker::Delay::from(std::time::Duration::from_millis(5)).await;
                std::arch::wasm32::unreachable()
            }
            "slow" => {
                worker::Delay::from(std::time::Duration::from_millis(300)).await;
                Ok(())
            }
            "clock" => {
                let offset = body.get("offset_ms").and_then(Value::as_i64);
                super::platform::CLOCK_OFFSET_MS.set(offset.unwrap_or_default());
                Ok(())
            }
            "store" => return store_checks(env).await,
            "stripped" => return stripped(&request.whole()),
            "forward" => return forwarded(&request.whole(), env).await,
            "fail-next" | "panic-next" | "panic-in-alarm" | "panic-in-alarm-later" => {
                let id = body.get("invoice_id").and_then(Value::as_str);
                let call = match what {
                    "panic-in-alarm" => Call::PanicInAlarm { sent: false },
                    "panic-in-alarm-later" => Call::PanicInAlarm { sent: true },
                    _ => Call::FailNext {
                        panics: what == "panic-next",
                    },
                };
                client::call::<()>(env, "", id.unwrap_or_default(), call)
                    .await
                    .map_err(|error| worker::Error::RustError(error.to_string()))
            }
            "enqueue" => enqueue(env, &body).await,
            "rows" => {
                let (read, written) = super::ledger::object_sql::ROWS.get();
                return Response::json(200, "done", &json!({ "read": read, "written": written }));
            }
            "fill-dead" => fill_dead(env, &body).await,
            _ => return Response::not_found(),
        };
        match done {
            Ok(()) => Response::json(200, "done", &json!({})),
            Err(error) => Response::error(500, "TEST_FAILED", &error.to_string()),
        }
    };
    served("test", request, work).await
}

/// Puts `{ "message": … }` into the queue unchanged.
async fn enqueue(env: &Env, body: &Value) -> Result<()> {
    let text = body.get("message").unwrap_or(&Value::Null).to_string();
    let message = js_sys::JSON::parse(&text).unwrap_or(JsValue::NULL);
    let message = RawMessageBuilder::new(message).build_with_content_type(QueueContentType::Json);
    config::fulfillment_queue(env)?.send_raw(message).await
}

/// Writes `{ "rows" }` dead events into each shard.
/// The ids of their invoices begin with `{ "prefix" }`.
async fn fill_dead(env: &Env, body: &Value) -> Result<()> {
    let rows = body.get("rows").and_then(Value::as_u64).unwrap_or(1);
    let prefix = body.get("prefix").and_then(Value::as_str).unwrap_or("dead");
    let call = Call::FillDead {
        rows: usize::try_from(rows).unwrap_or(1),
        prefix: prefix.to_owned(),
    };
    let done = client::call_all::<()>(env, &call).await;
    done.map(drop)
        .map_err(|error| worker::Error::RustError(error.to_string()))
}

/// Returns the names of the headers that an app behind `without_identity_headers` receives.
fn stripped(request: &worker::Request) -> Response {
    match super::without_identity_headers(request) {
        Ok(stripped) => {
            let names: Vec<String> = stripped.headers().keys().collect();
            Response::json(200, "done", &json!({ "names": names }))
        }
        Err(error) => Response::error(500, "TEST_FAILED", &error.to_string()),
    }
}

/// Returns the headers that an app behind `Identity::forward` receives.
async fn forwarded(request: &worker::Request, env: &Env) -> Response {
    let identity = match super::authenticate(request, env).await {
        Ok(identity) => identity,
        Err(error) => return error.response(),
    };
    match identity.forward(request) {
        Ok(forwarded) => {
            let headers: Vec<(String, String)> = forwarded.headers().entries().collect();
            Response::json(200, "done", &json!({ "headers": headers }))
        }
        Err(error) => Response::error(500, "TEST_FAILED", &error.to_string()),
    }
}

/// Runs the store's own tests on a separate database, and returns which of them failed.
async fn store_checks(env: &Env) -> Response {
    let request = Request {
        envelope: Envelope {
            v: VERSION,
            shard: 0,
            shards: 1,
            merchant: String::new(),
        },
        call: Call::SelfTest,
    };
    let failures: Result<Vec<String>> =
        objects::call(env, config::LEDGER, &name_of("", u32::MAX), &request).await;
    match failures {
        Ok(failures) => Response::json(200, "done", &json!({ "failures": failures })),
        Err(error) => Response::error(500, "TEST_FAILED", &error.to_string()),
    }
}
