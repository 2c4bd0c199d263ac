//! Fuzzes the signature header. Nothing panics, and an accepted header parses to what was written.
#![no_main]

use gwop::webhook::{MAX_SIGNATURES, SignatureHeader};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(header) = SignatureHeader::parse(text) else {
        return;
    };
    assert!((1..=MAX_SIGNATURES).contains(&header.signatures().len()));
    let prefix = String::from_utf8(header.prefix()).expect("digits and a dot");
    assert!(text.contains(prefix.trim_end_matches('.')));
    let written: Vec<String> = header
        .signatures()
        .iter()
        .map(|tag| tag.iter().map(|byte| format!("{byte:02x}")).collect())
        .collect();
    for tag in &written {
        assert!(text.contains(tag.as_str()));
    }
    // The canonical form parses to the same header.
    let canonical = format!("t={},v1={}", prefix.trim_end_matches('.'), written.join(",v1="));
    let again = SignatureHeader::parse(&canonical).expect("the canonical form is accepted");
    assert_eq!(again.signatures(), header.signatures());
    for now in [0.0, 1.7e9, f64::MAX, f64::NAN, f64::NEG_INFINITY] {
        let _ = header.check_time(now, 300.0);
    }
});
