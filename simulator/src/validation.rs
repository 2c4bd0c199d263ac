//! Checks the contents of requests: bodies, their fields, and numbers in queries.

use crate::error::ApiError;
use crate::http::Request;
use serde_json::{Map, Value};

/// The longest request body, in bytes.
const MAX_BODY: usize = 65_536;

pub(crate) fn integer(text: &str) -> Option<usize> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

pub(crate) fn no_body(request: &Request) -> Result<(), ApiError> {
    if matches!(request.body.as_slice(), b"" | b"{}") {
        Ok(())
    } else {
        Err(ApiError::invalid("body", "no body"))
    }
}

/// Returns the object in the body. Unless it is `required`, a missing body counts as an empty
/// object.
pub(crate) fn json_body(request: &Request, required: bool) -> Result<Map<String, Value>, ApiError> {
    if request.body.is_empty() && !required {
        return Ok(Map::new());
    }
    let media_type = request.header("content-type").unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case("application/json") {
        return Err(ApiError::invalid("Content-Type", "application/json"));
    }
    if request.body.len() > MAX_BODY {
        return Err(ApiError::invalid("body", "at most 65,536 bytes"));
    }
    match serde_json::from_slice(&request.body) {
        Ok(Value::Object(object)) => Ok(object),
        _ => Err(ApiError::invalid("body", "a JSON object")),
    }
}

pub(crate) fn known_fields(body: &Map<String, Value>, known: &[&str]) -> Result<(), ApiError> {
    match body.keys().find(|name| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => Err(ApiError::invalid(
            name,
            &format!("no such field; known are {}", known.join(", ")),
        )),
    }
}

pub(crate) fn string(
    body: &Map<String, Value>,
    field: &str,
    max_characters: usize,
) -> Result<Option<String>, ApiError> {
    match body.get(field) {
        None => Ok(None),
        Some(Value::String(text)) if text.chars().count() <= max_characters => {
            Ok(Some(text.clone()))
        }
        Some(_) => Err(ApiError::invalid(
            field,
            &format!("a string of at most {max_characters} characters"),
        )),
    }
}

/// Reads `metadata`: an object of at most 1,024 bytes as compact JSON.
pub(crate) fn metadata(body: &Map<String, Value>) -> Result<Map<String, Value>, ApiError> {
    match body.get("metadata") {
        None => Ok(Map::new()),
        Some(value) => match value {
            Value::Object(object) if value.to_string().len() <= 1_024 => Ok(object.clone()),
            _ => Err(ApiError::invalid(
                "metadata",
                "an object of at most 1,024 bytes as JSON",
            )),
        },
    }
}
