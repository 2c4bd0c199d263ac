//! The error of a command that cannot be carried out.

use serde::Serialize;

/// A command that could not be carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CommandError {
    /// A stable code: `INVALID_OPTION`, `NOT_FOUND`, `NOT_ALLOWED` or `INVALID_STATE`.
    pub code: &'static str,
    /// The path of the invalid option or field. `message` continues after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What was wrong and what was expected.
    pub message: String,
}

impl CommandError {
    /// Creates an error with a message.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            field: None,
            message: message.into(),
        }
    }

    /// Creates `INVALID_OPTION` for one option or field. The message does not name it.
    pub fn about(field: &str, message: impl Into<String>) -> Self {
        Self {
            field: Some(field.into()),
            ..Self::new("INVALID_OPTION", message)
        }
    }

    /// Creates `INVALID_OPTION` for one option or field, with what was expected.
    #[must_use]
    pub fn invalid(field: &str, expected: &str) -> Self {
        Self::about(field, format!("expected {expected}"))
    }
}
