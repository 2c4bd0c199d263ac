//! Webhooks: verification with Web Crypto or the compiled-in HMAC, then the event.

use std::cell::RefCell;

use js_sys::{Array, Promise};
use subtle::ConstantTimeEq;
use wasm_bindgen::prelude::*;
use web_sys::CryptoKey;

use crate::port::Crypto;
use crate::web::WebCrypto;
use crate::webhook::{Code, Rejection, SignatureHeader, event, hmac};

/// Imports a webhook secret for [`verifySignatures`](verify_signatures).
///
/// Resolves to a `CryptoKey`. Keep one per secret. Throws if Web Crypto is missing.
#[wasm_bindgen(js_name = importWebhookSecret, unchecked_return_type = "Promise<CryptoKey>")]
pub fn import_webhook_secret(secret: &str) -> Result<Promise, JsValue> {
    WebCrypto::global()?.import_hmac_key(secret.as_bytes())
}

/// Checks the form of the signature header and its time stamp. It does not verify the signature.
///
/// If this check fails, the body need not be read. `header` is `X-Gwop-Signature`, or empty if
/// there is none. `now` and `tolerance` are in seconds.
///
/// Throws a `Refusal` with a code `WEBHOOK_SIGNATURE_…` or `WEBHOOK_TIMESTAMP_…`.
#[wasm_bindgen(js_name = checkSignatureHeader)]
pub fn check_signature_header(header: &str, now: f64, tolerance: f64) -> Result<(), JsValue> {
    Ok(SignatureHeader::parse(header)?.check_time(now, tolerance)?)
}

/// Checks the signature header and its time stamp, then verifies all its signatures with Web
/// Crypto.
///
/// Each is compared to the HMAC-SHA256 of `{t}.{body}`. Returns a promise of a boolean for each
/// signature. The delivery is authentic if one of them is true.
///
/// `header` is `X-Gwop-Signature`, or empty if there is none. `now` and `tolerance` are in seconds.
///
/// Throws a `Refusal` with a code `WEBHOOK_SIGNATURE_…` or `WEBHOOK_TIMESTAMP_…`.
#[wasm_bindgen(js_name = verifySignatures, unchecked_return_type = "Promise<boolean>[]")]
pub fn verify_signatures(
    key: &CryptoKey,
    header: &str,
    body: &[u8],
    now: f64,
    tolerance: f64,
) -> Result<Array, JsValue> {
    let header = SignatureHeader::parse(header)?;
    header.check_time(now, tolerance)?;
    let crypto = WebCrypto::global()?;
    let signed = [&header.prefix(), body].concat();
    let results = Array::new();
    for tag in header.signatures() {
        results.push(crypto.verify_hmac(key, tag, &signed)?.as_ref());
    }
    Ok(results)
}

/// Reads a body whose MAC is valid. Returns the JSON text `{"value": event, "times": paths}`.
///
/// The event has JavaScript names, and its time stamps are milliseconds since 1970. `times`
/// contains the paths of those time stamps.
///
/// `idHeader` and `typeHeader` are `X-Gwop-Event-Id` and `X-Gwop-Event-Type`, or empty if absent.
/// They are not signed, so they must agree with the body. With `reconciled`, events that
/// reconciliation derived are accepted too.
///
/// Throws a `Refusal` with the code `WEBHOOK_PAYLOAD_INVALID`, `WEBHOOK_EVENT_UNKNOWN`,
/// `WEBHOOK_HEADER_MISMATCH` or `WEBHOOK_SOURCE_NOT_ACCEPTED`.
#[wasm_bindgen(js_name = readEvent)]
pub fn read_event(
    body: &[u8],
    #[wasm_bindgen(js_name = idHeader)] id_header: &str,
    #[wasm_bindgen(js_name = typeHeader)] type_header: &str,
    reconciled: bool,
) -> Result<String, JsValue> {
    Ok(event::read(body, id_header, type_header, reconciled)?.into_text())
}

/// Verifies a delivery with the HMAC-SHA256 that is compiled into this module, and reads it like
/// [`readEvent`](read_event).
///
/// It is for callers that cannot await Web Crypto. Returns `undefined` if no signature belongs to
/// this secret. Throws a `Refusal` like `verifySignatures` and `readEvent`.
#[allow(clippy::too_many_arguments)] // Separate arguments cost less than an object.
#[wasm_bindgen(js_name = verifyWebhookSync)]
pub fn verify_webhook_sync(
    secret: &str,
    header: &str,
    body: &[u8],
    #[wasm_bindgen(js_name = idHeader)] id_header: &str,
    #[wasm_bindgen(js_name = typeHeader)] type_header: &str,
    now: f64,
    tolerance: f64,
    reconciled: bool,
) -> Result<Option<String>, JsValue> {
    let header = SignatureHeader::parse(header)?;
    header.check_time(now, tolerance)?;
    if !with_key(secret, |key| key.verifies(&header, body)) {
        return Ok(None);
    }
    read_event(body, id_header, type_header, reconciled).map(Some)
}

/// How many keys of secrets are kept: as many as a rotation has at the same time.
const MAX_KEYS: usize = 4;

thread_local! {
    /// The secrets of the last deliveries and their keys. `subtle` compares the secrets in constant
    /// time.
    static KEYS: RefCell<Vec<(Box<[u8]>, hmac::Key)>> = const { RefCell::new(Vec::new()) };
}

/// Calls `check` with the key of a secret. The key is created only once.
fn with_key(secret: &str, check: impl Fn(&hmac::Key) -> bool) -> bool {
    let secret = secret.as_bytes();
    KEYS.with(|keys| {
        let Ok(mut keys) = keys.try_borrow_mut() else {
            return hmac::Key::new(secret).is_some_and(|key| check(&key));
        };
        let known = keys.iter().find(|(known, _)| known.ct_eq(secret).into());
        if let Some((_, key)) = known {
            return check(key);
        }
        let Some(key) = hmac::Key::new(secret) else {
            return false;
        };
        let holds = check(&key);
        if keys.len() == MAX_KEYS {
            keys.remove(0);
        }
        keys.push((secret.into(), key));
        holds
    })
}

/// Returns the `Refusal` of a delivery whose MAC is not valid under any of the secrets.
#[wasm_bindgen(js_name = signatureMismatch, unchecked_return_type = "Refusal")]
pub fn signature_mismatch(secrets: Vec<String>) -> JsValue {
    Rejection::mismatch(&secrets).into()
}

/// Returns the `Refusal` of a body that is not raw.
#[wasm_bindgen(js_name = bodyNotRaw, unchecked_return_type = "Refusal")]
pub fn body_not_raw() -> JsValue {
    Rejection::new(Code::BodyNotRaw).into()
}

/// Returns the `v1` value that Gwop would send for `body`: 64 lower-case hex digits.
///
/// `timestamp` is in Unix seconds, as text.
#[wasm_bindgen(js_name = signWebhook)]
pub fn sign_webhook(secret: &str, timestamp: &str, body: &[u8]) -> String {
    hmac::sign(secret, timestamp, body)
}
