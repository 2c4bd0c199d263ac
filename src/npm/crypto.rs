//! Web Crypto for TypeScript, which keeps the keys and awaits the promises.

use js_sys::{Promise, Uint8Array};
use wasm_bindgen::prelude::*;
use web_sys::CryptoKey;

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
pub fn hmac_key(secret: &str) -> Result<Promise, JsValue> {
    WebCrypto.import_hmac_key(secret.as_bytes())
}

/// Checks the signature header and its time, and asks Web Crypto for the MAC over the raw body. `now` and `tolerance` are seconds.
///
/// Resolves to a boolean, or to a list of booleans of which one true is enough. Throws a refusal as a string, `!CODE message`.
#[wasm_bindgen(js_name = hmacVerify)]
pub fn hmac_verify(
    header: &str,
    body: &Uint8Array,
    now: f64,
    tolerance: f64,
    key: &CryptoKey,
) -> Result<Promise, JsValue> {
    webhook::verify(&WebCrypto, header, body, now, tolerance, key)
}

/// Imports an RS256 key, given as JWK text. Resolves to a `CryptoKey`, to be kept per thumbprint.
#[wasm_bindgen(js_name = rs256Key)]
pub fn rs256_key(jwk: &str) -> Result<Promise, JsValue> {
    WebCrypto.import_rs256_key(jwk)
}

/// Asks Web Crypto whether the signature of a compact JWS holds. Resolves to a boolean.
#[wasm_bindgen(js_name = rs256Verify)]
pub fn rs256_verify(key: &CryptoKey, token: &[u8]) -> Result<Promise, JsValue> {
    token::verify_signature(&WebCrypto, token, key)
}
