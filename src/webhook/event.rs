//! Reads the signed body as an event.

use std::borrow::Cow;

use crate::json::{Object, Value};
use crate::model::{
    Decoded, InvoiceCanceledEvent, InvoiceExpiredEvent, InvoicePaidEvent, Mismatch, Model,
    decode_event,
};

use super::{Code, Rejection};

/// Returns the model for a type of event.
fn schema(event_type: &str) -> Option<&'static Model> {
    match event_type {
        "invoice.paid" => Some(InvoicePaidEvent::MODEL),
        "invoice.expired" => Some(InvoiceExpiredEvent::MODEL),
        "invoice.canceled" => Some(InvoiceCanceledEvent::MODEL),
        _ => None,
    }
}

/// Reads a body whose MAC is valid.
///
/// `id_header` and `type_header` are the values of the event headers, empty if absent. They are not
/// signed, so they must agree with the body. With `reconciled`, events that reconciliation derived
/// are accepted too. Those may lack the payer and the chain.
///
/// # Errors
/// `PayloadInvalid`, `EventUnknown`, `HeaderMismatch` or `SourceNotAccepted`. The messages name
/// fields, never values.
///
/// # Examples
/// ```
/// use gwop::webhook::{Code, event};
///
/// let error = event::read(br#"{ "event_id": "evt_1" }"#, "", "", false).unwrap_err();
/// assert_eq!(error.code, Code::PayloadInvalid);
/// // The message names the field, and holds no value of the body.
/// assert!(error.message.contains("event_type"));
/// ```
pub fn read(
    body: &[u8],
    id_header: &str,
    type_header: &str,
    reconciled: bool,
) -> Result<Decoded, Rejection> {
    read_parsed(&parse(body)?, id_header, type_header, reconciled)
}

/// Returns the members of a body.
///
/// # Errors
/// `PayloadInvalid`.
pub fn parse(body: &[u8]) -> Result<Object<'_>, Rejection> {
    let object = Value::parse_object(body).map_err(|_| invalid("it is not JSON"))?;
    object.ok_or_else(|| invalid("it is not a JSON object"))
}

/// Does the same as [`read`] for a body that is already parsed.
///
/// # Errors
/// The same as [`read`].
pub fn read_parsed(
    event: &Object<'_>,
    id_header: &str,
    type_header: &str,
    reconciled: bool,
) -> Result<Decoded, Rejection> {
    let id = non_empty(event, "event_id")?;
    let event_type = non_empty(event, "event_type")?;
    let agrees = |header: &str, signed: &str| header.is_empty() || header == signed;
    if !agrees(id_header, &id) || !agrees(type_header, &event_type) {
        return Err(Rejection::new(Code::HeaderMismatch));
    }
    let source = event.get("gwop_source").filter(|source| !source.is_null());
    if source.is_some_and(|source| !(reconciled && source.is_str("reconciliation"))) {
        return Err(Rejection::new(Code::SourceNotAccepted));
    }
    let model = schema(&event_type).ok_or_else(|| Rejection::new(Code::EventUnknown))?;
    decode_event(model, event, source.is_some())
        .map_err(|mismatch| invalid(&mismatch.sentence("body")))
}

fn invalid(reason: &str) -> Rejection {
    Rejection::because(Code::PayloadInvalid, reason)
}

fn non_empty<'d>(event: &Object<'d>, field: &str) -> Result<Cow<'d, str>, Rejection> {
    let text = event.get(field).and_then(Value::as_str);
    text.filter(|text| !text.is_empty()).ok_or_else(|| {
        let expected = "a non-empty string";
        let path = field.to_owned();
        invalid(
            &Mismatch {
                path,
                expected,
                missing: false,
            }
            .sentence(""),
        )
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const PAID: &str = include_str!("../../tests/wire/webhook.invoice.paid.json");
    const EXPIRED: &str = include_str!("../../tests/wire/webhook.invoice.expired.json");

    fn code(body: &str) -> Option<Code> {
        read(body.as_bytes(), "", "", false)
            .err()
            .map(|error| error.code)
    }

    #[test]
    fn reads_the_wire_examples() {
        let paid = read(PAID.as_bytes(), "evt_abc123", "invoice.paid", false).unwrap();
        assert!(
            paid.json.contains(r#""paidAt":1774313311602"#),
            "{}",
            paid.json
        );
        assert!(!paid.json.contains("eventVersion") && !paid.json.contains("createdAt"));
        assert_eq!(paid.times, r#"[["data","paidAt"]]"#);
        let expired = read(EXPIRED.as_bytes(), "", "", false).unwrap();
        assert!(expired.json.contains(r#""eventVersion":2"#));
    }

    #[test]
    fn an_integer_amount_comes_out_as_its_decimal_text() {
        for integer in ["0", "1025000", "9007199254740993", "9223372036854775807"] {
            let body = PAID.replace("\"1025000\"", integer);
            let paid = read(body.as_bytes(), "", "", false).unwrap();
            let expected = format!("\"amountUsdc\":\"{integer}\"");
            assert!(paid.json.contains(&expected), "{}", paid.json);
        }
    }

    #[test]
    fn headers_must_agree() {
        for (id, event_type) in [
            ("evt_other", ""),
            ("", "invoice.expired"),
            ("evt_abc123 ", ""),
        ] {
            let error = read(PAID.as_bytes(), id, event_type, false).unwrap_err();
            assert_eq!(error.code, Code::HeaderMismatch);
        }
    }

    #[test]
    fn a_derived_event_is_taken_only_by_who_asks_for_it_and_may_lack_payer_and_chain() {
        let derived = PAID.replacen('{', "{\"gwop_source\":\"reconciliation\",", 1);
        let without = |body: &str, name: &str| {
            let (before, rest) = body.split_once(&format!("\"{name}\"")).unwrap();
            let (_, rest) = rest.split_once('"').unwrap();
            let (_, rest) = rest.split_once('"').unwrap();
            format!("{before}\"x_{name}\": \"\"{rest}")
        };
        let bare = without(&without(&derived, "payment_chain"), "payer_wallet");
        let code = |body: &str, reconciled| {
            let read = read(body.as_bytes(), "", "", reconciled);
            read.err().map(|error| error.code)
        };
        for body in [&derived, &bare] {
            assert_eq!(code(body, false), Some(Code::SourceNotAccepted));
            assert_eq!(code(body, true), None);
        }
        let read = read(derived.as_bytes(), "", "", true).unwrap();
        assert!(read.json.contains(r#""gwopSource":"reconciliation""#));
        // An event that Gwop signs must have every field, with and without `reconciled`. No other
        // source is known.
        let lacking = without(PAID, "payer_wallet");
        assert_eq!(code(&lacking, true), Some(Code::PayloadInvalid));
        assert_eq!(
            code(&without(&derived, "paid_at"), true),
            Some(Code::PayloadInvalid)
        );
        let other = derived.replace("reconciliation", "elsewhere");
        assert_eq!(code(&other, true), Some(Code::SourceNotAccepted));
        assert_eq!(
            code(&derived.replace("\"reconciliation\"", "null"), false),
            None
        );
    }

    #[test]
    fn refuses_what_is_no_event() {
        use Code::{EventUnknown, PayloadInvalid};
        for (body, expected) in [
            ("", PayloadInvalid),
            ("[]", PayloadInvalid),
            ("\"x\"", PayloadInvalid),
            ("{}", PayloadInvalid),
            ("{\"event_id\":\"e\"}", PayloadInvalid),
            (
                "{\"event_id\":\"e\",\"event_type\":\"invoice.refunded\"}",
                EventUnknown,
            ),
            (
                "{\"event_id\":\"e\",\"event_type\":\"invoice.paid\"}",
                PayloadInvalid,
            ),
            (&"[".repeat(100_000), PayloadInvalid),
        ] {
            assert_eq!(code(body), Some(expected));
        }
        assert_eq!(
            read(b"{\"a\":\"\xff\"}", "", "", false).unwrap_err().code,
            PayloadInvalid
        );
        for (from, to) in [
            ("\"event_id\": \"evt_abc123\"", "\"event_id\": \"\""),
            ("ba7bc94a-5468-42f4-9f04-2502e50c7501", ""),
            ("inv_7dbeeaad8ebf4f5298c380c90e4b3576", ""),
            ("9e9c9ba5-3bab-4172-8a79-336f9ca0f163", ""),
            ("\"merchant_id\"", "\"merchant\""),
            ("\"PAID\"", "\"EXPIRED\""),
            ("\"1025000\"", "1025000.0"),
            ("\"1025000\"", "1025e3"),
            ("\"1025000\"", "-1"),
            ("\"1025000\"", "-0"),
            ("\"1025000\"", "9223372036854775808"),
            ("\"1025000\"", "null"),
            ("2026-03-24T00:48:31.602Z", "yesterday"),
        ] {
            let body = PAID.replace(from, to);
            assert_ne!(body, PAID);
            assert_eq!(code(&body), Some(PayloadInvalid), "{to}");
        }
        let error = read(
            PAID.replace("\"PAID\"", "\"SECRET\"").as_bytes(),
            "",
            "",
            false,
        )
        .unwrap_err();
        assert!(!error.message.contains("SECRET"));
    }
}
