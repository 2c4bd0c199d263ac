//! Time stamps (RFC 3339) as integers.

/// Milliseconds since 1970-01-01T00:00:00Z of an RFC 3339 time stamp with `Z` or an offset, or `None`.
///
/// Digits beyond milliseconds are dropped. Leap seconds are not accepted, as in ECMAScript.
#[must_use]
pub fn parse_rfc3339(text: &str) -> Option<i64> {
    const SHAPE: &[u8; 19] = b"0000-00-00T00:00:00";
    let (start, mut rest) = text.as_bytes().split_at_checked(SHAPE.len())?;
    let mut fields = [0_i64; 6];
    let mut current = fields.iter_mut();
    let mut field = current.next()?;
    for (shape, byte) in SHAPE.iter().zip(start) {
        if *shape == b'0' {
            push_digit(field, *byte)?;
        } else if byte.to_ascii_uppercase() == *shape {
            field = current.next()?;
        } else {
            return None;
        }
    }
    let [year, month, day, hour, minute, second] = fields;
    let day_exists = day >= 1 && day <= days_in_month(year, month)?;
    if !day_exists || hour > 23 || minute > 59 || second > 59 {
        return None;
    }

    let mut millisecond = 0_i64;
    if let Some((b'.', digits)) = rest.split_first() {
        let count = digits
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        if count == 0 {
            return None;
        }
        for place in 0..3 {
            let digit = digits.get(place).filter(|_| place < count);
            push_digit(&mut millisecond, *digit.unwrap_or(&b'0'))?;
        }
        rest = digits.get(count..)?;
    }

    let mut offset_minutes = 0;
    match rest {
        [b'Z' | b'z'] => {}
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let (mut hours, mut minutes) = (0, 0);
            push_digit(&mut hours, *h1)?;
            push_digit(&mut hours, *h2)?;
            push_digit(&mut minutes, *m1)?;
            push_digit(&mut minutes, *m2)?;
            if hours > 23 || minutes > 59 {
                return None;
            }
            offset_minutes = hours.wrapping_mul(60).wrapping_add(minutes);
            if *sign == b'-' {
                offset_minutes = offset_minutes.wrapping_neg();
            }
        }
        _ => return None,
    }

    // Nothing here can overflow: every part has at most four digits.
    let minutes = days_from_civil(year, month, day)
        .wrapping_mul(24)
        .wrapping_add(hour)
        .wrapping_mul(60)
        .wrapping_add(minute)
        .wrapping_sub(offset_minutes);
    let seconds = minutes.wrapping_mul(60).wrapping_add(second);
    Some(seconds.wrapping_mul(1000).wrapping_add(millisecond))
}

/// Appends a decimal digit to a number of a few digits.
fn push_digit(number: &mut i64, byte: u8) -> Option<()> {
    let digit = byte.wrapping_sub(b'0');
    if digit > 9 {
        return None;
    }
    *number = number.wrapping_mul(10).wrapping_add(i64::from(digit));
    Some(())
}

/// `None` for a month that there is not.
fn days_in_month(year: i64, month: i64) -> Option<i64> {
    match month {
        4 | 6 | 9 | 11 => Some(30),
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => Some(29),
        2 => Some(28),
        1..=12 => Some(31),
        _ => None,
    }
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar (Howard Hinnant's `days_from_civil`), for years of four digits.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    // Years begin in March, so that the leap day is the last.
    let (year, month) = if month <= 2 {
        (year.wrapping_sub(1), month.wrapping_add(9))
    } else {
        (year, month.wrapping_sub(3))
    };
    let leap_days = year
        .div_euclid(4)
        .wrapping_sub(year.div_euclid(100))
        .wrapping_add(year.div_euclid(400));
    let day_of_year = month.wrapping_mul(153).wrapping_add(2) / 5;
    year.wrapping_mul(365)
        .wrapping_add(leap_days)
        .wrapping_add(day_of_year)
        .wrapping_add(day)
        .wrapping_sub(719_469)
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
