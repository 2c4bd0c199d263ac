//! From the wire's JSON to JavaScript's and back, by the tables.

use super::{Kind, Model, Presence};
use crate::json::{Value, push_integer};

/// How the members of an object are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// Snake case, as on the wire.
    Wire,
    /// Camel case, as in JavaScript.
    JavaScript,
}

/// A value does not fit its model. It names the place and what belongs there, never the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// Where, such as `data.paid_at`; empty for the whole value. In the naming of the input.
    pub path: String,
    /// What belongs there, such as `a string`.
    pub expected: &'static str,
}

impl Mismatch {
    /// The sentence for a person: `` `data.paid_at` must be an RFC 3339 time stamp ``.
    #[must_use]
    pub fn sentence(&self, whole: &str) -> String {
        let mut text = String::from("`");
        text.push_str(if self.path.is_empty() {
            whole
        } else {
            &self.path
        });
        text.push_str("` must be ");
        text.push_str(self.expected);
        text
    }
}

/// A value in JavaScript's naming.
#[derive(Debug, PartialEq, Eq)]
pub struct Decoded {
    /// The value's JSON. Time stamps are milliseconds since the epoch, as numbers.
    pub json: String,
    /// A JSON list of the paths of the time stamps, such as `[["data","paidAt"],["invoices",0,"createdAt"]]`.
    pub times: String,
}

/// Checks what the server sent against `model` and puts it into JavaScript's naming.
///
/// Members that the model does not name are dropped; an absent optional one, or `null` in its place, is left out.
///
/// # Errors
/// [`Mismatch`] when a required field is missing or a value is of another kind.
pub fn decode(model: &Model, value: Value<'_>) -> Result<Decoded, Mismatch> {
    let mut transcoder = Transcoder::new(Naming::Wire, Naming::JavaScript);
    transcoder.times.reserve(64);
    transcoder.times.push('[');
    transcoder.whole(model, value)?;
    transcoder.times.push(']');
    Ok(Decoded {
        json: transcoder.out,
        times: transcoder.times,
    })
}

/// Checks what a caller gave, named as `from` says, against `model`, and gives the wire's JSON.
///
/// Members that the model does not name are dropped.
///
/// # Errors
/// [`Mismatch`] when a required field is missing or a value is of another kind; `null` is of another kind.
pub fn encode(model: &Model, value: Value<'_>, from: Naming) -> Result<String, Mismatch> {
    let mut transcoder = Transcoder::new(from, Naming::Wire);
    transcoder.whole(model, value)?;
    Ok(transcoder.out)
}

#[derive(Clone, Copy)]
enum Segment {
    Name(&'static str),
    Index(u32),
}

struct Transcoder {
    from: Naming,
    to: Naming,
    out: String,
    times: String,
    /// Where it is; after an [`Unfit`], where that was.
    path: Vec<Segment>,
    /// After an [`Unfit`], what belongs there.
    expected: &'static str,
}

/// The value at [`Transcoder::path`] does not fit. What about it stays in the transcoder, so that this fits in a register.
struct Unfit;

impl Transcoder {
    fn new(from: Naming, to: Naming) -> Self {
        Self {
            from,
            to,
            out: String::new(),
            times: String::new(),
            path: Vec::new(),
            expected: "",
        }
    }

    fn whole(&mut self, model: &Model, value: Value<'_>) -> Result<(), Mismatch> {
        self.out.reserve(value.raw().len());
        if self.object(model, value).is_ok() {
            return Ok(());
        }
        let mut path = String::new();
        for segment in &self.path {
            if !path.is_empty() {
                path.push('.');
            }
            match *segment {
                Segment::Name(name) => push_name(&mut path, name, self.from),
                Segment::Index(index) => push_integer(&mut path, index.into()),
            }
        }
        Err(Mismatch {
            path,
            expected: self.expected,
        })
    }

    fn unfit(&mut self, kind: &Kind) -> Unfit {
        self.expected = expectation(kind);
        Unfit
    }

    fn object(&mut self, model: &Model, value: Value<'_>) -> Result<(), Unfit> {
        if !value.is_object() {
            return Err(self.unfit(&Kind::Record));
        }
        let mut separator = "{\"";
        let members = self.members(model, value);
        let mut members = members.into_iter();
        let mut nested = model.nested.iter();
        let mut at = 0;
        while let Some((field, next)) = model.entry(at) {
            at = next;
            let kind = field.kind(&mut nested);
            self.path.push(Segment::Name(field.name));
            if let Some(member) = self.present(field.presence, kind, members.next().flatten())? {
                self.out.push_str(separator);
                separator = ",\"";
                push_name(&mut self.out, field.name, self.to);
                self.out.push_str("\":");
                if field.presence == Presence::Nullable && member.is_null() {
                    self.out.push_str("null");
                } else {
                    self.value(kind, member)?;
                }
            }
            self.path.pop();
        }
        self.out
            .push_str(if separator == "{\"" { "{}" } else { "}" });
        Ok(())
    }

    /// The member for each field of `model`: the last one, as `JSON.parse` has it, where a key is repeated.
    fn members<'d>(&self, model: &Model, object: Value<'d>) -> Vec<Option<Value<'d>>> {
        let mut found = Vec::with_capacity(object.members().count());
        // Servers keep to one order, so that the field after the last one is nearly always the next: the search goes round from there.
        let (mut at, mut index) = (0_usize, 0_usize);
        for (key, value) in object.members() {
            let start = at;
            loop {
                let Some((field, next)) = model.entry(at) else {
                    // At the end, from which it goes round; or there are no fields.
                    if at == 0 {
                        break;
                    }
                    (at, index) = (0, 0);
                    if start == 0 {
                        break;
                    }
                    continue;
                };
                let here = index;
                (at, index) = (next, index.saturating_add(1));
                let is_key = match self.from {
                    Naming::Wire => key.is_str_by(|key| is_wire_name(key, field.name)),
                    Naming::JavaScript => key.is_str(field.name),
                };
                if is_key {
                    if found.len() <= here {
                        found.resize(index, None);
                    }
                    if let Some(slot) = found.get_mut(here) {
                        *slot = Some(value);
                    }
                    break;
                }
                if at == start {
                    break;
                }
            }
        }
        found
    }

    /// The member of a field, or `None` where it may be and is absent.
    fn present<'d>(
        &mut self,
        presence: Presence,
        kind: &Kind,
        member: Option<Value<'d>>,
    ) -> Result<Option<Value<'d>>, Unfit> {
        let optional = presence == Presence::Optional;
        match member {
            None if optional => Ok(None),
            None => Err(self.unfit(kind)),
            // Only a server's null counts as absent: a caller's is a mistake.
            Some(value) if optional && self.to == Naming::JavaScript && value.is_null() => Ok(None),
            member => Ok(member),
        }
    }

    fn value(&mut self, kind: &'static Kind, value: Value<'_>) -> Result<(), Unfit> {
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
                    push_integer(&mut self.out, time);
                    self.push_time_path();
                    return Ok(());
                }
                false
            }
            Kind::Object(model) => return self.object(model, value),
            Kind::List(inner) => return self.list(inner, value),
        };
        if !fits {
            return Err(self.unfit(kind));
        }
        self.out.push_str(value.raw());
        Ok(())
    }

    fn list(&mut self, inner: &'static Kind, value: Value<'_>) -> Result<(), Unfit> {
        if !value.is_array() {
            return Err(self.unfit(&Kind::List(&Kind::Any)));
        }
        self.out.push('[');
        for (index, element) in value.elements().enumerate() {
            if index > 0 {
                self.out.push(',');
            }
            // Texts are shorter than 4 GiB.
            self.path.push(Segment::Index(index as u32));
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
                Segment::Name(name) => {
                    self.times.push('"');
                    push_name(&mut self.times, name, self.to);
                    self.times.push('"');
                }
                Segment::Index(index) => push_integer(&mut self.times, index.into()),
            }
        }
        self.times.push(']');
    }
}

const fn expectation(kind: &Kind) -> &'static str {
    match kind {
        Kind::String | Kind::Enum(_) => "a string",
        Kind::Id => "a non-empty string",
        Kind::Literal(_) => "the text that its type is named after",
        Kind::Integer => "an integer",
        Kind::Boolean => "a boolean",
        Kind::Time => "an RFC 3339 time stamp",
        Kind::Record | Kind::Object(_) => "an object",
        Kind::Any => "a JSON value",
        Kind::List(_) => "a list",
    }
}

/// Appends a name, given in JavaScript's naming, in another.
pub(crate) fn push_name(out: &mut String, name: &str, naming: Naming) {
    if naming == Naming::JavaScript {
        out.push_str(name);
        return;
    }
    for byte in name.bytes() {
        if byte.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(byte.to_ascii_lowercase() as char);
    }
}

/// Whether `key` is the wire's name for what JavaScript calls `name`.
fn is_wire_name(key: &[u8], name: &str) -> bool {
    let mut rest = key.iter();
    for byte in name.bytes() {
        if byte.is_ascii_uppercase() && rest.next() != Some(&b'_') {
            return false;
        }
        if rest.next() != Some(&byte.to_ascii_lowercase()) {
            return false;
        }
    }
    rest.next().is_none()
}

/// Wraps a decoded value and its time stamps for the npm boundary: `{"value":…,"times":…}`.
impl Decoded {
    /// The text that TypeScript parses.
    #[must_use]
    pub fn into_text(self) -> String {
        // There is room for it in most: JavaScript's names are shorter than the wire's.
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
    use crate::json::Document;
    use crate::model::{AuthSession, CreateInvoiceRequest, InvoiceList, InvoicePublic};

    fn decoded(model: &Model, text: &str) -> Result<Decoded, Mismatch> {
        decode(model, Document::parse(text.as_bytes()).unwrap().root())
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
                Document::parse(text.as_bytes()).unwrap().root(),
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
            (r#"[]"#, ""),
        ] {
            assert_eq!(encoded(bad).unwrap_err().path, path, "{bad}");
        }
    }
}
