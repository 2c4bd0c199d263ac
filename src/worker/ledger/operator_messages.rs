//! The messages between the operator's routes and the shards. The rule of [`super::messages`]
//! applies here too: fields are only added, each with a default.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::invoice::{Outcome, Status};

/// Which events a list holds.
#[derive(Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum EventState {
    /// Dead letters: the queue used all its attempts.
    Dead,
    /// Fulfillment has not confirmed them yet, and the queue still has attempts.
    Pending,
    /// They contradict the state of their invoice, whether they were delivered or not.
    Conflict,
}

impl EventState {
    /// Returns the state with this name, or `None` if there is none.
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

/// Selects events. A field that is `None` does not filter.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
pub struct EventFilter {
    /// The list.
    pub state: EventState,
    /// Only events of this type.
    #[serde(default)]
    pub event_type: Option<String>,
    /// Only events with this outcome.
    #[serde(default)]
    pub outcome: Option<Outcome>,
    /// Only events that arrived at this time or later, in milliseconds since the epoch.
    #[serde(default)]
    pub since: Option<i64>,
    /// Only events that arrived before this time, in milliseconds since the epoch.
    #[serde(default)]
    pub until: Option<i64>,
}

impl EventFilter {
    /// Returns the filter that selects every event of a list.
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

    /// Returns whether the filter selects every event of the list.
    #[must_use]
    pub fn is_all(&self) -> bool {
        *self == Self::all(self.state)
    }

    /// Returns whether the filter selects this event of the list.
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
    /// The row of the shard after which to continue. 0 for the beginning.
    pub after: i64,
    /// The maximum number of events.
    pub limit: i64,
}

/// The last response of fulfillment.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
pub struct LastResponse {
    /// The HTTP status, or `None` if there was no response.
    #[serde(default)]
    pub status: Option<i64>,
    /// The reason in the Worker's own words, with nothing of the response's body.
    pub reason: String,
    /// When the response arrived, in milliseconds since the epoch.
    pub at: i64,
}

/// An event in a list.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
pub struct ListedEvent {
    /// The position in the shard, which is the order in which events arrived.
    pub sequence: i64,
    /// The merchant-side id of its invoice.
    pub invoice_id: String,
    /// The public id of its invoice, if it is known.
    pub public_invoice_id: Option<String>,
    /// The id.
    pub event_id: String,
    /// The type.
    pub event_type: String,
    /// The outcome.
    pub outcome: Outcome,
    /// When the event arrived, in milliseconds since the epoch.
    pub received_at: i64,
    /// When fulfillment accepted it, in milliseconds since the epoch.
    pub delivered_at: Option<i64>,
    /// `pending`, `sent` or `dead`. `None` if it is not in the outbox.
    pub state: Option<String>,
    /// How often the consumer tried to deliver it.
    pub deliveries: i64,
    /// When the next attempt is due if the consumer does not report, in milliseconds since the
    /// epoch.
    pub due_at: Option<i64>,
    /// The last response of fulfillment.
    #[serde(default, rename = "last_answer")]
    pub last_response: Option<LastResponse>,
}

/// Some events of one shard.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq, Default)]
pub struct EventPage {
    /// The events, oldest first.
    pub events: Vec<ListedEvent>,
    /// The row after which to continue, or `None` if the shard has no more.
    pub next: Option<i64>,
}

/// The result of one step of a replay in one shard.
#[derive(Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReplayedStep {
    /// How many events were selected. They are in the outbox again, unless it was a dry run.
    pub events: usize,
    /// The row after which to continue, or `None` if the shard has no more.
    pub next: Option<i64>,
}

/// The position of an invoice in the list, which is newest first.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct InvoiceKey {
    /// When its last event arrived, in milliseconds since the epoch.
    pub last_event_at: i64,
    /// The merchant-side id.
    pub invoice_id: String,
}

/// A step through the invoices of one shard.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
pub struct InvoiceStep {
    /// Only invoices with this status.
    #[serde(default)]
    pub status: Option<Status>,
    /// Only invoices whose last event arrived at this time or later, in milliseconds since the
    /// epoch.
    #[serde(default)]
    pub since: Option<i64>,
    /// The invoice after which to continue. `None` for the newest.
    #[serde(default)]
    pub behind: Option<InvoiceKey>,
    /// The maximum number of invoices.
    pub limit: i64,
}

/// An invoice in a list.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
pub struct ListedInvoice {
    /// The position in the list.
    #[serde(flatten)]
    pub key: InvoiceKey,
    /// The public id.
    pub public_invoice_id: Option<String>,
    /// The status.
    pub status: Status,
    /// The version of the last applied event.
    pub version: Option<i64>,
    /// The transaction that paid it.
    pub transaction: Option<String>,
}

/// Some invoices of one shard.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq, Default)]
pub struct InvoicePage {
    /// The invoices, newest first.
    pub invoices: Vec<ListedInvoice>,
    /// How far the shard has searched, or `None` if it has searched everything.
    pub scanned_to: Option<InvoiceKey>,
}

/// The number of waiting events in one shard, or in all shards.
#[derive(Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Events that fulfillment has not confirmed, except dead events.
    pub pending: i64,
    /// When the oldest of them arrived, in milliseconds since the epoch.
    pub oldest_pending_at: Option<i64>,
    /// Dead events.
    pub dead: i64,
    /// When the oldest of them arrived, in milliseconds since the epoch.
    pub oldest_dead_at: Option<i64>,
    /// Conflicts in storage. They are kept as long as their invoices.
    pub conflicts: i64,
    /// When this was counted, in milliseconds since the epoch.
    pub counted_at: i64,
    /// The gauges of reconciliation. Shard 0 only.
    #[serde(default)]
    pub reconciliation: Option<ReconciliationGauges>,
}

impl Counts {
    /// Returns the sum of both.
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

/// The two gauges of reconciliation.
#[derive(Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReconciliationGauges {
    /// How many final states the run in progress, or the last run, found that no webhook had
    /// reported.
    pub gap: i64,
    /// When the last complete run began, in milliseconds since the epoch. All earlier invoices are
    /// reconciled. `None` before the first complete run.
    pub complete_at: Option<i64>,
}

/// The kind of an alert.
#[derive(Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "snake_case")]
pub enum AlertKind {
    /// The queue used all its attempts for events.
    DeadLetter,
    /// Events contradict the state of their invoice.
    Conflict,
    /// Many deliveries in a short time were not verified.
    RefusedSignatures,
    /// A run of reconciliation failed.
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

    /// Returns its name in storage and in the alert.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DeadLetter => "dead_letter",
            Self::Conflict => "conflict",
            Self::RefusedSignatures => "refused_signatures",
            Self::ReconciliationFailed => "reconciliation_failed",
        }
    }

    /// Returns the kind with this name, or `None` for one that this version does not know.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// What an isolate has counted since its last report to shard 0. See [`crate::worker::metrics`].
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally {
    /// By how much each counter has increased.
    pub counters: BTreeMap<String, i64>,
    /// How many of the deliveries had refused signatures.
    #[serde(default)]
    pub refused: i64,
}
