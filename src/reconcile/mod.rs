//! Finds what webhooks did not report: the walk through Gwop's list of invoices, and the event of
//! an invoice that is found there.
//!
//! Gwop documents neither an order of that list nor a filter by time. [`Walk`] therefore relies on
//! what each page shows. It is a value without I/O. Its caller:
//!
//! 1. requests the page that [`Walk::next`] names,
//! 2. passes the page to [`Walk::turn`].
//!
//! The caller may stop at any time and continue from [`Walk::cursor`]. It never applies an invoice
//! that is older than [`floor`].

mod found;
mod walk;

pub use found::{Found, Page, event_id};
pub use walk::{Next, PAGE, Walk, floor, numbers};
