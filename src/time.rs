//! Time stamps (RFC 3339) as integers.

/// Parses an RFC 3339 time stamp, with `Z` or an offset, to milliseconds since
/// 1970-01-01T00:00:00Z.
///
/// Returns `None` if the text is not a time stamp. Digits beyond milliseconds are dropped. Leap
/// seconds are not accepted, as in ECMAScript.
///
/// # Examples
/// ```
/// use gwop::time::parse_rfc3339;
///
/// assert_eq!(parse_rfc3339("2026-03-25T02:06:43.328Z"), Some(1_774_404_403_328));
/// assert_eq!(parse_rfc3339("2026-03-25T04:06:43.328+02:00"), Some(1_774_404_403_328));
/// assert_eq!(parse_rfc3339("2026-02-29T00:00:00Z"), None);
/// ```
#[must_use]
pub fn parse_rfc3339(text: &str) -> Option<i64> {
    let mut rest = text.as_bytes();
    let mut numbers = [0; 6];
    read(&mut rest, b"9999-12-31T23:59:59", &mut numbers)?;
    let [year, month, day, hour, minute, second] = numbers;
    let days = days_from_civil(year, month, day);
    if month == 0 || day == 0 || days >= days_from_civil(year, month.wrapping_add(1), 1) {
        return None;
    }

    let mut millisecond = 0;
    if let [b'.', digits @ ..] = rest {
        let mut place = 100_i32;
        rest = digits;
        while let [byte @ b'0'..=b'9', tail @ ..] = rest {
            millisecond = place
                .wrapping_mul(i32::from(byte.wrapping_sub(b'0')))
                .wrapping_add(millisecond);
            place /= 10;
            rest = tail;
        }
        if rest.len() == digits.len() {
            return None;
        }
    }

    let mut offset = [0; 2];
    let ahead = match rest {
        [b'Z' | b'z'] => 0,
        [sign @ (b'+' | b'-'), zone @ ..] => {
            rest = zone;
            read(&mut rest, b"23:59", &mut offset)?;
            if !rest.is_empty() {
                return None;
            }
            if *sign == b'+' { 1 } else { -1 }
        }
        _ => return None,
    };
    let [offset_hours, offset_minutes] = offset;

    // This cannot overflow: the sum is less than two days in milliseconds.
    let of_day = hour
        .wrapping_sub(offset_hours.wrapping_mul(ahead))
        .wrapping_mul(60)
        .wrapping_add(minute)
        .wrapping_sub(offset_minutes.wrapping_mul(ahead))
        .wrapping_mul(60)
        .wrapping_add(second)
        .wrapping_mul(1000)
        .wrapping_add(millisecond);
    let of_days = i64::from(days).wrapping_mul(86_400_000);
    Some(of_days.wrapping_add(i64::from(of_day)))
}

/// Reads `numbers` from the beginning of `text`. Each may be at most the value at its place in
/// `greatest`.
#[inline]
fn read(text: &mut &[u8], greatest: &[u8], numbers: &mut [i32]) -> Option<()> {
    let mut numbers = numbers.iter_mut();
    let (mut number, mut most) = (numbers.next()?, 0);
    for bound in greatest {
        let (byte, rest) = text.split_first()?;
        *text = rest;
        if !bound.is_ascii_digit() {
            if byte.to_ascii_uppercase() != *bound {
                return None;
            }
            (number, most) = (numbers.next()?, 0);
            continue;
        }
        let digit = byte.wrapping_sub(b'0');
        push_digit(number, digit);
        push_digit(&mut most, bound.wrapping_sub(b'0'));
        // Both numbers have the same count of digits, so the first different digit decides.
        if digit > 9 || *number > most {
            return None;
        }
    }
    Some(())
}

/// Appends a decimal digit to a number of a few digits.
#[inline]
fn push_digit(number: &mut i32, digit: u8) {
    *number = number.wrapping_mul(10).wrapping_add(i32::from(digit));
}

/// Returns the days since 1970-01-01 in the proleptic Gregorian calendar, for years of four digits.
///
/// The algorithm is Howard Hinnant's `days_from_civil`. Month 13 is the first month of the next
/// year.
#[inline(never)]
fn days_from_civil(year: i32, month: i32, day: i32) -> i32 {
    // Years begin in March here, so the leap day is the last day. Adding 400 years keeps them
    // positive.
    let (year, month) = if month <= 2 {
        (year.wrapping_add(399), month.wrapping_add(9))
    } else {
        (year.wrapping_add(400), month.wrapping_sub(3))
    };
    let (year, month) = (year.unsigned_abs(), month.unsigned_abs());
    let leap_days = (year / 4).wrapping_sub(year / 100).wrapping_add(year / 400);
    let day_of_year = month.wrapping_mul(153).wrapping_add(2) / 5;
    let days = year
        .wrapping_mul(365)
        .wrapping_add(leap_days)
        .wrapping_add(day_of_year);
    days.cast_signed().wrapping_add(day).wrapping_sub(865_566)
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
