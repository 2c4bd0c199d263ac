//! Payments without an agent, and payments that a test sends by itself.

use crate::command_error::CommandError;
use crate::config::MAX_MS;
use crate::control::PaymentOutcome;
use crate::invoice::{Status, put};
use crate::payment::wire::{Block, encode};
use crate::payment::{Chain, Mode, Version, payer};
use crate::simulator::{Payable, Settlement, Simulator, Source, Started};
use crate::time::Now;
use serde_json::{Value, json};

/// The shortest validity of a payment made for a test, in seconds. The two clocks may differ.
const LEAST_VALIDITY: u64 = 60;

/// The default delay of a late payment, in milliseconds.
const LATE_MS: u64 = 5_000;

impl Simulator {
    pub(super) fn pay(
        &mut self,
        target: &str,
        chain: Option<Chain>,
        wallet: Option<String>,
        outcome: PaymentOutcome,
        delay_ms: Option<u64>,
        now: Now,
    ) -> Result<Value, CommandError> {
        if delay_ms.is_some() && outcome != PaymentOutcome::Late {
            let expected = "to be given with the outcome \"late\" only";
            return Err(CommandError::invalid("delayMs", expected));
        }
        let delay_ms = delay_ms.unwrap_or(LATE_MS);
        if delay_ms > MAX_MS {
            let expected = format!("at most {MAX_MS} milliseconds");
            return Err(CommandError::invalid("delayMs", &expected));
        }
        let payable = self.find(target)?;
        let chain = chain.or(chain_of(target)).unwrap_or(Chain::Base);
        let wallet = wallet_or_default(chain, wallet.as_deref())?;
        self.check_payable(payable, now)
            .map_err(|message| CommandError::new("NOT_ALLOWED", message))?;
        let settlement = match outcome {
            PaymentOutcome::Settle => Settlement::Now,
            PaymentOutcome::Hold => Settlement::Hold,
            PaymentOutcome::Fail => Settlement::Fail,
            PaymentOutcome::Late => Settlement::Late(now.clock.saturating_add(delay_ms)),
        };
        let source = Source::wallet(wallet);
        let Started { payment, .. } = self.start_payment(payable, chain, source, settlement, now);
        let mut result = self.payable_json(payable);
        for (name, value) in [
            ("chain", chain.as_str()),
            ("wallet", payment.wallet.as_str()),
            ("transaction", payment.transaction.as_str()),
        ] {
            crate::invoice::put(&mut result, name, Some(value));
        }
        Ok(result)
    }

    /// Checks that a payment is possible now.
    ///
    /// # Errors Returns why it is not.
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

    pub(super) fn payable_json(&self, payable: Payable) -> Value {
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
                    "status": intent.payment_status().as_str(),
                    "amount": crate::auth::DUST,
                })
            }),
        }
        .unwrap_or_default()
    }

    pub(super) fn find(&self, target: &str) -> Result<Payable, CommandError> {
        let invoice = self.invoices.find(target).map(Payable::Invoice);
        let intent = self.intents.find(target).map(Payable::Intent);
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

    /// Signs a payment with a public test wallet, so that a test can send it. Returns its URL and
    /// its headers.
    pub(super) fn sign_payment(
        &mut self,
        target: &str,
        chain: Option<Chain>,
        payer: u32,
        x402_version: Option<u8>,
        now: Now,
    ) -> Result<Value, CommandError> {
        let payable = self.find(target)?;
        let chain = chain.or(chain_of(target)).unwrap_or(Chain::Base);
        let mode = self.config.x402;
        let version = match (x402_version, mode) {
            (None | Some(1), Mode::Unchecked) | (Some(1), Mode::Standard) => Version::V1,
            (None | Some(2), Mode::Standard | Mode::GwopDocs) => Version::V2,
            _ => {
                let expected = match mode {
                    Mode::Standard => "1 or 2",
                    Mode::GwopDocs => "2: Gwop's own pages know no other",
                    Mode::Unchecked => "1: `x402: \"unchecked\"` knows no other",
                };
                return Err(CommandError::invalid("x402Version", expected));
            }
        };
        self.check_payable(payable, now)
            .map_err(|message| CommandError::new("NOT_ALLOWED", message))?;
        let demand = self.demand(payable, chain, now);
        let payload = match chain {
            Chain::Base => {
                let validity = demand.seconds_left.max(LEAST_VALIDITY);
                let valid_before = (now.wall / 1_000).saturating_add(validity);
                payer::pay_on_base(payer, demand.amount, valid_before, self.ids.nonce())
            }
            Chain::Solana => {
                let block = Block::at(self.config.seed, now.clock);
                // If the offer has no memo, clients use a random one.
                let memo = match (version, mode) {
                    (Version::V2, Mode::Standard) => demand.payable_id.clone(),
                    _ => self.ids.hex(32),
                };
                payer::pay_on_solana(payer, demand.amount, block.hash, &memo)
            }
        };
        let mut payment = json!({
            "x402Version": version.number(),
            "payload": payload.ok_or(CommandError::new("NOT_ALLOWED", "the test wallet cannot sign"))?,
        });
        match version {
            Version::V1 => {
                put(&mut payment, "scheme", Some("exact"));
                put(&mut payment, "network", Some(chain.as_str()));
            }
            Version::V2 => {
                let offer = self.make_offer(payable, &demand, now);
                put(&mut payment, "accepted", Some(offer));
            }
        }
        Ok(json!({
            "url": demand.url,
            "method": "POST",
            "headers": { version.request_header(): encode(&payment) },
            "chain": chain.as_str(),
            "wallet": payer::wallet(chain, payer),
        }))
    }
}

/// Returns the chain that a payment URL names.
fn chain_of(target: &str) -> Option<Chain> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let parameter = query.split('&').find_map(|one| one.strip_prefix("chain="));
    let segment = path.split_once("/x402/").map(|(_, rest)| rest);
    parameter.or(segment).and_then(Chain::parse)
}

/// Returns the wallet that a test names, normalized, or the first test wallet.
pub(super) fn wallet_or_default(
    chain: Chain,
    wallet: Option<&str>,
) -> Result<String, CommandError> {
    match wallet {
        None => Ok(chain.default_wallet()),
        Some(wallet) => chain.normalise(wallet).ok_or_else(|| {
            let expected = match chain {
                Chain::Base => "an address on base: 0x and 40 hexadecimal digits",
                Chain::Solana => "an address on solana: 32 bytes in base58",
            };
            CommandError::invalid("wallet", expected)
        }),
    }
}

pub(super) fn no_payment() -> CommandError {
    CommandError::new(
        "NOT_ALLOWED",
        "no payment is under way: pay with outcome \"hold\" first",
    )
}
