//! The compact JWS (RFC 7515 section 7.1) and the rules for its header.

use super::claims::{Claims, Expected};
use super::rejection::rejection;
use super::{Rejection, base64url};
use crate::json::Document;
use crate::port::Crypto;

/// The longest token that is read, in bytes. Gwop's are under 1 KiB; common servers refuse headers longer than this.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// A well-formed RS256 token whose signature nobody has checked yet.
pub struct UnverifiedToken<'t> {
    kid: Option<String>,
    signing_input: &'t [u8],
    signature: Vec<u8>,
    claims: Claims,
}

impl<'t> UnverifiedToken<'t> {
    /// Reads a compact JWS. `alg` is judged as soon as the header can be read; `jwk`, `jku`, `x5u` and the other ways in which a
    /// token could bring its own key are never looked at.
    ///
    /// # Errors
    /// [`Code::TokenAlgNotAllowed`](super::Code::TokenAlgNotAllowed) for any `alg` but `RS256`, otherwise
    /// [`Code::TokenMalformed`](super::Code::TokenMalformed).
    pub fn parse(token: &'t [u8]) -> Result<Box<Self>, Rejection> {
        // Boxed and filled in place: moving it about costs more code than reading it.
        let mut read = Box::new(Self {
            kid: None,
            signing_input: token,
            signature: Vec::new(),
            claims: Claims::default(),
        });
        read.read(token)?;
        Ok(read)
    }

    fn read(&mut self, token: &'t [u8]) -> Result<(), Rejection> {
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
        let header_text = parts.next().unwrap_or_default();
        let header = base64url::decode(header_text).ok_or(rejection!(
            TokenMalformed,
            "The token is not a compact JWS: its header is not base64url without padding."
        ))?;
        let header = Document::parse(&header)
            .map_err(|_| rejection!(TokenMalformed, "The token's header is not JSON."))?;
        let header = header.root();
        if !header.is_distinct() {
            return Err(rejection!(
                TokenMalformed,
                "The token's header is not a JSON object with distinct member names."
            ));
        }
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
        if let Some(kid) = header.get("kid") {
            self.kid = kid.to_text();
            if self.kid.is_none() {
                return Err(rejection!(
                    TokenMalformed,
                    "The token's `kid` is not a string."
                ));
            }
        }

        // In bounds: both parts were split off the token, with one dot between them.
        let signed = header_text
            .len()
            .saturating_add(1)
            .saturating_add(payload.len());
        self.signing_input = token.get(..signed).unwrap_or_default();
        self.claims.json = base64url::decode(payload).ok_or(rejection!(
            TokenMalformed,
            "The token's claims set is not base64url without padding."
        ))?;
        self.claims.read()?;
        self.signature = base64url::decode(signature).ok_or(rejection!(
            TokenMalformed,
            "The token's signature is not base64url without padding."
        ))?;
        Ok(())
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
    pub fn judge(&self, expected: &Expected, now_ms: i64) -> Result<&Claims, Rejection> {
        self.claims.judge(expected, now_ms)?;
        Ok(&self.claims)
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
