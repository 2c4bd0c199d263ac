//! Identifiers that look random and are reproducible from a seed.

use serde::{Deserialize, Serialize};

/// SplitMix64. It is good enough for the identifiers of a development tool, but not for secrets.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ids {
    state: u64,
}

const BASE62: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
const HEX: &[u8] = b"0123456789abcdef";

impl Ids {
    /// Creates the sequence that belongs to `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// Returns the position in the sequence.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.state
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn text(&mut self, alphabet: &[u8], length: usize) -> String {
        (0..length)
            .map(|_| {
                let index = self.next().checked_rem(alphabet.len() as u64).unwrap_or(0);
                alphabet
                    .get(usize::try_from(index).unwrap_or(0))
                    .copied()
                    .map_or('0', char::from)
            })
            .collect()
    }

    /// Returns lower-case hexadecimal digits.
    pub fn hex(&mut self, length: usize) -> String {
        self.text(HEX, length)
    }

    /// Returns a version 4 UUID.
    pub fn uuid(&mut self) -> String {
        let variant = self.text(b"89ab", 1);
        format!(
            "{}-{}-4{}-{variant}{}-{}",
            self.hex(8),
            self.hex(4),
            self.hex(3),
            self.hex(3),
            self.hex(12)
        )
    }

    /// Returns a public invoice id, `inv_*`.
    pub fn public_invoice(&mut self) -> String {
        format!("inv_{}", self.hex(32))
    }

    /// Returns an auth intent id, `ai_*`.
    pub fn auth_intent(&mut self) -> String {
        format!("ai_{}", self.text(BASE62, 20))
    }

    /// Returns a session id, `sess_*`.
    pub fn session(&mut self) -> String {
        format!("sess_{}", self.text(BASE62, 24))
    }

    /// Returns a request id, `req_*`.
    pub fn request(&mut self) -> String {
        format!("req_{}", self.hex(16))
    }

    /// Returns a transaction hash on Base.
    pub fn base_transaction(&mut self) -> String {
        format!("0x{}", self.hex(64))
    }

    /// Returns a transaction signature on Solana.
    pub fn solana_transaction(&mut self) -> String {
        bs58::encode(self.bytes::<64>()).into_string()
    }

    /// Returns the nonce of an authorization.
    pub fn nonce(&mut self) -> [u8; 32] {
        self.bytes()
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        core::array::from_fn(|_| self.next().to_be_bytes().first().copied().unwrap_or(0))
    }
}
