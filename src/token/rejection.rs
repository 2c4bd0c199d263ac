//! Why a token is rejected.

/// Why a token was rejected.
///
/// [`Code::as_str`] returns the stable name. In JavaScript it is `TokenVerificationError.code`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// The token is not a compact JWS with a JSON header and claims set of the right types, lacks
    /// `exp` or `sub`, or has `crit` or `b64`. In the handlers also: its subject or session is not
    /// printable ASCII.
    ///
    /// Cause: The request contains something other than an access token of Gwop, or only a part of
    /// one.
    ///
    /// Fix: Respond with 401. The agent logs in again.
    TokenMalformed,
    /// The token's `alg` is not `RS256`.
    ///
    /// Cause: Gwop did not issue the token.
    ///
    /// Fix: Respond with 401.
    TokenAlgNotAllowed,
    /// No usable key in Gwop's JWK Set has the token's `kid`.
    ///
    /// Cause: Gwop did not issue the token, or its key was retired.
    ///
    /// Fix: Respond with 401. The agent logs in again.
    TokenKidUnknown,
    /// This runtime cannot use the key with the token's `kid`. This says nothing about the token.
    ///
    /// Cause: Web Crypto of this runtime does not support RSA keys of that size or exponent ([which
    /// can](tokens.md)).
    ///
    /// Fix: Respond with 503, and verify tokens on another runtime.
    TokenKeyUnsupported,
    /// The signature is not valid under any key with the token's `kid`.
    ///
    /// Cause: Gwop did not issue the token, or the token was changed in transit.
    ///
    /// Fix: Respond with 401.
    TokenSignatureInvalid,
    /// The token's `exp` has passed.
    ///
    /// Cause: The token is too old, or this machine's clock is wrong.
    ///
    /// Fix: Respond with 401. The agent logs in again.
    TokenExpired,
    /// The token's `nbf` is in the future.
    ///
    /// Cause: This machine's clock is wrong.
    ///
    /// Fix: Respond with 401. Set the clock by NTP.
    TokenNotYetValid,
    /// The token's `iss` is not the expected issuer.
    ///
    /// Cause: The token belongs to another environment, or `issuer` is set to another one.
    ///
    /// Fix: Respond with 401. Check `issuer`.
    TokenIssuerMismatch,
    /// The token's `aud` names none of the expected audiences.
    ///
    /// Cause: The token was issued for another service.
    ///
    /// Fix: Respond with 401. Check `audience`.
    TokenAudienceMismatch,
    /// The token's `mid` is not your merchant id.
    ///
    /// Cause: The token was issued for another merchant, or `merchantId` is wrong.
    ///
    /// Fix: Respond with 401. Check `merchantId`.
    TokenMerchantMismatch,
    /// The live check did not find the session active, or the token names no session.
    ///
    /// Cause: The session was revoked, has expired, or is unknown to Gwop.
    ///
    /// Fix: Respond with 401. The agent logs in again.
    SessionRevoked,
    /// No JWK Set is held, and none could be fetched. This says nothing about the token.
    ///
    /// Cause: Gwop or the network failed. `cause` has the details.
    ///
    /// Fix: Respond with 503, and try again.
    JwksUnavailable,
}

impl Code {
    /// Returns the stable name, such as `TOKEN_EXPIRED`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TokenMalformed => "TOKEN_MALFORMED",
            Self::TokenAlgNotAllowed => "TOKEN_ALG_NOT_ALLOWED",
            Self::TokenKidUnknown => "TOKEN_KID_UNKNOWN",
            Self::TokenKeyUnsupported => "TOKEN_KEY_UNSUPPORTED",
            Self::TokenSignatureInvalid => "TOKEN_SIGNATURE_INVALID",
            Self::TokenExpired => "TOKEN_EXPIRED",
            Self::TokenNotYetValid => "TOKEN_NOT_YET_VALID",
            Self::TokenIssuerMismatch => "TOKEN_ISSUER_MISMATCH",
            Self::TokenAudienceMismatch => "TOKEN_AUDIENCE_MISMATCH",
            Self::TokenMerchantMismatch => "TOKEN_MERCHANT_MISMATCH",
            Self::SessionRevoked => "SESSION_REVOKED",
            Self::JwksUnavailable => "JWKS_UNAVAILABLE",
        }
    }
}

/// A rejected token. The type has the size of one word, so it is passed in a register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rejection(pub(super) &'static Reason);

/// The reason: a code for programs and a message for people. The message contains nothing from the
/// token.
#[derive(Debug, PartialEq, Eq)]
pub struct Reason {
    /// The stable code.
    pub code: Code,
    /// What was wrong, what was expected, and what to do.
    pub message: &'static str,
}

impl std::ops::Deref for Rejection {
    type Target = Reason;

    fn deref(&self) -> &Reason {
        self.0
    }
}

/// Creates a [`Rejection`] with a code and a message.
macro_rules! rejection {
    ($code:ident, $message:literal) => {
        $crate::token::Rejection(&$crate::token::Reason {
            code: $crate::token::Code::$code,
            message: $message,
        })
    };
}
pub(super) use rejection;

impl Rejection {
    /// The signature is not valid.
    pub const SIGNATURE_INVALID: Self = rejection!(
        TokenSignatureInvalid,
        "The token's signature does not hold: it was not issued by Gwop, or was changed on its way. Refuse the request."
    );

    /// No key has the token's `kid`.
    pub const KID_UNKNOWN: Self = rejection!(
        TokenKidUnknown,
        "Gwop's JWK Set has no usable key with the token's `kid`: the token was not issued by Gwop, or its key has been retired. Refuse the request."
    );

    /// This runtime cannot use the key, so the token can be neither accepted nor rejected.
    pub const KEY_UNSUPPORTED: Self = rejection!(
        TokenKeyUnsupported,
        "This runtime's Web Crypto cannot use the RSA key with the token's `kid`, for its size or its exponent, so the token can be neither accepted nor refused. Answer 503, and verify tokens on another runtime: the documentation of tokens has a table."
    );

    /// The session has ended.
    pub const SESSION_REVOKED: Self = rejection!(
        SessionRevoked,
        "The token's session is not active any more: it was revoked, has expired, or is unknown to Gwop. Refuse the request, so that the agent logs in again."
    );

    /// There is no JWK Set to verify the token with.
    pub const JWKS_UNAVAILABLE: Self = rejection!(
        JwksUnavailable,
        "Gwop's JWK Set could not be fetched, so the token can be neither accepted nor refused. Answer 503 and try again shortly."
    );
}

impl std::fmt::Display for Rejection {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.message)
    }
}

impl std::error::Error for Rejection {}
