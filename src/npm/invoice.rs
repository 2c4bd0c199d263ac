//! The state machine of invoices, for stores.

use wasm_bindgen::prelude::*;

use super::options::Given;
use super::refusal::bad_argument;
use crate::invoice::{Event, Invoice, Outcome, Status};

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** Where an invoice stands, or what an event says of it. */
export interface InvoiceState {
  /** `OPEN`, `PAYING`, `PAID`, `EXPIRED` or `CANCELED`. Absent where nothing is known: the invoice counts as open. */
  readonly status?: string | undefined;
  /** The event's version. */
  readonly version?: number | undefined;
  /** The transactions that paid, separated by spaces. */
  readonly transaction?: string | undefined;
}
"#;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(typescript_type = "InvoiceState")]
    pub type InvoiceState;
}

fn read(state: InvoiceState) -> Result<Given, JsValue> {
    Given::read(state.into())
        .map_err(|()| bad_argument("an invoice's state has a member of another kind"))
}

fn version(state: &Given) -> Option<i64> {
    // JavaScript's integers fit; the cast saturates for the rest.
    state.version.map(|version| version as i64)
}

/// What an event would do to an invoice: `applied`, `duplicate`, `stale`, `conflict` or `ignored`.
///
/// A status that this version does not know makes the event `ignored`. Throws a `Refusal` where a member is of another kind.
#[wasm_bindgen(js_name = judgeInvoiceEvent)]
pub fn judge_invoice_event(known: InvoiceState, event: InvoiceState) -> Result<String, JsValue> {
    let (known, event) = (read(known)?, read(event)?);
    let status = known.status.as_deref().and_then(Status::parse);
    let invoice = Invoice::restore(
        status.unwrap_or_default(),
        version(&known),
        known.transaction,
    );
    let outcome = match event
        .status
        .as_deref()
        .map_or(Some(Status::Open), Status::parse)
    {
        None => Outcome::Ignored,
        Some(status) => invoice.judge(&Event {
            status,
            version: version(&event),
            transaction: event.transaction,
        }),
    };
    Ok(outcome.as_str().to_owned())
}
