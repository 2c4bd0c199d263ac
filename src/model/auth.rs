use super::{Nullable, PaymentChain, PaymentMethodId, Record, Timestamp, model, open_enum};

open_enum! {
    /// The status of a session.
    pub enum AuthSessionStatus { Active = "active", Revoked = "revoked", Expired = "expired" }
}

model! {
    /// The body of `POST /v1/auth-intents`.
    pub struct CreateAuthIntentRequest {
        /// The wallet that the agent claims to have, as `{chain}:{wallet}`.
        known_wallet_hint: Option<String>,
        /// Your own values. Gwop returns the keys unchanged.
        metadata: Option<Record>,
    }

    /// A challenge. The agent proves its wallet by paying 0.001 USDC.
    pub struct AuthIntent {
        /// The intent's id (`ai_*`).
        auth_intent_id: String,
        /// `OPEN`.
        status: String,
        /// When the intent expires if nobody pays.
        expires_at: Timestamp,
        /// What the agent has to pay.
        challenge: AuthChallenge,
    }

    /// The payment that proves a wallet.
    pub struct AuthChallenge {
        /// In atomic units of USDC, as a string: `1000` is 0.001 USDC.
        amount_usdc_atomic: String,
        /// How to pay.
        payment_methods: Vec<AuthPaymentMethod>,
    }

    /// One way to pay a challenge.
    pub struct AuthPaymentMethod {
        /// The method's id.
        id: PaymentMethodId,
        /// The chain.
        chain: PaymentChain,
        /// Where to pay, over x402.
        payment_url: String,
        /// Advice for people.
        hint: Option<String>,
    }

    /// The access token that a paid intent is exchanged for.
    pub struct AuthToken {
        /// An RS256 JWT. Keep it secret.
        access_token: String,
        /// `Bearer`.
        token_type: String,
        /// How long the token is valid, in seconds.
        expires_in: i64,
        /// Who the agent is.
        principal: AuthPrincipal,
        /// The session of the token.
        session: AuthTokenSession,
        /// The agent's account.
        account: AuthAccount,
    }

    /// A proven wallet.
    pub struct AuthPrincipal {
        /// `{chain}:{address}`.
        sub: String,
        /// The chain.
        chain: PaymentChain,
        /// The address on that chain.
        wallet_address: String,
    }

    /// The session of a token.
    pub struct AuthTokenSession {
        /// The session's id (`sess_*`).
        sid: String,
        /// `{chain}:{address}`.
        sub: String,
        /// How the wallet was proven, in the style of RFC 8176.
        amr: Vec<String>,
    }

    /// The agent's account.
    pub struct AuthAccount {
        /// The account's id, or null.
        id: Nullable<String>,
        /// Whether this was the wallet's first log-in.
        is_new_account: bool,
    }

    /// A session with its current state at Gwop.
    pub struct AuthSession {
        /// The session's id (`sess_*`).
        session_id: String,
        /// The status. Only an `active` session is valid.
        status: AuthSessionStatus,
        /// `{chain}:{address}`.
        sub: String,
        /// The chain.
        chain: PaymentChain,
        /// The address on that chain.
        wallet_address: String,
        /// When the session began.
        created_at: Timestamp,
        /// When the session ends.
        expires_at: Timestamp,
        /// When the session was revoked, or null.
        revoked_at: Nullable<Timestamp>,
    }

    /// The body of `POST /v1/auth-sessions/revoke`.
    pub struct RevokeSessionRequest {
        /// The session's id (`sess_*`).
        session_id: String,
    }

    /// The response to a revocation.
    pub struct Revoked {
        /// Whether the session is revoked.
        revoked: bool,
    }

    /// Gwop's public keys: a JWK Set (RFC 7517).
    pub struct Jwks {
        /// The keys.
        keys: Vec<Jwk>,
    }

    /// One public key (RFC 7517).
    pub struct Jwk {
        /// `RSA`.
        kty: String,
        /// `RS256`.
        alg: String,
        /// `sig`.
        r#use: String,
        /// The key's id, such as `gwop-auth-v1`.
        kid: String,
        /// The modulus, base64url.
        n: String,
        /// The exponent, base64url.
        e: String,
    }
}
