//! `/healthz` for everybody, with counts for the operator, and `/metrics` for the operator.

use serde_json::{Value, json};
use worker::Env;

use crate::worker::ledger::client::{self, LedgerError};
use crate::worker::ledger::messages::Call;
use crate::worker::ledger::operator_messages::Counts;
use crate::worker::platform::body::Incoming;
use crate::worker::platform::response::Response;
use crate::worker::platform::{config, iso_8601, log, now_ms};
use crate::worker::{merchants, metrics};

use super::limit::limited;
use super::operator::{admit, is_operator};

/// `GET /healthz`: returns which parts are on, what the others need, and whether storage can be
/// reached. With the operator's token, also returns the number of waiting events.
pub(crate) async fn health(request: &Incoming, env: &Env) -> Response {
    if request.method != "GET" {
        request.drain().await;
        return Response::method_not_allowed("GET");
    }
    let operator = is_operator(request, env);
    // A request with a wrong token is counted. A request without one is not.
    if !operator
        && request.bearer().is_some()
        && let Some(response) = limited(request, env, "operator").await
    {
        return response;
    }
    let counts = if operator {
        counts(env).await.map(Some)
    } else {
        // Calls shard 0, which stores the time of its first call: invoices are reconciled from then
        // on.
        let reached = client::call_first::<()>(env, Call::Wake).await;
        reached.map(|()| None)
    };
    let storage = counts.is_ok();
    let counts = counts.unwrap_or_else(|error| {
        let fields = [("error", error.to_string().into())];
        log::error_of(env, "storage_unreachable", &fields);
        None
    });
    config::warn_of_old_names(env);
    let warnings = config::old_names(env)
        .into_iter()
        .map(|(old, new)| [old, " is the name of 1.0.0: call it ", new].concat());
    let mut body = json!({
        "status": if storage { "ok" } else { "unavailable" },
        "storage": storage,
        "webhooks": part_of(env, config::GWOP_WEBHOOK_SECRET),
        "fulfillment": part(&config::missing_for_fulfillment(env)),
        // The old spelling stays until 2.0.0.
        "fulfilment": part(&config::missing_for_fulfillment(env)),
        "auth": part(&config::missing_for_auth(env)),
        "operator": part_of(env, config::OPERATOR_TOKEN),
        "alerts": part(&config::missing_for_alerts(env)),
        "reconciliation": part(&config::missing_for_reconciliation(env)),
        "warnings": warnings.collect::<Vec<_>>(),
    });
    if let (Some(problems), Some(members)) = (merchants(env, operator).await, body.as_object_mut())
    {
        let problems = json!({ "problems": problems });
        members.insert("merchants".to_owned(), problems);
    }
    if let (Some(counts), Some(members)) = (counts, body.as_object_mut()) {
        members.insert("counts".to_owned(), presented(&counts));
    }
    if storage {
        Response::json(200, "ok", &body)
    } else {
        Response::json(503, "unavailable", &body).header("retry-after", "5")
    }
}

/// Returns what is wrong with the merchants, if there are several. Problems of merchants in a KV
/// namespace are for the operator only, because all of them are read.
async fn merchants(env: &Env, operator: bool) -> Option<Vec<String>> {
    if !merchants::is_on(env) || (merchants::is_costly(env) && !operator) {
        return None;
    }
    let problems = merchants::problems(env).await;
    Some(problems.unwrap_or_else(|unusable| vec![unusable.to_string()]))
}

/// Counts the waiting events of all shards. Each shard counts at most every 10 seconds.
async fn counts(env: &Env) -> Result<Counts, LedgerError> {
    let of_shards: Vec<Counts> = client::call_all(env, &Call::Count).await?;
    Ok(of_shards
        .into_iter()
        .reduce(Counts::with)
        .unwrap_or_default())
}

fn presented(counts: &Counts) -> Value {
    let now = now_ms();
    // The age in whole seconds.
    let age = |at: Option<i64>| {
        at.map(|at| {
            now.saturating_sub(at)
                .max(0)
                .checked_div(1_000)
                .unwrap_or_default()
        })
    };
    json!({
        "pending": counts.pending,
        "oldest_pending_seconds": age(counts.oldest_pending_at),
        "dead": counts.dead,
        "oldest_dead_seconds": age(counts.oldest_dead_at),
        "conflicts": counts.conflicts,
        "counted_at": iso_8601(counts.counted_at),
        "reconciliation": counts.reconciliation.map(|gauges| json!({
            "gap": gauges.gap,
            "complete_at": gauges.complete_at.map(iso_8601),
        })),
    })
}

/// Describes a part that needs one variable.
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

/// `GET /metrics`: returns the metrics in Prometheus's text format.
pub(crate) async fn metrics(request: &Incoming, env: &Env) -> Response {
    if let Err(refusal) = admit(request, env, "GET").await {
        return refusal;
    }
    let read = async {
        let counters: Vec<(String, i64)> = client::call_first(env, Call::Counters).await?;
        Ok::<_, LedgerError>((counters, counts(env).await?))
    };
    match read.await {
        Ok((counters, counts)) => {
            let text = metrics::text(&counters, counts, now_ms());
            Response::text("measured", metrics::MEDIA_TYPE, text)
        }
        Err(error) => error.response(env, &[]),
    }
}
