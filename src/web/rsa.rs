//! Web Crypto: RS256 by `crypto.subtle`, with the keys imported so far.

use js_sys::{Array, JSON, Object, Promise, Uint8Array};
use wasm_bindgen::JsValue;
use web_sys::CryptoKey;

use super::crypto::{algorithm, subtle};
use crate::token::Jwk;

const RS256: &str = "RSASSA-PKCS1-v1_5";

/// The most imported keys that are kept. Gwop publishes one or two at a time.
const MAX_KEYS: usize = 16;

/// Imported keys by JWK Thumbprint (RFC 7638), so that a `kid` that comes to name another key cannot bring up the old one.
///
/// It holds keys, never promises: on workerd no request may wait for another's.
#[derive(Default)]
pub struct KeyRing {
    /// The oldest first.
    keys: Vec<(String, CryptoKey)>,
}

impl KeyRing {
    /// The key with this thumbprint, if it has been imported.
    #[must_use]
    pub fn get(&self, thumbprint: &str) -> Option<&CryptoKey> {
        self.keys
            .iter()
            .find(|(other, _)| other == thumbprint)
            .map(|(_, key)| key)
    }

    /// Keeps a key; the oldest one goes when there are too many.
    pub fn keep(&mut self, thumbprint: String, key: CryptoKey) {
        self.keys.retain(|(other, _)| *other != thumbprint);
        if self.keys.len() >= MAX_KEYS {
            self.keys.remove(0);
        }
        self.keys.push((thumbprint, key));
    }
}

/// Imports a public key for RS256 verification. Resolves to a `CryptoKey`, and rejects when the runtime will not have the key.
///
/// # Errors
/// Where Web Crypto is not available.
pub fn import(key: &Jwk) -> Result<Promise, JsValue> {
    let jwk: Object = JSON::parse(&key.to_json())?.into();
    subtle()?.import_key_with_object(
        "jwk",
        &jwk,
        &algorithm(RS256)?,
        false,
        &Array::of1(&"verify".into()),
    )
}

/// Asks `subtle.verify` whether `signature` is the RS256 signature of `signed` under `key`. Resolves to a boolean.
///
/// # Errors
/// Where Web Crypto is not available.
pub fn verify(key: &CryptoKey, signature: &[u8], signed: &[u8]) -> Result<Promise, JsValue> {
    // Copies: the wasm memory may move before the runtime reads them.
    subtle()?.verify_with_str_and_js_u8_array_and_js_u8_array(
        RS256,
        key,
        &Uint8Array::from(signature),
        &Uint8Array::from(signed),
    )
}
