//! The platform as the routes use it: clock, randomness, environment, bodies, responses and logs.

pub(super) mod body;
pub(super) mod config;
pub(super) mod environment;
pub(super) mod log;
pub(super) mod objects;
pub(super) mod panic;
pub(super) mod response;
pub(super) mod served;

use js_sys::Date;
use wasm_bindgen::JsValue;

/// Returns the current time in milliseconds since the epoch.
#[must_use]
pub(super) fn now_ms() -> i64 {
    let now = Date::now() as i64;
    #[cfg(feature = "worker-test")]
    let now = now.saturating_add(CLOCK_OFFSET_MS.get());
    now
}

/// Returns when the platform's own clock shows what [`now_ms`] shows as `due`. The two differ only
/// if a test has set the clock wrong.
#[must_use]
pub(super) fn alarm_date(due: i64) -> Date {
    #[cfg(feature = "worker-test")]
    let due = due.saturating_sub(CLOCK_OFFSET_MS.get());
    Date::new(&JsValue::from_f64(due as f64))
}

#[cfg(feature = "worker-test")]
thread_local! {
    /// By how many milliseconds the clock of this isolate is wrong.
    pub static CLOCK_OFFSET_MS: std::cell::Cell<i64> = const { std::cell::Cell::new(0) };
}

/// Formats milliseconds since the epoch as ISO 8601.
#[must_use]
pub(super) fn iso_8601(milliseconds: i64) -> String {
    Date::new(&JsValue::from_f64(milliseconds as f64))
        .to_iso_string()
        .into()
}

/// Returns a new version 4 UUID (RFC 9562 section 5.4).
///
/// # Errors
/// Returns an error if the platform has no randomness.
pub(super) fn random_uuid() -> worker::Result<String> {
    let bytes = crate::port::random()
        .map_err(|_| worker::Error::RustError("the platform has no randomness".to_owned()))?;
    Ok(uuid::Builder::from_random_bytes(bytes)
        .into_uuid()
        .to_string())
}
