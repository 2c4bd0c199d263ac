//! What the core needs from the platform.
//!
//! [`Transport`] is `fetch` in both products, and a double in native tests. Its futures need not be
//! `Send`, because a JavaScript isolate has one thread.
//!
//! [`Crypto`] is Web Crypto in both products, and a double in native tests.

use std::future::Future;

use crate::client::{Failure, Request, Response};

/// Verification of HMAC-SHA256 and RS256 with imported keys.
///
/// The methods only start an operation, and the caller awaits it. So the same trait works for
/// callers with and without an executor.
pub trait Crypto {
    /// An imported key that can only verify.
    type Key;
    /// A running operation. For a verification, the result is true if the signature is valid.
    type Pending;
    /// Why an operation could not start.
    type Error;

    /// Starts to import an HMAC-SHA256 key.
    ///
    /// # Errors
    /// When this crypto does not exist on the platform.
    fn import_hmac_key(&self, secret: &[u8]) -> Result<Self::Pending, Self::Error>;

    /// Starts to check whether `tag` is the HMAC of `signed`.
    ///
    /// # Errors
    /// When this crypto does not exist on the platform.
    fn verify_hmac(
        &self,
        key: &Self::Key,
        tag: &[u8],
        signed: &[u8],
    ) -> Result<Self::Pending, Self::Error>;

    /// Starts to import an RS256 key from JWK text (RFC 7517).
    ///
    /// # Errors
    /// When this crypto does not exist on the platform.
    fn import_rs256_key(&self, jwk: &str) -> Result<Self::Pending, Self::Error>;

    /// Starts to check whether `signature` is the RS256 signature of `signed`.
    ///
    /// # Errors
    /// When this crypto does not exist on the platform.
    fn verify_rs256(
        &self,
        key: &Self::Key,
        signature: &[u8],
        signed: &[u8],
    ) -> Result<Self::Pending, Self::Error>;
}

/// Returns sixteen random bytes of the platform, for [`Transport::random`] and every other value
/// that must not be guessable.
///
/// # Errors
/// [`Failure::NoRandomness`].
#[cfg(any(feature = "npm", feature = "worker"))]
pub fn random() -> Result<[u8; 16], Failure> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|_| Failure::NoRandomness)?;
    Ok(bytes)
}

/// Clock, randomness, HTTP and timers.
pub trait Transport {
    /// Returns milliseconds since the epoch.
    fn now_ms(&self) -> i64;

    /// Returns sixteen random bytes that are good enough for an idempotency key.
    ///
    /// # Errors
    /// When the platform provides no randomness. The call then fails, because a key that is not
    /// random would be a fixed default.
    fn random(&self) -> Result<[u8; 16], Failure>;

    /// Sends one attempt without following redirects.
    ///
    /// Reads at most [`RESPONSE_BODY_BOUND`](crate::client::RESPONSE_BODY_BOUND) bytes of the
    /// response.
    fn send(&self, request: &Request<'_>) -> impl Future<Output = Result<Response, Failure>>;

    /// Waits `delay_ms` milliseconds.
    ///
    /// # Errors
    /// When the caller gives up during the wait.
    fn sleep(&self, delay_ms: i64) -> impl Future<Output = Result<(), Failure>>;
}
