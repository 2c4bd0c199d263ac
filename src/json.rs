//! Strict JSON (RFC 8259), read by `serde_json`. A value keeps the text that it was written in.
//!
//! Most of what the SDK reads is checked and passed on as it stands, so nothing is copied: a
//! [`Value`] borrows its text from the input. JavaScript's `JSON.parse` decides what JSON is:
//! numbers of any size, lone surrogates and repeated members are taken, and of repeated members the
//! last one counts. Where a repeat is an attack (tokens, JWK Sets), [`Object::is_distinct`] refuses it.

// The agent's crate has no standard library.
use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde_json::Deserializer;
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
        let text = core::str::from_utf8(bytes).map_err(|_| Malformed)?;
        let value = serde_json::from_str::<&RawValue>(text).map_err(|_| Malformed)?;
        Self(value.get()).bounded()
    }

    /// Checks `bytes` as one JSON text and gives the members of its object; `None` where it is of another kind.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn parse_object(bytes: &'d [u8]) -> Result<Option<Object<'d>>, Malformed> {
        let text = core::str::from_utf8(bytes).map_err(|_| Malformed)?;
        match read_object(text) {
            Some(object) => Self(text).bounded().map(|_| Some(object)),
            // Another kind, or no JSON.
            None => Self::parse(bytes).map(|_| None),
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
    #[inline]
    pub fn raw(self) -> &'d str {
        self.0
    }

    #[inline]
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
    #[inline]
    fn quoted(self) -> Option<&'d str> {
        self.0.strip_prefix('"')?.strip_suffix('"')
    }

    /// The string with its escapes resolved; a lone surrogate becomes U+FFFD. `None` for other kinds.
    #[must_use]
    pub fn as_str(self) -> Option<Cow<'d, str>> {
        let quoted = self.quoted()?;
        Some(if has_escapes(quoted) {
            Cow::Owned(String::from_utf16_lossy(&unescape(quoted)))
        } else {
            Cow::Borrowed(quoted)
        })
    }

    /// Whether this is a string of Unicode text: one without lone surrogates.
    #[must_use]
    pub fn is_text(self) -> bool {
        self.quoted().is_some_and(|quoted| {
            !has_escapes(quoted) || String::from_utf16(&unescape(quoted)).is_ok()
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
        if quoted.len() == expected.len() {
            return quoted == expected && !has_escapes(expected);
        }
        quoted.len() > expected.len()
            && has_escapes(quoted)
            && self.as_str().is_some_and(|text| text == expected)
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
        read_object(self.0)
    }

    /// The elements of an array; `None` for other kinds.
    #[must_use]
    pub fn as_array(self) -> Option<Vec<Self>> {
        let mut rest = after(self.0, b'[')?;
        if after(rest, b']').is_some() {
            return Some(Vec::new());
        }
        let mut elements = Vec::with_capacity(4);
        loop {
            let (element, following) = first_value(rest)?;
            elements.push(element);
            match after(following, b',') {
                Some(next) => rest = next,
                // It is one JSON text, so nothing follows.
                None => return after(following, b']').map(|_| elements),
            }
        }
    }

    /// The member of an object that is called `name`: the last one where it is repeated. Look several up in
    /// [`Self::as_object`], which reads the object once.
    #[must_use]
    pub fn get(self, name: &str) -> Option<Self> {
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

/// The members of the object that `text` is; `None` where it is none, or no JSON.
///
/// `serde_json` reads each name and each value; only the punctuation between them is read here. Its own visitors of maps
/// bring the words of their errors along, and with them all that reads and writes numbers: 7 KB with gzip.
fn read_object(text: &str) -> Option<Object<'_>> {
    let mut rest = after(text, b'{')?;
    let mut members = Vec::new();
    let end = match after(rest, b'}') {
        Some(end) => end,
        None => {
            members.reserve(16);
            loop {
                let (name, following) = first_value(rest).filter(|(name, _)| name.is_string())?;
                let (value, following) = first_value(after(following, b':')?)?;
                members.push((name, value));
                match after(following, b',') {
                    Some(next) => rest = next,
                    None => break after(following, b'}')?,
                }
            }
        }
    };
    let ended = end.bytes().all(is_space);
    ended.then_some(Object { members })
}

/// The first JSON value of `text`, and what follows it.
fn first_value(text: &str) -> Option<(Value<'_>, &str)> {
    let mut values = Deserializer::from_str(text).into_iter::<&RawValue>();
    let value = values.next()?.ok()?;
    Some((Value(value.get()), text.get(values.byte_offset()..)?))
}

/// What follows `mark`, where `text` begins with it but for white space.
#[inline]
fn after(text: &str, mark: u8) -> Option<&str> {
    let at = text.bytes().position(|byte| !is_space(byte))?;
    (text.as_bytes().get(at) == Some(&mark))
        .then(|| text.get(at.wrapping_add(1)..))
        .flatten()
}

/// JSON's white space (RFC 8259 section 2).
#[inline]
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

#[inline]
fn has_escapes(quoted: &str) -> bool {
    quoted.bytes().any(|byte| byte == b'\\')
}

/// The UTF-16 of what stands between quotes, where `serde_json` has found the escapes to be good.
#[cold]
fn unescape(quoted: &str) -> Vec<u16> {
    let mut units = Vec::with_capacity(quoted.len());
    let mut chars = quoted.chars();
    while let Some(char) = chars.next() {
        let unit = match char {
            '\\' => match chars.next() {
                Some('u') => {
                    let digits = chars
                        .by_ref()
                        .take(4)
                        .filter_map(|digit| digit.to_digit(16));
                    // Sixteen bits of four digits.
                    digits.fold(0, |number, digit| (number << 4) | digit as u16)
                }
                Some('b') => 0x08,
                Some('f') => 0x0c,
                Some('n') => 0x0a,
                Some('r') => 0x0d,
                Some('t') => 0x09,
                // A quote, a backslash or a slash.
                other => other.map_or(0, |other| other as u16),
            },
            _ => {
                units.extend_from_slice(char.encode_utf16(&mut [0; 2]));
                continue;
            }
        };
        units.push(unit);
    }
    units
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
    fn objects_and_arrays_are_read_as_serde_json_reads_them() {
        for text in [
            "{}",
            " \r\n\t{ } ",
            "{\"a\":1}",
            " { \"a\" : 1 , \"b\" : [ 1 , -2.5e3 , \"]\" , { } ] } ",
            "{\"\\u0061\\\"\":\"}\",\"b\":{\"c\":[]}}",
            "{\"a\":true,\"b\":false,\"c\":null}",
            "{,}",
            "{\"a\":1,}",
            "{\"a\":1,,\"b\":2}",
            "{\"a\":1 \"b\":2}",
            "{\"a\" 1}",
            "{\"a\":}",
            "{\"a\"}",
            "{\"a\":1x}",
            "{\"a\":nulll}",
            "{\"a\":1}}",
            "{\"a\":1}x",
            "{\"a\":1",
            "{\"a\":\u{a0}1}",
            "{1:2}",
            "{null:2}",
            "{[\"a\"]:2}",
            "{\"a\":01}",
            "{\"a\":\"\n\"}",
            "[]",
            "[ ]",
            "[1,]",
            "[1 2]",
            "[,1]",
            "[1]]",
            "",
            " ",
        ] {
            let expected = serde_json::from_str::<serde_json::Value>(text).ok();
            let read = Value::parse_object(text.as_bytes());
            assert_eq!(read.is_ok(), expected.is_some(), "{text}");
            let members = read.ok().flatten().map(|object| {
                let member = |(name, value): (Value<'_>, Value<'_>)| {
                    let value: serde_json::Value = serde_json::from_str(value.raw()).unwrap();
                    (name.to_text().unwrap(), value)
                };
                object
                    .members()
                    .map(member)
                    .collect::<serde_json::Map<_, _>>()
            });
            let is_object = expected.as_ref().is_some_and(serde_json::Value::is_object);
            assert_eq!(members.is_some(), is_object, "{text}");
            if let (Some(members), Some(expected)) = (members, &expected) {
                assert_eq!(&serde_json::Value::Object(members), expected, "{text}");
            }
            if let Some(serde_json::Value::Array(expected)) = expected {
                let elements = Value::parse(text.as_bytes()).unwrap().as_array();
                assert_eq!(elements.unwrap().len(), expected.len(), "{text}");
            }
        }
        let array = Value::parse(b" [ 1 , [2,3] , \"],\" ] ").unwrap();
        let array = array.as_array().unwrap();
        let raw: Vec<&str> = array.iter().map(|element| element.raw()).collect();
        assert_eq!(raw, ["1", "[2,3]", "\"],\""]);
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
        assert!(!document.is_text());
        let document =
            Value::parse("\"\\ud83d😀\\uD83D\\uDe00\\b\\f\\n\\r\\t\\/\\\\\\\"é\"".as_bytes());
        let text = "\u{fffd}😀😀\u{8}\u{c}\n\r\t/\\\"é";
        assert_eq!(document.unwrap().as_str().unwrap(), text);
        assert!(document.unwrap().is_str(text) && !document.unwrap().is_text());
        assert!(Value::parse(br#""\ud83d\ude00""#).unwrap().is_text());
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
