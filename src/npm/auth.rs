//! Wallet log-in: exchange secrets, and what is known about sessions between two live responses.

use wasm_bindgen::prelude::*;

use crate::session::{Session, SessionStatus};
use crate::{exchange, http_auth};

/// Returns whether this value of `AUTH_SECRET` is long enough for exchange secrets: at least 16
/// characters.
#[wasm_bindgen(js_name = isAuthSecret)]
pub fn is_auth_secret(value: &str) -> bool {
    exchange::is_auth_secret(value)
}

/// Returns the `exchange_secret` of an intent: 64 lower-case hex digits.
#[wasm_bindgen(js_name = exchangeSecret)]
pub fn exchange_secret(
    #[wasm_bindgen(js_name = authSecret)] auth_secret: &str,
    #[wasm_bindgen(js_name = intentId)] intent_id: &str,
) -> String {
    exchange::exchange_secret(auth_secret, intent_id)
}

/// Returns whether `given` is the `exchange_secret` of the intent under one of the values of
/// `AUTH_SECRET`.
///
/// Compares in constant time.
#[wasm_bindgen(js_name = isExchangeSecret)]
pub fn is_exchange_secret(
    #[wasm_bindgen(js_name = authSecrets)] auth_secrets: Vec<String>,
    #[wasm_bindgen(js_name = intentId)] intent_id: &str,
    given: &str,
) -> bool {
    exchange::is_exchange_secret(&auth_secrets, intent_id, given)
}

/// Returns the idempotency key for the exchange of an intent. It is always the same for an intent.
#[wasm_bindgen(js_name = exchangeIdempotencyKey)]
pub fn exchange_idempotency_key(#[wasm_bindgen(js_name = intentId)] intent_id: &str) -> String {
    exchange::idempotency_key(intent_id)
}

/// Converts the value that JavaScript keeps.
///
/// The value is when Gwop was asked and said that the session is active, in milliseconds since
/// 1970. It is 0 after the session has ended, and `undefined` if nothing is known.
fn session(known: Option<f64>) -> Session {
    match known {
        None => Session::Unknown,
        Some(0.0) => Session::Ended,
        // The cast saturates.
        Some(asked_at) => Session::ActiveAt(asked_at as i64),
    }
}

/// Returns whether a session is active, or `undefined` if Gwop must be asked.
///
/// `known` is the result of [`sessionSeen`](session_seen). A live response counts while it is
/// younger than `reuseMs`. `now` is in milliseconds since 1970.
#[wasm_bindgen(js_name = isSessionActive)]
pub fn is_session_active(
    known: Option<f64>,
    #[wasm_bindgen(js_name = reuseMs)] reuse_ms: f64,
    now: f64,
) -> Option<bool> {
    // The casts saturate.
    match session(known).status(reuse_ms as i64, now as i64) {
        SessionStatus::Active => Some(true),
        SessionStatus::Ended => Some(false),
        SessionStatus::Unknown => None,
    }
}

/// Records what Gwop said at `askedAt` (milliseconds since 1970): whether the session is active.
///
/// Returns the new value. `known` is the previous result of this function.
#[wasm_bindgen(js_name = sessionSeen)]
pub fn session_seen(
    known: Option<f64>,
    active: bool,
    #[wasm_bindgen(js_name = askedAt)] asked_at: f64,
) -> f64 {
    match session(known).seen(active, asked_at as i64) {
        // These milliseconds came from JavaScript, so the cast is exact.
        Session::ActiveAt(asked_at) => asked_at as f64,
        Session::Ended | Session::Unknown => 0.0,
    }
}

/// Returns the token of an `Authorization` header with the scheme `Bearer` (RFC 6750 section 2.1), or
/// `undefined` if there is none.
#[wasm_bindgen(js_name = bearerToken)]
pub fn bearer_token(authorization: &str) -> Option<String> {
    http_auth::bearer_token(authorization).map(str::to_owned)
}

/// Returns whether an app may read a header with this name as one of the headers in which a server
/// tells who the agent is, such as `x-gwop-subject`.
#[wasm_bindgen(js_name = claimsIdentity)]
pub fn claims_identity(name: &str) -> bool {
    http_auth::claims_identity(name)
}

/// Returns whether a header can carry the value unchanged: printable ASCII without white space.
#[wasm_bindgen(js_name = isHeaderValue)]
pub fn is_header_value(value: &str) -> bool {
    http_auth::is_header_value(value)
}
