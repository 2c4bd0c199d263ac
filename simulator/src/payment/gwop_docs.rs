//! The differences when the local Gwop follows Gwop's own pages on x402 (`docs.gwop.io/docs/x402`,
//! an older generation of its documentation): each offer has a settlement id, and the response has
//! its own shape.

use crate::invoice::put;
use crate::payment::wire::Block;
use crate::payment::{Chain, Demand, Evaluated, Once, Payment, Refusal, base, solana};
use crate::time::iso;
use serde_json::{Value, json};

impl Demand {
    /// Returns one element of `accepts`.
    #[must_use]
    pub fn offer_of_gwop_docs(&self, settlement_id: &str, block: Block) -> Value {
        let mut extra = json!({
            "invoiceId": self.payable_id,
            "settlementId": settlement_id,
            "assetSymbol": "USDC",
            "assetDecimals": 6,
            "chain": self.chain.as_str(),
        });
        if let (Some(extra), Value::Object(own)) = (extra.as_object_mut(), self.extra(block)) {
            extra.extend(own);
        }
        if self.chain == Chain::Base {
            put(&mut extra, "assetTransferMethod", Some("eip3009"));
        }
        self.offer_with(extra)
    }

    /// Returns the contents of `PAYMENT-REQUIRED` and of the body.
    #[must_use]
    pub fn challenge_of_gwop_docs(&self, error: &str, offer: &Value) -> Value {
        json!({
            "x402Version": 2,
            "error": error,
            "resource": { "method": "POST", "url": self.url },
            "accepts": [offer],
        })
    }
}

/// Returns whether a payment names a transaction that the agent has sent itself.
#[must_use]
pub fn names_transaction(payload: &Value) -> bool {
    payload.get("tx_hash").is_some()
}

/// Judges a payment by `tx_hash`. Without a chain the sender is unknown, so the first public test
/// wallet counts as the sender.
///
/// # Errors Returns why it cannot be a payment.
pub fn evaluate_transaction(payload: &Value) -> Result<Evaluated, Refusal> {
    let signature = payload.get("tx_hash").and_then(Value::as_str);
    // 64 bytes have at most 88 digits in base58.
    let sent = signature
        .filter(|text| text.len() <= 88)
        .and_then(|text| Some((text, bs58::decode(text).into_vec().ok()?)))
        .filter(|(_, bytes)| bytes.len() == 64);
    match sent {
        Some((text, bytes)) if payload.get("transaction").is_none() => Ok(Evaluated {
            wallet: Chain::Solana.default_wallet(),
            once: Once::of("solana transaction", &[&bytes]),
            transaction: Some(text.to_owned()),
        }),
        _ => Err(Refusal::new(
            "invalid_payload",
            "either `transaction`, or `tx_hash` with the base58 signature of one that was sent",
        )),
    }
}

/// Returns the contents of `PAYMENT-RESPONSE` after a payment has settled.
#[must_use]
pub fn response(payment: &Payment, amount: u64) -> Value {
    json!({
        "paid_at": payment.settled_at.map(iso),
        "paid_tx_hash": payment.transaction,
        "payer_address": payment.wallet,
        "paid_amount": amount.to_string(),
        "tx_url": payment.url(),
    })
}

/// Returns the refusal, by chain, of a payment that was already used.
#[must_use]
pub const fn used(chain: Chain) -> Refusal {
    match chain {
        Chain::Base => base::USED,
        Chain::Solana => solana::USED,
    }
}
