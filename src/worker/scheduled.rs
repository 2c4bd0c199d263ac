//! The cron trigger: checks every shard's alarm, and begins a run of reconciliation.

use worker::Env;

use super::ledger::client;
use super::ledger::messages::Call;
use super::merchants;
use super::platform::{config, log, now_ms};
use super::schedule::some_of;
use super::telemetry;

/// Asks every shard to check that its alarm is set for its next work. A lost alarm that no delivery
/// repaired in the meantime is set again. Then begins a run of reconciliation if it is configured
/// and no run is in progress.
///
/// If there are several merchants, one invocation handles as many as its subrequests allow. The
/// next invocation handles the next ones.
pub async fn handle_scheduled(env: &Env) {
    look_after(env).await;
    if !merchants::is_on(env) {
        return;
    }
    for problem in merchants::problems(env).await.into_iter().flatten() {
        log::error("merchants_unusable", &[("problem", problem.into())]);
    }
    let Ok(keys) = merchants::keys(env).await else {
        return;
    };
    let calls = i64::from(client::shards(env).unwrap_or(1)).saturating_add(2);
    let turns = config::reconcile_subrequests(env).checked_div(calls);
    for key in some_of(&keys, turns.unwrap_or(1), now_ms()) {
        look_after(&merchants::env_of(env, key).await).await;
    }
}

/// Does this for one merchant.
async fn look_after(env: &Env) {
    if let Err(error) = client::call_each(env, &Call::Wake, |()| false).await {
        log::error_of(env, "wake_failed", &[("error", error.to_string().into())]);
    }
    if config::missing_for_reconciliation(env).is_empty()
        && let Err(error) = client::reconciliation(env, true).await
    {
        let error = ("error", error.to_string().into());
        log::error_of(env, "reconcile_failed", &[error]);
    }
    telemetry::flush_now(env);
}
