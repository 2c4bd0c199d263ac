//! Strict JSON (RFC 8259) over bytes: a scanner that checks the whole text once, and a view of it.
//!
//! The npm boundary needs to read, check and rename JSON without copying its strings, so the nodes of a
//! [`Document`] point into the text. Nesting is bounded by [`MAX_DEPTH`]; a byte order mark, invalid UTF-8,
//! trailing bytes and control characters are refused.

use std::borrow::Cow;

/// The deepest nesting that is read. A deeper text is refused as [`Malformed`].
pub const MAX_DEPTH: usize = 128;

/// The most members of an object whose names are compared with each other.
pub const MAX_DISTINCT: usize = 64;

/// The bytes are not one JSON text. It says nothing about where, so that no payload can leak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

/// What a value is, told by its first byte; [`ESCAPED`] for a string with escapes.
type Kind = u8;

const OBJECT: Kind = b'{';
const ARRAY: Kind = b'[';
const STRING: Kind = b'"';
const ESCAPED: Kind = b'\\';
const TRUE: Kind = b't';
const FALSE: Kind = b'f';
const NULL: Kind = b'n';

struct Node<'a> {
    kind: Kind,
    /// The value's exact text.
    text: &'a str,
    /// The elements of an array, or the keys and values in turn of an object.
    children: Vec<Node<'a>>,
}

/// A checked JSON text.
pub struct Document<'a> {
    /// One.
    nodes: Vec<Node<'a>>,
}

impl<'a> Document<'a> {
    /// Checks `bytes` as one JSON text.
    ///
    /// # Errors
    /// [`Malformed`] when they are not UTF-8, not one JSON text, or nested deeper than [`MAX_DEPTH`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut scanner = Scanner {
            text: std::str::from_utf8(bytes).map_err(|_| Malformed)?,
            at: 0,
        };
        let mut nodes = Vec::new();
        scanner.value(MAX_DEPTH, &mut nodes)?;
        if scanner.at != bytes.len() {
            return Err(Malformed);
        }
        Ok(Self { nodes })
    }

    /// The outermost value.
    #[must_use]
    pub fn root(&self) -> Value<'_> {
        // There is one; the fallback keeps this free of panics.
        const NONE: &Node<'_> = &Node {
            kind: NULL,
            text: "null",
            children: Vec::new(),
        };
        Value(self.nodes.first().unwrap_or(NONE))
    }
}

/// One value of a [`Document`]. One word, so that it is handed on in a register.
#[derive(Clone, Copy)]
pub struct Value<'d>(&'d Node<'d>);

impl<'d> Value<'d> {
    fn kind(self) -> Kind {
        self.0.kind
    }

    /// The value's exact text.
    #[must_use]
    pub fn raw(self) -> &'d str {
        self.0.text
    }

    /// What stands between the quotes of a string.
    #[inline(never)]
    fn inner(self) -> &'d str {
        let text = self.0.text;
        text.get(1..text.len().wrapping_sub(1)).unwrap_or_default()
    }

    /// Whether this is `null`.
    #[must_use]
    pub fn is_null(self) -> bool {
        self.kind() == NULL
    }

    /// Whether this is an object.
    #[must_use]
    pub fn is_object(self) -> bool {
        self.kind() == OBJECT
    }

    /// Whether this is an array.
    #[must_use]
    pub fn is_array(self) -> bool {
        self.kind() == ARRAY
    }

    /// Whether this is a string.
    #[must_use]
    pub fn is_string(self) -> bool {
        matches!(self.kind(), STRING | ESCAPED)
    }

    /// The string with its escapes resolved; a lone surrogate becomes U+FFFD. `None` for other kinds.
    #[must_use]
    #[inline(never)]
    pub fn as_str(self) -> Option<Cow<'d, str>> {
        match self.kind() {
            STRING => Some(Cow::Borrowed(self.inner())),
            ESCAPED => Some(Cow::Owned(unescape(self.inner()))),
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
        self.is_str_by(|text| text == expected.as_bytes())
    }

    /// Whether this is a string, and the test holds of its UTF-8.
    #[inline]
    pub fn is_str_by(self, test: impl Fn(&[u8]) -> bool) -> bool {
        match self.kind() {
            // Keys are looked up by this, so a string without escapes is tested where it lies.
            STRING => matches!(self.raw().as_bytes(), [_, inner @ .., _] if test(inner)),
            ESCAPED => test(unescape(self.inner()).as_bytes()),
            _ => false,
        }
    }

    /// The boolean, if it is one.
    #[must_use]
    pub fn as_bool(self) -> Option<bool> {
        match self.kind() {
            TRUE => Some(true),
            FALSE => Some(false),
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
        matches!(self.kind(), b'-' | b'0'..=b'9')
    }

    /// What is inside; nothing where `kind` is another.
    fn children(self, kind: Kind) -> &'d [Node<'d>] {
        if self.kind() == kind {
            &self.0.children
        } else {
            &[]
        }
    }

    /// The elements of an array; nothing for other kinds.
    pub fn elements(self) -> impl Iterator<Item = Value<'d>> + use<'d> {
        self.children(ARRAY).iter().map(Value)
    }

    /// The members of an object, in the order of the text; nothing for other kinds.
    pub fn members(self) -> impl Iterator<Item = (Value<'d>, Value<'d>)> + use<'d> {
        let mut rest = self.children(OBJECT);
        std::iter::from_fn(move || {
            let [name, value, others @ ..] = rest else {
                return None;
            };
            rest = others;
            Some((Value(name), Value(value)))
        })
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
        let mut members = self.children(OBJECT);
        if !self.is_object() || members.len() > 2 * MAX_DISTINCT {
            return false;
        }
        while let [name, _, later @ ..] = members {
            let name = Value(name).as_str().unwrap_or_default();
            let mut others = later;
            while let [other, _, rest @ ..] = others {
                if Value(other).is_str(&name) {
                    return false;
                }
                others = rest;
            }
            members = later;
        }
        true
    }
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    /// The next byte. 0 at the end: NUL is refused wherever it stands.
    #[inline(always)] // Even where the crate is built for size: this runs for every byte.
    fn peek(&self) -> u8 {
        self.text.as_bytes().get(self.at).copied().unwrap_or(0)
    }

    #[inline(always)]
    fn bump(&mut self) {
        self.at = self.at.wrapping_add(1);
    }

    #[inline(always)]
    fn take(&mut self) -> u8 {
        let byte = self.peek();
        self.bump();
        byte
    }

    #[inline(always)]
    fn white_space(&mut self) {
        // Most texts are written without any.
        if self.peek() <= b' ' {
            self.skip_white_space();
        }
    }

    #[inline(never)]
    fn skip_white_space(&mut self) {
        while let b' ' | b'\t' | b'\n' | b'\r' = self.peek() {
            self.bump();
        }
    }

    /// Appends one value, read with the white space around it. `depth` counts down.
    fn value(&mut self, depth: usize, into: &mut Vec<Node<'a>>) -> Result<(), Malformed> {
        self.white_space();
        let start = self.at;
        let mut kind = self.take();
        let mut children = Vec::new();
        match kind {
            OBJECT | ARRAY => self.container(kind, depth, &mut children),
            STRING => self.string(&mut kind),
            TRUE => self.word(b"rue"),
            FALSE => self.word(b"alse"),
            NULL => self.word(b"ull"),
            _ => self.number(kind),
        }?;
        into.push(Node {
            kind,
            text: self.text.get(start..self.at).unwrap_or_default(),
            children,
        });
        self.white_space();
        Ok(())
    }

    fn container(
        &mut self,
        kind: Kind,
        depth: usize,
        children: &mut Vec<Node<'a>>,
    ) -> Result<(), Malformed> {
        let depth = depth.checked_sub(1).ok_or(Malformed)?;
        // In ASCII, each bracket closes two places after the one that opens.
        let close = kind.wrapping_add(2);
        self.white_space();
        if self.peek() == close {
            self.bump();
            return Ok(());
        }
        if kind == OBJECT {
            children.reserve(16);
        }
        loop {
            if kind == OBJECT {
                self.white_space();
                if self.peek() != STRING {
                    return Err(Malformed);
                }
                self.value(depth, children)?;
                if self.take() != b':' {
                    return Err(Malformed);
                }
            }
            self.value(depth, children)?;
            match self.take() {
                b',' => {}
                byte if byte == close => return Ok(()),
                _ => return Err(Malformed),
            }
        }
    }

    fn string(&mut self, kind: &mut Kind) -> Result<(), Malformed> {
        loop {
            match self.take() {
                b'"' => return Ok(()),
                b'\\' => {
                    *kind = ESCAPED;
                    match self.take() {
                        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {}
                        b'u' => {
                            for _ in 0..4 {
                                if !self.take().is_ascii_hexdigit() {
                                    return Err(Malformed);
                                }
                            }
                        }
                        _ => return Err(Malformed),
                    }
                }
                0..=0x1f => return Err(Malformed),
                _ => {}
            }
        }
    }

    #[inline(never)]
    fn digits(&mut self) -> Result<(), Malformed> {
        let from = self.at;
        while self.peek().is_ascii_digit() {
            self.bump();
        }
        if self.at == from {
            Err(Malformed)
        } else {
            Ok(())
        }
    }

    /// What follows the `first` byte of a number.
    fn number(&mut self, first: Kind) -> Result<(), Malformed> {
        let first = if first == b'-' { self.take() } else { first };
        if first != b'0' {
            // A digit at least, and it is the one that was taken.
            self.at = self.at.wrapping_sub(1);
            self.digits()?;
        }
        if self.peek() == b'.' {
            self.bump();
            self.digits()?;
        }
        if let b'e' | b'E' = self.peek() {
            self.bump();
            if let b'+' | b'-' = self.peek() {
                self.bump();
            }
            self.digits()?;
        }
        Ok(())
    }

    /// The `rest` of a word.
    fn word(&mut self, rest: &[u8]) -> Result<(), Malformed> {
        for byte in rest {
            if self.take() != *byte {
                return Err(Malformed);
            }
        }
        Ok(())
    }
}

/// Resolves the escapes of a string that the scanner has already checked.
#[cold]
#[inline(never)]
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    // The first half of a surrogate pair, and where its stand-in is until the second half follows.
    let (mut lead, mut lead_at) = (0, 0);
    loop {
        let mut code = next_code(&mut chars);
        if code == 0 {
            return out;
        }
        if code == u32::from(b'\\') {
            code = next_code(&mut chars);
            code = match code as u8 {
                b'b' => 0x08,
                b'f' => 0x0c,
                b'n' => 0x0a,
                b'r' => 0x0d,
                b't' => 0x09,
                b'u' => (0..4).fold(0, |code, _| (code << 4) | hex_value(next_code(&mut chars))),
                _ => code,
            };
        }
        let half = code;
        if lead != 0 && half >> 10 == 0xdc00 >> 10 {
            out.truncate(lead_at);
            code = 0x1_0000_u32.wrapping_add(((lead & 0x3ff) << 10) | (half & 0x3ff));
        }
        lead = if half >> 10 == 0xd800 >> 10 { half } else { 0 };
        lead_at = out.len();
        out.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
    }
}

/// 0 at the end: no string of a JSON text has NUL.
#[inline(never)]
fn next_code(chars: &mut std::str::Chars<'_>) -> u32 {
    chars.next().map_or(0, u32::from)
}

/// The value of a hexadecimal digit.
fn hex_value(digit: u32) -> u32 {
    // Letters have the bit that digits do not, and begin at 1 in their lower half.
    (digit & 0x0f).wrapping_add((digit >> 6).wrapping_mul(9))
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
    if number < 0 {
        out.push('-');
    }
    push_digits(out, number.unsigned_abs());
}

fn push_digits(out: &mut String, number: u64) {
    if number > 9 {
        push_digits(out, number / 10);
    }
    // A remainder of ten fits a digit.
    out.push((b'0' | (number % 10) as u8) as char);
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
