//! Properties of the state machine over random and exhaustive interleavings.
#![allow(
    missing_docs,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing
)]

use gwop::invoice::{Event, Invoice, Outcome, Status};

/// SplitMix64: every run has the same interleavings.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn event(&mut self) -> Event {
        let status = Status::ALL[self.below(5) as usize];
        Event {
            status,
            version: (self.below(3) > 0).then(|| self.below(6) as i64),
            transaction: (status == Status::Paid && self.below(4) > 0)
                .then(|| ["one", "two"][self.below(2) as usize].to_owned()),
        }
    }
}

/// Applies an event and checks the rules for each step.
fn step(invoice: &mut Invoice, event: &Event) -> Outcome {
    let before = invoice.clone();
    let outcome = invoice.apply(event.clone());
    assert_eq!(
        outcome,
        before.evaluate(event),
        "judging and applying must agree"
    );
    // A duplicate of a payment may name the transaction if none was named before. Nothing else
    // changes without being applied.
    let named = outcome == Outcome::Duplicate && before.transaction().is_none();
    let kept = Invoice::restore(
        before.status(),
        before.version(),
        if named {
            event.transaction.clone()
        } else {
            before.transaction().map(str::to_owned)
        },
    );
    if before.status().is_final() {
        assert_eq!(*invoice, kept, "a final state changed on {event:?}");
        assert_ne!(outcome, Outcome::Applied);
    }
    if outcome == Outcome::Applied {
        assert_eq!(invoice.status(), event.status);
        assert!(invoice.version() >= before.version(), "the version fell");
    } else {
        assert_eq!(
            *invoice, kept,
            "{outcome:?} changed the invoice on {event:?}"
        );
    }
    if event.status == Status::Paid {
        assert!(
            matches!(
                outcome,
                Outcome::Applied | Outcome::Conflict | Outcome::Duplicate
            ),
            "money was called {outcome:?}"
        );
        let known = before.status() == Status::Paid && outcome == Outcome::Duplicate
            || outcome.reaches_fulfillment();
        assert!(known, "money was dropped: {before:?} told {event:?}");
    }
    assert_ne!(outcome, Outcome::Ignored);
    outcome
}

#[test]
fn final_states_never_regress_over_random_interleavings() {
    let mut random = Random(20_261_121);
    for _ in 0..200_000 {
        let mut invoice = Invoice::default();
        let mut applied_final = 0;
        for _ in 0..1 + random.below(12) {
            let event = random.event();
            let outcome = step(&mut invoice, &event);
            // The same event again never changes anything.
            let again = invoice.evaluate(&event);
            assert_ne!(again, Outcome::Applied, "{event:?} was applied twice");
            if outcome == Outcome::Applied && event.status.is_final() {
                applied_final += 1;
            }
        }
        assert!(applied_final <= 1, "two final states were applied");
        assert_eq!(applied_final == 1, invoice.status().is_final());
    }
}

/// Three deliveries of every kind in every order.
#[test]
fn final_states_never_regress_over_all_short_interleavings() {
    let versions = [None, Some(1), Some(2)];
    let events: Vec<Event> = Status::ALL
        .into_iter()
        .flat_map(|status| {
            let transactions: &[Option<&str>] = match status {
                Status::Paid => &[None, Some("one"), Some("two")],
                _ => &[None],
            };
            versions.into_iter().flat_map(move |version| {
                transactions.iter().map(move |transaction| Event {
                    status,
                    version,
                    transaction: transaction.map(str::to_owned),
                })
            })
        })
        .collect();
    for first in &events {
        for second in &events {
            for third in &events {
                let mut invoice = Invoice::default();
                for event in [first, second, third] {
                    let _ = step(&mut invoice, event);
                }
            }
        }
    }
}

/// Gwop's real events of one invoice, shuffled and repeated, always lead to Gwop's final state.
#[test]
fn versioned_histories_converge_in_any_order() {
    let mut random = Random(7);
    for _ in 0..50_000 {
        let end = [Status::Paid, Status::Expired, Status::Canceled][random.below(3) as usize];
        let mut history = vec![];
        for version in 0..random.below(6) as i64 {
            let status = if version % 2 == 0 {
                Status::Paying
            } else {
                Status::Open
            };
            history.push((status, version));
        }
        history.push((end, history.len() as i64));
        let mut deliveries: Vec<Event> = history
            .iter()
            .flat_map(|&(status, version)| {
                std::iter::repeat_n(
                    Event {
                        status,
                        version: Some(version),
                        transaction: None,
                    },
                    1 + random.below(3) as usize,
                )
            })
            .collect();
        for at in (1..deliveries.len()).rev() {
            deliveries.swap(at, random.below(at as u64 + 1) as usize);
        }
        let mut invoice = Invoice::default();
        for delivery in &deliveries {
            assert_ne!(step(&mut invoice, delivery), Outcome::Conflict);
        }
        assert_eq!(invoice.status(), end);
        assert_eq!(invoice.version(), Some(history.len() as i64 - 1));
    }
}

/// Gwop's own steps: the state machine follows each of them if they arrive in order.
#[test]
fn every_step_of_the_diagram_is_followed() {
    for from in Status::ALL {
        for to in Status::ALL {
            let mut invoice = Invoice::restore(from, Some(1), None);
            let outcome = invoice.apply(Event {
                status: to,
                version: Some(2),
                transaction: None,
            });
            if from.steps_to(to) {
                assert_eq!(outcome, Outcome::Applied, "{from:?} to {to:?}");
            }
            if from.is_final() {
                assert!(!from.steps_to(to));
            }
        }
    }
}
