//! What an agent may spend, and the one decision that a journal asks for before anything is signed.
//!
//! A journal reads the attempts that `Limits::longest_s` looks back to, asks [`evaluate`], and writes
//! the new one in the same atomic step.

use crate::attempt::{Attempt, Kind, State};
use crate::bytes::decimal;
use crate::json::Value;
#[allow(unused_imports)]
use crate::prelude::*;

/// The most that is paid at once unless a limit says otherwise: $1.
pub const DEFAULT_PER_PAYMENT: u64 = 1_000_000;

const DAY_S: u64 = 86_400;

/// So much in a rolling time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Atomic units of USDC.
    pub amount: u64,
    /// The time, in seconds.
    pub seconds: u64,
}

/// Limits in atomic units of USDC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// One payment.
    pub per_payment: u64,
    /// All payments of the last 24 hours.
    pub per_day: Option<u64>,
    /// All payments of another time.
    pub per_period: Option<Quota>,
    /// Payments to one recipient.
    pub per_recipient: Option<Quota>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            per_payment: DEFAULT_PER_PAYMENT,
            per_day: None,
            per_period: None,
            per_recipient: None,
        }
    }
}

impl Limits {
    /// Reads the option `limits`. A quota is `{ amount, seconds }`, or an amount a day.
    ///
    /// # Errors The name of a member that is unknown or is no amount: a limit that is mistyped must
    /// not be none.
    pub fn read(value: Value<'_>) -> Result<Self, String> {
        let mut limits = Self::default();
        let members = value.as_object().ok_or("limits")?;
        let amount = |value: Value<'_>| u64::try_from(value.as_integer()?).ok();
        let quota = |value: Value<'_>| {
            if let Some(amount) = amount(value) {
                return Some(Quota {
                    amount,
                    seconds: DAY_S,
                });
            }
            let members = value.as_object()?;
            let seconds = amount(members.get("seconds")?)?;
            let known = members.members().count() == 2 && seconds > 0;
            let amount = amount(members.get("amount")?)?;
            known.then_some(Quota { amount, seconds })
        };
        for (name, value) in members.members() {
            if value.is_null() {
                continue;
            }
            let name = name.to_text().unwrap_or_default();
            let wrong = || ["limits.", &name].concat();
            match name.as_str() {
                "perPayment" => limits.per_payment = amount(value).ok_or_else(wrong)?,
                "perDay" => limits.per_day = Some(amount(value).ok_or_else(wrong)?),
                "perPeriod" => limits.per_period = Some(quota(value).ok_or_else(wrong)?),
                "perRecipient" => limits.per_recipient = Some(quota(value).ok_or_else(wrong)?),
                _ => return Err(wrong()),
            }
        }
        Ok(limits)
    }

    /// The longest time that a limit looks back, in seconds; 0 where none does.
    #[must_use]
    pub fn longest_s(&self) -> u64 {
        let day = self.per_day.map(|_| DAY_S);
        let quotas = [self.per_period, self.per_recipient];
        let quotas = quotas.into_iter().flatten().map(|quota| quota.seconds);
        quotas.chain(day).max().unwrap_or(0)
    }
}

/// Why an attempt was not reserved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Stable, for programs.
    pub code: &'static str,
    /// For people.
    pub message: String,
    /// The attempt that stands in the way.
    pub attempt: Option<Box<Attempt>>,
}

/// One payment is over its limit.
pub const LIMIT_PER_PAYMENT: &str = "LIMIT_PER_PAYMENT";
/// The payments of a period would be over their limit.
pub const LIMIT_PER_PERIOD: &str = "LIMIT_PER_PERIOD";
/// The payments to one recipient would be over their limit.
pub const LIMIT_PER_RECIPIENT: &str = "LIMIT_PER_RECIPIENT";
/// The invoice has an attempt whose outcome is not known.
pub const OPEN_ATTEMPT: &str = "OPEN_ATTEMPT";
/// The invoice was paid.
pub const ALREADY_PAID: &str = "ALREADY_PAID";
/// An earlier payment can still settle beside this one.
pub const MAY_SETTLE: &str = "MAY_SETTLE";
/// On Base every signature for one invoice has to use the same wallet and nonce.
pub const NONCE_CHANGED: &str = "NONCE_CHANGED";

/// An earlier payment of the same request never got a response, and nothing keeps it from having
/// settled beside this one.
pub const MAY_BE_PAID: &str = "MAY_BE_PAID";

impl Refusal {
    const CODES: [&'static str; 8] = [
        LIMIT_PER_PAYMENT,
        LIMIT_PER_PERIOD,
        LIMIT_PER_RECIPIENT,
        OPEN_ATTEMPT,
        ALREADY_PAID,
        MAY_SETTLE,
        NONCE_CHANGED,
        MAY_BE_PAID,
    ];

    fn new(code: &'static str, message: String) -> Self {
        Self {
            code,
            message,
            attempt: None,
        }
    }

    fn about(code: &'static str, message: &str, attempt: &Attempt) -> Self {
        let attempt = Some(Box::new(attempt.clone()));
        Self {
            attempt,
            ..Self::new(code, message.to_owned())
        }
    }

    /// Reads what a journal gave. A code that is not known is a refusal like [`OPEN_ATTEMPT`]:
    /// nothing is signed.
    #[must_use]
    pub fn read(value: Value<'_>) -> Self {
        let text = |name| value.get(name).and_then(Value::to_text).unwrap_or_default();
        let code = text("code");
        let known = Self::CODES.into_iter().find(|known| *known == code);
        Self {
            code: known.unwrap_or(OPEN_ATTEMPT),
            message: text("message"),
            attempt: value.get("attempt").and_then(Attempt::read).map(Box::new),
        }
    }
}

/// An amount as people read it.
fn usdc(atomic: u64) -> String {
    let (whole, rest) = (atomic / 1_000_000, atomic % 1_000_000);
    let whole = decimal(whole);
    if rest == 0 {
        return [&whole, " USDC"].concat();
    }
    // Six digits, with zeros before and none behind.
    let rest = decimal(rest.saturating_add(1_000_000));
    let rest = rest.get(1..).unwrap_or_default().trim_end_matches('0');
    [&whole, ".", rest, " USDC"].concat()
}

/// Checks one payment by itself.
///
/// # Errors
/// The refusal, where it is over the limit.
pub fn evaluate_one(amount: u64, limits: &Limits) -> Result<(), Refusal> {
    if amount <= limits.per_payment {
        return Ok(());
    }
    let (amount, most) = (usdc(amount), usdc(limits.per_payment));
    let message = [
        "the payment is ",
        &amount,
        ", and limits.perPayment allows ",
        &most,
    ]
    .concat();
    Err(Refusal::new(LIMIT_PER_PAYMENT, message))
}

/// Whether `attempt` may be reserved, next to what the journal holds: every attempt of the same
/// invoice, and every one that was reserved within [`Limits::longest_s`].
///
/// # Errors
/// The first reason against it.
pub fn evaluate(attempt: &Attempt, limits: &Limits, known: &[Attempt]) -> Result<(), Refusal> {
    let same = || known.iter().filter(|one| one.invoice == attempt.invoice);
    for one in same() {
        // What a purchase with a response has used up stands in the way of no other one.
        let settled = |other: &Attempt| other.state == State::Settled && other.excludes(one);
        if one.state == State::Settled || !same().any(settled) {
            evaluate_same(attempt, one)?;
        }
    }
    evaluate_one(attempt.amount, limits)?;
    let now = attempt.reserved_at;
    let spent = |seconds: u64, recipient: Option<&str>| {
        let since = now.saturating_sub(seconds.saturating_mul(1_000));
        let counted: Vec<&Attempt> = known
            .iter()
            .filter(|one| one.state.counts() && one.reserved_at > since)
            .filter(|one| recipient.is_none_or(|pay_to| one.pay_to == pay_to))
            .collect();
        let mut sum = attempt.amount;
        for (index, one) in counted.iter().enumerate() {
            // Of several that exclude each other, the dearest counts, once.
            let mut others = counted.iter().enumerate();
            let dearer = |(at, other): (usize, &&Attempt)| {
                other.excludes(one)
                    && (other.amount > one.amount || other.amount == one.amount && at < index)
            };
            let is_this = one.excludes(attempt) && one.amount <= attempt.amount;
            if !is_this && !others.any(dearer) {
                sum = sum.saturating_add(one.amount);
            }
        }
        sum
    };
    let day = limits.per_day.map(|amount| Quota {
        amount,
        seconds: DAY_S,
    });
    let recipient = Some(attempt.pay_to.as_str());
    for (name, quota, recipient, code) in [
        ("perDay", day, None, LIMIT_PER_PERIOD),
        ("perPeriod", limits.per_period, None, LIMIT_PER_PERIOD),
        (
            "perRecipient",
            limits.per_recipient,
            recipient,
            LIMIT_PER_RECIPIENT,
        ),
    ] {
        let Some(quota) = quota else { continue };
        if spent(quota.seconds, recipient) > quota.amount {
            let (more, most) = (usdc(attempt.amount), usdc(quota.amount));
            let message = ["with ", &more, " more, limits.", name, " of ", &most];
            let message = [&message.concat(), " would be exceeded"].concat();
            return Err(Refusal::new(code, message));
        }
    }
    Ok(())
}

/// Whether `one` of the same invoice stands in the way of `attempt`.
fn evaluate_same(attempt: &Attempt, one: &Attempt) -> Result<(), Refusal> {
    let evm = |attempt: &Attempt| attempt.valid_before.is_some();
    let repeats = attempt.kind == Kind::Fetch;
    match one.state {
        State::Released => {}
        State::Reserved | State::Sent => {
            let message = "another attempt to pay this is not finished";
            return Err(Refusal::about(OPEN_ATTEMPT, message, one));
        }
        State::Settled if repeats => return Ok(()),
        State::Settled => {
            let message = "this was paid";
            return Err(Refusal::about(ALREADY_PAID, message, one));
        }
        State::Refused => {
            if one.excludes(attempt) && evm(attempt) {
                return Ok(());
            }
            if evm(attempt) && one.chain == attempt.chain {
                let message = "an earlier signature for this used another wallet or nonce";
                return Err(Refusal::about(NONCE_CHANGED, message, one));
            }
            let message = "an earlier payment of this was refused, and can still settle";
            return Err(Refusal::about(MAY_SETTLE, message, one));
        }
        // No invoice can tell that it had not settled. On Base the same nonce leaves no doubt.
        State::Lapsed if repeats && !(evm(attempt) && one.chain == attempt.chain) => {
            let message = "an earlier payment of the same request was never answered, and may have \
                settled; `buyAnew` pays for it once more";
            return Err(Refusal::about(MAY_BE_PAID, message, one));
        }
        State::Lapsed
            if one.chain != attempt.chain && one.blocks_other_chains(attempt.reserved_at) =>
        {
            let message = "an earlier payment of this on another chain can still settle";
            return Err(Refusal::about(MAY_SETTLE, message, one));
        }
        State::Lapsed => {
            let changed = one.wallet != attempt.wallet || one.nonce != attempt.nonce;
            if evm(attempt) && one.chain == attempt.chain && changed {
                let message = "an earlier signature for this used another wallet or nonce";
                return Err(Refusal::about(NONCE_CHANGED, message, one));
            }
        }
    }
    Ok(())
}
