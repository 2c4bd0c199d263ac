//! The simulator's state, and how it changes with time.

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

/// The local Gwop. Its JSON is the snapshot of a [journal](crate::journal).
#[derive(Debug, Serialize, Deserialize)]
pub struct Simulator {
    pub(crate) config: Config,
    pub(crate) ids: Ids,
    pub(crate) merchants: Vec<MerchantState>,
    pub(crate) invoices: Invoices,
    pub(crate) intents: Intents,
    pub(crate) sessions: Sessions,
    /// Maps a subject to an account id.
    pub(crate) accounts: BTreeMap<String, String>,
    pub(crate) keys: KeyRing,
    /// Keyed by (merchant id, operation, idempotency key).
    #[serde(with = "pairs")]
    pub(crate) idempotency: BTreeMap<(String, String, String), StoredResponse>,
    /// The nonces and messages that settled and pending payments have used.
    pub(crate) spent: BTreeSet<Once>,
    /// The offers made to agents. They stay until they are paid or gone.
    #[serde(with = "pairs")]
    pub(crate) offers: BTreeMap<Payable, Offers>,
    /// Payments that were reported as failed and settle later, keyed by the time they settle.
    #[serde(with = "pairs")]
    pub(crate) late: BTreeMap<(u64, u64), LatePayment>,
    /// Payments that settled after they were no longer expected. Somebody has to refund them.
    pub(crate) unmatched: Vec<(Payable, Payment)>,
    pub(crate) faults: Faults,
    pub(crate) deliveries: Deliveries,
    pub(crate) requests: VecDeque<RequestLog>,
    /// The number of requests since a watcher last asked.
    #[serde(skip)]
    pub(crate) new_requests: usize,
    #[serde(skip)]
    pub(crate) pending: BTreeMap<u32, Pending>,
    pub(crate) tickets: u32,
    /// Orders events that are due at the same time.
    pub(crate) order: u64,
    /// The warnings that were already given.
    #[serde(skip)]
    warned: BTreeSet<&'static str>,
    /// Warnings that nobody has seen yet.
    #[serde(skip)]
    warnings: Vec<&'static str>,
    /// Wallets whose signatures are accepted without a check.
    #[serde(skip)]
    pub(crate) smart_wallets: Vec<Address>,
    /// The driver's clock relative to the real time.
    pub(crate) clock: Clock,
    /// The initial contents, which a reset restores.
    pub(crate) seed: Seed,
}

/// A clock that was moved or frozen. Times are in milliseconds. The driver applies it, and a
/// journal restores it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Clock {
    /// The offset from the real time.
    pub offset_ms: f64,
    /// The time at which it is frozen, if it is.
    pub frozen_at: Option<f64>,
}

impl Clock {
    /// Returns both clocks for a real time.
    // The conversion from float to integer saturates: negative numbers and NaN become 0.
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

/// A merchant, with its older webhook secrets after a rotation.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct MerchantState {
    pub merchant: Merchant,
    /// Older secrets that still sign in addition to the current one, newest first.
    pub old_secrets: Vec<String>,
}

impl core::fmt::Debug for MerchantState {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.merchant.fmt(f)
    }
}

impl MerchantState {
    /// Returns every secret that signs, the current one first.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let mut secrets = vec![self.merchant.webhook_secret.clone()];
        secrets.extend(self.old_secrets.iter().cloned());
        secrets
    }
}

/// The first successful response under an idempotency key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct StoredResponse {
    /// Identifies the request. Another request under the same key is a conflict. Null if the key
    /// alone decides.
    pub asked: Value,
    /// The response to that request.
    #[serde(rename = "answered")]
    pub response: Success,
}

/// A successful response.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Success {
    /// A status, JSON, and additional headers.
    Json(u16, Value, Vec<(String, String)>),
    /// The response to an exchange, complete except for the token's signature.
    Token(UnsignedToken, Value),
    /// The response to the preflight request that a browser sends before it pays from a page.
    Preflight,
    /// The request was processed, but the connection fails.
    Lost,
}

/// A response that waits for a signature.
#[derive(Clone, Debug)]
pub(crate) struct Pending {
    pub token: UnsignedToken,
    pub body: Value,
    pub request_id: String,
    pub faults: Vec<Fault>,
}

/// A request that arrived, for tests to inspect.
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
    /// The request and the response in full.
    pub exchange: Exchange,
}

/// A request and its response, for people to read. Keys and tokens are removed and each body is
/// cut.
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
    /// Returns the row that programs see in a list.
    #[must_use]
    pub fn row(&self) -> Value {
        let mut body = self.json();
        if let Some(fields) = body.as_object_mut() {
            fields.shift_remove("exchange");
        }
        body
    }

    /// Returns the complete entry.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

/// The most requests that are kept in the log.
const MAX_REQUEST_LOG: usize = 1_000;

/// How a payment proceeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Settlement {
    /// Becomes PAID within the request.
    Now,
    /// Becomes PAID at this time of the simulator's clock.
    At(u64),
    /// Stays PAYING until a command settles it.
    Hold,
    /// Goes back to OPEN.
    Fail,
    /// Is reported as failed, and becomes PAID at this time of the simulator's clock.
    Late(u64),
}

/// Who pays, and with what.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// Normalized.
    pub wallet: String,
    /// What the payment uses up. Absent if a test pays without a payload.
    pub once: Option<Once>,
    /// The transaction, if the agent has sent it itself.
    pub transaction: Option<String>,
}

impl Source {
    /// Creates the source for a wallet that pays without a payload.
    pub(crate) const fn wallet(wallet: String) -> Self {
        Self {
            wallet,
            once: None,
            transaction: None,
        }
    }
}

impl From<Evaluated> for Source {
    fn from(evaluated: Evaluated) -> Self {
        Self {
            wallet: evaluated.wallet,
            once: Some(evaluated.once),
            transaction: evaluated.transaction,
        }
    }
}

/// The result of starting a payment.
#[derive(Clone, Debug)]
pub(crate) struct Started {
    pub payment: Payment,
    pub fate: Fate,
}

/// The state of a payment when the response is created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Settled,
    Pending,
    Failed,
    /// Reported as failed, although it settles later.
    Late(LateResponse),
}

/// A payment that was reported as failed and settles later.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct LatePayment {
    pub payable: Payable,
    pub payment: Payment,
}

/// What a payment URL pays for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Payable {
    /// The invoice at this index.
    Invoice(usize),
    /// The auth intent at this index.
    Intent(usize),
}

impl Simulator {
    /// Creates an empty simulator.
    ///
    /// # Errors Returns an error that names the invalid option.
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

    /// Adds warnings about risky options.
    pub(crate) fn warn_of_options(&mut self) {
        if self.config.x402 == Mode::Unchecked {
            self.warn(
                "x402: \"unchecked\" takes any signature: whoever claims to be a wallet is one, and a payment that passes \
                 here can be refused by Gwop.",
            );
        }
    }

    /// Removes everything except the merchants, their secrets and the signing keys. The sequence of
    /// identifiers continues, so that no identifier repeats.
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

    /// Starts or stops recording changes.
    pub(crate) fn watch(&mut self, watched: bool) {
        self.invoices.changed.watch(watched);
        self.intents.changed.watch(watched);
        self.sessions.changed.watch(watched);
        self.deliveries.changed.watch(watched);
        self.new_requests = 0;
    }

    /// Restores the state that is not part of the JSON.
    pub(crate) fn complete_snapshot(&mut self) {
        self.smart_wallets = addresses(&self.config);
        self.warn_of_options();
    }

    /// Adds a warning, once.
    pub(crate) fn warn(&mut self, of: &'static str) {
        if self.warned.insert(of) {
            self.warnings.push(of);
        }
    }

    /// Returns the warnings since the last call.
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

    /// Runs everything that was due by now, in order: payments settle, OPEN invoices expire.
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

    /// Settles a late payment. Its invoice or auth intent becomes paid, unless it no longer expects
    /// a payment.
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

    /// Returns when something happens next without a request: a settlement, an expiry or a
    /// delivery. The time is on the simulator's clock.
    #[must_use]
    pub fn next_due(&self) -> Option<u64> {
        let invoices = self.invoices.next_due().map(|(at, _)| at);
        let intents = self.intents.next_due().map(|(at, _)| at);
        let late = self.late.keys().next().map(|(at, _)| *at);
        let all = [invoices, intents, late, self.deliveries.next_due()];
        all.into_iter().flatten().min()
    }

    /// Moves an invoice to a final state and sends its event.
    pub(crate) fn finish_invoice(&mut self, index: usize, status: Status, at: u64) {
        let finished = self.invoices.change(index, |invoice| {
            invoice.become_status(status, at);
            invoice.clone()
        });
        let Some(invoice) = finished else {
            return;
        };
        // According to Gwop's own pages, the header that has paid gets the first response again.
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

    /// Starts a payment of an OPEN invoice or an unpaid auth intent. The caller has checked the
    /// state.
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
        // This payment includes the time of its settlement.
        let payment = match fate {
            Fate::Settled => self.payment_of(payable).cloned().unwrap_or(payment),
            _ => payment,
        };
        Started { payment, fate }
    }

    /// Returns the payment that is in progress or settled.
    pub(crate) fn payment_of(&self, payable: Payable) -> Option<&Payment> {
        match payable {
            Payable::Invoice(index) => self.invoices.get(index)?.payment.as_ref(),
            Payable::Intent(index) => self.intents.get(index)?.payment.as_ref(),
        }
    }

    /// Settles a payment that is in progress. `false` if there is none.
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

    /// Fails a payment that is in progress, so that what it used up is free again. `false` if there
    /// is none.
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

    /// Rolls back a payment that is in progress: PAYING becomes OPEN again.
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

    /// Releases held deliveries, newest first, once there are `batch` of them.
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

    /// Applies the faults that take effect after processing.
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

/// Returns the addresses of the wallets that are contracts.
fn addresses(config: &Config) -> Vec<Address> {
    let wallets = config.smart_wallets.iter();
    wallets
        .filter_map(|wallet| Address::from_hex(wallet))
        .collect()
}

/// Serializes maps whose keys are not strings as lists of pairs.
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

/// Cuts a text in half.
pub(crate) fn cut_in_half(text: &mut String) {
    let middle = text.len() / 2;
    let cut = (0..=middle).rev().find(|at| text.is_char_boundary(*at));
    text.truncate(cut.unwrap_or_default());
}
