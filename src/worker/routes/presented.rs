//! What lists and single invoices show alike.

use serde_json::{Value, json};

use crate::worker::ledger::operator_messages::LastResponse;
use crate::worker::platform::iso_8601;

/// The last response of fulfillment, as the operator sees it.
pub(super) fn presented_response(response: &LastResponse) -> Value {
    json!({ "status": response.status, "reason": response.reason, "at": iso_8601(response.at) })
}
