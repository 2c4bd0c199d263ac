//! Auth intents, sessions, signing keys and access tokens.

use crate::invoice::Status;
use crate::payment::{Chain, Payment};
use crate::time::{Now, iso};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// The dust payment that proves a wallet: $0.001 in atomic units of USDC.
pub const DUST: u64 = 1_000;

/// An auth intent: a challenge that an agent settles with a dust payment.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AuthIntent {
    /// The id, `ai_*`.
    pub id: String,
    /// The `inv_*` in its payment URLs.
    pub payable_id: String,
    /// The id of the merchant it belongs to.
    pub merchant_id: String,
    /// The wallet that the merchant expects, without its chain.
    pub known_wallet: Option<String>,
    /// Milliseconds since the epoch.
    pub expires_at: u64,
    /// The dust payment that is in progress or settled.
    pub payment: Option<Payment>,
    /// Whether it was exchanged for an access token.
    pub used: bool,
}

impl AuthIntent {
    /// Returns the payment if it has settled.
    #[must_use]
    pub fn settled(&self) -> Option<&Payment> {
        self.payment
            .as_ref()
            .filter(|payment| payment.settled_at.is_some())
    }

    /// Returns the status of the payment as an invoice status: OPEN, PAYING or PAID.
    #[must_use]
    pub fn payment_status(&self) -> Status {
        match &self.payment {
            None => Status::Open,
            Some(payment) if payment.settled_at.is_none() => Status::Paying,
            Some(_) => Status::Paid,
        }
    }

    /// Returns when its payment settles by itself.
    #[must_use]
    pub fn due_at(&self) -> Option<u64> {
        let payment = self.payment.as_ref()?;
        payment.settles_at.filter(|_| payment.settled_at.is_none())
    }

    /// Returns `AuthIntent` of the contract. URLs start with `base`.
    #[must_use]
    pub fn json(&self, base: &str) -> Value {
        let methods: Vec<Value> = Chain::ALL
            .into_iter()
            .map(|chain| {
                let mut method = json!({
                    "id": chain.method_id(),
                    "chain": chain.as_str(),
                    "payment_url": chain.payment_url(base, &self.payable_id),
                });
                let hint = self.known_wallet.as_ref();
                crate::invoice::put(
                    &mut method,
                    "hint",
                    hint.map(|wallet| format!("Pay from {wallet}.")),
                );
                method
            })
            .collect();
        json!({
            "auth_intent_id": self.id,
            "status": "OPEN",
            "expires_at": iso(self.expires_at),
            "challenge": { "amount_usdc_atomic": DUST.to_string(), "payment_methods": methods },
        })
    }
}

/// A wallet's session with a merchant.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Session {
    /// The id, `sess_*`.
    pub id: String,
    /// The id of the merchant it belongs to.
    pub merchant_id: String,
    /// The wallet's chain.
    pub chain: Chain,
    /// The wallet's address.
    pub wallet: String,
    /// Milliseconds since the epoch.
    pub created_at: u64,
    /// Milliseconds since the epoch.
    pub expires_at: u64,
    /// When it was revoked.
    pub revoked_at: Option<u64>,
}

impl Session {
    /// Returns the subject, `{chain}:{address}`.
    #[must_use]
    pub fn subject(&self) -> String {
        format!("{}:{}", self.chain.as_str(), self.wallet)
    }

    /// Returns the status: `active`, `revoked` or `expired`.
    #[must_use]
    pub fn status(&self, now: Now) -> &'static str {
        if self.revoked_at.is_some() {
            "revoked"
        } else if self.expires_at <= now.clock {
            "expired"
        } else {
            "active"
        }
    }

    /// Returns `AuthSession` of the contract.
    #[must_use]
    pub fn json(&self, now: Now) -> Value {
        json!({
            "session_id": self.id,
            "status": self.status(now),
            "sub": self.subject(),
            "chain": self.chain.as_str(),
            "wallet_address": self.wallet,
            "created_at": iso(self.created_at),
            "expires_at": iso(self.expires_at),
            "revoked_at": self.revoked_at.map(iso),
        })
    }
}

/// The public half of a signing key.
#[derive(Clone, Serialize, Deserialize)]
pub struct SigningKey {
    /// The key id, `kid`.
    pub kid: String,
    /// Modulus and exponent in base64url. `None` until the driver has created the key.
    pub public: Option<(String, String)>,
    /// Whether the JWK Set contains it.
    pub published: bool,
    /// The whole key as a JWK, if the driver wants a journal to restore it.
    pub private: Option<Value>,
}

impl core::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("SigningKey")
            .field("kid", &self.kid)
            .field("published", &self.published)
            .finish_non_exhaustive()
    }
}

/// The signing keys, newest last.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KeyRing {
    keys: Vec<SigningKey>,
}

impl Default for KeyRing {
    fn default() -> Self {
        let mut ring = Self { keys: Vec::new() };
        ring.rotate();
        ring
    }
}

impl KeyRing {
    /// Starts a new signing key and returns its `kid`. Older keys stay in the JWK Set.
    pub fn rotate(&mut self) -> String {
        let kid = format!("gwop-auth-v{}", self.keys.len().saturating_add(1));
        self.keys.push(SigningKey {
            kid: kid.clone(),
            public: None,
            published: true,
            private: None,
        });
        kid
    }

    /// Sets the public half of a key. The first one that is set stays. `false` if the `kid` is
    /// unknown.
    pub fn add(&mut self, kid: &str, n: String, e: String, private: Option<Value>) -> bool {
        let Some(key) = self.keys.iter_mut().find(|key| key.kid == kid) else {
            return false;
        };
        if key.public.is_none() {
            key.public = Some((n, e));
            key.private = private;
        }
        true
    }

    /// Returns every key, oldest first.
    #[must_use]
    pub fn all(&self) -> &[SigningKey] {
        &self.keys
    }

    /// Removes all keys except the signing key from the JWK Set.
    pub fn drop_old(&mut self) {
        let signing = self.keys.len().saturating_sub(1);
        for key in self.keys.iter_mut().take(signing) {
            key.published = false;
        }
    }

    /// Returns the `kid` of the signing key, and whether its public half is set.
    #[must_use]
    pub fn signing(&self) -> (&str, bool) {
        self.keys
            .last()
            .map_or(("", false), |key| (key.kid.as_str(), key.public.is_some()))
    }

    /// Returns `Jwks` of the contract, newest first.
    #[must_use]
    pub fn json(&self) -> Value {
        let keys: Vec<Value> = self
            .keys
            .iter()
            .rev()
            .filter(|key| key.published)
            .filter_map(|key| {
                let (n, e) = key.public.as_ref()?;
                Some(json!({
                    "kty": "RSA", "alg": "RS256", "use": "sig", "kid": key.kid, "n": n, "e": e,
                }))
            })
            .collect();
        json!({ "keys": keys })
    }
}

/// An access token that waits for its signature. RS256 is deterministic, so signing again gives the
/// same token.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UnsignedToken {
    /// The signing key.
    pub kid: String,
    /// The JWS signing input.
    pub signing_input: String,
}

impl UnsignedToken {
    /// Creates a token with these claims. `header` adds or replaces fields of the header.
    #[must_use]
    pub fn new(kid: &str, header: Map<String, Value>, claims: &Map<String, Value>) -> Self {
        let mut fields = Map::new();
        fields.insert("alg".into(), "RS256".into());
        fields.insert("typ".into(), "JWT".into());
        fields.insert("kid".into(), kid.into());
        fields.extend(header);
        let part = |fields: &Map<String, Value>| {
            URL_SAFE_NO_PAD.encode(serde_json::to_vec(fields).unwrap_or_default())
        };
        Self {
            kid: kid.into(),
            signing_input: format!("{}.{}", part(&fields), part(claims)),
        }
    }

    /// Returns the compact JWS.
    #[must_use]
    pub fn sign(&self, signature: &[u8]) -> String {
        format!(
            "{}.{}",
            self.signing_input,
            URL_SAFE_NO_PAD.encode(signature)
        )
    }
}
