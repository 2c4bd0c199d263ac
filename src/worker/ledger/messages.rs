//! What Worker, shards and queue say to each other.
//!
//! While a deployment rolls out, both versions of the code talk to each other, so these types change by one rule: a message carries its version,
//! fields are only ever added, each with a default, and a reader ignores fields that it does not know. A call that an older shard does not know is
//! refused by it, and repeated by the sender later.

use serde::{Deserialize, Serialize};

use super::operator_messages::{AlertKind, EventStep, InvoiceStep, LastResponse, Tally};
use crate::invoice::{Outcome, Status};

/// The version of the messages that this code writes.
pub const VERSION: u32 = 1;

/// Whom a message is for. Every message to a shard begins with it.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// [`VERSION`] of the sender.
    pub v: u32,
    /// The shard that it is for, from 0.
    pub shard: u32,
    /// How many shards the sender counts.
    pub shards: u32,
    /// The merchant's key; empty where there is one merchant.
    #[serde(default)]
    pub merchant: String,
}

/// A verified event, on its way into the ledger.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The key of the merchant whose secret verified it; empty where there is one merchant.
    #[serde(default)]
    pub merchant: String,
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
    /// The transaction that paid; of several names each, parted by a space.
    pub transaction: Option<String>,
    /// The `traceparent` that it came with, for fulfillment.
    #[serde(default)]
    pub traceparent: Option<String>,
    /// The event as it was signed: on its way behind the JSON of the rest, so that it need not be escaped.
    #[serde(skip)]
    pub body: String,
}

/// A delivery as a shard gets it: [`Envelope`] and [`Delivery`] as one line of JSON, then the event.
#[derive(Serialize, Deserialize)]
pub struct Parcel<E = Envelope, D = Delivery> {
    /// Whom it is for.
    pub envelope: E,
    /// The event.
    pub delivery: D,
}

impl Parcel<&Envelope, &Delivery> {
    /// The text to send.
    ///
    /// # Errors
    /// Where serde_json fails, which these types give no reason to.
    pub fn to_text(&self) -> Result<String, serde_json::Error> {
        let mut text = serde_json::to_string(self)?;
        text.push('\n');
        text.push_str(&self.delivery.body);
        Ok(text)
    }
}

impl Parcel {
    /// Reads what [`Parcel::to_text`] wrote. `None` where it is something else.
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

/// What can be asked of a shard, apart from a [`Parcel`].
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(tag = "operation", rename_all = "snake_case")]
pub enum Call {
    /// Everything about an invoice, for the operator; returns `Option<View>`.
    Read {
        /// The merchant-side id.
        invoice_id: String,
    },
    /// The same by the public id.
    Find {
        /// The public id.
        public_invoice_id: String,
    },
    /// The consumer starts on a message; returns `Option<Claimed>`, `None` when there is nothing
    /// left to do.
    Claim(EventKey),
    /// Fulfillment took it.
    Confirm(EventKey),
    /// Fulfillment did not take it; returns after how many seconds to try again.
    Failed(FailedAttempt),
    /// The queue gave up; returns whether the row is dead now.
    #[serde(rename = "bury")]
    DeadLetter(EventKey),
    /// The operator wants it delivered again; returns [`Replay`].
    Replay(EventKey),
    /// An invoice of 1.0.0 is to be taken over from its object; returns whether the ledger has it
    /// now.
    Adopt {
        /// The merchant-side id.
        invoice_id: String,
    },
    /// Another shard, about to store its first row, asks shard 0 for the number of shards; returns
    /// `Option<u32>`.
    Shards {
        /// Whether shard 0 keeps the sender's number where it has none.
        keep: bool,
    },
    /// A look at the alarm, by the cron trigger: returns whether storage works.
    Wake,
    /// Asked of shard 0: how reconciliation stands; returns `Option<Reconciliation>`.
    Reconciliation {
        /// Whether a run begins, unless one is under way.
        begin: bool,
    },
    /// Final states that Gwop's list shows: those that are missing here are applied; returns a
    /// [`Verdict`] for each.
    Compare {
        /// The events that reconciliation derived.
        candidates: Vec<Candidate>,
    },
    /// Some events of the shard, for the operator; returns `EventPage`.
    ListEvents(EventStep),
    /// Puts some events of the shard into the outbox again; returns `ReplayedStep`.
    ReplayEvents {
        /// Which.
        step: EventStep,
        /// Only says how many there are.
        dry_run: bool,
    },
    /// Some invoices of the shard; returns `InvoicePage`.
    ListInvoices(InvoiceStep),
    /// What waits in the shard; returns `Counts`, counted at most every 10 seconds.
    Count,
    /// Shard 0 adds to its counters.
    Tally(Tally),
    /// Shard 0's counters, by name.
    Counters,
    /// Shard 0 is told of something that somebody should be told of.
    Raise {
        /// What.
        kind: AlertKind,
        /// How often since the last time that it was told.
        count: i64,
    },
    /// The next transaction fails in the middle.
    #[cfg(feature = "worker-test")]
    FailNext {
        /// By a panic, instead of a statement that fails.
        panics: bool,
    },
    /// The next alarm panics.
    #[cfg(feature = "worker-test")]
    PanicInAlarm {
        /// Once messages are in the queue, instead of at its beginning.
        sent: bool,
    },
    /// The store's own tests, on this database.
    #[cfg(feature = "worker-test")]
    SelfTest,
    /// Writes so many dead events into the shard.
    #[cfg(feature = "worker-test")]
    FillDead {
        /// How many.
        rows: usize,
        /// What their invoices are called before their number.
        prefix: String,
    },
}

/// An attempt that fulfillment did not take.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
pub struct FailedAttempt {
    /// The event.
    #[serde(flatten)]
    pub event: EventKey,
    /// The response of fulfillment; absent from older consumers.
    #[serde(default, rename = "answer")]
    pub response: Option<LastResponse>,
}

/// A [`Call`] and whom it is for.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Whom it is for.
    pub envelope: Envelope,
    /// What is asked.
    pub call: Call,
}

/// An event that reconciliation derived, to be compared with what is stored.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The event without its body.
    pub delivery: Delivery,
    /// Its body.
    pub body: String,
    /// When its invoice was created, in milliseconds since the epoch.
    pub created_at: i64,
    /// Whether Gwop's public invoice may tell more of it: then it is not applied yet.
    #[serde(default)]
    pub lacking: bool,
}

/// What became of a [`Candidate`].
#[derive(Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It was missing, and is applied.
    Applied,
    /// It contradicts a final state that is stored, and is stored as a conflict.
    Conflict,
    /// It says nothing new.
    Known,
    /// It is missing: ask for the public invoice, and send it again.
    Wanted,
}

/// How reconciliation stands. The counts are those of the run that is under way, or of the last one.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
pub struct Reconciliation {
    /// Invoices that were created before this are never applied, in milliseconds since the epoch, as shard 0 stored it. `RECONCILE_SINCE`
    /// overrides it.
    pub since: i64,
    /// When the next step of the run is due, in milliseconds since the epoch; `None` where no run is under way.
    pub due_at: Option<i64>,
    /// When the last complete run began, in milliseconds since the epoch: what is behind it is reconciled.
    pub completed_at: Option<i64>,
    /// Pages that were asked for.
    pub pages: i64,
    /// Invoices that no webhook had told of: the gap.
    pub applied: i64,
    /// Those of them that contradict what is stored.
    pub conflicts: i64,
    /// Those of which no event can be made.
    pub unusable: i64,
    /// How often the present step has failed, one time after another.
    pub failures: i64,
    /// Why it failed the last time: a class and a code.
    pub error: Option<String>,
}

/// What the consumer delivers.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// The event's type.
    pub event_type: String,
    /// What became of it.
    pub outcome: Outcome,
    /// The event as it was signed.
    pub body: String,
    /// When it came, in milliseconds since the epoch; absent from older shards.
    #[serde(default)]
    pub received_at: Option<i64>,
    /// The `traceparent` that it came with.
    #[serde(default)]
    pub traceparent: Option<String>,
}

/// What became of the wish to replay.
#[derive(Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Replay {
    /// It is in the outbox again.
    Queued,
    /// There is no such event, or not any more.
    Unknown,
    /// Fulfillment never hears of events with this outcome.
    #[serde(rename = "not_for_fulfilment")]
    NotForFulfillment,
}

/// Everything that is known of an invoice.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
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
    /// What fulfillment must still hear.
    pub outbox: Vec<OutboxView>,
}

/// One event of a [`View`].
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
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
    /// When fulfillment took it, in milliseconds since the epoch.
    pub delivered_at: Option<i64>,
}

/// One row of the outbox in a [`View`].
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
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
    /// The last response of fulfillment.
    #[serde(default, rename = "last_answer")]
    pub last_response: Option<LastResponse>,
}

/// A message of the queue: only where to find the event. A queue refuses more than 128,000 bytes.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
pub struct QueueMessage {
    /// [`VERSION`] of the sender; 0 in a message of 1.0.0, which has ids alone.
    #[serde(default)]
    pub v: u32,
    /// The merchant's key; empty where there is one merchant.
    #[serde(default)]
    pub merchant: String,
    /// The merchant-side id of the invoice.
    pub invoice_id: String,
    /// The event's id.
    pub event_id: String,
    /// How many shards the sender counts; absent in a message of 1.0.0.
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
    /// Where it stands.
    pub status: Status,
    /// The version of the last applied event.
    pub version: Option<i64>,
    /// The transaction that paid it.
    pub transaction: Option<String>,
    /// Its events, oldest first.
    pub events: Vec<ExportedEvent>,
    /// What fulfillment must still hear.
    pub outbox: Vec<ExportedRow>,
}

/// One event of an [`Export`].
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
pub struct ExportedEvent {
    /// What the operator sees of it.
    #[serde(flatten)]
    pub view: EventView,
    /// The event as it was signed.
    pub body: String,
}

/// One row of the outbox in an [`Export`].
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
pub struct ExportedRow {
    /// What the operator sees of it.
    #[serde(flatten)]
    pub view: OutboxView,
    /// How often the queue refused it, since it last took it.
    pub failures: i64,
}
