//! Reconciliation in SQL: the time from which invoices are considered, the state of a run, and
//! which parts of a page are new.

use super::messages::{Delivery, Reconciliation};
use super::sql::{Row, Sql};
use super::store::{Known, Result, SWEPT_TO, Store};
use crate::invoice::{Event, Outcome, is_same_payment};
use crate::reconcile::{Next, Walk, event_id};
use crate::worker::payload::payment_of;

/// The counts of one step of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// How many pages were requested.
    pub pages: i64,
    /// How many invoices had a final status that was applied.
    pub applied: i64,
    /// How many invoices had a status that contradicts a stored final one.
    pub conflicts: i64,
    /// How many invoices cannot be converted to an event.
    pub unusable: i64,
}

/// A run in progress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The stored time from which invoices are considered, in milliseconds since the epoch.
    pub since: i64,
    /// The state of the run.
    pub cursor: String,
    /// When its next step is due, in milliseconds since the epoch.
    pub due_at: i64,
    /// How often the step has failed in a row.
    pub failures: i64,
}

const COLUMNS: &str =
    "since, cursor, due_at, completed_at, pages, applied, conflicts, unusable, failures, error";

impl<S: Sql> Store<S> {
    /// Stores `now` as the time from which invoices are considered, unless one is stored. Creates
    /// the tables if they are missing.
    ///
    /// # Errors
    /// Returns an error if storage fails.
    pub fn keep_since(&self, merchant: &str, now: i64) -> Result<()> {
        self.sql().transaction(|| {
            self.make_tables()?;
            self.run(
                "INSERT INTO reconciliation (merchant, since, cursor, pages, applied, conflicts, unusable, failures)
                 VALUES (?1, ?2, '', 0, 0, 0, 0, 0) ON CONFLICT (merchant) DO NOTHING",
                &[merchant.into(), now.into()],
            )?;
            Ok(())
        })
    }

    fn row(&self, merchant: &str) -> Result<Option<Row>> {
        self.first(
            &[
                "SELECT ",
                COLUMNS,
                " FROM reconciliation WHERE merchant = ?1",
            ]
            .concat(),
            &[merchant.into()],
        )
    }

    /// Returns the state of reconciliation, for the operator and for metrics.
    ///
    /// # Errors
    /// Returns an error if storage fails.
    pub fn reconciliation(&self, merchant: &str) -> Result<Option<Reconciliation>> {
        let Some(mut row) = self.row(merchant)? else {
            return Ok(None);
        };
        Ok(Some(Reconciliation {
            since: row.number(0)?,
            due_at: row.integer(2)?,
            completed_at: row.integer(3)?,
            pages: row.number(4)?,
            applied: row.number(5)?,
            conflicts: row.number(6)?,
            unusable: row.number(7)?,
            failures: row.number(8)?,
            error: row.text(9)?,
        }))
    }

    /// Returns the run in progress, if there is one.
    ///
    /// # Errors
    /// Returns an error if storage fails.
    pub fn walk(&self, merchant: &str) -> Result<Option<Run>> {
        let Some(mut row) = self.row(merchant)? else {
            return Ok(None);
        };
        let Some(due_at) = row.integer(2)? else {
            return Ok(None);
        };
        Ok(Some(Run {
            since: row.number(0)?,
            cursor: row.required(1)?,
            due_at,
            failures: row.number(8)?,
        }))
    }

    /// Begins a run, unless one is in progress. Returns whether it did.
    ///
    /// # Errors
    /// Returns an error if storage fails.
    pub fn begin_walk(&self, merchant: &str, now: i64) -> Result<bool> {
        let begun = self.run(
            "UPDATE reconciliation SET due_at = ?2, pages = 0, applied = 0, conflicts = 0, unusable = 0, failures = 0
             WHERE merchant = ?1 AND due_at IS NULL RETURNING merchant",
            &[merchant.into(), now.into()],
        )?;
        Ok(!begun.is_empty())
    }

    /// Stores that a page, or a part of one, is finished. `walk` is the new state of the run. The
    /// run continues at `now`, unless it is over.
    ///
    /// # Errors
    /// Returns an error if storage fails. Then the page is repeated.
    pub fn walked(&self, merchant: &str, walk: &Walk, counts: Counts, now: i64) -> Result<()> {
        let over = matches!(walk.next(), Next::Over { .. });
        let completed = walk.completed();
        self.run(
            "UPDATE reconciliation SET cursor = ?2, due_at = ?3, completed_at = ?4, pages = pages + ?5, applied = applied + ?6,
                conflicts = conflicts + ?7, unusable = unusable + ?8, failures = 0, error = NULL WHERE merchant = ?1",
            &[
                merchant.into(),
                (&walk.cursor()).into(),
                (!over).then_some(now).into(),
                (completed > 0).then_some(completed).into(),
                counts.pages.into(),
                counts.applied.into(),
                counts.conflicts.into(),
                counts.unusable.into(),
            ],
        )?;
        Ok(())
    }

    /// Stores that a step failed. The step is repeated at `due_at`. If `due_at` is `None`, the run
    /// ends, and the next run continues where this one stopped.
    ///
    /// # Errors
    /// Returns an error if storage fails.
    pub fn walk_failed(&self, merchant: &str, due_at: Option<i64>, error: &str) -> Result<()> {
        self.run(
            "UPDATE reconciliation SET due_at = ?2, failures = failures + 1, error = ?3 WHERE merchant = ?1",
            &[merchant.into(), due_at.into(), error.into()],
        )?;
        Ok(())
    }

    /// Returns the outcome that an event derived by reconciliation would have. Returns `None` if it
    /// has nothing new, or if the retention may have deleted its invoice: then nothing is written.
    /// `created_at` is when the invoice was created, in milliseconds since the epoch.
    ///
    /// # Errors
    /// Returns an error if storage fails.
    pub fn news(
        &self,
        delivery: &Delivery,
        created_at: i64,
        known: &Known,
    ) -> Result<Option<Outcome>> {
        let Some(status) = delivery.status else {
            return Ok(None);
        };
        let invoice = match known {
            Known::Event => return Ok(None),
            // A deleted invoice is not applied again, even if `RETENTION_DAYS` is raised later.
            Known::Nothing => {
                let swept = self.meta(SWEPT_TO)?;
                let is_past = swept.is_some_and(|swept| created_at <= swept);
                return Ok((!is_past).then_some(Outcome::Applied));
            }
            Known::Invoice { invoice, .. } => invoice,
        };
        let outcome = invoice.evaluate(&Event {
            status,
            version: delivery.event_version,
            transaction: delivery.transaction.clone(),
        });
        let is_news = match outcome {
            Outcome::Applied => true,
            Outcome::Conflict => !self.is_told(delivery)?,
            // The event adds the transaction, which is needed to recognize a second payment.
            Outcome::Duplicate => invoice.transaction().is_none() && delivery.transaction.is_some(),
            Outcome::Stale | Outcome::Ignored => false,
        };
        Ok(is_news.then_some(outcome))
    }

    /// Returns whether the same conflict is already stored from the other source. The sources are
    /// webhooks and reconciliation, and either may be first.
    pub(super) fn is_told(&self, delivery: &Delivery) -> Result<bool> {
        let Some(status) = delivery.status else {
            return Ok(false);
        };
        let derived = event_id(status, &delivery.invoice_id);
        let told = self.run(
            "SELECT event_id, body, outcome FROM event
             WHERE merchant = ?1 AND invoice_id = ?2 AND event_type = ?3 AND outcome IN (?4, ?5)",
            &[
                (&delivery.merchant).into(),
                (&delivery.invoice_id).into(),
                (&delivery.event_type).into(),
                Outcome::Conflict.as_str().into(),
                Outcome::Duplicate.as_str().into(),
            ],
        )?;
        let (mut is_told, mut is_another) = (false, false);
        for mut row in told {
            let (id, body) = (row.required(0)?, row.required(1)?);
            let known = payment_of(&body);
            let same = match (&known, &delivery.transaction) {
                (Some(known), Some(named)) => is_same_payment(known, named),
                _ => true,
            };
            if row.required(2)? == Outcome::Duplicate.as_str() {
                is_another |= !same;
                continue;
            }
            if same && (id == derived) != (delivery.event_id == derived) {
                if known.is_some() || delivery.transaction.is_none() {
                    return Ok(true);
                }
                is_told = true;
            }
        }
        // A conflict that names no transaction belongs to the first transaction that a duplicate
        // named.
        Ok(is_told && !is_another)
    }
}
