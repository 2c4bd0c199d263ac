//! The claims set (RFC 7519 section 4): its types, and the rules that a merchant's expectations put on it.

use super::Rejection;
use super::rejection::rejection;
use crate::json::{Document, Value};
use crate::text::split_once;

/// The `iss` of Gwop's tokens, expected unless the caller says otherwise.
pub const ISSUER: &str = "https://identity.gwop.io";

/// The last millisecond of the year 9999. A later time is a mistake, often milliseconds where seconds belong.
const MAX_MS: i64 = 253_402_300_799_999;

/// What a merchant expects of a token.
#[derive(Debug, Clone)]
pub struct Expected {
    /// The merchant that the token must be for (`mid`). With `None` the tokens of every merchant pass.
    pub merchant_id: Option<String>,
    /// The audiences of which the token must name at least one (`aud`). With none, `aud` is not looked at.
    pub audience: Vec<String>,
    /// The issuer (`iss`).
    pub issuer: String,
    /// How far the clocks may be apart, in milliseconds, for `exp` and `nbf`.
    pub clock_tolerance_ms: i64,
}

impl Default for Expected {
    /// Gwop's issuer, 5 seconds of tolerance, any merchant, any audience.
    fn default() -> Self {
        Self {
            merchant_id: None,
            audience: Vec::new(),
            issuer: ISSUER.to_owned(),
            clock_tolerance_ms: 5_000,
        }
    }
}

/// A claims set whose types are right. Times are milliseconds since 1970.
#[derive(Default)]
pub struct Claims {
    /// `sub`: `{chain}:{address}`, neither side empty.
    pub subject: String,
    /// `mid`.
    pub merchant_id: Option<String>,
    /// `sid`.
    pub session_id: Option<String>,
    /// `iat`.
    pub issued_at_ms: Option<i64>,
    /// `exp`.
    pub expires_at_ms: i64,
    not_before_ms: Option<i64>,
    issuer: Option<String>,
    audience: Vec<String>,
    /// The claims set as it was signed.
    pub(super) json: Vec<u8>,
}

impl std::fmt::Debug for Claims {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Claims(redacted)")
    }
}

impl Claims {
    /// Fills the other members from `json`.
    pub(super) fn read(&mut self) -> Result<(), Rejection> {
        let document = Document::parse(&self.json)
            .map_err(|_| rejection!(TokenMalformed, "The token's claims set is not JSON."))?;
        let claims = document.root();
        if !claims.is_distinct() {
            return Err(rejection!(
                TokenMalformed,
                "The token's claims set is not a JSON object with distinct member names."
            ));
        }
        let mut expires_at_ms = None;
        time(claims, "exp", &mut expires_at_ms)?;
        self.expires_at_ms = expires_at_ms.ok_or(rejection!(
            TokenMalformed,
            "The token has no `exp`: a token without an end is refused."
        ))?;
        let mut subject = None;
        string(claims, "sub", &mut subject)?;
        self.subject = subject.unwrap_or_default();
        let (chain, address) = self.chain_and_wallet();
        if chain.is_empty() || address.is_empty() {
            return Err(rejection!(
                TokenMalformed,
                "The token's `sub` is missing, or not a chain and an address with a colon between them."
            ));
        }
        if let Some(audience) = claims.get("aud") {
            let audience = if audience.is_array() {
                audience.to_texts()
            } else {
                audience.to_text().map(|one| vec![one])
            };
            self.audience = audience.ok_or(rejection!(
                TokenMalformed,
                "The token's `aud` is neither a string nor an array of strings."
            ))?;
        }
        string(claims, "mid", &mut self.merchant_id)?;
        string(claims, "sid", &mut self.session_id)?;
        string(claims, "iss", &mut self.issuer)?;
        time(claims, "iat", &mut self.issued_at_ms)?;
        time(claims, "nbf", &mut self.not_before_ms)
    }

    pub(super) fn judge(&self, expected: &Expected, now_ms: i64) -> Result<(), Rejection> {
        let tolerance = expected.clock_tolerance_ms;
        let named = |one| expected.audience.contains(one);
        Err(if self.issuer.as_ref() != Some(&expected.issuer) {
            rejection!(
                TokenIssuerMismatch,
                "The token's `iss` is not the expected issuer. Refuse the request, or pass the right `issuer`."
            )
        } else if !expected.audience.is_empty() && !self.audience.iter().any(named) {
            rejection!(
                TokenAudienceMismatch,
                "The token's `aud` does not name the expected audience. Refuse the request, or pass the right `audience`."
            )
        } else if expected.merchant_id.is_some() && self.merchant_id != expected.merchant_id {
            rejection!(
                TokenMerchantMismatch,
                "The token's `mid` is not the expected merchant: it was issued for another one. Refuse the request."
            )
        } else if self
            .not_before_ms
            .is_some_and(|not_before| not_before > now_ms.saturating_add(tolerance))
        {
            rejection!(
                TokenNotYetValid,
                "The token's `nbf` has not come yet. Refuse the request, and check this machine's clock."
            )
        } else if self.expires_at_ms <= now_ms.saturating_sub(tolerance) {
            rejection!(
                TokenExpired,
                "The token's `exp` has passed. Refuse the request, so that the agent logs in again."
            )
        } else {
            return Ok(());
        })
    }

    /// The chain and the wallet address that `sub` names.
    #[must_use]
    pub fn chain_and_wallet(&self) -> (&str, &str) {
        // `parse` has seen the colon.
        split_once(&self.subject, b':').unwrap_or_default()
    }

    /// The claims set as it was signed: a JSON object.
    #[must_use]
    pub fn json(&self) -> &str {
        // `read` has read it as JSON, so it is UTF-8.
        std::str::from_utf8(&self.json).unwrap_or("{}")
    }
}

/// Puts the claim `name` into `slot`, which stays empty where there is none.
#[inline(never)]
fn string(claims: Value<'_>, name: &str, slot: &mut Option<String>) -> Result<(), Rejection> {
    if let Some(value) = claims.get(name) {
        *slot = value.to_text();
        if slot.is_none() {
            return Err(rejection!(
                TokenMalformed,
                "One of the token's `iss`, `sub`, `mid` and `sid` is not a string."
            ));
        }
    }
    Ok(())
}

/// As [`string`], in milliseconds.
#[inline(never)]
fn time(claims: Value<'_>, name: &str, slot: &mut Option<i64>) -> Result<(), Rejection> {
    if let Some(value) = claims.get(name) {
        *slot = numeric_date_ms(value);
        if slot.is_none() {
            return Err(rejection!(
                TokenMalformed,
                "One of the token's `exp`, `nbf` and `iat` is not a number of seconds between the years 1970 and 9999."
            ));
        }
    }
    Ok(())
}

/// A NumericDate (RFC 7519 section 2: seconds, fractions allowed) in whole milliseconds, rounded down.
/// `None` for another type, for a time before 1970 and for one after the year 9999.
fn numeric_date_ms(value: Value<'_>) -> Option<i64> {
    if !value.is_number() {
        return None;
    }
    let (negative, number) = match value.raw().as_bytes() {
        [b'-', rest @ ..] => (true, rest),
        number => (false, number),
    };
    // Both letters `e`, and the point, which has the bit already.
    let place = |text: &[u8], byte| {
        let at = text.iter().position(|other| *other | 0x20 == byte);
        at.unwrap_or(text.len())
    };
    let (number, exponent) = number.split_at_checked(place(number, b'e'))?;
    let exponent = match exponent {
        [_, b'-', digits @ ..] => integer(digits).wrapping_neg(),
        [_, b'+', digits @ ..] | [_, digits @ ..] => integer(digits),
        [] => 0,
    };
    if !(-32..=32).contains(&exponent) {
        return None;
    }
    // Three more digits than the seconds have.
    let wanted = i32::try_from(place(number, b'.'))
        .ok()?
        .checked_add(exponent)?
        .checked_add(3)?;
    let mut digits = number.iter().filter(|byte| **byte != b'.');
    let mut milliseconds = 0_i64;
    for _ in 0..wanted {
        let digit = digits.next().unwrap_or(&b'0').wrapping_sub(b'0');
        // Ten times the bound still fits.
        milliseconds = milliseconds.wrapping_mul(10).wrapping_add(i64::from(digit));
        if milliseconds > MAX_MS {
            return None;
        }
    }
    (!negative || milliseconds == 0).then_some(milliseconds)
}

/// The number that decimal `digits` write, or one beyond any sense.
fn integer(digits: &[u8]) -> i32 {
    digits.iter().fold(0_i32, |number, byte| {
        let digit = i32::from(byte.wrapping_sub(b'0'));
        number.saturating_mul(10).saturating_add(digit)
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn numeric_dates_are_read_exactly() {
        let read = |text: &str| {
            let document = Document::parse(text.as_bytes()).unwrap();
            numeric_date_ms(document.root())
        };
        for (text, milliseconds) in [
            ("0", 0),
            ("-0", 0),
            ("1", 1_000),
            ("1.5", 1_500),
            ("1774404248.841", 1_774_404_248_841),
            ("1774404248.8419999", 1_774_404_248_841),
            ("1.774404248841e9", 1_774_404_248_841),
            ("1774404248841E-3", 1_774_404_248_841),
            ("17e+8", 1_700_000_000_000),
            ("1e-32", 0),
            ("253402300799", 253_402_300_799_000),
        ] {
            assert_eq!(read(text), Some(milliseconds), "{text}");
        }
        for text in [
            "-1",
            "-1774404248",
            "-0.001",
            "253402300800",
            "1774404248841",
            "1e12",
            "1e33",
            "1e400",
            "1e99999999999",
            "9007199254740993",
            "99999999999999999999999999",
            "\"1774404248\"",
            "null",
            "true",
            "[1]",
            "{}",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
