//! Responses, and the headers that every response has.

use std::cell::RefCell;

use serde::Serialize;
use serde_json::{Value, json};
use worker::Result;

use super::random_uuid;

/// A response that is not yet converted to one of the platform's.
pub struct Response {
    pub(super) status: u16,
    body: Option<String>,
    headers: Vec<(&'static str, String)>,
    /// The outcome in the log line.
    pub(super) outcome: String,
    /// Further fields of the log line.
    pub(super) about: Vec<(&'static str, Value)>,
    /// Whether somebody has to look at it, whatever the status.
    pub(super) alarming: bool,
}

impl Response {
    /// Creates a response with a JSON body.
    pub fn json(status: u16, outcome: &str, body: &impl Serialize) -> Self {
        Self {
            status,
            body: serde_json::to_string(body).ok(),
            ..Self::empty(status, outcome)
        }
    }

    /// Creates a response without a body.
    pub fn empty(status: u16, outcome: &str) -> Self {
        Self {
            status,
            body: None,
            headers: vec![],
            outcome: outcome.to_owned(),
            about: vec![],
            alarming: status >= 500,
        }
    }

    /// Creates a response with a text of another media type.
    pub fn text(outcome: &str, media_type: &'static str, body: String) -> Self {
        Self {
            body: Some(body),
            ..Self::empty(200, outcome)
        }
        .header("content-type", media_type)
    }

    /// Creates the response `{ "error": { "code", "message" } }`, the format of Gwop itself. The
    /// code is the outcome in the log line.
    pub fn error(status: u16, code: &str, message: &str) -> Self {
        let body = json!({ "error": { "code": code, "message": message } });
        Self::json(status, code, &body)
    }

    /// Creates the 404 response for a path that does not exist.
    pub fn not_found() -> Self {
        Self::error(404, "NOT_FOUND", "There is nothing here")
    }

    /// Creates the 405 response for a path that exists for other methods.
    pub fn method_not_allowed(allow: &'static str) -> Self {
        Self::error(
            405,
            "METHOD_NOT_ALLOWED",
            "Use a method that the Allow header names",
        )
        .header("allow", allow)
    }

    /// Creates the response for storage that cannot be reached. The same request may work later.
    pub fn unavailable() -> Self {
        Self::error(
            503,
            "UNAVAILABLE",
            "Storage is not available now: try again",
        )
        .header("retry-after", "5")
    }

    /// Adds a header.
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Adds fields to the log line. They must not be secret.
    pub fn about(mut self, fields: impl IntoIterator<Item = (&'static str, Value)>) -> Self {
        self.about.extend(fields);
        self
    }

    /// Makes the log line an error, whatever the status.
    pub fn alarming(mut self) -> Self {
        self.alarming = true;
        self
    }

    /// Returns the `Response`, with a request id of its own.
    ///
    /// # Errors
    /// Returns an error if the platform refuses to create the `Response`, or has no randomness.
    pub fn respond(self) -> Result<worker::Response> {
        let request_id = random_uuid()?;
        Ok(self.platform_response(&request_id)?.into())
    }

    pub(super) fn platform_response(&self, request_id: &str) -> Result<web_sys::Response> {
        let response = with_common_headers(self.body.is_some(), |common| {
            let init = web_sys::ResponseInit::new();
            init.set_status(self.status);
            init.set_headers(common.as_ref());
            let body = self.body.as_deref();
            Ok(web_sys::Response::new_with_opt_str_and_init(body, &init)?)
        })?;
        let headers = response.headers();
        headers.set("x-request-id", request_id)?;
        for (name, value) in &self.headers {
            headers.set(name, value)?;
        }
        Ok(response)
    }
}

const COMMON_HEADERS: [(&str, &str); 6] = [
    ("cache-control", "no-store"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    (
        "content-security-policy",
        "default-src 'none'; frame-ancestors 'none'",
    ),
    (
        "strict-transport-security",
        "max-age=31536000; includeSubDomains",
    ),
];

/// Passes [`COMMON_HEADERS`] to `work`, with `Content-Type` if there is a body. An isolate creates
/// them once, and each `Response` copies them.
fn with_common_headers<T>(
    has_body: bool,
    work: impl FnOnce(&web_sys::Headers) -> Result<T>,
) -> Result<T> {
    thread_local! {
        static COMMON: RefCell<[Option<web_sys::Headers>; 2]> = const { RefCell::new([None, None]) };
    }
    COMMON.with_borrow_mut(|[without_body, with_body]| {
        let common = if has_body { with_body } else { without_body };
        if let Some(headers) = common {
            return work(headers);
        }
        let headers = web_sys::Headers::new()?;
        for (name, value) in COMMON_HEADERS {
            headers.set(name, value)?;
        }
        if has_body {
            headers.set("content-type", "application/json")?;
        }
        work(common.insert(headers))
    })
}
