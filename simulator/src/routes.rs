//! Gwop's operations, and what an agent reaches: payment and recovery URLs.

use crate::auth::{AuthIntent, DUST};
use crate::error::{self, ApiError, ErrorCode};
use crate::fault::{Fault, Stage};
use crate::http::{Answer, Reply, Request, Target};
use crate::invoice::{Invoice, MAX_AMOUNT, Status};
use crate::simulator::{
    Payable, Pending, RequestLog, Settlement, Simulator, StoredAnswer, Success,
};
use crate::time::Now;
use crate::x402::{Chain, Demand, payment_response, read_payment};
use serde_json::{Map, Value, json};

/// What a path and method stand for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Operation {
    CreateInvoice,
    ListInvoices,
    GetInvoice(String),
    CancelInvoice(String),
    Pay(String),
    Recover(String),
    CreateIntent,
    Exchange(String),
    GetSession(String),
    RevokeSession,
    Jwks,
}

impl Operation {
    const fn name(&self) -> &'static str {
        match self {
            Self::CreateInvoice => "invoices.create",
            Self::ListInvoices => "invoices.list",
            Self::GetInvoice(_) => "invoices.get",
            Self::CancelInvoice(_) => "invoices.cancel",
            Self::Pay(_) => "x402.pay",
            Self::Recover(_) => "x402.recover",
            Self::CreateIntent => "authIntents.create",
            Self::Exchange(_) => "authIntents.exchange",
            Self::GetSession(_) => "authSessions.get",
            Self::RevokeSession => "authSessions.revoke",
            Self::Jwks => "auth.getJwks",
        }
    }

    fn find(request: &Request) -> Result<Self, ApiError> {
        let target = request.target();
        let segments = target
            .segments()
            .ok_or_else(|| ApiError::invalid("path", "percent-encoded UTF-8"))?;
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let method = request.method.as_str();
        let no_such_path = || {
            ApiError::new(
                ErrorCode::NotFound,
                "no operation of this host has this path; the simulator speaks the paths of Gwop's documentation",
            )
        };
        let (found, identity) = match segments.as_slice() {
            ["v1", "invoices"] => (
                match method {
                    "GET" => Ok(Self::ListInvoices),
                    "POST" => Ok(Self::CreateInvoice),
                    _ => Err("GET, POST"),
                },
                false,
            ),
            ["v1", "invoices", id] if !id.is_empty() => {
                (only(method, "GET", Self::GetInvoice((*id).into())), false)
            }
            ["v1", "invoices", id, "cancel"] => (
                only(method, "POST", Self::CancelInvoice((*id).into())),
                false,
            ),
            ["v1", "invoices", id, "x402"] => (
                match method {
                    "GET" | "POST" => Ok(Self::Pay((*id).into())),
                    _ => Err("GET, POST"),
                },
                false,
            ),
            ["v1", "invoices", id, "recover"] => (
                match method {
                    "GET" | "POST" => Ok(Self::Recover((*id).into())),
                    _ => Err("GET, POST"),
                },
                false,
            ),
            ["v1", "auth-intents"] => (only(method, "POST", Self::CreateIntent), true),
            ["v1", "auth-intents", id, "exchange"] => {
                (only(method, "POST", Self::Exchange((*id).into())), true)
            }
            ["v1", "auth-sessions", "revoke"] if method == "POST" => {
                (Ok(Self::RevokeSession), true)
            }
            ["v1", "auth-sessions", id] if !id.is_empty() => {
                (only(method, "GET", Self::GetSession((*id).into())), true)
            }
            [".well-known", "jwks.json"] => (only(method, "GET", Self::Jwks), true),
            _ => return Err(no_such_path()),
        };
        let serves = if identity {
            target.serves_identity()
        } else {
            target.serves_invoices()
        };
        if !serves {
            return Err(no_such_path());
        }
        found.map_err(|allowed| {
            ApiError::new(
                ErrorCode::MethodNotAllowed,
                format!("this path knows only {allowed}"),
            )
        })
    }
}

fn only(
    method: &str,
    allowed: &'static str,
    operation: Operation,
) -> Result<Operation, &'static str> {
    if method == allowed {
        Ok(operation)
    } else {
        Err(allowed)
    }
}

/// The longest request body, in bytes.
const MAX_BODY: usize = 65_536;

impl Simulator {
    /// Answers a request to either of Gwop's hosts.
    pub fn handle(&mut self, request: &Request, now: Now) -> Answer {
        self.catch_up(now);
        let operation = Operation::find(request);
        if let Ok(Operation::Exchange(_) | Operation::Jwks) = operation
            && let (kid, false) = self.keys.signing()
        {
            return Answer::NeedsKey { kid: kid.into() };
        }
        let request_id = self.ids.request();
        let faults = operation
            .as_ref()
            .map(|operation| self.faults.strike(Stage::Request, operation.name()))
            .unwrap_or_default();
        let name = operation.as_ref().ok().map(Operation::name);
        let lost = faults
            .iter()
            .any(|fault| matches!(fault, Fault::LoseAnswer { .. } | Fault::LoseRequest { .. }));
        let answer = self.answer(request, operation, &request_id, faults, now);
        self.log_request(RequestLog {
            request_id,
            operation: name.map(String::from),
            method: request.method.clone(),
            url: request.url.clone(),
            authorized: request.header("authorization").is_some(),
            idempotency_key: request.header("idempotency-key").map(String::from),
            status: match &answer {
                _ if lost => None,
                Answer::Respond(reply) => Some(reply.status),
                _ => Some(200),
            },
            at: now.clock,
        });
        answer
    }

    /// Finishes an answer that waited for its signature. `None` when the ticket is unknown.
    pub fn complete(&mut self, ticket: u32, signature: &[u8]) -> Option<Reply> {
        let pending = self.pending.remove(&ticket)?;
        let mut body = json!({ "access_token": pending.token.sign(signature) });
        if let (Some(body), Value::Object(rest)) = (body.as_object_mut(), pending.body) {
            body.extend(rest);
        }
        let mut reply = json_reply(200, &body, &pending.request_id);
        Self::send(&mut reply, &pending.faults);
        Some(reply)
    }

    fn answer(
        &mut self,
        request: &Request,
        operation: Result<Operation, ApiError>,
        request_id: &str,
        faults: Vec<Fault>,
        now: Now,
    ) -> Answer {
        let mut reply = match instead_of_processing(&faults, request_id) {
            Some(reply) => reply,
            None => match operation.and_then(|operation| self.process(request, operation, now)) {
                Ok(Success::Json(status, body, headers)) => {
                    let mut reply = json_reply(status, &body, request_id);
                    reply.headers.extend(headers);
                    reply
                }
                Ok(Success::Token(token, body)) => {
                    let ticket = self.wait_for_signature(Pending {
                        token: token.clone(),
                        body,
                        request_id: request_id.into(),
                        faults,
                    });
                    return Answer::NeedsSignature {
                        ticket,
                        kid: token.kid,
                        signing_input: token.signing_input,
                    };
                }
                Err(error) => json_reply(error.status(), &error.body(request_id), request_id),
            },
        };
        Self::send(&mut reply, &faults);
        Answer::Respond(reply)
    }

    fn process(
        &mut self,
        request: &Request,
        operation: Operation,
        now: Now,
    ) -> Result<Success, ApiError> {
        let target = request.target();
        match operation {
            Operation::GetInvoice(id) => {
                target.query(&[])?;
                self.get_invoice(&id)
            }
            Operation::Pay(id) => self.pay_by_x402(request, &id, now),
            Operation::Recover(id) => {
                target.query(&[])?;
                self.get_invoice(&id)
            }
            Operation::Jwks => {
                target.query(&[])?;
                let caching = ("cache-control".into(), "public, max-age=3600".into());
                Ok(Success::Json(200, self.keys.json(), vec![caching]))
            }
            Operation::ListInvoices => {
                let merchant = self.authorize(request)?;
                self.list_invoices(&merchant, &target)
            }
            operation => {
                let merchant = self.authorize(request)?;
                target.query(&[])?;
                match operation {
                    Operation::CreateInvoice => self.create_invoice(request, merchant, now),
                    Operation::CancelInvoice(id) => {
                        no_body(request)?;
                        self.cancel_invoice(&id, &merchant, now)
                    }
                    Operation::CreateIntent => self.create_intent(request, merchant, now),
                    Operation::Exchange(id) => {
                        no_body(request)?;
                        self.exchange(request, &id, merchant, now)
                    }
                    Operation::GetSession(id) => {
                        let index = self.session(&id, &merchant)?;
                        let session = self.sessions.get(index);
                        let body = session.map(|session| session.json(now)).unwrap_or_default();
                        Ok(ok(200, body))
                    }
                    _ => self.revoke_session(request, &merchant, now),
                }
            }
        }
    }

    /// The id of the merchant whose key the request carries.
    fn authorize(&self, request: &Request) -> Result<String, ApiError> {
        let unauthorized = |message: &str| Err(ApiError::new(ErrorCode::Unauthorized, message));
        let Some(header) = request.header("authorization") else {
            return unauthorized(
                "no Authorization header: expected `Authorization: Bearer sk_m_…` with a merchant key",
            );
        };
        let Some((scheme, key)) = header.split_once(' ') else {
            return unauthorized("the Authorization header is not `Bearer sk_m_…`");
        };
        if !scheme.eq_ignore_ascii_case("bearer") {
            return unauthorized("the Authorization header's scheme is not `Bearer`");
        }
        self.merchants
            .iter()
            .find(|state| state.merchant.api_key == key.trim())
            .map(|state| state.merchant.id.clone())
            .map_or_else(
                || unauthorized("the merchant key is unknown: use the one that this simulator was started with"),
                Ok,
            )
    }

    fn create_invoice(
        &mut self,
        request: &Request,
        merchant_id: String,
        now: Now,
    ) -> Result<Success, ApiError> {
        let key = idempotency_key(request)?;
        let body = json_body(request, true)?;
        known_fields(
            &body,
            &[
                "amount_usdc",
                "description",
                "metadata",
                "metadata_public",
                "expires_in_seconds",
            ],
        )?;
        let amount = body
            .get("amount_usdc")
            .and_then(Value::as_u64)
            .filter(|amount| (1..=MAX_AMOUNT).contains(amount))
            .ok_or_else(|| {
                ApiError::invalid(
                    "amount_usdc",
                    "an integer from 1 to 10,000,000,000 atomic units",
                )
            })?;
        let description = string(&body, "description", 500)?;
        let metadata = metadata(&body)?;
        let metadata_public = match body.get("metadata_public") {
            None => false,
            Some(value) => value
                .as_bool()
                .ok_or_else(|| ApiError::invalid("metadata_public", "a boolean"))?,
        };
        let seconds = match body.get("expires_in_seconds") {
            None => 900,
            Some(value) => value
                .as_u64()
                .filter(|seconds| (60..=86_400).contains(seconds))
                .ok_or_else(|| {
                    ApiError::invalid("expires_in_seconds", "an integer from 60 to 86,400")
                })?,
        };
        // The same key gives the first invoice again, whatever the body says now.
        let asked = Value::Null;
        if let Some(stored) =
            self.stored(&merchant_id, "invoices.create", key.as_deref(), &asked)?
        {
            return Ok(stored);
        }
        let invoice = Invoice {
            id: self.ids.uuid(),
            public_id: self.ids.public_invoice(),
            merchant_id: merchant_id.clone(),
            base_amount: amount,
            description,
            metadata,
            metadata_public,
            created_at: now.clock,
            expires_at: now.clock.saturating_add(seconds.saturating_mul(1_000)),
            status: Status::Open,
            version: 1,
            canceled_at: None,
            payment: None,
        };
        let answered = ok(201, invoice.created_json());
        self.invoices.push(invoice);
        self.store(merchant_id, "invoices.create", key, asked, &answered);
        Ok(answered)
    }

    fn list_invoices(&self, merchant_id: &str, target: &Target<'_>) -> Result<Success, ApiError> {
        let (mut limit, mut offset, mut status) = (20_usize, 0_usize, None);
        for (name, value) in target.query(&["limit", "offset", "status"])? {
            match name.as_str() {
                "limit" => {
                    limit = integer(&value)
                        .filter(|limit| (1..=100).contains(limit))
                        .ok_or_else(|| ApiError::invalid("limit", "an integer from 1 to 100"))?;
                }
                "offset" => {
                    offset = integer(&value)
                        .ok_or_else(|| ApiError::invalid("offset", "an integer from 0"))?;
                }
                _ => {
                    let expected = "OPEN, PAYING, PAID, EXPIRED or CANCELED";
                    let read = Status::parse(&value);
                    status = Some(read.ok_or_else(|| ApiError::invalid("status", expected))?);
                }
            }
        }
        let matching: Vec<&Invoice> = self
            .invoices
            .iter()
            .rev()
            .filter(|invoice| invoice.merchant_id == merchant_id)
            .filter(|invoice| status.is_none_or(|status| invoice.status == status))
            .collect();
        let page: Vec<Value> = matching
            .iter()
            .skip(offset)
            .take(limit)
            .map(|invoice| invoice.list_json())
            .collect();
        let has_more = offset.saturating_add(page.len()) < matching.len();
        Ok(ok(
            200,
            json!({
                "invoices": page,
                "pagination": {
                    "total": matching.len(), "limit": limit, "offset": offset, "has_more": has_more,
                },
            }),
        ))
    }

    fn get_invoice(&self, public_id: &str) -> Result<Success, ApiError> {
        let invoice = self
            .invoices
            .iter()
            .find(|invoice| invoice.public_id == public_id)
            .ok_or_else(|| invoice_not_found("this path takes the public id, `inv_*`"))?;
        let merchant = self.merchant(&invoice.merchant_id);
        let (name, verified) = merchant.map_or(("", false), |state| {
            (state.merchant.name.as_str(), state.merchant.verified)
        });
        let body = invoice.public_json(&self.config.agents_url, name, verified);
        Ok(ok(200, body))
    }

    fn cancel_invoice(
        &mut self,
        id: &str,
        merchant_id: &str,
        now: Now,
    ) -> Result<Success, ApiError> {
        let index = self
            .invoices
            .iter()
            .position(|invoice| invoice.id == id && invoice.merchant_id == merchant_id)
            .ok_or_else(|| invoice_not_found("this path takes the merchant-side id, a UUID"))?;
        let invoice = self.invoices.get_mut(index);
        let status = invoice.as_ref().map(|invoice| invoice.status);
        if let (Some(Status::Open), Some(invoice)) = (status, invoice) {
            invoice.canceled_at = Some(now.clock);
            self.finish_invoice(index, Status::Canceled, now.clock);
        }
        match self.invoices.get(index) {
            Some(invoice) if invoice.status == Status::Canceled => {
                Ok(ok(200, invoice.canceled_json()))
            }
            _ => {
                let status = status.map_or("", Status::as_str);
                let mut error = ApiError::new(
                    ErrorCode::InvoiceCancelNotAllowed,
                    format!("the invoice is {status}: only an OPEN one can be canceled"),
                );
                error.status = Some(self.config.cancel_not_allowed_status);
                error.details = Some(json!({ "status": status }));
                Err(error)
            }
        }
    }

    fn create_intent(
        &mut self,
        request: &Request,
        merchant_id: String,
        now: Now,
    ) -> Result<Success, ApiError> {
        let key = idempotency_key(request)?;
        let body = json_body(request, false)?;
        known_fields(&body, &["known_wallet_hint", "metadata"])?;
        let known_wallet = string(&body, "known_wallet_hint", 200)?
            .map(|hint| match hint.split_once(':') {
                Some((chain, wallet)) if Chain::parse(chain).is_some() && !wallet.is_empty() => {
                    Ok(wallet.to_owned())
                }
                None if !hint.is_empty() => Ok(hint),
                _ => Err(ApiError::invalid(
                    "known_wallet_hint",
                    "`{chain}:{wallet}` with base or solana as the chain, or a wallet alone",
                )),
            })
            .transpose()?;
        metadata(&body)?;
        if let Some(key) = &key {
            let place = (merchant_id.clone(), "authIntents.create", key.clone());
            if self.idempotency.contains_key(&place) {
                return Err(ApiError::new(
                    ErrorCode::IdempotencyConflict,
                    "this Idempotency-Key was used already: an auth intent needs a fresh one for every attempt",
                ));
            }
        }
        let ttl = self.config.auth_intent_ttl_seconds.saturating_mul(1_000);
        let intent = AuthIntent {
            id: self.ids.auth_intent(),
            payable_id: self.ids.public_invoice(),
            merchant_id: merchant_id.clone(),
            known_wallet,
            expires_at: now.clock.saturating_add(ttl),
            payment: None,
            used: false,
        };
        let answered = ok(201, intent.json(&self.config.agents_url));
        self.intents.push(intent);
        self.store(
            merchant_id,
            "authIntents.create",
            key,
            Value::Null,
            &answered,
        );
        Ok(answered)
    }

    fn exchange(
        &mut self,
        request: &Request,
        id: &str,
        merchant_id: String,
        now: Now,
    ) -> Result<Success, ApiError> {
        let key = idempotency_key(request)?;
        let asked = json!({ "auth_intent_id": id });
        if let Some(stored) =
            self.stored(&merchant_id, "authIntents.exchange", key.as_deref(), &asked)?
        {
            return Ok(stored);
        }
        let intent = self
            .intents
            .iter_mut()
            .find(|intent| intent.id == id && intent.merchant_id == merchant_id)
            .ok_or_else(|| {
                ApiError::new(
                    ErrorCode::AuthIntentNotFound,
                    "no auth intent of this merchant has this id",
                )
            })?;
        if intent.used {
            return Err(ApiError::new(
                ErrorCode::AuthIntentUsed,
                "the auth intent was exchanged already: repeat with the first Idempotency-Key, or create another",
            ));
        }
        let Some(payment) = intent.settled().cloned() else {
            // A payment under way may still settle.
            return Err(
                if intent.expires_at <= now.clock && intent.payment.is_none() {
                    ApiError::new(
                        ErrorCode::AuthIntentExpired,
                        "the auth intent was not paid in time: create another",
                    )
                } else {
                    ApiError::new(
                        ErrorCode::AuthIntentNotSettled,
                        "the agent has not paid the challenge yet: exchange again once it has",
                    )
                },
            );
        };
        intent.used = true;
        let session = self.start_session(
            merchant_id.clone(),
            payment.chain,
            Some(payment.wallet.clone()),
            now,
        );
        let subject = session.subject();
        let (account, is_new) = match self.accounts.get(&subject) {
            Some(account) => (account.clone(), false),
            None => {
                let account = self.ids.uuid();
                self.accounts.insert(subject.clone(), account.clone());
                (account, true)
            }
        };
        let token = self.token(&session, None, Map::new(), Map::new(), now);
        let body = json!({
            "token_type": "Bearer",
            "expires_in": self.config.access_token_ttl_seconds,
            "principal": {
                "sub": subject, "chain": payment.chain.as_str(), "wallet_address": payment.wallet,
            },
            "session": { "sid": session.id, "sub": subject, "amr": ["wallet"] },
            "account": { "id": account, "is_new_account": is_new },
        });
        let answered = Success::Token(token, body);
        self.store(merchant_id, "authIntents.exchange", key, asked, &answered);
        Ok(answered)
    }

    fn session(&self, id: &str, merchant_id: &str) -> Result<usize, ApiError> {
        self.sessions
            .iter()
            .position(|session| session.id == id && session.merchant_id == merchant_id)
            .ok_or_else(|| {
                ApiError::new(
                    ErrorCode::SessionNotFound,
                    "no session of this merchant has this id",
                )
            })
    }

    fn revoke_session(
        &mut self,
        request: &Request,
        merchant_id: &str,
        now: Now,
    ) -> Result<Success, ApiError> {
        let body = json_body(request, true)?;
        known_fields(&body, &["session_id"])?;
        let id = string(&body, "session_id", 200)?
            .filter(|id| !id.is_empty())
            .ok_or_else(|| ApiError::invalid("session_id", "a session id, `sess_*`"))?;
        let index = self.session(&id, merchant_id)?;
        if let Some(session) = self.sessions.get_mut(index) {
            session.revoked_at.get_or_insert(now.clock);
        }
        Ok(ok(200, json!({ "revoked": true })))
    }

    fn pay_by_x402(
        &mut self,
        request: &Request,
        public_id: &str,
        now: Now,
    ) -> Result<Success, ApiError> {
        let chain = match request.target().query(&["chain"])?.first() {
            None => Chain::Base,
            Some((_, chain)) => {
                Chain::parse(chain).ok_or_else(|| ApiError::invalid("chain", "base or solana"))?
            }
        };
        let payable = self
            .payable(public_id)
            .ok_or_else(|| invoice_not_found("no payment URL has this id"))?;
        self.check_payable(payable, now)
            .map_err(|message| ApiError::new(ErrorCode::NotPayable, message))?;
        let (amount, description) = match payable {
            Payable::Invoice(index) => self.invoices.get(index).map_or_else(
                || (0, String::new()),
                |invoice| {
                    let description = invoice.description.clone();
                    (
                        invoice.total(),
                        description.unwrap_or_else(|| "Gwop invoice".into()),
                    )
                },
            ),
            Payable::Intent(_) => (DUST, "Proof of wallet ownership".into()),
        };
        let demand = Demand {
            chain,
            amount,
            resource: chain.payment_url(&self.config.agents_url, public_id),
            description,
        };
        let ask = |error: &str| Ok(ok(402, demand.challenge(error)));
        let Some(header) = request.header("x-payment") else {
            return ask("X-PAYMENT header is required");
        };
        let offer = match read_payment(header, &demand, now.wall) {
            Ok(offer) => offer,
            Err(error) => return ask(error),
        };
        if self.payment_nonces.contains(&offer.nonce) {
            return ask("duplicate_settlement");
        }
        let settlement = match self.config.settlement_delay_ms {
            0 => Settlement::Now,
            delay => Settlement::At(now.clock.saturating_add(delay)),
        };
        let payment = self.start_payment(payable, chain, offer.wallet, settlement, now);
        let status = match payable {
            Payable::Invoice(index) => self.invoices.get(index).map(|invoice| invoice.status),
            Payable::Intent(index) => self.intents.get(index).map(|intent| match &intent.payment {
                None => Status::Open,
                Some(payment) if payment.settled_at.is_none() => Status::Paying,
                Some(_) => Status::Paid,
            }),
        };
        let success = matches!(status, Some(Status::Paying | Status::Paid));
        let header = (
            "x-payment-response".into(),
            payment_response(&payment, success),
        );
        if !success {
            let body = demand.challenge("unexpected_settle_error");
            return Ok(Success::Json(402, body, vec![header]));
        }
        self.payment_nonces.insert(offer.nonce);
        let body = json!({
            "public_invoice_id": public_id,
            "status": status.map_or("", Status::as_str),
            "payment_chain": chain.as_str(),
            "paid_tx_hash": payment.transaction,
        });
        let code = if status == Some(Status::Paying) {
            202
        } else {
            200
        };
        Ok(Success::Json(code, body, vec![header]))
    }

    /// The answer stored under a key.
    fn stored(
        &self,
        merchant_id: &str,
        operation: &'static str,
        key: Option<&str>,
        asked: &Value,
    ) -> Result<Option<Success>, ApiError> {
        let stored = key.and_then(|key| {
            let place = (merchant_id.to_owned(), operation, key.to_owned());
            self.idempotency.get(&place)
        });
        match stored {
            Some(stored) if stored.asked == *asked => Ok(Some(stored.answered.clone())),
            Some(_) => Err(ApiError::new(
                ErrorCode::IdempotencyConflict,
                "this Idempotency-Key was used for another auth intent: give every exchange its own",
            )),
            None => Ok(None),
        }
    }

    fn store(
        &mut self,
        merchant_id: String,
        operation: &'static str,
        key: Option<String>,
        asked: Value,
        answered: &Success,
    ) {
        if let Some(key) = key {
            let answer = StoredAnswer {
                asked,
                answered: answered.clone(),
            };
            self.idempotency
                .insert((merchant_id, operation, key), answer);
        }
    }
}

fn ok(status: u16, body: Value) -> Success {
    Success::Json(status, body, Vec::new())
}

fn json_reply(status: u16, body: &Value, request_id: &str) -> Reply {
    Reply {
        status,
        headers: vec![
            ("content-type".into(), "application/json".into()),
            ("x-request-id".into(), request_id.into()),
        ],
        body: body.to_string(),
        ..Reply::default()
    }
}

/// The answer of the fault that keeps the request from being processed.
fn instead_of_processing(faults: &[Fault], request_id: &str) -> Option<Reply> {
    faults.iter().find_map(|fault| match fault {
        Fault::LoseRequest { .. } => Some(Reply {
            lost: true,
            ..Reply::default()
        }),
        Fault::Error { status, code, .. } => {
            let by_code = code.as_deref().and_then(error::status_of);
            let code = code.as_deref().unwrap_or("INTERNAL_ERROR");
            let body = error::body(code, "Failed on request of the test", None, request_id);
            let status = status.or(by_code).unwrap_or(503);
            Some(json_reply(status, &body, request_id))
        }
        Fault::RateLimit { retry_after, .. } => {
            let body = error::body("RATE_LIMITED", "Too many requests", None, request_id);
            let mut reply = json_reply(429, &body, request_id);
            let retry_after = retry_after.clone().unwrap_or_else(|| "1".into());
            reply.headers.push(("retry-after".into(), retry_after));
            Some(reply)
        }
        Fault::Replace {
            status,
            headers,
            body,
            ..
        } => {
            let mut all = vec![("x-request-id".into(), request_id.to_owned())];
            all.extend(headers.iter().cloned());
            Some(Reply {
                status: *status,
                headers: all,
                body: body.clone(),
                ..Reply::default()
            })
        }
        _ => None,
    })
}

fn invoice_not_found(hint: &str) -> ApiError {
    ApiError::new(
        ErrorCode::InvoiceNotFound,
        format!("Invoice not found: {hint}"),
    )
}

fn integer(text: &str) -> Option<usize> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// The `Idempotency-Key` header; an empty one counts as absent.
fn idempotency_key(request: &Request) -> Result<Option<String>, ApiError> {
    match request.header("idempotency-key") {
        None | Some("") => Ok(None),
        Some(key) if key.len() <= 255 && key.bytes().all(|byte| byte.is_ascii_graphic()) => {
            Ok(Some(key.into()))
        }
        Some(_) => Err(ApiError::invalid(
            "Idempotency-Key",
            "at most 255 visible ASCII characters",
        )),
    }
}

fn no_body(request: &Request) -> Result<(), ApiError> {
    if matches!(request.body.as_slice(), b"" | b"{}") {
        Ok(())
    } else {
        Err(ApiError::invalid("body", "no body"))
    }
}

/// The body's object; without `required` no body is an empty object.
fn json_body(request: &Request, required: bool) -> Result<Map<String, Value>, ApiError> {
    if request.body.is_empty() && !required {
        return Ok(Map::new());
    }
    let media_type = request.header("content-type").unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case("application/json") {
        return Err(ApiError::invalid("Content-Type", "application/json"));
    }
    if request.body.len() > MAX_BODY {
        return Err(ApiError::invalid("body", "at most 65,536 bytes"));
    }
    match serde_json::from_slice(&request.body) {
        Ok(Value::Object(object)) => Ok(object),
        _ => Err(ApiError::invalid("body", "a JSON object")),
    }
}

fn known_fields(body: &Map<String, Value>, known: &[&str]) -> Result<(), ApiError> {
    match body.keys().find(|name| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => Err(ApiError::invalid(
            name,
            &format!("no such field; known are {}", known.join(", ")),
        )),
    }
}

fn string(
    body: &Map<String, Value>,
    field: &str,
    max_characters: usize,
) -> Result<Option<String>, ApiError> {
    match body.get(field) {
        None => Ok(None),
        Some(Value::String(text)) if text.chars().count() <= max_characters => {
            Ok(Some(text.clone()))
        }
        Some(_) => Err(ApiError::invalid(
            field,
            &format!("a string of at most {max_characters} characters"),
        )),
    }
}

/// `metadata`: an object of at most 1,024 bytes as compact JSON.
fn metadata(body: &Map<String, Value>) -> Result<Map<String, Value>, ApiError> {
    match body.get("metadata") {
        None => Ok(Map::new()),
        Some(value) => match value {
            Value::Object(object) if value.to_string().len() <= 1_024 => Ok(object.clone()),
            _ => Err(ApiError::invalid(
                "metadata",
                "an object of at most 1,024 bytes as JSON",
            )),
        },
    }
}
