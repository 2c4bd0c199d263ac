//! The loop around a [`Call`]: it sends, waits and gives up, and decides nothing.

use crate::client::{Call, Failure, Fault, Moment, Response, Step};
use crate::model::Decoded;
use crate::port::Transport;

/// What came of a call's attempts.
#[derive(Debug)]
pub struct Attempts {
    /// The end of the call.
    pub result: Result<Decoded, Fault>,
    /// The outcome of the last attempt.
    pub last: Result<Response, Failure>,
    /// The last response that was worth another attempt.
    pub retried: Option<Response>,
}

/// Drives a call to its end. Dropping the future gives up; the outcome is then unknown.
///
/// # Errors
/// The [`Fault`] that the call ends in.
pub async fn drive(transport: &impl Transport, call: &mut Call) -> Result<Decoded, Fault> {
    attempts(transport, call).await.result
}

/// As [`drive`], and tells the responses.
pub async fn attempts(transport: &impl Transport, call: &mut Call) -> Attempts {
    let mut retried = None;
    loop {
        let random = if call.takes_random() {
            transport.random()
        } else {
            Ok([0; 16])
        };
        let mut last = match random {
            Ok(random) => {
                let request = call.attempt(transport.now_ms(), &random);
                transport.send(&request).await
            }
            Err(failure) => Err(failure),
        };
        let mut step = evaluate(transport, call, &last);
        if let Step::Retry { delay_ms } = step {
            match transport.sleep(delay_ms).await {
                Ok(()) => {
                    retried = last.ok().or(retried);
                    continue;
                }
                Err(failure) => {
                    last = Err(failure);
                    step = evaluate(transport, call, &last);
                }
            }
        }
        let result = match step {
            Step::Done(decoded) => Ok(decoded),
            Step::Fail(fault) => Err(fault),
            // A caller who gave up is never retried.
            Step::Retry { .. } => continue,
        };
        return Attempts {
            result,
            last,
            retried,
        };
    }
}

/// What an outcome means for the call. Randomness is asked for only where there may be another attempt.
fn evaluate(transport: &impl Transport, call: &Call, outcome: &Result<Response, Failure>) -> Step {
    let now_ms = transport.now_ms();
    let jitter = match outcome {
        Ok(response) if response.is_success() => Ok(0.0),
        _ => transport.random().map(jitter),
    };
    match (jitter, outcome) {
        (Ok(jitter), Ok(response)) => call.on_response(response, Moment { now_ms, jitter }),
        (Ok(jitter), Err(failure)) => call.on_failure(*failure, Moment { now_ms, jitter }),
        (Err(failure), _) => {
            let jitter = 0.0;
            call.on_failure(failure, Moment { now_ms, jitter })
        }
    }
}

/// Random in 0 to 1.
fn jitter(random: [u8; 16]) -> f64 {
    let [a, b, c, d, ..] = random;
    f64::from(u32::from_be_bytes([a, b, c, d])) / f64::from(u32::MAX)
}
