//! The cache of verified tokens never accepts a token that a fresh verification refuses.
//!
//! The tests use random worlds of clocks that jump, JWK Sets that rotate and options that change.
//! Only the signature check is simulated: a token is signed by one key, and is valid with that key.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing
)]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use gwop::token::{
    Attempt, Candidate, Decoded, Expected, ISSUER, JwkSetCache, MAX_TOKEN_CACHE_BYTES, Plan,
    Rejection, UnverifiedToken, VerifiedTokens,
};

const SECOND: i64 = 1_000;
const HOUR: i64 = 3_600 * SECOND;
/// A day in 2026.
const T0: i64 = 1_774_404_000_000;

/// xorshift64*: random enough for choices, and the same in each run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32) % bound
    }

    fn one<'t, T>(&mut self, of: &'t [T]) -> &'t T {
        &of[self.below(of.len() as u64) as usize]
    }
}

/// A key: its `kid`, and what distinguishes its modulus from others.
type Key = (&'static str, u8);

fn jwk((kid, seed): Key) -> String {
    let mut modulus = vec![0x55; 256];
    (modulus[0], modulus[1]) = (0x80, seed);
    format!(
        "{{\"kty\":\"RSA\",\"kid\":\"{kid}\",\"n\":\"{}\",\"e\":\"AQAB\"}}",
        BASE64URL.encode(modulus)
    )
}

fn set(keys: &[Key]) -> String {
    let keys: Vec<_> = keys.iter().copied().map(jwk).collect();
    format!("{{\"keys\":[{}]}}", keys.join(","))
}

struct Token {
    text: String,
    signed_by: Key,
}

fn token(signed_by: Key, claims: &str) -> Token {
    let header = format!("{{\"alg\":\"RS256\",\"kid\":\"{}\"}}", signed_by.0);
    let parts = [header.as_bytes(), claims.as_bytes(), &[0x5A; 256]];
    let text = parts.map(|part| BASE64URL.encode(part)).join(".");
    Token { text, signed_by }
}

fn claims(subject: &str, merchant: &str, audience: &str, times: &str) -> String {
    format!(
        "{{\"iss\":\"https://identity.gwop.io\",\"sub\":\"base:{subject}\",\"mid\":\"{merchant}\",\"aud\":\"{audience}\",{times}}}"
    )
}

/// A client: its JWK Set cache, its token cache, and the number of signature checks.
struct Client {
    sets: JwkSetCache,
    tokens: VerifiedTokens<String>,
}

/// Verifies without the token cache. `published` is the JWK Set that Gwop returns.
fn fresh(
    sets: &mut JwkSetCache,
    published: &[Key],
    token: &Token,
    expected: &Expected<'_>,
    now_ms: i64,
) -> Result<(), Rejection> {
    let mut decoded = Decoded::default();
    let parsed = UnverifiedToken::parse(token.text.as_bytes(), &mut decoded)?;
    let mut attempt = Attempt::First;
    loop {
        match sets.plan(parsed.kid(), attempt, now_ms) {
            Plan::Use => {
                let good = jwk_set_thumbprint(token.signed_by);
                let holds = sets
                    .candidates(parsed.kid().unwrap())
                    .any(|key| key.thumbprint() == good);
                if !holds {
                    return Err(Rejection::SIGNATURE_INVALID);
                }
                return parsed.evaluate(expected, now_ms).map(|_| ());
            }
            Plan::Fetch(ticket) => {
                sets.received(ticket, set(published).as_bytes(), now_ms);
                attempt = Attempt::Fetched;
            }
            Plan::Refuse(rejection) => return Err(rejection),
            Plan::Wait(_) => panic!("nobody else fetches"),
        }
    }
}

fn jwk_set_thumbprint(key: Key) -> String {
    let set = gwop::token::JwkSet::parse(set(&[key]).as_bytes()).unwrap();
    set.candidates(key.0)
        .next()
        .unwrap()
        .thumbprint()
        .to_owned()
}

impl Client {
    fn new(size: usize) -> Self {
        Self {
            sets: JwkSetCache::new(30 * SECOND),
            tokens: VerifiedTokens::new(size),
        }
    }

    /// Returns what the cache knows.
    fn known(&mut self, token: &Token, expected: &Expected<'_>, now_ms: i64) -> Option<String> {
        let set = self.sets.fresh_set(now_ms);
        self.tokens
            .get(token.text.as_bytes(), expected, set, now_ms)
    }

    /// Verifies anew, and stores a good result.
    fn verify(
        &mut self,
        published: &[Key],
        token: &Token,
        expected: &Expected<'_>,
        now_ms: i64,
    ) -> Result<(), Rejection> {
        fresh(&mut self.sets, published, token, expected, now_ms)?;
        let mut decoded = Decoded::default();
        let parsed = UnverifiedToken::parse(token.text.as_bytes(), &mut decoded)?;
        let claims = parsed.evaluate(expected, now_ms)?;
        if let Some(set) = self.sets.fresh_set(now_ms) {
            let value = claims.subject().into_owned();
            let length = value.len();
            let candidate = Candidate::new(token.text.as_bytes(), expected, claims, value, length);
            self.tokens.keep(candidate, set);
        }
        Ok(())
    }
}

#[test]
fn it_never_says_yes_where_a_fresh_verification_says_no() {
    let keys: [Key; 5] = [("a", 1), ("a", 2), ("b", 3), ("b", 4), ("c", 5)];
    let mut hits = 0;
    let mut refused = 0;
    for world in 0..600 {
        let random = &mut Random(0x9E37_79B9_7F4A_7C15 ^ (world + 1));
        let mut client = Client::new(*random.one(&[1, 2, 4, 1_000]));
        let mut now = T0;
        let mut published = vec![keys[0], keys[2]];
        let tokens: Vec<Token> = (0..8)
            .map(|number| {
                let from = (T0 / SECOND) - 100 + random.below(400) as i64;
                let times = match random.below(3) {
                    0 => format!("\"exp\":{}", from + random.below(9_000) as i64),
                    1 => format!(
                        "\"nbf\":{from},\"exp\":{}",
                        from + random.below(9_000) as i64
                    ),
                    _ => format!(
                        "\"nbf\":{from}.25,\"exp\":{}.75",
                        from + random.below(600) as i64
                    ),
                };
                let merchant = random.one(&["m1", "m2"]);
                let audience = random.one(&["x", "y"]);
                let subject = format!("0x{number}");
                token(
                    *random.one(&keys),
                    &claims(&subject, merchant, audience, &times),
                )
            })
            .collect();
        let mut token = random.one(&tokens);
        let mut expected = Expected::default();
        for _ in 0..60 {
            match random.below(20) {
                // The clock moves on, and sometimes jumps.
                0 => now += random.below(40 * 60) as i64 * SECOND,
                1 => now -= random.below(20 * 60) as i64 * SECOND,
                2 => now += random.below(2_000) as i64,
                // Gwop rotates, restores a key, or gives its name to another key.
                3 => {
                    published = keys
                        .iter()
                        .copied()
                        .filter(|_| random.below(2) == 0)
                        .collect();
                    published.dedup_by_key(|(kid, _)| *kid);
                    if published.is_empty() {
                        published.push(keys[4]);
                    }
                }
                _ => {}
            }
            // Mostly the same token with the same options, as an agent sends it.
            if random.below(4) == 0 {
                token = random.one(&tokens);
            }
            if random.below(4) == 0 {
                expected = Expected {
                    merchant_id: *random.one(&[None, None, Some("m1"), Some("m2")]),
                    audience: random
                        .one(&[vec![], vec![], vec!["x", "y"], vec!["x"]])
                        .clone(),
                    issuer: random.one::<&str>(&[ISSUER, ISSUER, ISSUER, "https://other.example"]),
                    clock_tolerance_ms: *random.one(&[0, 5_000, 60_000, i64::MAX]),
                };
            }
            if let Some(subject) = client.known(token, &expected, now) {
                hits += 1;
                assert!(
                    token_subject(token) == subject,
                    "world {world}: another token's answer"
                );
                // A fresh verification with the same set, without a fetch, has the same result.
                let verdict = fresh(&mut client.sets, &[], token, &expected, now);
                assert_eq!(verdict, Ok(()), "world {world}");
            } else if client.verify(&published, token, &expected, now).is_err() {
                refused += 1;
            }
            assert!(client.tokens.bytes() <= MAX_TOKEN_CACHE_BYTES);
        }
    }
    // The worlds contain enough of both results.
    assert!(hits > 2_000 && refused > 2_000, "{hits} {refused}");
}

fn token_subject(token: &Token) -> String {
    let mut decoded = Decoded::default();
    let parsed = UnverifiedToken::parse(token.text.as_bytes(), &mut decoded).unwrap();
    let anything = Expected {
        clock_tolerance_ms: i64::MAX,
        ..Expected::default()
    };
    parsed
        .evaluate(&anything, T0)
        .unwrap()
        .subject()
        .into_owned()
}

#[test]
fn an_entry_counts_from_nbf_to_exp_with_the_tolerance_and_within_the_sets_hour() {
    let key: Key = ("a", 1);
    let times = format!("\"nbf\":{},\"exp\":{}", T0 / SECOND, T0 / SECOND + 7_200);
    let token = token(key, &claims("0x1", "m1", "x", &times));
    let expected = Expected::default();
    let mut client = Client::new(10);
    assert_eq!(client.known(&token, &expected, T0), None);
    client.verify(&[key], &token, &expected, T0).unwrap();
    let known = |client: &mut Client, now| client.known(&token, &expected, now).is_some();
    assert!(known(&mut client, T0));
    assert!(known(&mut client, T0 + HOUR - 1));
    assert!(!known(&mut client, T0 + HOUR), "the set's hour is over");
    // The same set counts as another one after a new fetch.
    client.verify(&[key], &token, &expected, T0 + HOUR).unwrap();
    assert!(known(&mut client, T0 + 2 * HOUR - 1));
    client
        .verify(&[key], &token, &expected, T0 + 2 * HOUR)
        .unwrap();
    assert!(
        known(&mut client, T0 + 2 * HOUR + 4_999),
        "5 s of tolerance"
    );
    assert!(!known(&mut client, T0 + 2 * HOUR + 5_000), "expired");
}

/// Returns a token for each of `count` wallets.
fn wallets(count: u32, key: Key, times: &str) -> Vec<Token> {
    let of = |at| token(key, &claims(&format!("0x{at}"), "m", "x", times));
    (0..count).map(of).collect()
}

#[test]
fn new_tokens_replace_the_oldest_in_turn_with_each_set() {
    let key: Key = ("a", 1);
    let times = format!("\"exp\":{}", T0 / SECOND + 100_000);
    let tokens = wallets(12, key, &times);
    let expected = Expected::default();
    for size in 1..=5 {
        let mut client = Client::new(size);
        // A new set is fetched after an hour, when the cache is full or partly full.
        for (now, count) in [(T0, 12), (T0 + HOUR, 4), (T0 + 2 * HOUR, 12)] {
            for (at, newest) in tokens.iter().enumerate().take(count) {
                client.verify(&[key], newest, &expected, now).unwrap();
                let oldest = (at + 1).saturating_sub(size);
                for (other, token) in tokens.iter().enumerate().take(at + 1) {
                    let known = client.known(token, &expected, now).is_some();
                    assert_eq!(known, other >= oldest, "size {size}: {other} after {at}");
                }
            }
        }
    }
}

#[test]
fn what_alone_exceeds_the_bytes_is_not_kept_and_pushes_nothing_out() {
    let key: Key = ("a", 1);
    let times = format!("\"exp\":{}", T0 / SECOND + 600);
    let [one, other] = ["0x1", "0x2"].map(|sub| token(key, &claims(sub, "m", "x", &times)));
    let mut client = Client::new(10);
    let expected = Expected::default();
    client.verify(&[key], &one, &expected, T0).unwrap();
    let long = "y".repeat(MAX_TOKEN_CACHE_BYTES);
    let large = Expected {
        audience: vec!["x", &long],
        ..Expected::default()
    };
    client.verify(&[key], &other, &large, T0).unwrap();
    assert_eq!(client.known(&other, &large, T0), None);
    assert!(client.known(&one, &expected, T0).is_some());
    assert!(client.tokens.bytes() <= MAX_TOKEN_CACHE_BYTES);
}

#[test]
fn a_token_that_was_used_outlives_older_and_newer_ones_and_none_is_kept_where_it_is_off() {
    let key: Key = ("a", 1);
    let times = format!("\"exp\":{}", T0 / SECOND + 600);
    let tokens = wallets(3, key, &times);
    let expected = Expected::default();
    let mut client = Client::new(2);
    for token in &tokens[..2] {
        client.verify(&[key], token, &expected, T0).unwrap();
    }
    assert!(client.known(&tokens[0], &expected, T0).is_some());
    client.verify(&[key], &tokens[2], &expected, T0).unwrap();
    let known: Vec<bool> = tokens
        .iter()
        .map(|token| client.known(token, &expected, T0).is_some())
        .collect();
    assert_eq!(known, [true, false, true]);

    let mut off = Client::new(0);
    off.verify(&[key], &tokens[0], &expected, T0).unwrap();
    assert_eq!(off.known(&tokens[0], &expected, T0), None);
    assert!(off.tokens.is_empty());
}

#[test]
fn many_distinct_tokens_stay_within_the_bounds() {
    let key: Key = ("a", 1);
    let times = format!("\"exp\":{}", T0 / SECOND + 600);
    let expected = Expected::default();
    let mut client = Client::new(1_000);
    let one = token(key, &claims("0x", "m", "x", &times));
    client.verify(&[key], &one, &expected, T0).unwrap();
    let set = client.sets.fresh_set(T0).unwrap();
    let mut decoded = Decoded::default();
    let parsed = UnverifiedToken::parse(one.text.as_bytes(), &mut decoded).unwrap();
    let claims = parsed.evaluate(&expected, T0).unwrap();
    for number in 0..100_000_u32 {
        let text = format!("{number}.{}", "x".repeat((number % 5_000) as usize));
        let value = number.to_string();
        let candidate = Candidate::new(text.as_bytes(), &expected, claims, value, 10);
        client.tokens.keep(candidate, set);
        assert!(client.tokens.len() <= 1_000);
        assert!(client.tokens.bytes() <= MAX_TOKEN_CACHE_BYTES);
    }
    assert!(client.tokens.len() > 300, "{}", client.tokens.len());
}
