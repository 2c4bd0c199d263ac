//! Fuzzes the JWK Set and the cache's policy. Nothing panics, and a stored set reads back
//! unchanged.
#![no_main]

use gwop::token::{Attempt, JwkSet, JwkSetCache, Plan};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let _ = JwkSet::parse(body);
    let mut cache = JwkSetCache::new(30_000);
    let mut now = 1_700_000_000_000;
    let _ = cache.adopt(body, now);
    for round in 0..4 {
        if let Plan::Fetch(ticket) = cache.plan(Some("gwop-auth-v1"), Attempt::First, now) {
            if round % 2 == 0 {
                cache.received(ticket, body, now);
            } else {
                cache.failed(ticket, now);
            }
        }
        now += 3_700_000;
    }
    let stored = cache.to_stored();
    if !stored.is_empty() {
        let mut other = JwkSetCache::new(30_000);
        assert!(other.adopt(stored.as_bytes(), now), "what is stored is taken back");
    }
});
