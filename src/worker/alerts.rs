//! When an alert is due, and its contents. [`crate::worker::ledger::watch`] stores the times. Shard
//! 0 decides.

use serde_json::{Value, json};

use super::ledger::operator_messages::AlertKind;

/// How long the first alert waits for others of its kind, in milliseconds. One alert reports all of
/// them.
pub const GATHER_MS: i64 = 5_000;
/// The minimum time between two alerts of one kind, in milliseconds.
pub const PAUSE_MS: i64 = 10 * 60 * 1_000;
/// How many refused signatures within [`BURST_MS`] are a burst.
pub const BURST: i64 = 20;
/// The time within which a burst is counted, in milliseconds.
pub const BURST_MS: i64 = 60_000;
/// How long `ALERT_URL` may take to respond, in milliseconds.
pub const TIMEOUT_MS: u64 = 10_000;

/// An alert to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alert {
    /// The kind.
    pub kind: AlertKind,
    /// How often it happened since the last alert that was delivered.
    pub count: i64,
    /// When it first happened since then, in milliseconds since the epoch.
    pub first_at: i64,
    /// When it last happened, in milliseconds since the epoch.
    pub last_at: i64,
}

/// Returns when an alert is due. Its kind first happened at `first_at`, and the last alert was
/// tried at `sent_at`. `pause` is the minimum time between two alerts of one kind. All times are in
/// milliseconds.
#[must_use]
pub fn due_at(first_at: i64, sent_at: Option<i64>, pause: i64) -> i64 {
    let gathered = first_at.saturating_add(GATHER_MS);
    sent_at.map_or(gathered, |at| gathered.max(at.saturating_add(pause)))
}

/// The refused signatures of the current minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// When the minute began, in milliseconds since the epoch.
    pub since: i64,
    /// How many of them no alert reports.
    pub rest: i64,
    /// How many of them an alert has to report. 0 if they are not a burst.
    pub burst: i64,
}

/// Adds `more` refused signatures to a minute that began at `since` and has `before` of them.
#[must_use]
pub fn refused_within(since: i64, before: i64, more: i64, now: i64) -> Refused {
    let same_minute = (0..BURST_MS).contains(&now.saturating_sub(since));
    let (since, before) = if same_minute {
        (since, before)
    } else {
        (now, 0)
    };
    let rest = before.saturating_add(more);
    if rest < BURST {
        return Refused {
            since,
            rest,
            burst: 0,
        };
    }
    Refused {
        since,
        rest: 0,
        burst: rest,
    }
}

/// Creates the body of an alert. `id` is new for each call. Times are ISO 8601. `merchant` is the
/// key of the alert's merchant, empty if there is only one.
#[must_use]
pub fn body(alert: &Alert, id: &str, merchant: &str, iso_8601: impl Fn(i64) -> String) -> Value {
    let count = alert.count;
    let place = match merchant {
        "" => String::new(),
        key => ["/", key].concat(),
    };
    let text = match alert.kind {
        AlertKind::DeadLetter => format!(
            "{count} event(s) could not be delivered to fulfillment. GET {place}/events?state=dead lists them."
        ),
        AlertKind::Conflict => format!(
            "{count} event(s) contradict their invoice: money may have come too late or twice. \
             GET {place}/events?state=conflict lists them."
        ),
        AlertKind::RefusedSignatures => format!(
            "{count} deliveries were refused. GWOP_WEBHOOK_SECRET may be another than Gwop's; of \
             several merchants GWOP_MERCHANT_ID may be. gwop_webhook_refused_total says why."
        ),
        AlertKind::ReconciliationFailed => {
            format!("The reconciliation with Gwop failed {count} time(s). The log says why.")
        }
    };
    json!({
        "alert_id": id,
        "kind": alert.kind.as_str(),
        "count": count,
        "first_at": iso_8601(alert.first_at),
        "last_at": iso_8601(alert.last_at),
        "text": text,
    })
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_waits_for_others_and_comes_once_in_ten_minutes() {
        let due_at = |first_at, sent_at| due_at(first_at, sent_at, PAUSE_MS);
        assert_eq!(due_at(1_000, None), 1_000 + GATHER_MS);
        assert_eq!(due_at(1_000, Some(500)), 500 + PAUSE_MS);
        assert_eq!(due_at(900_000, Some(1_000)), 900_000 + GATHER_MS);
        const { assert!(GATHER_MS < 60_000) };
    }

    #[test]
    fn twenty_refused_signatures_within_a_minute_are_a_burst() {
        let refused = |since, rest, burst| Refused { since, rest, burst };
        assert_eq!(refused_within(0, 0, 5, 100_000), refused(100_000, 5, 0));
        assert_eq!(
            refused_within(100_000, 5, 14, 159_999),
            refused(100_000, 19, 0)
        );
        assert_eq!(
            refused_within(100_000, 19, 1, 159_999),
            refused(100_000, 0, 20)
        );
        // In another minute, earlier ones do not count.
        assert_eq!(
            refused_within(100_000, 19, 1, 160_000),
            refused(160_000, 1, 0)
        );
        // If the clock was set back, a new minute begins.
        assert_eq!(
            refused_within(100_000, 19, 1, 99_999),
            refused(99_999, 1, 0)
        );
        assert_eq!(refused_within(0, 0, i64::MAX, 1).burst, i64::MAX);
    }

    #[test]
    fn the_body_has_the_kind_the_count_and_a_sentence() {
        for kind in AlertKind::ALL {
            let alert = Alert {
                kind,
                count: 3,
                first_at: 1,
                last_at: 2,
            };
            let of = |merchant| body(&alert, "id", merchant, |at| at.to_string());
            let body = of("");
            assert_eq!(body.get("kind"), Some(&kind.as_str().into()));
            assert_eq!(body.get("count"), Some(&3.into()));
            let text = body.get("text").and_then(Value::as_str).unwrap_or_default();
            assert!(text.contains('3'), "{text}");
            // If there are several merchants, each has its own path.
            let own = of("b").get("text").map(Value::to_string);
            let own = own.unwrap_or_default().replace("/b/events", "/events");
            assert_eq!(own, Value::from(text).to_string());
            assert_eq!(
                text.contains("/events"),
                of("b").to_string().contains("/b/events")
            );
            assert_eq!(AlertKind::parse(kind.as_str()), Some(kind));
        }
    }
}
