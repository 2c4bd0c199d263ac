//! The state machine of invoices for TypeScript.

use super::{Input, field, fields};
use crate::invoice::{Event, Invoice, Outcome, Status};

/// [`Task::InvoiceJudge`](crate::task::Task::InvoiceJudge): [`Invoice::judge`]. A new status that this version does not know is [`Outcome::Ignored`].
pub fn judge(input: &Input<'_>) -> String {
    let mut fields = fields(input);
    let known_status = field(&mut fields);
    let status = field(&mut fields);
    let known = Invoice::restore(
        Status::parse(known_status).unwrap_or_default(),
        whole(input.a),
        text(field(&mut fields)),
    );
    let outcome = Status::parse(status).map_or(Outcome::Ignored, |status| {
        known.judge(&Event {
            status,
            version: whole(input.b),
            transaction: text(field(&mut fields)),
        })
    });
    outcome.as_str().to_owned()
}

fn whole(number: f64) -> Option<i64> {
    // JavaScript's integers fit; the cast saturates for the rest.
    (!number.is_nan()).then_some(number as i64)
}

fn text(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}
