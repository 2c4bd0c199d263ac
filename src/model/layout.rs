//! What the wasm knows of a model's fields at run time: one text, written at compile time from their declaration.
//!
//! A field is one control character for its kind and presence, one for its name's length, and JavaScript's name of it, which is what is written most. Structures
//! of pointers would be 2 KB more of the wasm, gzip.

// The functions that write a layout run in the compiler alone: what they would panic at is a compile error.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic
)]

use super::{Field, Kind, Model, Presence};

/// Kinds by their place in a field's control character. One more place stands for the next of [`Model::nested`].
const PLAIN: [Kind; 7] = [
    Kind::String,
    Kind::Id,
    Kind::Integer,
    Kind::Boolean,
    Kind::Time,
    Kind::Record,
    Kind::Any,
];
/// How far apart the presences are in a control character.
const STEP: u8 = 8;

/// One field as the layout tells it.
pub(super) struct Entry {
    /// The name in JavaScript.
    pub name: &'static str,
    /// Whether it may be missing.
    pub presence: Presence,
    place: u8,
}

impl Entry {
    /// What the value has to be, for which `nested` gives up its next where it is one of those.
    pub fn kind(&self, nested: &mut std::slice::Iter<'static, Kind>) -> &'static Kind {
        let plain = PLAIN.get(usize::from(self.place));
        plain.or_else(|| nested.next()).unwrap_or(&Kind::Any)
    }
}

impl Model {
    /// The field that begins at `at` of the layout, and where the next one begins; `None` at its end.
    pub(super) fn entry(&self, at: usize) -> Option<(Entry, usize)> {
        let rest = self.layout.get(at..)?;
        let [mark, length, ..] = *rest.as_bytes() else {
            return None;
        };
        let end = usize::from(length).saturating_add(2);
        let entry = Entry {
            name: rest.get(2..end)?,
            presence: match mark / STEP {
                0 => Presence::Required,
                1 => Presence::Optional,
                _ => Presence::Nullable,
            },
            place: mark % STEP,
        };
        Some((entry, at.saturating_add(end)))
    }
}

const fn place(kind: Kind) -> u8 {
    match kind {
        // Its values are open, so that any string is one.
        Kind::String | Kind::Enum(_) => 0,
        Kind::Id => 1,
        Kind::Integer => 2,
        Kind::Boolean => 3,
        Kind::Time => 4,
        Kind::Record => 5,
        Kind::Any => 6,
        Kind::Literal(_) | Kind::Object(_) | Kind::List(_) => PLAIN.len() as u8,
    }
}

/// How long the layout of these fields is.
pub(super) const fn layout_length(fields: &[Field]) -> usize {
    let mut length = 2 * fields.len();
    let mut rest = fields;
    while let [field, others @ ..] = rest {
        length += name_length(field.name.as_bytes());
        rest = others;
    }
    length
}

/// How long JavaScript's name is.
const fn name_length(name: &[u8]) -> usize {
    let mut length = 0;
    let mut rest = name;
    while let [byte, bytes @ ..] = rest {
        length += (*byte != b'_') as usize;
        rest = bytes;
    }
    length
}

/// The layout of these fields.
pub(super) const fn layout<const LENGTH: usize>(fields: &[Field]) -> [u8; LENGTH] {
    let mut layout = [0; LENGTH];
    let mut at = 0;
    let mut rest = fields;
    while let [field, others @ ..] = rest {
        layout[at] = place(field.kind) + STEP * field.presence as u8;
        let mut name = field.name.as_bytes();
        layout[at + 1] = name_length(name) as u8;
        at += 2;
        while let [byte, bytes @ ..] = name {
            (layout[at], name) = match (*byte, bytes) {
                (b'_', [first @ b'a'..=b'z', bytes @ ..]) => (first.to_ascii_uppercase(), bytes),
                (b'a'..=b'z' | b'0'..=b'9', _) => (*byte, bytes),
                _ => panic!("a field's name has no camel case that leads back to it"),
            };
            at += 1;
        }
        rest = others;
    }
    layout
}

/// How many of the fields are of kinds that say more than a layout can.
pub(super) const fn nested_length(fields: &[Field]) -> usize {
    let mut length = 0;
    let mut rest = fields;
    while let [field, others @ ..] = rest {
        if place(field.kind) as usize == PLAIN.len() {
            length += 1;
        }
        rest = others;
    }
    length
}

/// Their kinds.
pub(super) const fn nested<const LENGTH: usize>(fields: &[Field]) -> [Kind; LENGTH] {
    let mut nested = [Kind::Any; LENGTH];
    let mut at = 0;
    let mut rest = fields;
    while let [field, others @ ..] = rest {
        if place(field.kind) as usize == PLAIN.len() {
            nested[at] = field.kind;
            at += 1;
        }
        rest = others;
    }
    nested
}

/// The layout as text: names are text.
pub(super) const fn text(layout: &'static [u8]) -> &'static str {
    match std::str::from_utf8(layout) {
        Ok(text) => text,
        Err(_) => panic!("a field's name is no text"),
    }
}
