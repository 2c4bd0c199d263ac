//! Converts between JSON with wire names and JSON with JavaScript names, using the model tables.

use std::borrow::Cow;

use super::{Field, Kind, Model, Presence};
use crate::json::{Object, Value};

/// The naming of the members of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// Snake case, as on the wire.
    Wire,
    /// Camel case, as in JavaScript.
    JavaScript,
}

/// A value does not fit its model. The error names the path and the expected kind, never the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// The path in the naming of the input, such as `data.paid_at`. Empty for the whole value.
    pub path: String,
    /// The expected kind, such as `a string`.
    pub expected: &'static str,
    /// Whether the value is missing.
    pub missing: bool,
}

impl Mismatch {
    /// Returns the mismatch of a whole value that is not an object.
    pub(crate) fn no_object() -> Self {
        Self {
            path: String::new(),
            expected: expectation(&Kind::Record),
            missing: false,
        }
    }

    /// Returns a sentence for people.
    ///
    /// The sentence is `` `data.paid_at` must be an RFC 3339 time stamp ``, or `` `data.paid_at` is
    /// missing: it must be … ``.
    ///
    /// # Examples
    /// ```
    /// use gwop::model::Mismatch;
    ///
    /// let mismatch = Mismatch {
    ///     path: "data.paid_at".to_owned(),
    ///     expected: "an RFC 3339 time stamp",
    ///     missing: false,
    /// };
    /// assert_eq!(mismatch.sentence("body"), "`data.paid_at` must be an RFC 3339 time stamp");
    /// ```
    #[must_use]
    pub fn sentence(&self, whole: &str) -> String {
        let mut text = String::from("`");
        text.push_str(if self.path.is_empty() {
            whole
        } else {
            &self.path
        });
        text.push_str(if self.missing {
            "` is missing: it must be "
        } else {
            "` must be "
        });
        text.push_str(self.expected);
        text
    }
}

/// A value with JavaScript names.
#[derive(Debug, PartialEq, Eq)]
pub struct Decoded {
    /// The value's JSON. Time stamps are milliseconds since the epoch, as numbers.
    pub json: String,
    /// A JSON list of the paths of the time stamps, such as
    /// `[["data","paidAt"],["invoices",0,"createdAt"]]`.
    pub times: String,
}

/// Checks an object from the server against `model` and converts it to JavaScript names.
///
/// Members that the model does not name are dropped. An optional member that is absent or `null` is
/// left out.
///
/// # Errors
/// [`Mismatch`] when a required field is missing or a value is of another kind.
///
/// # Examples
/// ```
/// use gwop::json::Value;
/// use gwop::model::{InvoiceCancel, decode};
///
/// let body = br#"{ "id": "u", "status": "CANCELED", "canceled_at": "1970-01-01T00:00:01Z" }"#;
/// let object = Value::parse_object(body).unwrap().unwrap();
/// let canceled = decode(InvoiceCancel::MODEL, &object).unwrap();
/// assert_eq!(canceled.json, r#"{"id":"u","status":"CANCELED","canceledAt":1000}"#);
/// assert_eq!(canceled.times, r#"[["canceledAt"]]"#);
///
/// let object = Value::parse_object(b"{}").unwrap().unwrap();
/// let error = decode(InvoiceCancel::MODEL, &object).unwrap_err();
/// assert_eq!((error.path.as_str(), error.missing), ("id", true));
/// ```
pub fn decode(model: &'static Model, object: &Object<'_>) -> Result<Decoded, Mismatch> {
    decode_event(model, object, false)
}

/// Does the same as [`decode`] for an event. `derived` says that reconciliation derived it.
///
/// # Errors
/// The same as [`decode`].
pub(crate) fn decode_event(
    model: &'static Model,
    object: &Object<'_>,
    derived: bool,
) -> Result<Decoded, Mismatch> {
    let mut transcoder = Transcoder::decoding();
    transcoder.derived = derived;
    let end = transcoder.object(model, object);
    transcoder.decoded(end)
}

/// Checks a caller's object against `model` and returns JSON with wire names.
///
/// `from` is the naming of the object. Members that the model does not name are dropped.
///
/// # Errors
/// [`Mismatch`] when a required field is missing or a value is of another kind. `null` is of
/// another kind.
///
/// # Examples
/// ```
/// use gwop::client::operation;
/// use gwop::json::Value;
/// use gwop::model::{Naming, encode};
///
/// let model = operation("authSessions.get").unwrap().argument.unwrap();
/// let argument = Value::parse_object(br#"{ "sessionId": "sess_1" }"#).unwrap().unwrap();
/// let wire = encode(model, &argument, Naming::JavaScript).unwrap();
/// assert_eq!(wire, r#"{"session_id":"sess_1"}"#);
/// ```
pub fn encode(
    model: &'static Model,
    object: &Object<'_>,
    from: Naming,
) -> Result<String, Mismatch> {
    let mut transcoder = Transcoder::new(from, Naming::Wire);
    match transcoder.object(model, object) {
        Ok(()) => Ok(transcoder.out),
        Err(unfit) => Err(transcoder.mismatch(unfit)),
    }
}

#[derive(Clone, Copy)]
enum Segment {
    Name(&'static Field),
    Index(usize),
}

struct Transcoder {
    from: Naming,
    to: Naming,
    out: String,
    times: String,
    /// The current path. After an [`Unfit`], the path of that value.
    path: Vec<Segment>,
    /// Whether fields with [`Presence::Usual`] may be missing.
    derived: bool,
}

/// The value at [`Transcoder::path`] does not fit: the expected kind, and whether the value is
/// missing.
struct Unfit {
    expected: &'static str,
    missing: bool,
}

impl Transcoder {
    fn new(from: Naming, to: Naming) -> Self {
        Self {
            from,
            to,
            out: String::with_capacity(1024),
            times: String::new(),
            path: Vec::with_capacity(4),
            derived: false,
        }
    }

    fn decoding() -> Self {
        let mut transcoder = Self::new(Naming::Wire, Naming::JavaScript);
        transcoder.times.push('[');
        transcoder
    }

    fn decoded(mut self, end: Result<(), Unfit>) -> Result<Decoded, Mismatch> {
        match end {
            Ok(()) => {
                self.times.push(']');
                Ok(Decoded {
                    json: self.out,
                    times: self.times,
                })
            }
            Err(unfit) => Err(self.mismatch(unfit)),
        }
    }

    fn mismatch(&self, Unfit { expected, missing }: Unfit) -> Mismatch {
        let mut path = String::new();
        for segment in &self.path {
            if !path.is_empty() {
                path.push('.');
            }
            match *segment {
                Segment::Name(field) => path.push_str(field.called(self.from)),
                Segment::Index(index) => path.push_str(&index.to_string()),
            }
        }
        Mismatch {
            path,
            expected,
            missing,
        }
    }

    fn object(&mut self, model: &'static Model, object: &Object<'_>) -> Result<(), Unfit> {
        let mut separator = '{';
        let members = self.members(model, object);
        for (field, member) in model.fields.iter().zip(members) {
            self.path.push(Segment::Name(field));
            if let Some(member) = self.present(field, member)? {
                self.out.push(separator);
                separator = ',';
                self.out.push('"');
                self.out.push_str(field.called(self.to));
                self.out.push_str("\":");
                if field.presence == Presence::Nullable && member.is_null() {
                    self.out.push_str("null");
                } else {
                    self.value(&field.kind, member)?;
                }
            }
            self.path.pop();
        }
        self.out.push_str(if separator == '{' { "{}" } else { "}" });
        Ok(())
    }

    /// Returns the member for each field of `model`. If a key is repeated, the last one counts, as
    /// in `JSON.parse`.
    fn members<'d>(&self, model: &Model, object: &Object<'d>) -> Vec<Option<Value<'d>>> {
        let fields = model.fields;
        let mut found = vec![None; fields.len()];
        // Servers keep one order. The search therefore starts after the last field that was found
        // and wraps around.
        let mut next = 0;
        for (key, value) in object.members() {
            let indices = (next..fields.len()).chain(0..next);
            for index in indices {
                if fields
                    .get(index)
                    .is_some_and(|field| self.is_key(key, field))
                {
                    if let Some(slot) = found.get_mut(index) {
                        *slot = Some(value);
                    }
                    next = index.checked_add(1).unwrap_or_default();
                    break;
                }
            }
        }
        found
    }

    #[inline]
    fn is_key(&self, key: Value<'_>, field: &Field) -> bool {
        key.is_str(field.called(self.from))
    }

    /// Returns the member of a field, or `None` if the field is optional and absent.
    #[inline]
    fn present<'d>(
        &self,
        field: &Field,
        member: Option<Value<'d>>,
    ) -> Result<Option<Value<'d>>, Unfit> {
        let optional = match field.presence {
            Presence::Optional => true,
            Presence::Usual => self.derived,
            Presence::Required | Presence::Nullable => false,
        };
        match member {
            None if optional => Ok(None),
            None => Err(Unfit {
                expected: expectation(&field.kind),
                missing: true,
            }),
            // Only a `null` from the server counts as absent. A `null` from a caller is a mistake.
            Some(value) if optional && self.to == Naming::JavaScript && value.is_null() => Ok(None),
            member => Ok(member),
        }
    }

    fn value(&mut self, kind: &Kind, value: Value<'_>) -> Result<(), Unfit> {
        let fits = match kind {
            Kind::String | Kind::Enum(_) => value.is_string(),
            Kind::Id => value.is_string() && value.raw().len() > 2,
            Kind::Literal(text) => value.is_str(text),
            Kind::Integer => value.as_integer().is_some(),
            Kind::Boolean => value.as_bool().is_some(),
            Kind::Record => value.is_object(),
            Kind::Any => true,
            Kind::Time => {
                let text = value.as_str();
                if let Some(time) = text.and_then(|text| crate::time::parse_rfc3339(&text)) {
                    self.out.push_str(&time.to_string());
                    self.push_time_path();
                    return Ok(());
                }
                false
            }
            Kind::Amount => {
                if let Some(text) = amount(value.raw()) {
                    self.out.push_str(&text);
                    return Ok(());
                }
                false
            }
            Kind::Object(model) => match value.as_object() {
                Some(object) => return self.object(model, &object),
                None => false,
            },
            Kind::List(inner) => match value.as_array() {
                Some(elements) => return self.list(inner, elements),
                None => false,
            },
        };
        if !fits {
            return Err(Unfit {
                expected: expectation(kind),
                missing: false,
            });
        }
        self.out.push_str(value.raw());
        Ok(())
    }

    fn list(&mut self, inner: &Kind, elements: Vec<Value<'_>>) -> Result<(), Unfit> {
        self.out.push('[');
        for (index, element) in elements.into_iter().enumerate() {
            if index > 0 {
                self.out.push(',');
            }
            self.path.push(Segment::Index(index));
            self.value(inner, element)?;
            self.path.pop();
        }
        self.out.push(']');
        Ok(())
    }

    fn push_time_path(&mut self) {
        if self.times.len() > 1 {
            self.times.push(',');
        }
        let mut separator = '[';
        for segment in &self.path {
            self.times.push(separator);
            separator = ',';
            match *segment {
                Segment::Name(field) => {
                    self.times.push('"');
                    self.times.push_str(field.called(self.to));
                    self.times.push('"');
                }
                Segment::Index(index) => self.times.push_str(&index.to_string()),
            }
        }
        self.times.push(']');
    }
}

/// Returns an amount in atomic units as a JSON string.
///
/// A string stays unchanged. A JSON integer from 0 to 2⁶³ − 1 becomes its digits.
pub(super) fn amount(raw: &str) -> Option<Cow<'_, str>> {
    if raw.starts_with('"') {
        return Some(Cow::Borrowed(raw));
    }
    let digits = raw.bytes().all(|byte| byte.is_ascii_digit());
    let number: i64 = raw.parse().ok().filter(|_| digits)?;
    Some(Cow::Owned(["\"", &number.to_string(), "\""].concat()))
}

const fn expectation(kind: &Kind) -> &'static str {
    match kind {
        Kind::String | Kind::Enum(_) => "a string",
        Kind::Id => "a non-empty string",
        Kind::Literal(_) => "the text that its type is named after",
        Kind::Integer => "an integer",
        Kind::Boolean => "a boolean",
        Kind::Time => "an RFC 3339 time stamp",
        Kind::Amount => "a string, or an integer of atomic units from 0 to 9223372036854775807",
        Kind::Record | Kind::Object(_) => "an object",
        Kind::Any => "a JSON value",
        Kind::List(_) => "a list",
    }
}

impl Field {
    /// Returns the field's name in `naming`.
    #[must_use]
    pub const fn called(&self, naming: Naming) -> &'static str {
        match naming {
            Naming::Wire => self.name,
            Naming::JavaScript => self.js_name,
        }
    }
}

impl Decoded {
    /// Returns the value and its time stamps as one JSON text for the npm boundary:
    /// `{"value":…,"times":…}`.
    #[must_use]
    pub fn into_text(self) -> String {
        // The text usually has spare capacity, because JavaScript's names are shorter than the
        // wire's.
        let mut text = self.json;
        text.insert_str(0, "{\"value\":");
        text.push_str(",\"times\":");
        text.push_str(&self.times);
        text.push('}');
        text
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::json::Value;
    use crate::model::{AuthSession, CreateInvoiceRequest, InvoiceList, InvoicePublic};

    fn object(text: &str) -> Object<'_> {
        Value::parse_object(text.as_bytes()).unwrap().unwrap()
    }

    fn decoded(model: &'static Model, text: &str) -> Result<Decoded, Mismatch> {
        decode(model, &object(text))
    }

    #[test]
    fn names_times_and_free_form_values() {
        let text = r#"{"invoices":[{"id":"a","public_invoice_id":"inv_a","status":"NEW_ONE","amount_usdc":5,
            "currency":"USDC","description":null,"metadata":{"order_id": 1e2,"a":null},"expires_at":"1970-01-01T00:00:01Z",
            "created_at":"1970-01-01T00:00:00Z","later":[1]}],"pagination":{"total":1,"limit":20,"offset":0,"has_more":false}}"#;
        let out = decoded(InvoiceList::MODEL, text).unwrap();
        assert_eq!(
            out.json,
            r#"{"invoices":[{"id":"a","publicInvoiceId":"inv_a","status":"NEW_ONE","amountUsdc":5,"currency":"USDC","metadata":{"order_id": 1e2,"a":null},"expiresAt":1000,"createdAt":0}],"pagination":{"total":1,"limit":20,"offset":0,"hasMore":false}}"#
        );
        assert_eq!(
            out.times,
            r#"[["invoices",0,"expiresAt"],["invoices",0,"createdAt"]]"#
        );
    }

    #[test]
    fn nullable_is_not_optional() {
        let session = |revoked: &str| {
            decoded(
                AuthSession::MODEL,
                &format!(
                    r#"{{"session_id":"s","status":"active","sub":"base:0x","chain":"base","wallet_address":"0x",
                    "created_at":"1970-01-01T00:00:00Z","expires_at":"1970-01-01T00:00:00Z"{revoked}}}"#
                ),
            )
        };
        assert!(
            session(r#","revoked_at":null"#)
                .unwrap()
                .json
                .contains(r#""revokedAt":null"#)
        );
        assert_eq!(session("").unwrap_err().path, "revoked_at");
        assert_eq!(
            session(r#","revoked_at":7"#).unwrap_err().expected,
            "an RFC 3339 time stamp"
        );
    }

    #[test]
    fn the_wire_example_fits() {
        let text = include_str!("../../tests/wire/invoice.public.open.json");
        let out = decoded(InvoicePublic::MODEL, text).unwrap();
        assert!(
            out.json
                .contains(r#""paymentUrl":"https://agents.gwop.io/"#)
        );
    }

    #[test]
    fn arguments_are_checked_and_renamed() {
        let encoded = |text: &str| {
            encode(
                CreateInvoiceRequest::MODEL,
                &object(text),
                Naming::JavaScript,
            )
        };
        assert_eq!(
            encoded(
                r#"{"amountUsdc":5,"metadata":{"orderId":"1"},"metadataPublic":true,"unknown":1}"#
            )
            .unwrap(),
            r#"{"amount_usdc":5,"metadata":{"orderId":"1"},"metadata_public":true}"#
        );
        for (bad, path) in [
            (r#"{}"#, "amountUsdc"),
            (r#"{"amountUsdc":"5"}"#, "amountUsdc"),
            (r#"{"amountUsdc":5.5}"#, "amountUsdc"),
            (r#"{"amountUsdc":null}"#, "amountUsdc"),
            (r#"{"amountUsdc":5,"description":null}"#, "description"),
            (r#"{"amountUsdc":5,"metadata":[]}"#, "metadata"),
        ] {
            assert_eq!(encoded(bad).unwrap_err().path, path, "{bad}");
        }
    }
}
