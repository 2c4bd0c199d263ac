//! Strict JSON (RFC 8259). A value keeps the text that it was written in. `serde_json` reads all
//! values except plain strings.
//!
//! The SDK checks most of what it reads and passes it on unchanged. A [`Value`] therefore borrows
//! its text from the input, and nothing is copied.
//!
//! What counts as JSON is what JavaScript's `JSON.parse` accepts: numbers of any size, lone
//! surrogates and repeated members, of which the last one counts. Where a repeated member is an
//! attack (tokens, JWK Sets), callers check [`Object::is_distinct`].

// The agent's crate uses this file without the standard library.
use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde_json::Deserializer;
use serde_json::value::RawValue;

/// The deepest nesting that is accepted. Deeper text is [`Malformed`].
pub const MAX_DEPTH: usize = 128;

/// The largest number of members that [`Object::is_distinct`] compares.
pub const MAX_DISTINCT: usize = 64;

/// The greatest integer that a JavaScript number holds exactly: 2⁵³ − 1.
const MAX_SAFE_INTEGER: i64 = (1 << 53) - 1;

/// The bytes are not one JSON text. The error contains no position, so it cannot leak the payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

/// One JSON value, as it was written.
#[derive(Clone, Copy)]
pub struct Value<'d>(&'d str);

impl fmt::Debug for Value<'_> {
    /// Omits the text, which may be secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Value(redacted)")
    }
}

impl<'d> Value<'d> {
    /// Checks `bytes` as one JSON text.
    ///
    /// # Errors
    /// [`Malformed`] when they are not UTF-8, not one JSON text, or nested deeper than
    /// [`MAX_DEPTH`].
    ///
    /// # Examples
    /// ```
    /// use gwop::json::{Malformed, Value};
    ///
    /// let invoice = Value::parse(br#"{ "status": "PAID", "amount": 1.0250 }"#).unwrap();
    /// assert!(invoice.get("status").is_some_and(|status| status.is_str("PAID")));
    /// // A value keeps the text that it was written in.
    /// assert_eq!(invoice.get("amount").unwrap().raw(), "1.0250");
    /// assert_eq!(Value::parse(b"{ 'status': 1 }").err(), Some(Malformed));
    /// ```
    pub fn parse(bytes: &'d [u8]) -> Result<Self, Malformed> {
        let text = core::str::from_utf8(bytes).map_err(|_| Malformed)?;
        let value = serde_json::from_str::<&RawValue>(text).map_err(|_| Malformed)?;
        Self(value.get()).bounded()
    }

    /// Checks `bytes` as one JSON text and returns the members of its object.
    ///
    /// Returns `None` if the text is JSON of another kind.
    ///
    /// # Errors
    /// The same as [`Self::parse`].
    pub fn parse_object(bytes: &'d [u8]) -> Result<Option<Object<'d>>, Malformed> {
        let text = core::str::from_utf8(bytes).map_err(|_| Malformed)?;
        match read_object(text) {
            Some(object) => Self(text).bounded().map(|_| Some(object)),
            // JSON of another kind, or no JSON.
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

    /// Returns the exact text of the value.
    #[must_use]
    #[inline]
    pub fn raw(self) -> &'d str {
        self.0
    }

    #[inline]
    fn first(self) -> u8 {
        self.0.as_bytes().first().copied().unwrap_or_default()
    }

    /// Returns whether the value is `null`.
    #[must_use]
    pub fn is_null(self) -> bool {
        self.first() == b'n'
    }

    /// Returns whether the value is an object.
    #[must_use]
    pub fn is_object(self) -> bool {
        self.first() == b'{'
    }

    /// Returns whether the value is an array.
    #[must_use]
    pub fn is_array(self) -> bool {
        self.first() == b'['
    }

    /// Returns whether the value is a string.
    #[must_use]
    pub fn is_string(self) -> bool {
        self.first() == b'"'
    }

    /// Returns whether the value is a number.
    #[must_use]
    pub fn is_number(self) -> bool {
        matches!(self.first(), b'-' | b'0'..=b'9')
    }

    /// Returns the text between the quotes of a string, or `None` for other kinds.
    #[inline]
    fn quoted(self) -> Option<&'d str> {
        self.0.strip_prefix('"')?.strip_suffix('"')
    }

    /// Returns the string with its escapes resolved, or `None` for other kinds.
    ///
    /// A lone surrogate becomes U+FFFD.
    #[must_use]
    pub fn as_str(self) -> Option<Cow<'d, str>> {
        let quoted = self.quoted()?;
        Some(if has_escapes(quoted) {
            Cow::Owned(String::from_utf16_lossy(&unescape(quoted)))
        } else {
            Cow::Borrowed(quoted)
        })
    }

    /// Returns whether the value is a string without lone surrogates.
    #[must_use]
    pub fn is_text(self) -> bool {
        self.quoted().is_some_and(|quoted| {
            !has_escapes(quoted) || String::from_utf16(&unescape(quoted)).is_ok()
        })
    }

    /// Returns [`Self::as_str`] as an owned string.
    #[must_use]
    pub fn to_text(self) -> Option<String> {
        self.as_str().map(Cow::into_owned)
    }

    /// Returns whether the value is the string `expected`.
    #[must_use]
    pub fn is_str(self, expected: &str) -> bool {
        let Some(quoted) = self.quoted() else {
            return false;
        };
        // An escape is longer than the character it stands for. Equal text of the same length
        // therefore has no escapes.
        if quoted.len() == expected.len() {
            return quoted == expected && !has_escapes(expected);
        }
        quoted.len() > expected.len()
            && has_escapes(quoted)
            && self.as_str().is_some_and(|text| text == expected)
    }

    /// Returns the boolean, or `None` for other kinds.
    #[must_use]
    pub fn as_bool(self) -> Option<bool> {
        match self.0 {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    /// Returns the number if it is an integer that JavaScript holds exactly (±(2⁵³ − 1)).
    ///
    /// The text must have no fraction and no exponent.
    ///
    /// # Examples
    /// ```
    /// use gwop::json::Value;
    ///
    /// let integer = |text: &'static str| Value::parse(text.as_bytes()).unwrap().as_integer();
    /// assert_eq!(integer("9007199254740991"), Some(9_007_199_254_740_991));
    /// // JavaScript cannot hold this one, and the others have a fraction or an exponent.
    /// assert_eq!(integer("9007199254740992"), None);
    /// assert_eq!(integer("1.0"), None);
    /// assert_eq!(integer("1e3"), None);
    /// ```
    #[must_use]
    pub fn as_integer(self) -> Option<i64> {
        let number: i64 = self.0.parse().ok()?;
        (-MAX_SAFE_INTEGER..=MAX_SAFE_INTEGER)
            .contains(&number)
            .then_some(number)
    }

    /// Returns the members of an object, or `None` for other kinds.
    #[must_use]
    pub fn as_object(self) -> Option<Object<'d>> {
        read_object(self.0)
    }

    /// Returns the elements of an array, or `None` for other kinds.
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
                // The value is one JSON text, so nothing follows the bracket.
                None => return after(following, b']').map(|_| elements),
            }
        }
    }

    /// Returns the member `name` of an object. If it is repeated, returns the last one.
    ///
    /// To look up several members, use [`Self::as_object`], which reads the object once.
    #[must_use]
    pub fn get(self, name: &str) -> Option<Self> {
        self.as_object()?.get(name)
    }

    /// Returns whether objects and arrays nest at most `levels` deep.
    ///
    /// `serde_json` sets no limit on the nesting of values that it skips.
    pub(crate) fn nests_within(self, levels: usize) -> bool {
        let bytes = self.0.as_bytes();
        let opened = bytes.iter().filter(|byte| matches!(byte, b'[' | b'{'));
        // If there are no more opening brackets than levels, the nesting cannot be deeper. Nearly
        // every text returns here.
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

/// The members of an object, in the order of the text.
pub struct Object<'d> {
    members: Vec<(Value<'d>, Value<'d>)>,
}

impl<'d> Object<'d> {
    /// Returns the names, each a string, with their values.
    pub fn members(&self) -> impl Iterator<Item = (Value<'d>, Value<'d>)> + '_ {
        self.members.iter().copied()
    }

    /// Returns the member `name`. If it is repeated, returns the last one.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Value<'d>> {
        let mut members = self.members.iter().rev();
        members
            .find(|(key, _)| key.is_str(name))
            .map(|(_, value)| *value)
    }

    /// Returns whether all member names are different.
    ///
    /// Returns false for an object with more than [`MAX_DISTINCT`] members, because the comparison
    /// takes quadratic time.
    ///
    /// # Examples
    /// ```
    /// use gwop::json::Value;
    ///
    /// let claims = br#"{ "mid": "mine", "mid": "another's" }"#;
    /// let claims = Value::parse_object(claims).unwrap().unwrap();
    /// // `JSON.parse` takes the last one, so a repeat may be an attack.
    /// assert!(claims.get("mid").unwrap().is_str("another's"));
    /// assert!(!claims.is_distinct());
    /// ```
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

/// Returns the members of the object in `text`, or `None` if `text` is another kind or no JSON.
///
/// This function reads only the punctuation between the names and the values. The map visitors of `serde_json` would add its error messages and its code for numbers: 7
/// KB with gzip.
fn read_object(text: &str) -> Option<Object<'_>> {
    let mut rest = after(text, b'{')?;
    let mut members = Vec::with_capacity(16);
    let end = match after(rest, b'}') {
        Some(end) => end,
        None => loop {
            let (name, following) = first_value(rest).filter(|(name, _)| name.is_string())?;
            let (value, following) = first_value(after(following, b':')?)?;
            members.push((name, value));
            match after(following, b',') {
                Some(next) => rest = next,
                None => break after(following, b'}')?,
            }
        },
    };
    let ended = end.bytes().all(is_space);
    ended.then_some(Object { members })
}

/// Returns the first JSON value of `text` and the text after it. Leading white space is skipped.
///
/// A string without escapes ends at the next quote, so it needs no `serde_json`. Most names and
/// values are such strings without white space before them, and reading them here saves a sixth of
/// the time for a response.
#[inline(never)]
fn first_value(text: &str) -> Option<(Value<'_>, &str)> {
    if text.starts_with('"') {
        let special = |(_, byte): &(usize, u8)| matches!(byte, b'"' | b'\\' | 0..=0x1f);
        let (end, mark) = text.bytes().enumerate().skip(1).find(special)?;
        if mark == b'"' {
            let (string, rest) = text.split_at_checked(end.wrapping_add(1))?;
            return Some((Value(string), rest));
        }
    }
    let mut values = Deserializer::from_str(text).into_iter::<&RawValue>();
    let value = values.next()?.ok()?;
    Some((Value(value.get()), text.get(values.byte_offset()..)?))
}

/// Returns the text after `mark`, or `None` if `text` does not begin with `mark`. Leading white
/// space is skipped.
#[inline]
fn after(text: &str, mark: u8) -> Option<&str> {
    let at = text.bytes().position(|byte| !is_space(byte))?;
    (text.as_bytes().get(at) == Some(&mark))
        .then(|| text.get(at.wrapping_add(1)..))
        .flatten()
}

/// Returns whether the byte is JSON white space (RFC 8259 section 2).
#[inline]
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

#[inline]
fn has_escapes(quoted: &str) -> bool {
    quoted.bytes().any(|byte| byte == b'\\')
}

/// Returns the UTF-16 of the text between the quotes. `serde_json` has already checked the escapes.
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
                    // Four digits make sixteen bits.
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

/// Returns `text` as a JSON string, including the quotes.
#[must_use]
pub fn quote(text: &str) -> String {
    // Writing a string into memory cannot fail.
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
        // Brackets in strings do not nest, and an escaped quote does not end a string.
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
