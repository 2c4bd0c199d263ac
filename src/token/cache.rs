//! When to fetch the JWK Set, which response to keep, and for how long. A value without a clock, a
//! timer or a promise: each change is one synchronous call, so a request that dies between two
//! calls leaves nothing half-made.

use super::jwk::{Jwk, JwkSet, MAX_JWK_SET_BYTES, Unusable};
use super::rejection::Rejection;
use crate::json::Value;

/// The default of `jwksCooldownSeconds`.
pub const COOLDOWN_SECONDS: u32 = 30;

/// The longest text of a value from a `jwksStore` that is read, in bytes.
pub const MAX_STORED_BYTES: usize = MAX_JWK_SET_BYTES;

/// A set is used without asking again for an hour.
const FRESH_MS: i64 = 3_600_000;
/// The last good set is used for a day while Gwop cannot be reached.
const STALE_MS: i64 = 24 * 3_600_000;
/// With no set held, the pause after the first failure; it doubles with each further one.
const FIRST_PAUSE_MS: i64 = 1_000;
/// With no set held, the longest pause between two fetches.
const LONGEST_PAUSE_MS: i64 = 30_000;
/// How long a request waits for a refresh that another request has begun.
const WAIT_MS: i64 = 2_000;
/// How often it looks meanwhile.
const LOOK_AGAIN_MS: u32 = 25;
/// With no set held, the most fetches under way at a time.
const MAX_FETCHES: usize = 4;
/// A fetch that has not been reported on for so long is taken for dead, as its request may have been cancelled: longer
/// than a fetch may take.
const FETCH_MS: i64 = 30_000;
/// The shortest cooldown, in milliseconds.
const SHORTEST_COOLDOWN_MS: i64 = 1_000;
/// How far ahead the clock of whoever filled the store may be.
const STORE_SKEW_MS: i64 = 60_000;

/// Permission for one fetch, given by [`Plan::Fetch`] and handed back with its outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    /// Counts up with each fetch begun: the order in which responses count.
    pub ordinal: u32,
    /// When the fetch was begun, in milliseconds since 1970.
    pub begun_at_ms: i64,
}

/// How far a verification has come on its way to a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// It has not asked for anything.
    First,
    /// It holds a ticket and has offered the store's value ([`JwkSetCache::adopt`]), but has fetched nothing yet.
    StoreAsked(Ticket),
    /// It has fetched and reported the outcome.
    Fetched,
}

/// What a verification does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// Verify with [`JwkSetCache::candidates`].
    Use,
    /// Ask the store, if there is one, then fetch.
    Fetch(Ticket),
    /// Another request is fetching the set: plan again after so many milliseconds. Bounded to 2 seconds for each fetch
    /// that is waited for, and to 4 in all.
    Wait(u32),
    /// There is no key: [`Rejection::KID_UNKNOWN`] or [`Rejection::JWKS_UNAVAILABLE`].
    Refuse(Rejection),
}

/// Names one JWK Set of a [`JwkSetCache`]. One that was held later is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SetId(u64);

#[derive(Debug)]
struct Held {
    id: SetId,
    set: JwkSet,
    /// When the fetch of this set began, here or in whoever filled the store.
    fetched_at_ms: i64,
    /// The ordinal of its fetch; `None` for a set from the store.
    ordinal: Option<u32>,
}

/// The JWK Set cache of one client.
///
/// - A set is fresh for 1 hour from the start of its fetch, and refreshed early for an unknown `kid`.
/// - Once a set is held, at most one refresh begins per cooldown, whatever becomes of it. A fetch that brought a set without the `kid` it was made for counts too.
/// - While none is held one request fetches, and the others look again for up to 2 seconds whether it has. Where it has not by then, up to 4
///   fetch at a time; whoever finds 4 that have been under way for 2 seconds is refused. A fetch that is not reported on ends by itself after 30.
/// - After a failure with none held nobody fetches for 1 second, doubling up to 30; failures of fetches that overlapped count once.
/// - While refreshing fails, the last good set serves until 24 hours after its fetch.
/// - Of two responses the one whose fetch began later stays. A response without a usable key counts
///   as a failure, so it never displaces a good set.
#[derive(Debug)]
pub struct JwkSetCache {
    cooldown_ms: i64,
    held: Option<Held>,
    /// How many sets have been held.
    sets: u64,
    begun: u32,
    /// Ordinal of the latest fetch that has come to an end, and what is said since of a token without a key.
    settled: (u32, Rejection),
    /// The fetches that are under way while no set is held: [`MAX_FETCHES`] at most, the oldest first.
    fetching: Vec<Ticket>,
    /// The refresh that is under way while a set is held. It stays if its request dies, so nothing trusts it for longer than [`WAIT_MS`].
    refreshing: Option<u32>,
    refresh_begun_at_ms: Option<i64>,
    failures: u32,
    failed_at_ms: Option<i64>,
}

impl JwkSetCache {
    /// An empty cache. `cooldown_ms` is in milliseconds; less than a second counts as one.
    #[must_use]
    pub fn new(cooldown_ms: i64) -> Self {
        Self {
            cooldown_ms: cooldown_ms.max(SHORTEST_COOLDOWN_MS),
            held: None,
            sets: 0,
            begun: 0,
            settled: (0, Rejection::KID_UNKNOWN),
            fetching: Vec::new(),
            refreshing: None,
            refresh_begun_at_ms: None,
            failures: 0,
            failed_at_ms: None,
        }
    }

    /// What a verification of a token with this `kid` does next, at `now_ms` (milliseconds since 1970).
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
        // A token without a `kid` cannot be helped by any fetch.
        let Some(kid) = kid else {
            return Plan::Refuse(Rejection::KID_UNKNOWN);
        };
        if let Some(held) = &mut self.held {
            // The clock was set back: the set is as old as now at most.
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

    /// With no set held: one request fetches, the others wait for it, and no more than [`MAX_FETCHES`] fetch at a time.
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

    /// The keys to verify with after [`Plan::Use`].
    pub fn candidates<'s>(&'s self, kid: &'s str) -> impl Iterator<Item = &'s Jwk> {
        let keys = self.held.as_ref().map_or(&[][..], |held| held.set.keys());
        keys.iter().filter(move |key| key.kid() == kid)
    }

    /// The fetch returned status 200 and `body`. Whether this response is now the held set, and so
    /// worth storing.
    pub fn received(&mut self, ticket: Ticket, body: &[u8], now_ms: i64) -> bool {
        match JwkSet::parse(body) {
            Ok(set) => {
                self.settle(ticket, Rejection::KID_UNKNOWN);
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

    /// The fetch failed: no response, a status other than 200, or a body that was too long.
    pub fn failed(&mut self, ticket: Ticket, now_ms: i64) {
        self.unusable(ticket, Rejection::JWKS_UNAVAILABLE, now_ms);
    }

    /// Offers the value of a `jwksStore`: the JSON text of `{ keys, fetchedAt }`. It is taken over only if it is a usable JWK Set younger than 24 hours,
    /// not from the future (a minute of clock difference is forgiven), and newer than what is held. Returns whether it was.
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

    /// The held set, where [`plan`](Self::plan) would use it at `now_ms` without asking for another.
    #[must_use]
    pub fn fresh_set(&self, now_ms: i64) -> Option<SetId> {
        let held = self.held.as_ref()?;
        // After the clock was set back, a verification settles the set's age first.
        (0..FRESH_MS)
            .contains(&age(held.fetched_at_ms, now_ms))
            .then_some(held.id)
    }

    /// The held set as the value that a `jwksStore` keeps: the JSON text of `{ keys, fetchedAt }`. Empty where none is held.
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

    /// The key with this thumbprint.
    #[must_use]
    pub fn key(&self, thumbprint: &str) -> Option<&Jwk> {
        self.held.as_ref()?.set.key(thumbprint)
    }

    /// Leaves out a key that Web Crypto would not import.
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

    /// The ticket was not needed: the next request may refresh at once.
    fn release(&mut self, ticket: Ticket) {
        if self.refreshing == Some(ticket.ordinal) {
            self.refreshing = None;
            self.refresh_begun_at_ms = None;
        }
    }

    fn settle(&mut self, ticket: Ticket, refusal: Rejection) {
        self.fetching
            .retain(|fetch| fetch.ordinal != ticket.ordinal);
        if self.refreshing == Some(ticket.ordinal) {
            self.refreshing = None;
        }
        if ticket.ordinal >= self.settled.0 {
            self.settled = (ticket.ordinal, refusal);
        }
    }

    fn unusable(&mut self, ticket: Ticket, refusal: Rejection, now_ms: i64) {
        self.settle(ticket, refusal);
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
        // The refresh of another request has brought no response, perhaps since that request died:
        // nothing is known of this `kid`.
        let no_response = attempt != Attempt::Fetched && self.refreshing.is_some();
        Plan::Refuse(if no_response {
            Rejection::JWKS_UNAVAILABLE
        } else {
            self.settled.1
        })
    }
}

fn age(since_ms: i64, now_ms: i64) -> i64 {
    now_ms.saturating_sub(since_ms)
}

/// Whether `period_ms` is over. A clock that was set back ends it, rather than stretching it for as long as it was set back.
fn elapsed(since_ms: i64, period_ms: i64, now_ms: i64) -> bool {
    let age = age(since_ms, now_ms);
    age < 0 || age >= period_ms
}
