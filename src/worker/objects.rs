//! Calls to Durable Objects: JSON in, JSON out.

use serde::Serialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::{JsCast, JsValue, intern};
use worker::worker_sys::Fetcher;
use worker::{Env, Error, Response, Result};

use super::promise::settled;

/// Before the path of every call; an object knows its callers by nothing else.
pub const ORIGIN: &str = "https://object";

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
    let response = send(env, binding, name, "/", call).await?;
    Ok(serde_json::from_str(&text(&response).await?)?)
}

/// Sends a call to a path of the object of this name, and does not read the answer's body: one turn of the event loop less.
///
/// # Errors
/// As [`call`].
pub async fn send(
    env: &Env,
    binding: &str,
    name: &str,
    path: &str,
    call: &impl Serialize,
) -> Result<web_sys::Response> {
    let init = web_sys::RequestInit::new();
    init.set_method(intern("POST"));
    init.set_body(&JsValue::from_str(&serde_json::to_string(call)?));
    let object = object(env, binding, name)?;
    let response = object.fetch_with_str_and_init(&url(path), &init)?;
    let response: web_sys::Response = settled(response).await?.unchecked_into();
    if response.status() != 200 {
        return Err(Error::RustError(text(&response).await.unwrap_or_default()));
    }
    Ok(response)
}

/// Asks a path of the object of this name. Whatever the answer's status is, it is an answer.
///
/// # Errors
/// Where the binding is missing, or the object cannot be reached.
pub async fn get(env: &Env, binding: &str, name: &str, path: &str) -> Result<web_sys::Response> {
    let response = object(env, binding, name)?.fetch_with_str(&url(path))?;
    Ok(settled(response).await?.unchecked_into())
}

fn object(env: &Env, binding: &str, name: &str) -> Result<Fetcher> {
    // The namespace must outlive the stub that is made from it.
    let namespace = env.durable_object(intern(binding))?;
    Ok(namespace.get_by_name(name)?.into_rpc())
}

fn url(path: &str) -> String {
    [ORIGIN, path].concat()
}

async fn text(response: &web_sys::Response) -> Result<String> {
    let text = settled(response.text()?).await?;
    Ok(text.as_string().unwrap_or_default())
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
