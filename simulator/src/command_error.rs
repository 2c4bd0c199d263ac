//! Why a command is not carried out.

use serde::Serialize;

/// A command that could not be carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CommandError {
    /// Stable: `INVALID_OPTION`, `NOT_FOUND`, `NOT_ALLOWED`, `INVALID_STATE`.
    pub code: &'static str,
    /// The path of the option or field that is wrong; `message` goes on after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What was wrong, what was expected.
    pub message: String,
}

impl CommandError {
    /// An error with a message.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            field: None,
            message: message.into(),
        }
    }

    /// `INVALID_OPTION` about one option or field; the message does not name it.
    pub fn about(field: &str, message: impl Into<String>) -> Self {
        Self {
            field: Some(field.into()),
            ..Self::new("INVALID_OPTION", message)
        }
    }

    /// `INVALID_OPTION` about one option or field, saying what was expected.
    #[must_use]
    pub fn invalid(field: &str, expected: &str) -> Self {
        Self::about(field, format!("expected {expected}"))
    }
}
