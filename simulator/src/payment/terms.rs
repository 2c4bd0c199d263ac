//! The types that payments share: chains, demands and judgments.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A chain on which invoices can be paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Chain {
    /// Base, an EVM chain.
    Base,
    /// Solana.
    Solana,
}

impl Chain {
    /// Both chains, in the order in which Gwop offers them.
    pub const ALL: [Self; 2] = [Self::Base, Self::Solana];

    /// Returns the chain's name on the wire. x402 version 1 uses the same names for networks.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::Solana => "solana",
        }
    }

    /// Reads a chain from the wire.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|chain| chain.as_str() == text)
    }

    /// Returns the chain's CAIP-2 id.
    #[must_use]
    pub const fn caip2(self) -> &'static str {
        match self {
            Self::Base => "eip155:8453",
            Self::Solana => "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp",
        }
    }

    /// Returns the id of its payment method.
    #[must_use]
    pub const fn method_id(self) -> &'static str {
        match self {
            Self::Base => "x402-base",
            Self::Solana => "x402-solana",
        }
    }

    /// Returns the contract or mint of USDC.
    #[must_use]
    pub const fn usdc(self) -> &'static str {
        match self {
            Self::Base => "0x833589fcd6edb6e08f4c7c32d4f71b54bda02913",
            Self::Solana => "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v",
        }
    }

    /// Returns the address that receives payments.
    #[must_use]
    pub const fn pay_to(self) -> &'static str {
        match self {
            Self::Base => "0x90c0f3f1b7d6f8a7e5c4b3a29181706f5e4d953c",
            Self::Solana => "2wKupLR9q6wXYppw8Gr2NvWxKBUqm4PPJKkQfoxHDBg4",
        }
    }

    /// Returns the URL at which an agent pays.
    #[must_use]
    pub fn payment_url(self, base: &str, public_id: &str) -> String {
        format!(
            "{base}/v1/invoices/{public_id}/x402?chain={}",
            self.as_str()
        )
    }
}

/// A payment of an invoice, or of the dust amount of an auth intent.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Payment {
    /// The chain.
    pub chain: Chain,
    /// The wallet that pays, normalized.
    pub wallet: String,
    /// The transaction's hash or signature.
    pub transaction: String,
    /// What the payment uses up. Absent if a test pays without a payload.
    pub once: Option<Once>,
    /// When it settles by itself. `None` if it waits for a command.
    pub settles_at: Option<u64>,
    /// When it settled.
    pub settled_at: Option<u64>,
}

impl Payment {
    /// Returns the URL at which people can view the transaction.
    #[must_use]
    pub fn url(&self) -> String {
        let explorer = match self.chain {
            Chain::Base => "https://basescan.org/tx/",
            Chain::Solana => "https://solscan.io/tx/",
        };
        format!("{explorer}{}", self.transaction)
    }
}

/// What a chain accepts only once, as bytes: the wallet and nonce of an authorization, or the hash
/// of a message. A payment that is written in another way has the same value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Once([u8; 32]);

impl Once {
    /// Creates the value from these bytes, in this order. `kind` separates different things.
    #[must_use]
    pub fn of(kind: &str, parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        hash.update(kind);
        for part in parts {
            // The length prefix ensures that no two lists of parts have the same bytes.
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(part);
        }
        Self(hash.finalize().into())
    }
}

/// A payment that a facilitator would settle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evaluated {
    /// The wallet that pays, normalized.
    pub wallet: String,
    /// What the payment uses up.
    pub once: Once,
    /// The transaction, if the agent has sent it itself.
    pub transaction: Option<String>,
}

/// A payment that a facilitator would not settle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The reference facilitator's name for it, which depends on the version of the protocol.
    pub reason: &'static str,
    /// What was expected, for people.
    pub expected: &'static str,
}

impl Refusal {
    /// Creates a refusal.
    #[must_use]
    pub const fn new(reason: &'static str, expected: &'static str) -> Self {
        Self { reason, expected }
    }
}

/// A version of the x402 protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// Payments in the header `X-PAYMENT`.
    V1,
    /// Payments in the header `PAYMENT-SIGNATURE`.
    V2,
}

impl Version {
    /// Returns its number.
    #[must_use]
    pub const fn number(self) -> u64 {
        match self {
            Self::V1 => 1,
            Self::V2 => 2,
        }
    }

    /// Returns the name of a chain's network.
    #[must_use]
    pub const fn network(self, chain: Chain) -> &'static str {
        match self {
            Self::V1 => chain.as_str(),
            Self::V2 => chain.caip2(),
        }
    }

    /// Returns the one of two names that this version uses.
    #[must_use]
    pub(crate) const fn name(self, v1: &'static str, v2: &'static str) -> &'static str {
        match self {
            Self::V1 => v1,
            Self::V2 => v2,
        }
    }
}

/// The rules by which payments are judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// The rules of x402's specification and reference facilitators, in both versions.
    #[default]
    Standard,
    /// The rules of Gwop's own pages on x402.
    GwopDocs,
    /// The rules of version 1.0.0: no signature is checked.
    Unchecked,
}

/// What an agent is asked to pay.
#[derive(Clone, Debug)]
pub struct Demand {
    /// The chain.
    pub chain: Chain,
    /// The amount in atomic units of USDC.
    pub amount: u64,
    /// The `inv_*` of the payment URL.
    pub payable_id: String,
    /// The payment URL.
    pub url: String,
    /// A description for people.
    pub description: String,
    /// How long it can be paid, in whole seconds, at least 1.
    pub seconds_left: u64,
}
