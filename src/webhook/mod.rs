//! Webhooks: the signature header, the MAC and the event.
//!
//! Verify first, then parse:
//!
//! 1. [`SignatureHeader::parse`] and [`SignatureHeader::check_time`] check the header.
//! 2. The MAC over `{t}.{raw body}` is checked. The asynchronous path uses Web Crypto, the
//!    synchronous one [`hmac::verify`].
//! 3. [`event::read`] reads the event.
//!
//! Nothing in the body is decoded before its MAC is valid.
//!
//! ```
//! use gwop::webhook::{SignatureHeader, event, hmac};
//!
//! let body = br#"{
//!     "event_id": "evt_1", "event_type": "invoice.expired",
//!     "data": {
//!         "invoice_id": "u-1", "public_invoice_id": "inv_1", "merchant_id": "m-1",
//!         "status": "EXPIRED", "amount_usdc": "1025000", "currency": "USDC"
//!     }
//! }"#;
//! let text = format!("t=1700000000,v1={}", hmac::sign("whsec_example", "1700000000", body));
//!
//! let header = SignatureHeader::parse(&text).unwrap();
//! header.check_time(1_700_000_010.0, 300.0).unwrap();
//! assert!(hmac::verify(["whsec_example"], &header, body));
//! let event = event::read(body, "evt_1", "invoice.expired", false).unwrap();
//! assert!(event.json.contains(r#""eventType":"invoice.expired""#));
//! ```

pub mod event;
pub mod hmac;
mod rejection;
mod signature;

pub use rejection::{Code, Rejection};
pub use signature::{DEFAULT_TOLERANCE_SECONDS, MAX_SIGNATURES, SignatureHeader};

use crate::port::Crypto;

/// Checks the signature header and its time, then starts to verify the signature at `index`.
///
/// `crypto` checks whether that signature is the MAC over the raw body. Returns `None` if the
/// header has no signature at `index`. `now` and `tolerance` are in seconds. The delivery is
/// authentic if one of the results is true.
///
/// # Errors
/// [`Rejection`] from [`SignatureHeader::parse`] and [`SignatureHeader::check_time`], or an error
/// of `crypto`.
pub fn verify<C: Crypto, E: From<Rejection> + From<C::Error>>(
    crypto: &C,
    header: &str,
    index: usize,
    body: &[u8],
    (now, tolerance): (f64, f64),
    key: &C::Key,
) -> Result<Option<C::Pending>, E> {
    let header = SignatureHeader::parse(header)?;
    header.check_time(now, tolerance)?;
    let Some(tag) = header.signatures().get(index) else {
        return Ok(None);
    };
    let signed = [&header.prefix(), body].concat();
    Ok(Some(crypto.verify_hmac(key, tag, &signed)?))
}
