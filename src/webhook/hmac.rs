//! HMAC-SHA256 (RFC 2104) compiled into the module, for callers that cannot await Web Crypto.

use hmac::digest::CtOutput;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::SignatureHeader;

/// A prepared secret. It hashes two of the fourteen blocks of a usual delivery only once.
#[derive(Clone)]
pub struct Key(Hmac<Sha256>);

impl std::fmt::Debug for Key {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Key(redacted)")
    }
}

impl Key {
    /// Prepares a key of any length. Never returns `None`: HMAC accepts every length, and the
    /// `Option` comes from the trait.
    #[must_use]
    #[inline(never)] // Keeps one copy. The compiler would otherwise inline it into each caller.
    pub fn new(secret: &[u8]) -> Option<Self> {
        Hmac::new_from_slice(secret).ok().map(Self)
    }

    /// Computes the HMAC of `prefix` and `body`. Comparing the result takes constant time.
    #[inline(never)]
    fn tag(&self, prefix: &[u8], body: &[u8]) -> CtOutput<Hmac<Sha256>> {
        let mut keyed = self.0.clone();
        keyed.update(prefix);
        keyed.update(body);
        keyed.finalize()
    }

    /// Returns whether one of the header's signatures belongs to `body`. Compares in constant time.
    #[must_use]
    pub fn verifies(&self, header: &SignatureHeader<'_>, body: &[u8]) -> bool {
        self.matches(&header.prefix(), body, header.signatures())
    }

    fn matches(&self, prefix: &[u8], body: &[u8], tags: &[[u8; 32]]) -> bool {
        let own = self.tag(prefix, body);
        let mut tags = tags.iter();
        tags.any(|tag| own == CtOutput::new((*tag).into()))
    }
}

/// Returns whether one of the header's signatures belongs to `body` under one of `secrets`.
///
/// Compares in constant time.
#[must_use]
pub fn verify<'s>(
    secrets: impl IntoIterator<Item = &'s str>,
    header: &SignatureHeader<'_>,
    body: &[u8],
) -> bool {
    let mut keys = secrets
        .into_iter()
        .filter_map(|secret| Key::new(secret.as_bytes()));
    keys.any(|key| key.verifies(header, body))
}

/// Returns whether one of `tags` is the HMAC of `prefix` and `body` under `key`.
///
/// Compares in constant time.
#[must_use]
pub fn tag_matches(key: &[u8], prefix: &[u8], body: &[u8], tags: &[[u8; 32]]) -> bool {
    Key::new(key).is_some_and(|key| key.matches(prefix, body, tags))
}

/// Returns the HMAC as bytes. The caller is responsible for the comparison.
fn bytes(key: &[u8], prefix: &[u8], body: &[u8]) -> [u8; 32] {
    Key::new(key).map_or([0; 32], |key| key.tag(prefix, body).into_bytes().into())
}

/// Returns the tag of `body` at `timestamp` as lower-case hex. This is the `v1` value that Gwop
/// would send.
///
/// # Examples
/// ```
/// use gwop::webhook::{SignatureHeader, hmac};
///
/// // What a test sends in `X-Gwop-Signature`.
/// let tag = hmac::sign("whsec_example", "1700000000", b"{}");
/// let text = format!("t=1700000000,v1={tag}");
/// let header = SignatureHeader::parse(&text).unwrap();
/// assert!(hmac::verify(["whsec_example"], &header, b"{}"));
/// assert!(!hmac::verify(["whsec_example"], &header, b"{ }"));
/// ```
#[must_use]
pub fn sign(secret: &str, timestamp: &str, body: &[u8]) -> String {
    let prefix = [timestamp.as_bytes(), b"."].concat();
    hex(&bytes(secret.as_bytes(), &prefix, body))
}

/// Returns the HMAC-SHA256 of `message` under `key`. The caller is responsible for the comparison.
pub(crate) fn sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    bytes(key, &[], message)
}

/// Returns the bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digits = |byte: u8| [byte >> 4, byte & 0xf].map(|half| char::from_digit(half.into(), 16));
    bytes.iter().copied().flat_map(digits).flatten().collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn signs_and_verifies_with_any_secret() {
        let body = b"{}";
        let tag = sign("whsec_old", "1700000000", body);
        let text = format!("t=1700000000,v1={}", tag);
        let header = SignatureHeader::parse(&text).unwrap();
        assert!(verify(["whsec_new", "whsec_old"], &header, body));
        assert!(!verify(["whsec_new"], &header, body));
        assert!(!verify(["whsec_old"], &header, b"{} "));
        assert!(!verify([], &header, body));
    }
}
