//! The control side: commands that a test sends in place of an agent or of Gwop itself.

mod outcome;
mod page;
mod payments;
mod seed;
mod seeded;
mod solana_rpc;
mod state;
mod tokens;
mod webhooks;

pub use crate::command_error::CommandError;
use crate::config::{HTTP_URL, Merchant, is_http_url};
use crate::fault::{Fault, Times};
use crate::http::HandleResult;
use crate::payment::Chain;
use crate::simulator::{Clock, MerchantState, Pending, RequestLog, Simulator};
use crate::time::Now;
use crate::webhook::{Delivery, Outcome, Variant, signature_header};
pub use outcome::PaymentOutcome;
use payments::{no_payment, wallet_or_default};
pub use seeded::{NewIntent, NewInvoice, Seed};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// The commands. `target` is an `inv_*`, an invoice's UUID, an `ai_*` or a payment URL.
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
        /// The invoice or auth intent to pay.
        target: String,
        /// The chain. Default: the payment URL's, or Base.
        chain: Option<Chain>,
        /// The wallet that pays. Default: a fixed one per chain.
        wallet: Option<String>,
        /// The outcome of the payment.
        #[serde(default)]
        outcome: PaymentOutcome,
        /// With [`PaymentOutcome::Late`]: the time until it settles, in milliseconds of the
        /// simulator's clock. Default: 5,000.
        delay_ms: Option<u64>,
    },
    /// Signs a payment with a public test wallet, so that a test can send it. Returns `{ url,
    /// method, headers, chain, wallet }`.
    SignPayment {
        /// The invoice or auth intent to pay.
        target: String,
        /// The chain. Default: the payment URL's, or Base.
        chain: Option<Chain>,
        /// The number of the test wallet. Wallet 0 is the one that pays by default.
        #[serde(default)]
        payer: u32,
        /// The x402 version, 1 or 2. Default: the newest that the mode supports.
        x402_version: Option<u8>,
    },
    /// Responds to the Solana JSON-RPC requests that an x402 client sends before it signs.
    SolanaRpc {
        /// `getAccountInfo`, `getLatestBlockhash` or `simulateTransaction`.
        method: String,
        /// The parameters of the method.
        #[serde(default)]
        params: Value,
        /// The id, which the response repeats.
        #[serde(default)]
        id: Value,
        /// The version of JSON-RPC, `"2.0"`.
        jsonrpc: String,
    },
    /// Settles a payment that is held.
    Settle {
        /// The invoice or auth intent that is being paid.
        target: String,
    },
    /// Fails a payment that is held.
    FailPayment {
        /// The invoice or auth intent that is being paid.
        target: String,
    },
    /// Starts a new signing key, which the driver has to create. Returns its `kid`.
    RotateKeys {},
    /// Removes all keys except the signing key from the JWK Set.
    DropOldKeys {},
    /// Returns which signing key is used next, and whether its public half is set.
    SigningKey {},
    /// Sets the public half of a key.
    AddKey {
        /// The key id.
        kid: String,
        /// The modulus in base64url.
        n: String,
        /// The exponent in base64url.
        e: String,
        /// The whole key as a JWK, if a journal should store it.
        private: Option<Value>,
    },
    /// Returns the keys that a journal has restored: `[{ kid, jwk }]`.
    PrivateKeys {},
    /// Creates a token without a payment and starts a session. Returns what to sign.
    MintToken {
        /// The merchant. Default: the first one.
        merchant_id: Option<String>,
        /// The wallet's chain.
        chain: Option<Chain>,
        /// The wallet.
        wallet: Option<String>,
        /// The lifetime of the token in seconds from now. Negative for an expired token.
        expires_in_seconds: Option<i64>,
        /// Claims to add or replace. `null` removes a claim.
        #[serde(default)]
        claims: Map<String, Value>,
        /// Header fields to add or replace.
        #[serde(default)]
        header: Map<String, Value>,
    },
    /// Starts a fault. Returns its id.
    Misbehave {
        /// The fault.
        fault: Fault,
        /// How often.
        #[serde(default)]
        times: Times,
    },
    /// Ends one fault, or all. Held events are sent.
    Behave {
        /// The id of the fault.
        id: Option<u32>,
    },
    /// Gives a merchant a new webhook secret. The old one also signs until it is dropped.
    RotateWebhookSecret {
        /// The merchant. Default: the first one.
        merchant_id: Option<String>,
        /// The new secret. Default: a random one.
        secret: Option<String>,
    },
    /// Stops signing with old secrets.
    DropOldWebhookSecrets {
        /// The merchant. Default: the first one.
        merchant_id: Option<String>,
    },
    /// Sets the URL that receives a merchant's webhooks.
    SetWebhookUrl {
        /// The merchant. Default: the first one.
        merchant_id: Option<String>,
        /// The endpoint. If absent, webhooks are no longer sent.
        url: Option<String>,
    },
    /// Signs a body as a webhook. Returns `{ signature }`.
    SignWebhook {
        /// The merchant. Default: the first one.
        merchant_id: Option<String>,
        /// The raw body.
        body: String,
        /// The time in Unix seconds. Default: the real time.
        timestamp: Option<u64>,
    },
    /// Adds a merchant.
    AddMerchant {
        /// The merchant.
        merchant: Merchant,
    },
    /// Creates an invoice, as a merchant's request would.
    CreateInvoice(NewInvoice),
    /// Creates an auth intent, as a merchant's request would.
    CreateAuthIntent(NewIntent),
    /// Cancels an OPEN invoice.
    Cancel {
        /// The invoice.
        target: String,
    },
    /// Revokes a session.
    RevokeSession {
        /// The session, `sess_*`.
        session_id: String,
    },
    /// Sets the initial contents of the simulator, which a reset restores, and creates them.
    Load(Seed),
    /// Starts again. Merchants, secrets and keys stay. The driver handles the clock.
    Reset {},
    /// Stores the state of the driver's clock.
    SetClock(Clock),
    /// Returns the state of the clock, as restored from a journal.
    Clock {},
    /// Returns the first merchant's id, key and webhook secret.
    Identity {},
    /// Sends an event again.
    Redeliver {
        /// The id of the event.
        event_id: String,
        /// The defective form to send. Default: the event as it is. With a variant it is sent only
        /// once.
        variant: Option<Variant>,
        /// The URL. Default: the merchant's endpoint. With a URL it is sent only once.
        url: Option<String>,
    },
    /// Runs everything that is due. Returns `{ nextDue }`.
    Tick {},
    /// Returns the attempts that are due, for the driver to send.
    TakeDue {},
    /// Reports the result of an attempt.
    Report(Outcome),
    /// Returns the deliveries so far.
    Deliveries {},
    /// Returns the latest requests, at most 1,000.
    Requests {},
    /// Returns the whole state, without keys and secrets.
    State {},
    /// Returns the rows of all lists.
    Overview {},
    /// Starts or stops recording changes.
    Watch {
        /// Whether to record changes.
        on: bool,
    },
    /// Returns the rows that have changed since the last call.
    Changes {},
    /// Returns one invoice with its timeline.
    Invoice {
        /// The invoice.
        target: String,
    },
    /// Returns one delivery.
    Delivery {
        /// The number of the delivery.
        delivery: u32,
    },
    /// Returns one request with its response.
    Request {
        /// The `x-request-id` of the request.
        request_id: String,
    },
    /// Returns the merchants' keys and secrets.
    Secrets {},
}

impl Command {
    /// Returns whether the command can change what a journal stores. [`Command::TakeDue`] changes
    /// it if something is due.
    #[must_use]
    pub const fn changes(&self) -> bool {
        match self {
            Self::Pay { .. }
            | Self::SignPayment { .. }
            | Self::Settle { .. }
            | Self::FailPayment { .. }
            | Self::RotateKeys {}
            | Self::DropOldKeys {}
            | Self::AddKey { .. }
            | Self::MintToken { .. }
            | Self::Misbehave { .. }
            | Self::Behave { .. }
            | Self::RotateWebhookSecret { .. }
            | Self::DropOldWebhookSecrets { .. }
            | Self::SetWebhookUrl { .. }
            | Self::AddMerchant { .. }
            | Self::CreateInvoice(_)
            | Self::CreateAuthIntent(_)
            | Self::Cancel { .. }
            | Self::RevokeSession { .. }
            | Self::Load(_)
            | Self::Reset {}
            | Self::SetClock(_)
            | Self::Redeliver { .. }
            | Self::TakeDue {}
            | Self::Report(_) => true,
            Self::SolanaRpc { .. }
            | Self::SigningKey {}
            | Self::PrivateKeys {}
            | Self::SignWebhook { .. }
            | Self::Clock {}
            | Self::Identity {}
            | Self::Tick {}
            | Self::Deliveries {}
            | Self::Requests {}
            | Self::State {}
            | Self::Overview {}
            | Self::Watch { .. }
            | Self::Changes {}
            | Self::Invoice { .. }
            | Self::Delivery { .. }
            | Self::Request { .. }
            | Self::Secrets {} => false,
        }
    }
}

impl Simulator {
    /// Runs a command.
    ///
    /// # Errors Returns an error for an unknown target, a payment that is not possible now, or an
    /// invalid option.
    pub fn command(&mut self, command: Command, now: Now) -> Result<Value, CommandError> {
        self.catch_up(now);
        match command {
            Command::Pay {
                target,
                chain,
                wallet,
                outcome,
                delay_ms,
            } => self.pay(&target, chain, wallet, outcome, delay_ms, now),
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
                if !self.fail_payment(payable, now) {
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
            Command::AddKey { kid, n, e, private } => {
                if !self.keys.add(&kid, n, e, private) {
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
                let result = HandleResult::NeedsSignature {
                    ticket,
                    kid: token.kid,
                    signing_input: token.signing_input,
                };
                Ok(serde_json::to_value(result).unwrap_or_default())
            }
            Command::Misbehave { fault, times } => {
                fault.check()?;
                Ok(json!({ "id": self.misbehave(fault, times) }))
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
            Command::CreateInvoice(new) => self.new_invoice(new, now),
            Command::CreateAuthIntent(new) => self.new_intent(new, now),
            Command::Cancel { target } => self.cancel(&target, now),
            Command::RevokeSession { session_id } => {
                let Some(session) = self.sessions.find_mut(&session_id) else {
                    return Err(CommandError::new("NOT_FOUND", "no session has this id"));
                };
                session.revoked_at.get_or_insert(now.clock);
                Ok(session.json(now))
            }
            Command::Load(seed) => self.load(seed, now).map(|()| json!({})),
            Command::Reset {} => self.reset(now).map(|()| json!({})),
            Command::SetClock(clock) => {
                self.clock = clock;
                Ok(json!({}))
            }
            Command::Clock {} => Ok(serde_json::to_value(self.clock).unwrap_or_default()),
            Command::Identity {} => {
                let first = &self.merchant_or_first(None)?.merchant;
                Ok(json!({
                    "merchantId": first.id,
                    "merchantApiKey": first.api_key,
                    "webhookSecret": first.webhook_secret,
                }))
            }
            Command::PrivateKeys {} => {
                let keys = self.keys.all().iter();
                let keys = keys.filter_map(|key| {
                    let jwk = key.private.as_ref()?;
                    Some(json!({ "kid": key.kid, "jwk": jwk }))
                });
                Ok(keys.collect())
            }
            Command::Redeliver {
                event_id,
                variant,
                url,
            } => self.redeliver(&event_id, variant, url, now),
            Command::Tick {} => Ok(json!({ "nextDue": self.next_due() })),
            Command::TakeDue {} => Ok(serde_json::to_value(self.take_due(now)).unwrap_or_default()),
            Command::Report(outcome) => self.report(outcome, now),
            Command::Deliveries {} => {
                let all = self.deliveries.as_slice().iter();
                Ok(all.map(Delivery::json).collect())
            }
            Command::Requests {} => Ok(self.requests.iter().map(RequestLog::row).collect()),
            Command::State {} => Ok(self.state(now)),
            Command::Overview {} => Ok(self.overview(now)),
            Command::Watch { on } => {
                self.watch(on);
                Ok(json!({}))
            }
            Command::Changes {} => Ok(self.changes(now)),
            Command::Invoice { target } => self.invoice_detail(&target),
            Command::Delivery { delivery } => self.delivery_detail(delivery),
            Command::Request { request_id } => self.request_detail(&request_id),
            Command::Secrets {} => Ok(self.secrets()),
        }
    }

    /// Starts a fault, which the caller has checked. Returns its id.
    fn misbehave(&mut self, fault: Fault, times: Times) -> u32 {
        // Otherwise the batch would never be full.
        let times = match (&fault, times) {
            (Fault::WebhookReorder { events }, Times::Left(times)) => {
                Times::Left(times.saturating_mul(*events))
            }
            _ => times,
        };
        self.faults.add(fault, times)
    }

    fn merchant_or_first(&mut self, id: Option<&str>) -> Result<&mut MerchantState, CommandError> {
        self.merchants
            .iter_mut()
            .find(|state| id.is_none_or(|id| state.merchant.id == id))
            .ok_or_else(|| CommandError::new("NOT_FOUND", "no merchant has this `merchantId`"))
    }
}
