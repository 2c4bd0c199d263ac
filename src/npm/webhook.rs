//! Webhooks for TypeScript.

use js_sys::{Promise, Uint8Array};
use wasm_bindgen::prelude::*;
use web_sys::CryptoKey;

use super::refusal;
use crate::text::split;
use crate::web::crypto;
use crate::webhook::{Code, Rejection, SignatureHeader, event, hmac};

impl From<Rejection> for JsValue {
    fn from(rejection: Rejection) -> Self {
        refusal(rejection.code.as_str(), &rejection.message)
    }
}

/// Imports a webhook secret. Resolves to a `CryptoKey`, to be kept per secret.
#[wasm_bindgen(js_name = webhookKey)]
pub fn webhook_key(secret: &str) -> Result<Promise, JsValue> {
    crypto::import_hmac_key(secret.as_bytes())
}

/// Checks the signature header and its time, and asks Web Crypto for the MAC over the raw body.
///
/// `now` and `tolerance` are seconds. Resolves to a boolean, or to a list of booleans of which one true is enough.
#[wasm_bindgen(js_name = webhookVerify)]
pub fn webhook_verify(
    header: &str,
    body: &Uint8Array,
    now: f64,
    tolerance: f64,
    key: &CryptoKey,
) -> Result<Promise, JsValue> {
    let header = checked_header(header, now, tolerance)?;
    crypto::verify_hmac(key, header.signatures(), &header.prefix(), body)
}

/// Reads a body whose MAC holds: `{"value":event,"times":paths}`.
#[wasm_bindgen(js_name = webhookEvent)]
pub fn webhook_event(body: &[u8], id_header: &str, type_header: &str) -> Result<String, JsValue> {
    Ok(event::read(body, id_header, type_header)?.into_text())
}

/// Verifies by the compiled-in HMAC and reads the body. `secrets` are joined by NUL. `wire`: answers the body's own text once
/// it has been read, instead of what [`webhook_event`] answers.
#[wasm_bindgen(js_name = webhookSync)]
#[allow(clippy::too_many_arguments)] // Numbers are cheap at this boundary, an object is not.
pub fn webhook_sync(
    secrets: &str,
    header: &str,
    body: &[u8],
    now: f64,
    tolerance: f64,
    id_header: &str,
    type_header: &str,
    wire: bool,
) -> Result<String, JsValue> {
    let header = checked_header(header, now, tolerance)?;
    if !hmac::verify(split(secrets, 0), &header, body) {
        return Err(webhook_mismatch());
    }
    let event = event::read(body, id_header, type_header)?;
    Ok(if wire {
        std::str::from_utf8(body).unwrap_or_default().to_owned()
    } else {
        event.into_text()
    })
}

/// The refusal of a delivery whose MAC does not hold.
#[wasm_bindgen(js_name = webhookMismatch)]
#[must_use]
pub fn webhook_mismatch() -> JsValue {
    Rejection::new(Code::SignatureMismatch).into()
}

/// The refusal of a body that is not raw.
#[wasm_bindgen(js_name = webhookNotRaw)]
#[must_use]
pub fn webhook_not_raw() -> JsValue {
    Rejection::new(Code::BodyNotRaw).into()
}

/// The `v1` value for `body` at `timestamp`, lower-case hex.
#[wasm_bindgen(js_name = webhookSign)]
#[must_use]
pub fn webhook_sign(secret: &str, timestamp: &str, body: &[u8]) -> String {
    hmac::sign(secret, timestamp, body)
}

fn checked_header(
    header: &str,
    now: f64,
    tolerance: f64,
) -> Result<SignatureHeader<'_>, Rejection> {
    let header = SignatureHeader::parse(header)?;
    header.check_time(now, tolerance)?;
    Ok(header)
}
