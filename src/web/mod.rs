//! What the core needs from outside, on web-sys.

pub mod crypto;
pub mod rsa;
