//! The data of the page: rows for lists, the details of one element, and the changes.

use crate::auth::{AuthIntent, Session};
use crate::command_error::CommandError;
use crate::invoice::{Invoice, Status};
use crate::payment::Payment;
use crate::simulator::{Payable, RequestLog, Simulator};
use crate::time::{Now, iso};
use crate::webhook::Delivery;
use serde_json::{Value, json};
use std::collections::BTreeSet;

impl Simulator {
    /// Returns everything that lists show, and the rest of the state without secrets.
    pub(super) fn overview(&self, now: Now) -> Value {
        let mut body = self.rest(now);
        let lists = [
            ("invoices", self.invoices.iter().map(invoice_row).collect()),
            ("authIntents", self.intents.iter().map(intent_row).collect()),
            (
                "authSessions",
                self.sessions.iter().map(session_row).collect(),
            ),
            (
                "deliveries",
                self.deliveries
                    .as_slice()
                    .iter()
                    .map(Delivery::row)
                    .collect(),
            ),
            (
                "requests",
                self.requests
                    .iter()
                    .map(RequestLog::row)
                    .collect::<Vec<_>>(),
            ),
        ];
        for (name, rows) in lists {
            crate::invoice::put(&mut body, name, Some(rows));
        }
        body
    }

    /// Returns the rows that have changed since the last call, and the rest of the state as in the
    /// overview.
    pub(super) fn changes(&mut self, now: Now) -> Value {
        let mut body = self.rest(now);
        let invoices = self.invoices.changed.take();
        let intents = self.intents.changed.take();
        let sessions = self.sessions.changed.take();
        let deliveries = self.deliveries.changed.take();
        let requests = core::mem::take(&mut self.new_requests);
        let known = self.requests.len().saturating_sub(requests);
        let lists = [
            (
                "invoices",
                rows(&invoices, |at| self.invoices.get(at).map(invoice_row)),
            ),
            (
                "authIntents",
                rows(&intents, |at| self.intents.get(at).map(intent_row)),
            ),
            (
                "authSessions",
                rows(&sessions, |at| self.sessions.get(at).map(session_row)),
            ),
            (
                "deliveries",
                rows(&deliveries, |at| self.deliveries.get(at).map(Delivery::row)),
            ),
            (
                "requests",
                self.requests
                    .iter()
                    .skip(known)
                    .map(RequestLog::row)
                    .collect(),
            ),
        ];
        for (name, rows) in lists {
            if !rows.is_empty() {
                crate::invoice::put(&mut body, name, Some(rows));
            }
        }
        body
    }

    /// Returns the part of the state that is small enough to send with every change.
    fn rest(&self, now: Now) -> Value {
        let merchants = self.merchants_json();
        let (signing, _) = self.keys.signing();
        let keys: Vec<Value> = self
            .keys
            .all()
            .iter()
            .filter(|key| key.published)
            .map(|key| json!({ "kid": key.kid, "signs": key.kid == signing }))
            .collect();
        json!({
            "now": now.clock,
            "frozen": self.clock.frozen_at.is_some(),
            "merchants": merchants,
            "keys": keys,
            "faults": self.faults.active(),
            "unmatchedPayments": self.unmatched.len(),
        })
    }

    /// Returns one invoice: the agents' view, its payment, and its timeline.
    pub(super) fn invoice_detail(&self, target: &str) -> Result<Value, CommandError> {
        let Payable::Invoice(index) = self.find(target)? else {
            return Err(CommandError::invalid("target", "an invoice"));
        };
        let Some(invoice) = self.invoices.get(index) else {
            return Err(CommandError::new("NOT_FOUND", "no such invoice"));
        };
        let mut timeline = vec![json!({ "at": invoice.created_at, "status": "OPEN" })];
        timeline.extend(invoice.timeline.iter().map(|(at, status)| {
            let mut moment = json!({ "at": at, "status": status.as_str() });
            if *status == Status::Paid
                && let Some(payment) = &invoice.payment
            {
                crate::invoice::put(&mut moment, "payment", Some(payment_json(payment)));
            }
            moment
        }));
        let payable = Payable::Invoice(index);
        for late in self.late.iter().filter(|(_, late)| late.payable == payable) {
            let ((at, _), late) = late;
            timeline.push(json!({ "at": at, "settles": payment_json(&late.payment) }));
        }
        for (_, payment) in self.unmatched.iter().filter(|(other, _)| *other == payable) {
            let at = payment.settled_at.unwrap_or_default();
            timeline.push(json!({ "at": at, "unmatched": payment_json(payment) }));
        }
        let deliveries: Vec<&Delivery> = self
            .deliveries
            .as_slice()
            .iter()
            .filter(|delivery| delivery.public_invoice_id == invoice.public_id)
            .collect();
        for delivery in &deliveries {
            timeline.extend(delivery.attempts.iter().map(|attempt| {
                json!({
                    "at": attempt.at,
                    "delivery": delivery.id,
                    "eventType": delivery.event_type,
                    "statusCode": attempt.status_code,
                    "error": attempt.error,
                })
            }));
        }
        timeline.sort_by_key(|moment| moment.get("at").and_then(Value::as_u64));
        let mut body = invoice_row(invoice);
        let public = self.public_invoice(&invoice.public_id).unwrap_or_default();
        let metadata = Value::Object(invoice.metadata.clone());
        for (name, value) in [
            ("metadata", metadata),
            ("public", public),
            (
                "payment",
                invoice.payment.as_ref().map_or(Value::Null, payment_json),
            ),
            ("timeline", timeline.into()),
            (
                "deliveries",
                deliveries.iter().map(|delivery| delivery.row()).collect(),
            ),
        ] {
            crate::invoice::put(&mut body, name, Some(value));
        }
        Ok(body)
    }

    pub(super) fn delivery_detail(&self, delivery: u32) -> Result<Value, CommandError> {
        usize::try_from(delivery)
            .ok()
            .and_then(|number| self.deliveries.get(number.checked_sub(1)?))
            .map(Delivery::json)
            .ok_or_else(|| CommandError::new("NOT_FOUND", "no delivery has this number"))
    }

    pub(super) fn request_detail(&self, request_id: &str) -> Result<Value, CommandError> {
        self.requests
            .iter()
            .find(|request| request.request_id == request_id)
            .map(RequestLog::json)
            .ok_or_else(|| {
                let message = "no request has this id; the latest 1,000 are kept";
                CommandError::new("NOT_FOUND", message)
            })
    }

    /// Returns the merchants' keys and secrets.
    pub(super) fn secrets(&self) -> Value {
        let merchants: Vec<Value> = self
            .merchants
            .iter()
            .map(|state| {
                json!({
                    "merchantId": state.merchant.id,
                    "merchantApiKey": state.merchant.api_key,
                    "webhookSecrets": state.secrets(),
                })
            })
            .collect();
        json!({ "merchants": merchants })
    }
}

fn rows(indexes: &BTreeSet<usize>, row: impl Fn(usize) -> Option<Value>) -> Vec<Value> {
    indexes.iter().filter_map(|index| row(*index)).collect()
}

fn invoice_row(invoice: &Invoice) -> Value {
    let payment = invoice.payment.as_ref();
    json!({
        "publicInvoiceId": invoice.public_id,
        "id": invoice.id,
        "merchantId": invoice.merchant_id,
        "status": invoice.status.as_str(),
        "amountUsdc": invoice.total(),
        "description": invoice.description,
        "createdAt": invoice.created_at,
        "expiresAt": invoice.expires_at,
        "chain": payment.map(|payment| payment.chain.as_str()),
        "wallet": payment.map(|payment| payment.wallet.as_str()),
        "changedAt": invoice.timeline.last().map_or(invoice.created_at, |(at, _)| *at),
    })
}

fn intent_row(intent: &AuthIntent) -> Value {
    let payment = intent.payment.as_ref();
    json!({
        "authIntentId": intent.id,
        "merchantId": intent.merchant_id,
        "status": intent.payment_status().as_str(),
        "expiresAt": intent.expires_at,
        "used": intent.used,
        "chain": payment.map(|payment| payment.chain.as_str()),
        "wallet": payment.map(|payment| payment.wallet.as_str()),
    })
}

fn session_row(session: &Session) -> Value {
    json!({
        "sessionId": session.id,
        "merchantId": session.merchant_id,
        "subject": session.subject(),
        "createdAt": session.created_at,
        "expiresAt": session.expires_at,
        "revokedAt": session.revoked_at,
    })
}

fn payment_json(payment: &Payment) -> Value {
    json!({
        "chain": payment.chain.as_str(),
        "wallet": payment.wallet,
        "transaction": payment.transaction,
        "settledAt": payment.settled_at.map(iso),
    })
}
