//! Reconciliation for stores: the walk, and the event of an invoice that is found.

use wasm_bindgen::prelude::*;

use crate::json::Value;
use crate::reconcile::{Found, Next, Walk, numbers};

/// Continues a walk from `cursor`, which is empty at first. `since` and `now` are milliseconds
/// since 1970.
///
/// Call this after all invoices of the requested page were applied. `more` says whether pages
/// follow that page, and is `undefined` if there is none. `created` contains the creation times of
/// its invoices, in milliseconds since 1970, separated by points. `failed` says that an invoice
/// could not be applied.
///
/// Returns `cursor status offset`, which name the page to request next. If the run is over, returns
/// `cursor` alone if the run is complete, or `cursor ` with a space if an invoice could not be
/// applied. Returns `undefined` if `cursor` or `created` is not valid.
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

/// Returns the event that reconciliation derives from an invoice, as JSON of the wire.
///
/// `invoice` is the JSON of an invoice in a list. `details` is the JSON of the public invoice, or
/// `{}` if it was not requested. Both use the names of the wire. `merchant` is the merchant's id as
/// JSON.
///
/// Returns an empty string if the invoice has no final status, or was created before `since`. The
/// result begins with a space if the public invoice may have more details.
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
