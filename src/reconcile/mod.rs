//! What webhooks did not bring: the walk through Gwop's list of invoices, and the event of an
//! invoice that is found there.
//!
//! Neither an order of that list nor a filter by time is documented, so [`Walk`] goes by what each
//! page shows. It is a value without I/O: whoever drives it asks Gwop for the page that
//! [`Walk::next`] names, hands the page to [`Walk::turn`], and may stop at any time and go on from
//! [`Walk::cursor`]. What is applied is never older than [`floor`].

mod found;
mod walk;

pub use found::{Found, Page, event_id};
pub use walk::{Next, PAGE, Walk, floor, numbers};
