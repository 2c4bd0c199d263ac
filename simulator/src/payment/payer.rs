//! The public test wallets. They pay for tests that have no key of their own. Their keys are
//! public.

use crate::payment::Chain;
use crate::payment::base::{self, Authorization, to_hex, u256};
use crate::payment::solana::{self, Address};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer, SigningKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The first key on Base: Hardhat's published account #0.
const FIRST_ON_BASE: [u8; 32] = [
    0xac, 0x09, 0x74, 0xbe, 0xc3, 0x9a, 0x17, 0xe3, 0x6b, 0xa4, 0xa6, 0xb4, 0xd2, 0x38, 0xff, 0x94,
    0x4b, 0xac, 0xb4, 0x78, 0xcb, 0xed, 0x5e, 0xfc, 0xae, 0x78, 0x4d, 0x7b, 0xf4, 0xf2, 0xff, 0x80,
];

/// The first seed on Solana.
const FIRST_ON_SOLANA: [u8; 32] = [1; 32];

/// What current clients request: compute units, and microlamports per unit.
const UNITS: u32 = 20_000;
const UNIT_PRICE: u64 = 1;

fn secret(chain: Chain, number: u32) -> [u8; 32] {
    match (chain, number) {
        (Chain::Base, 0) => FIRST_ON_BASE,
        (Chain::Solana, 0) => FIRST_ON_SOLANA,
        _ => {
            let mut hash = Sha256::new();
            hash.update(b"gwop-simulator test wallet ");
            hash.update(chain.as_str());
            hash.update(number.to_be_bytes());
            hash.finalize().into()
        }
    }
}

/// Returns the address of a test wallet.
#[must_use]
pub fn wallet(chain: Chain, number: u32) -> String {
    let secret = secret(chain, number);
    match chain {
        // No hash of such a text is zero or exceeds the order of the curve.
        Chain::Base => k256::ecdsa::SigningKey::from_slice(&secret)
            .map(|key| base::Address::of(key.verifying_key()).to_string())
            .unwrap_or_default(),
        Chain::Solana => {
            Address(SigningKey::from_bytes(&secret).verifying_key().to_bytes()).to_string()
        }
    }
}

/// Returns the `payload` of a payment on Base. Times are in Unix seconds.
#[must_use]
pub fn pay_on_base(number: u32, amount: u64, valid_before: u64, nonce: [u8; 32]) -> Option<Value> {
    let key = k256::ecdsa::SigningKey::from_slice(&secret(Chain::Base, number)).ok()?;
    let authorization = Authorization {
        from: base::Address::of(key.verifying_key()),
        to: base::Address::from_hex(Chain::Base.pay_to())?,
        value: u256(amount),
        valid_after: u256(0),
        valid_before: u256(valid_before),
        nonce,
    };
    let (signature, id) = key.sign_prehash_recoverable(&authorization.digest());
    let v = if id.is_y_odd() { "1c" } else { "1b" };
    Some(json!({
        "signature": format!("0x{}{v}", to_hex(&signature.to_bytes())),
        "authorization": {
            "from": authorization.from.to_string(),
            "to": authorization.to.to_string(),
            "value": amount.to_string(),
            "validAfter": "0",
            "validBefore": valid_before.to_string(),
            "nonce": format!("0x{}", to_hex(&nonce)),
        },
    }))
}

/// Returns the `payload` of a payment on Solana.
#[must_use]
pub fn pay_on_solana(number: u32, amount: u64, blockhash: [u8; 32], memo: &str) -> Option<Value> {
    let key = SigningKey::from_bytes(&secret(Chain::Solana, number));
    let owner = Address(key.verifying_key().to_bytes());
    let mint = Address::parse(Chain::Solana.usdc())?;
    let pay_to = Address::parse(Chain::Solana.pay_to())?;
    let accounts = [
        Address::parse(solana::FEE_PAYER)?,
        owner,
        solana::token_account(owner, mint)?,
        solana::token_account(pay_to, mint)?,
        mint,
        Address::parse(solana::COMPUTE_BUDGET_PROGRAM)?,
        Address::parse(solana::TOKEN_PROGRAM)?,
        Address::parse(solana::MEMO_PROGRAM)?,
    ];
    let memo_length = u8::try_from(memo.len())
        .ok()
        .filter(|length| *length < 128)?;
    // Version 0. There are two signers, and the owner's account is read-only. The last four
    // accounts are read-only too.
    let mut message = vec![0x80, 2, 1, 4, 8];
    for account in accounts {
        message.extend(account.0);
    }
    message.extend(blockhash);
    message.push(4);
    message.extend([5, 0, 5, 2]);
    message.extend(UNITS.to_le_bytes());
    message.extend([5, 0, 9, 3]);
    message.extend(UNIT_PRICE.to_le_bytes());
    message.extend([6, 4, 2, 4, 3, 1, 10, 12]);
    message.extend(amount.to_le_bytes());
    message.push(solana::DECIMALS);
    message.extend([7, 0, memo_length]);
    message.extend(memo.as_bytes());
    message.push(0);
    let signature = key.sign(&message);
    let mut transaction = vec![2];
    transaction.extend([0; 64]);
    transaction.extend(signature.to_bytes());
    transaction.extend(message);
    Some(json!({ "transaction": STANDARD.encode(transaction) }))
}

impl Chain {
    /// Returns the wallet that pays if a test names none: the first of the public test wallets.
    #[must_use]
    pub fn default_wallet(self) -> String {
        wallet(self, 0)
    }

    /// Returns the normalized form of a wallet's address: EIP-55 on Base. `None` if it is not an
    /// address of this chain.
    #[must_use]
    pub fn normalise(self, wallet: &str) -> Option<String> {
        match self {
            Self::Base => base::Address::from_hex(wallet).map(|address| address.to_string()),
            Self::Solana => solana::Address::parse(wallet).map(|address| address.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_wallets_are_published_ones() {
        assert_eq!(
            wallet(Chain::Base, 0),
            "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
        );
        assert_eq!(
            wallet(Chain::Solana, 0),
            "AKnL4NNf3DGWZJS6cPknBuEGnVsV4A4m5tgebLHaRSZ9"
        );
        for chain in Chain::ALL {
            assert_ne!(wallet(chain, 1), wallet(chain, 2));
        }
    }
}
