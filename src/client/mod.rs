//! Gwop's operations over HTTP, without any I/O.
//!
//! [`OPERATIONS`] is the contract's table. A [`Call`] is one use of an operation. It checks the
//! argument, builds each attempt, and evaluates the outcome by a [`RetryPolicy`].
//!
//! [`crate::drive`] runs calls in the npm package and in the Worker. Both APIs (`@gwop/sdk` and the
//! older `@gwop/sdk/checkout`) use the same calls with a different naming and policy.

mod call;
mod error_body;
mod operation;
mod policy;
mod retry_after;
mod url;

pub use call::{
    Call, DEFAULT_TIMEOUT_MS, Failure, Fault, FaultKind, Moment, RESPONSE_BODY_BOUND, Refusal,
    RefusalCode, Request, Response, Step,
};
pub use error_body::{ErrorBody, parse_error_body};
pub use operation::{Body, Host, Idempotency, OPERATIONS, Operation, operation};
pub use policy::{Backoff, Bound, Outcome, RETRY_AFTER_BOUND_MS, RetryCodes, RetryPolicy, Verdict};
pub use retry_after::parse_retry_after;
