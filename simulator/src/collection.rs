//! Indexed collections of the simulator: invoices, auth intents, sessions and deliveries. A lookup
//! does not walk through all elements.
//!
//! Elements are changed only through their collection, which keeps its indexes up to date.

use crate::auth::{AuthIntent, Session};
use crate::config::ListOrder;
use crate::invoice::{Invoice, Status};
use crate::webhook::Delivery;
use serde::{Deserialize, Serialize, Serializer};
use std::collections::{BTreeMap, BTreeSet};

/// Records which elements have changed since the last call, while somebody watches.
#[derive(Debug, Default)]
pub(crate) struct Changed {
    watched: bool,
    indexes: BTreeSet<usize>,
}

impl Changed {
    /// Starts or stops recording changes.
    pub(crate) fn watch(&mut self, watched: bool) {
        self.watched = watched;
        self.indexes.clear();
    }

    /// Returns whether changes are recorded.
    #[must_use]
    pub(crate) const fn is_watched(&self) -> bool {
        self.watched
    }

    fn note(&mut self, index: usize) {
        if self.watched {
            self.indexes.insert(index);
        }
    }

    /// Returns the indexes of the elements that have changed since the last call.
    pub(crate) fn take(&mut self) -> BTreeSet<usize> {
        core::mem::take(&mut self.indexes)
    }
}

/// The invoices, in the order of creation.
#[derive(Debug, Default, Deserialize)]
#[serde(from = "Vec<Invoice>")]
pub(crate) struct Invoices {
    all: Vec<Invoice>,
    /// The elements that have changed, for watchers.
    pub changed: Changed,
    by_id: BTreeMap<String, usize>,
    by_public_id: BTreeMap<String, usize>,
    by_merchant: BTreeMap<String, Vec<usize>>,
    by_status: BTreeMap<(String, Status), BTreeSet<usize>>,
    /// Ordered by the time at which they change by themselves.
    due: BTreeSet<(u64, usize)>,
}

impl From<Vec<Invoice>> for Invoices {
    fn from(all: Vec<Invoice>) -> Self {
        let mut collection = Self::default();
        for one in all {
            collection.push(one);
        }
        collection
    }
}

impl Serialize for Invoices {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.all.serialize(serializer)
    }
}

impl Invoices {
    /// Adds an invoice.
    pub(crate) fn push(&mut self, invoice: Invoice) {
        let index = self.all.len();
        self.changed.note(index);
        self.by_id.insert(invoice.id.clone(), index);
        self.by_public_id.insert(invoice.public_id.clone(), index);
        self.by_merchant
            .entry(invoice.merchant_id.clone())
            .or_default()
            .push(index);
        self.by_status
            .entry((invoice.merchant_id.clone(), invoice.status))
            .or_default()
            .insert(index);
        if let Some(at) = invoice.due_at() {
            self.due.insert((at, index));
        }
        self.all.push(invoice);
    }

    /// Changes an invoice. `None` if there is none at this index.
    pub(crate) fn change<T>(
        &mut self,
        index: usize,
        change: impl FnOnce(&mut Invoice) -> T,
    ) -> Option<T> {
        let invoice = self.all.get_mut(index)?;
        self.changed.note(index);
        if let Some(at) = invoice.due_at() {
            self.due.remove(&(at, index));
        }
        let before = invoice.status;
        let changed = change(invoice);
        if let Some(at) = invoice.due_at() {
            self.due.insert((at, index));
        }
        let after = invoice.status;
        if before != after {
            let of_merchant = |status| (invoice.merchant_id.clone(), status);
            if let Some(others) = self.by_status.get_mut(&of_merchant(before)) {
                others.remove(&index);
            }
            self.by_status
                .entry(of_merchant(after))
                .or_default()
                .insert(index);
        }
        Some(changed)
    }

    /// Returns the invoice at this index.
    #[must_use]
    pub(crate) fn get(&self, index: usize) -> Option<&Invoice> {
        self.all.get(index)
    }

    /// Returns the index of the invoice with this UUID.
    #[must_use]
    pub(crate) fn find(&self, id: &str) -> Option<usize> {
        self.by_id.get(id).copied()
    }

    /// Returns the index of the invoice with this `inv_*`.
    #[must_use]
    pub(crate) fn find_public(&self, public_id: &str) -> Option<usize> {
        self.by_public_id.get(public_id).copied()
    }

    /// Returns a page of a merchant's invoices, and their total number.
    #[must_use]
    pub(crate) fn page(
        &self,
        merchant_id: &str,
        status: Option<Status>,
        offset: usize,
        limit: usize,
        order: ListOrder,
    ) -> (Vec<&Invoice>, usize) {
        let mut total = 0;
        let mut take =
            |length: usize, oldest_first: &mut dyn DoubleEndedIterator<Item = &usize>| {
                total = length;
                let all = |index: &usize| self.all.get(*index);
                match order {
                    ListOrder::NewestFirst => {
                        let newest_first = oldest_first.rev();
                        newest_first
                            .skip(offset)
                            .take(limit)
                            .filter_map(all)
                            .collect()
                    }
                    ListOrder::OldestFirst => oldest_first
                        .skip(offset)
                        .take(limit)
                        .filter_map(all)
                        .collect(),
                    ListOrder::Random => {
                        let mut sorted: Vec<&Invoice> = oldest_first.filter_map(all).collect();
                        sorted.sort_by(|a, b| a.id.cmp(&b.id));
                        sorted.into_iter().skip(offset).take(limit).collect()
                    }
                }
            };
        let page = match status {
            None => self
                .by_merchant
                .get(merchant_id)
                .map(|all| take(all.len(), &mut all.iter())),
            Some(status) => self
                .by_status
                .get(&(merchant_id.to_owned(), status))
                .map(|all| take(all.len(), &mut all.iter())),
        };
        (page.unwrap_or_default(), total)
    }

    /// Returns the time and index of the first invoice that changes by itself.
    #[must_use]
    pub(crate) fn next_due(&self) -> Option<(u64, usize)> {
        self.due.first().copied()
    }

    /// Returns all invoices, oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Invoice> {
        self.all.iter()
    }
}

/// The auth intents, in the order of creation.
#[derive(Debug, Default, Deserialize)]
#[serde(from = "Vec<AuthIntent>")]
pub(crate) struct Intents {
    all: Vec<AuthIntent>,
    /// The elements that have changed, for watchers.
    pub changed: Changed,
    by_id: BTreeMap<String, usize>,
    by_payable_id: BTreeMap<String, usize>,
    /// Ordered by the time at which their payments settle.
    due: BTreeSet<(u64, usize)>,
}

impl From<Vec<AuthIntent>> for Intents {
    fn from(all: Vec<AuthIntent>) -> Self {
        let mut collection = Self::default();
        for one in all {
            collection.push(one);
        }
        collection
    }
}

impl Serialize for Intents {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.all.serialize(serializer)
    }
}

impl Intents {
    /// Adds an auth intent.
    pub(crate) fn push(&mut self, intent: AuthIntent) {
        let index = self.all.len();
        self.changed.note(index);
        self.by_id.insert(intent.id.clone(), index);
        self.by_payable_id.insert(intent.payable_id.clone(), index);
        if let Some(at) = intent.due_at() {
            self.due.insert((at, index));
        }
        self.all.push(intent);
    }

    /// Changes an auth intent. `None` if there is none at this index.
    pub(crate) fn change<T>(
        &mut self,
        index: usize,
        change: impl FnOnce(&mut AuthIntent) -> T,
    ) -> Option<T> {
        let intent = self.all.get_mut(index)?;
        self.changed.note(index);
        if let Some(at) = intent.due_at() {
            self.due.remove(&(at, index));
        }
        let changed = change(intent);
        if let Some(at) = intent.due_at() {
            self.due.insert((at, index));
        }
        Some(changed)
    }

    /// Returns the auth intent at this index.
    #[must_use]
    pub(crate) fn get(&self, index: usize) -> Option<&AuthIntent> {
        self.all.get(index)
    }

    /// Returns the index of the auth intent with this `ai_*`.
    #[must_use]
    pub(crate) fn find(&self, id: &str) -> Option<usize> {
        self.by_id.get(id).copied()
    }

    /// Returns the index of the auth intent whose payment URLs contain this `inv_*`.
    #[must_use]
    pub(crate) fn find_payable(&self, id: &str) -> Option<usize> {
        self.by_payable_id.get(id).copied()
    }

    /// Returns the time and index of the first auth intent whose payment settles by itself.
    #[must_use]
    pub(crate) fn next_due(&self) -> Option<(u64, usize)> {
        self.due.first().copied()
    }

    /// Returns all auth intents, oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &AuthIntent> {
        self.all.iter()
    }
}

/// The sessions, in the order in which they started.
#[derive(Debug, Default, Deserialize)]
#[serde(from = "Vec<Session>")]
pub(crate) struct Sessions {
    all: Vec<Session>,
    /// The elements that have changed, for watchers.
    pub changed: Changed,
    by_id: BTreeMap<String, usize>,
}

impl From<Vec<Session>> for Sessions {
    fn from(all: Vec<Session>) -> Self {
        let mut collection = Self::default();
        for one in all {
            collection.push(one);
        }
        collection
    }
}

impl Serialize for Sessions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.all.serialize(serializer)
    }
}

impl Sessions {
    /// Adds a session.
    pub(crate) fn push(&mut self, session: Session) {
        self.changed.note(self.all.len());
        self.by_id.insert(session.id.clone(), self.all.len());
        self.all.push(session);
    }

    /// Returns the session with this `sess_*`.
    #[must_use]
    pub(crate) fn find(&self, id: &str) -> Option<&Session> {
        self.all.get(*self.by_id.get(id)?)
    }

    /// Returns the session with this `sess_*`, to be changed.
    pub(crate) fn find_mut(&mut self, id: &str) -> Option<&mut Session> {
        let index = *self.by_id.get(id)?;
        self.changed.note(index);
        self.all.get_mut(index)
    }

    /// Returns the session at this index.
    #[must_use]
    pub(crate) fn get(&self, index: usize) -> Option<&Session> {
        self.all.get(index)
    }

    /// Returns all sessions, oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Session> {
        self.all.iter()
    }
}

/// The deliveries, in the order of creation. Delivery 1 has index 0.
#[derive(Debug, Default, Deserialize)]
#[serde(from = "Vec<Delivery>")]
pub(crate) struct Deliveries {
    all: Vec<Delivery>,
    /// The elements that have changed, for watchers.
    pub changed: Changed,
    /// Ordered by the time at which they are sent, then by their order.
    due: BTreeSet<(u64, u64, usize)>,
}

impl From<Vec<Delivery>> for Deliveries {
    fn from(all: Vec<Delivery>) -> Self {
        let mut collection = Self::default();
        for one in all {
            collection.push(|_| one);
        }
        collection
    }
}

impl Serialize for Deliveries {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.all.serialize(serializer)
    }
}

impl Deliveries {
    /// Adds a delivery and returns its number. `make` gets the number.
    pub(crate) fn push(&mut self, make: impl FnOnce(u32) -> Delivery) -> u32 {
        let index = self.all.len();
        let id = u32::try_from(index).unwrap_or(u32::MAX).saturating_add(1);
        let delivery = make(id);
        self.changed.note(index);
        self.due.extend(place(&delivery, index));
        self.all.push(delivery);
        id
    }

    /// Changes a delivery. `None` if there is none at this index.
    pub(crate) fn change<T>(
        &mut self,
        index: usize,
        change: impl FnOnce(&mut Delivery) -> T,
    ) -> Option<T> {
        let delivery = self.all.get_mut(index)?;
        self.changed.note(index);
        if let Some(place) = place(delivery, index) {
            self.due.remove(&place);
        }
        let changed = change(delivery);
        self.due.extend(place(delivery, index));
        Some(changed)
    }

    /// Returns the delivery at this index.
    #[must_use]
    pub(crate) fn get(&self, index: usize) -> Option<&Delivery> {
        self.all.get(index)
    }

    /// Returns the indexes of the deliveries that are due, in order.
    #[must_use]
    pub(crate) fn due_by(&self, clock: u64) -> Vec<usize> {
        self.due
            .iter()
            .take_while(|(at, ..)| *at <= clock)
            .map(|(.., index)| *index)
            .collect()
    }

    /// Returns when the next delivery is sent.
    #[must_use]
    pub(crate) fn next_due(&self) -> Option<u64> {
        self.due.first().map(|(at, ..)| *at)
    }

    /// Returns the number of deliveries.
    #[must_use]
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// Returns all deliveries, oldest first.
    #[must_use]
    pub(crate) fn as_slice(&self) -> &[Delivery] {
        &self.all
    }
}

/// Returns the position of a delivery among those that are due.
fn place(delivery: &Delivery, index: usize) -> Option<(u64, u64, usize)> {
    let at = delivery.next_attempt_at.filter(|_| !delivery.in_flight)?;
    Some((at, delivery.order, index))
}
