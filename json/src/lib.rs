//! Strict JSON (RFC 8259) over bytes: a scanner that checks the whole text once, and a view of it.
//!
//! The npm boundary needs to read, check and rename JSON without allocating a tree of strings, so a
//! [`Document`] keeps one flat list of nodes that point into the text. Nesting is bounded by
//! [`MAX_DEPTH`]; a byte order mark, invalid UTF-8, trailing bytes and control characters are refused.

use std::borrow::Cow;

/// The deepest nesting that is read. A deeper text is refused as [`Malformed`].
pub const MAX_DEPTH: usize = 128;

/// The most members of an object whose names are compared with each other.
pub const MAX_DISTINCT: usize = 64;

/// The bytes are not one JSON text. It says nothing about where, so that no payload can leak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Null,
    True,
    False,
    Number,
    String,
    EscapedString,
    Array,
    Object,
}

#[derive(Debug, Clone, Copy)]
struct Node {
    kind: Kind,
    start: u32,
    end: u32,
    /// Index of the first node after this one and all that is inside it.
    next: u32,
}

/// A checked JSON text.
pub struct Document<'a> {
    text: &'a str,
    nodes: Vec<Node>,
}

impl<'a> Document<'a> {
    /// Checks `bytes` as one JSON text.
    ///
    /// # Errors
    /// [`Malformed`] when they are not UTF-8, not one JSON text, or nested deeper than [`MAX_DEPTH`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        if u32::try_from(bytes.len()).is_err() {
            return Err(Malformed);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| Malformed)?;
        let mut scanner = Scanner {
            bytes,
            at: 0,
            nodes: Vec::with_capacity(64),
        };
        scanner.value(MAX_DEPTH)?;
        scanner.white_space();
        if scanner.at != bytes.len() {
            return Err(Malformed);
        }
        Ok(Self {
            text,
            nodes: scanner.nodes,
        })
    }

    /// The outermost value.
    #[must_use]
    pub fn root(&self) -> Value<'_> {
        Value {
            document: self,
            index: 0,
        }
    }
}

/// One value of a [`Document`]. Two words, so that it is handed on in registers.
#[derive(Clone, Copy)]
pub struct Value<'d> {
    document: &'d Document<'d>,
    index: usize,
}

impl<'d> Value<'d> {
    fn node(self) -> Node {
        // There is one; the fallback keeps this free of panics.
        let node = self.document.nodes.get(self.index);
        node.copied().unwrap_or(Node {
            kind: Kind::Null,
            start: 0,
            end: 0,
            next: 1,
        })
    }

    fn kind(self) -> Kind {
        let node = self.document.nodes.get(self.index);
        node.map_or(Kind::Null, |node| node.kind)
    }

    fn text(self, range: std::ops::Range<u32>) -> &'d str {
        let range = range.start as usize..range.end as usize;
        self.document.text.get(range).unwrap_or_default()
    }

    /// The value's exact text.
    #[must_use]
    #[inline(never)]
    pub fn raw(self) -> &'d str {
        let node = self.node();
        self.text(node.start..node.end)
    }

    /// What stands between the quotes of a string.
    #[inline(never)]
    fn inner(self) -> &'d str {
        let node = self.node();
        self.text(node.start.saturating_add(1)..node.end.saturating_sub(1))
    }

    /// Whether this is `null`.
    #[must_use]
    pub fn is_null(self) -> bool {
        self.kind() == Kind::Null
    }

    /// Whether this is an object.
    #[must_use]
    pub fn is_object(self) -> bool {
        self.kind() == Kind::Object
    }

    /// Whether this is an array.
    #[must_use]
    pub fn is_array(self) -> bool {
        self.kind() == Kind::Array
    }

    /// Whether this is a string.
    #[must_use]
    pub fn is_string(self) -> bool {
        matches!(self.kind(), Kind::String | Kind::EscapedString)
    }

    /// The string with its escapes resolved; a lone surrogate becomes U+FFFD. `None` for other kinds.
    #[must_use]
    #[inline(never)]
    pub fn as_str(self) -> Option<Cow<'d, str>> {
        match self.kind() {
            Kind::String => Some(Cow::Borrowed(self.inner())),
            Kind::EscapedString => Some(Cow::Owned(unescape(self.inner()))),
            _ => None,
        }
    }

    /// The string of its own, as [`Self::as_str`].
    #[must_use]
    #[inline(never)]
    pub fn to_text(self) -> Option<String> {
        self.as_str().map(Cow::into_owned)
    }

    /// The strings of an array; `None` where an element is of another kind. Empty for other kinds than arrays.
    #[must_use]
    pub fn to_texts(self) -> Option<Vec<String>> {
        let mut texts = Vec::new();
        for element in self.elements() {
            texts.push(element.to_text()?);
        }
        Some(texts)
    }

    /// Whether this is the string `expected`.
    #[must_use]
    #[inline(never)]
    pub fn is_str(self, expected: &str) -> bool {
        let node = self.node();
        match node.kind {
            // Keys are looked up by this, so a string without escapes is compared where it lies, and mostly by its length alone.
            Kind::String => {
                let length = (node.end as usize).wrapping_sub(node.start as usize);
                length == expected.len().wrapping_add(2) && self.inner() == expected
            }
            Kind::EscapedString => unescape(self.inner()) == expected,
            _ => false,
        }
    }

    /// The boolean, if it is one.
    #[must_use]
    pub fn as_bool(self) -> Option<bool> {
        match self.kind() {
            Kind::True => Some(true),
            Kind::False => Some(false),
            _ => None,
        }
    }

    /// The number, if it is written as an integer (no fraction, no exponent) that JavaScript holds exactly (±(2⁵³ − 1)).
    #[must_use]
    pub fn as_integer(self) -> Option<i64> {
        const MAX_SAFE: i64 = (1 << 53) - 1;
        if !self.is_number() {
            return None;
        }
        let (negative, digits) = match self.raw().as_bytes() {
            [b'-', digits @ ..] => (true, digits),
            digits => (false, digits),
        };
        let mut number = 0_i64;
        for byte in digits {
            let digit = byte.wrapping_sub(b'0');
            // Ten times the bound still fits.
            number = number.wrapping_mul(10).wrapping_add(i64::from(digit));
            if digit > 9 || number > MAX_SAFE {
                return None;
            }
        }
        Some(if negative {
            number.wrapping_neg()
        } else {
            number
        })
    }

    /// Whether this is a number of any form.
    #[must_use]
    pub fn is_number(self) -> bool {
        self.kind() == Kind::Number
    }

    /// The values inside an array, or the keys and values in turn inside an object; nothing where `kind` is another.
    fn children(self, kind: Kind) -> Children<'d> {
        let node = self.node();
        let count = if node.kind == kind {
            node.next as usize
        } else {
            0
        };
        Children {
            document: self.document,
            next: self.index.saturating_add(1),
            end: self.index.saturating_add(count),
        }
    }

    /// The elements of an array; nothing for other kinds.
    pub fn elements(self) -> impl Iterator<Item = Value<'d>> + use<'d> {
        self.children(Kind::Array)
    }

    /// The members of an object, in the order of the text; nothing for other kinds.
    pub fn members(self) -> impl Iterator<Item = (Value<'d>, Value<'d>)> + use<'d> {
        Pairs(self.children(Kind::Object))
    }

    /// The member called `key`: the last one, as `JSON.parse` has it, where a key is repeated.
    #[must_use]
    #[inline(never)]
    pub fn get(self, key: &str) -> Option<Value<'d>> {
        let mut found = None;
        for (name, value) in self.members() {
            if name.is_str(key) {
                found = Some(value);
            }
        }
        found
    }

    /// Whether this is an object whose members' names are all different. One with more than [`MAX_DISTINCT`] members is none:
    /// comparing them costs the square.
    #[must_use]
    pub fn is_distinct(self) -> bool {
        if !self.is_object() || self.members().count() > MAX_DISTINCT {
            return false;
        }
        let mut names = self.children(Kind::Object);
        while let (Some(name), Some(_)) = (names.next(), names.next()) {
            let text = name.as_str().unwrap_or_default();
            let later = Pairs(Children { ..names });
            for (other, _) in later {
                if other.is_str(&text) {
                    return false;
                }
            }
        }
        true
    }
}

struct Children<'d> {
    document: &'d Document<'d>,
    next: usize,
    end: usize,
}

impl<'d> Iterator for Children<'d> {
    type Item = Value<'d>;

    #[inline(never)]
    fn next(&mut self) -> Option<Value<'d>> {
        if self.next >= self.end {
            return None;
        }
        let value = Value {
            document: self.document,
            index: self.next,
        };
        self.next = self.next.saturating_add(value.node().next as usize);
        Some(value)
    }
}

struct Pairs<'d>(Children<'d>);

impl<'d> Iterator for Pairs<'d> {
    type Item = (Value<'d>, Value<'d>);

    fn next(&mut self) -> Option<Self::Item> {
        Some((self.0.next()?, self.0.next()?))
    }
}

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    nodes: Vec<Node>,
}

impl Scanner<'_> {
    #[inline(always)] // Even where the crate is built for size: this runs for every byte.
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    #[inline(always)]
    fn bump(&mut self) {
        self.at = self.at.saturating_add(1);
    }

    fn white_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.bump();
        }
    }

    fn open(&mut self, kind: Kind) -> usize {
        let index = self.nodes.len();
        // Offsets fit: `Document::parse` refuses texts of 4 GiB.
        self.nodes.push(Node {
            kind,
            start: self.at as u32,
            end: 0,
            next: 1,
        });
        index
    }

    fn close(&mut self, index: usize) {
        let next = self.nodes.len().saturating_sub(index) as u32;
        if let Some(node) = self.nodes.get_mut(index) {
            node.end = self.at as u32;
            node.next = next;
        }
    }

    /// One value, with the white space before it. `depth` counts down.
    fn value(&mut self, depth: usize) -> Result<(), Malformed> {
        self.white_space();
        match self.peek() {
            Some(b'{') => self.container(Kind::Object, b'}', depth),
            Some(b'[') => self.container(Kind::Array, b']', depth),
            Some(b'"') => self.string(),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word(Kind::True, b"true"),
            Some(b'f') => self.word(Kind::False, b"false"),
            Some(b'n') => self.word(Kind::Null, b"null"),
            _ => Err(Malformed),
        }
    }

    fn container(&mut self, kind: Kind, close: u8, depth: usize) -> Result<(), Malformed> {
        let depth = depth.checked_sub(1).ok_or(Malformed)?;
        let index = self.open(kind);
        self.bump();
        self.white_space();
        if self.peek() == Some(close) {
            self.bump();
            self.close(index);
            return Ok(());
        }
        loop {
            if kind == Kind::Object {
                self.white_space();
                if self.peek() != Some(b'"') {
                    return Err(Malformed);
                }
                self.string()?;
                self.white_space();
                if self.peek() != Some(b':') {
                    return Err(Malformed);
                }
                self.bump();
            }
            self.value(depth)?;
            self.white_space();
            let byte = self.peek();
            self.bump();
            match byte {
                Some(b',') => {}
                Some(byte) if byte == close => {
                    self.close(index);
                    return Ok(());
                }
                _ => return Err(Malformed),
            }
        }
    }

    fn string(&mut self) -> Result<(), Malformed> {
        let index = self.open(Kind::String);
        self.bump();
        loop {
            // Nearly all bytes of a text are plain ones in strings: one tight loop for them.
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            let plain = rest
                .iter()
                .position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f))
                .ok_or(Malformed)?;
            self.at = self.at.saturating_add(plain);
            let byte = self.peek();
            self.bump();
            match byte {
                Some(b'"') => break,
                Some(b'\\') => self.escape(index)?,
                _ => return Err(Malformed),
            }
        }
        self.close(index);
        Ok(())
    }

    /// What follows a backslash in the string of the node at `index`.
    fn escape(&mut self, index: usize) -> Result<(), Malformed> {
        if let Some(node) = self.nodes.get_mut(index) {
            node.kind = Kind::EscapedString;
        }
        let escape = self.peek();
        self.bump();
        match escape {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(()),
            Some(b'u') => {
                for _ in 0..4 {
                    if !self.peek().is_some_and(|byte| byte.is_ascii_hexdigit()) {
                        return Err(Malformed);
                    }
                    self.bump();
                }
                Ok(())
            }
            _ => Err(Malformed),
        }
    }

    fn digits(&mut self) -> Result<(), Malformed> {
        let from = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.bump();
        }
        if self.at == from {
            Err(Malformed)
        } else {
            Ok(())
        }
    }

    fn number(&mut self) -> Result<(), Malformed> {
        let index = self.open(Kind::Number);
        if self.peek() == Some(b'-') {
            self.bump();
        }
        if self.peek() == Some(b'0') {
            self.bump();
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.bump();
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.bump();
            if let Some(b'+' | b'-') = self.peek() {
                self.bump();
            }
            self.digits()?;
        }
        self.close(index);
        Ok(())
    }

    fn word(&mut self, kind: Kind, word: &[u8]) -> Result<(), Malformed> {
        let rest = self.bytes.get(self.at..).ok_or(Malformed)?;
        if !rest.starts_with(word) {
            return Err(Malformed);
        }
        let index = self.open(kind);
        self.at = self.at.saturating_add(word.len());
        self.close(index);
        Ok(())
    }
}

/// Resolves the escapes of a string that the scanner has already checked.
#[cold]
#[inline(never)]
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    // The first half of a surrogate pair, until it is known what follows it.
    let mut lead = 0_u32;
    loop {
        let at = rest.bytes().position(|byte| byte == b'\\');
        let (plain, escape) = rest
            .split_at_checked(at.unwrap_or(rest.len()))
            .unwrap_or_default();
        if lead != 0 && !(plain.is_empty() && escape.starts_with("\\u")) {
            out.push(char::REPLACEMENT_CHARACTER);
            lead = 0;
        }
        out.push_str(plain);
        let mut length = 2;
        let mut unit = match escape.as_bytes().get(1) {
            None => return out,
            Some(b'b') => 0x08,
            Some(b'f') => 0x0c,
            Some(b'n') => 0x0a,
            Some(b'r') => 0x0d,
            Some(b't') => 0x09,
            Some(b'u') => {
                length = 6;
                let digits = escape.get(2..6).unwrap_or_default();
                digits
                    .bytes()
                    .fold(0, |unit, digit| (unit << 4) | hex_value(digit))
            }
            Some(other) => u32::from(*other),
        };
        rest = escape.get(length..).unwrap_or_default();
        if lead != 0 {
            if (0xdc00..=0xdfff).contains(&unit) {
                unit = 0x1_0000_u32.saturating_add(((lead & 0x3ff) << 10) | (unit & 0x3ff));
            } else {
                out.push(char::REPLACEMENT_CHARACTER);
            }
            lead = 0;
        }
        if (0xd800..=0xdbff).contains(&unit) {
            lead = unit;
        } else {
            out.push(char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
    }
}

/// The value of a hexadecimal digit.
fn hex_value(digit: u8) -> u32 {
    let value = u32::from(digit & 0x0f);
    // Letters begin at 1 in their lower half.
    if digit > b'9' {
        value.wrapping_add(9)
    } else {
        value
    }
}

/// Appends the two hexadecimal `digits` of `byte`.
pub fn push_hex(out: &mut String, byte: u8, digits: &[u8; 16]) {
    for nibble in [byte >> 4, byte & 0xf] {
        out.push(digits.get(usize::from(nibble)).copied().unwrap_or_default() as char);
    }
}

/// Lower-case hexadecimal digits, for [`push_hex`].
pub const LOWER_HEX: &[u8; 16] = b"0123456789abcdef";

/// Appends `text` to `out` as a JSON string, quotes included.
#[inline(never)]
pub fn push_string(out: &mut String, text: &str) {
    out.push('"');
    let mut rest = text;
    // What is escaped is one byte each, so these are character boundaries.
    while let Some(at) = rest
        .bytes()
        .position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f))
    {
        let (plain, escaped) = rest.split_at_checked(at).unwrap_or_default();
        out.push_str(plain);
        let byte = escaped.as_bytes().first().copied().unwrap_or_default();
        if byte < b' ' {
            out.push_str("\\u00");
            push_hex(out, byte, LOWER_HEX);
        } else {
            out.push('\\');
            out.push(byte as char);
        }
        rest = escaped.get(1..).unwrap_or_default();
    }
    out.push_str(rest);
    out.push('"');
}

/// Appends the decimal digits of `number`.
pub fn push_integer(out: &mut String, number: i64) {
    let mut digits = [0_u8; 20];
    let mut rest = number.unsigned_abs();
    let mut length = 0;
    for slot in &mut digits {
        // A remainder of ten fits a digit.
        *slot = b'0'.saturating_add((rest % 10) as u8);
        rest /= 10;
        length = usize::saturating_add(length, 1);
        if rest == 0 {
            break;
        }
    }
    if number < 0 {
        out.push('-');
    }
    for digit in digits.iter().take(length).rev() {
        out.push(*digit as char);
    }
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
            assert!(Document::parse(good.as_bytes()).is_ok(), "{good}");
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
            assert!(Document::parse(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(Document::parse(b"\"\xff\"").is_err());
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(Document::parse(nested(MAX_DEPTH).as_bytes()).is_ok());
        assert!(Document::parse(nested(MAX_DEPTH + 1).as_bytes()).is_err());
        assert!(Document::parse(nested(1_000_000).as_bytes()).is_err());
    }

    #[test]
    fn reads_members_with_escapes_and_repeats() {
        let document = Document::parse(br#"{"a":1,"b":[true,{"c":"x"}],"\u0061":2}"#).unwrap();
        let root = document.root();
        assert_eq!(root.get("a").and_then(|v| v.as_integer()), Some(2));
        assert!(!root.is_distinct());
        assert!(!Document::parse(b"[]").unwrap().root().is_distinct());
        let object = |count: usize| {
            let members: Vec<String> = (0..count).map(|name| format!("\"{name}\":0")).collect();
            format!("{{{}}}", members.join(","))
        };
        for (text, expected) in [
            (object(MAX_DISTINCT), true),
            (object(MAX_DISTINCT + 1), false),
        ] {
            let document = Document::parse(text.as_bytes()).unwrap();
            assert_eq!(document.root().is_distinct(), expected);
        }
        let inner = root.get("b").unwrap();
        assert_eq!(inner.elements().count(), 2);
        assert!(
            inner
                .elements()
                .nth(1)
                .unwrap()
                .get("c")
                .unwrap()
                .is_str("x")
        );
        assert!(root.get("c").is_none());
    }

    #[test]
    fn strings_survive_a_round_trip() {
        for text in ["", "plain", "\"\\\n\u{1}\u{7f}é😀\u{2028}"] {
            let mut out = String::new();
            push_string(&mut out, text);
            let document = Document::parse(out.as_bytes()).unwrap();
            assert_eq!(document.root().as_str().unwrap(), text);
        }
        let document = Document::parse(br#""\ud800x\udc00\ud83d\ude00""#).unwrap();
        assert_eq!(document.root().as_str().unwrap(), "\u{fffd}x\u{fffd}😀");
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
            let document = Document::parse(text.as_bytes()).unwrap();
            assert_eq!(document.root().as_integer(), expected, "{text}");
        }
        for number in [0, 7, -10, i64::MAX, i64::MIN] {
            let mut out = String::new();
            push_integer(&mut out, number);
            assert_eq!(out, number.to_string());
        }
    }
}
