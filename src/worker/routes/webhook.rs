//! `POST /webhooks/gwop`: verifies, then applies, then responds.

use std::borrow::Borrow;

use serde::Serialize;
use worker::{Env, Request, Result};

use crate::invoice::Outcome;
use crate::webhook::Rejection;
use crate::worker::ledger::client;
use crate::worker::ledger::messages::Delivery;
use crate::worker::merchants;
use crate::worker::payload::merchant_of;
use crate::worker::platform::body::Incoming;
use crate::worker::platform::response::Response;
use crate::worker::platform::served::{Served, served};
use crate::worker::platform::{config, log, now_ms};
use crate::worker::telemetry::{self, count};
use crate::worker::trace;
use crate::worker::verify::{self, Failure, Signed};

/// The error code for an event that belongs to another merchant.
const ANOTHER_MERCHANT: &str = "WEBHOOK_MERCHANT_MISMATCH";
/// The maximum length in a log line of a text that has no limit of its own, in bytes.
const LOGGED_BYTES: usize = 255;

/// Handles a webhook of Gwop. It responds once everything is stored.
///
/// # Errors
/// Returns an error only if the platform refuses to create a `Response`. Every other failure is a
/// response too.
pub async fn handle_webhook(request: Request, env: impl Borrow<Env>) -> Result<worker::Response> {
    let env = env.borrow();
    let served = serve(&Incoming::from(&request), env).await;
    telemetry::flush_later(env);
    served.into_response()
}

/// Handles a webhook as [`handle_webhook`] does, from an [`Incoming`].
pub(crate) async fn serve(request: &Incoming, env: &Env) -> Served {
    served("webhook", request, respond(request, env)).await
}

async fn respond(request: &Incoming, env: &Env) -> Response {
    if request.method != "POST" {
        request.drain().await;
        return Response::method_not_allowed("POST");
    }
    if !request.may_be_json() {
        request.drain().await;
        return Response::error(415, "UNSUPPORTED_MEDIA_TYPE", "Send application/json");
    }
    let secrets = config::list(env, config::GWOP_WEBHOOK_SECRET);
    if secrets.is_empty() {
        log::error_of(
            env,
            "not_configured",
            &[("variable", config::GWOP_WEBHOOK_SECRET.into())],
        );
        request.drain().await;
        // With this response Gwop delivers again, so nothing is lost until the secret is corrected.
        return Response::error(
            503,
            "WEBHOOKS_NOT_CONFIGURED",
            "Webhooks are not configured here",
        );
    }
    let header = |name| request.header(name).unwrap_or_default();
    let signature = header("x-gwop-signature");
    // Checked before the body is read: an unsigned or old delivery uses no memory.
    if let Err(rejection) = verify::signature_header(&signature) {
        request.drain().await;
        return refused(env, &rejection);
    }
    let body = match request.read_body(config::max_body_bytes(env)).await {
        Ok(body) => body,
        Err(error) => return error.response(),
    };
    match verify::webhook(&secrets, &signature, &body).await {
        Ok(()) => {}
        Err(failure) => {
            return Failure::rejection(failure)
                .map_or_else(Response::unavailable, |rejection| refused(env, &rejection));
        }
    }
    let (id, kind) = (header("x-gwop-event-id"), header("x-gwop-event-type"));
    if let Some(response) = of_another(env, &body) {
        return response;
    }
    match verify::event(&body, &id, &kind) {
        Ok(Signed::Delivery(delivery)) => {
            let delivery = Delivery {
                merchant: config::merchant(env),
                traceparent: trace::parent(&header("traceparent")),
                ..delivery
            };
            store(env, delivery, &signature).await
        }
        // Only the log line remains of this event.
        Ok(Signed::OfNoInvoice {
            event_id,
            event_type,
        }) => {
            count(env, |tally| tally.delivered(Outcome::Ignored));
            received(Outcome::Ignored).about([
                ("event_id", bounded(&event_id).into()),
                ("event_type", bounded(&event_type).into()),
            ])
        }
        Err(rejection) => rejected(&rejection),
    }
}

/// If there are several merchants, refuses an event whose data names another merchant. A
/// fulfillment that serves both would otherwise apply it to the wrong merchant. The signature is
/// valid, so the log names the merchant.
fn of_another(env: &Env, body: &[u8]) -> Option<Response> {
    let is_one_of_several = merchants::is_on(env) || !config::merchant(env).is_empty();
    if !is_one_of_several {
        return None;
    }
    let own = config::text(env, config::GWOP_MERCHANT_ID)?;
    let named = merchant_of(std::str::from_utf8(body).ok()?)?;
    if named == own {
        return None;
    }
    count(env, |tally| tally.refused(ANOTHER_MERCHANT));
    let response = Response::error(
        403,
        ANOTHER_MERCHANT,
        "The event is another merchant's: data.merchant_id is not the id that is configured here",
    );
    let reason = "data.merchant_id is not GWOP_MERCHANT_ID";
    let named = ("merchant_id", bounded(&named).into());
    Some(
        response
            .about([("reason", reason.into()), named])
            .alarming(),
    )
}

/// Counts and logs a refused signature. Nothing is stored for it.
fn refused(env: &Env, rejection: &Rejection) -> Response {
    count(env, |tally| tally.refused(rejection.code.as_str()));
    rejected(rejection)
}

fn rejected(rejection: &Rejection) -> Response {
    let code = rejection.code;
    Response::error(code.http_status(), code.as_str(), &rejection.message)
}

fn received(outcome: Outcome) -> Response {
    #[derive(Serialize)]
    struct Received {
        outcome: Outcome,
        received: bool,
    }
    let body = Received {
        outcome,
        received: true,
    };
    Response::json(200, outcome.as_str(), &body)
}

/// Shortens a text that has no limit of its own, for a log line.
fn bounded(text: &str) -> &str {
    text.get(..text.floor_char_boundary(LOGGED_BYTES))
        .unwrap_or_default()
}

async fn store(env: &Env, delivery: Delivery, signature: &str) -> Response {
    let about = [
        ("invoice_id", delivery.invoice_id.as_str().into()),
        ("event_id", delivery.event_id.as_str().into()),
    ];
    let outcome = match client::apply(env, &delivery).await {
        Ok(outcome) => outcome,
        Err(error) => return error.response(env, &about),
    };
    count(env, |tally| {
        tally.delivered(outcome);
        if outcome == Outcome::Applied {
            let happened_at = verify::created_at(&delivery.body);
            if let Some(at) = happened_at.or_else(|| verify::signed_at(signature)) {
                tally.applied_after(now_ms().saturating_sub(at));
            }
        }
    });
    let response = received(outcome)
        .about(about)
        .about([("event_type", bounded(&delivery.event_type).into())]);
    if outcome == Outcome::Conflict {
        response.alarming()
    } else {
        response
    }
}
