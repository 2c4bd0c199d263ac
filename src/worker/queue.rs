//! The consumers of the queues. Each message is handled separately: one that cannot be read or
//! delivered does not delay any other.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use serde::de::DeserializeOwned;
use worker::{Env, MessageBatch, MessageExt, QueueRetryOptionsBuilder, RawMessage, Result};

use super::fulfillment::deliver;
use super::ledger::client::{self, LedgerError};
use super::ledger::messages::{Call, Claimed, EventKey, FailedAttempt, QueueMessage as Message};
use super::ledger::operator_messages::LastResponse;
use super::merchants;
use super::platform::{config, log, now_ms};
use super::telemetry::{self, count};
use super::{trace, verify};

/// The suffix of the names of dead letter queues.
const DEAD_LETTER_SUFFIX: &str = "-dead";
/// After how many seconds to try again if the ledger cannot be reached.
const UNREACHABLE_SECONDS: u32 = 5;

/// Consumes a batch of either queue: of the dead letter queue if the queue's name ends in `-dead`,
/// otherwise of events for fulfillment. It acknowledges every message separately.
///
/// # Errors
/// Never returns an error: a failure retries its own message.
pub async fn handle_queue<T>(batch: MessageBatch<T>, env: Env) -> Result<()> {
    let dead = batch.queue().ends_with(DEAD_LETTER_SUFFIX);
    let env = &env;
    let work = batch.raw_iter().map(|raw| async move {
        let Some(message) = read(&raw) else {
            // Nobody can ever read this message. If it was ours, the outbox sends it again.
            log::error("message_undecodable", &[("message_id", raw.id().into())]);
            acknowledge(&raw, &Next::Done);
            return None;
        };
        let env = merchants::env_of(env, &message.merchant).await;
        let next = if dead {
            dead_letter(&message, &env).await
        } else {
            fulfil(&message, &env).await
        };
        acknowledge(&raw, &next);
        Some((message.merchant, env))
    });
    let served = join_all(work).await;
    // Reports once for each merchant, with everything that was counted.
    let served: BTreeMap<String, Env> = served.into_iter().flatten().collect();
    for env in served.into_values() {
        telemetry::flush_now(&env);
    }
    Ok(())
}

/// What to do with a message.
enum Next {
    /// Acknowledge it: it leaves the queue.
    Done,
    /// Retry it after this many seconds, or move it to the dead letter queue.
    Again(u32),
}

fn acknowledge(raw: &RawMessage, next: &Next) {
    match next {
        Next::Done => raw.ack(),
        Next::Again(seconds) => {
            let options = QueueRetryOptionsBuilder::new()
                .with_delay_seconds(*seconds)
                .build();
            raw.retry_with_options(&options);
        }
    }
}

fn read(raw: &RawMessage) -> Option<Message> {
    serde_wasm_bindgen::from_value(raw.body()).ok()
}

async fn fulfil(message: &Message, env: &Env) -> Next {
    let claimed: Option<Claimed> = match ask(message, env, Call::Claim).await {
        Ok(claimed) => claimed,
        Err(error) => return unreachable(message, &error),
    };
    // The event is already confirmed: its message was sent twice.
    let Some(claimed) = claimed else {
        return Next::Done;
    };
    if let Err(not_taken) = deliver(env, &message.event_id, &claimed).await {
        let mut about = about(message, &not_taken.reason);
        if let Some(traceparent) = &claimed.traceparent {
            about.push(("trace_id", trace::trace_id(traceparent).into()));
        }
        log::error("fulfilment_failed", &about);
        count(env, |tally| tally.attempted("failed"));
        let response = LastResponse {
            status: not_taken.status.map(i64::from),
            reason: not_taken.reason,
            at: now_ms(),
        };
        let failed = |event| {
            Call::Failed(FailedAttempt {
                event,
                response: Some(response),
            })
        };
        return match ask(message, env, failed).await {
            Ok(seconds) => Next::Again(seconds),
            Err(error) => unreachable(message, &error),
        };
    }
    match ask::<()>(message, env, Call::Confirm).await {
        Ok(()) => {
            let happened_at = verify::created_at(&claimed.body).or(claimed.received_at);
            count(env, |tally| {
                tally.attempted("confirmed");
                if let Some(at) = happened_at {
                    tally.confirmed_after(now_ms().saturating_sub(at));
                }
            });
            Next::Done
        }
        Err(error) => unreachable(message, &error),
    }
}

async fn dead_letter(message: &Message, env: &Env) -> Next {
    match ask::<bool>(message, env, Call::DeadLetter).await {
        Ok(dead_lettered) => {
            if dead_lettered {
                count(env, |tally| tally.attempted("dead"));
                let reason = if config::out(env).is_some() {
                    "the queue gave up; it goes out again once its merchant can be used"
                } else {
                    "the queue gave up; replay it when fulfillment works again"
                };
                log::error("fulfilment_dead", &about(message, reason));
            }
            Next::Done
        }
        Err(error) => unreachable(message, &error),
    }
}

async fn ask<T: DeserializeOwned>(
    message: &Message,
    env: &Env,
    call: impl FnOnce(EventKey) -> Call,
) -> std::result::Result<T, LedgerError> {
    if let Some(sent) = message.shards
        && sent != client::shards(env)?
    {
        return Err(LedgerError::Shards(format!(
            "the message counts {sent} shards: LEDGER_SHARDS must be what it was when the first event was stored"
        )));
    }
    let call = call(EventKey {
        invoice_id: message.invoice_id.clone(),
        event_id: message.event_id.clone(),
    });
    client::call(env, &message.merchant, &message.invoice_id, call).await
}

fn unreachable(message: &Message, error: &LedgerError) -> Next {
    log::error("ledger_unreachable", &about(message, &error.to_string()));
    Next::Again(UNREACHABLE_SECONDS)
}

/// Returns the fields of a log line about a message. If there are several merchants, they include
/// the merchant.
fn about(message: &Message, reason: &str) -> Vec<(&'static str, serde_json::Value)> {
    let mut fields = vec![
        ("invoice_id", message.invoice_id.as_str().into()),
        ("event_id", message.event_id.as_str().into()),
        ("reason", reason.into()),
    ];
    if !message.merchant.is_empty() {
        fields.push(("merchant", message.merchant.as_str().into()));
    }
    fields
}
