//! Tokens that were verified before, so that the next request of the same agent needs no signature.

use lru::LruCache;

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
/// An entry answers only where a fresh verification would say the same, without a fetch:
///
/// - for the very same bytes, compared whole;
/// - under an equal expectation (merchant, audiences, issuer, tolerance);
/// - while `nbf − tolerance ≤ now < exp + tolerance`;
/// - under the JWK Set whose key verified it, while that set is fresh.
///
/// It does not see that a session was revoked. Neither does a fresh verification: only Gwop knows.
pub struct VerifiedTokens<V> {
    size: usize,
    /// By the bytes of the token.
    entries: LruCache<Box<[u8]>, Entry<V>>,
    bytes: usize,
    /// The JWK Set that verified all entries.
    set: Option<SetId>,
}

struct Entry<V> {
    expected: Expectation,
    not_before_ms: i64,
    expires_at_ms: i64,
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
            // Its bounds are kept below, since a bounded one takes its memory at once.
            entries: LruCache::unbounded(),
            bytes: 0,
            set: None,
        }
    }

    /// What was kept of this token, where it still answers for it at `now_ms` (milliseconds since
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
        let entry = self.entries.get(token)?;
        let tolerance = expected.clock_tolerance_ms;
        let holds = entry.expected.is(expected)
            && entry.not_before_ms <= now_ms.saturating_add(tolerance)
            && entry.expires_at_ms > now_ms.saturating_sub(tolerance);
        holds.then(|| entry.value.clone())
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
            // What an older set verified never answers again.
            if self.set.is_some_and(|newer| newer > set) {
                return;
            }
            self.entries.clear();
            self.bytes = 0;
            self.set = Some(set);
        }
        let expected = Expectation::of(expected);
        let bytes = [token.len(), value_bytes, expected.bytes(), ENTRY_BYTES]
            .into_iter()
            .fold(0_usize, usize::saturating_add);
        let entry = Entry {
            expected,
            not_before_ms: claims.not_before_ms().unwrap_or(i64::MIN),
            expires_at_ms: claims.expires_at_ms(),
            bytes,
            value,
        };
        self.bytes = self.bytes.saturating_add(bytes);
        if let Some(before) = self.entries.put(token.into(), entry) {
            self.bytes = self.bytes.saturating_sub(before.bytes);
        }
        while self.entries.len() > self.size || self.bytes > MAX_TOKEN_CACHE_BYTES {
            let Some((_, oldest)) = self.entries.pop_lru() else {
                break;
            };
            self.bytes = self.bytes.saturating_sub(oldest.bytes);
        }
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

/// An [`Expected`] that outlives its verification.
struct Expectation {
    merchant_id: Option<Box<str>>,
    audience: Box<[Box<str>]>,
    issuer: Box<str>,
    clock_tolerance_ms: i64,
}

impl Expectation {
    fn of(expected: &Expected<'_>) -> Self {
        Self {
            merchant_id: expected.merchant_id.map(Into::into),
            audience: expected
                .audience
                .iter()
                .map(|name| (*name).into())
                .collect(),
            issuer: expected.issuer.into(),
            clock_tolerance_ms: expected.clock_tolerance_ms,
        }
    }

    fn is(&self, expected: &Expected<'_>) -> bool {
        self.merchant_id.as_deref() == expected.merchant_id
            && self.clock_tolerance_ms == expected.clock_tolerance_ms
            && *self.issuer == *expected.issuer
            && self.audience.len() == expected.audience.len()
            && self
                .audience
                .iter()
                .zip(&expected.audience)
                .all(|(own, given)| **own == **given)
    }

    fn bytes(&self) -> usize {
        let texts = self
            .audience
            .iter()
            .chain(&self.merchant_id)
            .chain([&self.issuer]);
        texts.fold(0, |sum, text| sum.saturating_add(text.len()))
    }
}
