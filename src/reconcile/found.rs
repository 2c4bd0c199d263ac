//! A page of Gwop's list of invoices, and the event of an invoice in it.

use crate::invoice::Status;
use crate::json::{Object, Value};

/// The longest merchant-side id from which an event is derived, in bytes.
///
/// Gwop's ids have 36 bytes. With the prefix, the event's id stays below the 255 bytes that stores
/// accept.
const MAX_ID_BYTES: usize = 200;

/// The prefix of the ids of these events. The status follows, then the invoice's id.
const ID_PREFIX: &str = "evt_reconciled_";

/// Returns the status as it appears in event types and ids, or `None` if it is not final.
const fn name(status: Status) -> Option<&'static str> {
    match status {
        Status::Paid => Some("paid"),
        Status::Expired => Some("expired"),
        Status::Canceled => Some("canceled"),
        Status::Open | Status::Paying => None,
    }
}

/// Returns the id of the event that reports an invoice's final status.
///
/// The id is the same for every run, so two runs do the work only once.
///
/// # Examples
/// ```
/// use gwop::invoice::Status;
/// use gwop::reconcile::event_id;
///
/// assert_eq!(event_id(Status::Paid, "u-1"), "evt_reconciled_paid_u-1");
/// ```
#[must_use]
pub fn event_id(status: Status, invoice_id: &str) -> String {
    [ID_PREFIX, name(status).unwrap_or_default(), "_", invoice_id].concat()
}

/// Returns the text between the quotes of a JSON string.
fn unquoted(raw: &str) -> &str {
    let rest = raw.strip_prefix('"').unwrap_or_default();
    rest.strip_suffix('"').unwrap_or_default()
}

/// One page of `invoices.list`, as it is on the wire.
pub struct Page<'d> {
    /// The invoices in Gwop's order.
    pub found: Vec<Found<'d>>,
    /// Whether more pages follow.
    pub more: bool,
}

/// An invoice in the list.
pub struct Found<'d> {
    members: Object<'d>,
    /// When the invoice was created, in milliseconds since 1970.
    pub created_at: i64,
}

impl<'d> Page<'d> {
    /// Reads the JSON of a response.
    ///
    /// Returns `None` if it is not a page, or if one of its invoices has no id or no time.
    ///
    /// # Examples
    /// ```
    /// use gwop::invoice::Status;
    /// use gwop::reconcile::Page;
    ///
    /// let page = r#"{
    ///     "invoices": [{ "id": "u-1", "status": "PAID", "created_at": "1970-01-01T00:00:01Z" }],
    ///     "pagination": { "has_more": false }
    /// }"#;
    /// let page = Page::read(page).unwrap();
    /// assert_eq!((page.created(), page.more), (vec![1_000], false));
    /// assert_eq!(page.found[0].status(), Some(Status::Paid));
    /// ```
    #[must_use]
    pub fn read(text: &'d str) -> Option<Self> {
        let page = Value::parse(text.as_bytes()).ok()?;
        let found = page.get("invoices")?.as_array()?;
        Some(Self {
            found: found.into_iter().map(Found::read).collect::<Option<_>>()?,
            more: page.get("pagination")?.get("has_more")?.as_bool()?,
        })
    }

    /// Returns when its invoices were created, in milliseconds since 1970.
    #[must_use]
    pub fn created(&self) -> Vec<i64> {
        self.found.iter().map(|found| found.created_at).collect()
    }
}

impl<'d> Found<'d> {
    /// Reads one invoice of a list, as it is on the wire. Returns `None` if it has no id or no
    /// time.
    #[must_use]
    pub fn read(item: Value<'d>) -> Option<Self> {
        let members = item.as_object()?;
        let created_at = members.get("created_at")?.as_str()?;
        members.get("id")?.as_str().filter(|id| !id.is_empty())?;
        Some(Self {
            created_at: crate::time::parse_rfc3339(&created_at)?,
            members,
        })
    }

    fn get(&self, name: &str) -> Option<Value<'d>> {
        present(&self.members, name)
    }

    /// Returns the merchant-side id.
    #[must_use]
    pub fn invoice_id(&self) -> Option<String> {
        self.get("id")?.to_text()
    }

    /// Returns the public id.
    #[must_use]
    pub fn public_invoice_id(&self) -> Option<String> {
        self.get("public_invoice_id")?.to_text()
    }

    /// Returns the final status, or `None` if the status is not final or not known.
    #[must_use]
    pub fn status(&self) -> Option<Status> {
        let status = Status::parse(&self.get("status")?.as_str()?)?;
        status.is_final().then_some(status)
    }

    /// Returns whether the public invoice may have more details of the payment than the list.
    #[must_use]
    pub fn wants_details(&self) -> bool {
        let names = ["paid_at", "payment_chain", "paid_tx_hash"];
        self.status() == Some(Status::Paid) && names.iter().any(|name| self.get(name).is_none())
    }

    /// Returns the event that reports the invoice's status, as JSON of the wire.
    ///
    /// `merchant` is the merchant's id as a JSON string. `details` is the public invoice, if it was
    /// requested. The event contains only what these two sources contain. Returns `None` if the
    /// invoice has no final status or no usable ids.
    #[must_use]
    pub fn event(&self, merchant: &str, details: Option<&Object<'_>>) -> Option<String> {
        let status = self.status()?;
        let kind = name(status)?;
        let id = unquoted(self.get("id")?.raw());
        if id.len() > MAX_ID_BYTES {
            return None;
        }
        let mut text = String::new();
        let mut put = |parts: &[&str]| parts.iter().for_each(|part| text.push_str(part));
        put(&[
            "{\"event_id\":\"",
            ID_PREFIX,
            kind,
            "_",
            id,
            "\",\"event_type\":\"invoice.",
            kind,
            "\",\"gwop_source\":\"reconciliation\",\"data\":{\"merchant_id\":",
            merchant,
        ]);
        for &(name, of, needed) in &MEMBERS {
            if status != Status::Paid && !needed {
                break;
            }
            let own = self.get(of).map(Value::raw);
            let value = own.or_else(|| Some(present(details?, of)?.raw()));
            let name = match value {
                None if needed => return None,
                None => continue,
                // Signatures on Solana are Base58, which has no `0`.
                Some(value) if name == "tx_hash" && !value.starts_with("\"0x") => "tx_signature",
                Some(_) => name,
            };
            let value = value.unwrap_or_default();
            // An amount is a string of digits in events, and a number in the list.
            let is_number = name == "amount_usdc" && !value.starts_with('"');
            let quote = if is_number { "\"" } else { "" };
            put(&[",\"", name, "\":", quote, value, quote]);
        }
        text.push_str("}}");
        Some(text)
    }
}

/// The members of an event: the name in the event, the name in the invoice, and whether it is
/// required.
///
/// The members of payments come last.
const MEMBERS: [(&str, &str, bool); 9] = [
    ("invoice_id", "id", true),
    ("public_invoice_id", "public_invoice_id", true),
    ("status", "status", true),
    ("amount_usdc", "amount_usdc", true),
    ("currency", "currency", true),
    ("paid_at", "paid_at", false),
    ("payment_chain", "payment_chain", false),
    ("payment_chain_caip2", "payment_chain_caip2", false),
    ("tx_hash", "paid_tx_hash", false),
];

/// Returns the member of an object, or `None` if it is absent or null.
fn present<'d>(object: &Object<'d>, name: &str) -> Option<Value<'d>> {
    object.get(name).filter(|value| !value.is_null())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::webhook::event;

    const PAID: &str = r#"{"id":"a-1","public_invoice_id":"inv_1","status":"PAID","amount_usdc":1025000,"currency":"USDC",
        "metadata":{"id":"x"},"created_at":"2026-03-24T00:00:00Z","expires_at":"2026-03-24T00:15:00Z","paid_at":"2026-03-24T00:01:00Z",
        "paid_tx_hash":"0xAB","payment_chain":"base"}"#;

    fn found(item: &str) -> Found<'_> {
        Found::read(Value::parse(item.as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn an_event_says_what_the_list_says() {
        let expected = r#"{"event_id":"evt_reconciled_paid_a-1","event_type":"invoice.paid","gwop_source":"reconciliation","data":{"merchant_id":"m","invoice_id":"a-1","public_invoice_id":"inv_1","status":"PAID","amount_usdc":"1025000","currency":"USDC","paid_at":"2026-03-24T00:01:00Z","payment_chain":"base","tx_hash":"0xAB"}}"#;
        let paid = found(PAID);
        assert!(!paid.wants_details());
        assert_eq!(paid.event("\"m\"", None).unwrap(), expected);
        event::read(expected.as_bytes(), "", "", true).unwrap();
        assert_eq!(event_id(Status::Paid, "a-1"), "evt_reconciled_paid_a-1");
    }

    #[test]
    fn the_public_invoice_says_the_rest_and_nothing_is_invented() {
        let bare = PAID
            .replace(r#","paid_at":"2026-03-24T00:01:00Z""#, "")
            .replace(
                r#""paid_tx_hash":"0xAB","payment_chain":"base""#,
                r#""paid_tx_hash":null"#,
            );
        let bare = found(&bare.replace(",\n        \"paid_tx_hash", ",\"paid_tx_hash"))
            .event("\"m\"", None);
        let bare = bare.unwrap();
        for name in ["paid_at", "chain", "tx_", "payer", "created_at", "version"] {
            assert!(!bare.contains(name), "{name} in {bare}");
        }
        // A payment without its time is not an event.
        assert!(event::read(bare.as_bytes(), "", "", true).is_err());
        let lacking = PAID.replace(
            r#""paid_tx_hash":"0xAB","payment_chain":"base""#,
            r#""description":"x""#,
        );
        let lacking = found(&lacking);
        assert!(lacking.wants_details());
        let details = r#"{"id":"inv_1","payment_chain":"solana","payment_chain_caip2":"solana:5","paid_tx_hash":"5sig","paid_at":"2027-01-01T00:00:00Z"}"#;
        let details = Value::parse(details.as_bytes())
            .unwrap()
            .as_object()
            .unwrap();
        let text = lacking.event("\"m\"", Some(&details)).unwrap();
        for part in [
            r#""tx_signature":"5sig""#,
            r#""payment_chain":"solana""#,
            r#""payment_chain_caip2":"solana:5""#,
            r#""paid_at":"2026-"#,
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        let alone = lacking.event("\"m\"", None).unwrap();
        event::read(alone.as_bytes(), "", "", true).unwrap();
    }

    #[test]
    fn only_a_final_status_with_ids_makes_an_event() {
        for (from, to, makes) in [
            ("PAID", "EXPIRED", true),
            ("PAID", "CANCELED", true),
            ("PAID", "OPEN", false),
            ("PAID", "PAYING", false),
            ("PAID", "REFUNDED", false),
            (r#""inv_1""#, "null", false),
            (r#""USDC""#, "null", false),
        ] {
            let item = PAID.replace(from, to);
            let event = found(&item).event("\"m\"", None);
            assert_eq!(event.is_some(), makes, "{to}");
            if let Some(event) = event {
                assert!(!event.contains("tx_hash"));
                crate::webhook::event::read(event.as_bytes(), "", "", true).unwrap();
            }
        }
        let long = PAID.replace("a-1", &"a".repeat(250));
        assert_eq!(found(&long).event("\"m\"", None), None);
    }

    #[test]
    fn what_is_no_page_is_refused() {
        for text in [
            "",
            "[]",
            "{}",
            r#"{"invoices":[]}"#,
            r#"{"invoices":[],"pagination":{}}"#,
            r#"{"invoices":[{}],"pagination":{"has_more":false}}"#,
            r#"{"invoices":[{"id":"","created_at":"2026-03-24T00:00:00Z"}],"pagination":{"has_more":false}}"#,
            r#"{"invoices":[{"id":"a","created_at":"yesterday"}],"pagination":{"has_more":false}}"#,
        ] {
            assert!(Page::read(text).is_none(), "{text}");
        }
        let page = Page::read(r#"{"invoices":[],"pagination":{"has_more":true}}"#).unwrap();
        assert!(page.more && page.found.is_empty());
    }
}
