//! Reading and operating: `/invoices/…` for whoever holds the operator's token, `/healthz` for everybody.

use serde::Deserialize;
use serde_json::{Value, json};
use worker::{Env, Result};

use super::http::Answer;
use super::incoming::Incoming;
use super::index_object::IndexCall;
use super::invoice_object::{InvoiceCall, Replay, View};
use super::objects::iso_8601;
use super::{config, log, objects, secret};

/// What public ids begin with.
const PUBLIC_ID_PREFIX: &str = "inv_";
/// The most bytes of a replay's body.
const REPLAY_BODY_BYTES: usize = 4 * 1024;

/// Whether the request carries the operator's token. Compared in constant time.
fn is_operator(request: &Incoming, env: &Env) -> bool {
    let Some(given) = request.bearer() else {
        return false;
    };
    let tokens = config::list(env, config::OPERATOR_TOKEN);
    // No early end: how long it takes does not tell which token matched.
    tokens.iter().fold(false, |found, token| {
        secret::equal(given.as_bytes(), token.as_bytes()) | found
    })
}

/// `GET /invoices/{id}`, by either id.
pub async fn read_invoice(request: &Incoming, env: &Env, id: &str) -> Answer {
    if !is_operator(request, env) {
        request.drain().await;
        return Answer::not_found();
    }
    if request.method != "GET" {
        request.drain().await;
        return Answer::method_not_allowed("GET");
    }
    match find(env, id).await {
        Ok(Some(view)) => Answer::json(200, "found", &presented(&view)),
        Ok(None) => Answer::error(
            404,
            "INVOICE_NOT_FOUND",
            "No event of this invoice is stored",
        ),
        Err(error) => refused(&error),
    }
}

/// `POST /invoices/{id}/replay` with `{ "event_id": "…" }`.
pub async fn replay(request: &Incoming, env: &Env, id: &str) -> Answer {
    #[derive(Deserialize)]
    struct Wish {
        event_id: String,
    }
    if !is_operator(request, env) {
        request.drain().await;
        return Answer::not_found();
    }
    if request.method != "POST" {
        request.drain().await;
        return Answer::method_not_allowed("POST");
    }
    let body = match request.read_body(REPLAY_BODY_BYTES).await {
        Ok(body) => body,
        Err(error) => return error.answer(),
    };
    let Ok(Wish { event_id }) = serde_json::from_slice(&body) else {
        return Answer::error(400, "VALIDATION_ERROR", "Send { \"event_id\": \"…\" }");
    };
    let view = match find(env, id).await {
        Ok(Some(view)) => view,
        Ok(None) => {
            return Answer::error(
                404,
                "INVOICE_NOT_FOUND",
                "No event of this invoice is stored",
            );
        }
        Err(error) => return refused(&error),
    };
    let call = InvoiceCall::Replay {
        event_id: event_id.clone(),
    };
    match objects::call(env, config::INVOICES, &view.invoice_id, &call).await {
        Ok(Replay::Queued) => {
            let body =
                json!({ "replayed": true, "invoice_id": view.invoice_id, "event_id": event_id });
            Answer::json(200, "replayed", &body)
        }
        Ok(Replay::Unknown) => Answer::error(
            404,
            "EVENT_NOT_FOUND",
            "This invoice has no such event, or not any more",
        ),
        Ok(Replay::NotForFulfilment) => Answer::error(
            409,
            "EVENT_NOT_REPLAYABLE",
            "Only events that were applied, or are a conflict, reach fulfilment",
        ),
        Err(error) => refused(&error),
    }
}

/// Finds an invoice by either id. Writes nothing.
async fn find(env: &Env, id: &str) -> Result<Option<View>> {
    let read = async |invoice_id: &str| {
        objects::call(env, config::INVOICES, invoice_id, &InvoiceCall::Read).await
    };
    if id.starts_with(PUBLIC_ID_PREFIX) {
        let known: Option<String> =
            objects::call(env, config::INVOICE_INDEX, id, &IndexCall::Get).await?;
        if let Some(invoice_id) = known {
            return read(&invoice_id).await;
        }
    }
    read(id).await
}

fn refused(error: &worker::Error) -> Answer {
    log::error("storage_refused", &[("error", error.to_string().into())]);
    Answer::unavailable()
}

fn presented(view: &View) -> Value {
    let events = view.events.iter().map(|event| {
        json!({
            "event_id": event.event_id,
            "event_type": event.event_type,
            "event_version": event.event_version,
            "outcome": event.outcome,
            "received_at": iso_8601(event.received_at),
            "delivered_at": event.delivered_at.map(iso_8601),
        })
    });
    let outbox = view.outbox.iter().map(|row| {
        json!({
            "event_id": row.event_id,
            "state": row.state,
            "sends": row.sends,
            "deliveries": row.deliveries,
            "due_at": iso_8601(row.due_at),
        })
    });
    json!({
        "invoice_id": view.invoice_id,
        "public_invoice_id": view.public_invoice_id,
        "status": view.status,
        "version": view.version,
        "transaction": view.transaction,
        "events": events.collect::<Vec<_>>(),
        "outbox": outbox.collect::<Vec<_>>(),
    })
}

/// `GET /healthz`: which parts are on, what the others miss, and whether storage can be reached.
pub async fn health(request: &Incoming, env: &Env) -> Answer {
    if request.method != "GET" {
        request.drain().await;
        return Answer::method_not_allowed("GET");
    }
    let reached: Result<Option<String>> =
        objects::call(env, config::INVOICE_INDEX, "healthz", &IndexCall::Get).await;
    let storage = reached.is_ok();
    if let Err(error) = reached {
        log::error(
            "storage_unreachable",
            &[("error", error.to_string().into())],
        );
    }
    let body = json!({
        "status": if storage { "ok" } else { "unavailable" },
        "storage": storage,
        "webhooks": part_of(env, config::GWOP_WEBHOOK_SECRET),
        "fulfilment": part(&config::missing_for_fulfilment(env)),
        "auth": part(&config::missing_for_auth(env)),
        "operator": part_of(env, config::OPERATOR_TOKEN),
    });
    if storage {
        Answer::json(200, "ok", &body)
    } else {
        Answer::json(503, "unavailable", &body).header("retry-after", "5")
    }
}

/// A part that needs one variable.
fn part_of(env: &Env, variable: &'static str) -> Value {
    let missing: &[&str] = if config::is_set(env, variable) {
        &[]
    } else {
        &[variable]
    };
    part(missing)
}

fn part(missing: &[&str]) -> Value {
    json!({ "on": missing.is_empty(), "missing": missing })
}
