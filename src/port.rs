//! What the core needs from outside.
//!
//! [`Transport`] is `fetch` in both products, and in native tests a double. Futures need not be `Send`: a JavaScript
//! isolate has one thread.
//!
//! [`Crypto`] is Web Crypto in both products, and in native tests a double.

use std::future::Future;

use crate::client::{Failure, Request, Response};

/// HMAC-SHA256 and RS256 verification under imported keys. What it begins is awaited by the caller, so that one trait
/// serves callers with and without an executor.
pub trait Crypto {
    /// An imported key, for verification alone.
    type Key;
    /// A verification under way: true where the signature holds.
    type Pending;
    /// Why nothing could be begun.
    type Error;

    /// Imports an HMAC-SHA256 key.
    ///
    /// # Errors
    /// Where there is no such crypto.
    fn import_hmac_key(&self, secret: &[u8]) -> Result<Self::Pending, Self::Error>;

    /// Whether `tag` is the HMAC of `signed`.
    ///
    /// # Errors
    /// Where there is no such crypto.
    fn verify_hmac(
        &self,
        key: &Self::Key,
        tag: &[u8],
        signed: &[u8],
    ) -> Result<Self::Pending, Self::Error>;

    /// Imports an RS256 key, given as JWK text (RFC 7517).
    ///
    /// # Errors
    /// Where there is no such crypto.
    fn import_rs256_key(&self, jwk: &str) -> Result<Self::Pending, Self::Error>;

    /// Whether `signature` is the RS256 signature of `signed`.
    ///
    /// # Errors
    /// Where there is no such crypto.
    fn verify_rs256(
        &self,
        key: &Self::Key,
        signature: &[u8],
        signed: &[u8],
    ) -> Result<Self::Pending, Self::Error>;
}

/// Sixteen bytes of the platform's randomness, for [`Transport::random`] and all else that must not be guessed.
///
/// # Errors
/// [`Failure::NoRandomness`].
#[cfg(any(feature = "npm", feature = "worker"))]
pub fn random() -> Result<[u8; 16], Failure> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|_| Failure::NoRandomness)?;
    Ok(bytes)
}

/// Clock, randomness, HTTP and sleep.
pub trait Transport {
    /// Milliseconds since the epoch.
    fn now_ms(&self) -> i64;

    /// Sixteen random bytes, good enough for an idempotency key.
    ///
    /// # Errors
    /// Where the platform has no randomness to give: the call ends, since a key that is not random would be a default.
    fn random(&self) -> Result<[u8; 16], Failure>;

    /// Sends one attempt, without following redirects, and reads at most
    /// [`RESPONSE_BODY_BOUND`](crate::client::RESPONSE_BODY_BOUND) bytes of the response.
    fn send(&self, request: &Request<'_>) -> impl Future<Output = Result<Response, Failure>>;

    /// Waits so many milliseconds.
    ///
    /// # Errors
    /// Where the caller gave up meanwhile.
    fn sleep(&self, delay_ms: i64) -> impl Future<Output = Result<(), Failure>>;
}
