//! Sessions and access tokens, with or without a payment.

use crate::auth::{Session, UnsignedToken};
use crate::config::MAX_MS;
use crate::payment::Chain;
use crate::simulator::{Pending, Simulator};
use crate::time::Now;
use serde_json::{Map, Value};

impl Simulator {
    /// Starts a session for a wallet. An unknown wallet gets an account.
    pub(crate) fn start_session(
        &mut self,
        merchant_id: String,
        chain: Chain,
        wallet: String,
        now: Now,
    ) -> Session {
        let ttl = self.config.session_ttl_seconds.saturating_mul(1_000);
        let session = Session {
            id: self.ids.session(),
            merchant_id,
            chain,
            wallet,
            created_at: now.clock,
            expires_at: now.clock.saturating_add(ttl),
            revoked_at: None,
        };
        self.sessions.push(session.clone());
        session
    }

    /// Creates an access token for a session.
    pub(crate) fn token(
        &mut self,
        session: &Session,
        expires_in_seconds: Option<i64>,
        replaced: Map<String, Value>,
        header: Map<String, Value>,
        now: Now,
    ) -> UnsignedToken {
        let issued_at =
            i64::try_from(now.wall.min(MAX_MS.saturating_mul(100)) / 1_000).unwrap_or(0);
        let ttl = i64::try_from(self.config.access_token_ttl_seconds).unwrap_or(i64::MAX);
        let expires_at = issued_at.saturating_add(expires_in_seconds.unwrap_or(ttl));
        let mut claims = Map::new();
        claims.insert("iss".into(), self.config.issuer.clone().into());
        claims.insert("sub".into(), session.subject().into());
        claims.insert("mid".into(), session.merchant_id.clone().into());
        claims.insert("sid".into(), session.id.clone().into());
        if let Some(audience) = &self.config.audience {
            claims.insert("aud".into(), audience.clone().into());
        }
        claims.insert("iat".into(), issued_at.into());
        claims.insert("exp".into(), expires_at.into());
        claims.insert("jti".into(), self.ids.uuid().into());
        claims.extend(replaced);
        claims.retain(|_, value| !value.is_null());
        UnsignedToken::new(self.keys.signing().0, header, &claims)
    }

    /// Stores a response until its signature arrives.
    pub(crate) fn wait_for_signature(&mut self, pending: Pending) -> u32 {
        self.tickets = self.tickets.saturating_add(1);
        self.pending.insert(self.tickets, pending);
        self.tickets
    }
}
