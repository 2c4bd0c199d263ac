//! The operator's lists of one shard, in SQL. Every step reads a limited number of rows and returns
//! where to continue, so a page with few matches costs no more than a full one.

use super::operator_messages::{
    Counts, EventPage, EventState, EventStep, InvoiceKey, InvoicePage, InvoiceStep, ListedEvent,
    ListedInvoice, ReplayedStep,
};
use super::sql::{Row, Sql, SqlError};
use super::store::{Store, last_response, outcome, status};

/// Greater than every time and sequence: the largest integer that a double holds exactly.
const LATEST: i64 = (1 << 53) - 1;

/// How many rows a step reads if a filter excludes some of them.
pub const SCAN_ROWS: i64 = 1_000;
/// The maximum number of rows that a step lists or replays.
pub const STEP_ROWS: i64 = 1_000;

type Result<T> = std::result::Result<T, SqlError>;

/// The columns of [`ListedEvent`].
const EVENT: &str = "event.sequence, event.invoice_id, public_invoice_id, event_id, event_type, outcome, received_at, \
     delivered_at, state, deliveries, due_at, answer_status, answer, answered_at";

/// Returns the query for the rows of a list, by its index: after `?2`, at most `?3`.
fn scan(state: EventState) -> String {
    let tables = match state {
        EventState::Dead | EventState::Pending => "outbox JOIN event USING (sequence)",
        EventState::Conflict => "event LEFT JOIN outbox USING (sequence)",
    };
    // Pending rows are searched among the whole outbox. An index of their own would be written
    // twice for each event, and few rows are dead.
    let rows = match state {
        EventState::Dead => {
            "outbox.merchant = ?1 AND outbox.state = 'dead' AND outbox.sequence > ?2"
        }
        EventState::Pending => "outbox.merchant = ?1 AND outbox.sequence > ?2",
        EventState::Conflict => {
            "event.merchant = ?1 AND event.outcome = 'conflict' AND event.sequence > ?2"
        }
    };
    let order = match state {
        EventState::Dead | EventState::Pending => "outbox.sequence",
        EventState::Conflict => "event.sequence",
    };
    format!(
        "SELECT {EVENT} FROM {tables}
         LEFT JOIN invoice ON invoice.merchant = event.merchant AND invoice.invoice_id = event.invoice_id
         WHERE {rows} ORDER BY {order} LIMIT ?3"
    )
}

/// The invoices after `(?2, ?3)` whose last event came at `?4` or later, at most `?5`.
const INVOICES: &str = "SELECT last_event_at, invoice_id, public_invoice_id, status, version, transaction_id FROM invoice
     WHERE merchant = ?1 AND last_event_at <= ?2 AND (last_event_at, invoice_id) < (?2, ?3) AND last_event_at >= ?4
     ORDER BY last_event_at DESC, invoice_id DESC LIMIT ?5";

/// The number of pending rows and the first of them, the number of dead rows and the first of them,
/// and the number of conflicts.
const PENDING: &str =
    "SELECT count(*), MIN(sequence) FROM outbox WHERE state <> 'dead' AND merchant = ?1";
const DEAD: &str =
    "SELECT count(*), MIN(sequence) FROM outbox WHERE state = 'dead' AND merchant = ?1";
const CONFLICTS: &str =
    "SELECT count(*), MIN(sequence) FROM event WHERE outcome = 'conflict' AND merchant = ?1";

/// Returns the statements whose query plans the tests check.
#[cfg(test)]
pub fn statements() -> Vec<String> {
    let lists = [EventState::Dead, EventState::Pending, EventState::Conflict].map(scan);
    let others = [INVOICES, PENDING, DEAD, CONFLICTS].map(str::to_owned);
    lists.into_iter().chain(others).collect()
}

impl<S: Sql> Store<S> {
    /// Returns one step of a list of events, oldest first.
    ///
    /// # Errors
    /// Returns an error if storage fails.
    pub fn list_events(&self, merchant: &str, step: &EventStep) -> Result<EventPage> {
        let limit = step.limit.clamp(1, STEP_ROWS);
        let every_row_is_meant = step.filter.is_all() && step.filter.state != EventState::Pending;
        let look_at = if every_row_is_meant { limit } else { SCAN_ROWS };
        let rows = self.run(
            &scan(step.filter.state),
            &[merchant.into(), step.after.into(), look_at.into()],
        )?;
        let scanned_all = is_less(rows.len(), look_at);
        let mut page = EventPage::default();
        let mut last = None;
        for row in rows {
            if !is_less(page.events.len(), limit) {
                page.next = last;
                return Ok(page);
            }
            let event = listed(row)?;
            last = Some(event.sequence);
            if step.filter.takes(&event) {
                page.events.push(event);
            }
        }
        page.next = last.filter(|_| !scanned_all);
        Ok(page)
    }

    /// Puts the events of one step of a list into the outbox again, due at `now`, in one
    /// transaction.
    ///
    /// # Errors
    /// Returns an error if storage fails. Then none of them is put there.
    pub fn replay_events(
        &self,
        merchant: &str,
        step: &EventStep,
        dry_run: bool,
        now: i64,
    ) -> Result<ReplayedStep> {
        self.sql().transaction(|| {
            let page = self.list_events(merchant, step)?;
            let done = ReplayedStep {
                events: page.events.len(),
                next: page.next,
            };
            if dry_run || page.events.is_empty() {
                return Ok(done);
            }
            let keys: Vec<String> = page
                .events
                .iter()
                .map(|event| event.sequence.to_string())
                .collect();
            let keys = ["[", &keys.join(","), "]"].concat();
            self.run(
                "UPDATE event SET expires_at = NULL
                 WHERE sequence IN (SELECT value FROM json_each(?1)) AND expires_at IS NOT NULL",
                &[(&keys).into()],
            )?;
            self.run(
                "INSERT INTO outbox (sequence, merchant, state, due_at, sends, failures, deliveries)
                 SELECT value, ?2, 'pending', ?3, 0, 0, 0 FROM json_each(?1) WHERE true
                 ON CONFLICT (sequence) DO UPDATE SET state = 'pending', due_at = excluded.due_at, sends = 0,
                    failures = 0, deliveries = 0",
                &[(&keys).into(), merchant.into(), now.into()],
            )?;
            Ok(done)
        })
    }

    /// Returns one step of the list of invoices, newest first.
    ///
    /// # Errors
    /// Returns an error if storage fails.
    pub fn list_invoices(&self, merchant: &str, step: &InvoiceStep) -> Result<InvoicePage> {
        let limit = step.limit.clamp(1, STEP_ROWS);
        let look_at = if step.status.is_none() {
            limit
        } else {
            SCAN_ROWS
        };
        let newest = InvoiceKey {
            last_event_at: LATEST,
            invoice_id: String::new(),
        };
        let behind = step.behind.as_ref().unwrap_or(&newest);
        let rows = self.run(
            INVOICES,
            &[
                merchant.into(),
                behind.last_event_at.into(),
                (&behind.invoice_id).into(),
                step.since.unwrap_or(0).into(),
                look_at.into(),
            ],
        )?;
        let scanned_all = is_less(rows.len(), look_at);
        let mut page = InvoicePage::default();
        let mut last = None;
        for mut row in rows {
            if !is_less(page.invoices.len(), limit) {
                page.scanned_to = last;
                return Ok(page);
            }
            let invoice = ListedInvoice {
                key: InvoiceKey {
                    last_event_at: row.number(0)?,
                    invoice_id: row.required(1)?,
                },
                public_invoice_id: row.text(2)?,
                status: status(&row.required(3)?)?,
                version: row.integer(4)?,
                transaction: row.text(5)?,
            };
            last = Some(invoice.key.clone());
            if step.status.is_none_or(|status| status == invoice.status) {
                page.invoices.push(invoice);
            }
        }
        page.scanned_to = last.filter(|_| !scanned_all);
        Ok(page)
    }

    /// Counts the waiting events of this shard. Reads every row of the outbox and every conflict.
    ///
    /// # Errors
    /// Returns an error if storage fails.
    pub fn count(&self, merchant: &str, now: i64) -> Result<Counts> {
        let (pending, oldest_pending) = self.count_of(PENDING, merchant)?;
        let (dead, oldest_dead) = self.count_of(DEAD, merchant)?;
        let (conflicts, _) = self.count_of(CONFLICTS, merchant)?;
        Ok(Counts {
            pending,
            oldest_pending_at: self.received_at(oldest_pending)?,
            dead,
            oldest_dead_at: self.received_at(oldest_dead)?,
            conflicts,
            counted_at: now,
            reconciliation: None,
        })
    }

    fn count_of(&self, statement: &str, merchant: &str) -> Result<(i64, Option<i64>)> {
        let row = self.first(statement, &[merchant.into()])?;
        let mut row = row.unwrap_or_default();
        Ok((row.number(0)?, row.integer(1)?))
    }

    fn received_at(&self, sequence: Option<i64>) -> Result<Option<i64>> {
        let row = self.first(
            "SELECT received_at FROM event WHERE sequence = ?1",
            &[sequence.into()],
        )?;
        row.map(|mut row| row.number(0)).transpose()
    }
}

fn is_less(rows: usize, than: i64) -> bool {
    i64::try_from(rows).is_ok_and(|rows| rows < than)
}

fn listed(mut row: Row) -> Result<ListedEvent> {
    Ok(ListedEvent {
        sequence: row.number(0)?,
        invoice_id: row.required(1)?,
        public_invoice_id: row.text(2)?,
        event_id: row.required(3)?,
        event_type: row.required(4)?,
        outcome: outcome(&row.required(5)?)?,
        received_at: row.number(6)?,
        delivered_at: row.integer(7)?,
        state: row.text(8)?,
        deliveries: row.integer(9)?.unwrap_or_default(),
        due_at: row.integer(10)?,
        last_response: last_response(&mut row, [11, 12, 13])?,
    })
}
