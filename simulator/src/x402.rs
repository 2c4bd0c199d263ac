//! x402 (version 1) payments on Base and Solana: the challenge, the `X-PAYMENT` header, the outcome.
//!
//! The simulator has no chain: it checks what a facilitator reads from the payload (scheme, network, recipient,
//! amount, validity, replay) and not the wallet's signature.

use crate::config::MAX_MS;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A chain that pays invoices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Chain {
    /// Base, an EVM chain.
    Base,
    /// Solana.
    Solana,
}

impl Chain {
    /// Both, in the order in which Gwop offers them.
    pub const ALL: [Self; 2] = [Self::Base, Self::Solana];

    /// The chain on the wire; x402 version 1 uses the same names for networks.
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

    /// The chain's CAIP-2 id.
    #[must_use]
    pub const fn caip2(self) -> &'static str {
        match self {
            Self::Base => "eip155:8453",
            Self::Solana => "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp",
        }
    }

    /// The id of its payment method.
    #[must_use]
    pub const fn method_id(self) -> &'static str {
        match self {
            Self::Base => "x402-base",
            Self::Solana => "x402-solana",
        }
    }

    /// The contract or mint of USDC.
    #[must_use]
    pub const fn usdc(self) -> &'static str {
        match self {
            Self::Base => "0x833589fcd6edb6e08f4c7c32d4f71b54bda02913",
            Self::Solana => "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v",
        }
    }

    /// Where the money goes.
    #[must_use]
    pub const fn pay_to(self) -> &'static str {
        match self {
            Self::Base => "0x90c0f3f1b7d6f8a7e5c4b3a29181706f5e4d953c",
            Self::Solana => "9aF3mXyTqVb1uHc5kLwPzRdE7sJgN2oQ4iWt6vBxYzKe",
        }
    }

    /// The wallet that pays when a test names none.
    #[must_use]
    pub const fn default_wallet(self) -> &'static str {
        match self {
            Self::Base => "0x742d35Cc6634C0532925a3b844Bc9e7595f5bA16",
            Self::Solana => "7sSiVtkb3Wc8xQdYhR5nZpLuE2gJ4mFaT9oBKqXw1yCv",
        }
    }

    /// Where an agent pays.
    #[must_use]
    pub fn payment_url(self, base: &str, public_id: &str) -> String {
        format!(
            "{base}/v1/invoices/{public_id}/x402?chain={}",
            self.as_str()
        )
    }

    /// Whether `wallet` has the shape of an address on this chain.
    #[must_use]
    pub fn is_wallet(self, wallet: &str) -> bool {
        match self {
            Self::Base => wallet.strip_prefix("0x").is_some_and(|digits| {
                digits.len() == 40 && digits.bytes().all(|b| b.is_ascii_hexdigit())
            }),
            Self::Solana => {
                (32..=44).contains(&wallet.len())
                    && wallet.bytes().all(|b| {
                        b.is_ascii_alphanumeric() && !matches!(b, b'0' | b'O' | b'I' | b'l')
                    })
            }
        }
    }
}

/// A payment of an invoice or of an auth intent's dust amount.
#[derive(Clone, Debug)]
pub struct Payment {
    /// On which chain.
    pub chain: Chain,
    /// Who pays.
    pub wallet: String,
    /// The transaction's hash or signature.
    pub transaction: String,
    /// When it settles by itself; `None` waits for a command.
    pub settles_at: Option<u64>,
    /// When it settled.
    pub settled_at: Option<u64>,
}

impl Payment {
    /// Where people see the transaction.
    #[must_use]
    pub fn url(&self) -> String {
        let explorer = match self.chain {
            Chain::Base => "https://basescan.org/tx/",
            Chain::Solana => "https://solscan.io/tx/",
        };
        format!("{explorer}{}", self.transaction)
    }
}

/// What an agent is asked to pay.
#[derive(Clone, Debug)]
pub struct Demand {
    /// On which chain.
    pub chain: Chain,
    /// Atomic USDC.
    pub amount: u64,
    /// The payment URL.
    pub resource: String,
    /// For people.
    pub description: String,
}

impl Demand {
    /// The body of a 402.
    #[must_use]
    pub fn challenge(&self, error: &str) -> Value {
        let extra = match self.chain {
            Chain::Base => json!({ "name": "USD Coin", "version": "2" }),
            Chain::Solana => json!({ "feePayer": self.chain.pay_to() }),
        };
        json!({
            "x402Version": 1,
            "error": error,
            "accepts": [{
                "scheme": "exact",
                "network": self.chain.as_str(),
                "maxAmountRequired": self.amount.to_string(),
                "resource": self.resource,
                "description": self.description,
                "mimeType": "application/json",
                "payTo": self.chain.pay_to(),
                "maxTimeoutSeconds": 300,
                "asset": self.chain.usdc(),
                "extra": extra,
            }],
        })
    }
}

/// An accepted `X-PAYMENT` header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Who pays; on Solana only when the payload names a `payer`.
    pub wallet: Option<String>,
    /// What must not be used twice: the authorization's nonce, or the transaction.
    pub nonce: String,
}

/// Reads an `X-PAYMENT` header and checks it against the demand. `wall` is the real time in milliseconds.
///
/// # Errors
/// What an x402 answer puts in its `error` field.
pub fn read_payment(header: &str, demand: &Demand, wall: u64) -> Result<Offer, &'static str> {
    let bytes = STANDARD
        .decode(header.trim())
        .map_err(|_| "invalid_payload")?;
    let payment: Value = serde_json::from_slice(&bytes).map_err(|_| "invalid_payload")?;
    let text =
        |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(String::from);
    if payment.get("x402Version").and_then(Value::as_u64) != Some(1) {
        return Err("invalid_x402_version");
    }
    if text(&payment, "scheme").as_deref() != Some("exact") {
        return Err("unsupported_scheme");
    }
    if text(&payment, "network").as_deref() != Some(demand.chain.as_str()) {
        return Err("invalid_network");
    }
    let payload = payment.get("payload").ok_or("invalid_payload")?;
    match demand.chain {
        Chain::Base => {
            let authorization = payload.get("authorization").ok_or("invalid_payload")?;
            let field = |name| text(authorization, name).ok_or("invalid_payload");
            let (from, to) = (field("from")?, field("to")?);
            if text(payload, "signature").is_none_or(|signature| !signature.starts_with("0x"))
                || !demand.chain.is_wallet(&from)
            {
                return Err("invalid_payload");
            }
            if !to.eq_ignore_ascii_case(demand.chain.pay_to()) {
                return Err("invalid_exact_evm_payload_recipient_mismatch");
            }
            if field("value")? != demand.amount.to_string() {
                return Err("invalid_exact_evm_payload_authorization_value");
            }
            let seconds = |name| {
                field(name)?
                    .parse::<u64>()
                    .map_err(|_| "invalid_payload")
                    .map(|seconds| seconds.min(MAX_MS).saturating_mul(1_000))
            };
            if seconds("validAfter")? > wall {
                return Err("invalid_exact_evm_payload_authorization_valid_after");
            }
            if seconds("validBefore")? <= wall {
                return Err("invalid_exact_evm_payload_authorization_valid_before");
            }
            Ok(Offer {
                wallet: Some(from),
                nonce: field("nonce")?,
            })
        }
        Chain::Solana => {
            let transaction = text(payload, "transaction").ok_or("invalid_payload")?;
            if transaction.is_empty() || STANDARD.decode(&transaction).is_err() {
                return Err("invalid_payload");
            }
            let wallet = text(payload, "payer");
            if wallet
                .as_deref()
                .is_some_and(|wallet| !demand.chain.is_wallet(wallet))
            {
                return Err("invalid_payload");
            }
            Ok(Offer {
                wallet,
                nonce: transaction,
            })
        }
    }
}

/// The `X-PAYMENT-RESPONSE` header.
#[must_use]
pub fn payment_response(payment: &Payment, success: bool) -> String {
    let response = json!({
        "success": success,
        "transaction": payment.transaction,
        "network": payment.chain.as_str(),
        "payer": payment.wallet,
    });
    STANDARD.encode(response.to_string())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn demand(chain: Chain) -> Demand {
        Demand {
            chain,
            amount: 1_025_000,
            resource: "https://agents.gwop.io/v1/invoices/inv_1/x402".into(),
            description: String::new(),
        }
    }

    fn payment(change: impl Fn(&mut Value)) -> String {
        let mut payment = json!({
            "x402Version": 1, "scheme": "exact", "network": "base",
            "payload": { "signature": "0x00", "authorization": {
                "from": Chain::Base.default_wallet(), "to": Chain::Base.pay_to(), "value": "1025000",
                "validAfter": "0", "validBefore": "2000", "nonce": "0x01",
            }},
        });
        change(&mut payment);
        STANDARD.encode(payment.to_string())
    }

    #[test]
    fn accepts_a_payment_that_fits_the_challenge() {
        let offer = read_payment(&payment(|_| {}), &demand(Chain::Base), 1_000_000).unwrap();
        assert_eq!(offer.wallet.as_deref(), Some(Chain::Base.default_wallet()));
        assert_eq!(offer.nonce, "0x01");
    }

    #[test]
    fn refuses_payments_that_do_not() {
        type Case = (&'static str, fn(&mut Value));
        let cases: [Case; 8] = [
            ("invalid_network", |p| p["network"] = json!("solana")),
            ("unsupported_scheme", |p| p["scheme"] = json!("upto")),
            ("invalid_x402_version", |p| p["x402Version"] = json!(2)),
            ("invalid_exact_evm_payload_authorization_value", |p| {
                p["payload"]["authorization"]["value"] = json!("1000000");
            }),
            ("invalid_exact_evm_payload_recipient_mismatch", |p| {
                p["payload"]["authorization"]["to"] = json!(Chain::Base.default_wallet());
            }),
            (
                "invalid_exact_evm_payload_authorization_valid_before",
                |p| {
                    p["payload"]["authorization"]["validBefore"] = json!("1000");
                },
            ),
            ("invalid_exact_evm_payload_authorization_valid_after", |p| {
                p["payload"]["authorization"]["validAfter"] = json!("1001");
            }),
            ("invalid_payload", |p| p["payload"] = json!({})),
        ];
        for (error, change) in cases {
            let answer = read_payment(&payment(change), &demand(Chain::Base), 1_000_000);
            assert_eq!(answer, Err(error));
        }
        assert!(read_payment("%%%", &demand(Chain::Base), 0).is_err());
        assert!(read_payment("e30=", &demand(Chain::Solana), 0).is_err());
    }

    #[test]
    fn default_wallets_are_addresses() {
        for chain in Chain::ALL {
            assert!(chain.is_wallet(chain.default_wallet()), "{chain:?}");
            assert!(chain.is_wallet(chain.pay_to()), "{chain:?}");
            assert!(!chain.is_wallet("0x742d..."));
        }
    }
}
