//! The claims set (RFC 7519 section 4): its types, and the rules that a merchant's expectations put on it.

use super::{Code, Rejection};
use crate::json::{Document, Members, Value, push_integer, push_string};
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
    json: Vec<u8>,
}

impl std::fmt::Debug for Claims {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Claims(redacted)")
    }
}

impl Claims {
    pub(super) fn parse(json: Vec<u8>) -> Result<Box<Self>, Rejection> {
        // Boxed and filled in place: moving it about costs more code than reading it.
        let mut claims = Box::new(Self {
            subject: String::new(),
            merchant_id: None,
            session_id: None,
            issued_at_ms: None,
            expires_at_ms: 0,
            not_before_ms: None,
            issuer: None,
            audience: Vec::new(),
            json,
        });
        match claims.read() {
            Ok(()) => Ok(claims),
            Err(message) => Err(Rejection::malformed(message)),
        }
    }

    /// Fills the other members from `json`.
    fn read(&mut self) -> Result<(), &'static str> {
        let document =
            Document::parse(&self.json).map_err(|_| "The token's claims set is not JSON.")?;
        let claims = document
            .root()
            .distinct_members()
            .ok_or("The token's claims set is not a JSON object with distinct member names.")?;
        let claims = &claims;
        self.expires_at_ms = time(claims, "exp")?
            .ok_or("The token has no `exp`: a token without an end is refused.")?;
        self.subject = string(claims, "sub")?.unwrap_or_default();
        if !matches!(split_once(&self.subject, b':'), Some((chain, address)) if !chain.is_empty() && !address.is_empty())
        {
            return Err(
                "The token's `sub` is missing, or not a chain and an address with a colon between them.",
            );
        }
        if let Some(audience) = claims.get("aud") {
            let audience = if audience.is_array() {
                audience.to_texts()
            } else {
                audience.to_text().map(|one| vec![one])
            };
            self.audience =
                audience.ok_or("The token's `aud` is neither a string nor an array of strings.")?;
        }
        self.merchant_id = string(claims, "mid")?;
        self.session_id = string(claims, "sid")?;
        self.issued_at_ms = time(claims, "iat")?;
        self.not_before_ms = time(claims, "nbf")?;
        self.issuer = string(claims, "iss")?;
        Ok(())
    }

    pub(super) fn judge(&self, expected: &Expected, now_ms: i64) -> Result<(), Rejection> {
        let refuse = |code, message| Err(Rejection { code, message });
        if self.issuer.as_deref() != Some(expected.issuer.as_str()) {
            return refuse(
                Code::TokenIssuerMismatch,
                "The token's `iss` is not the expected issuer. Refuse the request, or pass the right `issuer`.",
            );
        }
        if !expected.audience.is_empty()
            && !self
                .audience
                .iter()
                .any(|one| expected.audience.contains(one))
        {
            return refuse(
                Code::TokenAudienceMismatch,
                "The token's `aud` does not name the expected audience. Refuse the request, or pass the right `audience`.",
            );
        }
        if expected.merchant_id.is_some() && self.merchant_id != expected.merchant_id {
            return refuse(
                Code::TokenMerchantMismatch,
                "The token's `mid` is not the expected merchant: it was issued for another one. Refuse the request.",
            );
        }
        let tolerance = expected.clock_tolerance_ms;
        if self
            .not_before_ms
            .is_some_and(|not_before| not_before > now_ms.saturating_add(tolerance))
        {
            return refuse(
                Code::TokenNotYetValid,
                "The token's `nbf` has not come yet. Refuse the request, and check this machine's clock.",
            );
        }
        if self.expires_at_ms <= now_ms.saturating_sub(tolerance) {
            return refuse(
                Code::TokenExpired,
                "The token's `exp` has passed. Refuse the request, so that the agent logs in again.",
            );
        }
        Ok(())
    }

    /// The chain and the wallet address that `sub` names.
    #[must_use]
    pub fn chain_and_wallet(&self) -> (&str, &str) {
        // `parse` has seen the colon.
        split_once(&self.subject, b':').unwrap_or_default()
    }

    /// The verified token as JSON text: `subject`, `chain`, `walletAddress`, `sessionId?`, `merchantId?`, `issuedAt?` and
    /// `expiresAt` (milliseconds since 1970), and `claims`, the claims set as it was signed.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut out = String::with_capacity(self.json.len().saturating_mul(2).saturating_add(128));
        let (chain, wallet) = self.chain_and_wallet();
        out.push_str("{\"subject\":");
        push_string(&mut out, &self.subject);
        out.push_str(",\"chain\":");
        push_string(&mut out, chain);
        out.push_str(",\"walletAddress\":");
        push_string(&mut out, wallet);
        if let Some(session_id) = &self.session_id {
            out.push_str(",\"sessionId\":");
            push_string(&mut out, session_id);
        }
        if let Some(merchant_id) = &self.merchant_id {
            out.push_str(",\"merchantId\":");
            push_string(&mut out, merchant_id);
        }
        if let Some(issued_at_ms) = self.issued_at_ms {
            out.push_str(",\"issuedAt\":");
            push_integer(&mut out, issued_at_ms);
        }
        out.push_str(",\"expiresAt\":");
        push_integer(&mut out, self.expires_at_ms);
        out.push_str(",\"claims\":");
        // `parse` has read it as JSON, so it is UTF-8.
        out.push_str(std::str::from_utf8(&self.json).unwrap_or("{}"));
        out.push('}');
        out
    }
}

#[inline(never)]
fn string(claims: &Members<'_>, name: &str) -> Result<Option<String>, &'static str> {
    match claims.get(name) {
        None => Ok(None),
        Some(value) => value
            .to_text()
            .map(Some)
            .ok_or("One of the token's `iss`, `sub`, `mid` and `sid` is not a string."),
    }
}

#[inline(never)]
fn time(claims: &Members<'_>, name: &str) -> Result<Option<i64>, &'static str> {
    match claims.get(name) {
        None => Ok(None),
        Some(value) => numeric_date_ms(value).map(Some).ok_or(
            "One of the token's `exp`, `nbf` and `iat` is not a number of seconds between the years 1970 and 9999.",
        ),
    }
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
        milliseconds = milliseconds
            .checked_mul(10)?
            .checked_add(i64::from(digit))?;
    }
    (milliseconds <= MAX_MS && !(negative && milliseconds > 0)).then_some(milliseconds)
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
