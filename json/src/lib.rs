//! Strict JSON (RFC 8259) over bytes: a scanner that checks the whole text once, and a view of it.
//!
//! The npm boundary needs to read, check and rename JSON without allocating a tree of strings, so a
//! [`Document`] keeps one flat list of nodes that point into the text. Nesting is bounded by
//! [`MAX_DEPTH`]; a byte order mark, invalid UTF-8, trailing bytes and control characters are refused.

use std::borrow::Cow;

/// The deepest nesting that is read. A deeper text is refused as [`Malformed`].
pub const MAX_DEPTH: usize = 128;

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
        // There is a node, since `parse` read a value; the fallback keeps this free of panics.
        Value::first(self.text, &self.nodes).unwrap_or(Value {
            text: self.text,
            node: Node {
                kind: Kind::Null,
                start: 0,
                end: 0,
                next: 1,
            },
            rest: &[],
        })
    }
}

/// One value of a [`Document`].
#[derive(Clone, Copy)]
pub struct Value<'d> {
    text: &'d str,
    node: Node,
    /// Everything after this value's own node in the document, what is inside it first.
    rest: &'d [Node],
}

impl<'d> Value<'d> {
    /// The value that `nodes` begin with.
    fn first(text: &'d str, nodes: &'d [Node]) -> Option<Self> {
        let (&node, rest) = nodes.split_first()?;
        Some(Self { text, node, rest })
    }

    /// The value's exact text.
    #[must_use]
    pub fn raw(&self) -> &'d str {
        let node = self.node;
        self.text
            .get(node.start as usize..node.end as usize)
            .unwrap_or("")
    }

    /// Whether this is `null`.
    #[must_use]
    pub fn is_null(&self) -> bool {
        self.node.kind == Kind::Null
    }

    /// Whether this is an object.
    #[must_use]
    pub fn is_object(&self) -> bool {
        self.node.kind == Kind::Object
    }

    /// Whether this is an array.
    #[must_use]
    pub fn is_array(&self) -> bool {
        self.node.kind == Kind::Array
    }

    /// Whether this is a string.
    #[must_use]
    pub fn is_string(&self) -> bool {
        matches!(self.node.kind, Kind::String | Kind::EscapedString)
    }

    /// The string with its escapes resolved; a lone surrogate becomes U+FFFD. `None` for other kinds.
    #[must_use]
    pub fn as_str(&self) -> Option<Cow<'d, str>> {
        let inner = || {
            let raw = self.raw();
            raw.get(1..raw.len().saturating_sub(1)).unwrap_or("")
        };
        match self.node.kind {
            Kind::String => Some(Cow::Borrowed(inner())),
            Kind::EscapedString => Some(Cow::Owned(unescape(inner()))),
            _ => None,
        }
    }

    /// The string of its own, as [`Self::as_str`].
    #[must_use]
    #[inline(never)]
    pub fn to_text(&self) -> Option<String> {
        self.as_str().map(Cow::into_owned)
    }

    /// The strings of an array; `None` where an element is of another kind. Empty for other kinds than arrays.
    #[must_use]
    #[inline(never)]
    pub fn to_texts(&self) -> Option<Vec<String>> {
        let mut texts = Vec::new();
        for element in self.elements() {
            texts.push(element.to_text()?);
        }
        Some(texts)
    }

    /// Whether this is the string `expected`.
    #[must_use]
    pub fn is_str(&self, expected: &str) -> bool {
        // Keys are looked up by this, so a string without escapes is compared where it lies.
        let node = self.node;
        if node.kind != Kind::String {
            return self.as_str().is_some_and(|text| text == expected);
        }
        let inner = node.start.saturating_add(1) as usize..node.end.saturating_sub(1) as usize;
        self.text.as_bytes().get(inner) == Some(expected.as_bytes())
    }

    /// The boolean, if it is one.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self.node.kind {
            Kind::True => Some(true),
            Kind::False => Some(false),
            _ => None,
        }
    }

    /// The number, if it is written as an integer (no fraction, no exponent) that JavaScript holds exactly (±(2⁵³ − 1)).
    #[must_use]
    pub fn as_integer(&self) -> Option<i64> {
        const MAX_SAFE: i64 = (1 << 53) - 1;
        if self.node.kind != Kind::Number {
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
    pub fn is_number(&self) -> bool {
        self.node.kind == Kind::Number
    }

    /// The values inside an array, or the keys and values in turn inside an object; nothing where `kind` is another.
    fn children(&self, kind: Kind) -> Children<'d> {
        let inside = if self.node.kind == kind {
            (self.node.next as usize).saturating_sub(1)
        } else {
            0
        };
        Children {
            text: self.text,
            nodes: self.rest.get(..inside).unwrap_or_default(),
        }
    }

    /// The elements of an array; nothing for other kinds.
    pub fn elements(&self) -> impl Iterator<Item = Value<'d>> + use<'d> {
        self.children(Kind::Array)
    }

    /// The members of an object, in the order of the text; nothing for other kinds.
    pub fn members(&self) -> impl Iterator<Item = (Value<'d>, Value<'d>)> + use<'d> {
        Pairs(self.children(Kind::Object))
    }

    /// The member called `key`: the last one, as `JSON.parse` has it, where a key is repeated.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Value<'d>> {
        self.members()
            .filter(|(name, _)| name.is_str(key))
            .last()
            .map(|(_, value)| value)
    }

    /// The members of an object for many look-ups; `None` where two have one name, and for other kinds.
    #[must_use]
    pub fn distinct_members(&self) -> Option<Members<'d>> {
        if !self.is_object() {
            return None;
        }
        let mut distinct = Members(Vec::new());
        for (name, value) in self.members() {
            let name = name.as_str()?;
            if distinct.get(&name).is_some() {
                return None;
            }
            distinct.0.push((name, value));
        }
        Some(distinct)
    }
}

/// The members of an object whose names are distinct.
pub struct Members<'d>(Vec<(Cow<'d, str>, Value<'d>)>);

impl<'d> Members<'d> {
    /// The member called `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Value<'d>> {
        self.0
            .iter()
            .find(|(other, _)| other == name)
            .map(|(_, value)| *value)
    }
}

struct Children<'d> {
    text: &'d str,
    nodes: &'d [Node],
}

impl<'d> Iterator for Children<'d> {
    type Item = Value<'d>;

    fn next(&mut self) -> Option<Value<'d>> {
        let value = Value::first(self.text, self.nodes)?;
        let beyond = self.nodes.get(value.node.next as usize..);
        self.nodes = beyond.unwrap_or_default();
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
    let mut chars = text.chars();
    let mut high: Option<u32> = None;
    while let Some(character) = chars.next() {
        let unit = if character == '\\' {
            match chars.next() {
                Some('b') => 0x08,
                Some('f') => 0x0c,
                Some('n') => 0x0a,
                Some('r') => 0x0d,
                Some('t') => 0x09,
                Some('u') => {
                    let mut unit = 0_u32;
                    for _ in 0..4 {
                        let digit = chars.next().and_then(|digit| digit.to_digit(16));
                        unit = (unit << 4) | digit.unwrap_or(0);
                    }
                    unit
                }
                Some(other) => other as u32,
                None => break,
            }
        } else {
            character as u32
        };
        if let Some(lead) = high.take() {
            if (0xdc00..=0xdfff).contains(&unit) {
                let joined = 0x1_0000_u32.saturating_add(((lead & 0x3ff) << 10) | (unit & 0x3ff));
                out.push(char::from_u32(joined).unwrap_or('\u{fffd}'));
                continue;
            }
            out.push('\u{fffd}');
        }
        if (0xd800..=0xdbff).contains(&unit) {
            high = Some(unit);
        } else {
            out.push(char::from_u32(unit).unwrap_or('\u{fffd}'));
        }
    }
    if high.is_some() {
        out.push('\u{fffd}');
    }
    out
}

/// Appends `text` to `out` as a JSON string, quotes included.
pub fn push_string(out: &mut String, text: &str) {
    const HEX: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
    ];
    out.push('"');
    let mut rest = text;
    // What is escaped is one byte each, so these are character boundaries.
    while let Some(at) = rest
        .bytes()
        .position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f))
    {
        let (plain, escaped) = rest.split_at_checked(at).unwrap_or_default();
        out.push_str(plain);
        let mut after = escaped.chars();
        match after.next() {
            Some('"') => out.push_str("\\\""),
            Some('\\') => out.push_str("\\\\"),
            control => {
                let code = control.unwrap_or_default() as usize;
                out.push_str("\\u00");
                for digit in [code >> 4, code & 0xf] {
                    out.push(HEX.get(digit).copied().unwrap_or('0'));
                }
            }
        }
        rest = after.as_str();
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
        assert!(root.distinct_members().is_none());
        assert!(
            Document::parse(b"[]")
                .unwrap()
                .root()
                .distinct_members()
                .is_none()
        );
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
