//! The store's tests. `cargo test` runs them on `rusqlite`, and `tests/worker` on the database of a
//! Durable Object. So the results of the first hold for the second.
#![allow(clippy::arithmetic_side_effects)]

use super::messages::{
    Delivery, EventKey, EventView, Export, ExportedEvent, ExportedRow, FailedAttempt, OutboxView,
    Replay,
};
use super::operator_messages::{
    AlertKind, EventFilter, EventState, EventStep, InvoiceStep, LastResponse, ReplayedStep, Tally,
};
use super::reconciliation::Counts;
use super::shard::shard_of;
use super::sql::{Sql, SqlError};
use super::store::{Due, Known, Settings, Store};
use crate::invoice::{Outcome, Status};
use crate::reconcile::{Page, Walk, event_id};
use crate::worker::schedule::{self, Times};

type Checked = Result<(), String>;
/// A check with its description.
type Check<S> = (&'static str, fn(&Store<S>) -> Checked);

/// An arbitrary time.
const NOW: i64 = 1_800_000_000_000;
const DAY: i64 = 24 * 60 * 60 * 1_000;

/// Runs every check on an empty database. Returns the descriptions of those that fail.
pub fn failures<'s, S: Sql>(sql: &'s S) -> Vec<String> {
    let checks: [Check<&'s S>; 26] = [
        ("an unknown database stays empty", unknown),
        ("settings are kept", settings),
        ("a delivery is stored whole", delivery),
        ("an event is known by its invoice and id", duplicates),
        ("merchants are apart", merchants),
        ("a shard knows whose it is", owner),
        ("an error undoes the whole transaction", rollback),
        ("an event goes through the outbox", outbox),
        ("the queue refuses", refused),
        ("an event is dead_lettered and replayed", dead_lettered),
        (
            "what died while its merchant was out comes back with it",
            brought_back,
        ),
        ("more rows than parameters are sent at once", many),
        (
            "events are deleted after 31 days, but for the outbox's",
            events_expire,
        ),
        (
            "invoices are deleted after their retention, but for the outbox's",
            invoices_expire,
        ),
        ("an invoice of 1.0.0 is taken over", adopted),
        ("events are listed by state, page by page", lists),
        (
            "a dead row leaves the list by a replay alone",
            dead_rows_stay,
        ),
        ("a list of events is replayed in steps", replays),
        ("invoices are listed newest first", invoices),
        ("counters add up", counters),
        ("an alert is due once in ten minutes", alerts),
        ("long texts, NUL and every character are kept", texts),
        (
            "the time from which on is kept without anything else",
            since,
        ),
        ("a run begins once, and goes on where it stood", walks),
        ("what reconciliation finds is news only once", news),
        (
            "what retention deleted is no news, however long it keeps things later",
            swept,
        ),
    ];
    let failed = |(name, check): Check<&'s S>| {
        let store = Store::new(sql);
        let ran = emptied(sql).and_then(|()| check(&store));
        ran.err().map(|error| format!("{name}: {error}"))
    };
    checks.into_iter().filter_map(failed).collect()
}

fn emptied(sql: &impl Sql) -> Checked {
    for table in [
        "meta",
        "invoice",
        "event",
        "outbox",
        "reconciliation",
        "counter",
        "alert",
    ] {
        sql.run(&format!("DROP TABLE IF EXISTS {table}"), &[])
            .map_err(|error| error.to_string())?;
    }
    Ok(())
}

impl<S: Sql> Sql for &S {
    fn run(
        &self,
        statement: &str,
        bindings: &[super::sql::Binding<'_>],
    ) -> Result<Vec<super::sql::Row>, super::sql::SqlError> {
        S::run(self, statement, bindings)
    }

    fn transaction<T>(
        &self,
        work: impl FnOnce() -> Result<T, super::sql::SqlError>,
    ) -> Result<T, super::sql::SqlError> {
        S::transaction(self, work)
    }
}

/// Returns an error with both values if they differ.
fn equal<T: PartialEq + std::fmt::Debug>(actual: T, expected: T) -> Checked {
    if actual == expected {
        Ok(())
    } else {
        Err(format!("{actual:?} instead of {expected:?}"))
    }
}

impl From<super::sql::SqlError> for String {
    fn from(error: super::sql::SqlError) -> Self {
        error.0
    }
}

fn created<S: Sql>(store: &Store<S>) -> Checked {
    Ok(store.create(
        Settings {
            shard: 3,
            shards: 8,
        },
        NOW,
        Times::default(),
    )?)
}

fn paid(invoice_id: &str, event_id: &str) -> Delivery {
    Delivery {
        merchant: String::new(),
        invoice_id: invoice_id.to_owned(),
        public_invoice_id: Some(format!("inv_{invoice_id}")),
        event_id: event_id.to_owned(),
        event_type: "invoice.paid".to_owned(),
        event_version: Some(4),
        status: Some(Status::Paid),
        transaction: Some("0xa".to_owned()),
        traceparent: None,
        body: format!("{{\"event_id\":\"{event_id}\"}}"),
    }
}

fn expired(invoice_id: &str, event_id: &str) -> Delivery {
    Delivery {
        event_type: "invoice.expired".to_owned(),
        status: Some(Status::Expired),
        transaction: None,
        ..paid(invoice_id, event_id)
    }
}

fn key(delivery: &Delivery) -> EventKey {
    EventKey {
        invoice_id: delivery.invoice_id.clone(),
        event_id: delivery.event_id.clone(),
    }
}

/// Stores a delivery as an object does.
fn record<S: Sql>(store: &Store<S>, delivery: &Delivery, now: i64) -> Result<Outcome, String> {
    let known = store.known(&delivery.merchant, &delivery.invoice_id, &delivery.event_id)?;
    Ok(store.record(delivery, known, now, Times::default())?)
}

fn unknown<S: Sql>(store: &Store<S>) -> Checked {
    equal(store.open()?, None)?;
    let tables = store.sql().run(
        "SELECT name FROM sqlite_master WHERE name IN ('meta', 'invoice', 'event', 'outbox')",
        &[],
    )?;
    equal(tables.len(), 0)
}

fn settings<S: Sql>(store: &Store<S>) -> Checked {
    created(store)?;
    equal(
        store.open()?,
        Some(Settings {
            shard: 3,
            shards: 8,
        }),
    )
}

fn delivery<S: Sql>(store: &Store<S>) -> Checked {
    created(store)?;
    let delivery = paid("a", "e1");
    equal(record(store, &delivery, NOW)?, Outcome::Applied)?;
    let view = store.read("", "a")?.ok_or("it is not there")?;
    equal(
        (view.status, view.version, view.transaction.as_deref()),
        (Status::Paid, Some(4), Some("0xa")),
    )?;
    equal(
        view.events,
        vec![EventView {
            event_id: "e1".to_owned(),
            event_type: "invoice.paid".to_owned(),
            event_version: Some(4),
            outcome: Outcome::Applied,
            received_at: NOW,
            delivered_at: None,
        }],
    )?;
    equal(
        view.outbox,
        vec![OutboxView {
            event_id: "e1".to_owned(),
            state: "pending".to_owned(),
            sends: 0,
            deliveries: 0,
            due_at: NOW,
            last_response: None,
        }],
    )?;
    equal(
        store.find("", "inv_a")?.map(|view| view.invoice_id),
        Some("a".to_owned()),
    )?;
    equal(store.find("", "inv_b")?, None)?;
    equal(store.next_job(true)?, Some(NOW))
}

fn duplicates<S: Sql>(store: &Store<S>) -> Checked {
    created(store)?;
    equal(record(store, &paid("a", "e1"), NOW)?, Outcome::Applied)?;
    equal(store.known("", "a", "e1")?, Known::Event)?;
    equal(record(store, &paid("a", "e1"), NOW)?, Outcome::Duplicate)?;
    // The same event id of another invoice names another event.
    equal(store.known("", "b", "e1")?, Known::Nothing)?;
    equal(record(store, &paid("b", "e1"), NOW)?, Outcome::Applied)?;
    equal(record(store, &paid("a", "e2"), NOW)?, Outcome::Duplicate)?;
    equal(record(store, &expired("a", "e3"), NOW)?, Outcome::Conflict)?;
    let view = store.read("", "a")?.ok_or("it is not there")?;
    equal(view.events.len(), 3)?;
    equal(view.outbox.len(), 2)
}

fn merchants<S: Sql>(store: &Store<S>) -> Checked {
    created(store)?;
    let own = paid("a", "e1");
    let other = Delivery {
        merchant: "m2".to_owned(),
        ..expired("a", "e1")
    };
    equal(record(store, &own, NOW)?, Outcome::Applied)?;
    equal(record(store, &other, NOW)?, Outcome::Applied)?;
    equal(
        store.read("", "a")?.map(|view| view.status),
        Some(Status::Paid),
    )?;
    equal(
        store.read("m2", "a")?.map(|view| view.status),
        Some(Status::Expired),
    )?;
    equal(store.find("m3", "inv_a")?, None)?;
    store.confirm("m2", &key(&own), NOW, Times::default())?;
    equal(store.read("", "a")?.map(|view| view.outbox.len()), Some(1))
}

fn owner<S: Sql>(store: &Store<S>) -> Checked {
    created(store)?;
    equal(store.merchant()?, String::new())?;
    store.keep_merchant("")?;
    equal(store.merchant()?, String::new())?;
    for _ in 0..2 {
        store.keep_merchant("shop-a")?;
        equal(store.merchant()?, "shop-a".to_owned())?;
    }
    // The settings of the shard stay.
    equal(store.open()?.is_some(), true)
}

fn rollback<S: Sql>(store: &Store<S>) -> Checked {
    created(store)?;
    let failed = store.sql().transaction(|| {
        store.record(&paid("a", "e1"), Known::Nothing, NOW, Times::default())?;
        store
            .sql()
            .run("INSERT INTO outbox (sequence) VALUES (NULL)", &[])
    });
    equal(failed.is_err(), true)?;
    equal(store.read("", "a")?, None)?;
    equal(store.due(NOW, 10)?, vec![])?;
    equal(record(store, &paid("a", "e1"), NOW)?, Outcome::Applied)
}

fn outbox<S: Sql>(store: &Store<S>) -> Checked {
    created(store)?;
    let times = Times::default();
    let delivery = paid("a", "e1");
    record(store, &delivery, NOW)?;
    let due = store.due(NOW, 10)?;
    equal(
        due.clone(),
        vec![Due {
            sequence: 1,
            merchant: String::new(),
            event: key(&delivery),
            sends: 0,
            failures: 0,
        }],
    )?;
    store.sent(&due, NOW, times)?;
    equal(store.due(NOW, 10)?, vec![])?;
    // The consumer did not report, so the event is sent again.
    equal(store.next_job(true)?, Some(NOW + times.silence))?;
    let again = store.due(NOW + times.silence, 10)?;
    equal(again.first().map(|row| row.sends), Some(1))?;
    store.sent(&again, NOW, times)?;
    equal(store.next_job(true)?, Some(NOW + 2 * times.silence))?;
    let claimed = store
        .claim("", &key(&delivery), NOW, times)?
        .ok_or("it is not claimed")?;
    equal(
        (claimed.outcome, claimed.body, claimed.received_at),
        (Outcome::Applied, delivery.body.clone(), Some(NOW)),
    )?;
    equal(
        store.failed("", &attempt(&delivery), NOW, times)?,
        schedule::retry_seconds(1),
    )?;
    store.claim("", &key(&delivery), NOW, times)?;
    store.confirm("", &key(&delivery), NOW + 5, times)?;
    equal(store.claim("", &key(&delivery), NOW, times)?, None)?;
    let view = store.read("", "a")?.ok_or("it is not there")?;
    equal(view.outbox, vec![])?;
    equal(
        view.events.first().and_then(|event| event.delivered_at),
        Some(NOW + 5),
    )
}

/// An attempt at this event that got a 503.
fn attempt(delivery: &Delivery) -> FailedAttempt {
    FailedAttempt {
        event: key(delivery),
        response: Some(LastResponse {
            status: Some(503),
            reason: "answered 503".to_owned(),
            at: NOW,
        }),
    }
}

fn refused<S: Sql>(store: &Store<S>) -> Checked {
    created(store)?;
    record(store, &paid("a", "e1"), NOW)?;
    let mut now = NOW;
    for failures in 0..3 {
        let due = store.due(now, 10)?;
        equal(due.first().map(|row| row.failures), Some(failures))?;
        store.refused(&due, now)?;
        let next = now + schedule::enqueue_ms(failures);
        equal(store.next_job(true)?, Some(next))?;
        now = next;
    }
    store.sent(&store.due(now, 10)?, now, Times::default())?;
    equal(store.read("", "a")?.map(|view| view.outbox.len()), Some(1))
}

fn dead_lettered<S: Sql>(store: &Store<S>) -> Checked {
    created(store)?;
    let (delivery, stale) = (
        paid("a", "e1"),
        Delivery {
            event_version: Some(3),
            ..expired("a", "e2")
        },
    );
    record(store, &delivery, NOW)?;
    equal(record(store, &stale, NOW)?, Outcome::Stale)?;
    // A pending row was replayed in the meantime.
    equal(store.dead_letter("", &key(&delivery))?, false)?;
    store.sent(&store.due(NOW, 10)?, NOW, Times::default())?;
    equal(store.dead_letter("", &key(&delivery))?, true)?;
    equal(store.due(NOW + 100 * DAY, 10)?, vec![])?;
    equal(store.replay("", &key(&delivery), NOW)?, Replay::Queued)?;
    equal(store.due(NOW, 10)?.len(), 1)?;
    equal(
        store.replay("", &key(&stale), NOW)?,
        Replay::NotForFulfillment,
    )?;
    equal(
        store.replay("", &key(&paid("a", "e9")), NOW)?,
        Replay::Unknown,
    )
}

fn brought_back<S: Sql>(store: &Store<S>) -> Checked {
    created(store)?;
    let times = Times::default();
    let of = |merchant: &str, event_id: &str| Delivery {
        merchant: merchant.to_owned(),
        ..paid(event_id, event_id)
    };
    let reasons = [
        schedule::MERCHANT_GONE,
        schedule::MERCHANT_UNREAD,
        schedule::MERCHANT_UNUSABLE,
        "answered 503",
    ];
    for merchant in ["m1", "m2"] {
        for (at, reason) in reasons.into_iter().enumerate() {
            let delivery = of(merchant, &format!("e{at}"));
            record(store, &delivery, NOW)?;
            store.sent(&store.due(NOW, 10)?, NOW, times)?;
            let response = LastResponse {
                status: None,
                reason: reason.to_owned(),
                at: NOW,
            };
            let attempt = FailedAttempt {
                event: key(&delivery),
                response: Some(response),
            };
            store.failed(merchant, &attempt, NOW, times)?;
            equal(store.dead_letter(merchant, &key(&delivery))?, true)?;
        }
    }
    equal(store.due(NOW + 100 * DAY, 10)?, vec![])?;
    equal(store.bring_back("m1", NOW)?.events, 3)?;
    equal(store.bring_back("m1", NOW)?.events, 0)?;
    let due = store.due(NOW, 10)?;
    let mut due: Vec<_> = due
        .iter()
        .map(|row| (row.merchant.as_str(), row.event.event_id.as_str()))
        .collect();
    due.sort_unstable();
    equal(due, vec![("m1", "e0"), ("m1", "e1"), ("m1", "e2")])
}

fn many<S: Sql>(store: &Store<S>) -> Checked {
    created(store)?;
    for at in 0..150 {
        record(store, &paid(&format!("i{at}"), "e"), NOW)?;
    }
    let due = store.due(NOW, 120)?;
    equal(due.len(), 120)?;
    store.sent(&due, NOW, Times::default())?;
    equal(store.due(NOW, 120)?.len(), 30)
}

fn events_expire<S: Sql>(store: &Store<S>) -> Checked {
    created(store)?;
    let times = Times::default();
    let (waiting, done, dead) = (paid("a", "e1"), paid("b", "e2"), paid("c", "e3"));
    for delivery in [&waiting, &done, &dead] {
        record(store, delivery, NOW)?;
    }
    let stale = Delivery {
        event_version: Some(1),
        ..expired("b", "e4")
    };
    record(store, &stale, NOW)?;
    store.confirm("", &key(&done), NOW, times)?;
    store.sent(&store.due(NOW, 10)?, NOW, times)?;
    store.dead_letter("", &key(&dead))?;
    equal(store.compact(NOW + times.retention - 1, times)?.events, 0)?;
    equal(store.compact(NOW + times.retention, times)?.events, 2)?;
    let events = |invoice_id| -> Result<usize, String> {
        Ok(store
            .read("", invoice_id)?
            .map_or(0, |view| view.events.len()))
    };
    equal([events("a")?, events("b")?, events("c")?], [1, 0, 1])?;
    // The final state stays, and still determines the outcome.
    equal(record(store, &done, NOW + 40 * DAY)?, Outcome::Duplicate)?;
    equal(store.due(NOW + 40 * DAY, 10)?.len(), 1)?;
    // An event that was confirmed late is deleted at once.
    store.confirm("", &key(&waiting), NOW + 50 * DAY, times)?;
    equal(store.compact(NOW + 50 * DAY, times)?.events, 1)
}

fn invoices_expire<S: Sql>(store: &Store<S>) -> Checked {
    created(store)?;
    let times = Times::default();
    let other = Delivery {
        merchant: "m2".to_owned(),
        ..paid("c", "e3")
    };
    for delivery in [&paid("a", "e1"), &paid("b", "e2"), &other] {
        record(store, delivery, NOW)?;
    }
    store.confirm("", &key(&paid("a", "e1")), NOW, times)?;
    store.confirm("m2", &key(&other), NOW, times)?;
    let later = NOW + times.invoices;
    equal(store.compact(later - 1, times)?.invoices, 0)?;
    // The next step that deletes invoices comes after a day.
    equal(store.compact(later, times)?.invoices, 0)?;
    equal(store.compact(later + DAY, times)?.invoices, 2)?;
    equal(store.read("", "a")?, None)?;
    equal(store.read("m2", "c")?, None)?;
    // The outbox has an event of this invoice.
    equal(store.read("", "b")?.map(|view| view.events.len()), Some(1))?;
    let next = store.next_job(false)?;
    equal(next.is_some_and(|next| next > later + DAY), true)?;
    // Every later event of a deleted invoice is new.
    equal(
        record(store, &paid("a", "e1"), later + DAY)?,
        Outcome::Applied,
    )
}

fn adopted<S: Sql>(store: &Store<S>) -> Checked {
    created(store)?;
    let times = Times::default();
    let event = |event_id: &str, outcome| ExportedEvent {
        view: EventView {
            event_id: event_id.to_owned(),
            event_type: "invoice.paid".to_owned(),
            event_version: None,
            outcome,
            received_at: NOW - DAY,
            delivered_at: None,
        },
        body: "{}".to_owned(),
    };
    let row = |event_id: &str, state: &str| ExportedRow {
        view: OutboxView {
            event_id: event_id.to_owned(),
            state: state.to_owned(),
            sends: 2,
            deliveries: 3,
            due_at: NOW + 7,
            last_response: None,
        },
        failures: 1,
    };
    let export = Export {
        invoice_id: "a".to_owned(),
        public_invoice_id: Some("inv_a".to_owned()),
        status: Status::Paid,
        version: Some(2),
        transaction: Some("0xa".to_owned()),
        events: vec![
            event("e1", Outcome::Applied),
            event("e2", Outcome::Conflict),
            event("e3", Outcome::Duplicate),
        ],
        outbox: vec![row("e1", "sent"), row("e2", "dead")],
    };
    for _ in 0..2 {
        store.adopt("", &export, NOW, times)?;
        let view = store.read("", "a")?.ok_or("it is not there")?;
        let expected: Vec<_> = export
            .events
            .iter()
            .map(|event| event.view.clone())
            .collect();
        equal(view.events, expected)?;
        let expected: Vec<_> = export.outbox.iter().map(|row| row.view.clone()).collect();
        equal(view.outbox, expected)?;
    }
    equal(store.next_job(true)?, Some(NOW + 7))?;
    // An event that was confirmed here and handed over again is not delivered again.
    let first = EventKey {
        invoice_id: "a".to_owned(),
        event_id: "e1".to_owned(),
    };
    store.confirm("", &first, NOW, times)?;
    store.adopt("", &export, NOW, times)?;
    equal(store.read("", "a")?.map(|view| view.outbox.len()), Some(1))?;
    // Its outcome is the same as before.
    equal(record(store, &paid("a", "e1"), NOW)?, Outcome::Duplicate)?;
    equal(record(store, &expired("a", "e9"), NOW)?, Outcome::Conflict)
}

/// Writes dead events, as the queue would leave them, of invoices that belong to this shard.
///
/// # Errors
/// Returns an error if storage fails.
pub fn fill_dead<S: Sql>(
    store: &Store<S>,
    prefix: &str,
    rows: usize,
    now: i64,
    times: Times,
) -> Result<(), SqlError> {
    let settings = store.open()?.unwrap_or(Settings {
        shard: 0,
        shards: 1,
    });
    let of_shard = |id: &String| shard_of("", id, settings.shards) == settings.shard;
    let ids = (0..).map(|at: u64| format!("{prefix}-{at}"));
    store.sql().transaction(|| {
        let before = store.first("SELECT MAX(sequence) FROM event", &[])?;
        let before = before.unwrap_or_default().integer(0)?.unwrap_or_default();
        for id in ids.filter(of_shard).take(rows) {
            let expires = id.ends_with(['0', '2', '4', '6', '8']);
            let delivery = if expires {
                expired(&id, &format!("evt-{id}"))
            } else {
                paid(&id, &format!("evt-{id}"))
            };
            let (status, payment) = if expires {
                ("EXPIRED", "")
            } else {
                (
                    "PAID",
                    ",\"tx_hash\":\"0xa\",\"payment_chain\":\"base\",\"paid_at\":\"2026-03-24T00:48:31.602Z\",
                     \"payer_wallet\":\"0x742d35Cc6634C0532925a3b844Bc9e7595f5bA16\"",
                )
            };
            let body = format!(
                "{{\"event_id\":\"{}\",\"event_type\":\"{}\",\"data\":{{\"invoice_id\":\"{id}\",
                 \"public_invoice_id\":\"inv_{id}\",\"merchant_id\":\"9e9c9ba5-3bab-4172-8a79-336f9ca0f163\",
                 \"status\":\"{status}\",\"amount_usdc\":\"1000000\",\"currency\":\"USDC\"{payment}}}}}",
                delivery.event_id, delivery.event_type
            );
            let delivery = Delivery { body, ..delivery };
            store.record(&delivery, Known::Nothing, now, times)?;
            store.failed("", &attempt(&delivery), now, times)?;
        }
        store.sql().run(
            "UPDATE outbox SET state = 'dead', sends = 1, deliveries = 11 WHERE sequence > ?1",
            &[before.into()],
        )?;
        Ok(())
    })
}

/// Returns every event id of a list, and the number of steps.
fn listed<S: Sql>(
    store: &Store<S>,
    filter: &EventFilter,
    limit: i64,
) -> Result<(Vec<String>, usize), String> {
    let (mut found, mut steps, mut after) = (vec![], 0, Some(0));
    while let Some(from) = after {
        let step = EventStep {
            filter: filter.clone(),
            after: from,
            limit,
        };
        let page = store.list_events("", &step)?;
        found.extend(page.events.into_iter().map(|event| event.event_id));
        after = page.next;
        steps += 1;
    }
    Ok((found, steps))
}

fn lists<S: Sql>(store: &Store<S>) -> Checked {
    created(store)?;
    for at in 0..25 {
        record(store, &paid(&format!("i{at}"), &format!("e{at}")), NOW + at)?;
    }
    let other = Delivery {
        merchant: "m2".to_owned(),
        ..paid("i0", "other")
    };
    record(store, &other, NOW)?;
    store.sent(&store.due(NOW + 9, 100)?, NOW, Times::default())?;
    for at in 0..10 {
        store.dead_letter("", &key(&paid(&format!("i{at}"), &format!("e{at}"))))?;
    }
    // An invoice that was paid twice, and one whose event was confirmed.
    let twice = Delivery {
        transaction: Some("0xb".to_owned()),
        ..paid("i24", "twice")
    };
    equal(record(store, &twice, NOW + 30)?, Outcome::Conflict)?;
    store.confirm("", &key(&paid("i20", "e20")), NOW, Times::default())?;
    let ids = |range: std::ops::Range<i32>| range.map(|at| format!("e{at}")).collect::<Vec<_>>();
    let all = EventFilter::all;
    for limit in [1, 3, 1_000] {
        equal(listed(store, &all(EventState::Dead), limit)?.0, ids(0..10))?;
        let pending = [ids(10..20), ids(21..25), vec!["twice".to_owned()]].concat();
        equal(listed(store, &all(EventState::Pending), limit)?.0, pending)?;
        let conflicts = listed(store, &all(EventState::Conflict), limit)?.0;
        equal(conflicts, vec!["twice".to_owned()])?;
    }
    let filter = EventFilter {
        since: Some(NOW + 3),
        until: Some(NOW + 7),
        event_type: Some("invoice.paid".to_owned()),
        outcome: Some(Outcome::Applied),
        ..all(EventState::Dead)
    };
    equal(listed(store, &filter, 2)?.0, ids(3..7))?;
    let nothing = EventFilter {
        event_type: Some("invoice.expired".to_owned()),
        ..all(EventState::Dead)
    };
    equal(listed(store, &nothing, 2)?, (vec![], 1))?;
    let counts = store.count("", NOW + 50)?;
    equal((counts.pending, counts.dead, counts.conflicts), (15, 10, 1))?;
    equal(
        (counts.oldest_pending_at, counts.oldest_dead_at),
        (Some(NOW + 10), Some(NOW)),
    )?;
    equal(store.count("m3", NOW)?.oldest_dead_at, None)
}

fn dead_rows_stay<S: Sql>(store: &Store<S>) -> Checked {
    created(store)?;
    let times = Times::default();
    let delivery = paid("a", "e1");
    let dead = || listed(store, &EventFilter::all(EventState::Dead), 10).map(|(ids, _)| ids);
    record(store, &delivery, NOW)?;
    store.sent(&store.due(NOW, 10)?, NOW, times)?;
    store.failed("", &attempt(&delivery), NOW + 1, times)?;
    store.dead_letter("", &key(&delivery))?;
    let is_listed = || equal(dead()?, vec!["e1".to_owned()]);
    is_listed()?;
    // A second message of the event that is still on its way.
    equal(store.claim("", &key(&delivery), NOW, times)?, None)?;
    store.failed("", &attempt(&delivery), NOW + 2, times)?;
    is_listed()?;
    // A message of the event that was claimed before.
    store.confirm("", &key(&delivery), NOW + 3, times)?;
    is_listed()?;
    equal(record(store, &delivery, NOW + 4)?, Outcome::Duplicate)?;
    store.sent(&store.due(NOW + 400 * DAY, 10)?, NOW, times)?;
    store.compact(NOW + 900 * DAY, times)?;
    is_listed()?;
    let view = store.read("", "a")?.ok_or("it is not there")?;
    let event = view.events.first().and_then(|event| event.delivered_at);
    equal(event, Some(NOW + 3))?;
    let response = view
        .outbox
        .first()
        .and_then(|row| row.last_response.clone());
    let status = response.map(|response| (response.status, response.reason, response.at));
    let expected = Some((Some(503), "answered 503".to_owned(), NOW + 2));
    equal(status.clone(), expected)?;
    store.replay("", &key(&delivery), NOW)?;
    equal(dead()?, Vec::<String>::new())?;
    // The last response stays until there is a newer one.
    let view = store.read("", "a")?.ok_or("it is not there")?;
    let kept = view
        .outbox
        .first()
        .and_then(|row| row.last_response.clone());
    equal(kept.and_then(|response| response.status), Some(503))
}

fn replays<S: Sql>(store: &Store<S>) -> Checked {
    created(store)?;
    let times = Times::default();
    fill_dead(store, "dead", 50, NOW, times)?;
    let pending = || listed(store, &EventFilter::all(EventState::Pending), 9).map(|(ids, _)| ids);
    let dead = || listed(store, &EventFilter::all(EventState::Dead), 9).map(|(ids, _)| ids);
    let (all, paid_ones) = (
        dead()?,
        EventFilter {
            event_type: Some("invoice.paid".to_owned()),
            ..EventFilter::all(EventState::Dead)
        },
    );
    equal(all.len(), 50)?;
    let (wanted, _) = listed(store, &paid_ones, 10)?;
    equal(wanted.is_empty() || wanted.len() == 50, false)?;
    let mut total = 0;
    for dry_run in [true, false] {
        let mut after = Some(0);
        total = 0;
        while let Some(from) = after {
            let step = EventStep {
                filter: paid_ones.clone(),
                after: from,
                limit: 7,
            };
            let ReplayedStep { events, next } =
                store.replay_events("", &step, dry_run, NOW + DAY)?;
            total += events;
            after = next;
        }
        equal(total, wanted.len())?;
        let moved = if dry_run { 0 } else { total };
        equal(pending()?.len(), moved)?;
    }
    equal(pending()?, wanted.clone())?;
    equal(dead()?.len(), 50 - total)?;
    equal(store.next_job(true)?, Some(NOW + DAY))?;
    equal(store.due(NOW + DAY, 100)?.len(), total)?;
    // A replay delivers a delivered conflict again.
    let (first, late) = (expired("x", "e1"), paid("x", "e2"));
    record(store, &first, NOW)?;
    equal(record(store, &late, NOW)?, Outcome::Conflict)?;
    store.confirm("", &key(&late), NOW, times)?;
    let step = EventStep {
        filter: EventFilter::all(EventState::Conflict),
        after: 0,
        limit: 9,
    };
    equal(store.replay_events("", &step, false, NOW)?.events, 1)?;
    let view = store.read("", "x")?.ok_or("it is not there")?;
    equal(view.outbox.len(), 2)?;
    // The event is kept while it is in the outbox.
    equal(store.compact(NOW + 40 * DAY, times)?.events, 0)
}

fn invoices<S: Sql>(store: &Store<S>) -> Checked {
    created(store)?;
    for at in 0..30 {
        let id = format!("i{at:02}");
        // Three invoices have the same time.
        let came = NOW + i64::from(at / 3);
        if at % 5 == 0 {
            record(store, &expired(&id, "e"), came)?;
        } else {
            record(store, &paid(&id, "e"), came)?;
        }
    }
    let listed = |status: Option<Status>, since, limit| -> Result<Vec<String>, String> {
        let (mut found, mut behind) = (vec![], None);
        loop {
            let step = InvoiceStep {
                status,
                since,
                behind,
                limit,
            };
            let page = store.list_invoices("", &step)?;
            found.extend(page.invoices.into_iter().map(|one| one.key.invoice_id));
            behind = page.scanned_to;
            if behind.is_none() {
                return Ok(found);
            }
        }
    };
    let expected = |takes: fn(&i32) -> bool| -> Vec<String> {
        let ids = (0..30).rev().filter(takes);
        ids.map(|at| format!("i{at:02}")).collect()
    };
    for limit in [1, 4, 30, 1_000] {
        equal(listed(None, None, limit)?, expected(|_| true))?;
        let of_status = listed(Some(Status::Expired), None, limit)?;
        equal(of_status, expected(|at| at % 5 == 0))?;
        let since = listed(None, Some(NOW + 5), limit)?;
        equal(since, expected(|at| *at >= 15))?;
    }
    equal(
        listed(Some(Status::Canceled), None, 3)?,
        Vec::<String>::new(),
    )
}

fn counters<S: Sql>(store: &Store<S>) -> Checked {
    // This works before the first event, without a number of shards.
    store.make_tables()?;
    store.make_tables()?;
    let mut tally = Tally::default();
    tally.delivered(Outcome::Applied);
    tally.applied_after(40);
    store.tally(&tally, false, NOW)?;
    tally.refused("WEBHOOK_SIGNATURE_MISMATCH");
    store.tally(&tally, false, NOW)?;
    let expected = [
        ("applied:0", 2),
        ("applied:sum_ms", 80),
        ("deliveries:applied", 2),
        ("refused:WEBHOOK_SIGNATURE_MISMATCH", 1),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value));
    equal(store.counters()?, expected.to_vec())?;
    equal(store.open()?, None)?;
    created(store)?;
    equal(store.counters()?, expected.to_vec())?;
    equal(store.open()?.map(|settings| settings.shards), Some(8))?;
    equal(store.next_alert(Times::default())?, None)
}

fn alerts<S: Sql>(store: &Store<S>) -> Checked {
    use crate::worker::alerts::{BURST, GATHER_MS, PAUSE_MS};
    let times = Times::default();
    created(store)?;
    store.note(AlertKind::Conflict, 2)?;
    store.note(AlertKind::Conflict, 1)?;
    equal(store.noted()?, vec![(AlertKind::Conflict, 3)])?;
    store.note(AlertKind::Conflict, -3)?;
    equal(store.noted()?, vec![])?;
    store.raise(AlertKind::DeadLetter, 2, NOW)?;
    store.raise(AlertKind::DeadLetter, 1, NOW + 1_000)?;
    equal(store.next_alert(times)?, Some(NOW + GATHER_MS))?;
    equal(store.take_alerts(NOW + GATHER_MS - 1, times)?, vec![])?;
    let taken = store.take_alerts(NOW + GATHER_MS, times)?;
    let told: Vec<_> = taken
        .iter()
        .map(|alert| (alert.kind, alert.count, alert.first_at, alert.last_at))
        .collect();
    equal(told, vec![(AlertKind::DeadLetter, 3, NOW, NOW + 1_000)])?;
    // Nobody else gets the alert, whether it is delivered or not.
    equal(store.take_alerts(NOW + GATHER_MS, times)?, vec![])?;
    let again = NOW + GATHER_MS + PAUSE_MS;
    equal(store.next_alert(times)?, Some(again))?;
    equal(store.take_alerts(again - 1, times)?, vec![])?;
    // It was not delivered, so the next alert also reports what happened in the meantime.
    store.raise(AlertKind::DeadLetter, 1, NOW + 60_000)?;
    let taken = store.take_alerts(again, times)?;
    equal(taken.first().map(|alert| alert.count), Some(4))?;
    store.raise(AlertKind::DeadLetter, 5, again)?;
    for alert in &taken {
        store.alerted(alert)?;
    }
    equal(store.next_alert(times)?, Some(again + PAUSE_MS))?;
    let taken = store.take_alerts(again + PAUSE_MS, times)?;
    equal(taken.first().map(|alert| alert.count), Some(5))?;
    store.alerted(taken.first().ok_or("none is taken")?)?;
    equal(store.next_alert(times)?, None)?;
    // Refused signatures raise an alert from a certain number within a minute.
    let mut tally = Tally::default();
    for _ in 1..BURST {
        tally.refused("X");
    }
    store.tally(&tally, true, NOW)?;
    equal(store.next_alert(times)?, None)?;
    let mut one = Tally::default();
    one.refused("X");
    store.tally(&one, true, NOW + 1)?;
    equal(store.next_alert(times)?, Some(NOW + 1 + GATHER_MS))
}

fn texts<S: Sql>(store: &Store<S>) -> Checked {
    created(store)?;
    for (at, id) in ["\0", "a\0b", "é☃\u{1f600}", "'\"%?1", &"x".repeat(255)]
        .into_iter()
        .enumerate()
    {
        let delivery = Delivery {
            body: "ü\0\u{10ffff}".repeat(20_000),
            ..paid(id, &format!("e{at}{id}"))
        };
        record(store, &delivery, NOW)?;
        equal(store.known("", id, &delivery.event_id)?, Known::Event)?;
        let claimed = store.claim("", &key(&delivery), NOW, Times::default())?;
        equal(claimed.map(|claimed| claimed.body), Some(delivery.body))?;
    }
    Ok(())
}

fn since<S: Sql>(store: &Store<S>) -> Checked {
    store.keep_since("", NOW)?;
    store.keep_since("", NOW + 5)?;
    // This does not determine the number of shards.
    equal(store.open()?, None)?;
    equal(
        store.reconciliation("")?.map(|found| found.since),
        Some(NOW),
    )?;
    created(store)?;
    equal(store.open()?.map(|settings| settings.shards), Some(8))?;
    equal(record(store, &paid("a", "e1"), NOW)?, Outcome::Applied)?;
    store.keep_since("", NOW + 9)?;
    equal(
        store.reconciliation("")?.map(|found| found.since),
        Some(NOW),
    )
}

fn walks<S: Sql>(store: &Store<S>) -> Checked {
    created(store)?;
    equal(store.begin_walk("", NOW)?, false)?;
    store.keep_since("", NOW)?;
    equal(store.begin_walk("", NOW)?, true)?;
    equal(store.begin_walk("", NOW + 1)?, false)?;
    equal(store.next_job(false)?, Some(NOW))?;
    let run = store.walk("")?.ok_or("no run")?;
    equal((run.since, run.cursor.as_str(), run.failures), (NOW, "", 0))?;
    store.walk_failed("", Some(NOW + 7), "RateLimitError RATE_LIMITED")?;
    let failed = store.walk("")?.ok_or("no run")?;
    equal((failed.due_at, failed.failures), (NOW + 7, 1))?;
    let text = r#"{"invoices":[],"pagination":{"has_more":false}}"#;
    let page = Page::read(text).ok_or("no page")?;
    let mut walk = Walk::resume(&run.cursor, NOW).ok_or("no walk")?;
    let counts = Counts {
        pages: 1,
        applied: 2,
        ..Counts::default()
    };
    for step in 1..=3 {
        walk.turn(&page.created(), page.more, 0, false);
        store.walked("", &walk, counts, NOW + 9)?;
        let found = store.reconciliation("")?.ok_or("nothing")?;
        equal(
            (found.pages, found.applied, found.failures),
            (step, 2 * step, 0),
        )?;
        equal(found.error, None)?;
        equal(found.due_at, (step < 3).then_some(NOW + 9))?;
        equal(found.completed_at, (step == 3).then_some(NOW))?;
    }
    equal(store.walk("")?, None)?;
    equal(store.begin_walk("", NOW + 20)?, true)?;
    let run = store.walk("")?.ok_or("no run")?;
    equal(run.cursor, walk.cursor())
}

/// Returns the event that reconciliation derives for the status of `delivery`.
fn derived(delivery: Delivery) -> Delivery {
    let status = delivery.status.unwrap_or_default();
    let names = match &delivery.transaction {
        Some(name) => format!(
            "{{\"data\":{{\"tx_hash\":\"{}\"}}}}",
            name.to_uppercase().replace("0X", "0x")
        ),
        None => "{}".to_owned(),
    };
    Delivery {
        event_id: event_id(status, &delivery.invoice_id),
        event_version: None,
        body: names,
        ..delivery
    }
}

fn news<S: Sql>(store: &Store<S>) -> Checked {
    created(store)?;
    let asked = |delivery: &Delivery| -> Result<Option<Outcome>, String> {
        let known = store.known("", &delivery.invoice_id, &delivery.event_id)?;
        Ok(store.news(delivery, NOW, &known)?)
    };
    let unnamed = |delivery: Delivery| Delivery {
        transaction: None,
        ..delivery
    };
    // The event is missing at first, then known. A webhook that comes later is a duplicate,
    // whichever of the two names the transaction.
    for (invoice, found, webhook) in [
        ("a", derived(paid("a", "")), paid("a", "e1")),
        ("b", derived(unnamed(paid("b", ""))), paid("b", "e1")),
        ("c", derived(paid("c", "")), unnamed(paid("c", "e1"))),
        ("d", derived(expired("d", "")), expired("d", "e1")),
    ] {
        equal(asked(&found)?, Some(Outcome::Applied))?;
        equal(record(store, &found, NOW)?, Outcome::Applied)?;
        equal(asked(&found)?, None)?;
        equal(record(store, &webhook, NOW)?, Outcome::Duplicate)?;
        let view = store.read("", invoice)?.ok_or("it is not there")?;
        equal(view.outbox.len(), 1)?;
    }
    // If a webhook has reported the status, nothing is written.
    equal(record(store, &paid("e", "e1"), NOW)?, Outcome::Applied)?;
    equal(asked(&derived(paid("e", "")))?, None)?;
    equal(asked(&derived(unnamed(paid("e", ""))))?, None)?;
    // The exception is a transaction that the webhook did not name.
    equal(
        record(store, &unnamed(paid("f", "e1")), NOW)?,
        Outcome::Applied,
    )?;
    let found = derived(paid("f", ""));
    equal(asked(&found)?, Some(Outcome::Duplicate))?;
    equal(record(store, &found, NOW)?, Outcome::Duplicate)?;
    let second = Delivery {
        transaction: Some("0xb".to_owned()),
        ..paid("f", "e2")
    };
    equal(record(store, &second, NOW)?, Outcome::Conflict)?;
    // A conflict is reported once, by the source that finds it first, for as long as the invoice is
    // kept.
    equal(record(store, &expired("g", "e1"), NOW)?, Outcome::Applied)?;
    let found = derived(paid("g", ""));
    equal(asked(&found)?, Some(Outcome::Conflict))?;
    equal(record(store, &found, NOW)?, Outcome::Conflict)?;
    equal(record(store, &paid("g", "e2"), NOW)?, Outcome::Duplicate)?;
    // A conflict that names no transaction belongs to the first webhook, and to no other payment.
    equal(record(store, &expired("j", "e1"), NOW)?, Outcome::Applied)?;
    let found = derived(unnamed(paid("j", "")));
    equal(record(store, &found, NOW)?, Outcome::Conflict)?;
    let first = Delivery {
        body: "{\"data\":{\"tx_hash\":\"0xA\"}}".to_owned(),
        ..paid("j", "e2")
    };
    equal(record(store, &first, NOW)?, Outcome::Duplicate)?;
    let again = Delivery {
        event_id: "e4".to_owned(),
        ..first
    };
    equal(record(store, &again, NOW)?, Outcome::Duplicate)?;
    equal(record(store, &second_of("j"), NOW)?, Outcome::Conflict)?;
    equal(record(store, &second_of("g"), NOW)?, Outcome::Conflict)?;
    equal(record(store, &expired("h", "e1"), NOW)?, Outcome::Applied)?;
    equal(record(store, &paid("h", "e2"), NOW)?, Outcome::Conflict)?;
    let with_names = Delivery {
        body: "{\"data\":{\"tx_hash\":\"0xA\"}}".to_owned(),
        ..paid("i", "e2")
    };
    equal(record(store, &expired("i", "e1"), NOW)?, Outcome::Applied)?;
    equal(record(store, &with_names, NOW)?, Outcome::Conflict)?;
    for (invoice, event) in [("h", "e2"), ("i", "e2")] {
        store.confirm("", &key(&paid(invoice, event)), NOW, Times::default())?;
    }
    let later = NOW + 40 * DAY;
    while store.compact(later, Times::default())?.more {}
    equal(asked(&derived(paid("h", "")))?, None)?;
    equal(asked(&derived(paid("i", "")))?, None)?;
    let other = Delivery {
        transaction: Some("0xb".to_owned()),
        ..paid("i", "")
    };
    equal(asked(&derived(other))?, Some(Outcome::Conflict))
}

fn swept<S: Sql>(store: &Store<S>) -> Checked {
    created(store)?;
    let times = Times {
        invoices: 90 * DAY,
        ..Times::default()
    };
    equal(record(store, &expired("a", "e1"), NOW)?, Outcome::Applied)?;
    store.confirm("", &key(&expired("a", "e1")), NOW, times)?;
    let found = derived(expired("a", ""));
    let asked = |created_at: i64| -> Result<Option<Outcome>, String> {
        let known = store.known("", "a", &found.event_id)?;
        Ok(store.news(&found, created_at, &known)?)
    };
    equal(store.compact(NOW + 89 * DAY, times)?.invoices, 0)?;
    equal(asked(NOW)?, None)?;
    equal(store.compact(NOW + 91 * DAY, times)?.invoices, 1)?;
    equal(asked(NOW)?, None)?;
    // An invoice that was created later cannot be deleted yet.
    equal(asked(NOW + DAY + 1)?, Some(Outcome::Applied))
}

/// Returns a second payment of an invoice.
fn second_of(invoice_id: &str) -> Delivery {
    Delivery {
        transaction: Some("0xb".to_owned()),
        ..paid(invoice_id, "e3")
    }
}
