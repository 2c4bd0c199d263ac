//! The messages between the Worker, the shards and the queue.
//!
//! While a deployment rolls out, both versions of the code exchange messages, so these types change
//! by one rule. A message carries its version. Fields are only added, each with a default. A reader
//! ignores unknown fields. An older shard refuses a call that it does not know, and the sender
//! repeats the call later.

use serde::{Deserialize, Serialize};

use super::operator_messages::{AlertKind, EventStep, InvoiceStep, LastResponse, Tally};
use crate::invoice::{Outcome, Status};

/// The version of the messages that this code writes.
pub const VERSION: u32 = 1;

/// The receiver of a message. Every message to a shard begins with it.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// [`VERSION`] of the sender.
    pub v: u32,
    /// The receiving shard, from 0.
    pub shard: u32,
    /// The sender's number of shards.
    pub shards: u32,
    /// The merchant's key. Empty if there is only one merchant.
    #[serde(default)]
    pub merchant: String,
}

/// A verified event on its way to the ledger.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The key of the merchant whose secret verified the event. Empty if there is only one
    /// merchant.
    #[serde(default)]
    pub merchant: String,
    /// The merchant-side id.
    pub invoice_id: String,
    /// The public id, if the event has one.
    pub public_invoice_id: Option<String>,
    /// The event's id.
    pub event_id: String,
    /// The event's type.
    pub event_type: String,
    /// A number that increases with each event of the invoice.
    pub event_version: Option<i64>,
    /// The status that the invoice has reached, or `None` for a type that this version does not
    /// know.
    pub status: Option<Status>,
    /// The transaction that paid. If it has several names, they are separated by a space.
    pub transaction: Option<String>,
    /// The `traceparent` of the delivery, for fulfillment.
    #[serde(default)]
    pub traceparent: Option<String>,
    /// The event as it was signed. In a message it follows the JSON of the other fields, so that it
    /// needs no escaping.
    #[serde(skip)]
    pub body: String,
}

/// A delivery as a shard receives it: [`Envelope`] and [`Delivery`] as one line of JSON, then the
/// event.
#[derive(Serialize, Deserialize)]
pub struct Parcel<E = Envelope, D = Delivery> {
    /// The receiver.
    pub envelope: E,
    /// The event.
    pub delivery: D,
}

impl Parcel<&Envelope, &Delivery> {
    /// Returns the text to send.
    ///
    /// # Errors
    /// Returns an error if serde_json fails. These types give it no reason to.
    pub fn to_text(&self) -> Result<String, serde_json::Error> {
        let mut text = serde_json::to_string(self)?;
        text.push('\n');
        text.push_str(&self.delivery.body);
        Ok(text)
    }
}

impl Parcel {
    /// Reads a text of [`Parcel::to_text`]. Returns `None` for any other text.
    #[must_use]
    pub fn of_text(text: &str) -> Option<Self> {
        let (head, body) = text.split_once('\n')?;
        let mut parcel: Self = serde_json::from_str(head).ok()?;
        body.clone_into(&mut parcel.delivery.body);
        Some(parcel)
    }
}

/// One event of one invoice.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
pub struct EventKey {
    /// The merchant-side id of the invoice.
    pub invoice_id: String,
    /// The event's id.
    pub event_id: String,
}

/// The calls to a shard, apart from a [`Parcel`].
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(tag = "operation", rename_all = "snake_case")]
pub enum Call {
    /// Returns everything about an invoice, for the operator, as `Option<View>`.
    Read {
        /// The merchant-side id.
        invoice_id: String,
    },
    /// Returns the same as `Read`, by the public id.
    Find {
        /// The public id.
        public_invoice_id: String,
    },
    /// The consumer begins to process a message. Returns `Option<Claimed>`, or `None` if nothing is
    /// left to do.
    Claim(EventKey),
    /// Fulfillment accepted the event.
    Confirm(EventKey),
    /// Fulfillment did not accept the event. Returns after how many seconds to try again.
    Failed(FailedAttempt),
    /// The queue used all its attempts. Returns whether the row is dead now.
    #[serde(rename = "bury")]
    DeadLetter(EventKey),
    /// Delivers an event again, for the operator. Returns [`Replay`].
    Replay(EventKey),
    /// Takes over an invoice of 1.0.0 from its object. Returns whether the ledger has it now.
    Adopt {
        /// The merchant-side id.
        invoice_id: String,
    },
    /// Another shard, before it stores its first row, asks shard 0 for the number of shards.
    /// Returns `Option<u32>`.
    Shards {
        /// Whether shard 0 stores the sender's number if it has none.
        keep: bool,
    },
    /// The cron trigger checks the alarm. Returns an error if storage does not work.
    Wake,
    /// Returns the state of reconciliation as `Option<Reconciliation>`. Shard 0 only.
    Reconciliation {
        /// Whether a run begins, unless one is in progress.
        begin: bool,
    },
    /// Applies the final states of Gwop's list that are missing in this shard. Returns a
    /// [`Verdict`] for each.
    Compare {
        /// The events that reconciliation derived.
        candidates: Vec<Candidate>,
    },
    /// Returns some events of the shard, for the operator, as `EventPage`.
    ListEvents(EventStep),
    /// Puts some events of the shard into the outbox again. Returns `ReplayedStep`.
    ReplayEvents {
        /// Which events.
        step: EventStep,
        /// Whether to return only how many events there are.
        dry_run: bool,
    },
    /// Returns some invoices of the shard as `InvoicePage`.
    ListInvoices(InvoiceStep),
    /// Counts the waiting events of the shard. Returns `Counts`, counted at most every 10 seconds.
    Count,
    /// Adds to the counters of shard 0.
    Tally(Tally),
    /// Returns the counters of shard 0, by name.
    Counters,
    /// Reports to shard 0 something that needs an alert.
    Raise {
        /// The kind of alert.
        kind: AlertKind,
        /// How often it happened since the last report.
        count: i64,
    },
    /// Makes the next transaction fail in the middle.
    #[cfg(feature = "worker-test")]
    FailNext {
        /// Whether it fails by a panic, instead of a statement that fails.
        panics: bool,
    },
    /// Makes the next alarm panic.
    #[cfg(feature = "worker-test")]
    PanicInAlarm {
        /// Whether it panics after messages were put into the queue, instead of at its beginning.
        sent: bool,
    },
    /// Runs the store's own tests on this database.
    #[cfg(feature = "worker-test")]
    SelfTest,
    /// Writes dead events into the shard.
    #[cfg(feature = "worker-test")]
    FillDead {
        /// How many events.
        rows: usize,
        /// What the ids of their invoices begin with.
        prefix: String,
    },
}

/// An attempt that fulfillment did not accept.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
pub struct FailedAttempt {
    /// The event.
    #[serde(flatten)]
    pub event: EventKey,
    /// The response of fulfillment. Older consumers do not send it.
    #[serde(default, rename = "answer")]
    pub response: Option<LastResponse>,
}

/// A [`Call`] and its receiver.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The receiver.
    pub envelope: Envelope,
    /// The call.
    pub call: Call,
}

/// An event that reconciliation derived, to compare with what is stored.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The event without its body.
    pub delivery: Delivery,
    /// Its body.
    pub body: String,
    /// When its invoice was created, in milliseconds since the epoch.
    pub created_at: i64,
    /// Whether Gwop's public invoice may have more of its data. Then it is not applied yet.
    #[serde(default)]
    pub lacking: bool,
}

/// The result for a [`Candidate`].
#[derive(Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It was missing, and is applied now.
    Applied,
    /// It contradicts a stored final state, and is stored as a conflict.
    Conflict,
    /// It has nothing new.
    Known,
    /// It is missing. The caller gets the public invoice and sends the candidate again.
    Wanted,
}

/// The state of reconciliation. The counts are those of the run in progress, or of the last one.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
pub struct Reconciliation {
    /// Invoices that were created before this time are never applied, in milliseconds since the
    /// epoch, as shard 0 stored it. `RECONCILE_SINCE` overrides it.
    pub since: i64,
    /// When the next step of the run is due, in milliseconds since the epoch. `None` if no run is
    /// in progress.
    pub due_at: Option<i64>,
    /// When the last complete run began, in milliseconds since the epoch. All earlier invoices are
    /// reconciled.
    pub completed_at: Option<i64>,
    /// How many pages were requested.
    pub pages: i64,
    /// The gap: how many invoices no webhook had reported.
    pub applied: i64,
    /// How many of them contradict what is stored.
    pub conflicts: i64,
    /// How many of them cannot be converted to an event.
    pub unusable: i64,
    /// How often the current step has failed in a row.
    pub failures: i64,
    /// Why it failed the last time: a class and a code.
    pub error: Option<String>,
}

/// An event that the consumer delivers.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// The event's type.
    pub event_type: String,
    /// The outcome of the event.
    pub outcome: Outcome,
    /// The event as it was signed.
    pub body: String,
    /// When the event arrived, in milliseconds since the epoch. Older shards do not send it.
    #[serde(default)]
    pub received_at: Option<i64>,
    /// The `traceparent` of the delivery.
    #[serde(default)]
    pub traceparent: Option<String>,
}

/// The result of a replay.
#[derive(Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Replay {
    /// It is in the outbox again.
    Queued,
    /// There is no such event, or it was deleted.
    Unknown,
    /// Events with this outcome are never delivered to fulfillment.
    #[serde(rename = "not_for_fulfilment")]
    NotForFulfillment,
}

/// Everything that is stored of an invoice.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// The merchant-side id.
    pub invoice_id: String,
    /// The public id.
    pub public_invoice_id: Option<String>,
    /// The status.
    pub status: Status,
    /// The version of the last applied event.
    pub version: Option<i64>,
    /// The transaction that paid it.
    pub transaction: Option<String>,
    /// The events of the invoice, oldest first.
    pub events: Vec<EventView>,
    /// The events that fulfillment has not confirmed.
    pub outbox: Vec<OutboxView>,
}

/// One event of a [`View`].
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
pub struct EventView {
    /// The id.
    pub event_id: String,
    /// The type.
    pub event_type: String,
    /// The version.
    pub event_version: Option<i64>,
    /// The outcome.
    pub outcome: Outcome,
    /// When the event arrived, in milliseconds since the epoch.
    pub received_at: i64,
    /// When fulfillment accepted it, in milliseconds since the epoch.
    pub delivered_at: Option<i64>,
}

/// One row of the outbox in a [`View`].
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
pub struct OutboxView {
    /// The event's id.
    pub event_id: String,
    /// `pending`, `sent` or `dead`.
    pub state: String,
    /// How often the event was put into the queue.
    pub sends: i64,
    /// How often the consumer tried to deliver it.
    pub deliveries: i64,
    /// When the next action is due if the consumer does not report, in milliseconds since the
    /// epoch.
    pub due_at: i64,
    /// The last response of fulfillment.
    #[serde(default, rename = "last_answer")]
    pub last_response: Option<LastResponse>,
}

/// A message of the queue. It contains only the ids of the event, because a queue refuses more than
/// 128,000 bytes.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
pub struct QueueMessage {
    /// [`VERSION`] of the sender. 0 in a message of 1.0.0, which has only ids.
    #[serde(default)]
    pub v: u32,
    /// The merchant's key. Empty if there is only one merchant.
    #[serde(default)]
    pub merchant: String,
    /// The merchant-side id of the invoice.
    pub invoice_id: String,
    /// The event's id.
    pub event_id: String,
    /// The sender's number of shards. Absent in a message of 1.0.0.
    #[serde(default)]
    pub shards: Option<u32>,
}

/// Everything that an object of 1.0.0 holds of its invoice.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
pub struct Export {
    /// The merchant-side id.
    pub invoice_id: String,
    /// The public id.
    pub public_invoice_id: Option<String>,
    /// The status.
    pub status: Status,
    /// The version of the last applied event.
    pub version: Option<i64>,
    /// The transaction that paid it.
    pub transaction: Option<String>,
    /// The events of the invoice, oldest first.
    pub events: Vec<ExportedEvent>,
    /// The events that fulfillment has not confirmed.
    pub outbox: Vec<ExportedRow>,
}

/// One event of an [`Export`].
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
pub struct ExportedEvent {
    /// What the operator sees of the event.
    #[serde(flatten)]
    pub view: EventView,
    /// The event as it was signed.
    pub body: String,
}

/// One row of the outbox in an [`Export`].
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
pub struct ExportedRow {
    /// What the operator sees of the row.
    #[serde(flatten)]
    pub view: OutboxView,
    /// How often the queue refused the event since it last accepted it.
    pub failures: i64,
}
