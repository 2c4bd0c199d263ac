//! Structured logs: one JSON object per line. Never pass a secret, a token, a signature or a body.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::Value;
use worker::{Env, console_error, console_log};

use super::environment;

/// The severity of a line.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    /// Nothing is wrong.
    Info,
    /// Somebody should look when there is time.
    Warning,
    /// Somebody has to look.
    Error,
}

struct Line<'f, F>(Level, &'f str, F);

impl<'f, F: Iterator<Item = &'f (&'static str, Value)> + Clone> Serialize for Line<'f, F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(level, event, fields) = self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry(
            "level",
            match level {
                Level::Info => "info",
                Level::Warning => "warn",
                Level::Error => "error",
            },
        )?;
        map.serialize_entry("event", event)?;
        for (name, value) in fields.clone() {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// Writes one line.
pub(crate) fn line<'f>(
    level: Level,
    event: &'f str,
    fields: impl Iterator<Item = &'f (&'static str, Value)> + Clone,
) {
    // Texts, numbers and booleans always serialize.
    let line = serde_json::to_string(&Line(level, event, fields)).unwrap_or_default();
    if level == Level::Error {
        console_error!("{line}");
    } else {
        console_log!("{line}");
    }
}

/// Logs that something went wrong.
pub(crate) fn error(event: &str, fields: &[(&'static str, Value)]) {
    line(Level::Error, event, fields.iter());
}

/// Logs something that works but should be changed.
pub(crate) fn warning(event: &str, fields: &[(&'static str, Value)]) {
    line(Level::Warning, event, fields.iter());
}

/// Logs an error as [`error`] does, with the merchant of this environment.
pub(crate) fn error_of(env: &Env, event: &str, fields: &[(&'static str, Value)]) {
    line_of(env, Level::Error, event, fields);
}

/// Logs a warning as [`warning`] does, with the merchant of this environment.
pub(crate) fn warning_of(env: &Env, event: &str, fields: &[(&'static str, Value)]) {
    line_of(env, Level::Warning, event, fields);
}

/// Writes one line. If there are several merchants, the line names the merchant of this
/// environment.
pub(crate) fn line_of(env: &Env, level: Level, event: &str, fields: &[(&'static str, Value)]) {
    let merchant = environment::merchant(env);
    let merchant = (!merchant.is_empty()).then(|| ("merchant", merchant.into()));
    line(level, event, fields.iter().chain(&merchant));
}
