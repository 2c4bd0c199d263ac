//! `Retry-After` (RFC 9110 section 10.2.3): seconds, or an HTTP date (section 5.6.7).

use crate::time::parse_rfc3339;

/// Two-digit years that seem further ahead than this lie in the past (RFC 9110 section 5.6.7).
const FIFTY_YEARS_MS: i64 = 50 * 365 * 24 * 60 * 60 * 1000;

/// From a day of 1901 to 1999 to the same of 2001 to 2099.
const CENTURY_MS: i64 = 36_525 * 24 * 60 * 60 * 1000;

/// How many milliseconds `value` asks to wait, counted from `now_ms` (milliseconds since the epoch); a date that has
/// passed is 0.
///
/// `None` when it is neither digits only nor one of the three forms of an HTTP date: then it says nothing.
#[must_use]
pub fn parse_retry_after(value: &str, now_ms: i64) -> Option<i64> {
    let value = value.trim_ascii();
    let mut wait_ms = 0_i64;
    for byte in value.bytes() {
        if !byte.is_ascii_digit() {
            let date = parse_http_date(value, now_ms)?;
            return Some(date.saturating_sub(now_ms).max(0));
        }
        // More digits than fit mean "very long", not "nothing".
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

/// Milliseconds since the epoch of an HTTP date: IMF-fixdate, RFC 850 or asctime. `now_ms` places two-digit years.
fn parse_http_date(value: &str, now_ms: i64) -> Option<i64> {
    let mut rest = value;
    let weekday = word(&mut rest);
    let (a, b, c, d) = (
        word(&mut rest),
        word(&mut rest),
        word(&mut rest),
        word(&mut rest),
    );
    let (day, month, year, time, zone) = if weekday.ends_with(",") {
        (a, b, c, d, word(&mut rest))
    } else {
        (b, a, d, c, "GMT")
    };
    // RFC 3339 allows a fraction where an HTTP date has none.
    if zone != "GMT" || !word(&mut rest).is_empty() || time.len() != 8 {
        return None;
    }
    let mut months = "Jan01Feb02Mar03Apr04May05Jun06Jul07Aug08Sep09Oct10Nov11Dec12";
    let month = loop {
        let (name, tail) = months.split_at_checked(3)?;
        let (number, tail) = tail.split_at_checked(2)?;
        if name == month {
            break number;
        }
        months = tail;
    };
    let century = if year.len() == 2 { "20" } else { "" };
    let pad = if day.len() == 1 { "0" } else { "" };
    let date = parse_rfc3339(&[century, year, "-", month, "-", pad, day, "T", time, "Z"].concat())?;
    if century.is_empty() || date.saturating_sub(now_ms) <= FIFTY_YEARS_MS {
        return Some(date);
    }
    Some(date.wrapping_sub(CENTURY_MS))
}

/// Takes the next word; empty where there is none. RFC 850 has dashes between day, month and year; no form has them elsewhere.
#[inline(never)]
fn word<'a>(rest: &mut &'a str) -> &'a str {
    loop {
        let end = rest.bytes().position(|byte| matches!(byte, b' ' | b'-'));
        let (word, tail) = rest.split_at(end.unwrap_or(rest.len()));
        *rest = tail.get(1..).unwrap_or_default();
        if !word.is_empty() || rest.is_empty() {
            return word;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sun, 06 Nov 1994 08:49:37 GMT, the date of RFC 9110's examples.
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
