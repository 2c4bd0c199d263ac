//! The Durable Object of one shard. It checks whether a message is for this shard and passes it to
//! the store. [`super::outbox`] sends what is due.
#![allow(missing_docs)] // `durable_object` writes public methods without any.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use worker::{
    DurableObject, Env, Headers, Request, Response, ScheduledTime, State, Storage, durable_object,
};

use super::client::{ANOTHER_COUNT, APPLY, KNOWN, LedgerError, OUTCOME, call_shard, known_path};
use super::legacy;
use super::messages::{
    Call, Candidate, Delivery, Envelope, EventKey, Export, Parcel, Request as Message, Verdict,
};
use super::object_sql::ObjectSql;
use super::operator_messages::{
    AlertKind, Counts, EventPage, EventState, InvoicePage, ReconciliationGauges, ReplayedStep,
};
use super::sql::{Sql as _, SqlError};
use super::store::{Known, Settings, Store};
use crate::invoice::Outcome;
use crate::worker::alerting;
use crate::worker::merchants;
use crate::worker::platform::config::{self, Out};
use crate::worker::platform::{alarm_date, log, now_ms};
use crate::worker::schedule::{self, Times};

/// How many stored events an instance remembers, so that a duplicate needs no read.
const REMEMBERED_EVENTS: usize = 4_000;

/// The minimum time for which a count is reused, in milliseconds, and how many rows a count may
/// read per millisecond.
const COUNT_MS: i64 = 10_000;
const COUNTED_ROWS_PER_MS: i64 = 1;

type Result<T> = std::result::Result<T, LedgerError>;
type Stored<T> = std::result::Result<T, SqlError>;

impl From<SqlError> for LedgerError {
    fn from(error: SqlError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

/// The Durable Object of one shard of the ledger, named `shard-0`, `shard-1` and so on.
#[durable_object(alarm)]
pub struct GwopLedger {
    pub(super) store: Store<ObjectSql>,
    storage: Storage,
    /// The environment as the platform provided it.
    base: Env,
    /// The key and the environment of this shard's merchant, once the merchant is known.
    merchant: RefCell<Option<(String, Env)>>,
    pub(super) times: Times,
    /// The stored settings of the shard, once they were read.
    settings: Cell<Option<Settings>>,
    /// The latest time for which the alarm is set, in milliseconds since the epoch. `None` if that
    /// is not known. If the disk refuses a write, the platform ends the instance, and this value
    /// with it.
    armed: Cell<Option<i64>>,
    /// Stored events as paths of [`known_path`]: a shard with another number has other paths.
    remembered: RefCell<BTreeSet<String>>,
    /// How often in a row the alarm found fulfillment switched off.
    pub(super) switched_off: Cell<i64>,
    /// How many batches the alarm has just sent. Each is a subrequest.
    pub(super) batches: Cell<i64>,
    /// Public ids of invoices that this run cannot convert to an event, and whether the reason is
    /// that Gwop did not respond.
    pub(super) passed_over: RefCell<BTreeMap<String, bool>>,
    /// Whether this instance knows that shard 0 has a time from which invoices are reconciled.
    since_kept: Cell<bool>,
    /// Whether, since the merchant came back, the shard has looked for events that became dead
    /// while the merchant was out.
    brought_back: Cell<bool>,
    /// The last count of waiting events, and until when it is reused.
    counted: Cell<Option<(Counts, i64)>>,
    #[cfg(feature = "worker-test")]
    fail_next: Cell<Option<bool>>,
    #[cfg(feature = "worker-test")]
    panic_in_alarm: Cell<Option<bool>>,
}

impl DurableObject for GwopLedger {
    fn new(state: State, env: Env) -> Self {
        let storage = state.storage();
        Self {
            store: Store::new(ObjectSql::of(&storage)),
            storage,
            times: config::times(&env),
            base: env,
            merchant: RefCell::new(None),
            settings: Cell::new(None),
            armed: Cell::new(None),
            remembered: RefCell::default(),
            switched_off: Cell::new(0),
            batches: Cell::new(0),
            passed_over: RefCell::default(),
            since_kept: Cell::new(false),
            brought_back: Cell::new(false),
            counted: Cell::new(None),
            #[cfg(feature = "worker-test")]
            fail_next: Cell::new(None),
            #[cfg(feature = "worker-test")]
            panic_in_alarm: Cell::new(None),
        }
    }

    async fn fetch(&self, mut request: Request) -> worker::Result<Response> {
        let path = request.path();
        if path.starts_with(KNOWN) {
            let status = if self.has_in_mind(&path) { 200 } else { 404 };
            return Ok(Response::empty()?.with_status(status));
        }
        let text = request.text().await?;
        if path == APPLY {
            return match self.apply(&text).await {
                Ok(outcome) => {
                    let headers = Headers::new();
                    headers.set(OUTCOME, outcome.as_str())?;
                    Ok(Response::empty()?.with_status(200).with_headers(headers))
                }
                Err(error) => refusal(&error),
            };
        }
        let Ok(Message { envelope, call }) = serde_json::from_str(&text) else {
            return Response::error("this version of the ledger does not know the call", 400);
        };
        self.respond(&envelope, call)
            .await
            .or_else(|error| refusal(&error))
    }

    /// Runs the alarm. It never throws, so that the platform never gives up on it. It sets the next
    /// alarm last: workerd does not repeat an alarm that set another one and then failed.
    async fn alarm(&self) -> worker::Result<Response> {
        self.armed.set(None);
        if let Err(error) = self.recall_merchant().await {
            self.log_error("alarm_failed", &[("error", error.to_string().into())]);
            let again = now_ms().saturating_add(schedule::ALARM_AGAIN_MS);
            if self.arm(again).await.is_err() {
                self.log_error("alarm_lost", &[]);
            }
            return Response::empty();
        }
        #[cfg(feature = "worker-test")]
        self.panic_on_purpose(false);
        let again = |error: LedgerError| {
            self.log_error("alarm_failed", &[("error", error.to_string().into())]);
            Some(now_ms().saturating_add(schedule::ALARM_AGAIN_MS))
        };
        let sent = self.run_due_jobs().await.unwrap_or_else(again);
        let next = match self.walk_due_step().await {
            Ok(None) => sent,
            Ok(next) => next,
            Err(error) => again(error),
        };
        if let Some(next) = next
            && let Err(error) = self.arm(next).await
        {
            self.log_error("alarm_lost", &[("error", error.to_string().into())]);
        }
        Response::empty()
    }
}

fn refusal(error: &LedgerError) -> worker::Result<Response> {
    let status = match error {
        LedgerError::Shards(_) => ANOTHER_COUNT,
        LedgerError::Unavailable(_) => 500,
    };
    Response::error(error.to_string(), status)
}

impl GwopLedger {
    /// Returns the environment of this shard's merchant.
    pub(super) fn env(&self) -> Env {
        let merchant = self.merchant.borrow();
        let own = merchant.as_ref().map(|(_, env)| env);
        own.unwrap_or(&self.base).clone()
    }

    /// Returns the key of this shard's merchant. Empty if there is only one merchant.
    pub(super) fn merchant(&self) -> String {
        let merchant = self.merchant.borrow();
        merchant
            .as_ref()
            .map(|(key, _)| key.clone())
            .unwrap_or_default()
    }

    /// Continues as the shard of this merchant, with its current configuration.
    async fn act_for(&self, key: &str) -> Result<()> {
        let known = self
            .merchant
            .borrow()
            .as_ref()
            .map(|(known, _)| known == key);
        match known {
            Some(false) => {
                return Err(LedgerError::Unavailable(
                    "this shard is another merchant's".to_owned(),
                ));
            }
            // If there is only one merchant, its configuration does not change while this instance
            // lives.
            Some(true) if key.is_empty() => return Ok(()),
            _ => {}
        }
        let env = merchants::env_of(&self.base, key).await;
        let out = config::out(&env);
        let was_in = match self.merchant.borrow().as_ref() {
            Some((_, known)) => config::out(known).is_none(),
            None => false,
        };
        if out == Some(Out::Unread) && was_in {
            // A configuration that was read a short time ago is recent enough.
            return Ok(());
        }
        if out.is_some() {
            self.brought_back.set(false);
        }
        self.merchant.replace(Some((key.to_owned(), env)));
        Ok(())
    }

    /// Puts the events that became dead while the merchant was missing from `GWOP_MERCHANTS` into
    /// the outbox again, once the merchant is back. Returns whether there are any.
    pub(super) fn bring_back(&self) -> Result<bool> {
        let merchant = self.merchant();
        let is_out = config::out(&self.env()).is_some();
        if merchant.is_empty() || is_out || self.brought_back.get() {
            return Ok(false);
        }
        let brought = self.store.bring_back(&merchant, now_ms())?;
        self.brought_back.set(!brought.more);
        if brought.events > 0 {
            self.counted.set(None);
        }
        Ok(brought.events > 0)
    }

    /// Logs an error, with the merchant of this shard.
    pub(super) fn log_error(&self, event: &str, fields: &[(&'static str, serde_json::Value)]) {
        log::error_of(&self.env(), event, fields);
    }

    /// Calls [`Self::act_for`] with the stored merchant: an alarm does not name one.
    async fn recall_merchant(&self) -> Result<()> {
        let known = self.merchant.borrow().as_ref().map(|(key, _)| key.clone());
        let key = match known {
            Some(key) => key,
            None if self.store.has_tables()? => self.store.merchant()?,
            None => return Ok(()),
        };
        self.act_for(&key).await
    }

    /// Returns the stored settings of the shard, or `None` if it has stored nothing.
    pub(super) fn settings(&self) -> Result<Option<Settings>> {
        if self.settings.get().is_none() {
            self.settings.set(self.store.open()?);
        }
        Ok(self.settings.get())
    }

    /// Checks whether a message is for this shard, and whether its sender has the same number of
    /// shards. Returns whether anything is stored. With `writes`, the tables exist afterwards.
    async fn admit(&self, envelope: &Envelope, writes: bool) -> Result<bool> {
        let sent = Settings {
            shard: envelope.shard,
            shards: envelope.shards,
        };
        self.act_for(&envelope.merchant).await?;
        if envelope.shard == 0 && !self.since_kept.get() {
            self.store.keep_since(&envelope.merchant, now_ms())?;
            self.store.keep_merchant(&envelope.merchant)?;
            self.since_kept.set(true);
        }
        if let Some(known) = self.settings()? {
            if known != sent {
                return Err(another_count(known, sent));
            }
            if self.bring_back()? {
                self.arm(now_ms()).await?;
            }
            return Ok(true);
        }
        if envelope.shard != 0 {
            // Shard 0 refuses another number of shards than its own.
            let envelope = Envelope {
                shard: 0,
                ..envelope.clone()
            };
            let call = Call::Shards { keep: writes };
            let _: Option<u32> =
                Box::pin(call_shard(&self.env(), Message { envelope, call })).await?;
        }
        if !writes {
            return Ok(false);
        }
        // Another message may have been stored first during the `await`.
        match self.settings()? {
            None => {
                self.store.create(sent, now_ms(), self.times)?;
                self.store.keep_merchant(&envelope.merchant)?;
                self.settings.set(Some(sent));
                Ok(true)
            }
            Some(known) if known == sent => Ok(true),
            Some(known) => Err(another_count(known, sent)),
        }
    }

    async fn apply(&self, text: &str) -> Result<Outcome> {
        let Some(Parcel { envelope, delivery }) = Parcel::of_text(text) else {
            return Err(LedgerError::Unavailable(
                "this version of the ledger cannot read the delivery".to_owned(),
            ));
        };
        self.admit(&envelope, true).await?;
        let path = known_path(&envelope, &delivery);
        if self.has_in_mind(&path) {
            return Ok(Outcome::Duplicate);
        }
        self.adopt_unknown(&delivery.merchant, &delivery.invoice_id)
            .await?;
        // There is no `await` from here to the alarm. So nothing changes between reading and
        // writing, and all writes become durable together.
        let now = now_ms();
        let known =
            self.store
                .known(&delivery.merchant, &delivery.invoice_id, &delivery.event_id)?;
        let outcome = if known == Known::Event {
            Outcome::Duplicate
        } else {
            self.record_noted(&delivery, known, now)?
        };
        if outcome.reaches_fulfillment() {
            self.arm(now.saturating_add(schedule::GATHER_MS)).await?;
        } else {
            self.repair_alarm().await?;
        }
        self.remember(path);
        Ok(outcome)
    }

    /// Records a delivery as [`Self::record`] does. If it is a conflict, the alarm reports it.
    fn record_noted(&self, delivery: &Delivery, known: Known, now: i64) -> Result<Outcome> {
        if !alerting::may_be_on(&self.env()) {
            return Ok(self.record(delivery, known, now)?);
        }
        Ok(self.store.sql().transaction(|| {
            let outcome = self.record(delivery, known, now)?;
            if outcome == Outcome::Conflict {
                self.store.note(AlertKind::Conflict, 1)?;
            }
            Ok(outcome)
        })?)
    }

    /// Applies the final states of Gwop's list that are missing here. The caller must have called
    /// [`Self::admit`].
    pub(super) async fn compare(&self, candidates: Vec<Candidate>) -> Result<Vec<Verdict>> {
        for Candidate { delivery, .. } in &candidates {
            self.adopt_unknown(&delivery.merchant, &delivery.invoice_id)
                .await?;
        }
        // As in `apply`, there is no `await` from here to the alarm.
        let now = now_ms();
        let mut verdicts = Vec::with_capacity(candidates.len());
        for candidate in candidates {
            let Candidate {
                mut delivery,
                body,
                created_at,
                lacking,
            } = candidate;
            delivery.body = body;
            let known =
                self.store
                    .known(&delivery.merchant, &delivery.invoice_id, &delivery.event_id)?;
            let verdict = match self.store.news(&delivery, created_at, &known)? {
                None => Verdict::Known,
                Some(outcome) if lacking && outcome.reaches_fulfillment() => Verdict::Wanted,
                Some(_) => match self.record_noted(&delivery, known, now)? {
                    Outcome::Applied => Verdict::Applied,
                    Outcome::Conflict => Verdict::Conflict,
                    _ => Verdict::Known,
                },
            };
            verdicts.push(verdict);
        }
        if verdicts
            .iter()
            .any(|verdict| matches!(verdict, Verdict::Applied | Verdict::Conflict))
        {
            self.arm(now.saturating_add(schedule::GATHER_MS)).await?;
        }
        Ok(verdicts)
    }

    #[cfg(not(feature = "worker-test"))]
    fn record(&self, delivery: &Delivery, known: Known, now: i64) -> Stored<Outcome> {
        self.store.record(delivery, known, now, self.times)
    }

    /// Records a delivery. It behaves as deployed, except for faults on purpose. `TEST_BREAK`
    /// breaks the ledger, to show that the checker of histories finds the fault.
    #[cfg(feature = "worker-test")]
    fn record(&self, delivery: &Delivery, known: Known, now: i64) -> Stored<Outcome> {
        let broken = config::text(&self.env(), "TEST_BREAK").unwrap_or_default();
        let known = match known {
            Known::Invoice {
                public_invoice_id, ..
            } if broken == "apply-twice" => Known::Invoice {
                invoice: crate::invoice::Invoice::default(),
                public_invoice_id,
            },
            known => known,
        };
        if broken == "forget-outbox" {
            let outcome = self.store.record(delivery, known, now, self.times)?;
            self.store.sql().run("DELETE FROM outbox", &[])?;
            return Ok(outcome);
        }
        let Some(panics) = self.fail_next.take() else {
            return self.store.record(delivery, known, now, self.times);
        };
        self.store.sql().transaction(|| {
            self.store.record(delivery, known, now, self.times)?;
            #[allow(clippy::panic)]
            if panics {
                panic!("a panic on purpose, inside a transaction");
            }
            self.store
                .sql()
                .run("INSERT INTO outbox (sequence) VALUES (NULL)", &[])?;
            Ok(Outcome::Ignored)
        })
    }

    /// Panics if [`Call::PanicInAlarm`] requested it: before messages are put into the queue, or
    /// after.
    #[cfg(feature = "worker-test")]
    #[allow(clippy::panic)]
    pub(super) fn panic_on_purpose(&self, sent: bool) {
        if self.panic_in_alarm.get() == Some(sent) {
            panic!("a panic on purpose, in an alarm");
        }
    }

    async fn respond(&self, envelope: &Envelope, call: Call) -> Result<Response> {
        let merchant = &envelope.merchant;
        let stored = self.admit(envelope, writes_anyway(&call)).await?;
        let invoice_id = match &call {
            Call::Read { invoice_id } => Some(invoice_id),
            Call::Failed(attempt) => Some(&attempt.event.invoice_id),
            Call::Claim(event)
            | Call::Confirm(event)
            | Call::DeadLetter(event)
            | Call::Replay(event) => Some(&event.invoice_id),
            _ => None,
        };
        let stored = match invoice_id {
            Some(invoice_id) => self.adopt_into(envelope, invoice_id).await? || stored,
            None => stored,
        };
        let (now, times) = (now_ms(), self.times);
        let response = match call {
            #[cfg(feature = "worker-test")]
            Call::FailNext { panics } => {
                self.fail_next.set(Some(panics));
                Response::from_json(&())
            }
            #[cfg(feature = "worker-test")]
            Call::PanicInAlarm { sent } => {
                self.panic_in_alarm.set(Some(sent));
                Response::from_json(&())
            }
            #[cfg(feature = "worker-test")]
            Call::SelfTest => Response::from_json(&super::store_checks::failures(self.store.sql())),
            Call::Adopt { invoice_id } => {
                self.adopt(merchant, &invoice_id).await?;
                Response::from_json(&self.store.has_invoice(merchant, &invoice_id)?)
            }
            Call::Shards { keep } => {
                if keep {
                    self.admit(envelope, true).await?;
                }
                Response::from_json(&self.settings()?.map(|settings| settings.shards))
            }
            Call::Wake => {
                if stored {
                    self.repair_alarm().await?;
                }
                Response::from_json(&())
            }
            Call::Reconciliation { begin } => {
                if begin {
                    self.store.begin_walk(merchant, now)?;
                }
                let found = self.store.reconciliation(merchant)?;
                if let Some(due) = found.as_ref().and_then(|found| found.due_at) {
                    self.arm(due.max(now)).await?;
                }
                Response::from_json(&found)
            }
            Call::Compare { candidates } => Response::from_json(&self.compare(candidates).await?),
            Call::Read { .. } | Call::Find { .. } | Call::Claim(_) if !stored => {
                Response::from_json(&())
            }
            Call::Read { invoice_id } => {
                Response::from_json(&self.store.read(merchant, &invoice_id)?)
            }
            Call::Find { public_invoice_id } => {
                Response::from_json(&self.store.find(merchant, &public_invoice_id)?)
            }
            Call::Claim(event) => {
                Response::from_json(&self.store.claim(merchant, &event, now, times)?)
            }
            Call::Confirm(_) if !stored => Response::from_json(&()),
            Call::Confirm(event) => {
                Response::from_json(&self.store.confirm(merchant, &event, now, times)?)
            }
            Call::Failed(_) if !stored => Response::from_json(&0),
            Call::Failed(attempt) => {
                Response::from_json(&self.store.failed(merchant, &attempt, now, times)?)
            }
            Call::DeadLetter(_) if !stored => Response::from_json(&false),
            Call::DeadLetter(event) => {
                Response::from_json(&self.dead_letter(merchant, &event).await?)
            }
            Call::Replay(_) if !stored => Response::from_json(&super::messages::Replay::Unknown),
            Call::Replay(event) => {
                let replay = self.store.replay(merchant, &event, now)?;
                if replay == super::messages::Replay::Queued {
                    self.arm(now).await?;
                }
                Response::from_json(&replay)
            }
            Call::ListEvents(_) if !stored => Response::from_json(&EventPage::default()),
            Call::ListEvents(step) => {
                Response::from_json(&self.store.list_events(merchant, &step)?)
            }
            Call::ReplayEvents { .. } if !stored => Response::from_json(&ReplayedStep::default()),
            Call::ReplayEvents { step, dry_run } => {
                let done = self.store.replay_events(merchant, &step, dry_run, now)?;
                if !dry_run && done.events > 0 {
                    self.recounted(step.filter.state, done.events);
                    self.arm(now).await?;
                }
                Response::from_json(&done)
            }
            Call::ListInvoices(_) if !stored => Response::from_json(&InvoicePage::default()),
            Call::ListInvoices(step) => {
                Response::from_json(&self.store.list_invoices(merchant, &step)?)
            }
            Call::Count => Response::from_json(&self.count(merchant, stored, now)?),
            // Only shard 0 receives this call and the next two. It has its tables since it was
            // admitted.
            Call::Tally(tally) => {
                let alerts_on = alerting::may_be_on(&self.env());
                self.store.tally(&tally, alerts_on, now)?;
                self.arm_for_alerts().await?;
                Response::from_json(&())
            }
            Call::Counters => Response::from_json(&self.store.counters()?),
            Call::Raise { kind, count } => {
                self.store.raise(kind, count, now)?;
                self.arm_for_alerts().await?;
                Response::from_json(&())
            }
            #[cfg(feature = "worker-test")]
            Call::FillDead { rows, prefix } => {
                super::store_checks::fill_dead(&self.store, &prefix, rows, now, times)?;
                Response::from_json(&())
            }
        };
        Ok(response?)
    }

    /// Handles an event for which the queue used all its attempts. The alarm reports it.
    async fn dead_letter(&self, merchant: &str, event: &EventKey) -> Result<bool> {
        if !alerting::may_be_on(&self.env()) {
            return Ok(self.store.dead_letter(merchant, event)?);
        }
        let dead_lettered = self.store.sql().transaction(|| {
            let dead_lettered = self.store.dead_letter(merchant, event)?;
            if dead_lettered {
                self.store.note(AlertKind::DeadLetter, 1)?;
            }
            Ok(dead_lettered)
        })?;
        if dead_lettered {
            self.arm(now_ms().saturating_add(schedule::GATHER_MS))
                .await?;
        }
        Ok(dead_lettered)
    }

    /// Counts the waiting events: at most every ten seconds, and less often if there are many.
    fn count(&self, merchant: &str, stored: bool, now: i64) -> Result<Counts> {
        if let Some((counts, until)) = self.counted.get()
            && (counts.counted_at..until).contains(&now)
        {
            return Ok(counts);
        }
        let mut counts = Counts {
            counted_at: now,
            ..Counts::default()
        };
        if stored {
            counts = self.store.count(merchant, now)?;
            counts.reconciliation = self.reconciliation_gauges(merchant)?;
        }
        let rows = counts
            .pending
            .saturating_add(counts.dead)
            .saturating_add(counts.conflicts);
        let pause = COUNT_MS.max(rows.saturating_div(COUNTED_ROWS_PER_MS));
        self.counted.set(Some((counts, now.saturating_add(pause))));
        Ok(counts)
    }

    /// Updates the cached count after a replay moved this many events, without reading the rows
    /// again.
    fn recounted(&self, from: EventState, events: usize) {
        if let Some((mut counts, until)) = self.counted.get() {
            let events = i64::try_from(events).unwrap_or_default();
            counts.pending = counts.pending.saturating_add(events);
            if from == EventState::Dead {
                counts.dead = counts.dead.saturating_sub(events).max(0);
            }
            self.counted.set(Some((counts, until)));
        }
    }

    /// Returns what shard 0 stores of the last run of reconciliation. Returns `None` in other
    /// shards, and before the first run.
    fn reconciliation_gauges(&self, merchant: &str) -> Result<Option<ReconciliationGauges>> {
        let found = self.store.reconciliation(merchant)?;
        Ok(found
            .filter(|found| found.pages > 0 || found.completed_at.is_some())
            .map(|found| ReconciliationGauges {
                gap: found.applied.saturating_add(found.conflicts),
                complete_at: found.completed_at,
            }))
    }

    /// Sets the alarm for the next alert.
    async fn arm_for_alerts(&self) -> Result<()> {
        if let Some(next) = self.next_alert()? {
            self.arm(next).await?;
        }
        Ok(())
    }

    /// Returns when the next alert is due, or `None` if there is none or alerts are off.
    pub(super) fn next_alert(&self) -> Result<Option<i64>> {
        let env = self.env();
        if !alerting::may_be_on(&env) {
            return Ok(None);
        }
        let next = self.store.next_alert(self.times)?;
        let later = match config::out(&env) {
            None => return Ok(next),
            Some(Out::Unread) => schedule::ALARM_AGAIN_MS,
            Some(_) => schedule::ALERTS_AGAIN_MS,
        };
        // By then it may be known whether alerts are on.
        Ok(next.map(|next| next.max(now_ms().saturating_add(later))))
    }

    /// Takes over an invoice that this shard does not have, if 1.0.0 may have stored it.
    async fn adopt_unknown(&self, merchant: &str, invoice_id: &str) -> Result<()> {
        if legacy::may_hold(&self.env(), merchant)
            && !self.store.has_invoice(merchant, invoice_id)?
        {
            self.adopt(merchant, invoice_id).await?;
        }
        Ok(())
    }

    /// Does the same as [`Self::adopt_unknown`], in a shard that may have stored nothing. Returns
    /// whether it took anything over.
    async fn adopt_into(&self, envelope: &Envelope, invoice_id: &str) -> Result<bool> {
        let merchant = &envelope.merchant;
        if !legacy::may_hold(&self.env(), merchant)
            || (self.settings()?.is_some() && self.store.has_invoice(merchant, invoice_id)?)
        {
            return Ok(false);
        }
        let Some(export) = legacy::export(&self.env(), invoice_id).await? else {
            return Ok(false);
        };
        self.admit(envelope, true).await?;
        self.take_over(merchant, &export).await?;
        Ok(true)
    }

    async fn adopt(&self, merchant: &str, invoice_id: &str) -> Result<()> {
        match legacy::export(&self.env(), invoice_id).await? {
            Some(export) => self.take_over(merchant, &export).await,
            None => Ok(()),
        }
    }

    async fn take_over(&self, merchant: &str, export: &Export) -> Result<()> {
        self.store.adopt(merchant, export, now_ms(), self.times)?;
        if let Some(next) = self.store.next_job(true)? {
            self.arm(next).await?;
        }
        // The invoice is stored here. If the old object does not receive this call, its alarm or
        // the next call hands the invoice over again, which changes nothing.
        if let Err(error) = legacy::moved(&self.env(), &export.invoice_id).await {
            let error = [("error", error.to_string().into())];
            log::warning_of(&self.env(), "hand_over_unmarked", &error);
        }
        Ok(())
    }

    /// Returns whether an event is stored and the alarm set, as far as this instance remembers. It
    /// does not read the database.
    fn has_in_mind(&self, path: &str) -> bool {
        self.armed.get().is_some() && self.remembered.borrow().contains(path)
    }

    fn remember(&self, path: String) {
        let mut remembered = self.remembered.borrow_mut();
        if remembered.len() >= REMEMBERED_EVENTS {
            remembered.clear();
        }
        remembered.insert(path);
    }

    /// Forgets which events are stored, because some of them were deleted.
    pub(super) fn forget(&self) {
        self.remembered.borrow_mut().clear();
    }

    /// Sets the alarm, in milliseconds since the epoch, unless it is set for an earlier time. It
    /// calls the platform before the first `await`.
    pub(super) async fn arm(&self, due: i64) -> Result<()> {
        // An alarm that is long overdue should have run, so it is set again.
        let late = now_ms().saturating_sub(schedule::ALARM_LATE_MS);
        if self
            .armed
            .get()
            .is_some_and(|armed| armed <= due && armed > late)
        {
            return Ok(());
        }
        self.armed.set(Some(due));
        let time = ScheduledTime::new(alarm_date(due));
        if let Err(error) = self.storage.set_alarm(time).await {
            self.armed.set(None);
            return Err(error.into());
        }
        Ok(())
    }

    /// Sets the alarm if this instance does not know whether it is set.
    async fn repair_alarm(&self) -> Result<()> {
        if self.armed.get().is_none() {
            if let Some(next) = self.store.next_job(true)? {
                self.arm(next).await?;
            }
            self.arm_for_alerts().await?;
        }
        Ok(())
    }
}

/// Returns whether a call writes to a shard in which nothing is stored yet, and so stores this
/// number of shards.
const fn writes_anyway(call: &Call) -> bool {
    #[cfg(feature = "worker-test")]
    if matches!(call, Call::FillDead { .. }) {
        return true;
    }
    matches!(
        call,
        Call::Adopt { .. } | Call::Compare { .. } | Call::Reconciliation { begin: true }
    )
}

fn another_count(known: Settings, sent: Settings) -> LedgerError {
    LedgerError::Shards(format!(
        "this shard is number {} of {} and got a message for number {} of {}: LEDGER_SHARDS must be {}, as it was when the first event was stored",
        known.shard, known.shards, sent.shard, sent.shards, known.shards
    ))
}
