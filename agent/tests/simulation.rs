//! Seeded runs of the rules against a world that fails and lies:
//!
//! - lost responses, late settlements, 5xx, slow responses and signers;
//! - clocks that are off by 10 minutes;
//! - crashes at every await, each with a restart;
//! - two processes at once;
//! - a journal that fails;
//! - servers that refuse a payment and settle it, settle everything they were ever sent, report a
//!   settlement late, or change what they ask for;
//! - payments on Base, on Solana, and on both for the same invoice.
//!
//! After an error, callers ask again, as real callers do.
//!
//! The runs buy invoices, logins, and requests of a paying fetch. A request that got a response is
//! bought again by the next call. At most one settled payment of such a request has no response.
//!
//! Each run checks that:
//!
//! - at most one payment settles per thing bought;
//! - no limit is exceeded;
//! - every settled payment is reported;
//! - nothing is signed except what both invoice and challenge asked for.
//!
//! Seeds that fail are printed. `GWOP_SEED=N cargo test -p gwop-agent --test simulation` runs one
//! seed. `GWOP_SEEDS=N` runs N seeds.
//!
//! No rule can detect a server that settled on Solana and denies it for longer than the transaction
//! can settle. So the servers here report a settlement before that time is over.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap
)]

use gwop_agent::attempt::{Attempt, State};
use gwop_agent::bytes::{from_base64, to_base64};
use gwop_agent::failure::{Failure, Result};
use gwop_agent::invoice::{Intent, Method};
use gwop_agent::limits::{Limits, evaluate};
use gwop_agent::network::{Family, Network};
use gwop_agent::pay::{self, Options, Outcome, Settings, Target, Wallet};
use gwop_agent::task::{Effect, Reply, Request, Response, Step, Task};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const SERVER: &str = "https://agents.gwop.io";
const EVM_WALLET: &str = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
const SOLANA_WALLET: &str = "AKnL4NNf3DGWZJS6cPknBuEGnVsV4A4m5tgebLHaRSZ9";
const FEE_PAYER: &str = "9hSR6S7WPtxmTojgo6GG3k4yDPecgJY292j7xrsUGWBu";
const RECIPIENTS: [[&str; 2]; 2] = [
    [
        "0x90C0f3F1B7d6F8a7E5c4B3a29181706F5E4D953c",
        "0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
    ],
    [
        "2wKupLR9q6wXYppw8Gr2NvWxKBUqm4PPJKkQfoxHDBg4",
        "9hSR6S7WPtxmTojgo6GG3k4yDPecgJY292j7xrsUGWBu",
    ],
];
/// The real time at the start, in milliseconds.
const START: u64 = 1_795_900_000_000;
/// The lifetime of a block hash, in milliseconds.
const BLOCKHASH_MS: u64 = 90_000;
/// The largest error of an agent's or a server's clock, in milliseconds.
const OFF_MS: u64 = 600_000;
const PER_DAY: u64 = 2_000_000;
const PER_PAYMENT: u64 = 900_000;

struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

/// A payment that was sent to the server.
#[derive(Clone, Debug)]
struct Sent {
    family: Family,
    /// The nonce or message that the chain accepts once.
    key: String,
    amount: u64,
    pay_to: usize,
    /// The real time from which the chain no longer accepts it.
    until: u64,
}

/// What is sold: an invoice, a login or the response to a request.
#[derive(Default)]
struct Invoice {
    amount: u64,
    pay_to: usize,
    /// The amounts and recipients that the invoice named, and that challenges asked for.
    told: BTreeSet<(u64, usize)>,
    asked: BTreeSet<(u64, usize)>,
    sent: Vec<Sent>,
    /// The settled payments: key, chain family, amount and time.
    settled: Vec<(String, Family, u64, u64)>,
    /// Payments that settle at this real time.
    late: Vec<(u64, Sent)>,
    /// The server does not report a settlement before this real time.
    silent_until: u64,
    /// For requests: the payments to which callers got a response.
    responded: BTreeSet<String>,
}

impl Invoice {
    /// Returns the number of settled payments without a response. It is at most one, because
    /// another one would pay for the same thing.
    fn without_response(&self) -> usize {
        let keys = self.settled.iter().map(|(key, ..)| key);
        keys.filter(|key| !self.responded.contains(*key)).count()
    }
}

/// What kind of thing an id stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Thing {
    Invoice,
    Login,
    Fetch,
}

fn thing(id: &str) -> Thing {
    match id.split('_').next() {
        Some("ai") => Thing::Login,
        Some("fetch") => Thing::Fetch,
        _ => Thing::Invoice,
    }
}

/// The price of a login.
const DUST: u64 = 1_000;

struct World {
    rng: Rng,
    now: u64,
    own_offset: i64,
    date_offset: Option<i64>,
    families: Vec<Family>,
    per_day: Option<u64>,
    lies: bool,
    calm: bool,
    version: u8,
    hints: bool,
    has_height: bool,
    invoices: BTreeMap<String, Invoice>,
    /// The keys that the chain has accepted.
    used: BTreeSet<String>,
    /// Block hashes, each with the real time at which it was issued.
    hashes: BTreeMap<String, u64>,
    journal: Vec<Attempt>,
    reported: BTreeSet<String>,
    headers: usize,
    /// The codes of the journal's refusals, with their counts. `TEMPTED` counts the cases in which
    /// another signature would have been a second payment.
    refused: BTreeMap<&'static str, usize>,
    /// Crash at the effect with this number, before or after it.
    crash_at: Option<(usize, bool)>,
    effects: usize,
}

/// A second signature was refused that would have paid twice.
const TEMPTED: &str = "TEMPTED";

fn payment_url(invoice: &str, network: Network) -> String {
    let chain = network.name();
    format!("{SERVER}/v1/invoices/{invoice}/x402?chain={chain}")
}

fn network(family: Family) -> Network {
    match family {
        Family::Evm => Network::Base,
        Family::Solana => Network::Solana,
    }
}

fn recipient(family: Family, index: usize) -> &'static str {
    RECIPIENTS[usize::from(family == Family::Solana)][index]
}

/// Returns the token accounts of the recipients on Solana.
fn token_accounts() -> &'static [[u8; 32]; 2] {
    static ACCOUNTS: std::sync::OnceLock<[[u8; 32]; 2]> = std::sync::OnceLock::new();
    ACCOUNTS.get_or_init(|| {
        let address = |text| gwop_agent::solana::Address::parse(text).unwrap();
        let mint = address(Network::Solana.usdc());
        let account = |owner| gwop_agent::solana::token_account(address(owner), mint);
        RECIPIENTS[1].map(|owner| account(owner).unwrap().0.0)
    })
}

impl World {
    fn own(&self) -> u64 {
        (self.now as i64 + self.own_offset) as u64
    }

    fn height(&self) -> u64 {
        (self.now - START) / 400 + 1_000
    }

    /// Settles a payment if the chain can still accept it.
    fn settle(&mut self, id: &str, sent: &Sent) {
        if self.now >= sent.until || !self.used.insert(sent.key.clone()) {
            return;
        }
        let now = self.now;
        let invoice = self.invoices.get_mut(id).unwrap();
        let settled = (sent.key.clone(), sent.family, sent.amount, now);
        invoice.settled.push(settled);
    }

    fn pass(&mut self, ms: u64) {
        self.now += ms;
        let due: Vec<(String, Sent)> = self
            .invoices
            .iter_mut()
            .flat_map(|(id, invoice)| {
                let now = self.now;
                let (due, late) = std::mem::take(&mut invoice.late)
                    .into_iter()
                    .partition(|(at, _)| *at <= now);
                invoice.late = late;
                let due: Vec<(u64, Sent)> = due;
                due.into_iter()
                    .map(|(_, sent)| (id.clone(), sent))
                    .collect::<Vec<_>>()
            })
            .collect();
        for (id, sent) in due {
            self.settle(&id, &sent);
        }
    }

    fn response(&self, status: u16, body: Value) -> Reply {
        // `Date` has whole seconds.
        let date = |offset| (self.now as i64 + offset) as u64 / 1_000 * 1_000;
        let date = self.date_offset.map(date);
        Reply::Response(Response {
            status,
            date,
            body: body.to_string(),
            ..Response::default()
        })
    }

    fn offer(&mut self, id: &str, family: Family) -> Value {
        let network = network(family);
        let invoice = &self.invoices[id];
        let (mut amount, mut pay_to) = (invoice.amount, invoice.pay_to);
        let mut asset = network.usdc().to_owned();
        if self.lies && !self.calm && self.rng.chance(10) {
            match self.rng.below(3) {
                0 => amount += 1,
                1 => pay_to = 1 - pay_to,
                _ => asset = recipient(family, 0).to_owned(),
            }
        }
        let invoice = self.invoices.get_mut(id).unwrap();
        if asset == network.usdc() {
            invoice.asked.insert((amount, pay_to));
            match thing(id) {
                Thing::Invoice => {}
                // An auth intent names no recipient.
                Thing::Login => {
                    invoice.told.insert((invoice.amount, pay_to));
                }
                Thing::Fetch => {
                    invoice.told.insert((amount, pay_to));
                }
            }
        }
        let mut extra = match family {
            Family::Evm => json!({ "name": "USD Coin", "version": "2" }),
            Family::Solana => json!({ "feePayer": FEE_PAYER }),
        };
        if family == Family::Solana {
            if self.version == 2 {
                extra["memo"] = json!(id);
            }
            if self.hints {
                let (hash, height) = self.blockhash();
                extra["recentBlockhash"] = json!(hash);
                // With a height from long ago, a payment would lapse at once.
                let told = match self.lies && self.rng.chance(50) {
                    true => 1,
                    false => height,
                };
                extra["lastValidBlockHeight"] = json!(told.to_string());
            }
        }
        let name = if self.version == 2 {
            network.caip2()
        } else {
            network.name()
        };
        let amount_name = if self.version == 2 {
            "amount"
        } else {
            "maxAmountRequired"
        };
        let mut offer = json!({
            "scheme": "exact", "network": name, "asset": asset,
            "payTo": recipient(family, pay_to), "maxTimeoutSeconds": 600, "extra": extra,
        });
        offer[amount_name] = json!(amount.to_string());
        offer
    }

    fn blockhash(&mut self) -> (String, u64) {
        let mut bytes = [0_u8; 32];
        bytes[..8].copy_from_slice(&self.now.to_be_bytes());
        bytes[8..16].copy_from_slice(&self.rng.next().to_be_bytes());
        let hash = gwop_agent::solana::Address(bytes).to_string();
        self.hashes.insert(hash.clone(), self.now);
        (hash, self.height() + BLOCKHASH_MS / 400)
    }

    fn challenge(&mut self, id: &str, family: Family, error: &str) -> Reply {
        let mut offers = vec![self.offer(id, family)];
        if thing(id) == Thing::Fetch {
            // All chains are offered. The order varies.
            let others = self.families.clone();
            for other in others.into_iter().filter(|other| *other != family) {
                let offer = self.offer(id, other);
                let at = self.rng.below(2) as usize;
                offers.insert(at, offer);
            }
        }
        let challenge = json!({ "x402Version": self.version, "error": error, "accepts": offers });
        let required = (self.version == 2).then(|| to_base64(challenge.to_string().as_bytes()));
        match self.response(402, challenge) {
            Reply::Response(response) => Reply::Response(Response {
                required,
                ..response
            }),
            other => other,
        }
    }

    fn invoice(&mut self, id: &str) -> Reply {
        if self.lies && !self.calm && self.rng.chance(3) {
            // The invoice changes, and its challenges change with it.
            let invoice = self.invoices.get_mut(id).unwrap();
            match self.rng.below(2) {
                0 => invoice.amount = 300_000 + self.rng.below(700_000),
                _ => invoice.pay_to = 1 - invoice.pay_to,
            }
        }
        let invoice = self.invoices.get_mut(id).unwrap();
        invoice.told.insert((invoice.amount, invoice.pay_to));
        let invoice = &self.invoices[id];
        let settled = invoice.settled.first();
        let told = self.calm || self.now >= invoice.silent_until;
        let method = |family: &Family| {
            let network = network(*family);
            json!({
                "id": "x402", "kind": "x402", "network": network.caip2(), "chain": network.name(),
                "asset": { "symbol": "USDC", "decimals": 6, "contract": network.usdc() },
                "pay_to": recipient(*family, invoice.pay_to), "amount": invoice.amount,
                "payment_url": payment_url(id, network),
            })
        };
        let methods: Vec<Value> = self.families.iter().map(method).collect();
        let mut body = json!({
            "id": id, "status": "OPEN",
            "amount": { "value": invoice.amount, "currency": "USDC", "decimals": 6 },
            "payment_methods": methods,
        });
        if let (Some((key, family, _, _)), true) = (settled, told) {
            body["status"] = json!("PAID");
            let hash: String = key
                .chars()
                .filter(char::is_ascii_alphanumeric)
                .take(60)
                .collect();
            body["paid_tx_hash"] = json!(hash);
            body["payment_chain"] = json!(network(*family).name());
            body["paid_at"] = json!("2026-11-29T00:00:00Z");
        } else if !invoice.late.is_empty() && told && self.rng.chance(50) {
            body["status"] = json!("PAYING");
        }
        self.response(200, body)
    }

    /// Reads a payment header.
    fn read(&self, header: &str) -> Sent {
        let payment: Value = serde_json::from_slice(&from_base64(header).unwrap()).unwrap();
        let payload = &payment["payload"];
        if payload["authorization"].is_object() {
            let authorization = &payload["authorization"];
            let text = |name: &str| authorization[name].as_str().unwrap();
            let until: u64 = text("validBefore").parse().unwrap();
            let mut recipients = RECIPIENTS[0].iter();
            return Sent {
                family: Family::Evm,
                key: format!("{}{}", text("from"), text("nonce")),
                amount: text("value").parse().unwrap(),
                pay_to: recipients.position(|one| *one == text("to")).unwrap(),
                until: until * 1_000,
            };
        }
        let transaction = from_base64(payload["transaction"].as_str().unwrap()).unwrap();
        let message = &transaction[129..];
        let count = usize::from(message[4]);
        let hash: [u8; 32] = message[5 + count * 32..][..32].try_into().unwrap();
        let hash = gwop_agent::solana::Address(hash).to_string();
        // The block hash is followed by a count, two instructions of 8 and 12 bytes, and the third
        // instruction: its program, four accounts, the length of the data, and `0c`.
        let at = 5 + count * 32 + 32 + 1 + 8 + 12 + 8;
        assert_eq!(message[at - 2..at], [10, 12], "no TransferChecked");
        let amount = u64::from_le_bytes(message[at..][..8].try_into().unwrap());
        // Of the four accounts, the second is the mint and the third is the destination.
        let destination = 5 + usize::from(message[at - 4]) * 32;
        let destination = &message[destination..][..32];
        let mut accounts = token_accounts().iter();
        let pay_to = accounts.position(|account| account == destination);
        Sent {
            family: Family::Solana,
            key: gwop_agent::bytes::to_hex(&gwop_agent::solana::message_hash(message)),
            amount,
            pay_to: pay_to.expect("the money goes to somebody else"),
            until: self.hashes[&hash] + BLOCKHASH_MS,
        }
    }

    /// Returns until when a lying server may deny a settlement, in real time. This is longer than
    /// the life of any signature that must not be followed by another one.
    fn longest_silence(&self, sent: &Sent) -> u64 {
        match (sent.family, self.families.len()) {
            // All later signatures share the nonce.
            (Family::Evm, 1) => self.now + 4_000_000,
            // The agent waits 15 minutes longer, and its clock may be ahead by 10.
            (Family::Evm, _) => sent.until + 900_000 - OFF_MS,
            // 150 blocks after the last valid one.
            (Family::Solana, _) if self.has_height => sent.until + 60_000,
            // 15 minutes after the signature, which is not older than the block hash.
            (Family::Solana, _) => sent.until - BLOCKHASH_MS + 900_000,
        }
    }

    fn receive(&mut self, id: &str, header: &str) -> Reply {
        self.headers += 1;
        let sent = self.read(header);
        let family = sent.family;
        let invoice = self.invoices.get_mut(id).unwrap();
        invoice.sent.push(sent.clone());
        let what = (sent.amount, sent.pay_to);
        assert!(
            invoice.told.contains(&what) && invoice.asked.contains(&what),
            "another amount or recipient was signed than invoice and challenge asked for"
        );
        let is_paid = !self.invoices[id].settled.is_empty();
        if thing(id) == Thing::Fetch {
            if self.used.contains(&sent.key) && (!self.lies || self.calm) {
                // Some servers store their responses, but most do not.
                return match self.rng.below(3) {
                    0 => self.response(200, json!({})),
                    _ => self.challenge(id, family, "invalid_exact_evm_nonce_already_used"),
                };
            }
            if self.now >= sent.until {
                return self.challenge(id, family, "invalid_exact_evm_valid_before");
            }
        } else if is_paid && !self.lies {
            return match self.rng.below(2) {
                0 => self.response(409, json!({ "error": { "code": "NOT_PAYABLE" } })),
                _ => self.challenge(id, family, "invalid_exact_evm_nonce_already_used"),
            };
        }
        let way = if self.calm { 0 } else { self.rng.below(10) };
        let delay = 1_000 + self.rng.below(100_000);
        match way {
            0 | 1 => {
                self.settle(id, &sent);
                self.response(200, json!({}))
            }
            2 => {
                self.settle(id, &sent);
                Reply::Lost
            }
            3 => Reply::Lost,
            4 => {
                let status = [500, 502, 503, 504][self.rng.below(4) as usize];
                if self.rng.chance(50) {
                    self.settle(id, &sent);
                }
                self.response(status, json!({ "error": "oops" }))
            }
            5 => {
                let due = self.now + delay;
                self.invoices.get_mut(id).unwrap().late.push((due, sent));
                self.response(202, json!({ "error": "settlement_pending" }))
            }
            6 => {
                let due = self.now + delay;
                self.invoices.get_mut(id).unwrap().late.push((due, sent));
                match self.rng.below(3) {
                    0 => Reply::Lost,
                    1 => self.challenge(id, family, "settlement_pending"),
                    _ => self.challenge(id, family, "transaction_failed"),
                }
            }
            7 => self.challenge(id, family, "invalid_exact_evm_insufficient_balance"),
            8 if self.lies => {
                // The server refuses the payment, settles it, and does not report it for a while.
                self.settle(id, &sent);
                let longest = self.longest_silence(&sent).saturating_sub(self.now);
                let silence = match self.rng.below(2) {
                    0 => longest,
                    _ => self.rng.below(longest + 1),
                };
                let until = self.now + silence;
                self.invoices.get_mut(id).unwrap().silent_until = until;
                self.challenge(id, family, "invalid_exact_evm_signature")
            }
            9 if self.lies => {
                // The server settles everything it was ever sent, at once and again later.
                let all = self.invoices[id].sent.clone();
                for one in &all {
                    self.settle(id, one);
                }
                let due = self.now + delay;
                let late = all.into_iter().map(|one| (due, one));
                self.invoices.get_mut(id).unwrap().late.extend(late);
                self.challenge(id, family, "invalid_exact_evm_signature")
            }
            _ => self.response(429, json!({ "error": { "code": "RATE_LIMITED" } })),
        }
    }

    /// Returns whether the server reports a settlement.
    fn is_told(&self, id: &str) -> bool {
        let invoice = &self.invoices[id];
        let told = self.calm || self.now >= invoice.silent_until;
        told && !invoice.settled.is_empty()
    }

    fn http(&mut self, request: &Request) -> Reply {
        let took = if self.rng.chance(10) { 30_000 } else { 50 };
        self.pass(took);
        let path = request.url.strip_prefix(SERVER).expect("another origin");
        let id = path.split(['/', '?']).nth(3).unwrap().to_owned();
        if let Some((_, header)) = &request.payment {
            return self.receive(&id, header);
        }
        if !self.calm && self.rng.chance(10) {
            return match self.rng.below(2) {
                0 => Reply::Lost,
                _ => self.response(503, json!({})),
            };
        }
        if thing(&id) == Thing::Fetch {
            let at = self.rng.below(self.families.len() as u64) as usize;
            return self.challenge(&id, self.families[at], "Payment required");
        }
        match path.contains("x402") {
            true if thing(&id) == Thing::Login && self.is_told(&id) => {
                self.response(409, json!({ "error": { "code": "NOT_PAYABLE" } }))
            }
            true => {
                let is_solana = path.ends_with("=solana");
                let family = if is_solana {
                    Family::Solana
                } else {
                    Family::Evm
                };
                self.challenge(&id, family, "Payment required")
            }
            false => self.invoice(&id),
        }
    }

    /// Carries out an effect.
    fn perform(&mut self, effect: &Effect) -> Reply {
        self.pass(5);
        let broken = !self.calm && self.rng.chance(1);
        match effect {
            Effect::Http(request) => self.http(request),
            Effect::Last { .. } | Effect::Reserve { .. } | Effect::Open if broken => Reply::Failed,
            Effect::Last { invoice } => {
                let mut own = self.journal.iter().rev();
                let last = own.find(|attempt| attempt.invoice == *invoice);
                Reply::Attempt(last.cloned().map(Box::new))
            }
            Effect::Reserve { attempt, limits } => {
                let result = evaluate(attempt, limits, &self.journal);
                match &result {
                    Ok(()) => self.journal.push((**attempt).clone()),
                    Err(refusal) => {
                        *self.refused.entry(refusal.code).or_default() += 1;
                        let invoice = &self.invoices[&attempt.invoice];
                        let is_paid = !invoice.settled.is_empty();
                        if refusal.code == gwop_agent::limits::MAY_SETTLE && is_paid {
                            *self.refused.entry(TEMPTED).or_default() += 1;
                        }
                    }
                }
                Reply::Reserved(result.map_err(Box::new))
            }
            Effect::Update {
                id,
                from,
                to,
                header,
                transaction,
            } => {
                let before = broken && self.rng.chance(50);
                if before {
                    return Reply::Failed;
                }
                let found = self.journal.iter_mut().find(|attempt| attempt.id == *id);
                let attempt = found.expect("an attempt that was never reserved");
                let done = attempt.state == *from;
                if done {
                    attempt.state = *to;
                    attempt.header = header.clone().or(attempt.header.take());
                    attempt.transaction = transaction.clone().or(attempt.transaction.take());
                }
                // The journal was written, but its response was lost.
                if broken {
                    Reply::Failed
                } else {
                    Reply::Yes(done)
                }
            }
            Effect::Open => {
                let open = self.journal.iter();
                let unfinished =
                    |state| matches!(state, State::Reserved | State::Sent | State::Refused);
                let open = open.filter(|attempt| unfinished(attempt.state));
                Reply::Attempts(open.cloned().collect())
            }
            Effect::Sign(signing) => match signing.message {
                Some(_) => Reply::Bytes(vec![7; 64]),
                None => Reply::Bytes([vec![7; 64], vec![27]].concat()),
            },
            Effect::Approve(_) => Reply::Yes(true),
            Effect::Blockhash { .. } => {
                let (hash, height) = self.blockhash();
                Reply::Blockhash(hash, Some(height))
            }
            Effect::Height { .. } => Reply::Height(self.height()),
            Effect::Sleep { ms } => {
                self.pass(*ms);
                Reply::Done
            }
            Effect::Random { count } => {
                let bytes = (0..*count).map(|_| self.rng.next() as u8);
                Reply::Bytes(bytes.collect())
            }
        }
    }

    fn note(&mut self, result: &Result<Outcome>) {
        match result {
            Ok(Outcome::Paid(receipt)) => {
                self.reported.insert(receipt.invoice_id.clone());
            }
            Ok(Outcome::Resumed(all)) => {
                for receipt in all.iter().filter_map(|one| one.receipt.as_ref()) {
                    self.reported.insert(receipt.invoice_id.clone());
                }
            }
            _ => {}
        }
    }

    fn check(&self, seed: u64) {
        let mut times = Vec::new();
        for (id, invoice) in &self.invoices {
            let settled = match thing(id) {
                Thing::Fetch => invoice.without_response(),
                Thing::Invoice | Thing::Login => invoice.settled.len(),
            };
            assert!(settled <= 1, "seed {seed}: {id} was paid {settled} times");
            for (_, _, amount, at) in &invoice.settled {
                assert!(
                    *amount <= PER_PAYMENT,
                    "seed {seed}: over the limit of one payment"
                );
                times.push((*at, *amount));
            }
        }
        times.sort_unstable();
        let day = 86_400_000;
        for (start, _) in &times {
            let within = times
                .iter()
                .filter(|(at, _)| at >= start && *at < start + day);
            let sum: u64 = within.map(|(_, amount)| amount).sum();
            let most = self.per_day.unwrap_or(u64::MAX);
            assert!(sum <= most, "seed {seed}: {sum} in a day");
        }
    }
}

/// A process: its task, and the effect it waits for.
struct Process {
    task: Task<Outcome>,
    invoice: Option<String>,
    effect: Option<Effect>,
    /// The number of steps that other processes run first, because this signer is slow.
    held: u32,
    was_held: bool,
    /// The payment to which it got a response.
    responded: Option<String>,
}

fn start(settings: &Settings, what: Option<&str>, network: Option<Network>) -> Process {
    let settings = settings.clone();
    let invoice = what.map(str::to_owned);
    let task = match invoice.clone() {
        Some(id) => {
            let options = Options {
                network,
                dry_run: false,
            };
            let target = target(&id, &settings);
            Task::new(|io| pay::pay(io, settings, target, options))
        }
        None => Task::new(|io| pay::resume(io, settings)),
    };
    Process {
        task,
        invoice,
        effect: None,
        held: 0,
        was_held: false,
        responded: None,
    }
}

fn target(id: &str, settings: &Settings) -> Target {
    match thing(id) {
        Thing::Invoice => Target::Invoice(id.to_owned()),
        Thing::Login => {
            let method = |wallet: &Wallet| Method {
                network: network(wallet.family),
                url: payment_url(id, network(wallet.family)),
                pay_to: None,
                amount: DUST,
            };
            let methods = settings.wallets.iter().map(method).collect();
            let id = id.to_owned();
            Target::Login(Intent { id, methods })
        }
        Thing::Fetch => Target::Fetch {
            key: id.to_owned(),
            method: "GET".to_owned(),
            url: format!("{SERVER}/v1/things/{id}"),
            anew: false,
        },
    }
}

/// Runs a process to its end, without crashes.
fn finish(world: &mut World, mut process: Process) -> Result<Outcome> {
    loop {
        if let Some(result) = step(world, &mut process, 0) {
            world.note(&result);
            return result;
        }
    }
}

/// Carries out an effect of a process, and records the payment to which it got a response.
fn carry_out(world: &mut World, process: &mut Process, effect: &Effect) -> Reply {
    let reply = world.perform(effect);
    match (effect, &reply) {
        (Effect::Http(request), Reply::Response(response)) => {
            let payment = request.payment.as_ref();
            let payment = payment.filter(|_| response.status == 200);
            process.responded = payment.map(|(_, header)| world.read(header).key);
        }
        // The response has arrived. A crash after this point is the caller's problem.
        (Effect::Update { to, .. }, _) if *to == State::Settled => {
            let id = process.invoice.as_ref();
            let invoice = id.and_then(|id| world.invoices.get_mut(id));
            let responded = process.responded.take();
            if let (Some(invoice), Some(key)) = (invoice, responded) {
                invoice.responded.insert(key);
            }
        }
        _ => {}
    }
    reply
}

/// Runs one step of a process. Returns the result if the process has ended.
fn step(world: &mut World, process: &mut Process, crashes: u64) -> Option<Result<Outcome>> {
    let reply = match process.effect.take() {
        None => None,
        Some(effect) => {
            let is_slow = matches!(effect, Effect::Sign(_)) && !process.was_held;
            if is_slow && !world.calm && world.rng.chance(6) {
                // Long enough for other processes to assume a crash, and often too long for the
                // signature.
                let most = if world.rng.chance(70) {
                    25_000
                } else {
                    200_000
                };
                let ms = 61_000 + world.rng.below(most);
                world.pass(ms);
                (process.held, process.was_held) = (80, true);
                process.effect = Some(effect);
                return None;
            }
            world.effects += 1;
            let is_now = |(at, _): &mut (usize, bool)| *at == world.effects && !world.calm;
            let now = world.crash_at.take_if(is_now).map(|(_, after)| after);
            let by_chance = !world.calm && world.rng.chance(crashes);
            let crash = now.or_else(|| by_chance.then(|| world.rng.chance(50)));
            if let Some(after) = crash {
                if after {
                    carry_out(world, process, &effect);
                }
                let phase = gwop_agent::failure::Phase::Send;
                return Some(Err(Failure::new("CRASH", phase, "crashed")));
            }
            Some(carry_out(world, process, &effect))
        }
    };
    let now = world.own();
    match process.task.step(reply, now) {
        Step::Ask(effect) => {
            process.effect = Some(effect);
            None
        }
        Step::Done(result) => Some(result),
    }
}

/// Creates a world, and the agent's settings for it.
fn made(seed: u64) -> (World, Settings) {
    let mut rng = Rng(seed);
    let families = match seed % 3 {
        0 => vec![Family::Evm],
        1 => vec![Family::Solana],
        _ => vec![Family::Evm, Family::Solana],
    };
    let off = |rng: &mut Rng| rng.below(2 * OFF_MS + 1) as i64 - OFF_MS as i64;
    let own_offset = match rng.below(4) {
        0 => 0,
        1 => OFF_MS as i64,
        _ => off(&mut rng),
    };
    let date_offset = match rng.below(5) {
        0 => None,
        1 => Some(off(&mut rng)),
        // One wrong time that the agent's own clock reveals, and one that it does not.
        2 if seed.is_multiple_of(2) => Some(400 * 86_400_000),
        3 => Some(OFF_MS as i64),
        _ => Some(0),
    };
    let mut world = World {
        now: START,
        own_offset,
        date_offset,
        families,
        per_day: rng.chance(60).then_some(PER_DAY),
        lies: rng.chance(60),
        calm: false,
        version: if rng.chance(50) { 2 } else { 1 },
        hints: rng.chance(70),
        has_height: rng.chance(50),
        invoices: BTreeMap::new(),
        used: BTreeSet::new(),
        hashes: BTreeMap::new(),
        journal: Vec::new(),
        reported: BTreeSet::new(),
        headers: 0,
        refused: BTreeMap::new(),
        crash_at: None,
        effects: 0,
        rng,
    };
    for index in 0..4 {
        let invoice = Invoice {
            amount: 300_000 + world.rng.below(700_000),
            pay_to: world.rng.below(2) as usize,
            ..Invoice::default()
        };
        world.invoices.insert(format!("inv_{index}"), invoice);
    }
    for index in 0..4 {
        let (kind, amount) = match index {
            0 | 1 => ("fetch", 200_000 + world.rng.below(800_000)),
            _ => ("ai", DUST),
        };
        let invoice = Invoice {
            amount,
            pay_to: world.rng.below(2) as usize,
            ..Invoice::default()
        };
        world.invoices.insert(format!("{kind}_{index}"), invoice);
    }
    let wallet = |family: &Family| {
        let address = match family {
            Family::Evm => EVM_WALLET.to_owned(),
            Family::Solana => SOLANA_WALLET.to_owned(),
        };
        let family = *family;
        Wallet { family, address }
    };
    let settings = Settings {
        server: SERVER.to_owned(),
        identity: SERVER.to_owned(),
        limits: Limits {
            per_payment: PER_PAYMENT,
            per_day: world.per_day,
            ..Limits::default()
        },
        wallets: world.families.iter().map(wallet).collect(),
        wait_ms: 60_000,
        validity_s: 120,
        signature_parts: false,
        approves: world.rng.chance(20),
        has_height: world.has_height,
    };
    (world, settings)
}

fn run(seed: u64) -> World {
    let (mut world, settings) = made(seed);
    let crashes = world.rng.below(8);
    run_in(seed, &mut world, &settings, crashes, 14);
    world
}

fn run_in(seed: u64, world: &mut World, settings: &Settings, crashes: u64, rounds: usize) {
    let ids: Vec<String> = world.invoices.keys().cloned().collect();
    let mut favourite = 0;
    // What a caller asks for again after a failure.
    let mut again: Option<String> = None;
    for _ in 0..rounds {
        // Two processes run at once, often for the same invoice, and often for the previous one
        // again.
        if world.rng.chance(30) {
            favourite = world.rng.below(ids.len() as u64);
        }
        let wanted = again.take().filter(|_| world.rng.chance(70));
        let is_again = wanted.is_some();
        let count = 1 + world.rng.below(2);
        let mut processes = Vec::new();
        for _ in 0..count {
            let index = if world.rng.chance(50) {
                favourite
            } else {
                world.rng.below(ids.len() as u64)
            };
            let id = wanted.as_ref().unwrap_or(&ids[index as usize]);
            let what = (is_again || world.rng.chance(85)).then_some(id.as_str());
            let at = world.rng.below(world.families.len() as u64) as usize;
            let chain = network(world.families[at]);
            let chain = world.rng.chance(60).then_some(chain);
            processes.push(start(settings, what, chain));
        }
        let mut steps = 0;
        while !processes.is_empty() {
            steps += 1;
            assert!(steps < 5_000, "seed {seed}: it does not end");
            let mut at = world.rng.below(processes.len() as u64) as usize;
            if processes[at].held > 0 {
                processes[at].held -= 1;
                at = (at + 1) % processes.len();
            }
            let was_held = processes[at].held > 0;
            if was_held && processes.len() > 1 {
                continue;
            }
            let result = step(world, &mut processes[at], crashes);
            if processes[at].held > 0 && !was_held {
                // Meanwhile other processes arrive, for the same thing and for something else.
                let same = processes[at].invoice.clone();
                let other = &ids[world.rng.below(ids.len() as u64) as usize];
                for what in [same.as_ref(), Some(other), None] {
                    if world.rng.chance(60) {
                        processes.push(start(settings, what.map(String::as_str), None));
                    }
                }
            }
            if let Some(result) = result {
                world.note(&result);
                let process = processes.remove(at);
                if result.is_err() {
                    again = process.invoice.or(again);
                }
            }
            world.check(seed);
        }
        let gap = match world.rng.below(3) {
            0 => 100,
            1 => world.rng.below(300_000),
            _ => world.rng.below(1_800_000),
        };
        // A caller that asks again does so soon.
        let gap = if again.is_some() && world.rng.chance(60) {
            gap.min(20_000)
        } else {
            gap
        };
        world.pass(gap);
        world.check(seed);
    }
    // The world becomes calm, and everything that is left is finished.
    world.calm = true;
    world.date_offset = Some(0);
    for _ in 0..3 {
        world.pass(2_400_000);
        let _ = finish(world, start(settings, None, None));
        world.check(seed);
    }
    // A call for something that is already paid returns the receipt.
    for id in &ids {
        if world.invoices[id].settled.is_empty() {
            continue;
        }
        let without_response = world.invoices[id].without_response();
        let result = finish(world, start(settings, Some(id), None));
        let failure = result.as_ref().err();
        // Without an invoice, only the response to the payment itself reports a settlement. An
        // unknown result has to be reported as such.
        if thing(id) != Thing::Invoice {
            let is_said = failure.is_some_and(|failure| failure.may_have_settled);
            let is_known = match thing(id) {
                Thing::Login => world.reported.contains(id),
                _ => without_response == 0 || world.invoices[id].without_response() == 0,
            };
            assert!(
                is_said || is_known,
                "seed {seed}: {id} was paid and not reported: {result:?}"
            );
            continue;
        }
        assert!(
            world.reported.contains(id),
            "seed {seed}: {id} was paid and not reported: {failure:?}"
        );
        assert!(failure.is_none(), "seed {seed}: {id}: {failure:?}");
    }
    world.check(seed);
}

/// Returns the failure of a run, if there was one.
fn failure_of<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run));
    result.map_err(|panic| match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(_) => "a panic".to_owned(),
    })
}

fn report(failures: &[String], runs: u64) {
    let first = failures.iter().take(5).cloned().collect::<Vec<_>>();
    let count = failures.len();
    assert!(count == 0, "{count} of {runs} runs failed: {first:#?}");
}

#[test]
fn never_twice_never_over_the_limit_and_all_reported() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse().unwrap());
    let seeds = match number("GWOP_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("GWOP_SEEDS").unwrap_or(1_000),
    };
    let count = seeds.end - seeds.start;
    let (mut settled, mut headers) = ([0_usize; 3], 0);
    let mut refused: BTreeMap<&str, usize> = BTreeMap::new();
    let mut failures = Vec::new();
    for seed in seeds {
        let world = match failure_of(|| run(seed)) {
            Ok(world) => world,
            Err(text) => {
                failures.push(format!("seed {seed}: {text}"));
                continue;
            }
        };
        for (id, invoice) in &world.invoices {
            let at = match thing(id) {
                Thing::Invoice => 0,
                Thing::Login => 1,
                Thing::Fetch => 2,
            };
            settled[at] += invoice.settled.len();
        }
        headers += world.headers;
        for (code, times) in world.refused {
            *refused.entry(code).or_default() += times;
        }
    }
    report(&failures, count);
    println!("{settled:?} invoices, logins and requests paid with {headers} headers; {refused:?}");
    if count >= 1_000 {
        // A world in which nothing is paid, or in which no rule applies, would prove nothing.
        let least = usize::try_from(count).unwrap() / 2;
        assert!(
            settled.iter().all(|paid| *paid > least),
            "{settled:?} were paid"
        );
        for code in [
            gwop_agent::limits::LIMIT_PER_PERIOD,
            gwop_agent::limits::OPEN_ATTEMPT,
            gwop_agent::limits::MAY_SETTLE,
            gwop_agent::limits::MAY_BE_PAID,
            TEMPTED,
        ] {
            let times = refused.get(code).copied().unwrap_or(0);
            assert!(times >= 50, "{code} came up {times} times only");
        }
    }
}

/// Runs the first calls of some worlds, with a crash before and after each effect.
#[test]
fn a_crash_at_every_await_loses_and_repeats_nothing() {
    let mut failures = Vec::new();
    let mut runs = 0;
    for seed in 0..12 {
        for after in [false, true] {
            for at in 1.. {
                runs += 1;
                let came = failure_of(|| {
                    let (mut world, settings) = made(seed);
                    world.crash_at = Some((at, after));
                    run_in(seed, &mut world, &settings, 0, 3);
                    world.crash_at.is_none()
                });
                match came {
                    Ok(true) => {}
                    // There are no more effects.
                    Ok(false) => break,
                    Err(text) => failures.push(format!("seed {seed}, crash at {at}: {text}")),
                }
                if failures.len() > 20 {
                    break;
                }
            }
        }
    }
    report(&failures, runs);
    println!("{runs} crashes");
}
