//! The compact JWS (RFC 7515 section 7.1) and the rules for its header.

use super::claims::{Claims, Expected};
use super::rejection::rejection;
use base64ct::{Base64UrlUnpadded, Encoding as _};

use super::Rejection;
use crate::json::{Object, Value};
use crate::port::Crypto;

/// The longest token that is read, in bytes.
///
/// Gwop's tokens are under 1 KiB. Common servers reject headers that are longer than this.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// The decoded parts of a token. The caller keeps them, because an [`UnverifiedToken`] borrows from
/// them.
#[derive(Default)]
pub struct Decoded {
    header: Vec<u8>,
    claims: Vec<u8>,
}

/// A token that starts with a known good header and whose signature is already decoded.
pub struct Begun<'b> {
    token: &'b [u8],
    kid: String,
    signature: Vec<u8>,
}

impl<'b> Begun<'b> {
    /// Starts to read a token. Returns the started token and the bytes that were signed.
    ///
    /// `header` is the text of a good header with this `kid`. Returns `None` if the first part of
    /// the token differs from it, or if the last part is not base64url.
    #[must_use]
    pub fn new(token: &'b [u8], header: &[u8], kid: &str) -> Option<(Self, &'b [u8])> {
        if token.len() > MAX_TOKEN_BYTES || token.strip_prefix(header)?.first() != Some(&b'.') {
            return None;
        }
        let (signed, signature) = split(token);
        let begun = Self {
            token,
            kid: kid.to_owned(),
            signature: decode(signature)?,
        };
        Some((begun, signed))
    }

    /// Returns the bytes of the signature.
    #[must_use]
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }
}

/// A well-formed RS256 token whose signature has not been checked yet.
pub struct UnverifiedToken<'t> {
    kid: Option<String>,
    signing_input: &'t [u8],
    signature: Vec<u8>,
    claims: Claims<'t>,
}

impl<'t> UnverifiedToken<'t> {
    /// Reads a compact JWS.
    ///
    /// `alg` is checked as soon as the header can be read. `jwk`, `jku`, `x5u` and the other ways
    /// in which a token could bring its own key are never used.
    ///
    /// # Errors
    /// [`Code::TokenAlgNotAllowed`](super::Code::TokenAlgNotAllowed) for any `alg` except `RS256`,
    /// otherwise [`Code::TokenMalformed`](super::Code::TokenMalformed).
    ///
    /// # Examples
    /// ```
    /// use gwop::token::{Code, Decoded, UnverifiedToken};
    ///
    /// // `{"alg":"none"}`, a claims set, and no signature.
    /// let token = b"eyJhbGciOiJub25lIn0.e30.";
    /// let error = UnverifiedToken::parse(token, &mut Decoded::default()).unwrap_err();
    /// assert_eq!(error.code, Code::TokenAlgNotAllowed);
    /// ```
    pub fn parse(token: &'t [u8], decoded: &'t mut Decoded) -> Result<Self, Rejection> {
        Self::parse_begun(token, decoded, None)
    }

    /// Does the same as [`Self::parse`], but reuses the work of [`Begun::new`].
    ///
    /// # Errors
    /// The same as [`Self::parse`].
    pub fn parse_begun(
        token: &'t [u8],
        decoded: &'t mut Decoded,
        begun: Option<Begun<'_>>,
    ) -> Result<Self, Rejection> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(rejection!(
                TokenMalformed,
                "The token is longer than 16,384 bytes, so it is not one of Gwop's."
            ));
        }
        if token
            .get(..7)
            .is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"Bearer "))
        {
            return Err(rejection!(
                TokenMalformed,
                "The token starts with `Bearer `: pass only what follows it in the Authorization header."
            ));
        }
        let mut parts = token.split(|byte| *byte == b'.');
        let first = parts.next().unwrap_or_default();
        let (mut known, mut header) =
            (begun.filter(|begun| std::ptr::eq(begun.token, token)), None);
        if known.is_none() {
            header = Some(read_header(first, &mut decoded.header)?);
        }
        let (Some(payload), Some(signature), None) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(rejection!(
                TokenMalformed,
                "The token is not a compact JWS: expected exactly three parts with a dot between them."
            ));
        };
        let kid = match (&header, &mut known) {
            (Some(header), _) => kid_of(header)?,
            (None, known) => known.as_mut().map(|known| std::mem::take(&mut known.kid)),
        };
        let (json, members) = object(
            payload,
            &mut decoded.claims,
            [
                rejection!(
                    TokenMalformed,
                    "The token's claims set is not base64url without padding."
                ),
                rejection!(TokenMalformed, "The token's claims set is not JSON."),
                rejection!(
                    TokenMalformed,
                    "The token's claims set is not a JSON object with distinct member names."
                ),
            ],
        )?;
        let claims = Claims::read(json, members)?;
        // This is in bounds: the signature is the last part, with a dot before it.
        let signed = token.len().wrapping_sub(signature.len()).wrapping_sub(1);
        Ok(Self {
            kid,
            signing_input: token.get(..signed).unwrap_or_default(),
            signature: match known {
                Some(known) => known.signature,
                None => decode(signature).ok_or(rejection!(
                    TokenMalformed,
                    "The token's signature is not base64url without padding."
                ))?,
            },
            claims,
        })
    }

    /// Returns the `kid` of the header.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// Returns the bytes that were signed: header, dot and claims set, as they were sent.
    #[must_use]
    pub fn signing_input(&self) -> &'t [u8] {
        self.signing_input
    }

    /// Returns the bytes of the signature.
    #[must_use]
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// Checks the claims at `now_ms` (milliseconds since 1970).
    ///
    /// The result is valid only after the signature has been verified.
    ///
    /// # Errors
    /// The first matching code, in this order: issuer, audience, merchant, not before, expiry.
    pub fn evaluate(&self, expected: &Expected, now_ms: i64) -> Result<&Claims<'t>, Rejection> {
        self.claims.evaluate(expected, now_ms)?;
        Ok(&self.claims)
    }
}

/// Returns the members of a header whose `alg` is `RS256`.
fn read_header<'t>(part: &[u8], json: &'t mut Vec<u8>) -> Result<Object<'t>, Rejection> {
    let (_, header) = object(
        part,
        json,
        [
            rejection!(
                TokenMalformed,
                "The token is not a compact JWS: its header is not base64url without padding."
            ),
            rejection!(TokenMalformed, "The token's header is not JSON."),
            rejection!(
                TokenMalformed,
                "The token's header is not a JSON object with distinct member names."
            ),
        ],
    )?;
    if header.get("alg").is_some_and(|alg| alg.is_str("RS256")) {
        Ok(header)
    } else {
        Err(rejection!(
            TokenAlgNotAllowed,
            "The token's `alg` is not RS256, the only one that Gwop signs with. Refuse the request."
        ))
    }
}

/// Returns the `kid` of a header without extensions.
fn kid_of(header: &Object<'_>) -> Result<Option<String>, Rejection> {
    if header.get("crit").is_some() || header.get("b64").is_some() {
        return Err(rejection!(
            TokenMalformed,
            "The token's header has `crit` or `b64`: Gwop uses no JWS extension."
        ));
    }
    let kid = header.get("kid");
    if kid.is_some_and(|kid| !kid.is_string()) {
        return Err(rejection!(
            TokenMalformed,
            "The token's `kid` is not a string."
        ));
    }
    Ok(kid.and_then(Value::to_text))
}

/// Splits a token at its last dot into the signed bytes and the text of the signature.
fn split(token: &[u8]) -> (&[u8], &[u8]) {
    let end = token.iter().rposition(|byte| *byte == b'.');
    let (signed, signature) = token
        .split_at_checked(end.unwrap_or(token.len()))
        .unwrap_or_default();
    (signed, signature.get(1..).unwrap_or_default())
}

/// Decodes a part into `json` and reads it as an object.
///
/// Rejects a part that is not base64url, not JSON, or not an object with distinct member names.
fn object<'t>(
    part: &[u8],
    json: &'t mut Vec<u8>,
    [encoding, syntax, shape]: [Rejection; 3],
) -> Result<(&'t str, Object<'t>), Rejection> {
    *json = decode(part).ok_or(encoding)?;
    let text = std::str::from_utf8(json).map_err(|_| syntax)?;
    let members = Value::parse_object(json).map_err(|_| syntax)?;
    Ok((text, members.filter(Object::is_distinct).ok_or(shape)?))
}

/// Decodes base64url without padding (RFC 4648 section 5).
///
/// Accepts only the canonical form, so two texts never decode to the same bytes.
fn decode(text: &[u8]) -> Option<Vec<u8>> {
    Base64UrlUnpadded::decode_vec(std::str::from_utf8(text).ok()?).ok()
}

/// Starts to verify the signature of a compact JWS. A token without a signature is verified with an
/// empty one.
///
/// # Errors
/// An error of `crypto`.
pub fn verify_signature<C: Crypto>(
    crypto: &C,
    token: &[u8],
    key: &C::Key,
) -> Result<C::Pending, C::Error> {
    let (signed, signature) = split(token);
    let signature = decode(signature);
    crypto.verify_rs256(key, &signature.unwrap_or_default(), signed)
}

impl std::fmt::Debug for UnverifiedToken<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("UnverifiedToken(redacted)")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::arithmetic_side_effects)]
mod tests {
    use super::*;

    fn encode(bytes: &[u8]) -> String {
        Base64UrlUnpadded::encode_string(bytes)
    }

    #[test]
    fn decodes_the_rfc_examples() {
        // RFC 4648 section 10, without padding.
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg"),
            ("fo", "Zm8"),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg"),
            ("fooba", "Zm9vYmE"),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(decode(text.as_bytes()).unwrap(), bytes.as_bytes());
            assert_eq!(encode(bytes.as_bytes()), text);
        }
        assert_eq!(decode(b"-_-_").unwrap(), [0xfb, 0xff, 0xbf]);
    }

    #[test]
    fn every_text_of_up_to_three_digits_is_canonical_or_refused() {
        // Each accepted text is the encoding of its bytes, and every one or two bytes have such a
        // text.
        let accepts = |text: &[u8]| {
            let bytes = decode(text);
            assert!(bytes.iter().all(|bytes| encode(bytes).as_bytes() == text));
            usize::from(bytes.is_some())
        };
        let mut accepted = [0; 3];
        for a in 0..=u8::MAX {
            accepted[0] += accepts(&[a]);
            for b in 0..=u8::MAX {
                accepted[1] += accepts(&[a, b]);
            }
        }
        let alphabet =
            (0..=u8::MAX).filter(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(byte));
        for a in alphabet.clone() {
            for b in alphabet.clone() {
                for c in alphabet.clone() {
                    accepted[2] += accepts(&[a, b, c]);
                }
            }
        }
        assert_eq!(accepted, [0, 256, 65_536]);
    }

    #[test]
    fn longer_texts_come_back_whole_and_are_refused_for_one_wrong_digit() {
        for length in 0..=64 {
            let bytes: Vec<u8> = (0..length).map(|at: u8| at.wrapping_mul(167)).collect();
            let text = encode(&bytes).into_bytes();
            assert_eq!(decode(&text).unwrap(), bytes);
            for at in 0..text.len() {
                for wrong in *b"=+/ .\0\x80\xff" {
                    let mut changed = text.clone();
                    *changed.get_mut(at).unwrap() = wrong;
                    assert_eq!(decode(&changed), None, "{wrong} at {at} of {}", text.len());
                }
            }
        }
    }

    #[test]
    fn refuses_everything_else() {
        for text in [
            "Zg==", "Zg=", "Z", "Zm9vY", "Zh", "Zm9", "Zm 9", "+/+/", "Zm8\n", "Zmö",
        ] {
            assert_eq!(decode(text.as_bytes()), None, "{text}");
        }
    }
}
