//! Why a token is refused.

/// Why a token was refused. [`Code::as_str`] gives the stable name that JavaScript sees as `TokenVerificationError.code`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// Not a compact JWS with a JSON header and claims set of the right types; a missing `exp` or `sub`; any `crit` or `b64`.
    TokenMalformed,
    /// `alg` is not `RS256`.
    TokenAlgNotAllowed,
    /// No usable key of the JWK Set has the token's `kid`.
    TokenKidUnknown,
    /// This runtime cannot use the key with the token's `kid`.
    TokenKeyUnsupported,
    /// The signature does not hold under any key with the token's `kid`.
    TokenSignatureInvalid,
    /// `exp` has passed.
    TokenExpired,
    /// `nbf` has not come yet.
    TokenNotYetValid,
    /// `iss` is not the expected issuer.
    TokenIssuerMismatch,
    /// `aud` names none of the expected audiences.
    TokenAudienceMismatch,
    /// `mid` is not the expected merchant.
    TokenMerchantMismatch,
    /// The live look-up did not find the session `active`.
    SessionRevoked,
    /// No JWK Set is at hand and none could be fetched.
    JwksUnavailable,
}

impl Code {
    /// The stable name, such as `TOKEN_EXPIRED`.
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

/// A refused token. One word, so that it is handed on in a register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rejection(pub(super) &'static Reason);

/// Why: the code for programs and a message for people. The message holds nothing of the token.
#[derive(Debug, PartialEq, Eq)]
pub struct Reason {
    /// The stable code.
    pub code: Code,
    /// What was wrong, what was expected, what to do.
    pub message: &'static str,
}

impl std::ops::Deref for Rejection {
    type Target = Reason;

    fn deref(&self) -> &Reason {
        self.0
    }
}

/// A [`Rejection`] with a code and a message.
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
    /// The signature does not hold.
    pub const SIGNATURE_INVALID: Self = rejection!(
        TokenSignatureInvalid,
        "The token's signature does not hold: it was not issued by Gwop, or was changed on its way. Refuse the request."
    );

    /// No key has the token's `kid`.
    pub const KID_UNKNOWN: Self = rejection!(
        TokenKidUnknown,
        "Gwop's JWK Set has no usable key with the token's `kid`: the token was not issued by Gwop, or its key has been retired. Refuse the request."
    );

    /// The key cannot be used here, so the token can be neither accepted nor refused.
    pub const KEY_UNSUPPORTED: Self = rejection!(
        TokenKeyUnsupported,
        "This runtime's Web Crypto cannot use the RSA key with the token's `kid`, for its size or its exponent, so the token can be neither accepted nor refused. Answer 503, and verify tokens on another runtime: the documentation of tokens has a table."
    );

    /// The session has ended.
    pub const SESSION_REVOKED: Self = rejection!(
        SessionRevoked,
        "The token's session is not active any more: it was revoked, has expired, or is unknown to Gwop. Refuse the request, so that the agent logs in again."
    );

    /// There is no JWK Set to verify with.
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
