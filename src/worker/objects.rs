//! Calls to Durable Objects: JSON in, JSON out.

use serde::Serialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::JsValue;
use worker::{Env, Error, Method, Request, RequestInit, Response, Result};

/// Calls the object of this name.
///
/// # Errors
/// Where the binding is missing, the object cannot be reached, or it answered an error.
pub async fn call<Answer: DeserializeOwned>(
    env: &Env,
    binding: &str,
    name: &str,
    call: &impl Serialize,
) -> Result<Answer> {
    // The namespace must outlive the stub that is made from it.
    let namespace = env.durable_object(binding)?;
    let stub = namespace.get_by_name(name)?;
    let mut init = RequestInit::new();
    init.with_method(Method::Post);
    init.with_body(Some(JsValue::from_str(&serde_json::to_string(call)?)));
    let request = Request::new_with_init("https://object/", &init)?;
    let mut response = stub.fetch_with_request(request).await?;
    if response.status_code() != 200 {
        return Err(Error::RustError(response.text().await.unwrap_or_default()));
    }
    Ok(serde_json::from_str(&response.text().await?)?)
}

/// What an object answers to [`call`].
///
/// # Errors
/// Only where the platform refuses to make a `Response`.
pub fn answer(result: Result<impl Serialize>) -> Result<Response> {
    match result {
        Ok(value) => Response::from_json(&value),
        Err(error) => Response::error(error.to_string(), 500),
    }
}

/// Whether this object has stored anything: asked before reading, so that reading writes nothing.
///
/// # Errors
/// Where storage fails.
pub fn has_table(sql: &worker::SqlStorage, name: &str) -> Result<bool> {
    let query = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?";
    let mut rows = sql.exec(query, vec![name.into()])?.raw();
    Ok(rows.next().transpose()?.is_some())
}

/// Milliseconds since the epoch.
#[must_use]
pub fn now_ms() -> i64 {
    js_sys::Date::now() as i64
}

/// An alarm's time from milliseconds since the epoch.
#[must_use]
pub fn alarm_at(milliseconds: i64) -> worker::ScheduledTime {
    let milliseconds = JsValue::from_f64(milliseconds as f64);
    worker::ScheduledTime::new(js_sys::Date::new(&milliseconds))
}

/// ISO 8601, from milliseconds since the epoch.
#[must_use]
pub fn iso_8601(milliseconds: i64) -> String {
    let date = js_sys::Date::new(&JsValue::from_f64(milliseconds as f64));
    String::from(date.to_iso_string())
}
