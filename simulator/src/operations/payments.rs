//! The payment and recovery URLs that an agent uses.

use crate::auth::DUST;
use crate::error::{ApiError, ErrorCode};
use crate::fault::{Fault, LateResponse, Stage};
use crate::http::Request;
use crate::invoice::{Status, put};
use crate::operations::invoices::invoice_not_found;
use crate::operations::ok;
use crate::payment::offer::Settlement as Bound;
use crate::payment::wire::{self, Block, PAYMENT_REQUIRED, Settled, encode};
use crate::payment::{
    Chain, Demand, Evaluated, Mode, Payment, Refusal, Version, base, blockhash, gwop_docs, solana,
    unchecked,
};
use crate::simulator::{Fate, Payable, Settlement, Simulator, Started, Success};
use crate::time::Now;
use serde_json::{Value, json};

/// The response headers to a browser's preflight request, before it pays from a page. Clients set
/// more headers than those of x402.
pub(crate) const PREFLIGHT_HEADERS: [(&str, &str); 4] = [
    ("access-control-allow-origin", "*"),
    ("access-control-allow-methods", "GET, POST, OPTIONS"),
    ("access-control-allow-headers", "*"),
    ("access-control-max-age", "600"),
];

/// The headers of every response of a payment URL, so that pages can read it.
pub(crate) const RESPONSE_HEADERS: [(&str, &str); 2] = [
    ("access-control-allow-origin", "*"),
    (
        "access-control-expose-headers",
        "PAYMENT-REQUIRED, PAYMENT-RESPONSE, X-PAYMENT-RESPONSE, X-Request-Id",
    ),
];

/// The error for a payment that settles late: a facilitator's name for an unexpected failure.
const LATE: &str = "unexpected_settle_error";

/// A payment request that is judged: what is paid, and what it costs.
struct Asked<'a> {
    payable: Payable,
    demand: &'a Demand,
    now: Now,
}

impl Simulator {
    /// Handles `…/x402?chain=base` and `…/x402/base`: returns the challenge, and takes its payment.
    pub(crate) fn pay_by_x402(
        &mut self,
        request: &Request,
        public_id: &str,
        chain_in_path: Option<&str>,
        now: Now,
    ) -> Result<Success, ApiError> {
        let chain = asked_chain(request, chain_in_path)?;
        let payable = self
            .payable(public_id)
            .ok_or_else(|| invoice_not_found("no payment URL has this id"))?;
        if self.config.x402 == Mode::GwopDocs
            && let Some(response) = self.bound_response(request, payable)?
        {
            return Ok(response);
        }
        self.check_payable(payable, now)
            .map_err(|message| ApiError::new(ErrorCode::NotPayable, message))?;
        let demand = self.demand(payable, chain, now);
        let asked = Asked {
            payable,
            demand: &demand,
            now,
        };
        Ok(match self.config.x402 {
            Mode::Standard => self.pay_by_standard(request, &asked),
            Mode::GwopDocs => self.pay_by_gwop_docs(request, &asked),
            Mode::Unchecked => self.pay_unchecked(request, &asked),
        })
    }

    /// Returns what has to be paid for an invoice or auth intent.
    pub(crate) fn demand(&self, payable: Payable, chain: Chain, now: Now) -> Demand {
        let (payable_id, amount, description, expires_at) = match payable {
            Payable::Invoice(index) => {
                self.invoices
                    .get(index)
                    .map_or((String::new(), 0, None, 0), |invoice| {
                        let description = invoice.description.clone();
                        let description = description.or(Some("Gwop invoice".into()));
                        let id = invoice.public_id.clone();
                        (id, invoice.total(), description, invoice.expires_at)
                    })
            }
            Payable::Intent(index) => {
                self.intents
                    .get(index)
                    .map_or((String::new(), 0, None, 0), |intent| {
                        let description = "Proof of wallet ownership".into();
                        let id = intent.payable_id.clone();
                        (id, DUST, Some(description), intent.expires_at)
                    })
            }
        };
        let seconds_left = expires_at.saturating_sub(now.clock) / 1_000;
        Demand {
            chain,
            amount,
            url: chain.payment_url(&self.config.agents_url, &payable_id),
            payable_id,
            description: description.unwrap_or_default(),
            seconds_left: seconds_left.max(1),
        }
    }

    /// Creates an offer and stores it until it expires. Returns the element for `accepts`.
    pub(crate) fn make_offer(&mut self, payable: Payable, demand: &Demand, now: Now) -> Value {
        let block = Block::at(self.config.seed, now.clock);
        let offer = match self.config.x402 {
            Mode::GwopDocs => demand.offer_of_gwop_docs(&self.ids.request(), block),
            _ => demand.offer(block),
        };
        let expires_at = now
            .clock
            .saturating_add(demand.seconds_left.saturating_mul(1_000));
        let offers = self.offers.entry(payable).or_default();
        offers.keep(demand.chain, &offer, expires_at, now.clock);
        offer
    }

    /// Returns the 402: a challenge in both versions, and why a payment was refused.
    fn ask(&mut self, asked: &Asked<'_>, error: &str, refusal: Option<Refusal>) -> Success {
        let Asked {
            payable,
            demand,
            now,
        } = *asked;
        let mode = self.config.x402;
        if mode == Mode::Unchecked {
            return ok(402, unchecked::challenge(demand, error));
        }
        let offer = self.make_offer(payable, demand, now);
        let (header, mut body) = match mode {
            Mode::GwopDocs => {
                let challenge = demand.challenge_of_gwop_docs(error, &offer);
                (encode(&challenge), challenge)
            }
            _ => {
                let block = Block::at(self.config.seed, now.clock);
                let challenge = demand.challenge_v2(error, &offer);
                (encode(&challenge), demand.challenge_v1(error, block))
            }
        };
        put(&mut body, "message", refusal.map(explained));
        Success::Json(402, body, vec![(PAYMENT_REQUIRED.into(), header)])
    }

    fn refuse(&mut self, asked: &Asked<'_>, refusal: Refusal) -> Success {
        self.ask(asked, refusal.reason, Some(refusal))
    }

    fn pay_by_standard(&mut self, request: &Request, asked: &Asked<'_>) -> Success {
        let versions = [Version::V2, Version::V1];
        let sent = versions.into_iter().find_map(|version| {
            let header = request.header(version.request_header())?;
            Some((version, header))
        });
        let Some((version, header)) = sent else {
            return self.ask(asked, "Payment required", None);
        };
        let evaluated = match self.evaluate_standard(version, header, asked) {
            Ok(evaluated) => evaluated,
            Err(refusal) => return self.refuse(asked, refusal),
        };
        let response = |payment: &Payment, settled: Settled<'_>| {
            let header = encode(&wire::settlement(payment, version, settled));
            vec![(version.response_header().to_owned(), header)]
        };
        // The earlier response said that the payment failed, but it is still in progress.
        let late = self.late.values().find(|late| {
            late.payable == asked.payable && late.payment.once.as_ref() == Some(&evaluated.once)
        });
        if let Some(late) = late {
            let payment = late.payment.clone();
            let headers = response(&payment, Settled::Pending);
            return Success::Json(202, paid_body(asked, &payment, Status::Paying), headers);
        }
        if self.spent.contains(&evaluated.once) {
            return self.refuse(asked, gwop_docs::used(asked.demand.chain));
        }
        let Started { payment, fate } = self.settle(asked, evaluated);
        let failed = match fate {
            Fate::Settled => {
                let headers = response(&payment, Settled::Yes);
                return self.delivered(200, paid_body(asked, &payment, Status::Paid), headers);
            }
            Fate::Pending => {
                let headers = response(&payment, Settled::Pending);
                return self.delivered(202, paid_body(asked, &payment, Status::Paying), headers);
            }
            Fate::Late(LateResponse::Timeout) => return Success::Lost,
            Fate::Late(LateResponse::Refused) => LATE,
            Fate::Failed => wire::failed(asked.demand.chain, version),
        };
        self.ask_again(asked, failed, response(&payment, Settled::No(failed)))
    }

    /// Returns the 402 after a failed settlement, with the response header that says so.
    fn ask_again(
        &mut self,
        asked: &Asked<'_>,
        failed: &str,
        response: Vec<(String, String)>,
    ) -> Success {
        let mut success = self.ask(asked, failed, None);
        if let Success::Json(_, _, headers) = &mut success {
            headers.extend(response);
        }
        success
    }

    /// Returns the response to a payment that is settled or in progress, unless a fault loses it.
    fn delivered(&mut self, status: u16, body: Value, headers: Vec<(String, String)>) -> Success {
        let faults = self.faults.strike(Stage::PaymentResponse, "x402.pay");
        if faults
            .iter()
            .any(|fault| matches!(fault, Fault::PaymentLoseResponse {}))
        {
            return Success::Lost;
        }
        Success::Json(status, body, headers)
    }

    fn settle(&mut self, asked: &Asked<'_>, evaluated: Evaluated) -> Started {
        let settlement = match self.config.settlement_delay_ms {
            0 => Settlement::Now,
            delay => Settlement::At(asked.now.clock.saturating_add(delay)),
        };
        self.start_payment(
            asked.payable,
            asked.demand.chain,
            evaluated.into(),
            settlement,
            asked.now,
        )
    }

    fn evaluate_standard(
        &self,
        version: Version,
        header: &str,
        asked: &Asked<'_>,
    ) -> Result<Evaluated, Refusal> {
        let payment = decode(version, header)?;
        let chain = asked.demand.chain;
        match version {
            Version::V1 => {
                let is =
                    |name, expected| payment.get(name).and_then(Value::as_str) == Some(expected);
                let (scheme, network) = match chain {
                    Chain::Base => (
                        "invalid_exact_evm_scheme",
                        "invalid_exact_evm_network_mismatch",
                    ),
                    Chain::Solana => ("unsupported_scheme", "network_mismatch"),
                };
                if !is("scheme", "exact") {
                    return Err(Refusal::new(scheme, "the scheme `exact`"));
                }
                if !is("network", chain.as_str()) {
                    let expected =
                        "the network of the challenge; each has a payment URL of its own";
                    return Err(Refusal::new(network, expected));
                }
            }
            Version::V2 => self.check_offer(&payment, asked)?,
        }
        self.evaluate_payload(version, &payment, asked)
    }

    /// Checks the offer that a version 2 payment repeats.
    fn check_offer(&self, payment: &Value, asked: &Asked<'_>) -> Result<(), Refusal> {
        let offers = self.offers.get(&asked.payable);
        let known = payment.get("accepted").is_some_and(|accepted| {
            offers
                .is_some_and(|offers| offers.contain(asked.demand.chain, accepted, asked.now.clock))
        });
        if known {
            return Ok(());
        }
        Err(Refusal::new(
            "No matching payment requirements",
            "`accepted` equal to an element of `accepts` of this payment URL's challenge, addresses and all",
        ))
    }

    fn evaluate_payload(
        &self,
        version: Version,
        payment: &Value,
        asked: &Asked<'_>,
    ) -> Result<Evaluated, Refusal> {
        let payload = payment.get("payload").filter(|payload| payload.is_object());
        let payload = payload.ok_or(Refusal::new("invalid_payload", "the object `payload`"))?;
        let demand = asked.demand;
        let follows_docs = self.config.x402 == Mode::GwopDocs;
        match demand.chain {
            Chain::Base => {
                let rules = base::Rules {
                    version,
                    smart_wallets: &self.smart_wallets,
                    takes_parts: follows_docs,
                    wall: asked.now.wall,
                };
                base::evaluate(payload, demand, rules)
            }
            Chain::Solana if follows_docs && gwop_docs::names_transaction(payload) => {
                gwop_docs::evaluate_transaction(payload)
            }
            Chain::Solana => {
                let (seed, clock) = (self.config.seed, asked.now.clock);
                let has_memo = version == Version::V2 && !follows_docs;
                let rules = solana::Rules {
                    version,
                    memo: has_memo.then_some(demand.payable_id.as_str()),
                    is_recent: &|hash| blockhash::is_recent(seed, clock, hash),
                };
                solana::evaluate(payload, demand, rules)
            }
        }
    }

    /// Returns the first response to this exact header, if its settlement id has paid or may still
    /// pay.
    fn bound_response(
        &self,
        request: &Request,
        payable: Payable,
    ) -> Result<Option<Success>, ApiError> {
        let header = request
            .header(Version::V2.request_header())
            .filter(|_| request.method == "POST");
        let Some(header) = header else {
            return Ok(None);
        };
        let Some(id) = decode(Version::V2, header)
            .ok()
            .as_ref()
            .and_then(settlement_id)
        else {
            return Ok(None);
        };
        let offers = self.offers.get(&payable);
        let bound = offers.and_then(|offers| offers.settlement(&id));
        match bound.filter(|bound| self.spent.contains(&bound.once)) {
            None => Ok(None),
            Some(bound) if bound.header == header => {
                let (status, body, headers) = bound.response.clone();
                Ok(Some(Success::Json(status, body, headers)))
            }
            Some(_) => Err(ApiError::new(
                ErrorCode::IdempotencyConflict,
                "this settlementId has paid with another payload: send that one again, or ask for another settlementId",
            )),
        }
    }

    /// Follows Gwop's own pages: GET discovers, POST settles, version 2 only.
    fn pay_by_gwop_docs(&mut self, request: &Request, asked: &Asked<'_>) -> Success {
        let header = request
            .header(Version::V2.request_header())
            .filter(|_| request.method == "POST");
        let Some(header) = header else {
            return self.ask(asked, "Payment required", None);
        };
        let evaluated = decode(Version::V2, header).and_then(|payment| {
            let id = settlement_id(&payment).ok_or(Refusal::new(
                "settlement_id_required",
                "`accepted.extra.settlementId` of the offer",
            ))?;
            self.check_offer(&payment, asked)?;
            let evaluated = self.evaluate_payload(Version::V2, &payment, asked)?;
            Ok((id, evaluated))
        });
        let (id, evaluated) = match evaluated {
            Ok(evaluated) => evaluated,
            Err(refusal) => return self.refuse(asked, refusal),
        };
        if self.spent.contains(&evaluated.once) {
            return self.refuse(asked, gwop_docs::used(asked.demand.chain));
        }
        let once = evaluated.once.clone();
        let Started { payment, fate } = self.settle(asked, evaluated);
        let response = |response: &Value| {
            let name = Version::V2.response_header();
            vec![(name.to_owned(), encode(response))]
        };
        // Where the pages are silent, the response follows x402.
        let standard = |settled| response(&wire::settlement(&payment, Version::V2, settled));
        let (status, code, headers) = match fate {
            Fate::Settled => {
                let settled = gwop_docs::response(&payment, asked.demand.amount);
                (Status::Paid, 200, response(&settled))
            }
            // A late payment is in progress, whatever the response said.
            Fate::Pending | Fate::Late(_) => (Status::Paying, 202, standard(Settled::Pending)),
            Fate::Failed => {
                let failed = wire::failed(asked.demand.chain, Version::V2);
                return self.ask_again(asked, failed, standard(Settled::No(failed)));
            }
        };
        let body = paid_body(asked, &payment, status);
        let bound = Bound {
            header: header.to_owned(),
            response: (code, body.clone(), headers.clone()),
            once,
        };
        self.offers
            .entry(asked.payable)
            .or_default()
            .bind(id, bound);
        match fate {
            Fate::Late(LateResponse::Timeout) => Success::Lost,
            Fate::Late(LateResponse::Refused) => {
                self.ask_again(asked, LATE, standard(Settled::No(LATE)))
            }
            _ => self.delivered(code, body, headers),
        }
    }

    /// Follows version 1.0.0.
    fn pay_unchecked(&mut self, request: &Request, asked: &Asked<'_>) -> Success {
        let Some(header) = request.header(Version::V1.request_header()) else {
            return self.ask(asked, "X-PAYMENT header is required", None);
        };
        let evaluated = match unchecked::evaluate(header, asked.demand, asked.now.wall) {
            Ok(evaluated) => evaluated,
            Err(error) => return self.ask(asked, error, None),
        };
        if self.spent.contains(&evaluated.once) {
            return self.ask(asked, "duplicate_settlement", None);
        }
        let Started { payment, fate } = self.settle(asked, evaluated);
        let response = |success| {
            let header = encode(&unchecked::response(&payment, success));
            vec![(Version::V1.response_header().to_owned(), header)]
        };
        match fate {
            Fate::Settled => self.delivered(
                200,
                paid_body(asked, &payment, Status::Paid),
                response(true),
            ),
            Fate::Pending => self.delivered(
                202,
                paid_body(asked, &payment, Status::Paying),
                response(true),
            ),
            Fate::Late(LateResponse::Timeout) => Success::Lost,
            Fate::Failed | Fate::Late(LateResponse::Refused) => {
                let body = unchecked::challenge(asked.demand, LATE);
                Success::Json(402, body, response(false))
            }
        }
    }

    /// Handles `recover_url`: returns the public invoice, and each of its payments that settled or
    /// may still settle. The response header describes the one that counts.
    pub(crate) fn recover(&self, public_id: &str) -> Result<Success, ApiError> {
        let payable = self
            .payable(public_id)
            .ok_or_else(|| invoice_not_found("no payment URL has this id"))?;
        let own = self.payment_of(payable);
        let late = self.late.values().filter(|late| late.payable == payable);
        let unmatched = self.unmatched.iter().filter(|(other, _)| *other == payable);
        let all: Vec<&Payment> = own
            .into_iter()
            .chain(late.map(|late| &late.payment))
            .chain(unmatched.map(|(_, payment)| payment))
            .collect();
        let reported = |payment: &Payment, version| {
            let settled = match payment.settled_at {
                Some(_) => Settled::Yes,
                None => Settled::Pending,
            };
            wire::settlement(payment, version, settled)
        };
        let mut body = match payable {
            Payable::Invoice(_) => self.public_invoice(public_id)?,
            Payable::Intent(index) => self.intents.get(index).map_or(Value::Null, |intent| {
                json!({ "auth_intent_id": intent.id, "status": intent.payment_status().as_str() })
            }),
        };
        let payments: Vec<Value> = all
            .iter()
            .map(|payment| reported(payment, Version::V2))
            .collect();
        put(&mut body, "payments", Some(payments));
        let headers = [Version::V2, Version::V1].into_iter().flat_map(|version| {
            let payment = all.first()?;
            let header = encode(&reported(payment, version));
            Some((version.response_header().to_owned(), header))
        });
        Ok(Success::Json(200, body, headers.collect()))
    }
}

/// Returns the chain of a payment URL: from the path, from the query, or Base.
fn asked_chain(request: &Request, in_path: Option<&str>) -> Result<Chain, ApiError> {
    let target = request.target();
    if let Some(chain) = in_path {
        target.query(&[])?;
        return Chain::parse(chain).ok_or_else(|| {
            ApiError::new(
                ErrorCode::NotFound,
                "no payment URL of this chain: there are `/x402/base` and `/x402/solana`",
            )
        });
    }
    match target.query(&["chain"])?.first() {
        None => Ok(Chain::Base),
        Some((_, chain)) => {
            Chain::parse(chain).ok_or_else(|| ApiError::invalid("chain", "base or solana"))
        }
    }
}

fn decode(version: Version, header: &str) -> Result<Value, Refusal> {
    version.decode(header).map_err(|reason| {
        Refusal::new(
            reason,
            match version {
                Version::V1 => "`X-PAYMENT` with base64 of JSON, its `x402Version` 1",
                Version::V2 => "`PAYMENT-SIGNATURE` with base64 of JSON, its `x402Version` 2",
            },
        )
    })
}

fn settlement_id(payment: &Value) -> Option<String> {
    let id = payment.pointer("/accepted/extra/settlementId")?.as_str()?;
    Some(id.to_owned())
}

/// Returns the body of the response to a payment.
fn paid_body(asked: &Asked<'_>, payment: &Payment, status: Status) -> Value {
    json!({
        "public_invoice_id": asked.demand.payable_id,
        "status": status.as_str(),
        "payment_chain": payment.chain.as_str(),
        "paid_tx_hash": payment.transaction,
    })
}

/// Explains to a person why a payment was refused, and what to do.
fn explained(refusal: Refusal) -> String {
    format!(
        "{}: expected {}. The local Gwop judges payments as a facilitator does. A test without a wallet pays with \
         `sim.pay()` or `sim.signPayment()`; the option `x402: \"unchecked\"` takes any signature, as 1.0.0 did.",
        refusal.reason, refusal.expected
    )
}
