//! The offers made for an invoice or auth intent. A version 2 payment repeats one of them whole,
//! and it has to match.

use crate::payment::{Chain, Once};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, VecDeque};

/// The most offers that are stored for one invoice. The oldest are removed first.
pub const MAX_OFFERS: usize = 32;

/// The member that is not compared, because it counts down.
const TIME_LEFT: &str = "maxTimeoutSeconds";

/// An offer without its `maxTimeoutSeconds`.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Offer {
    chain: Chain,
    terms: Value,
    /// When it expires, on the simulator's clock.
    expires_at: u64,
}

/// The offers of one invoice or auth intent, and the payments bound to its settlement ids.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Offers {
    kept: VecDeque<Offer>,
    /// Keyed by settlement id. Used in the mode of Gwop's own pages.
    settlements: BTreeMap<String, Settlement>,
}

/// The only payment of a settlement id.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Settlement {
    /// The header that paid.
    pub header: String,
    /// The response to it: status, body, and additional headers.
    #[serde(rename = "answer")]
    pub response: (u16, Value, Vec<(String, String)>),
    /// What the payment used up. If that is free again, the payment has failed and the id is no
    /// longer bound.
    pub once: Once,
}

impl Offers {
    /// Stores an offer until it expires. An offer with the same terms is the same offer.
    pub fn keep(&mut self, chain: Chain, offer: &Value, expires_at: u64, clock: u64) {
        let terms = without_time_left(offer);
        self.kept
            .retain(|one| one.expires_at > clock && one.terms != terms);
        if self.kept.len() >= MAX_OFFERS {
            self.kept.pop_front();
        }
        self.kept.push_back(Offer {
            chain,
            terms,
            expires_at,
        });
    }

    /// Returns whether this offer was made on this chain and has not expired.
    #[must_use]
    pub fn contain(&self, chain: Chain, accepted: &Value, clock: u64) -> bool {
        let terms = without_time_left(accepted);
        self.kept
            .iter()
            .any(|one| one.chain == chain && one.expires_at > clock && one.terms == terms)
    }

    /// Returns the payment that a settlement id is bound to.
    #[must_use]
    pub fn settlement(&self, id: &str) -> Option<&Settlement> {
        self.settlements.get(id)
    }

    /// Binds a settlement id to a payment.
    pub fn bind(&mut self, id: String, settlement: Settlement) {
        self.settlements.insert(id, settlement);
    }

    /// Returns the number of stored offers.
    #[must_use]
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// Returns whether no offer is stored.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }
}

fn without_time_left(offer: &Value) -> Value {
    let mut terms = offer.clone();
    if let Some(fields) = terms.as_object_mut() {
        fields.shift_remove(TIME_LEFT);
    }
    terms
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn offers_are_compared_without_their_time_and_kept_for_it() {
        let mut offers = Offers::default();
        let offer = |amount: u64, seconds: u64| json!({ "amount": amount, "maxTimeoutSeconds": seconds, "extra": { "a": 1, "b": 2 } });
        offers.keep(Chain::Base, &offer(1, 60), 60_000, 0);
        let echoed = json!({ "extra": { "b": 2, "a": 1 }, "maxTimeoutSeconds": 5, "amount": 1 });
        assert!(offers.contain(Chain::Base, &echoed, 59_999));
        assert!(!offers.contain(Chain::Base, &echoed, 60_000));
        assert!(!offers.contain(Chain::Solana, &echoed, 0));
        assert!(!offers.contain(Chain::Base, &offer(2, 60), 0));
        let mut more = echoed.clone();
        more["more"] = json!(1);
        assert!(!offers.contain(Chain::Base, &more, 0));
        assert!(!offers.contain(Chain::Base, &Value::Null, 0));
    }

    #[test]
    fn at_most_32_are_kept() {
        let mut offers = Offers::default();
        let offer = |amount: usize| json!({ "amount": amount });
        for amount in 0..=MAX_OFFERS {
            offers.keep(Chain::Base, &offer(amount), 1, 0);
            offers.keep(Chain::Base, &offer(amount), 1, 0);
        }
        assert_eq!(offers.len(), MAX_OFFERS);
        assert!(!offers.contain(Chain::Base, &offer(0), 0));
        assert!(offers.contain(Chain::Base, &offer(1), 0));
        offers.keep(Chain::Base, &offer(99), 3, 2);
        assert_eq!(offers.len(), 1);
    }
}
