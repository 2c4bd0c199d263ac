//! Gwop's error codes and their statuses, as the contract lists them.

use serde_json::{Value, json};

/// A code in Gwop's error body. The last three are the simulator's own, for cases that the contract
/// does not cover.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    /// The merchant key is missing or unknown.
    Unauthorized,
    /// The request exceeds a limit of the contract.
    ValidationError,
    /// The invoice does not exist or belongs to another merchant.
    InvoiceNotFound,
    /// The invoice is neither OPEN nor CANCELED.
    InvoiceCancelNotAllowed,
    /// The agent has not paid the auth intent yet.
    AuthIntentNotSettled,
    /// The auth intent does not exist or belongs to another merchant.
    AuthIntentNotFound,
    /// The auth intent was not paid in time.
    AuthIntentExpired,
    /// The auth intent was exchanged already.
    AuthIntentUsed,
    /// The session does not exist or belongs to another merchant.
    SessionNotFound,
    /// The idempotency key was used for another request.
    IdempotencyConflict,
    /// The simulator's own: there is no operation at this path.
    NotFound,
    /// The simulator's own: the path supports other methods only.
    MethodNotAllowed,
    /// The simulator's own: an x402 payment for something that cannot be paid now.
    NotPayable,
}

impl ErrorCode {
    /// Returns the code on the wire and its status.
    #[must_use]
    pub const fn wire(self) -> (&'static str, u16) {
        match self {
            Self::Unauthorized => ("UNAUTHORIZED", 401),
            Self::ValidationError => ("VALIDATION_ERROR", 400),
            Self::InvoiceNotFound => ("INVOICE_NOT_FOUND", 404),
            Self::InvoiceCancelNotAllowed => ("INVOICE_CANCEL_NOT_ALLOWED", 400),
            Self::AuthIntentNotSettled => ("AUTH_INTENT_NOT_SETTLED", 402),
            Self::AuthIntentNotFound => ("AUTH_INTENT_NOT_FOUND", 404),
            Self::AuthIntentExpired => ("AUTH_INTENT_EXPIRED", 409),
            Self::AuthIntentUsed => ("AUTH_INTENT_USED", 409),
            Self::SessionNotFound => ("SESSION_NOT_FOUND", 404),
            Self::IdempotencyConflict => ("IDEMPOTENCY_CONFLICT", 409),
            Self::NotFound => ("NOT_FOUND", 404),
            Self::MethodNotAllowed => ("METHOD_NOT_ALLOWED", 405),
            Self::NotPayable => ("NOT_PAYABLE", 409),
        }
    }
}

/// Returns the status that the contract gives to a code. Used for codes that a test names.
#[must_use]
pub fn status_of(code: &str) -> Option<u16> {
    Some(match code {
        "UNAUTHORIZED" => 401,
        "AUTH_INTENT_NOT_SETTLED" => 402,
        "FORBIDDEN" => 403,
        "VALIDATION_ERROR" | "INVOICE_CANCEL_NOT_ALLOWED" => 400,
        "INVOICE_NOT_FOUND" | "AUTH_INTENT_NOT_FOUND" | "SESSION_NOT_FOUND" => 404,
        "AUTH_INTENT_EXPIRED" | "AUTH_INTENT_USED" | "IDEMPOTENCY_CONFLICT" => 409,
        "RATE_LIMITED" => 429,
        _ => return None,
    })
}

/// An error response.
#[derive(Clone, Debug)]
pub struct ApiError {
    /// The error code.
    pub code: ErrorCode,
    /// What was wrong, what was expected and what to do.
    pub message: String,
    /// Details, such as the field.
    pub details: Option<Value>,
    /// A status that replaces the code's own.
    pub status: Option<u16>,
}

impl ApiError {
    /// Creates an error with a message.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            details: None,
            status: None,
        }
    }

    /// Creates a `VALIDATION_ERROR` about one field, header or parameter.
    pub fn invalid(field: &str, expected: &str) -> Self {
        Self {
            code: ErrorCode::ValidationError,
            message: format!("{field}: expected {expected}"),
            details: Some(json!({ "field": field, "expected": expected })),
            status: None,
        }
    }

    /// Returns the status of the response.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status.unwrap_or(self.code.wire().1)
    }

    /// Returns the body of the response.
    #[must_use]
    pub fn body(&self, request_id: &str) -> Value {
        body(
            self.code.wire().0,
            &self.message,
            self.details.clone(),
            request_id,
        )
    }
}

/// Returns Gwop's error body.
#[must_use]
pub fn body(code: &str, message: &str, details: Option<Value>, request_id: &str) -> Value {
    json!({ "error": {
        "code": code,
        "message": message,
        "details": details.unwrap_or_else(|| json!({})),
        "requestId": request_id,
    }})
}
