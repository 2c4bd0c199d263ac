//! Why a delivery is rejected.

/// A stable code. In JavaScript it is the error's `code`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// There is no signature header.
    ///
    /// Cause: The request is not from Gwop, or a proxy or a framework dropped `X-Gwop-Signature`.
    ///
    /// Fix: Refuse it. If Gwop sent it, pass the headers on unchanged.
    SignatureMissing,
    /// The signature header is not `t={unix seconds},v1={hex}`.
    ///
    /// Cause: The request is not from Gwop, or the header was changed in transit.
    ///
    /// Fix: Refuse it. If Gwop sent it, pass the header on unchanged.
    SignatureMalformed,
    /// The time stamp in the signature header is not digits.
    ///
    /// Cause: The request is not from Gwop, or the header was changed in transit.
    ///
    /// Fix: Refuse it. If Gwop sent it, pass the header on unchanged.
    TimestampInvalid,
    /// The time stamp is further from now than the tolerance of 300 seconds.
    ///
    /// Cause: This machine's clock is wrong, or somebody sends an old delivery again.
    ///
    /// Fix: Refuse it. Set the clock by NTP. For a delivery that you verify later, pass
    /// `receivedAt`.
    TimestampOutsideTolerance,
    /// No signature belongs to this body and a known secret.
    ///
    /// Cause: The secret belongs to another endpoint, the body was changed before it was verified,
    /// or the request is not from Gwop.
    ///
    /// Fix: Refuse it. Compare the secrets, and verify the raw body. `gwop verify` finds the cause.
    SignatureMismatch,
    /// The body is not raw: something has already parsed or read it.
    ///
    /// Cause: A body parser ran before the handler, or the `Request` was read before.
    ///
    /// Fix: Mount the handler before any body parser, or pass the raw text or bytes. The handlers
    /// respond with the code `MISCONFIGURED`.
    BodyNotRaw,
    /// The signed body is not a JSON object, or is an event with a field that is missing or of
    /// another type.
    ///
    /// Cause: Somebody who has the secret signed something that is not an event of Gwop.
    ///
    /// Fix: Refuse it. The message names the field.
    PayloadInvalid,
    /// The signed body is an event of a type that this version does not know.
    ///
    /// Cause: Gwop has a new type of event.
    ///
    /// Fix: Accept the delivery and ignore it, as the handlers do, or update the package.
    EventUnknown,
    /// The unsigned event headers contradict the signed body.
    ///
    /// Cause: A proxy or a test changed `X-Gwop-Event-Id` or `X-Gwop-Event-Type`.
    ///
    /// Fix: Refuse it, and pass the headers on unchanged.
    HeaderMismatch,
    /// The event was derived by reconciliation, and the caller accepts only what Gwop sent.
    ///
    /// Cause: `@gwop/worker` delivers such events to fulfillment.
    ///
    /// Fix: Pass `reconciled: true` to accept them. They name no payer, and may name no chain.
    SourceNotAccepted,
}

impl Code {
    /// Returns the text of the code.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SignatureMissing => "WEBHOOK_SIGNATURE_MISSING",
            Self::SignatureMalformed => "WEBHOOK_SIGNATURE_MALFORMED",
            Self::TimestampInvalid => "WEBHOOK_TIMESTAMP_INVALID",
            Self::TimestampOutsideTolerance => "WEBHOOK_TIMESTAMP_OUTSIDE_TOLERANCE",
            Self::SignatureMismatch => "WEBHOOK_SIGNATURE_MISMATCH",
            Self::BodyNotRaw => "WEBHOOK_BODY_NOT_RAW",
            Self::PayloadInvalid => "WEBHOOK_PAYLOAD_INVALID",
            Self::EventUnknown => "WEBHOOK_EVENT_UNKNOWN",
            Self::HeaderMismatch => "WEBHOOK_HEADER_MISMATCH",
            Self::SourceNotAccepted => "WEBHOOK_SOURCE_NOT_ACCEPTED",
        }
    }

    /// Returns the HTTP status of the response to a delivery that is rejected for this reason.
    ///
    /// The npm handlers and the Worker respond with it. In JavaScript it is the error's
    /// `httpStatus`.
    ///
    /// Gwop sends a delivery again unless the response has a 2xx status. An event of an unknown
    /// type is therefore accepted. A delivery that fails only because of this server's
    /// configuration gets a 500.
    #[must_use]
    pub const fn http_status(self) -> u16 {
        match self {
            Self::SignatureMissing
            | Self::SignatureMalformed
            | Self::TimestampInvalid
            | Self::TimestampOutsideTolerance
            | Self::SignatureMismatch => 401,
            Self::PayloadInvalid | Self::HeaderMismatch | Self::SourceNotAccepted => 400,
            Self::EventUnknown => 200,
            Self::BodyNotRaw => 500,
        }
    }
}

/// A rejected delivery. Its message contains nothing from the delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// The reason, for programs.
    pub code: Code,
    /// The reason, for people.
    pub message: String,
}

impl Rejection {
    /// Creates a rejection with the usual message of its code.
    #[must_use]
    pub fn new(code: Code) -> Self {
        Self {
            code,
            message: usual_words(code).to_owned(),
        }
    }

    /// Creates a rejection whose message is the usual one followed by the exact reason.
    #[must_use]
    pub fn because(code: Code, reason: &str) -> Self {
        let mut message = String::from(usual_words(code));
        message.push_str(": ");
        message.push_str(reason);
        Self { code, message }
    }

    /// Creates the rejection of a delivery that none of `secrets` signed.
    ///
    /// If a secret ends with white space, the message says so, because nobody sees it. It reveals
    /// neither how much nor any part of the secret.
    #[must_use]
    pub fn mismatch(secrets: &[String]) -> Self {
        let padded = |secret: &String| secret.as_bytes().trim_ascii().len() != secret.len();
        if secrets.iter().any(padded) {
            Self::because(
                Code::SignatureMismatch,
                "a secret has white space at an end",
            )
        } else {
            Self::new(Code::SignatureMismatch)
        }
    }
}

impl std::fmt::Display for Rejection {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Rejection {}

/// Returns the usual message of a code.
///
/// Existing code matches on the first words of each message (contract, "Rejections that existing
/// code matches on").
const fn usual_words(code: Code) -> &'static str {
    match code {
        Code::SignatureMissing => {
            "Missing X-Gwop-Signature header: pass the headers of the delivery on as they came"
        }
        Code::SignatureMalformed => {
            "Malformed X-Gwop-Signature header: expected t={unix seconds},v1={64 hex digits}"
        }
        Code::TimestampInvalid => {
            "Invalid webhook timestamp: expected unix seconds, digits only, in t= of X-Gwop-Signature"
        }
        Code::TimestampOutsideTolerance => {
            "Webhook timestamp is outside tolerance window: check this machine's clock, or pass receivedAt for a delivery that is verified later"
        }
        Code::SignatureMismatch => {
            "Webhook signature verification failed: check that webhookSecret is this endpoint's secret and that the body is the raw body, unchanged"
        }
        Code::BodyNotRaw => {
            "The raw body is needed to verify a webhook: pass the Request, or its body as string, Uint8Array or ArrayBuffer, before anything parses it"
        }
        Code::PayloadInvalid => "Webhook payload is not a valid event",
        Code::EventUnknown => {
            "No matching webhook schema: the event type is not known to this version; accept the delivery and ignore it, or update"
        }
        Code::HeaderMismatch => {
            "Webhook headers contradict the signed body: X-Gwop-Event-Id and X-Gwop-Event-Type must equal event_id and event_type"
        }
        Code::SourceNotAccepted => {
            "The event was derived by reconciliation: pass reconciled: true to take such events too"
        }
    }
}
