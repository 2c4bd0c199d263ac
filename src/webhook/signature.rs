//! The signature header, `X-Gwop-Signature: t={unix seconds},v1={hex}` (contract, "Webhooks").

use super::{Code, Rejection};

/// The largest distance of a time stamp from now, in seconds, in either direction.
pub const DEFAULT_TOLERANCE_SECONDS: f64 = 300.0;

/// The largest number of `v1` values. A header with more is malformed, so its work is bounded.
pub const MAX_SIGNATURES: usize = 16;

/// The longest header that is read, in bytes. [`MAX_SIGNATURES`] values need less than a third of
/// it.
const MAX_HEADER_BYTES: usize = 4096;

/// A parsed signature header.
pub struct SignatureHeader<'a> {
    /// The exact text of the time stamp that was signed.
    timestamp: &'a [u8],
    seconds: u64,
    /// The `v1` values: HMAC-SHA256 tags of 32 bytes each.
    signatures: Vec<[u8; 32]>,
}

impl<'a> SignatureHeader<'a> {
    /// Parses a header value.
    ///
    /// Items are separated by commas. White space around them is allowed. Items of other schemes
    /// (`v0`) are ignored.
    ///
    /// # Errors
    /// - `SignatureMissing` when the header is empty.
    /// - `SignatureMalformed` when there is not exactly one `t`, no `v1`, more than
    ///   [`MAX_SIGNATURES`], or a `v1` that is not 64 lower-case hex digits.
    /// - `TimestampInvalid` when `t` is not digits, or has more digits than fit.
    pub fn parse(header: &'a str) -> Result<Self, Rejection> {
        let mut signatures = Vec::with_capacity(1);
        match Self::read(header.as_bytes(), &mut signatures) {
            Ok((timestamp, seconds)) => Ok(Self {
                timestamp,
                seconds,
                signatures,
            }),
            Err(code) => Err(Rejection::new(code)),
        }
    }

    /// Returns the time stamp as text and in seconds, and adds the signatures to `signatures`.
    fn read(header: &'a [u8], signatures: &mut Vec<[u8; 32]>) -> Result<(&'a [u8], u64), Code> {
        if header.trim_ascii().is_empty() {
            return Err(Code::SignatureMissing);
        }
        if header.len() > MAX_HEADER_BYTES {
            return Err(Code::SignatureMalformed);
        }
        let mut timestamp = None;
        for item in header.split(|byte| *byte == b',') {
            match item.trim_ascii() {
                [b't', b'=', value @ ..] if timestamp.is_none() => timestamp = Some(value),
                [b'v', b'1', b'=', value @ ..] if signatures.len() < MAX_SIGNATURES => {
                    let mut tag = [0; 32];
                    decode_hex(value, &mut tag).ok_or(Code::SignatureMalformed)?;
                    signatures.push(tag);
                }
                [b't', b'=', ..] | [b'v', b'1', b'=', ..] => return Err(Code::SignatureMalformed),
                #[allow(clippy::manual_contains)] // `contains` adds 240 bytes of wasm.
                other if other.iter().any(|byte| *byte == b'=') => {}
                _ => return Err(Code::SignatureMalformed),
            }
        }
        let timestamp = timestamp
            .filter(|_| !signatures.is_empty())
            .ok_or(Code::SignatureMalformed)?;
        if timestamp.is_empty() {
            return Err(Code::TimestampInvalid);
        }
        let mut seconds = 0_u64;
        for byte in timestamp {
            let digit = u64::from(byte.wrapping_sub(b'0'));
            seconds = seconds
                .checked_mul(10)
                .filter(|_| digit <= 9)
                .and_then(|shifted| shifted.checked_add(digit))
                .ok_or(Code::TimestampInvalid)?;
        }
        Ok((timestamp, seconds))
    }

    /// Rejects a time stamp that is further than `tolerance` seconds from `now`, in either
    /// direction.
    ///
    /// # Errors
    /// `TimestampOutsideTolerance`.
    ///
    /// # Examples
    /// ```
    /// use gwop::webhook::{Code, DEFAULT_TOLERANCE_SECONDS, SignatureHeader};
    ///
    /// let text = format!("t=1700000000,v1={}", "0".repeat(64));
    /// let header = SignatureHeader::parse(&text).unwrap();
    /// assert!(header.check_time(1_700_000_300.0, DEFAULT_TOLERANCE_SECONDS).is_ok());
    /// let late = header.check_time(1_700_000_301.0, DEFAULT_TOLERANCE_SECONDS).unwrap_err();
    /// assert_eq!(late.code, Code::TimestampOutsideTolerance);
    /// ```
    pub fn check_time(&self, now: f64, tolerance: f64) -> Result<(), Rejection> {
        // Compares whole seconds, like the time stamp. `floor` keeps ±300 inside and ±301 outside.
        let distance = (now.floor() - self.seconds as f64).abs();
        if distance <= tolerance {
            Ok(())
        } else {
            Err(Rejection::new(Code::TimestampOutsideTolerance))
        }
    }

    /// Returns the part of the signed text before the body: `{t}.`.
    #[must_use]
    pub fn prefix(&self) -> Vec<u8> {
        let mut prefix = self.timestamp.to_vec();
        prefix.push(b'.');
        prefix
    }

    /// Returns the `v1` values. One match is enough.
    #[must_use]
    pub fn signatures(&self) -> &[[u8; 32]] {
        &self.signatures
    }
}

/// Decodes 64 lower-case hex digits into 32 bytes.
#[inline]
fn decode_hex(text: &[u8], bytes: &mut [u8; 32]) -> Option<()> {
    let digits: &[u8; 64] = text.try_into().ok()?;
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let mut value = 0_u8;
        for digit in pair {
            let nibble = match digit {
                b'0'..=b'9' => digit.wrapping_sub(b'0'),
                b'a'..=b'f' => digit.wrapping_sub(b'a').wrapping_add(10),
                _ => return None,
            };
            value = (value << 4) | nibble;
        }
        *byte = value;
    }
    Some(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const TAG: &str = "00ff0123456789abcdef0123456789abcdef0123456789abcdef0123456789ab";

    fn code(header: &str) -> Option<Code> {
        SignatureHeader::parse(header).err().map(|error| error.code)
    }

    #[test]
    fn reads_good_headers() {
        for header in [
            format!("t=1700000000,v1={TAG}"),
            format!("v1={TAG}, t=1700000000"),
            format!("t=1700000000,v1={TAG},v1={TAG}"),
            format!("t=1700000000,v0=anything,v1={TAG},v9"),
        ] {
            // A bare item without `=` is malformed.
            let expected = header.ends_with("v9").then_some(Code::SignatureMalformed);
            assert_eq!(code(&header), expected, "{header}");
        }
        let text = format!("t=01700000000,v1={TAG}");
        let header = SignatureHeader::parse(&text).unwrap();
        assert_eq!(header.prefix(), b"01700000000.");
        assert_eq!(header.signatures().first().unwrap().first(), Some(&0));
    }

    #[test]
    fn refuses_bad_headers() {
        use Code::{
            SignatureMalformed as Malformed, SignatureMissing as Missing,
            TimestampInvalid as Invalid,
        };
        let upper = TAG.to_uppercase();
        let many = vec![format!("v1={TAG}"); 17].join(",");
        for (header, expected) in [
            (String::new(), Missing),
            ("  ".into(), Missing),
            ("garbage".into(), Malformed),
            (format!("v1={TAG}"), Malformed),
            ("t=1700000000".into(), Malformed),
            (format!("t=1,t=1,v1={TAG}"), Malformed),
            (format!("t=1,v0={TAG}"), Malformed),
            (format!("t=1,v1={upper}"), Malformed),
            (format!("t=1,v1={}", &TAG[1..]), Malformed),
            (format!("t=1,v1={TAG}00"), Malformed),
            (format!("t=1,v1={}é", &TAG[2..]), Malformed),
            ("t=1,v1=".into(), Malformed),
            (format!("t=1,{many}"), Malformed),
            (format!("t=,v1={TAG}"), Invalid),
            (format!("t=+1,v1={TAG}"), Invalid),
            (format!("t= 1,v1={TAG}"), Invalid),
            (format!("t=-1,v1={TAG}"), Invalid),
            (format!("t=1e9,v1={TAG}"), Invalid),
            (format!("t=1junk,v1={TAG}"), Invalid),
            (format!("t=1.5,v1={TAG}"), Invalid),
            (format!("t=18446744073709551616,v1={TAG}"), Invalid),
            (format!("t=1\0,v1={TAG}"), Invalid),
        ] {
            assert_eq!(code(&header), Some(expected), "{header}");
        }
        assert_eq!(code(&format!("t=18446744073709551615,v1={TAG}")), None);
    }

    #[test]
    fn tolerance_reaches_exactly_so_far() {
        let text = format!("t=1700000000,v1={TAG}");
        let header = SignatureHeader::parse(&text).unwrap();
        for (now, inside) in [
            (1_700_000_300.0, true),
            (1_700_000_300.999, true),
            (1_700_000_301.0, false),
            (1_699_999_700.0, true),
            (1_699_999_699.999, false),
            (f64::NAN, false),
            (f64::INFINITY, false),
        ] {
            assert_eq!(header.check_time(now, 300.0).is_ok(), inside, "{now}");
        }
        assert!(header.check_time(1_700_000_000.0, 0.0).is_ok());
    }
}
