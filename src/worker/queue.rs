//! The consumers of the two queues. Each message stands for itself: one that cannot be read or delivered holds up no other.

use futures_util::future::join_all;
use js_sys::Reflect;
use serde::{Deserialize, Serialize};
use wasm_bindgen::JsValue;
use worker::{Env, MessageBatch, MessageExt, QueueRetryOptionsBuilder, RawMessage, Result};

use super::fulfilment::deliver;
use super::invoice_object::{Claimed, InvoiceCall};
use super::{config, log, objects};

/// What the names of dead letter queues end in.
const DEAD_LETTER_SUFFIX: &str = "-dead";
/// When to try again while the object of the invoice cannot be reached, in seconds.
const UNREACHABLE_SECONDS: u32 = 5;

/// A message: only where to find the event. A queue refuses more than 128,000 bytes.
#[derive(Serialize, Deserialize)]
pub struct Message {
    /// The invoice.
    pub invoice_id: String,
    /// The event.
    pub event_id: String,
}

impl Message {
    fn read(body: &JsValue) -> Option<Self> {
        let field = |name: &str| Reflect::get(body, &name.into()).ok()?.as_string();
        Some(Self {
            invoice_id: field("invoice_id")?,
            event_id: field("event_id")?,
        })
    }
}

/// Consumes a batch of either queue: of the dead letter queue where the queue's name ends in `-dead`, otherwise of events for
/// fulfilment. Acknowledges every message for itself.
///
/// # Errors
/// Never: what fails is retried message by message.
pub async fn handle_queue<T>(batch: MessageBatch<T>, env: Env) -> Result<()> {
    let dead = batch.queue().ends_with(DEAD_LETTER_SUFFIX);
    let env = &env;
    let work = batch.raw_iter().map(|raw| async move {
        let next = match Message::read(&raw.body()) {
            // Nobody will ever be able to read it; if it was ours, the outbox sends it again.
            None => {
                log::error("message_undecodable", &[("message_id", raw.id().into())]);
                Next::Done
            }
            Some(message) if dead => bury(&message, env).await,
            Some(message) => fulfil(&message, env).await,
        };
        settle(&raw, &next);
    });
    join_all(work).await;
    Ok(())
}

/// What becomes of a message.
enum Next {
    /// It leaves the queue.
    Done,
    /// It comes again after so many seconds, or goes to the dead letter queue.
    Again(u32),
}

fn settle(raw: &RawMessage, next: &Next) {
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

async fn fulfil(message: &Message, env: &Env) -> Next {
    let claimed: Option<Claimed> =
        match ask(message, env, |event_id| InvoiceCall::Claim { event_id }).await {
            Ok(claimed) => claimed,
            Err(error) => return unreachable(message, &error),
        };
    // Confirmed already: a message that was sent twice.
    let Some(claimed) = claimed else {
        return Next::Done;
    };
    if let Err(reason) = deliver(env, &message.event_id, &claimed).await {
        log::error("fulfilment_failed", &about(message, &reason));
        return match ask(message, env, |event_id| InvoiceCall::Failed { event_id }).await {
            Ok(seconds) => Next::Again(seconds),
            Err(error) => unreachable(message, &error),
        };
    }
    match ask::<()>(message, env, |event_id| InvoiceCall::Confirm { event_id }).await {
        Ok(()) => Next::Done,
        Err(error) => unreachable(message, &error),
    }
}

async fn bury(message: &Message, env: &Env) -> Next {
    match ask::<bool>(message, env, |event_id| InvoiceCall::Bury { event_id }).await {
        Ok(buried) => {
            if buried {
                log::error(
                    "fulfilment_dead",
                    &about(
                        message,
                        "the queue gave up; replay it when fulfilment works again",
                    ),
                );
            }
            Next::Done
        }
        Err(error) => unreachable(message, &error),
    }
}

async fn ask<Answer: serde::de::DeserializeOwned>(
    message: &Message,
    env: &Env,
    call: impl FnOnce(String) -> InvoiceCall,
) -> Result<Answer> {
    let call = call(message.event_id.clone());
    objects::call(env, config::INVOICES, &message.invoice_id, &call).await
}

fn unreachable(message: &Message, error: &worker::Error) -> Next {
    log::error("object_unreachable", &about(message, &error.to_string()));
    Next::Again(UNREACHABLE_SECONDS)
}

fn about<'m>(message: &'m Message, reason: &'m str) -> [(&'static str, serde_json::Value); 3] {
    [
        ("invoice_id", message.invoice_id.as_str().into()),
        ("event_id", message.event_id.as_str().into()),
        ("reason", reason.into()),
    ]
}
