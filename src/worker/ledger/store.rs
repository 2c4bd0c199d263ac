//! The ledger of one shard in SQL: invoices, their events, and the outbox of events that
//! fulfillment has not confirmed.
//!
//! One transaction stores a delivery with its event, its transition and its outbox row, or nothing
//! of it. Rows are deleted by age, in steps of limited size. An event is deleted 31 days after it
//! arrived, unless it is in the outbox or is a conflict. An invoice is deleted a number of days
//! after its last event, unless one of its events is in the outbox.

use super::messages::{
    Claimed, Delivery, EventKey, EventView, Export, FailedAttempt, OutboxView, Replay, View,
};
use super::operator_messages::LastResponse;
use super::sql::{Binding, Row, Sql, SqlError};
use crate::invoice::{Event, Invoice, Outcome, Status};
use crate::worker::schedule::{self, Times};

/// The number of the newest schema, as the table `meta` stores it.
pub const SCHEMA: i64 = 3;
/// The maximum number of rows that one step of the retention deletes, of events and of invoices
/// each.
const ROWS_PER_STEP: i64 = 200;
/// The name in `meta` of the time up to which invoices may be deleted: those whose last event
/// arrived at that time or earlier.
pub(super) const SWEPT_TO: &str = "swept_to";
/// The minimum time between two searches for invoices to delete, in milliseconds.
const SWEEP_MS: i64 = 24 * 60 * 60 * 1_000;

pub(super) type Result<T> = std::result::Result<T, SqlError>;

/// The migrations to the newest schema. Step `n` migrates from schema `n` to `n + 1`. A released
/// step never changes.
pub(super) const MIGRATIONS: [&[&str]; 3] = [FIRST, RECONCILIATION, OPERATOR];

/// The tables of the first version with a ledger.
const FIRST: &[&str] = &[
    "CREATE TABLE meta (name TEXT PRIMARY KEY NOT NULL, value INTEGER NOT NULL) STRICT, WITHOUT ROWID",
    // `last_event_at` is the age for deletion, and the order of lists.
    "CREATE TABLE invoice (
        merchant TEXT NOT NULL, invoice_id TEXT NOT NULL, public_invoice_id TEXT, status TEXT NOT NULL, version INTEGER,
        transaction_id TEXT, last_event_at INTEGER NOT NULL, PRIMARY KEY (merchant, invoice_id)) STRICT, WITHOUT ROWID",
    "CREATE INDEX invoice_by_public_id ON invoice (merchant, public_invoice_id) WHERE public_invoice_id IS NOT NULL",
    "CREATE INDEX invoice_by_time ON invoice (merchant, last_event_at)",
    // `sequence` is the order in which events arrived. `expires_at` is when the event may be
    // deleted, NULL while it is in the outbox.
    "CREATE TABLE event (
        sequence INTEGER PRIMARY KEY, merchant TEXT NOT NULL, invoice_id TEXT NOT NULL, event_id TEXT NOT NULL, event_type TEXT NOT NULL,
        event_version INTEGER, outcome TEXT NOT NULL, received_at INTEGER NOT NULL, delivered_at INTEGER, expires_at INTEGER,
        body TEXT NOT NULL) STRICT",
    "CREATE UNIQUE INDEX event_by_id ON event (merchant, invoice_id, event_id)",
    "CREATE INDEX event_by_expiry ON event (expires_at, merchant) WHERE expires_at IS NOT NULL",
    // A row is `pending` at first, and `sent` once the queue has accepted it. It is deleted when
    // the consumer has confirmed it. It is `dead` once the queue has used all its attempts.
    "CREATE TABLE outbox (
        sequence INTEGER PRIMARY KEY, merchant TEXT NOT NULL, state TEXT NOT NULL CHECK (state IN ('pending', 'sent', 'dead')),
        due_at INTEGER NOT NULL, sends INTEGER NOT NULL, failures INTEGER NOT NULL, deliveries INTEGER NOT NULL) STRICT",
    "CREATE INDEX outbox_by_due ON outbox (due_at, merchant) WHERE state <> 'dead'",
    "CREATE INDEX outbox_dead ON outbox (merchant, sequence) WHERE state = 'dead'",
];

/// The state of reconciliation.
const RECONCILIATION: &[&str] = &[
    // In shard 0 only. Invoices from before `since` are never applied. `cursor` is the position of
    // the run. `due_at` is when its next step is due, NULL if no run is in progress. The counts are
    // those of this run, or of the last one.
    "CREATE TABLE reconciliation (
        merchant TEXT PRIMARY KEY NOT NULL, since INTEGER NOT NULL, cursor TEXT NOT NULL, due_at INTEGER, completed_at INTEGER,
        pages INTEGER NOT NULL, applied INTEGER NOT NULL, conflicts INTEGER NOT NULL, unusable INTEGER NOT NULL, failures INTEGER NOT NULL,
        error TEXT) STRICT, WITHOUT ROWID",
];

/// What the operator's routes need: the last response of fulfillment, the trace of an event, a list
/// of conflicts, and in shard 0 counters and alerts.
const OPERATOR: &[&str] = &[
    "ALTER TABLE event ADD COLUMN traceparent TEXT",
    "CREATE INDEX event_conflict ON event (merchant, sequence) WHERE outcome = 'conflict'",
    // From now on, conflicts that an older version had delivered are kept as long as their invoice.
    "UPDATE event SET expires_at = NULL WHERE outcome = 'conflict'",
    // The status is NULL if there was no response. `answer` is in the Worker's own words, never a
    // body.
    "ALTER TABLE outbox ADD COLUMN answer_status INTEGER",
    "ALTER TABLE outbox ADD COLUMN answer TEXT",
    "ALTER TABLE outbox ADD COLUMN answered_at INTEGER",
    "CREATE TABLE counter (name TEXT PRIMARY KEY NOT NULL, value INTEGER NOT NULL) STRICT, WITHOUT ROWID",
    // `count` is what no alert has reported yet. `sent_at` is when the last alert of this kind was
    // tried.
    "CREATE TABLE alert (
        kind TEXT PRIMARY KEY NOT NULL, count INTEGER NOT NULL, first_at INTEGER NOT NULL, last_at INTEGER NOT NULL,
        sent_at INTEGER) STRICT, WITHOUT ROWID",
];

/// The prefix of the name in `meta` that contains the merchant's key, and the first text that sorts
/// after all such names.
const MERCHANT_IS: &str = "merchant:";
const MERCHANT_ENDS: &str = "merchant;";

/// The stored settings of a shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// The number of the shard, from 0.
    pub shard: u32,
    /// How many shards there are.
    pub shards: u32,
}

/// What is stored of a delivery's invoice before the delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// The event is stored, so the delivery is a duplicate.
    Event,
    /// The invoice is stored, but not this event.
    Invoice {
        /// The state of the invoice.
        invoice: Invoice,
        /// The public id.
        public_invoice_id: Option<String>,
    },
    /// Nothing is stored.
    Nothing,
}

/// A due row of the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// The key of the row.
    pub sequence: i64,
    /// The merchant's key.
    pub merchant: String,
    /// The invoice and the event.
    pub event: EventKey,
    /// How often the event was put into the queue.
    pub sends: i64,
    /// How often the queue has refused it since then.
    pub failures: i64,
}

/// The result of one step of the retention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Compacted {
    /// How many events it deleted.
    pub events: usize,
    /// How many invoices it deleted.
    pub invoices: usize,
    /// Whether there may be more to delete now.
    pub more: bool,
}

/// The events that were put into the outbox again because their merchant is back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BroughtBack {
    /// How many events.
    pub events: usize,
    /// Whether there may be more.
    pub more: bool,
}

/// The ledger of one shard.
#[derive(Debug)]
pub struct Store<S> {
    sql: S,
}

impl<S: Sql> Store<S> {
    /// Returns the ledger in this database.
    pub const fn new(sql: S) -> Self {
        Self { sql }
    }

    /// The database.
    pub const fn sql(&self) -> &S {
        &self.sql
    }

    pub(super) fn run(&self, statement: &str, bindings: &[Binding<'_>]) -> Result<Vec<Row>> {
        self.sql.run(statement, bindings)
    }

    pub(super) fn first(&self, statement: &str, bindings: &[Binding<'_>]) -> Result<Option<Row>> {
        Ok(self.run(statement, bindings)?.into_iter().next())
    }

    pub(super) fn meta(&self, name: &str) -> Result<Option<i64>> {
        let row = self.first("SELECT value FROM meta WHERE name = ?1", &[name.into()])?;
        row.map(|mut row| row.number(0)).transpose()
    }

    pub(super) fn set_meta(&self, name: &str, value: i64) -> Result<()> {
        self.run(
            "INSERT INTO meta (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            &[name.into(), value.into()],
        )?;
        Ok(())
    }

    /// Stores the merchant of this shard, because an alarm does not name one. Stores nothing if
    /// there is only one merchant.
    ///
    /// # Errors
    /// Returns an error if storage fails.
    pub fn keep_merchant(&self, merchant: &str) -> Result<()> {
        if !merchant.is_empty() {
            self.set_meta(&[MERCHANT_IS, merchant].concat(), 1)?;
        }
        Ok(())
    }

    /// Returns the key of this shard's merchant. Empty if there is only one merchant.
    ///
    /// # Errors
    /// Returns an error if storage fails.
    pub fn merchant(&self) -> Result<String> {
        let found = self.first(
            "SELECT name FROM meta WHERE name >= ?1 AND name < ?2",
            &[MERCHANT_IS.into(), MERCHANT_ENDS.into()],
        )?;
        let name: String = match found {
            Some(mut row) => row.required(0)?,
            None => return Ok(String::new()),
        };
        Ok(name
            .strip_prefix(MERCHANT_IS)
            .unwrap_or_default()
            .to_owned())
    }

    /// Migrates an older schema to the newest, and returns the settings of the shard. Returns
    /// `None` and writes nothing if nothing was ever stored. A schema that is newer than this code
    /// stays unchanged, because it only has additions.
    ///
    /// # Errors
    /// Returns an error if storage fails.
    pub fn open(&self) -> Result<Option<Settings>> {
        let schema = self.schema()?;
        if schema == 0 {
            return Ok(None);
        }
        if schema < SCHEMA {
            self.sql.transaction(|| self.migrate(schema))?;
        }
        let (shard, shards) = (self.meta("shard")?, self.meta("shards")?);
        Ok(match (shard, shards) {
            (Some(shard), Some(shards)) => Some(Settings {
                shard: u32::try_from(shard).unwrap_or(u32::MAX),
                shards: u32::try_from(shards).unwrap_or_default(),
            }),
            _ => None,
        })
    }

    /// Returns whether the tables exist.
    ///
    /// # Errors
    /// Returns an error if storage fails.
    pub fn has_tables(&self) -> Result<bool> {
        Ok(self.schema()? > 0)
    }

    /// Returns the number of the tables' schema, or 0 if there are no tables.
    fn schema(&self) -> Result<i64> {
        let found = self.first(
            "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?1",
            &["meta".into()],
        )?;
        if found.is_none() {
            return Ok(0);
        }
        Ok(self.meta("schema")?.unwrap_or_default())
    }

    /// Creates the tables if they are missing.
    pub(super) fn make_tables(&self) -> Result<()> {
        let schema = self.schema()?;
        if schema < SCHEMA {
            self.migrate(schema)?;
        }
        Ok(())
    }

    /// Creates the tables and stores the number of shards, before the first row of any other kind.
    /// Stored numbers do not change.
    ///
    /// # Errors
    /// Returns an error if storage fails.
    pub fn create(&self, settings: Settings, now: i64, times: Times) -> Result<()> {
        self.sql.transaction(|| {
            self.make_tables()?;
            for (name, value) in [
                ("shard", i64::from(settings.shard)),
                ("shards", i64::from(settings.shards)),
                ("sweep_at", now.saturating_add(sweep_pause(times))),
            ] {
                self.set_meta(name, value)?;
            }
            Ok(())
        })
    }

    /// Runs the migrations from this schema on. The caller's transaction must undo a step that
    /// fails.
    fn migrate(&self, from: i64) -> Result<()> {
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        for step in MIGRATIONS.iter().skip(from) {
            for statement in *step {
                self.run(statement, &[])?;
            }
        }
        self.set_meta("schema", SCHEMA)
    }

    /// Returns what is stored of an event and its invoice.
    ///
    /// # Errors
    /// Returns an error if storage fails.
    pub fn known(&self, merchant: &str, invoice_id: &str, event_id: &str) -> Result<Known> {
        let row = self.first(
            "SELECT status, version, transaction_id, public_invoice_id,
                EXISTS (SELECT 1 FROM event WHERE merchant = ?1 AND invoice_id = ?2 AND event_id = ?3)
             FROM invoice WHERE merchant = ?1 AND invoice_id = ?2",
            &[merchant.into(), invoice_id.into(), event_id.into()],
        )?;
        let Some(mut row) = row else {
            return Ok(Known::Nothing);
        };
        if row.number(4)? != 0 {
            return Ok(Known::Event);
        }
        let invoice = Invoice::restore(status(&row.required(0)?)?, row.integer(1)?, row.text(2)?);
        let public_invoice_id = row.text(3)?;
        Ok(Known::Invoice {
            invoice,
            public_invoice_id,
        })
    }

    /// Returns whether anything is stored of an invoice.
    ///
    /// # Errors
    /// Returns an error if storage fails.
    pub fn has_invoice(&self, merchant: &str, invoice_id: &str) -> Result<bool> {
        let row = self.first(
            "SELECT 1 FROM invoice WHERE merchant = ?1 AND invoice_id = ?2",
            &[merchant.into(), invoice_id.into()],
        )?;
        Ok(row.is_some())
    }

    /// Stores everything that one delivery changes, in one transaction. `known` must be the result
    /// of [`Store::known`], without an `await` since then.
    ///
    /// # Errors
    /// Returns an error if storage fails. Then nothing of the delivery is stored.
    pub fn record(
        &self,
        delivery: &Delivery,
        known: Known,
        now: i64,
        times: Times,
    ) -> Result<Outcome> {
        let (mut invoice, known_public_id) = match known {
            Known::Event => return Ok(Outcome::Duplicate),
            Known::Invoice {
                invoice,
                public_invoice_id,
            } => (invoice, public_invoice_id),
            Known::Nothing => (Invoice::default(), None),
        };
        let outcome = match delivery.status {
            Some(status) => invoice.apply(Event {
                status,
                version: delivery.event_version,
                transaction: delivery.transaction.clone(),
            }),
            None => Outcome::Ignored,
        };
        let outcome = if outcome == Outcome::Conflict && self.is_told(delivery)? {
            Outcome::Duplicate
        } else {
            outcome
        };
        let public_id = known_public_id
            .as_ref()
            .or(delivery.public_invoice_id.as_ref());
        self.sql.transaction(|| {
            self.run(
                "INSERT INTO invoice (merchant, invoice_id, public_invoice_id, status, version, transaction_id, last_event_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                 ON CONFLICT (merchant, invoice_id) DO UPDATE SET public_invoice_id = excluded.public_invoice_id,
                    status = excluded.status, version = excluded.version, transaction_id = excluded.transaction_id,
                    last_event_at = MAX(last_event_at, excluded.last_event_at)",
                &[
                    (&delivery.merchant).into(),
                    (&delivery.invoice_id).into(),
                    public_id.into(),
                    invoice.status().as_str().into(),
                    invoice.version().into(),
                    invoice.transaction().into(),
                    now.into(),
                ],
            )?;
            let waits = outcome.reaches_fulfillment();
            let expires_at = (!waits).then(|| now.saturating_add(times.retention));
            let row = self.first(
                "INSERT INTO event (merchant, invoice_id, event_id, event_type, event_version, outcome, received_at, expires_at, body,
                    traceparent)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) RETURNING sequence",
                &[
                    (&delivery.merchant).into(),
                    (&delivery.invoice_id).into(),
                    (&delivery.event_id).into(),
                    (&delivery.event_type).into(),
                    delivery.event_version.into(),
                    outcome.as_str().into(),
                    now.into(),
                    expires_at.into(),
                    (&delivery.body).into(),
                    delivery.traceparent.as_ref().into(),
                ],
            )?;
            if waits {
                self.enqueue(row.unwrap_or_default().number(0)?, &delivery.merchant, now)?;
            }
            Ok(outcome)
        })
    }

    /// Puts an event into the outbox, due now. Keeps the last response of fulfillment.
    fn enqueue(&self, sequence: i64, merchant: &str, now: i64) -> Result<()> {
        self.run(
            "INSERT INTO outbox (sequence, merchant, state, due_at, sends, failures, deliveries)
             VALUES (?1, ?2, 'pending', ?3, 0, 0, 0)
             ON CONFLICT (sequence) DO UPDATE SET state = 'pending', due_at = excluded.due_at, sends = 0, failures = 0,
                deliveries = 0",
            &[sequence.into(), merchant.into(), now.into()],
        )?;
        Ok(())
    }

    /// Returns everything that is stored of an invoice.
    ///
    /// # Errors
    /// Returns an error if storage fails.
    pub fn read(&self, merchant: &str, invoice_id: &str) -> Result<Option<View>> {
        let row = self.first(
            "SELECT invoice_id, public_invoice_id, status, version, transaction_id FROM invoice WHERE merchant = ?1 AND invoice_id = ?2",
            &[merchant.into(), invoice_id.into()],
        )?;
        row.map(|row| self.view(merchant, row)).transpose()
    }

    /// Returns the same as [`Store::read`], by the public id. If two invoices have the same public
    /// id, returns the one that arrived first.
    ///
    /// # Errors
    /// Returns an error if storage fails.
    pub fn find(&self, merchant: &str, public_invoice_id: &str) -> Result<Option<View>> {
        let row = self.first(
            "SELECT invoice_id, public_invoice_id, status, version, transaction_id FROM invoice
             WHERE merchant = ?1 AND public_invoice_id = ?2 ORDER BY last_event_at LIMIT 1",
            &[merchant.into(), public_invoice_id.into()],
        )?;
        row.map(|row| self.view(merchant, row)).transpose()
    }

    fn view(&self, merchant: &str, mut row: Row) -> Result<View> {
        let invoice_id = row.required(0)?;
        let key = [merchant.into(), (&invoice_id).into()];
        let mut events = vec![];
        for mut event in self.run(
            "SELECT event_id, event_type, event_version, outcome, received_at, delivered_at FROM event
             WHERE merchant = ?1 AND invoice_id = ?2 ORDER BY sequence",
            &key,
        )? {
            events.push(EventView {
                event_id: event.required(0)?,
                event_type: event.required(1)?,
                event_version: event.integer(2)?,
                outcome: outcome(&event.required(3)?)?,
                received_at: event.number(4)?,
                delivered_at: event.integer(5)?,
            });
        }
        let mut outbox = vec![];
        for mut row in self.run(
            "SELECT event_id, state, sends, deliveries, due_at, answer_status, answer, answered_at
             FROM event JOIN outbox USING (sequence)
             WHERE event.merchant = ?1 AND event.invoice_id = ?2 ORDER BY sequence",
            &key,
        )? {
            outbox.push(OutboxView {
                event_id: row.required(0)?,
                state: row.required(1)?,
                sends: row.number(2)?,
                deliveries: row.number(3)?,
                due_at: row.number(4)?,
                last_response: last_response(&mut row, [5, 6, 7])?,
            });
        }
        Ok(View {
            public_invoice_id: row.text(1)?,
            status: status(&row.required(2)?)?,
            version: row.integer(3)?,
            transaction: row.text(4)?,
            invoice_id,
            events,
            outbox,
        })
    }

    /// Claims an event for the consumer. Returns `None` if nothing is left to do. No second message
    /// is sent before the consumer has had time to report. A dead row waits for its replay: a
    /// message of it that is still on its way does nothing.
    ///
    /// # Errors
    /// Returns an error if storage fails.
    pub fn claim(
        &self,
        merchant: &str,
        key: &EventKey,
        now: i64,
        times: Times,
    ) -> Result<Option<Claimed>> {
        let row = self.first(
            "SELECT sequence, event_type, outcome, body, received_at, traceparent FROM event JOIN outbox USING (sequence)
             WHERE event.merchant = ?1 AND event.invoice_id = ?2 AND event.event_id = ?3 AND state <> 'dead'",
            &bindings(merchant, key),
        )?;
        let Some(mut row) = row else {
            return Ok(None);
        };
        let report = now
            .saturating_add(schedule::FULFILMENT_TIMEOUT_MS)
            .saturating_add(times.silence);
        self.run(
            "UPDATE outbox SET deliveries = deliveries + 1, due_at = MAX(due_at, ?2) WHERE sequence = ?1",
            &[row.number(0)?.into(), report.into()],
        )?;
        Ok(Some(Claimed {
            event_type: row.required(1)?,
            outcome: outcome(&row.required(2)?)?,
            body: row.required(3)?,
            received_at: row.integer(4)?,
            traceparent: row.text(5)?,
        }))
    }

    /// Returns the key of an event's row, if it is in the outbox.
    fn waiting(&self, merchant: &str, key: &EventKey) -> Result<Option<(i64, i64)>> {
        let row = self.first(
            "SELECT sequence, deliveries FROM event JOIN outbox USING (sequence)
             WHERE event.merchant = ?1 AND event.invoice_id = ?2 AND event.event_id = ?3",
            &bindings(merchant, key),
        )?;
        row.map(|mut row| Ok((row.number(0)?, row.number(1)?)))
            .transpose()
    }

    /// Stores that fulfillment accepted an event, and deletes its row from the outbox. If the queue
    /// used all its attempts in the meantime, the time is stored and the row stays: only a replay
    /// removes it from the list of dead rows.
    ///
    /// # Errors
    /// Returns an error if storage fails. Then the row is still there.
    pub fn confirm(&self, merchant: &str, key: &EventKey, now: i64, times: Times) -> Result<()> {
        let Some((sequence, _)) = self.waiting(merchant, key)? else {
            return Ok(());
        };
        self.sql.transaction(|| {
            let left = self.run(
                "DELETE FROM outbox WHERE sequence = ?1 AND state <> 'dead' RETURNING sequence",
                &[sequence.into()],
            )?;
            self.run(
                // A conflict is kept as long as its invoice: each walk of reconciliation finds it
                // again, and must recognize it.
                "UPDATE event SET delivered_at = ?2, expires_at =
                    CASE WHEN ?4 = 0 THEN expires_at WHEN outcome = ?5 THEN NULL ELSE received_at + ?3 END
                 WHERE sequence = ?1",
                &[
                    sequence.into(),
                    now.into(),
                    times.retention.into(),
                    i64::from(!left.is_empty()).into(),
                    Outcome::Conflict.as_str().into(),
                ],
            )?;
            Ok(())
        })
    }

    /// Stores that fulfillment did not accept an event. Returns after how many seconds to try
    /// again.
    ///
    /// # Errors
    /// Returns an error if storage fails.
    pub fn failed(
        &self,
        merchant: &str,
        attempt: &FailedAttempt,
        now: i64,
        times: Times,
    ) -> Result<u32> {
        let FailedAttempt {
            event: key,
            response,
        } = attempt;
        let Some((sequence, deliveries)) = self.waiting(merchant, key)? else {
            return Ok(0);
        };
        let pause = schedule::retry_seconds(deliveries);
        let report = now
            .saturating_add(i64::from(pause).saturating_mul(1_000))
            .saturating_add(times.silence);
        self.run(
            "UPDATE outbox SET due_at = CASE WHEN state = 'sent' THEN ?2 ELSE due_at END,
                answer_status = ?3, answer = ?4, answered_at = ?5 WHERE sequence = ?1",
            &[
                sequence.into(),
                report.into(),
                response
                    .as_ref()
                    .and_then(|response| response.status)
                    .into(),
                response
                    .as_ref()
                    .map(|response| response.reason.as_str())
                    .into(),
                response.as_ref().map(|_| now).into(),
            ],
        )?;
        Ok(pause)
    }

    /// Stores that the queue used all its attempts for an event. A pending row was replayed in the
    /// meantime, so its new message decides.
    ///
    /// # Errors
    /// Returns an error if storage fails.
    pub fn dead_letter(&self, merchant: &str, key: &EventKey) -> Result<bool> {
        let Some((sequence, _)) = self.waiting(merchant, key)? else {
            return Ok(false);
        };
        let dead_lettered = self.run(
            "UPDATE outbox SET state = 'dead' WHERE sequence = ?1 AND state = 'sent' RETURNING sequence",
            &[sequence.into()],
        )?;
        Ok(!dead_lettered.is_empty())
    }

    /// Puts an event into the outbox again.
    ///
    /// # Errors
    /// Returns an error if storage fails.
    pub fn replay(&self, merchant: &str, key: &EventKey, now: i64) -> Result<Replay> {
        let row = self.first(
            "SELECT sequence, outcome FROM event WHERE merchant = ?1 AND invoice_id = ?2 AND event_id = ?3",
            &bindings(merchant, key),
        )?;
        let Some(mut row) = row else {
            return Ok(Replay::Unknown);
        };
        if !outcome(&row.required(1)?)?.reaches_fulfillment() {
            return Ok(Replay::NotForFulfillment);
        }
        let sequence = row.number(0)?;
        self.sql.transaction(|| {
            self.run(
                "UPDATE event SET expires_at = NULL WHERE sequence = ?1",
                &[sequence.into()],
            )?;
            self.enqueue(sequence, merchant, now)
        })?;
        Ok(Replay::Queued)
    }

    /// Puts some events into the outbox again that became dead because their merchant was missing
    /// from `GWOP_MERCHANTS` or was invalid.
    ///
    /// # Errors
    /// Returns an error if storage fails. Then none of them is put there.
    pub fn bring_back(&self, merchant: &str, now: i64) -> Result<BroughtBack> {
        let rows = self.run(
            "UPDATE outbox SET state = 'pending', due_at = ?2, sends = 0, failures = 0, deliveries = 0
             WHERE sequence IN (SELECT sequence FROM outbox WHERE merchant = ?1 AND state = 'dead' AND answer IN (?3, ?4, ?5)
                ORDER BY sequence LIMIT ?6)
             RETURNING sequence",
            &[
                merchant.into(),
                now.into(),
                schedule::MERCHANT_GONE.into(),
                schedule::MERCHANT_UNREAD.into(),
                schedule::MERCHANT_UNUSABLE.into(),
                ROWS_PER_STEP.into(),
            ],
        )?;
        Ok(BroughtBack {
            events: rows.len(),
            more: is_full(rows.len()),
        })
    }

    /// Returns the due rows of the outbox, at most `limit`.
    ///
    /// # Errors
    /// Returns an error if storage fails.
    pub fn due(&self, now: i64, limit: i64) -> Result<Vec<Due>> {
        let rows = self.run(
            "SELECT sequence, outbox.merchant, invoice_id, event_id, sends, failures FROM outbox JOIN event USING (sequence)
             WHERE state <> 'dead' AND due_at <= ?1 ORDER BY due_at LIMIT ?2",
            &[now.into(), limit.into()],
        )?;
        let read = |mut row: Row| {
            Ok(Due {
                sequence: row.number(0)?,
                merchant: row.required(1)?,
                event: EventKey {
                    invoice_id: row.required(2)?,
                    event_id: row.required(3)?,
                },
                sends: row.number(4)?,
                failures: row.number(5)?,
            })
        };
        rows.into_iter().map(read).collect()
    }

    /// Stores that the queue accepted these rows. A row that became dead in the meantime stays
    /// dead.
    ///
    /// # Errors
    /// Returns an error if storage fails. Then the rows are sent again.
    pub fn sent(&self, rows: &[Due], now: i64, times: Times) -> Result<()> {
        self.sql.transaction(|| {
            for (sends, sequences) in grouped(rows, |row| row.sends) {
                let sends = sends.saturating_add(1);
                let report = now.saturating_add(schedule::resend_ms(times.silence, sends));
                self.run(
                    "UPDATE outbox SET state = 'sent', sends = ?2, failures = 0, due_at = ?3
                     WHERE sequence IN (SELECT value FROM json_each(?1)) AND state <> 'dead'",
                    &[(&sequences).into(), sends.into(), report.into()],
                )?;
            }
            Ok(())
        })
    }

    /// Stores that the queue refused these rows.
    ///
    /// # Errors
    /// Returns an error if storage fails.
    pub fn refused(&self, rows: &[Due], now: i64) -> Result<()> {
        self.sql.transaction(|| {
            for (failures, sequences) in grouped(rows, |row| row.failures) {
                let again = now.saturating_add(schedule::enqueue_ms(failures));
                self.run(
                    "UPDATE outbox SET failures = failures + 1, due_at = ?2 WHERE sequence IN (SELECT value FROM json_each(?1))",
                    &[(&sequences).into(), again.into()],
                )?;
            }
            Ok(())
        })
    }

    /// Returns when the next work is due, in milliseconds since the epoch. `sends` includes the
    /// outbox.
    ///
    /// # Errors
    /// Returns an error if storage fails.
    pub fn next_job(&self, sends: bool) -> Result<Option<i64>> {
        let mut next = self.meta("sweep_at")?;
        let of_outbox = "SELECT due_at FROM outbox WHERE state <> 'dead' ORDER BY due_at LIMIT 1";
        let of_events =
            "SELECT expires_at FROM event WHERE expires_at IS NOT NULL ORDER BY expires_at LIMIT 1";
        let of_walks =
            "SELECT due_at FROM reconciliation WHERE due_at IS NOT NULL ORDER BY due_at LIMIT 1";
        let statements = sends.then_some(of_outbox).into_iter();
        for statement in statements.chain([of_events, of_walks]) {
            if let Some(mut row) = self.first(statement, &[])? {
                let at = row.number(0)?;
                next = Some(next.map_or(at, |next| next.min(at)));
            }
        }
        Ok(next)
    }

    /// Runs one step of the retention.
    ///
    /// # Errors
    /// Returns an error if storage fails. Then the step deleted nothing.
    pub fn compact(&self, now: i64, times: Times) -> Result<Compacted> {
        self.sql.transaction(|| {
            let mut done = Compacted::default();
            let events = self.run(
                "DELETE FROM event WHERE sequence IN (
                    SELECT sequence FROM event WHERE expires_at IS NOT NULL AND expires_at <= ?1 ORDER BY expires_at LIMIT ?2)
                 RETURNING sequence",
                &[now.into(), ROWS_PER_STEP.into()],
            )?;
            done.events = events.len();
            done.more = is_full(events.len());
            if self.meta("sweep_at")?.is_none_or(|at| at <= now) {
                let before = now.saturating_sub(times.invoices);
                let invoices = self.sweep(before)?;
                if invoices > 0 {
                    let swept = self.meta(SWEPT_TO)?.unwrap_or(before);
                    self.set_meta(SWEPT_TO, swept.max(before))?;
                }
                done.invoices = invoices;
                done.more |= is_full(invoices);
                if !is_full(invoices) {
                    self.set_meta("sweep_at", now.saturating_add(sweep_pause(times)))?;
                }
            }
            Ok(done)
        })
    }

    /// Deletes invoices whose last event arrived at `before` or earlier. Returns how many.
    fn sweep(&self, before: i64) -> Result<usize> {
        let mut swept = 0_usize;
        let mut merchant = self.first("SELECT MIN(merchant) FROM invoice", &[])?;
        // Goes by merchant, as the index does. There are few merchants.
        while let Some(this) = merchant
            .as_mut()
            .map(|row| row.text(0))
            .transpose()?
            .flatten()
        {
            let old = self.run(
                "SELECT invoice_id FROM invoice WHERE merchant = ?1 AND last_event_at <= ?2
                    AND NOT EXISTS (SELECT 1 FROM event JOIN outbox USING (sequence)
                        WHERE event.merchant = invoice.merchant AND event.invoice_id = invoice.invoice_id)
                 ORDER BY last_event_at LIMIT ?3",
                &[(&this).into(), before.into(), ROWS_PER_STEP.into()],
            )?;
            for mut row in old {
                let invoice_id = row.required(0)?;
                let key = [(&this).into(), (&invoice_id).into()];
                self.run(
                    "DELETE FROM event WHERE merchant = ?1 AND invoice_id = ?2",
                    &key,
                )?;
                self.run(
                    "DELETE FROM invoice WHERE merchant = ?1 AND invoice_id = ?2",
                    &key,
                )?;
                swept = swept.saturating_add(1);
            }
            if is_full(swept) {
                break;
            }
            merchant = self.first(
                "SELECT MIN(merchant) FROM invoice WHERE merchant > ?1",
                &[(&this).into()],
            )?;
        }
        Ok(swept)
    }

    /// Takes over the contents of an object of 1.0.0. What is stored already stays as it is, so
    /// taking over twice changes nothing.
    ///
    /// # Errors
    /// Returns an error if storage fails. Then nothing of it is stored.
    pub fn adopt(&self, merchant: &str, export: &Export, now: i64, times: Times) -> Result<()> {
        self.sql.transaction(|| {
            let last_event_at = export.events.iter().map(|event| event.view.received_at).max();
            self.run(
                "INSERT INTO invoice (merchant, invoice_id, public_invoice_id, status, version, transaction_id, last_event_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (merchant, invoice_id) DO NOTHING",
                &[
                    merchant.into(),
                    (&export.invoice_id).into(),
                    export.public_invoice_id.as_ref().into(),
                    export.status.as_str().into(),
                    export.version.into(),
                    export.transaction.as_ref().into(),
                    // 1.0.0 stored no other time. If the events of the invoice are deleted, its age
                    // counts from now.
                    last_event_at.unwrap_or(now).into(),
                ],
            )?;
            for event in &export.events {
                let view = &event.view;
                let mut rows = export.outbox.iter();
                let waits = rows.find(|row| row.view.event_id == view.event_id);
                let kept = waits.is_some() || view.outcome == Outcome::Conflict;
                let expires_at = (!kept).then(|| view.received_at.saturating_add(times.retention));
                let row = self.first(
                    "INSERT INTO event (merchant, invoice_id, event_id, event_type, event_version, outcome, received_at, delivered_at,
                        expires_at, body)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
                     ON CONFLICT (merchant, invoice_id, event_id) DO NOTHING RETURNING sequence",
                    &[
                        merchant.into(),
                        (&export.invoice_id).into(),
                        (&view.event_id).into(),
                        (&view.event_type).into(),
                        view.event_version.into(),
                        view.outcome.as_str().into(),
                        view.received_at.into(),
                        view.delivered_at.into(),
                        expires_at.into(),
                        (&event.body).into(),
                    ],
                )?;
                let (Some(mut row), Some(waits)) = (row, waits) else {
                    continue;
                };
                self.run(
                    "INSERT INTO outbox (sequence, merchant, state, due_at, sends, failures, deliveries) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                    &[
                        row.number(0)?.into(),
                        merchant.into(),
                        (&waits.view.state).into(),
                        waits.view.due_at.into(),
                        waits.view.sends.into(),
                        waits.failures.into(),
                        waits.view.deliveries.into(),
                    ],
                )?;
            }
            Ok(())
        })
    }
}

fn bindings<'k>(merchant: &'k str, key: &'k EventKey) -> [Binding<'k>; 3] {
    [
        merchant.into(),
        (&key.invoice_id).into(),
        (&key.event_id).into(),
    ]
}

/// Returns the time between two searches for old invoices, in milliseconds.
fn sweep_pause(times: Times) -> i64 {
    SWEEP_MS.min(times.invoices).max(1)
}

/// Returns whether a step deleted the maximum number of rows.
fn is_full(rows: usize) -> bool {
    i64::try_from(rows).is_ok_and(|rows| rows >= ROWS_PER_STEP)
}

/// Groups the keys of rows as JSON arrays, by the value that `of` returns.
fn grouped(rows: &[Due], of: fn(&Due) -> i64) -> Vec<(i64, String)> {
    let mut groups: std::collections::BTreeMap<i64, Vec<i64>> = std::collections::BTreeMap::new();
    for row in rows {
        groups.entry(of(row)).or_default().push(row.sequence);
    }
    let json = |keys: Vec<i64>| {
        let keys: Vec<String> = keys.iter().map(i64::to_string).collect();
        ["[", &keys.join(","), "]"].concat()
    };
    groups
        .into_iter()
        .map(|(of, keys)| (of, json(keys)))
        .collect()
}

/// Reads the last response of fulfillment from three columns. Returns `None` if there is none yet.
pub(super) fn last_response(row: &mut Row, columns: [usize; 3]) -> Result<Option<LastResponse>> {
    let [status, reason, responded_at] = columns;
    let status = row.integer(status)?;
    let reason = row.text(reason)?;
    let responded_at = row.integer(responded_at)?;
    Ok(reason
        .zip(responded_at)
        .map(|(reason, at)| LastResponse { status, reason, at }))
}

pub(super) fn status(text: &str) -> Result<Status> {
    Status::parse(text)
        .ok_or_else(|| SqlError("the ledger holds a status that is not known".to_owned()))
}

pub(super) fn outcome(text: &str) -> Result<Outcome> {
    Outcome::parse(text)
        .ok_or_else(|| SqlError("the ledger holds an outcome that is not known".to_owned()))
}
