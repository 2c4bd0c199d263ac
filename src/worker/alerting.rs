//! Sends alerts to `ALERT_URL`, signed under `ALERT_SECRET` in Gwop's own header format, or to the
//! hook `onAlert`.

use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use worker::{AbortController, Delay, Env, Fetch, Headers};

use super::alerts::{Alert, TIMEOUT_MS, body};
use super::fulfillment::{drain, post, signature};
use super::hooks;
use super::platform::config::{self, Out};
use super::platform::{iso_8601, random_uuid};

/// Returns whether alerts are sent.
pub(super) fn is_on(env: &Env) -> bool {
    // Called for every delivery. Usually there is neither such a hook nor such a variable.
    let is_told = || config::hook(env, config::ON_ALERT).is_some();
    (config::is_bound(env, config::ALERT_URL) || is_told())
        && config::missing_for_alerts(env).is_empty()
}

/// Returns whether an event has to be noted for an alert. That includes the case in which
/// `GWOP_MERCHANTS` cannot be read or is invalid, so it is unknown whether alerts are sent.
pub(super) fn may_be_on(env: &Env) -> bool {
    is_on(env) || is_uncertain(env)
}

/// Returns whether it is unknown now if alerts are sent.
pub(super) fn is_uncertain(env: &Env) -> bool {
    matches!(config::out(env), Some(Out::Unread | Out::Unusable))
}

/// Sends one alert.
///
/// # Errors
/// Returns why the alert was not accepted, in the Worker's own words. The text has nothing of the
/// URL, which may contain credentials.
pub(super) async fn send(env: &Env, alert: &Alert) -> Result<(), String> {
    let id = random_uuid().map_err(|_| "the platform has no randomness")?;
    let merchant = config::merchant(env);
    let mut body = body(alert, &id, &merchant, iso_8601);
    if !merchant.is_empty()
        && let Some(members) = body.as_object_mut()
    {
        members.insert("merchant".to_owned(), merchant.into());
    }
    let text = body.to_string();
    let limit = Duration::from_millis(TIMEOUT_MS);
    if let Some(hook) = config::hook(env, config::ON_ALERT) {
        return Ok(hooks::call(&hook, &text, limit).await?);
    }
    let url = config::alert_url(env).ok_or("ALERT_URL is not configured")?;
    let abort = AbortController::default();
    let signal = abort.signal();
    let attempt = async {
        let secrets = config::list(env, config::ALERT_SECRET);
        let headers = Headers::new();
        headers.set("content-type", "application/json")?;
        headers.set("x-gwop-signature", &signature(&secrets, &text))?;
        let request = post(&url, headers, &text)?;
        Fetch::Request(request).send_with_signal(&signal).await
    };
    let response = match select(pin!(attempt), Delay::from(limit)).await {
        Either::Left((Ok(response), _)) => response,
        Either::Left((Err(_), _)) => return Err("it cannot be reached".to_owned()),
        Either::Right(_) => {
            abort.abort();
            return Err("no answer in time".to_owned());
        }
    };
    let status = response.status_code();
    drain(response, abort).await;
    if (200..300).contains(&status) {
        return Ok(());
    }
    Err(["answered ", &status.to_string()].concat())
}
