//! Where an invoice stands, and what an event does to it.
//!
//! ```text
//! OPEN → PAYING → PAID      OPEN → EXPIRED      OPEN → CANCELED      PAYING → OPEN (a failed payment)
//! ```
//!
//! `PAID`, `EXPIRED` and `CANCELED` are final: nothing changes them (contract, "Response bodies"). Webhooks tell only of final
//! states, many times and in any order, so an event may skip the steps that lead to its status. What becomes of it is its [`Outcome`].

/// Where an invoice stands.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "UPPERCASE")]
pub enum Status {
    /// It can be paid. An invoice that nothing is known of counts as open.
    #[default]
    Open,
    /// A payment is under way: it ends in `Paid`, or falls back to `Open`.
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

    /// The value on the wire.
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

    /// The status that this is on the wire; `None` for one that this version does not know.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// Whether nothing changes it any more.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Paid | Self::Expired | Self::Canceled)
    }

    /// Whether Gwop itself takes an invoice from this status to `next` in one step.
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

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It changed the invoice.
    Applied,
    /// It says what is known already.
    Duplicate,
    /// It is older than what is applied.
    Stale,
    /// It contradicts a final state: money that came too late, or a second payment. Somebody has to look at it.
    Conflict,
    /// Its type is not known to this version.
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

    /// The value in responses, in storage and, of the two that reach fulfillment, in
    /// `gwop_outcome`.
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

    /// The outcome of this value; `None` for one that this version does not know.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|outcome| outcome.as_str() == text)
    }

    /// Whether fulfillment hears of the event.
    #[must_use]
    pub const fn reaches_fulfillment(self) -> bool {
        matches!(self, Self::Applied | Self::Conflict)
    }
}

/// What an event says of its invoice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The status that the invoice has reached.
    pub status: Status,
    /// Counts up per invoice; `None` where Gwop sends none.
    pub version: Option<i64>,
    /// The transaction that paid, where the event names one; of several names (a hash and a signature) each, parted by a space.
    pub transaction: Option<String>,
}

/// What is known of an invoice: the last event that was applied.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Invoice {
    status: Status,
    version: Option<i64>,
    transaction: Option<String>,
}

impl Invoice {
    /// The invoice as it was stored.
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

    /// Where it stands.
    #[must_use]
    pub const fn status(&self) -> Status {
        self.status
    }

    /// The version of the last applied event.
    #[must_use]
    pub const fn version(&self) -> Option<i64> {
        self.version
    }

    /// The transaction that paid it.
    #[must_use]
    pub fn transaction(&self) -> Option<&str> {
        self.transaction.as_deref()
    }

    /// What `event` would do, without doing it.
    #[must_use]
    pub fn evaluate(&self, event: &Event) -> Outcome {
        use Status::{Canceled, Expired, Open, Paid, Paying};
        match (self.status, event.status) {
            // Money is never stale: an old version of it is money all the same.
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
            // The same status again: news only while it may still change, for the sake of the version.
            (applied, _) if !applied.is_final() && event.version > self.version => Outcome::Applied,
            _ => Outcome::Duplicate,
        }
    }

    /// Does what `event` does, and says what that was. Only [`Outcome::Applied`] changes the state; a [`Outcome::Duplicate`] may bring
    /// the transaction of a payment that named none, so that a second one is told from it.
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

/// The identity of a payment, for [`Event::transaction`]: the hash and the signature of its
/// transaction, those that it has, parted by a space. A hash is hexadecimal, whose case says nothing,
/// and so comes in lower case; a signature (Solana's are Base58) stays as it is. What there is not is
/// empty; `None` where both are.
#[must_use]
pub fn payment(hash: &str, signature: &str) -> Option<String> {
    let mut names = hash.to_ascii_lowercase();
    if !names.is_empty() && !signature.is_empty() {
        names.push(' ');
    }
    names.push_str(signature);
    (!names.is_empty()).then_some(names)
}

/// Whether two identities of [`payment`] have a name in common, and so are of one payment.
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
            // applied so far, told now: outcome
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
            // What comes after the money.
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
