//! The body of a failing answer: `{ "error": { "code", "message", "details"?, "requestId"? } }`.

use crate::json::{Document, push_string};

/// What went wrong, in Gwop's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorBody {
    /// A stable code, such as `INVOICE_NOT_FOUND`.
    pub code: String,
    /// The server's message as it stands.
    pub message: String,
    /// The JSON of `details`.
    pub details: Option<String>,
    /// The id to quote to Gwop.
    pub request_id: Option<String>,
}

/// Reads a structured error, or `None` when `body` has another shape.
#[must_use]
pub fn parse_error_body(body: &[u8]) -> Option<ErrorBody> {
    let document = Document::parse(body).ok()?;
    let error = document.root().get("error")?;
    let text = |name| error.get(name)?.to_text();
    Some(ErrorBody {
        code: text("code")?,
        message: text("message")?,
        details: error
            .get("details")
            .filter(|details| !details.is_null())
            .map(|details| details.raw().to_owned()),
        request_id: text("requestId"),
    })
}

impl ErrorBody {
    /// The JSON of the `error` member.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut out = String::from("{\"code\":");
        push_string(&mut out, &self.code);
        out.push_str(",\"message\":");
        push_string(&mut out, &self.message);
        if let Some(details) = &self.details {
            out.push_str(",\"details\":");
            out.push_str(details);
        }
        if let Some(request_id) = &self.request_id {
            out.push_str(",\"requestId\":");
            push_string(&mut out, request_id);
        }
        out.push('}');
        out
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_wire_example() {
        let error = parse_error_body(include_bytes!("../../tests/wire/error.json")).unwrap();
        assert_eq!(
            error.to_json(),
            r#"{"code":"INVOICE_NOT_FOUND","message":"Invoice not found","details":{},"requestId":"req_abc123"}"#
        );
    }

    #[test]
    fn details_and_request_id_may_be_missing() {
        let body = br#"{"error":{"code":"A","message":"\"quoted\"","details":null,"requestId":7,"more":1},"x":2}"#;
        let error = parse_error_body(body).unwrap();
        assert_eq!(error.to_json(), r#"{"code":"A","message":"\"quoted\""}"#);
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
