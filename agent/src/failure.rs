//! Why a payment was not made, or is not known to have been made.

#[allow(unused_imports)]
use crate::prelude::*;
/// Where it stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Asking what is to be paid.
    Discover,
    /// The limits, the journal, or the person who approves.
    Limit,
    /// Building and signing.
    Sign,
    /// Sending the payment.
    Send,
    /// Finding out what became of it.
    Settle,
}

/// An error. It never holds a key, a signature or a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Stable, for programs.
    pub code: &'static str,
    /// Where it stopped.
    pub phase: Phase,
    /// Whether money may have moved, or may still move.
    pub may_have_settled: bool,
    /// What was wrong, what was expected, what to do.
    pub message: String,
    /// What the server named as its reason, where that is a plain word.
    pub reason: Option<String>,
    /// From when on another try can have another outcome: milliseconds since 1970.
    pub retry_at: Option<u64>,
}

/// What a step comes to. Failures are boxed: moving them about by value was 2 KB of the `.wasm`.
pub type Result<T, E = Box<Failure>> = core::result::Result<T, E>;

impl Failure {
    /// An error before anything was sent.
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

    /// The same, where money may have moved.
    #[must_use]
    pub fn unsettled(mut self: Box<Self>) -> Box<Self> {
        self.may_have_settled = true;
        self
    }

    /// The same, with the server's reason.
    #[must_use]
    pub fn because(mut self: Box<Self>, reason: Option<String>) -> Box<Self> {
        self.reason = reason;
        self
    }

    /// The same, with a time.
    #[must_use]
    pub fn until(mut self: Box<Self>, time: u64) -> Box<Self> {
        self.retry_at = Some(time);
        self
    }
}
