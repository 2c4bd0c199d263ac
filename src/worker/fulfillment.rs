//! Delivers events to fulfillment. A delivery is the event as Gwop signed it, with `gwop_outcome`
//! added, and signed again in Gwop's own header format. Or it goes to the hook `onEvent`.

use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use wasm_bindgen::JsValue;
use worker::{
    AbortController, Delay, Env, Fetch, Headers, Method, Request, RequestInit, RequestRedirect,
};

use crate::webhook::{event, hmac};

use super::hooks;
use super::ledger::messages::Claimed;
use super::payload::{fits_header, with_outcome};
use super::platform::body::Chunks;
use super::platform::{config, now_ms};
use super::schedule::FULFILMENT_TIMEOUT_MS;

/// The URL that a service binding receives if `FULFILLMENT_URL` is absent.
const SERVICE_URL: &str = "https://fulfillment/webhooks/gwop";

/// The maximum time for the rest of a response.
const REST_OF_RESPONSE: Duration = Duration::from_secs(1);

/// The maximum time for fulfillment.
const LIMIT: Duration = Duration::from_millis(FULFILMENT_TIMEOUT_MS.unsigned_abs());

/// Why fulfillment did not accept an event, for the log and the operator. The text is the Worker's
/// own, with nothing of a body or a URL.
pub(super) struct NotTaken {
    /// The status of the response, or `None` if there was none.
    pub status: Option<u16>,
    /// The reason.
    pub reason: String,
}

impl From<&str> for NotTaken {
    fn from(reason: &str) -> Self {
        Self {
            status: None,
            reason: reason.to_owned(),
        }
    }
}

/// Delivers one event.
///
/// # Errors
/// Returns [`NotTaken`] if fulfillment responded with a status other than 2xx, too late, or not at
/// all.
pub(super) async fn deliver(env: &Env, event_id: &str, event: &Claimed) -> Result<(), NotTaken> {
    if let Some(out) = config::out(env) {
        return Err(out.reason().into());
    }
    if let Some(hook) = config::hook(env, config::ON_EVENT) {
        return Ok(hooks::call(&hook, &told(event)?, LIMIT).await?);
    }
    if config::list(env, config::FULFILLMENT_SECRET).is_empty() {
        return Err("FULFILLMENT_SECRET is not configured".into());
    }
    let body =
        with_outcome(&event.body, event.outcome).ok_or("the stored event is no JSON object")?;
    let url = config::fulfillment_url(env);
    let service = env.service(config::FULFILLMENT).ok();
    let abort = AbortController::default();
    let signal = abort.signal();
    let attempt = async {
        let to = url.as_deref().unwrap_or(SERVICE_URL);
        // The platform's own messages are never used: they contain the URL, which may contain
        // credentials.
        let request = request(env, event_id, event, &body, to)
            .map_err(|_| "no request can be made of FULFILLMENT_URL")?;
        let response = match (service, url.is_some()) {
            (Some(service), _) => service.fetch_request(request).await,
            (None, true) => Fetch::Request(request).send_with_signal(&signal).await,
            (None, false) => return Err("neither FULFILLMENT nor FULFILLMENT_URL is configured"),
        };
        response.map_err(|_| "it cannot be reached")
    };
    let attempt = pin!(attempt);
    let response = match select(attempt, Delay::from(LIMIT)).await {
        Either::Left((Ok(response), _)) => response,
        Either::Left((Err(reason), _)) => return Err(reason.into()),
        Either::Right(_) => {
            abort.abort();
            return Err("no answer in time".into());
        }
    };
    let status = response.status_code();
    drain(response, abort).await;
    if (200..300).contains(&status) {
        return Ok(());
    }
    Err(NotTaken {
        status: Some(status),
        reason: ["answered ", &status.to_string()].concat(),
    })
}

/// Returns the event for `onEvent`, with JavaScript names, by the rules of `validateWebhook`.
fn told(event: &Claimed) -> Result<String, &'static str> {
    let unreadable = "the stored event cannot be read";
    let body = with_outcome(&event.body, event.outcome).ok_or(unreadable)?;
    let decoded = event::read(body.as_bytes(), "", "", true).map_err(|_| unreadable)?;
    Ok(decoded.into_text())
}

/// Reads a response to its end. The body is not needed, but a connection whose response was read
/// can be used for the next delivery.
pub(super) async fn drain(response: worker::Response, abort: AbortController) {
    let response: web_sys::Response = response.into();
    if let Some(mut rest) = response.body().and_then(|body| Chunks::of(&body)) {
        let drained = pin!(rest.drain());
        if let Either::Right(_) = select(drained, Delay::from(REST_OF_RESPONSE)).await {
            abort.abort();
        }
    }
}

/// Returns the signature header of a body, in Gwop's format, with a signature for each of these
/// secrets.
pub(super) fn signature(secrets: &[String], body: &str) -> String {
    let timestamp = now_ms().checked_div(1_000).unwrap_or(0).to_string();
    let mut signature = String::from("t=");
    signature.push_str(&timestamp);
    for secret in secrets {
        signature.push_str(",v1=");
        signature.push_str(&hmac::sign(secret, &timestamp, body.as_bytes()));
    }
    signature
}

fn request(
    env: &Env,
    event_id: &str,
    event: &Claimed,
    body: &str,
    url: &str,
) -> worker::Result<Request> {
    let headers = Headers::new();
    headers.set("content-type", "application/json")?;
    let secrets = config::list(env, config::FULFILLMENT_SECRET);
    headers.set("x-gwop-signature", &signature(&secrets, body))?;
    if let Some(traceparent) = &event.traceparent {
        headers.set("traceparent", traceparent)?;
    }
    // These headers are for convenience and are not signed. The signed body alone determines the
    // result.
    for (name, value) in [
        ("x-gwop-event-id", event_id),
        ("x-gwop-event-type", &event.event_type),
    ] {
        if fits_header(value) {
            headers.set(name, value)?;
        }
    }
    post(url, headers, body)
}

/// Creates a `POST` request that follows no redirect.
pub(super) fn post(url: &str, headers: Headers, body: &str) -> worker::Result<Request> {
    let mut init = RequestInit::new();
    init.with_method(Method::Post)
        .with_headers(headers)
        .with_redirect(RequestRedirect::Manual)
        .with_body(Some(JsValue::from_str(body)));
    Request::new_with_init(url, &init)
}
