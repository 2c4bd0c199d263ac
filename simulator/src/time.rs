//! The simulator's clocks, and time stamps.

use serde::{Deserialize, Serialize};

/// The two clocks of a request, both in milliseconds since the Unix epoch.
///
/// They differ once a test has moved the simulator's clock. Values that a receiver compares with
/// its own clock follow `wall`: the `t` of a webhook signature, `iat` and `exp` of a token, and
/// `validBefore` of a payment. Everything else follows `clock`: lifetimes, expiry, retries, and
/// time stamps in bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Now {
    /// The simulator's clock, which tests move.
    pub clock: u64,
    /// The real time.
    pub wall: u64,
}

impl Now {
    /// Sets both clocks to the same time.
    #[must_use]
    pub const fn at(ms: u64) -> Self {
        Self {
            clock: ms,
            wall: ms,
        }
    }
}

/// The last millisecond of the year 9999.
const MAX: u64 = 253_402_300_799_999;

/// Formats a time as ISO 8601 in UTC with milliseconds, as Gwop does: `2026-03-25T01:51:43.402Z`.
#[must_use]
// Every operand is bounded by `MAX`.
#[allow(clippy::arithmetic_side_effects)]
pub fn iso(ms: u64) -> String {
    let ms = ms.min(MAX);
    let (days, in_day) = (ms / 86_400_000, ms % 86_400_000);
    // Days since 0000-03-01, in eras of 400 years (Howard Hinnant's `civil_from_days`).
    let z = days + 719_468;
    let (era, doe) = (z / 146_097, z % 146_097);
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (
        in_day / 3_600_000,
        in_day / 60_000 % 60,
        in_day / 1_000 % 60,
    );
    format!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z",
        in_day % 1_000
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_time_stamps_as_gwop_does() {
        assert_eq!(iso(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(iso(1_774_403_503_402), "2026-03-25T01:51:43.402Z");
        assert_eq!(iso(951_782_400_000), "2000-02-29T00:00:00.000Z");
        assert_eq!(iso(u64::MAX), "9999-12-31T23:59:59.999Z");
    }
}
