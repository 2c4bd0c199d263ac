//! Tests what the core asks of the port's crypto, with a double that returns at once.
#![allow(clippy::unwrap_used, missing_docs)]

use std::cell::RefCell;

use gwop::port::Crypto;
use gwop::token::verify_signature;
use gwop::webhook::{self, Code, Rejection, hmac};

/// Uses the compiled-in HMAC. An RS256 signature is valid if it is the signed bytes in reverse. The
/// double records every call.
#[derive(Default)]
struct Double {
    asked: RefCell<Vec<Vec<u8>>>,
}

impl Crypto for Double {
    type Key = Vec<u8>;
    type Pending = bool;
    type Error = Rejection;

    fn import_hmac_key(&self, secret: &[u8]) -> Result<bool, Rejection> {
        Ok(!secret.is_empty())
    }

    fn verify_hmac(&self, key: &Vec<u8>, tag: &[u8], signed: &[u8]) -> Result<bool, Rejection> {
        self.asked.borrow_mut().push(signed.to_vec());
        Ok(hmac::tag_matches(
            key,
            signed,
            b"",
            &[tag.try_into().unwrap()],
        ))
    }

    fn import_rs256_key(&self, jwk: &str) -> Result<bool, Rejection> {
        Ok(!jwk.is_empty())
    }

    fn verify_rs256(
        &self,
        _: &Vec<u8>,
        signature: &[u8],
        signed: &[u8],
    ) -> Result<bool, Rejection> {
        self.asked.borrow_mut().push(signed.to_vec());
        Ok(signature.iter().rev().eq(signed))
    }
}

const NOW: f64 = 1_700_000_000.0;

/// Combines the results as a caller does: one that is true is enough.
fn verified(crypto: &Double, header: &str, body: &[u8], now: f64) -> Result<bool, Rejection> {
    let key = b"whsec_a".to_vec();
    for index in 0.. {
        match webhook::verify(crypto, header, index, body, (now, 300.0), &key)? {
            Some(true) => return Ok(true),
            Some(false) => {}
            None => break,
        }
    }
    Ok(false)
}

#[test]
fn the_mac_is_asked_for_over_time_stamp_and_raw_body() {
    let crypto = Double::default();
    let tag = |secret| hmac::sign(secret, "1700000000", b"{}");
    let own = format!("t=1700000000,v1={}", tag("whsec_a"));
    let foreign = format!("t=1700000000,v1={}", tag("whsec_b"));
    let either = format!("{foreign},v1={}", tag("whsec_a"));
    assert!(verified(&crypto, &own, b"{}", NOW).unwrap());
    assert!(verified(&crypto, &either, b"{}", NOW).unwrap());
    assert!(!verified(&crypto, &foreign, b"{}", NOW).unwrap());
    assert!(!verified(&crypto, &own, b"{} ", NOW).unwrap());
    let asked = crypto.asked.take();
    assert_eq!(asked.first().unwrap(), b"1700000000.{}");
    // The header with two signatures caused two calls.
    assert_eq!(asked.len(), 5);
}

#[test]
fn a_header_that_cannot_do_is_refused_before_the_crypto_is_asked() {
    let crypto = Double::default();
    let own = format!(
        "t=1700000000,v1={}",
        hmac::sign("whsec_a", "1700000000", b"{}")
    );
    for (header, now, code) in [
        ("", NOW, Code::SignatureMissing),
        ("t=1700000000", NOW, Code::SignatureMalformed),
        (own.as_str(), NOW + 301.0, Code::TimestampOutsideTolerance),
    ] {
        let refused = verified(&crypto, header, b"{}", now).unwrap_err();
        assert_eq!(refused.code, code);
    }
    assert!(crypto.asked.take().is_empty());
}

#[test]
fn a_signature_is_asked_about_with_all_that_stands_before_it() {
    let crypto = Double::default();
    let key = Vec::new();
    let holds = |token: &[u8]| verify_signature(&crypto, token, &key).unwrap();
    // `YTph` is base64url of `a:a`.
    assert!(holds(b"a:a.YTph"));
    assert!(!holds(b"a:b.YTph"));
    assert!(!holds(b"h.c.YTph"));
    assert_eq!(crypto.asked.take().last().unwrap(), b"h.c");
    // A token without a signature, or with one that is not base64url, is never valid.
    for token in [b"a:a".as_slice(), b"a:a.", b"a:a.YTp", b"a:a.*", b"x."] {
        assert!(!holds(token));
    }
}
