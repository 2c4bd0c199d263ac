//! The claims set (RFC 7519 section 4): its types, and how it is checked against a merchant's
//! expectations.

use std::borrow::Cow;

use super::Rejection;
use super::rejection::rejection;
use crate::json::{Object, Value};

/// The `iss` of Gwop's tokens. It is expected by default.
pub const ISSUER: &str = "https://identity.gwop.io";

/// The last millisecond of the year 9999.
///
/// A later time is a mistake, often milliseconds in place of seconds.
const MAX_MS: i64 = 253_402_300_799_999;

/// What a merchant expects of a token.
///
/// # Examples
/// ```
/// use gwop::token::{Expected, ISSUER};
///
/// let expected = Expected {
///     merchant_id: Some("your-merchant-id"),
///     ..Expected::default()
/// };
/// assert_eq!((expected.issuer, expected.clock_tolerance_ms), (ISSUER, 5_000));
/// ```
#[derive(Debug, Clone)]
pub struct Expected<'e> {
    /// The merchant that the token must be for (`mid`). With `None`, tokens of every merchant are
    /// accepted.
    pub merchant_id: Option<&'e str>,
    /// The audiences of which the token must name at least one (`aud`). If empty, `aud` is not
    /// checked.
    pub audience: Vec<&'e str>,
    /// The issuer (`iss`).
    pub issuer: &'e str,
    /// The allowed clock difference for `exp` and `nbf`, in milliseconds.
    pub clock_tolerance_ms: i64,
}

impl Default for Expected<'_> {
    /// Returns the default: Gwop's issuer, 5 seconds of tolerance, any merchant, any audience.
    fn default() -> Self {
        Self {
            merchant_id: None,
            audience: Vec::new(),
            issuer: ISSUER,
            clock_tolerance_ms: 5_000,
        }
    }
}

/// A claims set whose types have been checked.
pub struct Claims<'t> {
    json: &'t str,
    members: Object<'t>,
}

impl std::fmt::Debug for Claims<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Claims(redacted)")
    }
}

impl<'t> Claims<'t> {
    /// Checks the types of a claims set.
    pub(super) fn read(json: &'t str, claims: Object<'t>) -> Result<Self, Rejection> {
        time(&claims, "exp")?;
        if claims.get("exp").is_none() {
            return Err(rejection!(
                TokenMalformed,
                "The token has no `exp`: a token without an end is refused."
            ));
        }
        string(&claims, "sub")?;
        let subject = claims.get("sub").and_then(Value::as_str);
        let subject = subject.unwrap_or_default();
        let (chain, address) = subject.split_once(':').unwrap_or_default();
        if chain.is_empty() || address.is_empty() {
            return Err(rejection!(
                TokenMalformed,
                "The token's `sub` is missing, or not a chain and an address with a colon between them."
            ));
        }
        let audience_fits = claims.get("aud").is_none_or(|audience| {
            audience.is_string()
                || audience
                    .as_array()
                    .is_some_and(|names| names.into_iter().all(Value::is_string))
        });
        if !audience_fits {
            return Err(rejection!(
                TokenMalformed,
                "The token's `aud` is neither a string nor an array of strings."
            ));
        }
        string(&claims, "mid")?;
        string(&claims, "sid")?;
        string(&claims, "iss")?;
        time(&claims, "iat")?;
        time(&claims, "nbf")?;
        Ok(Self {
            json,
            members: claims,
        })
    }

    pub(super) fn evaluate(&self, expected: &Expected<'_>, now_ms: i64) -> Result<(), Rejection> {
        let tolerance = expected.clock_tolerance_ms;
        let claims = &self.members;
        let is = |name, expected| claims.get(name).is_some_and(|value| value.is_str(expected));
        let named = |one: Value<'_>| expected.audience.iter().any(|name| one.is_str(name));
        Err(if !is("iss", expected.issuer) {
            rejection!(
                TokenIssuerMismatch,
                "The token's `iss` is not the expected issuer. Refuse the request, or pass the right `issuer`."
            )
        } else if !expected.audience.is_empty()
            && !claims.get("aud").is_some_and(|audience| {
                named(audience)
                    || audience
                        .as_array()
                        .unwrap_or_default()
                        .into_iter()
                        .any(named)
            })
        {
            rejection!(
                TokenAudienceMismatch,
                "The token's `aud` does not name the expected audience. Refuse the request, or pass the right `audience`."
            )
        } else if expected
            .merchant_id
            .is_some_and(|merchant_id| !is("mid", merchant_id))
        {
            rejection!(
                TokenMerchantMismatch,
                "The token's `mid` is not the expected merchant: it was issued for another one. Refuse the request."
            )
        } else if self
            .time("nbf")
            .is_some_and(|not_before_ms| not_before_ms > now_ms.saturating_add(tolerance))
        {
            rejection!(
                TokenNotYetValid,
                "The token's `nbf` has not come yet. Refuse the request, and check this machine's clock."
            )
        } else if self.expires_at_ms() <= now_ms.saturating_sub(tolerance) {
            rejection!(
                TokenExpired,
                "The token's `exp` has passed. Refuse the request, so that the agent logs in again."
            )
        } else {
            return Ok(());
        })
    }

    /// Returns `sub`: `{chain}:{address}`, with neither side empty.
    #[must_use]
    pub fn subject(&self) -> Cow<'_, str> {
        self.text("sub").unwrap_or_default()
    }

    /// Returns the chain and the wallet address that `sub` names.
    #[must_use]
    pub fn chain_and_wallet(&self) -> (String, String) {
        // `read` has checked that there is a colon.
        let subject = self.subject();
        let (chain, wallet) = subject.split_once(':').unwrap_or_default();
        (chain.to_owned(), wallet.to_owned())
    }

    /// Returns `mid`.
    #[must_use]
    pub fn merchant_id(&self) -> Option<Cow<'_, str>> {
        self.text("mid")
    }

    /// Returns `sid`.
    #[must_use]
    pub fn session_id(&self) -> Option<Cow<'_, str>> {
        self.text("sid")
    }

    /// Returns `iat`, in milliseconds since 1970.
    #[must_use]
    pub fn issued_at_ms(&self) -> Option<i64> {
        self.time("iat")
    }

    /// Returns `exp`, in milliseconds since 1970.
    #[must_use]
    pub fn expires_at_ms(&self) -> i64 {
        self.time("exp").unwrap_or_default()
    }

    /// Returns `nbf`, in milliseconds since 1970.
    #[must_use]
    pub fn not_before_ms(&self) -> Option<i64> {
        self.time("nbf")
    }

    /// Returns the claims set as it was signed: a JSON object.
    #[must_use]
    pub fn json(&self) -> &str {
        self.json
    }

    fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        self.members.get(name)?.as_str()
    }

    fn time(&self, name: &str) -> Option<i64> {
        numeric_date_ms(self.members.get(name)?)
    }
}

/// Rejects a claim `name` that is not a string.
fn string(claims: &Object<'_>, name: &str) -> Result<(), Rejection> {
    match claims.get(name) {
        // Two subjects with lone surrogates would become the same text when they are stored.
        Some(value) if !value.is_text() => Err(rejection!(
            TokenMalformed,
            "One of the token's `iss`, `sub`, `mid` and `sid` is not a string of Unicode text."
        )),
        _ => Ok(()),
    }
}

/// Rejects a claim `name` that is not a time.
fn time(claims: &Object<'_>, name: &str) -> Result<(), Rejection> {
    match claims.get(name) {
        Some(value) if numeric_date_ms(value).is_none() => Err(rejection!(
            TokenMalformed,
            "One of the token's `exp`, `nbf` and `iat` is not a number of seconds between the years 1970 and 9999."
        )),
        _ => Ok(()),
    }
}

/// Converts a NumericDate (RFC 7519 section 2: seconds, with optional fraction) to whole
/// milliseconds, rounded down.
///
/// Returns `None` for another type, a time before 1970, a time after the year 9999, or an exponent
/// of more than 32.
fn numeric_date_ms(value: Value<'_>) -> Option<i64> {
    if !value.is_number() {
        return None;
    }
    let text = value.raw().as_bytes();
    let mut number = 0_i64;
    // The distance in digits from the last digit that was read to the decimal point of the
    // milliseconds.
    let mut shift = 3_i32;
    let mut exponent = 0_i32;
    let (mut in_fraction, mut in_exponent, mut divides) = (false, false, false);
    for byte in text {
        let digit = byte.wrapping_sub(b'0');
        match byte {
            b'.' => in_fraction = true,
            b'e' | b'E' => in_exponent = true,
            b'-' => divides = in_exponent,
            b'+' => {}
            _ if in_exponent => {
                exponent = exponent.saturating_mul(10).saturating_add(digit.into());
            }
            // Ten times the limit still fits.
            _ if number <= MAX_MS => {
                number = number.wrapping_mul(10).wrapping_add(digit.into());
                shift = shift.wrapping_sub(in_fraction.into());
            }
            // No further digit counts.
            _ => shift = shift.wrapping_add((!in_fraction).into()),
        }
    }
    if exponent > 32 {
        return None;
    }
    shift = shift.wrapping_add(if divides {
        exponent.wrapping_neg()
    } else {
        exponent
    });
    while shift > 0 && number <= MAX_MS {
        number = number.wrapping_mul(10);
        shift = shift.wrapping_sub(1);
    }
    while shift < 0 {
        number /= 10;
        shift = shift.wrapping_add(1);
    }
    let last = if text.first() == Some(&b'-') {
        0
    } else {
        MAX_MS
    };
    (number <= last).then_some(number)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn numeric_dates_are_read_exactly() {
        let read = |text: &str| {
            let value = Value::parse(text.as_bytes()).unwrap();
            numeric_date_ms(value)
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
            "1e-33",
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
