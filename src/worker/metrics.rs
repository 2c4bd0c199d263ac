//! Counters, and their format for Prometheus (text format 0.0.4).
//!
//! An isolate counts in memory and reports to shard 0 at most every 10 seconds. A counter's name in
//! storage is its series without the metric's own name, such as `deliveries:applied`, or
//! `applied:3` for the fourth bucket of a histogram.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::ledger::operator_messages::{Counts, Tally};
use crate::invoice::Outcome;

/// The media type of the text.
pub const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";
/// The minimum time between two reports of an isolate to shard 0, in milliseconds.
pub const FLUSH_MS: i64 = 10_000;

/// The upper bounds of the buckets, in milliseconds. The last bucket has none.
const BUCKETS_MS: [i64; 12] = [
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000, 1_800_000, 21_600_000,
];

/// The counters: their name in storage, their metric, its label and its help text.
const COUNTERS: [(&str, &str, &str, &str); 3] = [
    (
        "deliveries",
        "gwop_webhook_deliveries_total",
        "outcome",
        "Deliveries of Gwop's that were accepted, by outcome.",
    ),
    (
        "refused",
        "gwop_webhook_refused_total",
        "code",
        "Deliveries that were refused: by their signature, or as another merchant's.",
    ),
    (
        "attempts",
        "gwop_fulfillment_attempts_total",
        "result",
        "Attempts at fulfillment: confirmed, failed; and events that became dead.",
    ),
];

/// The histograms: their name in storage, their metric and its help text.
const HISTOGRAMS: [(&str, &str, &str); 2] = [
    (
        "applied",
        "gwop_event_applied_seconds",
        "Time from the event to its being stored, in seconds.",
    ),
    (
        "confirmed",
        "gwop_event_confirmed_seconds",
        "Time from the event to fulfillment's confirmation, in seconds.",
    ),
];

impl Tally {
    fn add(&mut self, name: String, more: i64) {
        let counter = self.counters.entry(name).or_default();
        *counter = counter.saturating_add(more);
    }

    /// Counts a delivery that was accepted.
    pub fn delivered(&mut self, outcome: Outcome) {
        self.add(["deliveries:", outcome.as_str()].concat(), 1);
    }

    /// Counts a delivery that was refused for its signature, or because it belongs to another
    /// merchant.
    pub fn refused(&mut self, code: &str) {
        self.add(["refused:", code].concat(), 1);
        self.refused = self.refused.saturating_add(1);
    }

    /// Counts an attempt at fulfillment: `confirmed`, `failed` or `dead`.
    pub fn attempted(&mut self, result: &str) {
        self.add(["attempts:", result].concat(), 1);
    }

    /// Counts an event that was stored this many milliseconds after it happened.
    pub fn applied_after(&mut self, milliseconds: i64) {
        self.observe("applied", milliseconds);
    }

    /// Counts an event that was confirmed this many milliseconds after it happened.
    pub fn confirmed_after(&mut self, milliseconds: i64) {
        self.observe("confirmed", milliseconds);
    }

    /// Clocks differ, so a time before the event counts as zero.
    fn observe(&mut self, histogram: &str, milliseconds: i64) {
        let milliseconds = milliseconds.max(0);
        let bucket = BUCKETS_MS.partition_point(|bound| *bound < milliseconds);
        self.add(format!("{histogram}:{bucket}"), 1);
        self.add([histogram, ":sum_ms"].concat(), milliseconds);
    }

    /// Adds the counts of another tally.
    pub fn merge(&mut self, other: Self) {
        for (name, more) in other.counters {
            self.add(name, more);
        }
        self.refused = self.refused.saturating_add(other.refused);
    }

    /// Returns whether there is nothing to report.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counters.is_empty()
    }
}

/// Returns the text for Prometheus: the counters of shard 0, and the gauges of all shards.
#[must_use]
pub fn text(counters: &[(String, i64)], counts: Counts, now: i64) -> String {
    let known: BTreeMap<&str, i64> = counters
        .iter()
        .map(|(name, value)| (name.as_str(), *value))
        .collect();
    let mut text = String::new();
    for (stored, metric, label, help) in COUNTERS {
        head(&mut text, metric, "counter", help);
        for (name, value) in &known {
            if let Some(value_of_label) = of(name, stored) {
                line(&mut text, metric, &[(label, value_of_label)], *value as f64);
            }
        }
    }
    for (stored, metric, help) in HISTOGRAMS {
        head(&mut text, metric, "histogram", help);
        let get = |what: &str| known.get([stored, ":", what].concat().as_str()).copied();
        let bucket = [metric, "_bucket"].concat();
        let mut count = 0_i64;
        for at in 0..=BUCKETS_MS.len() {
            count = count.saturating_add(get(&at.to_string()).unwrap_or_default());
            let bound = BUCKETS_MS.get(at).map(|bound| seconds(*bound).to_string());
            let bound = bound.as_deref().unwrap_or("+Inf");
            line(&mut text, &bucket, &[("le", bound)], count as f64);
        }
        let sum = seconds(get("sum_ms").unwrap_or_default());
        line(&mut text, &[metric, "_sum"].concat(), &[], sum);
        line(&mut text, &[metric, "_count"].concat(), &[], count as f64);
    }
    let age = |at: Option<i64>| seconds(at.map_or(0, |at| now.saturating_sub(at).max(0)));
    for (metric, help, value) in [
        (
            "gwop_outbox_events",
            "Events that fulfillment has not confirmed, without the dead ones.",
            counts.pending as f64,
        ),
        (
            "gwop_outbox_oldest_seconds",
            "Age of the oldest of them; 0 where there is none.",
            age(counts.oldest_pending_at),
        ),
        ("gwop_dead_events", "Dead events.", counts.dead as f64),
        (
            "gwop_dead_oldest_seconds",
            "Age of the oldest dead event; 0 where there is none.",
            age(counts.oldest_dead_at),
        ),
        (
            "gwop_conflict_events",
            "Conflicts. They are kept as long as their invoices.",
            counts.conflicts as f64,
        ),
        (
            "gwop_counted_seconds",
            "How long ago the oldest of these gauges was counted.",
            age(Some(counts.counted_at)),
        ),
    ] {
        head(&mut text, metric, "gauge", help);
        line(&mut text, metric, &[], value);
    }
    if let Some(reconciliation) = counts.reconciliation {
        let gap = "gwop_reconciliation_gap";
        head(
            &mut text,
            gap,
            "gauge",
            "Final states that no webhook had brought, found by this or the last run.",
        );
        line(&mut text, gap, &[], reconciliation.gap as f64);
        if let Some(at) = reconciliation.complete_at {
            let metric = "gwop_reconciliation_age_seconds";
            head(
                &mut text,
                metric,
                "gauge",
                "Time since the last complete run began.",
            );
            line(&mut text, metric, &[], age(Some(at)));
        }
    }
    text
}

fn of<'n>(name: &'n str, stored: &str) -> Option<&'n str> {
    name.strip_prefix(stored)?.strip_prefix(':')
}

fn seconds(milliseconds: i64) -> f64 {
    milliseconds as f64 / 1_000.0
}

fn head(text: &mut String, metric: &str, kind: &str, help: &str) {
    // Writing to a `String` never fails.
    let _ = writeln!(text, "# HELP {metric} {help}\n# TYPE {metric} {kind}");
}

fn line(text: &mut String, metric: &str, labels: &[(&str, &str)], value: f64) {
    text.push_str(metric);
    for (at, (name, label)) in labels.iter().enumerate() {
        text.push(if at == 0 { '{' } else { ',' });
        text.push_str(name);
        text.push_str("=\"");
        for character in label.chars() {
            match character {
                '\\' => text.push_str("\\\\"),
                '"' => text.push_str("\\\""),
                '\n' => text.push_str("\\n"),
                other => text.push(other),
            }
        }
        text.push('"');
    }
    if !labels.is_empty() {
        text.push('}');
    }
    let _ = writeln!(text, " {value}");
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)]
mod tests {
    use super::*;
    use crate::worker::ledger::operator_messages::ReconciliationGauges;

    fn text_of(tally: Tally, counts: Counts) -> String {
        let counters: Vec<_> = tally.counters.into_iter().collect();
        text(&counters, counts, 10_000)
    }

    #[test]
    fn buckets_count_up_and_end_in_the_number_of_observations() {
        let mut tally = Tally::default();
        for milliseconds in [-5, 0, 100, 101, 21_600_000, 21_600_001] {
            tally.applied_after(milliseconds);
        }
        let text = text_of(tally, Counts::default());
        for line in [
            "# TYPE gwop_event_applied_seconds histogram",
            "gwop_event_applied_seconds_bucket{le=\"0.1\"} 3",
            "gwop_event_applied_seconds_bucket{le=\"0.25\"} 4",
            "gwop_event_applied_seconds_bucket{le=\"1800\"} 4",
            "gwop_event_applied_seconds_bucket{le=\"21600\"} 5",
            "gwop_event_applied_seconds_bucket{le=\"+Inf\"} 6",
            "gwop_event_applied_seconds_sum 43200.202",
            "gwop_event_applied_seconds_count 6",
            "gwop_event_confirmed_seconds_count 0",
        ] {
            assert!(text.contains(&format!("{line}\n")), "{line} in {text}");
        }
    }

    #[test]
    fn counters_and_gauges_have_their_labels_and_help() {
        let mut tally = Tally::default();
        tally.delivered(Outcome::Applied);
        tally.refused("WEBHOOK_\"\\\n");
        let mut other = Tally::default();
        other.delivered(Outcome::Applied);
        other.refused("X");
        other.attempted("failed");
        tally.merge(other);
        assert_eq!(tally.refused, 2);
        let counts = Counts {
            pending: 2,
            oldest_pending_at: Some(4_000),
            dead: 1,
            oldest_dead_at: Some(2_500),
            conflicts: 7,
            counted_at: 9_000,
            reconciliation: Some(ReconciliationGauges {
                gap: 3,
                complete_at: Some(1_000),
            }),
        };
        let text = text_of(tally, counts);
        for line in [
            "# TYPE gwop_webhook_deliveries_total counter",
            "gwop_webhook_deliveries_total{outcome=\"applied\"} 2",
            "gwop_webhook_refused_total{code=\"WEBHOOK_\\\"\\\\\\n\"} 1",
            "gwop_fulfillment_attempts_total{result=\"failed\"} 1",
            "gwop_outbox_events 2",
            "gwop_outbox_oldest_seconds 6",
            "gwop_dead_events 1",
            "gwop_dead_oldest_seconds 7.5",
            "gwop_conflict_events 7",
            "gwop_counted_seconds 1",
            "gwop_reconciliation_gap 3",
            "gwop_reconciliation_age_seconds 9",
        ] {
            assert!(text.contains(&format!("{line}\n")), "{line} in {text}");
        }
        // Every series has a type, and no metric occurs twice.
        let types = text.lines().filter(|line| line.starts_with("# TYPE"));
        let mut types: Vec<_> = types.collect();
        let all = types.len();
        types.dedup();
        assert_eq!(types.len(), all);
        assert!(text.ends_with('\n'));
    }

    #[test]
    fn gauges_of_shards_add_up_and_the_oldest_counts() {
        let shard = |pending, at| Counts {
            pending,
            oldest_pending_at: at,
            counted_at: pending,
            ..Counts::default()
        };
        let both = shard(2, Some(5))
            .with(shard(3, Some(4)))
            .with(shard(4, None));
        assert_eq!(
            (both.pending, both.oldest_pending_at, both.counted_at),
            (9, Some(4), 2)
        );
    }
}
