//! The networks on which an agent pays, each with its USDC. All values are pinned: a challenge that
//! names another token, name, version or number of decimals is refused, and nothing is signed.

/// The number of decimals of USDC on every network.
pub const DECIMALS: i64 = 6;

/// A network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// Base, EIP-155 chain 8453.
    Base,
    /// Base Sepolia, EIP-155 chain 84532.
    BaseSepolia,
    /// Solana's main network.
    Solana,
    /// Solana's devnet.
    SolanaDevnet,
}

/// How payments work on a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// EIP-3009 authorizations.
    Evm,
    /// Transactions that a facilitator completes.
    Solana,
}

impl Network {
    /// All networks.
    pub const ALL: [Self; 4] = [
        Self::Base,
        Self::BaseSepolia,
        Self::Solana,
        Self::SolanaDevnet,
    ];

    /// Returns its name in x402 version 1 and in this package.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::BaseSepolia => "base-sepolia",
            Self::Solana => "solana",
            Self::SolanaDevnet => "solana-devnet",
        }
    }

    /// Returns its CAIP-2 name, as version 2 uses it.
    #[must_use]
    pub const fn caip2(self) -> &'static str {
        match self {
            Self::Base => "eip155:8453",
            Self::BaseSepolia => "eip155:84532",
            Self::Solana => "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp",
            Self::SolanaDevnet => "solana:EtWTRABZaYq6iMfeYKouRu166VU2xqa1",
        }
    }

    /// Reads a network from either name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|network| network.name() == text || network.caip2() == text)
    }

    /// Returns how payments work on it.
    #[must_use]
    pub const fn family(self) -> Family {
        match self {
            Self::Base | Self::BaseSepolia => Family::Evm,
            Self::Solana | Self::SolanaDevnet => Family::Solana,
        }
    }

    /// Returns the contract or mint of USDC.
    #[must_use]
    pub const fn usdc(self) -> &'static str {
        match self {
            Self::Base => "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913",
            Self::BaseSepolia => "0x036CbD53842c5426634e7929541eC2318f3dCF7e",
            Self::Solana => "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v",
            Self::SolanaDevnet => "4zMMC9srt5Ri5X14GAgXhaHii3GnPAEERYPJgZJDncDU",
        }
    }

    /// Returns the EIP-155 chain id. 0 if there is none.
    #[must_use]
    pub const fn chain_id(self) -> u64 {
        match self {
            Self::Base => 8_453,
            Self::BaseSepolia => 84_532,
            Self::Solana | Self::SolanaDevnet => 0,
        }
    }

    /// Returns the name of USDC's EIP-712 domain. Empty if there is none.
    #[must_use]
    pub const fn domain_name(self) -> &'static str {
        match self {
            Self::Base => "USD Coin",
            Self::BaseSepolia => "USDC",
            Self::Solana | Self::SolanaDevnet => "",
        }
    }

    /// The version of USDC's EIP-712 domain.
    pub const DOMAIN_VERSION: &'static str = "2";
}
