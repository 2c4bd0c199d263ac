//! Reconciliation, for stores: the walk, and the event of an invoice that is found.

use wasm_bindgen::prelude::*;

use crate::json::Value;
use crate::reconcile::{Found, Next, Walk, numbers};

/// Goes on from a cursor, which is empty at first. `since` and `now` are milliseconds since 1970.
///
/// `more` tells of the page that the last call asked for, once all of it is applied, whether pages
/// follow; it is `undefined` where there is none. `created` has when its invoices were created, in
/// milliseconds since 1970, with points between. `failed`: something of it could not be applied.
///
/// Returns `cursor status offset`: the page to ask for next. Where the run is over, `cursor` alone
/// if it is complete, and `cursor ` if something could not be applied. `undefined` where `cursor`
/// or `created` is none.
#[wasm_bindgen(js_name = walkInvoices)]
pub fn walk_invoices(
    cursor: &str,
    created: &str,
    more: Option<bool>,
    since: f64,
    now: f64,
    failed: bool,
) -> Option<String> {
    let mut walk = Walk::resume(cursor, now as i64)?;
    if let Some(more) = more {
        walk.turn(&numbers(created)?, more, since as i64, failed);
    }
    let mut result = walk.cursor();
    match walk.next() {
        Next::Page { status, offset } => {
            for part in [" ", status.as_str(), " ", &offset.to_string()] {
                result.push_str(part);
            }
        }
        Next::Over { complete: true } => {}
        Next::Over { complete: false } => result.push(' '),
    }
    Some(result)
}

/// The event that reconciliation derives from an invoice, as JSON of the wire. `invoice` is the
/// JSON of one in a list, `details` that of its public invoice, `{}` where it was not asked for,
/// both with the names of the wire; `merchant` is the merchant's id as JSON.
///
/// Empty where the invoice has no final status, or was created before `since`. Begins with a space
/// where the public invoice may tell more.
#[wasm_bindgen(js_name = reconciledEvent)]
pub fn reconciled_event(invoice: &str, details: &str, merchant: &str, since: f64) -> String {
    let event = || {
        let found = Found::read(Value::parse(invoice.as_bytes()).ok()?)?;
        if found.created_at < since as i64 {
            return None;
        }
        let details = Value::parse(details.as_bytes()).ok()?.as_object();
        let mut event = found.event(merchant, details.as_ref())?;
        if found.wants_details() {
            event.insert(0, ' ');
        }
        Some(event)
    };
    event().unwrap_or_default()
}
