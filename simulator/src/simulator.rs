//! The simulator's state, and how it moves with time.

use crate::auth::{AuthIntent, KeyRing, Session, UnsignedToken};
use crate::config::{Config, Merchant};
use crate::control::CommandError;
use crate::fault::{Fault, Faults, Stage};
use crate::http::Reply;
use crate::id::Ids;
use crate::invoice::{Invoice, Status};
use crate::time::Now;
use crate::webhook::{Delivery, DeliveryStatus, event};
use crate::x402::{Chain, Payment};
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The local Gwop.
#[derive(Debug)]
pub struct Simulator {
    pub(crate) config: Config,
    pub(crate) ids: Ids,
    pub(crate) merchants: Vec<MerchantState>,
    pub(crate) invoices: Vec<Invoice>,
    pub(crate) intents: Vec<AuthIntent>,
    pub(crate) sessions: Vec<Session>,
    /// Subject to account id.
    pub(crate) accounts: BTreeMap<String, String>,
    pub(crate) keys: KeyRing,
    /// By (merchant id, operation, key).
    pub(crate) idempotency: BTreeMap<(String, &'static str, String), StoredAnswer>,
    pub(crate) payment_nonces: BTreeSet<String>,
    pub(crate) faults: Faults,
    pub(crate) deliveries: Vec<Delivery>,
    pub(crate) requests: Vec<RequestLog>,
    pub(crate) pending: BTreeMap<u32, Pending>,
    pub(crate) tickets: u32,
    /// Orders the deliveries that are due at the same time.
    pub(crate) order: u64,
}

/// A merchant, with the secrets of a rotation.
#[derive(Clone)]
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
    pub fn secrets(&self) -> Vec<String> {
        let mut secrets = vec![self.merchant.webhook_secret.clone()];
        secrets.extend(self.old_secrets.iter().cloned());
        secrets
    }
}

/// The first successful answer under an idempotency key.
#[derive(Clone, Debug)]
pub(crate) struct StoredAnswer {
    /// What tells requests under one key apart; another one is a conflict. Null where the key alone decides.
    pub asked: Value,
    /// What was answered.
    pub answered: Success,
}

/// A successful answer.
#[derive(Clone, Debug)]
pub(crate) enum Success {
    /// A status and JSON, and further headers.
    Json(u16, Value, Vec<(String, String)>),
    /// An exchange's answer, but for the token's signature.
    Token(UnsignedToken, Value),
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
#[derive(Clone, Debug, Serialize)]
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
    /// The answer's status; absent when the connection failed.
    pub status: Option<u16>,
    /// When it arrived, on the simulator's clock.
    pub at: u64,
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
}

/// What a payment URL asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
        Ok(Self {
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
            invoices: Vec::new(),
            intents: Vec::new(),
            sessions: Vec::new(),
            accounts: BTreeMap::new(),
            keys: KeyRing::default(),
            idempotency: BTreeMap::new(),
            payment_nonces: BTreeSet::new(),
            faults: Faults::default(),
            deliveries: Vec::new(),
            requests: Vec::new(),
            pending: BTreeMap::new(),
            tickets: 0,
            order: 0,
        })
    }

    pub(crate) fn merchant(&self, id: &str) -> Option<&MerchantState> {
        self.merchants.iter().find(|state| state.merchant.id == id)
    }

    pub(crate) fn payable(&self, public_id: &str) -> Option<Payable> {
        let invoice = self
            .invoices
            .iter()
            .position(|invoice| invoice.public_id == public_id);
        invoice.map(Payable::Invoice).or_else(|| {
            let intent = self
                .intents
                .iter()
                .position(|intent| intent.payable_id == public_id);
            intent.map(Payable::Intent)
        })
    }

    /// Lets everything happen that was due by now, in its order: payments settle, OPEN invoices expire.
    pub(crate) fn catch_up(&mut self, now: Now) {
        for intent in &mut self.intents {
            if let Some(payment) = &mut intent.payment
                && payment.settled_at.is_none()
                && let Some(at) = payment.settles_at.filter(|at| *at <= now.clock)
            {
                payment.settled_at = Some(at);
            }
        }
        let mut due: Vec<(u64, usize)> = self
            .invoices
            .iter()
            .enumerate()
            .filter_map(|(index, invoice)| Some((due_at(invoice)?, index)))
            .filter(|(at, _)| *at <= now.clock)
            .collect();
        due.sort_unstable();
        for (at, index) in due {
            match self.invoices.get(index).map(|invoice| invoice.status) {
                Some(Status::Paying) => self.settle_invoice(index, at),
                Some(Status::Open) => self.finish_invoice(index, Status::Expired, at),
                _ => {}
            }
        }
    }

    /// When something happens next by itself: a settlement, an expiry, a delivery. On the simulator's clock.
    #[must_use]
    pub fn next_due(&self) -> Option<u64> {
        let invoices = self.invoices.iter().filter_map(due_at);
        let intents = self.intents.iter().filter_map(|intent| {
            let payment = intent.payment.as_ref()?;
            payment.settles_at.filter(|_| payment.settled_at.is_none())
        });
        let deliveries = self
            .deliveries
            .iter()
            .filter(|delivery| !delivery.in_flight)
            .filter_map(|delivery| delivery.next_attempt_at);
        invoices.chain(intents).chain(deliveries).min()
    }

    /// Brings an invoice to a final state and sends its event.
    pub(crate) fn finish_invoice(&mut self, index: usize, status: Status, at: u64) {
        let Some(invoice) = self.invoices.get_mut(index) else {
            return;
        };
        invoice.become_status(status);
        let event_type = match status {
            Status::Paid => "invoice.paid",
            Status::Expired => "invoice.expired",
            _ => "invoice.canceled",
        };
        let invoice = invoice.clone();
        self.emit(&invoice, event_type, at);
    }

    /// Starts a payment of an OPEN invoice or an unpaid auth intent; the caller has checked that it is one.
    pub(crate) fn start_payment(
        &mut self,
        payable: Payable,
        chain: Chain,
        wallet: Option<String>,
        settlement: Settlement,
        now: Now,
    ) -> Payment {
        let fails = settlement == Settlement::Fail
            || !self.faults.strike(Stage::Payment, "x402.pay").is_empty();
        let settles_at = match settlement {
            Settlement::Now => Some(now.clock),
            Settlement::At(at) => Some(at),
            Settlement::Hold | Settlement::Fail => None,
        };
        let payment = Payment {
            chain,
            wallet: wallet.unwrap_or_else(|| chain.default_wallet().into()),
            transaction: match chain {
                Chain::Base => self.ids.base_transaction(),
                Chain::Solana => self.ids.solana_transaction(),
            },
            settles_at,
            settled_at: None,
        };
        match payable {
            Payable::Invoice(index) => {
                if let Some(invoice) = self.invoices.get_mut(index) {
                    invoice.become_status(Status::Paying);
                    invoice.payment = Some(payment.clone());
                }
                if fails {
                    self.fail_payment(payable);
                }
            }
            Payable::Intent(index) => {
                if let Some(intent) = self.intents.get_mut(index) {
                    intent.payment = (!fails).then(|| payment.clone());
                }
            }
        }
        self.catch_up(now);
        payment
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
                let payment = self
                    .intents
                    .get_mut(index)
                    .and_then(|intent| intent.payment.as_mut())
                    .filter(|payment| payment.settled_at.is_none());
                payment
                    .map(|payment| payment.settled_at = Some(now.clock))
                    .is_some()
            }
        }
    }

    fn settle_invoice(&mut self, index: usize, at: u64) {
        if let Some(invoice) = self.invoices.get_mut(index)
            && let Some(payment) = &mut invoice.payment
        {
            payment.settled_at = Some(at);
            self.finish_invoice(index, Status::Paid, at);
        }
    }

    /// Fails a payment that is under way. `false` when there is none.
    pub(crate) fn fail_payment(&mut self, payable: Payable) -> bool {
        match payable {
            Payable::Invoice(index) => {
                let invoice = self.invoices.get_mut(index);
                invoice
                    .filter(|invoice| invoice.status == Status::Paying)
                    .map(|invoice| {
                        invoice.become_status(Status::Open);
                        invoice.payment = None;
                    })
                    .is_some()
            }
            Payable::Intent(index) => {
                let intent = self.intents.get_mut(index);
                intent
                    .filter(|intent| intent.payment.is_some() && intent.settled().is_none())
                    .map(|intent| intent.payment = None)
                    .is_some()
            }
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
            let delivery = Delivery {
                id: u32::try_from(self.deliveries.len())
                    .unwrap_or(u32::MAX)
                    .saturating_add(1),
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
                in_flight: false,
                order: self.next_order(),
            };
            self.deliveries.push(delivery);
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
        let is_held = |delivery: &&mut Delivery| delivery.status == DeliveryStatus::Held;
        let held = self.deliveries.iter_mut().filter(is_held).count();
        if held < usize::try_from(batch).unwrap_or(usize::MAX) {
            return;
        }
        let mut order = self.order;
        for delivery in self.deliveries.iter_mut().rev().filter(is_held) {
            order = order.saturating_add(1);
            delivery.order = order;
            delivery.status = DeliveryStatus::Pending;
            delivery.next_attempt_at = Some(at);
        }
        self.order = order;
    }

    pub(crate) fn log_request(&mut self, entry: RequestLog) {
        if self.requests.len() >= MAX_REQUEST_LOG {
            self.requests.remove(0);
        }
        self.requests.push(entry);
    }

    /// Applies the faults that strike after processing.
    pub(crate) fn send(reply: &mut Reply, faults: &[Fault]) {
        for fault in faults {
            match fault {
                Fault::LoseAnswer { .. } => reply.lost = true,
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

/// When an invoice changes by itself.
fn due_at(invoice: &Invoice) -> Option<u64> {
    match invoice.status {
        Status::Open => Some(invoice.expires_at),
        Status::Paying => invoice.payment.as_ref()?.settles_at,
        Status::Paid | Status::Expired | Status::Canceled => None,
    }
}

/// Breaks a text off in the middle.
pub(crate) fn cut_in_half(text: &mut String) {
    let middle = text.len() / 2;
    let cut = (0..=middle).rev().find(|at| text.is_char_boundary(*at));
    text.truncate(cut.unwrap_or_default());
}
