//! Faults: misbehavior on request.

use crate::command_error::CommandError;
use crate::config::MAX_MS;
use crate::http::SlowBody;
use serde::{Deserialize, Serialize};

/// The operations that a fault can name: the SDK's names, and the two of the agent.
pub const OPERATIONS: [&str; 11] = [
    "invoices.create",
    "invoices.list",
    "invoices.get",
    "invoices.cancel",
    "authIntents.create",
    "authIntents.exchange",
    "authSessions.get",
    "authSessions.revoke",
    "auth.getJwks",
    "x402.pay",
    "x402.recover",
];

/// The longest wait that JavaScript's timers accept, in milliseconds.
const MAX_TIMER_MS: u64 = 2_147_483_647;

/// What [`is_header_value`] accepts, for error messages.
const HEADER_VALUE: &str = "what a header can hold: Latin-1 without control characters";

/// Returns whether HTTP (RFC 9110, section 5.5) and therefore `Headers` accept a header value.
fn is_header_value(text: &str) -> bool {
    let fits = |c: char| c == '\t' || (' '..='\u{ff}').contains(&c) && c != '\u{7f}';
    text.chars().all(fits)
}

/// Returns whether a text is a token (RFC 9110, section 5.6.2).
fn is_header_name(text: &str) -> bool {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(token)
}

/// How often a fault takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    /// This many more times.
    Left(u32),
    /// Until it is cleared: `"always"`.
    Always,
}

impl Default for Times {
    fn default() -> Self {
        Self::Left(1)
    }
}

impl Serialize for Times {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Left(times) => serializer.serialize_u32(*times),
            Self::Always => serializer.serialize_str("always"),
        }
    }
}

impl<'de> Deserialize<'de> for Times {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Wire {
            Number(u32),
            Word(String),
        }
        match Wire::deserialize(deserializer) {
            Ok(Wire::Number(times)) if times > 0 => Ok(Self::Left(times)),
            Ok(Wire::Word(word)) if word == "always" => Ok(Self::Always),
            _ => Err(serde::de::Error::custom(
                "expected a whole number from 1, or \"always\"",
            )),
        }
    }
}

/// One kind of misbehavior. A fault that names an `operation` affects only that operation. Others
/// affect all.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(
    tag = "fault",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Fault {
    /// The request is processed, then the connection fails.
    #[serde(rename = "lose-answer")]
    LoseResponse {
        /// The operation.
        operation: Option<String>,
    },
    /// The connection fails before the request is processed.
    LoseRequest {
        /// The operation.
        operation: Option<String>,
    },
    /// An error instead of processing.
    Error {
        /// The operation.
        operation: Option<String>,
        /// The status of the response. Default: the status of `code`, or 503.
        status: Option<u16>,
        /// The error code. Default: `INTERNAL_ERROR`.
        code: Option<String>,
    },
    /// 429 `RATE_LIMITED` instead of processing.
    RateLimit {
        /// The operation.
        operation: Option<String>,
        /// The exact `Retry-After` value: seconds or an HTTP date. Default `"1"`.
        retry_after: Option<String>,
    },
    /// Any response instead of processing, such as a redirect, an HTML page, an empty 204 or a huge
    /// body.
    Replace {
        /// The operation.
        operation: Option<String>,
        /// Its status.
        status: u16,
        /// Its headers.
        #[serde(default)]
        headers: Vec<(String, String)>,
        /// Its body.
        #[serde(default)]
        body: String,
    },
    /// The request is processed. The JSON of its response is cut off in the middle.
    MalformedJson {
        /// The operation.
        operation: Option<String>,
    },
    /// The request is processed. The response starts late.
    Delay {
        /// The operation.
        operation: Option<String>,
        /// The delay in real milliseconds.
        delay_ms: u64,
    },
    /// The request is processed. The body of the response is sent slowly.
    SlowBody {
        /// The operation.
        operation: Option<String>,
        /// Bytes per piece, at least 1.
        chunk_bytes: u32,
        /// Real milliseconds between pieces.
        interval_ms: u64,
    },
    /// A payment fails: PAYING goes back to OPEN.
    // The braces, here and below, make serde refuse additional fields.
    PaymentFail {},
    /// The response to a payment says that it failed, but it settles later. The invoice is OPEN
    /// until then.
    PaymentLate {
        /// The time until it settles, in milliseconds of the simulator's clock.
        delay_ms: u64,
        /// What the agent receives.
        #[serde(default, rename = "answer")]
        response: LateResponse,
    },
    /// Only the response to the request that pays is lost.
    #[serde(rename = "payment-lose-answer")]
    PaymentLoseResponse {},
    /// The event is delivered more than once.
    WebhookDuplicate {
        /// The number of additional deliveries. Default 1.
        copies: Option<u32>,
    },
    /// Events are held until there are this many, then delivered newest first.
    WebhookReorder {
        /// The number of events, at least 2.
        events: u32,
    },
    /// The event is sent late.
    WebhookDelay {
        /// The delay in milliseconds of the simulator's clock.
        delay_ms: u64,
    },
    /// An attempt is lost before it reaches the merchant.
    WebhookLose {},
    /// The merchant's response is lost, so the event is delivered again.
    #[serde(rename = "webhook-lose-answer")]
    WebhookLoseResponse {},
    /// The body is changed after it was signed.
    WebhookTamper {},
    /// The time stamp of the signature is old. The signature is valid for it.
    WebhookStale {
        /// The age in seconds. Default 301.
        seconds: Option<u64>,
    },
    /// Signed with a secret that the merchant does not know.
    WebhookWrongSecret {},
    /// `X-Gwop-Event-Id` and `X-Gwop-Event-Type` name a different event than the body.
    WebhookHeaderMismatch {},
    /// The JSON of the body is cut off in the middle, and signed in that form.
    WebhookMalformedJson {},
}

/// How the simulator responds to a payment that settles later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LateResponse {
    /// Like a payment that failed.
    #[default]
    Refused,
    /// Without a response: the connection fails.
    Timeout,
}

/// The stages at which faults take effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// A request arrives.
    Request,
    /// A payment settles.
    Payment,
    /// An x402 payment gets its response.
    PaymentResponse,
    /// An event is created.
    Event,
    /// An event is sent.
    Attempt,
}

impl Fault {
    /// Returns the stage at which it takes effect.
    #[must_use]
    pub const fn stage(&self) -> Stage {
        match self {
            Self::LoseResponse { .. }
            | Self::LoseRequest { .. }
            | Self::Error { .. }
            | Self::RateLimit { .. }
            | Self::Replace { .. }
            | Self::MalformedJson { .. }
            | Self::Delay { .. }
            | Self::SlowBody { .. } => Stage::Request,
            Self::PaymentFail {} | Self::PaymentLate { .. } => Stage::Payment,
            Self::PaymentLoseResponse {} => Stage::PaymentResponse,
            Self::WebhookDuplicate { .. }
            | Self::WebhookReorder { .. }
            | Self::WebhookDelay { .. } => Stage::Event,
            Self::WebhookLose {}
            | Self::WebhookLoseResponse {}
            | Self::WebhookTamper {}
            | Self::WebhookStale { .. }
            | Self::WebhookWrongSecret {}
            | Self::WebhookHeaderMismatch {}
            | Self::WebhookMalformedJson {} => Stage::Attempt,
        }
    }

    /// Returns whether it takes effect instead of processing the request.
    #[must_use]
    pub const fn keeps_from_processing(&self) -> bool {
        matches!(
            self,
            Self::LoseRequest { .. }
                | Self::Error { .. }
                | Self::RateLimit { .. }
                | Self::Replace { .. }
        )
    }

    fn operation(&self) -> Option<&str> {
        match self {
            Self::LoseResponse { operation }
            | Self::LoseRequest { operation }
            | Self::Error { operation, .. }
            | Self::RateLimit { operation, .. }
            | Self::Replace { operation, .. }
            | Self::MalformedJson { operation }
            | Self::Delay { operation, .. }
            | Self::SlowBody { operation, .. } => operation.as_deref(),
            _ => None,
        }
    }

    /// Returns its name, as in `fault`.
    #[must_use]
    pub fn name(&self) -> String {
        let value = serde_json::to_value(self).unwrap_or_default();
        let name = value.get("fault").and_then(serde_json::Value::as_str);
        name.unwrap_or_default().into()
    }

    /// Checks the rules that the types do not express.
    ///
    /// # Errors Returns the invalid field and what was expected.
    pub fn check(&self) -> Result<(), CommandError> {
        let wrong = |field: &str, expected: &str| Err(CommandError::invalid(field, expected));
        if let Some(operation) = self.operation()
            && !OPERATIONS.contains(&operation)
        {
            return wrong("operation", &format!("one of: {}", OPERATIONS.join(", ")));
        }
        match self {
            Self::Error {
                status: Some(status),
                ..
            } if !(400..600).contains(status) => wrong("status", "400 to 599"),
            Self::RateLimit {
                retry_after: Some(value),
                ..
            } if !is_header_value(value) => wrong("retryAfter", HEADER_VALUE),
            Self::Replace { status, .. } if !(200..600).contains(status) => {
                wrong("status", "200 to 599")
            }
            Self::Replace { headers, .. } => {
                for (index, (name, value)) in headers.iter().enumerate() {
                    if !is_header_name(name) {
                        return wrong(&format!("headers[{index}][0]"), "the name of a header");
                    }
                    if !is_header_value(value) {
                        return wrong(&format!("headers[{index}][1]"), HEADER_VALUE);
                    }
                }
                Ok(())
            }
            Self::Delay { delay_ms, .. } if *delay_ms > MAX_TIMER_MS => {
                wrong("delayMs", &format!("at most {MAX_TIMER_MS} milliseconds"))
            }
            Self::SlowBody { chunk_bytes: 0, .. } => wrong("chunkBytes", "1 or more"),
            Self::SlowBody { interval_ms, .. } if *interval_ms > MAX_TIMER_MS => wrong(
                "intervalMs",
                &format!("at most {MAX_TIMER_MS} milliseconds"),
            ),
            Self::WebhookDelay { delay_ms } | Self::PaymentLate { delay_ms, .. }
                if *delay_ms > MAX_MS =>
            {
                wrong("delayMs", &format!("at most {MAX_MS} milliseconds"))
            }
            Self::WebhookReorder { events } if !(2..=1_000).contains(events) => {
                wrong("events", "2 to 1000")
            }
            Self::WebhookDuplicate {
                copies: Some(copies),
            } if !(1..=100).contains(copies) => wrong("copies", "1 to 100"),
            _ => Ok(()),
        }
    }

    /// Returns the pace that it sets for a body.
    #[must_use]
    pub const fn slow_body(&self) -> Option<SlowBody> {
        match self {
            Self::SlowBody {
                chunk_bytes,
                interval_ms,
                ..
            } => Some(SlowBody {
                chunk_bytes: *chunk_bytes,
                interval_ms: *interval_ms,
            }),
            _ => None,
        }
    }
}

/// A fault that is still active.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ActiveFault {
    /// The id of the fault.
    pub id: u32,
    /// How often it still takes effect.
    pub times: Times,
    /// What it does.
    #[serde(flatten)]
    pub fault: Fault,
}

/// The active faults, oldest first.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Faults {
    active: Vec<ActiveFault>,
    made: u32,
}

impl Faults {
    /// Adds a fault and returns its id.
    pub fn add(&mut self, fault: Fault, times: Times) -> u32 {
        self.made = self.made.saturating_add(1);
        self.active.push(ActiveFault {
            id: self.made,
            times,
            fault,
        });
        self.made
    }

    /// Ends one fault, or all.
    pub fn clear(&mut self, id: Option<u32>) {
        self.active
            .retain(|fault| id.is_some_and(|id| fault.id != id));
    }

    /// Returns all active faults.
    #[must_use]
    pub fn active(&self) -> &[ActiveFault] {
        &self.active
    }

    /// Returns the faults that take effect now, and counts each one down. Of the faults that
    /// prevent processing, only the oldest takes effect. Faults that act after processing wait for
    /// their turn, so a burst of 503 comes before a 429.
    pub fn strike(&mut self, stage: Stage, operation: &str) -> Vec<Fault> {
        let strikes = |active: &ActiveFault| {
            active.fault.stage() == stage
                && active
                    .fault
                    .operation()
                    .is_none_or(|named| named == operation)
        };
        let blocking = self
            .active
            .iter()
            .find(|active| strikes(active) && active.fault.keeps_from_processing())
            .map(|active| active.id);
        let mut striking = Vec::new();
        self.active.retain_mut(|active| {
            let first = blocking.is_none_or(|id| active.id == id);
            if !strikes(active) || !(first || matches!(active.fault, Fault::Delay { .. })) {
                return true;
            }
            striking.push(active.fault.clone());
            match &mut active.times {
                Times::Always => true,
                Times::Left(left) => {
                    *left = left.saturating_sub(1);
                    *left > 0
                }
            }
        });
        striking
    }
}
