//! RSA public keys as JSON Web Keys (RFC 7517, RFC 7518 section 6.3.1) and the set of them that Gwop publishes.

use super::base64url;
use crate::json::{Document, Value, push_string};
use sha2::{Digest, Sha256};

/// The longest answer that is read as a JWK Set, in bytes.
pub const MAX_JWK_SET_BYTES: usize = 512 * 1024;

/// A set with more keys than this is not used.
const MAX_KEYS: usize = 64;

/// The sizes of modulus that are used, in bits. RFC 7518 section 3.3 sets the lower end; the upper one bounds the work of a verification.
const MODULUS_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// A usable RS256 verification key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Jwk {
    kid: String,
    n: String,
    e: String,
    thumbprint: String,
}

impl Jwk {
    /// Reads one member of a set. `None` for a key that cannot verify RS256: another `kty`, `alg` or `use`, `key_ops` without `verify`, no `kid`,
    /// a modulus outside 2048 to 8192 bits, an even or absurd exponent, numbers not in their one canonical form, or a repeated member name.
    fn from_json(key: Value<'_>) -> Option<Self> {
        if !key.is_distinct() {
            return None;
        }
        let absent_or =
            |name, expected: &str| key.get(name).is_none_or(|value| value.is_str(expected));
        let may_verify = key
            .get("key_ops")
            .is_none_or(|operations| operations.elements().any(|one| one.is_str("verify")));
        if !key.get("kty")?.is_str("RSA")
            || !absent_or("alg", "RS256")
            || !absent_or("use", "sig")
            || !may_verify
        {
            return None;
        }
        let kid = key.get("kid")?.to_text()?;
        let n = key.get("n")?.to_text()?;
        let e = key.get("e")?.to_text()?;
        Self::from_parts(kid, n, e)
    }

    /// A key from its `kid` and its base64url modulus and exponent. `None` when a number is not canonical or out of range.
    #[must_use]
    pub fn from_parts(kid: String, n: String, e: String) -> Option<Self> {
        let modulus = base64url::decode(n.as_bytes())?;
        let exponent = base64url::decode(e.as_bytes())?;
        // The fewest octets (RFC 7518 section 6.3.1), so that one key has one thumbprint.
        let first = modulus.first().filter(|first| **first != 0)?;
        exponent.first().filter(|first| **first != 0)?;
        let bits = modulus
            .len()
            .saturating_mul(8)
            .saturating_sub(first.leading_zeros() as usize);
        let odd = |number: &[u8]| number.last().is_some_and(|last| last & 1 == 1);
        if !MODULUS_BITS.contains(&bits)
            || !odd(&modulus)
            || !odd(&exponent)
            || exponent == [1]
            || exponent.len() > 4
        {
            return None;
        }
        let thumbprint = thumbprint(&n, &e);
        Some(Self {
            kid,
            n,
            e,
            thumbprint,
        })
    }

    /// The key's id.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The JWK Thumbprint (RFC 7638): base64url of SHA-256. Two keys are one key if and only if these are equal.
    #[must_use]
    pub fn thumbprint(&self) -> &str {
        &self.thumbprint
    }

    /// The public key as JWK text with the members `kty`, `n`, `e`, `kid`, `alg` and `use`.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut out = String::with_capacity(self.n.len().saturating_add(96));
        out.push_str("{\"kty\":\"RSA\",\"alg\":\"RS256\",\"use\":\"sig\",\"kid\":");
        push_string(&mut out, &self.kid);
        out.push_str(",\"n\":");
        push_string(&mut out, &self.n);
        out.push_str(",\"e\":");
        push_string(&mut out, &self.e);
        out.push('}');
        out
    }
}

/// RFC 7638 section 3: the required members alone, in lexicographic order, without white space.
fn thumbprint(n: &str, e: &str) -> String {
    let mut hash = Sha256::new();
    for part in ["{\"e\":\"", e, "\",\"kty\":\"RSA\",\"n\":\"", n, "\"}"] {
        hash.update(part.as_bytes());
    }
    base64url::encode(&hash.finalize())
}

/// An answer that must not be taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unusable {
    /// Not a JWK Set: not JSON, no `keys` array, a repeated member name, too long, or too many keys.
    NotAJwkSet,
    /// A JWK Set without a single usable RS256 key.
    NoUsableKey,
}

/// The usable keys of a JWK Set: never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JwkSet {
    keys: Vec<Jwk>,
}

impl JwkSet {
    /// Reads a JWK Set. Members that are no usable RS256 key are left out, as RFC 7517 section 5 asks.
    ///
    /// # Errors
    /// [`Unusable`], when the whole answer must be discarded.
    pub fn parse(bytes: &[u8]) -> Result<Self, Unusable> {
        if bytes.len() > MAX_JWK_SET_BYTES {
            return Err(Unusable::NotAJwkSet);
        }
        let document = Document::parse(bytes).map_err(|_| Unusable::NotAJwkSet)?;
        Self::from_json(document.root())
    }

    pub(super) fn from_json(set: Value<'_>) -> Result<Self, Unusable> {
        let members = set
            .get("keys")
            .filter(|keys| set.is_distinct() && keys.is_array())
            .ok_or(Unusable::NotAJwkSet)?;
        if members.elements().count() > MAX_KEYS {
            return Err(Unusable::NotAJwkSet);
        }
        let mut keys: Vec<Jwk> = Vec::new();
        for member in members.elements() {
            if let Some(key) = Jwk::from_json(member)
                && !keys.contains(&key)
            {
                keys.push(key);
            }
        }
        if keys.is_empty() {
            return Err(Unusable::NoUsableKey);
        }
        Ok(Self { keys })
    }

    /// The keys that are called `kid`. Mostly one; during a careless rotation there may be more, and any of them may verify.
    pub fn candidates<'s>(&'s self, kid: &'s str) -> impl Iterator<Item = &'s Jwk> {
        self.keys.iter().filter(move |key| key.kid == kid)
    }

    /// Whether a key is called `kid`.
    #[must_use]
    pub fn contains(&self, kid: &str) -> bool {
        self.candidates(kid).next().is_some()
    }

    /// The key with this thumbprint.
    pub(super) fn key(&self, thumbprint: &str) -> Option<&Jwk> {
        self.keys.iter().find(|key| key.thumbprint == thumbprint)
    }

    /// Leaves out the key with this thumbprint, which Web Crypto would not import.
    pub(super) fn remove(&mut self, thumbprint: &str) {
        self.keys.retain(|key| key.thumbprint != thumbprint);
    }

    /// Appends the keys as a JSON array.
    pub(super) fn push_keys(&self, out: &mut String) {
        out.push('[');
        for (index, key) in self.keys.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            out.push_str(&key.to_json());
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
        let key =
            Jwk::from_parts("2011-04-29".to_owned(), n.to_owned(), "AQAB".to_owned()).unwrap();
        assert_eq!(
            key.thumbprint(),
            "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
        );
    }
}
