//! Writes JSON. The code that `serde` derives for the same would add 10 KB to the `.wasm`.

use crate::attempt::{Attempt, Kind, State};
use crate::bytes::decimal;
use crate::failure::{Failure, Phase};
use crate::json::quote;
use crate::limits::{Limits, Quota, Refusal};
use crate::pay::{Outcome, Receipt, Resumed};
#[allow(unused_imports)]
use crate::prelude::*;
use crate::task::{Effect, Request, Signing, Summary};

/// A value that can be written as JSON.
pub trait Written {
    /// Appends the JSON text to `out`.
    fn write(&self, out: &mut String);
}

/// Returns the JSON text of a value.
#[must_use]
pub fn text(value: &dyn Written) -> String {
    let mut out = String::new();
    value.write(&mut out);
    out
}

/// The members of an object, with their names.
type Members<'a> = Vec<(&'static str, &'a dyn Written)>;

fn object(out: &mut String, members: &[(&'static str, &dyn Written)]) {
    let mut before = '{';
    for (name, value) in members {
        out.push(before);
        before = ',';
        out.push_str(&quote(name));
        out.push(':');
        value.write(out);
    }
    out.push('}');
}

fn list(out: &mut String, values: &mut dyn Iterator<Item = &dyn Written>) {
    let mut before = '[';
    for value in values {
        out.push(before);
        before = ',';
        value.write(out);
    }
    if before == '[' {
        out.push(before);
    }
    out.push(']');
}

impl Written for &'static str {
    fn write(&self, out: &mut String) {
        out.push_str(&quote(self));
    }
}

impl Written for String {
    fn write(&self, out: &mut String) {
        out.push_str(&quote(self));
    }
}

impl Written for bool {
    fn write(&self, out: &mut String) {
        out.push_str(if *self { "true" } else { "false" });
    }
}

impl Written for u64 {
    fn write(&self, out: &mut String) {
        out.push_str(&decimal(*self));
    }
}

impl Written for u32 {
    fn write(&self, out: &mut String) {
        u64::from(*self).write(out);
    }
}

impl<T: Written> Written for Option<T> {
    fn write(&self, out: &mut String) {
        match self {
            Some(value) => value.write(out),
            None => out.push_str("null"),
        }
    }
}

impl<T: Written + ?Sized> Written for Box<T> {
    fn write(&self, out: &mut String) {
        (**self).write(out);
    }
}

impl<T: Written> Written for Vec<T> {
    fn write(&self, out: &mut String) {
        list(out, &mut self.iter().map(|value| value as &dyn Written));
    }
}

impl Written for (String, String) {
    fn write(&self, out: &mut String) {
        let both: [&dyn Written; 2] = [&self.0, &self.1];
        list(out, &mut both.into_iter());
    }
}

/// Implements `Written` for structs, with the member names of JavaScript.
macro_rules! written {
    ($($type:ty { $($field:ident: $name:literal),* $(,)? })*) => {$(
        impl $type {
            fn members(&self) -> Members<'_> {
                vec![$(($name, &self.$field)),*]
            }
        }

        impl Written for $type {
            fn write(&self, out: &mut String) {
                object(out, &self.members());
            }
        }
    )*};
}

/// Implements `Written` for enums, which are written as their names.
macro_rules! named {
    ($($type:ident { $($variant:ident: $name:literal),* $(,)? })*) => {$(
        impl $type {
            /// Returns its name in JavaScript and in journals.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name),*
                }
            }
        }

        impl Written for $type {
            fn write(&self, out: &mut String) {
                self.name().write(out);
            }
        }
    )*};
}

named! {
    State {
        Reserved: "reserved",
        Sent: "sent",
        Refused: "refused",
        Settled: "settled",
        Lapsed: "lapsed",
        Released: "released",
    }
    Kind { Invoice: "invoice", Login: "login", Fetch: "fetch" }
    Phase {
        Discover: "discover",
        Limit: "limit",
        Sign: "sign",
        Send: "send",
        Settle: "settle",
    }
}

written! {
    Attempt {
        id: "id",
        invoice: "invoice",
        kind: "kind",
        chain: "chain",
        url: "url",
        method: "method",
        header_name: "headerName",
        wallet: "wallet",
        pay_to: "payTo",
        amount: "amount",
        nonce: "nonce",
        valid_before: "validBefore",
        last_valid_block_height: "lastValidBlockHeight",
        again: "again",
        state: "state",
        header: "header",
        transaction: "transaction",
        reserved_at: "reservedAt",
    }
    Failure {
        code: "code",
        phase: "phase",
        may_have_settled: "mayHaveSettled",
        message: "message",
        reason: "reason",
        retry_at: "retryAt",
    }
    Quota { amount: "amount", seconds: "seconds" }
    Limits {
        per_payment: "perPayment",
        per_day: "perDay",
        per_period: "perPeriod",
        per_recipient: "perRecipient",
    }
    Refusal { code: "code", message: "message", attempt: "attempt" }
    Receipt {
        invoice_id: "invoiceId",
        kind: "kind",
        chain: "chain",
        payer: "payer",
        transaction: "transaction",
        amount_usdc: "amountUsdc",
        paid_at: "paidAt",
        url: "url",
    }
    Resumed {
        id: "id",
        invoice: "invoice",
        state: "state",
        receipt: "receipt",
        error: "error",
    }
    Request { method: "method", url: "url", payment: "payment", own: "own" }
    Signing {
        wallet: "wallet",
        chain: "chain",
        digest: "digest",
        typed_data: "typedData",
        message: "message",
        transaction: "transaction",
    }
    Summary {
        invoice: "invoice",
        chain: "chain",
        wallet: "wallet",
        pay_to: "payTo",
        amount_usdc: "amountUsdc",
        url: "url",
        merchant: "merchant",
        description: "description",
    }
}

impl Written for Outcome {
    fn write(&self, out: &mut String) {
        let member: (&'static str, &dyn Written) = match self {
            Self::Paid(receipt) => ("paid", receipt),
            Self::Quote(summary) => ("quote", summary),
            Self::Responded(receipt) => ("answered", receipt),
            Self::Resumed(all) => ("resumed", all),
        };
        object(out, &[member]);
    }
}

impl Written for Effect {
    fn write(&self, out: &mut String) {
        let (name, members): (&'static str, Members<'_>) = match self {
            Self::Http(request) => ("http", request.members()),
            Self::Last { invoice } => ("last", vec![("invoice", invoice)]),
            Self::Reserve { attempt, limits } => {
                ("reserve", vec![("attempt", attempt), ("limits", limits)])
            }
            Self::Update {
                id,
                from,
                to,
                header,
                transaction,
            } => (
                "update",
                vec![
                    ("id", id),
                    ("from", from),
                    ("to", to),
                    ("header", header),
                    ("transaction", transaction),
                ],
            ),
            Self::Open => ("open", Vec::new()),
            Self::Sign(signing) => ("sign", signing.members()),
            Self::Approve(summary) => ("approve", summary.members()),
            Self::Blockhash { chain } => ("blockhash", vec![("chain", chain)]),
            Self::Height { chain } => ("height", vec![("chain", chain)]),
            Self::Sleep { ms } => ("sleep", vec![("ms", ms)]),
            Self::Random { count } => ("random", vec![("count", count)]),
        };
        let mut all: Members<'_> = vec![("do", &name)];
        all.extend(members);
        object(out, &all);
    }
}
