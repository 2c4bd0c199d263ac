//! Web Crypto: HMAC-SHA256 by `crypto.subtle`, with keys that are imported once and kept by the caller.

use js_sys::{Array, Object, Promise, Reflect, Uint8Array};
use wasm_bindgen::prelude::*;
use web_sys::{Crypto, CryptoKey, SubtleCrypto};

#[allow(unsafe_code)] // wasm-bindgen's generated glue.
mod global {
    use super::{Crypto, wasm_bindgen};

    #[wasm_bindgen]
    extern "C" {
        /// `globalThis.crypto`, read on first use: at module level it costs Node 2 ms of import time.
        #[wasm_bindgen(thread_local_v2, js_name = crypto)]
        pub static CRYPTO: Option<Crypto>;
    }
}

/// `crypto.subtle` of this runtime.
///
/// # Errors
/// An `Error` where there is none, such as on a page that is not a secure context.
pub fn subtle() -> Result<SubtleCrypto, JsValue> {
    global::CRYPTO
        .with(|crypto| crypto.as_ref().map(Crypto::subtle))
        .filter(|subtle| !subtle.is_undefined())
        .ok_or_else(|| {
            js_sys::Error::new(
                "Web Crypto is not available: crypto.subtle needs a secure context (https or localhost)",
            )
            .into()
        })
}

/// An algorithm object such as `{ name: "HMAC", hash: "SHA-256" }`.
///
/// # Errors
/// Never in practice: setting a member of a fresh object does not fail.
pub fn algorithm(name: &str) -> Result<Object, JsValue> {
    let algorithm = Object::new();
    Reflect::set(&algorithm, &"name".into(), &name.into())?;
    Reflect::set(&algorithm, &"hash".into(), &"SHA-256".into())?;
    Ok(algorithm)
}

/// Imports `secret` as an HMAC-SHA256 key for verification. Resolves to a `CryptoKey`.
///
/// # Errors
/// Where Web Crypto is not available.
pub fn import_hmac_key(secret: &[u8]) -> Result<Promise, JsValue> {
    subtle()?.import_key_with_object(
        "raw",
        &Uint8Array::from(secret),
        &algorithm("HMAC")?,
        false,
        &Array::of1(&"verify".into()),
    )
}

/// Asks `subtle.verify` whether one of `tags` is the HMAC of `prefix` and `body` under `key`.
///
/// Resolves to a boolean, or to one per tag where there are several.
///
/// # Errors
/// Where Web Crypto is not available.
pub fn verify_hmac(
    key: &CryptoKey,
    tags: &[[u8; 32]],
    prefix: &[u8],
    body: &Uint8Array,
) -> Result<Promise, JsValue> {
    let subtle = subtle()?;
    let from = u32::try_from(prefix.len()).unwrap_or(u32::MAX);
    let signed = Uint8Array::new_with_length(from.saturating_add(body.length()));
    signed.set(&Uint8Array::from(prefix), 0);
    signed.set(body, from);
    let verify = |tag: &[u8; 32]| {
        let tag = Uint8Array::from(tag.as_slice());
        subtle.verify_with_str_and_js_u8_array_and_js_u8_array("HMAC", key, &tag, &signed)
    };
    if let [tag] = tags {
        return verify(tag);
    }
    let answers = Array::new();
    for tag in tags {
        answers.push(&verify(tag)?.into());
    }
    Ok(Promise::all(&answers))
}
