//! Why a payment was not made, or why its result is unknown.

#[allow(unused_imports)]
use crate::prelude::*;
/// The phase in which a payment stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Finding out what to pay.
    Discover,
    /// Checking the limits, the journal or the approval.
    Limit,
    /// Building and signing.
    Sign,
    /// Sending the payment.
    Send,
    /// Finding out the result.
    Settle,
}

/// An error. It never contains a key, a signature or a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// A stable code for programs.
    pub code: &'static str,
    /// The phase in which it stopped.
    pub phase: Phase,
    /// Whether money may have moved, or may still move.
    pub may_have_settled: bool,
    /// What was wrong, what was expected and what to do.
    pub message: String,
    /// The reason that the server gave, if it is a plain word.
    pub reason: Option<String>,
    /// When another try can have another outcome, in milliseconds since 1970.
    pub retry_at: Option<u64>,
}

/// The result of a step. Failures are boxed: moving them by value added 2 KB to the `.wasm`.
pub type Result<T, E = Box<Failure>> = core::result::Result<T, E>;

impl Failure {
    /// Creates an error from before anything was sent.
    #[must_use]
    pub fn new(code: &'static str, phase: Phase, message: &str) -> Box<Self> {
        Box::new(Self {
            code,
            phase,
            may_have_settled: false,
            message: message.to_owned(),
            reason: None,
            retry_at: None,
        })
    }

    /// Returns the same error, marked to say that money may have moved.
    #[must_use]
    pub fn unsettled(mut self: Box<Self>) -> Box<Self> {
        self.may_have_settled = true;
        self
    }

    /// Returns the same error with the server's reason.
    #[must_use]
    pub fn because(mut self: Box<Self>, reason: Option<String>) -> Box<Self> {
        self.reason = reason;
        self
    }

    /// Returns the same error with the time of the next useful try.
    #[must_use]
    pub fn until(mut self: Box<Self>, time: u64) -> Box<Self> {
        self.retry_at = Some(time);
        self
    }
}
