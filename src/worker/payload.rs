//! What fulfilment gets: the event as Gwop signed it, with its outcome.

use crate::invoice::Outcome;
use crate::json::{Value, quote};

/// The member that is added to the event.
const OUTCOME: &str = "gwop_outcome";

/// The event, byte for byte, with `gwop_outcome` as its last member; `None` where `body` is no JSON object. Where one came in under that
/// name it goes, and the text between the members with it.
#[must_use]
pub fn with_outcome(body: &str, outcome: Outcome) -> Option<String> {
    let value = Value::parse(body.as_bytes()).ok()?;
    let event = value.as_object()?;
    let mut text = String::with_capacity(body.len().saturating_add(32));
    if event.get(OUTCOME).is_none() {
        text.push_str(value.raw().strip_suffix('}')?);
    } else {
        text.push('{');
        let kept = event.members().filter(|(name, _)| !name.is_str(OUTCOME));
        for (at, (name, value)) in kept.enumerate() {
            if at > 0 {
                text.push(',');
            }
            text.push_str(name.raw());
            text.push(':');
            text.push_str(value.raw());
        }
    }
    if event.members().any(|(name, _)| !name.is_str(OUTCOME)) {
        text.push(',');
    }
    text.push_str(&quote(OUTCOME));
    text.push(':');
    text.push_str(&quote(outcome.as_str()));
    text.push('}');
    Some(text)
}

/// Whether a header carries the text, and the receiver reads it as it was: printable ASCII without white space around it.
#[must_use]
pub fn fits_header(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~')) && text.trim() == text && !text.is_empty()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_event_stays_byte_for_byte() {
        for (body, expected) in [
            (
                r#"{"z":1.0,"a":{"n":12345678901234567890123,"p":0.10,"e":1e400},"s":"\ud800\u00e9é"}"#,
                r#"{"z":1.0,"a":{"n":12345678901234567890123,"p":0.10,"e":1e400},"s":"\ud800\u00e9é","gwop_outcome":"conflict"}"#,
            ),
            (
                " {\n  \"a\": 1\n}\n",
                "{\n  \"a\": 1\n,\"gwop_outcome\":\"conflict\"}",
            ),
            (
                r#"{"data":{"gwop_outcome":"x"}}"#,
                r#"{"data":{"gwop_outcome":"x"},"gwop_outcome":"conflict"}"#,
            ),
            ("{}", r#"{"gwop_outcome":"conflict"}"#),
        ] {
            assert_eq!(with_outcome(body, Outcome::Conflict).unwrap(), expected);
        }
    }

    #[test]
    fn an_outcome_that_came_in_is_removed_wherever_and_however_it_is_written() {
        for (body, expected) in [
            (
                r#"{"gwop_outcome":"applied"}"#,
                r#"{"gwop_outcome":"conflict"}"#,
            ),
            (
                r#"{"gwop_outcome":{"a":[1,2]},"b": 1.0 , "gwop\u005foutcome" : "applied","c":[ ]}"#,
                r#"{"b":1.0,"c":[ ],"gwop_outcome":"conflict"}"#,
            ),
        ] {
            assert_eq!(with_outcome(body, Outcome::Conflict).unwrap(), expected);
        }
        for body in ["", "[]", "1", "{", "{}x"] {
            assert_eq!(with_outcome(body, Outcome::Applied), None);
        }
    }

    #[test]
    fn what_a_header_changes_does_not_fit_it() {
        for text in ["evt_1", "a b", "~!"] {
            assert!(fits_header(text), "{text}");
        }
        for text in [
            "", " ", " evt", "evt ", "evt\n", "e\tt", "evt_é", "\0", "\u{7f}",
        ] {
            assert!(!fits_header(text), "{text:?}");
        }
    }
}
