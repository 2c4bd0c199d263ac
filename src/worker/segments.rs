//! What an isolate caches of path segments that name merchants, and which merchants have the same
//! secret. This is plain policy: [`crate::worker::merchants`] does the reading.

use std::collections::BTreeMap;
use std::fmt;

/// How many merchants are cached.
const KNOWN: usize = 1_000;
/// How many segments that name no merchant are cached. They are counted separately, so that
/// strangers who try segments displace no merchant.
const NOBODY: usize = 1_000;
/// How long such a segment is cached, in milliseconds. The time is short, because a merchant may be
/// added.
pub const NOBODY_MS: i64 = 10_000;

/// What is cached of a segment.
#[derive(Debug, PartialEq, Eq)]
pub enum Asked<T> {
    /// The segment names this merchant.
    Known(T),
    /// The segment names no merchant.
    Nobody,
    /// The segment was not read recently, so it has to be read.
    Read,
    /// The segment is unknown, and so many segments were recently found to name no merchant that no
    /// more are read now.
    Full,
}

/// The cached segments. They are lists that are searched from one end to the other: a thousand
/// items take some microseconds, and a map would take kilobytes of code.
#[derive(Debug)]
pub struct Segments<T> {
    known: Vec<(String, T, i64)>,
    /// The first to expire is first.
    nobody: Vec<(String, i64)>,
}

impl<T> Default for Segments<T> {
    fn default() -> Self {
        Self {
            known: vec![],
            nobody: vec![],
        }
    }
}

impl<T: Clone> Segments<T> {
    /// Returns what is cached of a segment at `now`, in milliseconds since the epoch.
    pub fn ask(&self, segment: &str, now: i64) -> Asked<T> {
        match self.known.iter().find(|(of, ..)| of == segment) {
            Some((_, merchant, until)) if now < *until => return Asked::Known(merchant.clone()),
            // The segment was a merchant a short time ago, so it is read again, however many
            // segments strangers try.
            Some(_) => return Asked::Read,
            None => {}
        }
        let fresh = || self.nobody.iter().filter(|(_, until)| now < *until);
        if fresh().any(|(of, _)| of == segment) {
            Asked::Nobody
        } else if fresh().count() >= NOBODY {
            Asked::Full
        } else {
            Asked::Read
        }
    }

    /// Caches what was read of a segment: a merchant for `milliseconds`.
    pub fn keep(&mut self, segment: &str, found: Option<T>, now: i64, milliseconds: i64) {
        let expired = self.nobody.iter().position(|(_, until)| now < *until);
        self.nobody.drain(..expired.unwrap_or(self.nobody.len()));
        self.nobody.retain(|(of, _)| of != segment);
        self.known.retain(|(of, ..)| of != segment);
        match found {
            Some(merchant) => {
                if self.known.len() >= KNOWN {
                    self.known.remove(0);
                }
                let until = now.saturating_add(milliseconds);
                self.known.push((segment.to_owned(), merchant, until));
            }
            // Several requests may have read the segment at the same time.
            None if self.nobody.len() < NOBODY => {
                let until = now.saturating_add(NOBODY_MS);
                self.nobody.push((segment.to_owned(), until));
            }
            None => {}
        }
    }

    /// Changes the merchants that are cached at `now`.
    pub fn change(&mut self, now: i64, mut work: impl FnMut(&str, &mut T)) {
        for (segment, merchant, until) in &mut self.known {
            if now < *until {
                work(segment, merchant);
            }
        }
    }
}

/// The secrets that only one merchant may have: the name of the variable, and a value.
pub type Secrets = Vec<(&'static str, String)>;

/// Two merchants with the same value of a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shared {
    /// The keys of the merchants. An empty key is the Worker itself.
    pub keys: [String; 2],
    /// The name of the variable.
    pub name: &'static str,
}

impl Shared {
    /// Returns whether it concerns this merchant.
    #[must_use]
    pub fn is_about(&self, key: &str) -> bool {
        self.keys.iter().any(|of| of == key)
    }
}

impl fmt::Display for Shared {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [one, other] = &self.keys;
        let (one, other) = if one.is_empty() {
            (other, "the Worker itself")
        } else {
            (one, other.as_str())
        };
        write!(
            formatter,
            "{one} and {other} have the same {}: give each its own",
            self.name
        )
    }
}

/// Returns which merchants have the same value of one of `names` as an earlier one. There is one
/// pair for each name and merchant.
pub fn shared(names: &[&'static str], all: &[(&str, &Secrets)]) -> Vec<Shared> {
    let mut found = vec![];
    for name in names {
        let values = || {
            (0_i64..).zip(all).flat_map(|(at, (key, secrets))| {
                let of_name = secrets.iter().filter(|(of, _)| of == name);
                of_name.map(move |(_, value)| (value.as_str(), at, *key))
            })
        };
        let mut last_first: Vec<(&str, i64)> = values().map(|(value, at, _)| (value, at)).collect();
        last_first.reverse();
        // The first merchant with each value.
        let holders: BTreeMap<&str, i64> = last_first.into_iter().collect();
        for (value, at, key) in values() {
            let holder = holders.get(value).copied().unwrap_or(at);
            let holder = usize::try_from(holder).ok().and_then(|at| all.get(at));
            let Some((holder, _)) = holder.filter(|(holder, _)| *holder != key) else {
                continue;
            };
            let pair = Shared {
                keys: [(*holder).to_owned(), key.to_owned()],
                name,
            };
            if !found.contains(&pair) {
                found.push(pair);
            }
        }
    }
    found
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;

    #[test]
    fn strangers_push_out_no_merchant_and_cause_so_many_reads_at_most() {
        let mut segments = Segments::default();
        segments.keep("shop", Some(1), 0, MINUTE);
        let mut reads = 0;
        for stranger in 0..5_000 {
            let segment = format!("x{stranger}");
            match segments.ask(&segment, 1) {
                Asked::Read => {
                    reads += 1;
                    segments.keep(&segment, None, 1, MINUTE);
                }
                asked => assert_eq!(asked, Asked::Full),
            }
        }
        assert_eq!(reads, NOBODY);
        assert_eq!(segments.ask("shop", 1), Asked::Known(1));
        assert_eq!(segments.ask("x0", 1), Asked::Nobody);
        // Strangers do not prevent a merchant from being read again.
        assert_eq!(segments.ask("shop", MINUTE), Asked::Read);
        // After a short time every segment may be a merchant again.
        assert_eq!(segments.ask("x0", 1 + NOBODY_MS), Asked::Read);
        segments.keep("other", None, 1 + NOBODY_MS, MINUTE);
        assert_eq!(segments.nobody.len(), 1);
    }

    #[test]
    fn who_comes_and_who_goes_is_seen() {
        let mut segments = Segments::default();
        segments.keep("shop", None, 0, MINUTE);
        segments.keep("shop", Some(1), 1, MINUTE);
        assert_eq!(segments.ask("shop", 2), Asked::Known(1));
        segments.keep("shop", None, 3, MINUTE);
        assert_eq!(segments.ask("shop", 4), Asked::Nobody);
    }

    #[test]
    fn of_too_many_merchants_the_one_that_was_read_first_goes() {
        let mut segments = Segments::default();
        for merchant in 0..=KNOWN {
            let now = i64::try_from(merchant).unwrap_or_default();
            segments.keep(&format!("m{merchant}"), Some(merchant), now, MINUTE);
        }
        let now = i64::try_from(KNOWN).unwrap_or_default();
        assert_eq!(segments.ask("m0", now), Asked::Read);
        assert_eq!(segments.ask("m1", now), Asked::Known(1));
        let mut count = 0;
        segments.change(now, |_, _| count += 1);
        assert_eq!(count, KNOWN);
    }

    #[test]
    fn a_shared_secret_is_found_by_name_and_said_without_its_value() {
        let of = |pairs: &[(&'static str, &str)]| -> Secrets {
            pairs
                .iter()
                .map(|(name, value)| (*name, (*value).to_owned()))
                .collect()
        };
        let own = of(&[("TOKEN", "t0")]);
        let alpha = of(&[("TOKEN", "t1"), ("TOKEN", "t2"), ("ID", "i1")]);
        let beta = of(&[("TOKEN", "t2"), ("TOKEN", "t1"), ("ID", "i2")]);
        // The same text in another variable does not matter.
        let gamma = of(&[("ID", "t1"), ("TOKEN", "t0"), ("ID", "t1")]);
        let all = [
            ("", &own),
            ("alpha", &alpha),
            ("beta", &beta),
            ("gamma", &gamma),
        ];
        let names = ["TOKEN", "ID"];
        let found = shared(&names, &all);
        let said: Vec<_> = found.iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "alpha and beta have the same TOKEN: give each its own",
                "gamma and the Worker itself have the same TOKEN: give each its own",
            ]
        );
        assert!(found.iter().any(|pair| pair.is_about("beta")));
        let delta = of(&[("ID", "i3")]);
        assert_eq!(shared(&names, &[("alpha", &alpha), ("delta", &delta)]), []);
    }
}
