//! The whole state, for people to inspect.

use crate::simulator::Simulator;
use crate::time::{Now, iso};
use serde_json::{Value, json};

impl Simulator {
    /// Returns the merchants, without their secrets.
    pub(super) fn merchants_json(&self) -> Vec<Value> {
        self.merchants
            .iter()
            .map(|state| {
                json!({
                    "id": state.merchant.id,
                    "name": state.merchant.name,
                    "webhookUrl": state.merchant.webhook_url,
                    "signingSecrets": state.secrets().len(),
                })
            })
            .collect()
    }

    pub(super) fn state(&self, now: Now) -> Value {
        let invoices: Vec<Value> = self
            .invoices
            .iter()
            .map(|invoice| {
                let mut body = invoice.list_json();
                crate::invoice::put(&mut body, "merchant_id", Some(invoice.merchant_id.as_str()));
                body
            })
            .collect();
        let intents: Vec<Value> = self
            .intents
            .iter()
            .map(|intent| {
                json!({
                    "auth_intent_id": intent.id,
                    "merchant_id": intent.merchant_id,
                    "expires_at": iso(intent.expires_at),
                    "settled": intent.settled().is_some(),
                    "used": intent.used,
                })
            })
            .collect();
        let sessions: Vec<Value> = self
            .sessions
            .iter()
            .map(|session| session.json(now))
            .collect();
        let merchants = self.merchants_json();
        // Payments that settled after they were no longer expected.
        let unmatched: Vec<Value> = self
            .unmatched
            .iter()
            .map(|(payable, payment)| {
                let mut body = self.payable_json(*payable);
                crate::invoice::put(&mut body, "payer_wallet", Some(payment.wallet.as_str()));
                crate::invoice::put(&mut body, "tx_hash", Some(payment.transaction.as_str()));
                body
            })
            .collect();
        json!({
            "now": iso(now.clock),
            "merchants": merchants,
            "invoices": invoices,
            "unmatchedPayments": unmatched,
            "authIntents": intents,
            "authSessions": sessions,
            "jwks": self.keys.json(),
            "faults": self.faults.active(),
            "deliveries": self.deliveries.len(),
        })
    }
}
