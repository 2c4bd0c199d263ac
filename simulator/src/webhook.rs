//! Webhooks: events, signatures, and deliveries with retries.

use crate::fault::Fault;
use crate::time::iso;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::Sha256;

/// Returns the HMAC-SHA256 of `{t}.{body}` in lower-case hex.
#[must_use]
pub fn mac(secret: &str, t: u64, body: &str) -> String {
    // HMAC accepts keys of any length.
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

/// Returns the `X-Gwop-Signature` header, with one `v1` per secret. `t` is in Unix seconds.
#[must_use]
pub fn signature_header(secrets: &[String], t: u64, body: &str) -> String {
    let mut header = format!("t={t}");
    for secret in secrets {
        header.push_str(",v1=");
        header.push_str(&mac(secret, t, body));
    }
    header
}

/// Returns the body of an event.
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

/// The status of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeliveryStatus {
    /// Waits to be sent, or to be sent again.
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

/// A defective form in which an event is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Variant {
    /// The body is changed after it was signed.
    Tampered,
    /// Signed with an old time stamp.
    Stale,
    /// Signed with a secret that the merchant does not know.
    WrongSecret,
    /// The headers name a different event than the body.
    HeaderMismatch,
    /// The JSON of the body is cut off, and signed in that form.
    MalformedJson,
}

impl Variant {
    /// Returns the fault that creates this form.
    #[must_use]
    pub const fn fault(self) -> Fault {
        match self {
            Self::Tampered => Fault::WebhookTamper {},
            Self::Stale => Fault::WebhookStale { seconds: None },
            Self::WrongSecret => Fault::WebhookWrongSecret {},
            Self::HeaderMismatch => Fault::WebhookHeaderMismatch {},
            Self::MalformedJson => Fault::WebhookMalformedJson {},
        }
    }
}

/// The delivery of one event to a merchant.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// The number of the delivery in this simulator, from 1.
    pub id: u32,
    /// The event's id.
    pub event_id: String,
    /// The event's type.
    pub event_type: String,
    /// The id of the merchant it belongs to.
    pub merchant_id: String,
    /// The public id of the invoice.
    pub public_invoice_id: String,
    /// The event as created, before any tampering.
    pub body: String,
    /// Its status.
    pub status: DeliveryStatus,
    /// The attempts so far.
    pub attempts: Vec<AttemptLog>,
    /// When it is sent next, on the simulator's clock.
    pub next_attempt_at: Option<u64>,
    /// The defective form in which it is sent, if any. It is then sent only once.
    pub variant: Option<Variant>,
    /// The URL it is sent to, if that is not the merchant's endpoint. It is then sent only once.
    pub url: Option<String>,
    /// Whether the driver is sending an attempt now.
    pub in_flight: bool,
    /// The order among deliveries that are due at the same time.
    pub order: u64,
}

/// The most bytes that are kept of the body of a response.
pub const MAX_KEPT_BODY: usize = 8_192;

/// One attempt.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AttemptLog {
    /// When it was sent, on the simulator's clock.
    pub at: u64,
    /// The status of the merchant's response. Absent while it is pending and if there was none.
    pub status_code: Option<u16>,
    /// Why there was no response.
    pub error: Option<String>,
    /// The faults that it was sent with.
    pub faults: Vec<String>,
    /// The URL it was sent to. Absent if it was lost before it was sent.
    #[serde(default)]
    pub url: Option<String>,
    /// The headers that were sent.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// The body that was sent, if it differs from the event's.
    #[serde(default)]
    pub body: Option<String>,
    /// The headers of the merchant's response.
    #[serde(default, rename = "answerHeaders")]
    pub response_headers: Vec<(String, String)>,
    /// The body of the merchant's response, or its first 8,192 bytes.
    #[serde(default, rename = "answerBody")]
    pub response_body: Option<String>,
}

/// The request that the driver sends.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// The number of the delivery.
    pub delivery: u32,
    /// The id of the event.
    pub event_id: String,
    /// The URL to send it to.
    pub url: String,
    /// Its headers.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: String,
    /// Whether to report the merchant's response as lost.
    #[serde(rename = "loseAnswer")]
    pub lose_response: bool,
}

/// The result of an attempt.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Outcome {
    /// The number of the delivery.
    pub delivery: u32,
    /// The status of the merchant's response.
    #[serde(default)]
    pub status_code: Option<u16>,
    /// Why there was no response.
    #[serde(default)]
    pub error: Option<String>,
    /// The id of the event that was sent. A report for an event that a reset has removed is
    /// ignored.
    #[serde(default)]
    pub event_id: Option<String>,
    /// The headers of the merchant's response.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// The body of the merchant's response.
    #[serde(default)]
    pub body: Option<String>,
}

/// Returns the beginning of a text, at most `bytes` bytes long.
#[must_use]
pub fn beginning(mut text: String, bytes: usize) -> String {
    if text.len() > bytes {
        let cut = (0..=bytes).rev().find(|at| text.is_char_boundary(*at));
        text.truncate(cut.unwrap_or_default());
    }
    text
}

impl Delivery {
    /// Returns the JSON that people and programs see.
    #[must_use]
    pub fn json(&self) -> Value {
        let mut body = serde_json::to_value(self).unwrap_or_default();
        if let Some(fields) = body.as_object_mut() {
            fields.shift_remove("inFlight");
            fields.shift_remove("order");
        }
        body
    }

    /// Returns its row in a list.
    #[must_use]
    pub fn row(&self) -> Value {
        let last = self.attempts.last();
        json!({
            "id": self.id,
            "eventId": self.event_id,
            "eventType": self.event_type,
            "merchantId": self.merchant_id,
            "publicInvoiceId": self.public_invoice_id,
            "status": self.status,
            "attempts": self.attempts.len(),
            "lastAttemptAt": last.map(|attempt| attempt.at),
            "lastStatusCode": last.and_then(|attempt| attempt.status_code),
            "lastError": last.and_then(|attempt| attempt.error.as_deref()),
            "nextAttemptAt": self.next_attempt_at,
            "variant": self.variant,
            "url": self.url,
        })
    }

    /// Applies the result of an attempt: delivered, scheduled for the next retry, or given up.
    pub fn report(&mut self, outcome: Outcome, retry_delays: &[u64], clock: u64) {
        let of_another = outcome
            .event_id
            .as_ref()
            .is_some_and(|id| *id != self.event_id);
        if !self.in_flight || of_another {
            return;
        }
        self.in_flight = false;
        let accepted = outcome
            .status_code
            .is_some_and(|code| (200..300).contains(&code));
        if let Some(attempt) = self.attempts.last_mut() {
            attempt.status_code = outcome.status_code;
            attempt.error = outcome.error;
            attempt.response_headers = outcome.headers;
            attempt.response_body = outcome.body.map(|body| beginning(body, MAX_KEPT_BODY));
        }
        if accepted {
            self.status = DeliveryStatus::Delivered;
            self.next_attempt_at = None;
            return;
        }
        let tried = self.attempts.len();
        let is_sent_once = self.variant.is_some() || self.url.is_some();
        match tried
            .checked_sub(1)
            .and_then(|index| retry_delays.get(index))
            .filter(|_| !is_sent_once)
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
