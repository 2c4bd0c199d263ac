//! The control side: what a test says to the simulator and an agent or Gwop itself would do.

mod payments;
mod solana_rpc;
mod state;
mod tokens;
mod webhooks;

use crate::config::{HTTP_URL, Merchant, is_http_url};
use crate::fault::{Fault, Times};
use crate::http::Answer;
use crate::payment::Chain;
use crate::simulator::{MerchantState, Pending, Simulator};
use crate::time::Now;
use crate::webhook::{Delivery, Outcome, signature_header};
use payments::{no_payment, wallet_or_default};
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
    /// Signs a payment by a public test wallet, for a test to send. Answers `{ url, method, headers, chain, wallet }`.
    SignPayment {
        /// What to pay.
        target: String,
        /// On which chain; by default the payment URL's, or Base.
        chain: Option<Chain>,
        /// Which test wallet: 0 is the one that pays by default.
        #[serde(default)]
        payer: u32,
        /// 1 or 2; by default the newest that the mode knows.
        x402_version: Option<u8>,
    },
    /// Answers what an x402 client asks Solana's JSON-RPC before it signs.
    SolanaRpc {
        /// `getAccountInfo`, `getLatestBlockhash` or `simulateTransaction`.
        method: String,
        /// Its parameters.
        #[serde(default)]
        params: Value,
        /// Comes back in the answer.
        #[serde(default)]
        id: Value,
        /// `"2.0"`.
        jsonrpc: String,
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
            Command::SignPayment {
                target,
                chain,
                payer,
                x402_version,
            } => self.sign_payment(&target, chain, payer, x402_version, now),
            Command::SolanaRpc {
                method, params, id, ..
            } => Ok(self.solana_rpc(&method, &params, &id, now)),
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
                let wallet = wallet_or_default(chain, wallet.as_deref())?;
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
                let index = usize::try_from(outcome.delivery).ok();
                let index = index.and_then(|number| number.checked_sub(1));
                let report = |delivery: &mut Delivery| delivery.report(outcome, delays, now.clock);
                index
                    .and_then(|index| self.deliveries.change(index, report))
                    .ok_or_else(|| CommandError::new("NOT_FOUND", "no such delivery"))?;
                Ok(json!({}))
            }
            Command::Deliveries {} => {
                Ok(serde_json::to_value(self.deliveries.as_slice()).unwrap_or_default())
            }
            Command::Requests {} => Ok(serde_json::to_value(&self.requests).unwrap_or_default()),
            Command::State {} => Ok(self.state(now)),
        }
    }

    fn merchant_or_first(&mut self, id: Option<&str>) -> Result<&mut MerchantState, CommandError> {
        self.merchants
            .iter_mut()
            .find(|state| id.is_none_or(|id| state.merchant.id == id))
            .ok_or_else(|| CommandError::new("NOT_FOUND", "no merchant has this `merchantId`"))
    }
}
