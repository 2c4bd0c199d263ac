//! The Durable Object of one invoice: its state, its events, and the outbox of what fulfilment must still hear.
//!
//! A delivery is one transaction: event, transition, outbox row and alarm, or nothing of it. A row of the outbox is `pending`, then `sent`
//! once the queue has taken it, and leaves when the consumer has confirmed it; `dead` once the queue has given up. Rows that
//! stay unconfirmed are sent again: a queue may forget.
#![allow(missing_docs)] // `durable_object` writes public methods without any.

use std::cell::RefCell;
use std::rc::Rc;

use serde::{Deserialize, Serialize};
use worker::{
    DurableObject, Env, Error, Request, Response, Result, SqlStorage, State, durable_object,
};

use crate::invoice::{Event, Invoice, Outcome, Status};

use super::config::{self, Times};
use super::objects::{alarm_at, answer, has_table, now_ms};
use super::queue::Message;
use super::{log, schedule};

/// How many rows one alarm sends: the next alarm follows at once.
const ROWS_PER_ALARM: i64 = 50;
/// How soon the alarm comes again after storage failed inside it, in milliseconds.
const ALARM_AGAIN_MS: i64 = 5_000;

/// A verified event, on its way into the object.
#[derive(Serialize, Deserialize)]
pub struct Delivery {
    /// The merchant-side id.
    pub invoice_id: String,
    /// The public id, where the event names one.
    pub public_invoice_id: Option<String>,
    /// The event's id.
    pub event_id: String,
    /// The event's type.
    pub event_type: String,
    /// Counts up per invoice.
    pub event_version: Option<i64>,
    /// The status that the invoice has reached; `None` for a type that this version does not know.
    pub status: Option<Status>,
    /// The transaction that paid.
    pub transaction: Option<String>,
    /// The event as it was signed.
    pub body: String,
}

/// What can be asked of the object.
#[derive(Serialize, Deserialize)]
#[serde(tag = "operation", rename_all = "snake_case")]
pub enum InvoiceCall {
    /// A verified event; answers its [`Outcome`].
    Apply(Box<Delivery>),
    /// Everything, for the operator; answers `Option<View>`.
    Read,
    /// The consumer starts on a message; answers `Option<Claimed>`, `None` when there is nothing left to do.
    Claim {
        /// The event of the message.
        event_id: String,
    },
    /// Fulfilment took it.
    Confirm {
        /// The event of the message.
        event_id: String,
    },
    /// Fulfilment did not take it; answers after how many seconds to try again.
    Failed {
        /// The event of the message.
        event_id: String,
    },
    /// The queue gave up.
    Bury {
        /// The event of the message.
        event_id: String,
    },
    /// The operator wants it delivered again; answers [`Replay`].
    Replay {
        /// The event.
        event_id: String,
    },
    /// The next delivery fails in the middle of its transaction.
    #[cfg(feature = "worker-test")]
    FailNext,
}

/// What the consumer delivers.
#[derive(Serialize, Deserialize)]
pub struct Claimed {
    /// The event's type.
    pub event_type: String,
    /// What became of it.
    pub outcome: Outcome,
    /// The event as it was signed.
    pub body: String,
}

/// What became of the wish to replay.
#[derive(Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Replay {
    /// It is in the outbox again.
    Queued,
    /// There is no such event, or not any more.
    Unknown,
    /// Fulfilment never hears of events with this outcome.
    NotForFulfilment,
}

/// Everything that is known of an invoice.
#[derive(Serialize, Deserialize)]
pub struct View {
    /// The merchant-side id.
    pub invoice_id: String,
    /// The public id.
    pub public_invoice_id: Option<String>,
    /// Where it stands.
    pub status: Status,
    /// The version of the last applied event.
    pub version: Option<i64>,
    /// The transaction that paid it.
    pub transaction: Option<String>,
    /// Its events, oldest first.
    pub events: Vec<EventView>,
    /// What fulfilment must still hear.
    pub outbox: Vec<OutboxView>,
}

/// One event of a [`View`].
#[derive(Serialize, Deserialize)]
pub struct EventView {
    /// Its id.
    pub event_id: String,
    /// Its type.
    pub event_type: String,
    /// Its version.
    pub event_version: Option<i64>,
    /// What became of it.
    pub outcome: Outcome,
    /// When it came, in milliseconds since the epoch.
    pub received_at: i64,
    /// When fulfilment took it, in milliseconds since the epoch.
    pub delivered_at: Option<i64>,
}

/// One row of the outbox in a [`View`].
#[derive(Serialize, Deserialize)]
pub struct OutboxView {
    /// The event.
    pub event_id: String,
    /// `pending`, `sent` or `dead`.
    pub state: String,
    /// How often it was put into the queue.
    pub sends: i64,
    /// How often the consumer tried.
    pub deliveries: i64,
    /// When something happens to it next unless the consumer reports, in milliseconds since the epoch.
    pub due_at: i64,
}

/// The Durable Object of one invoice, named by `invoice_id`.
#[durable_object(alarm)]
pub struct GwopInvoice {
    state: State,
    env: Env,
    #[cfg(feature = "worker-test")]
    fail_next: std::cell::Cell<bool>,
}

impl DurableObject for GwopInvoice {
    fn new(state: State, env: Env) -> Self {
        Self {
            state,
            env,
            #[cfg(feature = "worker-test")]
            fail_next: std::cell::Cell::new(false),
        }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let call: InvoiceCall = serde_json::from_str(&request.text().await?)?;
        match call {
            InvoiceCall::Apply(delivery) => answer(self.apply(*delivery).await),
            InvoiceCall::Read => answer(self.read()),
            InvoiceCall::Claim { event_id } => answer(self.claim(&event_id)),
            InvoiceCall::Confirm { event_id } => answer(self.confirm(&event_id)),
            InvoiceCall::Failed { event_id } => answer(self.failed(&event_id)),
            InvoiceCall::Bury { event_id } => answer(self.bury(&event_id)),
            InvoiceCall::Replay { event_id } => answer(self.replay(event_id).await),
            #[cfg(feature = "worker-test")]
            InvoiceCall::FailNext => {
                self.fail_next.set(true);
                answer(Ok(()))
            }
        }
    }

    /// Never throws, so that the platform never gives up on it, and always arms itself for the earliest due job.
    async fn alarm(&self) -> Result<Response> {
        let done = self.run_due_jobs().await;
        let armed = match done {
            Ok(()) => self.arm().await,
            Err(error) => Err(error),
        };
        if let Err(error) = armed {
            log::error("alarm_failed", &[("error", error.to_string().into())]);
            let again = alarm_at(now_ms().saturating_add(ALARM_AGAIN_MS));
            if let Err(error) = self.state.storage().set_alarm(again).await {
                log::error("alarm_lost", &[("error", error.to_string().into())]);
            }
        }
        Response::empty()
    }
}

impl GwopInvoice {
    fn sql(&self) -> SqlStorage {
        self.state.storage().sql()
    }

    /// Runs `work` and arms the alarm for what it left to do, in one transaction: whatever fails undoes all of it.
    async fn transact<T: 'static>(
        &self,
        work: impl FnOnce(&SqlStorage) -> Result<T> + 'static,
    ) -> Result<T> {
        let times = config::times(&self.env);
        let found = Rc::new(RefCell::new(None));
        let result = Rc::clone(&found);
        let storage = self.state.storage();
        let inside = self.state.storage();
        let transaction = storage.transaction(move |_| async move {
            let sql = inside.sql();
            let value = work(&sql)?;
            if let Some(due) = earliest_job(&sql, times)? {
                inside.set_alarm(alarm_at(due)).await?;
            }
            result.replace(Some(value));
            Ok(())
        });
        transaction.await?;
        let found = found.borrow_mut().take();
        found.ok_or_else(|| Error::RustError("the transaction did not run".to_owned()))
    }

    async fn apply(&self, delivery: Delivery) -> Result<Outcome> {
        #[cfg(feature = "worker-test")]
        let fails = self.fail_next.take();
        self.transact(move |sql| {
            let outcome = record(sql, &delivery)?;
            #[cfg(feature = "worker-test")]
            if fails {
                sql.exec("INSERT INTO outbox (event_id) VALUES (NULL)", None)?;
            }
            Ok(outcome)
        })
        .await
    }

    fn read(&self) -> Result<Option<View>> {
        let sql = self.sql();
        if !has_table(&sql, "invoice")? {
            return Ok(None);
        }
        let Some(row) = stored_invoice(&sql)? else {
            return Ok(None);
        };
        let events = sql.exec(
            "SELECT event_id, event_type, event_version, outcome, received_at, delivered_at FROM event ORDER BY rowid",
            None,
        )?;
        let outbox = sql.exec(
            "SELECT event_id, state, sends, deliveries, due_at FROM outbox ORDER BY rowid",
            None,
        )?;
        Ok(Some(View {
            invoice_id: row.invoice_id,
            public_invoice_id: row.public_invoice_id,
            status: row.status,
            version: row.version,
            transaction: row.transaction_id,
            events: events.to_array()?,
            outbox: outbox.to_array()?,
        }))
    }

    fn claim(&self, event_id: &str) -> Result<Option<Claimed>> {
        let sql = self.sql();
        if !has_table(&sql, "outbox")? {
            return Ok(None);
        }
        let claimed = sql.exec(
            "SELECT event_type, outcome, body FROM event WHERE event_id = ?1 AND event_id IN (SELECT event_id FROM outbox)",
            vec![event_id.into()],
        )?;
        let claimed = claimed.to_array()?.pop();
        if claimed.is_some() {
            // The consumer is at work: no second message before it can have reported.
            let report = now_ms()
                .saturating_add(schedule::FULFILMENT_TIMEOUT_MS)
                .saturating_add(config::times(&self.env).silence);
            sql.exec(
                "UPDATE outbox SET deliveries = deliveries + 1, due_at = MAX(due_at, ?2) WHERE event_id = ?1",
                vec![event_id.into(), report.into()],
            )?;
        }
        Ok(claimed)
    }

    fn confirm(&self, event_id: &str) -> Result<()> {
        let sql = self.sql();
        if has_table(&sql, "outbox")? {
            // Together: there is no await between the two, so both become durable, or neither.
            sql.exec(
                "UPDATE event SET delivered_at = ?2 WHERE event_id = ?1",
                vec![event_id.into(), now_ms().into()],
            )?;
            sql.exec(
                "DELETE FROM outbox WHERE event_id = ?1",
                vec![event_id.into()],
            )?;
        }
        Ok(())
    }

    fn failed(&self, event_id: &str) -> Result<u32> {
        #[derive(Deserialize)]
        struct Row {
            deliveries: i64,
        }
        let sql = self.sql();
        if !has_table(&sql, "outbox")? {
            return Ok(0);
        }
        let rows = sql.exec(
            "SELECT deliveries FROM outbox WHERE event_id = ?1",
            vec![event_id.into()],
        )?;
        let row: Option<Row> = rows.to_array()?.pop();
        let pause = schedule::retry_seconds(row.map_or(0, |row| row.deliveries));
        let report = now_ms()
            .saturating_add(i64::from(pause).saturating_mul(1_000))
            .saturating_add(config::times(&self.env).silence);
        sql.exec(
            "UPDATE outbox SET due_at = ?2 WHERE event_id = ?1 AND state = 'sent'",
            vec![event_id.into(), report.into()],
        )?;
        Ok(pause)
    }

    fn bury(&self, event_id: &str) -> Result<bool> {
        let sql = self.sql();
        if !has_table(&sql, "outbox")? {
            return Ok(false);
        }
        // A pending row was replayed meanwhile: its new message decides.
        let buried = sql.exec(
            "UPDATE outbox SET state = 'dead' WHERE event_id = ?1 AND state = 'sent' RETURNING event_id",
            vec![event_id.into()],
        )?;
        Ok(!buried.to_array::<serde_json::Value>()?.is_empty())
    }

    async fn replay(&self, event_id: String) -> Result<Replay> {
        #[derive(Deserialize)]
        struct Row {
            outcome: Outcome,
        }
        let sql = self.sql();
        if !has_table(&sql, "event")? {
            return Ok(Replay::Unknown);
        }
        let rows = sql.exec(
            "SELECT outcome FROM event WHERE event_id = ?1",
            vec![event_id.as_str().into()],
        )?;
        let Some(Row { outcome }) = rows.to_array()?.pop() else {
            return Ok(Replay::Unknown);
        };
        if !outcome.reaches_fulfilment() {
            return Ok(Replay::NotForFulfilment);
        }
        self.transact(move |sql| enqueue(sql, &event_id)).await?;
        Ok(Replay::Queued)
    }

    async fn run_due_jobs(&self) -> Result<()> {
        #[derive(Deserialize)]
        struct Row {
            event_id: String,
            sends: i64,
            failures: i64,
        }
        let sql = self.sql();
        if !has_table(&sql, "outbox")? {
            return Ok(());
        }
        let Some(invoice) = stored_invoice(&sql)? else {
            return Ok(());
        };
        let times = config::times(&self.env);
        let due: Vec<Row> = sql
            .exec(
                "SELECT event_id, sends, failures FROM outbox WHERE state <> 'dead' AND due_at <= ?1 ORDER BY due_at LIMIT ?2",
                vec![now_ms().into(), ROWS_PER_ALARM.into()],
            )?
            .to_array()?;
        for row in due {
            let sent = self.send(&invoice.invoice_id, &row.event_id).await;
            let now = now_ms();
            match sent {
                Sent::Taken => {
                    let sends = row.sends.saturating_add(1);
                    let report = now.saturating_add(schedule::resend_ms(times.silence, sends));
                    sql.exec(
                        "UPDATE outbox SET state = 'sent', sends = ?2, failures = 0, due_at = ?3 WHERE event_id = ?1 AND state <> 'dead'",
                        vec![row.event_id.as_str().into(), sends.into(), report.into()],
                    )?;
                }
                Sent::Refused => {
                    postpone(
                        &sql,
                        &row.event_id,
                        now.saturating_add(schedule::enqueue_ms(row.failures)),
                    )?;
                }
                Sent::SwitchedOff => {
                    postpone(
                        &sql,
                        &row.event_id,
                        now.saturating_add(schedule::switched_off_ms(row.failures)),
                    )?;
                }
            }
        }
        let expired = now_ms().saturating_sub(times.retention);
        sql.exec(
            "DELETE FROM event WHERE received_at <= ?1 AND event_id NOT IN (SELECT event_id FROM outbox)",
            vec![expired.into()],
        )?;
        Ok(())
    }

    /// Puts one message into the queue.
    async fn send(&self, invoice_id: &str, event_id: &str) -> Sent {
        if !config::fulfilment_is_on(&self.env) {
            return Sent::SwitchedOff;
        }
        let message = Message {
            invoice_id: invoice_id.to_owned(),
            event_id: event_id.to_owned(),
        };
        let sent = match self.env.queue(config::FULFILMENT_QUEUE) {
            Ok(queue) => queue.send(message).await,
            Err(error) => Err(error),
        };
        match sent {
            Ok(()) => Sent::Taken,
            Err(error) => {
                log::error(
                    "enqueue_failed",
                    &[
                        ("invoice_id", invoice_id.into()),
                        ("event_id", event_id.into()),
                        ("error", error.to_string().into()),
                    ],
                );
                Sent::Refused
            }
        }
    }

    /// Arms the alarm for the earliest due job.
    async fn arm(&self) -> Result<()> {
        let sql = self.sql();
        if has_table(&sql, "outbox")?
            && let Some(due) = earliest_job(&sql, config::times(&self.env))?
        {
            self.state.storage().set_alarm(alarm_at(due)).await?;
        }
        Ok(())
    }
}

/// What the queue said.
enum Sent {
    Taken,
    Refused,
    SwitchedOff,
}

/// Everything that one delivery changes, but for the alarm. Every failure must leave the transaction.
fn record(sql: &SqlStorage, delivery: &Delivery) -> Result<Outcome> {
    sql.exec(
        "CREATE TABLE IF NOT EXISTS invoice (
            only INTEGER PRIMARY KEY CHECK (only = 0), invoice_id TEXT NOT NULL, public_invoice_id TEXT,
            status TEXT NOT NULL, version INTEGER, transaction_id TEXT);
         CREATE TABLE IF NOT EXISTS event (
            event_id TEXT PRIMARY KEY NOT NULL, event_type TEXT NOT NULL, event_version INTEGER, outcome TEXT NOT NULL,
            received_at INTEGER NOT NULL, delivered_at INTEGER, body TEXT NOT NULL);
         CREATE TABLE IF NOT EXISTS outbox (
            event_id TEXT PRIMARY KEY NOT NULL, state TEXT NOT NULL CHECK (state IN ('pending', 'sent', 'dead')),
            due_at INTEGER NOT NULL, sends INTEGER NOT NULL, failures INTEGER NOT NULL, deliveries INTEGER NOT NULL)",
        None,
    )?;
    let known = sql.exec(
        "SELECT 1 FROM event WHERE event_id = ?1",
        vec![delivery.event_id.as_str().into()],
    )?;
    if known.raw().next().transpose()?.is_some() {
        return Ok(Outcome::Duplicate);
    }

    let stored = stored_invoice(sql)?;
    let known_public_id = stored
        .as_ref()
        .and_then(|row| row.public_invoice_id.clone());
    let mut invoice = stored.map_or_else(Invoice::default, |row| {
        Invoice::restore(row.status, row.version, row.transaction_id)
    });
    let outcome = match delivery.status {
        Some(status) => invoice.apply(Event {
            status,
            version: delivery.event_version,
            transaction: delivery.transaction.clone(),
        }),
        None => Outcome::Ignored,
    };
    let public_id = known_public_id.or_else(|| delivery.public_invoice_id.clone());
    sql.exec(
        "INSERT OR REPLACE INTO invoice VALUES (0, ?1, ?2, ?3, ?4, ?5)",
        vec![
            delivery.invoice_id.as_str().into(),
            public_id.into(),
            invoice.status().as_str().into(),
            invoice.version().into(),
            invoice.transaction().map(str::to_owned).into(),
        ],
    )?;
    sql.exec(
        "INSERT INTO event (event_id, event_type, event_version, outcome, received_at, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        vec![
            delivery.event_id.as_str().into(),
            delivery.event_type.as_str().into(),
            delivery.event_version.into(),
            outcome.as_str().into(),
            now_ms().into(),
            delivery.body.as_str().into(),
        ],
    )?;
    if outcome.reaches_fulfilment() {
        enqueue(sql, &delivery.event_id)?;
    }
    Ok(outcome)
}

/// Puts an event into the outbox, due now.
fn enqueue(sql: &SqlStorage, event_id: &str) -> Result<()> {
    sql.exec(
        "INSERT OR REPLACE INTO outbox (event_id, state, due_at, sends, failures, deliveries) VALUES (?1, 'pending', ?2, 0, 0, 0)",
        vec![event_id.into(), now_ms().into()],
    )?;
    Ok(())
}

fn postpone(sql: &SqlStorage, event_id: &str, due_at: i64) -> Result<()> {
    sql.exec(
        "UPDATE outbox SET failures = failures + 1, due_at = ?2 WHERE event_id = ?1",
        vec![event_id.into(), due_at.into()],
    )?;
    Ok(())
}

#[derive(Deserialize)]
struct InvoiceRow {
    invoice_id: String,
    public_invoice_id: Option<String>,
    status: Status,
    version: Option<i64>,
    transaction_id: Option<String>,
}

fn stored_invoice(sql: &SqlStorage) -> Result<Option<InvoiceRow>> {
    let rows = sql.exec(
        "SELECT invoice_id, public_invoice_id, status, version, transaction_id FROM invoice",
        None,
    )?;
    Ok(rows.to_array()?.pop())
}

/// When the alarm has work next, in milliseconds since the epoch.
fn earliest_job(sql: &SqlStorage, times: Times) -> Result<Option<i64>> {
    #[derive(Deserialize)]
    struct Row {
        due_at: Option<i64>,
        oldest: Option<i64>,
    }
    let rows = sql.exec(
        "SELECT (SELECT MIN(due_at) FROM outbox WHERE state <> 'dead') AS due_at,
                (SELECT MIN(received_at) FROM event WHERE event_id NOT IN (SELECT event_id FROM outbox)) AS oldest",
        None,
    )?;
    let row: Option<Row> = rows.to_array()?.pop();
    let Some(Row { due_at, oldest }) = row else {
        return Ok(None);
    };
    let compaction = oldest.map(|received_at| received_at.saturating_add(times.retention));
    Ok(match (due_at, compaction) {
        (Some(due), Some(compaction)) => Some(due.min(compaction)),
        (due, compaction) => due.or(compaction),
    })
}
