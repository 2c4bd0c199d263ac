//! Reads options and commands from JSON that a person wrote. An error names the field.

use crate::command_error::CommandError;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// Reads an option object or a command. In a tagged object, the tag comes first.
///
/// # Errors Returns `INVALID_OPTION` with the path of the first invalid field, such as
/// `merchants[1].apiKey`, what was expected and the type of the given value. Texts are not
/// repeated, because they may be secrets.
pub fn read<T: DeserializeOwned>(text: &str) -> Result<T, CommandError> {
    let value: Value = serde_json::from_str(text)
        .map_err(|error| CommandError::new("INVALID_OPTION", format!("not JSON: {error}")))?;
    read_value(&value)
}

/// Reads from a value, like [`read`].
///
/// # Errors Returns the same errors as [`read`].
pub fn read_value<T: DeserializeOwned>(value: &Value) -> Result<T, CommandError> {
    T::deserialize(value).map_err(|error| {
        let error = error.to_string();
        let same_error =
            |part: Value| T::deserialize(part).is_err_and(|other| other.to_string() == error);
        let mut path = String::new();
        let wrong = locate(value, &error, &same_error, &mut path);
        if let Some((name, _)) = named(&error, "missing field") {
            return CommandError::about(&join(&path, name), "required, but not given");
        }
        if let Some((name, rest)) = named(&error, "unknown field") {
            let known = rest.strip_prefix(", expected ").unwrap_or("no field");
            let known = known.strip_prefix("one of ").unwrap_or(known);
            return CommandError::about(
                &join(&path, name),
                format!("no such field; known are {known}"),
            );
        }
        let message = match error.rsplit_once(", expected ") {
            Some((start, names)) if start.starts_with("unknown variant") => {
                format!("expected {names}")
            }
            Some((_, expected)) => {
                format!("expected {}, got {}", plain(expected), kind(wrong))
            }
            None => error.clone(),
        };
        if path.is_empty() {
            CommandError::new("INVALID_OPTION", message)
        } else {
            CommandError::about(&path, message)
        }
    })
}

/// Finds the invalid value and writes its path to `path`.
///
/// Serde reports what is wrong but not where. It stops at the first error, so the shortest
/// beginning of an object or array that gives the same error ends with the invalid value.
fn locate<'a>(
    value: &'a Value,
    error: &str,
    same_error: &dyn Fn(Value) -> bool,
    path: &mut String,
) -> &'a Value {
    let length = match value {
        Value::Object(object) => object.len(),
        Value::Array(array) => array.len(),
        _ => 0,
    };
    let beginning = |length: usize| match value {
        Value::Object(object) => Value::Object(
            object
                .iter()
                .take(length)
                .map(|(name, part)| (name.clone(), part.clone()))
                .collect::<Map<String, Value>>(),
        ),
        Value::Array(array) => Value::Array(array.iter().take(length).cloned().collect()),
        other => other.clone(),
    };
    if length == 0 || same_error(beginning(0)) {
        return value;
    }
    let lengths: Vec<usize> = (0..length).collect();
    let before = lengths.partition_point(|length| !same_error(beginning(length.saturating_add(1))));
    let (segment, part) = match value {
        Value::Object(object) => match object.iter().nth(before) {
            Some((name, part)) => (join(path, name), part),
            None => return value,
        },
        Value::Array(array) => match array.get(before) {
            Some(part) => (format!("{path}[{before}]"), part),
            None => return value,
        },
        _ => return value,
    };
    // These three errors are about the object or array itself.
    let of_whole = ["missing field", "unknown field", "invalid length"];
    let inner = matches!(part, Value::Object(_) | Value::Array(_));
    if !inner && of_whole.iter().any(|start| error.starts_with(start)) {
        return value;
    }
    *path = segment;
    let same_error_inside = |replaced: Value| {
        let mut whole = beginning(before.saturating_add(1));
        let place = match &mut whole {
            Value::Object(object) => object.values_mut().last(),
            Value::Array(array) => array.last_mut(),
            _ => None,
        };
        if let Some(place) = place {
            *place = replaced;
        }
        same_error(whole)
    };
    locate(part, error, &same_error_inside, path)
}

/// Returns the name in "{start} `name`", and the text after it.
fn named<'a>(error: &'a str, start: &str) -> Option<(&'a str, &'a str)> {
    let rest = error.strip_prefix(start)?.strip_prefix(" `")?;
    rest.split_once('`')
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.into()
    } else {
        format!("{path}.{name}")
    }
}

/// Returns what serde expects, without Rust's type names.
fn plain(expected: &str) -> &str {
    match expected {
        "variant identifier" => "a string",
        "u64" | "usize" => "a whole number from 0",
        "u32" => "a whole number from 0 to 4294967295",
        "u16" => "a whole number from 0 to 65535",
        "i64" => "a whole number",
        "a sequence" => "an array",
        "a map" => "an object",
        "a tuple of size 2" => "an array of two",
        other if other.starts_with("struct ") || other.starts_with("internally tagged") => {
            "an object"
        }
        other => other,
    }
}

/// Returns the type of a value, for error messages.
fn kind(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(_) => "a boolean".into(),
        Value::Number(number) => number.to_string(),
        Value::String(_) => "a string".into(),
        Value::Array(_) => "an array".into(),
        Value::Object(_) => "an object".into(),
    }
}
