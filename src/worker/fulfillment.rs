//! Delivery to fulfillment: the event as Gwop signed it, with `gwop_outcome` added, signed anew in Gwop's own header format.

use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use wasm_bindgen::JsValue;
use worker::{
    AbortController, Delay, Env, Fetch, Headers, Method, Request, RequestInit, RequestRedirect,
};

use crate::webhook::hmac;

use super::ledger::messages::Claimed;
use super::payload::{fits_header, with_outcome};
use super::platform::body::Chunks;
use super::platform::{config, now_ms};
use super::schedule::FULFILMENT_TIMEOUT_MS;

/// The URL that a service binding sees where `FULFILLMENT_URL` is absent.
const SERVICE_URL: &str = "https://fulfilment/webhooks/gwop";

/// How long the rest of an answer may take.
const REST_OF_ANSWER: Duration = Duration::from_secs(1);

/// Delivers one event.
///
/// # Errors
/// Why fulfillment did not take it, for the log: it answered other than 2xx, too late, or not at all.
pub async fn deliver(env: &Env, event_id: &str, event: &Claimed) -> Result<(), String> {
    if config::list(env, config::FULFILLMENT_SECRET).is_empty() {
        return Err("FULFILLMENT_SECRET is not configured".to_owned());
    }
    let body =
        with_outcome(&event.body, event.outcome).ok_or("the stored event is no JSON object")?;
    let url = config::fulfillment_url(env);
    let service = env.service(config::FULFILLMENT).ok();
    let abort = AbortController::default();
    let signal = abort.signal();
    let attempt = async {
        let to = url.as_deref().unwrap_or(SERVICE_URL);
        // Never the platform's own words: they hold the URL, and that may hold credentials.
        let request = request(env, event_id, event, &body, to)
            .map_err(|_| "no request can be made of FULFILLMENT_URL")?;
        let response = match (service, url.is_some()) {
            (Some(service), _) => service.fetch_request(request).await,
            (None, true) => Fetch::Request(request).send_with_signal(&signal).await,
            (None, false) => return Err("neither FULFILLMENT nor FULFILLMENT_URL is configured"),
        };
        response.map_err(|_| "it cannot be reached")
    };
    let limit = Duration::from_millis(FULFILMENT_TIMEOUT_MS.unsigned_abs());
    let attempt = pin!(attempt);
    let response = match select(attempt, Delay::from(limit)).await {
        Either::Left((Ok(response), _)) => response,
        Either::Left((Err(reason), _)) => return Err(reason.to_owned()),
        Either::Right(_) => {
            abort.abort();
            return Err("no answer in time".to_owned());
        }
    };
    let status = response.status_code();
    // Nobody needs the body, but a connection whose answer was read can serve the next delivery.
    let response: web_sys::Response = response.into();
    if let Some(mut rest) = response.body().and_then(|body| Chunks::of(&body)) {
        let drained = pin!(rest.drain());
        if let Either::Right(_) = select(drained, Delay::from(REST_OF_ANSWER)).await {
            abort.abort();
        }
    }
    if (200..300).contains(&status) {
        return Ok(());
    }
    Err(["answered ", &status.to_string()].concat())
}

fn request(
    env: &Env,
    event_id: &str,
    event: &Claimed,
    body: &str,
    url: &str,
) -> worker::Result<Request> {
    let secrets = config::list(env, config::FULFILLMENT_SECRET);
    let timestamp = now_ms().checked_div(1_000).unwrap_or(0).to_string();
    let mut signature = String::from("t=");
    signature.push_str(&timestamp);
    for secret in &secrets {
        signature.push_str(",v1=");
        signature.push_str(&hmac::sign(secret, &timestamp, body.as_bytes()));
    }
    let headers = Headers::new();
    headers.set("content-type", "application/json")?;
    headers.set("x-gwop-signature", &signature)?;
    // Conveniences, and not signed: what a header would change is in the signed body alone.
    for (name, value) in [
        ("x-gwop-event-id", event_id),
        ("x-gwop-event-type", &event.event_type),
    ] {
        if fits_header(value) {
            headers.set(name, value)?;
        }
    }
    let mut init = RequestInit::new();
    init.with_method(Method::Post)
        .with_headers(headers)
        .with_redirect(RequestRedirect::Manual)
        .with_body(Some(JsValue::from_str(body)));
    Request::new_with_init(url, &init)
}
