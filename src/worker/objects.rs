//! Calls to Durable Objects: JSON in, JSON out.

use std::borrow::Cow;

use serde::Serialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::{JsCast, JsValue};
use worker::{Env, Error, Response, Result};

use super::platform;
use super::promise::settled;

/// Before the path of every call; an object knows its callers by nothing else.
pub const ORIGIN: &str = "https://object";

/// Calls the object of this name.
///
/// # Errors
/// Where the binding is missing, the object cannot be reached, or it answered an error.
pub async fn call<Answer: DeserializeOwned>(
    env: &Env,
    binding: &'static str,
    name: &str,
    call: &impl Serialize,
) -> Result<Answer> {
    let body = serde_json::to_string(call)?;
    let response = ask(env, binding, name, "/", Some(&body)).await?;
    let response = accepted(response).await?;
    Ok(serde_json::from_str(&text(&response).await?)?)
}

/// Asks a path of the object of this name, with a body by `POST`, without one by `GET`. Whatever the answer's status is, it is an answer.
///
/// # Errors
/// Where the binding is missing, or the object cannot be reached.
pub async fn ask(
    env: &Env,
    binding: &'static str,
    name: &str,
    path: &str,
    body: Option<&str>,
) -> Result<web_sys::Response> {
    let url = [ORIGIN, path].concat();
    let Some(response) = platform::ask(env, platform::constant(binding), name, &url, body)? else {
        // Says what is wrong with the binding.
        env.durable_object(binding)?;
        return Err(Error::BindingError(binding.to_owned()));
    };
    Ok(settled(response).await?.unchecked_into())
}

/// An answer of status 200.
///
/// # Errors
/// Any other one is an error, with its text.
pub async fn accepted(response: web_sys::Response) -> Result<web_sys::Response> {
    if response.status() == 200 {
        return Ok(response);
    }
    Err(Error::RustError(text(&response).await.unwrap_or_default()))
}

/// The text of an answer.
///
/// # Errors
/// Where it cannot be read to its end.
pub async fn text(response: &web_sys::Response) -> Result<String> {
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

/// Milliseconds since the epoch.
#[must_use]
pub fn now_ms() -> i64 {
    js_sys::Date::now() as i64
}

/// ISO 8601, from milliseconds since the epoch.
#[must_use]
pub fn iso_8601(milliseconds: i64) -> String {
    let date = js_sys::Date::new(&JsValue::from_f64(milliseconds as f64));
    String::from(date.to_iso_string())
}

/// Text without its percent-encoding; as it is where that is malformed.
pub fn percent_decoded(text: &str) -> Cow<'_, str> {
    // A call to the platform less.
    if !text.contains('%') {
        return text.into();
    }
    let decoded = js_sys::decode_uri_component(text).map(String::from);
    decoded.map_or_else(|_| text.into(), Cow::from)
}

/// Text with percent-encoding, to be part of a URL.
pub fn percent_encoded(text: &str) -> Cow<'_, str> {
    // Gwop's ids need none: a call to the platform less.
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if text.bytes().all(is_plain) {
        return text.into();
    }
    String::from(js_sys::encode_uri_component(text)).into()
}

/// What follows `path` in the URL of `target`, a method and a URL, where that is a call of this crate's.
pub fn query_of<'t>(target: &'t str, path: &str) -> Option<Cow<'t, str>> {
    let (_, url) = target.split_once(' ')?;
    let query = url.strip_prefix(ORIGIN)?.strip_prefix(path)?;
    Some(percent_decoded(query))
}
