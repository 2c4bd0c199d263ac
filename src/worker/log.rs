//! Structured logs: one JSON object per line. Nothing that comes here may be a secret, a token, a signature or a body.

use serde_json::Value;

use crate::json::quote;

use super::platform;

/// How bad it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// As it should be.
    Info,
    /// Somebody has to look.
    Error,
}

/// Writes one line.
pub fn line<'f>(
    level: Level,
    event: &str,
    fields: impl IntoIterator<Item = &'f (&'static str, Value)>,
) {
    let mut line = String::with_capacity(512);
    line.push_str(match level {
        Level::Info => r#"{"level":"info","event":"#,
        Level::Error => r#"{"level":"error","event":"#,
    });
    line.push_str(&quote(event));
    for (field, value) in fields {
        line.push(',');
        line.push_str(&quote(field));
        line.push(':');
        line.push_str(&value.to_string());
    }
    line.push('}');
    match level {
        Level::Info => platform::log(&line),
        Level::Error => platform::log_error(&line),
    }
}

/// Something went wrong.
pub fn error(event: &str, fields: &[(&'static str, Value)]) {
    line(Level::Error, event, fields);
}
