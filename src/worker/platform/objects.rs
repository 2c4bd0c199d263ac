//! Calls to Durable Objects: JSON in, JSON out.

use serde::Serialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::JsValue;
use worker::{Env, Error, Method, Request, RequestInit, Response, Result, Stub};

/// Before the path of every call.
const ORIGIN: &str = "https://object";
/// The path of a call in JSON.
const CALL: &str = "/";

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
    let stub = env.durable_object(binding)?.get_by_name(name)?;
    answer_of(ask(&stub, call).await?).await
}

/// Sends a call to an object. Whatever the answer's status is, it is an answer.
///
/// # Errors
/// Where the object cannot be reached.
pub async fn ask(stub: &Stub, call: &impl Serialize) -> Result<Response> {
    post(stub, CALL, &serde_json::to_string(call)?).await
}

/// Sends a text to a path of an object.
///
/// # Errors
/// Where the object cannot be reached.
pub async fn post(stub: &Stub, path: &str, body: &str) -> Result<Response> {
    let mut init = RequestInit::new();
    init.with_method(Method::Post)
        .with_body(Some(JsValue::from_str(body)));
    let request = Request::new_with_init(&[ORIGIN, path].concat(), &init)?;
    stub.fetch_with_request(request).await
}

/// Asks an object by a path alone.
///
/// # Errors
/// Where the object cannot be reached.
pub async fn get(stub: &Stub, path: &str) -> Result<Response> {
    stub.fetch_with_str(&[ORIGIN, path].concat()).await
}

/// What an answer of status 200 holds.
///
/// # Errors
/// Any other one is an error, with its text.
pub async fn answer_of<Answer: DeserializeOwned>(mut response: Response) -> Result<Answer> {
    let text = response.text().await?;
    if response.status_code() == 200 {
        Ok(serde_json::from_str(&text)?)
    } else {
        Err(Error::RustError(text))
    }
}

/// What an object answers to a call.
///
/// # Errors
/// Only where the platform refuses to make a `Response`.
pub fn answer<E: ToString>(result: std::result::Result<impl Serialize, E>) -> Result<Response> {
    match result {
        Ok(value) => Response::from_json(&value),
        Err(error) => Response::error(error.to_string(), 500),
    }
}
