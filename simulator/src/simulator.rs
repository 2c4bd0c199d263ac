//! The simulator's state, and how it moves with time.

use crate::auth::{KeyRing, UnsignedToken};
use crate::collection::{Deliveries, Intents, Invoices, Sessions};
use crate::command_error::CommandError;
use crate::config::{Config, Merchant};
use crate::control::Seed;
use crate::fault::{Fault, Faults, LateResponse, Stage};
use crate::http::Reply;
use crate::id::Ids;
use crate::invoice::{Invoice, Status};
use crate::payment::base::Address;
use crate::payment::offer::Offers;
use crate::payment::{Chain, Evaluated, Mode, Once, Payment};
use crate::time::Now;
use crate::webhook::{Delivery, DeliveryStatus, event};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// The local Gwop. As JSON it is the snapshot of a [journal](crate::journal).
#[derive(Debug, Serialize, Deserialize)]
pub struct Simulator {
    pub(crate) config: Config,
    pub(crate) ids: Ids,
    pub(crate) merchants: Vec<MerchantState>,
    pub(crate) invoices: Invoices,
    pub(crate) intents: Intents,
    pub(crate) sessions: Sessions,
    /// Subject to account id.
    pub(crate) accounts: BTreeMap<String, String>,
    pub(crate) keys: KeyRing,
    /// By (merchant id, operation, key).
    #[serde(with = "pairs")]
    pub(crate) idempotency: BTreeMap<(String, String, String), StoredResponse>,
    /// What settled and pending payments have used up.
    pub(crate) spent: BTreeSet<Once>,
    /// What is offered to agents, until it is paid or gone.
    #[serde(with = "pairs")]
    pub(crate) offers: BTreeMap<Payable, Offers>,
    /// Payments that were reported as failed and settle later, by when they do.
    #[serde(with = "pairs")]
    pub(crate) late: BTreeMap<(u64, u64), LatePayment>,
    /// Payments that settled when they were not awaited any more: money that somebody has to give back.
    pub(crate) unmatched: Vec<(Payable, Payment)>,
    pub(crate) faults: Faults,
    pub(crate) deliveries: Deliveries,
    pub(crate) requests: VecDeque<RequestLog>,
    /// Requests that arrived since somebody who watches asked.
    #[serde(skip)]
    pub(crate) new_requests: usize,
    #[serde(skip)]
    pub(crate) pending: BTreeMap<u32, Pending>,
    pub(crate) tickets: u32,
    /// Orders what is due at the same time.
    pub(crate) order: u64,
    /// What people were warned of.
    #[serde(skip)]
    warned: BTreeSet<&'static str>,
    /// Warnings that nobody has seen yet.
    #[serde(skip)]
    warnings: Vec<&'static str>,
    /// Wallets whose signatures are taken as they are.
    #[serde(skip)]
    pub(crate) smart_wallets: Vec<Address>,
    /// How the driver's clock stands to the real time.
    pub(crate) clock: Clock,
    /// What it held at its start, and holds again after a reset.
    pub(crate) seed: Seed,
}

/// A clock that was moved or frozen, in milliseconds. The driver keeps it; a journal brings it back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Clock {
    /// How far it is from the real time.
    pub offset_ms: f64,
    /// Where it stands still.
    pub frozen_at: Option<f64>,
}

impl Clock {
    /// Both clocks at a real time.
    // A float to an integer saturates; negative and NaN become 0.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss
    )]
    pub(crate) fn at(self, wall: u64) -> Now {
        let clock = self.frozen_at.unwrap_or(wall as f64 + self.offset_ms);
        Now {
            clock: clock as u64,
            wall,
        }
    }
}

/// A merchant, with the secrets of a rotation.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct MerchantState {
    pub merchant: Merchant,
    /// Secrets that still sign beside the current one, newest first.
    pub old_secrets: Vec<String>,
}

impl core::fmt::Debug for MerchantState {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.merchant.fmt(f)
    }
}

impl MerchantState {
    /// Every secret that signs, the current one first.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let mut secrets = vec![self.merchant.webhook_secret.clone()];
        secrets.extend(self.old_secrets.iter().cloned());
        secrets
    }
}

/// The first successful response under an idempotency key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct StoredResponse {
    /// What tells requests under one key apart; another one is a conflict. Null where the key alone decides.
    pub asked: Value,
    /// What came of it.
    #[serde(rename = "answered")]
    pub response: Success,
}

/// A successful response.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Success {
    /// A status and JSON, and further headers.
    Json(u16, Value, Vec<(String, String)>),
    /// An exchange's response, but for the token's signature.
    Token(UnsignedToken, Value),
    /// What a browser asks for before it pays from a page.
    Preflight,
    /// It was done, and nobody is told: the connection fails.
    Lost,
}

/// What waits for a signature.
#[derive(Clone, Debug)]
pub(crate) struct Pending {
    pub token: UnsignedToken,
    pub body: Value,
    pub request_id: String,
    pub faults: Vec<Fault>,
}

/// A request that arrived, for tests to look at.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestLog {
    /// Its `x-request-id`.
    pub request_id: String,
    /// The operation, if the path belongs to one.
    pub operation: Option<String>,
    /// Its method.
    pub method: String,
    /// Its URL.
    pub url: String,
    /// Whether it carried an `Authorization` header.
    pub authorized: bool,
    /// Its `Idempotency-Key`.
    pub idempotency_key: Option<String>,
    /// The response's status; absent when the connection failed.
    pub status: Option<u16>,
    /// When it arrived, on the simulator's clock.
    pub at: u64,
    /// Both messages.
    pub exchange: Exchange,
}

/// A request and its response, for people to look at: without keys and tokens, and each body cut.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Exchange {
    /// The request's headers.
    pub headers: Vec<(String, String)>,
    /// The request's body.
    pub body: String,
    /// The response's headers.
    #[serde(rename = "answerHeaders")]
    pub response_headers: Vec<(String, String)>,
    /// The response's body.
    #[serde(rename = "answerBody")]
    pub response_body: String,
}

impl RequestLog {
    /// As programs see it, in a list.
    #[must_use]
    pub fn row(&self) -> Value {
        let mut body = self.json();
        if let Some(fields) = body.as_object_mut() {
            fields.shift_remove("exchange");
        }
        body
    }

    /// All of it.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

/// The most requests that are remembered.
const MAX_REQUEST_LOG: usize = 1_000;

/// How a payment goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Settlement {
    /// PAID within the request.
    Now,
    /// PAID at this time of the simulator's clock.
    At(u64),
    /// PAYING until a command settles it.
    Hold,
    /// Back to OPEN.
    Fail,
    /// Reported as failed, and PAID at this time of the simulator's clock.
    Late(u64),
}

/// Who pays, and by what.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// Normalised.
    pub wallet: String,
    /// What it uses up; absent where a test pays without a payload.
    pub once: Option<Once>,
    /// The transaction, where the agent has sent it itself.
    pub transaction: Option<String>,
}

impl Source {
    /// A wallet that pays without a payload.
    pub(crate) const fn wallet(wallet: String) -> Self {
        Self {
            wallet,
            once: None,
            transaction: None,
        }
    }
}

impl From<Evaluated> for Source {
    fn from(judged: Evaluated) -> Self {
        Self {
            wallet: judged.wallet,
            once: Some(judged.once),
            transaction: judged.transaction,
        }
    }
}

/// What became of a payment that was started.
#[derive(Clone, Debug)]
pub(crate) struct Started {
    pub payment: Payment,
    pub fate: Fate,
}

/// Where a payment stands when the response is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Settled,
    Pending,
    Failed,
    /// Reported so, although it settles later.
    Late(LateResponse),
}

/// A payment that was reported as failed, and settles later.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct LatePayment {
    pub payable: Payable,
    pub payment: Payment,
}

/// What a payment URL asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Payable {
    /// By index.
    Invoice(usize),
    /// By index.
    Intent(usize),
}

impl Simulator {
    /// A simulator with nothing in it yet.
    ///
    /// # Errors
    /// Says which option is wrong.
    pub fn new(config: Config) -> Result<Self, CommandError> {
        config.check()?;
        let smart_wallets = addresses(&config);
        let mut simulator = Self {
            ids: Ids::new(config.seed),
            merchants: config
                .merchants
                .iter()
                .map(|merchant| MerchantState {
                    merchant: merchant.clone(),
                    old_secrets: Vec::new(),
                })
                .collect(),
            config,
            invoices: Invoices::default(),
            intents: Intents::default(),
            sessions: Sessions::default(),
            accounts: BTreeMap::new(),
            keys: KeyRing::default(),
            idempotency: BTreeMap::new(),
            spent: BTreeSet::new(),
            offers: BTreeMap::new(),
            late: BTreeMap::new(),
            unmatched: Vec::new(),
            faults: Faults::default(),
            deliveries: Deliveries::default(),
            requests: VecDeque::new(),
            new_requests: 0,
            pending: BTreeMap::new(),
            tickets: 0,
            order: 0,
            warned: BTreeSet::new(),
            warnings: Vec::new(),
            smart_wallets,
            clock: Clock::default(),
            seed: Seed::default(),
        };
        simulator.warn_of_options();
        Ok(simulator)
    }

    /// Warns of what its options allow.
    pub(crate) fn warn_of_options(&mut self) {
        if self.config.x402 == Mode::Unchecked {
            self.warn(
                "x402: \"unchecked\" takes any signature: whoever claims to be a wallet is one, and a payment that passes \
                 here can be refused by Gwop.",
            );
        }
    }

    /// Empties it, but for the merchants, their secrets and the signing keys. Identifiers go on, so that none comes twice.
    pub(crate) fn empty(&mut self) {
        let watched = self.invoices.changed.is_watched();
        self.invoices = Invoices::default();
        self.intents = Intents::default();
        self.sessions = Sessions::default();
        self.deliveries = Deliveries::default();
        self.watch(watched);
        self.accounts.clear();
        self.idempotency.clear();
        self.spent.clear();
        self.offers.clear();
        self.late.clear();
        self.unmatched.clear();
        self.faults.clear(None);
        self.requests.clear();
        self.clock = Clock::default();
    }

    /// Begins to note what changes, or stops.
    pub(crate) fn watch(&mut self, watched: bool) {
        self.invoices.changed.watch(watched);
        self.intents.changed.watch(watched);
        self.sessions.changed.watch(watched);
        self.deliveries.changed.watch(watched);
        self.new_requests = 0;
    }

    /// What of it is not in its JSON.
    pub(crate) fn complete_snapshot(&mut self) {
        self.smart_wallets = addresses(&self.config);
        self.warn_of_options();
    }

    /// Warns, once.
    pub(crate) fn warn(&mut self, of: &'static str) {
        if self.warned.insert(of) {
            self.warnings.push(of);
        }
    }

    /// What people are to be warned of since the last call.
    pub fn take_warnings(&mut self) -> Vec<&'static str> {
        core::mem::take(&mut self.warnings)
    }

    pub(crate) fn merchant(&self, id: &str) -> Option<&MerchantState> {
        self.merchants.iter().find(|state| state.merchant.id == id)
    }

    pub(crate) fn payable(&self, public_id: &str) -> Option<Payable> {
        let invoice = self.invoices.find_public(public_id);
        invoice.map(Payable::Invoice).or_else(|| {
            let intent = self.intents.find_payable(public_id);
            intent.map(Payable::Intent)
        })
    }

    /// Lets everything happen that was due by now, in its order: payments settle, OPEN invoices expire.
    pub(crate) fn catch_up(&mut self, now: Now) {
        while let Some((at, index)) = self.intents.next_due().filter(|(at, _)| *at <= now.clock) {
            self.settle_intent(index, at);
        }
        loop {
            let invoice = self.invoices.next_due().filter(|(at, _)| *at <= now.clock);
            let late = self.late.first_key_value().map(|(key, _)| *key);
            let late = late.filter(|(at, _)| *at <= now.clock);
            match (invoice, late) {
                (Some((at, index)), late) if late.is_none_or(|(other, _)| at <= other) => {
                    match self.invoices.get(index).map(|invoice| invoice.status) {
                        Some(Status::Paying) => self.settle_invoice(index, at),
                        _ => self.finish_invoice(index, Status::Expired, at),
                    }
                }
                (_, Some(key)) => self.settle_late(key),
                _ => return,
            }
        }
    }

    /// A late payment settles: what it pays for is paid, unless that is not awaited any more.
    fn settle_late(&mut self, key: (u64, u64)) {
        let Some(LatePayment {
            payable,
            mut payment,
        }) = self.late.remove(&key)
        else {
            return;
        };
        let (at, _) = key;
        payment.settled_at = Some(at);
        let taken = match payable {
            Payable::Invoice(index) => {
                let taken = self.invoices.change(index, |invoice| {
                    let is_open = invoice.status == Status::Open;
                    if is_open {
                        invoice.payment = Some(payment.clone());
                    }
                    is_open
                }) == Some(true);
                if taken {
                    self.finish_invoice(index, Status::Paid, at);
                }
                taken
            }
            Payable::Intent(index) => {
                self.intents.change(index, |intent| {
                    let is_open = intent.payment.is_none();
                    if is_open {
                        intent.payment = Some(payment.clone());
                    }
                    is_open
                }) == Some(true)
            }
        };
        if !taken {
            self.unmatched.push((payable, payment));
        }
    }

    /// When something happens next by itself: a settlement, an expiry, a delivery. On the simulator's clock.
    #[must_use]
    pub fn next_due(&self) -> Option<u64> {
        let invoices = self.invoices.next_due().map(|(at, _)| at);
        let intents = self.intents.next_due().map(|(at, _)| at);
        let late = self.late.keys().next().map(|(at, _)| *at);
        let all = [invoices, intents, late, self.deliveries.next_due()];
        all.into_iter().flatten().min()
    }

    /// Brings an invoice to a final state and sends its event.
    pub(crate) fn finish_invoice(&mut self, index: usize, status: Status, at: u64) {
        let finished = self.invoices.change(index, |invoice| {
            invoice.become_status(status, at);
            invoice.clone()
        });
        let Some(invoice) = finished else {
            return;
        };
        // By Gwop's own pages, the header that has paid gets the first response again.
        if status != Status::Paid || self.config.x402 != Mode::GwopDocs {
            self.offers.remove(&Payable::Invoice(index));
        }
        let event_type = match status {
            Status::Paid => "invoice.paid",
            Status::Expired => "invoice.expired",
            _ => "invoice.canceled",
        };
        self.emit(&invoice, event_type, at);
    }

    /// Starts a payment of an OPEN invoice or an unpaid auth intent; the caller has checked that it is one.
    pub(crate) fn start_payment(
        &mut self,
        payable: Payable,
        chain: Chain,
        source: Source,
        settlement: Settlement,
        now: Now,
    ) -> Started {
        let mut fate = match settlement {
            Settlement::Now => Fate::Settled,
            Settlement::At(_) | Settlement::Hold => Fate::Pending,
            Settlement::Fail => Fate::Failed,
            Settlement::Late(_) => Fate::Late(LateResponse::Refused),
        };
        let mut settles_at = match settlement {
            Settlement::Now => Some(now.clock),
            Settlement::At(at) | Settlement::Late(at) => Some(at),
            Settlement::Hold | Settlement::Fail => None,
        };
        for fault in self.faults.strike(Stage::Payment, "x402.pay") {
            match fault {
                Fault::PaymentFail {} => fate = Fate::Failed,
                Fault::PaymentLate { delay_ms, response } if fate != Fate::Failed => {
                    fate = Fate::Late(response);
                    settles_at = Some(now.clock.saturating_add(delay_ms));
                }
                _ => {}
            }
        }
        let payment = Payment {
            chain,
            wallet: source.wallet,
            transaction: source.transaction.unwrap_or_else(|| match chain {
                Chain::Base => self.ids.base_transaction(),
                Chain::Solana => self.ids.solana_transaction(),
            }),
            once: source.once,
            settles_at,
            settled_at: None,
        };
        if fate != Fate::Failed {
            self.spent.extend(payment.once.clone());
        }
        match payable {
            Payable::Invoice(index) => {
                self.invoices.change(index, |invoice| {
                    invoice.become_status(Status::Paying, now.clock);
                    invoice.payment = Some(payment.clone());
                });
            }
            Payable::Intent(index) => {
                self.intents
                    .change(index, |intent| intent.payment = Some(payment.clone()));
            }
        }
        match fate {
            Fate::Failed => _ = self.roll_back(payable, now.clock),
            Fate::Late(_) => {
                self.roll_back(payable, now.clock);
                let order = self.next_order();
                let at = settles_at.unwrap_or(now.clock);
                let payment = payment.clone();
                self.late
                    .insert((at, order), LatePayment { payable, payment });
            }
            Fate::Settled | Fate::Pending => {}
        }
        self.catch_up(now);
        // With its settlement's time.
        let payment = match fate {
            Fate::Settled => self.payment_of(payable).cloned().unwrap_or(payment),
            _ => payment,
        };
        Started { payment, fate }
    }

    /// The payment under way or settled.
    pub(crate) fn payment_of(&self, payable: Payable) -> Option<&Payment> {
        match payable {
            Payable::Invoice(index) => self.invoices.get(index)?.payment.as_ref(),
            Payable::Intent(index) => self.intents.get(index)?.payment.as_ref(),
        }
    }

    /// Settles a payment that is under way. `false` when there is none.
    pub(crate) fn settle_payment(&mut self, payable: Payable, now: Now) -> bool {
        match payable {
            Payable::Invoice(index) => {
                let paying = self
                    .invoices
                    .get(index)
                    .is_some_and(|invoice| invoice.status == Status::Paying);
                if paying {
                    self.settle_invoice(index, now.clock);
                }
                paying
            }
            Payable::Intent(index) => {
                let paying = self
                    .intents
                    .get(index)
                    .is_some_and(|intent| intent.payment_status() == Status::Paying);
                if paying {
                    self.settle_intent(index, now.clock);
                }
                paying
            }
        }
    }

    fn settle_intent(&mut self, index: usize, at: u64) {
        self.intents.change(index, |intent| {
            if let Some(payment) = &mut intent.payment {
                payment.settled_at = Some(at);
            }
        });
    }

    fn settle_invoice(&mut self, index: usize, at: u64) {
        self.invoices.change(index, |invoice| {
            if let Some(payment) = &mut invoice.payment {
                payment.settled_at = Some(at);
            }
        });
        self.finish_invoice(index, Status::Paid, at);
    }

    /// Fails a payment that is under way: what it used up can be used again. `false` when there is none.
    pub(crate) fn fail_payment(&mut self, payable: Payable, now: Now) -> bool {
        match self.roll_back(payable, now.clock) {
            Some(payment) => {
                if let Some(once) = payment.once {
                    self.spent.remove(&once);
                }
                true
            }
            None => false,
        }
    }

    /// Takes back a payment that is under way: PAYING becomes OPEN again.
    fn roll_back(&mut self, payable: Payable, at: u64) -> Option<Payment> {
        match payable {
            Payable::Invoice(index) => self
                .invoices
                .change(index, |invoice| {
                    if invoice.status != Status::Paying {
                        return None;
                    }
                    invoice.become_status(Status::Open, at);
                    invoice.payment.take()
                })
                .flatten(),
            Payable::Intent(index) => self
                .intents
                .change(index, |intent| {
                    if intent.settled().is_some() {
                        return None;
                    }
                    intent.payment.take()
                })
                .flatten(),
        }
    }

    fn emit(&mut self, invoice: &Invoice, event_type: &str, at: u64) {
        let faults = self.faults.strike(Stage::Event, event_type);
        let (mut copies, mut delay, mut held) = (1_u32, 0_u64, false);
        let mut batch = 0;
        for fault in faults {
            match fault {
                Fault::WebhookDuplicate { copies: more } => {
                    copies = copies.saturating_add(more.unwrap_or(1));
                }
                Fault::WebhookDelay { delay_ms } => delay = delay.saturating_add(delay_ms),
                Fault::WebhookReorder { events } => {
                    held = true;
                    batch = events;
                }
                _ => {}
            }
        }
        let has_endpoint = self
            .merchant(&invoice.merchant_id)
            .is_some_and(|state| state.merchant.webhook_url.is_some());
        let event_id = self.ids.uuid();
        let body = event(
            &event_id,
            event_type,
            invoice.version,
            at,
            invoice.event_data(),
        );
        for _ in 0..copies {
            let order = self.next_order();
            self.deliveries.push(|id| Delivery {
                id,
                event_id: event_id.clone(),
                event_type: event_type.into(),
                merchant_id: invoice.merchant_id.clone(),
                public_invoice_id: invoice.public_id.clone(),
                body: body.clone(),
                status: match (has_endpoint, held) {
                    (false, _) => DeliveryStatus::NoEndpoint,
                    (true, true) => DeliveryStatus::Held,
                    (true, false) => DeliveryStatus::Pending,
                },
                attempts: Vec::new(),
                next_attempt_at: (has_endpoint && !held).then(|| at.saturating_add(delay)),
                variant: None,
                url: None,
                in_flight: false,
                order,
            });
        }
        if held {
            self.release_held(batch, at);
        }
    }

    pub(crate) fn next_order(&mut self) -> u64 {
        self.order = self.order.saturating_add(1);
        self.order
    }

    /// Lets held deliveries go, newest first, once there are `batch` of them.
    pub(crate) fn release_held(&mut self, batch: u32, at: u64) {
        let all = self.deliveries.as_slice().iter().enumerate();
        let held: Vec<usize> = all
            .filter(|(_, delivery)| delivery.status == DeliveryStatus::Held)
            .map(|(index, _)| index)
            .collect();
        if held.len() < usize::try_from(batch).unwrap_or(usize::MAX) {
            return;
        }
        for index in held.into_iter().rev() {
            let order = self.next_order();
            self.deliveries.change(index, |delivery| {
                delivery.order = order;
                delivery.status = DeliveryStatus::Pending;
                delivery.next_attempt_at = Some(at);
            });
        }
    }

    pub(crate) fn log_request(&mut self, entry: RequestLog) {
        if self.requests.len() >= MAX_REQUEST_LOG {
            self.requests.pop_front();
        }
        self.requests.push_back(entry);
        self.new_requests = self.new_requests.saturating_add(1);
    }

    /// Applies the faults that strike after processing.
    pub(crate) fn send(reply: &mut Reply, faults: &[Fault]) {
        for fault in faults {
            match fault {
                Fault::LoseResponse { .. } => reply.lost = true,
                Fault::MalformedJson { .. } => cut_in_half(&mut reply.body),
                Fault::Delay { delay_ms, .. } => {
                    reply.delay_ms = reply.delay_ms.saturating_add(*delay_ms);
                }
                Fault::SlowBody { .. } => reply.slow_body = fault.slow_body(),
                _ => {}
            }
        }
    }
}

/// The addresses of the wallets that are contracts.
fn addresses(config: &Config) -> Vec<Address> {
    let wallets = config.smart_wallets.iter();
    wallets
        .filter_map(|wallet| Address::from_hex(wallet))
        .collect()
}

/// Maps whose keys are no texts: as lists of pairs.
mod pairs {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::collections::BTreeMap;

    pub(super) fn serialize<S: Serializer, K: Serialize, V: Serialize>(
        map: &BTreeMap<K, V>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(map)
    }

    pub(super) fn deserialize<'de, D, K, V>(deserializer: D) -> Result<BTreeMap<K, V>, D::Error>
    where
        D: Deserializer<'de>,
        K: Deserialize<'de> + Ord,
        V: Deserialize<'de>,
    {
        Vec::<(K, V)>::deserialize(deserializer).map(|pairs| pairs.into_iter().collect())
    }
}

/// Breaks a text off in the middle.
pub(crate) fn cut_in_half(text: &mut String) {
    let middle = text.len() / 2;
    let cut = (0..=middle).rev().find(|at| text.is_char_boundary(*at));
    text.truncate(cut.unwrap_or_default());
}
