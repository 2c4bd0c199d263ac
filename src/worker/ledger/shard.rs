//! Determines which shard stores an invoice.

use sha2::{Digest, Sha256};

/// The number of shards without `LEDGER_SHARDS`.
pub const DEFAULT_SHARDS: u32 = 8;
/// The maximum number of shards. A search by public id calls each shard, and Workers Free allows 50
/// subrequests per request.
pub const MAX_SHARDS: u32 = 32;

/// Returns the shard of an invoice, counted from 0. It is the first eight bytes of SHA-256 (FIPS
/// 180-4) over the merchant key, a NUL byte and the merchant-side id, read as a big-endian integer,
/// modulo `shards`. The rule never changes: another rule would look for stored invoices in other
/// shards.
#[must_use]
pub fn shard_of(merchant: &str, invoice_id: &str, shards: u32) -> u32 {
    let digest = Sha256::new()
        .chain_update(merchant.as_bytes())
        .chain_update([0])
        .chain_update(invoice_id.as_bytes())
        .finalize();
    let mut first = [0; 8];
    for (to, from) in first.iter_mut().zip(digest) {
        *to = from;
    }
    let shard = u64::from_be_bytes(first)
        .checked_rem(u64::from(shards))
        .unwrap_or_default();
    // The value is less than `shards`.
    u32::try_from(shard).unwrap_or_default()
}

/// Returns the name of a shard's object. Every merchant has shards of its own. If there is only one
/// merchant, the names consist of the number only.
#[must_use]
pub fn name_of(merchant: &str, shard: u32) -> String {
    if merchant.is_empty() {
        format!("shard-{shard}")
    } else {
        format!("{merchant}/shard-{shard}")
    }
}
