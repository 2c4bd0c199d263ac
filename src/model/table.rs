//! The tables that the model declarations produce.

/// The kind of a field's value.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// A string.
    String,
    /// A string that is not empty.
    Id,
    /// Exactly this string.
    Literal(&'static &'static str),
    /// An integer that JavaScript holds exactly.
    Integer,
    /// A boolean.
    Boolean,
    /// An RFC 3339 time stamp: a string on the wire, a `Date` in JavaScript.
    Time,
    /// An amount in atomic units: a string, or an integer from 0 to 2⁶³ − 1 that is converted to
    /// its digits.
    Amount,
    /// A free-form JSON object, passed through byte for byte.
    Record,
    /// Any JSON value, passed through byte for byte.
    Any,
    /// A string with known values. An unknown value is kept unchanged.
    Enum(&'static Enum),
    /// Another model.
    Object(&'static Model),
    /// A list.
    List(&'static Self),
}

/// Whether a field may be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// Always present.
    Required,
    /// May be absent. A `null` from the server counts as absent.
    Optional,
    /// Always present in what Gwop signs. May be absent in an event that reconciliation derived.
    Usual,
    /// Always present, possibly `null`.
    Nullable,
}

/// One field of a [`Model`].
#[derive(Debug)]
pub struct Field {
    /// The name on the wire, in snake case.
    pub name: &'static str,
    /// The name in JavaScript, in camel case.
    pub js_name: &'static str,
    /// The kind of the value.
    pub kind: Kind,
    /// Whether the field may be missing.
    pub presence: Presence,
    /// The field's documentation.
    #[cfg(feature = "codegen")]
    pub doc: &'static str,
}

/// The table of one wire object.
#[derive(Debug)]
pub struct Model {
    /// The name of the type, in Rust and in TypeScript.
    #[cfg(feature = "codegen")]
    pub name: &'static str,
    /// The fields, in the order of the contract.
    pub fields: &'static [Field],
    /// The type's documentation.
    #[cfg(feature = "codegen")]
    pub doc: &'static str,
}

/// The table of one open enumeration.
#[derive(Debug)]
pub struct Enum {
    /// The name of the type, in Rust and in TypeScript.
    #[cfg(feature = "codegen")]
    pub name: &'static str,
    /// The values known today.
    #[cfg(feature = "codegen")]
    pub values: &'static [&'static str],
    /// The type's documentation.
    #[cfg(feature = "codegen")]
    pub doc: &'static str,
}
