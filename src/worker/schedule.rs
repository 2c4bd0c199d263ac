//! The schedule of the outbox and the retention. The tables have seconds, and the results
//! milliseconds.

use super::alerts;

/// Pauses before each new attempt at fulfillment, in seconds. The last one repeats. `max_retries`
/// of the queue sets the number of attempts.
const RETRY_SECONDS: [u32; 10] = [2, 8, 20, 60, 120, 300, 600, 1_200, 1_800, 3_600];

/// The maximum time for fulfillment's response, in milliseconds.
pub const FULFILMENT_TIMEOUT_MS: i64 = 15_000;

/// How long an event is kept to recognize duplicates, in milliseconds: at least 30 days.
pub const RETENTION_MS: i64 = 31 * 24 * 60 * 60 * 1_000;

/// How long a sent row waits for a report before it is sent again, in milliseconds, the first time.
pub const SILENCE_MS: i64 = 20_000;

/// How many days an invoice is kept after its last event without `RETENTION_DAYS`.
pub const RETENTION_DAYS: i64 = 400;

/// The minimum of `RETENTION_DAYS`: events must be deleted long before.
pub const LEAST_RETENTION_DAYS: i64 = 90;

/// How long rows wait for others before the alarm sends them together, in milliseconds.
pub const GATHER_MS: i64 = 100;

/// How long an isolate that has seen an event stored calls its copies duplicates without asking the
/// shard, in milliseconds. It is shorter than any retention. In the build that `tests/worker` runs
/// it is short, because the retention is short too.
pub const SEEN_STORED_MS: i64 = if cfg!(feature = "worker-test") {
    500
} else {
    60_000
};

/// How long an isolate caches the settings of a merchant from a KV namespace, in milliseconds.
pub const MERCHANTS_KEPT_MS: i64 = 60_000;

/// After how many milliseconds a shard checks again whether its merchant's alerts can be sent, if
/// invalid settings in `GWOP_MERCHANTS` turned them off.
pub const ALERTS_AGAIN_MS: i64 = 5 * 60 * 1_000;

/// Why an event waits whose merchant is not in `GWOP_MERCHANTS`.
pub const MERCHANT_GONE: &str =
    "its merchant is not in GWOP_MERCHANTS: put it back, and this is delivered";
/// Why an event waits while `GWOP_MERCHANTS` cannot be read.
pub const MERCHANT_UNREAD: &str =
    "GWOP_MERCHANTS could not be read: once it can be, this is delivered";
/// Why an event waits whose merchant has invalid settings.
pub const MERCHANT_UNUSABLE: &str = "its merchant in GWOP_MERCHANTS cannot be used: put it right as the log says, and this is \
     delivered";

/// After how many milliseconds the alarm runs again if storage failed during it.
pub const ALARM_AGAIN_MS: i64 = 5_000;

/// How many milliseconds an alarm may be late before it is set again.
pub const ALARM_LATE_MS: i64 = 60_000;

/// After how many milliseconds an object of 1.0.0 tries again to hand over.
pub const HAND_OVER_AGAIN_MS: i64 = 60_000;

/// The times of the ledger, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// How long events are kept.
    pub retention: i64,
    /// How long a sent row waits for a report.
    pub silence: i64,
    /// How long invoices are kept after their last event.
    pub invoices: i64,
    /// The minimum time between two alerts of one kind.
    pub alert_pause: i64,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            retention: RETENTION_MS,
            silence: SILENCE_MS,
            invoices: days(RETENTION_DAYS),
            alert_pause: alerts::PAUSE_MS,
        }
    }
}

/// Converts days to milliseconds.
#[must_use]
pub const fn days(days: i64) -> i64 {
    days.saturating_mul(24 * 60 * 60 * 1_000)
}

/// Returns the pause before the next attempt after `deliveries` failed ones, in seconds.
#[must_use]
pub fn retry_seconds(deliveries: i64) -> u32 {
    let at = usize::try_from(deliveries.saturating_sub(1)).unwrap_or(0);
    let last = RETRY_SECONDS.len().saturating_sub(1);
    RETRY_SECONDS.get(at.min(last)).copied().unwrap_or(3_600)
}

/// Returns how long to wait for a report of a row that was sent `sends` times, in milliseconds. The
/// time doubles from `silence_ms` up to 15 minutes.
#[must_use]
pub fn resend_ms(silence_ms: i64, sends: i64) -> i64 {
    doubling(silence_ms, sends.saturating_sub(1), 15 * 60 * 1_000)
}

/// Returns the pause after the queue refused a row `failures` times, in milliseconds. It doubles
/// from 2 s up to 10 minutes.
#[must_use]
pub fn enqueue_ms(failures: i64) -> i64 {
    doubling(2_000, failures, 10 * 60 * 1_000)
}

/// Returns the pause after fulfillment was found switched off `failures` times, in milliseconds. It
/// doubles from 15 s up to 6 hours.
#[must_use]
pub fn switched_off_ms(failures: i64) -> i64 {
    doubling(15_000, failures, 6 * 60 * 60 * 1_000)
}

/// Returns the pause after a step of reconciliation that had already failed `failures` times
/// before, in milliseconds. It doubles from 5 s up to 10 minutes.
#[must_use]
pub fn walk_ms(failures: i64) -> i64 {
    doubling(5_000, failures, 10 * 60 * 1_000)
}

/// Returns whether an event that was seen stored at `seen` is certainly still stored at `now`, both
/// in milliseconds since the epoch. Then the shard need not be asked. Returns false if the clock
/// was set back.
#[must_use]
pub fn is_still_stored(seen: i64, now: i64) -> bool {
    (0..SEEN_STORED_MS).contains(&now.saturating_sub(seen))
}

fn doubling(first: i64, times: i64, most: i64) -> i64 {
    let times = u32::try_from(times.clamp(0, 32)).unwrap_or(0);
    let factor = 2_i64.checked_pow(times).unwrap_or(i64::MAX);
    first.saturating_mul(factor).min(most)
}

/// Returns as many items of `all` as there are turns. Each quarter of an hour returns other items,
/// and after enough quarters every item has had a turn.
pub fn some_of<T>(all: &[T], turns: i64, now: i64) -> impl Iterator<Item = &T> {
    let turns = usize::try_from(turns)
        .unwrap_or_default()
        .clamp(1, all.len().max(1));
    let quarter = now.checked_div(15 * 60 * 1_000).unwrap_or_default();
    let quarter = usize::try_from(quarter).unwrap_or_default();
    let first = quarter.saturating_mul(turns).checked_rem(all.len());
    all.iter()
        .cycle()
        .skip(first.unwrap_or_default())
        .take(turns.min(all.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_two_retries_come_within_fifteen_seconds() {
        assert!(retry_seconds(1).saturating_add(retry_seconds(2)) <= 15);
        assert_eq!(retry_seconds(0), 2);
        assert_eq!(retry_seconds(10), 3_600);
        assert_eq!(retry_seconds(i64::MAX), 3_600);
    }

    #[test]
    fn what_was_seen_stored_is_believed_for_a_while_shorter_than_anything_is_kept() {
        assert!(is_still_stored(1_000, 1_000));
        assert!(is_still_stored(1_000, 999 + SEEN_STORED_MS));
        assert!(!is_still_stored(1_000, 1_000 + SEEN_STORED_MS));
        assert!(!is_still_stored(1_000, 999));
        assert!(!is_still_stored(i64::MIN, i64::MAX));
        assert!(SEEN_STORED_MS < days(LEAST_RETENTION_DAYS));
        assert!(SEEN_STORED_MS < Times::default().retention);
    }

    #[test]
    fn pauses_double_and_end() {
        assert_eq!(
            [1, 2, 3].map(|sends| resend_ms(20_000, sends)),
            [20_000, 40_000, 80_000]
        );
        assert_eq!(resend_ms(20_000, i64::MAX), 900_000);
        assert_eq!(enqueue_ms(0), 2_000);
        assert_eq!(enqueue_ms(-1), 2_000);
        assert_eq!(switched_off_ms(90), 21_600_000);
        assert_eq!([0, 1, 90].map(walk_ms), [5_000, 10_000, 600_000]);
    }

    #[test]
    fn everybody_has_a_turn() {
        let all = ["a", "b", "c", "d", "e"];
        let at = |quarter: i64, turns| {
            some_of(&all, turns, quarter * 15 * 60 * 1_000)
                .copied()
                .collect::<String>()
        };
        assert_eq!([at(0, 2), at(1, 2), at(2, 2)], ["ab", "cd", "ea"]);
        assert_eq!(at(0, 9), "abcde");
        assert_eq!(at(3, 0).len(), 1);
        assert_eq!(some_of::<u8>(&[], 4, 0).count(), 0);
    }
}
