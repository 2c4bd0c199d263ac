//! Checks histories that `tests/worker/stress.mjs` writes: for every invoice, the Worker must have
//! behaved as if each delivery had happened at one moment between its start and its response.
//!
//! This is our own checker, because the history of one invoice has at most about ten operations. A
//! search over their orders ends at once, and needs no crate. It accepts the same histories as Wing
//! and Gong, "Testing and Verifying Concurrent Objects" (1993): an operation without a response may
//! have happened at any moment after its start, or not at all.
//!
//! `GWOP_HISTORY` names a file of JSON lines to check as well.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde_json::{Value, json};

/// The contract's rules for an event, implemented without the Worker's own state machine.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
struct Model {
    status: Option<String>,
    version: Option<i64>,
    transaction: Option<String>,
    seen: BTreeMap<String, &'static str>,
}

impl Model {
    fn apply(&mut self, event: &Value) -> &'static str {
        let id = event["event_id"].as_str().unwrap();
        if self.seen.contains_key(id) {
            return "duplicate";
        }
        let status = event["status"].as_str().unwrap();
        let version = event["version"].as_i64();
        let transaction = event["transaction"].as_str();
        let outcome = self.evaluate(status, version, transaction);
        self.seen.insert(id.to_owned(), outcome);
        if outcome == "applied" {
            self.status = Some(status.to_owned());
            self.version = version;
            self.transaction = transaction.map(str::to_owned);
        }
        outcome
    }

    fn evaluate(
        &self,
        status: &str,
        version: Option<i64>,
        transaction: Option<&str>,
    ) -> &'static str {
        let Some(applied) = &self.status else {
            return "applied";
        };
        let older = matches!((version, self.version), (Some(told), Some(known)) if told < known);
        match (applied.as_str(), status) {
            ("PAID", "PAID") if transaction == self.transaction.as_deref() => "duplicate",
            (_, "PAID") => "conflict",
            _ if older => "stale",
            (applied, told) if applied == told => "duplicate",
            _ => "conflict",
        }
    }
}

struct Delivery {
    event: Value,
    start: f64,
    /// Infinite if there was no response.
    end: f64,
    /// `None` if there was no response.
    outcome: Option<String>,
}

/// Returns whether an order of the deliveries follows the model and leads to the state that was
/// read at the end.
fn is_linearizable(deliveries: &[Delivery], last: &Value) -> bool {
    assert!(
        deliveries.len() <= 20,
        "an invoice has {} deliveries",
        deliveries.len()
    );
    search(deliveries, 0, &Model::default(), last, &mut HashSet::new())
}

fn search(
    deliveries: &[Delivery],
    done: u32,
    model: &Model,
    last: &Value,
    tried: &mut HashSet<(u32, Model)>,
) -> bool {
    if !tried.insert((done, model.clone())) {
        return false;
    }
    let open: Vec<usize> = (0..deliveries.len())
        .filter(|at| done & (1 << at) == 0)
        .collect();
    if open.iter().all(|at| deliveries[*at].outcome.is_none()) && model_is(model, last) {
        return true;
    }
    let earliest_end = open
        .iter()
        .map(|at| deliveries[*at].end)
        .fold(f64::INFINITY, f64::min);
    open.iter().any(|at| {
        let delivery = &deliveries[*at];
        // Another one ended before this one began.
        if delivery.start > earliest_end {
            return false;
        }
        let mut next = model.clone();
        let outcome = next.apply(&delivery.event);
        let fits = delivery
            .outcome
            .as_deref()
            .is_none_or(|response| response == outcome);
        fits && search(deliveries, done | (1 << at), &next, last, tried)
    })
}

/// Returns whether the model matches what the operator read at the end.
fn model_is(model: &Model, last: &Value) -> bool {
    let events: BTreeMap<String, String> = last["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| (text(&event["event_id"]), text(&event["outcome"])))
        .collect();
    let seen: BTreeMap<String, String> = model
        .seen
        .iter()
        .map(|(id, outcome)| (id.clone(), (*outcome).to_owned()))
        .collect();
    events == seen && last["status"].as_str() == Some(model.status.as_deref().unwrap_or("OPEN"))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// Returns every violation in a history.
fn violations(lines: &str) -> Vec<String> {
    let mut deliveries: BTreeMap<String, Vec<Delivery>> = BTreeMap::new();
    let mut lasts = BTreeMap::new();
    let mut fulfilled: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    for line in lines.lines() {
        let entry: Value = serde_json::from_str(line).unwrap();
        let invoice = text(&entry["invoice"]);
        match entry["kind"].as_str().unwrap() {
            "delivery" => deliveries.entry(invoice).or_default().push(Delivery {
                start: entry["start"].as_f64().unwrap(),
                end: entry["end"].as_f64().unwrap_or(f64::INFINITY),
                outcome: entry["outcome"].as_str().map(str::to_owned),
                event: entry["event"].clone(),
            }),
            "last" => {
                lasts.insert(invoice, entry["view"].clone());
            }
            "fulfilled" => {
                fulfilled
                    .entry((invoice, text(&entry["event_id"])))
                    .or_default()
                    .insert(text(&entry["outcome"]));
            }
            other => panic!("the history has an entry of kind {other}"),
        }
    }
    let mut found = vec![];
    for (invoice, deliveries) in &deliveries {
        let Some(last) = lasts.get(invoice) else {
            if deliveries.iter().any(|delivery| delivery.outcome.is_some()) {
                found.push(format!("{invoice}: an accepted delivery is lost"));
            }
            continue;
        };
        if !is_linearizable(deliveries, last) {
            found.push(format!(
                "{invoice}: no order of its deliveries explains what was answered and stored"
            ));
        }
        let events = last["events"].as_array().unwrap();
        if events
            .iter()
            .filter(|event| event["outcome"] == "applied")
            .count()
            > 1
        {
            found.push(format!("{invoice}: applied twice"));
        }
        for event in events {
            let (id, outcome) = (text(&event["event_id"]), text(&event["outcome"]));
            let heard = fulfilled
                .remove(&(invoice.clone(), id.clone()))
                .unwrap_or_default();
            let expected: BTreeSet<String> = ["applied", "conflict"]
                .contains(&outcome.as_str())
                .then_some(outcome)
                .into_iter()
                .collect();
            if heard != expected {
                found.push(format!(
                    "{invoice}: fulfillment heard {heard:?} of {id} instead of {expected:?}"
                ));
            }
        }
    }
    for (invoice, id) in fulfilled.keys() {
        found.push(format!(
            "{invoice}: fulfillment heard of {id}, which is not stored"
        ));
    }
    found
}

#[test]
fn the_recorded_history_holds() {
    let Ok(path) = std::env::var("GWOP_HISTORY") else {
        return;
    };
    let lines = std::fs::read_to_string(&path).unwrap();
    let violations = violations(&lines);
    let invoices = lines
        .lines()
        .filter(|line| line.contains("\"kind\":\"last\""))
        .count();
    println!("{invoices} invoices, {} violations", violations.len());
    assert!(
        violations.is_empty(),
        "{}",
        violations
            .iter()
            .take(20)
            .cloned()
            .collect::<Vec<_>>()
            .join("\n")
    );
}

fn delivered(id: &str, status: &str, start: u32, end: Option<u32>, outcome: Option<&str>) -> Value {
    json!({ "kind": "delivery", "invoice": "i", "start": start, "end": end, "outcome": outcome,
        "event": { "event_id": id, "status": status, "version": null, "transaction": (status == "PAID").then_some("0xa") } })
}

fn last(status: &str, events: &[(&str, &str)]) -> Value {
    let events: Vec<Value> = events
        .iter()
        .map(|(id, outcome)| json!({ "event_id": id, "outcome": outcome }))
        .collect();
    json!({ "kind": "last", "invoice": "i", "view": { "status": status, "events": events } })
}

fn fulfilled(id: &str, outcome: &str) -> Value {
    json!({ "kind": "fulfilled", "invoice": "i", "event_id": id, "outcome": outcome })
}

fn count(entries: &[Value]) -> usize {
    violations(
        &entries
            .iter()
            .map(Value::to_string)
            .collect::<Vec<_>>()
            .join("\n"),
    )
    .len()
}

#[test]
fn good_histories_hold() {
    let paid = fulfilled("a", "applied");
    // One after the other, concurrent in either order, and lost responses.
    assert_eq!(
        count(&[
            delivered("a", "PAID", 0, Some(1), Some("applied")),
            delivered("a", "PAID", 2, Some(3), Some("duplicate")),
            last("PAID", &[("a", "applied")]),
            paid.clone()
        ]),
        0
    );
    assert_eq!(
        count(&[
            delivered("a", "PAID", 0, Some(9), Some("duplicate")),
            delivered("a", "PAID", 1, Some(8), Some("applied")),
            last("PAID", &[("a", "applied")]),
            paid.clone()
        ]),
        0
    );
    assert_eq!(
        count(&[
            delivered("a", "PAID", 0, None, None),
            delivered("a", "PAID", 1, Some(2), Some("duplicate")),
            last("PAID", &[("a", "applied")]),
            paid.clone()
        ]),
        0
    );
    // Without a response, it may have happened late, or never.
    let expired = [("b", "applied"), ("a", "conflict")];
    assert_eq!(
        count(&[
            delivered("a", "PAID", 0, None, None),
            delivered("b", "EXPIRED", 1, Some(2), Some("applied")),
            last("EXPIRED", &expired),
            fulfilled("b", "applied"),
            fulfilled("a", "conflict")
        ]),
        0
    );
    assert_eq!(
        count(&[
            delivered("a", "PAID", 0, None, None),
            delivered("b", "EXPIRED", 1, Some(2), Some("applied")),
            last("EXPIRED", &expired[..1]),
            fulfilled("b", "applied")
        ]),
        0
    );
}

#[test]
fn bad_histories_do_not() {
    let one = delivered("a", "PAID", 0, Some(1), Some("applied"));
    let stored = last("PAID", &[("a", "applied")]);
    // Applied twice; missing in the outbox; lost; confirmed before it was there; received twice
    // with different outcomes; unknown.
    assert_ne!(
        count(&[
            one.clone(),
            delivered("b", "PAID", 2, Some(3), Some("applied")),
            last("PAID", &[("a", "applied"), ("b", "applied")]),
            fulfilled("a", "applied"),
            fulfilled("b", "applied")
        ]),
        0
    );
    assert_ne!(count(&[one.clone(), stored.clone()]), 0);
    assert_ne!(count(std::slice::from_ref(&one)), 0);
    assert_ne!(
        count(&[
            delivered("a", "PAID", 0, Some(1), Some("duplicate")),
            delivered("a", "PAID", 2, Some(3), Some("applied")),
            stored.clone(),
            fulfilled("a", "applied")
        ]),
        0
    );
    assert_ne!(
        count(&[
            one.clone(),
            stored.clone(),
            fulfilled("a", "applied"),
            fulfilled("a", "conflict")
        ]),
        0
    );
    assert_ne!(
        count(&[
            one,
            stored,
            fulfilled("a", "applied"),
            fulfilled("z", "applied")
        ]),
        0
    );
}
