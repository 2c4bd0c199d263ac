//! What the core needs from outside, and the async driver of a [`Call`] over it.
//!
//! The Worker implements [`Transport`] on the platform's `fetch`, native tests by a double; in the npm package TypeScript
//! drives the calls. Futures need not be `Send`: a JavaScript isolate has one thread.
//!
//! [`Crypto`] is Web Crypto in both products, and in native tests a double.

use std::future::Future;

use crate::client::{Call, Failure, Fault, Moment, Request, Response, Step};
use crate::model::Decoded;

/// HMAC-SHA256 and RS256 verification under imported keys. What it begins is awaited by the caller, so that one trait
/// serves callers with and without an executor.
pub trait Crypto {
    /// An imported key, for verification alone.
    type Key;
    /// A key or an answer under way: true where the signature holds.
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

/// Clock, randomness, HTTP and sleep.
pub trait Transport {
    /// Milliseconds since the epoch.
    fn now_ms(&self) -> i64;

    /// Sixteen random bytes, good enough for an idempotency key.
    fn random(&self) -> [u8; 16];

    /// Sends one attempt, without following redirects, and reads at most
    /// [`RESPONSE_BODY_BOUND`](crate::client::RESPONSE_BODY_BOUND) bytes of the answer.
    fn send(&self, request: &Request<'_>) -> impl Future<Output = Result<Response, Failure>>;

    /// Waits so many milliseconds.
    fn sleep(&self, delay_ms: i64) -> impl Future<Output = ()>;
}

/// Drives a call to its end. Dropping the future gives up; the outcome is then unknown.
///
/// # Errors
/// The [`Fault`] that the call ends in.
pub async fn drive(transport: &impl Transport, call: &mut Call) -> Result<Decoded, Fault> {
    loop {
        let request = call.attempt(transport.now_ms(), &transport.random());
        let outcome = transport.send(&request).await;
        let moment = Moment {
            now_ms: transport.now_ms(),
            jitter: jitter(transport.random()),
        };
        let step = match outcome {
            Ok(response) => call.on_response(&response, moment),
            Err(failure) => call.on_failure(failure, moment),
        };
        match step {
            Step::Done(answer) => return Ok(answer),
            Step::Retry { delay_ms } => transport.sleep(delay_ms).await,
            Step::Fail(fault) => return Err(fault),
        }
    }
}

/// Random in 0 to 1.
fn jitter(random: [u8; 16]) -> f64 {
    let [a, b, c, d, ..] = random;
    f64::from(u32::from_be_bytes([a, b, c, d])) / f64::from(u32::MAX)
}
