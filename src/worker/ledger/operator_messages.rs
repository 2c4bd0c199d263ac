//! What the operator's routes ask of the shards, and what these return. The rule of
//! [`super::messages`] holds here too: fields are only ever added, each with a default.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::invoice::{Outcome, Status};

/// Which events a list holds.
#[derive(Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum EventState {
    /// The queue gave up on them.
    Dead,
    /// Fulfillment has not confirmed them yet, and the queue has not given up.
    Pending,
    /// They contradict the state of their invoice, delivered or not.
    Conflict,
}

impl EventState {
    /// The state of this name; `None` for another one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "dead" => Some(Self::Dead),
            "pending" => Some(Self::Pending),
            "conflict" => Some(Self::Conflict),
            _ => None,
        }
    }
}

/// Which events are meant. What is `None` asks for nothing.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
pub struct EventFilter {
    /// The list.
    pub state: EventState,
    /// Of this type alone.
    #[serde(default)]
    pub event_type: Option<String>,
    /// With this outcome alone.
    #[serde(default)]
    pub outcome: Option<Outcome>,
    /// That came then or later, in milliseconds since the epoch.
    #[serde(default)]
    pub since: Option<i64>,
    /// That came before, in milliseconds since the epoch.
    #[serde(default)]
    pub until: Option<i64>,
}

impl EventFilter {
    /// Every event of a list.
    #[must_use]
    pub const fn all(state: EventState) -> Self {
        Self {
            state,
            event_type: None,
            outcome: None,
            since: None,
            until: None,
        }
    }

    /// Whether every event of the list is meant.
    #[must_use]
    pub fn is_all(&self) -> bool {
        *self == Self::all(self.state)
    }

    /// Whether this event of the list is meant.
    #[must_use]
    pub fn takes(&self, event: &ListedEvent) -> bool {
        let listed = match (self.state, event.state.as_deref()) {
            (EventState::Dead, state) => state == Some("dead"),
            (EventState::Pending, state) => state.is_some_and(|state| state != "dead"),
            (EventState::Conflict, _) => event.outcome == Outcome::Conflict,
        };
        let of_type = self.event_type.as_ref();
        listed
            && of_type.is_none_or(|wanted| *wanted == event.event_type)
            && self.outcome.is_none_or(|wanted| wanted == event.outcome)
            && self.since.is_none_or(|since| event.received_at >= since)
            && self.until.is_none_or(|until| event.received_at < until)
    }
}

/// A step through a list of events in one shard.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
pub struct EventStep {
    /// Which events.
    pub filter: EventFilter,
    /// After this row of the shard; 0 for the beginning.
    pub after: i64,
    /// At most so many events.
    pub limit: i64,
}

/// The last response of fulfillment.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
pub struct LastResponse {
    /// The HTTP status; `None` where there was no response.
    #[serde(default)]
    pub status: Option<i64>,
    /// What that was, in our words. Nothing of the response's body.
    pub reason: String,
    /// When, in milliseconds since the epoch.
    pub at: i64,
}

/// An event in a list.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
pub struct ListedEvent {
    /// Its place in the shard: the order in which events came.
    pub sequence: i64,
    /// The merchant-side id of its invoice.
    pub invoice_id: String,
    /// The public id of its invoice, where that is known.
    pub public_invoice_id: Option<String>,
    /// Its id.
    pub event_id: String,
    /// Its type.
    pub event_type: String,
    /// What became of it.
    pub outcome: Outcome,
    /// When it came, in milliseconds since the epoch.
    pub received_at: i64,
    /// When fulfillment took it, in milliseconds since the epoch.
    pub delivered_at: Option<i64>,
    /// `pending`, `sent` or `dead`; `None` where the outbox does not have it.
    pub state: Option<String>,
    /// How often the consumer tried.
    pub deliveries: i64,
    /// When it is tried next unless the consumer reports, in milliseconds since the epoch.
    pub due_at: Option<i64>,
    /// The last response of fulfillment.
    #[serde(default, rename = "last_answer")]
    pub last_response: Option<LastResponse>,
}

/// Some events of one shard.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq, Default)]
pub struct EventPage {
    /// Oldest first.
    pub events: Vec<ListedEvent>,
    /// After which row to go on; `None` where the shard has no more.
    pub next: Option<i64>,
}

/// What one step of a replay did in one shard.
#[derive(Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReplayedStep {
    /// How many events were meant, and are in the outbox again unless it was a dry run.
    pub events: usize,
    /// After which row to go on; `None` where the shard has no more.
    pub next: Option<i64>,
}

/// The place of an invoice in the list, which is newest first.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct InvoiceKey {
    /// When its last event came, in milliseconds since the epoch.
    pub last_event_at: i64,
    /// The merchant-side id.
    pub invoice_id: String,
}

/// A step through the invoices of one shard.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
pub struct InvoiceStep {
    /// With this status alone.
    #[serde(default)]
    pub status: Option<Status>,
    /// Whose last event came then or later, in milliseconds since the epoch.
    #[serde(default)]
    pub since: Option<i64>,
    /// Behind this one; `None` for the newest.
    #[serde(default)]
    pub behind: Option<InvoiceKey>,
    /// At most so many.
    pub limit: i64,
}

/// An invoice in a list.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
pub struct ListedInvoice {
    /// Its place.
    #[serde(flatten)]
    pub key: InvoiceKey,
    /// The public id.
    pub public_invoice_id: Option<String>,
    /// Where it stands.
    pub status: Status,
    /// The version of the last applied event.
    pub version: Option<i64>,
    /// The transaction that paid it.
    pub transaction: Option<String>,
}

/// Some invoices of one shard.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq, Default)]
pub struct InvoicePage {
    /// Newest first.
    pub invoices: Vec<ListedInvoice>,
    /// How far the shard has looked; `None` where it has looked at everything.
    pub scanned_to: Option<InvoiceKey>,
}

/// What waits in one shard, or in all.
#[derive(Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Events that fulfillment has not confirmed, without the dead ones.
    pub pending: i64,
    /// When the oldest of them came, in milliseconds since the epoch.
    pub oldest_pending_at: Option<i64>,
    /// Dead events.
    pub dead: i64,
    /// When the oldest of them came.
    pub oldest_dead_at: Option<i64>,
    /// Conflicts that are kept: as long as their invoices.
    pub conflicts: i64,
    /// When this was counted, in milliseconds since the epoch.
    pub counted_at: i64,
    /// What the reconciliation says of itself; of shard 0 alone.
    #[serde(default)]
    pub reconciliation: Option<ReconciliationGauges>,
}

impl Counts {
    /// Both together.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        let older = |one: Option<i64>, other: Option<i64>| match (one, other) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        Self {
            pending: self.pending.saturating_add(other.pending),
            oldest_pending_at: older(self.oldest_pending_at, other.oldest_pending_at),
            dead: self.dead.saturating_add(other.dead),
            oldest_dead_at: older(self.oldest_dead_at, other.oldest_dead_at),
            conflicts: self.conflicts.saturating_add(other.conflicts),
            counted_at: self.counted_at.min(other.counted_at),
            reconciliation: self.reconciliation.or(other.reconciliation),
        }
    }
}

/// The two gauges of the reconciliation.
#[derive(Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReconciliationGauges {
    /// How many final states that no webhook had brought were found by the run that is under way,
    /// or by the last one.
    pub gap: i64,
    /// When the last complete run began, in milliseconds since the epoch: what is behind that is
    /// reconciled. `None` before the first.
    pub complete_at: Option<i64>,
}

/// What something is that somebody should be told of.
#[derive(Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "snake_case")]
pub enum AlertKind {
    /// The queue gave up on events.
    DeadLetter,
    /// Events contradict the state of their invoice.
    Conflict,
    /// Many deliveries in a short time did not verify.
    RefusedSignatures,
    /// A run of the reconciliation failed.
    ReconciliationFailed,
}

impl AlertKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [
        Self::DeadLetter,
        Self::Conflict,
        Self::RefusedSignatures,
        Self::ReconciliationFailed,
    ];

    /// Its name in storage and in the alert.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DeadLetter => "dead_letter",
            Self::Conflict => "conflict",
            Self::RefusedSignatures => "refused_signatures",
            Self::ReconciliationFailed => "reconciliation_failed",
        }
    }

    /// The kind of this name; `None` for one that this version does not know.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// What an isolate has counted since it last told shard 0: see [`crate::worker::metrics`].
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally {
    /// By how much each counter has grown.
    pub counters: BTreeMap<String, i64>,
    /// How many of these were refused signatures.
    #[serde(default)]
    pub refused: i64,
}
