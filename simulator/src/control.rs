//! The control side: what a test says to the simulator and an agent or Gwop itself would do.

use crate::auth::{Session, UnsignedToken};
use crate::config::{HTTP_URL, MAX_MS, Merchant, is_http_url};
use crate::fault::{Fault, Stage, Times};
use crate::http::Answer;
use crate::invoice::Status;
use crate::simulator::{MerchantState, Payable, Pending, Settlement, Simulator, cut_in_half};
use crate::time::{Now, iso};
use crate::webhook::{
    Attempt, AttemptLog, Delivery, DeliveryStatus, Outcome, mac, signature_header,
};
use crate::x402::Chain;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// A command that could not be carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CommandError {
    /// Stable: `INVALID_OPTION`, `NOT_FOUND`, `NOT_ALLOWED`.
    pub code: &'static str,
    /// The path of the option or field that is wrong; `message` goes on after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What was wrong, what was expected.
    pub message: String,
}

impl CommandError {
    /// An error with a message.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            field: None,
            message: message.into(),
        }
    }

    /// `INVALID_OPTION` about one option or field; the message does not name it.
    pub fn about(field: &str, message: impl Into<String>) -> Self {
        Self {
            field: Some(field.into()),
            ..Self::new("INVALID_OPTION", message)
        }
    }

    /// `INVALID_OPTION` about one option or field, saying what was expected.
    #[must_use]
    pub fn invalid(field: &str, expected: &str) -> Self {
        Self::about(field, format!("expected {expected}"))
    }
}

/// What becomes of a payment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PaymentOutcome {
    /// PAYING, then PAID.
    #[default]
    Settle,
    /// PAYING, until [`Command::Settle`] or [`Command::FailPayment`].
    Hold,
    /// PAYING, then OPEN again.
    Fail,
}

/// What can be commanded. `target` is an `inv_*`, an invoice's UUID, an `ai_*` or a payment URL.
#[derive(Clone, Debug, Deserialize)]
#[serde(
    tag = "command",
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Command {
    /// Pays an invoice or an auth intent as an agent would.
    Pay {
        /// What to pay.
        target: String,
        /// On which chain; by default the payment URL's, or Base.
        chain: Option<Chain>,
        /// From which wallet; by default a fixed one per chain.
        wallet: Option<String>,
        /// What becomes of it.
        #[serde(default)]
        outcome: PaymentOutcome,
    },
    /// Settles a payment that is held.
    Settle {
        /// What is being paid.
        target: String,
    },
    /// Fails a payment that is held.
    FailPayment {
        /// What is being paid.
        target: String,
    },
    /// Starts a new signing key, for the driver to make. Answers its `kid`.
    RotateKeys {},
    /// Takes all but the signing key out of the JWK Set.
    DropOldKeys {},
    /// Which signing key is used next, and whether its public half is there.
    SigningKey {},
    /// Hands over the public half of a key.
    AddKey {
        /// Its `kid`.
        kid: String,
        /// Modulus, base64url.
        n: String,
        /// Exponent, base64url.
        e: String,
    },
    /// A token without a payment; starts a session. Answers what to sign.
    MintToken {
        /// Whose; by default the first merchant's.
        merchant_id: Option<String>,
        /// The wallet's chain.
        chain: Option<Chain>,
        /// The wallet.
        wallet: Option<String>,
        /// Lifetime of the token in seconds from now; negative for an expired one.
        expires_in_seconds: Option<i64>,
        /// Claims that are added or replaced; `null` leaves one out.
        #[serde(default)]
        claims: Map<String, Value>,
        /// Header fields that are added or replaced.
        #[serde(default)]
        header: Map<String, Value>,
    },
    /// Starts to misbehave. Answers the fault's id.
    Misbehave {
        /// How.
        fault: Fault,
        /// How often.
        #[serde(default)]
        times: Times,
    },
    /// Stops misbehaving, in one way or altogether; held events go out.
    Behave {
        /// Which fault.
        id: Option<u32>,
    },
    /// Gives a merchant a new webhook secret; the old one signs beside it until it is dropped.
    RotateWebhookSecret {
        /// Whose; by default the first merchant's.
        merchant_id: Option<String>,
        /// The new secret; by default a random one.
        secret: Option<String>,
    },
    /// Stops signing with old secrets.
    DropOldWebhookSecrets {
        /// Whose; by default the first merchant's.
        merchant_id: Option<String>,
    },
    /// Sets where a merchant's webhooks go.
    SetWebhookUrl {
        /// Whose; by default the first merchant's.
        merchant_id: Option<String>,
        /// The endpoint; absent to stop sending.
        url: Option<String>,
    },
    /// Signs a body as a webhook. Answers `{ signature }`.
    SignWebhook {
        /// Whose; by default the first merchant's.
        merchant_id: Option<String>,
        /// The raw body.
        body: String,
        /// Unix seconds; by default the real time.
        timestamp: Option<u64>,
    },
    /// Adds a merchant.
    AddMerchant {
        /// Who.
        merchant: Merchant,
    },
    /// Sends an event again.
    Redeliver {
        /// Which event.
        event_id: String,
    },
    /// Lets happen what is due. Answers `{ nextDue }`.
    Tick {},
    /// Takes the attempts that are due.
    TakeDue {},
    /// Reports how an attempt went.
    Report(Outcome),
    /// The deliveries so far.
    Deliveries {},
    /// The latest requests, at most 1,000.
    Requests {},
    /// All of the state, without keys and secrets.
    State {},
}

impl Simulator {
    /// Carries a command out.
    ///
    /// # Errors
    /// An unknown target, a payment that is not possible now, an option that is wrong.
    pub fn command(&mut self, command: Command, now: Now) -> Result<Value, CommandError> {
        self.catch_up(now);
        match command {
            Command::Pay {
                target,
                chain,
                wallet,
                outcome,
            } => self.pay(&target, chain, wallet, outcome, now),
            Command::Settle { target } => {
                let payable = self.find(&target)?;
                if !self.settle_payment(payable, now) {
                    return Err(no_payment());
                }
                Ok(self.payable_json(payable))
            }
            Command::FailPayment { target } => {
                let payable = self.find(&target)?;
                if !self.fail_payment(payable) {
                    return Err(no_payment());
                }
                self.catch_up(now);
                Ok(self.payable_json(payable))
            }
            Command::RotateKeys {} => Ok(json!({ "kid": self.keys.rotate() })),
            Command::DropOldKeys {} => {
                self.keys.drop_old();
                Ok(json!({}))
            }
            Command::SigningKey {} => {
                let (kid, ready) = self.keys.signing();
                Ok(json!({ "kid": kid, "ready": ready }))
            }
            Command::AddKey { kid, n, e } => {
                if !self.keys.add(&kid, n, e) {
                    return Err(CommandError::new(
                        "NOT_FOUND",
                        "no such `kid`: rotate first",
                    ));
                }
                Ok(json!({}))
            }
            Command::MintToken {
                merchant_id,
                chain,
                wallet,
                expires_in_seconds,
                claims,
                header,
            } => {
                let merchant_id = self
                    .merchant_or_first(merchant_id.as_deref())?
                    .merchant
                    .id
                    .clone();
                let chain = chain.unwrap_or(Chain::Base);
                let session = self.start_session(merchant_id, chain, wallet, now);
                let token = self.token(&session, expires_in_seconds, claims, header, now);
                let ticket = self.wait_for_signature(Pending {
                    token: token.clone(),
                    body: json!({ "session": { "sid": session.id, "sub": session.subject() } }),
                    request_id: String::new(),
                    faults: Vec::new(),
                });
                let answer = Answer::NeedsSignature {
                    ticket,
                    kid: token.kid,
                    signing_input: token.signing_input,
                };
                Ok(serde_json::to_value(answer).unwrap_or_default())
            }
            Command::Misbehave { fault, times } => {
                fault.check()?;
                // Otherwise the batch would never be full.
                let times = match (&fault, times) {
                    (Fault::WebhookReorder { events }, Times::Left(times)) => {
                        Times::Left(times.saturating_mul(*events))
                    }
                    _ => times,
                };
                Ok(json!({ "id": self.faults.add(fault, times) }))
            }
            Command::Behave { id } => {
                self.faults.clear(id);
                self.release_held(0, now.clock);
                Ok(json!({}))
            }
            Command::RotateWebhookSecret {
                merchant_id,
                secret,
            } => {
                let secret = secret.unwrap_or_else(|| format!("whsec_{}", self.ids.hex(32)));
                if secret.is_empty() {
                    return Err(CommandError::invalid(
                        "secret",
                        "a string that is not empty",
                    ));
                }
                let state = self.merchant_or_first(merchant_id.as_deref())?;
                let old = core::mem::replace(&mut state.merchant.webhook_secret, secret.clone());
                state.old_secrets.insert(0, old);
                Ok(json!({ "webhookSecret": secret }))
            }
            Command::DropOldWebhookSecrets { merchant_id } => {
                self.merchant_or_first(merchant_id.as_deref())?
                    .old_secrets
                    .clear();
                Ok(json!({}))
            }
            Command::SetWebhookUrl { merchant_id, url } => {
                if !url.as_deref().is_none_or(is_http_url) {
                    return Err(CommandError::invalid("url", HTTP_URL));
                }
                self.merchant_or_first(merchant_id.as_deref())?
                    .merchant
                    .webhook_url = url;
                Ok(json!({}))
            }
            Command::SignWebhook {
                merchant_id,
                body,
                timestamp,
            } => {
                let secrets = self.merchant_or_first(merchant_id.as_deref())?.secrets();
                let t = timestamp.unwrap_or(now.wall / 1_000);
                Ok(json!({ "signature": signature_header(&secrets, t, &body) }))
            }
            Command::AddMerchant { merchant } => {
                let others: Vec<Merchant> = self
                    .merchants
                    .iter()
                    .map(|state| state.merchant.clone())
                    .collect();
                merchant.check("", &others)?;
                self.merchants.push(MerchantState {
                    merchant,
                    old_secrets: Vec::new(),
                });
                Ok(json!({}))
            }
            Command::Redeliver { event_id } => self.redeliver(&event_id, now),
            Command::Tick {} => Ok(json!({ "nextDue": self.next_due() })),
            Command::TakeDue {} => Ok(serde_json::to_value(self.take_due(now)).unwrap_or_default()),
            Command::Report(outcome) => {
                let delays = &self.config.webhook_retry_delays_ms;
                let delivery = self
                    .deliveries
                    .iter_mut()
                    .find(|delivery| delivery.id == outcome.delivery)
                    .ok_or_else(|| CommandError::new("NOT_FOUND", "no such delivery"))?;
                delivery.report(outcome, delays, now.clock);
                Ok(json!({}))
            }
            Command::Deliveries {} => {
                Ok(serde_json::to_value(&self.deliveries).unwrap_or_default())
            }
            Command::Requests {} => Ok(serde_json::to_value(&self.requests).unwrap_or_default()),
            Command::State {} => Ok(self.state(now)),
        }
    }

    fn pay(
        &mut self,
        target: &str,
        chain: Option<Chain>,
        wallet: Option<String>,
        outcome: PaymentOutcome,
        now: Now,
    ) -> Result<Value, CommandError> {
        let payable = self.find(target)?;
        let named = target
            .split_once("chain=")
            .and_then(|(_, rest)| rest.split('&').next())
            .and_then(Chain::parse);
        let chain = chain.or(named).unwrap_or(Chain::Base);
        if wallet
            .as_deref()
            .is_some_and(|wallet| !chain.is_wallet(wallet))
        {
            return Err(CommandError::invalid(
                "wallet",
                &format!("an address on {}", chain.as_str()),
            ));
        }
        self.check_payable(payable, now)
            .map_err(|message| CommandError::new("NOT_ALLOWED", message))?;
        let settlement = match outcome {
            PaymentOutcome::Settle => Settlement::Now,
            PaymentOutcome::Hold => Settlement::Hold,
            PaymentOutcome::Fail => Settlement::Fail,
        };
        let payment = self.start_payment(payable, chain, wallet, settlement, now);
        let mut answer = self.payable_json(payable);
        for (name, value) in [
            ("chain", chain.as_str()),
            ("wallet", payment.wallet.as_str()),
            ("transaction", payment.transaction.as_str()),
        ] {
            crate::invoice::put(&mut answer, name, Some(value));
        }
        Ok(answer)
    }

    /// Whether it can be paid now.
    ///
    /// # Errors
    /// Why not.
    pub(crate) fn check_payable(&self, payable: Payable, now: Now) -> Result<(), String> {
        match payable {
            Payable::Invoice(index) => match self.invoices.get(index) {
                Some(invoice) if invoice.status == Status::Open => Ok(()),
                Some(invoice) => Err(format!(
                    "the invoice is {}: only an OPEN one can be paid",
                    invoice.status.as_str()
                )),
                None => Err("no such invoice".into()),
            },
            Payable::Intent(index) => match self.intents.get(index) {
                Some(intent) if intent.payment.is_some() => {
                    Err("the auth intent is paid already: exchange it".into())
                }
                Some(intent) if intent.expires_at <= now.clock => {
                    Err("the auth intent expired: create another".into())
                }
                Some(_) => Ok(()),
                None => Err("no such auth intent".into()),
            },
        }
    }

    fn payable_json(&self, payable: Payable) -> Value {
        match payable {
            Payable::Invoice(index) => self.invoices.get(index).map(|invoice| {
                json!({
                    "publicInvoiceId": invoice.public_id,
                    "status": invoice.status.as_str(),
                    "amount": invoice.total(),
                })
            }),
            Payable::Intent(index) => self.intents.get(index).map(|intent| {
                json!({
                    "authIntentId": intent.id,
                    "status": match &intent.payment {
                        None => "OPEN",
                        Some(payment) if payment.settled_at.is_none() => "PAYING",
                        Some(_) => "PAID",
                    },
                    "amount": crate::auth::DUST,
                })
            }),
        }
        .unwrap_or_default()
    }

    fn find(&self, target: &str) -> Result<Payable, CommandError> {
        let invoice = self
            .invoices
            .iter()
            .position(|invoice| invoice.id == target)
            .map(Payable::Invoice);
        let intent = self
            .intents
            .iter()
            .position(|intent| intent.id == target)
            .map(Payable::Intent);
        let public_id = target
            .split_once("/v1/invoices/")
            .map_or(target, |(_, rest)| {
                rest.split(['/', '?']).next().unwrap_or(rest)
            });
        invoice
            .or(intent)
            .or_else(|| self.payable(public_id))
            .ok_or_else(|| {
                CommandError::new(
                    "NOT_FOUND",
                    "no invoice or auth intent belongs to `target`: give an inv_*, an invoice's UUID, an ai_* or a payment URL",
                )
            })
    }

    fn merchant_or_first(&mut self, id: Option<&str>) -> Result<&mut MerchantState, CommandError> {
        self.merchants
            .iter_mut()
            .find(|state| id.is_none_or(|id| state.merchant.id == id))
            .ok_or_else(|| CommandError::new("NOT_FOUND", "no merchant has this `merchantId`"))
    }

    /// Starts a session of a wallet; an unknown wallet gets an account.
    pub(crate) fn start_session(
        &mut self,
        merchant_id: String,
        chain: Chain,
        wallet: Option<String>,
        now: Now,
    ) -> Session {
        let ttl = self.config.session_ttl_seconds.saturating_mul(1_000);
        let session = Session {
            id: self.ids.session(),
            merchant_id,
            chain,
            wallet: wallet.unwrap_or_else(|| chain.default_wallet().into()),
            created_at: now.clock,
            expires_at: now.clock.saturating_add(ttl),
            revoked_at: None,
        };
        self.sessions.push(session.clone());
        session
    }

    /// An access token of a session.
    pub(crate) fn token(
        &mut self,
        session: &Session,
        expires_in_seconds: Option<i64>,
        replaced: Map<String, Value>,
        header: Map<String, Value>,
        now: Now,
    ) -> UnsignedToken {
        let issued_at =
            i64::try_from(now.wall.min(MAX_MS.saturating_mul(100)) / 1_000).unwrap_or(0);
        let ttl = i64::try_from(self.config.access_token_ttl_seconds).unwrap_or(i64::MAX);
        let expires_at = issued_at.saturating_add(expires_in_seconds.unwrap_or(ttl));
        let mut claims = Map::new();
        claims.insert("iss".into(), self.config.issuer.clone().into());
        claims.insert("sub".into(), session.subject().into());
        claims.insert("mid".into(), session.merchant_id.clone().into());
        claims.insert("sid".into(), session.id.clone().into());
        if let Some(audience) = &self.config.audience {
            claims.insert("aud".into(), audience.clone().into());
        }
        claims.insert("iat".into(), issued_at.into());
        claims.insert("exp".into(), expires_at.into());
        claims.insert("jti".into(), self.ids.uuid().into());
        claims.extend(replaced);
        claims.retain(|_, value| !value.is_null());
        UnsignedToken::new(self.keys.signing().0, header, &claims)
    }

    /// Keeps an answer until its signature comes.
    pub(crate) fn wait_for_signature(&mut self, pending: Pending) -> u32 {
        self.tickets = self.tickets.saturating_add(1);
        self.pending.insert(self.tickets, pending);
        self.tickets
    }

    fn redeliver(&mut self, event_id: &str, now: Now) -> Result<Value, CommandError> {
        let first = self
            .deliveries
            .iter()
            .find(|delivery| delivery.event_id == event_id)
            .cloned()
            .ok_or_else(|| CommandError::new("NOT_FOUND", "no such event"))?;
        let has_endpoint = self
            .merchant(&first.merchant_id)
            .is_some_and(|state| state.merchant.webhook_url.is_some());
        if !has_endpoint {
            return Err(CommandError::new(
                "NOT_ALLOWED",
                "the merchant has no webhook endpoint: set one",
            ));
        }
        let id = u32::try_from(self.deliveries.len())
            .unwrap_or(u32::MAX)
            .saturating_add(1);
        let order = self.next_order();
        self.deliveries.push(Delivery {
            id,
            status: DeliveryStatus::Pending,
            attempts: Vec::new(),
            next_attempt_at: Some(now.clock),
            in_flight: false,
            order,
            ..first
        });
        Ok(json!({ "delivery": id }))
    }

    fn take_due(&mut self, now: Now) -> Vec<Attempt> {
        let mut due: Vec<(u64, u64, usize)> = self
            .deliveries
            .iter()
            .enumerate()
            .filter(|(_, delivery)| !delivery.in_flight)
            .filter_map(|(index, delivery)| {
                let at = delivery.next_attempt_at.filter(|at| *at <= now.clock)?;
                Some((at, delivery.order, index))
            })
            .collect();
        due.sort_unstable();
        due.into_iter()
            .filter_map(|(_, _, index)| self.attempt(index, now))
            .collect()
    }

    fn attempt(&mut self, index: usize, now: Now) -> Option<Attempt> {
        let delivery = self.deliveries.get(index)?;
        let state = self.merchant(&delivery.merchant_id)?;
        let (mut secrets, url) = (state.secrets(), state.merchant.webhook_url.clone());
        let faults = self.faults.strike(Stage::Attempt, "");
        let retry_delays = &self.config.webhook_retry_delays_ms;
        let delivery = self.deliveries.get_mut(index)?;
        delivery.in_flight = true;
        delivery.attempts.push(AttemptLog {
            at: now.clock,
            status_code: None,
            error: None,
            faults: faults.iter().map(Fault::name).collect(),
        });
        let lost = |error: &str| Outcome {
            delivery: delivery.id,
            status_code: None,
            error: Some(error.into()),
        };
        let Some(url) = url else {
            let outcome = lost("the merchant has no endpoint any more");
            delivery.report(outcome, retry_delays, now.clock);
            return None;
        };
        if faults
            .iter()
            .any(|fault| matches!(fault, Fault::WebhookLose {}))
        {
            let outcome = lost("lost on request, before the merchant");
            delivery.report(outcome, retry_delays, now.clock);
            return None;
        }
        let mut body = delivery.body.clone();
        let (mut t, mut event_id, mut event_type) = (
            now.wall / 1_000,
            delivery.event_id.clone(),
            delivery.event_type.clone(),
        );
        let (mut tampers, mut lose_answer) = (false, false);
        for fault in faults {
            match fault {
                Fault::WebhookStale { seconds } => t = t.saturating_sub(seconds.unwrap_or(301)),
                Fault::WebhookWrongSecret {} => secrets = vec!["whsec_of_somebody_else".into()],
                Fault::WebhookMalformedJson {} => cut_in_half(&mut body),
                Fault::WebhookTamper {} => tampers = true,
                Fault::WebhookLoseAnswer {} => lose_answer = true,
                Fault::WebhookHeaderMismatch {} => {
                    event_id = format!("evt_{}", mac("", 0, &event_id).get(..12).unwrap_or("0"));
                    event_type = match event_type.as_str() {
                        "invoice.paid" => "invoice.expired",
                        _ => "invoice.paid",
                    }
                    .into();
                }
                _ => {}
            }
        }
        let signature = signature_header(&secrets, t, &body);
        if tampers {
            body = body.replacen(r#""amount_usdc":""#, r#""amount_usdc":"9"#, 1);
        }
        Some(Attempt {
            delivery: delivery.id,
            url,
            headers: vec![
                ("content-type".into(), "application/json".into()),
                ("user-agent".into(), "gwop-simulator".into()),
                ("x-gwop-signature".into(), signature),
                ("x-gwop-event-id".into(), event_id),
                ("x-gwop-event-type".into(), event_type),
            ],
            body,
            lose_answer,
        })
    }

    fn state(&self, now: Now) -> Value {
        let invoices: Vec<Value> = self
            .invoices
            .iter()
            .map(|invoice| {
                let mut body = invoice.list_json();
                crate::invoice::put(&mut body, "merchant_id", Some(invoice.merchant_id.as_str()));
                body
            })
            .collect();
        let intents: Vec<Value> = self
            .intents
            .iter()
            .map(|intent| {
                json!({
                    "auth_intent_id": intent.id,
                    "merchant_id": intent.merchant_id,
                    "expires_at": iso(intent.expires_at),
                    "settled": intent.settled().is_some(),
                    "used": intent.used,
                })
            })
            .collect();
        let sessions: Vec<Value> = self
            .sessions
            .iter()
            .map(|session| session.json(now))
            .collect();
        let merchants: Vec<Value> = self
            .merchants
            .iter()
            .map(|state| {
                json!({
                    "id": state.merchant.id,
                    "name": state.merchant.name,
                    "webhookUrl": state.merchant.webhook_url,
                    "signingSecrets": state.secrets().len(),
                })
            })
            .collect();
        json!({
            "now": iso(now.clock),
            "merchants": merchants,
            "invoices": invoices,
            "authIntents": intents,
            "authSessions": sessions,
            "jwks": self.keys.json(),
            "faults": self.faults.active(),
            "deliveries": self.deliveries.len(),
        })
    }
}

fn no_payment() -> CommandError {
    CommandError::new(
        "NOT_ALLOWED",
        "no payment is under way: pay with outcome \"hold\" first",
    )
}
