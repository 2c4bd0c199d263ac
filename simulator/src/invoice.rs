//! Invoices: the state machine and its JSON.

use crate::payment::{Chain, Payment};
use crate::time::iso;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// The largest amount of an invoice, in atomic units of USDC.
pub const MAX_AMOUNT: u64 = 10_000_000_000;

/// The status of an invoice. PAID, EXPIRED and CANCELED are final. A failed payment moves PAYING
/// back to OPEN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Status {
    /// Can be paid.
    Open,
    /// A payment is being confirmed.
    Paying,
    /// Settled.
    Paid,
    /// Not paid in time.
    Expired,
    /// Canceled by the merchant.
    Canceled,
}

impl Status {
    /// Returns the status on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "OPEN",
            Self::Paying => "PAYING",
            Self::Paid => "PAID",
            Self::Expired => "EXPIRED",
            Self::Canceled => "CANCELED",
        }
    }

    /// Reads a status from the wire.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [
            Self::Open,
            Self::Paying,
            Self::Paid,
            Self::Expired,
            Self::Canceled,
        ]
        .into_iter()
        .find(|status| status.as_str() == text)
    }
}

/// An invoice.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Invoice {
    /// The merchant-side id, a UUID.
    pub id: String,
    /// The public id, `inv_*`.
    pub public_id: String,
    /// The id of the merchant it belongs to.
    pub merchant_id: String,
    /// The amount that the merchant asked for, in atomic units of USDC.
    pub base_amount: u64,
    /// A free text.
    pub description: Option<String>,
    /// The merchant's metadata, as sent.
    pub metadata: Map<String, Value>,
    /// Whether the public view shows the metadata.
    pub metadata_public: bool,
    /// Milliseconds since the epoch.
    pub created_at: u64,
    /// Milliseconds since the epoch.
    pub expires_at: u64,
    /// Its status.
    pub status: Status,
    /// The number of its current state. Becomes the `event_version` of its events.
    pub version: u32,
    /// When it was canceled.
    pub canceled_at: Option<u64>,
    /// The payment that is in progress or settled.
    pub payment: Option<Payment>,
    /// The states after the first one, each with the time it began.
    pub timeline: Vec<(u64, Status)>,
}

/// Returns Gwop's fee: 2.5 % of the amount sent, rounded to the nearest atomic unit, halves up.
#[must_use]
pub const fn fee(base_amount: u64) -> u64 {
    base_amount.saturating_mul(25).saturating_add(500) / 1_000
}

/// Formats an amount for people: `1.025 USDC`.
#[must_use]
pub fn display(atomic: u64) -> String {
    let whole = atomic / 1_000_000;
    let fraction = format!("{:06}", atomic % 1_000_000);
    match fraction.trim_end_matches('0') {
        "" => format!("{whole} USDC"),
        digits => format!("{whole}.{digits} USDC"),
    }
}

impl Invoice {
    /// Returns what the agent pays: the amount plus the fee.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.base_amount.saturating_add(fee(self.base_amount))
    }

    /// Changes the status.
    pub fn become_status(&mut self, status: Status, at: u64) {
        self.status = status;
        self.timeline.push((at, status));
        self.version = self.version.saturating_add(1);
    }

    /// Returns when it changes by itself: at its expiry or the settlement of its payment.
    #[must_use]
    pub fn due_at(&self) -> Option<u64> {
        match self.status {
            Status::Open => Some(self.expires_at),
            Status::Paying => self.payment.as_ref()?.settles_at,
            Status::Paid | Status::Expired | Status::Canceled => None,
        }
    }

    fn pricing(&self) -> Value {
        json!({
            "base_amount": self.base_amount,
            "gwop_fee": fee(self.base_amount),
            "total": self.total(),
        })
    }

    /// Returns the metadata as Gwop does: the merchant's fields, and the price breakdown under
    /// `gwop_pricing`.
    fn metadata_with_pricing(&self) -> Value {
        let mut metadata = self.metadata.clone();
        metadata.insert("gwop_pricing".into(), self.pricing());
        Value::Object(metadata)
    }

    /// Returns the settled payment and the time of its settlement.
    fn settled(&self) -> Option<(&Payment, u64)> {
        let payment = self.payment.as_ref()?;
        Some((payment, payment.settled_at?))
    }

    /// Returns `Invoice` of the contract: the response to create.
    #[must_use]
    pub fn created_json(&self) -> Value {
        let mut body = json!({
            "id": self.id,
            "public_invoice_id": self.public_id,
            "merchant_id": self.merchant_id,
            "amount_usdc": self.total(),
            "currency": "USDC",
            "status": self.status.as_str(),
            "metadata": self.metadata_with_pricing(),
            "metadata_public": self.metadata_public,
            "created_at": iso(self.created_at),
            "expires_at": iso(self.expires_at),
            "agent_protocol": self.agent_protocol(),
        });
        put(&mut body, "description", self.description.as_deref());
        body
    }

    fn agent_protocol(&self) -> Value {
        let path = format!("/v1/invoices/{}", self.public_id);
        json!({
            "version": "1.0",
            "flow": "invoice_checkout",
            "state": "invoice_created",
            "goal": "Pay this invoice over x402 and confirm that its status is PAID.",
            "steps": [
                format!("GET {path} and choose one of its payment_methods."),
                "Request the method's payment_url and pay the x402 challenge that it answers.",
                format!("GET {path} until its status is PAID. While it is PAYING, do not pay again."),
            ],
            "next_action": {
                "method": "GET",
                "path": path,
                "expect_status": [200],
                "retry": { "strategy": "fixed_interval", "retry_after_seconds": 2, "max_attempts": 30 },
            },
            "completion_check": {
                "method": "GET",
                "path": path,
                "field": "status",
                "success_value": "PAID",
            },
            "receipt_policy": {
                "mode": "hard_optional",
                "optional_receipt_email": true,
                "prompt_when_available": true,
                "do_not_block_on_absent": true,
            },
        })
    }

    /// Returns one element of `InvoiceList`.
    #[must_use]
    pub fn list_json(&self) -> Value {
        let mut body = json!({
            "id": self.id,
            "public_invoice_id": self.public_id,
            "status": self.status.as_str(),
            "amount_usdc": self.total(),
            "currency": "USDC",
            "metadata": self.metadata_with_pricing(),
            "expires_at": iso(self.expires_at),
            "created_at": iso(self.created_at),
        });
        put(&mut body, "description", self.description.as_deref());
        if let Some((payment, at)) = self.settled() {
            put(&mut body, "paid_at", Some(iso(at)));
            put(
                &mut body,
                "paid_tx_hash",
                Some(payment.transaction.as_str()),
            );
            put(&mut body, "payment_chain", Some(payment.chain.as_str()));
        }
        body
    }

    /// Returns `InvoicePublic`, which agents see. URLs start with `base`.
    #[must_use]
    pub fn public_json(&self, base: &str, merchant_name: &str, merchant_verified: bool) -> Value {
        let total = self.total();
        let mut body = json!({
            "schema_version": "gwop.invoice.v4",
            "id": self.public_id,
            "status": self.status.as_str(),
            "amount": { "value": total, "display": display(total), "currency": "USDC", "decimals": 6 },
            "pricing": self.pricing(),
            "expires_at": iso(self.expires_at),
            "created_at": iso(self.created_at),
            "merchant": { "name": merchant_name, "verified": merchant_verified },
            "status_check": {
                "url": format!("{base}/v1/invoices/{}", self.public_id),
                "method": "GET",
                "field": "status",
                "paid_value": "PAID",
                "hint": "Check status before retrying payment.",
            },
            "links": { "landing_page": "https://gwop.io", "docs": "https://docs.gwop.io" },
        });
        put(&mut body, "description", self.description.as_deref());
        if self.metadata_public {
            put(&mut body, "metadata", Some(self.metadata_with_pricing()));
        }
        if self.status == Status::Open {
            let methods: Vec<Value> = Chain::ALL
                .into_iter()
                .map(|chain| self.payment_method(chain, base))
                .collect();
            put(&mut body, "payment_methods", Some(methods));
        }
        if let Some((payment, at)) = self.settled() {
            put(&mut body, "paid_at", Some(iso(at)));
            put(&mut body, "paid_amount", Some(total));
            put(&mut body, "payment_chain", Some(payment.chain.as_str()));
            put(
                &mut body,
                "payment_chain_caip2",
                Some(payment.chain.caip2()),
            );
            put(
                &mut body,
                "paid_tx_hash",
                Some(payment.transaction.as_str()),
            );
            put(&mut body, "tx_url", Some(payment.url()));
        }
        body
    }

    fn payment_method(&self, chain: Chain, base: &str) -> Value {
        json!({
            "id": chain.method_id(),
            "kind": "x402",
            "network": chain.caip2(),
            "chain": chain.as_str(),
            "asset": { "symbol": "USDC", "decimals": 6, "contract": chain.usdc() },
            "pay_to": chain.pay_to(),
            "amount": self.total(),
            "amount_display": display(self.total()),
            "payment_url": chain.payment_url(base, &self.public_id),
            "recover_url": format!("{base}/v1/invoices/{}/recover", self.public_id),
        })
    }

    /// Returns `InvoiceCancel`, for an invoice that is CANCELED.
    #[must_use]
    pub fn canceled_json(&self) -> Value {
        json!({
            "id": self.id,
            "status": Status::Canceled.as_str(),
            "canceled_at": iso(self.canceled_at.unwrap_or_default()),
        })
    }

    /// Returns the `data` of this invoice's event.
    #[must_use]
    pub fn event_data(&self) -> Value {
        let mut data = json!({
            "invoice_id": self.id,
            "public_invoice_id": self.public_id,
            "merchant_id": self.merchant_id,
            "status": self.status.as_str(),
            "amount_usdc": self.total().to_string(),
            "currency": "USDC",
        });
        let reference = self.metadata.get("merchant_reference");
        put(
            &mut data,
            "merchant_reference",
            reference.and_then(Value::as_str),
        );
        if let Some((payment, at)) = self.settled() {
            let field = match payment.chain {
                Chain::Base => "tx_hash",
                Chain::Solana => "tx_signature",
            };
            put(&mut data, field, Some(payment.transaction.as_str()));
            put(&mut data, "payment_chain", Some(payment.chain.as_str()));
            put(
                &mut data,
                "payment_chain_caip2",
                Some(payment.chain.caip2()),
            );
            put(&mut data, "paid_at", Some(iso(at)));
            put(&mut data, "payer_wallet", Some(payment.wallet.as_str()));
        }
        data
    }
}

/// Sets a field of an object if there is a value.
pub(crate) fn put<T: Into<Value>>(object: &mut Value, name: &str, value: Option<T>) {
    if let (Some(object), Some(value)) = (object.as_object_mut(), value) {
        object.insert(name.into(), value.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fee_is_two_and_a_half_percent_in_integers() {
        assert_eq!(fee(1_000_000), 25_000);
        assert_eq!(fee(1), 0);
        assert_eq!(fee(20), 1);
        assert_eq!(fee(MAX_AMOUNT), 250_000_000);
    }

    #[test]
    fn shows_amounts_without_useless_zeros() {
        assert_eq!(display(1_025_000), "1.025 USDC");
        assert_eq!(display(5_000_000), "5 USDC");
        assert_eq!(display(1), "0.000001 USDC");
    }
}
