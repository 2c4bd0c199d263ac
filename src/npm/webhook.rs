//! Webhooks: verification by Web Crypto or by the compiled-in HMAC, then the event.

use std::cell::RefCell;

use js_sys::{Array, Promise};
use subtle::ConstantTimeEq;
use wasm_bindgen::prelude::*;
use web_sys::CryptoKey;

use crate::port::Crypto;
use crate::web::WebCrypto;
use crate::webhook::{Code, Rejection, SignatureHeader, event, hmac};

/// Imports a webhook secret for [`verifySignatures`](verify_signatures). Resolves to a `CryptoKey`, to be kept per secret.
///
/// Throws where Web Crypto is missing.
#[wasm_bindgen(js_name = importWebhookSecret, unchecked_return_type = "Promise<CryptoKey>")]
pub fn import_webhook_secret(secret: &str) -> Result<Promise, JsValue> {
    WebCrypto::global()?.import_hmac_key(secret.as_bytes())
}

/// Checks the form of the signature header and its time stamp, so that a body need not be read where these do not hold.
/// It says nothing of the signature.
///
/// `header` is `X-Gwop-Signature`, empty where there is none. `now` and `tolerance` are seconds.
///
/// Throws a `Refusal` with a code `WEBHOOK_SIGNATURE_…` or `WEBHOOK_TIMESTAMP_…`.
#[wasm_bindgen(js_name = checkSignatureHeader)]
pub fn check_signature_header(header: &str, now: f64, tolerance: f64) -> Result<(), JsValue> {
    Ok(SignatureHeader::parse(header)?.check_time(now, tolerance)?)
}

/// Checks the signature header and its time stamp, then asks Web Crypto about every signature in it
/// at once: is it the HMAC-SHA256 of `{t}.{body}`? Returns a promise of a boolean for each. The
/// body is the sender's once one of them is true.
///
/// `header` is `X-Gwop-Signature`, empty where there is none. `now` and `tolerance` are seconds.
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

/// Reads a body whose MAC holds. Returns JSON text: `{"value": event, "times": paths}`, the event
/// in JavaScript's naming with its time stamps as milliseconds since 1970, and the paths of those
/// time stamps.
///
/// `idHeader` and `typeHeader` are `X-Gwop-Event-Id` and `X-Gwop-Event-Type`, empty where absent. They are not
/// signed, so they must agree with the body. `reconciled`: events that reconciliation derived are taken too.
///
/// Throws a `Refusal` with the code `WEBHOOK_PAYLOAD_INVALID`, `WEBHOOK_EVENT_UNKNOWN`, `WEBHOOK_HEADER_MISMATCH` or
/// `WEBHOOK_SOURCE_NOT_ACCEPTED`.
#[wasm_bindgen(js_name = readEvent)]
pub fn read_event(
    body: &[u8],
    #[wasm_bindgen(js_name = idHeader)] id_header: &str,
    #[wasm_bindgen(js_name = typeHeader)] type_header: &str,
    reconciled: bool,
) -> Result<String, JsValue> {
    Ok(event::read(body, id_header, type_header, reconciled)?.into_text())
}

/// Verifies a delivery by the HMAC-SHA256 compiled into this module, and reads it as
/// [`readEvent`](read_event) does. Returns `undefined` where no signature is of this secret. For
/// callers that cannot await Web Crypto.
///
/// Throws a `Refusal` as `verifySignatures` and `readEvent` do.
#[allow(clippy::too_many_arguments)] // Each crosses by itself: an object would cost more.
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

/// How many secrets' keys are held: those that a rotation has at once.
const MAX_KEYS: usize = 4;

thread_local! {
    /// The secrets of the last deliveries, and their keys. `subtle` compares them in constant time.
    static KEYS: RefCell<Vec<(Box<[u8]>, hmac::Key)>> = const { RefCell::new(Vec::new()) };
}

/// Gives `check` the key of a secret, which is made once.
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

/// The `Refusal` of a delivery whose MAC holds under none of the secrets.
#[wasm_bindgen(js_name = signatureMismatch, unchecked_return_type = "Refusal")]
pub fn signature_mismatch(secrets: Vec<String>) -> JsValue {
    Rejection::mismatch(&secrets).into()
}

/// The `Refusal` of a body that is not raw.
#[wasm_bindgen(js_name = bodyNotRaw, unchecked_return_type = "Refusal")]
pub fn body_not_raw() -> JsValue {
    Rejection::new(Code::BodyNotRaw).into()
}

/// The `v1` value that Gwop would send for `body` at `timestamp` (unix seconds, as text): 64 lower-case hex digits.
#[wasm_bindgen(js_name = signWebhook)]
pub fn sign_webhook(secret: &str, timestamp: &str, body: &[u8]) -> String {
    hmac::sign(secret, timestamp, body)
}
