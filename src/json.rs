//! Strict JSON (RFC 8259), read by `serde_json`. A value keeps the text that it was written in.
//!
//! Most of what the SDK reads is checked and passed on as it stands, so nothing is copied: a
//! [`Value`] borrows its text from the input. JavaScript's `JSON.parse` decides what JSON is:
//! numbers of any size, lone surrogates and repeated members are taken, and of repeated members the
//! last one counts. Where a repeat is an attack (tokens, JWK Sets), [`Object::is_distinct`] refuses it.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer as _, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// The deepest nesting that is read. A deeper text is refused as [`Malformed`].
pub const MAX_DEPTH: usize = 128;

/// The most members of an object whose names are compared with each other.
pub const MAX_DISTINCT: usize = 64;

/// The greatest integer that JavaScript holds exactly: 2⁵³ − 1.
const MAX_SAFE_INTEGER: i64 = (1 << 53) - 1;

/// The bytes are not one JSON text. It says nothing about where, so that no payload can leak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

/// One JSON value, as it was written.
#[derive(Clone, Copy)]
pub struct Value<'d>(&'d str);

impl fmt::Debug for Value<'_> {
    /// Without the text, which may be secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Value(redacted)")
    }
}

impl<'d> Value<'d> {
    /// Checks `bytes` as one JSON text.
    ///
    /// # Errors
    /// [`Malformed`] when they are not UTF-8, not one JSON text, or nested deeper than [`MAX_DEPTH`].
    pub fn parse(bytes: &'d [u8]) -> Result<Self, Malformed> {
        let text = std::str::from_utf8(bytes).map_err(|_| Malformed)?;
        let value = serde_json::from_str::<&RawValue>(text).map_err(|_| Malformed)?;
        Self(value.get()).bounded()
    }

    /// Checks `bytes` as one JSON text and gives the members of its object; `None` where it is of another kind.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn parse_object(bytes: &'d [u8]) -> Result<Option<Object<'d>>, Malformed> {
        let text = std::str::from_utf8(bytes).map_err(|_| Malformed)?;
        match serde_json::from_str(text) {
            Ok(object) => Self(text).bounded().map(|_| Some(object)),
            // Another kind, or no JSON.
            Err(_) => Self::parse(bytes).map(|_| None),
        }
    }

    fn bounded(self) -> Result<Self, Malformed> {
        if self.nests_within(MAX_DEPTH) {
            Ok(self)
        } else {
            Err(Malformed)
        }
    }

    /// The value's exact text.
    #[must_use]
    pub fn raw(self) -> &'d str {
        self.0
    }

    fn first(self) -> u8 {
        self.0.as_bytes().first().copied().unwrap_or_default()
    }

    /// Whether this is `null`.
    #[must_use]
    pub fn is_null(self) -> bool {
        self.first() == b'n'
    }

    /// Whether this is an object.
    #[must_use]
    pub fn is_object(self) -> bool {
        self.first() == b'{'
    }

    /// Whether this is an array.
    #[must_use]
    pub fn is_array(self) -> bool {
        self.first() == b'['
    }

    /// Whether this is a string.
    #[must_use]
    pub fn is_string(self) -> bool {
        self.first() == b'"'
    }

    /// Whether this is a number.
    #[must_use]
    pub fn is_number(self) -> bool {
        matches!(self.first(), b'-' | b'0'..=b'9')
    }

    /// What stands between the quotes of a string; `None` for other kinds.
    fn quoted(self) -> Option<&'d str> {
        self.0.strip_prefix('"')?.strip_suffix('"')
    }

    /// The string with its escapes resolved; a lone surrogate becomes U+FFFD. `None` for other kinds.
    #[must_use]
    pub fn as_str(self) -> Option<Cow<'d, str>> {
        let quoted = self.quoted()?;
        if quoted.contains('\\') {
            unescape(self.0).map(Cow::Owned)
        } else {
            Some(Cow::Borrowed(quoted))
        }
    }

    /// Whether this is a string of Unicode text: one without lone surrogates.
    #[must_use]
    pub fn is_text(self) -> bool {
        let quoted = self.quoted();
        quoted.is_some_and(|quoted| {
            !quoted.contains('\\') || serde_json::from_str::<String>(self.0).is_ok()
        })
    }

    /// The string of its own, as [`Self::as_str`].
    #[must_use]
    pub fn to_text(self) -> Option<String> {
        self.as_str().map(Cow::into_owned)
    }

    /// Whether this is the string `expected`.
    #[must_use]
    pub fn is_str(self, expected: &str) -> bool {
        let Some(quoted) = self.quoted() else {
            return false;
        };
        // An escape is longer than what it stands for, so a text of the same length has none if it is equal.
        if quoted.len() > expected.len() && quoted.contains('\\') {
            return unescape(self.0).is_some_and(|text| text == expected);
        }
        quoted == expected && !expected.contains('\\')
    }

    /// The boolean, if it is one.
    #[must_use]
    pub fn as_bool(self) -> Option<bool> {
        match self.0 {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    /// The number, if it is written as an integer (no fraction, no exponent) that JavaScript holds exactly (±(2⁵³ − 1)).
    #[must_use]
    pub fn as_integer(self) -> Option<i64> {
        let number: i64 = self.0.parse().ok()?;
        (-MAX_SAFE_INTEGER..=MAX_SAFE_INTEGER)
            .contains(&number)
            .then_some(number)
    }

    /// The members of an object; `None` for other kinds.
    #[must_use]
    pub fn as_object(self) -> Option<Object<'d>> {
        if !self.is_object() {
            return None;
        }
        serde_json::from_str(self.0).ok()
    }

    /// The elements of an array; `None` for other kinds.
    #[must_use]
    pub fn as_array(self) -> Option<Vec<Value<'d>>> {
        if !self.is_array() {
            return None;
        }
        serde_json::from_str::<Elements<'d>>(self.0)
            .ok()
            .map(|elements| elements.0)
    }

    /// The member of an object that is called `name`: the last one where it is repeated. Look several up in
    /// [`Self::as_object`], which reads the object once.
    #[must_use]
    pub fn get(self, name: &str) -> Option<Value<'d>> {
        self.as_object()?.get(name)
    }

    /// Whether objects and arrays nest at most `levels` deep. `serde_json` skips values without a bound.
    pub(crate) fn nests_within(self, levels: usize) -> bool {
        let bytes = self.0.as_bytes();
        let opened = bytes.iter().filter(|byte| matches!(byte, b'[' | b'{'));
        // As many brackets as levels cannot nest deeper. Nearly every text ends here.
        if opened.count() <= levels {
            return true;
        }
        let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
        for byte in bytes {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = in_string,
                b'"' => in_string = !in_string,
                _ if in_string => {}
                b'[' | b'{' => {
                    depth = depth.saturating_add(1);
                    if depth > levels {
                        return false;
                    }
                }
                b']' | b'}' => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        true
    }
}

impl<'de: 'd, 'd> Deserialize<'de> for Value<'d> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value: &'de RawValue = Deserialize::deserialize(deserializer)?;
        Ok(Self(value.get()))
    }
}

/// The members of an object, in the order in which they were written.
pub struct Object<'d> {
    members: Vec<(Value<'d>, Value<'d>)>,
}

impl<'d> Object<'d> {
    /// The names, each a string, with their values.
    pub fn members(&self) -> impl Iterator<Item = (Value<'d>, Value<'d>)> + '_ {
        self.members.iter().copied()
    }

    /// The member that is called `name`: the last one where it is repeated.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Value<'d>> {
        let mut members = self.members.iter().rev();
        members
            .find(|(key, _)| key.is_str(name))
            .map(|(_, value)| *value)
    }

    /// Whether the names of all members are different. An object with more than [`MAX_DISTINCT`] members counts as
    /// not distinct: comparing them costs the square.
    #[must_use]
    pub fn is_distinct(&self) -> bool {
        if self.members.len() > MAX_DISTINCT {
            return false;
        }
        let mut rest = self.members.as_slice();
        while let [(name, _), later @ ..] = rest {
            let name = name.as_str().unwrap_or_default();
            if later.iter().any(|(other, _)| other.is_str(&name)) {
                return false;
            }
            rest = later;
        }
        true
    }
}

impl<'de: 'd, 'd> Deserialize<'de> for Object<'d> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Object<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
                let mut members = Vec::with_capacity(16);
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Object { members })
            }
        }

        deserializer.deserialize_map(Members)
    }
}

/// The elements of an array.
struct Elements<'d>(Vec<Value<'d>>);

impl<'de: 'd, 'd> Deserialize<'de> for Elements<'d> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Seq;

        impl<'de> Visitor<'de> for Seq {
            type Value = Elements<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an array")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Elements<'de>, A::Error> {
                let mut elements = Vec::new();
                while let Some(element) = seq.next_element()? {
                    elements.push(element);
                }
                Ok(Elements(elements))
            }
        }

        deserializer.deserialize_seq(Seq)
    }
}

/// Resolves the escapes of a quoted string. `serde_json` refuses lone surrogates in a `str` and takes them
/// as bytes (WTF-8: `ED`, `A0` to `BF`, a third byte), which here become U+FFFD.
#[cold]
fn unescape(quoted: &str) -> Option<String> {
    struct Bytes;

    impl Visitor<'_> for Bytes {
        type Value = Vec<u8>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a string")
        }

        fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
            Ok(bytes.to_vec())
        }
    }

    let mut deserializer = serde_json::Deserializer::from_str(quoted);
    let mut bytes = deserializer.deserialize_bytes(Bytes).ok()?;
    let mut rest = bytes.as_mut_slice();
    while let [first, tail @ ..] = rest {
        if let (0xed, [second @ 0xa0..=0xbf, third, ..]) = (*first, &mut *tail) {
            (*first, *second, *third) = (0xef, 0xbf, 0xbd);
        }
        rest = tail;
    }
    String::from_utf8(bytes).ok()
}

/// `text` as a JSON string, quotes included.
#[must_use]
pub fn quote(text: &str) -> String {
    // Writing a string into memory does not fail.
    serde_json::to_string(text).unwrap_or_default()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn accepts_what_the_rfc_allows_and_nothing_else() {
        for good in [
            "{}",
            "[]",
            " [1, -0, 0.5e+3] ",
            "\"\\ud83d\\ude00\"",
            "true",
            "null",
            "{\"a\":{\"b\":[{}]}}",
        ] {
            assert!(Value::parse(good.as_bytes()).is_ok(), "{good}");
        }
        for bad in [
            "",
            "{",
            "[1,]",
            "{\"a\":1,}",
            "{a:1}",
            "01",
            "1.",
            ".5",
            "+1",
            "1e",
            "nul",
            "\"\\x\"",
            "\"\t\"",
            "\u{feff}{}",
            "{} {}",
            "'a'",
            "[1 2]",
            "{\"a\" 1}",
            "\"\\u12g4\"",
            "NaN",
            "\"abc",
        ] {
            assert!(Value::parse(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(Value::parse(b"\"\xff\"").is_err());
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(Value::parse(nested(MAX_DEPTH).as_bytes()).is_ok());
        assert!(Value::parse(nested(MAX_DEPTH + 1).as_bytes()).is_err());
        assert!(Value::parse(nested(1_000_000).as_bytes()).is_err());
        // Brackets in strings nest nothing, and an escaped quote does not end one.
        let text = format!("[\"{}\\\"{}\"]", "[".repeat(200), "{".repeat(200));
        assert!(Value::parse(text.as_bytes()).is_ok());
    }

    #[test]
    fn reads_members_with_escapes_and_repeats() {
        let document = Value::parse(br#"{"a":1,"b":[true,{"c":"x"}],"\u0061":2}"#).unwrap();
        let root = document.as_object().unwrap();
        assert_eq!(root.get("a").and_then(|v| v.as_integer()), Some(2));
        assert!(!root.is_distinct());
        assert!(Value::parse(b"[]").unwrap().as_object().is_none());
        let object = |count: usize| {
            let members: Vec<String> = (0..count).map(|name| format!("\"{name}\":0")).collect();
            format!("{{{}}}", members.join(","))
        };
        for (text, expected) in [
            (object(MAX_DISTINCT), true),
            (object(MAX_DISTINCT + 1), false),
        ] {
            let document = Value::parse(text.as_bytes()).unwrap();
            assert_eq!(document.as_object().unwrap().is_distinct(), expected);
        }
        let inner = root.get("b").unwrap();
        let inner = inner.as_array().unwrap();
        assert_eq!(inner.len(), 2);
        assert!(inner.get(1).unwrap().get("c").unwrap().is_str("x"));
        assert!(root.get("c").is_none());
    }

    #[test]
    fn strings_survive_a_round_trip() {
        for text in ["", "plain", "\"\\\n\u{1}\u{7f}é😀\u{2028}"] {
            let out = quote(text);
            let document = Value::parse(out.as_bytes()).unwrap();
            assert_eq!(document.as_str().unwrap(), text);
        }
        let document = Value::parse(br#""\ud800x\udc00\ud83d\ude00""#).unwrap();
        assert_eq!(document.as_str().unwrap(), "\u{fffd}x\u{fffd}😀");
    }

    #[test]
    fn integers_stay_exact() {
        for (text, expected) in [
            ("9007199254740991", Some(9_007_199_254_740_991)),
            ("9007199254740992", None),
            ("-9007199254740991", Some(-9_007_199_254_740_991)),
            ("1.0", None),
            ("1e3", None),
            ("99999999999999999999", None),
        ] {
            let document = Value::parse(text.as_bytes()).unwrap();
            assert_eq!(document.as_integer(), expected, "{text}");
        }
    }
}
