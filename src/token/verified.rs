//! A cache of verified tokens, so that the next request of the same agent needs no signature check.

use std::borrow::Cow;

use super::cache::SetId;
use super::claims::{Claims, Expected};

/// The default number of tokens in the cache.
pub const TOKEN_CACHE_SIZE: usize = 1_000;

/// The largest total size of the tokens of one cache, in bytes.
pub const MAX_TOKEN_CACHE_BYTES: usize = 2_000_000;

/// The size of an entry in addition to its texts, in bytes. This is a generous estimate.
const ENTRY_BYTES: usize = 256;

/// A bounded cache of verified tokens. It removes those first that were not used lately.
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
/// It is a clock: a hand goes round the entries from the oldest to the newest, spares what was used
/// since it last passed, and removes the first other entry. The new one takes that place, and is the
/// last that the hand reaches. The crate `lru` did a similar job for 6 KB more with gzip, a twentieth
/// of the whole package, and a search for the least recently used of 1,000 entries took a twentieth
/// of a verification.
pub struct VerifiedTokens<V> {
    size: usize,
    entries: Vec<Entry<V>>,
    /// A byte of each entry, by which it is found.
    marks: Vec<u8>,
    /// The place that the hand looks at next. The newest entry is the one before.
    hand: usize,
    bytes: usize,
    /// The JWK Set that verified all entries.
    set: Option<SetId>,
}

struct Entry<V> {
    /// The end of the token's signature. Most other tokens differ there.
    tag: u64,
    not_before_ms: i64,
    expires_at_ms: i64,
    /// The token and its expectation.
    key: Box<[u8]>,
    bytes: usize,
    value: V,
    /// Whether it was used since the hand last passed it.
    used: bool,
}

/// A token that [`VerifiedTokens::keep`] can add once its signature is verified.
///
/// It can be made while Web Crypto checks the signature.
pub struct Candidate<V>(Entry<V>);

impl<V> Candidate<V> {
    /// Creates the candidate of a token whose claims were checked against `expected`.
    ///
    /// `value_bytes` is the size of `value`.
    #[must_use]
    pub fn new(
        token: &[u8],
        expected: &Expected<'_>,
        claims: &Claims<'_>,
        value: V,
        value_bytes: usize,
    ) -> Self {
        let key = key(token, expected);
        let bytes = key
            .len()
            .saturating_add(value_bytes)
            .saturating_add(ENTRY_BYTES);
        Self(Entry {
            tag: tag(token),
            not_before_ms: claims.not_before_ms().unwrap_or(i64::MIN),
            expires_at_ms: claims.expires_at_ms(),
            key: key.into(),
            bytes,
            value,
            used: false,
        })
    }
}

impl<V> std::fmt::Debug for Candidate<V> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Candidate(redacted)")
    }
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
            marks: Vec::new(),
            hand: 0,
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
        let at = self.find(tag(token), || key(token, expected).into())?;
        let entry = self.entries.get_mut(at)?;
        let tolerance = expected.clock_tolerance_ms;
        let holds = entry.not_before_ms <= now_ms.saturating_add(tolerance)
            && entry.expires_at_ms > now_ms.saturating_sub(tolerance);
        if !holds {
            return None;
        }
        entry.used = true;
        Some(entry.value.clone())
    }

    /// Adds a token to the cache. A key of `set` must have verified its signature.
    ///
    /// Does nothing if the cache is disabled, or if the token alone exceeds its bytes.
    pub fn keep(&mut self, Candidate(entry): Candidate<V>, set: SetId) {
        if self.size == 0 || entry.bytes > MAX_TOKEN_CACHE_BYTES {
            return;
        }
        if self.set != Some(set) {
            // An entry that an older set verified is never used again.
            if self.set.is_some_and(|newer| newer > set) {
                return;
            }
            self.entries.clear();
            self.marks.clear();
            self.hand = 0;
            self.bytes = 0;
            self.set = Some(set);
        }
        if let Some(at) = self.find(entry.tag, || Cow::Borrowed(&entry.key)) {
            self.remove(at);
        }
        let room = MAX_TOKEN_CACHE_BYTES.saturating_sub(entry.bytes);
        while self.bytes > room
            && let Some(at) = self.turn()
        {
            self.remove(at);
        }
        self.bytes = self.bytes.saturating_add(entry.bytes);
        let mark = mark(entry.tag);
        if self.entries.len() < self.size {
            let at = self.hand.min(self.entries.len());
            self.marks.insert(at, mark);
            self.entries.insert(at, entry);
            self.hand = at.saturating_add(1);
        } else if let Some(at) = self.turn()
            && let (Some(place), Some(oldest)) = (self.marks.get_mut(at), self.entries.get_mut(at))
        {
            self.bytes = self.bytes.saturating_sub(oldest.bytes);
            *place = mark;
            *oldest = entry;
            self.hand = at.saturating_add(1);
        }
    }

    /// Returns the place of an entry. Requests its key only if the tag of an entry fits.
    fn find<'k>(&self, tag: u64, key: impl Fn() -> Cow<'k, [u8]>) -> Option<usize> {
        memchr::memchr_iter(mark(tag), &self.marks).find(|at| {
            let entry = self.entries.get(*at).filter(|entry| entry.tag == tag);
            entry.is_some_and(|entry| *entry.key == *key())
        })
    }

    /// Turns the hand to the next entry that was not used since it last passed. Returns its place.
    fn turn(&mut self) -> Option<usize> {
        loop {
            if self.hand >= self.entries.len() {
                self.hand = 0;
            }
            let used = &mut self.entries.get_mut(self.hand)?.used;
            if !std::mem::take(used) {
                return Some(self.hand);
            }
            self.hand = self.hand.saturating_add(1);
        }
    }

    /// Removes an existing entry.
    fn remove(&mut self, at: usize) {
        let removed = self.entries.remove(at);
        self.marks.remove(at);
        self.bytes = self.bytes.saturating_sub(removed.bytes);
        if at < self.hand {
            self.hand = self.hand.saturating_sub(1);
        }
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

/// Returns a byte that depends on the whole tag.
fn mark(tag: u64) -> u8 {
    // Fibonacci hashing. The shift leaves eight bits, so the cast is exact.
    (tag.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8
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
