//! Routes for the operator's token: reading one invoice, replaying one event, and `/upgrade`.

use serde::Deserialize;
use serde_json::{Value, json};
use worker::Env;

use crate::exchange::is_one_of;
use crate::worker::ledger::client::{self, LedgerError};
use crate::worker::ledger::legacy::{self, HandOver};
use crate::worker::ledger::messages::{Call, EventKey, Replay, View};
use crate::worker::platform::body::Incoming;
use crate::worker::platform::response::Response;
use crate::worker::platform::{config, iso_8601, log};

use super::limit::limited;
use super::presented::presented_response;

/// The prefix of public ids.
const PUBLIC_ID_PREFIX: &str = "inv_";
/// The maximum size of a replay's body, in bytes.
const REPLAY_BODY_BYTES: usize = 4 * 1024;
/// The maximum size of an upgrade's body, in bytes.
const UPGRADE_BODY_BYTES: usize = 16 * 1024;

/// How many objects one call of `/upgrade` hands over. Each needs up to four subrequests, and
/// Workers Free allows 50.
const OBJECTS_PER_UPGRADE: usize = 10;

/// Returns whether the request carries the operator's token. Compares in constant time.
pub(super) fn is_operator(request: &Incoming, env: &Env) -> bool {
    let tokens = config::list(env, config::OPERATOR_TOKEN);
    request
        .bearer()
        .is_some_and(|given| is_one_of(&given, tokens))
}

/// Admits a request with the operator's token and this method. The rate limiter counts a request
/// without the token.
pub(super) async fn admit(
    request: &Incoming,
    env: &Env,
    method: &'static str,
) -> Result<(), Response> {
    let refusal = if !is_operator(request, env) {
        if let Some(response) = limited(request, env, "operator").await {
            return Err(response);
        }
        Response::not_found()
    } else if request.method != method {
        Response::method_not_allowed(method)
    } else {
        return Ok(());
    };
    request.drain().await;
    Err(refusal)
}

/// `GET /invoices/{id}`: returns an invoice, by either id.
pub(crate) async fn read_invoice(request: &Incoming, env: &Env, id: &str) -> Response {
    if let Err(refusal) = admit(request, env, "GET").await {
        return refusal;
    }
    match find(env, id).await {
        Ok(Some(view)) => Response::json(200, "found", &presented(&view)),
        Ok(None) => unknown_invoice(),
        Err(error) => error.response(env, &[]),
    }
}

fn unknown_invoice() -> Response {
    Response::error(
        404,
        "INVOICE_NOT_FOUND",
        "No event of this invoice is stored",
    )
}

/// `POST /invoices/{id}/replay` with `{ "event_id": "…" }`: delivers an event again.
pub(crate) async fn replay(request: &Incoming, env: &Env, id: &str) -> Response {
    #[derive(Deserialize)]
    struct Wish {
        event_id: String,
    }
    if let Err(refusal) = admit(request, env, "POST").await {
        return refusal;
    }
    let body = match request.read_body(REPLAY_BODY_BYTES).await {
        Ok(body) => body,
        Err(error) => return error.response(),
    };
    let Ok(Wish { event_id }) = serde_json::from_slice(&body) else {
        return Response::error(400, "VALIDATION_ERROR", "Send { \"event_id\": \"…\" }");
    };
    match replayed(env, id, &event_id, false).await {
        Ok(response) => response,
        Err(error) => error.response(env, &[]),
    }
}

/// Replays one event of an invoice, by either id of the invoice. A dry run only returns whether the
/// event can be replayed.
pub(super) async fn replayed(
    env: &Env,
    id: &str,
    event_id: &str,
    dry_run: bool,
) -> Result<Response, LedgerError> {
    let Some(View {
        invoice_id, events, ..
    }) = find(env, id).await?
    else {
        return Ok(unknown_invoice());
    };
    if dry_run {
        let found = events.iter().find(|event| event.event_id == event_id);
        let replay = match found {
            None => Replay::Unknown,
            Some(event) if event.outcome.reaches_fulfillment() => Replay::Queued,
            Some(_) => Replay::NotForFulfillment,
        };
        return Ok(replay_response(replay, &invoice_id, event_id, dry_run));
    }
    let call = Call::Replay(EventKey {
        invoice_id: invoice_id.clone(),
        event_id: event_id.to_owned(),
    });
    let replay = client::call(env, &config::merchant(env), &invoice_id, call).await?;
    Ok(replay_response(replay, &invoice_id, event_id, dry_run))
}

fn replay_response(replay: Replay, invoice_id: &str, event_id: &str, dry_run: bool) -> Response {
    match replay {
        Replay::Queued => {
            let mut body =
                json!({ "replayed": !dry_run, "invoice_id": invoice_id, "event_id": event_id });
            if dry_run && let Some(members) = body.as_object_mut() {
                members.insert("dry_run".to_owned(), true.into());
            }
            Response::json(200, "replayed", &body)
        }
        Replay::Unknown => Response::error(
            404,
            "EVENT_NOT_FOUND",
            "This invoice has no such event, or not any more",
        ),
        Replay::NotForFulfillment => Response::error(
            409,
            "EVENT_NOT_REPLAYABLE",
            "Only events that were applied, or are a conflict, reach fulfillment",
        ),
    }
}

/// Finds an invoice by either id. A search by public id calls every shard.
async fn find(env: &Env, id: &str) -> Result<Option<View>, LedgerError> {
    if id.starts_with(PUBLIC_ID_PREFIX) {
        if let Some(view) = client::find(env, id).await? {
            return Ok(Some(view));
        }
        if legacy::may_hold(env, &config::merchant(env))
            && let Some(invoice_id) = legacy::invoice_of(env, id).await?
        {
            return read(env, &invoice_id).await;
        }
    }
    read(env, id).await
}

async fn read(env: &Env, invoice_id: &str) -> Result<Option<View>, LedgerError> {
    let call = Call::Read {
        invoice_id: invoice_id.to_owned(),
    };
    client::call(env, &config::merchant(env), invoice_id, call).await
}

/// `POST /upgrade` with `{ "object_ids": ["…"] }`: objects of 1.0.0 hand over to the ledger. The
/// ids are those that Cloudflare's API lists.
pub(crate) async fn upgrade(request: &Incoming, env: &Env) -> Response {
    #[derive(Deserialize)]
    struct Wish {
        object_ids: Vec<String>,
    }
    if let Err(refusal) = admit(request, env, "POST").await {
        return refusal;
    }
    if !legacy::may_hold(env, &config::merchant(env)) {
        return Response::error(
            409,
            "NOTHING_TO_UPGRADE",
            "Bind the objects of 1.0.0 as GWOP_INVOICES first: docs/upgrading.md has the steps",
        );
    }
    let body = match request.read_body(UPGRADE_BODY_BYTES).await {
        Ok(body) => body,
        Err(error) => return error.response(),
    };
    let wish = serde_json::from_slice(&body).ok();
    let Some(Wish { object_ids }) =
        wish.filter(|wish: &Wish| wish.object_ids.len() <= OBJECTS_PER_UPGRADE)
    else {
        return Response::error(
            400,
            "VALIDATION_ERROR",
            "Send { \"object_ids\": [\"…\"] } with at most 10 ids",
        );
    };
    let (mut moved, mut empty, mut failed) = (0_u32, 0_u32, vec![]);
    for object_id in object_ids {
        match legacy::hand_over(env, &object_id).await {
            Ok(HandOver::Moved) => moved = moved.saturating_add(1),
            Ok(HandOver::Empty) => empty = empty.saturating_add(1),
            Err(error) => {
                let error = [("error", error.to_string().into())];
                log::error_of(env, "hand_over_failed", &error);
                failed.push(object_id);
            }
        }
    }
    let outcome = if failed.is_empty() { "moved" } else { "failed" };
    let body = json!({ "moved": moved, "empty": empty, "failed": failed });
    let response = Response::json(200, outcome, &body);
    if failed.is_empty() {
        response
    } else {
        response.alarming()
    }
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
            "last_answer": row.last_response.as_ref().map(presented_response),
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
