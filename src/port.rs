//! What the core needs from outside, and the async driver of a [`Call`] over it.
//!
//! The product implements these traits on web-sys (`web`), native tests by doubles. Futures need not be `Send`: a
//! JavaScript isolate has one thread.

use std::future::Future;

use crate::client::{Call, Failure, Fault, Moment, Request, Response, Step};
use crate::model::Decoded;

/// Clock, randomness, HTTP and sleep.
pub trait Transport {
    /// Milliseconds since the epoch.
    fn now_ms(&self) -> i64;

    /// Sixteen random bytes, good enough for an idempotency key.
    fn random(&self) -> [u8; 16];

    /// Sends one attempt, without following redirects, and reads at most
    /// [`RESPONSE_BODY_BOUND`](crate::client::RESPONSE_BODY_BOUND) bytes of the answer.
    fn send(&self, request: &Request) -> impl Future<Output = Result<Response, Failure>>;

    /// Waits so many milliseconds.
    fn sleep(&self, delay_ms: i64) -> impl Future<Output = ()>;
}

/// Signature verification. Never a comparison of strings: the implementation decides in constant time.
pub trait Crypto {
    /// Why a key cannot be used.
    type Error;

    /// Whether one of `macs` is the HMAC-SHA256 (RFC 2104) of `message` under `secret`.
    fn verify_hmac_sha256(
        &self,
        secret: &[u8],
        macs: &[[u8; 32]],
        message: &[u8],
    ) -> impl Future<Output = Result<bool, Self::Error>>;

    /// Whether `signature` is an RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518 section 3.3) of `message` under the public key
    /// with the big-endian `modulus` and `exponent`.
    fn verify_rs256(
        &self,
        modulus: &[u8],
        exponent: &[u8],
        signature: &[u8],
        message: &[u8],
    ) -> impl Future<Output = Result<bool, Self::Error>>;
}

/// Drives a call to its end. Dropping the future gives up; the outcome is then unknown.
///
/// # Errors
/// The [`Fault`] that the call ends in.
pub async fn drive(transport: &impl Transport, call: &mut Call) -> Result<Decoded, Fault> {
    loop {
        let request = call.attempt(transport.now_ms(), transport.random());
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
