//! Web Crypto for TypeScript, which keeps the keys and awaits the promises.

use js_sys::Promise;
use wasm_bindgen::prelude::*;
use web_sys::{CryptoKey, SubtleCrypto};

use crate::port::Crypto;
use crate::token;
use crate::web::WebCrypto;
use crate::webhook::{self, Rejection};

impl From<Rejection> for JsValue {
    fn from(rejection: Rejection) -> Self {
        JsValue::from_str(&String::from(rejection))
    }
}

/// Imports a webhook secret. Resolves to a `CryptoKey`, to be kept per secret.
#[wasm_bindgen(js_name = hmacKey)]
pub fn hmac_key(subtle: SubtleCrypto, secret: &str) -> Result<Promise, JsValue> {
    WebCrypto(subtle).import_hmac_key(secret.as_bytes())
}

/// Checks the signature header and its time, and asks Web Crypto whether its signature at `index` is the MAC over the raw body.
/// `now` and `tolerance` are seconds.
///
/// A promise of a boolean; `undefined` where the header has no more signatures. Throws a refusal as a string, `!CODE message`.
#[wasm_bindgen(js_name = hmacVerify)]
pub fn hmac_verify(
    subtle: SubtleCrypto,
    key: &CryptoKey,
    header: &str,
    index: usize,
    body: &[u8],
    now: f64,
    tolerance: f64,
) -> Result<Option<Promise>, JsValue> {
    let time = (now, tolerance);
    webhook::verify(&WebCrypto(subtle), header, index, body, time, key)
}

/// Imports an RS256 key, given as JWK text. Resolves to a `CryptoKey`, to be kept per thumbprint.
#[wasm_bindgen(js_name = rs256Key)]
pub fn rs256_key(subtle: SubtleCrypto, jwk: &str) -> Result<Promise, JsValue> {
    WebCrypto(subtle).import_rs256_key(jwk)
}

/// Asks Web Crypto whether the signature of a compact JWS holds. Resolves to a boolean.
#[wasm_bindgen(js_name = rs256Verify)]
pub fn rs256_verify(
    subtle: SubtleCrypto,
    key: &CryptoKey,
    token: &[u8],
) -> Result<Promise, JsValue> {
    token::verify_signature(&WebCrypto(subtle), token, key)
}
