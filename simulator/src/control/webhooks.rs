//! Sends webhooks: attempts, retries, and the effects of faults.

use crate::command_error::CommandError;
use crate::config::{HTTP_URL, is_http_url};
use crate::fault::{Fault, Stage};
use crate::simulator::{Simulator, cut_in_half};
use crate::time::Now;
use crate::webhook::{
    Attempt, AttemptLog, Delivery, DeliveryStatus, Outcome, Variant, mac, signature_header,
};
use serde_json::{Value, json};

impl Simulator {
    pub(super) fn redeliver(
        &mut self,
        event_id: &str,
        variant: Option<Variant>,
        url: Option<String>,
        now: Now,
    ) -> Result<Value, CommandError> {
        if !url.as_deref().is_none_or(is_http_url) {
            return Err(CommandError::invalid("url", HTTP_URL));
        }
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
        if !has_endpoint && url.is_none() {
            return Err(CommandError::new(
                "NOT_ALLOWED",
                "the merchant has no webhook endpoint: set one, or say to which `url` it goes",
            ));
        }
        let order = self.next_order();
        let id = self.deliveries.push(|id| Delivery {
            id,
            status: DeliveryStatus::Pending,
            attempts: Vec::new(),
            next_attempt_at: Some(now.clock),
            variant,
            url,
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
        let url = delivery.url.clone();
        let url = url.or_else(|| state.merchant.webhook_url.clone());
        let mut secrets = state.secrets();
        let variant = delivery.variant;
        let mut faults = self.faults.strike(Stage::Attempt, "");
        faults.extend(variant.map(Variant::fault));
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
                faults: faults.iter().map(Fault::name).collect(),
                ..AttemptLog::default()
            });
            if let Some(error) = lost {
                let outcome = Outcome {
                    delivery: delivery.id,
                    error: Some(error.into()),
                    ..Outcome::default()
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
        let (mut tampers, mut lose_response) = (false, false);
        for fault in faults {
            match fault {
                Fault::WebhookStale { seconds } => t = t.saturating_sub(seconds.unwrap_or(301)),
                Fault::WebhookWrongSecret {} => secrets = vec!["whsec_of_somebody_else".into()],
                Fault::WebhookMalformedJson {} => cut_in_half(&mut body),
                Fault::WebhookTamper {} => tampers = true,
                Fault::WebhookLoseResponse {} => lose_response = true,
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
        let headers: Vec<(String, String)> = vec![
            ("content-type".into(), "application/json".into()),
            ("user-agent".into(), "gwop-simulator".into()),
            ("x-gwop-signature".into(), signature),
            ("x-gwop-event-id".into(), event_id),
            ("x-gwop-event-type".into(), event_type),
        ];
        self.deliveries.change(index, |delivery| {
            if let Some(attempt) = delivery.attempts.last_mut() {
                attempt.url = Some(url.clone());
                attempt.headers = headers.clone();
                attempt.body = (body != delivery.body).then(|| body.clone());
            }
        });
        Some(Attempt {
            delivery: delivery.id,
            event_id: delivery.event_id,
            url,
            headers,
            body,
            lose_response,
        })
    }

    pub(super) fn report(&mut self, outcome: Outcome, now: Now) -> Result<Value, CommandError> {
        let delays = &self.config.webhook_retry_delays_ms;
        let index = usize::try_from(outcome.delivery).ok();
        let index = index.and_then(|number| number.checked_sub(1));
        // A report that names an event is ignored if a reset has removed the event.
        let is_of_event = outcome.event_id.is_some();
        let report = |delivery: &mut Delivery| delivery.report(outcome, delays, now.clock);
        match index.and_then(|index| self.deliveries.change(index, report)) {
            None if !is_of_event => Err(CommandError::new("NOT_FOUND", "no such delivery")),
            _ => Ok(json!({})),
        }
    }

    /// Reports the attempts that an earlier process left without a report. They are sent again, as
    /// after a missing response.
    pub(crate) fn interrupted(&mut self, now: Now) {
        let all = self.deliveries.as_slice().iter().enumerate();
        let under_way: Vec<usize> = all
            .filter(|(_, delivery)| delivery.in_flight)
            .map(|(index, _)| index)
            .collect();
        let delays = &self.config.webhook_retry_delays_ms;
        for index in under_way {
            self.deliveries.change(index, |delivery| {
                let outcome = Outcome {
                    delivery: delivery.id,
                    error: Some("the local Gwop ended before an answer came".into()),
                    ..Outcome::default()
                };
                delivery.report(outcome, delays, now.clock);
            });
        }
    }
}
