//! Fuzzes `Retry-After`. Nothing panics, and a wait is never in the past.
#![no_main]

use gwop::client::parse_retry_after;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|value: &str| {
    for now_ms in [0, 1_700_000_000_000, i64::MAX, i64::MIN] {
        if let Some(wait) = parse_retry_after(value, now_ms) {
            assert!(wait >= 0);
        }
    }
});
