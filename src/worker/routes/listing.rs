//! `GET /events`, `GET /invoices`, `POST /events/replay`: lists over all shards, for the operator.

use serde::Deserialize;
use serde_json::{Value, json};
use worker::Env;

use crate::invoice::{Outcome, Status};
use crate::worker::ledger::client::{self, LedgerError};
use crate::worker::ledger::messages::Call;
use crate::worker::ledger::operator_messages::{
    EventFilter, EventPage, EventState, EventStep, InvoiceKey, InvoicePage, InvoiceStep,
    ListedEvent, ListedInvoice, ReplayedStep,
};
use crate::worker::pages::{
    MOST_REPLAYED, MOST_ROWS, Place, USUAL_ROWS, looks_like_a_time, merged, walk,
};
use crate::worker::platform::body::Incoming;
use crate::worker::platform::iso_8601;
use crate::worker::platform::response::Response;

use super::operator::{admit, replayed};
use super::presented::presented_response;

/// The maximum size of a replay's body, in bytes.
const REPLAY_BODY_BYTES: usize = 4 * 1024;

fn invalid(message: &str) -> Response {
    Response::error(400, "VALIDATION_ERROR", message)
}

const STATES: &str = "`state` must be dead, pending or conflict";
const TIMES: &str = "`since` and `until` must be ISO 8601, such as 2026-11-29T12:00:00Z";
const CURSOR: &str = "`cursor` must be that of an answer, for the same query";

/// Parses a time to milliseconds since the epoch.
fn time(text: &str) -> Result<i64, Response> {
    let time = js_sys::Date::parse(text);
    if looks_like_a_time(text) && time.is_finite() {
        Ok(time as i64)
    } else {
        Err(invalid(TIMES))
    }
}

/// The parameters of a query. Each may occur at most once.
#[derive(Default)]
struct Query {
    state: Option<EventState>,
    status: Option<Status>,
    event_type: Option<String>,
    outcome: Option<Outcome>,
    since: Option<i64>,
    until: Option<i64>,
    cursor: Option<String>,
    limit: Option<usize>,
}

impl Query {
    /// Reads the parameters that a route accepts.
    fn of(request: &Incoming, known: &[&str]) -> Result<Self, Response> {
        let mut query = Self::default();
        let mut seen: Vec<String> = vec![];
        for (name, value) in request.query() {
            if !known.contains(&name.as_str()) || seen.contains(&name) {
                let known = known.join(", ");
                return Err(invalid(&format!("The query takes, each once: {known}")));
            }
            match name.as_str() {
                "state" => {
                    let state = EventState::parse(&value);
                    query.state = Some(state.ok_or_else(|| invalid(STATES))?);
                }
                "status" => {
                    let status = Status::parse(&value);
                    let message = "`status` must be OPEN, PAID, EXPIRED or CANCELED";
                    query.status = Some(status.ok_or_else(|| invalid(message))?);
                }
                "outcome" => {
                    let outcome = Outcome::parse(&value);
                    query.outcome = Some(outcome.ok_or_else(|| {
                        invalid("`outcome` must be one that events have, such as applied")
                    })?);
                }
                "since" => query.since = Some(time(&value)?),
                "until" => query.until = Some(time(&value)?),
                "limit" => {
                    let limit = value.parse().ok();
                    let limit = limit.filter(|limit| (1..=MOST_ROWS).contains(limit));
                    let message = "`limit` must be a whole number from 1 to 1000";
                    query.limit = Some(limit.ok_or_else(|| invalid(message))?);
                }
                "event_type" => query.event_type = Some(value),
                _ => query.cursor = Some(value),
            }
            seen.push(name);
        }
        Ok(query)
    }
}

/// `GET /events?state=dead|pending|conflict`: lists events shard by shard, each oldest first.
pub(crate) async fn events(request: &Incoming, env: &Env) -> Response {
    match listed_events(request, env).await {
        Ok(response) | Err(response) => response,
    }
}

async fn listed_events(request: &Incoming, env: &Env) -> Result<Response, Response> {
    admit(request, env, "GET").await?;
    let known = [
        "state",
        "event_type",
        "outcome",
        "since",
        "until",
        "limit",
        "cursor",
    ];
    let query = Query::of(request, &known)?;
    let filter = EventFilter {
        state: query.state.ok_or_else(|| invalid(STATES))?,
        event_type: query.event_type,
        outcome: query.outcome,
        since: query.since,
        until: query.until,
    };
    let from = place(env, query.cursor.as_deref())?;
    let mut events = vec![];
    let next = walk(
        shards(env)?,
        from,
        query.limit.unwrap_or(USUAL_ROWS),
        async |place, left| {
            let call = Call::ListEvents(step(&filter, place, left));
            let page: EventPage = client::call_at(env, place.shard, call).await?;
            let found = page.events.len();
            events.extend(page.events);
            Ok::<_, LedgerError>((found, page.next))
        },
    )
    .await
    .map_err(|error| error.response(env, &[]))?;
    let body = json!({
        "events": events.iter().map(presented_event).collect::<Vec<_>>(),
        "cursor": next.map(Place::to_text),
    });
    Ok(Response::json(200, "listed", &body).about([("rows", events.len().into())]))
}

fn step(filter: &EventFilter, place: Place, left: usize) -> EventStep {
    EventStep {
        filter: filter.clone(),
        after: place.after,
        limit: i64::try_from(left).unwrap_or(i64::MAX),
    }
}

fn shards(env: &Env) -> Result<u32, Response> {
    client::shards(env).map_err(|error| error.response(env, &[]))
}

/// Returns where a cursor of events continues.
fn place(env: &Env, cursor: Option<&str>) -> Result<Place, Response> {
    let Some(cursor) = cursor else {
        return Ok(Place::default());
    };
    let shards = shards(env)?;
    Place::of_text(cursor)
        .filter(|place| place.shard < shards)
        .ok_or_else(|| invalid(CURSOR))
}

fn presented_event(event: &ListedEvent) -> Value {
    json!({
        "invoice_id": event.invoice_id,
        "public_invoice_id": event.public_invoice_id,
        "event_id": event.event_id,
        "event_type": event.event_type,
        "outcome": event.outcome,
        "received_at": iso_8601(event.received_at),
        "delivered_at": event.delivered_at.map(iso_8601),
        "state": event.state,
        "deliveries": event.deliveries,
        "due_at": event.due_at.filter(|_| event.state.as_deref() != Some("dead")).map(iso_8601),
        "last_answer": event.last_response.as_ref().map(presented_response),
    })
}

/// `GET /invoices?status=&since=`: lists invoices, newest first.
pub(crate) async fn invoices(request: &Incoming, env: &Env) -> Response {
    match listed_invoices(request, env).await {
        Ok(response) | Err(response) => response,
    }
}

async fn listed_invoices(request: &Incoming, env: &Env) -> Result<Response, Response> {
    admit(request, env, "GET").await?;
    let query = Query::of(request, &["status", "since", "limit", "cursor"])?;
    let behind = query
        .cursor
        .map(|cursor| InvoiceKey::of_text(&cursor).ok_or_else(|| invalid(CURSOR)))
        .transpose()?;
    let limit = query.limit.unwrap_or(USUAL_ROWS);
    let call = Call::ListInvoices(InvoiceStep {
        status: query.status,
        since: query.since,
        behind,
        limit: i64::try_from(limit).unwrap_or(i64::MAX),
    });
    let pages: Vec<InvoicePage> = client::call_all(env, &call)
        .await
        .map_err(|error| error.response(env, &[]))?;
    let (invoices, next) = merged(pages, limit);
    let presented = |invoice: &ListedInvoice| {
        json!({
            "invoice_id": invoice.key.invoice_id,
            "public_invoice_id": invoice.public_invoice_id,
            "status": invoice.status,
            "version": invoice.version,
            "transaction": invoice.transaction,
            "last_event_at": iso_8601(invoice.key.last_event_at),
        })
    };
    let body = json!({
        "invoices": invoices.iter().map(presented).collect::<Vec<_>>(),
        "cursor": next.map(|key| key.to_text()),
    });
    Ok(Response::json(200, "listed", &body).about([("rows", invoices.len().into())]))
}

/// The body of `POST /events/replay`: one event by its ids, or the events of a list that match the
/// filter.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    invoice_id: Option<String>,
    event_id: Option<String>,
    state: Option<String>,
    event_type: Option<String>,
    outcome: Option<Outcome>,
    since: Option<String>,
    until: Option<String>,
    cursor: Option<String>,
    limit: Option<usize>,
    #[serde(default)]
    dry_run: bool,
}

const WISH: &str = "Send { \"invoice_id\", \"event_id\" }, or { \"state\": \"dead\" or \"conflict\" } with any of \
                    event_type, outcome, since, until, limit (1 to 5000), cursor, dry_run";

/// `POST /events/replay`: delivers events again.
pub(crate) async fn replay(request: &Incoming, env: &Env) -> Response {
    match replay_wished(request, env).await {
        Ok(response) | Err(response) => response,
    }
}

async fn replay_wished(request: &Incoming, env: &Env) -> Result<Response, Response> {
    admit(request, env, "POST").await?;
    let body = request.read_body(REPLAY_BODY_BYTES).await;
    let body = body.map_err(super::super::platform::body::BodyError::response)?;
    let wish: Wish = serde_json::from_slice(&body).map_err(|_| invalid(WISH))?;
    let of_list = wish.state.is_some()
        || wish.event_type.is_some()
        || wish.outcome.is_some()
        || wish.since.is_some()
        || wish.until.is_some()
        || wish.cursor.is_some()
        || wish.limit.is_some();
    match (&wish.invoice_id, &wish.event_id) {
        (Some(invoice_id), Some(event_id)) if !of_list => {
            let done = replayed(env, invoice_id, event_id, wish.dry_run).await;
            Ok(done.unwrap_or_else(|error| error.response(env, &[])))
        }
        (None, None) => replay_list(env, wish).await,
        _ => Err(invalid(WISH)),
    }
}

async fn replay_list(env: &Env, wish: Wish) -> Result<Response, Response> {
    let state = wish.state.as_deref().and_then(EventState::parse);
    // Pending events are already on their way.
    let state = state.filter(|state| *state != EventState::Pending);
    let limit = wish.limit.unwrap_or(MOST_REPLAYED);
    if !(1..=MOST_REPLAYED).contains(&limit) {
        return Err(invalid(WISH));
    }
    let filter = EventFilter {
        state: state.ok_or_else(|| invalid(WISH))?,
        event_type: wish.event_type,
        outcome: wish.outcome,
        since: wish.since.as_deref().map(time).transpose()?,
        until: wish.until.as_deref().map(time).transpose()?,
    };
    let from = place(env, wish.cursor.as_deref())?;
    let dry_run = wish.dry_run;
    let mut events = 0_usize;
    let next = walk(shards(env)?, from, limit, async |place, left| {
        let call = Call::ReplayEvents {
            step: step(&filter, place, left),
            dry_run,
        };
        let done: ReplayedStep = client::call_at(env, place.shard, call).await?;
        events = events.saturating_add(done.events);
        Ok::<_, LedgerError>((done.events, done.next))
    })
    .await
    .map_err(|error| error.response(env, &[]))?;
    let body = json!({
        "dry_run": dry_run,
        "events": events,
        "cursor": next.map(Place::to_text),
    });
    let outcome = if dry_run { "counted" } else { "replayed" };
    Ok(Response::json(200, outcome, &body).about([("rows", events.into())]))
}
