//! Time stamps (RFC 3339) as integers.

/// Milliseconds since 1970-01-01T00:00:00Z of an RFC 3339 time stamp with `Z` or an offset, or `None`.
///
/// Digits beyond milliseconds are dropped. Leap seconds are not accepted, as in ECMAScript.
#[must_use]
pub fn parse_rfc3339(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let number = |from: usize, to: usize| -> Option<i64> {
        let digits = bytes.get(from..to)?;
        digits.iter().try_fold(0_i64, |sum, byte| {
            let digit = byte.is_ascii_digit().then(|| byte.wrapping_sub(b'0'))?;
            sum.checked_mul(10)?.checked_add(i64::from(digit))
        })
    };
    let literal =
        |at: usize, expected: &[u8]| bytes.get(at).is_some_and(|byte| expected.contains(byte));

    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let shaped = literal(4, b"-")
        && literal(7, b"-")
        && literal(10, b"Tt")
        && literal(13, b":")
        && literal(16, b":");
    let in_range = (1..=12).contains(&month)
        && (1..=days_in_month(year, month)).contains(&day)
        && hour <= 23
        && minute <= 59
        && second <= 59;
    if !shaped || !in_range {
        return None;
    }

    let mut at = 19_usize;
    let mut millisecond = 0_i64;
    if literal(at, b".") {
        let digits = bytes
            .get(20..)?
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        if digits == 0 {
            return None;
        }
        for place in 0..3_usize {
            let from = 20_usize.checked_add(place)?;
            let digit = if place < digits {
                number(from, from.checked_add(1)?)?
            } else {
                0
            };
            millisecond = millisecond.checked_mul(10)?.checked_add(digit)?;
        }
        at = 20_usize.checked_add(digits)?;
    }

    let zone = bytes.get(at..)?;
    let offset_minutes = match zone {
        [b'Z' | b'z'] => 0,
        [sign @ (b'+' | b'-'), _, _, b':', _, _] => {
            let from = at.checked_add(1)?;
            let hours = number(from, from.checked_add(2)?)?;
            let minutes = number(from.checked_add(3)?, from.checked_add(5)?)?;
            if hours > 23 || minutes > 59 {
                return None;
            }
            let offset = hours.checked_mul(60)?.checked_add(minutes)?;
            if *sign == b'-' {
                offset.checked_neg()?
            } else {
                offset
            }
        }
        _ => return None,
    };

    let minutes = days_from_civil(year, month, day)?
        .checked_mul(24)?
        .checked_add(hour)?
        .checked_mul(60)?
        .checked_add(minute)?
        .checked_sub(offset_minutes)?;
    minutes
        .checked_mul(60)?
        .checked_add(second)?
        .checked_mul(1000)?
        .checked_add(millisecond)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.checked_rem(4) == Some(0)
            && (year.checked_rem(100) != Some(0) || year.checked_rem(400) == Some(0)) =>
        {
            29
        }
        2 => 28,
        _ => 31,
    }
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar (Howard Hinnant's `days_from_civil`).
fn days_from_civil(year: i64, month: i64, day: i64) -> Option<i64> {
    let year = if month <= 2 {
        year.checked_sub(1)?
    } else {
        year
    };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let shifted = month.checked_add(9)?.checked_rem(12)?;
    let day_of_year = shifted
        .checked_mul(153)?
        .checked_add(2)?
        .checked_div(5)?
        .checked_add(day)?
        .checked_sub(1)?;
    let day_of_era = year_of_era
        .checked_mul(365)?
        .checked_add(year_of_era.checked_div(4)?)?
        .checked_sub(year_of_era.checked_div(100)?)?
        .checked_add(day_of_year)?;
    era.checked_mul(146_097)?
        .checked_add(day_of_era)?
        .checked_sub(719_468)
}

#[cfg(test)]
mod tests {
    use super::parse_rfc3339;

    #[test]
    fn reads_time_stamps() {
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2026-03-25T02:06:43.328Z", 1_774_404_403_328),
            ("2026-03-25T02:06:43.3Z", 1_774_404_403_300),
            ("2026-03-25T02:06:43.328999Z", 1_774_404_403_328),
            ("2026-03-25T04:06:43.328+02:00", 1_774_404_403_328),
            ("2024-02-29T00:00:00Z", 1_709_164_800_000),
            ("1969-12-31T23:59:59.999Z", -1),
        ] {
            assert_eq!(parse_rfc3339(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_none() {
        for text in [
            "",
            "2026",
            "2026-03-25",
            "2026-03-25T02:06:43",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-03-25T24:00:00Z",
            "2026-03-25T02:06:60Z",
            "2026-03-25T02:06:43.Z",
            "2026-03-25 02:06:43Z",
            "2026-03-25T02:06:43+2:00",
            "2026-03-25T02:06:43Zx",
            "+026-03-25T02:06:43Z",
            "é",
        ] {
            assert_eq!(parse_rfc3339(text), None, "{text}");
        }
    }
}
