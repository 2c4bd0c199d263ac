//! Gwop's wire models, each declared once.
//!
//! `model!` and `open_enum!` turn one declaration into:
//!
//! - the Rust type with serde,
//! - the [`Model`] table that [`decode`] and [`encode`] use at the npm boundary,
//! - with the feature `codegen`, the documentation from which `gwop-codegen` writes the TypeScript
//!   types.
//!
//! So Rust and TypeScript cannot drift apart.

mod auth;
mod invoice;
mod operation;
mod table;
mod transcode;
mod webhook;

#[cfg(feature = "codegen")]
pub mod codegen;

pub use auth::*;
pub use invoice::*;
pub use operation::*;
pub use table::{Enum, Field, Kind, Model, Presence};
pub(crate) use transcode::decode_event;
pub use transcode::{Decoded, Mismatch, Naming, decode, encode};
pub use webhook::*;

use serde::{Deserialize, Serialize};

/// A Rust type that has a representation on the wire.
pub trait Wire {
    /// The kind of the value.
    const KIND: Kind;
    /// Whether the value may be missing.
    const PRESENCE: Presence = Presence::Required;

    /// Returns whether the value is left out when it is written.
    fn is_absent(&self) -> bool {
        false
    }
}

/// An RFC 3339 time stamp with its text from the wire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub String);

impl Timestamp {
    /// Returns milliseconds since 1970-01-01T00:00:00Z, or `None` if the text is not an RFC 3339
    /// time stamp.
    ///
    /// # Examples
    /// ```
    /// use gwop::model::Timestamp;
    ///
    /// let paid_at = Timestamp("1970-01-01T00:00:01.5Z".to_owned());
    /// assert_eq!(paid_at.epoch_milliseconds(), Some(1_500));
    /// ```
    #[must_use]
    pub fn epoch_milliseconds(&self) -> Option<i64> {
        crate::time::parse_rfc3339(&self.0)
    }
}

/// An opaque identifier: a string that is not empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Id(pub String);

/// An amount of USDC in atomic units (6 decimals), as decimal text.
///
/// Gwop sends a string. Older webhook deliveries contain a JSON integer, which is read as its
/// digits. The integer must be from 0 to 2⁶³ − 1, without a fraction or an exponent.
///
/// # Examples
/// ```
/// use gwop::model::AtomicAmount;
///
/// let amount: AtomicAmount = serde_json::from_str("1025000").unwrap();
/// assert_eq!(amount, AtomicAmount("1025000".to_owned()));
/// assert!(serde_json::from_str::<AtomicAmount>("1.025").is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct AtomicAmount(pub String);

impl<'de> Deserialize<'de> for AtomicAmount {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value: Box<serde_json::value::RawValue> = Deserialize::deserialize(deserializer)?;
        let text = transcode::amount(value.get());
        text.and_then(|json| serde_json::from_str(&json).ok())
            .map(Self)
            .ok_or_else(|| serde::de::Error::custom("expected an amount in atomic units"))
    }
}

/// A free-form JSON object.
pub type Record = serde_json::Map<String, serde_json::Value>;

/// Any JSON value.
pub type Any = serde_json::Value;

/// A value that is always present and may be `null`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Nullable<T>(pub Option<T>);

/// A value that is always present in what Gwop signs. It may be missing in an event that
/// reconciliation derived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Usually<T>(pub T);

macro_rules! wire {
    ($($type:ty => $kind:ident),* $(,)?) => { $(
        impl Wire for $type { const KIND: Kind = Kind::$kind; }
    )* };
}

wire! { String => String, Id => Id, i64 => Integer, bool => Boolean, Timestamp => Time, AtomicAmount => Amount, Record => Record, Any => Any }

impl<T: Wire> Wire for Vec<T> {
    const KIND: Kind = Kind::List(&T::KIND);
}

impl<T: Wire> Wire for Option<T> {
    const KIND: Kind = T::KIND;
    const PRESENCE: Presence = Presence::Optional;

    fn is_absent(&self) -> bool {
        self.is_none()
    }
}

impl<T: Wire> Wire for Nullable<T> {
    const KIND: Kind = T::KIND;
    const PRESENCE: Presence = Presence::Nullable;
}

impl<T: Wire> Wire for Usually<T> {
    const KIND: Kind = T::KIND;
    const PRESENCE: Presence = Presence::Usual;
}

/// Returns the field's name without the `r#` of a Rust keyword.
const fn plain(name: &'static str) -> &'static str {
    match name.as_bytes() {
        [b'r', b'#', ..] => name.split_at(2).1,
        _ => name,
    }
}

/// Returns the length of the name that [`camel_case`] returns.
const fn camel_length(name: &str) -> usize {
    let (mut rest, mut length) = (name.as_bytes(), 0_usize);
    while let [byte, tail @ ..] = rest {
        length = length.wrapping_add((*byte != b'_') as usize);
        rest = tail;
    }
    length
}

/// Converts a name on the wire to its JavaScript name: `paid_at` becomes `paidAt`.
///
/// Names are ASCII. The conversion runs at compile time, so writing a member needs no conversion.
#[allow(clippy::indexing_slicing)] // An index out of bounds fails at compile time.
const fn camel_case<const LENGTH: usize>(name: &str) -> [u8; LENGTH] {
    let (mut rest, mut at, mut upper) = (name.as_bytes(), 0_usize, false);
    let mut camel = [0; LENGTH];
    while let [byte, tail @ ..] = rest {
        rest = tail;
        if *byte == b'_' {
            upper = true;
            continue;
        }
        camel[at] = if upper {
            byte.to_ascii_uppercase()
        } else {
            *byte
        };
        at = at.wrapping_add(1);
        upper = false;
    }
    camel
}

macro_rules! model {
    ($(
        $(#[doc = $doc:literal])*
        pub struct $name:ident { $( $(#[doc = $field_doc:literal])* $field:ident: $type:ty ),* $(,)? }
    )*) => { $(
        $(#[doc = $doc])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        pub struct $name { $(
            $(#[doc = $field_doc])*
            #[serde(skip_serializing_if = "crate::model::Wire::is_absent")]
            pub $field: $type,
        )* }

        impl $name {
            const FIELDS: &'static [crate::model::Field] = &[ $( crate::model::Field {
                name: crate::model::plain(stringify!($field)),
                js_name: {
                    const NAME: &str = crate::model::plain(stringify!($field));
                    const CAMEL: &[u8] = &crate::model::camel_case::<{ crate::model::camel_length(NAME) }>(NAME);
                    match std::str::from_utf8(CAMEL) {
                        Ok(name) => name,
                        Err(_) => NAME,
                    }
                },
                kind: <$type as crate::model::Wire>::KIND,
                presence: <$type as crate::model::Wire>::PRESENCE,
                #[cfg(feature = "codegen")]
                doc: concat!($($field_doc, "\n"),*),
            }, )* ];

            /// The table of this model.
            pub const MODEL: &'static crate::model::Model = &crate::model::Model {
                #[cfg(feature = "codegen")]
                name: stringify!($name),
                fields: Self::FIELDS,
                #[cfg(feature = "codegen")]
                doc: concat!($($doc, "\n"),*),
            };
        }

        impl crate::model::Wire for $name {
            const KIND: crate::model::Kind = crate::model::Kind::Object(Self::MODEL);
        }
    )*

        #[cfg(feature = "codegen")]
        pub(super) const MODELS: &[&crate::model::Model] = &[$($name::MODEL),*];
    };
}

macro_rules! literal {
    ($( $(#[doc = $doc:literal])* pub struct $name:ident = $value:literal; )*) => { $(
        $(#[doc = $doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            #[doc = concat!("`", $value, "`")]
            #[serde(rename = $value)]
            Literal,
        }

        impl crate::model::Wire for $name {
            const KIND: crate::model::Kind = crate::model::Kind::Literal(&$value);
        }
    )* };
}

macro_rules! open_enum {
    ($(
        $(#[doc = $doc:literal])*
        pub enum $name:ident { $( $variant:ident = $value:literal ),* $(,)? }
    )*) => { $(
        $(#[doc = $doc])*
        #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[serde(from = "String", into = "String")]
        pub enum $name {
            $( #[doc = concat!("`", $value, "`")] $variant, )*
            /// A value that this version does not know. It is kept unchanged.
            Other(String),
        }

        impl $name {
            /// Returns the value on the wire.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $( Self::$variant => $value, )*
                    Self::Other(value) => value,
                }
            }
        }

        impl From<String> for $name {
            fn from(value: String) -> Self {
                match value.as_str() {
                    $( $value => Self::$variant, )*
                    _ => Self::Other(value),
                }
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.as_str().to_owned()
            }
        }

        impl crate::model::Wire for $name {
            const KIND: crate::model::Kind = crate::model::Kind::Enum(&crate::model::Enum {
                #[cfg(feature = "codegen")]
                name: stringify!($name),
                #[cfg(feature = "codegen")]
                values: &[$($value),*],
                #[cfg(feature = "codegen")]
                doc: concat!($($doc, "\n"),*),
            });
        }
    )*

        #[cfg(feature = "codegen")]
        pub(super) const ENUMS: &[&crate::model::Enum] = &[$(
            match <$name as crate::model::Wire>::KIND { crate::model::Kind::Enum(table) => table, _ => &crate::model::Enum { name: "", values: &[], doc: "" } }
        ),*];
    };
}

use {literal, model, open_enum};
