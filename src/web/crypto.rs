//! Implements [`Crypto`] with `crypto.subtle`. Keys are imported once and kept by the caller.

use js_sys::{JSON, Object, Promise, Uint8Array};
use wasm_bindgen::prelude::*;
use web_sys::{CryptoKey, SubtleCrypto};

use super::text::constant;
use crate::port::Crypto;

#[allow(unsafe_code)] // For the code that wasm-bindgen generates.
mod global {
    use super::wasm_bindgen;

    #[wasm_bindgen]
    extern "C" {
        #[wasm_bindgen(thread_local_v2, js_name = crypto)]
        pub static CRYPTO: Option<web_sys::Crypto>;
    }
}

/// Web Crypto. A key or a pending result is a `Promise` of a `CryptoKey` or a boolean.
#[derive(Debug, Clone)]
pub struct WebCrypto(pub SubtleCrypto);

impl WebCrypto {
    /// Returns the Web Crypto of the global object.
    ///
    /// # Errors
    /// When there is none, such as in a page without https.
    pub fn global() -> Result<Self, JsValue> {
        thread_local! {
            static GLOBAL: Option<WebCrypto> = global::CRYPTO.with(|crypto| {
                let subtle = crypto.as_ref().map(web_sys::Crypto::subtle);
                subtle.filter(|subtle| !subtle.is_undefined()).map(WebCrypto)
            });
        }
        GLOBAL.with(Clone::clone).ok_or_else(|| {
            js_sys::Error::new("Web Crypto is not available: crypto.subtle needs a secure context (https or localhost)").into()
        })
    }

    /// Returns a random version 4 UUID, or an empty string if there is no Web Crypto.
    #[must_use]
    pub fn random_uuid() -> String {
        global::CRYPTO.with(|crypto| {
            crypto
                .as_ref()
                .map(web_sys::Crypto::random_uuid)
                .unwrap_or_default()
        })
    }

    /// Imports a key that can only verify and cannot be exported.
    fn import(&self, format: &str, key: &Object, algorithm: &str) -> Result<Promise, JsValue> {
        let (algorithm, usages) = (object(algorithm)?, object(r#"["verify"]"#)?);
        let Self(subtle) = self;
        subtle.import_key_with_object(format, key, &algorithm, false, &usages)
    }

    /// Starts to verify a signature.
    ///
    /// The runtime copies the bytes before it returns (Web Cryptography API, 14.3.4). It may
    /// therefore receive a view of the wasm's own memory.
    fn verify(
        &self,
        algorithm: &'static str,
        key: &CryptoKey,
        signature: &[u8],
        signed: &[u8],
    ) -> Result<Promise, JsValue> {
        let Self(subtle) = self;
        // The parameter may be an object or a string. This is a string.
        let algorithm: Object = constant(algorithm).unchecked_into();
        subtle.verify_with_object_and_u8_array_and_u8_array(&algorithm, key, signature, signed)
    }
}

impl Crypto for WebCrypto {
    type Key = CryptoKey;
    type Pending = Promise;
    type Error = JsValue;

    fn import_hmac_key(&self, secret: &[u8]) -> Result<Promise, JsValue> {
        let algorithm = r#"{"name":"HMAC","hash":"SHA-256"}"#;
        self.import("raw", &Uint8Array::from(secret), algorithm)
    }

    fn verify_hmac(&self, key: &CryptoKey, tag: &[u8], signed: &[u8]) -> Result<Promise, JsValue> {
        self.verify("HMAC", key, tag, signed)
    }

    fn import_rs256_key(&self, jwk: &str) -> Result<Promise, JsValue> {
        let algorithm = r#"{"name":"RSASSA-PKCS1-v1_5","hash":"SHA-256"}"#;
        self.import("jwk", &object(jwk)?, algorithm)
    }

    fn verify_rs256(
        &self,
        key: &CryptoKey,
        signature: &[u8],
        signed: &[u8],
    ) -> Result<Promise, JsValue> {
        self.verify("RSASSA-PKCS1-v1_5", key, signature, signed)
    }
}

fn object(json: &str) -> Result<Object, JsValue> {
    Ok(JSON::parse(json)?.into())
}
