//! Payments on Solana: a version 0 transaction that the wallet signs. The facilitator pays the fee.
//!
//! Sources: the scheme `exact` of x402 (`scheme_exact_svm.md`), `@x402/svm` 2.27.0 for its values,
//! and `@solana/kit` for the order of accounts.

use crate::network::Network;
#[allow(unused_imports)]
use crate::prelude::*;
use core::cmp::Ordering;
use core::fmt;
use curve25519_dalek::edwards::CompressedEdwardsY;
use ed25519_dalek::{Signer as _, SigningKey};
use sha2::{Digest as _, Sha256};

const TOKEN_PROGRAM: &str = "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA";
const ATA_PROGRAM: &str = "ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL";
const COMPUTE_BUDGET_PROGRAM: &str = "ComputeBudget111111111111111111111111111111";
const MEMO_PROGRAM: &str = "MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr";

/// The compute units that current clients request.
pub const UNITS: u32 = 20_000;

/// What current clients pay for a compute unit, in microlamports.
const UNIT_PRICE: u64 = 1;

/// The longest memo that facilitators accept, in bytes.
pub const MAX_MEMO: usize = 256;

/// A public key or a derived address. Its `Display` is base58.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address(pub [u8; 32]);

impl Address {
    /// Reads an address: base58 of 32 bytes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        // Longer texts are never addresses, and decoding them takes quadratic time.
        if text.len() > 44 {
            return None;
        }
        let mut address = [0; 32];
        let length = bs58::decode(text).onto(&mut address).ok()?;
        (length == 32).then_some(Self(address))
    }

    /// Returns the address in base58.
    #[must_use]
    pub fn text(&self) -> String {
        bs58::encode(self.0).into_string()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

/// Returns the account in which a wallet holds a token, and its bump. It is the first derived
/// address that is not a public key.
#[must_use]
pub fn token_account(owner: Address, mint: Address) -> Option<(Address, u8)> {
    let (token, program) = (Address::parse(TOKEN_PROGRAM)?, Address::parse(ATA_PROGRAM)?);
    (0..=u8::MAX).rev().find_map(|bump| {
        let mut hash = Sha256::new();
        for part in [owner.0, token.0, mint.0] {
            hash.update(part);
        }
        hash.update([bump]);
        hash.update(program.0);
        hash.update(b"ProgramDerivedAddress");
        let address: [u8; 32] = hash.finalize().into();
        let on_curve = CompressedEdwardsY(address).decompress().is_some();
        (!on_curve).then_some((Address(address), bump))
    })
}

/// The content of a payment.
#[derive(Clone, Debug)]
pub struct Transfer<'a> {
    /// The wallet that pays.
    pub owner: Address,
    /// The address that is paid.
    pub pay_to: Address,
    /// The account that pays the fee and signs last.
    pub fee_payer: Address,
    /// Atomic units of USDC.
    pub amount: u64,
    /// A block hash from the last minute.
    pub blockhash: Address,
    /// The text of the memo. Version 1 has none, because its first facilitator accepts exactly
    /// three instructions.
    pub memo: Option<&'a str>,
    /// The compute units. Without a memo they make two equal payments two different transactions.
    pub units: u32,
}

/// Writes a length in the compact form: 7 bits per byte, lowest first.
fn length(bytes: &mut Vec<u8>, mut length: usize) {
    loop {
        let low = u8::try_from(length & 0x7f).unwrap_or_default();
        length >>= 7;
        if length == 0 {
            bytes.push(low);
            return;
        }
        bytes.push(low | 0x80);
    }
}

/// Orders the accounts of one role as `@solana/kit` does: by base58, in the order of an English
/// dictionary.
fn by_text(one: &Address, other: &Address) -> Ordering {
    let (one, other) = (one.text(), other.text());
    let fold = |text: &str| text.to_ascii_lowercase();
    // If nothing else differs, lower case comes first.
    let case = || other.cmp(&one);
    fold(&one).cmp(&fold(&other)).then_with(case)
}

/// Sorts a few addresses. The standard library's sort would add 3 KB to the `.wasm`.
fn sort_by_text(addresses: &mut [Address]) {
    for end in (1..addresses.len()).rev() {
        for at in 0..end {
            if let Some([one, next]) = addresses.get_mut(at..=at.saturating_add(1))
                && by_text(one, next) == Ordering::Greater
            {
                core::mem::swap(one, next);
            }
        }
    }
}

impl Transfer<'_> {
    /// Returns the message that the wallet signs. `None` if an address has no token account.
    #[must_use]
    pub fn message(&self, network: Network) -> Option<Vec<u8>> {
        let mint = Address::parse(network.usdc())?;
        let source = token_account(self.owner, mint)?.0;
        let destination = token_account(self.pay_to, mint)?.0;
        let token = Address::parse(TOKEN_PROGRAM)?;
        let budget = Address::parse(COMPUTE_BUDGET_PROGRAM)?;
        let memo_program = Address::parse(MEMO_PROGRAM)?;
        let mut written = vec![source, destination];
        sort_by_text(&mut written);
        // Both accounts are the same when a wallet pays itself.
        written.dedup();
        let mut read = vec![mint, token, budget];
        read.extend(self.memo.map(|_| memo_program));
        sort_by_text(&mut read);
        let read_only = u8::try_from(read.len()).ok()?;
        let accounts: Vec<Address> = [self.fee_payer, self.owner]
            .into_iter()
            .chain(written)
            .chain(read)
            .collect();
        let index = |address: Address| {
            let position = accounts.iter().position(|account| *account == address)?;
            u8::try_from(position).ok()
        };
        // There are two signers. The owner's account is read-only.
        let mut message = vec![0x80, 2, 1, read_only];
        length(&mut message, accounts.len());
        for account in &accounts {
            message.extend(account.0);
        }
        message.extend(self.blockhash.0);
        message.push(if self.memo.is_some() { 4 } else { 3 });
        message.extend([index(budget)?, 0, 5, 2]);
        message.extend(self.units.to_le_bytes());
        message.extend([index(budget)?, 0, 9, 3]);
        message.extend(UNIT_PRICE.to_le_bytes());
        message.extend([index(token)?, 4]);
        message.extend([
            index(source)?,
            index(mint)?,
            index(destination)?,
            index(self.owner)?,
        ]);
        message.extend([10, 12]);
        message.extend(self.amount.to_le_bytes());
        message.push(6);
        if let Some(memo) = self.memo {
            message.extend([index(memo_program)?, 0]);
            length(&mut message, memo.len());
            message.extend(memo.as_bytes());
        }
        // There are no address lookup tables.
        message.push(0);
        Some(message)
    }
}

/// Returns a transaction with the wallet's signature. Only the fee payer's signature is missing.
#[must_use]
pub fn transaction(message: &[u8], signature: &[u8; 64]) -> Vec<u8> {
    let mut bytes = vec![2];
    bytes.extend([0; 64]);
    bytes.extend(signature);
    bytes.extend(message);
    bytes
}

/// Returns the SHA-256 hash of a message. It identifies a transaction independently of its
/// signatures.
#[must_use]
pub fn message_hash(message: &[u8]) -> [u8; 32] {
    Sha256::digest(message).into()
}

/// An ed25519 private key. It has no `Debug`, so that it cannot be printed. It is wiped when
/// dropped.
pub struct SolanaKey(SigningKey);

impl SolanaKey {
    /// Reads the 32 bytes of a seed, or the 64 bytes of a key pair as Solana's tools write it.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let seed: [u8; 32] = bytes.get(..32)?.try_into().ok()?;
        let key = Self(SigningKey::from_bytes(&seed));
        match bytes.get(32..)? {
            [] => Some(key),
            public if public == key.address().0 => Some(key),
            _ => None,
        }
    }

    /// Returns the address of its wallet.
    #[must_use]
    pub fn address(&self) -> Address {
        Address(self.0.verifying_key().to_bytes())
    }

    /// Signs a message.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation
)]
mod tests {
    use super::*;
    use crate::bytes::{from_hex, to_base64, to_hex};
    use serde_json::Value;

    #[test]
    fn the_transaction_is_kits() {
        let vectors: Value =
            serde_json::from_str(include_str!("../tests/vectors/x402.json")).unwrap();
        let vector = &vectors["solana"];
        let address = |name: &str| Address::parse(vector[name].as_str().unwrap()).unwrap();
        let seed = from_hex(vector["agentSeed"].as_str().unwrap()).unwrap();
        let key = SolanaKey::from_bytes(&seed).unwrap();
        assert_eq!(key.address(), address("agent"));
        let mint = address("mint");
        for (owner, account, bump) in [
            ("agent", "sourceAta", "sourceBump"),
            ("payTo", "destinationAta", "destinationBump"),
        ] {
            let bump = vector[bump].as_u64().unwrap() as u8;
            let expected = (address(account), bump);
            assert_eq!(token_account(address(owner), mint).unwrap(), expected);
        }
        let transfer = Transfer {
            owner: key.address(),
            pay_to: address("payTo"),
            fee_payer: address("feePayer"),
            amount: 1_025_000,
            blockhash: address("blockhash"),
            memo: vector["memo"].as_str(),
            units: UNITS,
        };
        let message = transfer.message(Network::Solana).unwrap();
        assert_eq!(to_hex(&message), vector["messageHex"].as_str().unwrap());
        let bytes = transaction(&message, &key.sign(&message));
        assert_eq!(to_base64(&bytes), vector["transaction"].as_str().unwrap());
    }

    #[test]
    fn a_pair_whose_halves_differ_is_refused() {
        let key = SolanaKey::from_bytes(&[1; 32]).unwrap();
        let mut pair = [1; 64];
        assert!(SolanaKey::from_bytes(&pair).is_none());
        pair[32..].copy_from_slice(&key.address().0);
        assert!(SolanaKey::from_bytes(&pair).is_some());
        assert!(SolanaKey::from_bytes(&[1; 31]).is_none());
    }

    #[test]
    fn a_memo_longer_than_127_bytes_has_a_length_of_two() {
        let mut bytes = Vec::new();
        length(&mut bytes, 256);
        assert_eq!(bytes, [0x80, 2]);
    }
}
