//! `/reconcile`, with the operator's token: begins a run, and returns the state of reconciliation.

use serde_json::{Value, json};
use worker::Env;

use crate::worker::ledger::client;
use crate::worker::ledger::messages::Reconciliation;
use crate::worker::platform::body::Incoming;
use crate::worker::platform::response::Response;
use crate::worker::platform::{config, iso_8601};

use super::operator::admit;

/// `POST /reconcile` begins a run, unless one is in progress. `GET /reconcile` only returns the
/// state. Neither waits for the run: the alarm of shard 0 does the work.
pub(crate) async fn reconcile(request: &Incoming, env: &Env) -> Response {
    let begin = request.method != "GET";
    if let Err(refusal) = admit(request, env, if begin { "POST" } else { "GET" }).await {
        return refusal;
    }
    request.drain().await;
    let missing = config::missing_for_reconciliation(env);
    if begin && !missing.is_empty() {
        let message = ["Set ", &missing.join(", "), " to reconcile"].concat();
        return Response::error(503, "RECONCILE_NOT_CONFIGURED", &message);
    }
    match client::reconciliation(env, begin).await {
        Ok(found) => {
            let (status, outcome) = if begin {
                (202, "begun")
            } else {
                (200, "found")
            };
            Response::json(status, outcome, &presented(env, found.as_ref()))
        }
        Err(error) => error.response(env, &[]),
    }
}

fn presented(env: &Env, found: Option<&Reconciliation>) -> Value {
    let Some(found) = found else {
        return json!({ "running": false });
    };
    let since = config::reconcile_since(env).unwrap_or(found.since);
    json!({
        "running": found.due_at.is_some(),
        "since": iso_8601(since),
        "completed_at": found.completed_at.map(iso_8601),
        "next_step_at": found.due_at.map(iso_8601),
        "pages": found.pages,
        "applied": found.applied,
        "conflicts": found.conflicts,
        "unusable": found.unusable,
        "failures": found.failures,
        "error": found.error,
    })
}
