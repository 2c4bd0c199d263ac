//! The cron trigger: optional, a second look at every shard's alarm.

use worker::Env;

use super::ledger::client;
use super::ledger::messages::Call;
use super::platform::log;

/// Asks every shard to look whether its alarm is armed for what it has to do. An alarm that was lost, which no delivery of Gwop's repaired meanwhile,
/// is armed again.
pub async fn handle_scheduled(env: &Env) {
    if let Err(error) = client::call_each(env, "", &Call::Wake, |()| false).await {
        log::error("wake_failed", &[("error", error.to_string().into())]);
    }
}
