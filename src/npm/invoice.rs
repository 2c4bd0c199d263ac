//! The state machine of invoices, for stores.

use serde::Serialize;
use wasm_bindgen::prelude::*;

use super::refusal::object;
use crate::invoice::{self, Event, Invoice, Outcome, Status};

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** What an event did to an invoice. */
export interface InvoiceChange {
  /** What became of the event. */
  readonly outcome: "applied" | "duplicate" | "stale" | "conflict" | "ignored";
  /** Where the invoice stands now. */
  readonly status: string;
  /** The greatest version that was applied. */
  readonly version?: number;
  /** The identity of the payment. */
  readonly payment?: string;
}
"#;

#[derive(Serialize)]
struct Change<'c> {
    outcome: &'c str,
    status: &'c str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payment: Option<&'c str>,
}

/// Applies an event to what is known about an invoice, and returns an `InvoiceChange`.
///
/// Only an `applied` event changes the state. A `duplicate` may add the identity of a payment that
/// named none.
///
/// A status is `OPEN`, `PAYING`, `PAID`, `EXPIRED` or `CANCELED`. If nothing is known, the status
/// is empty and the invoice counts as open. An event with a status that this version does not know
/// is `ignored`. A payment is the result of [`paymentOf`](payment_of).
#[wasm_bindgen(js_name = applyInvoiceEvent, unchecked_return_type = "InvoiceChange")]
pub fn apply_invoice_event(
    #[wasm_bindgen(js_name = knownStatus)] known_status: &str,
    #[wasm_bindgen(js_name = knownVersion)] known_version: Option<f64>,
    #[wasm_bindgen(js_name = knownPayment)] known_payment: Option<String>,
    status: &str,
    version: Option<f64>,
    payment: Option<String>,
) -> JsValue {
    // JavaScript's integers fit. For other numbers the casts saturate.
    let integer = |version: Option<f64>| version.map(|version| version as i64);
    let known = Status::parse(known_status).unwrap_or_default();
    let mut invoice = Invoice::restore(known, integer(known_version), known_payment);
    let outcome = Status::parse(status).map_or(Outcome::Ignored, |status| {
        invoice.apply(Event {
            status,
            version: integer(version),
            transaction: payment,
        })
    });
    object(&Change {
        outcome: outcome.as_str(),
        status: invoice.status().as_str(),
        version: invoice.version().map(|version| version as f64),
        payment: invoice.transaction(),
    })
}

/// Returns the identity of a payment from the hash and the signature of its transaction.
///
/// An absent value is empty. Returns `undefined` if both are empty.
#[wasm_bindgen(js_name = paymentOf)]
pub fn payment_of(hash: &str, signature: &str) -> Option<String> {
    invoice::payment(hash, signature)
}

/// Returns whether an invoice never leaves this status.
#[wasm_bindgen(js_name = isFinalStatus)]
pub fn is_final_status(status: &str) -> bool {
    Status::parse(status).is_some_and(Status::is_final)
}
