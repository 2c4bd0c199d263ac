//! Comparing secrets.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Whether the two are equal, in a time that tells nothing of where they differ: their HMACs are compared in constant time.
#[must_use]
pub fn equal(one: &[u8], other: &[u8]) -> bool {
    let tag = |bytes: &[u8]| {
        let mut mac = Hmac::<Sha256>::new_from_slice(b"gwop comparison").ok()?;
        mac.update(bytes);
        Some(mac)
    };
    let expected = tag(other).map(|mac| mac.finalize().into_bytes());
    match (tag(one), expected) {
        (Some(mac), Some(expected)) => mac.verify(&expected).is_ok(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::equal;

    #[test]
    fn equal_only_to_itself() {
        assert!(equal(b"token", b"token"));
        for other in [&b""[..], b"token ", b"Token", b"toke"] {
            assert!(!equal(b"token", other) && !equal(other, b"token"));
        }
    }
}
