//! RSA public keys as JSON Web Keys (RFC 7517, RFC 7518 section 6.3.1), and the set of keys that
//! Gwop publishes.

use base64ct::{Base64UrlUnpadded, Encoding as _};
use sha2::{Digest, Sha256};

use crate::json::{Object, Value};

/// The longest response that is read as a JWK Set, in bytes.
pub const MAX_JWK_SET_BYTES: usize = 512 * 1024;

/// The largest number of keys in a set. A set with more keys is not used.
const MAX_KEYS: usize = 64;

/// The smallest and largest size of a modulus in bits.
///
/// The minimum is from RFC 7518 section 3.3. The maximum limits the work of a verification.
const MODULUS_BITS: (usize, usize) = (2048, 8192);

/// The smallest and largest size of an exponent in bits. The exponent is never 1.
const EXPONENT_BITS: (usize, usize) = (2, 32);

/// A usable RS256 verification key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Jwk {
    kid: String,
    thumbprint: String,
    json: String,
}

impl Jwk {
    /// Reads one member of a set. Returns `None` for a key that cannot verify RS256.
    ///
    /// Such a key has another `kty`, `alg` or `use`, `key_ops` without `verify`, no `kid`, a
    /// modulus outside 2048 to 8192 bits, an even or out-of-range exponent, a number that is not in
    /// its canonical form, or a repeated member name.
    fn from_json(key: &Object<'_>) -> Option<Self> {
        let absent_or =
            |name, expected: &str| key.get(name).is_none_or(|value| value.is_str(expected));
        let may_verify = key.get("key_ops").is_none_or(|operations| {
            let operations = operations.as_array().unwrap_or_default();
            operations.iter().any(|one| one.is_str("verify"))
        });
        if !key.is_distinct()
            || !key.get("kty")?.is_str("RSA")
            || !absent_or("alg", "RS256")
            || !absent_or("use", "sig")
            || !may_verify
        {
            return None;
        }
        let kid = key.get("kid")?;
        let n = key.get("n")?.as_str()?;
        let e = key.get("e")?.as_str()?;
        if !is_odd(&n, MODULUS_BITS) || !is_odd(&e, EXPONENT_BITS) {
            return None;
        }
        Some(Self {
            kid: kid.to_text()?,
            thumbprint: thumbprint(&n, &e),
            // base64url text needs no escapes.
            json: [
                r#"{"kty":"RSA","alg":"RS256","use":"sig","kid":"#,
                kid.raw(),
                r#","n":""#,
                &n,
                r#"","e":""#,
                &e,
                r#""}"#,
            ]
            .concat(),
        })
    }

    /// Returns the key's id.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Returns the JWK Thumbprint (RFC 7638): base64url of SHA-256.
    ///
    /// Two keys are the same if and only if their thumbprints are equal.
    #[must_use]
    pub fn thumbprint(&self) -> &str {
        &self.thumbprint
    }

    /// Returns the public key as JWK text with the members `kty`, `n`, `e`, `kid`, `alg` and `use`.
    #[must_use]
    pub fn json(&self) -> &str {
        &self.json
    }
}

/// Returns whether `text` encodes an odd number of `least` to `most` bits.
///
/// The encoding must use the fewest octets (RFC 7518 section 6.3.1), so that each key has one
/// thumbprint.
fn is_odd(text: &str, (least, most): (usize, usize)) -> bool {
    let number = Base64UrlUnpadded::decode_vec(text).unwrap_or_default();
    let (Some(first), Some(last)) = (number.first(), number.last()) else {
        return false;
    };
    let leading_zeros = first.leading_zeros() as usize;
    let bits = number.len().wrapping_mul(8).wrapping_sub(leading_zeros);
    leading_zeros < 8 && last & 1 == 1 && least <= bits && bits <= most
}

/// Computes the thumbprint (RFC 7638 section 3).
///
/// It covers only the required members, in lexicographic order and without white space.
fn thumbprint(n: &str, e: &str) -> String {
    let members = [r#"{"e":""#, e, r#"","kty":"RSA","n":""#, n, r#""}"#].concat();
    Base64UrlUnpadded::encode_string(&Sha256::digest(members))
}

/// Why a response must not be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unusable {
    /// Not a JWK Set: not JSON, no `keys` array, a repeated member name, too long, or too many
    /// keys.
    NotAJwkSet,
    /// A JWK Set without a single usable RS256 key.
    NoUsableKey,
}

/// The usable keys of a JWK Set. It has at least one key when it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JwkSet {
    keys: Vec<Jwk>,
}

impl JwkSet {
    /// Reads a JWK Set. Skips members that are not usable RS256 keys, as RFC 7517 section 5
    /// requires.
    ///
    /// # Errors
    /// [`Unusable`] when the whole response must be discarded.
    ///
    /// # Examples
    /// ```
    /// use gwop::token::{JwkSet, Unusable};
    ///
    /// // An exponent of 65537, and a modulus of 8 bits: too short to be used.
    /// let set = br#"{ "keys": [{ "kty": "RSA", "kid": "k", "n": "_w", "e": "AQAB" }] }"#;
    /// assert_eq!(JwkSet::parse(set), Err(Unusable::NoUsableKey));
    /// assert_eq!(JwkSet::parse(b"<html>"), Err(Unusable::NotAJwkSet));
    /// ```
    pub fn parse(bytes: &[u8]) -> Result<Self, Unusable> {
        if bytes.len() > MAX_JWK_SET_BYTES {
            return Err(Unusable::NotAJwkSet);
        }
        let set = Value::parse(bytes).map_err(|_| Unusable::NotAJwkSet)?;
        Self::from_json(&set.as_object().ok_or(Unusable::NotAJwkSet)?)
    }

    pub(super) fn from_json(set: &Object<'_>) -> Result<Self, Unusable> {
        let members = set
            .get("keys")
            .filter(|_| set.is_distinct())
            .and_then(Value::as_array)
            .ok_or(Unusable::NotAJwkSet)?;
        if members.len() > MAX_KEYS {
            return Err(Unusable::NotAJwkSet);
        }
        let mut set = Self { keys: Vec::new() };
        for member in members {
            if let Some(member) = member.as_object()
                && let Some(key) = Jwk::from_json(&member)
                && !set
                    .candidates(&key.kid)
                    .any(|other| other.thumbprint == key.thumbprint)
            {
                set.keys.push(key);
            }
        }
        if set.keys.is_empty() {
            return Err(Unusable::NoUsableKey);
        }
        Ok(set)
    }

    /// Returns the keys with this `kid`.
    ///
    /// Usually there is one. During a careless rotation there may be more, and any of them may
    /// verify.
    pub fn candidates<'s>(&'s self, kid: &'s str) -> impl Iterator<Item = &'s Jwk> {
        self.keys.iter().filter(move |key| key.kid == kid)
    }

    /// Returns whether a key has this `kid`.
    #[must_use]
    pub fn contains(&self, kid: &str) -> bool {
        self.candidates(kid).next().is_some()
    }

    pub(super) fn keys(&self) -> &[Jwk] {
        &self.keys
    }

    /// Returns the key with this thumbprint.
    pub(super) fn key(&self, thumbprint: &str) -> Option<&Jwk> {
        self.keys.iter().find(|key| key.thumbprint == thumbprint)
    }

    /// Removes the key with this thumbprint, because Web Crypto refused to import it.
    pub(super) fn remove(&mut self, thumbprint: &str) {
        let position = |keys: &[Jwk]| keys.iter().position(|key| key.thumbprint == thumbprint);
        while let Some(index) = position(&self.keys) {
            self.keys.swap_remove(index);
        }
    }

    /// Appends the keys as a JSON array.
    pub(super) fn push_keys(&self, out: &mut String) {
        out.push('[');
        let mut separator = "";
        for key in &self.keys {
            out.push_str(separator);
            out.push_str(&key.json);
            separator = ",";
        }
        out.push(']');
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn thumbprint_of_the_rfc_example() {
        // RFC 7638 section 3.1.
        let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
        let set =
            format!(r#"{{"keys":[{{"kty":"RSA","kid":"2011-04-29","n":"{n}","e":"AQAB"}}]}}"#);
        let set = JwkSet::parse(set.as_bytes()).unwrap();
        let key = set.candidates("2011-04-29").next().unwrap();
        assert_eq!(
            key.thumbprint(),
            "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
        );
    }
}
