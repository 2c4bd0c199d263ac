//! The outcome of payments that a command starts.

use serde::Deserialize;

/// The outcome of a payment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PaymentOutcome {
    /// PAYING, then PAID.
    #[default]
    Settle,
    /// PAYING, until [`Command::Settle`](super::Command::Settle) or
    /// [`Command::FailPayment`](super::Command::FailPayment).
    Hold,
    /// PAYING, then OPEN again.
    Fail,
    /// Like `Fail`, but the payment settles later.
    Late,
}
