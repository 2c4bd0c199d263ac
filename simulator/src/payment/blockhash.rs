//! The block hashes in the local Gwop's challenges. With them a Solana client needs no RPC.
//!
//! There is no chain, so a hash itself names its block: 24 bytes by which the simulator recognizes
//! it, then the block's height. Blocks pass with the simulator's clock.

use sha2::{Digest, Sha256};

/// The duration of a block, in milliseconds of the simulator's clock.
const BLOCK_MS: u64 = 400;

/// The number of blocks for which a hash is valid, as on the chain: 60 seconds.
const LIFE: u64 = 150;

/// Returns the height of the chain at a time of the simulator's clock.
#[must_use]
pub const fn height(clock: u64) -> u64 {
    clock / BLOCK_MS
}

/// Returns the hash of the block at this height.
#[must_use]
pub fn hash(seed: u64, height: u64) -> [u8; 32] {
    let mut tag = Sha256::new();
    tag.update(b"gwop-simulator block");
    tag.update(seed.to_be_bytes());
    tag.update(height.to_be_bytes());
    let mut hash: [u8; 32] = tag.finalize().into();
    for (to, from) in hash.iter_mut().skip(24).zip(height.to_be_bytes()) {
        *to = from;
    }
    hash
}

/// Returns the last height at which the hash of the block at `height` is valid.
#[must_use]
pub const fn last_valid(height: u64) -> u64 {
    height.saturating_add(LIFE)
}

/// Returns whether a hash is valid at this time. `None` if it is not one of this simulator's.
#[must_use]
pub fn is_recent(seed: u64, clock: u64, hash_used: &[u8; 32]) -> Option<bool> {
    let (_, made) = hash_used.split_last_chunk::<8>()?;
    let made = u64::from_be_bytes(*made);
    let now = height(clock);
    (hash(seed, made) == *hash_used).then(|| made <= now && now <= last_valid(made))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_lives_for_a_minute() {
        let start = 1_774_403_503_402;
        let made = hash(7, height(start));
        assert_eq!(is_recent(7, start, &made), Some(true));
        assert_eq!(is_recent(7, start + 60_000, &made), Some(true));
        assert_eq!(is_recent(7, start + 60_400, &made), Some(false));
        assert_eq!(is_recent(7, start - 400, &made), Some(false));
        assert_eq!(is_recent(8, start, &made), None);
        assert_eq!(is_recent(7, start, &[1; 32]), None);
    }
}
