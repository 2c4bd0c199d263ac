//! What an agent may spend, and the decision that a journal asks for before anything is signed.
//!
//! A journal reads the attempts of the last `Limits::longest_s` seconds, calls [`evaluate`], and
//! writes the new attempt in the same atomic step.

use crate::attempt::{Attempt, Kind, State};
use crate::bytes::decimal;
use crate::json::Value;
#[allow(unused_imports)]
use crate::prelude::*;

/// The largest single payment unless a limit says otherwise: $1.
pub const DEFAULT_PER_PAYMENT: u64 = 1_000_000;

const DAY_S: u64 = 86_400;

/// An amount in a rolling period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Atomic units of USDC.
    pub amount: u64,
    /// The length of the period, in seconds.
    pub seconds: u64,
}

/// Limits in atomic units of USDC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The largest single payment.
    pub per_payment: u64,
    /// The total of the last 24 hours.
    pub per_day: Option<u64>,
    /// The total of another period.
    pub per_period: Option<Quota>,
    /// The total that one recipient may get.
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
    /// Reads the option `limits`. A quota is `{ amount, seconds }`, or an amount per day.
    ///
    /// # Errors Returns the name of a member that is unknown or is not an amount. A mistyped limit
    /// must not turn into no limit.
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

    /// Returns the longest period of a limit, in seconds. 0 if no limit has a period.
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
    /// A stable code for programs.
    pub code: &'static str,
    /// An explanation for people.
    pub message: String,
    /// The attempt that blocks this one.
    pub attempt: Option<Box<Attempt>>,
}

/// The payment exceeds the limit of a single payment.
pub const LIMIT_PER_PAYMENT: &str = "LIMIT_PER_PAYMENT";
/// The payments of a period would exceed their limit.
pub const LIMIT_PER_PERIOD: &str = "LIMIT_PER_PERIOD";
/// The payments to one recipient would exceed their limit.
pub const LIMIT_PER_RECIPIENT: &str = "LIMIT_PER_RECIPIENT";
/// The invoice has an attempt whose outcome is unknown.
pub const OPEN_ATTEMPT: &str = "OPEN_ATTEMPT";
/// The invoice was paid.
pub const ALREADY_PAID: &str = "ALREADY_PAID";
/// An earlier payment can still settle in addition to this one.
pub const MAY_SETTLE: &str = "MAY_SETTLE";
/// On Base, every signature for one invoice has to use the same wallet and nonce.
pub const NONCE_CHANGED: &str = "NONCE_CHANGED";

/// An earlier payment of the same request never got a response, and may have settled. Nothing
/// prevents both from settling.
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

    /// Reads a refusal from a journal. An unknown code is treated like [`OPEN_ATTEMPT`]: nothing is
    /// signed.
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

/// Formats an amount for people.
fn usdc(atomic: u64) -> String {
    let (whole, rest) = (atomic / 1_000_000, atomic % 1_000_000);
    let whole = decimal(whole);
    if rest == 0 {
        return [&whole, " USDC"].concat();
    }
    // The fraction has six digits: leading zeros stay, trailing zeros go.
    let rest = decimal(rest.saturating_add(1_000_000));
    let rest = rest.get(1..).unwrap_or_default().trim_end_matches('0');
    [&whole, ".", rest, " USDC"].concat()
}

/// Checks a single payment.
///
/// # Errors Returns the refusal if it exceeds the limit.
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

/// Decides whether `attempt` may be reserved. `known` has to contain every attempt of the same
/// invoice and every attempt that was reserved within [`Limits::longest_s`].
///
/// # Errors Returns the first reason against it.
pub fn evaluate(attempt: &Attempt, limits: &Limits, known: &[Attempt]) -> Result<(), Refusal> {
    let same = || known.iter().filter(|one| one.invoice == attempt.invoice);
    for one in same() {
        // An attempt that shares its nonce or message with a purchase that got its response does
        // not block another purchase.
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
            // Of several attempts that exclude each other, only the most expensive counts.
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

/// Checks whether `one`, an attempt of the same invoice, blocks `attempt`.
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
        // There is no invoice that could show that it had not settled. On Base, the same nonce
        // leaves no doubt.
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
