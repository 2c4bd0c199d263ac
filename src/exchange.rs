//! Values that tie an auth intent to whoever requested it, without storing anything.
//!
//! The Worker and the npm package use the same values, so either can finish what the other started.

use hkdf::Hkdf;
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq};

use crate::webhook::hmac;

/// The smallest number of characters of an `AUTH_SECRET` value. A shorter one can be guessed.
pub const LEAST_AUTH_SECRET: usize = 16;

/// The context of the derived key (`info` of RFC 5869).
const CONTEXT: &[u8] = b"gwop worker exchange_secret 1";

/// Returns whether this value of `AUTH_SECRET` is long enough for exchange secrets.
///
/// # Examples
/// ```
/// use gwop::exchange::is_auth_secret;
///
/// assert!(is_auth_secret("sixteen letters."));
/// assert!(!is_auth_secret("too short"));
/// ```
#[must_use]
pub fn is_auth_secret(value: &str) -> bool {
    is_long_enough(value, LEAST_AUTH_SECRET)
}

/// Returns whether a secret has at least `least` characters.
#[must_use]
pub fn is_long_enough(secret: &str, least: usize) -> bool {
    secret.chars().take(least).count() == least
}

/// Returns the `exchange_secret` of an intent: 64 lower-case hex digits.
#[must_use]
pub fn exchange_secret(auth_secret: &str, intent_id: &str) -> String {
    let mut key = [0; 32];
    // HKDF-SHA256 with an empty salt (RFC 5869). Its limit is 8,160 bytes, so 32 bytes cannot fail.
    let derived = Hkdf::<Sha256>::new(None, auth_secret.as_bytes()).expand(CONTEXT, &mut key);
    debug_assert!(derived.is_ok());
    hmac::hex(&hmac::sha256(&key, intent_id.as_bytes()))
}

/// Returns whether `given` is the `exchange_secret` of the intent under one of `auth_secrets`.
///
/// `auth_secrets` holds the current secret and previous ones. The comparison takes constant time.
///
/// # Examples
/// ```
/// use gwop::exchange::{exchange_secret, is_exchange_secret};
///
/// let given = exchange_secret("the previous AUTH_SECRET", "ai_1");
/// let secrets = ["the current AUTH_SECRET", "the previous AUTH_SECRET"].map(str::to_owned);
/// assert!(is_exchange_secret(&secrets, "ai_1", &given));
/// // It is of no use for another intent.
/// assert!(!is_exchange_secret(&secrets, "ai_2", &given));
/// ```
#[must_use]
pub fn is_exchange_secret(auth_secrets: &[String], intent_id: &str, given: &str) -> bool {
    let expected = auth_secrets
        .iter()
        .map(|auth_secret| exchange_secret(auth_secret, intent_id));
    is_one_of(given, expected)
}

/// Returns whether `given` is one of the secrets.
///
/// The running time depends only on lengths. It reveals neither where values differ nor which one
/// matched.
#[must_use]
pub fn is_one_of(given: &str, secrets: impl IntoIterator<Item = impl AsRef<str>>) -> bool {
    let found = secrets.into_iter().fold(Choice::from(0), |found, secret| {
        found | given.as_bytes().ct_eq(secret.as_ref().as_bytes())
    });
    found.into()
}

/// Returns the idempotency key for the exchange of an intent.
///
/// The key is a UUID in the shape of version 4 (RFC 9562 section 5.4). It is always the same for an
/// intent, so an exchange whose response was lost can be repeated.
///
/// # Examples
/// ```
/// use gwop::exchange::idempotency_key;
///
/// assert_eq!(idempotency_key("ai_1"), "4ae4f0a9-63e6-4d01-88a4-111c46608465");
/// ```
#[must_use]
pub fn idempotency_key(intent_id: &str) -> String {
    let digest = hmac::sha256(b"gwop worker idempotency key 1", intent_id.as_bytes());
    let mut bytes = [0; 16];
    for (to, from) in bytes.iter_mut().zip(digest) {
        *to = from;
    }
    // Version 1.0.0 took the two bits of the variant from the upper half of this digit. An intent
    // keeps its key.
    if let Some(variant) = bytes.get_mut(8) {
        *variant = (*variant >> 2 & 0x30) | (*variant & 0x0f);
    }
    uuid::Builder::from_random_bytes(bytes)
        .into_uuid()
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET_OF_AI_1: &str = "9fc9599353d1044a9eef7ac640179c86f88baae4c7f49d20b645b7a1eb4ddfc0";
    const KEYS: [(&str, &str); 4] = [
        ("ai_1", "4ae4f0a9-63e6-4d01-88a4-111c46608465"),
        ("ai_2", "7c7bddcd-9482-49e6-a2ac-07e63a00bf96"),
        ("ai_3", "7fe9e7c4-5e75-4bfc-94d3-1a1ef84e450b"),
        ("ai_4", "9d60f986-272c-4e71-a35e-05a459d957b9"),
    ];

    #[test]
    fn values_are_those_of_1_0_0() {
        // An intent that was created before an upgrade can be exchanged after it.
        assert_eq!(
            exchange_secret("auth_secret_of_the_tests", "ai_1"),
            SECRET_OF_AI_1
        );
        assert_eq!(
            KEYS.map(|(intent, _)| idempotency_key(intent)),
            KEYS.map(|(_, key)| key)
        );
    }

    #[test]
    fn a_secret_belongs_to_one_intent_and_survives_a_rotation() {
        let [old, new] = ["old", "new"].map(|secret| vec![secret.to_owned()]);
        let both = [new.clone(), old.clone()].concat();
        let given = exchange_secret("old", "ai_1");
        assert_eq!(given.len(), 64);
        assert!(is_exchange_secret(&old, "ai_1", &given));
        assert!(is_exchange_secret(&both, "ai_1", &given));
        assert!(!is_exchange_secret(&new, "ai_1", &given));
        assert!(!is_exchange_secret(&old, "ai_2", &given));
        assert!(!is_exchange_secret(&old, "ai_1", ""));
        assert!(!is_exchange_secret(&old, "ai_1", &given.to_uppercase()));
        assert!(!is_exchange_secret(&[], "ai_1", &given));
    }

    #[test]
    fn idempotency_keys_are_version_4_uuids_of_their_intents() {
        let mut seen = vec![];
        for intent in 0..1_000 {
            let key = idempotency_key(&format!("ai_{intent}"));
            assert_eq!(key, idempotency_key(&format!("ai_{intent}")));
            let parts: Vec<&str> = key.split('-').collect();
            assert_eq!(
                parts.iter().map(|part| part.len()).collect::<Vec<_>>(),
                [8, 4, 4, 4, 12]
            );
            let starts = |at: usize| parts.get(at).and_then(|part| part.chars().next());
            assert_eq!(starts(2), Some('4'));
            assert!(matches!(starts(3), Some('8' | '9' | 'a' | 'b')), "{key}");
            assert!(!seen.contains(&key));
            seen.push(key);
        }
    }
}
