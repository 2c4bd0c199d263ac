//! The JWK Set cache: when to fetch the set, which response to keep, and for how long.
//!
//! The cache is a value without a clock, a timer or a promise. Each change is one synchronous call.
//! A request that dies between two calls therefore leaves the cache in a valid state.

use super::jwk::{Jwk, JwkSet, MAX_JWK_SET_BYTES, Unusable};
use super::rejection::Rejection;
use crate::json::Value;

/// The default of `jwksCooldownSeconds`.
pub const COOLDOWN_SECONDS: u32 = 30;

/// The longest value from a `jwksStore` that is read, in bytes.
pub const MAX_STORED_BYTES: usize = MAX_JWK_SET_BYTES;

/// How long a set is used without fetching it again: one hour.
const FRESH_MS: i64 = 3_600_000;
/// How long the last good set is used while Gwop cannot be reached: one day.
const STALE_MS: i64 = 24 * 3_600_000;
/// The pause after the first failure while no set is held. It doubles with each further failure.
const FIRST_PAUSE_MS: i64 = 1_000;
/// The longest pause between two fetches while no set is held.
const LONGEST_PAUSE_MS: i64 = 30_000;
/// How long a request waits for a refresh that another request has started.
const WAIT_MS: i64 = 2_000;
/// How often a waiting request looks again.
const LOOK_AGAIN_MS: u32 = 25;
/// The largest number of concurrent fetches while no set is held.
const MAX_FETCHES: usize = 4;
/// When a fetch without a reported outcome counts as dead. Its request may have been canceled.
///
/// This is longer than a fetch may take.
const FETCH_MS: i64 = 30_000;
/// The shortest cooldown, in milliseconds.
const SHORTEST_COOLDOWN_MS: i64 = 1_000;
/// How far the clock of the process that filled the store may be ahead.
const STORE_SKEW_MS: i64 = 60_000;

/// Permission for one fetch. [`Plan::Fetch`] returns it, and the caller hands it back with the
/// outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    /// Increases with each fetch. It determines the order of responses.
    pub ordinal: u32,
    /// When the fetch started, in milliseconds since 1970.
    pub begun_at_ms: i64,
}

/// The progress of a verification towards a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// It has requested nothing yet.
    First,
    /// It has a ticket and has offered the store's value ([`JwkSetCache::adopt`]), but has not
    /// fetched yet.
    StoreAsked(Ticket),
    /// It has fetched and reported the outcome.
    Fetched,
}

/// The next step of a verification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// Verify with [`JwkSetCache::candidates`].
    Use,
    /// Read the store, if there is one. Then fetch.
    Fetch(Ticket),
    /// Another request is fetching the set. Plan again after this many milliseconds.
    ///
    /// The wait is at most 2 seconds for each fetch, and at most 4 seconds in all.
    Wait(u32),
    /// There is no key: [`Rejection::KID_UNKNOWN`] or [`Rejection::JWKS_UNAVAILABLE`].
    Refuse(Rejection),
}

/// Identifies one JWK Set of a [`JwkSetCache`]. A set that was held later has a greater id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SetId(u64);

#[derive(Debug)]
struct Held {
    id: SetId,
    set: JwkSet,
    /// When the fetch of this set started, here or in the process that filled the store.
    fetched_at_ms: i64,
    /// The ordinal of its fetch. `None` for a set from the store.
    ordinal: Option<u32>,
}

/// The JWK Set cache of one client.
///
/// - A set is fresh for 1 hour from the start of its fetch. An unknown `kid` causes an earlier
///   refresh.
/// - While a set is held, at most one refresh starts per cooldown, whatever its outcome. A fetch
///   whose set lacks the `kid` it was made for also counts.
/// - While no set is held, one request fetches, and the others check for up to 2 seconds whether it
///   has finished. If it has not, up to 4 requests fetch at a time. A request that finds 4 fetches
///   that have been running for 2 seconds is refused. A fetch without a reported outcome ends after
///   30 seconds.
/// - After a failure while no set is held, nobody fetches for 1 second. This pause doubles up to 30
///   seconds. Failures of overlapping fetches count once.
/// - While refreshing fails, the last good set is used until 24 hours after its fetch.
/// - Of two responses, the one whose fetch started later is kept. A response without a usable key
///   counts as a failure, so it never replaces a good set.
#[derive(Debug)]
pub struct JwkSetCache {
    cooldown_ms: i64,
    held: Option<Held>,
    /// The number of sets that have been held.
    sets: u64,
    begun: u32,
    /// The ordinal of the latest fetch that has ended, and the rejection of tokens without a key
    /// since then.
    concluded: (u32, Rejection),
    /// The fetches in progress while no set is held: at most [`MAX_FETCHES`], the oldest first.
    fetching: Vec<Ticket>,
    /// The refresh in progress while a set is held.
    ///
    /// It remains if its request dies, so nothing relies on it for longer than [`WAIT_MS`].
    refreshing: Option<u32>,
    refresh_begun_at_ms: Option<i64>,
    failures: u32,
    failed_at_ms: Option<i64>,
}

impl JwkSetCache {
    /// Creates an empty cache. `cooldown_ms` is in milliseconds. Less than a second counts as one
    /// second.
    #[must_use]
    pub fn new(cooldown_ms: i64) -> Self {
        Self {
            cooldown_ms: cooldown_ms.max(SHORTEST_COOLDOWN_MS),
            held: None,
            sets: 0,
            begun: 0,
            concluded: (0, Rejection::KID_UNKNOWN),
            fetching: Vec::new(),
            refreshing: None,
            refresh_begun_at_ms: None,
            failures: 0,
            failed_at_ms: None,
        }
    }

    /// Returns the next step of the verification of a token with this `kid`.
    ///
    /// `now_ms` is in milliseconds since 1970.
    ///
    /// # Examples
    /// ```
    /// use gwop::token::{Attempt, JwkSetCache, Plan};
    ///
    /// let mut cache = JwkSetCache::new(30_000);
    /// // Nothing is held, so the first request fetches the set. The next one waits for it.
    /// let Plan::Fetch(ticket) = cache.plan(Some("k"), Attempt::First, 0) else { panic!() };
    /// assert!(matches!(cache.plan(Some("k"), Attempt::First, 0), Plan::Wait(_)));
    /// // The fetch failed: nobody fetches for a second.
    /// cache.failed(ticket, 10);
    /// assert!(matches!(cache.plan(Some("k"), Attempt::First, 20), Plan::Refuse(_)));
    /// assert!(matches!(cache.plan(Some("k"), Attempt::First, 1_010), Plan::Fetch(_)));
    /// ```
    pub fn plan(&mut self, kid: Option<&str>, attempt: Attempt, now_ms: i64) -> Plan {
        // No fetch can help a token without a `kid`.
        let Some(kid) = kid else {
            return Plan::Refuse(Rejection::KID_UNKNOWN);
        };
        if let Some(held) = &mut self.held {
            // The clock was set back. The set counts as fetched now at the latest.
            held.fetched_at_ms = held.fetched_at_ms.min(now_ms);
            if age(held.fetched_at_ms, now_ms) >= STALE_MS {
                self.held = None;
            }
        }
        let Some(held) = &self.held else {
            return match attempt {
                Attempt::StoreAsked(ticket) => Plan::Fetch(ticket),
                Attempt::First if !self.pausing(now_ms) => self.fetch_first_set(now_ms),
                Attempt::First | Attempt::Fetched => self.refuse(attempt),
            };
        };
        let known = held.set.contains(kid);
        if known && age(held.fetched_at_ms, now_ms) < FRESH_MS {
            if let Attempt::StoreAsked(ticket) = attempt {
                self.release(ticket);
            }
            return Plan::Use;
        }
        match attempt {
            Attempt::StoreAsked(ticket) if self.refreshing == Some(ticket.ordinal) => {
                return Plan::Fetch(ticket);
            }
            Attempt::First | Attempt::StoreAsked(_) if self.may_refresh(now_ms) => {
                let ticket = match attempt {
                    Attempt::StoreAsked(ticket) => ticket,
                    _ => self.begin(now_ms),
                };
                self.refreshing = Some(ticket.ordinal);
                self.refresh_begun_at_ms = Some(now_ms);
                return Plan::Fetch(ticket);
            }
            Attempt::First | Attempt::StoreAsked(_) if !known && self.refreshing.is_some() => {
                let begun_at_ms = self.refresh_begun_at_ms.unwrap_or(now_ms);
                if age(begun_at_ms, now_ms) < WAIT_MS {
                    return Plan::Wait(LOOK_AGAIN_MS);
                }
            }
            _ => {}
        }
        if known {
            return Plan::Use;
        }
        if attempt == Attempt::Fetched && self.refresh_begun_at_ms.is_none() {
            self.refresh_begun_at_ms = Some(now_ms);
        }
        self.refuse(attempt)
    }

    /// Plans while no set is held: one request fetches, and the others wait for it.
    ///
    /// At most [`MAX_FETCHES`] requests fetch at a time.
    fn fetch_first_set(&mut self, now_ms: i64) -> Plan {
        self.fetching
            .retain(|fetch| !elapsed(fetch.begun_at_ms, FETCH_MS, now_ms));
        let waited = |fetch: Option<&Ticket>| {
            fetch.is_none_or(|fetch| elapsed(fetch.begun_at_ms, WAIT_MS, now_ms))
        };
        let full = self.fetching.len() >= MAX_FETCHES;
        let awaited = if full {
            self.fetching.last()
        } else {
            self.fetching.first()
        };
        match (waited(awaited), full) {
            (false, _) => Plan::Wait(LOOK_AGAIN_MS),
            (true, true) => Plan::Refuse(Rejection::JWKS_UNAVAILABLE),
            (true, false) => {
                let ticket = self.begin(now_ms);
                self.fetching.push(ticket);
                Plan::Fetch(ticket)
            }
        }
    }

    /// Returns the keys to verify with after [`Plan::Use`].
    pub fn candidates<'s>(&'s self, kid: &'s str) -> impl Iterator<Item = &'s Jwk> {
        let keys = self.held.as_ref().map_or(&[][..], |held| held.set.keys());
        keys.iter().filter(move |key| key.kid() == kid)
    }

    /// Reports that the fetch returned status 200 and `body`.
    ///
    /// Returns whether this response is now the held set, so that the caller can store it.
    pub fn received(&mut self, ticket: Ticket, body: &[u8], now_ms: i64) -> bool {
        match JwkSet::parse(body) {
            Ok(set) => {
                self.conclude(ticket, Rejection::KID_UNKNOWN);
                self.failures = 0;
                self.failed_at_ms = None;
                let outdated = self.held.as_ref().is_some_and(|held| match held.ordinal {
                    Some(ordinal) => ordinal > ticket.ordinal,
                    None => held.fetched_at_ms > ticket.begun_at_ms,
                });
                if !outdated {
                    self.hold(set, ticket.begun_at_ms, Some(ticket.ordinal));
                }
                !outdated
            }
            Err(reason) => {
                let refusal = match reason {
                    Unusable::NoUsableKey => Rejection::KID_UNKNOWN,
                    Unusable::NotAJwkSet => Rejection::JWKS_UNAVAILABLE,
                };
                self.unusable(ticket, refusal, now_ms);
                false
            }
        }
    }

    /// Reports that the fetch failed: no response, a status other than 200, or a body that was too
    /// long.
    pub fn failed(&mut self, ticket: Ticket, now_ms: i64) {
        self.unusable(ticket, Rejection::JWKS_UNAVAILABLE, now_ms);
    }

    /// Offers the value of a `jwksStore`: the JSON text of `{ keys, fetchedAt }`.
    ///
    /// The cache accepts it only if it is a usable JWK Set, younger than 24 hours, not from the
    /// future (it allows a clock difference of one minute), and newer than the held set. Returns
    /// whether it was accepted.
    pub fn adopt(&mut self, value: &[u8], now_ms: i64) -> bool {
        if value.len() > MAX_STORED_BYTES {
            return false;
        }
        let Some(value) = Value::parse(value).ok().and_then(Value::as_object) else {
            return false;
        };
        let Some(fetched_at_ms) = value.get("fetchedAt").and_then(Value::as_integer) else {
            return false;
        };
        let newer = self
            .held
            .as_ref()
            .is_none_or(|held| fetched_at_ms > held.fetched_at_ms);
        if !newer
            || fetched_at_ms < 0
            || fetched_at_ms > now_ms.saturating_add(STORE_SKEW_MS)
            || age(fetched_at_ms, now_ms) >= STALE_MS
        {
            return false;
        }
        let Ok(set) = JwkSet::from_json(&value) else {
            return false;
        };
        self.hold(set, fetched_at_ms.min(now_ms), None);
        true
    }

    /// Returns the held set if [`plan`](Self::plan) would use it at `now_ms` without fetching
    /// another.
    #[must_use]
    pub fn fresh_set(&self, now_ms: i64) -> Option<SetId> {
        let held = self.held.as_ref()?;
        // If the clock was set back, a verification corrects the set's age first.
        (0..FRESH_MS)
            .contains(&age(held.fetched_at_ms, now_ms))
            .then_some(held.id)
    }

    /// Returns the held set as the value for a `jwksStore`: the JSON text of `{ keys, fetchedAt }`.
    ///
    /// Returns an empty string if no set is held.
    #[must_use]
    pub fn to_stored(&self) -> String {
        let mut out = String::new();
        if let Some(held) = &self.held {
            out.push_str("{\"keys\":");
            held.set.push_keys(&mut out);
            out.push_str(",\"fetchedAt\":");
            out.push_str(&held.fetched_at_ms.to_string());
            out.push('}');
        }
        out
    }

    /// Returns the key with this thumbprint.
    #[must_use]
    pub fn key(&self, thumbprint: &str) -> Option<&Jwk> {
        self.held.as_ref()?.set.key(thumbprint)
    }

    /// Removes a key that Web Crypto refused to import.
    pub fn remove_key(&mut self, thumbprint: &str) {
        if let Some(held) = &mut self.held {
            held.set.remove(thumbprint);
        }
    }

    fn hold(&mut self, set: JwkSet, fetched_at_ms: i64, ordinal: Option<u32>) {
        self.sets = self.sets.saturating_add(1);
        self.held = Some(Held {
            id: SetId(self.sets),
            set,
            fetched_at_ms,
            ordinal,
        });
        self.fetching.clear();
    }

    fn begin(&mut self, now_ms: i64) -> Ticket {
        self.begun = self.begun.saturating_add(1);
        Ticket {
            ordinal: self.begun,
            begun_at_ms: now_ms,
        }
    }

    /// Returns a ticket that was not needed. The next request may refresh at once.
    fn release(&mut self, ticket: Ticket) {
        if self.refreshing == Some(ticket.ordinal) {
            self.refreshing = None;
            self.refresh_begun_at_ms = None;
        }
    }

    fn conclude(&mut self, ticket: Ticket, refusal: Rejection) {
        self.fetching
            .retain(|fetch| fetch.ordinal != ticket.ordinal);
        if self.refreshing == Some(ticket.ordinal) {
            self.refreshing = None;
        }
        if ticket.ordinal >= self.concluded.0 {
            self.concluded = (ticket.ordinal, refusal);
        }
    }

    fn unusable(&mut self, ticket: Ticket, refusal: Rejection, now_ms: i64) {
        self.conclude(ticket, refusal);
        let counted_already = self
            .failed_at_ms
            .is_some_and(|failed_at_ms| (ticket.begun_at_ms..=now_ms).contains(&failed_at_ms));
        if self.held.is_none() && !counted_already {
            self.failures = self.failures.saturating_add(1);
            self.failed_at_ms = Some(now_ms);
        }
    }

    fn pausing(&self, now_ms: i64) -> bool {
        let doublings = self.failures.saturating_sub(1).min(5);
        let pause_ms = (FIRST_PAUSE_MS << doublings).min(LONGEST_PAUSE_MS);
        self.failed_at_ms
            .is_some_and(|failed_at_ms| !elapsed(failed_at_ms, pause_ms, now_ms))
    }

    fn may_refresh(&self, now_ms: i64) -> bool {
        self.refresh_begun_at_ms
            .is_none_or(|begun_at_ms| elapsed(begun_at_ms, self.cooldown_ms, now_ms))
    }

    fn refuse(&self, attempt: Attempt) -> Plan {
        // The refresh of another request has brought no response, perhaps because that request
        // died. Nothing is known about this `kid`.
        let no_response = attempt != Attempt::Fetched && self.refreshing.is_some();
        Plan::Refuse(if no_response {
            Rejection::JWKS_UNAVAILABLE
        } else {
            self.concluded.1
        })
    }
}

fn age(since_ms: i64, now_ms: i64) -> i64 {
    now_ms.saturating_sub(since_ms)
}

/// Returns whether `period_ms` is over.
///
/// If the clock was set back, the period ends. Otherwise it would last longer by that amount.
fn elapsed(since_ms: i64, period_ms: i64, now_ms: i64) -> bool {
    let age = age(since_ms, now_ms);
    age < 0 || age >= period_ms
}
