//! The identity behind a request, and the headers that pass it to an app behind this Worker.

use std::borrow::Cow;

use worker::{Request, Result};

use super::bounds::{IDENTITY_HEADERS, claims_identity};
use crate::token::Claims;

/// The verified identity behind a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The subject: `{chain}:{address}`.
    pub subject: String,
    /// The wallet's chain.
    pub chain: String,
    /// The wallet's address.
    pub wallet_address: String,
    /// The session behind the token (`sess_*`).
    pub session_id: Option<String>,
    /// The id of the merchant for which the token was issued: this one.
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

    /// Returns the request for an app behind this Worker. It has `X-Gwop-Subject`, `X-Gwop-Chain`,
    /// `X-Gwop-Wallet` and `X-Gwop-Session` of this identity, in place of incoming headers with
    /// these names.
    ///
    /// # Errors
    /// Returns an error if the platform refuses a header.
    pub fn forward(&self, request: &Request) -> Result<Request> {
        let forwarded = without_identity_headers(request)?;
        for (name, value) in self.headers() {
            forwarded.headers().set(name, value)?;
        }
        Ok(forwarded)
    }
}

/// Returns the request without `X-Gwop-Subject`, `X-Gwop-Chain`, `X-Gwop-Wallet` and
/// `X-Gwop-Session`, which only this Worker may set. It also removes names with `_` in place of
/// `-`, because WSGI, Rack and PHP do not distinguish them.
///
/// # Errors
/// Returns an error if the platform refuses to copy the request.
pub fn without_identity_headers(request: &Request) -> Result<Request> {
    let stripped = request.clone_mut()?;
    let names: Vec<String> = stripped.headers().keys().collect();
    for name in names.iter().filter(|name| claims_identity(name)) {
        stripped.headers().delete(name)?;
    }
    Ok(stripped)
}
