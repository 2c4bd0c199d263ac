//! When an attempt is repeated, and after which delay.

use super::retry_after::parse_retry_after;

/// The longest `Retry-After` that the default policy waits for, in milliseconds.
///
/// If it is longer, the call fails with the error of the response (a `RateLimitError` for 429), and
/// the caller decides.
pub const RETRY_AFTER_BOUND_MS: i64 = 60_000;

/// The longest delay that JavaScript's timers support, in milliseconds.
const TIMER_BOUND_MS: i64 = i32::MAX as i64;

/// Statuses that lead to another attempt, such as `429` or `5XX`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryCodes(
    /// Three characters for each code, without separators.
    String,
);

impl RetryCodes {
    /// Reads codes such as `429` or `5XX`: three characters, the first 1 to 5, the others digits or
    /// `X`.
    ///
    /// # Errors
    /// The first code that is not valid.
    ///
    /// # Examples
    /// ```
    /// use gwop::client::RetryCodes;
    ///
    /// let codes = RetryCodes::parse(["429", "5XX"].into_iter()).unwrap();
    /// assert!(codes.contain(503) && !codes.contain(404));
    /// assert_eq!(RetryCodes::parse(["503", "9XX"].into_iter()), Err("9XX"));
    /// ```
    pub fn parse<'a>(codes: impl Iterator<Item = &'a str>) -> Result<Self, &'a str> {
        let mut parsed = String::new();
        for code in codes {
            let [
                b'1'..=b'5',
                b'0'..=b'9' | b'X' | b'x',
                b'0'..=b'9' | b'X' | b'x',
            ] = code.as_bytes()
            else {
                return Err(code);
            };
            parsed.push_str(code);
        }
        Ok(Self(parsed))
    }

    /// Returns whether the codes contain `status`.
    #[must_use]
    pub fn contain(&self, status: u16) -> bool {
        self.0.as_bytes().chunks_exact(3).any(|code| {
            let mut rest = status;
            let fits = code.iter().rev().all(|byte| {
                let digit = b"0123456789".get(usize::from(rest % 10));
                rest /= 10;
                matches!(*byte, b'X' | b'x') || Some(byte) == digit
            });
            fits && rest == 0
        })
    }
}

impl Default for RetryCodes {
    /// Returns 429, 500, 502, 503 and 504.
    fn default() -> Self {
        Self(String::from("429500502503504"))
    }
}

/// The limit on the attempts of one call.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bound {
    /// The number of retries after the first attempt. No `Retry-After` beyond
    /// [`RETRY_AFTER_BOUND_MS`] is accepted.
    Retries(u32),
    /// No retry starts later than this many milliseconds after the first attempt.
    Elapsed(i64),
}

/// Exponential back-off with full jitter. The n-th retry waits a random part of
/// `min(max_interval, initial_interval × exponentⁿ)` milliseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Backoff {
    /// The longest delay before the first retry, in milliseconds.
    pub initial_interval: f64,
    /// The longest delay before any retry, in milliseconds.
    pub max_interval: f64,
    /// The factor from one retry to the next.
    pub exponent: f64,
}

impl Backoff {
    /// Returns the delay in milliseconds before retry number `retry` (0 is the first).
    ///
    /// `jitter` is a random number from 0 to 1.
    ///
    /// # Examples
    /// ```
    /// use gwop::client::Backoff;
    ///
    /// let backoff = Backoff { initial_interval: 500.0, max_interval: 8_000.0, exponent: 2.0 };
    /// assert_eq!([0, 1, 2, 9].map(|retry| backoff.delay_ms(retry, 1.0)), [500, 1_000, 2_000, 8_000]);
    /// assert_eq!(backoff.delay_ms(1, 0.25), 250);
    /// ```
    #[must_use]
    pub fn delay_ms(&self, retry: u32, jitter: f64) -> i64 {
        let mut interval = self.initial_interval;
        // A factor of 1 or less never reaches the maximum, so the number of rounds is limited too.
        for _ in 0..retry.min(1_000) {
            if interval >= self.max_interval {
                break;
            }
            interval *= self.exponent;
        }
        // The cast saturates. Not-a-number becomes 0.
        let delay = (interval.min(self.max_interval) * jitter.clamp(0.0, 1.0)) as i64;
        delay.clamp(0, TIMER_BOUND_MS)
    }
}

/// The outcome of an attempt that may be repeated.
#[derive(Debug, Clone, Copy)]
pub enum Outcome<'a> {
    /// The server responded.
    Status {
        /// The HTTP status.
        status: u16,
        /// The value of `Retry-After`.
        retry_after: Option<&'a str>,
    },
    /// There was no connection, or it broke.
    Connection,
    /// The response was not complete in time.
    Timeout,
}

/// The policy's decision about an [`Outcome`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Retry after this many milliseconds.
    Retry(i64),
    /// Do not retry: the outcome does not allow it, or the server asks for too long a wait.
    Stop,
    /// The outcome allows a retry, but no retries are left.
    Exhausted,
}

/// When an attempt is repeated.
///
/// # Examples
/// ```
/// use gwop::client::{Outcome, RetryPolicy, Verdict};
///
/// let policy = RetryPolicy::default();
/// assert_eq!(policy.evaluate(Outcome::Timeout, 0, 0, 0, 1.0), Verdict::Retry(500));
/// assert_eq!(policy.evaluate(Outcome::Timeout, 2, 0, 0, 1.0), Verdict::Exhausted);
/// // A wait that long is for the caller to decide.
/// let busy = Outcome::Status { status: 429, retry_after: Some("3600") };
/// assert_eq!(policy.evaluate(busy, 0, 0, 0, 1.0), Verdict::Stop);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct RetryPolicy {
    /// The limit on the attempts.
    pub bound: Bound,
    /// The delay between attempts.
    pub backoff: Backoff,
    /// The statuses that lead to another attempt.
    pub codes: RetryCodes,
    /// Whether connection errors lead to another attempt.
    pub connection_errors: bool,
    /// Whether timeouts lead to another attempt.
    pub timeouts: bool,
}

impl Default for RetryPolicy {
    /// Returns the default: at most 2 retries, on 429, 500, 502, 503, 504, connection errors and
    /// timeouts.
    ///
    /// The first retry comes after at most 0.5 s. The delay doubles up to 8 s.
    fn default() -> Self {
        Self {
            bound: Bound::Retries(2),
            backoff: Backoff {
                initial_interval: 500.0,
                max_interval: 8_000.0,
                exponent: 2.0,
            },
            codes: RetryCodes::default(),
            connection_errors: true,
            timeouts: true,
        }
    }
}

impl RetryPolicy {
    /// Returns the default policy with a limit on time instead of a number of retries.
    ///
    /// All values are in milliseconds, except `exponent`.
    ///
    /// # Errors
    /// A description of the problem when a number is negative or not finite.
    pub fn within(backoff: Backoff, max_elapsed_time: f64) -> Result<Self, &'static str> {
        let numbers = [
            backoff.initial_interval,
            backoff.max_interval,
            backoff.exponent,
            max_elapsed_time,
        ];
        // Not-a-number is in no range.
        if numbers
            .iter()
            .any(|number| !(0.0..=f64::MAX).contains(number))
        {
            return Err(
                "`backoff` must hold finite numbers, 0 or more: initialInterval, maxInterval, maxElapsedTime (milliseconds) and exponent",
            );
        }
        Ok(Self {
            // The cast saturates.
            bound: Bound::Elapsed(max_elapsed_time as i64),
            backoff,
            ..Self::default()
        })
    }

    /// Evaluates an attempt.
    ///
    /// `retries` is the number of retries before it. `elapsed_ms` is the time since the start of
    /// the first attempt. `now_ms` is in milliseconds since the epoch. `jitter` is a random number
    /// from 0 to 1.
    #[must_use]
    pub fn evaluate(
        &self,
        outcome: Outcome<'_>,
        retries: u32,
        elapsed_ms: i64,
        now_ms: i64,
        jitter: f64,
    ) -> Verdict {
        let retry_after = match outcome {
            Outcome::Status {
                status,
                retry_after,
            } if self.codes.contain(status) => {
                retry_after.and_then(|value| parse_retry_after(value, now_ms))
            }
            Outcome::Connection if self.connection_errors => None,
            Outcome::Timeout if self.timeouts => None,
            _ => return Verdict::Stop,
        };
        let asked = retry_after.unwrap_or(0);
        let delay = self.backoff.delay_ms(retries, jitter).max(asked);
        match self.bound {
            Bound::Retries(most) if retries >= most => Verdict::Exhausted,
            Bound::Retries(_) if asked > RETRY_AFTER_BOUND_MS => Verdict::Stop,
            Bound::Elapsed(most) if elapsed_ms.saturating_add(delay) > most => Verdict::Exhausted,
            _ => Verdict::Retry(delay.min(TIMER_BOUND_MS)),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn status(status: u16) -> Outcome<'static> {
        Outcome::Status {
            status,
            retry_after: None,
        }
    }

    #[test]
    fn by_default_two_retries_on_what_may_pass() {
        let policy = RetryPolicy::default();
        for outcome in [429, 500, 502, 503, 504]
            .map(status)
            .into_iter()
            .chain([Outcome::Connection, Outcome::Timeout])
        {
            assert_eq!(policy.evaluate(outcome, 0, 0, 0, 0.5), Verdict::Retry(250));
            assert_eq!(policy.evaluate(outcome, 1, 0, 0, 0.5), Verdict::Retry(500));
            assert_eq!(policy.evaluate(outcome, 2, 0, 0, 0.5), Verdict::Exhausted);
        }
        for other in [302, 400, 401, 402, 403, 404, 409, 422, 501, 505] {
            assert_eq!(policy.evaluate(status(other), 0, 0, 0, 0.5), Verdict::Stop);
        }
    }

    #[test]
    fn full_jitter_reaches_from_nothing_to_the_whole_interval() {
        let backoff = RetryPolicy::default().backoff;
        for (retry, most) in [(0, 500), (1, 1_000), (2, 2_000), (4, 8_000), (9, 8_000)] {
            assert_eq!(backoff.delay_ms(retry, 0.0), 0);
            assert_eq!(backoff.delay_ms(retry, 1.0), most);
        }
        assert_eq!(backoff.delay_ms(u32::MAX, 0.5), 4_000);
    }

    #[test]
    fn absurd_numbers_neither_hang_nor_overflow() {
        for initial_interval in [0.0, 1.0, f64::MAX, f64::INFINITY, f64::NAN] {
            for exponent in [0.0, 0.5, 1.0, 1e300, f64::NAN] {
                for max_interval in [0.0, 1e300, f64::NAN] {
                    let backoff = Backoff {
                        initial_interval,
                        max_interval,
                        exponent,
                    };
                    let delay = backoff.delay_ms(10_000, f64::NAN);
                    assert!((0..=TIMER_BOUND_MS).contains(&delay));
                }
            }
        }
    }

    #[test]
    fn retry_after_is_the_least_wait_up_to_the_bound() {
        let policy = RetryPolicy::default();
        let evaluate = |value, jitter| {
            let outcome = Outcome::Status {
                status: 429,
                retry_after: Some(value),
            };
            policy.evaluate(outcome, 0, 0, 784_111_777_000, jitter)
        };
        assert_eq!(evaluate("2", 1.0), Verdict::Retry(2_000));
        assert_eq!(evaluate("60", 1.0), Verdict::Retry(60_000));
        assert_eq!(evaluate("61", 1.0), Verdict::Stop);
        assert_eq!(evaluate("99999999999999999999", 1.0), Verdict::Stop);
        assert_eq!(
            evaluate("Sun, 06 Nov 1994 08:49:40 GMT", 1.0),
            Verdict::Retry(3_000)
        );
        // Zero, a past date and an invalid value do not change the back-off.
        for value in ["0", "Sun, 06 Nov 1994 08:49:30 GMT", "soon"] {
            assert_eq!(evaluate(value, 0.5), Verdict::Retry(250), "{value}");
        }
    }

    #[test]
    fn an_elapsed_bound_replaces_the_count() {
        let policy = RetryPolicy {
            bound: Bound::Elapsed(100_000),
            ..RetryPolicy::default()
        };
        let evaluate = |value, retries, elapsed| {
            let outcome = Outcome::Status {
                status: 503,
                retry_after: value,
            };
            policy.evaluate(outcome, retries, elapsed, 0, 1.0)
        };
        assert_eq!(evaluate(None, 50, 92_000), Verdict::Retry(8_000));
        assert_eq!(evaluate(None, 50, 92_001), Verdict::Exhausted);
        assert_eq!(evaluate(Some("90"), 0, 0), Verdict::Retry(90_000));
        assert_eq!(evaluate(Some("101"), 0, 0), Verdict::Exhausted);
        assert_eq!(
            evaluate(Some("99999999999999999999"), 0, 0),
            Verdict::Exhausted
        );
    }

    #[test]
    fn a_backoff_must_hold_finite_numbers() {
        let within = |initial_interval, max_interval, exponent, elapsed| {
            let backoff = Backoff {
                initial_interval,
                max_interval,
                exponent,
            };
            RetryPolicy::within(backoff, elapsed)
        };
        let good = within(500.0, 60_000.0, 1.5, 3_600_000.0).unwrap();
        assert_eq!(good.bound, Bound::Elapsed(3_600_000));
        assert!(good.connection_errors && good.timeouts && good.codes.contain(502));
        for bad in [-1.0, f64::NAN, f64::INFINITY] {
            assert!(within(bad, 1.0, 1.0, 1.0).is_err());
            assert!(within(1.0, bad, 1.0, 1.0).is_err());
            assert!(within(1.0, 1.0, bad, 1.0).is_err());
            assert!(within(1.0, 1.0, 1.0, bad).is_err());
        }
    }

    #[test]
    fn codes_are_statuses_or_classes() {
        let codes = RetryCodes::parse(["429", "5XX", "40x"].into_iter()).unwrap();
        for (status, expected) in [
            (429, true),
            (500, true),
            (599, true),
            (404, true),
            (410, false),
            (428, false),
            (1429, false),
            (29, false),
            (0, false),
        ] {
            assert_eq!(codes.contain(status), expected, "{status}");
        }
        for bad in ["", "42", "4299", "6XX", "X29", "4-9", "５XX"] {
            assert_eq!(RetryCodes::parse(["500", bad].into_iter()), Err(bad));
        }
        assert!(!RetryCodes::parse([].into_iter()).unwrap().contain(500));
    }
}
