//! The port's [`Crypto`] by `crypto.subtle`, with keys that are imported once and kept by the caller.

use js_sys::{Array, JSON, JsString, Object, Promise, Uint8Array};
use wasm_bindgen::JsThreadLocal;
use wasm_bindgen::prelude::*;
use web_sys::{CryptoKey, SubtleCrypto};

use crate::port::Crypto;

#[allow(unsafe_code)] // wasm-bindgen's generated glue.
mod global {
    use js_sys::JsString;

    use super::wasm_bindgen;

    #[rustfmt::skip] // It would drop the texts.
    #[wasm_bindgen]
    extern "C" {
        /// `globalThis.crypto`, read on first use: at module level it costs Node 2 ms of import time.
        #[wasm_bindgen(thread_local_v2, js_name = crypto)]
        pub static CRYPTO: Option<web_sys::Crypto>;

        // Made once: decoding a text of the wasm's takes a tenth of our share of a verification.
        #[wasm_bindgen(thread_local_v2, static_string)]
        pub static HMAC: JsString = "HMAC";
        #[wasm_bindgen(thread_local_v2, static_string)]
        pub static RS256: JsString = "RSASSA-PKCS1-v1_5";
    }
}

/// Web Crypto. A key or an answer under way is a `Promise`: of a `CryptoKey`, or of a boolean or a list of booleans.
///
/// Every method throws where Web Crypto is not available.
#[derive(Debug, Clone, Copy)]
pub struct WebCrypto;

impl Crypto for WebCrypto {
    type Key = CryptoKey;
    type Body = Uint8Array;
    type Pending = Promise;
    type Error = JsValue;

    fn import_hmac_key(&self, secret: &[u8]) -> Result<Promise, JsValue> {
        let algorithm = r#"{"name":"HMAC","hash":"SHA-256"}"#;
        import("raw", &Uint8Array::from(secret), algorithm)
    }

    fn verify_hmac(
        &self,
        key: &CryptoKey,
        tags: &[[u8; 32]],
        prefix: &[u8],
        body: &Uint8Array,
    ) -> Result<Promise, JsValue> {
        let from = u32::try_from(prefix.len()).unwrap_or(u32::MAX);
        let signed = Uint8Array::new_with_length(from.saturating_add(body.length()));
        signed.set(&Uint8Array::from(prefix), 0);
        signed.set(body, from);
        if let [tag] = tags {
            return verify(&global::HMAC, key, tag, &signed);
        }
        let answers = Array::new();
        for tag in tags {
            answers.push(&verify(&global::HMAC, key, tag, &signed)?.into());
        }
        Ok(Promise::all(&answers))
    }

    fn import_rs256_key(&self, jwk: &str) -> Result<Promise, JsValue> {
        let algorithm = r#"{"name":"RSASSA-PKCS1-v1_5","hash":"SHA-256"}"#;
        import("jwk", &object(jwk)?, algorithm)
    }

    fn verify_rs256(
        &self,
        key: &CryptoKey,
        signature: &[u8],
        signed: &[u8],
    ) -> Result<Promise, JsValue> {
        verify(&global::RS256, key, signature, &Uint8Array::from(signed))
    }
}

fn object(json: &str) -> Result<Object, JsValue> {
    Ok(JSON::parse(json)?.into())
}

/// Imports a key for verification, which nobody can read back.
fn import(format: &str, key: &Object, algorithm: &str) -> Result<Promise, JsValue> {
    let usages = object(r#"["verify"]"#)?;
    subtle()?.import_key_with_object(format, key, &object(algorithm)?, false, &usages)
}

/// Copies of the bytes go in: the wasm memory may move before the runtime reads them.
fn verify(
    algorithm: &'static JsThreadLocal<JsString>,
    key: &CryptoKey,
    signature: &[u8],
    signed: &Uint8Array,
) -> Result<Promise, JsValue> {
    let subtle = subtle()?;
    algorithm.with(|algorithm| {
        subtle.verify_with_object_and_js_u8_array_and_js_u8_array(
            // An algorithm is an object or a string.
            algorithm.unchecked_ref(),
            key,
            &Uint8Array::from(signature),
            signed,
        )
    })
}

fn subtle() -> Result<SubtleCrypto, JsValue> {
    global::CRYPTO
        .with(|crypto| crypto.as_ref().map(web_sys::Crypto::subtle))
        .filter(|subtle| !subtle.is_undefined())
        .ok_or_else(|| {
            js_sys::Error::new(
                "Web Crypto is not available: crypto.subtle needs a secure context (https or localhost)",
            )
            .into()
        })
}
