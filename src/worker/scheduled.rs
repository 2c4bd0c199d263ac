//! The cron trigger: a second look at every shard's alarm, and the beginning of a run of
//! reconciliation.

use worker::Env;

use super::ledger::client;
use super::ledger::messages::Call;
use super::platform::{config, log};

/// The key of the merchant: empty, since there is one.
const MERCHANT: &str = "";

/// Asks every shard to look whether its alarm is armed for what it has to do: one that was lost,
/// which no delivery of Gwop's repaired meanwhile, is armed again. Then begins a run of
/// reconciliation where that is configured, unless one is under way.
pub async fn handle_scheduled(env: &Env) {
    if let Err(error) = client::call_each(env, MERCHANT, &Call::Wake, |()| false).await {
        log::error("wake_failed", &[("error", error.to_string().into())]);
    }
    if config::missing_for_reconciliation(env).is_empty()
        && let Err(error) = client::reconciliation(env, true).await
    {
        let error = ("error", error.to_string().into());
        log::error("reconcile_failed", &[error]);
    }
}
