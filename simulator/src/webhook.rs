//! Webhooks: events, signatures, deliveries with retries.

use crate::time::iso;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::Sha256;

/// The lower-case hex HMAC-SHA256 of `{t}.{body}`.
#[must_use]
pub fn mac(secret: &str, t: u64, body: &str) -> String {
    // HMAC takes keys of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
        return String::new();
    };
    mac.update(t.to_string().as_bytes());
    mac.update(b".");
    mac.update(body.as_bytes());
    mac.finalize()
        .into_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The `X-Gwop-Signature` header: one `v1` per secret. `t` is in Unix seconds.
#[must_use]
pub fn signature_header(secrets: &[String], t: u64, body: &str) -> String {
    let mut header = format!("t={t}");
    for secret in secrets {
        header.push_str(",v1=");
        header.push_str(&mac(secret, t, body));
    }
    header
}

/// The body of an event.
#[must_use]
pub fn event(id: &str, event_type: &str, version: u32, created_at: u64, data: Value) -> String {
    json!({
        "event_id": id,
        "event_type": event_type,
        "event_version": version,
        "created_at": iso(created_at),
        "data": data,
    })
    .to_string()
}

/// How a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeliveryStatus {
    /// To be sent, or to be sent again.
    Pending,
    /// Held back by the fault `webhook-reorder`.
    Held,
    /// Accepted with a 2xx.
    Delivered,
    /// Given up after the last retry.
    Failed,
    /// The merchant has no endpoint.
    NoEndpoint,
}

/// One event on its way to a merchant.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// Counts the deliveries of this simulator, from 1.
    pub id: u32,
    /// The event's id.
    pub event_id: String,
    /// The event's type.
    pub event_type: String,
    /// Whose it is.
    pub merchant_id: String,
    /// The invoice.
    pub public_invoice_id: String,
    /// The event as made, before any tampering.
    pub body: String,
    /// How it stands.
    pub status: DeliveryStatus,
    /// What was tried.
    pub attempts: Vec<AttemptLog>,
    /// When it is sent next, on the simulator's clock.
    pub next_attempt_at: Option<u64>,
    /// An attempt is with the driver.
    #[serde(skip)]
    pub in_flight: bool,
    /// Order among deliveries due at the same time.
    #[serde(skip)]
    pub order: u64,
}

/// One attempt.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AttemptLog {
    /// When, on the simulator's clock.
    pub at: u64,
    /// The merchant's answer; absent while it is awaited and when there was none.
    pub status_code: Option<u16>,
    /// Why there was none.
    pub error: Option<String>,
    /// The faults that it was sent with.
    pub faults: Vec<String>,
}

/// What the driver sends.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// Which delivery.
    pub delivery: u32,
    /// Where to.
    pub url: String,
    /// Its headers.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: String,
    /// Report the merchant's answer as lost.
    pub lose_answer: bool,
}

/// How an attempt went.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Outcome {
    /// Which delivery.
    pub delivery: u32,
    /// The merchant's answer.
    #[serde(default)]
    pub status_code: Option<u16>,
    /// Why there was none.
    #[serde(default)]
    pub error: Option<String>,
}

impl Delivery {
    /// Takes an attempt's outcome: delivered, the next retry, or given up.
    pub fn report(&mut self, outcome: Outcome, retry_delays: &[u64], clock: u64) {
        if !self.in_flight {
            return;
        }
        self.in_flight = false;
        let accepted = outcome
            .status_code
            .is_some_and(|code| (200..300).contains(&code));
        if let Some(attempt) = self.attempts.last_mut() {
            attempt.status_code = outcome.status_code;
            attempt.error = outcome.error;
        }
        if accepted {
            self.status = DeliveryStatus::Delivered;
            self.next_attempt_at = None;
            return;
        }
        let tried = self.attempts.len();
        match tried
            .checked_sub(1)
            .and_then(|index| retry_delays.get(index))
        {
            Some(delay) => self.next_attempt_at = Some(clock.saturating_add(*delay)),
            None => {
                self.status = DeliveryStatus::Failed;
                self.next_attempt_at = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_as_the_contract_says() {
        // `printf '1774403503.{}' | openssl dgst -sha256 -hmac whsec_test`
        assert_eq!(
            signature_header(&["whsec_test".into()], 1_774_403_503, "{}"),
            "t=1774403503,v1=0f7313a687a1a742bc0c0ce77e585c8498661c420986e91dca295b5de9bd034b"
        );
    }
}
