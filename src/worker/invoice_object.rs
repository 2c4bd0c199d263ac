//! The Durable Object of one invoice: its state, its events, and the outbox of what fulfilment must still hear.
//!
//! A delivery is one transaction: event, transition, outbox row and alarm, or nothing of it. A row of the outbox is `pending`, then `sent`
//! once the queue has taken it, and leaves when the consumer has confirmed it; `dead` once the queue has given up. Rows that
//! stay unconfirmed are sent again: a queue may forget.
#[cfg(feature = "worker-test")]
use std::cell::Cell;
use std::cell::RefCell;

use serde::{Deserialize, Serialize};
use worker::{Env, Error, Request, Response, Result, State};

use crate::invoice::{Event, Invoice, Outcome, Status};

use super::config::{self, Times};
use super::objects::{answer, now_ms, percent_encoded};
use super::promise::settled;
use super::queue::Message;
use super::storage::{NO_BINDINGS, Storage};
use super::{log, objects, platform, schedule};

/// The path of a delivery, before its event's id: a duplicate is recognised by it alone. The id is the query, since `.` and `..` would be
/// resolved in a path.
const APPLY: &str = "/apply?";
/// The header of the answer to a delivery.
const OUTCOME: &str = "gwop-outcome";
/// How many ids of events an instance keeps in mind: an invoice has seldom more than three.
const COMMITTED_IDS: usize = 16;
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
    /// The event as it was signed: on its way behind the JSON of the rest, so that it need not be escaped.
    #[serde(skip)]
    pub body: String,
}

impl Delivery {
    /// One line of JSON, and the event.
    fn to_text(&self) -> Result<String> {
        let mut text = serde_json::to_string(self)?;
        text.push('\n');
        text.push_str(&self.body);
        Ok(text)
    }

    fn of_text(text: &str) -> Result<Self> {
        // Without an event: of another version of this Worker, as there may be while it is deployed. Gwop delivers again.
        let (head, body) = text
            .split_once('\n')
            .ok_or_else(|| Error::RustError("the delivery holds no event".to_owned()))?;
        let mut delivery: Self = serde_json::from_str(head)?;
        body.clone_into(&mut delivery.body);
        Ok(delivery)
    }
}

/// What else can be asked of the object.
#[derive(Serialize, Deserialize)]
#[serde(tag = "operation", rename_all = "snake_case")]
pub enum InvoiceCall {
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
    FailNext {
        /// By a trap, instead of a statement that fails.
        traps: bool,
    },
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

/// The class that the platform makes and calls. `durable_object` would write it too, but with a future for every call: a duplicate that
/// is known in memory needs none.
#[allow(unsafe_code)] // wasm-bindgen's generated glue.
mod class {
    use std::borrow::Cow;
    use std::rc::Rc;

    use js_sys::Promise;
    use wasm_bindgen::JsValue;
    use wasm_bindgen::prelude::wasm_bindgen;
    use worker::worker_sys::DurableObjectState;
    use worker::{Env, State};

    use super::super::{objects, platform, promise};
    use super::{APPLY, InvoiceObject};

    /// The Durable Object of one invoice, named by `invoice_id`.
    #[wasm_bindgen]
    #[derive(Debug)]
    pub struct GwopInvoice(Rc<InvoiceObject>);

    #[wasm_bindgen]
    impl GwopInvoice {
        /// Called by the platform when it starts the object.
        #[wasm_bindgen(constructor)]
        pub fn new(state: DurableObjectState, env: Env) -> Self {
            Self(Rc::new(InvoiceObject::new(&State::from(state), env)))
        }

        /// Answers a call of this crate's: a `Response`, or a promise of one.
        ///
        /// # Errors
        /// Where the platform refuses to make a `Response`.
        pub fn fetch(&self, request: web_sys::Request) -> Result<JsValue, JsValue> {
            let target = platform::target(&request);
            let event_id = objects::query_of(&target, APPLY).map(Cow::into_owned);
            let is_question = target.starts_with("GET ");
            if is_question
                && event_id
                    .as_ref()
                    .is_some_and(|event_id| self.0.remembers(event_id))
            {
                return web_sys::Response::new().map(JsValue::from);
            }
            let object = Rc::clone(&self.0);
            let answer = async move {
                let answer = match event_id {
                    Some(event_id) => object.apply(&event_id, is_question, &request).await?,
                    None => object.fetch(request.into()).await?.into(),
                };
                Ok(answer.into())
            };
            Ok(promise::of(answer).into())
        }

        /// Called by the platform when the alarm is due.
        pub fn alarm(&self) -> Promise {
            let object = Rc::clone(&self.0);
            promise::of(async move {
                object.alarm().await;
                Ok(JsValue::UNDEFINED)
            })
        }
    }
}

pub use class::GwopInvoice;

struct InvoiceObject {
    storage: Storage,
    env: Env,
    /// Ids of committed events, so that a duplicate costs no read; while it holds any, the alarm is armed too. A write that the disk
    /// refuses ends the instance, and this with it.
    committed: RefCell<Vec<String>>,
    #[cfg(feature = "worker-test")]
    fail_next: Cell<Option<bool>>,
}

impl std::fmt::Debug for InvoiceObject {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("InvoiceObject")
    }
}

impl InvoiceObject {
    fn new(state: &State, env: Env) -> Self {
        Self {
            storage: Storage::of(state),
            env,
            committed: RefCell::new(vec![]),
            #[cfg(feature = "worker-test")]
            fail_next: Cell::new(None),
        }
    }

    /// Answers whether the event is stored, or applies the delivery in the request's body.
    async fn apply(
        &self,
        event_id: &str,
        is_question: bool,
        request: &web_sys::Request,
    ) -> Result<web_sys::Response> {
        let applied = match self.recognise(event_id).await {
            Ok(true) => Ok(Outcome::Duplicate),
            Ok(false) if is_question => {
                return Ok(Response::error("There is no such event", 404)?.into());
            }
            Ok(false) => self.apply_new(event_id, request).await,
            Err(error) => Err(error),
        };
        match applied {
            Ok(outcome) => Ok(platform::marked(
                platform::constant(OUTCOME),
                platform::constant(outcome.as_str()),
            )?),
            Err(error) => Ok(answer(Err::<(), _>(error))?.into()),
        }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let call: InvoiceCall = serde_json::from_str(&request.text().await?)?;
        match call {
            InvoiceCall::Read => answer(self.read()),
            InvoiceCall::Claim { event_id } => answer(self.claim(&event_id)),
            InvoiceCall::Confirm { event_id } => answer(self.confirm(&event_id)),
            InvoiceCall::Failed { event_id } => answer(self.failed(&event_id)),
            InvoiceCall::Bury { event_id } => answer(self.bury(&event_id)),
            InvoiceCall::Replay { event_id } => answer(self.replay(event_id).await),
            #[cfg(feature = "worker-test")]
            InvoiceCall::FailNext { traps } => {
                self.fail_next.set(Some(traps));
                answer(Ok(()))
            }
        }
    }

    /// Only a transaction that made the tables has armed it. Never throws, so that the platform never gives up on it, and always arms itself for the earliest due job.
    async fn alarm(&self) {
        let done = self.run_due_jobs().await;
        let armed = match done {
            Ok(()) => self.arm().await,
            Err(error) => Err(error),
        };
        if let Err(error) = armed {
            log::error("alarm_failed", &[("error", error.to_string().into())]);
            let again = now_ms().saturating_add(ALARM_AGAIN_MS);
            if let Err(error) = self.storage.set_alarm(again).await {
                self.committed.take();
                log::error("alarm_lost", &[("error", error.to_string().into())]);
            }
        }
    }

    /// Runs `work` and arms the alarm for what it left to do, in one transaction: whatever fails undoes all of it. `work` tells when the
    /// alarm has work next, if it knows.
    async fn transact<T: 'static>(
        &self,
        work: impl FnOnce(&Storage) -> Result<(T, Option<i64>)> + 'static,
    ) -> Result<T> {
        let times = config::times(&self.env);
        let transaction = self.storage.transact(move |storage| {
            let (value, due) = work(storage)?;
            let due = if due.is_some() {
                due
            } else {
                earliest_job(storage, times)?
            };
            Ok((value, due))
        });
        transaction.await
    }

    /// Whether the event is stored. A duplicate is told by this alone: no body, no transaction, nothing written.
    async fn recognise(&self, event_id: &str) -> Result<bool> {
        if self.remembers(event_id) {
            return Ok(true);
        }
        let stored = self.storage.has_table("event")? && is_known(&self.storage, event_id)?;
        if stored {
            // Where the alarm was lost, this is a chance to repair it.
            if !self.storage.has_alarm().await? {
                self.arm().await?;
            }
            self.remember(event_id);
        }
        Ok(stored)
    }

    /// Applies the delivery in the request's body.
    async fn apply_new(&self, event_id: &str, request: &web_sys::Request) -> Result<Outcome> {
        #[cfg(feature = "worker-test")]
        let fails = self.fail_next.take();
        let text = settled(request.text()?).await?;
        let delivery = Delivery::of_text(&text.as_string().unwrap_or_default())?;
        let applied = self.transact(move |sql| {
            let recorded = record(sql, &delivery)?;
            #[cfg(feature = "worker-test")]
            if let Some(traps) = fails {
                if traps {
                    std::arch::wasm32::unreachable();
                }
                sql.run("INSERT INTO outbox (event_id) VALUES (NULL)", &NO_BINDINGS)?;
            }
            Ok(recorded)
        });
        let outcome = applied.await?;
        self.remember(event_id);
        Ok(outcome)
    }

    fn remembers(&self, event_id: &str) -> bool {
        let committed = self.committed.borrow();
        committed.iter().any(|known| known == event_id)
    }

    fn remember(&self, event_id: &str) {
        let mut committed = self.committed.borrow_mut();
        committed.truncate(COMMITTED_IDS.saturating_sub(1));
        committed.insert(0, event_id.to_owned());
    }

    fn read(&self) -> Result<Option<View>> {
        let sql = &self.storage;
        if !sql.has_table("invoice")? {
            return Ok(None);
        }
        let Some(row) = stored_invoice(sql)? else {
            return Ok(None);
        };
        let events = sql.rows(
            "SELECT event_id, event_type, event_version, outcome, received_at, delivered_at FROM event ORDER BY rowid",
            &NO_BINDINGS,
        )?;
        let outbox = sql.rows(
            "SELECT event_id, state, sends, deliveries, due_at FROM outbox ORDER BY rowid",
            &NO_BINDINGS,
        )?;
        Ok(Some(View {
            invoice_id: row.invoice_id,
            public_invoice_id: row.public_invoice_id,
            status: row.status,
            version: row.version,
            transaction: row.transaction_id,
            events,
            outbox,
        }))
    }

    fn claim(&self, event_id: &str) -> Result<Option<Claimed>> {
        let sql = &self.storage;
        if !sql.has_table("outbox")? {
            return Ok(None);
        }
        let claimed = sql.row(
            "SELECT event_type, outcome, body FROM event WHERE event_id = ?1 AND event_id IN (SELECT event_id FROM outbox)",
            &[event_id],
        )?;
        if claimed.is_some() {
            // The consumer is at work: no second message before it can have reported.
            let report = now_ms()
                .saturating_add(schedule::FULFILMENT_TIMEOUT_MS)
                .saturating_add(config::times(&self.env).silence);
            sql.run(
                "UPDATE outbox SET deliveries = deliveries + 1, due_at = MAX(due_at, ?2) WHERE event_id = ?1",
                &(event_id, report),
            )?;
        }
        Ok(claimed)
    }

    fn confirm(&self, event_id: &str) -> Result<()> {
        let sql = &self.storage;
        if sql.has_table("outbox")? {
            // Together: there is no await between the two, so both become durable, or neither.
            sql.run(
                "UPDATE event SET delivered_at = ?2 WHERE event_id = ?1",
                &(event_id, now_ms()),
            )?;
            sql.run("DELETE FROM outbox WHERE event_id = ?1", &[event_id])?;
        }
        Ok(())
    }

    fn failed(&self, event_id: &str) -> Result<u32> {
        #[derive(Deserialize)]
        struct Row {
            deliveries: i64,
        }
        let sql = &self.storage;
        if !sql.has_table("outbox")? {
            return Ok(0);
        }
        let row: Option<Row> = sql.row(
            "SELECT deliveries FROM outbox WHERE event_id = ?1",
            &[event_id],
        )?;
        let pause = schedule::retry_seconds(row.map_or(0, |row| row.deliveries));
        let report = now_ms()
            .saturating_add(i64::from(pause).saturating_mul(1_000))
            .saturating_add(config::times(&self.env).silence);
        sql.run(
            "UPDATE outbox SET due_at = ?2 WHERE event_id = ?1 AND state = 'sent'",
            &(event_id, report),
        )?;
        Ok(pause)
    }

    fn bury(&self, event_id: &str) -> Result<bool> {
        let sql = &self.storage;
        if !sql.has_table("outbox")? {
            return Ok(false);
        }
        // A pending row was replayed meanwhile: its new message decides.
        sql.exists(
            "UPDATE outbox SET state = 'dead' WHERE event_id = ?1 AND state = 'sent' RETURNING event_id",
            event_id,
        )
    }

    async fn replay(&self, event_id: String) -> Result<Replay> {
        #[derive(Deserialize)]
        struct Row {
            outcome: Outcome,
        }
        let sql = &self.storage;
        if !sql.has_table("event")? {
            return Ok(Replay::Unknown);
        }
        let row = sql.row(
            "SELECT outcome FROM event WHERE event_id = ?1",
            &[&event_id],
        )?;
        let Some(Row { outcome }) = row else {
            return Ok(Replay::Unknown);
        };
        if !outcome.reaches_fulfilment() {
            return Ok(Replay::NotForFulfilment);
        }
        self.transact(move |sql| Ok(((), Some(enqueue(sql, &event_id)?))))
            .await?;
        Ok(Replay::Queued)
    }

    async fn run_due_jobs(&self) -> Result<()> {
        #[derive(Deserialize)]
        struct Row {
            invoice_id: String,
            event_id: String,
            sends: i64,
            failures: i64,
        }
        let sql = &self.storage;
        let times = config::times(&self.env);
        let due: Vec<Row> = sql.rows(
            "SELECT invoice_id, event_id, sends, failures FROM outbox, invoice WHERE state <> 'dead' AND due_at <= ?1 ORDER BY due_at LIMIT ?2",
            &(now_ms(), ROWS_PER_ALARM),
        )?;
        for row in due {
            let sent = self.send(&row.invoice_id, &row.event_id).await;
            let now = now_ms();
            match sent {
                Sent::Taken => {
                    let sends = row.sends.saturating_add(1);
                    let report = now.saturating_add(schedule::resend_ms(times.silence, sends));
                    sql.run(
                        "UPDATE outbox SET state = 'sent', sends = ?2, failures = 0, due_at = ?3 WHERE event_id = ?1 AND state <> 'dead'",
                        &(&row.event_id, sends, report),
                    )?;
                }
                Sent::Refused => {
                    postpone(
                        sql,
                        &row.event_id,
                        now.saturating_add(schedule::enqueue_ms(row.failures)),
                    )?;
                }
                Sent::SwitchedOff => {
                    postpone(
                        sql,
                        &row.event_id,
                        now.saturating_add(schedule::switched_off_ms(row.failures)),
                    )?;
                }
            }
        }
        self.committed.take();
        let expired = now_ms().saturating_sub(times.retention);
        sql.run(
            "DELETE FROM event WHERE received_at <= ?1 AND event_id NOT IN (SELECT event_id FROM outbox)",
            &[expired],
        )?;
        Ok(())
    }

    /// Puts one message into the queue.
    async fn send(&self, invoice_id: &str, event_id: &str) -> Sent {
        if !config::missing_for_fulfilment(&self.env).is_empty() {
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
        if let Some(due) = earliest_job(&self.storage, config::times(&self.env))? {
            self.storage.set_alarm(due).await?;
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

/// Applies a delivery at the object of its invoice.
///
/// # Errors
/// Where the object cannot be reached or storage fails: then nothing of it is stored.
pub async fn apply(env: &Env, delivery: &Delivery) -> Result<Outcome> {
    let (name, path) = (&delivery.invoice_id, path_of(delivery));
    let text = delivery.to_text()?;
    let response = objects::ask(env, config::INVOICES, name, &path, Some(&text)).await?;
    let response = objects::accepted(response).await?;
    platform::header(&response, platform::constant(OUTCOME))
        .and_then(|outcome| Outcome::parse(&outcome))
        .ok_or_else(|| Error::RustError("the object answered no outcome".to_owned()))
}

/// Whether the object of its invoice has the event of a delivery; what cannot be told counts as no.
pub async fn has(env: &Env, delivery: &Delivery) -> bool {
    let (name, path) = (&delivery.invoice_id, path_of(delivery));
    let response = objects::ask(env, config::INVOICES, name, &path, None).await;
    response.is_ok_and(|response| response.status() == 200)
}

fn path_of(delivery: &Delivery) -> String {
    [APPLY, &percent_encoded(&delivery.event_id)].concat()
}

fn is_known(sql: &Storage, event_id: &str) -> Result<bool> {
    sql.exists("SELECT 1 FROM event WHERE event_id = ?1", event_id)
}

fn create_tables(sql: &Storage) -> Result<()> {
    sql.run(
        "CREATE TABLE invoice (
            only INTEGER PRIMARY KEY CHECK (only = 0), invoice_id TEXT NOT NULL, public_invoice_id TEXT,
            status TEXT NOT NULL, version INTEGER, transaction_id TEXT);
         CREATE TABLE event (
            event_id TEXT PRIMARY KEY NOT NULL, event_type TEXT NOT NULL, event_version INTEGER, outcome TEXT NOT NULL,
            received_at INTEGER NOT NULL, delivered_at INTEGER, body TEXT NOT NULL);
         CREATE TABLE outbox (
            event_id TEXT PRIMARY KEY NOT NULL, state TEXT NOT NULL CHECK (state IN ('pending', 'sent', 'dead')),
            due_at INTEGER NOT NULL, sends INTEGER NOT NULL, failures INTEGER NOT NULL, deliveries INTEGER NOT NULL)",
        &NO_BINDINGS,
    )
}

/// Everything that one delivery changes, but for the alarm, and when the alarm has work next, if that is known. Every failure must
/// leave the transaction.
fn record(sql: &Storage, delivery: &Delivery) -> Result<(Outcome, Option<i64>)> {
    let stored = if sql.has_table("event")? {
        // Of two copies that came together, the second one waited for this transaction's turn.
        if is_known(sql, &delivery.event_id)? {
            return Ok((Outcome::Duplicate, None));
        }
        stored_invoice(sql)?
    } else {
        create_tables(sql)?;
        None
    };
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
    sql.run(
        "INSERT OR REPLACE INTO invoice VALUES (0, ?1, ?2, ?3, ?4, ?5)",
        &(
            &delivery.invoice_id,
            public_id,
            invoice.status().as_str(),
            invoice.version(),
            invoice.transaction(),
        ),
    )?;
    sql.run_with_text(
        "INSERT INTO event (event_id, event_type, event_version, outcome, received_at, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        &(
            &delivery.event_id,
            &delivery.event_type,
            delivery.event_version,
            outcome.as_str(),
            now_ms(),
        ),
        Some(&delivery.body),
    )?;
    let due = if outcome.reaches_fulfilment() {
        Some(enqueue(sql, &delivery.event_id)?)
    } else {
        None
    };
    Ok((outcome, due))
}

/// Puts an event into the outbox, due now: in the answer, in milliseconds since the epoch.
fn enqueue(sql: &Storage, event_id: &str) -> Result<i64> {
    let now = now_ms();
    sql.run(
        "INSERT OR REPLACE INTO outbox (event_id, state, due_at, sends, failures, deliveries) VALUES (?1, 'pending', ?2, 0, 0, 0)",
        &(event_id, now),
    )?;
    Ok(now)
}

fn postpone(sql: &Storage, event_id: &str, due_at: i64) -> Result<()> {
    sql.run(
        "UPDATE outbox SET failures = failures + 1, due_at = ?2 WHERE event_id = ?1",
        &(event_id, due_at),
    )
}

#[derive(Deserialize)]
struct InvoiceRow {
    invoice_id: String,
    public_invoice_id: Option<String>,
    status: Status,
    version: Option<i64>,
    transaction_id: Option<String>,
}

fn stored_invoice(sql: &Storage) -> Result<Option<InvoiceRow>> {
    sql.row(
        "SELECT invoice_id, public_invoice_id, status, version, transaction_id FROM invoice",
        &NO_BINDINGS,
    )
}

/// When the alarm has work next, in milliseconds since the epoch.
fn earliest_job(sql: &Storage, times: Times) -> Result<Option<i64>> {
    #[derive(Deserialize)]
    struct Row {
        due_at: Option<i64>,
        oldest: Option<i64>,
    }
    let row: Option<Row> = sql.row(
        "SELECT (SELECT MIN(due_at) FROM outbox WHERE state <> 'dead') AS due_at,
                (SELECT MIN(received_at) FROM event WHERE event_id NOT IN (SELECT event_id FROM outbox)) AS oldest",
        &NO_BINDINGS,
    )?;
    let Some(Row { due_at, oldest }) = row else {
        return Ok(None);
    };
    let compaction = oldest.map(|received_at| received_at.saturating_add(times.retention));
    Ok(match (due_at, compaction) {
        (Some(due), Some(compaction)) => Some(due.min(compaction)),
        (due, compaction) => due.or(compaction),
    })
}
