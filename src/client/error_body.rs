//! The body of an error response: `{ "error": { "code", "message", "details"?, "requestId"? } }`.

use crate::json::Value;

/// An error as Gwop describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorBody {
    /// The server's message, unchanged.
    pub message: String,
    /// `{ "code", "message", "details"?, "requestId"? }` as JSON, each unchanged from the server.
    pub json: String,
}

/// Reads a structured error. Returns `None` if `body` has another shape.
///
/// # Examples
/// ```
/// use gwop::client::parse_error_body;
///
/// let body = br#"{ "error": { "code": "NOT_FOUND", "message": "No such invoice", "hint": 1 } }"#;
/// let error = parse_error_body(body).unwrap();
/// assert_eq!(error.message, "No such invoice");
/// assert_eq!(error.json, r#"{"code":"NOT_FOUND","message":"No such invoice"}"#);
/// assert!(parse_error_body(b"<html>").is_none());
/// ```
#[must_use]
pub fn parse_error_body(body: &[u8]) -> Option<ErrorBody> {
    let error = Value::parse(body).ok()?.get("error")?.as_object()?;
    let message = error.get("message")?.to_text()?;
    let mut json = String::new();
    for name in ["code", "message", "details", "requestId"] {
        let member = error.get(name);
        // Optional members that are null or of another kind count as absent.
        let Some(member) = member.filter(|member| {
            if name == "details" {
                !member.is_null()
            } else {
                member.is_string()
            }
        }) else {
            if name == "code" {
                return None;
            }
            continue;
        };
        json.push_str(if json.is_empty() { "{\"" } else { ",\"" });
        json.push_str(name);
        json.push_str("\":");
        json.push_str(member.raw());
    }
    json.push('}');
    Some(ErrorBody { message, json })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_wire_example() {
        let error = parse_error_body(include_bytes!("../../tests/wire/error.json")).unwrap();
        assert_eq!(
            error.json,
            r#"{"code":"INVOICE_NOT_FOUND","message":"Invoice not found","details":{},"requestId":"req_abc123"}"#
        );
    }

    #[test]
    fn details_and_request_id_may_be_missing() {
        let body = br#"{"error":{"code":"A","message":"\"quoted\"","details":null,"requestId":7,"more":1},"x":2}"#;
        let error = parse_error_body(body).unwrap();
        assert_eq!(error.json, r#"{"code":"A","message":"\"quoted\""}"#);
    }

    #[test]
    fn another_shape_is_no_structured_error() {
        for body in [
            "",
            "<html>",
            "null",
            "[]",
            "{}",
            r#"{"error":"A"}"#,
            r#"{"error":{"code":"A"}}"#,
            r#"{"error":{"code":1,"message":"m"}}"#,
            r#"{"error":{"code":"A","message":null}}"#,
            r#"{"code":"A","message":"m"}"#,
        ] {
            assert_eq!(parse_error_body(body.as_bytes()), None, "{body}");
        }
    }
}
