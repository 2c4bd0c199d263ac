//! Calls to the ledger from the Worker, its queue consumer and its shards: finds the shard, sends
//! the call and reads the response.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;

use futures_util::future::join_all;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use wasm_bindgen::JsValue;
use worker::Env;

use super::messages::{Call, Delivery, Envelope, Parcel, Reconciliation, Request, VERSION, View};
use super::shard::{name_of, shard_of};
use crate::invoice::Outcome;
use crate::worker::platform::response::Response;
use crate::worker::platform::{config, log, now_ms, objects};
use crate::worker::schedule;

/// The path of a delivery.
pub const APPLY: &str = "/apply";
/// The prefix of the path that asks whether an event is stored. See [`known_path`].
pub const KNOWN: &str = "/known/";
/// The response header with the outcome of a delivery.
pub const OUTCOME: &str = "gwop-outcome";
/// The status of a shard whose number of shards differs from the caller's.
pub const ANOTHER_COUNT: u16 = 409;

/// Why a call to the ledger failed.
#[derive(Debug)]
pub enum LedgerError {
    /// `LEDGER_SHARDS` is invalid, or is not the number with which the ledger was created.
    Shards(String),
    /// The ledger cannot be reached, or its storage failed. The same call may work later.
    Unavailable(String),
}

impl fmt::Display for LedgerError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Shards(reason) | Self::Unavailable(reason)) = self;
        formatter.write_str(reason)
    }
}

impl From<worker::Error> for LedgerError {
    fn from(error: worker::Error) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<serde_json::Error> for LedgerError {
    fn from(error: serde_json::Error) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl LedgerError {
    /// Writes a log line and returns the response to a request that needs the ledger. `about`
    /// describes the request in the log line.
    pub fn response(&self, env: &Env, about: &[(&'static str, serde_json::Value)]) -> Response {
        let error = [("error", self.to_string().into())];
        let fields: Vec<_> = about.iter().cloned().chain(error).collect();
        match self {
            Self::Shards(_) => {
                log::error_of(env, "shard_count", &fields);
                Response::error(500, "INTERNAL_ERROR", "Internal error")
            }
            Self::Unavailable(_) => {
                log::error_of(env, "storage_refused", &fields);
                Response::unavailable()
            }
        }
    }
}

/// Returns the configured number of shards.
///
/// # Errors
/// Returns [`LedgerError::Shards`].
pub fn shards(env: &Env) -> Result<u32, LedgerError> {
    config::shards(env).map_err(|()| {
        LedgerError::Shards("LEDGER_SHARDS must be a whole number from 1 to 32".to_owned())
    })
}

/// Returns the envelope of a message about an invoice.
///
/// # Errors
/// Returns the errors of [`shards`].
fn envelope(env: &Env, merchant: &str, invoice_id: &str) -> Result<Envelope, LedgerError> {
    let shards = shards(env)?;
    Ok(Envelope {
        v: VERSION,
        shard: shard_of(merchant, invoice_id, shards),
        shards,
        merchant: merchant.to_owned(),
    })
}

/// Returns the path that asks a shard whether it remembers an event. It consists of the envelope
/// and the event's key.
pub fn known_path(envelope: &Envelope, delivery: &Delivery) -> String {
    let encoded = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
    format!(
        "{KNOWN}{}/{}/{}/{}/{}",
        envelope.shard,
        envelope.shards,
        encoded(&delivery.merchant),
        encoded(&delivery.invoice_id),
        encoded(&delivery.event_id),
    )
}

/// The events that this isolate has seen stored in one ledger.
struct Stored {
    /// The ledger's binding. JavaScript may call this Worker with several, each for a merchant.
    ledger: JsValue,
    /// Paths of deliveries, and when each was seen stored, in milliseconds since the epoch. A
    /// delivery that comes again soon is a duplicate. If it comes later, its shard is asked with a
    /// request without a body.
    seen: BTreeMap<String, i64>,
}

thread_local! {
    static STORED: RefCell<Stored> = const {
        RefCell::new(Stored { ledger: JsValue::UNDEFINED, seen: BTreeMap::new() })
    };
}

/// Passes the stored events of this environment's ledger to `work`. They are empty if the previous
/// call was for another ledger.
fn with_stored<T>(env: &Env, work: impl FnOnce(&mut BTreeMap<String, i64>) -> T) -> T {
    let ledger = config::value(env, config::LEDGER);
    STORED.with_borrow_mut(|stored| {
        if stored.ledger != ledger {
            stored.seen.clear();
            stored.ledger = ledger;
        }
        work(&mut stored.seen)
    })
}

/// How many shards are called at once.
const AT_ONCE: usize = 5;

/// How many stored deliveries an isolate remembers.
const STORED_DELIVERIES: usize = 2_000;

/// Stores a delivery.
///
/// # Errors
/// Returns [`LedgerError`]. Then either nothing of the delivery is stored, or all of it is stored
/// and a repetition returns a duplicate.
pub async fn apply(env: &Env, delivery: &Delivery) -> Result<Outcome, LedgerError> {
    let envelope = envelope(env, &delivery.merchant, &delivery.invoice_id)?;
    let path = known_path(&envelope, delivery);
    let seen = with_stored(env, |stored| stored.get(&path).copied());
    if seen.is_some_and(|seen| schedule::is_still_stored(seen, now_ms())) {
        return Ok(Outcome::Duplicate);
    }
    let object = objects::platform_object(
        env,
        config::LEDGER,
        &name_of(&delivery.merchant, envelope.shard),
    )?;
    // Read before the call: what is stored by then is kept for the full time.
    let asked = now_ms();
    if seen.is_some() && objects::get(&object, &path).await?.status() == 200 {
        remember(env, path, asked);
        return Ok(Outcome::Duplicate);
    }
    let parcel = Parcel {
        envelope: &envelope,
        delivery,
    };
    let text = parcel.to_text()?;
    let response = objects::post(&object, APPLY, &text).await?;
    let outcome = response.headers().get(OUTCOME);
    let outcome = outcome.map_err(worker::Error::from)?;
    if response.status() != 200 {
        accepted(response.into()).await?;
    }
    let outcome = outcome
        .as_deref()
        .and_then(Outcome::parse)
        .ok_or_else(|| LedgerError::Unavailable("the shard answered no outcome".to_owned()))?;
    remember(env, path, asked);
    Ok(outcome)
}

/// Remembers that a delivery was stored at `seen` or later.
fn remember(env: &Env, path: String, seen: i64) {
    with_stored(env, |stored| {
        if stored.len() >= STORED_DELIVERIES {
            stored.clear();
        }
        stored.insert(path, seen);
    });
}

/// Calls the shard of an invoice.
///
/// # Errors
/// Returns [`LedgerError`].
pub async fn call<A: DeserializeOwned>(
    env: &Env,
    merchant: &str,
    invoice_id: &str,
    call: Call,
) -> Result<A, LedgerError> {
    let envelope = envelope(env, merchant, invoice_id)?;
    call_shard(env, Request { envelope, call }).await
}

/// Calls the shard that the envelope names.
///
/// # Errors
/// Returns [`LedgerError`].
pub async fn call_shard<A: DeserializeOwned>(
    env: &Env,
    request: Request,
) -> Result<A, LedgerError> {
    // The asynchronous part is compiled once, not for each result type.
    let text = Box::pin(shard_response(env, request)).await?;
    Ok(serde_json::from_str(&text)?)
}

/// Returns the text of a shard's response.
async fn shard_response(env: &Env, request: Request) -> Result<String, LedgerError> {
    let Envelope {
        merchant, shard, ..
    } = &request.envelope;
    let stub = env
        .durable_object(config::LEDGER)?
        .get_by_name(&name_of(merchant, *shard))?;
    let response = objects::ask(&stub, &request).await?;
    Ok(accepted(response).await?.text().await?)
}

/// Calls shard 0, which stores what concerns all shards.
///
/// # Errors
/// Returns [`LedgerError`].
pub async fn call_first<A: DeserializeOwned>(env: &Env, call: Call) -> Result<A, LedgerError> {
    call_at(env, 0, call).await
}

/// Calls the shard with this number, of this environment's merchant.
///
/// # Errors
/// Returns [`LedgerError`].
pub async fn call_at<A: DeserializeOwned>(
    env: &Env,
    shard: u32,
    call: Call,
) -> Result<A, LedgerError> {
    let envelope = Envelope {
        v: VERSION,
        shard,
        shards: shards(env)?,
        merchant: config::merchant(env),
    };
    call_shard(env, Request { envelope, call }).await
}

/// Calls every shard, a few at a time: a request may have six connections at once.
///
/// # Errors
/// Returns [`LedgerError`] if one shard did not respond.
pub async fn call_all<A: DeserializeOwned>(env: &Env, call: &Call) -> Result<Vec<A>, LedgerError> {
    let every: Vec<u32> = (0..shards(env)?).collect();
    let mut results = Vec::with_capacity(every.len());
    for some in every.chunks(AT_ONCE) {
        let calls = some.iter().map(|shard| call_at(env, *shard, call.clone()));
        for result in join_all(calls).await {
            results.push(result?);
        }
    }
    Ok(results)
}

/// Calls every shard, one after another: a request may have six connections at once.
///
/// # Errors
/// Returns the [`LedgerError`] of the first shard that did not respond.
pub async fn call_each<A: DeserializeOwned>(
    env: &Env,
    call: &Call,
    mut enough: impl FnMut(A) -> bool,
) -> Result<(), LedgerError> {
    let shards = shards(env)?;
    for shard in 0..shards {
        let envelope = Envelope {
            v: VERSION,
            shard,
            shards,
            merchant: config::merchant(env),
        };
        let call = call.clone();
        if enough(call_shard(env, Request { envelope, call }).await?) {
            break;
        }
    }
    Ok(())
}

/// Returns the state of reconciliation. With `begin`, a run begins unless one is in progress.
///
/// # Errors
/// Returns [`LedgerError`].
pub async fn reconciliation(env: &Env, begin: bool) -> Result<Option<Reconciliation>, LedgerError> {
    call_first(env, Call::Reconciliation { begin }).await
}

/// Returns everything that is stored of the invoice with this public id.
///
/// # Errors
/// Returns [`LedgerError`].
pub async fn find(env: &Env, public_invoice_id: &str) -> Result<Option<View>, LedgerError> {
    let call = Call::Find {
        public_invoice_id: public_invoice_id.to_owned(),
    };
    let mut found = None;
    call_each(env, &call, |view: Option<View>| {
        found = view;
        found.is_some()
    })
    .await?;
    Ok(found)
}

/// Returns the response if its status is 200.
async fn accepted(mut response: worker::Response) -> Result<worker::Response, LedgerError> {
    match response.status_code() {
        200 => Ok(response),
        ANOTHER_COUNT => Err(LedgerError::Shards(response.text().await?)),
        _ => Err(LedgerError::Unavailable(response.text().await?)),
    }
}
