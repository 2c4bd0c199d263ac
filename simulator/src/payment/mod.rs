//! x402 payments of invoices and auth intents: what is asked for, how a payment is judged, and what
//! the response says.
//!
//! The simulator has no chain. It judges what a facilitator can judge from a payload alone: the
//! wallet's signature, the recipient, the amount, the validity and replay. It assumes that every
//! balance is sufficient.
//!
//! | module | contents |
//! |---|---|
//! | [`wire`] | challenges, payment headers and responses, in both versions of the protocol |
//! | [`base`] | payments on Base: EIP-3009 authorizations |
//! | [`solana`] | payments on Solana: partially signed transactions |
//! | [`blockhash`] | the block hashes that challenges carry |
//! | [`offer`] | the offers made for one invoice, and the payments bound to settlement ids |
//! | [`payer`] | the public test wallets, which pay for tests |
//! | [`gwop_docs`] | the differences on Gwop's own pages |
//! | [`unchecked`] | the judgment of version 1.0.0 |

pub mod base;
pub mod blockhash;
pub mod gwop_docs;
pub mod offer;
pub mod payer;
pub mod solana;
mod terms;
pub mod unchecked;
pub mod wire;

pub use terms::{Chain, Demand, Evaluated, Mode, Once, Payment, Refusal, Version};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixed_addresses_are_addresses() {
        for chain in Chain::ALL {
            let wallet = chain.default_wallet();
            assert_eq!(chain.normalise(&wallet), Some(wallet));
            assert!(chain.normalise(chain.pay_to()).is_some());
            assert!(chain.normalise(chain.usdc()).is_some());
            assert_eq!(chain.normalise("0x742d..."), None);
        }
        assert_eq!(
            Chain::Base.normalise(&Chain::Base.default_wallet().to_lowercase()),
            Some(Chain::Base.default_wallet())
        );
    }

    #[test]
    fn parts_are_told_apart() {
        let once = |parts: &[&[u8]]| Once::of("x", parts);
        assert_ne!(once(&[b"ab", b"c"]), once(&[b"a", b"bc"]));
        assert_ne!(Once::of("x", &[b"a"]), Once::of("y", &[b"a"]));
    }
}
