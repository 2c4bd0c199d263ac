//! Implements what the core needs from the platform, with web-sys.

mod crypto;
#[cfg(feature = "npm")]
pub mod executor;
#[cfg(feature = "npm")]
mod http;
#[cfg(feature = "npm")]
mod stop;
mod text;

pub use crypto::WebCrypto;
#[cfg(feature = "npm")]
pub(crate) use http::ignore_rejection;
#[cfg(feature = "npm")]
pub use http::{BoundedBody, read_response};
#[cfg(feature = "npm")]
pub(crate) use stop::{Stop, now_ms, outcome_of, sleep};
#[cfg(feature = "npm")]
pub(crate) use text::constant;
