//! The compact JWS (RFC 7515 section 7.1) and the rules for its header.

use super::claims::{Claims, Expected};
use super::rejection::rejection;
use super::{Rejection, base64url};
use crate::json::{Document, Value};
use crate::port::Crypto;

/// The longest token that is read, in bytes. Gwop's are under 1 KiB; common servers refuse headers longer than this.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// What the parts of a token decode to. Kept by the caller, since an [`UnverifiedToken`] points into it.
#[derive(Default)]
pub struct Decoded {
    header: Vec<u8>,
    claims: Vec<u8>,
}

/// A well-formed RS256 token whose signature nobody has checked yet.
pub struct UnverifiedToken<'t> {
    kid: Option<String>,
    signing_input: &'t [u8],
    signature: Vec<u8>,
    claims: Claims<'t>,
}

impl<'t> UnverifiedToken<'t> {
    /// Reads a compact JWS. `alg` is judged as soon as the header can be read; `jwk`, `jku`, `x5u` and the other ways in which a
    /// token could bring its own key are never looked at.
    ///
    /// # Errors
    /// [`Code::TokenAlgNotAllowed`](super::Code::TokenAlgNotAllowed) for any `alg` but `RS256`, otherwise
    /// [`Code::TokenMalformed`](super::Code::TokenMalformed).
    pub fn parse(token: &'t [u8], decoded: &'t mut Decoded) -> Result<Self, Rejection> {
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
        let document = object(
            parts.next().unwrap_or_default(),
            &mut decoded.header,
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
        let header = document.root();
        if !header.get("alg").is_some_and(|alg| alg.is_str("RS256")) {
            return Err(rejection!(
                TokenAlgNotAllowed,
                "The token's `alg` is not RS256, the only one that Gwop signs with. Refuse the request."
            ));
        }

        let (Some(payload), Some(signature), None) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(rejection!(
                TokenMalformed,
                "The token is not a compact JWS: expected exactly three parts with a dot between them."
            ));
        };
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
        let claims = Claims::read(object(
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
        )?)?;
        // In bounds: what comes after is the last part, with a dot before it.
        let signed = token.len().wrapping_sub(signature.len()).wrapping_sub(1);
        Ok(Self {
            kid: kid.and_then(Value::to_text),
            signing_input: token.get(..signed).unwrap_or_default(),
            signature: base64url::decode(signature).ok_or(rejection!(
                TokenMalformed,
                "The token's signature is not base64url without padding."
            ))?,
            claims,
        })
    }

    /// The `kid` of the header.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The bytes that were signed: header, dot and claims set, as they were sent.
    #[must_use]
    pub fn signing_input(&self) -> &'t [u8] {
        self.signing_input
    }

    /// The signature's bytes.
    #[must_use]
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// Applies the claim rules at `now_ms` (milliseconds since 1970). The verdict counts only once the signature is known to be good.
    ///
    /// # Errors
    /// The first that applies of the codes for issuer, audience, merchant, not before and expiry.
    pub fn judge(&self, expected: &Expected, now_ms: i64) -> Result<&Claims<'t>, Rejection> {
        self.claims.judge(expected, now_ms)?;
        Ok(&self.claims)
    }
}

/// Decodes a part into `json` and reads it, or refuses it: as no base64url, as no JSON, or as no object with distinct member names.
fn object<'t>(
    part: &[u8],
    json: &'t mut Vec<u8>,
    [encoding, syntax, shape]: [Rejection; 3],
) -> Result<Document<'t>, Rejection> {
    *json = base64url::decode(part).ok_or(encoding)?;
    let document = Document::parse(json).map_err(|_| syntax)?;
    if document.root().is_distinct() {
        Ok(document)
    } else {
        Err(shape)
    }
}

/// Asks whether the signature of a compact JWS holds. What has no signature is asked about with an empty one.
///
/// # Errors
/// The crypto's own.
pub fn verify_signature<C: Crypto>(
    crypto: &C,
    token: &[u8],
    key: &C::Key,
) -> Result<C::Pending, C::Error> {
    let end = token.iter().rposition(|byte| *byte == b'.');
    let (signed, signature) = token
        .split_at_checked(end.unwrap_or(token.len()))
        .unwrap_or_default();
    let signature = base64url::decode(signature.get(1..).unwrap_or_default());
    crypto.verify_rs256(key, &signature.unwrap_or_default(), signed)
}

impl std::fmt::Debug for UnverifiedToken<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("UnverifiedToken(redacted)")
    }
}
