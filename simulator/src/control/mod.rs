//! The control side: what a test says to the simulator and an agent or Gwop itself would do.

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
        /// How late it settles with [`PaymentOutcome::Late`], in milliseconds of the simulator's clock; by default 5,000.
        delay_ms: Option<u64>,
    },
    /// Signs a payment by a public test wallet, for a test to send. Returns `{ url, method,
    /// headers, chain, wallet }`.
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
    /// Responds to what an x402 client asks of Solana's JSON-RPC before it signs.
    SolanaRpc {
        /// `getAccountInfo`, `getLatestBlockhash` or `simulateTransaction`.
        method: String,
        /// Its parameters.
        #[serde(default)]
        params: Value,
        /// Comes back in the response.
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
    /// Starts a new signing key, for the driver to make. Returns its `kid`.
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
        /// The whole key as JWK, where it is to be kept in a journal.
        private: Option<Value>,
    },
    /// The keys that a journal has brought back: `[{ kid, jwk }]`.
    PrivateKeys {},
    /// A token without a payment; starts a session. Returns what to sign.
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
    /// Starts to misbehave. Returns the fault's id.
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
    /// Signs a body as a webhook. Returns `{ signature }`.
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
    /// Makes an invoice, as a merchant's request would.
    CreateInvoice(NewInvoice),
    /// Makes an auth intent, as a merchant's request would.
    CreateAuthIntent(NewIntent),
    /// Cancels an OPEN invoice.
    Cancel {
        /// Which.
        target: String,
    },
    /// Revokes a session.
    RevokeSession {
        /// Which, `sess_*`.
        session_id: String,
    },
    /// Takes what the simulator holds from its start on, and again after a reset.
    Load(Seed),
    /// Begins again: merchants, secrets and keys stay, and the clock is the driver's affair.
    Reset {},
    /// Keeps how the driver's clock stands.
    SetClock(Clock),
    /// How the clock stands, by what a journal says.
    Clock {},
    /// The first merchant's id, key and webhook secret.
    Identity {},
    /// Sends an event again.
    Redeliver {
        /// Which event.
        event_id: String,
        /// In which way; by default as it is. It is then sent once.
        variant: Option<Variant>,
        /// Where to; by default to the merchant's endpoint. It is then sent once.
        url: Option<String>,
    },
    /// Lets happen what is due. Returns `{ nextDue }`.
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
    /// What lists show, in rows.
    Overview {},
    /// Begins to note what changes, or stops.
    Watch {
        /// Whether somebody asks for it.
        on: bool,
    },
    /// The rows that have changed since the last time.
    Changes {},
    /// One invoice with its timeline.
    Invoice {
        /// Which.
        target: String,
    },
    /// One delivery.
    Delivery {
        /// Its number.
        delivery: u32,
    },
    /// One request with its response.
    Request {
        /// Its `x-request-id`.
        request_id: String,
    },
    /// The merchants' keys and secrets.
    Secrets {},
}

impl Command {
    /// Whether it can change what a journal keeps. [`Command::TakeDue`] does where something is due.
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

    /// Begins to misbehave; the caller has checked the fault. Gives its id.
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
