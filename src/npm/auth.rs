//! Wallet log-in: exchange secrets, and what is known of sessions between two live responses.

use wasm_bindgen::prelude::*;

use crate::exchange;
use crate::session::{Session, SessionStatus};

/// Whether exchange secrets may be made from this value of `AUTH_SECRET`: at least 16 characters.
#[wasm_bindgen(js_name = isAuthSecret)]
pub fn is_auth_secret(value: &str) -> bool {
    exchange::is_auth_secret(value)
}

/// The `exchange_secret` of an intent: 64 lower-case hex digits.
#[wasm_bindgen(js_name = exchangeSecret)]
pub fn exchange_secret(
    #[wasm_bindgen(js_name = authSecret)] auth_secret: &str,
    #[wasm_bindgen(js_name = intentId)] intent_id: &str,
) -> String {
    exchange::exchange_secret(auth_secret, intent_id)
}

/// Whether `given` is the `exchange_secret` of the intent under one of the values of `AUTH_SECRET`.
/// Compared in constant time.
#[wasm_bindgen(js_name = isExchangeSecret)]
pub fn is_exchange_secret(
    #[wasm_bindgen(js_name = authSecrets)] auth_secrets: Vec<String>,
    #[wasm_bindgen(js_name = intentId)] intent_id: &str,
    given: &str,
) -> bool {
    exchange::is_exchange_secret(&auth_secrets, intent_id, given)
}

/// The idempotency key under which an intent is exchanged: always the same one.
#[wasm_bindgen(js_name = exchangeIdempotencyKey)]
pub fn exchange_idempotency_key(#[wasm_bindgen(js_name = intentId)] intent_id: &str) -> String {
    exchange::idempotency_key(intent_id)
}

/// As JavaScript keeps it: when Gwop was asked, in milliseconds since 1970, and said that it is
/// active; 0 once it has ended; `undefined` where nothing is known.
fn session(known: Option<f64>) -> Session {
    match known {
        None => Session::Unknown,
        Some(0.0) => Session::Ended,
        // The cast saturates.
        Some(asked_at) => Session::ActiveAt(asked_at as i64),
    }
}

/// Whether a session is active, as far as it is known; `undefined` where Gwop has to be asked.
///
/// `known` is what [`sessionSeen`](session_seen) gave. A live response may be `reuseMs` old; `now`
/// is in milliseconds since 1970.
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

/// What is known of a session once Gwop, asked at `askedAt` (milliseconds since 1970), has said whether
/// it is active. `known` is what this gave before.
#[wasm_bindgen(js_name = sessionSeen)]
pub fn session_seen(
    known: Option<f64>,
    active: bool,
    #[wasm_bindgen(js_name = askedAt)] asked_at: f64,
) -> f64 {
    match session(known).seen(active, asked_at as i64) {
        // Milliseconds that came from JavaScript.
        Session::ActiveAt(asked_at) => asked_at as f64,
        Session::Ended | Session::Unknown => 0.0,
    }
}
