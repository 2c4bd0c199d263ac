//! Variables, secrets and bindings, by name. `docs/worker.md` has the table.

use std::cell::RefCell;
use std::collections::BTreeSet;

use js_sys::{Array, Function, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use worker::{Env, Queue, Url};

use super::log;
use crate::exchange::LEAST_AUTH_SECRET;
use crate::worker::bounds;
use crate::worker::ledger::shard::{DEFAULT_SHARDS, MAX_SHARDS};
use crate::worker::schedule::{self, Times};

pub(crate) use super::environment::{MERCHANT, merchant, value};

/// The secrets of Gwop's webhook signatures, comma-separated during a rotation.
pub(crate) const GWOP_WEBHOOK_SECRET: &str = "GWOP_WEBHOOK_SECRET";
/// The merchant key (`sk_m_…`), for auth.
pub(crate) const GWOP_MERCHANT_API_KEY: &str = "GWOP_MERCHANT_API_KEY";
/// The merchant's id. Tokens must have it as `mid`.
pub(crate) const GWOP_MERCHANT_ID: &str = "GWOP_MERCHANT_ID";
/// Secrets from which `exchange_secret` is derived, comma-separated, the current one first.
pub(crate) const AUTH_SECRET: &str = "AUTH_SECRET";
/// Gwop's identity host.
pub(crate) const GWOP_IDENTITY_URL: &str = "GWOP_IDENTITY_URL";
/// Gwop's invoice host.
pub(crate) const GWOP_SERVER_URL: &str = "GWOP_SERVER_URL";
/// The issuer of tokens.
pub(crate) const TOKEN_ISSUER: &str = "TOKEN_ISSUER";
/// The audience that tokens must have. If it is absent, the audience is not checked.
pub(crate) const TOKEN_AUDIENCE: &str = "TOKEN_AUDIENCE";
/// `never`, `always`, or for how many seconds a live response may be reused.
pub(crate) const SESSION_CHECK: &str = "SESSION_CHECK";
/// The URL to which events are delivered, unless the service binding [`FULFILLMENT`] exists.
pub(crate) const FULFILLMENT_URL: &str = "FULFILLMENT_URL";
/// The secrets that sign deliveries to fulfillment, comma-separated during a rotation.
pub(crate) const FULFILLMENT_SECRET: &str = "FULFILLMENT_SECRET";
/// The URL to which alerts are sent.
pub(crate) const ALERT_URL: &str = "ALERT_URL";
/// The secrets that sign alerts, comma-separated during a rotation.
pub(crate) const ALERT_SECRET: &str = "ALERT_SECRET";
/// The operator's bearer token, comma-separated during a rotation.
pub(crate) const OPERATOR_TOKEN: &str = "OPERATOR_TOKEN";
/// `true` allows plain HTTP to Gwop's hosts and to fulfillment, wherever they are.
pub(crate) const ALLOW_INSECURE: &str = "ALLOW_INSECURE";
/// The maximum size of a request body, in bytes.
pub(crate) const MAX_BODY_BYTES: &str = "MAX_BODY_BYTES";
/// Origins that may use the auth routes from a browser, comma-separated.
pub(crate) const CORS_ORIGINS: &str = "CORS_ORIGINS";

/// Service binding: a Worker that is the fulfillment.
pub(crate) const FULFILLMENT: &str = "FULFILLMENT";
/// The number of shards of the ledger. It cannot be changed once anything is stored.
pub(crate) const LEDGER_SHARDS: &str = "LEDGER_SHARDS";
/// How many days an invoice is kept after its last event.
pub(crate) const RETENTION_DAYS: &str = "RETENTION_DAYS";
/// Invoices that were created before this time are not reconciled. If it is absent, the time is
/// when this version received its first request.
pub(crate) const RECONCILE_SINCE: &str = "RECONCILE_SINCE";
/// The maximum number of subrequests of one step of reconciliation.
pub(crate) const RECONCILE_SUBREQUESTS: &str = "RECONCILE_SUBREQUESTS";
/// Durable Objects: the ledger, one per shard.
pub(crate) const LEDGER: &str = "GWOP_LEDGER";
/// Durable Objects of 1.0.0: one per invoice, named by `invoice_id`. Bound only in a deployment
/// that began with 1.0.0.
pub(crate) const INVOICES: &str = "GWOP_INVOICES";
/// Durable Objects of 1.0.0: one per public id, named by `public_invoice_id`.
pub(crate) const INVOICE_INDEX: &str = "GWOP_INVOICE_INDEX";
/// Durable Objects: one per auth session, named by `sid`.
pub(crate) const SESSIONS: &str = "GWOP_SESSIONS";
/// Queue producer: events that wait for delivery to fulfillment.
pub(crate) const FULFILLMENT_QUEUE: &str = "GWOP_FULFILLMENT_QUEUE";
/// The name of [`FULFILLMENT_QUEUE`] in 1.0.0.
const OLD_FULFILLMENT_QUEUE: &str = "GWOP_FULFILMENT_QUEUE";
/// Several merchants in one Worker: [`crate::worker::merchants`].
pub(crate) const MERCHANTS: &str = "GWOP_MERCHANTS";
/// Why every part of this merchant is off: a value of [`Out`].
pub(crate) const MERCHANT_OUT: &str = "gwop:merchant-out";
/// The functions of `createWorker` of `@gwop/worker`, which [`crate::worker::hooks`] calls. No
/// variable can have such a name.
pub(crate) const HOOKS: &str = "gwop:hooks";
/// Hook: a function that is the fulfillment.
pub(crate) const ON_EVENT: &str = "onEvent";
/// Hook: a function that receives alerts.
pub(crate) const ON_ALERT: &str = "onAlert";
/// Rate limiter of the auth routes, optional.
pub(crate) const AUTH_RATE_LIMITER: &str = "GWOP_AUTH_RATE_LIMITER";

/// The variables that auth needs. The issuer and the keys are the same for every merchant's tokens.
const AUTH_VARIABLES: [&str; 3] = [GWOP_MERCHANT_API_KEY, GWOP_MERCHANT_ID, AUTH_SECRET];

/// The maximum size of a request body without [`MAX_BODY_BYTES`]: 256 KiB.
const DEFAULT_MAX_BODY_BYTES: usize = 256 * 1024;

/// The variables that reconciliation needs: the key for Gwop's list, and the merchant whose events
/// it derives.
const RECONCILIATION_VARIABLES: [&str; 2] = [GWOP_MERCHANT_API_KEY, GWOP_MERCHANT_ID];

/// The maximum number of subrequests of one step of reconciliation without
/// [`RECONCILE_SUBREQUESTS`]. Workers Free allows 50 per invocation, and the outbox uses up to 10.
const DEFAULT_RECONCILE_SUBREQUESTS: i64 = 40;

/// The highest value of [`RECONCILE_SUBREQUESTS`]. Workers Paid allows 1,000.
const MAX_RECONCILE_SUBREQUESTS: i64 = 800;

/// Optional variables of auth. An invalid value turns auth off, because ignoring it would weaken
/// auth.
const AUTH_SETTINGS: [&str; 4] = [
    TOKEN_ISSUER,
    TOKEN_AUDIENCE,
    SESSION_CHECK,
    GWOP_IDENTITY_URL,
];

/// Variables that may have several values.
const LISTS: [&str; 7] = [
    ALERT_SECRET,
    GWOP_WEBHOOK_SECRET,
    AUTH_SECRET,
    TOKEN_AUDIENCE,
    FULFILLMENT_SECRET,
    OPERATOR_TOKEN,
    CORS_ORIGINS,
];

/// The minimum length of each value, in characters. A shorter value can be guessed, so it turns its
/// part off.
const LEAST_CHARACTERS: [(&str, usize); 5] = [
    (ALERT_SECRET, 8),
    (AUTH_SECRET, LEAST_AUTH_SECRET),
    (OPERATOR_TOKEN, 16),
    (GWOP_WEBHOOK_SECRET, 8),
    (FULFILLMENT_SECRET, 8),
];

/// The value configured under a name. `[vars]` takes any JSON, not only strings.
enum Setting {
    /// No value, or a blank text.
    Missing,
    /// One trimmed text. A number or a boolean is converted to its text.
    Text(String),
    /// The strings of an array.
    Texts(Vec<String>),
    /// Any other value.
    Unusable,
}

fn setting(env: &Env, name: &'static str) -> Setting {
    let value = value(env, name);
    if let Some(text) = value.as_string() {
        return match text.trim() {
            "" => Setting::Missing,
            trimmed => Setting::Text(trimmed.to_owned()),
        };
    }
    if value.is_null_or_undefined() {
        return Setting::Missing;
    }
    if let Some(boolean) = value.as_bool() {
        return Setting::Text(boolean.to_string());
    }
    if let Some(number) = value.as_f64() {
        // A larger integer is not exact.
        let exact = number.abs() <= js_sys::Number::MAX_SAFE_INTEGER;
        return if exact {
            Setting::Text(number.to_string())
        } else {
            Setting::Unusable
        };
    }
    if Array::is_array(&value) {
        let items = Array::from(&value);
        let texts: Option<Vec<String>> = items.iter().map(|item| item.as_string()).collect();
        return texts.map_or(Setting::Unusable, Setting::Texts);
    }
    Setting::Unusable
}

/// Returns the values of a variable or secret as configured, without checking whether they are
/// allowed.
pub(crate) fn values(env: &Env, name: &'static str) -> Vec<String> {
    let items = match setting(env, name) {
        Setting::Missing | Setting::Unusable => vec![],
        Setting::Text(text) if LISTS.contains(&name) => {
            text.split(',').map(str::to_owned).collect()
        }
        Setting::Text(text) => vec![text],
        Setting::Texts(texts) => texts,
    };
    let items = items.iter().map(|item| item.trim());
    let items = items.filter(|item| !item.is_empty());
    items.map(str::to_owned).collect()
}

fn not_understood(env: &Env, name: &str) {
    log::error_of(env, "not_understood", &[("variable", name.into())]);
}

/// Returns the value of a variable or secret. Returns `None` if it is absent or blank. Also returns
/// `None`, and logs an error, if it is not a text.
pub(crate) fn text(env: &Env, name: &'static str) -> Option<String> {
    match setting(env, name) {
        Setting::Missing => None,
        Setting::Text(text) => is_allowed(env, name, &[&text]).then_some(text),
        Setting::Texts(_) | Setting::Unusable => {
            not_understood(env, name);
            None
        }
    }
}

/// Returns whether these values are allowed. If not, a log line names the variable and the reason,
/// and the part that needs the variable is off.
fn is_allowed(env: &Env, name: &'static str, values: &[&str]) -> bool {
    let least = LEAST_CHARACTERS.iter().find(|(of, _)| *of == name);
    if let Some((_, least)) = least
        && !bounds::are_long_enough(values, *least)
    {
        let at_least = ("at_least", (*least).into());
        log::error_of(env, "too_short", &[("variable", name.into()), at_least]);
        return false;
    }
    let reason = match name {
        GWOP_WEBHOOK_SECRET if values.contains(&bounds::SIMULATOR_WEBHOOK_SECRET) => {
            talks_to_gwop(env).then_some("simulator_credentials")
        }
        GWOP_MERCHANT_API_KEY if values.contains(&bounds::SIMULATOR_MERCHANT_KEY) => {
            talks_to_gwop(env).then_some("simulator_credentials")
        }
        // A service binding does not use the network, whatever URL it receives.
        FULFILLMENT_URL if is_bound(env, FULFILLMENT) => None,
        GWOP_IDENTITY_URL | GWOP_SERVER_URL | FULFILLMENT_URL | ALERT_URL => {
            let insecure = values.iter().any(|url| is_insecure(url)) && !allows_insecure(env);
            insecure.then_some("insecure_host")
        }
        _ => None,
    };
    if let Some(reason) = reason {
        log::error_of(env, reason, &[("variable", name.into())]);
    }
    reason.is_none()
}

/// Returns whether the identity host is Gwop's own, as it is by default. A text that is not a URL
/// counts as Gwop's.
fn talks_to_gwop(env: &Env) -> bool {
    let Setting::Text(url) = setting(env, GWOP_IDENTITY_URL) else {
        return true;
    };
    let Ok(url) = Url::parse(&url) else {
        return true;
    };
    url.host_str().is_none_or(bounds::is_gwops)
}

/// Returns whether anybody on the network could read what is sent to this URL. A text that is not a
/// URL is refused later, by the code that uses it.
fn is_insecure(url: &str) -> bool {
    Url::parse(url)
        .is_ok_and(|url| url.scheme() == "http" && !url.host_str().is_some_and(bounds::is_private))
}

fn allows_insecure(env: &Env) -> bool {
    let value = text(env, ALLOW_INSECURE);
    if !matches!(value.as_deref(), None | Some("true" | "false")) {
        not_understood(env, ALLOW_INSECURE);
    }
    value.as_deref() == Some("true")
}

/// Returns the value of a variable, or the default if it is absent. If the value is not a text,
/// returns an empty text, which works for nothing.
pub(crate) fn text_or(env: &Env, name: &'static str, default: &str) -> String {
    match setting(env, name) {
        Setting::Missing => default.to_owned(),
        _ => text(env, name).unwrap_or_default(),
    }
}

/// Returns the values of a variable or secret: comma-separated, or an array of strings. Returns no
/// values if one of them is not allowed.
pub(crate) fn list(env: &Env, name: &'static str) -> Vec<String> {
    let items = match setting(env, name) {
        Setting::Missing => vec![],
        Setting::Text(text) => text.split(',').map(str::to_owned).collect(),
        Setting::Texts(texts) => texts,
        Setting::Unusable => {
            not_understood(env, name);
            vec![]
        }
    };
    let items = items.iter().map(|item| item.trim());
    let items: Vec<&str> = items.filter(|item| !item.is_empty()).collect();
    if !is_allowed(env, name, &items) {
        return vec![];
    }
    items.into_iter().map(str::to_owned).collect()
}

/// Returns whether a variable or secret has a usable value.
pub(crate) fn is_set(env: &Env, name: &'static str) -> bool {
    if LISTS.contains(&name) {
        !list(env, name).is_empty()
    } else {
        text(env, name).is_some()
    }
}

/// Returns the maximum size of a request body, in bytes.
pub(crate) fn max_body_bytes(env: &Env) -> usize {
    if matches!(setting(env, MAX_BODY_BYTES), Setting::Missing) {
        return DEFAULT_MAX_BODY_BYTES;
    }
    let configured = text(env, MAX_BODY_BYTES);
    match configured.as_deref().map(str::parse) {
        Some(Ok(bytes)) if bytes > 0 => bytes,
        // `text` has already logged the error.
        None => DEFAULT_MAX_BODY_BYTES,
        Some(_) => {
            not_understood(env, MAX_BODY_BYTES);
            DEFAULT_MAX_BODY_BYTES
        }
    }
}

/// Returns the variables that auth needs and that are absent or invalid.
pub(crate) fn missing_for_auth(env: &Env) -> Vec<&'static str> {
    let missing = AUTH_VARIABLES.into_iter().filter(|name| !is_set(env, name));
    let unusable = AUTH_SETTINGS
        .into_iter()
        .filter(|name| !matches!(setting(env, name), Setting::Missing) && !is_set(env, name));
    missing.chain(unusable).collect()
}

/// Returns the variables that reconciliation needs and that are absent or invalid.
pub(crate) fn missing_for_reconciliation(env: &Env) -> Vec<&'static str> {
    let missing = RECONCILIATION_VARIABLES
        .into_iter()
        .filter(|name| !is_set(env, name));
    let is_unusable = match setting(env, RECONCILE_SINCE) {
        Setting::Missing => false,
        _ => reconcile_since(env).is_none(),
    };
    missing
        .chain(is_unusable.then_some(RECONCILE_SINCE))
        .collect()
}

/// Returns the time before which no invoice is reconciled, in milliseconds since the epoch, or
/// `None` if none is set. If the value is not an RFC 3339 time stamp, logs an error and returns
/// `None`. Then nothing is reconciled: a time other than the intended one would apply old invoices.
pub(crate) fn reconcile_since(env: &Env) -> Option<i64> {
    let text = text(env, RECONCILE_SINCE)?;
    let since = crate::time::parse_rfc3339(&text);
    if since.is_none() {
        not_understood(env, RECONCILE_SINCE);
    }
    since
}

/// Returns the maximum number of subrequests of one step of reconciliation.
pub(crate) fn reconcile_subrequests(env: &Env) -> i64 {
    let Some(text) = text(env, RECONCILE_SUBREQUESTS) else {
        return DEFAULT_RECONCILE_SUBREQUESTS;
    };
    let count = text.parse().ok();
    count
        .filter(|count| (DEFAULT_RECONCILE_SUBREQUESTS..=MAX_RECONCILE_SUBREQUESTS).contains(count))
        .unwrap_or_else(|| {
            not_understood(env, RECONCILE_SUBREQUESTS);
            DEFAULT_RECONCILE_SUBREQUESTS
        })
}

/// Returns the URL to which events are delivered without a service binding. Returns `None` if it is
/// absent. If it is not an HTTP URL, logs an error and returns `None`.
pub(crate) fn fulfillment_url(env: &Env) -> Option<String> {
    http_url(env, FULFILLMENT_URL)
}

/// Returns the URL to which alerts are sent. Returns `None` if it is absent. If it is not an HTTP
/// URL, logs an error and returns `None`.
pub(crate) fn alert_url(env: &Env) -> Option<String> {
    http_url(env, ALERT_URL)
}

fn http_url(env: &Env, name: &'static str) -> Option<String> {
    let text = text(env, name)?;
    let usable = Url::parse(&text)
        .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    if !usable {
        not_understood(env, name);
    }
    usable.then_some(text)
}

/// Returns the variables that alerts need and that are absent or invalid.
pub(crate) fn missing_for_alerts(env: &Env) -> Vec<&'static str> {
    if hook(env, ON_ALERT).is_some() {
        return vec![];
    }
    let parts = [
        (ALERT_URL, alert_url(env).is_some()),
        (ALERT_SECRET, is_set(env, ALERT_SECRET)),
    ];
    let missing = parts.into_iter().filter(|(_, there)| !there);
    missing.map(|(name, _)| name).collect()
}

/// Returns whether something is bound under a name.
pub(crate) fn is_bound(env: &Env, name: &str) -> bool {
    !value(env, name).is_undefined()
}

/// Why every part of a merchant is off although the ledger has events of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Out {
    /// The merchant is not in [`MERCHANTS`].
    Gone,
    /// [`MERCHANTS`] cannot be read now.
    Unread,
    /// The merchant's settings in [`MERCHANTS`] are invalid.
    Unusable,
}

impl Out {
    const ALL: [Self; 3] = [Self::Gone, Self::Unread, Self::Unusable];

    /// Returns the value for [`MERCHANT_OUT`].
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Unread => "unread",
            Self::Unusable => "unusable",
        }
    }

    /// Returns why an event of the merchant waits, and what the operator has to do.
    pub(crate) const fn reason(self) -> &'static str {
        match self {
            Self::Gone => schedule::MERCHANT_GONE,
            Self::Unread => schedule::MERCHANT_UNREAD,
            Self::Unusable => schedule::MERCHANT_UNUSABLE,
        }
    }
}

/// Returns why every part of this environment's merchant is off, or `None` if they are not.
pub(crate) fn out(env: &Env) -> Option<Out> {
    let why = value(env, MERCHANT_OUT).as_string()?;
    Out::ALL.into_iter().find(|out| out.as_str() == why)
}

/// Returns how long an isolate caches the settings of a merchant from a KV namespace, in
/// milliseconds.
pub(crate) fn merchants_kept_ms(env: &Env) -> i64 {
    #[cfg(feature = "worker-test")]
    if let Some(milliseconds) = text(env, "TEST_KEPT_MS").and_then(|text| text.parse().ok()) {
        return milliseconds;
    }
    let _ = env;
    schedule::MERCHANTS_KEPT_MS
}

/// Returns a function of the merchant, set in JavaScript in front of this Worker.
pub(crate) fn hook(env: &Env, name: &str) -> Option<Function> {
    let hooks = value(env, HOOKS);
    if !hooks.is_object() {
        return None;
    }
    let hook = Reflect::get(&hooks, &JsValue::from_str(name)).ok()?;
    hook.dyn_into().ok()
}

/// Returns the queue of events for fulfillment, under its present name or its name in 1.0.0.
///
/// # Errors
/// Returns an error if neither name is bound to a queue.
pub(crate) fn fulfillment_queue(env: &Env) -> worker::Result<Queue> {
    if is_bound(env, FULFILLMENT_QUEUE) || !is_bound(env, OLD_FULFILLMENT_QUEUE) {
        return env.queue(FULFILLMENT_QUEUE);
    }
    warn_of_old_names(env);
    env.queue(OLD_FULFILLMENT_QUEUE)
}

/// Returns the names of 1.0.0 that are configured, each with its present name.
pub(crate) fn old_names(env: &Env) -> Vec<(&'static str, &'static str)> {
    let renamed = [(OLD_FULFILLMENT_QUEUE, FULFILLMENT_QUEUE)];
    let old = renamed.into_iter().filter(|(old, _)| is_bound(env, old));
    old.collect()
}

/// Logs once per isolate which names should be changed.
pub(crate) fn warn_of_old_names(env: &Env) {
    thread_local! {
        static SAID: RefCell<BTreeSet<&'static str>> = const { RefCell::new(BTreeSet::new()) };
    }
    for (old, new) in old_names(env) {
        if SAID.with_borrow_mut(|said| said.insert(old)) {
            log::warning("old_name", &[("name", old.into()), ("use", new.into())]);
        }
    }
}

/// Returns the variables and bindings that fulfillment needs and that are absent.
pub(crate) fn missing_for_fulfillment(env: &Env) -> Vec<&'static str> {
    // `is_bound` comes first because the binding is usually absent: `worker` would return an error
    // with a text.
    let service = is_bound(env, FULFILLMENT) && env.service(FULFILLMENT).is_ok();
    let hooked = hook(env, ON_EVENT).is_some();
    let place = hooked || service || fulfillment_url(env).is_some();
    // Events that stay in this Worker are not signed.
    let signed = hooked || is_set(env, FULFILLMENT_SECRET);
    let queue = is_bound(env, FULFILLMENT_QUEUE) || is_bound(env, OLD_FULFILLMENT_QUEUE);
    let parts = [
        (FULFILLMENT_URL, place),
        (FULFILLMENT_SECRET, signed),
        (FULFILLMENT_QUEUE, queue && fulfillment_queue(env).is_ok()),
    ];
    let missing = parts.into_iter().filter(|(_, there)| !there);
    missing.map(|(name, _)| name).collect()
}

/// Returns the number of shards of the ledger.
///
/// # Errors
/// Returns `()` and logs an error if [`LEDGER_SHARDS`] is not a number from 1 to 32. With another
/// number than the intended one, the Worker would look for stored invoices in other shards.
pub(crate) fn shards(env: &Env) -> Result<u32, ()> {
    if matches!(setting(env, LEDGER_SHARDS), Setting::Missing) {
        return Ok(DEFAULT_SHARDS);
    }
    let shards = text(env, LEDGER_SHARDS).and_then(|text| text.parse().ok());
    match shards.filter(|shards| (1..=MAX_SHARDS).contains(shards)) {
        Some(shards) => Ok(shards),
        None => {
            not_understood(env, LEDGER_SHARDS);
            Err(())
        }
    }
}

/// Returns how many days an invoice is kept after its last event. An invalid value counts as
/// absent, so that nothing is deleted sooner than intended.
fn retention_days(env: &Env) -> i64 {
    if matches!(setting(env, RETENTION_DAYS), Setting::Missing) {
        return schedule::RETENTION_DAYS;
    }
    let days = text(env, RETENTION_DAYS).and_then(|text| text.parse::<u32>().ok());
    let days = days
        .map(i64::from)
        .filter(|days| *days >= schedule::LEAST_RETENTION_DAYS);
    days.unwrap_or_else(|| {
        not_understood(env, RETENTION_DAYS);
        schedule::RETENTION_DAYS
    })
}

/// Returns the times of the ledger. They are fixed, except [`RETENTION_DAYS`] and the build that
/// `tests/worker` runs.
pub(crate) fn times(env: &Env) -> Times {
    let times = Times {
        invoices: schedule::days(retention_days(env)),
        ..Times::default()
    };
    #[cfg(feature = "worker-test")]
    let times = {
        let milliseconds = |name, usual| {
            text(env, name)
                .and_then(|value| value.parse().ok())
                .unwrap_or(usual)
        };
        Times {
            retention: milliseconds("TEST_RETENTION_MS", times.retention),
            silence: milliseconds("TEST_SILENCE_MS", times.silence),
            invoices: milliseconds("TEST_INVOICE_RETENTION_MS", times.invoices),
            alert_pause: milliseconds("TEST_ALERT_PAUSE_MS", times.alert_pause),
        }
    };
    times
}

/// Returns the minimum time between two reports of an isolate's counters to shard 0, in
/// milliseconds.
pub(crate) fn flush_ms(env: &Env) -> i64 {
    #[cfg(feature = "worker-test")]
    if let Some(milliseconds) = text(env, "TEST_FLUSH_MS").and_then(|text| text.parse().ok()) {
        return milliseconds;
    }
    let _ = env;
    crate::worker::metrics::FLUSH_MS
}

/// Returns whether the JWK Set of a local Gwop is stored too. Only in the build that `tests/worker`
/// runs.
pub(crate) fn stores_local_keys(env: &Env) -> bool {
    cfg!(feature = "worker-test") && text(env, "TEST_STORE_KEYS").is_some()
}
