//! Fuzzes the compact JWS and the claim rules. Nothing panics, and everything that is accepted is a
//! JSON object.
#![no_main]

use gwop::json::Value;
use gwop::token::{Decoded, Expected, UnverifiedToken};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|token: &[u8]| {
    let mut decoded = Decoded::default();
    let Ok(parsed) = UnverifiedToken::parse(token, &mut decoded) else {
        return;
    };
    assert!(token.starts_with(parsed.signing_input()));
    let anyone = Expected {
        merchant_id: None,
        audience: vec!["a"],
        ..Expected::default()
    };
    for expected in [Expected::default(), anyone] {
        for now_ms in [i64::MIN, 0, 1_700_000_000_000, i64::MAX] {
            if let Ok(claims) = parsed.evaluate(&expected, now_ms) {
                let json = Value::parse(claims.json().as_bytes()).expect("the claims are JSON");
                assert!(json.is_object());
                assert!(!claims.subject().is_empty());
                let (chain, wallet) = claims.chain_and_wallet();
                assert!(!chain.is_empty() && !wallet.is_empty());
            }
        }
    }
});
