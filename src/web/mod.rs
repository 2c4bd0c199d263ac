//! What the core needs from outside, on web-sys.

mod crypto;

pub use crypto::WebCrypto;
