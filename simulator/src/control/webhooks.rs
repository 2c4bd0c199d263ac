//! Webhooks on their way: attempts, retries, what faults do to them.

use crate::control::CommandError;
use crate::fault::{Fault, Stage};
use crate::simulator::{Simulator, cut_in_half};
use crate::time::Now;
use crate::webhook::{
    Attempt, AttemptLog, Delivery, DeliveryStatus, Outcome, mac, signature_header,
};
use serde_json::{Value, json};

impl Simulator {
    pub(super) fn redeliver(&mut self, event_id: &str, now: Now) -> Result<Value, CommandError> {
        let first = self
            .deliveries
            .as_slice()
            .iter()
            .find(|delivery| delivery.event_id == event_id)
            .cloned()
            .ok_or_else(|| CommandError::new("NOT_FOUND", "no such event"))?;
        let has_endpoint = self
            .merchant(&first.merchant_id)
            .is_some_and(|state| state.merchant.webhook_url.is_some());
        if !has_endpoint {
            return Err(CommandError::new(
                "NOT_ALLOWED",
                "the merchant has no webhook endpoint: set one",
            ));
        }
        let order = self.next_order();
        let id = self.deliveries.push(|id| Delivery {
            id,
            status: DeliveryStatus::Pending,
            attempts: Vec::new(),
            next_attempt_at: Some(now.clock),
            in_flight: false,
            order,
            ..first
        });
        Ok(json!({ "delivery": id }))
    }

    pub(super) fn take_due(&mut self, now: Now) -> Vec<Attempt> {
        self.deliveries
            .due_by(now.clock)
            .into_iter()
            .filter_map(|index| self.attempt(index, now))
            .collect()
    }

    pub(super) fn attempt(&mut self, index: usize, now: Now) -> Option<Attempt> {
        let delivery = self.deliveries.get(index)?;
        let state = self.merchant(&delivery.merchant_id)?;
        let (mut secrets, url) = (state.secrets(), state.merchant.webhook_url.clone());
        let faults = self.faults.strike(Stage::Attempt, "");
        let retry_delays = &self.config.webhook_retry_delays_ms;
        let lost = match &url {
            None => Some("the merchant has no endpoint any more"),
            Some(_) => faults
                .iter()
                .any(|fault| matches!(fault, Fault::WebhookLose {}))
                .then_some("lost on request, before the merchant"),
        };
        let delivery = self.deliveries.change(index, |delivery| {
            delivery.in_flight = true;
            delivery.attempts.push(AttemptLog {
                at: now.clock,
                status_code: None,
                error: None,
                faults: faults.iter().map(Fault::name).collect(),
            });
            if let Some(error) = lost {
                let outcome = Outcome {
                    delivery: delivery.id,
                    status_code: None,
                    error: Some(error.into()),
                };
                delivery.report(outcome, retry_delays, now.clock);
            }
            delivery.clone()
        })?;
        let url = url.filter(|_| lost.is_none())?;
        let mut body = delivery.body.clone();
        let (mut t, mut event_id, mut event_type) = (
            now.wall / 1_000,
            delivery.event_id.clone(),
            delivery.event_type.clone(),
        );
        let (mut tampers, mut lose_answer) = (false, false);
        for fault in faults {
            match fault {
                Fault::WebhookStale { seconds } => t = t.saturating_sub(seconds.unwrap_or(301)),
                Fault::WebhookWrongSecret {} => secrets = vec!["whsec_of_somebody_else".into()],
                Fault::WebhookMalformedJson {} => cut_in_half(&mut body),
                Fault::WebhookTamper {} => tampers = true,
                Fault::WebhookLoseAnswer {} => lose_answer = true,
                Fault::WebhookHeaderMismatch {} => {
                    event_id = format!("evt_{}", mac("", 0, &event_id).get(..12).unwrap_or("0"));
                    event_type = match event_type.as_str() {
                        "invoice.paid" => "invoice.expired",
                        _ => "invoice.paid",
                    }
                    .into();
                }
                _ => {}
            }
        }
        let signature = signature_header(&secrets, t, &body);
        if tampers {
            body = body.replacen(r#""amount_usdc":""#, r#""amount_usdc":"9"#, 1);
        }
        Some(Attempt {
            delivery: delivery.id,
            url,
            headers: vec![
                ("content-type".into(), "application/json".into()),
                ("user-agent".into(), "gwop-simulator".into()),
                ("x-gwop-signature".into(), signature),
                ("x-gwop-event-id".into(), event_id),
                ("x-gwop-event-type".into(), event_type),
            ],
            body,
            lose_answer,
        })
    }
}
