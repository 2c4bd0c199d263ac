//! Who a request comes from, and how an app behind this Worker is told.

use std::borrow::Cow;

use worker::{Request, Result};

use super::bounds::{IDENTITY_HEADERS, claims_identity};
use crate::token::Claims;

/// Who a request comes from: verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// `{chain}:{address}`.
    pub subject: String,
    /// The wallet's chain.
    pub chain: String,
    /// The wallet's address.
    pub wallet_address: String,
    /// The session behind the token (`sess_*`).
    pub session_id: Option<String>,
    /// The merchant that the token was issued for: this one.
    pub merchant_id: String,
    /// When the token expires, in milliseconds since the epoch.
    pub expires_at_ms: i64,
}

impl Identity {
    pub(super) fn of(claims: &Claims<'_>) -> Self {
        let (chain, wallet_address) = claims.chain_and_wallet();
        Self {
            subject: claims.subject().into_owned(),
            chain,
            wallet_address,
            session_id: claims.session_id().map(Cow::into_owned),
            merchant_id: claims.merchant_id().unwrap_or_default().into_owned(),
            expires_at_ms: claims.expires_at_ms(),
        }
    }

    pub(super) fn headers(&self) -> [(&'static str, &str); 4] {
        let session_id = self.session_id.as_deref().unwrap_or_default();
        let [subject, chain, wallet, session] = IDENTITY_HEADERS;
        [
            (subject, self.subject.as_str()),
            (chain, self.chain.as_str()),
            (wallet, self.wallet_address.as_str()),
            (session, session_id),
        ]
    }

    /// The request as an app behind this Worker should see it: with `X-Gwop-Subject`, `X-Gwop-Chain`, `X-Gwop-Wallet` and
    /// `X-Gwop-Session` of this identity, in place of whatever came in under these names.
    ///
    /// # Errors
    /// Where the platform refuses a header.
    pub fn forward(&self, request: &Request) -> Result<Request> {
        let forwarded = without_identity_headers(request)?;
        for (name, value) in self.headers() {
            forwarded.headers().set(name, value)?;
        }
        Ok(forwarded)
    }
}

/// The request without `X-Gwop-Subject`, `X-Gwop-Chain`, `X-Gwop-Wallet` and `X-Gwop-Session`, which only this Worker may set, also where `_` stands
/// for `-`: WSGI, Rack and PHP take both for the same.
///
/// # Errors
/// Where the platform refuses to copy the request.
pub fn without_identity_headers(request: &Request) -> Result<Request> {
    let stripped = request.clone_mut()?;
    let names: Vec<String> = stripped.headers().keys().collect();
    for name in names.iter().filter(|name| claims_identity(name)) {
        stripped.headers().delete(name)?;
    }
    Ok(stripped)
}
