//! Pays, and decides what to do after each outcome. It never pays twice and never exceeds a limit.
//!
//! The order of the steps makes this safe:
//!
//! 1. An attempt is reserved (limits, wallet, nonce) before anything is signed.
//! 2. Its header is written to the journal before the request is sent.
//! 3. While an outcome is unknown, nothing new is signed. The agent reads the invoice and sends the
//!    same header again.
//!
//! On Base, all signatures for one invoice share a wallet and a nonce, and USDC's contract accepts
//! a nonce once. On Solana, a new signature waits until the earlier one can no longer settle.

use crate::attempt::{Attempt, Kind, MARGIN_S, SOLANA_LIFE_S, State};
use crate::bytes::{decimal, from_hex, to_base64, to_hex};
use crate::challenge::{self, Challenge, Offer, Settlement, Version, same_address};
use crate::evm::{self, Authorization};
use crate::failure::{Failure, Phase, Result};
use crate::invoice::{Intent, Invoice, Method, Status};
use crate::json::Value;
use crate::limits::{self, Limits, Refusal};
use crate::network::{Family, Network};
#[allow(unused_imports)]
use crate::prelude::*;
use crate::solana::{self, Transfer};
use crate::task::{Io, Request, Response, Signing, Summary};
use crate::url::Origin;

/// How often one call starts a payment again after the journal or an earlier attempt blocked it.
const ROUNDS: usize = 6;

/// How often one call sends the same header again.
const RESENDS: u32 = 5;

/// The wait between two reads of an invoice, in milliseconds. Gwop's protocol block says 2 seconds.
const POLL_MS: u64 = 2_000;

/// The shortest remaining validity of an authorization, in seconds. Facilitators require 6 s.
const LEAST_VALIDITY_S: u64 = 6;

/// The number of blocks after the last valid block, about one minute. By then a server has seen
/// everything that settled in time.
const HEIGHT_MARGIN: u64 = 150;

/// The number of blocks after signing in which a payment is assumed to be able to settle: twice the
/// life of a block hash.
const BLOCKHASH_LIFE: u64 = 300;

/// The age in milliseconds below which a reservation may belong to another process that is about to
/// sign.
const YOUNG_MS: u64 = 60_000;

/// A wallet that can sign.
#[derive(Clone, Debug)]
pub struct Wallet {
    /// The networks on which it can sign.
    pub family: Family,
    /// Its address, in the chain's own spelling.
    pub address: String,
}

/// The settings of an agent.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The server that serves invoices and where payment URLs may point, without a final slash.
    pub server: String,
    /// Another origin where payment URLs of auth intents may point.
    pub identity: String,
    /// The limits.
    pub limits: Limits,
    /// The wallets, the preferred one first.
    pub wallets: Vec<Wallet>,
    /// How long one call waits for an outcome, in milliseconds.
    pub wait_ms: u64,
    /// The longest validity of an authorization on Base, in seconds.
    pub validity_s: u64,
    /// Whether signatures on Base are sent as `{ v, r, s }`.
    pub signature_parts: bool,
    /// Whether a person has to approve each payment.
    pub approves: bool,
    /// Whether there is a callback for Solana's block height.
    pub has_height: bool,
}

/// What a call pays for.
#[derive(Clone, Debug)]
pub enum Target {
    /// An invoice, `inv_…`.
    Invoice(String),
    /// An auth intent.
    Login(Intent),
    /// A request of the caller.
    Fetch {
        /// The key that identifies the request in the journal.
        key: String,
        /// Its method.
        method: String,
        /// Its URL.
        url: String,
        /// Whether to assume that an earlier payment of the same request, which never got a
        /// response, was made.
        anew: bool,
    },
}

/// The options of one call.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The network. The default is the first one that both sides know.
    pub network: Option<Network>,
    /// Whether to find out only what would be paid.
    pub dry_run: bool,
}

/// A payment that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The invoice, the auth intent, or the hash of a request.
    pub invoice_id: String,
    /// What kind of thing was paid for.
    pub kind: Kind,
    /// The network.
    pub chain: &'static str,
    /// The wallet that paid.
    pub payer: String,
    /// The transaction. `null` if no response named it.
    pub transaction: Option<String>,
    /// Atomic units of USDC.
    pub amount_usdc: u64,
    /// When it was paid (RFC 3339). `null` if no response named the time.
    pub paid_at: Option<String>,
    /// Where people can view the transaction.
    pub url: Option<String>,
}

/// The result of a task that succeeded.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It is paid.
    Paid(Receipt),
    /// What would be paid. The result of a dry run.
    Quote(Summary),
    /// The caller's own request got its response, with or without a payment.
    Responded(Option<Receipt>),
    /// The result of each attempt that was not finished.
    Resumed(Vec<Resumed>),
}

/// The result of one attempt.
#[derive(Clone, Debug)]
pub struct Resumed {
    /// The attempt.
    pub id: String,
    /// What it pays for.
    pub invoice: String,
    /// Its state now.
    pub state: State,
    /// The receipt, if it was paid.
    pub receipt: Option<Receipt>,
    /// Why it is still open, if it is.
    pub error: Option<Box<Failure>>,
}

impl Target {
    fn key(&self) -> &str {
        match self {
            Self::Invoice(id) => id,
            Self::Login(intent) => &intent.id,
            Self::Fetch { key, .. } => key,
        }
    }

    const fn kind(&self) -> Kind {
        match self {
            Self::Invoice(_) => Kind::Invoice,
            Self::Login(_) => Kind::Login,
            Self::Fetch { .. } => Kind::Fetch,
        }
    }
}

fn discover(code: &'static str, message: &str) -> Box<Failure> {
    Failure::new(code, Phase::Discover, message)
}

/// Reads the public invoice.
async fn look(io: &Io, settings: &Settings, id: &str) -> Result<Invoice> {
    let url = [&settings.server, "/v1/invoices/", id].concat();
    let method = "GET".to_owned();
    let request = Request {
        method,
        url,
        payment: None,
        own: false,
    };
    let Some(response) = io.http(request).await else {
        let message = "the invoice could not be read: no answer. Try again";
        return Err(discover("CONNECTION_FAILED", message));
    };
    match response.status {
        200 => Invoice::read(&response.body, id).map_err(|member| {
            let start = "the invoice cannot be used: `";
            let message = [start, member, "` is missing or not what is pinned"].concat();
            discover("INVALID_INVOICE", &message)
        }),
        404 => Err(discover("INVOICE_NOT_FOUND", "there is no such invoice")),
        status => {
            let status = decimal(u64::from(status));
            let message = [
                "the invoice could not be read: HTTP ",
                &status,
                ". Try again",
            ]
            .concat();
            Err(discover("SERVER_FAILED", &message))
        }
    }
}

/// What a response to a payment says.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Said {
    /// Nothing reliable.
    Unknown,
    /// The payment is on its way.
    Pending,
    /// The money has moved.
    Settled(Option<String>),
    /// The payment was refused.
    Refused(Option<String>),
    /// The nonce or the message was already used: an earlier request has settled.
    Used,
    /// It cannot be paid, or can no longer be paid.
    NotPayable,
}

/// Returns whether `reason` contains `what`. The standard library's search for long texts would add
/// 1 KB to the `.wasm`.
fn names(reason: &str, what: &str) -> bool {
    let mut parts = reason.as_bytes().windows(what.len());
    parts.any(|part| part == what.as_bytes())
}

impl Said {
    fn of(response: Option<&Response>) -> Self {
        let Some(response) = response else {
            return Self::Unknown;
        };
        let settlement = response
            .payment_response
            .as_deref()
            .and_then(Settlement::read);
        let settlement = settlement.unwrap_or_default();
        let body = Value::parse(response.body.as_bytes()).ok();
        let reason = || {
            let of_body = || body?.get("error")?.to_text();
            let of_header = || {
                let bytes = crate::bytes::from_base64(response.required.as_deref()?)?;
                Value::parse(&bytes).ok()?.get("error")?.to_text()
            };
            let other = || {
                of_header()
                    .or_else(of_body)
                    .and_then(challenge::plain_reason)
            };
            settlement.reason.clone().or_else(other)
        };
        match response.status {
            200..=399 if settlement.success => Self::Settled(settlement.transaction),
            202 => Self::Pending,
            200..=299 if response.payment_response.is_none() => Self::Settled(None),
            200..=299 => Self::Pending,
            402 => match reason() {
                Some(reason) if names(&reason, "pending") => Self::Pending,
                Some(reason)
                    if names(&reason, "nonce_already_used")
                        || names(&reason, "duplicate_settlement") =>
                {
                    Self::Used
                }
                reason => Self::Refused(reason),
            },
            409 => {
                let code = body.and_then(|body| body.get("error")?.get("code"));
                match code.is_some_and(|code| code.is_str("NOT_PAYABLE")) {
                    true => Self::NotPayable,
                    false => Self::Unknown,
                }
            }
            408 | 425 | 429 => Self::Unknown,
            400..=499 => Self::Refused(reason()),
            _ => Self::Unknown,
        }
    }
}

/// The result of following an attempt.
enum End {
    /// Paid.
    Paid(Receipt),
    /// It can no longer settle and has not settled. A new signature is safe.
    Lapsed,
    /// The server responded to the caller's own request and refused to settle.
    Refused(Option<String>),
    /// It was paid, and the response to the caller's own request was lost.
    NoResponse,
}

fn receipt(attempt: &Attempt, transaction: Option<String>, invoice: Option<&Invoice>) -> Receipt {
    let of_invoice = invoice.and_then(|invoice| invoice.transaction.clone());
    Receipt {
        invoice_id: attempt.invoice.clone(),
        kind: attempt.kind,
        chain: attempt.chain,
        payer: attempt.wallet.clone(),
        transaction: of_invoice
            .or(transaction)
            .or_else(|| attempt.transaction.clone()),
        amount_usdc: attempt.amount,
        paid_at: invoice.and_then(|invoice| invoice.paid_at.clone()),
        url: invoice.and_then(|invoice| invoice.url.clone()),
    }
}

/// Records that an attempt has settled. Returns the receipt even if the journal fails, because the
/// money has moved and a later call finds the settlement again.
async fn settle(io: &Io, attempt: &Attempt, receipt: Receipt) -> Receipt {
    let transaction = receipt.transaction.clone();
    let _ = io
        .update(
            &attempt.id,
            attempt.state,
            State::Settled,
            None,
            transaction,
        )
        .await;
    receipt
}

/// Returns whether an attempt can no longer settle.
async fn has_lapsed(io: &Io, settings: &Settings, attempt: &Attempt) -> bool {
    match (attempt.valid_before, attempt.last_valid_block_height) {
        (Some(valid_before), _) => io.clocks().has_lapsed(valid_before),
        (None, Some(last)) if settings.has_height => {
            let chain = attempt.chain;
            let after = last.saturating_add(HEIGHT_MARGIN);
            io.height(chain, true)
                .await
                .is_some_and(|height| height > after)
        }
        (None, _) => io.now() > lapses_at(attempt),
    }
}

/// Returns the time from which an attempt can no longer settle, in milliseconds since 1970 on the
/// agent's clock.
fn lapses_at(attempt: &Attempt) -> u64 {
    match attempt.valid_before {
        Some(valid_before) => valid_before.saturating_add(MARGIN_S).saturating_mul(1_000),
        None => attempt
            .reserved_at
            .saturating_add(SOLANA_LIFE_S.saturating_mul(1_000)),
    }
}

/// Returns whether sending an attempt's header again can still succeed.
fn is_usable(io: &Io, attempt: &Attempt) -> bool {
    let now_s = io.clocks().best() / 1_000;
    match attempt.valid_before {
        Some(valid_before) => now_s.saturating_add(LEAST_VALIDITY_S) < valid_before,
        None => io.now() < lapses_at(attempt),
    }
}

/// Sends an attempt's header.
async fn send(io: &Io, attempt: &Attempt) -> Option<Response> {
    let header = attempt.header.clone()?;
    io.http(Request {
        method: attempt.method.clone(),
        url: attempt.url.clone(),
        payment: Some((attempt.header_name.clone(), header)),
        own: attempt.kind == Kind::Fetch,
    })
    .await
}

/// What is known about a payment that has been sent.
enum AttemptStatus {
    /// It was paid.
    Paid(Option<String>, Option<Box<Invoice>>),
    /// The payment is in progress.
    Going,
    /// It can still be paid.
    Open,
    /// It cannot be paid, or can no longer be paid.
    Closed,
    /// Nothing is known.
    Dark,
}

/// Reads the invoice to learn the status of an attempt. If there is no invoice, the status follows
/// from the last response.
async fn status(io: &Io, settings: &Settings, attempt: &Attempt, said: &Said) -> AttemptStatus {
    if attempt.kind == Kind::Invoice {
        let Ok(invoice) = look(io, settings, &attempt.invoice).await else {
            return AttemptStatus::Dark;
        };
        return match (invoice.status, said) {
            (Status::Paid, Said::Settled(transaction)) => {
                AttemptStatus::Paid(transaction.clone(), Some(Box::new(invoice)))
            }
            (Status::Paid, _) => AttemptStatus::Paid(None, Some(Box::new(invoice))),
            (Status::Paying, _) => AttemptStatus::Going,
            (Status::Open, _) => AttemptStatus::Open,
            (Status::Closed, _) => AttemptStatus::Closed,
        };
    }
    match said {
        Said::Settled(transaction) => AttemptStatus::Paid(transaction.clone(), None),
        // Only this attempt can have used it.
        Said::Used => AttemptStatus::Paid(None, None),
        Said::NotPayable if attempt.kind == Kind::Login => AttemptStatus::Paid(None, None),
        Said::Refused(_) | Said::NotPayable => AttemptStatus::Open,
        Said::Pending => AttemptStatus::Going,
        Said::Unknown => AttemptStatus::Dark,
    }
}

/// Finds out the result of an attempt whose header has been sent or may have been sent. `first` is
/// what the first response said, if this call sent it. After a crash it is `None`. With `may_send`
/// the same header is sent again.
async fn follow(
    io: &Io,
    settings: &Settings,
    attempt: &Attempt,
    first: Option<Said>,
    may_send: bool,
) -> Result<End> {
    let deadline = io.now().saturating_add(settings.wait_ms);
    let is_blind = attempt.kind != Kind::Invoice;
    // A refusal counts only if no earlier request can have settled.
    let is_first = first.is_some();
    let mut said = first.unwrap_or(Said::Unknown);
    let mut sent = 0_u32;
    let mut pause = if is_first { 1_000 } else { 0 };
    loop {
        // This check comes before the invoice is read, so that the invoice shows everything that
        // settled in time.
        let lapsed = has_lapsed(io, settings, attempt).await;
        let status = status(io, settings, attempt, &said).await;
        match (&status, &said) {
            (AttemptStatus::Paid(transaction, invoice), _) => {
                if attempt.kind == Kind::Fetch && said == Said::Used {
                    // The attempt stays open, so that the same request is not paid for again.
                    return Ok(End::NoResponse);
                }
                let receipt = receipt(attempt, transaction.clone(), invoice.as_deref());
                return Ok(End::Paid(settle(io, attempt, receipt).await));
            }
            (AttemptStatus::Open | AttemptStatus::Closed, Said::Refused(reason))
                if is_first && sent == 0 =>
            {
                let reason = reason.clone();
                io.update(&attempt.id, attempt.state, State::Refused, None, None)
                    .await;
                return Ok(End::Refused(reason));
            }
            _ => {}
        }
        let is_over = matches!(status, AttemptStatus::Open | AttemptStatus::Closed);
        // Without an invoice, the header of a lapsed attempt is sent once more. It cannot settle,
        // but the server may report that it had settled.
        let is_asked = is_first || sent > 0;
        if lapsed && (is_over || is_blind && may_send) && (!is_blind || is_asked) {
            let lapsed = io
                .update(&attempt.id, attempt.state, State::Lapsed, None, None)
                .await;
            if lapsed == Some(true) {
                return Ok(End::Lapsed);
            }
        }
        let can_send = may_send
            && sent < RESENDS
            && (matches!(status, AttemptStatus::Open) || is_blind)
            && (is_usable(io, attempt) || lapsed && is_blind && !is_asked);
        // Without an invoice, only another send gives more information.
        let is_stuck = is_blind && !can_send;
        if is_stuck || io.now().saturating_add(pause) > deadline {
            return Err(unknown(attempt));
        }
        if pause > 0 {
            io.sleep(pause).await;
        }
        pause = pause.saturating_mul(2).clamp(1_000, 8_000);
        if matches!(status, AttemptStatus::Going) {
            pause = POLL_MS;
        }
        if can_send {
            sent = sent.saturating_add(1);
            said = Said::of(send(io, attempt).await.as_ref());
        }
    }
}

fn unknown(attempt: &Attempt) -> Box<Failure> {
    let message = "the payment was sent, and what became of it is not known. Nothing new is \
        signed: \
                   call again, or `resume()`, and the same payment is followed";
    let failure = Failure::new("OUTCOME_UNKNOWN", Phase::Settle, message);
    failure.unsettled().until(lapses_at(attempt))
}

fn paid_without_response() -> Box<Failure> {
    let message = "the payment has settled, and the answer to it was lost: its server can tell \
        what was bought. The same request sends the same payment; `buyAnew` pays for it once more";
    Failure::new("PAID_WITHOUT_ANSWER", Phase::Settle, message).unsettled()
}

/// Returns the failure for a limit or an earlier attempt that blocks this payment.
fn refused_by_journal(refusal: Refusal) -> Box<Failure> {
    let message = ["not reserved: ", &refusal.message, ". Nothing was signed"].concat();
    Failure::new(refusal.code, Phase::Limit, &message)
}

/// Pays, unless it was paid or may have been paid already.
///
/// # Errors Returns why it was not paid, or why the result is unknown.
pub async fn pay(io: Io, settings: Settings, target: Target, options: Options) -> Result<Outcome> {
    let failure = match pay_within(&io, &settings, &target, &options).await {
        Err(failure) if !failure.may_have_settled => failure,
        result => return result,
    };
    // Whatever stopped this call, an earlier attempt may have settled or may still settle, and
    // another process may be about to send one.
    let may_settle = |one: &Attempt| match one.state {
        State::Released => one.again,
        State::Settled => one.kind != Kind::Fetch,
        State::Reserved | State::Sent | State::Refused | State::Lapsed => true,
    };
    match io.last(target.key()).await {
        Ok(Some(one)) if may_settle(&one) => Err(failure.unsettled()),
        _ => Err(failure),
    }
}

async fn pay_within(
    io: &Io,
    settings: &Settings,
    target: &Target,
    options: &Options,
) -> Result<Outcome> {
    let mut carried: Option<Attempt> = None;
    let mut blocking: Option<Attempt> = None;
    let mut approved: Option<(u64, String, &'static str)> = None;
    // `anew` applies only to payments from before this call, so that one call buys once.
    let mut anew = matches!(target, Target::Fetch { anew: true, .. });
    for _ in 0..ROUNDS {
        let mut last = match blocking.take() {
            Some(attempt) => Some(attempt),
            None => io.last(target.key()).await?,
        };
        if let Some(attempt) = &last {
            match finish(io, settings, attempt, options.dry_run, anew).await? {
                Finished::No => {}
                Finished::Again => continue,
                Finished::Paid(_) if options.dry_run => return Err(already_paid()),
                Finished::Paid(receipt) => return Ok(paid(target, receipt)),
            }
        }
        if anew && let Some(lapsed) = last.take_if(|last| last.state == State::Lapsed) {
            // The attempt is assumed to be paid.
            let to = State::Settled;
            io.update(&lapsed.id, lapsed.state, to, None, None).await;
        }
        // Finds out what to pay, and how.
        let found = match find(io, settings, target, last.as_ref(), options).await? {
            Found::Paid(_) if options.dry_run => return Err(already_paid()),
            Found::Paid(receipt) => return Ok(Outcome::Paid(receipt)),
            Found::Free => return Ok(Outcome::Responded(None)),
            Found::Price(found) => *found,
        };
        let offer = &found.offer;
        let is_evm = offer.network.family() == Family::Evm;
        let left = |attempt: &Attempt| {
            attempt.again || matches!(attempt.state, State::Refused | State::Lapsed)
        };
        let again = carried.iter().chain(&last).any(left);
        // On Base, all signatures for an invoice use one nonce and one wallet.
        let keeps = |attempt: &Attempt| {
            let is_over = target.kind() == Kind::Fetch && attempt.state == State::Settled;
            is_evm && attempt.chain == offer.network.name() && !is_over
        };
        let carry = carried.take().into_iter().chain(last);
        let carry = carry.into_iter().find(keeps);
        let wallet = match &carry {
            Some(attempt) => attempt.wallet.clone(),
            None => found.wallet.clone(),
        };
        if !settings.wallets.iter().any(|known| known.address == wallet) {
            let message = "an earlier signature for this was made by a wallet that this agent has \
                no signer for: \
                           only the same wallet can pay it safely. Add its signer";
            return Err(Failure::new("WALLET_MISSING", Phase::Sign, message).unsettled());
        }
        if let Some(before) = &carry {
            let left = matches!(before.state, State::Refused | State::Lapsed);
            let differs = before.amount != offer.amount || before.pay_to != offer.pay_to;
            if target.kind() != Kind::Fetch && left && differs {
                let message = "the server asks for another amount or recipient than before. \
                    Nothing new was signed";
                return Err(Failure::new("CHALLENGE_CHANGED", Phase::Discover, message).unsettled());
            }
        }
        let summary = Summary {
            invoice: target.key().to_owned(),
            chain: offer.network.name(),
            wallet: wallet.clone(),
            pay_to: offer.pay_to.clone(),
            amount_usdc: offer.amount,
            url: found.url.clone(),
            merchant: found.merchant.clone(),
            description: found.description.clone(),
        };
        limits::evaluate_one(offer.amount, &settings.limits).map_err(refused_by_journal)?;
        if options.dry_run {
            return Ok(Outcome::Quote(summary));
        }
        let asked = (offer.amount, offer.pay_to.clone(), offer.network.name());
        if settings.approves && approved.as_ref() != Some(&asked) {
            if !io.approve(summary).await? {
                let message = "`approve` said no. Nothing was signed";
                return Err(Failure::new("NOT_APPROVED", Phase::Limit, message));
            }
            approved = Some(asked);
        }
        let (mut attempt, unsigned) = prepare(io, settings, target, &found, wallet, carry).await?;
        attempt.again = again;
        if let Err(refusal) = io.reserve(&attempt, &settings.limits).await? {
            match (refusal.code, &refusal.attempt) {
                (limits::NONCE_CHANGED, Some(before)) => carried = Some((**before).clone()),
                (limits::OPEN_ATTEMPT | limits::ALREADY_PAID, Some(before)) => {
                    blocking = Some((**before).clone());
                }
                (limits::MAY_SETTLE, Some(before)) => {
                    if before.state == State::Lapsed {
                        let failure = refused_by_journal(*refusal.clone()).unsettled();
                        return Err(failure.until(before.other_chains_from()));
                    }
                    if !has_lapsed(io, settings, before).await {
                        let failure = refused_by_journal(*refusal.clone()).unsettled();
                        // Another chain does not share the nonce, so it has to wait longer.
                        let other = match before.chain == attempt.chain {
                            true => 0,
                            false => before.other_chains_from(),
                        };
                        return Err(failure.until(lapses_at(before).max(other)));
                    }
                    // The invoice is read once more before anything is signed.
                    io.update(&before.id, before.state, State::Lapsed, None, None)
                        .await;
                    blocking = Some(Attempt {
                        state: State::Lapsed,
                        ..(**before).clone()
                    });
                }
                (limits::MAY_BE_PAID, _) => return Err(refused_by_journal(*refusal).unsettled()),
                _ => return Err(refused_by_journal(*refusal)),
            }
            continue;
        }
        anew = false;
        // Nothing has been signed up to here.
        let payload = match sign(io, settings, &attempt, &unsigned).await {
            Ok(payload) if is_usable(io, &attempt) => payload,
            result => {
                io.update(&attempt.id, State::Reserved, attempt.given_up(), None, None)
                    .await;
                let message = "signing took too long for this payment. Nothing was sent; try again";
                let late = Failure::new("SIGNER_FAILED", Phase::Sign, message);
                return Err(result.err().unwrap_or(late));
            }
        };
        let header = found.challenge.header(offer, &payload, &attempt.id);
        attempt.header = Some(header.clone());
        let written = io
            .update(
                &attempt.id,
                State::Reserved,
                State::Sent,
                Some(header),
                None,
            )
            .await;
        match written {
            Some(true) => attempt.state = State::Sent,
            Some(false) => {
                let message =
                    "another process has given this attempt up. Nothing was sent; try again";
                return Err(Failure::new("CONFLICT", Phase::Limit, message));
            }
            None => {
                let message = "the journal failed when the header was to be written, so nothing \
                    was sent. \
                               Its own error is the cause";
                // The header may have been written despite the error. Then the next call sends it.
                return Err(Failure::new("JOURNAL_FAILED", Phase::Send, message).unsettled());
            }
        }
        let said = Said::of(send(io, &attempt).await.as_ref());
        match follow(io, settings, &attempt, Some(said), true).await? {
            End::Paid(receipt) => return Ok(paid(target, receipt)),
            End::Lapsed => {}
            End::NoResponse => return Err(paid_without_response()),
            End::Refused(_) if target.kind() == Kind::Fetch => return Ok(Outcome::Responded(None)),
            End::Refused(reason) => {
                let named = reason.as_deref().unwrap_or("no reason that can be shown");
                let start = "the server refused the payment (";
                let end = "). A refusal is no proof that it will not settle";
                let message = [start, named, end].concat();
                let failure = Failure::new("PAYMENT_REFUSED", Phase::Settle, &message);
                return Err(failure
                    .unsettled()
                    .because(reason)
                    .until(lapses_at(&attempt)));
            }
        }
    }
    let message =
        "other processes pay the same at this moment. Nothing was signed; try again later";
    Err(Failure::new("CONFLICT", Phase::Limit, message))
}

/// Returns the failure of a dry run for something that is already paid.
fn already_paid() -> Box<Failure> {
    let message = "this was paid already: paying it gives the receipt, and moves no money";
    discover(limits::ALREADY_PAID, message).unsettled()
}

fn paid(target: &Target, receipt: Receipt) -> Outcome {
    match target.kind() {
        Kind::Fetch => Outcome::Responded(Some(receipt)),
        Kind::Invoice | Kind::Login => Outcome::Paid(receipt),
    }
}

/// What is left to do for an earlier attempt.
enum Finished {
    /// Nothing. A new attempt can be considered.
    No,
    /// The journal has to be read again.
    Again,
    /// It was paid.
    Paid(Receipt),
}

async fn finish(
    io: &Io,
    settings: &Settings,
    attempt: &Attempt,
    dry_run: bool,
    anew: bool,
) -> Result<Finished> {
    match attempt.state {
        State::Sent if dry_run => Err(unknown(attempt)),
        State::Sent => match follow(io, settings, attempt, None, true).await? {
            End::Paid(receipt) => Ok(Finished::Paid(receipt)),
            End::Lapsed | End::Refused(_) => Ok(Finished::Again),
            End::NoResponse if anew => {
                let to = State::Settled;
                io.update(&attempt.id, attempt.state, to, None, None).await;
                Ok(Finished::Again)
            }
            End::NoResponse => Err(paid_without_response()),
        },
        State::Reserved => {
            let until = attempt.reserved_at.saturating_add(YOUNG_MS);
            if dry_run || io.now() < until && io.now() >= attempt.reserved_at {
                let message = "another call or process is about to pay this. Nothing was signed \
                    here; try again in \
                               a minute, or `resume()` after a crash";
                return Err(Failure::new("IN_PROGRESS", Phase::Limit, message).until(until));
            }
            let given_up = attempt.given_up();
            match io
                .update(&attempt.id, attempt.state, given_up, None, None)
                .await
            {
                Some(_) => Ok(Finished::Again),
                None => Err(Failure::new(
                    "JOURNAL_FAILED",
                    Phase::Limit,
                    "the journal failed. Nothing was signed; its own error is the cause",
                )),
            }
        }
        State::Settled if attempt.kind != Kind::Fetch => {
            let invoice = match attempt.kind {
                Kind::Invoice => look(io, settings, &attempt.invoice).await.ok(),
                Kind::Login | Kind::Fetch => None,
            };
            Ok(Finished::Paid(receipt(attempt, None, invoice.as_ref())))
        }
        State::Settled | State::Refused | State::Lapsed | State::Released => Ok(Finished::No),
    }
}

/// A price, and what it is the price of.
struct Price {
    challenge: Challenge,
    offer: Offer,
    wallet: String,
    url: String,
    method: String,
    merchant: Option<String>,
    description: Option<String>,
}

enum Found {
    /// An earlier attempt has paid for it.
    Paid(Receipt),
    /// The caller's own request got its response without a payment.
    Free,
    /// It has a price.
    Price(Box<Price>),
}

fn no_signer() -> Box<Failure> {
    let message = "nothing that is offered can be paid: there is no signer for it, or `chain` \
        names another network";
    discover("NO_OFFER", message)
}

async fn find(
    io: &Io,
    settings: &Settings,
    target: &Target,
    last: Option<&Attempt>,
    options: &Options,
) -> Result<Found> {
    let wallet = |network: Network| {
        let wanted = options.network.is_none_or(|wanted| wanted == network);
        let mut wallets = settings.wallets.iter();
        let wallet = wallets.find(|wallet| wallet.family == network.family())?;
        wanted.then(|| wallet.address.clone())
    };
    // The chain of an earlier attempt comes first, because another chain would mean another
    // payment.
    let left = |one: &&Attempt| match one.kind {
        Kind::Fetch => one.state != State::Settled,
        Kind::Invoice | Kind::Login => one.state == State::Refused,
    };
    let before = last.filter(left).map(Attempt::network);
    let mut invoice = None;
    let methods = match target {
        Target::Invoice(id) => {
            let seen = look(io, settings, id).await?;
            match seen.status {
                Status::Open => {}
                Status::Paid => {
                    // The refused payment may have settled.
                    let left = |one: &&Attempt| matches!(one.state, State::Refused | State::Lapsed);
                    // Another process may have paid it since the journal was read.
                    let now = match last.is_some_and(|one| left(&one)) {
                        true => None,
                        false => io.last(id).await?,
                    };
                    let settled = |one: &&Attempt| one.state == State::Settled || left(one);
                    let own = now.as_ref().filter(settled).or(last.filter(left));
                    let Some(own) = own else {
                        let message = "the invoice is PAID, and not by an attempt of this journal";
                        return Err(discover("INVOICE_NOT_PAYABLE", message));
                    };
                    let receipt = receipt(own, None, Some(&seen));
                    return Ok(Found::Paid(settle(io, own, receipt).await));
                }
                Status::Paying | Status::Closed => {
                    let name = &seen.status_name;
                    let end = ": only an OPEN one can be paid";
                    let message = ["the invoice is ", name, end].concat();
                    return Err(discover("INVOICE_NOT_PAYABLE", &message));
                }
            }
            let methods = seen.methods.clone();
            invoice = Some(seen);
            methods
        }
        Target::Login(intent) => intent.methods.clone(),
        Target::Fetch { method, url, .. } => {
            let origin = Origin::of(url).filter(Origin::is_safe);
            if origin.is_none() {
                let message = "the URL is neither https nor of this machine: a payment could be \
                    read on the way";
                return Err(discover("UNSAFE_URL", message));
            }
            let request = Request {
                method: method.clone(),
                url: url.clone(),
                payment: None,
                own: true,
            };
            let Some(response) = io.http(request).await else {
                return Err(discover("CONNECTION_FAILED", "no answer; nothing was paid"));
            };
            if response.status != 402 {
                return Ok(Found::Free);
            }
            let challenge = read_challenge(&response)?;
            let payable = |offer: &Offer| Some((offer.clone(), wallet(offer.network)?));
            let mut offers = challenge.offers.iter();
            // The chain of an earlier attempt comes first, as below.
            let found = offers.find(|offer| Some(offer.network) == before);
            let mut offers = challenge.offers.iter();
            let found = found.and_then(payable).or_else(|| offers.find_map(payable));
            let (offer, wallet) = found.ok_or_else(|| refused_offer(&challenge))?;
            return Ok(Found::Price(Box::new(Price {
                challenge,
                offer,
                wallet,
                url: url.clone(),
                method: method.clone(),
                merchant: None,
                description: None,
            })));
        }
    };
    let mut usable: Vec<(Method, String)> = methods
        .into_iter()
        .filter_map(|method| wallet(method.network).map(|wallet| (method, wallet)))
        .collect();
    let mut known = usable.iter();
    let at = known.position(|(method, _)| Some(method.network) == before);
    let at = at.unwrap_or(0);
    let (method, wallet) = usable.drain(..).nth(at).ok_or_else(no_signer)?;
    let origin = Origin::of(&method.url).filter(Origin::is_safe);
    let allowed = [&settings.server, &settings.identity].map(|server| Origin::of(server));
    if origin.is_none() || !allowed.contains(&origin) {
        let message = "the payment URL is not at Gwop's own origin: nothing was signed";
        return Err(discover("MISMATCH", message));
    }
    let get = "GET".to_owned();
    let request = Request {
        method: get,
        url: method.url.clone(),
        payment: None,
        own: false,
    };
    let Some(response) = io.http(request).await else {
        let message = "the payment URL gave no answer; nothing was paid. Try again";
        return Err(discover("CONNECTION_FAILED", message));
    };
    let left = |one: &Attempt| matches!(one.state, State::Refused | State::Lapsed);
    if response.status == 409 && last.is_some_and(left) {
        let message = "it cannot be paid any more, and an earlier payment may be the reason. \
            Nothing new was signed: its merchant can tell";
        return Err(discover("OUTCOME_UNKNOWN", message).unsettled());
    }
    if response.status != 402 {
        let status = decimal(u64::from(response.status));
        let start = "the payment URL answered HTTP ";
        let message = [start, &status, " where 402 was expected"].concat();
        return Err(discover("INVALID_CHALLENGE", &message));
    }
    let challenge = read_challenge(&response)?;
    let mut offers = challenge.offers.iter();
    let offer = offers
        .find(|offer| offer.network == method.network)
        .cloned();
    let offer = offer.ok_or_else(|| refused_offer(&challenge))?;
    let same_recipient = method.pay_to.as_ref();
    let same_recipient =
        same_recipient.is_none_or(|pay_to| same_address(offer.network, pay_to, &offer.pay_to));
    for (same, name) in [
        (offer.amount == method.amount, "amount"),
        (same_recipient, "payTo"),
    ] {
        if !same {
            let start = "invoice and challenge disagree on `";
            let end = "`: one of them was changed. Nothing was signed";
            return Err(discover("MISMATCH", &[start, name, end].concat()));
        }
    }
    let named = challenge.method.clone();
    let named = named.filter(|method| matches!(method.as_str(), "GET" | "POST"));
    Ok(Found::Price(Box::new(Price {
        method: named.unwrap_or_else(|| "GET".to_owned()),
        challenge,
        offer,
        wallet,
        url: method.url,
        merchant: invoice
            .as_ref()
            .and_then(|invoice| invoice.merchant.clone()),
        description: invoice
            .as_ref()
            .and_then(|invoice| invoice.description.clone()),
    })))
}

fn read_challenge(response: &Response) -> Result<Challenge> {
    Challenge::read(response.required.as_deref(), &response.body).map_err(|member| {
        let start = "the 402 is no challenge of x402: `";
        discover(
            "INVALID_CHALLENGE",
            &[start, member, "` cannot be read"].concat(),
        )
    })
}

fn refused_offer(challenge: &Challenge) -> Box<Failure> {
    match challenge.refused {
        Some(member) => {
            let end = "` is not that of USDC on this network, or cannot be read: nothing was \
                signed";
            discover("MISMATCH", &["the offer's `", member, end].concat())
        }
        None => no_signer(),
    }
}

/// What a wallet has to sign.
enum Unsigned {
    Evm(Network, Authorization),
    Solana(Network, Vec<u8>),
}

/// Builds an attempt, and the data to sign for it.
async fn prepare(
    io: &Io,
    settings: &Settings,
    target: &Target,
    found: &Price,
    wallet: String,
    carry: Option<Attempt>,
) -> Result<(Attempt, Unsigned)> {
    let offer = &found.offer;
    let network = offer.network;
    let invalid = |member: &str| {
        let end = "` cannot be paid by. Nothing was signed";
        discover(
            "INVALID_CHALLENGE",
            &["the offer's `", member, end].concat(),
        )
    };
    let id = to_hex(&io.random(16).await?);
    let now_s = io.clocks().best() / 1_000;
    let (unsigned, nonce, valid_before, height) = match network.family() {
        Family::Evm => {
            let nonce = match carry.and_then(|attempt| from_hex(&attempt.nonce)) {
                Some(nonce) => nonce,
                None => io.random(32).await?,
            };
            let nonce: [u8; 32] = nonce.try_into().map_err(|_| invalid("nonce"))?;
            let validity = offer.timeout_s.min(settings.validity_s);
            if validity < LEAST_VALIDITY_S {
                return Err(invalid("maxTimeoutSeconds"));
            }
            let authorization = Authorization {
                from: evm::Address::parse(&wallet).ok_or_else(no_signer)?,
                to: evm::Address::parse(&offer.pay_to).ok_or_else(|| invalid("payTo"))?,
                value: offer.amount,
                valid_after: match found.challenge.version {
                    Version::V1 => now_s.saturating_sub(600),
                    Version::V2 => 0,
                },
                valid_before: now_s.saturating_add(validity),
                nonce,
            };
            let valid_before = Some(authorization.valid_before);
            (
                Unsigned::Evm(network, authorization),
                nonce,
                valid_before,
                None,
            )
        }
        Family::Solana => {
            let (blockhash, height) = match &offer.blockhash {
                Some(blockhash) => {
                    // The server's own value of the last height is not used. If it were too low,
                    // the payment would lapse at once.
                    let chain = network.name();
                    let height = io.height(chain, settings.has_height).await;
                    let last = height.map(|height| height.saturating_add(BLOCKHASH_LIFE));
                    (blockhash.clone(), last)
                }
                None => {
                    let chain = network.name();
                    match io.ask(crate::task::Effect::Blockhash { chain }).await {
                        crate::task::Reply::Blockhash(hash, height) => (hash, height),
                        _ => {
                            let message = "the challenge names no block hash: pass \
                                `recentBlockhash`. Nothing was signed";
                            return Err(Failure::new("NO_BLOCKHASH", Phase::Sign, message));
                        }
                    }
                }
            };
            let address =
                |text: &str, name: &str| solana::Address::parse(text).ok_or_else(|| invalid(name));
            let fee_payer = offer.fee_payer.as_deref().unwrap_or_default();
            let owner = address(&wallet, "wallet")?;
            let fee_payer = address(fee_payer, "extra.feePayer")?;
            if fee_payer == owner {
                // Otherwise the agent would pay the fee too.
                return Err(invalid("extra.feePayer"));
            }
            let random = io.random(16).await?;
            let own_memo = to_hex(&random);
            let memo = match (&offer.memo, found.challenge.version) {
                (Some(memo), _) if memo.len() <= solana::MAX_MEMO => Some(memo.as_str()),
                (Some(_), _) => return Err(invalid("extra.memo")),
                (None, Version::V2) => Some(own_memo.as_str()),
                (None, Version::V1) => None,
            };
            // Two equal payments must differ, or they would be one transaction.
            let tie = match (memo, random.as_slice()) {
                (None, [low, high, ..]) => u16::from_le_bytes([*low, *high]),
                _ => 0,
            };
            let transfer = Transfer {
                owner,
                pay_to: address(&offer.pay_to, "payTo")?,
                fee_payer,
                amount: offer.amount,
                blockhash: address(&blockhash, "recentBlockhash")?,
                memo,
                units: solana::UNITS.saturating_add(u32::from(tie)),
            };
            let message = transfer.message(network).ok_or_else(|| invalid("payTo"))?;
            let hash = solana::message_hash(&message);
            (Unsigned::Solana(network, message), hash, None, height)
        }
    };
    let attempt = Attempt {
        id,
        invoice: target.key().to_owned(),
        kind: target.kind(),
        chain: network.name(),
        url: found.url.clone(),
        method: found.method.clone(),
        header_name: found.challenge.version.header().to_owned(),
        wallet,
        pay_to: offer.pay_to.clone(),
        amount: offer.amount,
        nonce: ["0x", &to_hex(&nonce)].concat(),
        valid_before,
        last_valid_block_height: height,
        again: false,
        state: State::Reserved,
        header: None,
        transaction: None,
        reserved_at: io.now(),
    };
    Ok((attempt, unsigned))
}

/// Asks the signer for a signature and returns `payload`.
async fn sign(
    io: &Io,
    settings: &Settings,
    attempt: &Attempt,
    unsigned: &Unsigned,
) -> Result<String> {
    let wallet = attempt.wallet.clone();
    let no_signature = || {
        let message = "the signer gave no signature of the right form. Nothing was sent";
        Failure::new("SIGNER_FAILED", Phase::Sign, message)
    };
    match unsigned {
        Unsigned::Evm(network, authorization) => {
            let signing = Signing {
                wallet,
                chain: network.name(),
                digest: Some(to_hex(&authorization.digest(*network))),
                typed_data: Some(authorization.typed_data(*network)),
                message: None,
                transaction: None,
            };
            let signature = evm::normal_signature(io.sign(signing).await?);
            let signature = signature.ok_or_else(no_signature)?;
            Ok(challenge::evm_payload(
                authorization,
                &signature,
                settings.signature_parts,
            ))
        }
        Unsigned::Solana(network, message) => {
            let signing = Signing {
                wallet,
                chain: network.name(),
                digest: None,
                typed_data: None,
                message: Some(to_base64(message)),
                transaction: Some(to_base64(&solana::transaction(message, &[0; 64]))),
            };
            let signature: [u8; 64] = io
                .sign(signing)
                .await?
                .try_into()
                .map_err(|_| no_signature())?;
            Ok(challenge::solana_payload(message, &signature))
        }
    }
}

/// Finishes the attempts that a crash or an unknown outcome left open.
///
/// # Errors Returns an error if the journal cannot be read.
pub async fn resume(io: Io, settings: Settings) -> Result<Outcome> {
    let (io, settings) = (&io, &settings);
    let mut resumed = Vec::new();
    for attempt in io.open().await? {
        let mut one = Resumed {
            id: attempt.id.clone(),
            invoice: attempt.invoice.clone(),
            state: attempt.state,
            receipt: None,
            error: None,
        };
        match attempt.state {
            State::Reserved => {
                let to = attempt.given_up();
                if io.update(&attempt.id, attempt.state, to, None, None).await == Some(true) {
                    one.state = to;
                }
            }
            State::Sent => {
                // The caller's own request is no longer available.
                let may_send = attempt.kind != Kind::Fetch;
                match follow(io, settings, &attempt, None, may_send).await {
                    Ok(End::Paid(receipt)) => {
                        one.state = State::Settled;
                        one.receipt = Some(receipt);
                    }
                    Ok(End::Lapsed) => one.state = State::Lapsed,
                    Ok(End::Refused(_)) => one.state = State::Refused,
                    Ok(End::NoResponse) => one.error = Some(paid_without_response()),
                    Err(failure) => one.error = Some(failure),
                }
            }
            State::Refused => {
                let lapsed = has_lapsed(io, settings, &attempt).await;
                let invoice = match attempt.kind {
                    Kind::Invoice => look(io, settings, &attempt.invoice).await.ok(),
                    Kind::Login | Kind::Fetch => None,
                };
                let status = invoice.as_ref().map(|invoice| invoice.status);
                if status == Some(Status::Paid) {
                    let receipt = receipt(&attempt, None, invoice.as_ref());
                    one.state = State::Settled;
                    one.receipt = Some(settle(io, &attempt, receipt).await);
                } else if (status.is_some() || attempt.kind != Kind::Invoice)
                    && status != Some(Status::Paying)
                    && lapsed
                {
                    let to = State::Lapsed;
                    if io.update(&attempt.id, attempt.state, to, None, None).await == Some(true) {
                        one.state = to;
                    }
                }
            }
            State::Settled | State::Lapsed | State::Released => continue,
        }
        resumed.push(one);
    }
    Ok(Outcome::Resumed(resumed))
}
