//! What the core needs from outside, and the async driver of a [`Call`] over it.
//!
//! The Worker implements [`Transport`] on the platform's `fetch`, native tests by a double; in the npm package TypeScript
//! drives the calls. Futures need not be `Send`: a JavaScript isolate has one thread.
//!
//! Signatures need no trait: the core says what is to be verified ([`crate::webhook::SignatureHeader`],
//! [`crate::token::UnverifiedToken`]), and `web` asks Web Crypto.

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
