//! The wire format of x402: challenges, payment headers and responses, in both versions of the
//! protocol.

use crate::payment::blockhash;
use crate::payment::{Chain, Demand, Payment, Version, base, solana};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// The header of a version 2 challenge.
pub const PAYMENT_REQUIRED: &str = "payment-required";

/// The media type of the resource behind a payment URL.
const MEDIA_TYPE: &str = "application/json";

/// Encodes JSON in base64, the form of every x402 header.
#[must_use]
pub fn encode(value: &Value) -> String {
    STANDARD.encode(value.to_string())
}

/// The block of the chain that a challenge names.
#[derive(Clone, Copy, Debug)]
pub struct Block {
    /// Its height.
    pub height: u64,
    /// Its hash.
    pub hash: [u8; 32],
}

impl Block {
    /// Returns the block at a time of the simulator's clock.
    #[must_use]
    pub fn at(seed: u64, clock: u64) -> Self {
        let height = blockhash::height(clock);
        Self {
            height,
            hash: blockhash::hash(seed, height),
        }
    }
}

impl Demand {
    /// Returns the `extra` that both versions share.
    pub(crate) fn extra(&self, block: Block) -> Value {
        match self.chain {
            Chain::Base => json!({ "name": base::TOKEN_NAME, "version": base::TOKEN_VERSION }),
            Chain::Solana => json!({
                "feePayer": solana::FEE_PAYER,
                "recentBlockhash": solana::Address(block.hash).to_string(),
                "lastValidBlockHeight": blockhash::last_valid(block.height).to_string(),
            }),
        }
    }

    /// Returns one element of `accepts` in version 2.
    #[must_use]
    pub fn offer(&self, block: Block) -> Value {
        let mut extra = self.extra(block);
        if self.chain == Chain::Solana {
            crate::invoice::put(&mut extra, "memo", Some(self.payable_id.as_str()));
        }
        self.offer_with(extra)
    }

    /// Returns an element like [`offer`](Self::offer), with this `extra`.
    pub(crate) fn offer_with(&self, extra: Value) -> Value {
        json!({
            "scheme": "exact",
            "network": self.chain.caip2(),
            "amount": self.amount.to_string(),
            "asset": self.chain.usdc(),
            "payTo": self.chain.pay_to(),
            "maxTimeoutSeconds": self.seconds_left,
            "extra": extra,
        })
    }

    /// Returns the contents of `PAYMENT-REQUIRED`.
    #[must_use]
    pub fn challenge_v2(&self, error: &str, offer: &Value) -> Value {
        json!({
            "x402Version": 2,
            "error": error,
            "resource": {
                "url": self.url,
                "description": self.description,
                "mimeType": MEDIA_TYPE,
            },
            "accepts": [offer],
        })
    }

    /// Returns the body of a version 1 challenge. It names no memo, because clients of version 1
    /// send none.
    #[must_use]
    pub fn challenge_v1(&self, error: &str, block: Block) -> Value {
        json!({
            "x402Version": 1,
            "error": error,
            "accepts": [{
                "scheme": "exact",
                "network": self.chain.as_str(),
                "maxAmountRequired": self.amount.to_string(),
                "resource": self.url,
                "description": self.description,
                "mimeType": MEDIA_TYPE,
                "payTo": self.chain.pay_to(),
                "maxTimeoutSeconds": self.seconds_left,
                "asset": self.chain.usdc(),
                "extra": self.extra(block),
            }],
        })
    }
}

impl Version {
    /// Returns the header that carries a payment.
    #[must_use]
    pub const fn request_header(self) -> &'static str {
        match self {
            Self::V1 => "X-PAYMENT",
            Self::V2 => "PAYMENT-SIGNATURE",
        }
    }

    /// Returns the header of the response to a payment.
    #[must_use]
    pub const fn response_header(self) -> &'static str {
        match self {
            Self::V1 => "x-payment-response",
            Self::V2 => "payment-response",
        }
    }

    /// Reads a payment header.
    ///
    /// # Errors Returns the name of the error.
    pub fn decode(self, header: &str) -> Result<Value, &'static str> {
        let bytes = STANDARD
            .decode(header.trim())
            .map_err(|_| "invalid_payload")?;
        let payment: Value = serde_json::from_slice(&bytes).map_err(|_| "invalid_payload")?;
        if payment.get("x402Version").and_then(Value::as_u64) != Some(self.number()) {
            return Err("invalid_x402_version");
        }
        Ok(payment)
    }
}

/// The result of a settlement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled<'a> {
    /// The money has moved.
    Yes,
    /// The payment is in progress.
    Pending,
    /// The money has not moved, with the reason.
    No(&'a str),
}

/// Returns what the response header says about a payment. A failed payment has no transaction.
#[must_use]
pub fn settlement(payment: &Payment, version: Version, settled: Settled<'_>) -> Value {
    let transaction = match settled {
        Settled::No(_) => "",
        _ => payment.transaction.as_str(),
    };
    let mut response = json!({
        "success": settled == Settled::Yes,
        "transaction": transaction,
        "network": version.network(payment.chain),
        "payer": payment.wallet,
    });
    let reason = match settled {
        Settled::Yes => None,
        Settled::Pending => Some("settlement_pending"),
        Settled::No(reason) => Some(reason),
    };
    crate::invoice::put(&mut response, "errorReason", reason);
    response
}

/// Returns the name of a failed settlement.
#[must_use]
pub const fn failed(chain: Chain, version: Version) -> &'static str {
    match (chain, version) {
        (Chain::Base, _) => "invalid_exact_evm_transaction_failed",
        (Chain::Solana, Version::V1) => "transaction_failed",
        (Chain::Solana, Version::V2) => "invalid_exact_svm_transaction_failed",
    }
}
