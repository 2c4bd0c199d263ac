//! The loop around a [`Call`]. It sends, waits and gives up, but makes no decisions.

use crate::client::{Call, Failure, Fault, Moment, Response, Step};
use crate::model::Decoded;
use crate::port::Transport;

/// The result of all attempts of a call.
#[derive(Debug)]
pub struct Attempts {
    /// The result of the call.
    pub result: Result<Decoded, Fault>,
    /// The outcome of the last attempt.
    pub last: Result<Response, Failure>,
    /// The last response that led to a retry.
    pub retried: Option<Response>,
}

/// Runs a call to its end. Dropping the future stops the call, and its outcome is then unknown.
///
/// # Errors
/// The [`Fault`] of a failed call.
///
/// # Examples
/// ```
/// use gwop::client::{Call, Failure, Request, Response, operation};
/// use gwop::drive::drive;
/// use gwop::model::Naming;
/// use gwop::port::Transport;
///
/// /// A transport without a network.
/// struct Double;
///
/// impl Transport for Double {
///     fn now_ms(&self) -> i64 {
///         0
///     }
///
///     fn random(&self) -> Result<[u8; 16], Failure> {
///         Ok([7; 16])
///     }
///
///     async fn send(&self, request: &Request<'_>) -> Result<Response, Failure> {
///         assert_eq!(request.url, "https://identity.gwop.io/v1/auth-sessions/revoke");
///         let body = br#"{"revoked":true}"#.to_vec();
///         Ok(Response { status: 200, retry_after: None, body, truncated: false })
///     }
///
///     async fn sleep(&self, _: i64) -> Result<(), Failure> {
///         Ok(())
///     }
/// }
///
/// # use std::task::{Context, Poll, Waker};
/// # fn block_on<T>(future: impl Future<Output = T>) -> T {
/// #     let future = std::pin::pin!(future);
/// #     match future.poll(&mut Context::from_waker(Waker::noop())) {
/// #         Poll::Ready(value) => value,
/// #         Poll::Pending => unreachable!("the double never waits"),
/// #     }
/// # }
/// # block_on(async {
/// let revoke = operation("authSessions.revoke").unwrap();
/// let argument = r#"{"sessionId":"sess_1"}"#;
/// let url = "https://identity.gwop.io";
/// let mut call = Call::new(revoke, argument, Naming::JavaScript, url, &[7; 16]).unwrap();
/// call.authorize("sk_m_example").unwrap();
/// let result = drive(&Double, &mut call).await.unwrap();
/// assert_eq!(result.json, r#"{"revoked":true}"#);
/// # });
/// ```
pub async fn drive(transport: &impl Transport, call: &mut Call) -> Result<Decoded, Fault> {
    attempts(transport, call).await.result
}

/// Runs a call like [`drive`], and also returns its responses.
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
            // After an abort there is no retry.
            Step::Retry { .. } => continue,
        };
        return Attempts {
            result,
            last,
            retried,
        };
    }
}

/// Evaluates the outcome of an attempt. Requests randomness only if there is another attempt.
fn evaluate(transport: &impl Transport, call: &Call, outcome: &Result<Response, Failure>) -> Step {
    let now_ms = transport.now_ms();
    let with = |jitter| match outcome {
        Ok(response) => call.on_response(response, Moment { now_ms, jitter }),
        Err(failure) => call.on_failure(*failure, Moment { now_ms, jitter }),
    };
    // Without jitter the pause is the shortest, so what ends here ends with every jitter.
    let step = with(0.0);
    if !matches!(step, Step::Retry { .. }) {
        return step;
    }
    match transport.random() {
        Ok(random) => with(jitter(random)),
        Err(failure) => {
            let jitter = 0.0;
            call.on_failure(failure, Moment { now_ms, jitter })
        }
    }
}

/// Maps random bytes to a number from 0 to 1.
fn jitter(random: [u8; 16]) -> f64 {
    let [a, b, c, d, ..] = random;
    f64::from(u32::from_be_bytes([a, b, c, d])) / f64::from(u32::MAX)
}
