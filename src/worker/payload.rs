//! The signed event as JSON text: reading its members, and the body for fulfillment. Nothing is
//! rewritten: numbers and strings that other JSON libraries would change stay as they were signed.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::invoice::{Outcome, payment};

/// The member that is added to the event.
const OUTCOME: &str = "gwop_outcome";

/// A JSON object as text: names and values in their order.
#[derive(Debug)]
pub struct Members<'t>(Vec<(&'t RawValue, &'t RawValue)>);

impl<'t> Members<'t> {
    /// Parses an object. Returns `None` if `text` is something else.
    #[must_use]
    pub fn of(text: &'t str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// Returns the value of a member. If a name is repeated, returns the last value, as
    /// `JSON.parse` does.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'t str> {
        let mut members = self.0.iter().rev();
        let found = members.find(|(written, _)| is_named(written, name));
        found.map(|(_, value)| value.get())
    }

    /// Returns the text of a member, unless it is empty or not a string.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<String> {
        text_of(self.get(name)?).filter(|text| !text.is_empty())
    }
}

impl<'t> Deserialize<'t> for Members<'t> {
    fn deserialize<D: Deserializer<'t>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'t> Visitor<'t> for Object {
            type Value = Members<'t>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'t>>(self, mut map: A) -> Result<Members<'t>, A::Error> {
                let mut members = vec![];
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Object)
    }
}

fn is_named(written: &RawValue, name: &str) -> bool {
    let plain = written
        .get()
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    // Most names have no escapes.
    plain == Some(name)
        || (written.get().contains('\\') && text_of(written.get()).as_deref() == Some(name))
}

/// Returns the text of a JSON string, or `None` for other types. A surrogate without its other half
/// becomes U+FFFD.
#[must_use]
pub fn text_of(json: &str) -> Option<String> {
    struct Lossy(String);

    impl<'t> Deserialize<'t> for Lossy {
        fn deserialize<D: Deserializer<'t>>(deserializer: D) -> Result<Self, D::Error> {
            struct Bytes;

            impl Visitor<'_> for Bytes {
                type Value = Lossy;

                fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                    formatter.write_str("a JSON string")
                }

                fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Lossy, E> {
                    Ok(Lossy(String::from_utf8_lossy(bytes).into_owned()))
                }
            }

            // Read as bytes, because serde_json refuses half a surrogate pair in a text.
            deserializer.deserialize_bytes(Bytes)
        }
    }

    json.starts_with('"')
        .then(|| serde_json::from_str(json).ok())
        .flatten()
        .map(|Lossy(text)| text)
}

/// Returns the merchant that an event names in `data.merchant_id`, or `None` if it names none.
#[must_use]
pub fn merchant_of(body: &str) -> Option<String> {
    Members::of(Members::of(body)?.get("data")?)?.text("merchant_id")
}

/// Returns the event, byte for byte, with `gwop_outcome` as its last member. Returns `None` if
/// `body` is not a JSON object. An incoming member with that name is removed, with the text between
/// the members.
#[must_use]
pub fn with_outcome(body: &str, outcome: Outcome) -> Option<String> {
    let Members(members) = Members::of(body)?;
    let mut text = String::with_capacity(body.len().saturating_add(32));
    let kept: Vec<_> = members
        .iter()
        .filter(|(name, _)| !is_named(name, OUTCOME))
        .collect();
    if kept.len() == members.len() {
        // White space in JSON (RFC 8259 section 2).
        let object = body.trim_matches([' ', '\t', '\n', '\r']);
        text.push_str(object.strip_suffix('}')?);
    } else {
        text.push('{');
        for (at, (name, value)) in kept.iter().enumerate() {
            if at > 0 {
                text.push(',');
            }
            text.push_str(name.get());
            text.push(':');
            text.push_str(value.get());
        }
    }
    if !kept.is_empty() {
        text.push(',');
    }
    text.push('"');
    text.push_str(OUTCOME);
    text.push_str("\":\"");
    text.push_str(outcome.as_str());
    text.push_str("\"}");
    Some(text)
}

/// Returns the identity of the payment that an event reports, if it names one.
#[must_use]
pub fn payment_of(body: &str) -> Option<String> {
    let data = Members::of(body)?.get("data").and_then(Members::of)?;
    let name = |member| data.text(member).unwrap_or_default();
    payment(&name("tx_hash"), &name("tx_signature"))
}

/// Returns whether a header can carry the text so that the receiver reads it unchanged: printable
/// ASCII without white space around it.
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
