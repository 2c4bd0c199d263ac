//! A cache of verified tokens, so that the next request of the same agent needs no signature check.

use super::cache::SetId;
use super::claims::{Claims, Expected};

/// The default number of tokens in the cache.
pub const TOKEN_CACHE_SIZE: usize = 1_000;

/// The largest total size of all cached tokens, in bytes.
pub const MAX_TOKEN_CACHE_BYTES: usize = 2_000_000;

/// The size of an entry in addition to its texts, in bytes. This is a generous estimate.
const ENTRY_BYTES: usize = 256;

/// A bounded cache of verified tokens. It removes the least recently used one first.
///
/// An entry is used only if a new verification would have the same result without a fetch:
///
/// - for exactly the same bytes, compared in full;
/// - with an equal expectation (merchant, audiences, issuer, tolerance);
/// - while `nbf − tolerance ≤ now < exp + tolerance`;
/// - with the JWK Set whose key verified it, while that set is fresh.
///
/// It does not notice that a session was revoked. A new verification does not notice it either:
/// only Gwop knows.
///
/// The cache is one vector that is searched from the front. The crate `lru` did the same for 6 KB
/// more with gzip, a twentieth of the whole package.
pub struct VerifiedTokens<V> {
    size: usize,
    entries: Vec<Entry<V>>,
    /// Counts hits and entries.
    uses: u64,
    bytes: usize,
    /// The JWK Set that verified all entries.
    set: Option<SetId>,
}

struct Entry<V> {
    /// The end of the token's signature. Most other tokens differ there.
    tag: u64,
    /// The value of `uses` when the entry was last used.
    used: u64,
    not_before_ms: i64,
    expires_at_ms: i64,
    /// The token and its expectation.
    key: Box<[u8]>,
    bytes: usize,
    value: V,
}

impl<V> std::fmt::Debug for VerifiedTokens<V> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("VerifiedTokens(redacted)")
    }
}

impl<V: Clone> VerifiedTokens<V> {
    /// Creates an empty cache of at most `size` tokens and [`MAX_TOKEN_CACHE_BYTES`]. 0 disables
    /// the cache.
    #[must_use]
    pub fn new(size: usize) -> Self {
        Self {
            size,
            entries: Vec::new(),
            uses: 0,
            bytes: 0,
            set: None,
        }
    }

    /// Returns the value of this token if it is still valid at `now_ms` (milliseconds since 1970).
    ///
    /// `set` is [`JwkSetCache::fresh_set`](super::JwkSetCache::fresh_set).
    pub fn get(
        &mut self,
        token: &[u8],
        expected: &Expected<'_>,
        set: Option<SetId>,
        now_ms: i64,
    ) -> Option<V> {
        if set.is_none() || set != self.set {
            return None;
        }
        let at = self.find(&key(token, expected), tag(token))?;
        let entry = self.entries.get_mut(at)?;
        let tolerance = expected.clock_tolerance_ms;
        let holds = entry.not_before_ms <= now_ms.saturating_add(tolerance)
            && entry.expires_at_ms > now_ms.saturating_sub(tolerance);
        if !holds {
            return None;
        }
        self.uses = self.uses.saturating_add(1);
        entry.used = self.uses;
        Some(entry.value.clone())
    }

    /// Adds the `value` of a token to the cache.
    ///
    /// A key of `set` must have verified the signature, and the claims must have been checked
    /// against `expected`. `value_bytes` is the size of `value`.
    pub fn keep(
        &mut self,
        token: &[u8],
        expected: &Expected<'_>,
        set: SetId,
        claims: &Claims<'_>,
        value: V,
        value_bytes: usize,
    ) {
        if self.size == 0 {
            return;
        }
        if self.set != Some(set) {
            // An entry that an older set verified is never used again.
            if self.set.is_some_and(|newer| newer > set) {
                return;
            }
            self.entries.clear();
            self.bytes = 0;
            self.set = Some(set);
        }
        let (key, tag) = (key(token, expected), tag(token));
        if let Some(at) = self.find(&key, tag) {
            self.remove(at);
        }
        let bytes = key
            .len()
            .saturating_add(value_bytes)
            .saturating_add(ENTRY_BYTES);
        self.bytes = self.bytes.saturating_add(bytes);
        self.uses = self.uses.saturating_add(1);
        self.entries.push(Entry {
            tag,
            used: self.uses,
            not_before_ms: claims.not_before_ms().unwrap_or(i64::MIN),
            expires_at_ms: claims.expires_at_ms(),
            key: key.into(),
            bytes,
            value,
        });
        while self.entries.len() > self.size || self.bytes > MAX_TOKEN_CACHE_BYTES {
            let uses = self.entries.iter().map(|entry| entry.used);
            let Some((at, _)) = uses.enumerate().min_by_key(|(_, used)| *used) else {
                break;
            };
            self.remove(at);
        }
    }

    fn find(&self, key: &[u8], tag: u64) -> Option<usize> {
        let mut entries = self.entries.iter();
        entries.position(|entry| entry.tag == tag && *entry.key == *key)
    }

    /// Removes an existing entry.
    fn remove(&mut self, at: usize) {
        let removed = self.entries.swap_remove(at);
        self.bytes = self.bytes.saturating_sub(removed.bytes);
    }

    /// Returns the number of cached tokens.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns whether the cache is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns the total size of the tokens in bytes: at most [`MAX_TOKEN_CACHE_BYTES`].
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

/// Returns the last eight bytes.
fn tag(token: &[u8]) -> u64 {
    token
        .last_chunk()
        .map_or(0, |last| u64::from_le_bytes(*last))
}

/// Returns a token and an expectation as bytes.
///
/// They are equal only if both are equal, because the length of each text of the expectation
/// precedes it.
fn key(token: &[u8], expected: &Expected<'_>) -> Vec<u8> {
    let mut key = token.to_vec();
    key.extend_from_slice(&expected.clock_tolerance_ms.to_le_bytes());
    key.push(expected.merchant_id.is_some().into());
    let texts = [expected.issuer, expected.merchant_id.unwrap_or_default()];
    for text in texts.iter().chain(&expected.audience) {
        key.extend_from_slice(&text.len().to_le_bytes());
        key.extend_from_slice(text.as_bytes());
    }
    // The token comes first without its length, so its length comes last.
    key.extend_from_slice(&token.len().to_le_bytes());
    key
}
