//! Tokens that were verified before, so that the next request of the same agent needs no signature.

use super::cache::SetId;
use super::claims::{Claims, Expected};

/// How many tokens are kept where the caller says nothing.
pub const TOKEN_CACHE_SIZE: usize = 1_000;

/// The most bytes that all kept tokens take together.
pub const MAX_TOKEN_CACHE_BYTES: usize = 2_000_000;

/// What an entry takes beside its texts, in bytes: a generous guess.
const ENTRY_BYTES: usize = 256;

/// A bounded cache of verified tokens. The least recently used one goes first.
///
/// An entry counts only where a fresh verification would say the same, without a fetch:
///
/// - for the very same bytes, compared whole;
/// - under an equal expectation (merchant, audiences, issuer, tolerance);
/// - while `nbf − tolerance ≤ now < exp + tolerance`;
/// - under the JWK Set whose key verified it, while that set is fresh.
///
/// It does not see that a session was revoked. Neither does a fresh verification: only Gwop knows.
///
/// One vector, searched from the front: the crate `lru` did the same for 6 KB more of gzip, a
/// twentieth of the whole package.
pub struct VerifiedTokens<V> {
    size: usize,
    entries: Vec<Entry<V>>,
    /// Counts the hits and the entries.
    uses: u64,
    bytes: usize,
    /// The JWK Set that verified all entries.
    set: Option<SetId>,
}

struct Entry<V> {
    /// The end of the token's signature: where most others differ.
    tag: u64,
    /// When it was last used, as `uses` counts.
    used: u64,
    not_before_ms: i64,
    expires_at_ms: i64,
    /// The token and what was expected of it.
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
    /// An empty cache of at most `size` tokens and [`MAX_TOKEN_CACHE_BYTES`]. 0 turns it off.
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

    /// What was kept of this token, where it is still valid at `now_ms` (milliseconds since
    /// 1970). `set` is [`JwkSetCache::fresh_set`](super::JwkSetCache::fresh_set).
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

    /// Keeps `value` of a token whose signature held under a key of `set`, and whose claims were
    /// judged by `expected`. `value_bytes`: what `value` takes.
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
            // What an older set verified never counts again.
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

    /// Takes out an entry that there is.
    fn remove(&mut self, at: usize) {
        let removed = self.entries.swap_remove(at);
        self.bytes = self.bytes.saturating_sub(removed.bytes);
    }

    /// How many tokens are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no token is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many bytes they take together: at most [`MAX_TOKEN_CACHE_BYTES`].
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

/// The last eight bytes.
fn tag(token: &[u8]) -> u64 {
    token
        .last_chunk()
        .map_or(0, |last| u64::from_le_bytes(*last))
}

/// A token and an expectation as bytes: equal only where both are, since each text of the expectation
/// has its length before it.
fn key(token: &[u8], expected: &Expected<'_>) -> Vec<u8> {
    let mut key = token.to_vec();
    key.extend_from_slice(&expected.clock_tolerance_ms.to_le_bytes());
    key.push(expected.merchant_id.is_some().into());
    let texts = [expected.issuer, expected.merchant_id.unwrap_or_default()];
    for text in texts.iter().chain(&expected.audience) {
        key.extend_from_slice(&text.len().to_le_bytes());
        key.extend_from_slice(text.as_bytes());
    }
    // The token's own length, since it stands first without one.
    key.extend_from_slice(&token.len().to_le_bytes());
    key
}
