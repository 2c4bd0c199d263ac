//! The JWK Set: which keys are usable, and the policy of the cache, on a clock made of integers.
#![allow(clippy::unwrap_used, clippy::panic, clippy::arithmetic_side_effects)]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use gwop::token::{
    Attempt, Code, Jwk, JwkSet, JwkSetCache, MAX_JWK_SET_BYTES, Plan, Ticket, Unusable,
};

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
/// A day in 2026.
const T0: i64 = 1_774_404_000_000;

/// Returns a modulus of the given bits that depends on `seed`. It is odd, like every product of two
/// odd primes. No test verifies with it.
fn modulus(bits: usize, seed: u8) -> String {
    let mut bytes = vec![0x55; bits.div_ceil(8)];
    if let Some(first) = bytes.first_mut() {
        *first = 1 << ((bits - 1) % 8);
    }
    if let Some(second) = bytes.get_mut(1) {
        *second = seed;
    }
    BASE64URL.encode(bytes)
}

fn jwk(kid: &str, seed: u8) -> String {
    format!(
        "{{\"kty\":\"RSA\",\"alg\":\"RS256\",\"use\":\"sig\",\"kid\":\"{kid}\",\"n\":\"{}\",\"e\":\"AQAB\"}}",
        modulus(2048, seed)
    )
}

fn set(kids: &[&str]) -> String {
    let keys: Vec<_> = kids.iter().map(|kid| jwk(kid, kid.len() as u8)).collect();
    format!("{{\"keys\":[{}]}}", keys.join(","))
}

fn with(members: &str) -> String {
    format!("{{\"keys\":[{{{members}}}]}}")
}

// ---- Which keys are usable ----

#[test]
fn keys_that_can_verify_rs256_are_read_and_written_back() {
    let n = modulus(2048, 1);
    for members in [
        format!("\"kty\":\"RSA\",\"kid\":\"k\",\"n\":\"{n}\",\"e\":\"AQAB\""),
        format!("\"kty\":\"RSA\",\"kid\":\"k\",\"n\":\"{n}\",\"e\":\"AQAB\",\"alg\":\"RS256\""),
        format!(
            "\"kty\":\"RSA\",\"kid\":\"k\",\"n\":\"{n}\",\"e\":\"AQAB\",\"use\":\"sig\",\"key_ops\":[\"verify\"]"
        ),
        format!(
            "\"kty\":\"RSA\",\"kid\":\"k\",\"n\":\"{n}\",\"e\":\"AQAB\",\"x5c\":[\"MII\"],\"new\":{{}},\"d\":\"never-read\""
        ),
    ] {
        let set = JwkSet::parse(with(&members).as_bytes()).unwrap();
        let key = set.candidates("k").next().unwrap();
        assert_eq!(
            key.json(),
            format!(
                "{{\"kty\":\"RSA\",\"alg\":\"RS256\",\"use\":\"sig\",\"kid\":\"k\",\"n\":\"{n}\",\"e\":\"AQAB\"}}"
            )
        );
        assert!(!set.contains("K"));
    }
    for e in ["Aw", "EQ", "AQAB", "_____w"] {
        let members = format!("\"kty\":\"RSA\",\"kid\":\"k\",\"n\":\"{n}\",\"e\":\"{e}\"");
        assert!(JwkSet::parse(with(&members).as_bytes()).is_ok(), "{e}");
    }
}

#[test]
fn keys_that_cannot_are_left_out() {
    let n = modulus(2048, 1);
    let good = format!("\"kty\":\"RSA\",\"kid\":\"k\",\"n\":\"{n}\",\"e\":\"AQAB\"");
    let mut leading_zero = vec![0];
    leading_zero.extend(BASE64URL.decode(&n).unwrap());
    let mut even = BASE64URL.decode(&n).unwrap();
    *even.last_mut().unwrap() = 0x54;
    let bad_n = [
        modulus(512, 1),
        modulus(1024, 1),
        modulus(2047, 1),
        modulus(8193, 1),
        BASE64URL.encode(leading_zero),
        BASE64URL.encode(even),
        format!("{n}="),
        String::new(),
        "!".to_owned(),
    ];
    let bad_e = [
        "", "AA", "AQ", "Ag", "AAEAAQ", "AQAA", "AQAAAAE", "AQAB=", "AQA B", "65537",
    ];
    let mut all: Vec<String> = vec![
        good.replace("RSA", "EC"),
        good.replace("RSA", "oct"),
        good.replace("\"kty\":\"RSA\",", ""),
        good.replace("\"kid\":\"k\",", ""),
        good.replace("\"k\"", "7"),
        format!("{good},\"use\":\"enc\""),
        format!("{good},\"use\":null"),
        format!("{good},\"alg\":\"RS512\""),
        format!("{good},\"alg\":\"RSA-OAEP\""),
        format!("{good},\"key_ops\":[\"encrypt\"]"),
        format!("{good},\"key_ops\":\"verify\""),
        format!("{good},\"e\":\"AQAB\""),
    ];
    all.extend(bad_n.iter().map(|bad| good.replace(&n, bad)));
    all.extend(bad_e.iter().map(|bad| good.replace("AQAB", bad)));
    for members in all {
        let alone = with(&members);
        assert_eq!(
            JwkSet::parse(alone.as_bytes()),
            Err(Unusable::NoUsableKey),
            "{members}"
        );
        // It does not affect the other keys.
        let beside = format!("{{\"keys\":[{{{members}}},{}]}}", jwk("good", 1));
        let set = JwkSet::parse(beside.as_bytes()).unwrap();
        assert!(set.contains("good") && !set.contains("k"), "{members}");
    }
    for member in ["null", "7", "\"k\"", "[]"] {
        let text = format!("{{\"keys\":[{member}]}}");
        assert_eq!(JwkSet::parse(text.as_bytes()), Err(Unusable::NoUsableKey));
    }
}

#[test]
fn keys_of_one_kid_are_all_candidates_but_copies_count_once() {
    let text = format!(
        "{{\"keys\":[{},{},{},{}]}}",
        jwk("k", 1),
        jwk("k", 2),
        jwk("k", 1),
        jwk("other", 1)
    );
    let set = JwkSet::parse(text.as_bytes()).unwrap();
    let thumbprints: Vec<_> = set.candidates("k").map(Jwk::thumbprint).collect();
    assert_eq!(thumbprints.len(), 2);
    // The thumbprint depends on the key, not on its name.
    assert_eq!(
        set.candidates("other").next().map(Jwk::thumbprint),
        thumbprints.first().copied()
    );
}

#[test]
fn bodies_that_are_no_jwk_set() {
    let many = set(&["k"; 65]);
    let long = format!("{}{}", set(&["k"]), " ".repeat(MAX_JWK_SET_BYTES));
    for text in [
        "",
        "<!doctype html><title>503</title>",
        "null",
        "[]",
        "{}",
        "{\"keys\":null}",
        "{\"keys\":{}}",
        "{\"keys\":\"x\"}",
        "{\"keys\":[],\"keys\":[]}",
        "{\"error\":{\"code\":\"RATE_LIMITED\",\"message\":\"\"}}",
        many.as_str(),
        long.as_str(),
    ] {
        assert_eq!(JwkSet::parse(text.as_bytes()), Err(Unusable::NotAJwkSet));
    }
    assert_eq!(JwkSet::parse(b"{\"keys\":[]}"), Err(Unusable::NoUsableKey));
    assert!(JwkSet::parse(set(&["k"; 64]).as_bytes()).is_ok());
}

// ---- The cache ----

fn cache() -> JwkSetCache {
    JwkSetCache::new(30 * SECOND)
}

fn ticket(plan: Plan) -> Ticket {
    match plan {
        Plan::Fetch(ticket) => ticket,
        other => panic!("expected a fetch, got {other:?}"),
    }
}

fn first(cache: &mut JwkSetCache, kid: &str, now: i64) -> Plan {
    cache.plan(Some(kid), Attempt::First, now)
}

fn refused(plan: Plan) -> Code {
    match plan {
        Plan::Refuse(rejection) => rejection.code,
        other => panic!("expected a refusal, got {other:?}"),
    }
}

/// Returns a cache that fetched `kids` at `T0`.
fn filled(kids: &[&str]) -> JwkSetCache {
    let mut cache = cache();
    let fetch = ticket(first(&mut cache, "a", T0));
    assert!(cache.received(fetch, set(kids).as_bytes(), T0));
    cache
}

#[test]
fn fetched_on_first_use_and_kept_for_an_hour() {
    let mut cache = filled(&["a"]);
    for now in [T0, T0 + MINUTE, T0 + HOUR - 1] {
        assert_eq!(first(&mut cache, "a", now), Plan::Use);
    }
    assert_eq!(cache.candidates("a").count(), 1);
    ticket(first(&mut cache, "a", T0 + HOUR));
}

#[test]
fn the_hour_counts_from_the_start_of_the_fetch() {
    let mut cache = cache();
    let fetch = ticket(first(&mut cache, "a", T0));
    cache.received(fetch, set(&["a"]).as_bytes(), T0 + 30 * SECOND);
    ticket(first(&mut cache, "a", T0 + HOUR));
}

#[test]
fn an_unknown_kid_refreshes_at_once() {
    let mut cache = filled(&["a"]);
    let fetch = ticket(first(&mut cache, "new", T0 + SECOND));
    assert!(cache.received(fetch, set(&["a", "new"]).as_bytes(), T0 + SECOND));
    assert_eq!(
        cache.plan(Some("new"), Attempt::Fetched, T0 + SECOND),
        Plan::Use
    );
}

#[test]
fn a_flood_of_unknown_kids_makes_one_refresh_per_cooldown_failures_included() {
    for fails in [false, true] {
        let mut cache = filled(&["a"]);
        let mut fetches = 0;
        // One per second for 10 minutes.
        for second in 0..600 {
            let now = T0 + second * SECOND;
            if let Plan::Fetch(fetch) = first(&mut cache, "unknown", now) {
                fetches += 1;
                if fails {
                    cache.failed(fetch, now);
                } else {
                    cache.received(fetch, set(&["a"]).as_bytes(), now);
                }
            }
            assert_eq!(
                first(&mut cache, "a", now),
                Plan::Use,
                "good tokens pass meanwhile"
            );
        }
        assert_eq!(fetches, 20);
    }
}

#[test]
fn a_flood_that_meets_an_empty_cache_makes_one_fetch_per_cooldown_too() {
    let mut cache = cache();
    let fetch = ticket(first(&mut cache, "unknown", T0));
    cache.received(fetch, set(&["a"]).as_bytes(), T0);
    assert_eq!(
        refused(cache.plan(Some("unknown"), Attempt::Fetched, T0)),
        Code::TokenKidUnknown
    );
    assert_eq!(
        refused(first(&mut cache, "unknown", T0 + 29 * SECOND)),
        Code::TokenKidUnknown
    );
    ticket(first(&mut cache, "unknown", T0 + 30 * SECOND));
}

#[test]
fn a_token_without_a_kid_never_makes_a_fetch() {
    for mut cache in [cache(), filled(&["a"])] {
        for now in [T0, T0 + 2 * HOUR, T0 + 48 * HOUR] {
            assert_eq!(
                refused(cache.plan(None, Attempt::First, now)),
                Code::TokenKidUnknown
            );
        }
    }
}

#[test]
fn the_cooldown_is_the_callers_choice_but_a_second_at_least() {
    for (chosen, counted) in [
        (10 * SECOND, 10 * SECOND),
        (999, SECOND),
        (0, SECOND),
        (-1, SECOND),
        (i64::MIN, SECOND),
    ] {
        let mut cache = JwkSetCache::new(chosen);
        let fetch = ticket(first(&mut cache, "a", T0));
        cache.received(fetch, set(&["a"]).as_bytes(), T0);
        for round in 0..3 {
            let now = T0 + round * counted;
            let fetch = ticket(first(&mut cache, "unknown", now));
            cache.received(fetch, set(&["a"]).as_bytes(), now);
            // A verification fetches at most once.
            assert_eq!(
                refused(cache.plan(Some("unknown"), Attempt::Fetched, now)),
                Code::TokenKidUnknown
            );
            assert_eq!(
                refused(first(&mut cache, "unknown", now + counted - 1)),
                Code::TokenKidUnknown,
                "{chosen}"
            );
        }
    }
}

/// Each of `requests` plans until it has a ticket or a refusal. The clock moves by the waits that
/// it is told.
fn flood(cache: &mut JwkSetCache, requests: usize) -> (Vec<Ticket>, usize, i64) {
    let (mut waiting, mut fetches, mut refusals, mut now) = (requests, Vec::new(), 0, T0);
    while waiting > 0 {
        let (mut pause, mut waits) = (0, 0);
        for _ in 0..waiting {
            match first(cache, "a", now) {
                Plan::Fetch(fetch) => fetches.push(fetch),
                Plan::Refuse(rejection) => {
                    assert_eq!(rejection.code, Code::JwksUnavailable);
                    refusals += 1;
                }
                Plan::Wait(milliseconds) => {
                    pause = i64::from(milliseconds);
                    waits += 1;
                }
                Plan::Use => panic!("nothing is held"),
            }
        }
        waiting = waits;
        assert!(waiting == 0 || pause > 0);
        now += pause;
    }
    (fetches, refusals, now - T0)
}

#[test]
fn with_nothing_held_one_request_fetches_and_the_others_wait_for_it() {
    let mut cache = cache();
    let fetch = ticket(first(&mut cache, "a", T0));
    for now in [T0, T0 + SECOND, T0 + 2 * SECOND - 1] {
        for _ in 0..500 {
            let Plan::Wait(milliseconds) = first(&mut cache, "forged", now) else {
                panic!("expected to wait")
            };
            assert!((1..=100).contains(&milliseconds));
        }
    }
    assert!(cache.received(fetch, set(&["a"]).as_bytes(), T0 + SECOND));
    assert_eq!(first(&mut cache, "a", T0 + SECOND), Plan::Use);
}

#[test]
fn a_first_fetch_that_hangs_is_followed_by_three_more_and_then_by_refusals() {
    let mut cache = cache();
    let (fetches, refusals, took) = flood(&mut cache, 500);
    assert_eq!((fetches.len(), refusals), (4, 496));
    assert!((2 * SECOND..=4 * SECOND).contains(&took), "{took} ms");
    // Any of them restores the cache.
    let third = *fetches.get(2).unwrap();
    assert!(cache.received(third, set(&["a"]).as_bytes(), T0 + 5 * SECOND));
    assert_eq!(first(&mut cache, "a", T0 + 5 * SECOND), Plan::Use);
}

#[test]
fn a_fetch_that_ends_makes_room_for_the_next() {
    let mut cache = cache();
    let (fetches, ..) = flood(&mut cache, 5);
    let mut now = T0 + 10 * SECOND;
    assert_eq!(
        refused(first(&mut cache, "a", now)),
        Code::JwksUnavailable,
        "four are under way"
    );
    cache.failed(*fetches.first().unwrap(), now);
    now += SECOND;
    ticket(first(&mut cache, "a", now));
}

#[test]
fn fetches_whose_requests_died_stand_in_nobodys_way_after_30_seconds() {
    let mut cache = cache();
    flood(&mut cache, 500);
    let Plan::Refuse(rejection) = first(&mut cache, "a", T0 + 30 * SECOND - 1) else {
        panic!("expected a refusal")
    };
    assert_eq!(rejection.code, Code::JwksUnavailable);
    let fetch = ticket(first(&mut cache, "a", T0 + 30 * SECOND));
    assert!(cache.received(fetch, set(&["a"]).as_bytes(), T0 + 31 * SECOND));
    // A clock that was set back does not extend that.
    let mut cache = JwkSetCache::new(0);
    flood(&mut cache, 500);
    ticket(first(&mut cache, "a", T0 - HOUR));
}

#[test]
fn a_set_from_the_store_makes_the_fetches_under_way_needless() {
    let mut cache = cache();
    let (fetches, ..) = flood(&mut cache, 5);
    let stored = stored(&["a"], &T0.to_string());
    assert!(cache.adopt(stored.as_bytes(), T0 + 5 * SECOND));
    let asked = Attempt::StoreAsked(*fetches.last().unwrap());
    assert_eq!(cache.plan(Some("a"), asked, T0 + 5 * SECOND), Plan::Use);
}

#[test]
fn failures_with_nothing_held_back_off_from_one_second_to_thirty() {
    let mut cache = cache();
    let mut now = T0;
    for pause in [1, 2, 4, 8, 16, 30, 30, 30] {
        let fetch = ticket(first(&mut cache, "a", now));
        cache.failed(fetch, now);
        assert_eq!(
            refused(cache.plan(Some("a"), Attempt::Fetched, now)),
            Code::JwksUnavailable
        );
        assert_eq!(
            refused(first(&mut cache, "a", now + pause * SECOND - 1)),
            Code::JwksUnavailable
        );
        now += pause * SECOND;
    }
    let fetch = ticket(first(&mut cache, "a", now));
    cache.received(fetch, set(&["a"]).as_bytes(), now);
    assert_eq!(first(&mut cache, "a", now), Plan::Use);
}

#[test]
fn one_bad_first_response_costs_a_second() {
    for bad in ["", "<html>", "{\"keys\":[]}", "{\"keys\":7}"] {
        let mut cache = cache();
        let fetch = ticket(first(&mut cache, "a", T0));
        assert!(!cache.received(fetch, bad.as_bytes(), T0));
        ticket(first(&mut cache, "a", T0 + SECOND));
    }
}

#[test]
fn failures_of_overlapping_fetches_count_once() {
    let mut cache = cache();
    let (fetches, _, took) = flood(&mut cache, 100);
    let now = T0 + took;
    for (index, fetch) in fetches.into_iter().enumerate() {
        cache.failed(fetch, now + 10 + index as i64);
    }
    ticket(first(&mut cache, "a", now + 10 + SECOND));
}

#[test]
fn the_last_good_set_serves_for_a_day_of_failures() {
    let mut cache = filled(&["a"]);
    let mut now = T0 + HOUR;
    let mut fetches = 0;
    while now < T0 + 24 * HOUR {
        match first(&mut cache, "a", now) {
            Plan::Fetch(fetch) => {
                fetches += 1;
                if fetches % 2 == 0 {
                    cache.failed(fetch, now);
                } else {
                    assert!(!cache.received(fetch, b"{\"keys\":[]}", now));
                }
                assert_eq!(cache.plan(Some("a"), Attempt::Fetched, now), Plan::Use);
            }
            plan => assert_eq!(plan, Plan::Use),
        }
        now += 10 * SECOND;
    }
    assert_eq!(fetches, 23 * 120, "one per cooldown");
    // Then the set is gone, and the rules for an empty cache apply.
    let fetch = ticket(first(&mut cache, "a", T0 + 24 * HOUR));
    cache.failed(fetch, T0 + 24 * HOUR);
    assert_eq!(
        refused(cache.plan(Some("a"), Attempt::Fetched, T0 + 24 * HOUR)),
        Code::JwksUnavailable
    );
    assert_eq!(cache.candidates("a").count(), 0);
    ticket(first(&mut cache, "a", T0 + 24 * HOUR + SECOND));
}

#[test]
fn an_unknown_kid_during_an_outage_is_not_called_unknown() {
    let mut cache = filled(&["a"]);
    let fetch = ticket(first(&mut cache, "new", T0 + SECOND));
    cache.failed(fetch, T0 + SECOND);
    assert_eq!(
        refused(cache.plan(Some("new"), Attempt::Fetched, T0 + SECOND)),
        Code::JwksUnavailable
    );
    assert_eq!(
        refused(first(&mut cache, "new", T0 + 2 * SECOND)),
        Code::JwksUnavailable
    );
}

#[test]
fn a_refresh_replaces_the_set_and_drops_retired_keys() {
    let mut cache = filled(&["a"]);
    let fetch = ticket(first(&mut cache, "a", T0 + HOUR));
    assert!(cache.received(fetch, set(&["bb"]).as_bytes(), T0 + HOUR));
    assert_eq!(
        refused(cache.plan(Some("a"), Attempt::Fetched, T0 + HOUR)),
        Code::TokenKidUnknown
    );
}

#[test]
fn an_older_response_never_overwrites_a_newer_one() {
    let mut cache = cache();
    let older = ticket(first(&mut cache, "a", T0));
    let newer = ticket(first(&mut cache, "a", T0 + 2 * SECOND));
    assert!(cache.received(newer, set(&["bb"]).as_bytes(), T0 + 3 * SECOND));
    assert!(!cache.received(older, set(&["a"]).as_bytes(), T0 + 9 * SECOND));
    assert_eq!(cache.candidates("bb").count(), 1);
    assert_eq!(cache.candidates("a").count(), 0);
    // A late failure of the older fetch does not matter either.
    let mut cache = filled(&["a"]);
    let slow = ticket(first(&mut cache, "new", T0 + SECOND));
    let quick = ticket(first(&mut cache, "new", T0 + 31 * SECOND));
    assert!(cache.received(quick, set(&["a", "new"]).as_bytes(), T0 + 32 * SECOND));
    cache.failed(slow, T0 + 33 * SECOND);
    assert_eq!(first(&mut cache, "new", T0 + 34 * SECOND), Plan::Use);
    assert_eq!(first(&mut cache, "a", T0 + 34 * SECOND), Plan::Use);
}

#[test]
fn a_request_with_an_unknown_kid_waits_for_the_refresh_that_another_began() {
    let mut cache = filled(&["a"]);
    let fetch = ticket(first(&mut cache, "new", T0 + MINUTE));
    let Plan::Wait(milliseconds) = first(&mut cache, "new", T0 + MINUTE + 10) else {
        panic!("expected to wait")
    };
    assert!((1..=100).contains(&milliseconds));
    assert_eq!(
        first(&mut cache, "a", T0 + MINUTE + 10),
        Plan::Use,
        "known kids do not wait"
    );
    cache.received(fetch, set(&["a", "new"]).as_bytes(), T0 + MINUTE + 20);
    assert_eq!(first(&mut cache, "new", T0 + MINUTE + 35), Plan::Use);
}

#[test]
fn a_refresh_whose_request_died_holds_nobody_up_for_long() {
    let mut cache = filled(&["a"]);
    let _lost = ticket(first(&mut cache, "new", T0 + MINUTE));
    // The fetch gave no result, so the token is not refused for good.
    assert_eq!(
        refused(first(&mut cache, "new", T0 + MINUTE + 2 * SECOND)),
        Code::JwksUnavailable
    );
    let fetch = ticket(first(&mut cache, "new", T0 + MINUTE + 30 * SECOND));
    cache.received(fetch, set(&["new"]).as_bytes(), T0 + MINUTE + 30 * SECOND);
    assert_eq!(
        first(&mut cache, "new", T0 + MINUTE + 31 * SECOND),
        Plan::Use
    );
}

#[test]
fn a_stale_set_is_refreshed_by_one_request_while_the_others_go_on() {
    let mut cache = filled(&["a"]);
    let now = T0 + 2 * HOUR;
    ticket(first(&mut cache, "a", now));
    for _ in 0..10 {
        assert_eq!(first(&mut cache, "a", now), Plan::Use);
    }
}

#[test]
fn a_clock_that_was_set_back_neither_freezes_nor_floods() {
    let mut cache = filled(&["a"]);
    let day_before = T0 - 24 * HOUR;
    assert_eq!(first(&mut cache, "a", day_before), Plan::Use);
    // The age of the set starts here.
    let fetch = ticket(first(&mut cache, "a", day_before + HOUR));
    assert!(cache.received(fetch, set(&["a"]).as_bytes(), day_before + HOUR));

    let mut cache = filled(&["a"]);
    ticket(first(&mut cache, "x", T0));
    let fetch = ticket(first(&mut cache, "x", day_before));
    cache.failed(fetch, day_before);
    assert_eq!(
        refused(first(&mut cache, "x", day_before + SECOND)),
        Code::JwksUnavailable
    );

    let mut cache = JwkSetCache::new(30 * SECOND);
    for now in [T0, day_before] {
        let fetch = ticket(first(&mut cache, "a", now));
        cache.failed(fetch, now);
        assert_eq!(
            refused(first(&mut cache, "a", now + 999)),
            Code::JwksUnavailable
        );
    }
}

#[test]
fn extreme_clocks_do_not_overflow() {
    let times = [i64::MIN, -1, 0, T0, i64::MAX];
    for cooldown in times {
        let mut cache = JwkSetCache::new(cooldown);
        for now in times {
            if let Plan::Fetch(fetch) = first(&mut cache, "a", now) {
                cache.failed(fetch, now);
                cache.received(fetch, set(&["a"]).as_bytes(), now);
            }
            for then in times {
                first(&mut cache, "b", then);
                let stored = format!("{{\"keys\":[{}],\"fetchedAt\":{then}}}", jwk("c", 3));
                cache.adopt(stored.as_bytes(), now);
            }
        }
    }
}

// ---- The store ----

fn stored(kids: &[&str], fetched_at: &str) -> String {
    set(kids).replacen('{', &format!("{{\"fetchedAt\":{fetched_at},"), 1)
}

#[test]
fn what_is_stored_can_be_adopted_by_another_client() {
    let text = filled(&["a"]).to_stored();
    let mut other = cache();
    assert!(other.adopt(text.as_bytes(), T0 + MINUTE));
    assert_eq!(first(&mut other, "a", T0 + MINUTE), Plan::Use);
    assert_eq!(other.to_stored(), text);
    // It keeps its age.
    ticket(first(&mut other, "a", T0 + HOUR));
    assert!(cache().to_stored().is_empty());
}

#[test]
fn stored_values_are_checked_on_the_way_in() {
    let now = T0;
    let at = |time: i64| time.to_string();
    for bad in [
        String::new(),
        "null".to_owned(),
        "[]".to_owned(),
        "undefined".to_owned(),
        set(&["a"]),
        stored(&["a"], "null"),
        stored(&["a"], "\"2026-03-25T02:04:08.841Z\""),
        stored(&["a"], "-1"),
        stored(&["a"], "1e300"),
        stored(&["a"], "9007199254740991"),
        stored(&["a"], &at(now + HOUR)),
        stored(&["a"], &at(now + MINUTE + 1)),
        stored(&["a"], &at(now - 24 * HOUR)),
        stored(&[], &at(now)),
        format!("{{\"fetchedAt\":{now}}}"),
        format!("{{\"fetchedAt\":{now},\"keys\":\"a\"}}"),
        format!(
            "{{\"fetchedAt\":{now},\"keys\":[{{\"kty\":\"oct\",\"k\":\"AAAA\",\"kid\":\"a\"}}]}}"
        ),
        stored(&["a"; 65], &at(now)),
        stored(&["a"], &at(now)) + &" ".repeat(MAX_JWK_SET_BYTES),
    ] {
        let mut cache = cache();
        assert!(!cache.adopt(bad.as_bytes(), now), "{bad}");
        ticket(first(&mut cache, "a", now));
    }
    // A clock that is slightly ahead does not make the set younger than now.
    let mut cache = cache();
    assert!(cache.adopt(stored(&["a"], &at(now + MINUTE)).as_bytes(), now));
    ticket(first(&mut cache, "a", now + HOUR));
}

#[test]
fn a_stored_set_saves_the_fetch_only_if_it_is_fresh_and_has_the_kid() {
    let plan = |kids: &[&str], age: i64| {
        let mut cache = cache();
        let fetch = ticket(first(&mut cache, "a", T0));
        assert!(cache.adopt(stored(kids, &(T0 - age).to_string()).as_bytes(), T0));
        (
            cache.plan(Some("a"), Attempt::StoreAsked(fetch), T0),
            fetch,
            cache,
        )
    };
    assert_eq!(plan(&["a"], MINUTE).0, Plan::Use);
    let (next, fetch, _) = plan(&["bb"], MINUTE);
    assert_eq!(next, Plan::Fetch(fetch));
    let (next, fetch, mut cache) = plan(&["a"], 2 * HOUR);
    assert_eq!(next, Plan::Fetch(fetch));
    // An old set is still used if the fetch fails.
    cache.failed(fetch, T0);
    assert_eq!(cache.plan(Some("a"), Attempt::Fetched, T0), Plan::Use);
}

#[test]
fn requests_that_adopt_a_stale_set_together_make_one_refresh() {
    let mut cache = cache();
    let (tickets, ..) = flood(&mut cache, 4);
    assert_eq!(tickets.len(), 4);
    let mut fetches = Vec::new();
    for one in tickets {
        cache.adopt(stored(&["a"], &(T0 - 2 * HOUR).to_string()).as_bytes(), T0);
        match cache.plan(Some("a"), Attempt::StoreAsked(one), T0) {
            Plan::Fetch(fetch) => fetches.push(fetch),
            plan => assert_eq!(plan, Plan::Use),
        }
    }
    assert_eq!(fetches.len(), 1);
    cache.failed(*fetches.first().unwrap(), T0);
    assert_eq!(first(&mut cache, "a", T0 + 29 * SECOND), Plan::Use);
    ticket(first(&mut cache, "a", T0 + 30 * SECOND));
}

#[test]
fn a_refresh_that_the_store_made_needless_does_not_start_the_cooldown() {
    let mut cache = filled(&["a"]);
    let now = T0 + MINUTE;
    let fetch = ticket(first(&mut cache, "new", now));
    assert!(cache.adopt(stored(&["a", "new"], &now.to_string()).as_bytes(), now));
    assert_eq!(
        cache.plan(Some("new"), Attempt::StoreAsked(fetch), now),
        Plan::Use
    );
    ticket(first(&mut cache, "newer", now));
}

#[test]
fn neither_the_store_nor_a_fetch_overwrites_what_is_newer() {
    let mut cache = filled(&["a"]);
    assert!(!cache.adopt(stored(&["bb"], &T0.to_string()).as_bytes(), T0 + HOUR));
    assert!(!cache.adopt(stored(&["bb"], &(T0 - 1).to_string()).as_bytes(), T0 + HOUR));
    let slow = ticket(first(&mut cache, "new", T0 + MINUTE));
    assert!(cache.adopt(
        stored(&["new"], &(T0 + 2 * MINUTE).to_string()).as_bytes(),
        T0 + 3 * MINUTE
    ));
    assert!(!cache.received(slow, set(&["a"]).as_bytes(), T0 + 3 * MINUTE));
    assert_eq!(cache.candidates("new").count(), 1);
}

#[test]
fn a_key_that_cannot_be_imported_is_no_candidate_any_more() {
    let mut cache = filled(&["a", "bb"]);
    let thumbprint = cache
        .candidates("a")
        .next()
        .unwrap()
        .thumbprint()
        .to_owned();
    cache.remove_key(&thumbprint);
    assert_eq!(cache.candidates("a").count(), 0);
    assert_eq!(cache.candidates("bb").count(), 1);
}
