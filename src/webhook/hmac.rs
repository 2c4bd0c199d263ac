//! HMAC-SHA256 (RFC 2104) compiled in, for the paths that cannot await Web Crypto.

use hmac::digest::CtOutput;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::SignatureHeader;

/// The HMAC of `prefix` and `body` under `key`, which compares itself in constant time.
fn tag(key: &[u8], prefix: &[u8], body: &[u8]) -> Option<CtOutput<Hmac<Sha256>>> {
    // HMAC takes keys of every length; the `Result` is the trait's.
    let mut keyed = Hmac::<Sha256>::new_from_slice(key).ok()?;
    keyed.update(prefix);
    keyed.update(body);
    Some(keyed.finalize())
}

/// Whether one of the header's signatures belongs to `body` under one of `secrets`. Compared in constant time.
#[must_use]
pub fn verify<'s>(
    secrets: impl IntoIterator<Item = &'s str>,
    header: &SignatureHeader<'_>,
    body: &[u8],
) -> bool {
    let prefix = header.prefix();
    secrets
        .into_iter()
        .any(|secret| tag_matches(secret.as_bytes(), &prefix, body, header.signatures()))
}

/// Whether one of `tags` is the HMAC of `prefix` and `body` under `key`. Compared in constant time.
#[must_use]
pub fn tag_matches(key: &[u8], prefix: &[u8], body: &[u8], tags: &[[u8; 32]]) -> bool {
    tag(key, prefix, body).is_some_and(|own| {
        let mut tags = tags.iter();
        tags.any(|tag| own == CtOutput::new((*tag).into()))
    })
}

/// The tag of `body` at `timestamp`, as lower-case hex: the `v1` value that Gwop would send.
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
    let tag = tag(secret.as_bytes(), &prefix, body).map(|tag| tag.into_bytes());
    hex(tag.as_deref().unwrap_or_default())
}

/// HMAC-SHA256 of `message` under `key`, for what is compared elsewhere.
pub(crate) fn sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    // HMAC takes keys of every length.
    tag(key, &[], message).map_or([0; 32], |tag| tag.into_bytes().into())
}

/// Lower-case hexadecimal digits.
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
