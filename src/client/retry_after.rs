//! Parses `Retry-After` (RFC 9110 section 10.2.3): seconds, or an HTTP date (section 5.6.7).

use std::time::UNIX_EPOCH;

/// How far a two-digit year may be ahead. A later one is in the past (RFC 9110 section 5.6.7).
const FIFTY_YEARS_MS: i64 = 50 * 365 * 24 * 60 * 60 * 1000;

/// 2000-01-01T00:00:00Z.
const YEAR_2000_MS: i64 = 946_684_800_000;

/// The average length of a year of the Gregorian calendar.
const MEAN_YEAR_MS: i64 = 31_556_952_000;

/// The names of the days in RFC 850.
const WEEKDAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];

/// Returns how many milliseconds `value` asks to wait, counted from `now_ms` (milliseconds since
/// the epoch).
///
/// A date in the past is 0. Returns `None` if the value is neither digits nor one of the three
/// forms of an HTTP date.
///
/// # Examples
/// ```
/// use gwop::client::parse_retry_after;
///
/// assert_eq!(parse_retry_after("120", 0), Some(120_000));
/// assert_eq!(parse_retry_after("Thu, 01 Jan 1970 00:00:05 GMT", 2_000), Some(3_000));
/// assert_eq!(parse_retry_after("soon", 0), None);
/// ```
#[must_use]
pub fn parse_retry_after(value: &str, now_ms: i64) -> Option<i64> {
    let value = value.trim_ascii();
    let mut wait_ms = 0_i64;
    for byte in value.bytes() {
        if !byte.is_ascii_digit() {
            let date = parse_http_date(value, now_ms)?;
            return Some(date.saturating_sub(now_ms).max(0));
        }
        // More digits than fit mean a very long wait, not an invalid value.
        wait_ms = if wait_ms > i64::MAX / 100 {
            i64::MAX
        } else {
            let digit = i64::from(byte.wrapping_sub(b'0'));
            wait_ms
                .wrapping_mul(10)
                .wrapping_add(digit.wrapping_mul(1000))
        };
    }
    (!value.is_empty()).then_some(wait_ms)
}

/// Returns the milliseconds since the epoch of an HTTP date: IMF-fixdate, RFC 850 or asctime.
///
/// `now_ms` determines the century of two-digit years.
fn parse_http_date(value: &str, now_ms: i64) -> Option<i64> {
    let Some((day, rest)) = value.split_once('-') else {
        return milliseconds(value);
    };
    // RFC 850. The crate reads 70 to 99 as 19xx, whatever the current year is. The RFC counts from
    // now.
    let (weekday, day) = day.split_once(',')?;
    let day = day.strip_prefix(' ')?;
    let (month, rest) = rest.split_once('-')?;
    let (year, time) = rest.split_once(' ')?;
    if year.len() != 2 || !WEEKDAYS.contains(&weekday) {
        return None;
    }
    let short = weekday.get(..3)?;
    let in_century = |century| {
        milliseconds(&[short, ", ", day, " ", month, " ", century, year, " ", time].concat())
    };
    let seems_ahead = match in_century("20") {
        Some(date) if date.saturating_sub(now_ms) <= FIFTY_YEARS_MS => return Some(date),
        Some(_) => true,
        // The day of the week belongs to another century, or is wrong.
        None => {
            let years_since_2000 = now_ms.saturating_sub(YEAR_2000_MS) / MEAN_YEAR_MS;
            year.parse::<i64>().ok()? > years_since_2000.saturating_add(50)
        }
    };
    if seems_ahead { in_century("19") } else { None }
}

/// Parses a date with the crate. Returns `None` if the day of the week is wrong or the date is
/// before 1970.
fn milliseconds(date: &str) -> Option<i64> {
    let time = httpdate::parse_http_date(date).ok()?;
    let since = time.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_millis()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sun, 06 Nov 1994 08:49:37 GMT, the date in the examples of RFC 9110.
    const EXAMPLE: i64 = 784_111_777_000;

    #[test]
    fn reads_seconds() {
        for (value, expected) in [
            ("0", Some(0)),
            ("1", Some(1_000)),
            (" 120\t", Some(120_000)),
            ("007", Some(7_000)),
            ("99999999999999999999999", Some(i64::MAX)),
            ("", None),
            ("-1", None),
            ("+1", None),
            ("1.5", None),
            ("1e3", None),
            ("1 2", None),
            ("١", None),
            ("soon", None),
        ] {
            assert_eq!(parse_retry_after(value, EXAMPLE), expected, "{value}");
        }
    }

    #[test]
    fn reads_the_three_forms_of_a_date() {
        for value in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(
                parse_retry_after(value, EXAMPLE - 5_000),
                Some(5_000),
                "{value}"
            );
            assert_eq!(
                parse_retry_after(value, EXAMPLE + 5_000),
                Some(0),
                "{value}"
            );
        }
    }

    #[test]
    fn a_two_digit_year_is_near() {
        let now_2026 = 1_774_404_403_000;
        let in_2027 = parse_retry_after("Friday, 01-Jan-27 00:00:00 GMT", now_2026);
        assert_eq!(in_2027, Some(1_798_761_600_000 - now_2026));
        // 2094 is more than 50 years ahead, so this is 1994.
        assert_eq!(
            parse_retry_after("Sunday, 06-Nov-94 08:49:37 GMT", now_2026),
            Some(0)
        );
    }

    #[test]
    fn a_wrong_day_of_the_week_says_nothing() {
        let now_2026 = 1_774_404_403_000;
        for value in [
            "Mon, 06 Nov 1994 08:49:37 GMT",
            "Monday, 06-Nov-94 08:49:37 GMT",
            // A Wednesday in 2070, but a Thursday in 1970.
            "Thursday, 01-Jan-70 00:00:00 GMT",
        ] {
            assert_eq!(parse_retry_after(value, now_2026), None, "{value}");
        }
    }

    #[test]
    fn refuses_what_is_no_date() {
        for value in [
            "Sun, 06 Nov 1994 08:49:37 UTC",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 nov 1994 08:49:37 GMT",
            "Sun, 31 Feb 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37.5 GMT",
            "Sun, 06 Nov 1994 08:49:37 GMT x",
            "Sun, 06 Nov 199 08:49:37 GMT",
            "1994-11-06T08:49:37Z",
            "Sun, -- --",
            ",",
        ] {
            assert_eq!(parse_retry_after(value, EXAMPLE), None, "{value}");
        }
    }
}
