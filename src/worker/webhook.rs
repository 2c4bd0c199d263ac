//! `POST /webhooks/gwop`: verify, then apply, then answer.

use std::borrow::Borrow;
use std::cell::RefCell;
use std::collections::BTreeSet;

use futures_util::future::join;
use serde::Serialize;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::CryptoKey;
use worker::{Env, Request, Response, Result};

use crate::invoice::{Outcome, Status};
use crate::port::Crypto;
use crate::web::WebCrypto;
use crate::webhook::{self, Code, DEFAULT_TOLERANCE_SECONDS, Rejection, event};

use super::failure::Failure;
use super::http::{Answer, Served, served};
use super::incoming::Incoming;
use super::invoice_object::Delivery;
use super::objects::now_ms;
use super::promise::settled;
use super::{config, index_object, invoice_object, log};

/// The most bytes of an id. Gwop's have at most 40; names of objects and messages of queues are bounded.
const MAX_ID_BYTES: usize = 255;

/// Answers a webhook of Gwop's. The answer is given when everything is stored.
///
/// # Errors
/// Only where the platform refuses to make a `Response`; everything else is an answer.
pub async fn handle_webhook(request: Request, env: impl Borrow<Env>) -> Result<Response> {
    let served = serve(&Incoming::from(&request), env.borrow()).await;
    served.into_response()
}

/// As [`handle_webhook`], of a request that was looked at before.
pub async fn serve(request: &Incoming, env: &Env) -> Served {
    served("webhook", &request.method, answer(request, env)).await
}

async fn answer(request: &Incoming, env: &Env) -> Answer {
    if request.method != "POST" {
        request.drain().await;
        return Answer::method_not_allowed("POST");
    }
    if !request.may_be_json() {
        request.drain().await;
        return Answer::error(415, "UNSUPPORTED_MEDIA_TYPE", "Send application/json");
    }
    let body = match request.read_body(config::max_body_bytes(env)).await {
        Ok(body) => body,
        Err(error) => return error.answer(),
    };
    let secrets = config::list(env, config::GWOP_WEBHOOK_SECRET);
    if secrets.is_empty() {
        log::error(
            "not_configured",
            &[("variable", config::GWOP_WEBHOOK_SECRET.into())],
        );
        return Answer::error(500, "INTERNAL_ERROR", "Internal error");
    }
    let header = |name| request.header(name).unwrap_or_default();
    match verify(&secrets, &header("x-gwop-signature"), &body).await {
        Ok(()) => {}
        Err(failure) => {
            return failure
                .rejection()
                .map_or_else(Answer::unavailable, |rejection| rejected(401, &rejection));
        }
    }
    let (id, kind) = (header("x-gwop-event-id"), header("x-gwop-event-type"));
    match read(&body, &id, &kind) {
        Ok(Signed::Delivery(delivery)) => store(env, delivery).await,
        // The log line is all that remains of it.
        Ok(Signed::OfNoInvoice {
            event_id,
            event_type,
        }) => received(Outcome::Ignored).about([
            ("event_id", bounded(&event_id).into()),
            ("event_type", bounded(&event_type).into()),
        ]),
        Err(rejection) => rejected(400, &rejection),
    }
}

fn rejected(status: u16, rejection: &Rejection) -> Answer {
    Answer::error(status, rejection.code.as_str(), &rejection.message)
}

fn received(outcome: Outcome) -> Answer {
    #[derive(Serialize)]
    struct Received {
        outcome: Outcome,
        received: bool,
    }
    let body = Received {
        outcome,
        received: true,
    };
    Answer::json(200, outcome.as_str(), &body)
}

/// Verifies the MAC over the raw bytes with Web Crypto. Nothing of the body is decoded before.
async fn verify(
    secrets: &[String],
    header: &str,
    body: &[u8],
) -> std::result::Result<(), Failure<Rejection>> {
    let now = now_ms() as f64 / 1_000.0;
    let time = (now, DEFAULT_TOLERANCE_SECONDS);
    let crypto = WebCrypto::global()?;
    for secret in secrets {
        let key = key(secret).await?;
        for index in 0.. {
            let asked =
                webhook::verify::<_, Failure<Rejection>>(&crypto, header, index, body, time, &key)?;
            let Some(asked) = asked else { break };
            if settled(asked).await?.is_truthy() {
                return Ok(());
            }
        }
    }
    Err(Rejection::new(Code::SignatureMismatch).into())
}

thread_local! {
    /// Imported keys by secret. Keys only, never a promise: another request's promise must not be awaited.
    static KEYS: RefCell<Vec<(String, CryptoKey)>> = const { RefCell::new(vec![]) };
}

/// How many imported keys are kept: enough for a rotation.
const KEPT_KEYS: usize = 4;

async fn key(secret: &str) -> std::result::Result<CryptoKey, JsValue> {
    let known = KEYS.with_borrow(|keys| {
        let found = keys.iter().find(|(of, _)| of == secret);
        found.map(|(_, key)| key.clone())
    });
    if let Some(key) = known {
        return Ok(key);
    }
    let imported = settled(WebCrypto::global()?.import_hmac_key(secret.as_bytes())?).await?;
    let key: CryptoKey = imported.dyn_into()?;
    KEYS.with_borrow_mut(|keys| {
        keys.truncate(KEPT_KEYS.saturating_sub(1));
        keys.insert(0, (secret.to_owned(), key.clone()));
    });
    Ok(key)
}

/// What a verified body is.
enum Signed {
    /// An event of an invoice.
    Delivery(Delivery),
    /// An event of an unknown type that names no invoice.
    OfNoInvoice {
        /// Its id.
        event_id: String,
        /// Its type.
        event_type: String,
    },
}

/// Reads the verified body. By the core's own JSON: what the SDK accepts is not refused here.
fn read(body: &[u8], id: &str, kind: &str) -> std::result::Result<Signed, Rejection> {
    let event = event::parse(body)?;
    let known = match event::read_parsed(&event, id, kind) {
        Ok(_) => true,
        Err(rejection) if rejection.code == Code::EventUnknown => false,
        Err(rejection) => return Err(rejection),
    };
    let invalid = |reason| Rejection::because(Code::PayloadInvalid, reason);
    let text = std::str::from_utf8(body).map_err(|_| invalid("it is not UTF-8"))?;
    let data = event.get("data").and_then(crate::json::Value::as_object);
    let text_of = |value: Option<crate::json::Value<'_>>| {
        let text = value.and_then(crate::json::Value::to_text);
        text.filter(|text| !text.is_empty())
    };
    let datum = |name| text_of(data.as_ref().and_then(|data| data.get(name)));
    let event_id = text_of(event.get("event_id"))
        .ok_or_else(|| invalid("`event_id` must be a non-empty string"))?;
    let event_type = text_of(event.get("event_type")).unwrap_or_default();
    let Some(invoice_id) = datum("invoice_id") else {
        return Ok(Signed::OfNoInvoice {
            event_id,
            event_type,
        });
    };
    let public_invoice_id = datum("public_invoice_id");
    let ids = [
        Some(&invoice_id),
        Some(&event_id),
        public_invoice_id.as_ref(),
    ];
    if ids.into_iter().flatten().any(|id| id.len() > MAX_ID_BYTES) {
        return Err(invalid("an id has more than 255 bytes"));
    }
    let status = if known {
        datum("status").and_then(|status| Status::parse(&status))
    } else {
        None
    };
    // Hexadecimal on Base, where case says nothing; Base58 on Solana, where it does.
    let names = [
        datum("tx_hash").map(|hash| hash.to_ascii_lowercase()),
        datum("tx_signature"),
    ];
    let names: Vec<String> = names.into_iter().flatten().collect();
    Ok(Signed::Delivery(Delivery {
        event_version: event
            .get("event_version")
            .and_then(crate::json::Value::as_integer),
        event_type,
        status,
        transaction: (!names.is_empty()).then(|| names.join(" ")),
        invoice_id,
        public_invoice_id,
        event_id,
        body: text.to_owned(),
    }))
}

/// What a log line may hold of a text that has no bound of its own.
fn bounded(text: &str) -> &str {
    text.get(..text.floor_char_boundary(MAX_ID_BYTES))
        .unwrap_or_default()
}

thread_local! {
    /// Deliveries that this isolate has accepted: stored and in the index. When one comes again, its object is asked for it by id alone.
    static ACCEPTED: RefCell<BTreeSet<String>> = const { RefCell::new(BTreeSet::new()) };
}

/// How many accepted deliveries an isolate keeps in mind.
const ACCEPTED_DELIVERIES: usize = 2_000;

fn is_accepted(key: &str) -> bool {
    ACCEPTED.with_borrow(|keys| keys.contains(key))
}

fn accepted(key: String) {
    ACCEPTED.with_borrow_mut(|keys| {
        if keys.len() >= ACCEPTED_DELIVERIES {
            keys.clear();
        }
        keys.insert(key);
    });
}

fn key_of(delivery: &Delivery) -> String {
    let public_invoice_id = delivery.public_invoice_id.as_deref();
    let ids = [
        delivery.event_id.as_str(),
        delivery.invoice_id.as_str(),
        public_invoice_id.unwrap_or_default(),
    ];
    ids.join("\n")
}

async fn store(env: &Env, delivery: Delivery) -> Answer {
    let refused = |at: &str, error: &worker::Error| {
        log::error(
            "storage_refused",
            &[
                ("at", at.into()),
                ("invoice_id", delivery.invoice_id.as_str().into()),
                ("event_id", delivery.event_id.as_str().into()),
                ("error", error.to_string().into()),
            ],
        );
        Answer::unavailable()
    };
    let key = key_of(&delivery);
    let outcome = if is_accepted(&key) && invoice_object::has(env, &delivery).await {
        Outcome::Duplicate
    } else {
        // Side by side: each can be repeated, and the answer waits for both.
        let (applied, indexed) = join(
            invoice_object::apply(env, &delivery),
            index_object::put(env, &delivery),
        )
        .await;
        match (applied, indexed) {
            (Ok(outcome), Ok(())) => outcome,
            (Err(error), _) => return refused("invoice", &error),
            (_, Err(error)) => return refused("index", &error),
        }
    };
    accepted(key);
    let answer = received(outcome).about([
        ("invoice_id", delivery.invoice_id.into()),
        ("event_id", delivery.event_id.into()),
        ("event_type", bounded(&delivery.event_type).into()),
    ]);
    if outcome == Outcome::Conflict {
        answer.alarming()
    } else {
        answer
    }
}
