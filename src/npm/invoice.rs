//! The state machine of invoices for TypeScript.

use wasm_bindgen::prelude::*;

use crate::invoice::{Event, Invoice, Outcome, Status};

/// What an event would do to an invoice: [`Invoice::judge`]. A known status of `""` counts as open, an empty transaction and a
/// version that is no number as absent. A status that this version does not know is [`Outcome::Ignored`].
#[wasm_bindgen(js_name = invoiceJudge)]
#[must_use]
pub fn invoice_judge(
    known_status: &str,
    known_version: f64,
    known_transaction: String,
    status: &str,
    version: f64,
    transaction: String,
) -> String {
    let known = Invoice::restore(
        Status::parse(known_status).unwrap_or_default(),
        whole(known_version),
        text(known_transaction),
    );
    let outcome = Status::parse(status).map_or(Outcome::Ignored, |status| {
        known.judge(&Event {
            status,
            version: whole(version),
            transaction: text(transaction),
        })
    });
    outcome.as_str().to_owned()
}

fn whole(number: f64) -> Option<i64> {
    // JavaScript's integers fit; the cast saturates for the rest.
    (!number.is_nan()).then_some(number as i64)
}

fn text(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}
