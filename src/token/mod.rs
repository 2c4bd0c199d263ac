//! Gwop's access tokens, and the JWK Set (RFC 7517) that verifies them.
//!
//! Access tokens are RS256 JSON Web Tokens (RFC 7519) in JWS Compact Serialization (RFC 7515).
//!
//! Nothing here does I/O, reads a clock or computes a signature. A verification consists of three
//! calls, and the caller does the work between them:
//!
//! 1. [`UnverifiedToken::parse`] reads the token and rejects one that is malformed or not RS256.
//! 2. [`JwkSetCache::plan`] returns what to do for its `kid`: use these keys, fetch the set, wait,
//!    or give up.
//! 3. After Web Crypto has verified the signature, [`UnverifiedToken::evaluate`] checks the claims.
//!
//! The checks have a fixed order, so that each token has the same result on every runtime: size;
//! header; `alg`; number of parts; `crit` and `b64`; `kid`; claims set and its types; signature
//! encoding; key; signature; issuer; audience; merchant; not before; expiry. Expiry comes last, so
//! [`Code::TokenExpired`] means that a new login would help.

mod cache;
mod claims;
mod jwk;
mod jws;
mod rejection;
mod verified;

pub use cache::{Attempt, COOLDOWN_SECONDS, JwkSetCache, MAX_STORED_BYTES, Plan, SetId, Ticket};
pub use claims::{Claims, Expected, ISSUER};
pub use jwk::{Jwk, JwkSet, MAX_JWK_SET_BYTES, Unusable};
pub use jws::{Begun, Decoded, MAX_TOKEN_BYTES, UnverifiedToken, verify_signature};
pub use rejection::{Code, Reason, Rejection};
pub use verified::{Candidate, MAX_TOKEN_CACHE_BYTES, TOKEN_CACHE_SIZE, VerifiedTokens};
