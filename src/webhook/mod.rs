//! Webhooks: the signature header, the MAC, the event.
//!
//! Verify first, then parse: [`SignatureHeader::parse`], [`SignatureHeader::check_time`], then the MAC over
//! `{t}.{raw body}` (Web Crypto decides the asynchronous path, [`hmac::verify`] the synchronous one), then [`event::read`].
//! Nothing of the body is decoded before its MAC holds.

pub mod event;
pub mod hmac;
mod rejection;
mod signature;

pub use rejection::{Code, Rejection};
pub use signature::{DEFAULT_TOLERANCE_SECONDS, MAX_SIGNATURES, SignatureHeader};
