//! The parts that lists and single invoices have in common.

use serde_json::{Value, json};

use crate::worker::ledger::operator_messages::LastResponse;
use crate::worker::platform::iso_8601;

/// Formats the last response of fulfillment for the operator.
pub(super) fn presented_response(response: &LastResponse) -> Value {
    json!({ "status": response.status, "reason": response.reason, "at": iso_8601(response.at) })
}
