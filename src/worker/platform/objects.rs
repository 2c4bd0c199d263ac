//! Calls to Durable Objects, with JSON in both directions.

use js_sys::Promise;
use js_sys::futures::JsFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::{JsCast, JsValue};
use worker::worker_sys::DurableObject;
use worker::{Env, Error, Method, Request, RequestInit, Response, Result, Stub};

/// The origin of the URL of every call.
const ORIGIN: &str = "https://object";
/// The path of a call with a JSON body.
const CALL: &str = "/";

/// Calls the object of this name.
///
/// # Errors
/// Returns an error if the binding is missing, the object cannot be reached, or it returned an
/// error.
pub(crate) async fn call<T: DeserializeOwned>(
    env: &Env,
    binding: &str,
    name: &str,
    call: &impl Serialize,
) -> Result<T> {
    let stub = env.durable_object(binding)?.get_by_name(name)?;
    result_of(ask(&stub, call).await?).await
}

/// Sends a call to an object. A response of any status is `Ok`.
///
/// # Errors
/// Returns an error if the object cannot be reached.
pub(crate) async fn ask(stub: &Stub, call: &impl Serialize) -> Result<Response> {
    let text = serde_json::to_string(call)?;
    let mut init = RequestInit::new();
    init.with_method(Method::Post)
        .with_body(Some(JsValue::from_str(&text)));
    let request = Request::new_with_init(&[ORIGIN, CALL].concat(), &init)?;
    stub.fetch_with_request(request).await
}

/// Returns the platform's own stub of the object with this name. Every delivery uses it: creating
/// `worker`'s own `Request` and `Response` would read method, headers, `cf`, socket and body, each
/// a call out of the wasm.
///
/// # Errors
/// Returns an error if the binding is missing.
pub(crate) fn platform_object(env: &Env, binding: &str, name: &str) -> Result<DurableObject> {
    let stub = env.durable_object(binding)?.get_by_name(name)?;
    Ok(stub.into_rpc())
}

/// Sends a text to a path of an object.
///
/// # Errors
/// Returns an error if the object cannot be reached.
pub(crate) async fn post(
    object: &DurableObject,
    path: &str,
    body: &str,
) -> Result<web_sys::Response> {
    let init = web_sys::RequestInit::new();
    init.set_method("POST");
    init.set_body(&JsValue::from_str(body));
    let request = web_sys::Request::new_with_str_and_init(&[ORIGIN, path].concat(), &init)?;
    response_of(object.fetch_with_request(&request)?).await
}

/// Sends a request without a body to a path of an object.
///
/// # Errors
/// Returns an error if the object cannot be reached.
pub(crate) async fn get(object: &DurableObject, path: &str) -> Result<web_sys::Response> {
    response_of(object.fetch_with_str(&[ORIGIN, path].concat())?).await
}

async fn response_of(promise: Promise) -> Result<web_sys::Response> {
    Ok(JsFuture::from(promise).await?.unchecked_into())
}

/// Reads the result from a response with status 200.
///
/// # Errors
/// Returns the text of a response with any other status as an error.
pub(crate) async fn result_of<T: DeserializeOwned>(mut response: Response) -> Result<T> {
    let text = response.text().await?;
    if response.status_code() == 200 {
        Ok(serde_json::from_str(&text)?)
    } else {
        Err(Error::RustError(text))
    }
}

/// Creates the response of an object to a call.
///
/// # Errors
/// Returns an error only if the platform refuses to create a `Response`.
pub(crate) fn respond<E: ToString>(
    result: std::result::Result<impl Serialize, E>,
) -> Result<Response> {
    match result {
        Ok(value) => Response::from_json(&value),
        Err(error) => Response::error(error.to_string(), 500),
    }
}
