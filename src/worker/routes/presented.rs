//! What lists and single invoices show alike.

use serde_json::{Value, json};

use crate::worker::ledger::operator_messages::LastAnswer;
use crate::worker::platform::iso_8601;

/// What fulfillment answered last, as the operator sees it.
pub(super) fn presented_answer(answer: &LastAnswer) -> Value {
    json!({ "status": answer.status, "reason": answer.reason, "at": iso_8601(answer.at) })
}
