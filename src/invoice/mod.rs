//! The state of an invoice, and how events change it.
//!
//! ```text
//! OPEN → PAYING → PAID      OPEN → EXPIRED      OPEN → CANCELED      PAYING → OPEN (a failed payment)
//! ```
//!
//! `PAID`, `EXPIRED` and `CANCELED` are final: nothing changes them (contract, "Response bodies").
//!
//! Webhooks report only final states. They arrive many times and in any order, so an event may skip
//! the steps that lead to its status. The effect of an event is its [`Outcome`].

/// The status of an invoice.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "UPPERCASE")]
pub enum Status {
    /// The invoice can be paid. An unknown invoice counts as open.
    #[default]
    Open,
    /// A payment is in progress. The next status is `Paid`, or `Open` if the payment fails.
    Paying,
    /// The money has settled. Final.
    Paid,
    /// Nobody paid in time. Final.
    Expired,
    /// The merchant canceled it. Final.
    Canceled,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 5] = [
        Self::Open,
        Self::Paying,
        Self::Paid,
        Self::Expired,
        Self::Canceled,
    ];

    /// Returns the value on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "OPEN",
            Self::Paying => "PAYING",
            Self::Paid => "PAID",
            Self::Expired => "EXPIRED",
            Self::Canceled => "CANCELED",
        }
    }

    /// Parses a value on the wire. Returns `None` for a value that this version does not know.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// Returns whether the status never changes.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Paid | Self::Expired | Self::Canceled)
    }

    /// Returns whether Gwop itself moves an invoice from this status to `next` in one step.
    ///
    /// # Examples
    /// ```
    /// use gwop::invoice::Status;
    ///
    /// // A payment that fails gives the invoice back.
    /// assert!(Status::Paying.steps_to(Status::Open));
    /// assert!(!Status::Paid.steps_to(Status::Canceled));
    /// ```
    #[must_use]
    pub const fn steps_to(self, next: Self) -> bool {
        matches!(
            (self, next),
            (
                Self::Open,
                Self::Paying | Self::Paid | Self::Expired | Self::Canceled
            ) | (Self::Paying, Self::Paid | Self::Open)
        )
    }
}

/// The effect of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The event changed the invoice.
    Applied,
    /// The event contains nothing new.
    Duplicate,
    /// The event is older than the last applied event.
    Stale,
    /// The event contradicts a final state: late money, or a second payment. A person must look at
    /// it.
    Conflict,
    /// This version does not know the type of the event.
    Ignored,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 5] = [
        Self::Applied,
        Self::Duplicate,
        Self::Stale,
        Self::Conflict,
        Self::Ignored,
    ];

    /// Returns the value in responses, in storage and in `gwop_outcome`.
    ///
    /// `gwop_outcome` holds only the two outcomes that reach fulfillment.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Duplicate => "duplicate",
            Self::Stale => "stale",
            Self::Conflict => "conflict",
            Self::Ignored => "ignored",
        }
    }

    /// Parses a value. Returns `None` for a value that this version does not know.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|outcome| outcome.as_str() == text)
    }

    /// Returns whether fulfillment receives the event.
    #[must_use]
    pub const fn reaches_fulfillment(self) -> bool {
        matches!(self, Self::Applied | Self::Conflict)
    }
}

/// What an event says about its invoice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The status that the invoice has reached.
    pub status: Status,
    /// Increases per invoice. `None` if Gwop sends none.
    pub version: Option<i64>,
    /// The identity of the payment, if the event names one. Several names (a hash and a signature)
    /// are separated by a space.
    pub transaction: Option<String>,
}

/// What is known about an invoice after the last event that was applied.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Invoice {
    status: Status,
    version: Option<i64>,
    transaction: Option<String>,
}

impl Invoice {
    /// Restores an invoice from storage.
    #[must_use]
    pub const fn restore(
        status: Status,
        version: Option<i64>,
        transaction: Option<String>,
    ) -> Self {
        Self {
            status,
            version,
            transaction,
        }
    }

    /// Returns the status.
    #[must_use]
    pub const fn status(&self) -> Status {
        self.status
    }

    /// Returns the version of the last applied event.
    #[must_use]
    pub const fn version(&self) -> Option<i64> {
        self.version
    }

    /// Returns the transaction that paid the invoice.
    #[must_use]
    pub fn transaction(&self) -> Option<&str> {
        self.transaction.as_deref()
    }

    /// Returns the outcome of `event` without applying it.
    #[must_use]
    pub fn evaluate(&self, event: &Event) -> Outcome {
        use Status::{Canceled, Expired, Open, Paid, Paying};
        match (self.status, event.status) {
            // A payment is never stale. An old version of the event still means money.
            (Open | Paying, Paid) => Outcome::Applied,
            (Paid, Paid) if self.names_another_transaction(event) => Outcome::Conflict,
            (Paid, Paid) => Outcome::Duplicate,
            (Expired | Canceled, Paid) => Outcome::Conflict,
            _ if self.is_newer_than(event) => Outcome::Stale,
            (Paid | Expired | Canceled, Open | Paying) => Outcome::Stale,
            (applied, told) if applied != told => {
                if applied.is_final() {
                    Outcome::Conflict
                } else {
                    Outcome::Applied
                }
            }
            // The same status again. It counts only while the status can still change, to record
            // the version.
            (applied, _) if !applied.is_final() && event.version > self.version => Outcome::Applied,
            _ => Outcome::Duplicate,
        }
    }

    /// Applies `event` and returns its outcome.
    ///
    /// Only [`Outcome::Applied`] changes the state. A [`Outcome::Duplicate`] may add the
    /// transaction of a payment that named none, so that a second payment can be recognized.
    ///
    /// # Examples
    /// ```
    /// use gwop::invoice::{Event, Invoice, Outcome, Status, payment};
    ///
    /// let paid = |hash| Event {
    ///     status: Status::Paid,
    ///     version: None,
    ///     transaction: payment(hash, ""),
    /// };
    /// let mut invoice = Invoice::default();
    /// assert_eq!(invoice.apply(paid("0xa1")), Outcome::Applied);
    /// // Gwop delivers an event again, until it gets a 2xx.
    /// assert_eq!(invoice.apply(paid("0xA1")), Outcome::Duplicate);
    /// // A second payment needs a person.
    /// assert_eq!(invoice.apply(paid("0xb2")), Outcome::Conflict);
    /// assert_eq!(invoice.transaction(), Some("0xa1"));
    /// ```
    #[must_use = "the outcome says whether fulfillment must hear of it"]
    pub fn apply(&mut self, event: Event) -> Outcome {
        let outcome = self.evaluate(&event);
        if outcome == Outcome::Applied {
            self.status = event.status;
            // A payment that overtook an older event keeps the newest version seen.
            self.version = self.version.max(event.version);
            self.transaction = event.transaction;
        } else if outcome == Outcome::Duplicate && self.transaction.is_none() {
            self.transaction = event.transaction;
        }
        outcome
    }

    fn is_newer_than(&self, event: &Event) -> bool {
        matches!((self.version, event.version), (Some(applied), Some(told)) if told < applied)
    }

    fn names_another_transaction(&self, event: &Event) -> bool {
        let (Some(known), Some(named)) = (&self.transaction, &event.transaction) else {
            return false;
        };
        !is_same_payment(known, named)
    }
}

/// Returns the identity of a payment, for [`Event::transaction`].
///
/// The identity is the hash and the signature of the transaction, as far as it has them, separated
/// by a space. An absent value is empty. Returns `None` if both are empty.
///
/// The hash is hexadecimal, so it is converted to lower case. The signature (Base58 on Solana)
/// stays unchanged.
#[must_use]
pub fn payment(hash: &str, signature: &str) -> Option<String> {
    let mut names = hash.to_ascii_lowercase();
    if !names.is_empty() && !signature.is_empty() {
        names.push(' ');
    }
    names.push_str(signature);
    (!names.is_empty()).then_some(names)
}

/// Returns whether two identities of [`payment`] have a name in common, and so belong to one
/// payment.
///
/// # Examples
/// ```
/// use gwop::invoice::{is_same_payment, payment};
///
/// let known = payment("0xA1", "5Sig").unwrap();
/// assert_eq!(known, "0xa1 5Sig");
/// assert!(is_same_payment(&known, "0xa1"));
/// assert!(!is_same_payment(&known, "5sig"));
/// ```
#[must_use]
pub fn is_same_payment(known: &str, named: &str) -> bool {
    let mut names = known.split(' ');
    names.any(|name| named.split(' ').any(|named| named == name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(status: Status, version: Option<i64>, transaction: Option<&str>) -> Event {
        Event {
            status,
            version,
            transaction: transaction.map(str::to_owned),
        }
    }

    #[test]
    fn every_row_of_the_rules() {
        use Outcome::{Applied, Conflict, Duplicate, Stale};
        use Status::{Canceled, Expired, Open, Paid, Paying};
        let rows = [
            // (status and version so far), (status and version of the event), outcome
            ((Open, None), (Paid, None), Applied),
            ((Open, None), (Expired, None), Applied),
            ((Open, None), (Canceled, Some(1)), Applied),
            ((Open, Some(2)), (Paying, Some(3)), Applied),
            ((Paying, Some(3)), (Open, Some(4)), Applied),
            ((Paying, Some(3)), (Open, Some(2)), Stale),
            ((Paying, Some(3)), (Paying, Some(5)), Applied),
            ((Paying, Some(3)), (Paying, Some(3)), Duplicate),
            ((Paying, Some(3)), (Expired, Some(2)), Stale),
            ((Paying, Some(3)), (Expired, None), Applied),
            // invoice.paid is never stale.
            ((Paying, Some(3)), (Paid, Some(1)), Applied),
            ((Expired, Some(3)), (Paid, Some(1)), Conflict),
            ((Expired, Some(3)), (Paid, Some(4)), Conflict),
            ((Canceled, None), (Paid, None), Conflict),
            // Events after the payment.
            ((Paid, Some(3)), (Expired, Some(2)), Stale),
            ((Paid, Some(3)), (Expired, Some(3)), Conflict),
            ((Paid, Some(3)), (Canceled, Some(4)), Conflict),
            ((Paid, Some(3)), (Canceled, None), Conflict),
            ((Paid, None), (Expired, Some(1)), Conflict),
            ((Paid, Some(3)), (Open, Some(9)), Stale),
            // The same final state under another event id.
            ((Paid, Some(3)), (Paid, Some(2)), Duplicate),
            ((Expired, None), (Expired, Some(7)), Duplicate),
            ((Expired, Some(3)), (Expired, Some(2)), Stale),
            ((Expired, Some(3)), (Canceled, Some(2)), Stale),
            ((Expired, Some(3)), (Canceled, Some(4)), Conflict),
        ];
        for ((status, version), (told, told_version), expected) in rows {
            let mut invoice = Invoice::restore(status, version, None);
            let before = invoice.clone();
            let outcome = invoice.apply(event(told, told_version, None));
            assert_eq!(
                outcome, expected,
                "{before:?} told {told:?} {told_version:?}"
            );
            if outcome != Applied {
                assert_eq!(invoice, before);
            }
        }
    }

    #[test]
    fn a_second_payment_is_a_conflict_only_if_it_names_another_transaction() {
        for (known, named, expected) in [
            (Some("a"), Some("a"), Outcome::Duplicate),
            (Some("a"), Some("b"), Outcome::Conflict),
            (Some("a"), None, Outcome::Duplicate),
            (None, Some("b"), Outcome::Duplicate),
            // A hash and a signature name one transaction.
            (Some("a s"), Some("s"), Outcome::Duplicate),
            (Some("s"), Some("a s"), Outcome::Duplicate),
            (Some("a s"), Some("b t"), Outcome::Conflict),
        ] {
            let invoice = Invoice::restore(Status::Paid, Some(1), known.map(str::to_owned));
            assert_eq!(
                invoice.evaluate(&event(Status::Paid, Some(1), named)),
                expected
            );
        }
    }

    #[test]
    fn a_payment_is_named_by_its_hash_in_any_case_and_by_its_signature() {
        for (hash, signature, expected) in [
            ("0xAb", "", Some("0xab")),
            ("", "5Sig", Some("5Sig")),
            ("0xAb", "5Sig", Some("0xab 5Sig")),
            ("", "", None),
        ] {
            assert_eq!(payment(hash, signature).as_deref(), expected);
        }
        assert!(is_same_payment("0xab 5Sig", "5Sig"));
        assert!(!is_same_payment("0xab", "0xac 5Sig"));
    }

    #[test]
    fn the_first_transaction_that_is_named_counts_even_if_a_duplicate_names_it() {
        let mut invoice = Invoice::default();
        let outcomes = [None, Some("b"), None, Some("b"), Some("c")].map(|transaction| {
            invoice
                .apply(event(Status::Paid, None, transaction))
                .as_str()
        });
        assert_eq!(
            outcomes,
            ["applied", "duplicate", "duplicate", "duplicate", "conflict"]
        );
        assert_eq!(invoice.transaction(), Some("b"));
    }

    #[test]
    fn names_are_those_of_the_wire() {
        for status in Status::ALL {
            assert_eq!(Status::parse(status.as_str()), Some(status));
        }
        assert_eq!(Status::parse("paid"), None);
        assert_eq!(
            Outcome::ALL.map(Outcome::as_str),
            ["applied", "duplicate", "stale", "conflict", "ignored"]
        );
    }
}
