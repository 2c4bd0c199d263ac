//! Seeded runs of the rules against a world that fails and lies: lost answers, late settlements,
//! 5xx, clocks that are off by 10 minutes, crashes at every await with a restart, two processes at
//! once, a journal that fails, servers that refuse and settle, settle everything they were ever
//! sent, or change what they ask for.
//!
//! What must hold in each run: at most one settled payment per invoice, no limit exceeded, every
//! settled payment reported. A seed that fails is printed; `GWOP_SEED=N cargo test -p gwop-agent
//! --test simulation` runs it alone.
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
use gwop_agent::failure::Failure;
use gwop_agent::limits::{Limits, judge};
use gwop_agent::network::{Family, Network};
use gwop_agent::pay::{self, Options, Outcome, Settings, Target, Wallet};
use gwop_agent::task::{Answer, Effect, Reply, Request, Step, Task};
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
/// The life of a block hash, in milliseconds.
const BLOCKHASH_MS: u64 = 60_000;
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

/// A payment that the server was sent.
#[derive(Clone, Debug)]
struct Sent {
    /// What the chain takes once.
    key: String,
    amount: u64,
    pay_to: String,
    /// The real time from which the chain takes it no more.
    until: u64,
}

struct Invoice {
    amount: u64,
    pay_to: usize,
    sent: Vec<Sent>,
    /// What has settled: the keys, and when.
    settled: Vec<(String, u64, u64)>,
    /// Settles then, by the real time.
    late: Vec<(u64, Sent)>,
    /// The server does not tell of a settlement before this real time.
    silent_until: u64,
}

struct World {
    rng: Rng,
    now: u64,
    own_offset: i64,
    date_offset: Option<i64>,
    family: Family,
    lies: bool,
    calm: bool,
    version: u8,
    hints: bool,
    has_height: bool,
    invoices: BTreeMap<String, Invoice>,
    /// What the chain has taken.
    used: BTreeSet<String>,
    /// Block hashes, with the real time they were given at.
    hashes: BTreeMap<String, u64>,
    journal: Vec<Attempt>,
    reported: BTreeSet<String>,
    headers: usize,
}

fn members(invoice: &str) -> String {
    format!("{SERVER}/v1/invoices/{invoice}/x402?chain=base")
}

impl World {
    fn network(&self) -> Network {
        match self.family {
            Family::Evm => Network::Base,
            Family::Solana => Network::Solana,
        }
    }

    fn own(&self) -> u64 {
        (self.now as i64 + self.own_offset) as u64
    }

    fn height(&self) -> u64 {
        (self.now - START) / 400 + 1_000
    }

    fn recipient(&self, index: usize) -> &'static str {
        RECIPIENTS[usize::from(self.family == Family::Solana)][index]
    }

    /// The chain takes a payment, if it still can.
    fn settle(&mut self, id: &str, sent: &Sent) {
        if self.now >= sent.until || !self.used.insert(sent.key.clone()) {
            return;
        }
        let now = self.now;
        let invoice = self.invoices.get_mut(id).unwrap();
        invoice.settled.push((sent.key.clone(), sent.amount, now));
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

    fn answer(&self, status: u16, body: Value) -> Reply {
        let date = self.date_offset.map(|offset| {
            let time = (self.now as i64 + offset) as u64;
            let time = std::time::UNIX_EPOCH + std::time::Duration::from_millis(time);
            httpdate(time)
        });
        Reply::Answer(Answer {
            status,
            date,
            body: body.to_string(),
            ..Answer::default()
        })
    }

    fn offer(&mut self, id: &str) -> Value {
        let network = self.network();
        let invoice = &self.invoices[id];
        let (mut amount, mut pay_to) = (invoice.amount, invoice.pay_to);
        let mut asset = network.usdc().to_owned();
        if self.lies && !self.calm && self.rng.chance(10) {
            match self.rng.below(3) {
                0 => amount += 1,
                1 => pay_to = 1 - pay_to,
                _ => asset = self.recipient(0).to_owned(),
            }
        }
        let mut extra = match self.family {
            Family::Evm => json!({ "name": "USD Coin", "version": "2" }),
            Family::Solana => json!({ "feePayer": FEE_PAYER }),
        };
        if self.family == Family::Solana {
            if self.version == 2 {
                extra["memo"] = json!(id);
            }
            if self.hints {
                let (hash, height) = self.blockhash();
                extra["recentBlockhash"] = json!(hash);
                extra["lastValidBlockHeight"] = json!(height.to_string());
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
            "payTo": self.recipient(pay_to), "maxTimeoutSeconds": 600, "extra": extra,
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

    fn challenge(&mut self, id: &str, error: &str) -> Reply {
        let offer = self.offer(id);
        let challenge = json!({ "x402Version": self.version, "error": error, "accepts": [offer] });
        let required = (self.version == 2).then(|| to_base64(challenge.to_string().as_bytes()));
        match self.answer(402, challenge) {
            Reply::Answer(answer) => Reply::Answer(Answer { required, ..answer }),
            other => other,
        }
    }

    fn invoice(&mut self, id: &str) -> Reply {
        let network = self.network();
        let invoice = &self.invoices[id];
        let settled = invoice.settled.first();
        let told = self.calm || self.now >= invoice.silent_until;
        let mut body = json!({
            "id": id, "status": "OPEN",
            "amount": { "value": invoice.amount, "currency": "USDC", "decimals": 6 },
            "payment_methods": [{
                "id": "x402", "kind": "x402", "network": network.caip2(), "chain": network.name(),
                "asset": { "symbol": "USDC", "decimals": 6, "contract": network.usdc() },
                "pay_to": self.recipient(invoice.pay_to), "amount": invoice.amount,
                "payment_url": members(id),
            }],
        });
        if let (Some((key, _, _)), true) = (settled, told) {
            body["status"] = json!("PAID");
            let hash: String = key
                .chars()
                .filter(char::is_ascii_alphanumeric)
                .take(60)
                .collect();
            body["paid_tx_hash"] = json!(hash);
            body["payment_chain"] = json!(network.name());
            body["paid_at"] = json!("2026-11-29T00:00:00Z");
        } else if !invoice.late.is_empty() && told && self.rng.chance(50) {
            body["status"] = json!("PAYING");
        }
        self.answer(200, body)
    }

    /// What a payment header holds.
    fn read(&self, header: &str) -> Sent {
        let payment: Value = serde_json::from_slice(&from_base64(header).unwrap()).unwrap();
        let payload = &payment["payload"];
        if self.family == Family::Evm {
            let authorization = &payload["authorization"];
            let text = |name: &str| authorization[name].as_str().unwrap();
            let until: u64 = text("validBefore").parse().unwrap();
            return Sent {
                key: format!("{}{}", text("from"), text("nonce")),
                amount: text("value").parse().unwrap(),
                pay_to: text("to").to_owned(),
                until: until * 1_000,
            };
        }
        let transaction = from_base64(payload["transaction"].as_str().unwrap()).unwrap();
        let message = &transaction[129..];
        let count = usize::from(message[4]);
        let hash: [u8; 32] = message[5 + count * 32..][..32].try_into().unwrap();
        let hash = gwop_agent::solana::Address(hash).to_string();
        // Behind the block hash: a count, two instructions of 8 and 12 bytes, and of the third
        // its program, four accounts, the data's length and `0c`.
        let at = 5 + count * 32 + 32 + 1 + 8 + 12 + 8;
        assert_eq!(message[at - 2..at], [10, 12], "no TransferChecked");
        let amount = u64::from_le_bytes(message[at..][..8].try_into().unwrap());
        Sent {
            key: gwop_agent::bytes::to_hex(&gwop_agent::solana::message_hash(message)),
            amount,
            pay_to: String::new(),
            until: self.hashes[&hash] + BLOCKHASH_MS,
        }
    }

    fn receive(&mut self, id: &str, header: &str) -> Reply {
        self.headers += 1;
        let sent = self.read(header);
        {
            let invoice = self.invoices.get_mut(id).unwrap();
            invoice.sent.push(sent.clone());
            assert_eq!(
                sent.amount, invoice.amount,
                "another amount than the invoice's was signed"
            );
            if self.family == Family::Evm {
                let pay_to = RECIPIENTS[0][invoice.pay_to];
                assert_eq!(
                    sent.pay_to, pay_to,
                    "another recipient than the invoice's was signed"
                );
            }
        }
        let is_paid = !self.invoices[id].settled.is_empty();
        if is_paid && !self.lies {
            return match self.rng.below(2) {
                0 => self.answer(409, json!({ "error": { "code": "NOT_PAYABLE" } })),
                _ => self.challenge(id, "invalid_exact_evm_nonce_already_used"),
            };
        }
        let way = if self.calm { 0 } else { self.rng.below(10) };
        let delay = 1_000 + self.rng.below(100_000);
        match way {
            0 | 1 => {
                self.settle(id, &sent);
                self.answer(200, json!({}))
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
                self.answer(status, json!({ "error": "oops" }))
            }
            5 => {
                let due = self.now + delay;
                self.invoices.get_mut(id).unwrap().late.push((due, sent));
                self.answer(202, json!({ "error": "settlement_pending" }))
            }
            6 => {
                let due = self.now + delay;
                self.invoices.get_mut(id).unwrap().late.push((due, sent));
                match self.rng.below(3) {
                    0 => Reply::Lost,
                    1 => self.challenge(id, "settlement_pending"),
                    _ => self.challenge(id, "transaction_failed"),
                }
            }
            7 => self.challenge(id, "invalid_exact_evm_insufficient_balance"),
            8 if self.lies => {
                // Refuses, settles, and is silent about it for a while.
                self.settle(id, &sent);
                let silence = match self.family {
                    // By the time that another signature could settle, it tells.
                    Family::Solana => self.rng.below(60_000),
                    Family::Evm => self.rng.below(4_000_000),
                };
                let until = self.now + silence;
                self.invoices.get_mut(id).unwrap().silent_until = until;
                self.challenge(id, "invalid_exact_evm_signature")
            }
            9 if self.lies => {
                // Settles everything that it was ever sent, at once and again later.
                let all = self.invoices[id].sent.clone();
                for one in &all {
                    self.settle(id, one);
                }
                let due = self.now + delay;
                let late = all.into_iter().map(|one| (due, one));
                self.invoices.get_mut(id).unwrap().late.extend(late);
                self.challenge(id, "invalid_exact_evm_signature")
            }
            _ => self.answer(429, json!({ "error": { "code": "RATE_LIMITED" } })),
        }
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
                _ => self.answer(503, json!({})),
            };
        }
        match path.contains("x402") {
            true => self.challenge(&id, "Payment required"),
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
                let result = judge(attempt, limits, &self.journal);
                if result.is_ok() {
                    self.journal.push((**attempt).clone());
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
                // It was written, and the answer was lost.
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
            Effect::Sign(signing) => {
                if self.rng.chance(3) && !self.calm {
                    self.pass(200_000);
                }
                match signing.message {
                    Some(_) => Reply::Bytes(vec![7; 64]),
                    None => Reply::Bytes([vec![7; 64], vec![27]].concat()),
                }
            }
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

    fn note(&mut self, result: &Result<Outcome, Failure>) {
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
            assert!(
                invoice.settled.len() <= 1,
                "seed {seed}: {id} was paid {} times",
                invoice.settled.len()
            );
            for (_, amount, at) in &invoice.settled {
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
            assert!(sum <= PER_DAY, "seed {seed}: {sum} in a day");
        }
    }
}

fn httpdate(time: std::time::SystemTime) -> String {
    ::httpdate::fmt_http_date(time)
}

/// A process: its task, and the effect that it waits for.
struct Process {
    task: Task<Outcome>,
    effect: Option<Effect>,
}

fn start(settings: &Settings, what: Option<&str>) -> Process {
    let settings = settings.clone();
    let task = match what {
        Some(id) => {
            let target = Target::Invoice(id.to_owned());
            Task::new(|io| pay::pay(io, settings, target, Options::default()))
        }
        None => Task::new(|io| pay::resume(io, settings)),
    };
    Process { task, effect: None }
}

/// One step of a process. Gives its result, where it has ended.
fn step(
    world: &mut World,
    process: &mut Process,
    crashes: u64,
) -> Option<Result<Outcome, Failure>> {
    let reply = match process.effect.take() {
        None => None,
        Some(effect) => {
            if world.rng.chance(crashes) && !world.calm {
                // Before the effect, or after it.
                if world.rng.chance(50) {
                    world.perform(&effect);
                }
                let phase = gwop_agent::failure::Phase::Send;
                return Some(Err(Failure::new("CRASH", phase, "crashed")));
            }
            Some(world.perform(&effect))
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

fn run(seed: u64) -> World {
    let mut rng = Rng(seed);
    let family = if seed.is_multiple_of(2) {
        Family::Evm
    } else {
        Family::Solana
    };
    let off = |rng: &mut Rng| rng.below(1_200_001) as i64 - 600_000;
    let own_offset = if rng.chance(50) { off(&mut rng) } else { 0 };
    let date_offset = match rng.below(4) {
        0 => None,
        1 => Some(off(&mut rng)),
        // A lie.
        2 if seed.is_multiple_of(3) => Some(400 * 86_400_000),
        _ => Some(0),
    };
    let mut world = World {
        now: START,
        own_offset,
        date_offset,
        family,
        lies: rng.chance(50),
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
        rng,
    };
    for index in 0..4 {
        let invoice = Invoice {
            amount: 300_000 + world.rng.below(700_000),
            pay_to: world.rng.below(2) as usize,
            sent: Vec::new(),
            settled: Vec::new(),
            late: Vec::new(),
            silent_until: 0,
        };
        world.invoices.insert(format!("inv_{index}"), invoice);
    }
    let settings = Settings {
        server: SERVER.to_owned(),
        identity: SERVER.to_owned(),
        limits: Limits {
            per_payment: PER_PAYMENT,
            per_day: Some(PER_DAY),
            ..Limits::default()
        },
        wallets: vec![Wallet {
            family,
            address: match family {
                Family::Evm => EVM_WALLET.to_owned(),
                Family::Solana => SOLANA_WALLET.to_owned(),
            },
        }],
        wait_ms: 60_000,
        validity_s: 120,
        signature_parts: false,
        approves: world.rng.chance(20),
        has_height: world.has_height,
    };
    let crashes = world.rng.below(8);
    let ids: Vec<String> = world.invoices.keys().cloned().collect();
    let mut favourite = 0;
    for _ in 0..14 {
        // Two processes at once, often for the same invoice, and again for that of before.
        if world.rng.chance(30) {
            favourite = world.rng.below(4);
        }
        let count = 1 + world.rng.below(2);
        let mut processes: Vec<Process> = (0..count)
            .map(|_| {
                let index = if world.rng.chance(50) {
                    favourite
                } else {
                    world.rng.below(4)
                };
                let what = world.rng.chance(85).then(|| &ids[index as usize]);
                start(&settings, what.map(String::as_str))
            })
            .collect();
        let mut steps = 0;
        while !processes.is_empty() {
            steps += 1;
            assert!(steps < 5_000, "seed {seed}: it does not end");
            let at = world.rng.below(processes.len() as u64) as usize;
            if let Some(result) = step(&mut world, &mut processes[at], crashes) {
                world.note(&result);
                processes.remove(at);
            }
            world.check(seed);
        }
        let gap = match world.rng.below(3) {
            0 => 100,
            1 => world.rng.below(300_000),
            _ => world.rng.below(1_800_000),
        };
        world.pass(gap);
    }
    // The world calms down; what was left is finished.
    world.calm = true;
    world.date_offset = Some(0);
    for _ in 0..3 {
        world.pass(2_400_000);
        let mut process = start(&settings, None);
        let result = loop {
            if let Some(result) = step(&mut world, &mut process, 0) {
                break result;
            }
        };
        world.note(&result);
        world.check(seed);
    }
    // A call for what was paid already gives the receipt.
    for id in &ids {
        if world.invoices[id].settled.is_empty() {
            continue;
        }
        let mut process = start(&settings, Some(id));
        let result = loop {
            if let Some(result) = step(&mut world, &mut process, 0) {
                break result;
            }
        };
        world.note(&result);
        let failure = result.as_ref().err();
        assert!(
            world.reported.contains(id),
            "seed {seed}: {id} was paid and not reported: {failure:?}"
        );
        assert!(failure.is_none(), "seed {seed}: {id}: {failure:?}");
    }
    world.check(seed);
    world
}

#[test]
fn never_twice_never_over_the_limit_and_all_reported() {
    let seeds = match std::env::var("GWOP_SEED") {
        Ok(seed) => {
            let seed: u64 = seed.parse().unwrap();
            seed..seed + 1
        }
        // Fewer, to see a rule that was broken fail.
        Err(_) => 0..std::env::var("GWOP_SEEDS").map_or(1_000, |count| count.parse().unwrap()),
    };
    let count = seeds.end - seeds.start;
    let single = count == 1;
    let (mut settled, mut headers) = (0, 0);
    let mut on_solana = 0;
    for seed in seeds {
        let world = run(seed);
        settled += world
            .invoices
            .values()
            .filter(|one| !one.settled.is_empty())
            .count();
        if world.family == Family::Solana {
            let mut invoices = world.invoices.values();
            on_solana += usize::from(invoices.any(|one| !one.settled.is_empty()));
        }
        headers += world.headers;
    }
    // A world in which nothing is paid would prove nothing.
    assert!(
        single || u64::try_from(settled).unwrap() > count * 3 / 2,
        "{settled} invoices were paid"
    );
    println!("{settled} invoices paid with {headers} headers; {on_solana} worlds on Solana");
}
