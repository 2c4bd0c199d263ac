//! Tests single rules of paying, each against a server that does one thing. `simulation.rs` covers
//! the rest. The tests here also find a broken rule that does not endanger money.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use gwop_agent::attempt::{Attempt, State};
use gwop_agent::bytes::to_base64;
use gwop_agent::failure::Result;
use gwop_agent::invoice::{Intent, Method};
use gwop_agent::limits::{Limits, evaluate};
use gwop_agent::network::{Family, Network};
use gwop_agent::pay::{Options, Outcome, Settings, Target, Wallet, pay};
use gwop_agent::task::{Effect, Reply, Request, Response, Step, Task};
use serde_json::json;

const WALLET: &str = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
const URL: &str = "https://agents.gwop.io/v1/invoices/inv_1/x402";
const NOW: u64 = 1_795_900_000_000;

/// Creates a response.
type Give = fn() -> Reply;

/// A journal, a signer that counts, and the requests that were sent.
struct World {
    now: u64,
    journal: Vec<Attempt>,
    signed: u8,
    sent: Vec<String>,
    approved: usize,
    limits: Limits,
}

impl World {
    fn new() -> Self {
        Self {
            now: NOW,
            journal: Vec::new(),
            signed: 0,
            sent: Vec::new(),
            approved: 0,
            limits: Limits::default(),
        }
    }

    fn states(&self) -> Vec<State> {
        self.journal.iter().map(|attempt| attempt.state).collect()
    }

    /// Runs one call against a server.
    fn call(&mut self, target: Target, server: impl Fn(&Request) -> Reply) -> Result<Outcome> {
        self.call_with(target, Options::default(), server)
    }

    fn call_with(
        &mut self,
        target: Target,
        options: Options,
        server: impl Fn(&Request) -> Reply,
    ) -> Result<Outcome> {
        let settings = Settings {
            server: "https://agents.gwop.io".to_owned(),
            identity: "https://identity.gwop.io".to_owned(),
            limits: self.limits,
            wallets: vec![Wallet {
                family: Family::Evm,
                address: WALLET.to_owned(),
            }],
            wait_ms: 10_000,
            validity_s: 120,
            signature_parts: false,
            approves: true,
            has_height: false,
        };
        let mut task = Task::new(|io| pay(io, settings, target, options));
        let mut reply = None;
        for _ in 0..1_000 {
            match task.step(reply.take(), self.now) {
                Step::Ask(effect) => reply = Some(self.perform(&effect, &server)),
                Step::Done(result) => return result,
            }
        }
        panic!("it does not end");
    }

    fn perform(&mut self, effect: &Effect, server: &impl Fn(&Request) -> Reply) -> Reply {
        match effect {
            Effect::Last { .. } => Reply::Attempt(self.journal.last().cloned().map(Box::new)),
            Effect::Http(request) => {
                self.sent
                    .extend(request.payment.clone().map(|(_, header)| header));
                server(request)
            }
            Effect::Reserve { attempt, limits } => {
                let verdict = evaluate(attempt, limits, &self.journal);
                if verdict.is_ok() {
                    self.journal.push((**attempt).clone());
                }
                Reply::Reserved(verdict.map_err(Box::new))
            }
            Effect::Update {
                id,
                from,
                to,
                header,
                ..
            } => {
                let mut attempts = self.journal.iter_mut();
                let attempt = attempts.find(|one| one.id == *id).unwrap();
                let done = attempt.state == *from;
                if done {
                    attempt.state = *to;
                    attempt.header = header.clone().or(attempt.header.take());
                }
                Reply::Yes(done)
            }
            Effect::Sign(_) => {
                self.signed = self.signed.saturating_add(1);
                Reply::Bytes([vec![7; 64], vec![27]].concat())
            }
            Effect::Approve(_) => {
                self.approved = self.approved.saturating_add(1);
                Reply::Yes(true)
            }
            // Each signature gets another nonce.
            Effect::Random { count } => {
                Reply::Bytes(vec![self.signed; usize::try_from(*count).unwrap()])
            }
            Effect::Sleep { ms } => {
                self.now = self.now.saturating_add(*ms);
                Reply::Done
            }
            other => panic!("asked for {other:?}"),
        }
    }
}

fn invoice() -> Target {
    Target::Invoice("inv_1".to_owned())
}

fn login() -> Target {
    let method = Method {
        network: Network::Base,
        url: URL.to_owned(),
        pay_to: None,
        amount: 1_000,
    };
    let id = "ai_1".to_owned();
    let methods = vec![method];
    Target::Login(Intent { id, methods })
}

fn fetch(anew: bool) -> Target {
    Target::Fetch {
        key: "fetch:1".to_owned(),
        method: "GET".to_owned(),
        url: "https://shop.example/r".to_owned(),
        anew,
    }
}

fn response(status: u16, body: &serde_json::Value) -> Reply {
    Reply::Response(Response {
        status,
        body: body.to_string(),
        ..Response::default()
    })
}

fn challenge(error: &str) -> Reply {
    let offer = json!({
        "scheme": "exact", "network": "eip155:8453", "amount": "1000", "payTo": WALLET,
        "asset": Network::Base.usdc(), "maxTimeoutSeconds": 60,
        "extra": { "name": "USD Coin", "version": "2" },
    });
    let challenge = json!({ "x402Version": 2, "error": error, "accepts": [offer] });
    Reply::Response(Response {
        status: 402,
        required: Some(to_base64(challenge.to_string().as_bytes())),
        ..Response::default()
    })
}

fn not_payable() -> Reply {
    response(409, &json!({ "error": { "code": "NOT_PAYABLE" } }))
}

/// Responds with a challenge, or with `paid` if the request carries a payment.
fn selling(request: &Request, paid: Reply) -> Reply {
    match &request.payment {
        Some(_) => paid,
        None if request.url.ends_with("/v1/invoices/inv_1") => open_invoice(),
        None => challenge("Payment required"),
    }
}

fn open_invoice() -> Reply {
    let method = json!({
        "kind": "x402", "network": "eip155:8453", "amount": 1_000, "pay_to": WALLET,
        "asset": { "decimals": 6, "contract": Network::Base.usdc() }, "payment_url": URL,
    });
    let body = json!({
        "id": "inv_1", "status": "OPEN", "amount": { "value": 1_000, "decimals": 6 },
        "payment_methods": [method],
    });
    response(200, &body)
}

#[test]
fn after_an_outcome_that_is_not_known_the_same_header_is_sent_and_nothing_is_signed() {
    let unknown: [(&str, Give); 7] = [
        ("no answer", || Reply::Lost),
        ("500", || response(500, &json!({}))),
        ("503", || response(503, &json!({}))),
        ("429", || response(429, &json!({}))),
        ("202", || {
            response(202, &json!({ "error": "settlement_pending" }))
        }),
        ("402 pending", || challenge("settlement_pending")),
        ("302", || response(302, &json!({}))),
    ];
    for (name, reply) in unknown {
        for target in [invoice, login, || fetch(false)] {
            let mut world = World::new();
            for _ in 0..2 {
                let failure = world.call(target(), |request| selling(request, reply()));
                let failure = failure.unwrap_err();
                let told = (failure.code, failure.may_have_settled);
                assert_eq!(told, ("OUTCOME_UNKNOWN", true), "{name}");
            }
            assert_eq!(world.states(), [State::Sent], "{name}");
            let count = world.sent.len();
            assert!(count >= 2, "{name}: sent {count} times");
            world.sent.dedup();
            assert_eq!((world.signed, world.sent.len()), (1, 1), "{name}");
        }
    }
}

#[test]
fn nobody_is_asked_about_and_no_quote_is_given_for_what_is_over_the_limit() {
    for dry_run in [false, true] {
        let mut world = World::new();
        world.limits.per_payment = 999;
        let options = Options {
            network: None,
            dry_run,
        };
        let paid = |request: &Request| selling(request, response(200, &json!({})));
        let failure = world.call_with(invoice(), options, paid).unwrap_err();
        assert_eq!(failure.code, "LIMIT_PER_PAYMENT");
        assert_eq!((world.approved, world.journal.len()), (0, 0));
    }
}

#[test]
fn there_is_no_quote_for_what_was_paid() {
    let mut world = World::new();
    let sold = |request: &Request| selling(request, response(200, &json!({})));
    world.call(login(), sold).unwrap();
    let options = Options {
        network: None,
        dry_run: true,
    };
    let failure = world.call_with(login(), options, sold).unwrap_err();
    assert_eq!(failure.code, "ALREADY_PAID");
}

#[test]
fn after_paid_without_answer_the_same_request_sends_the_same_payment() {
    let used =
        |request: &Request| selling(request, challenge("invalid_exact_evm_nonce_already_used"));
    let mut world = World::new();
    for _ in 0..3 {
        let failure = world.call(fetch(false), used).unwrap_err();
        let told = (failure.code, failure.may_have_settled);
        assert_eq!(told, ("PAID_WITHOUT_ANSWER", true));
    }
    assert_eq!(world.signed, 1);
    // With `anew`, each call buys once more, with another nonce.
    let failure = world.call(fetch(true), used).unwrap_err();
    assert_eq!((failure.code, world.signed), ("PAID_WITHOUT_ANSWER", 2));
    world.sent.dedup();
    assert_eq!(world.sent.len(), 2);
    assert_eq!(world.states(), [State::Settled, State::Sent]);
}

#[test]
fn what_was_refused_and_then_bought_can_be_bought_once_more() {
    let mut world = World::new();
    let refused = |request: &Request| selling(request, challenge("insufficient_funds"));
    let paid = |request: &Request| selling(request, response(200, &json!({})));
    let nonces = |world: &World| -> Vec<String> {
        world
            .journal
            .iter()
            .map(|attempt| attempt.nonce.clone())
            .collect()
    };
    let first = world.call(fetch(false), refused).unwrap();
    assert!(matches!(first, Outcome::Responded(None)));
    for _ in 0..2 {
        let outcome = world.call(fetch(false), paid).unwrap();
        assert!(matches!(outcome, Outcome::Responded(Some(_))));
    }
    let [one, two, three] = nonces(&world).try_into().unwrap();
    assert_eq!(one, two, "another nonce before it was bought");
    assert_ne!(two, three, "the nonce that was used up");
}

#[test]
fn a_login_whose_response_was_lost_is_known_by_the_conflict_also_after_it_has_lapsed() {
    for pause in [1_000, 3_600_000] {
        let mut world = World::new();
        let lost = world.call(login(), |request| selling(request, Reply::Lost));
        assert_eq!(lost.unwrap_err().code, "OUTCOME_UNKNOWN");
        world.now += pause;
        let outcome = world.call(login(), |_| not_payable()).unwrap();
        assert!(matches!(outcome, Outcome::Paid(_)), "after {pause} ms");
        assert_eq!((world.signed, world.states()), (1, vec![State::Settled]));
    }
}

#[test]
fn what_has_lapsed_is_sent_once_more_before_anything_is_signed() {
    let mut world = World::new();
    let lost = world.call(fetch(false), |request| selling(request, Reply::Lost));
    assert_eq!(lost.unwrap_err().code, "OUTCOME_UNKNOWN");
    world.now += 3_600_000;
    let used = challenge("invalid_exact_evm_nonce_already_used");
    let failure = world.call(fetch(false), |request| selling(request, used.clone()));
    assert_eq!(failure.unwrap_err().code, "PAID_WITHOUT_ANSWER");
    assert_eq!((world.signed, world.states()), (1, vec![State::Sent]));
}

#[test]
fn after_a_refusal_no_error_says_that_nothing_may_have_settled() {
    let mut world = World::new();
    let refusal = || challenge("invalid_exact_evm_signature");
    let refused = world.call(invoice(), |request| selling(request, refusal()));
    assert_eq!(refused.unwrap_err().code, "PAYMENT_REFUSED");
    let responses: [(&str, Give); 3] = [
        ("INVOICE_NOT_PAYABLE", || {
            response(200, &json!({ "id": "inv_1", "status": "CANCELED" }))
        }),
        ("INVOICE_NOT_FOUND", || response(404, &json!({}))),
        ("SERVER_FAILED", || response(503, &json!({}))),
    ];
    for (code, give) in responses {
        let failure = world.call(invoice(), |_| give()).unwrap_err();
        assert_eq!((failure.code, failure.may_have_settled), (code, true));
    }
    let fresh = World::new().call(invoice(), |_| response(404, &json!({})));
    assert!(!fresh.unwrap_err().may_have_settled);
}

#[test]
fn an_intent_whose_id_is_an_invoices_is_refused() {
    let intent = |id: &str| {
        let intent = json!({
            "auth_intent_id": id,
            "challenge": { "amount_usdc_atomic": "1000", "payment_methods": [] },
        });
        Intent::read(&intent.to_string()).map(|intent| intent.id)
    };
    assert_eq!(intent("ai_1").unwrap(), "ai_1");
    assert_eq!(intent("inv_1").unwrap_err(), "authIntentId");
}
