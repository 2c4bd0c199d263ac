//! `POST /webhooks/gwop`: verify, then apply, then answer.

use std::borrow::Borrow;

use serde::Serialize;
use worker::{Env, Request, Response, Result};

use crate::invoice::Outcome;
use crate::webhook::Rejection;
use crate::worker::ledger::client;
use crate::worker::ledger::messages::Delivery;
use crate::worker::merchants;
use crate::worker::payload::merchant_of;
use crate::worker::platform::body::Incoming;
use crate::worker::platform::response::Answer;
use crate::worker::platform::served::{Served, served};
use crate::worker::platform::{config, log, now_ms};
use crate::worker::telemetry::{self, count};
use crate::worker::trace;
use crate::worker::verify::{self, Failure, Signed};

/// The code of an event that says that it is another merchant's.
const ANOTHER_MERCHANT: &str = "WEBHOOK_MERCHANT_MISMATCH";
/// The most bytes that a log line has of a text without a bound of its own.
const LOGGED_BYTES: usize = 255;

/// Answers a webhook of Gwop's. The answer is given when everything is stored.
///
/// # Errors
/// Only where the platform refuses to make a `Response`; everything else is an answer.
pub async fn handle_webhook(request: Request, env: impl Borrow<Env>) -> Result<Response> {
    let env = env.borrow();
    let served = serve(&Incoming::from(&request), env).await;
    telemetry::flush_later(env);
    served.into_response()
}

/// As [`handle_webhook`], of a request that was looked at before.
pub(crate) async fn serve(request: &Incoming, env: &Env) -> Served {
    served("webhook", request, answer(request, env)).await
}

async fn answer(request: &Incoming, env: &Env) -> Answer {
    if request.method != "POST" {
        request.drain().await;
        return Answer::method_not_allowed("POST");
    }
    if !request.may_be_json() {
        request.drain().await;
        return Answer::error(415, "UNSUPPORTED_MEDIA_TYPE", "Send application/json");
    }
    let secrets = config::list(env, config::GWOP_WEBHOOK_SECRET);
    if secrets.is_empty() {
        log::error_of(
            env,
            "not_configured",
            &[("variable", config::GWOP_WEBHOOK_SECRET.into())],
        );
        request.drain().await;
        // Gwop delivers again, so nothing is lost while the secret is put right.
        return Answer::error(
            503,
            "WEBHOOKS_NOT_CONFIGURED",
            "Webhooks are not configured here",
        );
    }
    let header = |name| request.header(name).unwrap_or_default();
    let signature = header("x-gwop-signature");
    // Before the body: nobody's memory is spent on what nobody signed, or on an old delivery.
    if let Err(rejection) = verify::signature_header(&signature) {
        request.drain().await;
        return refused(env, &rejection);
    }
    let body = match request.read_body(config::max_body_bytes(env)).await {
        Ok(body) => body,
        Err(error) => return error.answer(),
    };
    match verify::webhook(&secrets, &signature, &body).await {
        Ok(()) => {}
        Err(failure) => {
            return Failure::rejection(failure)
                .map_or_else(Answer::unavailable, |rejection| refused(env, &rejection));
        }
    }
    let (id, kind) = (header("x-gwop-event-id"), header("x-gwop-event-type"));
    if let Some(answer) = of_another(env, &body) {
        return answer;
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
        // The log line is all that remains of it.
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

/// Refuses an event that says that it is another merchant's, where there are several: fulfillment
/// that serves both would take it for that merchant's. Its signature holds, so it is said of whom.
fn of_another(env: &Env, body: &[u8]) -> Option<Answer> {
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
    let answer = Answer::error(
        403,
        ANOTHER_MERCHANT,
        "The event is another merchant's: data.merchant_id is not the id that is configured here",
    );
    let reason = "data.merchant_id is not GWOP_MERCHANT_ID";
    let named = ("merchant_id", bounded(&named).into());
    Some(answer.about([("reason", reason.into()), named]).alarming())
}

/// A signature that is refused: counted, and nothing is written for it.
fn refused(env: &Env, rejection: &Rejection) -> Answer {
    count(env, |tally| tally.refused(rejection.code.as_str()));
    rejected(rejection)
}

fn rejected(rejection: &Rejection) -> Answer {
    let code = rejection.code;
    Answer::error(code.http_status(), code.as_str(), &rejection.message)
}

fn received(outcome: Outcome) -> Answer {
    #[derive(Serialize)]
    struct Received {
        outcome: Outcome,
        received: bool,
    }
    let body = Received {
        outcome,
        received: true,
    };
    Answer::json(200, outcome.as_str(), &body)
}

/// What a log line may hold of a text that has no bound of its own.
fn bounded(text: &str) -> &str {
    text.get(..text.floor_char_boundary(LOGGED_BYTES))
        .unwrap_or_default()
}

async fn store(env: &Env, delivery: Delivery, signature: &str) -> Answer {
    let about = [
        ("invoice_id", delivery.invoice_id.as_str().into()),
        ("event_id", delivery.event_id.as_str().into()),
    ];
    let outcome = match client::apply(env, &delivery).await {
        Ok(outcome) => outcome,
        Err(error) => return error.answer(env, &about),
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
    let answer = received(outcome)
        .about(about)
        .about([("event_type", bounded(&delivery.event_type).into())]);
    if outcome == Outcome::Conflict {
        answer.alarming()
    } else {
        answer
    }
}
