//! Structured logs: one JSON object per line. Nothing that comes here may be a secret, a token, a signature or a body.

use serde_json::{Map, Value};
use wasm_bindgen::JsValue;

/// How bad it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// As it should be.
    Info,
    /// Somebody has to look.
    Error,
}

/// Writes one line.
pub fn line(level: Level, event: &str, fields: &[(&str, Value)]) {
    let mut line = Map::new();
    let name = match level {
        Level::Info => "info",
        Level::Error => "error",
    };
    line.insert("level".to_owned(), name.into());
    line.insert("event".to_owned(), event.into());
    for (field, value) in fields {
        line.insert((*field).to_owned(), value.clone());
    }
    let text = JsValue::from_str(&Value::Object(line).to_string());
    match level {
        Level::Info => web_sys::console::log_1(&text),
        Level::Error => web_sys::console::error_1(&text),
    }
}

/// Something went wrong.
pub fn error(event: &str, fields: &[(&str, Value)]) {
    line(Level::Error, event, fields);
}
