//! What ties an auth intent to whoever asked for it, without storing anything.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::secret;

/// The context of the derived key (`info` of RFC 5869).
const CONTEXT: &[u8] = b"gwop worker exchange_secret 1";

/// The first 32 bytes of HKDF-SHA256 (RFC 5869) with an empty salt.
fn hkdf(secret: &[u8], info: &[u8]) -> [u8; 32] {
    let pseudorandom_key = hmac(&[0; 32], &[secret]);
    hmac(&pseudorandom_key, &[info, &[1]])
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    // HMAC takes keys of every length; the `Result` is the trait's.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        return [0; 32];
    };
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// The `exchange_secret` of an intent: 64 lower-case hex digits.
#[must_use]
pub fn exchange_secret(auth_secret: &str, intent_id: &str) -> String {
    let key = hkdf(auth_secret.as_bytes(), CONTEXT);
    hex(&hmac(&key, &[intent_id.as_bytes()]))
}

/// Whether `given` is the `exchange_secret` of the intent under one of `auth_secrets`, the current one or a previous. In constant time.
#[must_use]
pub fn is_exchange_secret(auth_secrets: &[String], intent_id: &str, given: &str) -> bool {
    auth_secrets.iter().fold(false, |found, auth_secret| {
        let expected = exchange_secret(auth_secret, intent_id);
        secret::equal(given.as_bytes(), expected.as_bytes()) | found
    })
}

/// The idempotency key under which an intent is exchanged: a UUID in the shape of version 4 (RFC 9562 section 5.4), always the
/// same one, so that an exchange whose answer was lost can be repeated.
#[must_use]
pub fn idempotency_key(intent_id: &str) -> String {
    let digest = hmac(b"gwop worker idempotency key 1", &[intent_id.as_bytes()]);
    let digits = hex(&digest);
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    // The variant's digit is one of 8, 9, a and b.
    let variant = match digits.as_bytes().get(16) {
        Some(b'0'..=b'3') => "8",
        Some(b'4'..=b'7') => "9",
        Some(b'8' | b'9' | b'a' | b'b') => "a",
        _ => "b",
    };
    [
        part(0, 8),
        "-",
        part(8, 12),
        "-4",
        part(13, 16),
        "-",
        variant,
        part(17, 20),
        "-",
        part(20, 32),
    ]
    .concat()
}

fn hex(bytes: &[u8]) -> String {
    let mut hex = String::with_capacity(bytes.len().saturating_mul(2));
    for byte in bytes {
        for nibble in [byte >> 4, byte & 0xf] {
            hex.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
        }
    }
    hex
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hkdf_is_that_of_rfc_5869() {
        // Appendix A.3: no salt, no info.
        let output = hkdf(&[0x0b; 22], b"");
        assert_eq!(
            hex(&output),
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
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
